"""A timeline as nested slices, which trace viewers show: functions by vCPU, boot stages, exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gdbtrace.analysis.calls import Enter, Leave
from gdbtrace.analysis.timeline import Clock, ExceptionTaken, StageReached, TimelineEvent

STAGES = -1
"""The thread number of the boot stages."""


def plain(name: str) -> str:
    """A name that UTF-8 can encode: a trace's may have any bytes."""
    return name.encode("utf-8", "backslashreplace").decode()


class ByteSink(Protocol):
    """Where a file is written to."""

    def write(self, data: bytes, /) -> object: ...


class SliceWriter(Protocol):
    """A file format of slices. Times are nanoseconds; of one thread they never decrease, but for instants."""

    def begin(self, time: int, thread: int, name: str) -> None:
        """A slice begins, inside of those that have begun on the thread and not ended."""

    def end(self, time: int, thread: int) -> None:
        """The innermost slice of the thread ends."""

    def instant(self, time: int, thread: int, name: str) -> None:
        """Something happens that takes no time."""

    def close(self) -> None:
        """Finish what is written. The stream stays open."""


class SliceExport:
    """Writes a timeline's events. Where nobody knows how long an instruction takes, it takes 1 ns."""

    def __init__(self, writers: Iterable[SliceWriter], clock: Clock) -> None:
        self._writers = tuple(writers)
        self._clock = clock
        self._has_stage = False

    def feed(self, event: TimelineEvent) -> None:
        """Take one event."""
        time_of = self._clock.time_of
        for writer in self._writers:
            if isinstance(event, Enter):
                writer.begin(time_of(event.time), event.activation.thread_id, event.activation.name)
            elif isinstance(event, Leave):
                writer.end(time_of(event.time), event.activation.thread_id)
            elif isinstance(event, StageReached):
                if self._has_stage:
                    writer.end(time_of(event.time), STAGES)
                writer.begin(time_of(event.time), STAGES, event.name)
            elif isinstance(event, ExceptionTaken):
                thread = event.frame.thread_id or 0
                writer.instant(time_of(event.time), thread, f"exception {event.frame.exception_number}")
        self._has_stage |= isinstance(event, StageReached)

    def finish(self, instructions: int) -> None:
        """End what is open where the trace ends.

        :param instructions: how many it has.
        """
        for writer in self._writers:
            if self._has_stage:
                writer.end(self._clock.time_of(instructions), STAGES)
            writer.close()
