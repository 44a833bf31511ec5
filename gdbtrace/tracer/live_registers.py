"""The registers at the present stop, and what else an address may be computed from."""

from __future__ import annotations

from collections.abc import Sequence

from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout, RegisterState


class LiveRegisters(RegisterState):
    """The registers at the present stop; what ``g`` lacks is fetched from the stub when asked for."""

    def __init__(self, layout: RegisterLayout, client: StubClient) -> None:
        super().__init__(layout, b"")
        self.layout = layout
        self._client = client
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
            number, size = self.layout.fetched[name]
            value = self._client.read_register(number).ljust(size, b"\0")[:size]
            self.fetched[name] = value
        return value

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
