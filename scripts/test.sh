#!/usr/bin/env bash
# Installs what is missing, builds everything, and runs the tests.
#
#   scripts/test.sh [ARGUMENT...]    arguments go to ctest, as in `scripts/test.sh -R SeedVectors`
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# ctest runs the tests in the build folder; a relative path means the caller's.
if [[ -n "${BACKGRAD_SEED_VECTORS:-}" ]]; then
    BACKGRAD_SEED_VECTORS=$(realpath -m -- "$BACKGRAD_SEED_VECTORS")
    export BACKGRAD_SEED_VECTORS
fi

"$repository/scripts/install_deps.sh" core test bench train
build release
exec ctest --test-dir "$repository/build/release" --output-on-failure "$@"
