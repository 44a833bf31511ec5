"""Which instructions of a trace were executed, how often, and how execution went from one to the next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from gdbtrace.analysis.calls import CallEvent, Calls, Enter
from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.model import Arch
from gdbtrace.image import Image, SourceLine
from gdbtrace.trace.frames import Frame, ModloadFrame, StdFrame

_T = TypeVar("_T")


class Place(NamedTuple):
    """Where an instruction is, wherever its module was loaded."""

    module: str
    """Path of the file as the trace has it; empty: in none."""
    address: int
    """As linked; from the module's first byte on, where its file is not here; in no module, the guest's."""


class Executed(NamedTuple):
    """An instruction that was executed. Code that rewrites itself has several at one place."""

    place: Place
    rawbytes: bytes
    mode: str | None

    @property
    def end(self) -> Place:
        """Behind its last byte."""
        return Place(self.place.module, self.place.address + len(self.rawbytes))


Jump = tuple[Executed | None, Executed]
"""From where to where execution went otherwise than to the instruction behind. From None: a call, or a beginning. From
an instruction that is no branch to itself: it was repeated."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was executed, of one trace or of several."""

    arch: Arch | None
    hits: Mapping[Executed, int]
    jumps: Mapping[Jump, int]
    modules: Mapping[str, Symbols]
    """Of those modules whose files are here the functions, at their linked addresses."""
    images: Mapping[str, Image]
    """Their files."""
    branches: Collection[Executed]
    """The branches among them, taken or not, as far as it is known which those are."""
    ends: Collection[Executed]
    """Those that end a basic block: branches or their delay slots, and whatever execution went elsewhere from."""

    @property
    def total(self) -> int:
        """How many instructions were executed."""
        return sum(self.hits.values())

    def places(self) -> set[Place]:
        """Where something was executed."""
        return {executed.place for executed in self.hits}

    def united(self, other: Coverage) -> Coverage:
        """What either has executed."""
        return Coverage(
            self.arch or other.arch,
            _sum(self.hits, other.hits),
            _sum(self.jumps, other.jumps),
            {**other.modules, **self.modules},
            {**other.images, **self.images},
            {*self.branches, *other.branches},
            {*self.ends, *other.ends},
        )

    def without(self, places: Collection[Place]) -> Coverage:
        """What was executed, but at none of these places."""
        return self._only({executed for executed in self.hits if executed.place not in places})

    def common_with(self, places: Collection[Place]) -> Coverage:
        """What was executed at one of these places."""
        return self._only({executed for executed in self.hits if executed.place in places})

    def _only(self, kept: set[Executed]) -> Coverage:
        return replace(
            self,
            hits={executed: count for executed, count in self.hits.items() if executed in kept},
            jumps={jump: count for jump, count in self.jumps.items() if jump[1] in kept},
        )

    def is_repeat(self, jump: Jump) -> bool:
        """Whether it is one more iteration of a repeated instruction (``rep``)."""
        return jump[0] == jump[1] and jump[1] not in self.branches

    def line_at(self, place: Place) -> SourceLine | None:
        """The line of source that an instruction is of."""
        image = self.images.get(place.module)
        line = image.line_at(place.address) if image else None
        # Line 0 is what the compiler made of no line (DWARF 5, 6.2.2).
        return line if line is not None and line.line else None


class CoverageAnalysis:
    """Counts executed instructions, and where execution went.

    Memory grows with the code that was executed, not with the trace.
    """

    def __init__(self, arch: Arch | None, symbols: Symbols, disassembly: Disassembly) -> None:
        self._arch = arch
        self._symbols = symbols
        self._disassembly = disassembly
        self._counts: dict[Key, int] = {}
        self._executed: dict[Key, Executed] = {}
        """Found out when an instruction is first met: a module that is loaded later may be mapped over it."""
        self._hits: dict[Executed, int] = {}
        self._gone: dict[tuple[Key | None, Key], int] = {}
        """As `_jumps`, by address."""
        self._left: set[Key] = set()
        """As `_sources`, by address."""
        self._jumps: dict[Jump, int] = {}
        self._sources: set[Executed] = set()
        """What execution went elsewhere from."""
        self._branches: set[Executed] = set()
        self._last: dict[int, Key] = {}
        """Of the latest block that each thread has left."""
        self._calls = Calls(disassembly, symbols)
        self._images: dict[str, Image] = {}

    def feed(self, frame: Frame) -> None:
        """Take one frame."""
        calls = self._calls
        events = calls.feed(frame)
        if (ended := calls.ended) is not None:
            self._last[ended.thread_id] = ended.instructions[-1]
        if type(frame) is not StdFrame:
            if type(frame) is ModloadFrame:
                self._settle()
            return
        key = frame.address, frame.rawbytes, frame.mode
        try:
            self._counts[key] += 1
        except KeyError:
            self._meet(key)
        if calls.begins_block:
            last = self._last.get(frame.thread_id)
            if last is None or last[0] + len(last[1]) != frame.address:
                self._jump(last, key, events)

    def result(self) -> Coverage:
        """What was counted."""
        self._settle()
        is_demangled = self._symbols.is_demangled
        modules = {
            name: Symbols(self._arch, image, 0, is_demangled=is_demangled) for name, image in self._images.items()
        }
        # A branch that has a delay slot does not end a block: the delay slot does.
        slots = {source.place for source in self._sources - self._branches}
        ends = self._sources | {branch for branch in self._branches if branch.end not in slots}
        return Coverage(
            self._arch, dict(self._hits), dict(self._jumps), modules, dict(self._images), set(self._branches), ends
        )

    def _meet(self, key: Key) -> None:
        address, rawbytes, mode = key
        self._counts[key] = 1
        module = self._symbols.module_at(address)
        # Symbols take what is in no module for the program's; but it may be on the stack, where a signal returns.
        if module is None or not module.low <= address <= module.high:
            place = Place("", address)
        else:
            name = str(module.path)
            if module.image is not None:
                self._images.setdefault(name, module.image)
            is_linked = module.image is not None or module.load_offset is not None
            place = Place(name, address - (module.offset if is_linked else module.low))
        self._executed[key] = executed = Executed(place, rawbytes, mode)
        if self._disassembly.at(*key).is_branch:
            self._branches.add(executed)

    def _jump(self, last: Key | None, key: Key, events: Sequence[CallEvent]) -> None:
        """Execution went elsewhere than to the instruction behind."""
        if last not in self._executed:
            last = None
        if last != key or self._executed[key] in self._branches:
            if last is not None:
                self._left.add(last)
            if any(type(event) is Enter for event in events):
                last = None
            elif events and last is not None:
                # Back from a call: it went on to the instruction behind, after all.
                return
        self._gone[last, key] = self._gone.get((last, key), 0) + 1

    def _settle(self) -> None:
        """Keep what was counted by place, and forget the addresses: what they are of may be different from here on."""
        executed = self._executed
        for key, count in self._counts.items():
            self._hits[executed[key]] = self._hits.get(executed[key], 0) + count
        for (last, key), count in self._gone.items():
            jump = None if last is None else executed[last], executed[key]
            self._jumps[jump] = self._jumps.get(jump, 0) + count
        self._sources.update(executed[key] for key in self._left)
        for kept in (self._counts, self._gone, self._left, executed):
            kept.clear()


def _sum(*several: Mapping[_T, int]) -> dict[_T, int]:
    counts: dict[_T, int] = {}
    for some in several:
        for key, count in some.items():
            counts[key] = counts.get(key, 0) + count
    return counts
