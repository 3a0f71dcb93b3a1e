#!/usr/bin/env python3
"""Check that every cell of a benchmark's results.jsonl was measured and found right; the peer may lack some.

usage: check_results.py RESULTS.jsonl
"""
import json
import sys


def is_lacking_in_peer(cell):
    """True for what oneDNN does not have, as f64."""
    return cell["status"] == "unsupported" and cell["variant"].startswith("onednn")


def main(path):
    with open(path, encoding="utf-8") as lines:
        cells = [json.loads(line) for line in lines]
    wrong = [cell for cell in cells if cell["status"] != "ok" and not is_lacking_in_peer(cell)]
    for cell in wrong:
        print(f"{path}: status {cell['status']}: {json.dumps(cell)}", file=sys.stderr)
    print(f"{len(cells)} cells, {len(wrong)} not ok")
    return 1 if wrong or not cells else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
