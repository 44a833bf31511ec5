"""The step loop against a stub of our own: what it asks, and what it says of each step."""

from __future__ import annotations

import dataclasses
import socket
import struct
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import AccessKind, Arch, Behaviour
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import layout_of
from gdbtrace.tracer.linux_guest import LinuxGuest
from gdbtrace.tracer.step_record import Definition, Note, Stop, StopReason, SystemCallMade
from gdbtrace.tracer.stepper import Stepper, StepperSettings
from tests.fake_stub import (
    BASE,
    DATA,
    EXIT,
    GETPID,
    NOP,
    PC,
    SYSCALL,
    THREAD,
    FakeStub,
    addiu,
    assemble,
    lui,
    lw,
    sw,
)

linux_guest = partial(LinuxGuest, modules=None, first_pc=None, find_threads=None, is_pinned=True)
LOAD, STORE = AccessKind.LOAD, AccessKind.STORE


class Sink:
    """Keeps what the stepper says."""

    def __init__(self) -> None:
        self.definitions: dict[int, Definition] = {}
        self.defined: list[Definition] = []
        self.steps: list[tuple[Definition, bytes | None, list[tuple[int, int, int, bytes | None]]]] = []
        self.notes: list[Note] = []
        self.states = 0

    def define(self, definition: Definition) -> None:
        self.definitions[definition.identifier] = definition
        self.defined.append(definition)

    def state(self, raw: bytes) -> None:
        self.states += 1

    def step(
        self,
        identifier: int,
        thread: int,
        post: bytes | None,
        fetched: Sequence[bytes],
        accesses: Sequence[tuple[int, int, int, bytes | None]],
    ) -> None:
        self.steps.append((self.definitions[identifier], post, list(accesses)))

    def note(self, note: Note) -> None:
        self.notes.append(note)

    def stop(self, stop: Stop) -> None:
        pass

    def flush(self) -> None:
        pass


@pytest.fixture
def control() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def stepper_of(stub: FakeStub, control: socket.socket, arch: Arch = MIPS) -> tuple[Stepper, Sink]:
    client, sink = StubClient(stub.connection), Sink()
    layout = layout_of([], arch.builtin_layout, len(client.read_registers()), arch.byte_order)
    return Stepper(client, arch, layout, sink, control, THREAD, StepperSettings(), linux_guest), sink


def run(
    stub: FakeStub, control: socket.socket, count: int = 100, stops: Sequence[tuple[int, int]] = ()
) -> tuple[Sink, Stop]:
    stepper, sink = stepper_of(stub, control)
    for address, hits in stops:
        stepper.stop_at(address, hits)
    return sink, stepper.run(count)


LEAVE = (addiu(2, 0, EXIT), addiu(4, 0, 7), SYSCALL)


def test_each_instruction_is_one_step_and_the_exiting_call_has_no_state_after(
    control: tuple[socket.socket, socket.socket],
) -> None:
    with FakeStub(assemble(addiu(8, 0, 5), NOP, *LEAVE)) as stub:
        sink, stop = run(stub, control[1])
    assert stop == Stop(StopReason.EXITED, 7)
    assert [definition.address for definition, _, _ in sink.steps] == [BASE + 4 * index for index in range(5)]
    assert [post is None for _, post, _ in sink.steps] == [False, False, False, False, True]
    assert all(isinstance(note, SystemCallMade) for note in sink.notes)


def test_system_call_swallows_nothing(control: tuple[socket.socket, socket.socket]) -> None:
    with FakeStub(assemble(addiu(2, 0, GETPID), SYSCALL, addiu(9, 2, 1), *LEAVE)) as stub:
        sink, stop = run(stub, control[1])
    assert stop.reason is StopReason.EXITED
    assert [definition.address for definition, _, _ in sink.steps] == [BASE + 4 * index for index in range(6)]
    after_call = sink.steps[1][1]
    assert after_call is not None
    assert after_call[8:12] == (42).to_bytes(4, "big")


def test_memory_is_read_before_a_load_and_after_a_store(control: tuple[socket.socket, socket.socket]) -> None:
    code = assemble(lui(8, DATA >> 16), addiu(9, 0, 0x1234), sw(9, 8, 8), lw(10, 8, 8), *LEAVE)
    with FakeStub(code) as stub:
        sink, _ = run(stub, control[1])
    assert sink.steps[2][2] == [(STORE, DATA + 8, 4, b"\x00\x00\x12\x34", None)]
    assert sink.steps[3][2] == [(LOAD, DATA + 8, 4, b"\x00\x00\x12\x34", None)]


def test_rewritten_code_is_decoded_anew(control: tuple[socket.socket, socket.socket]) -> None:
    # Given a program that overwrites its first word, and that word run before and after
    old, new = addiu(11, 0, 1), addiu(11, 0, 2)
    with FakeStub(assemble(old, sw(9, 0, 8))) as stub:
        stub.registers[8], stub.registers[9] = BASE, new
        stepper, sink = stepper_of(stub, control[1])
        stepper.run(2)
        stub.registers[PC] = BASE
        stepper.run(1)
    # Then the second time is the new instruction
    words = [definition.data for definition, _, _ in sink.steps]
    assert words == [assemble(old), assemble(sw(9, 0, 8)), assemble(new)]


def test_unchanged_code_is_not_decoded_again_after_a_system_call(
    control: tuple[socket.socket, socket.socket],
) -> None:
    code = assemble(addiu(2, 0, GETPID), SYSCALL, NOP, NOP)
    with FakeStub(code) as stub:
        stepper, sink = stepper_of(stub, control[1])
        stepper.run(4)
        stub.registers[PC] = BASE
        stepper.run(4)
    assert len(sink.steps) == 8
    assert len(sink.defined) == 4


def test_burst_ends_after_the_count_and_goes_on(control: tuple[socket.socket, socket.socket]) -> None:
    with FakeStub(assemble(NOP, NOP, NOP, NOP)) as stub:
        sink, stop = run(stub, control[1], count=3)
    assert stop == Stop(StopReason.COUNT)
    assert len(sink.steps) == 3


def test_burst_ends_before_the_stop_address_is_executed_for_the_nth_time(
    control: tuple[socket.socket, socket.socket],
) -> None:
    with FakeStub(assemble(NOP, NOP, NOP, NOP)) as stub:
        sink, stop = run(stub, control[1], stops=[(BASE + 8, 1)])
    assert stop == Stop(StopReason.ADDRESS)
    assert len(sink.steps) == 2


def test_recorder_can_end_a_burst(control: tuple[socket.socket, socket.socket]) -> None:
    control[0].send(b"!")
    with FakeStub(assemble(NOP, NOP)) as stub:
        sink, stop = run(stub, control[1])
    assert stop == Stop(StopReason.INTERRUPTED)
    assert sink.steps == []


@pytest.mark.parametrize("requests", range(1, 11))
def test_stub_that_dies_ends_the_burst_with_the_reason(
    control: tuple[socket.socket, socket.socket], requests: int
) -> None:
    with FakeStub(assemble(NOP, *LEAVE), die_after=requests) as stub:
        _, stop = run(stub, control[1])
    assert stop.reason is StopReason.FAILED
    assert "the stub closed the connection" in stop.detail


def test_jump_to_where_there_is_no_code_is_the_guests_own_end(control: tuple[socket.socket, socket.socket]) -> None:
    with FakeStub(b"") as stub:
        stub.registers[PC] = 0x10
        sink, stop = run(stub, control[1])
    assert stop == Stop(StopReason.KILLED, 11)
    assert sink.steps == []


def signal_information(address: int) -> bytes:
    """A big-endian 32-bit siginfo_t of SIGSEGV."""
    return struct.pack(">iiiI", 11, 0, 1, address)


@pytest.mark.parametrize("information", [b"", signal_information(BASE + 4)], ids=["no address", "address"])
def test_data_that_is_jumped_to_is_no_instruction(
    control: tuple[socket.socket, socket.socket], information: bytes
) -> None:
    # Given a program that goes on from its code into data, which the stub can read
    with FakeStub(assemble(NOP, addiu(8, 0, 5))) as stub:
        stub.executable, stub.signal_information = range(BASE, BASE + 4), information
        sink, stop = run(stub, control[1])

    # Then the code alone has been executed
    assert stop == Stop(StopReason.KILLED, 11)
    assert [definition.address for definition, _, _ in sink.steps] == [BASE]


@pytest.mark.parametrize("information", [b"", signal_information(8)], ids=["no address", "address"])
def test_instruction_that_faults_in_its_access_was_executed(
    control: tuple[socket.socket, socket.socket], information: bytes
) -> None:
    with FakeStub(assemble(NOP, sw(8, 8, 0))) as stub:
        stub.signal_information = information
        sink, stop = run(stub, control[1])
    assert stop == Stop(StopReason.KILLED, 11)
    assert [(definition.address, post is None) for definition, post, _ in sink.steps] == [
        (BASE, False),
        (BASE + 4, True),
    ]


@pytest.mark.parametrize(("address", "is_executed"), [(BASE, False), (BASE + 4, True)])
def test_load_of_what_lies_near_it_is_told_from_its_fetch(
    control: tuple[socket.socket, socket.socket], address: int, is_executed: bool
) -> None:
    # Given a load from an address that is no memory, of which the stub says that it faulted
    with FakeStub(assemble(lw(9, 0, 8))) as stub:
        stub.registers[8], stub.executable = BASE + 4, range(0)
        stub.signal_information = signal_information(address)
        sink, _ = run(stub, control[1])
    assert bool(sink.steps) is is_executed


def test_what_an_instruction_implies_may_depend_on_the_registers(
    control: tuple[socket.socket, socket.socket],
) -> None:
    # Given instructions that imply s0 as long as t0 is 0, or else nothing
    behaviour = Behaviour(implied_at=lambda registers: () if registers["t0"] else ("s0",))
    arch = dataclasses.replace(MIPS, behaviour_of=lambda _: behaviour)

    # When one runs in both states, and once more in the first
    with FakeStub(assemble(NOP)) as stub:
        named = []
        stepper, sink = stepper_of(stub, control[1], arch)
        for value in (0, 1, 0):
            stub.registers[8], stub.registers[PC] = value, BASE
            stepper.run(1)
            named.append("s0" in sink.steps[-1][0].named)

    # Then each frame has what it implied then, and there is one definition for each
    assert named == [True, False, True]
    assert len(sink.defined) == 2
