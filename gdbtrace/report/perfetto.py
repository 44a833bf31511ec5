"""Perfetto's own trace format: a stream of protobuf packets (protos/perfetto/trace of its sources).

The messages are put together here: the official classes are a mebibyte of code, and slow at one object per field. The
tests read what is written with them.
"""

from __future__ import annotations

from typing import Final

from gdbtrace.analysis.timeline import Clock
from gdbtrace.report.slices import STAGES, ByteSink, plain
from gdbtrace.trace.codec import varint

_SEQUENCE: Final = b"\x50\x01"
"""TracePacket.trusted_packet_sequence_id: all packets are of one writer."""
_CLEARED, _NEEDED = 1, 2
"""TracePacket.sequence_flags: interned names begin anew; they are needed."""
_BEGIN, _END, _INSTANT = 1, 2, 3
"""TrackEvent.type."""
_PROCESS_TRACK: Final = 1
_MOST_NAMES: Final = 1 << 16
_MOST_TID: Final = (1 << 63) - 1


class PerfettoTrace:
    """Writes slices as packets. See :class:`~gdbtrace.report.slices.SliceWriter`."""

    def __init__(self, stream: ByteSink, process: str, clock: Clock) -> None:
        self._stream = stream
        self._tracks: dict[int, bytes] = {}
        self._names: dict[str, int] = {}
        self._packet(_number(13, _CLEARED) + _number(87, 1))
        name = f"{process} ({clock.nanoseconds})"
        self._packet(_message(60, _number(1, _PROCESS_TRACK) + _message(3, _number(1, 1) + _text(6, name))))

    def begin(self, time: int, thread: int, name: str) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._event(time, thread, _BEGIN, name)

    def end(self, time: int, thread: int) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._event(time, thread, _END, None)

    def instant(self, time: int, thread: int, name: str) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._event(time, thread, _INSTANT, name)

    def close(self) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""

    def _event(self, time: int, thread: int, kind: int, name: str | None) -> None:
        event = _number(9, kind) + (self._tracks.get(thread) or self._track(thread))
        if name is not None:
            event += _number(10, self._names.get(name) or self._name(name))
        self._packet(_number(8, time) + _number(13, _NEEDED) + _message(11, event))

    def _track(self, thread: int) -> bytes:
        """``TrackEvent.track_uuid`` of a thread, which is told of first."""
        number = _PROCESS_TRACK + 1 + len(self._tracks)
        if thread == STAGES:
            about = _text(2, "stages")
        else:
            about = _message(4, _number(1, 1) + _number(2, (thread + 1) & _MOST_TID) + _text(5, f"vCPU {thread}"))
        self._packet(_message(60, _number(1, number) + _number(5, _PROCESS_TRACK) + about))
        track = self._tracks[thread] = _number(11, number)
        return track

    def _name(self, name: str) -> int:
        """The number of a name, which is told of first."""
        flags = _NEEDED
        if len(self._names) >= _MOST_NAMES:
            self._names.clear()
            flags |= _CLEARED
        number = self._names[name] = len(self._names) + 1
        self._packet(_number(13, flags) + _message(12, _message(2, _number(1, number) + _text(2, name))))
        return number

    def _packet(self, fields: bytes) -> None:
        self._stream.write(_message(1, _SEQUENCE + fields))


# Fields of protobuf's encoding: numbers, and what has a length.


def _number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def _message(field: int, body: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(body)) + body


def _text(field: int, text: str) -> bytes:
    return _message(field, plain(text).encode())
