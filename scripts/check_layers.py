#!/usr/bin/env python3
"""Check that the floors of src/ know only what stands below them, and that each runtime stays in its one place.

usage: check_layers.py REPOSITORY
"""
import pathlib
import re
import sys

# Floor -> floors that it may include. Public headers are open to every floor but the two lowest, which stay free of
# inline functions that the linker could share between ISAs.
FLOORS = {
    "bindings": {"bindings", "ops", "plan", "threads", "isa"},
    "mpi": {"ops"},
    "ops": {"ops", "plan", "threads", "isa", "kernels"},
    "plan": {"plan"},
    "threads": {"threads"},
    "isa": {"isa", "kernels"},
    "kernels": {"kernels", "simd"},
    "simd": {"simd"},
}
CLOSED_FLOORS = {"kernels", "simd"}
KERNEL_STANDARD_HEADERS = {"cstddef", "cstdint", "limits", "type_traits", "utility"}

# What only one file, or only one floor, may include.
OPENMP = re.compile(r"omp\.h")
TBB = re.compile(r"(oneapi/)?tbb(/.*|\.h)|backgrad/tbb\.hpp")
INTRINSICS = re.compile(r"(\w*mmintrin|immintrin|x86intrin|x86gprintrin|arm_neon|arm_sve)\.h|cpuid\.h")
INTRINSIC_NAME = re.compile(r"\b(_mm\d*_\w+|__m(128|256|512)[id]?|__mmask\d+)\b")
PUBLIC_TBB_HEADER = "include/backgrad/tbb.hpp"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT = re.compile(r"//.*|/\*.*?\*/")


def sources(root, folder):
    """The C and C++ files under a folder, as paths relative to the root."""
    suffixes = {".hpp", ".cpp", ".h", ".c"}
    found = (root / folder).rglob("*")
    return sorted(path.relative_to(root) for path in found if path.is_file() and path.suffix in suffixes)


def includes(lines):
    """(line number, is it quoted, what is included) of every include."""
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def public_header_faults(path, lines):
    """Public headers stand alone: no header of src/, no runtime that a user did not ask for."""
    for number, quoted, name in includes(lines):
        if quoted:
            yield number, f'a public header includes <backgrad/...> and system headers only, got "{name}"'
        if TBB.fullmatch(name) and path.as_posix() == PUBLIC_TBB_HEADER:
            continue
        if OPENMP.fullmatch(name) or INTRINSICS.fullmatch(name) or TBB.fullmatch(name):
            yield number, f"a public header may not include <{name}>"


def floor_faults(path, lines):
    """Includes that lead upwards or sideways, or to a standard header that a kernel may not have."""
    floor = path.parts[1]
    if floor not in FLOORS:
        yield 1, f"src/ holds the floors {', '.join(FLOORS)} only"
        return
    for number, quoted, name in includes(lines):
        if quoted:
            target = name.split("/")[0]
            if target not in FLOORS[floor]:
                yield number, f'{floor}/ may include {", ".join(sorted(FLOORS[floor]))}, got "{name}"'
        elif floor in CLOSED_FLOORS and name not in KERNEL_STANDARD_HEADERS:
            if not (floor == "simd" and INTRINSICS.fullmatch(name)):
                allowed = ", ".join(f"<{header}>" for header in sorted(KERNEL_STANDARD_HEADERS))
                yield number, f"{floor}/ may include {allowed} only, got <{name}>"


def runtime_faults(path, lines):
    """OpenMP and oneTBB outside threads/, intrinsics outside simd/."""
    floor = path.parts[1]
    for number, _, name in includes(lines):
        if (OPENMP.fullmatch(name) or TBB.fullmatch(name)) and floor != "threads":
            yield number, f"{name} belongs in one file under threads/"
        if INTRINSICS.fullmatch(name) and floor != "simd":
            yield number, f"{name} belongs under simd/"
    for number, line in enumerate(lines, 1):
        match = INTRINSIC_NAME.search(COMMENT.sub("", line))
        if match and floor != "simd":
            yield number, f"{match.group()} belongs under simd/"
        if re.match(r"\s*#\s*pragma\s+omp\b", line) and floor != "threads":
            yield number, "#pragma omp belongs under threads/"


def single_file_faults(files):
    """omp.h and tbb/ each in exactly one file of src/."""
    for title, pattern in (("omp.h", OPENMP), ("tbb/", TBB)):
        holders = [path for path, lines in files if any(pattern.fullmatch(name) for _, _, name in includes(lines))]
        if len(holders) != 1:
            yield f"src: {title} belongs in exactly one file, found in {', '.join(map(str, holders)) or 'none'}"


def check(root):
    """All faults of a tree, as lines to print."""
    faults = []

    def read(path):
        return (root / path).read_text(encoding="utf-8").splitlines()

    def add(path, found):
        faults.extend(f"{path}:{number}: {message}" for number, message in found)

    for path in sources(root, "include"):
        add(path, public_header_faults(path, read(path)))
    source_files = [(path, read(path)) for path in sources(root, "src")]
    for path, lines in source_files:
        add(path, floor_faults(path, lines))
        add(path, runtime_faults(path, lines))
    faults.extend(single_file_faults(source_files))
    return faults


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    faults = check(pathlib.Path(arguments[0]))
    print("\n".join(faults) or "The floors are in order.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
