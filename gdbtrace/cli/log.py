"""``gdbtrace log``: one line per instruction."""

from __future__ import annotations

import itertools
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.cli.output import printable
from gdbtrace.cli.traces import ReadingOptions, open_reading
from gdbtrace.report.instruction_log import LogLines, memtrace_line
from gdbtrace.trace.frames import StdFrame


class LogFormat(Enum):
    """What ``--format`` takes."""

    EXECLOG = "execlog"
    """vCPU, address, bytes, disassembly, memory accesses, symbol."""
    MEMTRACE = "memtrace"
    """The line format of the oracle plugin: vCPU, address, bytes, accesses with sizes."""


def log(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    reading_options: ReadingOptions,
    log_format: Annotated[LogFormat, typer.Option("--format", help="Format of a line.")] = LogFormat.EXECLOG,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N lines.")] = None,
) -> None:
    """Print one line per instruction of TRACE."""
    with open_reading(trace, reading_options) as reading:
        if log_format is LogFormat.MEMTRACE:
            lines = (memtrace_line(frame) for frame in reading if isinstance(frame, StdFrame))
        else:
            log_lines = LogLines(reading.disassembly, reading.symbols)
            lines = (printable(log_lines.line(frame)) for frame in reading if isinstance(frame, StdFrame))
        for line in itertools.islice(lines, limit and min(limit, sys.maxsize)):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
