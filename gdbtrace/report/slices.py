"""A timeline as slices, which trace viewers show: functions and basic blocks by vCPU, boot stages, exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from gdbtrace.analysis.calls import Activation, Enter, Entry, Exit, Leave
from gdbtrace.analysis.flow import Block
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.timeline import Clock, ExceptionTaken, StageReached, TimelineEvent
from gdbtrace.image import SourceLine
from gdbtrace.report.timeline import lines_of
from gdbtrace.trace.frames import ExceptionFrame

_MOST_KEPT = 1 << 14

Arguments = tuple[tuple[str, int | str], ...]
"""What a viewer shows beside a slice's name. Addresses are hexadecimal text: JavaScript has no integers of 64 bits."""


class Track(NamedTuple):
    """A row of slices."""

    vcpu: int | None
    """None: it is of the whole machine."""
    name: str = ""
    """Empty: the vCPU's own row, its functions."""

    @property
    def title(self) -> str:
        """What a viewer calls it."""
        return self.name if self.vcpu is None else f"vCPU {self.vcpu} {self.name}".rstrip()


_STAGES = Track(None, "stages")


class Slice(NamedTuple):
    """What there is to say of a slice, or of what takes no time."""

    category: str
    """``function``, ``block``, ``stage``, ``exception``."""
    name: str
    arguments: Arguments = ()


def plain(name: str) -> str:
    """A name that UTF-8 can encode: a trace's may have any bytes."""
    return name.encode("utf-8", "backslashreplace").decode()


class ByteSink(Protocol):
    """Where a file is written to."""

    def write(self, data: bytes, /) -> object: ...


class SliceWriter(Protocol):
    """A file format of slices. Times are nanoseconds; on one track they never decrease, but for instants."""

    def begin(self, time: int, track: Track, what: Slice) -> None:
        """A slice begins, inside of those that have begun on the track and not ended."""

    def end(self, time: int, track: Track, arguments: Arguments = ()) -> None:
        """The innermost slice of the track ends."""

    def whole(self, begin: int, end: int, track: Track, what: Slice) -> None:
        """A slice of which nothing else is inside."""

    def instant(self, time: int, track: Track, what: Slice) -> None:
        """Something happens that takes no time."""

    def close(self) -> None:
        """Finish what is written. The stream stays open."""


class SliceExport:
    """Writes a timeline's events. Where nobody knows how long an instruction takes, it takes 1 ns.

    :param with_source: slices have the lines of source that they are of.
    """

    def __init__(self, writers: Iterable[SliceWriter], symbols: Symbols, clock: Clock, *, with_source: bool) -> None:
        self._writers = tuple(writers)
        self._symbols = symbols
        self._clock = clock
        self._with_source = with_source
        self._blocks: dict[tuple[int, int, str], Slice] = {}
        self._has_stage = False

    def feed(self, event: TimelineEvent) -> None:
        """Take one event."""
        time_of = self._clock.time_of
        match event:
            case Block(vcpu, start, end):
                what, track = self._block(event), Track(vcpu, "blocks")
                for writer in self._writers:
                    writer.whole(time_of(start), time_of(end), track, what)
            case Enter(activation):
                what, track = self._function(activation), Track(activation.thread_id)
                for writer in self._writers:
                    writer.begin(time_of(event.time), track, what)
            case Leave(activation):
                track = Track(activation.thread_id)
                arguments = () if event.exit is Exit.RETURN else (("exit", event.exit.value),)
                for writer in self._writers:
                    writer.end(time_of(event.time), track, arguments)
            case StageReached():
                what = Slice("stage", event.name, (("address", f"{event.address:#x}"),))
                for writer in self._writers:
                    if self._has_stage:
                        writer.end(time_of(event.time), _STAGES)
                    writer.begin(time_of(event.time), _STAGES, what)
                self._has_stage = True
            case ExceptionTaken(frame):
                what, track = _exception(frame), Track(frame.thread_id or 0)
                for writer in self._writers:
                    writer.instant(time_of(event.time), track, what)

    def finish(self, instructions: int) -> None:
        """End what is open where the trace ends.

        :param instructions: how many it has.
        """
        for writer in self._writers:
            if self._has_stage:
                writer.end(self._clock.time_of(instructions), _STAGES)
            writer.close()

    def _block(self, block: Block) -> Slice:
        address, count = block.address, len(block.instructions)
        name = self._symbols.name_at(address) or f"{address:#x}"
        key = address, count, name
        what = self._blocks.get(key)
        if what is None:
            if len(self._blocks) >= _MOST_KEPT:
                self._blocks.clear()
            lines = lines_of(block, self._symbols) if self._with_source else []
            arguments: Arguments = (("address", f"{address:#x}"), ("instructions", count), *_source(lines))
            what = self._blocks[key] = Slice("block", name, arguments)
        return what

    def _function(self, activation: Activation) -> Slice:
        address, caller = activation.address, activation.caller
        arguments: list[tuple[str, int | str]] = [("address", f"{address:#x}")]
        if caller is not None:
            arguments.append(("caller", self._symbols.name_at(caller) or f"{caller:#x}"))
        if activation.entry is not Entry.CALL:
            arguments.append(("entry", activation.entry.value))
        line = self._symbols.line_at(address) if self._with_source else None
        return Slice("function", activation.name, (*arguments, *_source([line] if line else [])))


def _exception(frame: ExceptionFrame) -> Slice:
    arguments: list[tuple[str, int | str]] = [("number", frame.exception_number)]
    for name, address in (("from", frame.from_addr), ("to", frame.to_addr)):
        if address is not None:
            arguments.append((name, f"{address:#x}"))
    return Slice("exception", f"exception {frame.exception_number}", tuple(arguments))


def _source(lines: Iterable[SourceLine]) -> Arguments:
    """``file:12 file:13``: whole paths, which an editor can open."""
    text = " ".join(map(str, lines))
    return (("source", text),) if text else ()
