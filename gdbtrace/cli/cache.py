"""``gdbtrace cache``: what would miss in caches."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.cache import CacheAnalysis, CacheOptions, Geometry
from gdbtrace.cli.output import open_text_output, printable, refuse_to_overwrite
from gdbtrace.cli.traces import ReadingOptions, open_reading, showing_what_was_read
from gdbtrace.errors import UsageError
from gdbtrace.opening import is_of_machine
from gdbtrace.report.cache_report import CacheReport, DinWriter

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}
_GEOMETRY = re.compile(r"(\d{1,20})([KM]?)(?:,(\d{1,20}))?(?:,(\d{1,20}))?", re.ASCII | re.IGNORECASE)
_L1, _L2 = Geometry(16 << 10, 64, 8), Geometry(2 << 20, 64, 16)
"""As QEMU's plugin has them if it is not told otherwise."""


class Eviction(Enum):
    """What ``--evict`` takes: names of :data:`~gdbtrace.analysis.cache.EVICTIONS`."""

    LRU = "lru"
    FIFO = "fifo"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class CacheShape:
    """The caches that are simulated."""

    l1i: Annotated[
        str, typer.Option(metavar="SIZE[,BLOCK[,WAYS]]", help="L1 instruction cache, in bytes; K and M for the size.")
    ] = "16K,64,8"
    l1d: Annotated[str, typer.Option(metavar="SIZE[,BLOCK[,WAYS]]", help="L1 data cache.")] = "16K,64,8"
    l2: Annotated[
        str | None,
        typer.Option(metavar="SIZE[,BLOCK[,WAYS]]", help="Unified L2 cache; 64 and 16 if only SIZE is said."),
    ] = None
    evict: Annotated[Eviction, typer.Option(help="Which block of a full set is thrown out.")] = Eviction.LRU
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the random numbers for --evict random.")] = 0
    cores: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="vCPU or thread T runs on core T modulo N, each with its own caches "
            "[default: a core for each vCPU of a machine, one core for a program].",
        ),
    ] = None
    first_block: Annotated[
        bool,
        typer.Option("--first-block", help="Look up only the block of an access's first byte, as QEMU's plugin does."),
    ] = False

    def options(self, *, is_machine: bool) -> CacheOptions:
        """What the analysis takes.

        :raise UsageError: there is no such cache.
        """
        l1i, l1d = _geometry("--l1i", self.l1i, _L1), _geometry("--l1d", self.l1d, _L1)
        l2 = None if self.l2 is None else _geometry("--l2", self.l2, _L2)
        cores = self.cores or (None if is_machine else 1)
        try:
            return CacheOptions(l1i, l1d, l2, self.evict.value, self.seed, cores, self.first_block)
        except ValueError as error:
            raise UsageError(f"--l2 {self.l2}: {error}") from error


def cache(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    reading_options: ReadingOptions,
    shape: CacheShape,
    top: Annotated[int, typer.Option(min=0, metavar="N", help="List the N instructions that miss most.")] = 10,
    din: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the accesses to FILE, as dinero reads them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what of TRACE misses in an L1 instruction, an L1 data and a unified L2 cache."""
    refuse_to_overwrite([trace], [din])
    with showing_what_was_read() as reads, open_reading(trace, reading_options) as reading:
        options = shape.options(is_machine=is_of_machine(reading.reader))
        analysis = CacheAnalysis(options, reading.symbols)
        with open_text_output(din) if din else nullcontext() as stream:
            writer = DinWriter(stream, options) if stream else None
            for frame in reads.frames_of(reading):
                analysis.feed(frame)
                if writer is not None:
                    writer.feed(frame)
        report = CacheReport(options, analysis.result(), reading.disassembly, top)
        if as_json:
            print(json.dumps(report.facts()))
        else:
            for line in report.lines():
                print(printable(line))


def _geometry(option: str, text: str, default: Geometry) -> Geometry:
    found = _GEOMETRY.fullmatch(text)
    if found is None:
        raise UsageError(f"{option} {text}: must be SIZE[,BLOCK[,WAYS]], numbers of bytes, bytes and blocks; 16K,64,8")
    size, unit, block, ways = found.groups()
    try:
        return Geometry(int(size) * _UNITS[unit.upper()], int(block or default.block_bytes), int(ways or default.ways))
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error
