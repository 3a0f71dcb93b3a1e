#!/usr/bin/env python3
"""Check that every cell of a benchmark's results.jsonl was measured and found right.

usage: check_results.py RESULTS.jsonl
"""
import json
import sys


def main(path):
    with open(path, encoding="utf-8") as lines:
        cells = [json.loads(line) for line in lines]
    wrong = [cell for cell in cells if cell["status"] != "ok"]
    for cell in wrong:
        print(f"{path}: status {cell['status']}: {json.dumps(cell)}", file=sys.stderr)
    print(f"{len(cells)} cells, {len(wrong)} not ok")
    return 1 if wrong or not cells else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
