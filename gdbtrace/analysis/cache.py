"""Caches: what a trace's fetches, loads and stores would find in an L1 instruction, an L1 data and a unified L2 cache.

As QEMU's cache plugin has them: a block that is missing is brought in, for stores too; nothing is written back; L2 is
asked where L1 misses, and is not told of what L1 throws out. Unlike it, an access that reaches into several blocks
looks each of them up.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from random import Random
from typing import Protocol

from gdbtrace.analysis.disassembly import Key
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.image import SourceLine
from gdbtrace.trace.frames import Frame, MemoryLocation, StdFrame

_ADDRESS_BITS = 64
LAST_ADDRESS = (1 << _ADDRESS_BITS) - 1
"""Behind it is address 0."""

LOAD, STORE, FETCH = range(3)
"""Directions of an access; the numbers are dinero's labels."""

Access = tuple[int, int, int]
"""Direction, address, size in bytes."""


def accesses_of(frame: StdFrame) -> list[Access]:
    """What an instruction does to memory, in order: it is fetched, it loads, it stores.

    Data is where it is in the physical address space, if the trace says so. Devices are not cached: what goes to them
    is left out.
    """
    # A frame without bytes is a call of the kernel's code, of which QEMU counts one instruction, too.
    accesses = [(FETCH, frame.address, max(len(frame.rawbytes), 1))]
    for direction, operands in ((LOAD, frame.memory_reads()), (STORE, frame.memory_writes())):
        for operand in operands:
            location = operand.location
            if isinstance(location, MemoryLocation) and not location.device:
                address = location.address if location.physical is None else location.physical
                accesses.append((direction, address, max(operand.bits // 8, 1)))
    return accesses


@dataclass(frozen=True, slots=True)
class Geometry:
    """The shape of a cache.

    :raise ValueError: there is no such cache; the text says why.
    """

    size_bytes: int
    block_bytes: int
    ways: int
    """Blocks in a set."""

    def __post_init__(self) -> None:
        if min(self.size_bytes, self.block_bytes, self.ways) < 1:
            raise ValueError("size, block and ways must be more than 0")
        if self.block_bytes & (self.block_bytes - 1):
            raise ValueError(f"blocks of {self.block_bytes} bytes: must be a power of two")
        if self.size_bytes.bit_length() > _ADDRESS_BITS:
            raise ValueError("larger than any memory")
        set_bytes = self.block_bytes * self.ways
        sets, rest = divmod(self.size_bytes, set_bytes)
        if not sets:
            raise ValueError(
                f"a set of {self.ways} blocks of {self.block_bytes} bytes is larger than the cache of "
                f"{self.size_bytes} bytes"
            )
        if rest:
            raise ValueError(f"{self.size_bytes} bytes are no multiple of a set, {set_bytes} bytes")
        if sets & (sets - 1):
            raise ValueError(f"{sets} sets: must be a power of two")

    @property
    def sets(self) -> int:
        """How many."""
        return self.size_bytes // (self.block_bytes * self.ways)


class _Set(Protocol):
    """Blocks that take each other's place."""

    def touch(self, block: int) -> bool:
        """Whether the block was there. Now it is."""


class _LruSet:
    """Throws out the block that was not touched for the longest time."""

    __slots__ = ("_blocks", "_ways")

    def __init__(self, ways: int, _: Random) -> None:
        self._ways = ways
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def touch(self, block: int) -> bool:
        blocks = self._blocks
        if block in blocks:
            blocks.move_to_end(block)
            return True
        if len(blocks) == self._ways:
            blocks.popitem(last=False)
        blocks[block] = None
        return False


class _FifoSet:
    """Throws out the block that was brought in first."""

    __slots__ = ("_blocks", "_order", "_ways")

    def __init__(self, ways: int, _: Random) -> None:
        self._ways = ways
        self._blocks: set[int] = set()
        self._order: deque[int] = deque()

    def touch(self, block: int) -> bool:
        if block in self._blocks:
            return True
        if len(self._order) == self._ways:
            self._blocks.remove(self._order.popleft())
        self._order.append(block)
        self._blocks.add(block)
        return False


class _RandomSet:
    """Throws out any block."""

    __slots__ = ("_blocks", "_choices", "_random", "_ways")

    def __init__(self, ways: int, random: Random) -> None:
        self._ways = ways
        self._random = random
        self._blocks: set[int] = set()
        self._choices: list[int] = []

    def touch(self, block: int) -> bool:
        if block in self._blocks:
            return True
        if len(self._choices) < self._ways:
            self._choices.append(block)
        else:
            at = self._random.randrange(self._ways)
            self._blocks.remove(self._choices[at])
            self._choices[at] = block
        self._blocks.add(block)
        return False


EVICTIONS: dict[str, Callable[[int, Random], _Set]] = {"lru": _LruSet, "fifo": _FifoSet, "random": _RandomSet}
"""What decides which block of a full set is thrown out, by name."""


class Level:
    """One cache.

    :param eviction: a name in :data:`EVICTIONS`.
    """

    def __init__(self, geometry: Geometry, eviction: str, random: Random) -> None:
        self.accesses = self.misses = 0
        self.block_shift = geometry.block_bytes.bit_length() - 1
        self.last_block = LAST_ADDRESS >> self.block_shift
        self._set_mask = geometry.sets - 1
        # Sets come into being when they are touched: a large cache costs what is used of it.
        self._sets: defaultdict[int, _Set] = defaultdict(partial(EVICTIONS[eviction], geometry.ways, random))
        self._latest: int | None = None

    def touch(self, block: int) -> bool:
        """Look a block up (address >> :attr:`block_shift`) and bring it in if it is missing; return if it was there."""
        self.accesses += 1
        # No policy changes anything for the block that was looked up before: it is there, and the latest of its set.
        if block == self._latest:
            return True
        self._latest = block
        if self._sets[block & self._set_mask].touch(block):
            return True
        self.misses += 1
        return False


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """What is simulated.

    :raise ValueError: L2's blocks are smaller than those that it would fill.
    """

    l1i: Geometry = Geometry(16 << 10, 64, 8)
    l1d: Geometry = Geometry(16 << 10, 64, 8)
    l2: Geometry | None = None
    eviction: str = "lru"
    """A name in :data:`EVICTIONS`."""
    seed: int = 0
    """Of the random numbers, where the eviction needs them."""
    cores: int | None = None
    """vCPU or thread T runs on core T modulo this; each core has its own caches. None: one core for each."""
    first_block_only: bool = False
    """An access looks up the block of its first byte alone."""

    def __post_init__(self) -> None:
        if self.l2 is not None and self.l2.block_bytes < max(self.l1i.block_bytes, self.l1d.block_bytes):
            raise ValueError("blocks of L2 must not be smaller than those of L1")


class Kind(IntEnum):
    """Where a miss was; an index of :attr:`MissingInstruction.misses`."""

    DATA = 0
    FETCH = 1
    L2 = 2


@dataclass(frozen=True, slots=True)
class MissingInstruction:
    """An instruction that missed. An address that had several instructions has as many of these."""

    key: Key
    symbol: str
    """``symbol[+0xoffset]``; empty: none."""
    line: SourceLine | None
    misses: Sequence[int]
    """By :class:`Kind`."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one cache."""

    accesses: int
    misses: int

    @property
    def miss_rate(self) -> float:
        """Misses per access; 0 without accesses."""
        return self.misses / self.accesses if self.accesses else 0.0


@dataclass(frozen=True, slots=True)
class CoreTallies:
    """Of one core's caches."""

    data: Tally
    fetch: Tally
    l2: Tally | None
    """None: there is none."""


@dataclass(frozen=True, slots=True)
class CacheResult:
    """What was found."""

    cores: dict[int, CoreTallies]
    """By number."""
    instructions: list[MissingInstruction]
    """All that missed."""

    @property
    def total(self) -> CoreTallies:
        """Of all cores together."""
        cores = self.cores.values()
        l2 = [core.l2 for core in cores if core.l2 is not None]
        return CoreTallies(
            _sum([core.data for core in cores]), _sum([core.fetch for core in cores]), _sum(l2) if l2 else None
        )

    def top(self, kind: Kind, count: int) -> list[MissingInstruction]:
        """Those that missed most often, at most so many; of equals the lower address first."""
        missing = [each for each in self.instructions if each.misses[kind]]
        missing.sort(key=lambda each: (-each.misses[kind], each.key[0]))
        return missing[:count]


class CacheAnalysis:
    """Sends a trace through caches."""

    def __init__(self, options: CacheOptions, symbols: Symbols) -> None:
        self._options = options
        self._symbols = symbols
        self._random = Random(options.seed)
        self._cores: dict[int, _Core] = {}
        self._misses: dict[Key, list[int]] = {}
        self._places: dict[Key, tuple[str, SourceLine | None]] = {}

    def feed(self, frame: Frame) -> None:
        """Take one frame."""
        if type(frame) is not StdFrame:
            return
        core = self._core_of(frame.thread_id)
        first_block_only = self._options.first_block_only
        for direction, address, size in accesses_of(frame):
            kind, level = core.ways_in[direction]
            block = address >> level.block_shift
            last = block if first_block_only else (address + size - 1 & LAST_ADDRESS) >> level.block_shift
            while True:
                if not level.touch(block):
                    self._note(frame, kind)
                    # What L2 fills is a block of L1, which is within one of its own.
                    if core.l2 and not core.l2.touch(block << level.block_shift >> core.l2.block_shift):
                        self._note(frame, Kind.L2)
                if block == last:
                    break
                block = block + 1 & level.last_block

    def result(self) -> CacheResult:
        """What was found so far."""
        cores = {number: core.tallies() for number, core in sorted(self._cores.items())}
        instructions = [
            MissingInstruction(key, *self._places[key], tuple(misses)) for key, misses in self._misses.items()
        ]
        return CacheResult(cores, instructions)

    def _core_of(self, thread_id: int) -> _Core:
        number = thread_id % self._options.cores if self._options.cores else thread_id
        core = self._cores.get(number)
        if core is None:
            core = self._cores[number] = _Core(self._options, self._random)
        return core

    def _note(self, frame: StdFrame, kind: Kind) -> None:
        key = frame.address, frame.rawbytes, frame.mode
        misses = self._misses.get(key)
        if misses is None:
            misses = self._misses[key] = [0] * len(Kind)
            # What is mapped there later is not what missed.
            self._places[key] = self._symbols.name_at(frame.address), self._symbols.line_at(frame.address)
        misses[kind] += 1


class _Core:
    """One core's caches."""

    def __init__(self, options: CacheOptions, random: Random) -> None:
        fetch, data = Level(options.l1i, options.eviction, random), Level(options.l1d, options.eviction, random)
        self.ways_in = {LOAD: (Kind.DATA, data), STORE: (Kind.DATA, data), FETCH: (Kind.FETCH, fetch)}
        """By direction: the first cache that is asked."""
        self.l2 = Level(options.l2, options.eviction, random) if options.l2 else None
        self._fetch, self._data = fetch, data

    def tallies(self) -> CoreTallies:
        return CoreTallies(_tally(self._data), _tally(self._fetch), _tally(self.l2) if self.l2 else None)


def _tally(level: Level) -> Tally:
    return Tally(level.accesses, level.misses)


def _sum(tallies: Sequence[Tally]) -> Tally:
    return Tally(sum(tally.accesses for tally in tallies), sum(tally.misses for tally in tallies))
