"""``gdbtrace check``: whether two runs of one guest are the same."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.cli.expanded import values_of
from gdbtrace.cli.masks import MaskOptions, tolerance_of
from gdbtrace.cli.output import ExitStatus, complain, printable
from gdbtrace.cli.tracing import (
    STATUS_OF,
    Architecture,
    Guest,
    Window,
    complain_of_gaps,
    guest_options,
    recorded,
    summary_as_json,
)
from gdbtrace.errors import UsageError
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import MachineOptions, Outcome, RunOptions, Summary, TraceOptions
from gdbtrace.regression.check import Check, Contest, twice, with_both_engines, with_emulators, with_processor
from gdbtrace.regression.check import check as check_runs


@dataclass(frozen=True, slots=True)
class Ways:
    """In which two ways the guest is run; twice in the same where nothing is said."""

    engines: Annotated[bool, typer.Option("--engines", help="Commanded by gdb, and by our own client.")] = False
    qemu: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="The QEMU to use, or the directory that it is in; given twice, both, and their runs are compared.",
        ),
    ] = None
    native: Annotated[
        bool, typer.Option("--native", help="Under QEMU, and on this machine's processor under gdbserver.")
    ] = False


def check(
    guest: Guest,
    window: Window,
    ways: Ways,
    masks: MaskOptions,
    arch: Architecture = None,
    registers: Annotated[RegisterLists, typer.Option(help="Which registers a frame lists.")] = RegisterLists.STANDARD,
    keep: Annotated[Path | None, typer.Option(metavar="DIR", help="Where both traces stay if they differ.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run PROGRAM, or firmware on a --machine, twice and show where the runs differ: exit status 0 if they do not.

    Are two runs the same? Do both engines see the same? Do two QEMUs? Does QEMU do as the processor does?
    Nothing that the guest prints is shown.
    """
    qemus = ways.qemu or []
    options = guest_options(
        guest, arch=arch, registers=registers, qemu=qemus[0] if qemus else None, **values_of(window)
    )
    contest = _contest(options, ways, qemus, tolerance_of(masks))

    def run(side: TraceOptions) -> Summary:
        try:
            return recorded(side, guest.symbols)
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    result = check_runs(contest, run, keep, guest.elf)
    if as_json:
        print(json.dumps(_as_json(contest, result)))
    else:
        for line in _as_text(contest, result):
            print(printable(line))
    for summary in result.summaries:
        complain_of_gaps(summary)
    if result.cut_short is not None:
        advice = "; a --limit ends both runs at the same instruction" if result.cut_short is Outcome.TIMEOUT else ""
        complain(f"{result.cut_short.value}: nothing was compared{advice}")
        raise typer.Exit(STATUS_OF[result.cut_short])
    raise typer.Exit(ExitStatus.DONE if result.is_equal else ExitStatus.DIFFERENT)


def _contest(options: RunOptions | MachineOptions, ways: Ways, qemus: Sequence[Path], tolerance: Tolerance) -> Contest:
    """Who runs against whom.

    :raise UsageError: the options ask for several things, or for one that is not.
    """
    asked = {"--engines": ways.engines, "two --qemu": len(qemus) > 1, "--native": ways.native}
    if len(given := [name for name, is_asked in asked.items() if is_asked]) > 1:
        raise UsageError(f"{' and '.join(given)}: one comparison at a time")
    if len(qemus) > 2:
        raise UsageError("--qemu: one QEMU, or two to compare")
    if ways.engines:
        if options.engine is not EngineChoice.AUTO:
            raise UsageError("--engine: --engines takes both")
        return with_both_engines(options, tolerance)
    if ways.native:
        if not isinstance(options, RunOptions):
            raise UsageError("--native: only a program has that, not a machine")
        return with_processor(options, tolerance)
    if len(qemus) > 1:
        return with_emulators(options, qemus[0], qemus[1], tolerance)
    return twice(options, tolerance)


def _as_text(contest: Contest, result: Check) -> Iterator[str]:
    sides = [(side.name, summary) for side, summary in zip(contest.sides, result.summaries, strict=False)]
    if result.comparison is not None:
        yield "equal" if result.is_equal else "different"
    for name, summary in sides:
        yield f"{name}: {summary.instructions:,} instructions in {summary.seconds:.1f} s; {summary.end}"
    if result.comparison is not None:
        yield from result.comparison.lines


def _as_json(contest: Contest, result: Check) -> dict[str, object]:
    return {
        "equal": result.is_equal,
        "runs": [
            {"name": side.name, **summary_as_json(summary)}
            for side, summary in zip(contest.sides, result.summaries, strict=False)
        ],
        "divergence": None if result.comparison is None else result.comparison.facts,
    }
