"""Whole programs against QEMU's own view of them, on every architecture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.trace import ExceptionFrame, Frame, StdFrame, SyscallFrame
from tests.exactness.programs import Program, all_programs
from tests.exactness.whole_run import (
    compare_with_log,
    compare_with_oracle,
    trace_once,
    trace_whole,
    unexplained_loads,
)
from tests.toolchain import Workshop

OF_SEVERAL_TESTS = {"guest", "sve"}
"""Programs whose traces are kept for the other tests that look at them."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Those of ``tests/programs`` that ``--exactness`` asks for."""
    is_all = metafunc.config.getoption("exactness") == "all"
    is_forking = "forking_program" in metafunc.fixturenames
    programs = [p for p in all_programs() if p.forks is is_forking and (is_all or p.by_default)]
    metafunc.parametrize("forking_program" if is_forking else "program", programs, ids=str)


def test_whole_program_equals_what_qemu_shows(program: Program, workshop: Workshop, tmp_path: Path) -> None:
    # Given a program
    run, lines = program.run(workshop, tmp_path), tmp_path / "lines"

    # When it is traced to its end
    if program.name in OF_SEVERAL_TESTS:
        trace, summary = trace_once(workshop, str(program), run)
    else:
        trace = tmp_path / "trace"
        summary = trace_whole(run, trace)
    assert (summary.exit_status, summary.gaps) == (program.exit_status, [])

    # Then a run without a debugger has the same output and exit status
    free = run.again()
    assert free.plugin_lines(workshop, lines) == program.exit_status
    assert free.stdout.read_bytes() == run.stdout.read_bytes()

    # And the instructions are the oracle's, line for line, and so is the memory they touch
    result = compare_with_oracle(program.arch, trace, lines)
    assert result.first_difference == ""
    assert result.lines == summary.instructions
    assert {mine.data.hex() for mine, _ in result.access_differences} == program.accesses_differ

    # And what the oracle cannot see is right by the memory itself
    with open_trace(trace) as reader:
        assert unexplained_loads(program.arch, reader) == []

    # And the registers before each instruction are those of QEMU's log
    if program.is_logged:
        registers = compare_with_log(workshop, run, trace)
        assert (registers.first_difference, registers.examples, registers.unread) == ("", [], [])
        assert registers.instructions == summary.instructions


def test_forking_program_behaves_as_in_a_free_run(forking_program: Program, workshop: Workshop, tmp_path: Path) -> None:
    # Given a program that forks, which no witness sees alone
    run = forking_program.run(workshop, tmp_path)

    # When it is traced
    summary = trace_whole(run, tmp_path / "trace")

    # Then its output and exit status are those of a free run
    free = run.again()
    assert free.without_witness(workshop) == summary.exit_status == forking_program.exit_status
    assert free.stdout.read_bytes() == run.stdout.read_bytes() != b""

    # And no frame of the parent is missing: each begins where the one before it ended
    with open_trace(tmp_path / "trace") as reader:
        frames = list(reader)
    assert sum(isinstance(frame, StdFrame) for frame in frames) == summary.instructions
    assert disconnected(forking_program.arch, frames) == []

    # And each fork is an event, at its place among the parent's system calls
    names = ARCHITECTURES[forking_program.arch].system_calls.names
    calls = [names.get(frame.number, "") for frame in frames if isinstance(frame, SyscallFrame)]
    expected = free.system_calls(workshop, tmp_path / "calls")
    assert places_of_forks(calls) == places_of_forks(expected) != []


def places_of_forks(calls: Sequence[str]) -> list[int]:
    """From the first on, among the system calls that do not depend on when a child ends."""
    places = [at for at, call in enumerate(call for call in calls if "sigreturn" not in call) if call == "clone"]
    return [place - places[0] for place in places]


def disconnected(arch_name: str, frames: Iterable[Frame]) -> list[str]:
    """Instructions that do not begin where the one before them ended, or a signal led to."""
    arch = ARCHITECTURES[arch_name]
    pc = {register.name for register in arch.registers if register.stub_name == arch.pc}
    expected, wrong = None, []
    for number, frame in enumerate(frames):
        if isinstance(frame, ExceptionFrame):
            expected = frame.to_addr
        elif isinstance(frame, StdFrame):
            if expected not in (None, frame.address):
                wrong.append(f"frame {number} at {frame.address:#x}, not {expected:#x}")
            registers = [operand for operand in frame.post or () if not operand.is_memory]
            (expected,) = [operand.as_int() for operand in registers if operand.name in pc] or [None]
    return wrong
