#!/usr/bin/env python3
"""Draw the curves of a training run: loss, accuracies, and where the time went.

usage: plot_training.py FOLDER    reads FOLDER/metrics.jsonl, writes FOLDER/training.png and training.svg
"""
import json
import pathlib
import sys

import matplotlib
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen before)


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def column(epochs, key):
    return [epoch[key] for epoch in epochs]


def draw(epochs):
    figure, (loss, accuracy, time) = pyplot.subplots(1, 3, figsize=(13, 4), layout="constrained")
    numbers = column(epochs, "epoch")
    loss.plot(numbers, column(epochs, "loss"), marker="o")
    loss.set(title="loss in training", ylim=(0, None))
    for key, title in (("train_accuracy", "training images"), ("test_accuracy", "test images")):
        accuracy.plot(numbers, [100 * value for value in column(epochs, key)], marker="o", label=title)
    accuracy.set(title="accuracy, %")
    accuracy.legend()
    forward, backward = column(epochs, "forward_seconds"), column(epochs, "backward_seconds")
    both = [f + b for f, b in zip(forward, backward)]
    rest = [total - busy for total, busy in zip(column(epochs, "total_seconds"), both)]
    time.bar(numbers, forward, label="forward")
    time.bar(numbers, backward, bottom=forward, label="backward")
    time.bar(numbers, rest, bottom=both, label="rest")
    time.set(title="seconds per epoch")
    time.margins(y=0.25)  # room for the legend above the bars
    time.legend(loc="upper center", ncols=3)
    for axes in (loss, accuracy, time):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    folder = pathlib.Path(arguments[0])
    epochs = read(folder / "metrics.jsonl")
    if not epochs:
        sys.exit(f"{folder / 'metrics.jsonl'}: expected at least one epoch, found none")
    figure = draw(epochs)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"training.{suffix}", dpi=120)


if __name__ == "__main__":
    main(sys.argv[1:])
