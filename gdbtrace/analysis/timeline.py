"""What ran when: basic blocks, functions, exceptions and the stages of a boot, in the order in which they happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gdbtrace.analysis.calls import CallEvent, Calls
from gdbtrace.analysis.flow import Block
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.image import readings_of
from gdbtrace.trace.frames import ExceptionFrame, Frame, ModloadFrame, StdFrame


@dataclass(frozen=True, slots=True)
class Clock:
    """What the times of a trace are shown in. The analyses count instructions, of all vCPUs."""

    icount: int | None = None
    """An instruction took 2**icount ns of the machine's virtual time; None: nobody knows how long."""

    def time_of(self, instructions: int) -> int:
        """Instructions in :attr:`unit`."""
        return instructions << (self.icount or 0)

    @property
    def nanoseconds(self) -> str:
        """What a nanosecond is in files that have no other unit."""
        return (
            "1 ns is 1 instruction" if self.icount is None else f"virtual time, an instruction is {1 << self.icount} ns"
        )

    @property
    def unit(self) -> str:
        """``ns`` or ``instructions``."""
        return "instructions" if self.icount is None else "ns"

    def __str__(self) -> str:
        if self.icount is None:
            return "instructions"
        return f"ns of virtual time, {1 << self.icount} for each instruction"


class StageReached(NamedTuple):
    """The first time that a boot stage was reached."""

    name: str
    address: int
    thread_id: int
    time: int
    """How many instructions were executed before, of all vCPUs."""


class ExceptionTaken(NamedTuple):
    """An exception, interrupt or signal."""

    frame: ExceptionFrame
    time: int
    """How many instructions were executed before, of all vCPUs."""


TimelineEvent = Block | CallEvent | StageReached | ExceptionTaken


class Stages:
    """Finds out when places are reached for the first time.

    :param places: name -> address, or symbol with an optional ``+OFFSET``.
    """

    def __init__(self, places: Mapping[str, int | str], symbols: Symbols) -> None:
        self._symbols = symbols
        self._unknown = {name: place for name, place in places.items() if isinstance(place, str)}
        self._names: dict[int, list[str]] = {}
        for name, place in places.items():
            if isinstance(place, int):
                self._names.setdefault(place, []).append(name)
        self.learn()

    def learn(self) -> None:
        """Look for the symbols that are not known yet: call it when a module has been loaded."""
        for name, place in list(self._unknown.items()):
            if (address := _address_of(place, self._symbols)) is not None:
                self._names.setdefault(address, []).append(name)
                del self._unknown[name]

    @property
    def unknown(self) -> dict[str, str]:
        """Stages whose symbols no module has had so far."""
        return dict(self._unknown)

    def reached(self, address: int) -> list[str]:
        """The stages that begin at an address and were not reached before."""
        return self._names.pop(address, [])

    @property
    def addresses(self) -> Mapping[int, list[str]]:
        """Those that were not reached yet."""
        return self._names


def _address_of(place: str, symbols: Symbols) -> int | None:
    for name, offset in readings_of(place):
        for module in symbols.modules:
            symbol = module.image.symbol(name) if module.image else None
            if symbol is not None:
                return symbol.address + module.offset + offset
    return None


class Timeline:
    """Puts blocks, calls, exceptions and stages in order.

    :param places: of stages, see :class:`Stages`.
    """

    def __init__(self, reading: Reading, places: Mapping[str, int | str]) -> None:
        self.stages = Stages(places, reading.symbols)
        self._calls = Calls(reading.disassembly, reading.symbols)
        self._waiting = self.stages.addresses
        self._reached: list[StageReached] = []
        """Those of which the block that they are in has not ended."""

    @property
    def count(self) -> int:
        """Instructions executed so far, of all vCPUs."""
        return self._calls.count

    def feed(self, frame: Frame) -> Sequence[TimelineEvent]:
        """Take one frame; return what is known to have happened before it.

        A block comes when it has ended, and stages that begin inside of it come behind it.
        """
        calls = self._calls
        found = calls.feed(frame)
        if type(frame) is StdFrame and calls.ended is None and not found and frame.address not in self._waiting:
            return ()
        events = [*self._with_stages(calls.ended), *found]
        if isinstance(frame, StdFrame):
            for name in self.stages.reached(frame.address):
                self._reached.append(StageReached(name, frame.address, frame.thread_id, calls.count - 1))
        elif isinstance(frame, ExceptionFrame):
            events.append(ExceptionTaken(frame, calls.count))
        elif isinstance(frame, ModloadFrame):
            self.stages.learn()
        return events

    def finish(self) -> Sequence[TimelineEvent]:
        """What had not ended where the trace does."""
        events: list[TimelineEvent] = []
        for block in sorted(self._calls.finish_blocks(), key=lambda block: block.start):
            events += self._with_stages(block)
        return [*events, *self._reached, *self._calls.finish()]

    def _with_stages(self, block: Block | None) -> Iterable[TimelineEvent]:
        if block is None:
            return ()
        if not self._reached:
            return (block,)
        reached, self._reached = self._reached, []
        before = [stage for stage in reached if stage.time <= block.start]
        return [*before, block, *reached[len(before) :]]
