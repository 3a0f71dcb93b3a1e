#!/usr/bin/env python3
"""usage: plot_scaling_test.py SCRIPTS_FOLDER"""
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1)) / "plot_scaling.py"
SPEC = importlib.util.spec_from_file_location("plot_scaling", SCRIPT)
plot_scaling = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(plot_scaling)


class PlotScaling(unittest.TestCase):
    def test_reference_is_the_best_own_single_thread(self):
        strategies = {"serial": {"s": {1: 4.0}}, "openmp": {"s": {1: 3.0, 2: 1.0}}, "onednn_plain": {"s": {1: 1.0}}}
        self.assertEqual(plot_scaling.best_single_thread(strategies), {"s": 3.0})

    def test_speedups_are_geometric_means(self):
        curve = plot_scaling.speedups({"a": {2: 1.0}, "b": {2: 4.0}}, {"a": 4.0, "b": 4.0})
        self.assertAlmostEqual(curve[2], 2.0)

    def test_serial_fraction_of_amdahls_law(self):
        fraction = 0.1
        curve = {p: 1 / (fraction + (1 - fraction) / p) for p in (1, 2, 4, 8)}
        self.assertAlmostEqual(plot_scaling.serial_fraction(curve), fraction)
        self.assertIsNone(plot_scaling.serial_fraction({2: 1.5}))

    def test_weak_scaling_counts_the_work_that_grows_with_the_threads(self):
        row = {"op": "o", "mode": "m", "layout": "l", "dtype": "d", "cache": "c", "isa": "i", "variant": "std",
               "partition": "auto", "schedule": "auto", "reduction": "auto", "shape": "s", "ms_median": 5.0, "threads": 2}
        for scaling, time in (("strong", 5.0), ("weak", 2.5)):
            table = plot_scaling.problems([{**row, "scaling": scaling}])
            self.assertEqual(table["o", "m", "l", "d", "c", "i", scaling], {"std": {"s": {2: time}}})

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "matplotlib is not installed")
    def test_pictures_of_both_kinds_in_both_formats(self):
        row = {"op": "o", "mode": "m", "layout": "l", "dtype": "d", "cache": "c", "isa": "i", "status": "ok",
               "partition": "auto", "schedule": "auto", "reduction": "auto", "shape": "s"}
        rows = [{**row, "variant": variant, "threads": threads, "ms_median": 4.0 / threads}
                for variant in ("serial", "std", "tbb") for threads in (1, 2)]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
            subprocess.run([sys.executable, SCRIPT, folder], check=True)
            pictures = {picture.name for picture in path.glob("*.*g")}
        stems = ("scaling_o_m_l_d_c_i_strong", "heat_map_2_o_m_l_d_c_i_strong")
        self.assertEqual(pictures, {stem + suffix for stem in stems for suffix in (".png", ".svg")})

    def test_named_strategies_have_lines_of_their_own(self):
        row = {"variant": "openmp", "partition": "batch", "schedule": "auto", "reduction": "owner"}
        self.assertEqual(plot_scaling.strategy_of(row), "openmp batch owner")


if __name__ == "__main__":
    unittest.main()
