#!/usr/bin/env bash
# Installs what is missing, builds the trainer, trains with the given arguments in the caller's folder, and draws the
# curves into the folder of the run.
#
#   scripts/train.sh [ARGUMENT...]    `scripts/train.sh --help` lists the arguments
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

"$repository/scripts/install_deps.sh" core test bench train
build release backgrad_trainer

output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$repository/build/release/examples/trainer/backgrad_trainer" "$@" | tee "$output"
results=$(sed -n 's/^results: //p' "$output" | tail -n 1)
if [[ -n "$results" ]]; then
    python=$(find_python matplotlib)
    run_quietly "Drawing $results/training.png" "$python" "$repository/scripts/plot_training.py" "$results"
fi
