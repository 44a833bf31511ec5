"""``gdbtrace attach``: trace what is behind somebody's stub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.cli.expanded import values_of
from gdbtrace.cli.tracing import Manner, Window, carry_out
from gdbtrace.record.options import AttachOptions


def attach(
    endpoint: Annotated[str, typer.Argument(help="HOST:PORT, or the path of a unix socket.", show_default=False)],
    window: Window,
    manner: Manner,
    elf: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the symbols are.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Trace file [default: ELF.frames or attach.frames].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Trace what a gdbstub at ENDPOINT stands for: gdbserver, OpenOCD, Renode, a QEMU of your own.

    The target is left where the trace ends, and runs on.
    """
    options = AttachOptions(endpoint, elf, output=output, **values_of(window), **values_of(manner))
    carry_out(options, elf, as_json=as_json)
