"""Being a gdbstub: pass on what the client asks, and answer commands of our own.

The client (gdb, or ours) sees QEMU's stub with one addition: ``monitor gdbtrace ...`` (``qRcmd``) is performed here.
gdb waits for the end of a monitor command however long it takes, which is what makes it fit for a million steps.
"""

from __future__ import annotations

import logging
import select
import socket
from typing import Protocol

from gdbtrace.errors import ProtocolError, TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import PacketReader, StopKind, StopReply, framed, parse_stop_reply

LOG = logging.getLogger(__name__)

_COMMAND_PREFIX = "gdbtrace "
_RESUMING = (b"c", b"C", b"s", b"S", b"vCont;")


class Front(Protocol):
    """What stands between the client and the stub."""

    ended: StopReply | None
    """How the target ended, once it has."""

    def perform(self, command: str, /) -> str:
        """Perform ``monitor gdbtrace COMMAND`` and return text for the client's console.

        :raise ValueError: it does not know the command; with the reason.
        """

    def answer(self, request: bytes, /) -> bytes | None:
        """Answer a request in the stub's stead; None: it is passed on."""

    def has_stopped(self, reply: StopReply, /) -> None:
        """The target ran because the client wanted it to, and stopped."""

    def vanished(self, error: TargetDied, /) -> StopReply:
        """The stub is gone while the target ran because the client wanted it to: how the target ended.

        :raise TargetDied: that is no way for a target to end.
        """


class StubServer:
    """Serves one client on a connected socket, in front of a stub.

    :param watch: readable when the server should end (its owner is gone).
    """

    def __init__(self, connection: socket.socket, target: StubClient, front: Front, watch: socket.socket) -> None:
        self._connection = connection
        self._target = target
        self._front = front
        self._watch = watch
        self._packets = PacketReader()

    def serve(self) -> None:
        """Answer until the client leaves, kills the target, or the owner is gone."""
        while True:
            request = self._packets.next()
            if request is None:
                if not self._receive():
                    return
                continue
            if request == b"\x03":
                continue
            self._send_raw(b"+")
            if request == b"k" or request.startswith(b"vKill"):
                self._send(b"OK")
                return
            self._answer(request)
            if request[:1] == b"D":
                return

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"qRcmd,") and (command := _own_command(request)) is not None:
            self._perform(command)
        elif (ended := self._front.ended) is not None:
            self._answer_for_the_dead(request, ended)
        elif (answer := self._front.answer(request)) is not None:
            self._send(answer)
        elif request.startswith(_RESUMING) and request != b"vCont?":
            self._resume(request)
        else:
            reply = self._target.exchange(request)
            while request.startswith(b"qRcmd,") and reply[:1] == b"O" and reply != b"OK":
                # What the monitor prints comes before its answer.
                self._send(reply)
                reply = self._target.receive()
            if request.startswith(b"qSupported"):
                # Our own link acknowledges, as QEMU's stub must have it.
                reply = reply.replace(b"QStartNoAckMode+", b"QStartNoAckMode-")
            self._send(reply)

    def _perform(self, command: str) -> None:
        try:
            text = self._front.perform(command)
        except ValueError as error:
            self._send(b"O" + f"gdbtrace: {error}\n".encode().hex().encode())
            self._send(b"E01")
            return
        if text:
            self._send(b"O" + text.encode().hex().encode())
        self._send(b"OK")

    def _resume(self, request: bytes) -> None:
        """Let the target run, passing an interrupt on, until it stops."""
        try:
            self._run_until_stop(request)
        except TargetDied as error:
            self._send(_bytes_of(self._front.vanished(error)))

    def _run_until_stop(self, request: bytes) -> None:
        self._target.send(framed(request))
        while True:
            # An interrupt may have come together with the resumption.
            while self._packets.next() == b"\x03":
                self._target.send_raw(b"\x03")
            while self._target.has_packet():
                reply = self._target.receive()
                self._send(reply)
                if reply[:1] != b"O":
                    self._front.has_stopped(parse_stop_reply(reply))
                    return
            waiting: list[socket.socket | StubClient] = [self._connection, self._watch, self._target]
            readable, _, _ = select.select(waiting, [], [])
            if self._watch in readable:
                return
            if self._target in readable:
                self._target.receive_some(socket.MSG_DONTWAIT)
            if self._connection in readable and not self._receive():
                return

    def _answer_for_the_dead(self, request: bytes, ended: StopReply) -> None:
        if request.startswith(_RESUMING) or request == b"?":
            self._send(_bytes_of(ended))
        else:
            self._send(b"OK" if request[:1] in (b"D", b"z", b"H") else b"E01")

    def _receive(self) -> bool:
        """Wait for bytes from the client; False when it or the owner is gone."""
        readable, _, _ = select.select([self._connection, self._watch], [], [])
        if self._watch in readable:
            return False
        try:
            data = self._connection.recv(65536)
        except OSError:
            return False
        self._packets.feed(data)
        return bool(data)

    def _send(self, payload: bytes) -> None:
        self._send_raw(framed(payload))

    def _send_raw(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            LOG.debug("the client is gone: %s", error)


def _bytes_of(end: StopReply) -> bytes:
    return b"%c%02x" % (b"W" if end.kind is StopKind.EXITED else b"X", end.number)


def _own_command(request: bytes) -> str | None:
    """The text after ``monitor gdbtrace``; None if the command is the target's."""
    try:
        text = bytes.fromhex(request[len(b"qRcmd,") :].decode("ascii")).decode()
    except ValueError as error:
        raise ProtocolError(request, "a monitor command that is not hexadecimal text") from error
    return text.removeprefix(_COMMAND_PREFIX) if text.startswith(_COMMAND_PREFIX) else None
