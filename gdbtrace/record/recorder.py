"""The only loop on this side: records in, frames out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from gdbtrace.record.assemble import Assembler
from gdbtrace.record.events import EventFrames
from gdbtrace.trace.codec import encode_frame
from gdbtrace.tracer.step_record import Ambient, Gap, Note, Record, Request, State, Step, Stop, SystemCallMade

_REPORT_INSTRUCTIONS = 512
_REPORT_SECONDS = 0.2


class EncodedFrameSink(Protocol):
    """Takes serialized frames (``TraceWriter`` does)."""

    def write(self, frame: bytes, /) -> None: ...

    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a trace is."""

    instructions: int
    seconds: float
    """Since the first burst began."""
    address: int
    """Of the latest instruction."""


class Recorder:
    """Turns step records into frames and hands them to a sink.

    :param events: makes frames of what happens between instructions; None: only instructions are wanted.
    :param on_progress: called a few times a second while frames come.
    :param check: called every now and then while frames come; it raises what should end the recording.
    """

    def __init__(
        self,
        assembler: Assembler,
        sink: EncodedFrameSink,
        events: EventFrames | None,
        on_progress: Callable[[Progress], None] | None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._assembler = assembler
        self._sink = sink
        self._events = events
        self._on_progress = on_progress
        self._check = check
        self._began = time.monotonic()
        self._reported = 0.0
        self.instructions = 0
        self.unknown_operands = 0
        """Instructions of which nobody can say which memory they touch."""
        self.gaps: list[Gap] = []
        """What ran and could not be observed."""

    def consume(self, records: Iterable[Record]) -> Stop:
        """Record one burst and return why it ended."""
        assemble, write = self._assembler.assemble, self._sink.write
        for record in records:
            if isinstance(record, Step):
                write(assemble(record))
                self.instructions += 1
                if not record.definition.memory_known:
                    self.unknown_operands += 1
                if not self.instructions % _REPORT_INSTRUCTIONS:
                    self._check()
                    self._report(record.definition.address)
            elif isinstance(record, State):
                self._assembler.set_state(record.raw)
            elif isinstance(record, Stop):
                return record
            else:
                self._note(record)
        raise AssertionError("a burst without an end")

    def begin_anew(self) -> None:
        """Count from nothing: another trace begins."""
        self._began = time.monotonic()
        self.instructions = self.unknown_operands = 0
        self.gaps = []

    def _note(self, note: Note) -> None:
        if isinstance(note, Gap):
            self.gaps.append(note)
        elif isinstance(note, Ambient):
            self._assembler.set_ambient(note.values)
        elif self._events is not None and not isinstance(note, Request):
            self._sink.write(encode_frame(self._events.frame_of(note)))
        if isinstance(note, SystemCallMade):
            # It may sleep: who follows the trace must not wait for what is done so far.
            self._sink.flush()

    def _report(self, address: int) -> None:
        now = time.monotonic()
        if self._on_progress is not None and now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._on_progress(Progress(self.instructions, now - self._began, address))
