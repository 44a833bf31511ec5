"""What is at a machine's addresses, and when that is found out anew."""

from __future__ import annotations

import pytest

from gdbtrace.arch.model import Behaviour
from gdbtrace.arch.system.arm_m import M_PROFILE
from gdbtrace.stub.client import StubClient
from gdbtrace.tracer.instruction_cache import InstructionCache, KnownInstruction
from gdbtrace.tracer.memory import MachineMemory
from gdbtrace.tracer.memory_map import MemoryMap
from tests.machine_registers import Values

FLAT_VIEWS = """FlatView #0
 AS "dma", root: bus
 Root memory region: bus
  0000000000020000-000000000002ffff (prio 0, ram): board.shadow

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-000000000000ffff (prio 0, rom): board.rom
  0000000000010000-0000000000010fff (prio 0, romd): board.flash
  0000000000020000-000000000002ffff (prio 0, rom): board.shadow
  0000000020000000-000000002000ffff (prio 0, ram): board.sram
  000000004000c000-000000004000cfff (prio 0, i/o): pl011

"""
COUNTS = "TB flush count      7\nTLB full flushes    {}\nTLB partial flushes 2\nTLB elided flushes  3\n"


class Monitor(StubClient):
    """QEMU's monitor, which says what it is told to."""

    def __init__(self, release: str) -> None:
        self.release, self.full_flushes, self.listing = release, 1, FLAT_VIEWS
        self.listed = 0

    def monitor(self, command: str) -> str:
        if command == "info mtree -f":
            self.listed += 1
        return {
            "info version": f"{self.release}.22 (Debian 1:{self.release})\n",
            "info jit": COUNTS.format(self.full_flushes),
            "info mtree -f": self.listing,
        }[command]


def memory_behind(monitor: Monitor) -> MachineMemory:
    return MachineMemory(monitor, M_PROFILE, Values({}))


def test_map_is_kept_while_qemu_flushes_no_translations() -> None:
    # Given a map that has been listed
    monitor = Monitor("7.2")
    memory = memory_behind(monitor)
    before = memory.map

    # When a device is touched and nothing is flushed, then the map is the same, and not listed again
    assert memory.doubt_map()
    assert memory.map is before
    assert monitor.listed == 1


def test_map_is_listed_again_after_a_flush() -> None:
    # Given a map that has been listed
    monitor = Monitor("7.2")
    memory = memory_behind(monitor)
    assert memory.map.at(0x4000C000).region is not None

    # When the device that was touched has moved itself
    monitor.full_flushes, monitor.listing = 2, FLAT_VIEWS.replace("4000c", "4000d")
    assert not memory.doubt_map()

    # Then it is where it is now
    assert memory.map.at(0x4000C000).region is None


@pytest.mark.parametrize("release", ["6.2", "8.1", "10.0"])
def test_flushes_of_other_releases_say_nothing(release: str) -> None:
    monitor = Monitor(release)
    memory = memory_behind(monitor)
    assert memory.map.at(0).region is not None
    assert not memory.doubt_map()
    assert memory.map.at(0).region is not None
    assert monitor.listed == 2


@pytest.mark.parametrize(
    ("address", "is_fixed"),
    [
        (0, True),
        (0x10000, False),  # flash memory takes commands
        (0x20000, False),  # another master writes there
        (0x20000000, False),
        (0x4000C000, False),
        (0x30000, False),  # nothing
        (0xFE00, False),  # it goes on into the flash memory
    ],
)
def test_fixed_is_what_nobody_can_write_to(address: int, is_fixed: bool) -> None:
    assert MemoryMap.parse(FLAT_VIEWS).is_fixed(address, 1024) is is_fixed


class Code:
    """Memory that counts how often it is read."""

    def __init__(self) -> None:
        self.reads: list[int] = []

    def read_memory(self, address: int, size: int, /) -> bytes:
        self.reads.append(address)
        return bytes(size)


def test_code_that_nobody_can_write_to_stays_known() -> None:
    # Given an instruction in ROM, and one in RAM
    code = Code()
    cache = InstructionCache(code, lambda address: address, lambda address, size: address < 0x10000)
    rom, ram = (0x1000, 0), (0x20000, 0)
    for key in (rom, ram):
        known = KnownInstruction(0, cache.read_code(key[0], 2), Behaviour(), ())
        cache.add(key, known)

    # When a device may have stored something, then only the one in RAM is read again
    cache.suspect_writable()
    assert list(cache.known) == [rom]
    assert cache.recall(ram) is not None
    assert code.reads == [0x1000, 0x20000, 0x20000]
