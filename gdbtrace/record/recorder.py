"""The only loop on this side: records in, frames out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from gdbtrace.record.assemble import Assembler
from gdbtrace.tracer.step_record import Gap, Record, State, Step, Stop

_REPORT_FRAMES = 512
_REPORT_SECONDS = 0.2


class EncodedFrameSink(Protocol):
    """Takes serialized frames (``TraceWriter`` does)."""

    def write(self, frame: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a trace is."""

    frames: int
    seconds: float
    """Since the first burst began."""
    address: int
    """Of the latest instruction."""


class Recorder:
    """Turns step records into frames and hands them to a sink.

    :param on_progress: called a few times a second while frames come.
    :param check: called every now and then while frames come; it raises what should end the recording.
    """

    def __init__(
        self,
        assembler: Assembler,
        sink: EncodedFrameSink,
        on_progress: Callable[[Progress], None] | None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._assembler = assembler
        self._sink = sink
        self._on_progress = on_progress
        self._check = check
        self._began = time.monotonic()
        self._reported = 0.0
        self.frames = 0
        self.gaps: list[Gap] = []
        """What ran and could not be observed."""

    def consume(self, records: Iterable[Record]) -> Stop:
        """Record one burst and return why it ended."""
        assemble, write = self._assembler.assemble, self._sink.write
        for record in records:
            if isinstance(record, Step):
                write(assemble(record))
                self.frames += 1
                if not self.frames % _REPORT_FRAMES:
                    self._check()
                    self._report(record.definition.address)
            elif isinstance(record, State):
                self._assembler.set_state(record.raw)
            elif isinstance(record, Gap):
                self.gaps.append(record)
            else:
                return record
        raise AssertionError("a burst without an end")

    def _report(self, address: int) -> None:
        now = time.monotonic()
        if self._on_progress is not None and now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._on_progress(Progress(self.frames, now - self._began, address))
