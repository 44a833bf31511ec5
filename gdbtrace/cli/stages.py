"""``gdbtrace stages``: when a machine reaches the stages of its boot."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gdbtrace.cli.output import ExitStatus, ProgressLine, TableConsole, complain, printable
from gdbtrace.cli.tracing import Architecture, Board, Qemu, Timeout, machine_options, on_interrupt
from gdbtrace.errors import UsageError
from gdbtrace.machine.stages import parse_stage
from gdbtrace.record.stages import Boot, BootEnd, BootObserver, measure

_STATUS_OF = {
    BootEnd.TIMEOUT: ExitStatus.TIMEOUT,
    BootEnd.INTERRUPTED: ExitStatus.INTERRUPTED,
    BootEnd.DIED: ExitStatus.TOOL_FAILED,
}


def stages(
    board: Board,
    image: Annotated[Path | None, typer.Argument(help="The machine's image.", show_default=False)] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=ADDRESS|SYMBOL", help="A stage beside those of the machine's profile. May be repeated."
        ),
    ] = None,
    to_end: Annotated[
        bool, typer.Option("--to-end", help="Go on when all stages are reached, until the machine ends.")
    ] = False,
    arch: Architecture = None,
    qemu: Qemu = None,
    timeout: Timeout = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a --machine at full speed and print when it reaches each stage of its boot, and when it ends.

    Nothing is stepped and nothing is recorded: there is a breakpoint at each stage until it is reached.
    """
    if board.machine is None and board.machine_args is None:
        raise UsageError("give the --machine that boots")
    given = dict(parse_stage(text) for text in stage or ())
    timed = replace(board, icount="off" if board.icount is None else board.icount)
    options = machine_options(timed, image, arch=arch, qemu=qemu, timeout=timeout)
    # Until there is something to keep, a polite kill takes the way of Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    line = ProgressLine()
    # The console's own lines would be torn by ours.
    shows = board.console is not None and sys.stderr.isatty()

    def show(reached: str, seconds: float) -> None:
        line.show(f"{seconds:.1f} s, {f'since {reached}' if reached else 'no stage yet'}")

    try:
        boot = measure(options, given, BootObserver(show if shows else None, complain, on_interrupt), to_end=to_end)
    finally:
        line.clear()
    if as_json:
        print(json.dumps(_as_json(boot)))
    else:
        _show(boot)
    if boot.end is BootEnd.DIED:
        complain(boot.detail)
    raise typer.Exit(_STATUS_OF.get(boot.end, ExitStatus.DONE))


def _show(boot: Boot) -> None:
    reached = [each for each in boot.stages if each.seconds is not None]
    missed = [each for each in boot.stages if each.seconds is None]
    table = Table(box=None, pad_edge=False, header_style="bold")
    has_own_time = any(each.guest_seconds is not None for each in reached)
    columns = ["seconds", "lasts", "share", *(["guest's time"] if has_own_time else []), "vcpu", "address"]
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("stage")
    times = pairwise([*(each.seconds or 0.0 for each in reached), boot.seconds])
    for each, (began, end) in zip(reached, times, strict=True):
        share = (end - began) / boot.seconds if boot.seconds else 0.0
        guest = "-" if each.guest_seconds is None else f"{each.guest_seconds:.3f}"
        table.add_row(
            *(f"{began:.3f}", f"{end - began:.3f}", f"{share:.1%}", *([guest] if has_own_time else [])),
            *(str(each.vcpu), f"{each.address:#x}", printable(each.name)),
        )
    table.add_row(f"{boot.seconds:.3f}", *[""] * (len(columns) - 1), f"end: {printable(boot.detail or boot.end.value)}")
    console = TableConsole()
    console.print(table)
    if missed:
        names = ", ".join(f"{printable(each.name)} ({each.address:#x})" for each in missed)
        console.print(f"\nnot reached: {names}", soft_wrap=True)


def _as_json(boot: Boot) -> dict[str, object]:
    return {
        "machine": boot.machine,
        "stages": [
            {
                "stage": each.name,
                "address": each.address,
                "seconds": None if each.seconds is None else round(each.seconds, 6),
                "guest_seconds": each.guest_seconds,
                "vcpu": each.vcpu,
            }
            for each in boot.stages
        ],
        "end": {"outcome": boot.end.name.lower(), "detail": boot.detail, "seconds": round(boot.seconds, 6)},
    }
