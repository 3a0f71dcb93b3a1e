#!/usr/bin/env python3
"""Check the kernel objects of each ISA: nothing that the linker could share between ISAs, no spills in register tiles.

usage: check_objects.py (--isa NAME OBJECT...)...

Leaks: a symbol that other objects can see must carry the namespace of its ISA. Otherwise the linker keeps one copy of,
say, an inline function for the whole library, perhaps the one compiled for AVX-512.

Spills: functions whose name contains "tile" hold their accumulators in registers. A vector store to the stack inside an
innermost loop that multiplies and adds means that the tile is too large or that the compiler lost track of it.
"""
import argparse
import re
import subprocess
import sys

NAMESPACE = "backgrad::{isa}::"
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
JUMP_TARGET = re.compile(r"^([0-9a-f]+) <")
MULTIPLY_ADD = re.compile(r"vf[n]?m(add|sub)")
VECTOR_STORE = re.compile(r"^%[xyz]mm\d+,.*\(%(rsp|rbp)[,)]")
FRAME_POINTER = ("mov", "%rsp,%rbp")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def leaks(isa, listing):
    """Visible defined symbols of `nm -C` output without the ISA's namespace."""
    namespace = NAMESPACE.format(isa=isa)
    for line in listing.splitlines():
        kind, _, name = line[17:].partition(" ")
        if (kind.isupper() or kind in "uvw") and namespace not in name:
            yield f"{name} (kind {kind}) is visible without the namespace backgrad::{isa}"


def functions(disassembly):
    """(name, instructions) of `objdump -d -C` output; an instruction is (address, mnemonic, operands)."""
    name, instructions = None, []
    for line in disassembly.splitlines():
        start = FUNCTION.match(line)
        if start:
            if name:
                yield name, instructions
            name, instructions = start.group(1), []
            continue
        match = INSTRUCTION.match(line)
        if match:
            instructions.append((int(match.group(1), 16), match.group(2), match.group(3)))
    if name:
        yield name, instructions


def innermost_loops(instructions):
    """Loops without a loop inside: from the target of a backward jump up to the jump."""
    first = instructions[0][0] if instructions else 0
    loops = set()
    for address, mnemonic, operands in instructions:
        target = JUMP_TARGET.match(operands) if mnemonic.startswith("j") else None
        if target and first <= int(target.group(1), 16) <= address:
            loops.add((int(target.group(1), 16), address))
    for begin, end in sorted(loops):
        if not any(begin <= b and e <= end and (b, e) != (begin, end) for b, e in loops):
            yield [instruction for instruction in instructions if begin <= instruction[0] <= end]


def multiplying_loops(instructions):
    for loop in innermost_loops(instructions):
        if any(MULTIPLY_ADD.match(mnemonic) for _, mnemonic, _ in loop):
            yield loop


def spills(instructions, loop):
    """Vector stores to the stack. %rbp points there only in functions that set it up as their frame pointer."""
    has_frame = any(instruction[1:] == FRAME_POINTER for instruction in instructions)
    for address, mnemonic, operands in loop:
        match = VECTOR_STORE.match(operands)
        if mnemonic.startswith("vmov") and match and (match.group(1) == "rsp" or has_frame):
            yield f"{address:x}: {mnemonic} {operands}"


def check_tiles(disassembly):
    """(number of multiplying loops seen in tiles, faults)."""
    seen, faults = 0, []
    for name, instructions in functions(disassembly):
        if "tile" not in name:
            continue
        for loop in multiplying_loops(instructions):
            seen += 1
            faults.extend(f"{name}: vector spill in its loop: {spill}" for spill in spills(instructions, loop))
    return seen, faults


def check_isa(isa, objects):
    """Faults of one ISA. Vector ISAs must show at least one tile, or the check would pass by looking at nothing."""
    faults, tiles = [], 0
    for path in objects:
        faults.extend(f"{path}: {fault}" for fault in leaks(isa, run("nm", "-C", "--defined-only", path)))
        if isa == "scalar":
            continue
        seen, found = check_tiles(run("objdump", "-d", "-C", "--no-show-raw-insn", path))
        tiles += seen
        faults.extend(f"{path}: {fault}" for fault in found)
    if isa != "scalar" and tiles == 0:
        faults.append(f"{isa}: no register tile found: none of the functions named *tile* has a loop of multiply-adds")
    return tiles, faults


def parse(arguments):
    parser = argparse.ArgumentParser(description="Check kernel objects for leaks between ISAs and for vector spills.")
    parser.add_argument("--isa", action="append", nargs="+", required=True, metavar=("NAME", "OBJECT"))
    return parser.parse_args(arguments).isa


def main(arguments):
    all_faults = []
    for isa, *objects in parse(arguments):
        tiles, faults = check_isa(isa, objects)
        print(f"{isa}: {len(objects)} objects, {tiles} loops of register tiles, {len(faults)} faults")
        all_faults.extend(faults)
    print("\n".join(all_faults))
    return 1 if all_faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
