#!/usr/bin/env python3
"""Tuning: the keys of its rows, what holds between them, and what its options refuse.

usage: tuning_test.py BACKGRAD_BENCH
"""
import json
import os
import unittest
from collections import defaultdict

from driver import QUICK, BenchmarkTest

KEYS = ["op", "shape", "layout", "isa", "threads", "blocking", "chosen", "same_bits", "estimated", "status", "median_s",
        "loss"]
SHAPES = """name,n,g,ic,ih,iw,oc,kh,kw,s,p,d
wide,2,1,32,9,9,48,3,3,1,1,1
first,2,1,3,20,20,16,5,5,1,2,1
pointwise,2,1,24,9,9,40,1,1,1,0,1
depthwise,2,24,24,12,12,24,3,3,1,1,1
"""


class Tuning(BenchmarkTest):
    def tuned(self, *arguments):
        process = self.bench("--tune", "--shapes", self.write("shapes.csv", SHAPES), *arguments, "--out", "out", *QUICK)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.process = process
        cells = defaultdict(list)
        with open(os.path.join(self.folder, "out", "tune.jsonl"), encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                self.assertEqual(list(row), KEYS)
                cells[tuple(row[key] for key in KEYS[:5])].append(row)
        return cells

    def check(self, rows):
        """One blocking is the chosen one, the fastest loses nothing, and no name comes twice."""
        self.assertEqual([row["chosen"] for row in rows], [True] + [False] * (len(rows) - 1))
        self.assertTrue(rows[0]["same_bits"])
        self.assertIn(rows[0]["estimated"], (1, None))
        self.assertEqual(len({row["blocking"] for row in rows}), len(rows))
        best = min(row["median_s"] for row in rows)
        for row in rows:
            self.assertEqual(row["status"], "ok")
            self.assertAlmostEqual(row["loss"], row["median_s"] / best - 1)

    def test_every_cell_has_its_blockings(self):
        cells = self.tuned("--threads", "1,2", "--layouts", "nchw,nhwc")
        self.assertEqual(len(cells), 2 * 4 * 2 * 2)
        for rows in cells.values():
            self.check(rows)
            self.assertGreater(len(rows), 1)
            self.assertLessEqual(len(rows), 16)
        for word in ["geometric mean", "wide", "1x1", "few channels", "depthwise", "conv2d_backward_weight"]:
            self.assertIn(word, self.process.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "out", "results.jsonl")))

    def test_fewer_blockings_and_another_back_end(self):
        cells = self.tuned("--threads", "1", "--ops", "conv2d_backward", "--blockings", "3", "--variants", "serial")
        self.assertEqual(len(cells), 4)
        for rows in cells.values():
            self.check(rows)
            self.assertEqual(len(rows), 3)

    def test_options_that_do_not_go_together(self):
        for option, value in [("--modes", "relu"), ("--scaling", "weak"), ("--cache", "cold"), ("--partitions", "batch"),
                              ("--schedules", "dynamic"), ("--reductions", "owner"), ("--dtypes", "f32,f64"),
                              ("--variants", "openmp,serial")]:
            with self.subTest(option):
                self.refused(["--tune", option, value], option, "--tune")
        self.refused(["--tune", "--variants", "naive"], "--variants", "naive")
        self.refused(["--tune", "--ops", "max_pool2d_backward"], "--ops", "max_pool2d_backward")
        self.refused(["--tune", "--predict"], "--tune", "prediction")
        self.refused(["--blockings", "3"], "--blockings", "--tune")
        self.refused(["--tune", "--blockings", "0"], "--blockings", "'0'")


if __name__ == "__main__":
    unittest.main()
