"""What missed in the caches, as QEMU's cache plugin prints it and as JSON; a trace as dinero's input."""

from __future__ import annotations

from dataclasses import asdict
from typing import TextIO

from gdbtrace.analysis.cache import (
    FETCH,
    LAST_ADDRESS,
    LOAD,
    STORE,
    CacheOptions,
    CacheResult,
    CoreTallies,
    Kind,
    MissingInstruction,
    Tally,
    accesses_of,
)
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.trace.frames import Frame, StdFrame

_HEADINGS = {Kind.DATA: "data misses", Kind.FETCH: "fetch misses", Kind.L2: "L2 misses"}
_NAMES = {Kind.DATA: "data", Kind.FETCH: "fetch", Kind.L2: "l2"}


class CacheReport:
    """Formats a result.

    :param count: how many of the top missing instructions are listed.
    """

    def __init__(self, options: CacheOptions, result: CacheResult, disassembly: Disassembly, count: int) -> None:
        self._options, self._result, self._disassembly = options, result, disassembly
        kinds = Kind if options.l2 else (Kind.DATA, Kind.FETCH)
        self._top: dict[Kind, list[MissingInstruction]] = {kind: result.top(kind, count) for kind in kinds}
        disassembly.learn([each.key for instructions in self._top.values() for each in instructions])

    def lines(self) -> list[str]:
        """QEMU's columns. The place in the source stands with the symbol."""
        has_l2 = self._options.l2 is not None
        lines = [
            "core #, data accesses, data misses, dmiss rate, insn accesses, insn misses, imiss rate"
            + (", l2 accesses, l2 misses, l2 miss rate" if has_l2 else "")
        ]
        lines += [_tallies_line(str(number), core) for number, core in self._result.cores.items()]
        if len(self._result.cores) > 1:
            lines.append(_tallies_line("sum", self._result.total))
        for kind, instructions in self._top.items():
            lines += ["", f"address, {_HEADINGS[kind]}, instruction"]
            lines += [self._instruction_line(each, kind) for each in instructions]
        return lines

    def facts(self) -> dict[str, object]:
        """For JSON."""
        options = self._options
        return {
            "l1i": asdict(options.l1i),
            "l1d": asdict(options.l1d),
            "l2": asdict(options.l2) if options.l2 else None,
            "evict": options.eviction,
            "cores": {str(number): _tallies_facts(core) for number, core in self._result.cores.items()},
            "sum": _tallies_facts(self._result.total),
            "top": {
                _NAMES[kind]: [self._instruction_facts(each, kind) for each in instructions]
                for kind, instructions in self._top.items()
            },
        }

    def _instruction_line(self, instruction: MissingInstruction, kind: Kind) -> str:
        place = " at ".join(filter(None, (instruction.symbol, str(instruction.line or ""))))
        where = f"{instruction.key[0]:#x}" + (f" ({place})" if place else "")
        return f"{where}, {instruction.misses[kind]}, {self._disassembly.at(*instruction.key).text}"

    def _instruction_facts(self, instruction: MissingInstruction, kind: Kind) -> dict[str, object]:
        line = instruction.line
        return {
            "address": f"{instruction.key[0]:#x}",
            "symbol": instruction.symbol or None,
            "file": line.file if line else None,
            "line": line.line if line else None,
            "misses": instruction.misses[kind],
            "instruction": self._disassembly.at(*instruction.key).text,
        }


def _tallies_line(name: str, core: CoreTallies) -> str:
    line = f"{name:<8}{_l1(core.data)}  {_l1(core.fetch)}"
    if core.l2 is not None:
        line += f"  {core.l2.accesses:<12} {core.l2.misses:<11} {100 * core.l2.miss_rate:10.4f}%"
    return line


def _l1(tally: Tally) -> str:
    return f"{tally.accesses:<14} {tally.misses:<12} {100 * tally.miss_rate:9.4f}%"


def _tallies_facts(core: CoreTallies) -> dict[str, object]:
    named = {"data": core.data, "fetch": core.fetch, "l2": core.l2}
    return {
        name: tally and {"accesses": tally.accesses, "misses": tally.misses, "miss_rate": tally.miss_rate}
        for name, tally in named.items()
    }


class DinWriter:
    """Writes a trace in dinero's input format: a label (0 load, 1 store, 2 fetch) and the address in hexadecimal.

    The format has no sizes, so there is a line for each block of L1 that an access looks up.
    """

    def __init__(self, stream: TextIO, options: CacheOptions) -> None:
        self._write = stream.write
        l1i, l1d = options.l1i.block_bytes, options.l1d.block_bytes
        self._block_bytes = {LOAD: l1d, STORE: l1d, FETCH: l1i}
        self._first_block_only = options.first_block_only

    def feed(self, frame: Frame) -> None:
        """Take one frame."""
        if not isinstance(frame, StdFrame):
            return
        for direction, address, size in accesses_of(frame):
            self._write(f"{direction} {address:x}\n")
            if not self._first_block_only:
                block_bytes = self._block_bytes[direction]
                for further in range(address - address % block_bytes + block_bytes, address + size, block_bytes):
                    self._write(f"{direction} {further & LAST_ADDRESS:x}\n")
