#!/usr/bin/env python3
"""Self-test of check_layers.py: a good tree passes, and each way to break it is found and named."""
import pathlib
import tempfile
import unittest

import check_layers

GOOD_TREE = {
    "include/backgrad/conv2d.hpp": "#include <backgrad/types.hpp>\n#include <cstddef>\n",
    "include/backgrad/tbb.hpp": "#include <tbb/task_arena.h>\n",
    "src/ops/conv2d.cpp": '#include "isa/isa.hpp"\n#include "plan/conv2d.hpp"\n#include "threads/make_executor.hpp"\n',
    "src/plan/conv2d.hpp": "#include <vector>\n",
    "src/threads/openmp.cpp": "#include <omp.h>\n#pragma omp parallel\n",
    "src/threads/tbb.cpp": "#include <tbb/parallel_for.h>\n#include <tbb/task_arena.h>\n",
    "src/isa/isa.hpp": '#include "kernels/kernel_table.hpp"\n',
    "src/kernels/kernel_table.hpp": "#include <type_traits>\n",
    "src/kernels/tile.cpp": '#include "simd/vec.hpp"\n#include <cstdint>\n// _mm256_add_ps is for simd/\n',
    "src/simd/vec.hpp": "#include <immintrin.h>\n__m256 value;\n",
}


class CheckLayers(unittest.TestCase):
    def faults(self, **changes):
        """The faults of the good tree with some files replaced or added."""
        tree = GOOD_TREE | {path.replace("__", "/") + ".cpp": text for path, text in changes.items()}
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in tree.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            return check_layers.check(root)

    def assert_fault(self, place, word, **changes):
        found = self.faults(**changes)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(place), found)
        self.assertIn(word, found[0])

    def test_good_tree_passes(self):
        self.assertEqual(self.faults(), [])

    def test_upward_includes(self):
        upward = [("plan", "ops"), ("threads", "ops"), ("isa", "ops"), ("kernels", "isa"), ("simd", "kernels")]
        for floor, target in upward:
            with self.subTest(floor=floor, target=target):
                change = {f"src__{floor}__bad": f'\n#include "{target}/thing.hpp"\n'}
                self.assert_fault(f"src/{floor}/bad.cpp:2", f"{target}/thing.hpp", **change)

    def test_sideways_includes(self):
        for floor, target in [("plan", "threads"), ("threads", "plan"), ("isa", "threads"), ("kernels", "plan")]:
            with self.subTest(floor=floor, target=target):
                change = {f"src__{floor}__bad": f'#include "{target}/thing.hpp"\n'}
                self.assert_fault(f"src/{floor}/bad.cpp:1", f"{target}/thing.hpp", **change)

    def test_skipped_floor(self):
        self.assert_fault("src/ops/bad.cpp:1", "simd/vec.hpp", src__ops__bad='#include "simd/vec.hpp"\n')

    def test_include_without_a_floor(self):
        self.assert_fault("src/plan/bad.cpp:1", "shape.hpp", src__plan__bad='#include "shape.hpp"\n')

    def test_unknown_floor(self):
        self.assert_fault("src/util/bad.cpp:1", "floors", src__util__bad="int x;\n")

    def test_second_openmp_file(self):
        self.assert_fault("src:", "omp.h", src__threads__pool="#include <omp.h>\n")

    def test_second_tbb_file(self):
        self.assert_fault("src:", "tbb/", src__threads__pool="#include <oneapi/tbb/info.h>\n")
        self.assert_fault("src:", "tbb/", src__threads__pool="#include <backgrad/tbb.hpp>\n")

    def test_no_openmp_file(self):
        tree = {"src__threads__openmp": "int x;\n"}
        self.assert_fault("src:", "found in none", **tree)

    def test_pragma_outside_threads(self):
        self.assert_fault("src/ops/bad.cpp:1", "#pragma omp", src__ops__bad="#pragma omp parallel for\n")

    def test_intrinsics_outside_simd(self):
        self.assert_fault("src/ops/bad.cpp:1", "immintrin.h", src__ops__bad="#include <immintrin.h>\n")
        self.assert_fault("src/kernels/bad.cpp:1", "_mm_pause", src__kernels__bad="void f() { _mm_pause(); }\n")
        self.assert_fault("src/ops/bad.cpp:1", "__m512", src__ops__bad="__m512 x;\n")

    def test_standard_headers_of_kernels(self):
        self.assert_fault("src/kernels/bad.cpp:1", "algorithm", src__kernels__bad="#include <algorithm>\n")
        self.assert_fault("src/kernels/bad.cpp:1", "types.hpp", src__kernels__bad="#include <backgrad/types.hpp>\n")
        self.assert_fault("src/simd/bad.cpp:1", "cmath", src__simd__bad="#include <cmath>\n")

    def test_public_headers(self):
        for header in ("<omp.h>", "<tbb/task_arena.h>", "<backgrad/tbb.hpp>", "<immintrin.h>", '"ops/validate.hpp"'):
            with self.subTest(header=header):
                change = {"include__backgrad__bad": f"#include {header}\n"}
                self.assert_fault("include/backgrad/bad.cpp:1", header[1:-1], **change)


if __name__ == "__main__":
    unittest.main()
