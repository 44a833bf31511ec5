"""Guests traced with QEMU 10.0: the instructions of a trace made with the installed QEMU, and 10.0's own registers.

Debian's 10.0 is built without plugins, so the memory is compared with the other trace, which the oracle has proven.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.trace import StdFrame
from tests.exactness.programs import Program, all_programs
from tests.exactness.whole_run import compare_with_log, trace_whole
from tests.toolchain import Workshop, qemu_10_0

GUESTS = [p for p in all_programs() if p.name == "guest" and not ARCHITECTURES[p.arch].least_qemu]
"""Hexagon's is in the other tests: no other QEMU traces it."""

STALE_IN_LOG = {
    # 10.0 adds the accrued exceptions when the register is read (cpu_m68k_get_fpsr); its log prints it without.
    "m68k": {"fpstatus"},
}


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


@pytest.mark.parametrize("program", GUESTS, ids=str)
def test_guest_is_the_same_with_qemu_10_0(program: Program, workshop: Workshop, tmp_path: Path) -> None:
    # Given a guest's trace with the installed QEMU
    run = program.run(workshop, tmp_path)
    trace_whole(run, tmp_path / "installed")

    # When it is traced with QEMU 10.0
    run = replace(run, qemu=qemu_10_0(program.arch))
    summary = trace_whole(run, tmp_path / "newer")

    # Then it ends as before, with the same instructions
    assert (summary.exit_status, summary.gaps) == (program.exit_status, [])
    ours, theirs = frames_of(tmp_path / "newer"), frames_of(tmp_path / "installed")
    assert [(frame.address, frame.rawbytes) for frame in ours] == [(frame.address, frame.rawbytes) for frame in theirs]

    # And they touch the same memory, but for a stack that begins elsewhere
    moved = stack_pointer(program.arch, ours[0]) - stack_pointer(program.arch, theirs[0])
    for mine, other in zip(ours, theirs, strict=True):
        for (direction, address, size), expected in zip(accesses(mine), accesses(other), strict=True):
            assert expected in ((direction, address, size), (direction, address - moved, size)), f"{mine.address:#x}"

    # And the registers before each are those of 10.0's log
    registers = compare_with_log(workshop, run, tmp_path / "newer")
    assert (registers.first_difference, registers.unread) == ("", [])
    assert set(registers.differences) == STALE_IN_LOG.get(program.arch, set())
