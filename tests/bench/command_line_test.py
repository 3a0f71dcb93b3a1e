#!/usr/bin/env python3
"""Bad command lines end with a clear message and exit code 2, before anything is written.

usage: command_line_test.py BACKGRAD_BENCH
"""
import os
import unittest

from driver import QUICK, BenchmarkTest

ACTIVATION = "name,n,c,h,w\n"


class CommandLine(BenchmarkTest):
    def test_unknown_names_are_told_with_what_is_known(self):
        for option, known in [("--ops", "conv2d_backward_input"), ("--modes", "leaky_relu"), ("--variants", "naive"),
                              ("--layouts", "nhwc"), ("--dtypes", "f64"), ("--isas", "avx2"), ("--cache", "cold"),
                              ("--scaling", "weak"),
                              ("--partitions", "batch_channel"), ("--schedules", "guided"), ("--reductions", "owner"),
                              ("--shapes", "resnet50")]:
            with self.subTest(option):
                self.refused([option, "bogus"], option, known, "bogus")

    def test_an_empty_name_is_unknown(self):
        self.refused(["--variants", "serial,,naive"], "--variants")

    def test_numbers(self):
        for option in ("--threads", "--batch"):
            for value in ("0", "-1", "two", "1.5", "99999999999"):
                with self.subTest(option + value):
                    self.refused([f"{option}={value}"], option, value)
        self.refused(["--schedules", "dynamic:0"], "--schedules")

    def test_settings_of_the_environment(self):
        for variable, value in [("BACKGRAD_NUM_THREADS", "-3"), ("BACKGRAD_BACKEND", "bogus"),
                                ("BACKGRAD_PARTITION", "bogus"), ("OMP_WAIT_POLICY", "bogus"),
                                ("OMP_PROC_BIND", "close,bogus")]:
            with self.subTest(variable):
                self.refused(["--shapes", "lenet"], variable, value, **{variable: value})

    def test_unknown_options(self):
        self.refused(["--bogus"], "--bogus")
        self.refused(["--benchmark_bogus=1"], "--benchmark_bogus")
        self.refused(["--benchmark_out=file"], "--benchmark_out")
        self.refused(["--benchmark_filter=["], "--benchmark_filter")
        self.refused(["--shapes"], "--shapes")

    def test_nothing_to_measure(self):
        path = self.write("shapes.csv", ACTIVATION + "a,1,1,2,2\n")
        self.refused(["--shapes", path, "--ops", "conv2d_backward"], "--ops")
        self.refused(["--shapes", path, "--benchmark_filter=no_cell_is_called_so"], "--benchmark_filter")

    def test_csv_errors_name_file_and_line(self):
        path = self.write("my shapes.csv", ACTIVATION + "a,1,1,2,2\nb,1,x,2,2\n")
        self.refused(["--shapes", path], path + ":3", "'x'")
        path = self.write("header.csv", "name,n\n")
        self.refused(["--shapes", path], path + ":1", "name,n,c,h,w,k,s,p")
        self.refused(["--shapes", self.folder], "--shapes")
        self.refused(["--shapes", os.path.join(self.folder, "missing.csv")], "missing.csv")

    def test_out_below_a_file_cannot_be_made(self):
        path = self.write("file", "")
        self.refused(["--shapes", "lenet", "--out", os.path.join(path, "results")], "--out")

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_out_in_a_folder_without_permission(self):
        os.mkdir(os.path.join(self.folder, "closed"), 0o500)
        self.refused(["--shapes", "lenet", "--out", "closed/results"], "--out")

    def test_results_are_never_overwritten(self):
        os.mkdir(os.path.join(self.folder, "old"))
        path = self.write("old/results.jsonl", "precious\n")
        self.refused(["--shapes", "lenet", "--out", "old"], "--out", "results.jsonl")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious\n")

    def test_help_and_list_measure_nothing(self):
        self.assertIn("--shapes", self.bench("--help").stdout)
        listed = self.bench("--shapes", "lenet", "--variants", "naive", "--threads", "1", "--benchmark_list_tests")
        self.assertIn("conv2d_backward/default/lenet_conv1/nchw/f32/warm/naive/auto/auto/auto/", listed.stdout)
        self.assertEqual(self.files(), [])

    def test_default_folder_is_new_and_below_the_callers(self):
        self.write("shapes.csv", ACTIVATION + "a,1,1,2,2\n")
        process = self.bench("--shapes", "shapes.csv", "--variants", "naive", "--threads", "1", *QUICK)
        self.assertEqual(process.returncode, 0, process.stderr)
        folder = process.stdout.splitlines()[-1].removeprefix("results: ")
        self.assertEqual(os.path.dirname(folder), "results")
        self.assertEqual(len(self.rows(folder)), 1)


if __name__ == "__main__":
    unittest.main()
