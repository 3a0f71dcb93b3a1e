#!/usr/bin/env bash
# Formats the C++ files of the repository with clang-format 14, the version of Debian 12; others format differently.
#
#   scripts/format.sh            formats in place
#   scripts/format.sh --check    changes nothing, lists what is not formatted; exits with 77 where there is no
#                                clang-format 14
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=(-i)
[[ "${1:-}" != --check ]] || mode=(--dry-run --Werror)

for clang_format in clang-format-14 clang-format none; do
    "$clang_format" --version 2>/dev/null | grep -q 'version 14\.' && break
done
if [[ $clang_format == none ]]; then
    echo "format.sh: clang-format 14 not found: install clang-format" >&2
    exit 77
fi

find include src bench tests examples -name '*.hpp' -o -name '*.cpp' -o -name '*.h' -o -name '*.c' |
    sort | tr '\n' '\0' | xargs -0 -r "$clang_format" "${mode[@]}"
