"""``gdbtrace run``: trace a program, or firmware on a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.cli.expanded import values_of
from gdbtrace.cli.tracing import Guest, Manner, Qemu, Window, carry_out, guest_options


def run(
    guest: Guest,
    window: Window,
    manner: Manner,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Trace file [default: PROGRAM.frames or MACHINE.frames].")
    ] = None,
    qemu: Qemu = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Trace PROGRAM under QEMU, or firmware on a --machine, instruction by instruction, into a bap-frame file.

    The guest's own output passes through.  When the trace ends before the guest does, the guest is ended.
    """
    options = guest_options(guest, output=output, qemu=qemu, **values_of(window), **values_of(manner))
    carry_out(options, guest.symbols, as_json=as_json)
