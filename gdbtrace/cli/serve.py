"""``gdbtrace serve``: a person's own gdb in front of the tracer."""

from __future__ import annotations

from typing import Annotated

import typer

from gdbtrace.cli.expanded import values_of
from gdbtrace.cli.output import complain, printable
from gdbtrace.cli.tracing import Guest, Manner, Qemu, guest_options, on_interrupt
from gdbtrace.errors import UsageError
from gdbtrace.record.options import Observer
from gdbtrace.record.run import target_of
from gdbtrace.record.serve import serve as serve_target

_LOOPBACK = "127.0.0.1"


def serve(
    guest: Guest,
    manner: Manner,
    qemu: Qemu = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Listen on this port of the loopback interface, not on a private socket."),
    ] = None,
) -> None:
    """Start PROGRAM, or a --machine, stopped, and serve it to one gdb (or IDE): `target remote` what is printed.

    All that gdb does is passed on to QEMU.  Beside that there are `monitor gdbtrace record FILE`, `step N`,
    `until PLACE`, `info`, `stop` and `help`: debug to the interesting place, and record from there.
    """
    if guest.until_console is not None:
        raise UsageError("--until-console: what is served is stopped at its beginning; say `continue` in gdb")

    def show(endpoint: str) -> None:
        print(f"target remote {printable(endpoint)}", flush=True)

    target = target_of(guest_options(guest, qemu=qemu, **values_of(manner)))
    listen = None if port is None else f"{_LOOPBACK}:{port}"
    for trace in serve_target(target, listen, Observer(None, complain, on_interrupt), show):
        print(f"{printable(str(trace.path))}: {trace.frames:,} frames")
