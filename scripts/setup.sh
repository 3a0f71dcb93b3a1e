# shellcheck shell=bash
# Steps that bench.sh, test.sh and .ci/run share. Sourced, never run: it leaves the caller's folder alone.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# run_quietly TITLE COMMAND...: one line on success, the whole output and the exit status on failure. All on stderr, so
# that stdout holds the result and nothing else.
run_quietly() {
    local title=$1 log status=0
    shift
    log=$(mktemp)
    echo "$title" >&2
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [[ $status -ne 0 ]]; then
        cat "$log" >&2
        echo "$title: failed with status $status" >&2
    fi
    rm -f "$log"
    return "$status"
}

# build PRESET [TARGET...]: configures build/PRESET and builds the targets, or everything. Words in
# BACKGRAD_CONFIGURE_OPTIONS are passed to cmake, as in BACKGRAD_CONFIGURE_OPTIONS=-DBACKGRAD_WERROR=ON.
build() {
    local preset=$1 options targets=()
    shift
    read -ra options <<<"${BACKGRAD_CONFIGURE_OPTIONS:-}"
    [[ $# -eq 0 ]] || targets=(--target "$@")
    (
        cd "$repository" &&
            run_quietly "Configuring build/$preset" cmake --preset "$preset" "${options[@]}" &&
            run_quietly "Building build/$preset" cmake --build "build/$preset" "${targets[@]}"
    )
}

# find_python MODULE...: prints an interpreter that has the modules. The first python3 on PATH need not be Debian's, and
# then does not see Debian's modules.
find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        "$candidate" -c 'import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]' "$@" \
            >/dev/null 2>&1 && { echo "$candidate"; return 0; }
    done
    echo "No python3 with ${*:-the standard library} found: install python3${*:+ and }${*/#/python3-}" >&2
    return 1
}
