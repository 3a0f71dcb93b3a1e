#!/usr/bin/env python3
"""Check that the repository is fit to be read by anyone: no paths of one machine, no notes to self, scripts that start,
and a README whose example is the one that is compiled.

usage: check_repository.py REPOSITORY
"""
import pathlib
import re
import subprocess
import sys

# Folders that exist on somebody's machine only. A word character, dot or dash before the slash makes it a relative path.
MACHINE_PATH = re.compile(r"(?<![\w.\-}])/(work|home|root|Users|mnt|data|scratch|tmp/\w+)/[\w.\-]+")
NOTE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>) ")
SKIPPED_FOLDERS = {".git", "results", "__pycache__"}
README_EXAMPLE = "examples/readme_example.cpp"


def repository_files(root):
    """What git tracks or would track; without git (an unpacked archive) every file outside build folders."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        paths = [pathlib.Path(name) for name in listing.stdout.split("\0") if name]
    else:
        paths = [path.relative_to(root) for path in root.rglob("*")]
        paths = [path for path in paths if not SKIPPED_FOLDERS & set(path.parts) and path.parts[0][:5] != "build"]
    return sorted(path for path in paths if (root / path).is_file())


def read_text(path):
    """The text of a file, or None for a binary one."""
    content = path.read_bytes()
    return None if b"\0" in content else content.decode("utf-8", errors="replace")


def line_faults(text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, title in ((MACHINE_PATH, "a path of one machine"), (NOTE, "a note to self"),
                               (CONFLICT, "a conflict marker")):
            match = pattern.search(line)
            if match:
                yield number, f"{title}: {match.group()}"


def executable_faults(root, path, text):
    """A file is executable if and only if it starts with #!."""
    starts_itself = text.startswith("#!")
    if starts_itself != bool((root / path).stat().st_mode & 0o100):
        yield 1, "starts with #! but is not executable" if starts_itself else "is executable but has no #! line"


def readme_faults(root):
    """The first C++ block of the README is the example that is compiled and run as a test, letter by letter."""
    readme, example = root / "README.md", root / README_EXAMPLE
    block = re.search(r"^```cpp\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    if not block or block.group(1) != example.read_text(encoding="utf-8"):
        yield f"README.md: the first C++ block differs from {README_EXAMPLE}"


def check(root):
    """All faults of a repository, as lines to print."""
    faults = []
    for path in repository_files(root):
        text = read_text(root / path)
        if text is None:
            continue
        found = [*line_faults(text), *executable_faults(root, path, text)]
        faults.extend(f"{path}:{number}: {message}" for number, message in found)
    faults.extend(readme_faults(root))
    return faults


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    faults = check(pathlib.Path(arguments[0]))
    print("\n".join(faults) or "The repository is in order.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
