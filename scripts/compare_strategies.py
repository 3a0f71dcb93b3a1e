#!/usr/bin/env python3
"""Say what the automatic strategy costs against the fastest named one, as Markdown.

usage: compare_strategies.py [--variant NAME] [--time KEY] [--out FILE] DIR [DIR ...]
DIR holds results.jsonl of a sweep over partitions, reductions or schedules, whose strategies take turns. Of several
runs of one sweep, the fastest strategy of a cell is chosen by all runs but one and compared in that one, so that it is
not the one that noise favoured; of a single run it is, and the cost is an upper bound. A family is the shapes of a set
(the word before the first underscore of their names) under one operation. Ends with 1 where the geometric mean exceeds
3% or that of a family 10%. --time is ms_median or, on a machine that others use, too, ms_min.
"""
import argparse
import json
import math
import pathlib
import sys
from collections import defaultdict

STRATEGY = ("partition", "reduction", "schedule")
AUTOMATIC = ("auto", "auto", "auto")
CELL = ("op", "shape", "mode", "layout", "dtype", "cache", "isa", "threads")
MOST, MOST_OF_FAMILY = 1.03, 1.10


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def read_run(folder, variant, time):
    """{cell: {strategy: milliseconds}}"""
    times = defaultdict(dict)
    with open(folder / "results.jsonl", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["variant"] == variant and row["status"] == "ok":
                times[tuple(row[key] for key in CELL)][tuple(row[key] for key in STRATEGY)] = row[time]
    return times


def costs_of(runs, cell):
    """[(automatic / fastest named, the fastest)] for each run that has the cell."""
    present = [run[cell] for run in runs if cell in run]
    costs = []
    for i, here in enumerate(present):
        others = present[:i] + present[i + 1:] or [here]
        named = [strategy for strategy in here
                 if strategy != AUTOMATIC and all(strategy in other for other in others)]
        if AUTOMATIC in here and named:
            fastest = min(named, key=lambda strategy: geometric_mean([other[strategy] for other in others]))
            costs.append((here[AUTOMATIC] / here[fastest], fastest))
    return costs


def family_of(cell):
    return cell[1].split("_")[0], cell[0]


def make_document(folders, variant, time):
    """The document, and whether the costs are within bounds."""
    runs = [read_run(folder, variant, time) for folder in folders]
    families, worst = defaultdict(list), []
    for cell in dict.fromkeys(cell for run in runs for cell in run):
        costs = costs_of(runs, cell)
        if costs:
            cost = geometric_mean([cost for cost, _ in costs])
            families[family_of(cell)].append(cost)
            worst.append((cost, cell, costs[0][1]))
    if not worst:
        raise ValueError(f"no cell of {variant} has an automatic and a named strategy")
    means = {family: geometric_mean(costs) for family, costs in families.items()}
    mean = geometric_mean([cost for cost, _, _ in worst])
    lines = [f"Time of the automatic strategy / time of the fastest named one, {variant}, {time}, {len(runs)} run(s).", "",
             "| shapes | operation | cells | geometric mean | largest |", "|---|---|---:|---:|---:|"]
    lines += [f"| {family} | `{operation}` | {len(costs)} | {means[family, operation]:.3f} | {max(costs):.3f} |"
              for (family, operation), costs in sorted(families.items())]
    lines += [f"| **all** | | {len(worst)} | **{mean:.3f}** | {max(worst)[0]:.3f} |", "",
              "| largest | shape | operation | layout | threads | fastest (partition, reduction, schedule) |",
              "|---:|---|---|---|---:|---|"]
    lines += [f"| {cost:.3f} | {cell[1]} | `{cell[0]}` | {cell[3]} | {cell[7]} | {', '.join(fastest)} |"
              for cost, cell, fastest in sorted(worst, reverse=True)[:10]]
    return "\n".join(lines) + "\n", mean <= MOST and max(means.values()) <= MOST_OF_FAMILY


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--variant", default="openmp", metavar="NAME")
    parser.add_argument("--time", default="ms_median", choices=["ms_median", "ms_min"])
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        document, good = make_document(arguments.folders, arguments.variant, arguments.time)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"compare_strategies.py: {error}")
    if arguments.out:
        arguments.out.write_text(document, encoding="utf-8")
    else:
        sys.stdout.write(document)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
