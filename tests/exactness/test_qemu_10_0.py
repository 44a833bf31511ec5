"""Programs traced with QEMU 10.0, which Debian builds without plugins: instructions and registers as in its own log.

The memory that guests touch is compared with a trace made with the installed QEMU, which the oracle has proven.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.trace import StdFrame
from tests.exactness.guest_run import GuestRun
from tests.exactness.programs import Program, all_programs
from tests.exactness.whole_run import compare_with_log, trace_once, trace_whole
from tests.toolchain import Workshop, qemu_10_0

PROGRAMS = [p for p in all_programs() if p.is_logged and not ARCHITECTURES[p.arch].least_qemu]
"""Hexagon's are in the other tests: no other QEMU traces it."""
GUESTS = [p for p in PROGRAMS if p.name == "guest"]
OTHERS = [p for p in PROGRAMS if p.name != "guest"]

FAILING = {
    # Its stq raises SIGBUS, also at a multiple of 16.
    "sparc64-float",
    "sparc32plus-float",
    # It aborts in a fault-only-first load that ends in an unmapped page (probe_access_flags of accel/tcg/user-exec.c).
    "riscv64-vector",
}
"""Programs that QEMU 10.0 itself cannot run."""

STALE_IN_LOG = {
    # 10.0 adds the accrued exceptions when the register is read (cpu_m68k_get_fpsr); its log prints it without.
    "m68k": {"fpstatus"},
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """By default only the glibc program, on all architectures that have one."""
    if "program" in metafunc.fixturenames:
        is_all = metafunc.config.getoption("exactness") == "all"
        metafunc.parametrize("program", [p for p in OTHERS if is_all or p.name == "hello"], ids=str)


def frames_of(trace: Path) -> list[StdFrame]:
    with open_trace(trace) as reader:
        return [frame for frame in reader if isinstance(frame, StdFrame)]


def stack_pointer(arch_name: str, frame: StdFrame) -> int:
    """Before an instruction."""
    arch = ARCHITECTURES[arch_name]
    (name,) = [register.name for register in arch.registers if register.stub_name == arch.sp]
    (operand,) = [operand for operand in frame.pre if operand.name == name]
    return operand.as_int()


def accesses(frame: StdFrame) -> Iterator[tuple[str, int, int]]:
    for direction, operands in (("L", frame.memory_reads()), ("S", frame.memory_writes())):
        yield from ((direction, operand.address, len(operand.value)) for operand in operands)


@pytest.mark.parametrize("guest", GUESTS, ids=str)
def test_guest_is_the_same_with_qemu_10_0(guest: Program, workshop: Workshop, tmp_path: Path) -> None:
    # Given a guest's trace with the installed QEMU
    run = guest.run(workshop, tmp_path)
    installed, _ = trace_once(workshop, str(guest), run)

    # When it is traced with QEMU 10.0
    run = replace(run, qemu=qemu_10_0(guest.arch))
    summary = trace_whole(run, tmp_path / "newer")

    # Then it ends as before, with the same instructions
    assert (summary.exit_status, summary.gaps) == (guest.exit_status, [])
    ours, theirs = frames_of(tmp_path / "newer"), frames_of(installed)
    assert [(frame.address, frame.rawbytes) for frame in ours] == [(frame.address, frame.rawbytes) for frame in theirs]

    # And they touch the same memory, but for a stack that begins elsewhere
    moved = stack_pointer(guest.arch, ours[0]) - stack_pointer(guest.arch, theirs[0])
    for mine, other in zip(ours, theirs, strict=True):
        for (direction, address, size), expected in zip(accesses(mine), accesses(other), strict=True):
            assert expected in ((direction, address, size), (direction, address - moved, size)), f"{mine.address:#x}"

    # And the registers before each are those of 10.0's log
    assert differing_registers(run, workshop, tmp_path / "newer") == STALE_IN_LOG.get(guest.arch, set())


def test_registers_are_those_of_qemu_10_0(program: Program, workshop: Workshop, tmp_path: Path) -> None:
    # Given a program that QEMU 10.0 can run
    run = replace(program.run(workshop, tmp_path), qemu=qemu_10_0(program.arch))
    if str(program) in FAILING:
        assert run.without_witness(workshop) != program.exit_status
        return

    # When it is traced
    summary = trace_whole(run, tmp_path / "trace")

    # Then it ends as with the installed QEMU
    assert (summary.exit_status, summary.gaps) == (program.exit_status, [])

    # And its instructions and registers are those of 10.0's log
    assert differing_registers(run, workshop, tmp_path / "trace") <= STALE_IN_LOG.get(program.arch, set())


def differing_registers(run: GuestRun, workshop: Workshop, trace: Path) -> set[str]:
    """The registers that differ from QEMU's log in any state; its instructions must be the trace's."""
    registers = compare_with_log(workshop, run, trace)
    assert (registers.first_difference, registers.unread) == ("", [])
    return set(registers.differences)
