"""The container around the frames: header, meta frame, table of contents; writing it and reading it.

All numbers are little-endian u64::

    00 magic  08 version  10 architecture  18 machine  20 n (frames)  28 T (offset of the table of contents)
    30 meta frame: size, message (versions 2 and 3)
    n times: size, message
    T: m (frames per entry), then offsets of size fields up to the end of the file

``n`` and ``T`` stay 0 until the trace is closed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from gdbtrace.errors import OutputError, TraceFormatError, UsageError
from gdbtrace.trace.codec import FrameDecoder, decode_meta_frame, encode_meta_frame
from gdbtrace.trace.frames import Frame, MetaFrame
from gdbtrace.trace.scope import WHOLE, Scope

LOG = logging.getLogger(__name__)

MAGIC: Final = 0x677C28828AAF6025
MAGIC_BYTES: Final = MAGIC.to_bytes(8, "little")
VERSION: Final = 3
_HEADER = struct.Struct("<6Q")
HEADER_BYTES: Final = _HEADER.size
_U64 = struct.Struct("<Q")
_COUNT_OFFSET: Final = 0x20
MOST_MESSAGE_BYTES: Final = 64 << 20
"""No instruction touches that much: a larger size is damage, and must not be believed and allocated."""
_LEAST_FRAME_BYTES: Final = _U64.size + 1
_FLUSH_BYTES: Final = 256 << 10
_READ_BYTES: Final = 1 << 17
"""What a reader reads at once: it and the messages that are cut out of it stay in the processor's cache."""
REMEDY: Final = "`gdbtrace repair` keeps the frames before it"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


class TocConvention(Enum):
    """How many offsets a table of contents has: no file suits both generations of bap-frames' reader."""

    STANDARD = "standard"
    """``ceil(n/m)``, the last one T: readers since July 2025."""
    LEGACY = "legacy"
    """``floor((n-1)/m)``: readers before."""


def toc_offsets(
    boundaries: Sequence[int], frame_count: int, end: int, frames_per_entry: int, convention: TocConvention
) -> array[int]:
    """The offsets of a table of contents: entry i is the boundary before frame ``(i+1)*m``, frames counted from 0.

    :param boundaries: offsets of the frames m, 2m, ... up to and with ``frame_count``.
    :param end: where the frames end (T).
    """
    offsets = array("Q", boundaries)
    if convention is TocConvention.LEGACY:
        return offsets[: max(frame_count - 1, 0) // frames_per_entry]
    if frame_count % frames_per_entry:
        offsets.append(end)
    return offsets


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


@dataclass(frozen=True, slots=True)
class Header:
    """What guest a trace is of, in bap-frames' own numbers."""

    frame_architecture: int
    frame_machine: int
    version: int = VERSION


def check_replaceable(path: Path, magic: bytes = MAGIC_BYTES) -> None:
    """Refuse to put a trace in the place of a program, a device, a directory: of all but a trace or an empty file.

    :param magic: how a file begins that may be replaced.
    :raise UsageError: something else is there.
    :raise OutputError: it cannot be looked at.
    """
    try:
        if path.exists():
            if not path.is_file():
                raise UsageError(f"{path}: exists and is not a file; say with -o where the trace goes")
            with path.open("rb") as stream:
                lead = stream.read(len(magic))
            if lead not in (b"", magic):
                raise UsageError(f"{path}: exists and is not a trace; say with -o where the trace goes")
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error


class TraceWriter:
    """Writes a trace to ``<path>.part``; closing it writes the table of contents and renames it to ``path``.

    Frames reach the file many at a time and whole, so of a killed process nothing but what was not flushed is lost
    (:func:`~gdbtrace.trace.repair.repair` closes what it left). Leaving a ``with`` block by an exception closes the
    trace, too; with no frame in it, it is discarded instead, and a trace that was there stays.

    If the disk fills, :meth:`write` raises OutputError, and :meth:`close` makes a readable trace of the frames so far.

    :param meta: the meta frame, or its message.
    :param part_path: where to write until the trace is closed, in the same directory.
    :raise UsageError: what is there must not be replaced.
    :raise OutputError: the file cannot be made.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        header: Header,
        meta: MetaFrame | bytes,
        *,
        toc: TocConvention = TocConvention.STANDARD,
        frames_per_entry: int = 64,
        part_path: Path | None = None,
    ) -> None:
        if frames_per_entry < 1:
            raise ValueError(f"{frames_per_entry} frames per entry of the table of contents")
        self.path = Path(path)
        self.part_path = part_path or self.path.with_name(self.path.name + ".part")
        message = meta if isinstance(meta, bytes) else encode_meta_frame(meta)
        self._lead = _HEADER.pack(MAGIC, VERSION, header.frame_architecture, header.frame_machine, 0, 0)
        self._lead += _U64.pack(len(message)) + message
        self._convention = toc
        self._frames_per_entry = frames_per_entry
        self._boundaries = array("Q")
        """Offsets of the frames m, 2m, ..., up to the end of what is in the file."""
        self._flushed_frames = 0
        self._end = len(self._lead)
        """Of the whole frames in the file."""
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._failure: OutputError | None = None
        check_replaceable(self.path)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(self.part_path, flags, 0o666)
        except OSError as error:
            raise self._output_error(error) from error
        # Who follows the trace sees by it that somebody writes (TraceFollower); not every file system has locks.
        with contextlib.suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        try:
            self._write_at(0, self._lead)
        except OSError as error:
            os.close(self._descriptor)
            self._descriptor = -1
            self.part_path.unlink(missing_ok=True)
            raise self._output_error(error) from error

    @property
    def frames(self) -> int:
        """How many frames were written."""
        return self._flushed_frames + len(self._pending)

    def write(self, frame: bytes, /) -> None:
        """Add a ``frame`` message.

        :raise OutputError: the disk is full, now or at an earlier call; the trace can only be closed.
        """
        if not frame:
            raise ValueError("a frame of no bytes: readers refuse it")
        unit = _U64.pack(len(frame)) + frame
        self._pending.append(unit)
        self._pending_bytes += len(unit)
        if self._pending_bytes >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the system.

        :raise OutputError: see :meth:`write`.
        """
        if self._failure is not None:
            self._pending, self._pending_bytes = [], 0
            raise OutputError(self._failure.path, self._failure.reason)
        if self._descriptor < 0:
            raise ValueError(f"{self.path}: the trace is closed")
        units = self._pending
        try:
            # At a given offset, so that a flush broken off by an exception (a signal's) can be done again.
            self._write_at(self._end, b"".join(units))
        except OSError as error:
            self._failure = self._output_error(error)
            self._pending, self._pending_bytes = [], 0
            self._keep(units, os.fstat(self._descriptor).st_size)
            raise self._failure from error
        self._pending, self._pending_bytes = [], 0
        self._keep(units, None)

    def close(self) -> None:
        """Finish the trace and give it its name. Doing it again does nothing.

        :raise OutputError: some of the frames, or the table of contents, could not be written. If even dropping a few
            frames makes no room for the table, ``.part`` is left as it is, with whole frames.
        """
        if self._descriptor < 0:
            return
        try:
            reported = self._failure
            if reported is None:
                # A failure is raised when what is left to save is saved.
                with contextlib.suppress(OutputError):
                    self.flush()
            try:
                self._finish()
            except OSError as error:
                raise self._output_error(error) from error
            if self._failure is not None and self._failure is not reported:
                raise self._failure
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Remove what was written, instead of closing it; a closed trace stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self.part_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif not self.frames:
            self.discard()
        else:
            try:
                self.close()
            except OutputError as second:
                error.add_note(str(second))

    def _output_error(self, error: OSError) -> OutputError:
        return OutputError(self.path, error.strerror or str(error))

    def _write_at(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written

    def _keep(self, units: Sequence[bytes], file_end: int | None) -> None:
        """Count units that are in the file. Given its end, only those before it; the rest of the file is cut off."""
        ends = list(accumulate(map(len, units), initial=self._end))[1:]
        if file_end is not None:
            del ends[bisect_right(ends, file_end) :]
        period = self._frames_per_entry
        self._boundaries.extend(ends[period - 1 - self._flushed_frames % period :: period])
        self._flushed_frames += len(ends)
        self._end = ends[-1] if ends else self._end
        if file_end is not None:
            os.ftruncate(self._descriptor, self._end)

    def _finish(self) -> None:
        try:
            self._write_at(self._end, self._toc())
        except OSError as error:
            if error.errno not in _NO_ROOM or not self._make_room(len(self._toc())):
                os.ftruncate(self._descriptor, self._end)
                raise
            self._failure = self._failure or self._output_error(error)
            self._write_at(self._end, self._toc())
        # Both in one write: a trace is either closed or it is not.
        self._write_at(_COUNT_OFFSET, struct.pack("<2Q", self._flushed_frames, self._end))
        os.fsync(self._descriptor)
        os.replace(self.part_path, self.path)
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        except OSError as error:
            # Some file systems cannot; the trace itself is written.
            LOG.debug("%s: fsync: %s", self.path.parent, error)
        finally:
            os.close(directory)

    def _toc(self) -> bytes:
        offsets = toc_offsets(
            self._boundaries, self._flushed_frames, self._end, self._frames_per_entry, self._convention
        )
        return struct.pack(f"<{1 + len(offsets)}Q", self._frames_per_entry, *offsets)

    def _make_room(self, size_bytes: int) -> bool:
        """Drop as few of the last frames as give room for ``size_bytes``; whether there were enough."""
        limit = self._end - size_bytes
        blocks = bisect_right(self._boundaries, limit)
        offset = self._boundaries[blocks - 1] if blocks else len(self._lead)
        if offset > limit:
            return False
        frames = blocks * self._frames_per_entry
        while True:
            (size,) = _U64.unpack(os.pread(self._descriptor, _U64.size, offset))
            if offset + _U64.size + size > limit:
                break
            offset, frames = offset + _U64.size + size, frames + 1
        LOG.warning("%s: %d frames dropped to close the trace", self.path, self._flushed_frames - frames)
        self._flushed_frames, self._end = frames, offset
        del self._boundaries[frames // self._frames_per_entry :]
        os.ftruncate(self._descriptor, offset)
        return True


@dataclass(frozen=True, slots=True)
class _Toc:
    """A table of contents whose offsets can be the boundaries of its frames."""

    frames_per_entry: int
    offsets: array[int]


class Table(NamedTuple):
    """A table of contents."""

    size_bytes: int
    read: Callable[[int], bytes]
    """One number of it, given where it is."""


class TraceReader:
    """Reads a trace of any producer: versions 1 to 3, any table of contents, closed or not.

    Iterating gives the frames lazily, in bounded memory, and can be done several times, also side by side. A damaged or
    cut trace gives its whole frames first and then raises :class:`~gdbtrace.errors.TraceFormatError`; one that was
    never closed ends where the file ends. No number in the file is believed before it is checked.

    :raise UsageError: the file cannot be read.
    :raise TraceFormatError: it has no header of a trace.
    """

    scope: Scope = WHOLE
    """What its frames have."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            # A pipe would be waited for until it has a writer.
            self._stream = open(self.path, "rb", buffering=0, opener=_open_at_once)  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from error
        try:
            if not stat.S_ISREG(os.fstat(self._stream.fileno()).st_mode):
                raise UsageError(f"{self.path}: not a file; a trace cannot be read from a pipe or device")
            self._read_header()
        except BaseException:
            self._stream.close()
            raise
        self._decoder = FrameDecoder(self.path)

    def _read_header(self) -> None:
        self._take_header(self._read_at(0, HEADER_BYTES), 0)
        self._meta_message: bytes | None = None
        self._first = _HEADER.size
        if self.header.version > 1:
            field = self._read_at(_HEADER.size, _U64.size)
            size = _U64.unpack(field)[0] if len(field) == _U64.size else 0
            self._first = _HEADER.size + _U64.size + size
            if len(field) < _U64.size or self._first > self.size_bytes:
                raise TraceFormatError(self.path, _HEADER.size, "meta frame cut short")
            if size > MOST_MESSAGE_BYTES:
                raise TraceFormatError(self.path, _HEADER.size, f"a meta frame of {size} bytes")
            self._meta_message = self._read_at(_HEADER.size + _U64.size, size)

    def _take_header(self, data: bytes, offset: int) -> None:
        """Believe what is in a header, as far as one can.

        :param offset: where it stands.
        """
        if data[: _U64.size] != MAGIC_BYTES:
            raise TraceFormatError(self.path, offset, "not a bap-frame trace")
        if len(data) < _HEADER.size:
            raise TraceFormatError(self.path, offset + len(data), "header cut short")
        version, architecture, machine, frames, toc = struct.unpack_from("<5Q", data, _U64.size)
        self._claimed_frames: int = frames
        self._claimed_toc: int = toc
        if version not in (1, 2, 3):
            raise TraceFormatError(self.path, offset + _U64.size, f"trace version {version}; we know 1 to 3")
        self.header = Header(architecture, machine, version)

    @property
    def size_bytes(self) -> int:
        """Of the file, now."""
        return os.fstat(self._stream.fileno()).st_size

    @cached_property
    def meta(self) -> MetaFrame | None:
        """Where the trace comes from; None in version 1.

        :raise TraceFormatError: it is damaged (the frames can be read all the same).
        """
        if self._meta_message is None:
            return None
        return decode_meta_frame(self._meta_message, self.path, _HEADER.size + _U64.size)

    @property
    def meta_message(self) -> bytes | None:
        """The meta frame as it stands in the file."""
        return self._meta_message

    @property
    def is_closed(self) -> bool:
        """Whether its writer finished it. A closed trace can have been cut off later."""
        return self._claimed_toc != 0

    @property
    def toc_offset(self) -> int | None:
        """Where the header says that the frames end, unchecked; None if the trace was never closed."""
        return self._claimed_toc or None

    @property
    def frame_count(self) -> int | None:
        """How many frames the header of a closed trace says there are; None where that is unknown or cannot be."""
        room = self._claimed_toc - self._first
        if self._claimed_toc + _U64.size > self.size_bytes or self._claimed_frames * _LEAST_FRAME_BYTES > room:
            return None
        return self._claimed_frames

    def __len__(self) -> int:
        """As :attr:`frame_count`.

        :raise TypeError: it is unknown.
        """
        count = self.frame_count
        if count is None:
            raise TypeError(f"{self.path}: the number of frames is unknown, the trace was not closed or is damaged")
        return count

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Frame]:
        return self.iter_frames()

    def iter_frames(self, start: int = 0) -> Iterator[Frame]:
        """The frames from number ``start`` on, counted from 0; none if there are fewer.

        :raise TraceFormatError: when the damaged place is reached.
        """
        decode = self._decoder.decode
        for offset, data in self.iter_messages(start):
            yield decode(data, offset)

    def decode(self, data: bytes, offset: int) -> Frame:
        """The frame of a message of :meth:`iter_messages`.

        :raise TraceFormatError: it is damaged.
        """
        return self._decoder.decode(data, offset)

    def iter_messages(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """As :meth:`iter_frames`, but undecoded: offset in the file and ``frame`` message."""
        offset, index = self._entry_before(start) if start else (self._first, 0)
        claimed = self._claimed_frames if self.is_closed else None
        end = min(self._claimed_toc or self.size_bytes, self.size_bytes)
        for at, data in self.iter_units(offset, end):
            if index == claimed:
                raise TraceFormatError(self.path, at - _U64.size, f"more than the {claimed} frames of the header")
            if index >= start:
                yield at, data
            index += 1
        if claimed is not None and (index != claimed or end != self._claimed_toc):
            raise TraceFormatError(self.path, end, self._short_of(claimed, index), REMEDY)

    def _short_of(self, claimed: int, index: int) -> str:
        if self._claimed_toc < self._first:
            return f"header damaged, it puts the end of the frames at {self._claimed_toc:#x}"
        return f"trace ends after {index} of {claimed} frames"

    def frame_at(self, number: int) -> Frame:
        """One frame, counted from 0. Costs passing over two entries of the table of contents, or, if it is not to be
        trusted, all frames before.

        :raise IndexError: there is none.
        """
        if number < 0:
            raise IndexError(f"frame {number}")
        for frame in self.iter_frames(number):
            return frame
        raise IndexError(f"{self.path}: no frame {number}")

    def iter_units(self, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
        """What stands in the frames from the size field at ``offset`` to ``end``, each with its offset, whether or not
        they are messages. For :meth:`iter_messages` and repair.

        :raise TraceFormatError: ``end`` or the end of the file is within a frame, or a size is 0 or absurd.
        """
        unpack = _U64.unpack_from
        buffer, buffer_offset = b"", offset
        while offset < end:
            at = offset - buffer_offset + 8
            if at > len(buffer):
                buffer, buffer_offset, at = self._read_at(offset, _READ_BYTES), offset, 8
                if len(buffer) < 8:
                    raise self._cut_frame(offset)
            (size,) = unpack(buffer, at - 8)
            following = offset + 8 + size
            if following > end or not size:
                raise self._cut_frame(offset) if size else TraceFormatError(self.path, offset, "a frame of 0 bytes")
            if at + size > len(buffer):
                if size > MOST_MESSAGE_BYTES:
                    raise TraceFormatError(self.path, offset, f"a frame of {size} bytes")
                buffer, buffer_offset, at = self._read_at(offset, max(_READ_BYTES, size + 8)), offset, 8
                if at + size > len(buffer):
                    raise self._cut_frame(offset)
            yield offset + 8, buffer[at : at + size]
            offset = following

    def _cut_frame(self, offset: int) -> TraceFormatError:
        return TraceFormatError(self.path, offset, "frame cut short", REMEDY)

    @property
    def first_offset(self) -> int:
        """Where the first frame's size field is."""
        return self._first

    def close(self) -> None:
        """Close the file. Doing it again does nothing."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_at(self, offset: int, size: int) -> bytes:
        """What the file has there: fewer bytes than ``size`` only at its end."""
        try:
            data = os.pread(self._stream.fileno(), size, offset)
            while len(data) < size and (more := os.pread(self._stream.fileno(), size - len(data), offset + len(data))):
                data += more
        except (OSError, OverflowError) as error:
            raise TraceFormatError(self.path, offset, f"cannot be read ({error})") from error
        return data

    @cached_property
    def _toc(self) -> _Toc | None:
        """The table of contents if its shape is one of the known ones and its first offset is right.

        Known are k = ceil(n/m), floor(n/m), floor((n-1)/m), with rising offsets between the first frame and T. The
        first offset is compared with a walk from the first frame, since some tracers begin with the offset of the meta
        frame instead, which makes every entry wrong by m frames.
        """
        count, end = self.frame_count, self._claimed_toc
        if not count:
            return None
        (period,) = _U64.unpack(self._read_at(end, _U64.size))
        entries, rest = divmod(self.size_bytes - end - _U64.size, _U64.size)
        if rest or not period or entries not in {-(-count // period), count // period, (count - 1) // period}:
            return None
        data = self._read_at(end + _U64.size, entries * _U64.size)
        if len(data) != entries * _U64.size:
            return None
        offsets = array("Q", struct.unpack(f"<{entries}Q", data))
        rises = all(low < high for low, high in pairwise(offsets))
        if not offsets or not rises or offsets[0] <= self._first or offsets[-1] > end:
            return None
        if self._walk(self._first, min(period, count)) != offsets[0]:
            return None
        return _Toc(period, offsets)

    def _table_of_contents(self) -> Table:
        """The table of contents as it is, right or not."""
        end = self._claimed_toc
        return Table(max(self.size_bytes - end, 0), lambda offset: self._read_at(end + offset, _U64.size))

    def toc_problem(self) -> str:
        """What is wrong with the table of contents; empty: nothing.

        All frames are passed over. As many offsets as any generation of bap-frames has written are right.

        :raise TraceFormatError: the frames themselves are damaged.
        """
        if not self.is_closed:
            return "the trace was never closed: it has no count and no table of contents"
        count = self._claimed_frames
        table = self._table_of_contents()
        period = int.from_bytes(table.read(0), "little")
        entries, rest = divmod(table.size_bytes - _U64.size, _U64.size)
        if not period or table.size_bytes < _U64.size:
            return "the table of contents has no frames per entry"
        if rest or entries not in {-(-count // period), count // period, max(count - 1, 0) // period}:
            return f"the table of contents has {entries} entries of {period} frames, and there are {count} frames"
        following = _U64.size
        for number, (offset, data) in enumerate(self.iter_messages(), 1):
            if (not number % period or number == count) and following < table.size_bytes:
                noted = int.from_bytes(table.read(following), "little")
                following += _U64.size
                boundary = offset + len(data)
                if noted != boundary:
                    return f"the table of contents puts frame {number} at {noted:#x}, and it is at {boundary:#x}"
        return ""

    def _entry_before(self, number: int) -> tuple[int, int]:
        """Offset and number of a frame at or before frame ``number``, from where to walk on.

        An offset in the table of contents is only trusted if the table passed (see `_toc`) and walking the frames of
        this entry ends exactly at the next offset, or at T with the last frame. Two damages that agree with each other
        and with the frames' sizes would go unseen. In all other cases the walk starts at the first frame.
        """
        toc, count = self._toc, self.frame_count
        if toc is None or count is None:
            return self._first, 0
        entry = min(number, count - 1) // toc.frames_per_entry
        if not 0 < entry <= len(toc.offsets):
            return self._first, 0
        offset, index = toc.offsets[entry - 1], entry * toc.frames_per_entry
        following = toc.offsets[entry] if entry < len(toc.offsets) else self._claimed_toc
        if self._walk(offset, min(toc.frames_per_entry, count - index)) != following:
            return self._first, 0
        return offset, index

    def _walk(self, offset: int, count: int) -> int | None:
        """Where ``count`` frames from ``offset`` on end; None if they do not."""
        try:
            for remaining, (at, data) in enumerate(self.iter_units(offset, self._claimed_toc), 1 - count):
                offset = at + len(data)
                if not remaining:
                    return offset
        except TraceFormatError:
            pass
        return None
