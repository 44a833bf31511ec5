"""Chrome's Trace Event Format, which ui.perfetto.dev, chrome://tracing and speedscope open."""

from __future__ import annotations

import json

from gdbtrace.analysis.timeline import Clock
from gdbtrace.report.slices import Arguments, ByteSink, Slice, Track, plain

_MOST_KEPT = 1 << 16


class ChromeTrace:
    """Writes slices as JSON, one event a line. See :class:`~gdbtrace.report.slices.SliceWriter`."""

    def __init__(self, stream: ByteSink, process: str, clock: Clock) -> None:
        self._stream = stream
        self._tracks: dict[Track, int] = {}
        self._vcpus: dict[int, int] = {}
        """In which order they came."""
        self._told: dict[Slice, str] = {}
        head = {"displayTimeUnit": "ns", "otherData": {"clock": clock.nanoseconds}}
        # The list of events stays open.
        self._stream.write(f'{json.dumps(head)[:-1]}, "traceEvents": [\n'.encode())
        self._stream.write(self._metadata("process_name", 1, process))

    def begin(self, time: int, track: Track, what: Slice) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._write(time, track, "B", self._fields(what))

    def end(self, time: int, track: Track, arguments: Arguments = ()) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._write(time, track, "E", f', "args": {json.dumps(dict(arguments))}' if arguments else "")

    def whole(self, begin: int, end: int, track: Track, what: Slice) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._write(begin, track, "X", f', "dur": {_microseconds(end - begin)}{self._fields(what)}')

    def instant(self, time: int, track: Track, what: Slice) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._write(time, track, "i", f', "s": "t"{self._fields(what)}')

    def close(self) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._stream.write(b"\n]}\n")

    def _write(self, time: int, track: Track, phase: str, fields: str) -> None:
        tid = self._tracks.get(track)
        if tid is None:
            tid = self._track(track)
        line = f',\n{{"ph": "{phase}", "pid": 1, "tid": {tid}, "ts": {_microseconds(time)}{fields}}}'
        self._stream.write(line.encode())

    def _track(self, track: Track) -> int:
        """The number of a track, which is told of first. A vCPU's blocks are next to its functions. None is 0: Perfetto
        takes that for the thread that has the process's number."""
        vcpu, row = track
        tid = 1
        if vcpu is not None:
            # Not their own numbers, which may have 64 bits.
            tid = 2 + 2 * self._vcpus.setdefault(vcpu, len(self._vcpus)) + bool(row)
        self._stream.write(b",\n" + self._metadata("thread_name", tid, track.title))
        self._tracks[track] = tid
        return tid

    def _metadata(self, kind: str, tid: int, name: str) -> bytes:
        event = {"ph": "M", "name": kind, "pid": 1, "tid": tid, "args": {"name": plain(name)}}
        return json.dumps(event).encode()

    def _fields(self, what: Slice) -> str:
        told = self._told.get(what)
        if told is None:
            if len(self._told) >= _MOST_KEPT:
                self._told.clear()
            # JSON's escapes make ASCII of whatever is in a name.
            about = {
                "cat": what.category,
                "name": plain(what.name),
                "args": {name: plain(value) if isinstance(value, str) else value for name, value in what.arguments},
            }
            told = self._told[what] = f", {json.dumps(about)[1:-1]}"
        return told


def _microseconds(time: int) -> str:
    """A float would lose nanoseconds of long traces."""
    return f"{time // 1000}.{time % 1000:03}"
