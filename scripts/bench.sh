#!/usr/bin/env bash
# Installs what is missing, builds, and runs the benchmark with the given arguments in the caller's folder.
#
#   scripts/bench.sh [ARGUMENT...]    `scripts/bench.sh --help` lists the arguments; README.md explains them
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# Draws the scaling curves of the results folder, when there are at least two thread counts to draw a curve through.
plot() {
    local results=$1 script="$repository/scripts/plot_scaling.py" counts python
    [[ -x "$script" && -f "$results/results.jsonl" ]] || return 0
    counts=$(grep -oE '"threads": ?[0-9]+' "$results/results.jsonl" | sort -u | wc -l)
    [[ $counts -gt 1 ]] || return 0
    python=$(find_python matplotlib) || return 1
    run_quietly "Plotting into $results" "$python" "$script" "$results"
}

binary="$repository/build/release/bench/backgrad_bench"

# Help is not worth a build. The program lists its options itself where there is one.
help() {
    sed -n '2,/^set /{s/^#$//;s/^# //p;}' "${BASH_SOURCE[0]}"
    [[ ! -x "$binary" ]] || { echo && exec "$binary" --help; }
}

for argument; do
    [[ "$argument" != --help && "$argument" != -h ]] || { help && exit 0; }
done

"$repository/scripts/install_deps.sh" core test bench
build release backgrad_bench

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
"$binary" "$@" | tee "$output" || status=$?
results=$(sed -n 's/^results: //p' "$output" | tail -n 1)
if [[ -n "$results" ]]; then
    plot "$results" || status=$?
fi
exit "$status"
