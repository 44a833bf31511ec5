"""Reading a trace while it is written."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gdbtrace.errors import TraceFormatError, UsageError
from gdbtrace.trace.container import REMEDY, TraceReader

_LOOK_SECONDS = 0.1
"""Between two looks at a trace that has not grown."""
_LEAST_LEAD_BYTES = 0x38
"""Header and the size of the meta frame: a writer begins with these, and the meta frame, in one go."""


class TraceFollower(TraceReader):
    """Reads a trace to its end, which its writer may still be on the way to.

    Iterating ends when the trace is closed, and raises :class:`~gdbtrace.errors.TraceFormatError` after the last whole
    frame when nobody writes it any more: :class:`~gdbtrace.trace.container.TraceWriter` holds a lock for as long as
    it does, so others' tracers cannot be followed.

    :param path: the trace's name, closed or not: ``x.frames.part`` is what is written, if there is one.
    :param on_wait: called when all there is has been read, before waiting for more.
    :raise UsageError: the file cannot be read, or its file system has no locks.
    :raise TraceFormatError: it has no header of a trace.
    """

    def __init__(self, path: str | os.PathLike[str], on_wait: Callable[[], object] = lambda: None) -> None:
        self._on_wait = on_wait
        given = Path(path)
        part = given.with_name(given.name + ".part")
        try:
            super().__init__(part)
        except UsageError:
            if part.exists():
                raise
            # It is closed, perhaps just now.
            super().__init__(given)

    def _read_header(self) -> None:
        while self.size_bytes < _LEAST_LEAD_BYTES and self._is_written():
            self._wait()
        super()._read_header()

    def iter_messages(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """As in :class:`TraceReader`; waits for more where the trace has not ended."""
        if self.is_closed:
            # It can be sought in.
            yield from super().iter_messages(start)
            return
        offset, index = self.first_offset, 0
        while True:
            # Before looking at what is there: what is there afterwards is all.
            is_written = self._is_written()
            self._read_header()
            end = self.toc_offset or self.size_bytes
            grown = offset
            try:
                for at, data in self.iter_units(offset, end):
                    offset = at + len(data)
                    if index >= start:
                        yield at, data
                    index += 1
            except TraceFormatError:
                # A frame that is not whole yet, unless it never will be.
                if self.is_closed or not is_written:
                    raise
            if self.is_closed:
                if index != self._claimed_frames:
                    raise TraceFormatError(self.path, end, self._short_of(self._claimed_frames, index), REMEDY)
                return
            if not is_written:
                raise TraceFormatError(
                    self.path, offset, "never closed, and nobody writes it any more; it ends", REMEDY
                )
            if offset == grown:
                self._wait()

    def _wait(self) -> None:
        self._on_wait()
        time.sleep(_LOOK_SECONDS)

    def _is_written(self) -> bool:
        """Whether a writer holds its lock."""
        descriptor = self._stream.fileno()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be followed: locks are refused ({error.strerror})") from error
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
