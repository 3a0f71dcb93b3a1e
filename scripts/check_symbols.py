#!/usr/bin/env python3
"""Check that a shared library shows the symbols of a list and no others.

usage: check_symbols.py LIBRARY LIST             compares
       check_symbols.py LIBRARY LIST --update    writes the list; look at the difference before you commit it

A name that disappears breaks programs that are linked already; one that appears by accident can never be taken back.
"""
import pathlib
import subprocess
import sys

# What a compiler adds for a class on its own account, and another compiler may leave out.
COMPILER_MADE = ("vtable for ", "typeinfo for ", "typeinfo name for ")


def exported(library):
    """The demangled names that a library defines for others."""
    listing = subprocess.run(["nm", "-D", "-C", "--defined-only", library], check=True, capture_output=True, text=True)
    names = {line[19:] for line in listing.stdout.splitlines()}
    return sorted(name for name in names if not name.startswith(COMPILER_MADE))


def check(library, path):
    """Differences between library and list, as lines to print."""
    shown, listed = set(exported(library)), set(path.read_text(encoding="utf-8").splitlines())
    return [f"not in {path.name}: {name}" for name in sorted(shown - listed)] + \
           [f"not exported: {name}" for name in sorted(listed - shown)]


def main(arguments):
    if len(arguments) not in (2, 3) or arguments[2:] not in ([], ["--update"]):
        sys.exit(__doc__)
    library, path = arguments[0], pathlib.Path(arguments[1])
    if arguments[2:]:
        path.write_text("".join(f"{name}\n" for name in exported(library)), encoding="utf-8")
        return 0
    faults = check(library, path)
    if faults:
        print("\n".join(faults))
        print(f"If that is meant: check_symbols.py {library} {path} --update")
        return 1
    print(f"{library} shows what {path.name} lists.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
