#!/usr/bin/env python3
"""Write the table of all shapes from benchmark results, as Markdown.

usage: make_results.py [--before DIR] [--variant NAME] [--out FILE] DIR [DIR ...]
DIR holds results.jsonl and context.json. Several are runs of the same sweep: each time is the geometric mean of their
medians. --before adds a column with the times of an older run. --variant is the one to compare with the peer [openmp].
"""
import argparse
import json
import math
import pathlib
import sys
from collections import defaultdict

PROBLEM = ("op", "mode", "layout", "dtype", "cache", "isa", "threads")
PEERS = ("onednn_plain", "onednn_blocked")


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def good_rows(folders):
    for folder in folders:
        with open(folder / "results.jsonl", encoding="utf-8") as lines:
            yield from (row for row in map(json.loads, lines) if row["status"] == "ok")


def read_runs(folders):
    """{(problem, shape): {variant: merged row}}; rows of named strategies stay out, they have a picture of their own."""
    repeated = defaultdict(lambda: defaultdict(list))
    for row in good_rows(folders):
        named = {row["partition"], row["schedule"], row["reduction"]} != {"auto"}
        if row.get("scaling", "strong") == "strong" and not named and row["op"] != "launch":
            problem = tuple(row[key] for key in PROBLEM)
            repeated[problem, row["shape"]][row["variant"]].append(row)
    return {cell: {variant: merge(rows) for variant, rows in variants.items()} for cell, variants in repeated.items()}


def merge(rows):
    return {key: geometric_mean([row[key] for row in rows]) if min(row[key] for row in rows) > 0 else 0.0
            for key in ("ms_median", "gflops", "gbps", "percent_of_roof")}


def rate(row):
    """GFLOP/s of a convolution, GB/s of the others."""
    return row["gflops"] or row["gbps"]


def ratio(peer, own):
    return f"{peer['ms_median'] / own['ms_median']:.2f}" if peer else "-"


def table_row(shape, variants, own, before):
    peers = [variants.get(name) for name in PEERS]
    cells = [shape, f"{own['ms_median']:.4g}"]
    if before is not None:
        old = before.get("own")
        cells += [f"{rate(old):.1f}" if old else "-"]
    cells += [f"{rate(own):.1f}", *(f"{rate(peer):.1f}" if peer else "-" for peer in peers),
              *(ratio(peer, own) for peer in peers), f"{own['percent_of_roof']:.0f}"]
    return "| " + " | ".join(cells) + " |"


def mean_row(rows, columns):
    """The geometric mean of the ratios to each peer."""
    means = []
    for name in PEERS:
        ratios = [variants[name]["ms_median"] / own["ms_median"] for variants, own in rows if name in variants]
        means.append(f"**{geometric_mean(ratios):.2f}**" if ratios else "-")
    cells = ["**geometric mean**", *[""] * (columns - 4), *means, ""]
    return "| " + " | ".join(cells) + " |"


def problem_section(problem, shapes, variant, before):
    named = dict(zip(PROBLEM, problem))
    unit = "GFLOP/s" if named["op"].startswith(("conv2d", "block")) else "GB/s"
    heads = ["shape", "ms", *(["before"] if before is not None else []), variant, *PEERS,
             *(f"{name} / {variant}" for name in PEERS), "% of roof"]
    lines = ["", "## " + ", ".join([named["op"], named["mode"], named["layout"].upper(), named["dtype"], named["cache"],
                                    named["isa"], f"{named['threads']} thread(s)"]), "",
             f"Rates in {unit}; ratios are peer time / {variant} time, above 1 is faster than the peer.", "",
             "| " + " | ".join(heads) + " |", "|" + "|".join(["---"] + ["---:"] * (len(heads) - 1)) + "|"]
    rows = [(shape, variants) for shape, variants in shapes if variant in variants]
    for shape, variants in rows:
        old = None if before is None else {"own": before.get((problem, shape), {}).get(variant)}
        lines.append(table_row(shape, variants, variants[variant], old))
    if rows:
        lines.append(mean_row([(variants, variants[variant]) for _, variants in rows], len(heads)))
    return lines if rows else []


def launch_section(folders):
    """What a phase of a plan costs beyond its work, over a bare parallel region of the same runs."""
    repeated = defaultdict(list)
    for row in good_rows(folders):
        if row["op"] == "launch":
            repeated[row["isa"], row["threads"], row["variant"], row["schedule"]].append(row["ms_median"])
    if not repeated:
        return []
    lines = ["", "## launch", "", "A run of one empty task per worker.", "",
             "| ISA | threads | variant | schedule | microseconds | / bare |", "|---|---:|---|---|---:|---:|"]
    for (isa, threads, variant, schedule), times in sorted(repeated.items()):
        bare = repeated.get((isa, threads, "bare", "auto"))
        over = f"{geometric_mean(times) / geometric_mean(bare):.2f}" if bare else "-"
        lines.append(f"| {isa} | {threads} | {variant} | {schedule} | {geometric_mean(times) * 1e3:.3g} | {over} |")
    return lines


def read_context(folder):
    with open(folder / "context.json", encoding="utf-8") as file:
        return json.load(file)


def context_section(folders):
    context = read_context(folders[0])
    revisions = dict.fromkeys(read_context(folder)["build"]["git_revision"] for folder in folders)
    machine, build = context["machine"], context["build"]
    lines = ["# Results", "", "Made by `scripts/make_results.py`; `bench/README.md` says how figures are taken.", "",
             f"- {machine['processor']}, {machine['sockets']} socket(s), {machine['cores']} core(s), "
             f"{machine['usable_cpus']} usable CPU(s), {machine['kernel']}",
             f"- {build['compiler']}, {build['type']}, oneDNN {build['onednn']}, revision {', '.join(revisions)}",
             f"- {context['date']}, {len(folders)} run(s)", "",
             "| ISA | threads | dtype | FMA peak, GFLOP/s | triad, GB/s |", "|---|---:|---|---:|---:|"]
    for roof in context["roofs"]:
        lines.append(f"| {roof['isa']} | {roof['threads']} | {roof['dtype']} | {roof['peak_gflops']:.0f} | "
                     f"{roof['triad_gbps']:.1f} |")
    return lines


def make_document(folders, before_folder, variant):
    cells = read_runs(folders)
    before = read_runs([before_folder]) if before_folder else None
    sections = defaultdict(list)
    for (problem, shape), variants in cells.items():
        sections[problem].append((shape, variants))
    lines = context_section(folders)
    for problem, shapes in sections.items():
        lines += problem_section(problem, shapes, variant, before)
    lines += launch_section(folders)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--before", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--variant", default="openmp", metavar="NAME")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        document = make_document(arguments.folders, arguments.before, arguments.variant)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"make_results.py: {error}")
    if arguments.out:
        arguments.out.write_text(document, encoding="utf-8")
    else:
        sys.stdout.write(document)


if __name__ == "__main__":
    main()
