"""Reading a guest's memory: as a process has it, or as a machine has it, where reading can hurt.

A machine's device may notice a read (a serial port loses a character), and QEMU's own translation of an address that
is not mapped may change the guest's MMU (SPARC: the fault registers).  So an address is translated here, QEMU's memory
map says what is there, and only RAM and ROM are read, by physical address (``Qqemu.PhyMemMode`` of QEMU's gdbstub.c).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gdbtrace.arch.model import AddressKind, Registers, SystemLevel
from gdbtrace.arch.system.translation import gva2gpa
from gdbtrace.stub.client import StubClient
from gdbtrace.tracer.memory_map import UNASSIGNED, MemoryMap

_PAGE_BITS = 10
"""The smallest page of any architecture that QEMU emulates: 1 KiB."""
_PAGE_BYTES = 1 << _PAGE_BITS
_PAGE_MASK = _PAGE_BYTES - 1
_MOST_MAPS = 16

_FLUSHES = re.compile(r"^TLB \w+ flushes +(\d+)", re.MULTILINE)
_KINDS_OF_FLUSHES = 3
_RELEASE = re.compile(r"^(\d+)\.")
_COUNTING_RELEASE = 7
"""QEMU's releases 7: each change of the memory map flushes the translation buffers before the vCPU goes on
(``tcg_commit`` of its softmmu/physmem.c), and ``info jit`` counts that. Later ones have the vCPU's thread do it when it
gets to it."""


class GuestMemory(Protocol):
    """What the step loop reads."""

    def read_memory(self, address: int, size: int, /) -> bytes | None:
        """Read ``size`` bytes at a virtual address; None where any of them cannot be read, or must not be."""


class Place(NamedTuple):
    """Where an access went."""

    physical: int
    device: str
    """QEMU's name of what is there; empty for RAM and ROM."""


class MachineMemory:
    """The memory of a machine, through the eyes of one vCPU at a time."""

    def __init__(self, client: StubClient, system: SystemLevel, registers: Registers) -> None:
        self._client = client
        self._vcpu = 0
        self._map: MemoryMap | None = None
        self._maps: dict[tuple[str, int], MemoryMap] = {}
        """By what QEMU printed, and vCPU: a few of them come and go."""
        self._listing = ""
        self._flushes: int | None = None
        """When it was listed."""
        self._has_telling_flushes: bool | None = None
        """None: not found out yet."""
        self._is_physical = False
        self._kept: dict[tuple[int, int], bytes | None] = {}
        """What was read, by physical address and size, while nothing is stored there."""
        self.views = {kind: _View(self, client, system, registers, kind) for kind in AddressKind}
        self.code = self.views[AddressKind.CODE]
        """As instructions are fetched."""
        self.data = self.views[AddressKind.DATA]
        """As loads and stores see it."""

    def read_physical(self, address: int, size: int) -> bytes | None:
        """Read RAM or ROM; None where any of it is something else."""
        pieces = []
        while size:
            region, reach = self.map.at(address)
            if region is None or not region.is_readable:
                return None
            piece_bytes = min(size, reach)
            if not self._is_physical:
                self._is_physical = True
                self._client.request(b"Qqemu.PhyMemMode:1")
            piece = self._client.read_memory(address, piece_bytes)
            if piece is None:
                return None
            pieces.append(piece)
            address, size = address + piece_bytes, size - piece_bytes
        return b"".join(pieces)

    def read_kept(self, address: int, size: int) -> bytes | None:
        """The same, read once until :meth:`stored` or one of the ``forget`` s says that it may have changed."""
        key = (address, size)
        if key not in self._kept:
            self._kept[key] = self.read_physical(address, size)
        return self._kept[key]

    def stored(self, address: int, size: int, physical_of: Callable[[int], int | None]) -> None:
        """Note that an instruction stored something."""
        while self._kept and size > 0:
            piece_bytes = min(size, _PAGE_BYTES - (address & _PAGE_MASK))
            start = physical_of(address)
            if start is not None:
                for kept, kept_bytes in list(self._kept):
                    if start < kept + kept_bytes and kept < start + piece_bytes:
                        del self._kept[kept, kept_bytes]
            address, size = address + piece_bytes, size - piece_bytes

    @property
    def map(self) -> MemoryMap:
        """The physical address space as it is now."""
        if self._map is None:
            # In this order: what changes after the flushes have been counted is counted next time.
            self._flushes = self._count_flushes()
            self._listing = self._client.monitor("info mtree -f")
            self._map = self._maps.get((self._listing, self._vcpu))
            if self._map is None:
                if len(self._maps) >= _MOST_MAPS:
                    self._maps.clear()
                self._map = self._maps[self._listing, self._vcpu] = MemoryMap.parse(self._listing, self._vcpu)
        return self._map

    def is_fixed(self, address: int, size: int) -> bool:
        """Whether nobody can write at a physical address, unless the memory map changes."""
        return self.map.is_fixed(address, size)

    def doubt_map(self) -> bool:
        """A device may have moved itself, or memory; True: nothing is in another place than before.

        What a device has stored in memory is not known any more either way.
        """
        self._kept.clear()
        if self._map is not None and self._flushes is not None and self._flushes == self._count_flushes():
            return True
        self.forget_map()
        return False

    def _count_flushes(self) -> int | None:
        """How often QEMU has flushed its translation buffers; None: that says nothing of the memory map.

        A listing of the map costs three times as much.
        """
        if self._has_telling_flushes is None:
            release = _RELEASE.match(self._client.monitor("info version"))
            self._has_telling_flushes = release is not None and int(release[1]) == _COUNTING_RELEASE
        if not self._has_telling_flushes:
            return None
        counts = _FLUSHES.findall(self._client.monitor("info jit"))
        return sum(map(int, counts)) if len(counts) == _KINDS_OF_FLUSHES else None

    def forget_translations(self) -> None:
        """Addresses may be translated otherwise from now on."""
        for view in self.views.values():
            view.forget()
        self._kept.clear()

    def forget_map(self) -> None:
        """Anything may be anywhere."""
        self._map = None
        self.forget_translations()

    def look_as(self, vcpu: int) -> None:
        """Take another vCPU's view; the stub shows its registers already."""
        self._client.monitor(f"cpu {vcpu}")
        self._vcpu = vcpu
        self.forget_map()

    def leave_physical(self) -> None:
        """Have the stub take addresses as virtual ones again, for somebody else's requests."""
        if self._is_physical:
            self._is_physical = False
            self._client.request(b"Qqemu.PhyMemMode:0")


class _View:
    """Memory by virtual address; a :class:`GuestMemory`."""

    def __init__(
        self, machine: MachineMemory, client: StubClient, system: SystemLevel, registers: Registers, kind: AddressKind
    ) -> None:
        self._machine = machine
        self._client = client
        self._system = system
        self._registers = registers
        self._kind = kind
        self._pages: dict[int, int] = {}
        """Virtual page -> physical address of its first byte. What is not mapped is not in it."""

    def read_memory(self, address: int, size: int) -> bytes | None:
        """See :class:`GuestMemory`."""
        offset = address & _PAGE_MASK
        if offset + size <= _PAGE_BYTES:
            physical = self.physical(address)
            return None if physical is None else self._machine.read_physical(physical, size)
        first = self.read_memory(address, _PAGE_BYTES - offset)
        rest = None if first is None else self.read_memory(address - offset + _PAGE_BYTES, offset + size - _PAGE_BYTES)
        return None if first is None or rest is None else first + rest

    def physical(self, address: int) -> int | None:
        """The physical address that a virtual one is mapped to; None: it is not mapped."""
        if self._kind is AddressKind.PHYSICAL:
            return address
        page = address >> _PAGE_BITS
        start = self._pages.get(page)
        if start is None:
            registers, kind = self._registers, self._kind
            physical = self._system.physical(registers, address, kind)
            if physical is None:
                physical = (self._system.translate or gva2gpa)(self._client.monitor, registers, address, kind)
                if physical is None:
                    return None
            start = self._pages[page] = physical & ~_PAGE_MASK
        return start | (address & _PAGE_MASK)

    def place(self, address: int) -> Place | None:
        """Where an access goes; None: it is not mapped."""
        physical = self.physical(address)
        if physical is None:
            return None
        region, _ = self._machine.map.at(physical)
        if region is None:
            return Place(physical, UNASSIGNED)
        return Place(physical, "" if region.is_readable else region.name)

    def forget(self) -> None:
        """Addresses may be translated otherwise from now on."""
        self._pages.clear()
