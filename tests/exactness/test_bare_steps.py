"""Tracing does not change the run: a loop of bare steps, which reads no memory, sees the trace's instructions."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.model import StepRule
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.logs.surplus import EXTRA
from gdbtrace.machine.emulator import find_emulator
from gdbtrace.machine.user import UserEmulator, UserProgram
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import greet, reach
from gdbtrace.stub.packet import SIGTRAP, StopKind, parse_stop_reply
from gdbtrace.trace import StdFrame
from tests.exactness.guest_run import GuestRun
from tests.exactness.whole_run import rule_of, trace_once
from tests.toolchain import GUESTS, Workshop
from tests.tracing import NULL, stdout_to

SWALLOWING = {"arm", "x86_64", "mips"}
"""Where a raw step over a system call executes the next instruction too (docs/architectures.md)."""


def bare_steps(arch_name: str, program: Path) -> list[int]:
    """The program counter at each stop of a loop that steps and reads ``g``, and nothing else, to the guest's exit."""
    arch = ARCHITECTURES[arch_name]
    emulator = find_emulator(arch.qemu_user)
    addresses = []
    with (
        stdout_to(NULL),
        UserEmulator(emulator, UserProgram(program, stdin=NULL)) as running,
        reach(Endpoint(running.socket_path), running.end) as connection,
    ):
        client = StubClient(connection)
        _, reply, layout, _ = greet(client, arch.builtin_layout, arch.byte_order)
        start, end = layout.core[arch.pc]
        while reply.kind is StopKind.SIGNAL:
            assert reply.number == SIGTRAP
            addresses.append(int.from_bytes(client.read_registers()[start:end], arch.byte_order))
            reply = parse_stop_reply(client.request(b"vCont;s:" + reply.thread))
    return addresses


@pytest.mark.parametrize("arch", ["riscv64", "s390x", "arm", "x86_64", "mips"])
def test_bare_steps_see_the_instructions_of_the_trace(arch: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given a trace, which reads the memory of each operand
    program = GUESTS / arch / "guest"
    trace, _ = trace_once(workshop, f"{arch}-guest", GuestRun(arch, program, tmp_path))
    with open_trace(trace) as reader:
        frames = [frame for frame in reader if isinstance(frame, StdFrame)]

    # When the same program is stepped raw and no memory is read
    stops = bare_steps(arch, program)

    # Then the instructions are the same, but for what a raw step is known to get wrong
    is_extra = EXTRA.get(arch)
    at, previous = 0, None
    for number, frame in enumerate(frames):
        while previous and is_extra and stops[at] != frame.address and is_extra(previous, stops[at]):
            at += 1
        if stops[at] == frame.address:
            at += 1
        else:
            assert previous is not None
            rule = rule_of(arch, previous.rawbytes, previous.mode)
            where = f"frame {number}: {frame.address:#x}, bare step {at}: {stops[at]:#x}"
            assert (rule, arch in SWALLOWING) == (StepRule.SYSTEM_CALL, True), where
        previous = frame
    assert at == len(stops)
