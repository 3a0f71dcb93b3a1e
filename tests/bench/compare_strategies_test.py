#!/usr/bin/env python3
"""usage: compare_strategies_test.py SCRIPTS_FOLDER"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1)) / "compare_strategies.py"


def row(shape, ms, partition="auto", reduction="auto", status="ok"):
    return {"op": "conv2d_backward_weight", "mode": "default", "shape": shape, "layout": "nchw", "dtype": "f32",
            "variant": "openmp", "partition": partition, "schedule": "auto", "reduction": reduction, "isa": "avx2",
            "threads": 2, "cache": "warm", "status": status, "ms_median": ms}


class CompareStrategies(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_folder(self, name, *rows):
        path = self.folder / name
        path.mkdir()
        (path / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        return str(path)

    def compared(self, *folders, status=0):
        process = subprocess.run([sys.executable, SCRIPT, *folders], capture_output=True, text=True, check=False)
        self.assertEqual(process.returncode, status, process.stderr)
        return process.stdout

    def test_one_run_is_compared_with_its_own_fastest(self):
        text = self.compared(self.run_folder("1", row("a_1", 1.0), row("a_1", 0.98, "batch"), row("a_1", 3.0, "channel"),
                                             row("a_1", 0.5, "spatial", status="unsupported")))
        self.assertIn("| a | `conv2d_backward_weight` | 1 | 1.020 | 1.020 |", text)
        self.assertIn("| 1.020 | a_1 | `conv2d_backward_weight` | nchw | 2 | batch, auto, auto |", text)

    def test_the_fastest_is_chosen_by_the_other_runs(self):
        # Noise makes another strategy the fastest of each run; the other run knows that it is not.
        first = self.run_folder("1", row("a_1", 1.0), row("a_1", 0.8, "batch"), row("a_1", 1.0, "channel"))
        second = self.run_folder("2", row("a_1", 1.0), row("a_1", 1.0, "batch"), row("a_1", 0.8, "channel"))
        self.assertIn("| **all** | | 1 | **1.000** | 1.000 |", self.compared(first, second))

    def test_costs_beyond_the_bounds_end_with_1(self):
        self.compared(self.run_folder("all", row("a_1", 1.05), row("a_1", 1.0, "batch")), status=1)
        cheap = [r for i in range(40) for r in (row(f"b_{i}", 1.0), row(f"b_{i}", 1.0, "batch"))]
        dear = [row("c_1", 1.2), row("c_1", 1.0, reduction="owner")]
        self.compared(self.run_folder("cheap", *cheap))
        self.compared(self.run_folder("family", *cheap, *dear), status=1)

    def test_results_without_named_strategies_are_an_error(self):
        process = subprocess.run([sys.executable, SCRIPT, self.run_folder("1", row("a_1", 1.0))], capture_output=True,
                                 text=True, check=False)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("named strategy", process.stderr)


if __name__ == "__main__":
    unittest.main()
