#!/usr/bin/env python3
"""What the benchmark writes: one row per cell with all keys, equal bits under equal checksums, a context.

usage: results_test.py BACKGRAD_BENCH
"""
import json
import os
import unittest

from driver import QUICK, BenchmarkTest

KEYS = ("op mode shape layout dtype variant partition schedule reduction isa threads cache scaling status ms_median ms_min "
        "ms_iqr gflops gbps percent_of_roof bytes_saved repetitions checksum").split()
FIGURES = "ms_median ms_min ms_iqr gflops gbps percent_of_roof bytes_saved repetitions".split()
CONV2D = "name,n,g,ic,ih,iw,oc,kh,kw,s,p,d\nsmall,2,1,5,9,7,6,3,3,1,1,1\n"
POOL2D = "name,n,c,h,w,k,s,p\npool,2,3,9,8,3,2,1\n"
ACTIVATION = "name,n,c,h,w\nact,2,3,5,7\n"
BLOCK = ("name,n,g,ic,ih,iw,oc,kh,kw,s,p,d,act,pool,pk,ps,pp\n"
         "relu_max,2,1,5,9,7,6,3,3,1,1,1,relu,max,2,2,0\ntanh_avg,2,1,5,9,7,6,3,3,1,1,1,tanh,avg,3,2,1\n"
         "alone,2,1,5,9,7,6,3,3,1,1,1,none,none,1,1,0\n")


class Results(BenchmarkTest):
    def measured(self, *arguments, **environment):
        process = self.bench(*arguments, "--out", "out put", *QUICK, **environment)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(process.stdout.splitlines()[-1], "results: out put")
        self.process = process
        return self.rows("out put")

    def test_every_operation_has_rows_with_every_key(self):
        files = [self.write("c.csv", CONV2D), self.write("p.csv", POOL2D), self.write("a.csv", ACTIVATION)]
        rows = self.measured("--shapes", ",".join(files), "--variants", "naive,serial", "--threads", "1")
        self.assertEqual(len({row["op"] for row in rows}), 7)
        self.assertEqual(len(rows), 14)
        for row in rows:
            self.assertEqual(list(row), KEYS)
            self.assertEqual(row["status"], "ok")
            self.assertEqual(row["repetitions"], 2)
            self.assertLessEqual(row["ms_min"], row["ms_median"])
            self.assertGreater(row["gbps"], 0)
            self.assertGreater(row["percent_of_roof"], 0)

    def test_blocks_have_the_bits_of_their_separate_operations_and_save_bytes(self):
        rows = self.measured("--shapes", self.write("b.csv", BLOCK), "--variants", "naive,serial,openmp,tbb,separate",
                             "--threads", "2", "--layouts", "nchw,nhwc")
        self.assertEqual({row["status"] for row in rows}, {"ok"})
        for shape, between in (("relu_max", 4 * 2 * 6 * 9 * 7 * 4), ("tanh_avg", 4 * 2 * 6 * 9 * 7 * 4), ("alone", 0)):
            ours = [row for row in rows if row["shape"] == shape and row["variant"] != "naive"]
            self.assertEqual(len({row["checksum"] for row in ours if row["layout"] == "nchw"}), 1)
            self.assertEqual({row["bytes_saved"] for row in ours if row["variant"] != "separate"}, {between})
            self.assertEqual({row["bytes_saved"] for row in ours if row["variant"] == "separate"}, {0})

    def test_equal_bits_show_as_equal_checksums(self):
        rows = self.measured("--shapes", self.write("c.csv", CONV2D), "--threads", "1,2,3", "--variants",
                             "serial,openmp,tbb,std,callback", "--schedules", "static,auto")
        for op in {row["op"] for row in rows}:
            self.assertEqual(len({row["checksum"] for row in rows if row["op"] == op}), 1, op)
        # Schedules make rows of all but serial and the caller's own pool.
        self.assertEqual(len(rows), 3 * 3 * (3 * 2 + 2))

    def test_rows_say_what_was_asked_for(self):
        rows = self.measured("--shapes", self.write("c.csv", CONV2D), "--batch", "3", "--threads", "2", "--layouts",
                             "nhwc", "--dtypes", "f64", "--isas", "scalar", "--ops", "conv2d_backward_input",
                             "--variants", "naive")
        self.assertEqual([(r["layout"], r["dtype"], r["isa"], r["threads"], r["shape"], r["cache"]) for r in rows],
                         [("nhwc", "f64", "scalar", 2, "small", "warm")])

    def test_modes(self):
        rows = self.measured("--shapes", self.write("p.csv", POOL2D) + "," + self.write("a.csv", ACTIVATION), "--modes",
                             "tanh,from_input,from_indices", "--variants", "naive", "--threads", "1")
        modes = {(row["op"], row["mode"]) for row in rows}
        self.assertEqual(modes, {("activation_backward", "tanh"), ("max_pool2d_backward", "from_input"),
                                 ("max_pool2d_backward", "from_indices"),
                                 ("avg_pool2d_backward", "exclude_padding"),
                                 ("global_avg_pool2d_backward", "default")})

    def test_what_a_variant_cannot_do_is_a_row_without_figures(self):
        rows = self.measured("--shapes", self.write("c.csv", CONV2D), "--variants", "openmp", "--schedules",
                             "tbb_simple", "--threads", "1", "--ops", "conv2d_backward")
        self.assertEqual([row["status"] for row in rows], ["unsupported"])
        self.assertEqual({rows[0][key] for key in [*FIGURES, "checksum"]}, {None})

    def test_filter_and_progress(self):
        rows = self.measured("--shapes", "lenet", "--batch", "1", "--variants", "naive,serial", "--threads", "1",
                             "--benchmark_filter=lenet_pool1/.*/naive/")
        self.assertEqual({row["shape"] for row in rows}, {"lenet_pool1"})
        self.assertEqual(len(rows), 3)
        self.assertIn("[3/3] ETA 0:00", self.process.stderr)

    def test_cold_cells_are_marked(self):
        rows = self.measured("--shapes", self.write("a.csv", "name,n,c,h,w\nact,16,64,128,128\n"), "--variants",
                             "naive", "--threads", "1", "--cache", "cold")
        self.assertEqual([(row["cache"], row["status"]) for row in rows], [("cold", "ok")])

    def test_launches_are_measured_beside_a_bare_region_where_they_are_asked_for(self):
        rows = self.measured("--ops", "launch", "--threads", "2", "--schedules", "static")
        statuses = {row["variant"]: row["status"] for row in rows}
        self.assertEqual(set(statuses), {"serial", "openmp", "tbb", "std", "callback", "bare"})
        self.assertEqual(set(statuses.values()), {"ok"})
        self.assertEqual({row["shape"] for row in rows}, {"empty"})
        for row in rows:
            self.assertGreater(row["ms_min"], 0)

    def test_weak_scaling_multiplies_the_batch_by_the_threads(self):
        rows = self.measured("--shapes", self.write("c.csv", CONV2D), "--variants", "naive,std", "--threads", "1,3",
                             "--ops", "conv2d_backward", "--scaling", "strong,weak")
        checksums = {(r["scaling"], r["threads"]): r["checksum"] for r in rows if r["variant"] == "std"}
        self.assertEqual(len(checksums), 4)
        self.assertEqual(checksums["strong", 1], checksums["strong", 3])
        self.assertNotEqual(checksums["weak", 1], checksums["weak", 3])
        gflop = {(r["scaling"], r["threads"]): r["gflops"] * r["ms_median"] for r in rows if r["variant"] == "std"}
        self.assertAlmostEqual(gflop["weak", 3] / gflop["weak", 1], 3)
        self.assertAlmostEqual(gflop["strong", 3] / gflop["strong", 1], 1)
        self.assertIn("serial", self.process.stdout)

    @unittest.skipIf(os.cpu_count() >= 48, "this machine has as many")
    def test_more_threads_than_cpus_are_warned_of(self):
        self.measured("--shapes", self.write("a.csv", ACTIVATION), "--variants", "naive", "--threads", "48")
        self.assertIn("48 threads", self.process.stderr)

    def test_context(self):
        self.measured("--shapes", self.write("a.csv", ACTIVATION), "--variants", "naive", "--threads", "1",
                      OMP_WAIT_POLICY="passive")
        with open(os.path.join(self.folder, "out put", "context.json"), encoding="utf-8") as file:
            context = json.load(file)
        self.assertEqual(context["environment"]["OMP_WAIT_POLICY"], "passive")
        self.assertGreater(context["machine"]["cores"], 0)
        for key in ("compiler", "flags", "git_revision"):
            self.assertIn(key, context["build"])
        self.assertEqual([(roof["threads"], roof["dtype"]) for roof in context["roofs"]], [(1, "f32")])
        self.assertGreater(context["roofs"][0]["peak_gflops"], 0)
        self.assertGreater(context["roofs"][0]["triad_gbps"], 0)

    def test_affinity_goes_to_the_workers_alone(self):
        self.measured("--shapes", self.write("a.csv", ACTIVATION), "--variants", "naive", "--threads", "1",
                      OMP_PROC_BIND="spread")
        with open(os.path.join(self.folder, "out put", "context.json"), encoding="utf-8") as file:
            context = json.load(file)
        self.assertEqual(context["machine"]["allowed_cpus"], sorted(os.sched_getaffinity(0)))
        self.assertEqual([worker["environment"]["OMP_PROC_BIND"] for worker in context["workers"]], ["spread", "false"])

    def test_table_compares_with_serial(self):
        self.measured("--shapes", self.write("c.csv", CONV2D), "--variants", "serial,openmp", "--threads", "2", "--ops",
                      "conv2d_backward")
        self.assertIn("vs serial", self.process.stdout)
        self.assertIn("small", self.process.stdout)
        self.assertIn("1.00x", self.process.stdout)


if __name__ == "__main__":
    unittest.main()
