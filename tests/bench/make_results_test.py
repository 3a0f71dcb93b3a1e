#!/usr/bin/env python3
"""usage: make_results_test.py SCRIPTS_FOLDER"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1)) / "make_results.py"
CONTEXT = {"date": "2024-05-06", "machine": {"processor": "P", "sockets": 1, "cores": 2, "usable_cpus": 2, "kernel": "K"},
           "build": {"compiler": "C", "type": "Release", "onednn": "2", "git_revision": "r"},
           "roofs": [{"isa": "avx2", "threads": 1, "dtype": "f32", "peak_gflops": 130.0, "triad_gbps": 20.0}]}


def row(variant, ms, status="ok"):
    figures = {"ms_median": ms, "gflops": 100 / ms, "gbps": 1.0, "percent_of_roof": 50.0}
    return {"op": "conv2d_backward_input", "mode": "default", "shape": "s", "layout": "nchw", "dtype": "f32",
            "variant": variant, "partition": "auto", "schedule": "auto", "reduction": "auto", "isa": "avx2",
            "threads": 1, "cache": "warm", "status": status,
            **(figures if status == "ok" else dict.fromkeys(figures))}


class MakeResults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_folder(self, name, *rows):
        path = self.folder / name
        path.mkdir()
        (path / "context.json").write_text(json.dumps(CONTEXT))
        (path / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        return str(path)

    def made(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=True).stdout

    def test_ratios_and_means_of_runs(self):
        first = self.run_folder("1", row("openmp", 1.0), row("onednn_plain", 2.0), row("onednn_blocked", 1.0))
        second = self.run_folder("2", row("openmp", 4.0), row("onednn_plain", 8.0), row("onednn_blocked", 1.0))
        text = self.made(first, second)
        self.assertIn("| s | 2 | 50.0 | 25.0 | 100.0 | 2.00 | 0.50 | 50 |", text)
        self.assertIn("| **geometric mean** |  |  |  |  | **2.00** | **0.50** |  |", text)
        self.assertIn("| avx2 | 1 | f32 | 130 | 20.0 |", text)

    def test_before_and_missing_peers(self):
        old = self.run_folder("old", row("openmp", 10.0))
        new = self.run_folder("new", row("openmp", 5.0), row("onednn_plain", 1.0, "unsupported"))
        self.assertIn("| s | 5 | 10.0 | 20.0 | - | - | - | - | 50 |", self.made("--before", old, new))

    def test_launches_are_compared_with_the_bare_region_of_the_same_runs(self):
        def launch(variant, ms, schedule="auto"):
            return {**row(variant, ms), "op": "launch", "shape": "empty", "schedule": schedule}
        first = self.run_folder("1", launch("bare", 0.001), launch("openmp", 0.001), launch("std", 0.002, "dynamic"))
        second = self.run_folder("2", launch("bare", 0.004), launch("openmp", 0.009))
        text = self.made(first, second)
        self.assertIn("| avx2 | 1 | openmp | auto | 3 | 1.50 |", text)
        self.assertIn("| avx2 | 1 | std | dynamic | 2 | 1.00 |", text)
        self.assertNotIn("| empty |", text)
        self.assertNotIn("/ bare", self.made(self.run_folder("3", row("openmp", 1.0))))

    def test_missing_folder_is_an_error(self):
        process = subprocess.run([sys.executable, SCRIPT, str(self.folder / "none")], capture_output=True, text=True,
                                 check=False)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("none", process.stderr)


if __name__ == "__main__":
    unittest.main()
