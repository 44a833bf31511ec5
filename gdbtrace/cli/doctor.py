"""``gdbtrace doctor``: try out this machine's QEMU, gdb and disassemblers, on each architecture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gdbtrace.arch.registry import ARCHITECTURES, architecture_named
from gdbtrace.cli.output import ExitStatus, ProgressLine, TableConsole, printable
from gdbtrace.doctor.probe import Problem, Report, examine
from gdbtrace.errors import UsageError

COLUMNS = ("arch", "qemu", "gdb", "decoder", "g", "system call", "exclusives", "trace", "problem")
_NO, _NONE = "no", "-"


def doctor(
    architectures: Annotated[
        list[str] | None, typer.Argument(metavar="ARCH", help="Only these.", show_default=False)
    ] = None,
    qemu: Annotated[
        Path | None,
        typer.Option(help="The emulator of the one ARCH, or a directory of emulators.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try out QEMU, gdb and the disassemblers of this machine, and trace a small program of each architecture.

    Exit status 1 if something that is installed does not work; what is not installed is only told.
    """
    archs = [architecture_named(name) for name in architectures or ARCHITECTURES]
    if qemu is not None and not qemu.exists():
        raise UsageError(f"--qemu {qemu}: no such file or directory; name an emulator, or a directory of emulators")
    if qemu is not None and not qemu.is_dir() and len(archs) != 1:
        raise UsageError("--qemu: one emulator is for one architecture: name it, or pass a directory of emulators")
    line = ProgressLine()
    reports = []
    try:
        for number, arch in enumerate(archs, 1):
            line.show(f"{arch.name} ({number} of {len(archs)})")
            reports.append(examine(arch, qemu / arch.qemu_user if qemu is not None and qemu.is_dir() else qemu))
    finally:
        line.clear()
    if as_json:
        print(json.dumps([{**asdict(report), "works": report.works} for report in reports]))
    else:
        _print_table(reports)
    raise typer.Exit(ExitStatus.DONE if all(report.works for report in reports) else ExitStatus.DIFFERENT)


def _print_table(reports: Sequence[Report]) -> None:
    """A row an architecture, and below it each problem once."""
    numbers: dict[Problem, int] = {}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in COLUMNS:
        table.add_column(heading, no_wrap=True)
    for report in reports:
        for problem in report.problems:
            numbers.setdefault(problem, len(numbers) + 1)
        table.add_row(*_cells(report), " ".join(str(numbers[problem]) for problem in report.problems) or _NONE)
    console = TableConsole()
    console.print(table)
    if any(report.swallows for report in reports):
        console.print(
            "\nswallows: a step over a system call executes the instruction after it too; gdbtrace runs to where the "
            "call returns",
            soft_wrap=True,
        )
    if any(report.live_locks for report in reports):
        console.print(
            "live-lock: an exclusive sequence that is stepped fails for ever; gdbtrace runs it again without a stop",
            soft_wrap=True,
        )
    for problem, number in numbers.items():
        kind = "" if problem.is_failure else "not installed: "
        console.print(printable(f"{number}: {kind}{problem.text}: {problem.remedy}"), soft_wrap=True)


def _cells(report: Report) -> list[str]:
    """The columns but the last."""
    knows_gdb = ARCHITECTURES[report.arch].gdb_architecture is not None
    swallows = {None: _NONE, True: "swallows", False: "one step"}
    live_locks = {None: _NONE, True: "live-lock", False: "survive"}
    if report.instructions is None:
        traced = _NO if report.qemu else _NONE
    else:
        traced = "right" if report.is_trace_right else "wrong"
    return [
        report.arch,
        report.qemu_version or _NO,
        report.gdb or (_NO if knows_gdb else "unknown to it"),
        report.decoder or _NO,
        str(report.core_bytes or _NONE),
        swallows[report.swallows],
        live_locks[report.live_locks],
        traced,
    ]
