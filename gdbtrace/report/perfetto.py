"""Perfetto's own trace format: a stream of protobuf packets (protos/perfetto/trace of its sources).

The messages are put together here: the official classes are a mebibyte of code, and slow at one object per field. The
tests read what is written with them, and with Perfetto's own trace processor.
"""

from __future__ import annotations

from typing import Final

from gdbtrace.analysis.timeline import Clock
from gdbtrace.report.slices import Arguments, ByteSink, Slice, Track, plain
from gdbtrace.trace.codec import varint

_SEQUENCE: Final = b"\x50\x01"
"""TracePacket.trusted_packet_sequence_id: all packets are of one writer."""
_CLEARED, _NEEDED = 1, 2
"""TracePacket.sequence_flags: interned text begins anew; it is needed."""
_BEGIN, _END, _INSTANT = b"\x48\x01", b"\x48\x02", b"\x48\x03"
"""TrackEvent.type."""
_CATEGORIES, _NAMES, _ARGUMENT_NAMES, _VALUES = 1, 2, 3, 29
"""Kinds of interned text: fields of InternedData."""
_PROCESS_TRACK: Final = 1
_MOST_KEPT: Final = 1 << 16
_MOST_TID: Final = (1 << 63) - 1


class PerfettoTrace:
    """Writes slices as packets. See :class:`~gdbtrace.report.slices.SliceWriter`."""

    def __init__(self, stream: ByteSink, process: str, clock: Clock) -> None:
        self._stream = stream
        self._tracks: dict[Track, int] = {}
        self._interned: dict[tuple[int, str], int] = {}
        self._told: dict[Slice, bytes] = {}
        """Fields of a TrackEvent."""
        self._packet(_number(13, _CLEARED) + _number(87, 1))
        name = f"{process} ({clock.nanoseconds})"
        self._packet(_message(60, _number(1, _PROCESS_TRACK) + _message(3, _number(1, 1) + _text(6, name))))

    def begin(self, time: int, track: Track, what: Slice) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._event(time, track, _BEGIN, self._told.get(what) or self._tell(what))

    def end(self, time: int, track: Track, arguments: Arguments = ()) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._event(time, track, _END, self._annotations(arguments) if arguments else b"")

    def whole(self, begin: int, end: int, track: Track, what: Slice) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self.begin(begin, track, what)
        self._event(end, track, _END, b"")

    def instant(self, time: int, track: Track, what: Slice) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""
        self._event(time, track, _INSTANT, self._told.get(what) or self._tell(what))

    def close(self) -> None:
        """See :class:`~gdbtrace.report.slices.SliceWriter`."""

    def _event(self, time: int, track: Track, kind: bytes, fields: bytes) -> None:
        event = kind + _number(11, self._tracks.get(track) or self._track(track)) + fields
        self._packet(_number(8, time) + _number(13, _NEEDED) + _message(11, event))

    def _track(self, track: Track) -> int:
        """``TrackEvent.track_uuid`` of a track, which is told of first. A vCPU's blocks are a part of its own track."""
        vcpu, row = track
        parent = _PROCESS_TRACK
        if vcpu is not None and row:
            owner = Track(vcpu)
            parent = self._tracks.get(owner) or self._track(owner)
        uuid = self._tracks[track] = _PROCESS_TRACK + 1 + len(self._tracks)
        if row:
            about = _text(2, track.title)
        else:
            tid = (vcpu or 0) + 1
            about = _message(4, _number(1, 1) + _number(2, tid & _MOST_TID) + _text(5, track.title))
        self._packet(_message(60, _number(1, uuid) + _number(5, parent) + about))
        return uuid

    def _tell(self, what: Slice) -> bytes:
        """What of a TrackEvent is the same whenever the slice is met."""
        if len(self._interned) + len(self._told) >= _MOST_KEPT:
            self._interned.clear()
            self._told.clear()
            self._packet(_number(13, _CLEARED))
        category, name = self._number_of(_CATEGORIES, what.category), self._number_of(_NAMES, what.name)
        fields = _number(3, category) + _number(10, name) + self._annotations(what.arguments)
        self._told[what] = fields
        return fields

    def _annotations(self, arguments: Arguments) -> bytes:
        fields = b""
        for name, value in arguments:
            # An int_value, or a string_value_iid.
            about = _number(4, value) if isinstance(value, int) else _number(17, self._number_of(_VALUES, value))
            fields += _message(4, _number(1, self._number_of(_ARGUMENT_NAMES, name)) + about)
        return fields

    def _number_of(self, kind: int, text: str) -> int:
        """The number of an interned text, which is told of first."""
        number = self._interned.get((kind, text))
        if number is None:
            number = self._interned[kind, text] = len(self._interned) + 1
            self._packet(_number(13, _NEEDED) + _message(12, _message(kind, _number(1, number) + _text(2, text))))
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
