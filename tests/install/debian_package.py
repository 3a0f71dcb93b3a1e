#!/usr/bin/env python3
"""Make the Debian package, check that it depends on every library it uses, and unpack it.

usage: debian_package.py CPACK BUILD FOLDER [DEPENDENCY...]

The package lands in FOLDER, its files in FOLDER/root. Every library that a binary in the package names must be in the
package or in a package that it depends on; DEPENDENCY names packages that it must depend on besides.
"""
import pathlib
import re
import shutil
import subprocess
import sys


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def needed_libraries(binary):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", str(binary)))


def package_of(library):
    """The Debian packages that hold a shared library, as the loader finds it."""
    path = re.search(rf"\s{re.escape(library)} .*=> (.+)", run("/sbin/ldconfig", "-p")).group(1)
    candidates = {path, path.removeprefix("/usr"), str(pathlib.Path(path).resolve())}
    for candidate in candidates:
        found = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    raise SystemExit(f"{library}: expected a Debian package that holds {path}, found none")


def binaries(root):
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
            yield path


def main(arguments):
    if len(arguments) < 3:
        sys.exit(__doc__)
    cpack, build, folder = arguments[0], arguments[1], pathlib.Path(arguments[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(cpack, "-G", "DEB", "-B", str(folder), cwd=build)
    package, = folder.glob("*.deb")
    run("dpkg-deb", "-x", str(package), str(folder / "root"))
    depends = {entry.split()[0] for entry in run("dpkg-deb", "-f", str(package), "Depends").split(", ")}

    found = list(binaries(folder / "root"))
    own = {path.name for path in (folder / "root").rglob("*.so*")}
    needed = {library for binary in found for library in needed_libraries(binary)} - own
    missing = ({package_of(library) for library in needed} | set(arguments[3:])) - depends
    print(f"{package.name}: {len(found)} binaries, depends on {', '.join(sorted(depends))}")
    if not found or missing:
        sys.exit(f"expected binaries and dependencies on all they need, missing: {', '.join(sorted(missing)) or 'binaries'}")


if __name__ == "__main__":
    main(sys.argv[1:])
