"""``gdbtrace log``: one line per instruction."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.disassembly import Syntax
from gdbtrace.cli.output import printable
from gdbtrace.cli.traces import ReadingOptions, open_reading, with_progress
from gdbtrace.errors import UsageError
from gdbtrace.report.instruction_log import JsonLog, LogLines, LogOptions, memtrace_line
from gdbtrace.trace import open_trace
from gdbtrace.trace.follow import TraceFollower
from gdbtrace.trace.frames import Frame, StdFrame


class LogFormat(Enum):
    """What ``--format`` takes."""

    EXECLOG = "execlog"
    """As QEMU's execlog plugin: vCPU, address, opcode, disassembly, memory accesses; then changed registers, symbol."""
    MEMTRACE = "memtrace"
    """The line format of the oracle plugin: vCPU, address, bytes, accesses with sizes."""


@dataclass(frozen=True, slots=True)
class ShowingOptions:
    """What lines show, and which there are."""

    log_format: Annotated[LogFormat, typer.Option("--format", help="Format of a line.")] = LogFormat.EXECLOG
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per instruction, a line each.")] = False
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N instructions.")] = None
    ifilters: Annotated[
        list[str] | None,
        typer.Option("--ifilter", metavar="PREFIX", help="Only instructions whose text begins so. Repeatable."),
    ] = None
    afilters: Annotated[
        list[str] | None,
        typer.Option("--afilter", metavar="ADDRESS", help="Or those at this address, hexadecimal. Repeatable."),
    ] = None
    values: Annotated[bool, typer.Option("--values", help="Show the values of memory accesses.")] = False
    registers: Annotated[
        list[str] | None,
        typer.Option("--reg", metavar="GLOB", help="Show these registers where they change. Repeatable."),
    ] = None
    symbols: Annotated[bool, typer.Option(" /--no-symbols", help="Leave the symbols out.")] = True
    source: Annotated[bool, typer.Option("--source", help="Show lines of source, as comments.")] = False
    events: Annotated[
        bool, typer.Option("--events", help="Show system calls, exceptions, modules and key frames, as comments.")
    ] = False
    syntax: Annotated[Syntax, typer.Option(help="How x86 is written; execlog's way is att.")] = Syntax.ATT
    follow: Annotated[bool, typer.Option("--follow", help="Go on while TRACE is being written.")] = False


def log(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    reading_options: ReadingOptions,
    showing: ShowingOptions,
) -> None:
    """Print one line per instruction of TRACE."""
    options = _options_of(showing)
    opener = partial(TraceFollower, on_wait=sys.stdout.flush) if showing.follow else open_trace
    with open_reading(trace, reading_options, opener) as reading:
        if showing.log_format is LogFormat.MEMTRACE:
            lines_of: Callable[[Frame], Sequence[str]] = _memtrace_lines
        else:
            lines_of = (JsonLog if showing.as_json else LogLines)(reading, options).lines
        write, left = sys.stdout.write, showing.limit or -1
        for frame in with_progress(reading, is_streaming=True):
            lines = lines_of(frame)
            for line in lines:
                write(printable(line) + "\n")
            if lines and type(frame) is StdFrame:
                left -= 1
                if not left:
                    break
        sys.stdout.flush()


def _memtrace_lines(frame: Frame) -> Sequence[str]:
    return (memtrace_line(frame),) if isinstance(frame, StdFrame) else ()


def _options_of(showing: ShowingOptions) -> LogOptions:
    options = LogOptions(
        showing.symbols,
        showing.values,
        tuple(showing.registers or ()),
        showing.source,
        showing.events,
        tuple(showing.ifilters or ()),
        frozenset(map(_address, showing.afilters or ())),
        showing.syntax,
    )
    plain = LogOptions(showing.symbols, syntax=showing.syntax)
    if showing.log_format is LogFormat.MEMTRACE and (showing.as_json or options != plain):
        raise UsageError("--format memtrace takes no --json, --values, --reg, --source, --events, --ifilter, --afilter")
    return options


def _address(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise UsageError(f"--afilter {text}: must be a hexadecimal number") from None
