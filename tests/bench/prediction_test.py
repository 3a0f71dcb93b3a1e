#!/usr/bin/env python3
"""Predictions: the keys of their rows, what they are bounded by, and what their options refuse.

usage: prediction_test.py BACKGRAD_BENCH MACHINE_FILE
"""
import json
import os
import sys
import unittest

MACHINE = os.path.abspath(sys.argv.pop(2))

from driver import QUICK, BenchmarkTest  # pylint: disable=wrong-import-position; it takes its own argument

KEYS = ["op", "shape", "layout", "partition", "threads", "tasks", "balance", "partial_bytes", "efficiency"]
CONV2D = "name,n,g,ic,ih,iw,oc,kh,kw,s,p,d\nsmall,4,1,32,14,14,48,3,3,1,1,1\n"
ACTIVATION = "name,n,c,h,w\nact,8,64,56,56\n"


class Predictions(BenchmarkTest):
    def predicted(self, *arguments):
        process = self.bench("--predict", *arguments, "--out", "out")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.process = process
        with open(os.path.join(self.folder, "out", "prediction.jsonl"), encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def test_rows_on_a_machine_that_is_not_here(self):
        rows = self.predicted("--machine", MACHINE, "--threads", "1,2,4,8,16,32,64,128,256", "--shapes",
                              self.write("c.csv", CONV2D) + "," + self.write("a.csv", ACTIVATION), "--partitions",
                              "auto,batch,channel,batch_channel,spatial")
        self.assertEqual(len(rows), 4 * 5 * 9)
        for row in rows:
            self.assertEqual(list(row), KEYS)
            self.assertGreater(row["tasks"], 0)
            self.assertGreater(row["balance"], 0)
            self.assertLessEqual(row["balance"], 1 + 1e-9)
            if row["threads"] == 1 and row["partition"] == "auto":
                self.assertAlmostEqual(row["efficiency"], 1)
            if row["threads"] == 256:  # on 64 cores
                self.assertLess(row["efficiency"], 0.25)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "out", "results.jsonl")))
        self.assertIn("geometric mean", self.process.stdout)

    def test_a_partition_without_partial_sums_has_no_partial_bytes(self):
        rows = self.predicted("--machine", MACHINE, "--threads", "8", "--shapes", self.write("c.csv", CONV2D), "--ops",
                              "conv2d_backward_weight", "--partitions", "channel,batch")
        self.assertEqual({row["partition"]: row["partial_bytes"] > 0 for row in rows},
                         {"channel": False, "batch": True})

    def test_memory_bounds_the_efficiency(self):
        machine = {"cores": 16, "gflops_per_core": 100.0, "gbps_per_socket": 1e9, "sockets": 1}
        arguments = ["--threads", "16", "--shapes", self.write("a.csv", ACTIVATION)]
        fast = self.predicted("--machine", self.write("fast.json", json.dumps(machine)), *arguments)
        machine["gbps_per_socket"] = 1.0
        os.rename(os.path.join(self.folder, "out"), os.path.join(self.folder, "first"))
        slow = self.predicted("--machine", self.write("slow.json", json.dumps(machine)), *arguments)
        self.assertGreater(fast[0]["efficiency"], 0.5)
        self.assertAlmostEqual(slow[0]["efficiency"], 1 / 16, places=2)

    def test_without_a_machine_the_tasks_are_timed_here(self):
        rows = self.predicted("--threads", "1,3", "--shapes", self.write("c.csv", CONV2D), "--ops", "conv2d_backward")
        self.assertEqual([row["threads"] for row in rows], [1, 3])
        self.assertIn("serial time", self.process.stdout)
        for row in rows:
            self.assertGreater(row["efficiency"], 0)

    def test_validation_says_how_far_the_prediction_is_off(self):
        process = self.bench("--validate-prediction", "--threads", "1", "--shapes", self.write("c.csv", CONV2D), "--ops",
                             "conv2d_backward", "--out", "out", *QUICK)
        with open(os.path.join(self.folder, "out", "validation.jsonl"), encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        self.assertEqual(len(rows), 1)
        self.assertAlmostEqual(rows[0]["ratio"], rows[0]["predicted_ms"] / rows[0]["measured_ms"])
        far = "NOT within 10%" in process.stdout
        self.assertEqual(process.returncode, 1 if far else 0)
        self.assertEqual(far, not 1 / 1.1 <= rows[0]["ratio"] <= 1.1)

    def test_a_machine_file_that_makes_no_sense(self):
        good = {"cores": 4, "gflops_per_core": 100, "gbps_per_socket": 50, "sockets": 2}
        for change, word in [({"cores": None}, "cores"), ({"cores": 2.5}, "2.5"), ({"cores": 5}, "multiple"),
                             ({"sockets": 0}, "sockets"), ({"gflops_per_core": "fast"}, "fast"),
                             ({"gbps_per_socket": -1}, "gbps_per_socket"), ({"cache": 1}, "'cache'")]:
            with self.subTest(change):
                machine = {key: value for key, value in {**good, **change}.items() if value is not None}
                path = self.write("machine.json", json.dumps(machine))
                self.refused(["--predict", "--machine", path], "machine.json", word)
        self.refused(["--predict", "--machine", self.write("broken.json", "{")], "--machine", "broken.json")
        self.refused(["--predict", "--machine", "missing.json"], "--machine", "missing.json")

    def test_options_that_do_not_go_together(self):
        self.refused(["--machine", MACHINE], "--machine", "--predict")
        self.refused(["--predict", "--validate-prediction"], "--validate-prediction")
        for option, value in [("--dtypes", "f32,f64"), ("--schedules", "static,dynamic"), ("--variants", "openmp"),
                              ("--reductions", "owner,partials"), ("--cache", "cold"), ("--modes", "relu,tanh")]:
            with self.subTest(option):
                self.refused(["--predict", option, value], option, "--predict")
        self.refused(["--predict", "--ops", "launch"], "--ops", "launch")
        self.refused(["--predict", "--schedules", "dynamic:4"], "--schedules", "chunk")
        self.refused(["--validate-prediction", "--threads", "4096"], "--threads", "4096")


if __name__ == "__main__":
    unittest.main()
