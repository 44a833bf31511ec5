"""Packets of the remote serial protocol: framing, escapes, stop replies. Pure functions.

Reference: gdb manual, "Overview" and "Stop Reply Packets" of the appendix "GDB Remote Serial Protocol".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gdbtrace.errors import ProtocolError


def framed(payload: bytes) -> bytes:
    """``$payload#checksum``; the payload must be escaped already."""
    return b"$%b#%02x" % (payload, sum(payload) & 0xFF)


def unescaped(data: bytes) -> bytes:
    """Binary data from a packet: after ``}`` a character stands for itself xor 0x20.

    :raise ProtocolError: an escape character ends the data.
    """
    if b"}" not in data:
        return data
    head, *rest = data.split(b"}")
    result = bytearray(head)
    pieces = iter(rest)
    for piece in pieces:
        # "}}" is not special: 0x7d escapes as "}]", so an empty piece means that the escape has nothing to escape.
        if not piece:
            raise ProtocolError(data, "an escape without a character")
        result.append(piece[0] ^ 0x20)
        result += piece[1:]
    return bytes(result)


def expanded(payload: bytes) -> bytes:
    """Undo run-length encoding: ``X*n`` repeats X another ``ord(n) - 29`` times.

    QEMU does not use it; gdbserver and OpenOCD do.

    :raise ProtocolError: a run without a character or a count.
    """
    if b"*" not in payload:
        return payload
    result = bytearray()
    position = 0
    while (star := payload.find(b"*", position)) >= 0:
        result += payload[position:star]
        if not result or star + 1 >= len(payload) or not 32 <= payload[star + 1] <= 126:
            raise ProtocolError(payload, "a bad run length")
        result += result[-1:] * (payload[star + 1] - 29)
        position = star + 2
    return bytes(result + payload[position:])


class StopKind(Enum):
    """Why a target is not running."""

    SIGNAL = "stopped by a signal"
    EXITED = "exited"
    KILLED = "killed by a signal"


@dataclass(frozen=True, slots=True)
class StopReply:
    """Why the target stopped."""

    kind: StopKind
    number: int
    """gdb's signal number (5 is SIGTRAP: a step or breakpoint), or the exit status."""
    thread: bytes = b""
    """The thread id as the stub spells it (``p01.148a``); empty when the stub did not say."""
    is_raised: bool = False
    """A SIGTRAP that is not the end of a step: the guest raised it by itself."""


SIGTRAP = 5
SIGKILL = 9
SIGSEGV = 11
SYNCHRONOUS_SIGNALS = frozenset({4, 8, 10, 11, 12})
"""gdb's numbers of SIGILL, SIGFPE, SIGBUS, SIGSEGV and SIGSYS: raised by the instruction at the program counter."""


def resumption(action: bytes, thread: bytes, signal: int = 0) -> bytes:
    """The framed packet (``vCont``) that resumes one thread alone.

    :param action: ``s`` to step it, ``c`` to let it run.
    :param thread: as the stub spells it.
    :param signal: gdb's number of a signal to deliver with it; 0: none.
    """
    if signal:
        action = b"%b%02x" % (action.upper(), signal)
    return framed(b"vCont;%b:%b" % (action, thread))


def parse_stop_reply(payload: bytes) -> StopReply:
    """Read a reply to a resumption.

    :raise ProtocolError: it is not a stop reply that we know.
    """
    kind, rest = payload[:1], payload[1:]
    try:
        # gdbserver has no leading zero in ``W7;process:1``.
        number = int(rest[:2].rstrip(b";"), 16)
    except ValueError:
        raise ProtocolError(payload, "not a stop reply") from None
    match kind:
        case b"S":
            return StopReply(StopKind.SIGNAL, number)
        case b"T":
            for pair in rest[2:].split(b";"):
                name, _, value = pair.partition(b":")
                if name == b"thread":
                    return StopReply(StopKind.SIGNAL, number, value)
            return StopReply(StopKind.SIGNAL, number)
        case b"W":
            return StopReply(StopKind.EXITED, number)
        case b"X":
            return StopReply(StopKind.KILLED, number)
        case _:
            raise ProtocolError(payload, "not a stop reply")


class PacketReader:
    """Cuts a stream of received bytes into packets; holds what is not complete yet."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def next(self) -> bytes | None:
        """Return the next packet's payload (still escaped, runs expanded), ``b"\\x03"`` for an interrupt, or None.

        Acknowledgements and line noise between packets are dropped.

        :raise ProtocolError: a packet's checksum is wrong.
        """
        while self._buffer:
            if self._buffer[0] == 0x03:
                self._buffer = self._buffer[1:]
                return b"\x03"
            if self._buffer[0] != 0x24:
                # Anything that is neither a packet nor an interrupt: acknowledgements.
                starts = [at for at in (self._buffer.find(b"$"), self._buffer.find(b"\x03")) if at >= 0]
                self._buffer = self._buffer[min(starts) :] if starts else b""
                continue
            end = self._buffer.find(b"#", 1)
            if end < 0 or len(self._buffer) < end + 3:
                return None
            payload, checksum = self._buffer[1:end], self._buffer[end + 1 : end + 3]
            self._buffer = self._buffer[end + 3 :]
            if b"%02x" % (sum(payload) & 0xFF) != checksum.lower():
                raise ProtocolError(payload, f"checksum {checksum!r} is wrong")
            return expanded(payload)
        return None
