"""Runs the benchmark for the tests."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
QUICK = ("--benchmark_min_time=0.0001", "--benchmark_repetitions=2")


class BenchmarkTest(unittest.TestCase):
    """A test with a folder of its own, in which the benchmark is called."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="backgrad bench ")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def bench(self, *arguments, **environment):
        return subprocess.run([BINARY, *arguments], cwd=self.folder, env={**os.environ, **environment}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def refused(self, arguments, *words, **environment):
        """The call fails with these words, and neither prints nor leaves anything."""
        before = self.files()
        process = self.bench(*arguments, **environment)
        self.assertEqual(process.returncode, 2, process.stderr)
        for word in words:
            self.assertIn(word, process.stderr)
        self.assertEqual(process.stdout, "")
        self.assertEqual(self.files(), before)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def rows(self, folder):
        with open(os.path.join(self.folder, folder, "results.jsonl"), encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def files(self):
        return sorted(os.listdir(self.folder))
