#!/usr/bin/env python3
"""Self-test of check_repository.py: a good repository passes, and each way to spoil it is found and named."""
import pathlib
import tempfile
import unittest

import check_repository

EXAMPLE = "int main() {}\n"


class CheckRepository(unittest.TestCase):
    def faults(self, files, executable=()):
        """The faults of a repository with an example, its README and the given files."""
        tree = {"README.md": f"# Title\n\n```cpp\n{EXAMPLE}```\n", "examples/readme_example.cpp": EXAMPLE} | files
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in tree.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
                (root / name).chmod(0o755 if name in executable else 0o644)
            return check_repository.check(root)

    def assert_fault(self, expected, files, executable=()):
        found = self.faults(files, executable)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(expected), found)

    def test_good_repository_passes(self):
        files = {"run.sh": "#!/bin/sh\n", "notes.md": "Relative: build/home/x, ${ROOT}/wo" "rk/x, /usr/bin/python3\n"}
        self.assertEqual(self.faults(files, executable=["run.sh"]), [])

    def test_paths_of_one_machine(self):
        for path in ("ho" "me/someone/x", "wo" "rk/main", "ro" "ot/.ssh"):
            self.assert_fault("notes.md:2: a path of one machine", {"notes.md": f"\nSee /{path}.\n"})

    def test_notes_to_self(self):
        self.assert_fault("a.cpp:1: a note to self", {"a.cpp": "// TO" "DO: later\n"})

    def test_conflict_markers(self):
        self.assert_fault("a.cpp:1: a conflict marker", {"a.cpp": "<<<<<<< " "HEAD\n"})

    def test_script_that_does_not_start(self):
        self.assert_fault("run.sh:1: starts with #!", {"run.sh": "#!/bin/sh\n"})

    def test_text_that_claims_to_start(self):
        self.assert_fault("notes.md:1: is executable", {"notes.md": "text\n"}, executable=["notes.md"])

    def test_example_that_differs(self):
        self.assert_fault("README.md: the first C++ block", {"README.md": "```cpp\nint main() { return 1; }\n```\n"})

    def test_readme_without_example(self):
        self.assert_fault("README.md: the first C++ block", {"README.md": "# Title\n"})


if __name__ == "__main__":
    unittest.main()
