"""Being a gdbstub: pass on what the client asks, and answer commands of our own.

The client (gdb, or ours) sees QEMU's stub with one addition: ``monitor gdbtrace ...`` (``qRcmd``) is performed here.
gdb waits for the end of a monitor command however long it takes, which is what makes it fit for a million steps.
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Callable

from gdbtrace.errors import ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import PacketReader, StopKind, StopReply, framed, parse_stop_reply

LOG = logging.getLogger(__name__)

_COMMAND_PREFIX = "gdbtrace "
_RESUMING = (b"c", b"C", b"s", b"S", b"vCont;")


class StubServer:
    """Serves one client on a connected socket, in front of a stub.

    :param command: performs ``monitor gdbtrace COMMAND`` and returns text for the client's console. It may raise
        :class:`ValueError` for a command that it does not know, with the reason.
    :param watch: readable when the server should end (its owner is gone).
    """

    def __init__(
        self, connection: socket.socket, target: StubClient, command: Callable[[str], str], watch: socket.socket
    ) -> None:
        self._connection = connection
        self._target = target
        self._command = command
        self._watch = watch
        self._packets = PacketReader()
        self.ended: StopReply | None = None
        """How the target ended, once it has."""

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
        elif self.ended is not None:
            self._answer_for_the_dead(request)
        elif request.startswith(_RESUMING) and request != b"vCont?":
            self._resume(request)
        else:
            self._send(self._target.exchange(request))

    def _perform(self, command: str) -> None:
        try:
            text = self._command(command)
        except ValueError as error:
            self._send(b"O" + f"gdbtrace: {error}\n".encode().hex().encode())
            self._send(b"E01")
            return
        if text:
            self._send(b"O" + text.encode().hex().encode())
        self._send(b"OK")

    def _resume(self, request: bytes) -> None:
        """Let the target run, passing an interrupt on, until it stops."""
        self._target.send(framed(request))
        while True:
            # An interrupt may have come together with the resumption.
            while self._packets.next() == b"\x03":
                self._target.send_raw(b"\x03")
            while self._target.has_packet():
                reply = self._target.receive()
                self._send(reply)
                if reply[:1] in (b"W", b"X"):
                    self.ended = parse_stop_reply(reply)
                if reply[:1] != b"O":
                    return
            waiting: list[socket.socket | StubClient] = [self._connection, self._watch, self._target]
            readable, _, _ = select.select(waiting, [], [])
            if self._watch in readable:
                return
            if self._target in readable:
                self._target.receive_some(socket.MSG_DONTWAIT)
            if self._connection in readable and not self._receive():
                return

    def _answer_for_the_dead(self, request: bytes) -> None:
        assert self.ended is not None
        if request.startswith(_RESUMING) or request == b"?":
            letter = "W" if self.ended.kind is StopKind.EXITED else "X"
            self._send(f"{letter}{self.ended.number:02x}".encode())
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


def _own_command(request: bytes) -> str | None:
    """The text after ``monitor gdbtrace``; None if the command is the target's."""
    try:
        text = bytes.fromhex(request[len(b"qRcmd,") :].decode("ascii")).decode()
    except ValueError as error:
        raise ProtocolError(request, "a monitor command that is not hexadecimal text") from error
    return text.removeprefix(_COMMAND_PREFIX) if text.startswith(_COMMAND_PREFIX) else None
