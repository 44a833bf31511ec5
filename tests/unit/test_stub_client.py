"""When a client that waits for its stub reacts to something else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from gdbtrace.stub.client import StubClient


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
