"""What is at a machine's physical addresses, as QEMU says it: the monitor's ``info mtree -f``. Pure."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gdbtrace.errors import ProtocolError

UNASSIGNED = "unassigned"
"""The device name of an address at which there is nothing."""

_RANGE = re.compile(r"^\s+([0-9a-f]+)-([0-9a-f]+) \(prio -?\d+, (?:nv-)?([a-z/]+)\): (.*)$")
_ADDRESS_SPACE = re.compile(r'^\s*AS "([^"]*)"')
_OFFSET = re.compile(r" @[0-9a-f]+( KVM)?$")


class RegionKind(Enum):
    """What a region does with reads and writes (QEMU's docs/devel/memory.rst)."""

    RAM = "ram"
    ROM = "rom"
    """Writes have no effect, or reach a device beneath."""
    ROM_DEVICE = "romd"
    """Reads are of memory, writes are commands (flash)."""
    RAM_DEVICE = "ramd"
    """A device's own memory, mapped from the host."""
    DEVICE = "i/o"


_READABLE = frozenset({RegionKind.RAM, RegionKind.ROM, RegionKind.ROM_DEVICE})
"""Reading them is nothing that a device could notice."""


@dataclass(frozen=True, slots=True)
class Region:
    """A run of physical addresses."""

    start: int
    last: int
    """Its last byte."""
    kind: RegionKind
    name: str

    @property
    def is_readable(self) -> bool:
        """Whether reading it changes nothing."""
        return self.kind in _READABLE


class Reach(NamedTuple):
    """What lies from an address on."""

    region: Region | None
    """None: nothing."""
    size: int
    """How many bytes from the address on belong to it; for nothing, up to the next region."""


class MemoryMap:
    """One address space.

    :param regions: in any order; they do not overlap.
    :param elsewhere: the names of what can be written in another address space.
    """

    def __init__(self, regions: list[Region], elsewhere: frozenset[str] = frozenset()) -> None:
        self.regions = sorted(regions, key=lambda region: region.start)
        self._starts = [region.start for region in self.regions]
        self._writable = _writable_of(self.regions) | elsewhere

    def at(self, address: int) -> Reach:
        """What a physical address belongs to."""
        index = bisect.bisect_right(self._starts, address)
        if index:
            region = self.regions[index - 1]
            if address <= region.last:
                return Reach(region, region.last + 1 - address)
        following = self._starts[index] if index < len(self._starts) else 1 << 64
        return Reach(None, following - address)

    def is_fixed(self, address: int, size: int) -> bool:
        """Whether nobody can write there, for as long as the map is this one: a ROM that is not RAM in another place.

        Flash memory, which takes commands, is none.
        """
        region, reach = self.at(address)
        return (
            region is not None and region.kind is RegionKind.ROM and region.name not in self._writable and size <= reach
        )

    @staticmethod
    def parse(text: str, vcpu: int = 0) -> MemoryMap:
        """Read what ``info mtree -f`` printed: the address space of one vCPU, or else the machine's.

        :raise ProtocolError: it is in neither.
        """
        views: dict[str, list[Region]] = {}
        view: list[Region] = []
        is_listing = True
        for line in text.splitlines():
            if space := _ADDRESS_SPACE.match(line):
                if is_listing:
                    view, is_listing = [], False
                views.setdefault(space[1], view)
            elif row := _RANGE.match(line):
                is_listing = True
                try:
                    kind = RegionKind(row[3])
                except ValueError:
                    kind = RegionKind.DEVICE
                view.append(Region(int(row[1], 16), int(row[2], 16), kind, _OFFSET.sub("", row[4])))
            elif not line.strip():
                is_listing = True
        for name in (f"cpu-memory-{vcpu}", "cpu-memory-0", "memory"):
            if name in views:
                return MemoryMap(views[name], frozenset().union(*map(_writable_of, views.values())))
        raise ProtocolError(text, "QEMU's memory map has no address space of a processor")


def _writable_of(regions: list[Region]) -> frozenset[str]:
    return frozenset(region.name for region in regions if region.kind is not RegionKind.ROM)
