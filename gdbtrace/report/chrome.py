"""Chrome's Trace Event Format, which ui.perfetto.dev, chrome://tracing and speedscope open."""

from __future__ import annotations

import json

from gdbtrace.analysis.timeline import Clock
from gdbtrace.report.slices import STAGES, ByteSink, plain

_MOST_NAMES = 1 << 16


class ChromeTrace:
    """Writes slices as JSON, one event a line. See :class:`~gdbtrace.report.slices.SliceWriter`."""

    def __init__(self, stream: ByteSink, process: str, clock: Clock) -> None:
        self._stream = stream
        self._threads: set[int] = set()
        self._names: dict[str, str] = {}
        head = {"displayTimeUnit": "ns", "otherData": {"clock": clock.nanoseconds}}
        # The list of events stays open.
        self._stream.write(f'{json.dumps(head)[:-1]}, "traceEvents": [\n'.encode())
        self._stream.write(self._metadata("process_name", 0, process))

    def begin(self, time: int, thread: int, name: str) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._write(time, thread, f'"ph": "B", "name": {self._quoted(name)}')

    def end(self, time: int, thread: int) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._write(time, thread, '"ph": "E"')

    def instant(self, time: int, thread: int, name: str) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._write(time, thread, f'"ph": "i", "s": "t", "name": {self._quoted(name)}')

    def close(self) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._stream.write(b"\n]}\n")

    def _write(self, time: int, thread: int, fields: str) -> None:
        tid = thread + 1
        if thread not in self._threads:
            self._threads.add(thread)
            name = "stages" if thread == STAGES else f"vCPU {thread}"
            self._stream.write(b",\n" + self._metadata("thread_name", tid, name))
        # Microseconds; a float would lose nanoseconds of long traces.
        self._stream.write(f',\n{{{fields}, "pid": 1, "tid": {tid}, "ts": {time // 1000}.{time % 1000:03}}}'.encode())

    def _metadata(self, kind: str, tid: int, name: str) -> bytes:
        event = {"ph": "M", "name": kind, "pid": 1, "tid": tid, "args": {"name": plain(name)}}
        return json.dumps(event).encode()

    def _quoted(self, name: str) -> str:
        quoted = self._names.get(name)
        if quoted is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            quoted = self._names[name] = json.dumps(plain(name))
        return quoted
