#!/usr/bin/env python3
"""Self-test of check_symbols.py on a library compiled here.

usage: check_symbols_test.py COMPILER
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import check_symbols

COMPILER = "c++"
CODE = """
namespace n { void shown() {} }
extern "C" void also_shown() {}
__attribute__((visibility("hidden"))) void hidden() {}
"""


class CheckSymbols(unittest.TestCase):
    def faults(self, *listed):
        """Faults of the library under a list."""
        with tempfile.TemporaryDirectory() as folder:
            source, library, names = (pathlib.Path(folder, name) for name in ("code.cpp", "code.so", "list"))
            source.write_text(CODE, encoding="utf-8")
            subprocess.run([COMPILER, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
            names.write_text("".join(f"{name}\n" for name in listed), encoding="utf-8")
            return check_symbols.check(str(library), names)

    def test_the_right_list_passes(self):
        self.assertEqual(self.faults("also_shown", "n::shown()"), [])

    def test_a_symbol_too_many_is_found(self):
        self.assertEqual(self.faults("also_shown"), ["not in list: n::shown()"])

    def test_a_missing_symbol_is_found(self):
        self.assertEqual(self.faults("also_shown", "n::shown()", "hidden()"), ["not exported: hidden()"])


if __name__ == "__main__":
    COMPILER = sys.argv.pop(1)
    unittest.main()
