"""A target that is a handful of registers and a piece of memory: for tests of the tracer without a stub."""

from __future__ import annotations

from collections.abc import Mapping

from gdbtrace.arch.model import Arch
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.tracer.live_registers import LiveRegisters

MEMORY = 0x10000
MEMORY_BYTES = 0x10000


class FakeTarget(StubClient):
    """Its own client; all registers are in ``g`` and as wide as an address.

    Memory is readable from :data:`MEMORY` for :data:`MEMORY_BYTES`, nowhere else.
    """

    def __init__(self, arch: Arch, values: Mapping[str, int]) -> None:
        # No connection: everything that would use one is below.
        size = arch.bits // 8
        core = {name: (at * size, (at + 1) * size) for at, name in enumerate(values)}
        numbers = {name: number for number, name in enumerate(core)}
        self.layout = RegisterLayout(arch.byte_order, core, {}, len(core) * size, numbers)
        self.arch = arch
        self.values = dict(values)
        self.memory = bytearray(MEMORY_BYTES)

    @property
    def raw(self) -> bytes:
        """The registers now."""
        size = self.arch.bits // 8
        return b"".join(value.to_bytes(size, self.arch.byte_order) for value in self.values.values())

    def live(self) -> LiveRegisters:
        """What the tracer has of the registers at a stop here."""
        registers = LiveRegisters(self.layout, self, {})
        registers.raw = self.raw
        return registers

    def put(self, address: int, *words: int, size: int | None = None) -> None:
        """Store words, as wide as an address if not said otherwise."""
        size = size or self.arch.bits // 8
        data = b"".join(word.to_bytes(size, self.arch.byte_order) for word in words)
        self.memory[address - MEMORY : address - MEMORY + len(data)] = data

    def read_registers(self) -> bytes:
        return self.raw

    def write_registers(self, raw: bytes) -> None:
        size = self.arch.bits // 8
        for at, name in enumerate(self.values):
            self.values[name] = int.from_bytes(raw[at * size : (at + 1) * size], self.arch.byte_order)

    def write_register(self, number: int, raw: bytes) -> None:
        self.values[list(self.values)[number]] = int.from_bytes(raw, self.arch.byte_order)

    def read_memory(self, address: int, size: int) -> bytes | None:
        if not MEMORY <= address <= MEMORY + MEMORY_BYTES - size:
            return None
        return bytes(self.memory[address - MEMORY : address - MEMORY + size])

    def write_memory(self, address: int, data: bytes) -> None:
        self.memory[address - MEMORY : address - MEMORY + len(data)] = data
