"""The registers of a machine at one stop, for tests of facts: nothing behind them."""

from __future__ import annotations


class Values(dict[str, int]):
    """Register -> value, and the instruction that comes."""

    instruction = b""

    def anew(self, name: str, /) -> int:
        return self[name]

    def read_under(self, name: str, other: str, value: int, /) -> int:
        raise KeyError(name, other, value)

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)

    read_physical = read_memory
    read_kept = read_memory
