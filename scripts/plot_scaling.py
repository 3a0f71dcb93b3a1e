#!/usr/bin/env python3
"""Draw how a sweep scales: speedup and efficiency over threads, and a heat map of shapes by strategies.

usage: plot_scaling.py DIR
DIR holds results.jsonl with more than one thread count. Writes scaling_*.png, .svg and heat_map_*.png, .svg into it.
"""
import json
import math
import pathlib
import sys
from collections import defaultdict

PROBLEM = ("op", "mode", "layout", "dtype", "cache", "isa", "scaling")
ONE_THREAD = ("naive", "serial")  # these do not scale, they are what others are compared with


def read_rows(folder):
    with open(folder / "results.jsonl", encoding="utf-8") as lines:
        rows = [{"scaling": "strong", **row} for row in map(json.loads, lines)]
    return [row for row in rows if row["status"] == "ok" and row["op"] != "launch"]


def strategy_of(row):
    """The variant, with what was named of its strategy."""
    named = [row[key] for key in ("partition", "schedule", "reduction") if row[key] != "auto"]
    return " ".join([row["variant"], *named])


def problems(rows):
    """{problem: {strategy: {shape: {threads: ms}}}}; with weak scaling the ms of as much work as one thread has."""
    table = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for row in sorted(rows, key=strategy_of):  # rows come in the order in which they were finished
        problem = tuple(row[key] for key in PROBLEM)
        work = row["threads"] if row["scaling"] == "weak" else 1
        table[problem][strategy_of(row)][row["shape"]][row["threads"]] = row["ms_median"] / work
    return table


def best_single_thread(strategies):
    """{shape: least ms that any of backgrad's own strategies takes on one thread}, what speedups refer to."""
    best = {}
    for strategy, shapes in strategies.items():
        if strategy.startswith(("naive", "onednn")):
            continue
        for shape, times in shapes.items():
            if 1 in times:
                best[shape] = min(best.get(shape, math.inf), times[1])
    return best


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def speedups(shapes, reference):
    """{threads: geometric mean over shapes of the reference's time / time}"""
    ratios = defaultdict(list)
    for shape, times in shapes.items():
        for threads, time in times.items():
            if shape in reference:
                ratios[threads].append(reference[shape] / time)
    return {threads: geometric_mean(values) for threads, values in sorted(ratios.items())}


def serial_fraction(curve):
    """Least-squares fit of Amdahl's law, 1 / speedup = f + (1 - f) / threads, relative to one thread of the curve."""
    if 1 not in curve:
        return None
    points = [(1 - 1 / p, curve[1] / s - 1 / p) for p, s in curve.items() if p > 1]
    weight = sum(x * x for x, _ in points)
    return sum(x * y for x, y in points) / weight if weight else None


def file_stem(kind, problem):
    return kind + "_" + "_".join(problem)


def save(figure, folder, stem):
    for suffix in (".png", ".svg"):
        figure.savefig(folder / (stem + suffix), dpi=150, bbox_inches="tight")


def draw_scaling(pyplot, folder, problem, strategies):
    reference = best_single_thread(strategies)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5))
    counts = sorted({threads for shapes in strategies.values() for times in shapes.values() for threads in times})
    left.plot(counts, counts, "k--", label="ideal")
    right.plot(counts, [1] * len(counts), "k--", label="ideal")
    for strategy, shapes in strategies.items():
        curve = speedups(shapes, reference)
        if not curve or strategy in ONE_THREAD:
            continue
        fraction = serial_fraction(curve)
        label = strategy if fraction is None else f"{strategy} (serial fraction {fraction:.3f})"
        left.plot(list(curve), list(curve.values()), "o-", label=label)
        right.plot(list(curve), [s / p for p, s in curve.items()], "o-", label=strategy)
    left.set_ylabel("speedup over the best single-thread time")
    right.set_ylabel("parallel efficiency")
    for axes in (left, right):
        axes.set_xlabel("threads")
        axes.set_xticks(counts)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, 0), ncol=4, fontsize=8)
    figure.suptitle(", ".join(problem) + " (geometric mean over shapes)")
    save(figure, folder, file_stem("scaling", problem))
    pyplot.close(figure)


def draw_heat_map(pyplot, folder, problem, strategies, threads):
    """Time of each strategy over the fastest one's, shape by shape; a star marks the fastest."""
    shapes = list(dict.fromkeys(s for table in strategies.values() for s, times in table.items() if threads in times))
    names = [name for name, table in strategies.items() if any(threads in times for times in table.values())]
    grid = [[strategies[name].get(shape, {}).get(threads, math.nan) for name in names] for shape in shapes]
    best = [min((value for value in row if not math.isnan(value)), default=math.nan) for row in grid]
    slowdown = [[value / least for value in row] for row, least in zip(grid, best)]
    figure, axes = pyplot.subplots(figsize=(2.5 + 0.9 * len(names), 1.5 + 0.32 * len(shapes)))
    image = axes.imshow(slowdown, aspect="auto", cmap="viridis_r", vmin=1, vmax=3)
    for y, row in enumerate(slowdown):
        for x, value in enumerate(row):
            if not math.isnan(value):
                axes.text(x, y, "*" if value == 1 else f"{value:.2f}", ha="center", va="center", fontsize=7,
                          color="white" if value > 2 else "black")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(shapes)), shapes, fontsize=8)
    figure.colorbar(image, label="time / fastest time")
    axes.set_title(", ".join(problem) + f", {threads} threads", fontsize=9)
    save(figure, folder, file_stem(f"heat_map_{threads}", problem))
    pyplot.close(figure)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    try:
        rows = read_rows(folder)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"plot_scaling.py: {error}")
    counts = {row["threads"] for row in rows}
    if len(counts) < 2:
        sys.exit(f"plot_scaling.py: {folder}: expected more than one thread count, got {sorted(counts)}")
    import matplotlib  # pylint: disable=import-outside-toplevel; only here is it needed
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    for problem, strategies in problems(rows).items():
        draw_scaling(pyplot, folder, problem, strategies)
        draw_heat_map(pyplot, folder, problem, strategies, max(counts))


if __name__ == "__main__":
    main()
