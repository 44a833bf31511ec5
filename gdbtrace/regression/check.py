"""Running one guest in two ways, or twice in one, and comparing the traces."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.errors import GdbtraceError, OutputError, UsageError
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import (
    MachineOptions,
    NativeOptions,
    Outcome,
    RunOptions,
    Summary,
    TraceOptions,
)
from gdbtrace.record.run import record
from gdbtrace.regression.comparison import Comparison, compare_files

_NOWHERE = Path(os.devnull)
_CUT_SHORT = (Outcome.TIMEOUT, Outcome.INTERRUPTED)
_FILES = ("first.frames", "second.frames")
OF_THE_PROCESSOR = (
    *("syscall", "cpuid", "xgetbv", "sgdt *", "sidt *", "sldt *", "str *", "smsw *", "lar *", "lsl *"),
    *("fxsave* *", "xsave* *", "fnstenv *", "fnsave *"),
)
"""Instructions whose results are other ones under QEMU by design: docs/attach.md."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of both runs."""

    name: str
    """What tells it from the other one."""
    options: TraceOptions


@dataclass(frozen=True, slots=True)
class Contest:
    """Two runs that should be the same, and what may differ all the same."""

    sides: tuple[Side, Side]
    tolerance: Tolerance


@dataclass(frozen=True, slots=True)
class Check:
    """What came of it."""

    summaries: tuple[Summary, ...]
    """Of both runs; of the first alone where that was cut short."""
    comparison: Comparison | None
    """None: a run was cut short."""

    @property
    def cut_short(self) -> Outcome | None:
        """What ended a run before its time: a part of a run cannot be compared with a whole one."""
        return next((each.outcome for each in self.summaries if each.outcome in _CUT_SHORT), None)

    @property
    def ends_alike(self) -> bool:
        """Whether both guests came to the same end."""
        return len({(each.outcome, each.exit_status, each.signal) for each in self.summaries}) == 1

    @property
    def is_equal(self) -> bool:
        """Whether nothing but what is tolerated differs."""
        return self.comparison is not None and self.comparison.is_equal and self.ends_alike


def twice(options: TraceOptions, tolerance: Tolerance) -> Contest:
    """The same run twice: is it deterministic?"""
    return Contest((Side("first run", options), Side("second run", options)), tolerance)


def with_both_engines(options: TraceOptions, tolerance: Tolerance) -> Contest:
    """The same run, commanded by gdb and by our own client."""
    gdb, rsp = (
        Side(f"run with engine {each.value}", replace(options, engine=each))
        for each in (EngineChoice.GDB, EngineChoice.RSP)
    )
    return Contest((gdb, rsp), tolerance)


def with_emulators(options: RunOptions | MachineOptions, first: Path, second: Path, tolerance: Tolerance) -> Contest:
    """The same run under two QEMUs. Each lays a program's memory out in its own way; a machine's is the machine's.

    :param first: the program, or the directory that it is in.
    """
    left, right = (Side(f"run with {qemu}", replace(options, qemu=qemu)) for qemu in (first, second))
    return Contest(
        (left, right), replace(tolerance, is_relocated=tolerance.is_relocated or isinstance(options, RunOptions))
    )


def with_processor(options: RunOptions, tolerance: Tolerance) -> Contest:
    """The same program under QEMU and on this machine's processor, where system calls and modules have no frames.

    :raise UsageError: an option has no meaning there.
    """
    for name, value in {"--stdin": options.stdin, "--sysroot": options.sysroot, "--cpu": options.cpu}.items():
        if value is not None:
            raise UsageError(f"{name}: a program on this machine's processor has none")
    # gdbserver makes the path absolute, and the program sees it.
    options = replace(options, program=options.program.absolute())
    native = NativeOptions(
        **{name: getattr(options, name) for name in TraceOptions.__dataclass_fields__},
        program=options.program,
        arguments=options.arguments,
        environment=options.environment,
    )
    masked = replace(
        tolerance,
        events=False,
        is_relocated=True,
        instructions=(*tolerance.instructions, *OF_THE_PROCESSOR),
    )
    return Contest((Side("run under QEMU", options), Side("run on the processor", native)), masked)


def check(
    contest: Contest,
    run: Callable[[TraceOptions], Summary] = record,
    keep: Path | None = None,
    elf: Path | None = None,
) -> Check:
    """Record both runs, one after the other, and compare them up to the first divergence.

    :param run: records one.
    :param keep: a directory for the traces, which stay there where they differ; None: they do not stay.
    :param elf: where symbols are, if not where the trace says.
    :raise UsageError: the guest or an option is wrong.
    :raise ToolError: QEMU, gdb or the disk failed in one of the runs; a note says in which.
    """
    with _directory(keep) as directory:
        paths = [directory / name for name in _FILES]
        result = Check((), None)
        for side, path in zip(contest.sides, paths, strict=True):
            try:
                result = Check((*result.summaries, run(_unseen(side.options, path))), None)
            except GdbtraceError as error:
                if keep is None:
                    # The part of a trace that the recording tells of goes with the directory.
                    error.__notes__ = [note for note in getattr(error, "__notes__", ()) if not note.startswith("kept:")]
                error.add_note(f"in the {side.name}")
                raise
            if result.cut_short is not None:
                return result
        result = replace(result, comparison=compare_files(paths[0], paths[1], contest.tolerance, elf=elf))
        if result.is_equal:
            for path in paths:
                path.unlink()
        return result


def _unseen(options: TraceOptions, output: Path) -> TraceOptions:
    """Options for a run that nobody watches: what a guest meets in place of a terminal is the same in both."""
    options = replace(options, output=output)
    if isinstance(options, RunOptions):
        return replace(options, stdin=options.stdin or _NOWHERE, stdout=_NOWHERE)
    if isinstance(options, MachineOptions):
        return replace(options, console=options.console or _NOWHERE)
    return options


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="gdbtrace-") as directory:
            yield Path(directory)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(keep, error.strerror or str(error)) from error
    yield keep
