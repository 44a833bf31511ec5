"""When a client that waits for its stub reacts to something else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gdbtrace.stub.client import StubClient


@pytest.fixture
def pairs() -> Iterator[tuple[socket.socket, ...]]:
    stub, event = socket.socketpair(), socket.socketpair()
    with stub[0], stub[1], event[0], event[1]:
        yield *stub, *event


def test_event_is_reacted_to_while_a_reply_is_waited_for(pairs: tuple[socket.socket, ...]) -> None:
    ours, theirs, event, other = pairs
    client, reactions = StubClient(ours), list[bytes]()
    client.watch(event, lambda: reactions.append(event.recv(1)))
    other.send(b"!")
    theirs.send(b"+$OK#9a")
    assert client.receive() == b"OK"
    assert reactions == [b"!"]


def test_event_is_left_to_who_knows_that_bytes_are_there(pairs: tuple[socket.socket, ...]) -> None:
    # Given an acknowledgement, and an event that came after it was seen
    ours, theirs, event, other = pairs
    client, reactions = StubClient(ours), list[bytes]()
    client.watch(event, lambda: reactions.append(event.recv(1)))
    theirs.send(b"+")
    other.send(b"!")

    # When the bytes are taken, then the event is still there
    client.receive_some(socket.MSG_DONTWAIT)
    assert reactions == []
    assert event.recv(1) == b"!"
