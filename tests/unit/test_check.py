"""Two runs compared: who runs against whom, and what comes of it. What a run records are the committed traces."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace.analysis.divergence import DivergenceKind
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.errors import TargetDied, UsageError
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import MachineOptions, NativeOptions, Outcome, RunOptions, Summary, TraceOptions
from gdbtrace.regression.check import (
    OF_THE_PROCESSOR,
    Contest,
    check,
    twice,
    with_both_engines,
    with_emulators,
    with_processor,
)
from gdbtrace.trace import TraceWriter, open_trace
from gdbtrace.trace.codec import encode_frame
from gdbtrace.trace.frames import StdFrame

TRACE = Path(__file__).parents[1] / "traces" / "aarch64.frames"
PROGRAM = RunOptions(program=Path("program"), limit=7)
BOARD = MachineOptions(machine="virt-arm")
TOLERANCE = Tolerance(instructions=("rdtsc",))
ENDED = Summary(
    outcome=Outcome.EXITED,
    path=Path(),
    frames=1,
    instructions=1,
    seconds=1.0,
    arch="aarch64",
    engine="rsp",
    exit_status=42,
    signal=None,
    gaps=(),
    unknown_operands=0,
    registers_compared=0,
)


class Runs:
    """Records committed traces, in place of QEMU, and keeps the options that it was given."""

    def __init__(self, *ends: Summary, change: Callable[[StdFrame], StdFrame] | None = None) -> None:
        self._ends = list(ends)
        self._change = change
        self.options: list[TraceOptions] = []

    def __call__(self, options: TraceOptions) -> Summary:
        assert options.output is not None
        self.options.append(options)
        if self._change is not None and len(self.options) == 2:
            write_changed(options.output, self._change)
        else:
            shutil.copy(TRACE, options.output)
        return replace(self._ends[len(self.options) - 1], path=options.output)


def write_changed(path: Path, change: Callable[[StdFrame], StdFrame]) -> None:
    """The trace with its instruction number 10 changed."""
    with open_trace(TRACE) as reader:
        assert reader.meta is not None
        with TraceWriter(path, reader.header, reader.meta) as writer:
            for number, frame in enumerate(reader):
                writer.write(encode_frame(change(frame) if number == 10 and isinstance(frame, StdFrame) else frame))


def next_address(frame: StdFrame) -> StdFrame:
    return replace(frame, address=frame.address + 4)


def test_a_run_against_itself() -> None:
    contest = twice(PROGRAM, TOLERANCE)
    assert [side.options for side in contest.sides] == [PROGRAM, PROGRAM]
    assert contest.tolerance == TOLERANCE


def test_one_engine_against_the_other() -> None:
    contest = with_both_engines(PROGRAM, TOLERANCE)
    assert [side.options.engine for side in contest.sides] == [EngineChoice.GDB, EngineChoice.RSP]
    assert all(replace(side.options, engine=EngineChoice.AUTO) == PROGRAM for side in contest.sides)


@pytest.mark.parametrize(("options", "is_relocated"), [(PROGRAM, True), (BOARD, False)])
def test_one_qemu_against_another(options: RunOptions | MachineOptions, is_relocated: bool) -> None:
    contest = with_emulators(options, Path("old"), Path("new"), TOLERANCE)
    assert [side.options for side in contest.sides] == [
        replace(options, qemu=Path("old")),
        replace(options, qemu=Path("new")),
    ]
    assert contest.tolerance == replace(TOLERANCE, is_relocated=is_relocated)


def test_qemu_against_the_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    options = replace(PROGRAM, arguments=("x",), environment={"A": "b"})
    contest = with_processor(options, TOLERANCE)
    emulated, native = (side.options for side in contest.sides)
    path = tmp_path / "program"
    assert emulated == replace(options, program=path)
    assert native == NativeOptions(program=path, arguments=("x",), environment={"A": "b"}, limit=7)
    assert contest.tolerance == Tolerance(instructions=("rdtsc", *OF_THE_PROCESSOR), events=False, is_relocated=True)


@pytest.mark.parametrize("name", ["stdin", "sysroot"])
def test_what_a_program_on_the_processor_has_not(name: str) -> None:
    with pytest.raises(UsageError, match=f"--{name}: a program on this machine's processor has none"):
        with_processor(replace(PROGRAM, **{name: Path("x")}), TOLERANCE)


def test_equal_runs_leave_nothing(tmp_path: Path) -> None:
    runs = Runs(ENDED, ENDED)
    result = check(twice(PROGRAM, TOLERANCE), runs, tmp_path / "kept")
    assert result.is_equal
    assert list((tmp_path / "kept").iterdir()) == []
    # And nobody watched them: the guest meets the null device, both times
    for options in runs.options:
        assert isinstance(options, RunOptions)
        assert (options.stdin, options.stdout) == (Path("/dev/null"), Path("/dev/null"))


def test_a_machines_console_is_not_seen(tmp_path: Path) -> None:
    runs = Runs(ENDED, ENDED)
    check(twice(BOARD, TOLERANCE), runs)
    consoles = [options.console for options in runs.options if isinstance(options, MachineOptions)]
    assert consoles == [Path("/dev/null")] * 2


def test_different_runs_are_kept_where_that_is_wanted(tmp_path: Path) -> None:
    runs = Runs(ENDED, ENDED, change=next_address)
    result = check(twice(PROGRAM, TOLERANCE), runs, tmp_path)
    assert not result.is_equal
    comparison = result.comparison
    assert comparison is not None
    assert comparison.divergence is not None
    assert (comparison.divergence.kind, comparison.divergence.left.number) == (DivergenceKind.CONTROL_FLOW, 10)
    assert comparison.facts is not None
    assert comparison.facts["kind"] == "control flow"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.frames", "second.frames"]


def test_without_keep_nothing_stays() -> None:
    runs = Runs(ENDED, ENDED, change=next_address)
    check(twice(PROGRAM, TOLERANCE), runs)
    assert not any(options.output is None or options.output.parent.exists() for options in runs.options)


@pytest.mark.parametrize(
    "other",
    [replace(ENDED, exit_status=1), replace(ENDED, outcome=Outcome.KILLED, exit_status=None, signal=11)],
    ids=["status", "signal"],
)
def test_guests_that_end_differently_are_different(other: Summary) -> None:
    result = check(twice(PROGRAM, TOLERANCE), Runs(ENDED, other))
    assert result.comparison is not None
    assert result.comparison.is_equal
    assert not result.is_equal


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.INTERRUPTED])
def test_a_run_that_was_cut_short_is_not_compared(outcome: Outcome) -> None:
    runs = Runs(replace(ENDED, outcome=outcome))
    result = check(twice(PROGRAM, TOLERANCE), runs)
    assert (result.cut_short, result.comparison, len(runs.options)) == (outcome, None, 1)


def test_a_failure_says_in_which_run() -> None:
    def fail(options: TraceOptions) -> Summary:
        error = TargetDied("QEMU is gone")
        error.add_note(f"kept: 3 frames in {options.output}")
        raise error

    contest: Contest = with_emulators(PROGRAM, Path("old"), Path("new"), TOLERANCE)
    with pytest.raises(TargetDied) as error:
        check(contest, fail)
    # And not that something is kept, which is not
    assert error.value.__notes__ == ["in the run with old"]
