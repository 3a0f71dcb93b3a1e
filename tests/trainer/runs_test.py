#!/usr/bin/env python3
"""Runs of the trainer as a user starts them: it learns, goes on after a kill, and refuses what it cannot use.

usage: runs_test.py TRAINER [TEST...]

Needs Debian's package dataset-fashion-mnist.
"""
import gzip
import json
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

TRAINER = "backgrad_trainer"
METRICS = ["epoch", "loss", "train_accuracy", "test_accuracy", "images_per_second", "forward_seconds",
           "backward_seconds", "total_seconds"]


def command(folder, *options):
    return [TRAINER, "--threads", "2", "--out", str(folder), *map(str, options)]


def metrics(folder):
    path = folder / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def learned(folder):
    """What a run's bits show in: all that was saved but the times."""
    values = (folder / "checkpoint").read_bytes().split(b"\n", 1)[1]
    return values, [(m["epoch"], m["loss"], m["train_accuracy"], m["test_accuracy"]) for m in metrics(folder)]


def idx(sizes, content):
    return struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes) + content


IMAGES = idx([2, 28, 28], bytes(2 * 28 * 28))


class Trainer(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_trainer(self, name, *options):
        folder = self.folder / name
        subprocess.run(command(folder, *options), check=True, stdout=subprocess.DEVNULL)
        return folder

    def test_learns(self):
        """Both libraries compute the same training, and it leads somewhere."""
        final = {}
        for library in ("backgrad", "onednn"):
            folder = self.run_trainer(library, "--backward", library, "--epochs", 2, "--limit", 8000)
            rows = metrics(folder)
            self.assertEqual([list(row) for row in rows], [sorted(METRICS)] * 2)
            self.assertLess(rows[1]["loss"], rows[0]["loss"])
            self.assertLess(rows[1]["forward_seconds"] + rows[1]["backward_seconds"], rows[1]["total_seconds"])
            final[library] = rows[1]
        self.assertGreater(final["backgrad"]["test_accuracy"], 0.75)
        self.assertLess(abs(final["backgrad"]["loss"] - final["onednn"]["loss"]), 0.02)

    def test_resumes(self):
        """Killed in the middle of an epoch, it goes on to the same bits as a run that was left alone."""
        options = ["--model", "resnet8", "--epochs", 3, "--limit", 300, "--seed", 7]
        alone = self.run_trainer("alone", *options)
        killed = self.folder / "killed"
        with subprocess.Popen(command(killed, *options), stdout=subprocess.DEVNULL) as process:
            while not metrics(killed):
                self.assertIsNone(process.poll(), "ended before its first epoch was saved")
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        self.assertLess(len(metrics(killed)), 3)
        self.run_trainer("killed", *options, "--resume")
        self.assertEqual(learned(killed), learned(alone))

    def refused(self, *options):
        """The message of a run that must end non-zero."""
        result = subprocess.run(command(self.folder / "refused", *options), capture_output=True, text=True, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertFalse((self.folder / "refused" / "metrics.jsonl").exists())
        return result.stderr

    def refused_images(self, train_images, test_images=IMAGES):
        """The message for a set of two images whose files hold these bytes."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        for prefix, images in (("train", train_images), ("t10k", test_images)):
            (data / f"{prefix}-images-idx3-ubyte").write_bytes(images)
            (data / f"{prefix}-labels-idx1-ubyte").write_bytes(idx([2], b"\0\1"))
        return self.refused("--data", data, "--batch", 2)

    def test_refuses(self):
        self.assertIn("--model: expected lenet5 or resnet8", self.refused("--model", "alexnet"))
        self.assertIn("--backward: expected backgrad or onednn", self.refused("--backward", "none"))
        self.assertIn("--optimizer: expected sgd or adam", self.refused("--optimizer", "lion"))
        self.assertIn("--epochs: expected at least 1", self.refused("--epochs", 0))
        self.assertIn("found none", self.refused("--data", self.folder))
        bad = {
            "expected 1568 bytes of elements, got 1558": IMAGES[:-10],
            "to end after its elements": IMAGES + b"\0",
            "starts with two zero bytes": b"\1" + IMAGES[1:],
            "expected 3 dimensions, got 2": idx([2, 784], bytes(2 * 28 * 28)),
            "expected 4 bytes of header, got 3": IMAGES[:3],
            "expected at most 16 GiB": idx([2**31, 2**31, 2**31], b""),
            "a label for each of 1 images, got 2": idx([1, 28, 28], bytes(28 * 28)),
            "test images of the size": idx([2, 4, 4], bytes(32)),
        }
        for message, content in bad.items():
            self.assertIn(message, self.refused_images(content))
        small = idx([2, 4, 4], bytes(32))
        self.assertIn("too small for the model", self.refused_images(small, small))
        damaged = bytearray(gzip.compress(IMAGES))
        damaged[-6] ^= 1  # in the checksum
        self.assertIn("incorrect data check", self.refused_images(bytes(damaged)))


if __name__ == "__main__":
    TRAINER = sys.argv.pop(1)
    unittest.main()
