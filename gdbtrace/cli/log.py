"""``gdbtrace log``: one line per instruction."""

from __future__ import annotations

import itertools
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.cli.output import complain, printable
from gdbtrace.cli.traces import architecture_of_trace, image_of_trace
from gdbtrace.report.instruction_log import LogLines, memtrace_line
from gdbtrace.trace import open_trace
from gdbtrace.trace.frames import StdFrame


class LogFormat(Enum):
    """What ``--format`` takes."""

    EXECLOG = "execlog"
    """vCPU, address, bytes, disassembly, memory accesses, symbol."""
    MEMTRACE = "memtrace"
    """The line format of the oracle plugin: vCPU, address, bytes, accesses with sizes."""


def log(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    log_format: Annotated[LogFormat, typer.Option("--format", help="Format of a line.")] = LogFormat.EXECLOG,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N lines.")] = None,
    elf: Annotated[Path | None, typer.Option(metavar="FILE", help="The program, for symbols.")] = None,
    arch: Annotated[str | None, typer.Option(help="Architecture [default: what the trace says].")] = None,
) -> None:
    """Print one line per instruction of TRACE."""
    with open_trace(trace) as reader:
        if log_format is LogFormat.MEMTRACE:
            lines = (memtrace_line(frame) for frame in reader if isinstance(frame, StdFrame))
        else:
            log_lines = LogLines(architecture_of_trace(reader, arch), image_of_trace(reader, trace, elf))
            if log_lines.problem:
                complain(log_lines.problem)
            lines = (printable(line) for line in log_lines.lines(reader))
        for line in itertools.islice(lines, limit and min(limit, sys.maxsize)):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
