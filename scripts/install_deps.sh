#!/usr/bin/env bash
# Installs the Debian 12 packages that backgrad needs. Quiet and without network when all are there.
#
#   scripts/install_deps.sh [GROUP...]    groups: core test bench train ci; default: core test bench
#
# Installs as root or through sudo, without questions; with neither it prints the line to run and exits with 1.
set -euo pipefail

declare -A packages=(
    [core]="g++ cmake ninja-build libtbb-dev"
    [test]="libgtest-dev libgmock-dev librapidcheck-dev nlohmann-json3-dev python3 binutils pkg-config dpkg-dev"
    [bench]="libbenchmark-dev libcli11-dev nlohmann-json3-dev libhwloc-dev libdnnl-dev python3 python3-matplotlib"
    [train]="libdnnl-dev zlib1g-dev libcli11-dev nlohmann-json3-dev dataset-fashion-mnist python3 python3-matplotlib"
    [ci]="clang clang-format libomp-dev"
)

missing_packages() {
    local group package
    for group in "$@"; do
        if [[ ! -v packages[$group] ]]; then
            echo "install_deps.sh: group: expected one of ${!packages[*]}, got $group" >&2
            return 2
        fi
        for package in ${packages[$group]}; do
            [[ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" == *" installed" ]] || echo "$package"
        done
    done
}

[[ $# -gt 0 ]] || set -- core test bench
if ! command -v dpkg-query >/dev/null; then
    echo "install_deps.sh: this is no Debian system; install the counterparts of: ${packages[*]}" >&2
    exit 1
fi
found=$(missing_packages "$@")
[[ -n "$found" ]] || exit 0
mapfile -t missing < <(sort -u <<<"$found")

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [[ $EUID -eq 0 ]]; then
    as_root=(env DEBIAN_FRONTEND=noninteractive)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
else
    echo "backgrad needs Debian packages; run as root:" >&2
    echo "apt-get update && ${install[*]}" >&2
    exit 1
fi

update_and_install() {
    "${as_root[@]}" apt-get update && "${as_root[@]}" "${install[@]}" -o DPkg::Lock::Timeout=300
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing ${missing[*]}" >&2
if ! update_and_install >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "install_deps.sh: could not install ${missing[*]}" >&2
    exit 1
fi
