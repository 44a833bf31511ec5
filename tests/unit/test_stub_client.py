"""A connection to a stub: what happens while it is waited for, and the byte order of registers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from gdbtrace.errors import ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.stub.packet import framed


class Watched(NamedTuple):
    """A client that watches an event, and the other ends of both."""

    client: StubClient
    stub: socket.socket
    event: socket.socket
    cause: socket.socket
    reactions: list[bytes]


@pytest.fixture
def watched() -> Iterator[Watched]:
    (ours, theirs), (event, cause) = socket.socketpair(), socket.socketpair()
    with ours, theirs, event, cause:
        found = Watched(StubClient(ours), theirs, event, cause, [])
        found.client.watch(event, lambda: found.reactions.append(event.recv(1)))
        yield found


def test_event_is_reacted_to_while_a_reply_is_waited_for(watched: Watched) -> None:
    watched.cause.send(b"!")
    watched.stub.send(b"+$OK#9a")
    assert watched.client.receive() == b"OK"
    assert watched.reactions == [b"!"]


def test_event_is_left_to_who_knows_that_bytes_are_there(watched: Watched) -> None:
    # Given an acknowledgement, and an event that came after it was seen
    watched.stub.send(b"+")
    watched.cause.send(b"!")

    # When the bytes are taken, then the event is still there
    watched.client.receive_some(socket.MSG_DONTWAIT)
    assert watched.reactions == []
    assert watched.event.recv(1) == b"!"


@pytest.mark.parametrize("cut", [0, 1, 6, 12, 20, 24])
def test_monitor_output_is_whole_however_it_comes(watched: Watched, cut: int) -> None:
    # Given what a command prints, two packets of it and the end, and an acknowledgement before the first
    printed = b"+$O610a#00$O620a#00$OK#9a"
    watched.stub.sendall(printed[:cut])

    # When the rest follows while it is waited for
    watched.client.watch(watched.event, lambda: watched.stub.sendall(printed[cut:]) if watched.event.recv(1) else None)
    watched.cause.send(b"!")

    # Then the text is whole
    assert watched.client.finish_monitor() == "a\nb\n"


def test_monitor_command_may_fail_after_it_has_printed(watched: Watched) -> None:
    watched.stub.sendall(b"+$O610a#00$E22#a9")
    with pytest.raises(ProtocolError):
        watched.client.finish_monitor()


@pytest.mark.parametrize(
    ("core", "registers", "register"),
    [(b"123480000002", "123480000002", b"abcd"), (b"341203000080", "123480000003", b"cdab")],
    ids=["big", "little"],
)
def test_registers_are_big_endian_whichever_order_the_stub_has(
    watched: Watched, core: bytes, registers: str, register: bytes
) -> None:
    # Given a stub that sends registers of 2 and 4 bytes; the last one's lowest bit says that they are little-endian
    client = watched.client
    client.turn_registers(RegisterLayout("big", {"a": (0, 2), "msr": (2, 6)}, {}, 6), "msr", 1)

    def answered(reply: bytes) -> None:
        watched.stub.sendall(b"+" + framed(reply))

    def asked() -> bytes:
        return watched.stub.recv(100)

    # When they are read, then each is turned if it has to be
    answered(core)
    assert client.read_registers().hex() == registers
    answered(register)
    assert client.read_register(9).hex() == "abcd"
    asked()
    # When they are written, then they go as the stub has them
    answered(b"OK")
    client.write_register(9, bytes.fromhex("abcd"))
    assert b"P9=" + register + b"#" in asked()
    answered(b"OK")
    client.write_registers(bytes.fromhex(registers))
    assert b"G" + core + b"#" in asked()
