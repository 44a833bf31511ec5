"""The registers at the present stop, and what else an address may be computed from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from gdbtrace.arch.model import MonitorCommand, Registers
from gdbtrace.errors import ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout, RegisterState
from gdbtrace.tracer.memory import GuestMemory, MachineMemory


class LiveRegisters(RegisterState):
    """The registers at the present stop; what ``g`` lacks is fetched from the stub when asked for."""

    def __init__(self, layout: RegisterLayout, client: StubClient, piece_bytes: Mapping[str, int]) -> None:
        super().__init__(layout, b"")
        self.layout = layout
        self.memory: GuestMemory = client
        """What memory is read through."""
        self.monitored: Mapping[str, str] = {}
        """See :attr:`~gdbtrace.arch.model.SystemLevel.monitored`."""
        self._client = client
        self._piece_bytes = piece_bytes
        self.printed_by: Mapping[str, str] = {}
        """See :attr:`~gdbtrace.arch.model.SystemLevel.printed_by`."""
        self.machine: MachineMemory | None = None
        """What physical memory is read through."""
        self.derived: Mapping[str, Callable[[MonitorCommand, Registers], int]] = {}
        """See :attr:`~gdbtrace.arch.model.SystemLevel.derived`."""
        self._printed: dict[str, str] = {}
        """What the monitor said, by command."""
        self._found: dict[str, int] = {}
        """What was found in it, or otherwise."""
        self.fetched: dict[str, bytes] = {}
        """Values of registers outside ``g`` that are known to be current."""
        self.remembered: dict[str, int] = {}
        """Values of registers that the stub does not show."""

    def __getitem__(self, name: str) -> int:
        place = self._core.get(name)
        if place is not None:
            return int.from_bytes(self.raw[place[0] : place[1]], self._byte_order)
        found = self._found.get(name)
        if found is not None:
            return found
        if name in self.remembered:
            return self.remembered[name]
        if name in self.monitored:
            return self._monitored(name)
        if name in self.derived:
            value = self._found[name] = self.derived[name](self._client.monitor, self)
            return value
        return int.from_bytes(self.fetch(name), self._byte_order)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a register."""
        return name in self._core or name in self.layout.fetched or name in self.remembered or name in self.monitored

    def anew(self, name: str) -> int:
        """A register that may have changed without being named since it was read last."""
        self.fetched.pop(name, None)
        self.forget_monitored()
        return self[name]

    def forget(self) -> None:
        """All registers outside ``g`` may have changed."""
        self.fetched.clear()
        self.forget_monitored()

    def forget_monitored(self) -> None:
        """Those that only the monitor shows may have changed."""
        self._printed.clear()
        self._found.clear()

    def _monitored(self, name: str) -> int:
        command = self.printed_by.get(name, "info registers")
        printed = self._printed.get(command)
        if printed is None:
            printed = self._printed[command] = self._client.monitor(command)
        found = re.search(self.monitored[name], printed, re.MULTILINE)
        if found is None:
            raise ProtocolError(printed, f"QEMU's monitor does not say what {name} is")
        value = self._found[name] = int(found[1], 10 if found.lastgroup == "decimal" else 16)
        return value

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

    def write(self, name: str, value: int) -> None:
        """Write a register of ``g``, at the stub alone: what is known of the stop stays.

        :raise ProtocolError: the stub does not take it.
        """
        start, end = self._core[name]
        raw = self.layout.with_values(self._client.read_registers(), {name: value})
        try:
            # Writing all of them changes x86's segment bases.
            self._client.write_register(self.layout.numbers[name], raw[start:end])
        except ProtocolError:
            # QEMU's stub writes single registers only where it has a target description.
            self._client.write_registers(raw)
        if (found := self._client.read_registers()) != raw:
            raise ProtocolError(found.hex(), f"register {name} cannot be written")

    def read_under(self, name: str, other: str, value: int) -> int:
        """See :class:`~gdbtrace.arch.model.Registers`.

        :raise ProtocolError: what was changed cannot be put back.
        """
        number, (start, end) = self.layout.numbers[other], self._core[other]
        self._client.write_register(number, value.to_bytes(end - start, self._byte_order))
        shown = RegisterState(self.layout, self._client.read_registers())[name]
        self._client.write_register(number, self.raw[start:end])
        if (found := self._client.read_registers()) != self.raw:
            raise ProtocolError(found.hex(), f"register {other} cannot be put back")
        return shown

    def fetch_anew(self, names: Sequence[str]) -> list[bytes]:
        """Registers outside ``g`` after a step that may have changed them, raw."""
        for name in names:
            self.fetched.pop(name, None)
        return [self.fetch(name) for name in names]

    def read_memory(self, address: int, size: int) -> bytes:
        """Guest memory at the present stop.

        :raise KeyError: it cannot be read.
        """
        data = self.memory.read_memory(address, size)
        if data is None:
            raise KeyError(address)
        return data

    def read_physical(self, address: int, size: int) -> bytes:
        """Guest memory by physical address.

        :raise KeyError: it cannot be read.
        """
        assert self.machine is not None
        data = self.machine.read_physical(address, size)
        if data is None:
            raise KeyError(address)
        return data

    def read_kept(self, address: int, size: int) -> bytes:
        """Guest memory by physical address, read once until something is stored there.

        :raise KeyError: it cannot be read.
        """
        assert self.machine is not None
        data = self.machine.read_kept(address, size)
        if data is None:
            raise KeyError(address)
        return data
