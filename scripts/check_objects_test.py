#!/usr/bin/env python3
"""Self-test of check_objects.py on objects compiled here: good ones pass, leaks and spills are found.

usage: check_objects_test.py COMPILER
"""
import pathlib
import sys
import tempfile
import unittest

import check_objects

COMPILER = "g++"
VECTOR_FLAGS = ["-mavx2", "-mfma"]

# A tile of ACCUMULATORS vectors: 8 fit the 16 registers of AVX2, 24 do not.
TILE = """
#include <immintrin.h>
namespace backgrad::avx2 {
namespace {
template <int count>
__attribute__((noinline)) void tile(const float* a, const float* b, float* c, long depth) {
    __m256 sum[count];
#pragma GCC unroll 32
    for (int i = 0; i < count; ++i) sum[i] = _mm256_loadu_ps(c + 8 * i);
    for (long k = 0; k < depth; ++k) {
        const __m256 x = _mm256_loadu_ps(b + 8 * k);
#pragma GCC unroll 32
        for (int i = 0; i < count; ++i) sum[i] = _mm256_fmadd_ps(_mm256_set1_ps(a[count * k + i]), x, sum[i]);
    }
#pragma GCC unroll 32
    for (int i = 0; i < count; ++i) _mm256_storeu_ps(c + 8 * i, sum[i]);
}
}
extern void (*const table)(const float*, const float*, float*, long);
void (*const table)(const float*, const float*, float*, long) = tile<ACCUMULATORS>;
}
"""


class CheckObjects(unittest.TestCase):
    def faults(self, isa, code, flags=()):
        """Faults of one compiled piece of code."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder, "code.cpp"), pathlib.Path(folder, "code.o")
            source.write_text(code, encoding="utf-8")
            check_objects.run(COMPILER, "-std=c++20", "-O3", *flags, "-c", str(source), "-o", str(target))
            return check_objects.check_isa(isa, [str(target)])[1]

    def tile_faults(self, accumulators):
        return self.faults("avx2", TILE.replace("ACCUMULATORS", str(accumulators)), VECTOR_FLAGS)

    def test_tile_in_registers_passes(self):
        self.assertEqual(self.tile_faults(8), [])

    def test_spilling_tile_is_found(self):
        found = self.tile_faults(24)
        self.assertTrue(found)
        self.assertTrue(all("vector spill" in fault for fault in found), found)

    def test_missing_tile_is_found(self):
        found = self.faults("avx2", "namespace backgrad::avx2 { int table; }", VECTOR_FLAGS)
        self.assertEqual(len(found), 1, found)
        self.assertIn("no register tile found", found[0])

    def test_hidden_helper_passes(self):
        code = "namespace backgrad::scalar { namespace { int f() { return 1; } } extern int table; int table = f(); }"
        self.assertEqual(self.faults("scalar", code), [])

    def test_weak_symbol_is_found(self):
        found = self.faults("scalar", "inline int shared() { return 1; } "
                                      "namespace backgrad::scalar { extern int (*table)(); int (*table)() = shared; }")
        self.assertEqual(len(found), 1, found)
        self.assertIn("shared() (kind W)", found[0])

    def test_symbol_of_another_isa_is_found(self):
        found = self.faults("scalar", "namespace backgrad::avx2 { int table; }")
        self.assertEqual(len(found), 1, found)
        self.assertIn("backgrad::avx2::table (kind B)", found[0])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        COMPILER = sys.argv.pop(1)
    unittest.main()
