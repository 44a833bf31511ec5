"""A timeline as lines of text or JSON, and the table of boot stages."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gdbtrace.analysis.calls import Activation, Enter, Entry, Exit, Leave
from gdbtrace.analysis.flow import Block
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.timeline import Clock, ExceptionTaken, StageReached, TimelineEvent
from gdbtrace.image import SourceLine

_MOST_INDENTED = 40
"""Levels of calls that are drawn as indentation."""
_MOST_KEPT = 1 << 14

Record = dict[str, object]
"""What JSON shows of an event. Addresses are hexadecimal: JavaScript has no integers of 64 bits."""


class TimelineLines:
    """Formats events.

    :param with_source: also with the lines of source.
    """

    def __init__(self, symbols: Symbols, clock: Clock, *, with_source: bool) -> None:
        self._symbols = symbols
        self._clock = clock
        self._with_source = with_source
        self._sources: dict[tuple[int, int, str], str] = {}

    def line(self, event: TimelineEvent) -> str:
        """``time vCPU what``; of a block its address, its number of instructions, symbol and source lines."""
        time_of = self._clock.time_of
        match event:
            case Block():
                address, count = event.address, len(event.instructions)
                name = self._symbols.name_at(address)
                text = f"{time_of(event.start):>12} {event.thread_id:>2}  {address:#x}  {count:>3}  {name}"
                return f"{text}  {self._source_of(event, name)}".rstrip() if self._with_source else text.rstrip()
            case Enter(activation):
                return f"{self._head(event.time, activation)}> {activation.name}{self._origin_of(activation)}"
            case Leave(activation):
                took = time_of(event.time - activation.entered)
                how = "" if event.exit is Exit.RETURN else f", {event.exit.value}"
                return f"{self._head(event.time, activation)}< {activation.name}  {took}{how}"
            case StageReached():
                return f"{time_of(event.time):>12} {event.thread_id:>2}  -- {event.name}, {event.address:#x}"
            case ExceptionTaken():
                return f"{time_of(event.time):>12} {_thread_of(event):>2}  -- {_exception(event)}"

    def record(self, event: TimelineEvent) -> Record:
        """The same for JSON."""
        time_of = self._clock.time_of
        match event:
            case Block():
                record: Record = {
                    "kind": "block",
                    "time": time_of(event.start),
                    "vcpu": event.thread_id,
                    "address": f"{event.address:#x}",
                    "instructions": len(event.instructions),
                    "symbol": self._symbols.name_at(event.address) or None,
                }
                if self._with_source:
                    record["source"] = list(map(str, lines_of(event, self._symbols)))
                return record
            case Enter(activation):
                return {
                    "kind": "enter",
                    "time": time_of(event.time),
                    **_activation(activation),
                    "caller": None if activation.caller is None else f"{activation.caller:#x}",
                    "how": activation.entry.value,
                    **self._source_at(activation.address),
                }
            case Leave(activation):
                return {
                    "kind": "leave",
                    "time": time_of(event.time),
                    **_activation(activation),
                    "duration": time_of(event.time - activation.entered),
                    "how": event.exit.value,
                }
            case StageReached():
                return {
                    "kind": "stage",
                    "time": time_of(event.time),
                    "vcpu": event.thread_id,
                    "stage": event.name,
                    "address": f"{event.address:#x}",
                }
            case ExceptionTaken(frame):
                return {
                    "kind": "exception",
                    "time": time_of(event.time),
                    "vcpu": frame.thread_id,
                    "number": frame.exception_number,
                    "from": None if frame.from_addr is None else f"{frame.from_addr:#x}",
                    "to": None if frame.to_addr is None else f"{frame.to_addr:#x}",
                }

    def _head(self, time: int, activation: Activation) -> str:
        indent = "  " * min(activation.depth, _MOST_INDENTED)
        return f"{self._clock.time_of(time):>12} {activation.thread_id:>2}  {indent}"

    def _origin_of(self, activation: Activation) -> str:
        how = "" if activation.entry in (Entry.CALL, Entry.START) else f", {activation.entry.value}"
        caller = activation.caller
        origin = "" if caller is None else f" from {self._symbols.name_at(caller) or f'{caller:#x}'}"
        line = self._symbols.line_at(activation.address) if self._with_source else None
        return f"{origin}{how}{f'  {_short([line])}' if line else ''}"

    def _source_at(self, address: int) -> Record:
        if not self._with_source:
            return {}
        line = self._symbols.line_at(address)
        return {"source": None if line is None else str(line)}

    def _source_of(self, block: Block, name: str) -> str:
        # Another module may be loaded there.
        key = block.address, len(block.instructions), name
        text = self._sources.get(key)
        if text is None:
            if len(self._sources) >= _MOST_KEPT:
                self._sources.clear()
            text = self._sources[key] = _short(lines_of(block, self._symbols))
        return text


def lines_of(block: Block, symbols: Symbols) -> list[SourceLine]:
    """The lines of source that a block is of, in the order in which it comes to them."""
    found = (symbols.line_at(address) for address, _, _ in block.instructions)
    return list(dict.fromkeys(line for line in found if line is not None))


def clock_record(clock: Clock) -> Record:
    """What the times of the other records are in."""
    return {"kind": "clock", "unit": clock.unit, "icount": clock.icount}


def _thread_of(event: ExceptionTaken) -> str:
    return "?" if event.frame.thread_id is None else str(event.frame.thread_id)


def _exception(event: ExceptionTaken) -> str:
    frame = event.frame
    origin = "" if frame.from_addr is None else f" at {frame.from_addr:#x}"
    return f"exception {frame.exception_number}{origin}{'' if frame.to_addr is None else f', to {frame.to_addr:#x}'}"


def _activation(activation: Activation) -> Record:
    return {
        "vcpu": activation.thread_id,
        "function": activation.name,
        "address": f"{activation.address:#x}",
        "depth": activation.depth,
    }


def _short(lines: Sequence[SourceLine]) -> str:
    """``file.c:12,13 other.h:7``: files by their names alone."""
    files: dict[str, list[int]] = {}
    for line in lines:
        files.setdefault(line.file, []).append(line.line)
    return " ".join(f"{os.path.basename(file)}:{','.join(map(str, numbers))}" for file, numbers in files.items())


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage of the table."""

    name: str
    place: str
    """Its address, or its symbol where nobody knows that."""
    time: int | None
    """When it was reached, in instructions; None: it was not."""
    duration: int | None
    """Instructions until the next one was, or the trace ended."""


def stage_rows(
    places: Mapping[str, int | str], reached: Sequence[StageReached], instructions: int
) -> Iterator[StageRow]:
    """The stages that were reached, in order, then the others.

    :param instructions: how many the trace has.
    """
    ends = [*(stage.time for stage in reached[1:]), instructions]
    for stage, end in zip(reached, ends, strict=False):
        yield StageRow(stage.name, f"{stage.address:#x}", stage.time, end - stage.time)
    names = {stage.name for stage in reached}
    for name, place in places.items():
        if name in names:
            continue
        yield StageRow(name, place if isinstance(place, str) else f"{place:#x}", None, None)


def stage_table(rows: Sequence[StageRow], clock: Clock) -> Iterator[str]:
    """Lines of a table: stage, address, when it was reached, how long it took, in instructions and by the clock."""
    unit = clock.unit
    # Where time is instructions, the last column would say it again.
    columns = 4 if clock.icount is None else 5
    table = [("stage", "address", f"reached at ({unit})", f"took ({unit})", "instructions")]
    for row in rows:
        if row.time is None or row.duration is None:
            table.append((row.name, row.place, "not reached", "", ""))
        else:
            time, took = clock.time_of(row.time), clock.time_of(row.duration)
            table.append((row.name, row.place, f"{time:,}", f"{took:,}", f"{row.duration:,}"))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)][:columns]
    for name, place, *numbers in (row[:columns] for row in table):
        cells = [f"{name:<{widths[0]}}", f"{place:<{widths[1]}}"]
        cells += [f"{number:>{width}}" for number, width in zip(numbers, widths[2:], strict=True)]
        yield "  ".join(cells).rstrip()


def stage_record(row: StageRow, clock: Clock) -> Record:
    """The same for JSON."""
    return {
        "kind": "stage",
        "stage": row.name,
        "place": row.place,
        "time": None if row.time is None else clock.time_of(row.time),
        "duration": None if row.duration is None else clock.time_of(row.duration),
        "instructions": row.duration,
    }
