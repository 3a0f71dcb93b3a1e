#!/usr/bin/env python3
"""Follow a document: write the files that it shows and run its shell blocks from one heading, in an empty folder.

usage: run_document.py DOCUMENT FOLDER HEADING

A fenced block after a line "`path`:" is that file; all files of the document are written, so that sections may share
them. A fenced `sh` block is run by bash in FOLDER and must succeed.
"""
import pathlib
import re
import shutil
import subprocess
import sys

BLOCK = re.compile(r"(?:^`(?P<path>[^`\n]+)`:\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## (?P<heading>[^\n]+)$(?P<body>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def write_files(text, folder):
    for block in BLOCK.finditer(text):
        if block["path"]:
            path = folder / block["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"], encoding="utf-8")


def commands(text, heading):
    """The shell blocks under a heading."""
    for section in SECTION.finditer(text):
        if section["heading"] == heading:
            return [block["text"] for block in BLOCK.finditer(section["body"]) if block["language"] == "sh"]
    return []


def main(arguments):
    if len(arguments) != 3:
        sys.exit(__doc__)
    text = pathlib.Path(arguments[0]).read_text(encoding="utf-8")
    folder = pathlib.Path(arguments[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_files(text, folder)
    blocks = commands(text, arguments[2])
    if not blocks:
        sys.exit(f"{arguments[0]}: expected a section '{arguments[2]}' with shell blocks, found none")
    for block in blocks:
        print(block, flush=True)
        subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
