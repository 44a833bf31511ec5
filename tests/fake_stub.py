"""A gdbstub in a thread, in front of a MIPS of a handful of instructions: for tests without QEMU.

It behaves as QEMU 7.2's user-mode stub does where that matters: acknowledgements, no ``QStartNoAckMode``, a system
call that swallows the instruction after it when stepped, ``W`` when the guest exits.  A guest that pauses runs until it
is interrupted.
"""

from __future__ import annotations

import socket
import struct
import threading

from gdbtrace.stub.packet import PacketReader, framed

BASE = 0x400000
DATA = 0x410000
THREAD = b"p01.2a"
REGISTERS = 73
PC = 37
EXIT = 4001
GETPID = 4020
PAUSE = 4029


def escaped(data: bytes) -> bytes:
    """Binary data as it may stand in a packet."""
    return b"".join(b"}%c" % (byte ^ 0x20) if byte in b"#$}*" else b"%c" % byte for byte in data)


def assemble(*words: int) -> bytes:
    """Big-endian code."""
    return b"".join(struct.pack(">I", word) for word in words)


def addiu(rt: int, rs: int, value: int) -> int:
    return 0x24000000 | rs << 21 | rt << 16 | value & 0xFFFF


def lui(rt: int, value: int) -> int:
    return 0x3C000000 | rt << 16 | value


def sw(rt: int, offset: int, base: int) -> int:
    return 0xAC000000 | base << 21 | rt << 16 | offset & 0xFFFF


def lw(rt: int, offset: int, base: int) -> int:
    return 0x8C000000 | base << 21 | rt << 16 | offset & 0xFFFF


SYSCALL = 0x0000000C
NOP = 0


class FakeStub:
    """Serves one client on :attr:`connection` until it hangs up; a context manager."""

    def __init__(self, code: bytes, *, xml: bytes = b"", die_after: int | None = None) -> None:
        self.connection, self._server = socket.socketpair()
        self.registers = [0] * REGISTERS
        self.registers[PC] = BASE
        self.memory = bytearray(0x20000)
        self.memory[: len(code)] = code
        self.mapped = range(BASE, BASE + len(self.memory))
        self.executable = self.mapped
        self.signal_information = b""
        """What it says of the latest signal, if it does (QEMU 9.0)."""
        self.requests: list[bytes] = []
        self.pauses = threading.Event()
        """Set while the guest runs in ``pause``."""
        self._breakpoints: set[int] = set()
        self._exit: int | None = None
        self._xml = xml
        self._die_after = die_after
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> FakeStub:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()
        self._thread.join(5)
        self._server.close()
        assert not self._thread.is_alive()

    def hang_up(self) -> None:
        """Close the connection as a stub that ends does."""
        self._server.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        packets = PacketReader()
        while True:
            try:
                data = self._server.recv(65536)
            except OSError:
                return
            if not data:
                return
            packets.feed(data)
            while (request := packets.next()) is not None:
                self.requests.append(request)
                if self._die_after is not None and len(self.requests) > self._die_after:
                    self._server.close()
                    return
                reply = self._reply(request)
                try:
                    # The reply to a resumption may take its time; its acknowledgement does not.
                    self._server.sendall(b"+" if reply is None else b"+" + framed(reply))
                except OSError:
                    return

    def _reply(self, request: bytes) -> bytes | None:
        text = request.decode("latin-1")
        if text == "\x03":
            if not self.pauses.is_set():
                return None
            self.pauses.clear()
            return b"T02thread:" + THREAD + b";"
        if text == "D":
            return b"OK"
        if text.startswith("qSupported"):
            return b"PacketSize=1000;vContSupported+;multiprocess+" + (b";qXfer:features:read+" if self._xml else b"")
        if text.startswith("qXfer:features:read:target.xml:") and self._xml:
            offset, size = (int(part, 16) for part in text.rsplit(":", 1)[1].split(","))
            piece = self._xml[offset : offset + size]
            return (b"m" if offset + size < len(self._xml) else b"l") + escaped(piece)
        if text.startswith("qXfer:siginfo:read:") and self.signal_information:
            return b"l" + escaped(self.signal_information)
        if text == "?":
            return b"T05thread:" + THREAD + b";"
        if text == "g":
            return b"".join(b"%08x" % value for value in self.registers)
        if text[0] == "G":
            self.registers = [int(text[at : at + 8], 16) for at in range(1, len(text), 8)]
            return b"OK"
        if text[0] in "mM":
            where, _, data = text[1:].partition(":")
            address, size = (int(part, 16) for part in where.split(","))
            if address not in self.mapped or address + size - 1 not in self.mapped:
                return b"E14"
            if text[0] == "M":
                self.memory[address - BASE : address - BASE + size] = bytes.fromhex(data)
                return b"OK"
            return self.memory[address - BASE : address - BASE + size].hex().encode()
        if text.startswith(("Z0,", "z0,")):
            address = int(text.split(",")[1], 16)
            (self._breakpoints.add if text[0] == "Z" else self._breakpoints.discard)(address)
            return b"OK"
        if text.startswith("vCont;S0b"):
            return b"X0b"
        if text.startswith("vCont;s"):
            if self._faults():
                return b"T0bthread:" + THREAD + b";"
            self._execute()
            # As QEMU 7.2: the step goes on after a system call.
            if self._called and self._exit is None:
                self._execute()
            return self._stopped()
        if text.startswith("vCont;c"):
            while self._exit is None:
                self._execute()
                if self._called and self.registers[2] == PAUSE:
                    self.pauses.set()
                    return None
                if self.registers[PC] in self._breakpoints:
                    break
            return self._stopped()
        return b""

    def _stopped(self) -> bytes:
        return b"T05thread:" + THREAD + b";" if self._exit is None else b"W%02x" % self._exit

    def _faults(self) -> bool:
        """Whether the next instruction cannot be fetched, or loads or stores where there is nothing."""
        at = self.registers[PC]
        if at not in self.executable:
            return True
        (word,) = struct.unpack_from(">I", self.memory, at - BASE)
        return word >> 26 in (35, 43) and self.registers[word >> 21 & 31] + (word & 0xFFFF) not in self.mapped

    _called = False

    def _execute(self) -> None:
        registers, at = self.registers, self.registers[PC] - BASE
        (word,) = struct.unpack_from(">I", self.memory, at)
        opcode, rs, rt, low = word >> 26, word >> 21 & 31, word >> 16 & 31, word & 0xFFFF
        signed = low - 0x10000 if low & 0x8000 else low
        address = (registers[rs] + signed & 0xFFFFFFFF) - BASE
        self._called = word == SYSCALL
        registers[PC] += 4
        if word == SYSCALL:
            if registers[2] == EXIT:
                self._exit = registers[4] & 0xFF
            elif registers[2] != PAUSE:
                registers[2] = 42
        elif opcode == 9:
            registers[rt] = registers[rs] + signed & 0xFFFFFFFF
        elif opcode == 15:
            registers[rt] = low << 16
        elif opcode == 43:
            struct.pack_into(">I", self.memory, address, registers[rt])
        elif opcode == 35:
            (registers[rt],) = struct.unpack_from(">I", self.memory, address)
        else:
            assert word == NOP, hex(word)
