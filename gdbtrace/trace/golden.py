"""Golden traces: a trace as a small file that is kept beside the tests, and back, to the last byte.

docs/golden-format.md has the format.  In short, all numbers little-endian::

    00 magic  08 the trace's own header (48 bytes)
    38 m: frames per entry of the trace's table of contents (u64)
    40 message of its meta frame: size (u32), zstd (of nothing in a trace of version 1)
    blocks: frames (u32), bytes of these in the trace (u64), sizes of the columns (7 u32), the columns, each zstd
    a block of no frames, which is the end
    table of contents: size (u32), zstd
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import zstandard

from gdbtrace.errors import OutputError, TraceFormatError
from gdbtrace.trace.container import (
    HEADER_BYTES,
    MAGIC_BYTES,
    MOST_MESSAGE_BYTES,
    REMEDY,
    Table,
    TocConvention,
    TraceReader,
    check_replaceable,
    toc_offsets,
)
from gdbtrace.trace.golden_block import MOST_BYTES, MOST_FRAMES, SIZE_FIELD_BYTES, BlockDecoder, BlockEncoder, Column

GOLDEN_MAGIC: Final = b"\x89golden\x01"
"""The last byte is the format's version."""
_U64 = struct.Struct("<Q")
_U32 = struct.Struct("<I")
_BLOCK = struct.Struct(f"<IQ{len(Column)}I")
_FIRST_SECTION: Final = len(GOLDEN_MAGIC) + HEADER_BYTES + _U64.size
_LEVEL: Final = 19
"""Of zstd: a golden is written once and read often."""
_MOST_BLOCK_BYTES: Final = MOST_BYTES + MOST_MESSAGE_BYTES + SIZE_FIELD_BYTES
_CONVENTIONS: Final = tuple(TocConvention)
"""What the first byte of the last section says: which of these the table of contents follows..."""
_OTHER_TABLE: Final = len(_CONVENTIONS)
"""...or that it comes then as it is."""
_REMEDY: Final = "record it anew, or take it from version control"
_COMPRESSOR: Final = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
_DECOMPRESSOR: Final = zstandard.ZstdDecompressor()


class _Block(NamedTuple):
    """Where a block is, and what it says of itself."""

    place: int
    """Its offset in the golden."""
    frames: int
    size_bytes: int
    """Of the frames in the trace."""
    sizes: Sequence[int]
    """Of the columns, as they are in the golden."""

    @property
    def end(self) -> int:
        """Where the next one is."""
        return self.place + _BLOCK.size + sum(self.sizes)


def open_trace(path: str | os.PathLike[str]) -> TraceReader:
    """Open a trace, or a golden as the trace it was made of; see :class:`~gdbtrace.trace.container.TraceReader`."""
    return GoldenReader(path) if is_golden(path) else TraceReader(path)


def is_golden(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a golden of any version does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.pread(descriptor, len(GOLDEN_MAGIC), 0)[:-1] == GOLDEN_MAGIC[:-1]
    except OSError:
        return False
    finally:
        os.close(descriptor)


class Boundaries:
    """Collects what a table of contents is made of."""

    def __init__(self, frames_per_entry: int) -> None:
        self._frames_per_entry = frames_per_entry
        self._offsets = array("Q")
        self._frames = 0

    def add(self, end: int) -> None:
        """One more frame, and where it ends."""
        self._frames += 1
        if self._frames_per_entry and not self._frames % self._frames_per_entry:
            self._offsets.append(end)

    def table(self, end: int, convention: TocConvention) -> bytes:
        """The table of contents of a trace whose frames end there; empty if nobody knows how many an entry is for."""
        if not self._frames_per_entry:
            return b""
        offsets = toc_offsets(self._offsets, self._frames, end, self._frames_per_entry, convention)
        return struct.pack(f"<{1 + len(offsets)}Q", self._frames_per_entry, *offsets)


class GoldenReader(TraceReader):
    """Reads a golden as the trace that it was made of, whose offsets are those that it gives.

    Seeking passes over whole blocks, and decodes the frames before in one (65,536 at most).
    """

    def _read_header(self) -> None:
        magic = self._read_at(0, len(GOLDEN_MAGIC))
        if magic[:-1] != GOLDEN_MAGIC[:-1]:
            raise TraceFormatError(self.path, 0, "not a golden")
        if magic != GOLDEN_MAGIC:
            known = GOLDEN_MAGIC[-1]
            raise TraceFormatError(self.path, len(magic) - 1, f"a golden of version {magic[-1]}; we know {known}")
        self._take_header(self._read_at(len(magic), HEADER_BYTES), len(magic))
        field = self._read_at(_FIRST_SECTION - _U64.size, _U64.size)
        self.frames_per_entry = int.from_bytes(field, "little")
        """Of the trace's table of contents; 0: it has none that we know."""
        meta, self._first_block = self._section(_FIRST_SECTION, MOST_MESSAGE_BYTES)
        has_meta = self.header.version > 1
        self._meta_message = meta if has_meta else None
        self._first = HEADER_BYTES + (_U64.size + len(meta)) * has_meta

    @property
    def lead(self) -> bytes:
        """What stands before the trace's first frame."""
        header, meta = self._read_at(len(GOLDEN_MAGIC), HEADER_BYTES), self._meta_message
        return header if meta is None else header + _U64.pack(len(meta)) + meta

    @property
    def frame_count(self) -> int | None:
        """How many frames the trace has."""
        return self._claimed_frames

    def iter_messages(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """See :class:`~gdbtrace.trace.container.TraceReader`."""
        place, index, offset = self._first_block, 0, self._first
        while True:
            block = self._block(place)
            if not block.frames:
                break
            if index + block.frames <= start:
                index, offset = index + block.frames, offset + block.size_bytes
            else:
                for message in self._messages_of(block):
                    if index >= start:
                        yield offset + SIZE_FIELD_BYTES, message
                    index, offset = index + 1, offset + SIZE_FIELD_BYTES + len(message)
            place = block.end
        if (index, offset) != (self._claimed_frames, self._claimed_toc):
            problem = f"{index} frames that end at {offset:#x}, and the header says otherwise,"
            raise TraceFormatError(self.path, place, problem, _REMEDY)
        self._table_at(place + _BLOCK.size)

    def _table_of_contents(self) -> Table:
        """See :class:`~gdbtrace.trace.container.TraceReader`: that of the trace."""
        boundaries = Boundaries(self.frames_per_entry)
        for offset, message in self.iter_messages():
            boundaries.add(offset + len(message))
        table = self.table(boundaries)
        return Table(len(table), lambda offset: table[offset : offset + _U64.size])

    def table(self, boundaries: Boundaries) -> bytes:
        """The trace's table of contents, given where its frames end."""
        block = self._block(self._first_block)
        while block.frames:
            block = self._block(block.end)
        table = self._table_at(block.end)
        if table[0] == _OTHER_TABLE:
            return table[1:]
        return boundaries.table(self._claimed_toc, _CONVENTIONS[table[0]])

    def _table_at(self, place: int) -> bytes:
        """What the last section has."""
        table, end = self._section(place, 1 + MOST_MESSAGE_BYTES)
        if end != self.size_bytes:
            raise TraceFormatError(self.path, end, "a golden with something behind it", _REMEDY)
        if not table or table[0] > _OTHER_TABLE:
            raise TraceFormatError(self.path, place, "no table of contents", _REMEDY)
        return table

    def _block(self, place: int) -> _Block:
        data = self._read_at(place, _BLOCK.size)
        if len(data) < _BLOCK.size:
            raise TraceFormatError(self.path, place, "golden cut short", _REMEDY)
        frames, size_bytes, *sizes = _BLOCK.unpack(data)
        if frames > MOST_FRAMES or size_bytes > _MOST_BLOCK_BYTES:
            raise TraceFormatError(self.path, place, f"a block of {frames} frames and {size_bytes} bytes", _REMEDY)
        return _Block(place, frames, size_bytes, sizes)

    def _messages_of(self, block: _Block) -> Iterator[bytes]:
        place, room = block.place + _BLOCK.size, _MOST_BLOCK_BYTES
        columns: list[bytes] = []
        for size in block.sizes:
            columns.append(self._expanded(place, size, room))
            place, room = place + size, room - len(columns[-1])
        left = block.size_bytes
        try:
            for message in BlockDecoder(columns).iter_messages(block.frames):
                left -= SIZE_FIELD_BYTES + len(message)
                if left < 0 or not message:
                    break
                yield message
        except (ValueError, LookupError) as error:
            raise TraceFormatError(self.path, block.place, "a block that is damaged", _REMEDY) from error
        if left:
            raise TraceFormatError(self.path, block.place, "a block of another size than it says", _REMEDY)

    def _section(self, place: int, most: int) -> tuple[bytes, int]:
        """What a section at ``place`` has, and where it ends."""
        size = int.from_bytes(self._read_at(place, _U32.size), "little")
        place += _U32.size
        return self._expanded(place, size, most), place + size

    def _expanded(self, place: int, size: int, most: int) -> bytes:
        """What zstd made ``size`` bytes of.  At most so many: what a file says of itself is not believed."""
        data = self._read_at(place, size) if place + size <= self.size_bytes else b""
        if len(data) < size or not data:
            raise TraceFormatError(self.path, place, "golden cut short", _REMEDY)
        try:
            if zstandard.get_frame_parameters(data).content_size > most:
                raise TraceFormatError(self.path, place, "more than a golden has in one place", _REMEDY)
            return _DECOMPRESSOR.decompress(data, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise TraceFormatError(self.path, place, "golden damaged: zstd refuses it", _REMEDY) from error


def pack(trace: str | os.PathLike[str], golden: str | os.PathLike[str]) -> None:
    """Make a golden of a trace.  Bounded memory.

    :raise UsageError: the trace cannot be read, or ``golden`` is something that must not be replaced.
    :raise TraceFormatError: the trace is damaged, or was not closed.
    :raise OutputError: the golden cannot be written; one that was there stays.
    """
    with TraceReader(trace) as reader:
        if not reader.is_closed:
            raise TraceFormatError(reader.path, HEADER_BYTES, "the trace was not closed", REMEDY)
        end = reader.toc_offset or 0
        if reader.size_bytes - end > MOST_MESSAGE_BYTES:
            raise TraceFormatError(reader.path, end, "a table of contents that is larger than any")
        table = reader._read_at(end, reader.size_bytes - end)
        frames_per_entry = int.from_bytes(table[: _U64.size], "little")
        with _replaced(Path(golden), GOLDEN_MAGIC) as stream:
            stream.write(GOLDEN_MAGIC + reader._read_at(0, HEADER_BYTES) + _U64.pack(frames_per_entry))
            stream.write(_section_of(reader.meta_message or b""))
            boundaries = Boundaries(frames_per_entry)
            block = BlockEncoder()
            for offset, message in reader.iter_messages():
                if block.is_full:
                    _write_block(stream, block)
                    block = BlockEncoder()
                block.add(message)
                boundaries.add(offset + len(message))
            if block.frames:
                _write_block(stream, block)
            stream.write(bytes(_BLOCK.size))
            follows = [boundaries.table(end, convention) == table for convention in _CONVENTIONS]
            kind = follows.index(True) if True in follows else _OTHER_TABLE
            stream.write(_section_of(bytes([kind]) + (table if kind == _OTHER_TABLE else b"")))


def unpack(golden: str | os.PathLike[str], trace: str | os.PathLike[str]) -> None:
    """Make the trace again that a golden was made of, byte for byte.  Bounded memory.

    :raise UsageError: the golden cannot be read, or ``trace`` is something that must not be replaced.
    :raise TraceFormatError: the golden is damaged, or none.
    :raise OutputError: the trace cannot be written; one that was there stays.
    """
    with GoldenReader(golden) as reader, _replaced(Path(trace), MAGIC_BYTES) as stream:
        stream.write(reader.lead)
        boundaries = Boundaries(reader.frames_per_entry)
        for offset, message in reader.iter_messages():
            stream.write(_U64.pack(len(message)))
            stream.write(message)
            boundaries.add(offset + len(message))
        stream.write(reader.table(boundaries))


def _section_of(data: bytes) -> bytes:
    compressed = _compressed(data)
    return _U32.pack(len(compressed)) + compressed


def _compressed(data: bytes) -> bytes:
    return _COMPRESSOR.compress(data)


def _write_block(stream: BinaryIO, block: BlockEncoder) -> None:
    columns = [_compressed(column) for column in block.columns()]
    stream.write(_BLOCK.pack(block.frames, block.size_bytes, *map(len, columns)))
    stream.write(b"".join(columns))


@contextmanager
def _replaced(path: Path, magic: bytes) -> Iterator[BinaryIO]:
    """A file that takes its place when it is whole.

    :param magic: how one begins that it may replace.
    :raise OutputError: it cannot be written.
    """
    check_replaceable(path, magic)
    part = path.with_name(path.name + ".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
    try:
        with open(descriptor, "wb", buffering=1 << 20) as stream:
            yield stream
        os.replace(part, path)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)
