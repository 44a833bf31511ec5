"""A connection to a gdbstub.

One request, one reply.  QEMU refuses ``QStartNoAckMode``, so the acknowledgement of a reply rides on the next request.
The kernel hands a unix socket's bytes over intact, so checksums of replies are not computed again on the hot path.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
from collections.abc import Callable

from gdbtrace.errors import LinkTimeout, ProtocolError, TargetDied
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.stub.packet import StopReply, expanded, framed, parse_stop_reply, unescaped

_CHUNK_BYTES = 1024
"""Memory is read in pieces that fit every stub's packet (QEMU: 4096 characters, two per byte)."""


_OUTPUTS = re.compile(rb"(?:\+*\$O[0-9a-f]+#[0-9a-f]{2})+")
_OUTPUT = re.compile(rb"O([0-9a-f]+)#")
"""What a monitor command prints, a packet for each line."""


class StubClient:
    """Speaks to one stub over a connected stream socket.

    :param timeout: seconds that the stub has to answer a request that does not resume the target.
    """

    def __init__(self, connection: socket.socket, timeout: float = 30.0) -> None:
        self._socket = connection
        self._timeout = timeout
        self._buffer = b""
        self._watched: tuple[socket.socket, Callable[[], None]] | None = None
        self._cleared: tuple[tuple[int, int], ...] = ()
        self._teller: tuple[int, int] | None = None
        """The byte of ``g``, and its bits, that tell whether registers have the other byte order."""
        self._places: list[tuple[int, int]] = []
        """Where the registers of ``g`` are, then."""
        self._is_turned = False
        """Whether they had it at the last ``g``."""

    def watch(self, event: socket.socket, react: Callable[[], None]) -> None:
        """While a reply is waited for, call ``react`` whenever ``event`` becomes readable."""
        self._watched = event, react

    def fileno(self) -> int:
        """For ``select``."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def send(self, packet: bytes) -> None:
        """Send a framed packet, acknowledging the last reply."""
        try:
            self._socket.sendall(b"+" + packet)
        except OSError as error:
            raise TargetDied(f"the stub closed the connection ({error.strerror})") from error

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are: an interrupt (0x03)."""
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Wait for the next packet and return its payload, runs expanded.

        :raise TargetDied: the stub closed the connection.
        :raise LinkTimeout: nothing came in time; the link is unusable afterwards.
        """
        while (end := self._buffer.find(b"#")) < 0 or len(self._buffer) < end + 3:
            self.receive_some()
        buffer = self._buffer
        self._buffer = buffer[end + 3 :]
        payload = buffer[buffer.find(b"$") + 1 : end]
        return expanded(payload) if b"*" in payload else payload

    def receive_some(self, flags: int = 0) -> None:
        """Wait for bytes.

        :param flags: ``MSG_DONTWAIT`` after a ``select``: an acknowledgement comes alone when the reply takes its time.
            Nothing is waited for then, so nothing is reacted to.

        :raise TargetDied: the stub closed the connection.
        :raise LinkTimeout: nothing came in time.
        """
        if self._watched is not None and not flags & socket.MSG_DONTWAIT:
            self._react_until_readable(*self._watched)
        try:
            data = self._socket.recv(65536, flags)
        except (TimeoutError, BlockingIOError) as error:
            raise LinkTimeout(f"the stub did not answer within {self._timeout:g} s") from error
        except OSError as error:
            raise TargetDied(f"the connection to the stub broke ({error.strerror})") from error
        if not data:
            raise TargetDied("the stub closed the connection")
        self._buffer += data

    def _react_until_readable(self, event: socket.socket, react: Callable[[], None]) -> None:
        while True:
            readable, _, _ = select.select([self._socket, event], [], [], self._timeout)
            if event in readable:
                react()
            if self._socket in readable or not readable:
                return

    def has_packet(self) -> bool:
        """Whether a whole packet has been received already."""
        end = self._buffer.find(b"#")
        return end >= 0 and len(self._buffer) >= end + 3

    def exchange(self, payload: bytes) -> bytes:
        """Send a request and return the reply's payload. One round trip."""
        return self.exchange_framed(framed(payload))

    def exchange_framed(self, packet: bytes) -> bytes:
        """As :meth:`exchange`, for a packet framed before."""
        self.send(packet)
        return self.receive()

    def request(self, payload: bytes) -> bytes:
        """As :meth:`exchange`, but an error or an unknown request raises.

        :raise ProtocolError: the stub answered ``Enn`` or nothing.
        """
        reply = self.exchange(payload)
        if not reply or (reply[:1] == b"E" and len(reply) == 3):
            raise ProtocolError(reply, f"request {payload[:40].decode('ascii', 'replace')!r} failed")
        return reply

    def resume(self, packet: bytes, watch: socket.socket | None = None) -> StopReply | None:
        """Send a framed resumption and wait, however long, for the stop.

        :param watch: a second socket; when it becomes readable first, None is returned and the target still runs.
        """
        self.send(packet)
        return self.wait_for_stop(watch)

    def wait_for_stop(self, watch: socket.socket | None = None, seconds: float | None = None) -> StopReply | None:
        """Wait for a stop reply; see :meth:`resume`. Console output (``O``) on the way is dropped.

        :param seconds: return None too where nothing comes for so long.
        """
        while True:
            while not self.has_packet():
                sources = [self._socket, *([watch] if watch else []), *([self._watched[0]] if self._watched else [])]
                readable, _, _ = select.select(sources, [], [], seconds)
                if watch in readable or not readable:
                    return None
                if self._watched is not None and self._watched[0] in readable:
                    self._watched[1]()
                    continue
                self.receive_some(socket.MSG_DONTWAIT)
            reply = self.receive()
            if reply[:1] == b"O" and reply != b"OK":
                continue
            return parse_stop_reply(reply)

    def monitor(self, command: str) -> str:
        """Perform a command of the stub's own (``qRcmd``), however long it takes, and return what it printed.

        :raise ProtocolError: the stub refused it, or has no such commands.
        """
        self.send(framed(b"qRcmd," + command.encode().hex().encode()))
        return self.finish_monitor()

    def finish_monitor(self) -> str:
        """Wait for the end of a monitor command that was sent; as :meth:`monitor`."""
        digits: list[bytes] = []
        while True:
            # A hundred lines are common, and have come together.
            if outputs := _OUTPUTS.match(self._buffer):
                digits += _OUTPUT.findall(outputs[0])
                self._buffer = self._buffer[outputs.end() :]
            if not self.has_packet():
                self.receive_some()
                continue
            reply = self.receive()
            if reply == b"OK":
                return self.raw_registers(b"".join(digits)).decode("utf-8", "replace")
            if reply[:1] != b"O":
                raise ProtocolError(reply, "the monitor command failed")
            digits.append(reply[1:])

    def _command(self, payload: bytes) -> None:
        """Send a request whose only good answer is OK."""
        reply = self.request(payload)
        if reply != b"OK":
            raise ProtocolError(reply, f"request {payload[:40].decode('ascii', 'replace')!r} failed")

    def read_memory(self, address: int, size: int) -> bytes | None:
        """Read ``size`` bytes; None where the stub refuses any of them."""
        if size <= _CHUNK_BYTES:
            return self._read_chunk(address, size)
        pieces = []
        for offset in range(0, size, _CHUNK_BYTES):
            piece = self._read_chunk(address + offset, min(_CHUNK_BYTES, size - offset))
            if piece is None:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    def _read_chunk(self, address: int, size: int) -> bytes | None:
        reply = self.exchange(b"m%x,%x" % (address, size))
        if len(reply) != 2 * size:
            return None
        return bytes.fromhex(reply.decode("ascii"))

    def write_memory(self, address: int, data: bytes) -> None:
        """Write memory.

        :raise ProtocolError: the stub refused.
        """
        for offset in range(0, len(data), _CHUNK_BYTES):
            piece = data[offset : offset + _CHUNK_BYTES]
            self._command(b"M%x,%x:" % (address + offset, len(piece)) + piece.hex().encode())

    def read_registers(self) -> bytes:
        """The core registers (``g``), raw; a register that is not available counts as zero.

        :raise ProtocolError: the stub refused.
        """
        return self.core_registers(self.exchange(b"g"))

    def turn_registers(self, layout: RegisterLayout, teller: str, mask: int) -> None:
        """From now on, have each register big-endian, as the layout says, also where the stub sends them little-endian.

        :param teller: the register of ``g`` that has bits of ``mask`` in its lowest byte where it does. In a big-endian
            one the same bits of the highest byte are 0.
        """
        self._teller = layout.core[teller][0], mask
        self._places = sorted(layout.core.values())

    def clear_bits(self, *bits: tuple[int, int]) -> None:
        """From now on, leave bits (byte, bits of that byte) out of the core registers that the stub sends."""
        self._cleared = bits

    def core_registers(self, reply: bytes) -> bytes:
        """Decode the reply to a ``g``."""
        raw = self.raw_registers(reply)
        if self._teller is not None:
            byte, mask = self._teller
            self._is_turned = bool(raw[byte] & mask)
            raw = self._turned(raw)
        if self._cleared:
            changed = bytearray(raw)
            for byte, bits in self._cleared:
                changed[byte] &= ~bits
            return bytes(changed)
        return raw

    def _turned(self, raw: bytes) -> bytes:
        """The core registers from the stub's byte order to the layout's, or back."""
        return b"".join(raw[start:end][::-1] for start, end in self._places) if self._is_turned else raw

    @staticmethod
    def raw_registers(reply: bytes) -> bytes:
        """Decode hexadecimal digits: the reply to a ``g`` or to a ``p``, or what a monitor command printed."""
        try:
            return bytes.fromhex(reply.decode("ascii"))
        except ValueError:
            if set(reply) <= set(b"0123456789abcdefABCDEFx") and reply and len(reply) % 2 == 0:
                return bytes.fromhex(reply.replace(b"x", b"0").decode("ascii"))
            if reply[:1] in (b"W", b"X"):
                # What a step has done is that the machine switches itself off, after the end of the step.
                raise TargetDied(f"the guest has ended ({reply.decode('latin-1')})") from None
            raise ProtocolError(reply, "not register contents") from None

    def write_registers(self, raw: bytes) -> None:
        """Write the core registers (``G``)."""
        self._command(b"G" + self._turned(raw).hex().encode())

    def read_register(self, number: int) -> bytes:
        """One register (``p``), raw."""
        raw = self.raw_registers(self.request(b"p%x" % number))
        return raw[::-1] if self._is_turned else raw

    def write_register(self, number: int, raw: bytes) -> None:
        """Write one register (``P``)."""
        self._command(b"P%x=" % number + (raw[::-1] if self._is_turned else raw).hex().encode())

    def detach(self, thread: bytes) -> None:
        """Let go of the target, which runs on; the stub may go too.

        :param thread: one of the process's, as the stub spells it.
        """
        process = re.match(rb"p([0-9a-f]+)\.", thread)
        with contextlib.suppress(TargetDied, ProtocolError):
            self._command(b"D" if process is None else b"D;" + process[1])

    def thread_ids(self) -> list[bytes]:
        """The threads, or a machine's vCPUs, as the stub spells them, in its order.

        :raise ProtocolError: the stub refused.
        """
        identities: list[bytes] = []
        reply = self.request(b"qfThreadInfo")
        while reply[:1] == b"m":
            identities += reply[1:].split(b",")
            reply = self.request(b"qsThreadInfo")
        return identities

    def insert_breakpoint(self, address: int) -> None:
        """Plant a software breakpoint (``Z0``); QEMU keeps it beside the code, memory does not change."""
        self._command(b"Z0,%x,4" % address)

    def remove_breakpoint(self, address: int) -> None:
        """Take a software breakpoint away (``z0``)."""
        self._command(b"z0,%x,4" % address)

    def read_object(self, kind: str, annex: str = "") -> bytes:
        """A whole ``qXfer`` object.

        :raise ProtocolError: the stub does not have it.
        """
        data = bytearray()
        while True:
            request = f"qXfer:{kind}:read:{annex}:{len(data):x},{_CHUNK_BYTES:x}".encode()
            reply = self.request(request)
            if reply[:1] not in (b"m", b"l"):
                raise ProtocolError(reply, f"bad reply to {request.decode()}")
            data += unescaped(reply[1:])
            if reply[:1] == b"l":
                return bytes(data)
