"""The registers at the present stop, and what else an address may be computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gdbtrace.errors import ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout, RegisterState


class LiveRegisters(RegisterState):
    """The registers at the present stop; what ``g`` lacks is fetched from the stub when asked for."""

    def __init__(self, layout: RegisterLayout, client: StubClient, piece_bytes: Mapping[str, int]) -> None:
        super().__init__(layout, b"")
        self.layout = layout
        self._client = client
        self._piece_bytes = piece_bytes
        self.fetched: dict[str, bytes] = {}
        """Values of registers outside ``g`` that are known to be current."""
        self.remembered: dict[str, int] = {}
        """Values of registers that the stub does not show."""

    def __getitem__(self, name: str) -> int:
        try:
            start, end = self._core[name]
        except KeyError:
            if name in self.remembered:
                return self.remembered[name]
            return int.from_bytes(self.fetch(name), self._byte_order)
        return int.from_bytes(self.raw[start:end], self._byte_order)

    def fetch(self, name: str) -> bytes:
        """A register outside ``g``, raw."""
        value = self.fetched.get(name)
        if value is None:
            value = self.fetched[name] = self._read(name)
        return value

    def put_back(self, name: str, value: bytes) -> None:
        """Write a register outside ``g``, as it was fetched.

        :raise ProtocolError: the stub does not take it.
        """
        self._write(name, value)
        if (found := self._read(name)) != value:
            # QEMU 10.0 takes the halves of each 128 bits of an SVE register the other way round than it sends them
            # (aarch64_gdb_set_sve_reg): what it makes of the value makes the value.
            self._write(name, found)
            if self._read(name) != value:
                raise ProtocolError(found.hex(), f"register {name} cannot be put back")

    def _read(self, name: str) -> bytes:
        number, size = self.layout.fetched[name]
        return self._turned(name, self._client.read_register(number).ljust(size, b"\0")[:size])

    def _write(self, name: str, value: bytes) -> None:
        self._client.write_register(self.layout.fetched[name][0], self._turned(name, value))

    def _turned(self, name: str, value: bytes) -> bytes:
        """From the stub's order of pieces to that of one big-endian number, or back (:attr:`Arch.piece_bytes`)."""
        size = self._piece_bytes.get(name)
        if size is None:
            return value
        return b"".join(value[at : at + size] for at in range(len(value) - size, -1, -size))

    def fetch_anew(self, names: Sequence[str]) -> list[bytes]:
        """Registers outside ``g`` after a step that may have changed them, raw."""
        for name in names:
            self.fetched.pop(name, None)
        return [self.fetch(name) for name in names]

    def read_memory(self, address: int, size: int) -> bytes:
        """Guest memory at the present stop.

        :raise KeyError: it cannot be read.
        """
        data = self._client.read_memory(address, size)
        if data is None:
            raise KeyError(address)
        return data
