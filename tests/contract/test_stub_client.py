"""The same questions to the fake stub and to QEMU's: what the tests without QEMU rest on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gdbtrace.arch.mips import MIPS
from gdbtrace.errors import ProtocolError, TargetDied
from gdbtrace.image import Image
from gdbtrace.machine.emulator import find_emulator
from gdbtrace.machine.user import UserEmulator, UserProgram
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterState, layout_of, parse_description
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import greet, reach
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply, framed, parse_stop_reply
from tests.fake_stub import BASE, DATA, EXIT, NOP, SYSCALL, FakeStub, addiu, assemble
from tests.toolchain import GUESTS
from tests.tracing import NULL, stdout_to

T0 = 8
"""Number of the register that the tests change."""
PC = 37


@dataclass(frozen=True)
class Target:
    """A stub with a MIPS program stopped at its first instruction, which is no branch."""

    client: StubClient
    entry: int
    first_words: bytes
    data: int
    """Address of eight writable bytes."""
    exit_status: int
    end: Callable[[], None]
    """Ends the stub."""


@contextlib.contextmanager
def fake() -> Iterator[Target]:
    code = assemble(NOP, NOP, NOP, addiu(2, 0, EXIT), addiu(4, 0, 7), SYSCALL)
    with FakeStub(code) as stub:
        yield Target(StubClient(stub.connection), BASE, code[:8], DATA, 7, stub.hang_up)


@contextlib.contextmanager
def qemu(arch: str = "mips") -> Iterator[Target]:
    program = GUESTS / arch / "guest"
    image = Image(program)
    digest = image.symbol("digest")
    assert digest is not None
    with (
        stdout_to(NULL),
        UserEmulator(find_emulator(f"qemu-{arch}"), UserProgram(program, stdin=NULL)) as emulator,
        reach(Endpoint(emulator.socket_path), emulator.end) as connection,
    ):
        connection.settimeout(20)
        # move $fp, $zero; addiu $sp, $sp, -16
        words = bytes.fromhex("0000f02527bdfff0")
        yield Target(StubClient(connection), image.entry, words, digest.address, 42, emulator.close)


@pytest.fixture(params=[fake, qemu], ids=["fake", "qemu"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with request.param() as found:
        # As the tracer does it: QEMU's stub wants to be asked this first.
        found.client.exchange(b"qSupported:multiprocess+;vContSupported+")
        yield found


def pc_of(client: StubClient) -> int:
    return int.from_bytes(client.read_registers()[4 * PC : 4 * PC + 4], "big")


def thread_of(client: StubClient) -> bytes:
    return parse_stop_reply(client.request(b"?")).thread


# -- at the first stop ---------------------------------------------------------------------------------------------


def test_processes_and_continuing_are_supported(target: Target) -> None:
    supported = target.client.exchange(b"qSupported:multiprocess+;vContSupported+").split(b";")
    assert {b"PacketSize=1000", b"multiprocess+", b"vContSupported+"} <= set(supported)


def test_greeting_says_what_stopped_the_target_and_where(target: Target) -> None:
    greeting = greet(target.client, MIPS.builtin_layout, "big")
    assert b"vContSupported+" in greeting.supported
    assert greeting.stop == StopReply(StopKind.SIGNAL, SIGTRAP, thread_of(target.client))
    assert RegisterState(greeting.layout, greeting.core)["pc"] == target.entry


def test_acknowledgements_stay(target: Target) -> None:
    assert target.client.exchange(b"QStartNoAckMode") == b""


def test_target_is_stopped_by_a_trap_in_a_thread(target: Target) -> None:
    reply = parse_stop_reply(target.client.request(b"?"))
    assert (reply.kind, reply.number) == (StopKind.SIGNAL, SIGTRAP)
    process, _, thread = reply.thread.removeprefix(b"p").partition(b".")
    assert int(process, 16) > 0
    assert int(thread, 16) > 0


def test_unknown_request_has_an_empty_answer(target: Target) -> None:
    assert target.client.exchange(b"vMustReplyEmpty") == b""


# -- registers -----------------------------------------------------------------------------------------------------


def test_registers_are_73_words(target: Target) -> None:
    assert len(target.client.read_registers()) == 73 * 4


def test_registers_fill_the_builtin_layout(target: Target) -> None:
    raw = target.client.read_registers()
    assert layout_of([], MIPS.builtin_layout, len(raw), "big").core["pc"] == (4 * PC, 4 * PC + 4)


def test_program_counter_is_the_entry_point(target: Target) -> None:
    assert pc_of(target.client) == target.entry


def test_registers_that_were_written_are_read_back(target: Target) -> None:
    raw = bytearray(target.client.read_registers())
    raw[4 * T0 : 4 * T0 + 4] = b"\x01\x23\x45\x67"
    target.client.write_registers(bytes(raw))
    assert target.client.read_registers() == bytes(raw)


# -- memory --------------------------------------------------------------------------------------------------------


def test_memory_is_read(target: Target) -> None:
    assert target.client.read_memory(target.entry, 8) == target.first_words


def test_memory_is_read_in_pieces_that_join(target: Target) -> None:
    whole = target.client.read_memory(target.entry, 3000)
    assert whole is not None
    assert len(whole) == 3000
    pieces = [target.client.read_memory(target.entry + at, 500) for at in range(0, 3000, 500)]
    assert whole == b"".join(piece for piece in pieces if piece is not None)


def test_single_byte_is_read(target: Target) -> None:
    assert target.client.read_memory(target.entry + 7, 1) == target.first_words[7:8]


def test_memory_that_is_not_there_is_none(target: Target) -> None:
    assert target.client.read_memory(0x10, 4) is None


def test_memory_that_ends_within_a_long_read_is_none(target: Target) -> None:
    assert target.client.read_memory(target.entry, 1 << 24) is None


def test_memory_that_was_written_is_read_back(target: Target) -> None:
    target.client.write_memory(target.data, b"\x00#$}*\xff\x01\x02")
    assert target.client.read_memory(target.data, 8) == b"\x00#$}*\xff\x01\x02"


def test_writing_leaves_the_neighbours_alone(target: Target) -> None:
    target.client.write_memory(target.data, b"abcdefgh")
    target.client.write_memory(target.data + 3, b"X")
    assert target.client.read_memory(target.data, 8) == b"abcXefgh"


def test_writing_where_nothing_is_is_refused(target: Target) -> None:
    with pytest.raises(ProtocolError):
        target.client.write_memory(0x10, b"abcd")


# -- running -------------------------------------------------------------------------------------------------------


def test_step_executes_one_instruction(target: Target) -> None:
    thread = thread_of(target.client)
    assert target.client.resume(framed(b"vCont;s:" + thread)) == StopReply(StopKind.SIGNAL, SIGTRAP, thread)
    assert pc_of(target.client) == target.entry + 4


def test_every_step_goes_on_from_the_last(target: Target) -> None:
    thread = thread_of(target.client)
    for _ in range(2):
        target.client.resume(framed(b"vCont;s:" + thread))
    assert pc_of(target.client) == target.entry + 8


def test_run_stops_at_a_breakpoint_before_its_instruction(target: Target) -> None:
    thread = thread_of(target.client)
    target.client.insert_breakpoint(target.entry + 8)
    assert target.client.resume(framed(b"vCont;c:" + thread)) == StopReply(StopKind.SIGNAL, SIGTRAP, thread)
    assert pc_of(target.client) == target.entry + 8


def test_breakpoint_is_not_in_memory(target: Target) -> None:
    target.client.insert_breakpoint(target.entry + 4)
    assert target.client.read_memory(target.entry, 8) == target.first_words


def test_breakpoint_that_was_taken_away_stops_nothing(target: Target) -> None:
    target.client.insert_breakpoint(target.entry + 8)
    target.client.remove_breakpoint(target.entry + 8)
    reply = target.client.resume(framed(b"vCont;c:" + thread_of(target.client)))
    assert reply == StopReply(StopKind.EXITED, target.exit_status)


def test_run_to_the_end_says_the_exit_status(target: Target) -> None:
    thread = thread_of(target.client)
    assert target.client.exchange(b"vCont;c:" + thread)[:3] == b"W%02x" % target.exit_status


# -- objects -------------------------------------------------------------------------------------------------------


def test_mips_has_no_description(target: Target) -> None:
    assert b"qXfer:features:read+" not in target.client.exchange(b"qSupported")
    with pytest.raises(ProtocolError):
        target.client.read_object("features", "target.xml")


DESCRIPTION = (
    b'<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><feature name="core"><!-- #$}* -->'
    + b"".join(b'<reg name="r%d" bitsize="32"/>' % number for number in range(73))
    + b"</feature></target>"
)


@contextlib.contextmanager
def fake_with_description() -> Iterator[StubClient]:
    with FakeStub(b"", xml=DESCRIPTION) as stub:
        yield StubClient(stub.connection)


@contextlib.contextmanager
def qemu_with_description() -> Iterator[StubClient]:
    with qemu("ppc") as found:
        yield found.client


@pytest.fixture(params=[fake_with_description, qemu_with_description], ids=["fake", "qemu"])
def described(request: pytest.FixtureRequest) -> Iterator[StubClient]:
    with request.param() as client:
        assert b"qXfer:features:read+" in client.exchange(b"qSupported:multiprocess+")
        yield client


def test_description_lays_out_the_registers(described: StubClient) -> None:
    # Given a description of more than one packet
    registers = parse_description(lambda annex: described.read_object("features", annex))
    # Then its first registers fill g exactly
    raw = described.read_registers()
    layout = layout_of(registers, [], len(raw), "big")
    assert layout.core["r0"] == (0, 4)
    assert layout.core_bytes == len(raw)


def test_description_that_is_longer_than_a_packet_comes_whole() -> None:
    with fake_with_description() as client:
        assert len(DESCRIPTION) > 2048
        assert client.read_object("features", "target.xml") == DESCRIPTION


def test_object_that_there_is_not_is_refused(described: StubClient) -> None:
    with pytest.raises(ProtocolError):
        described.read_object("nonsense", "x")


# -- the end of the connection -------------------------------------------------------------------------------------


def test_stub_that_never_comes_is_said_to_have_ended(tmp_path: Path) -> None:
    with pytest.raises(TargetDied, match=r"^it ended before its gdbstub could be reached$"):
        reach(Endpoint(tmp_path / "nobody"), lambda: "it ended")


def test_stub_that_is_gone_is_said_to_have_died(target: Target) -> None:
    target.client.exchange(b"?")
    target.end()
    with pytest.raises(TargetDied):
        target.client.exchange(b"?")
