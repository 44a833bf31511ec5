"""``gdbtrace repair``: a readable trace from a damaged or unfinished one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.cli.output import printable
from gdbtrace.errors import UsageError
from gdbtrace.trace.repair import repair as repair_trace


def repair(
    trace: Annotated[Path, typer.Argument(help="The damaged trace, often `NAME.frames.part`.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The repaired trace [default: TRACE without `.part`].")
    ] = None,
) -> None:
    """Keep every whole frame of TRACE and write a closed trace of them. TRACE itself is left as it is."""
    if output is None:
        if trace.suffix != ".part":
            raise UsageError(f"{trace}: does not end in .part, so say with -o where the repaired trace goes")
        output = trace.with_suffix("")
        if output.exists():
            raise UsageError(f"{output}: exists already; say with -o where the repaired trace goes")
    report = repair_trace(trace, output)
    print(printable(f"{report.frames:,} whole frames in {output}; {report.bytes_dropped:,} bytes dropped"))
