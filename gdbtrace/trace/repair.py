"""A readable trace from a damaged or unfinished one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gdbtrace.errors import TraceFormatError, UsageError
from gdbtrace.trace.codec import FrameDecoder
from gdbtrace.trace.container import TocConvention, TraceReader, TraceWriter
from gdbtrace.trace.frames import FileStats, MetaFrame, Target, Tracer

_NO_META = MetaFrame(
    Tracer("unknown", (), (), "unknown"), Target("", (), (), bytes(16)), FileStats(0, 0.0, 0.0, 0.0), "", "", 0.0
)


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What was saved."""

    frames: int
    bytes_dropped: int
    """From the first damaged frame to the end of the file; 0 if all are sound (the table of contents is made anew)."""
    problem: TraceFormatError | None
    """Why the walk ended before the end of the frames; None: nothing was wrong with them."""


def repair(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    toc: TocConvention = TocConvention.STANDARD,
) -> RepairReport:
    """Copy the whole frames of ``source``, up to the first that is not, into a closed trace.

    Each frame is decoded to the last operand; a kind that we do not know counts as damage, as most damage looks like
    one. Frames after a damaged one are not looked for: what came between would be missing without a mark. A sound trace
    is copied, with the table of contents asked for. Bounded memory.

    :raise UsageError: there is no source, or the destination is it or anything else that is not a trace.
    :raise TraceFormatError: not even the header and the extent of the meta frame can be read.
    :raise OutputError: the destination cannot be written; nothing is left of it.
    """
    target = Path(destination)
    with TraceReader(source) as reader:
        if target.exists() and os.path.samefile(reader.path, target):
            raise UsageError(f"{target}: is the damaged trace itself; name another file for the repaired one")
        meta = _NO_META if reader.meta_message is None else reader.meta_message
        # Not .part: the source usually is destination.part.
        writer = TraceWriter(
            target, reader.header, meta, toc=toc, part_path=target.with_name(target.name + ".repaired")
        )
        try:
            size_bytes = reader.size_bytes
            end, problem = _copy(reader, writer, size_bytes)
            writer.flush()
        except BaseException:
            writer.discard()
            raise
        writer.close()
    return RepairReport(writer.frames, 0 if problem is None else size_bytes - end, problem)


def _copy(reader: TraceReader, writer: TraceWriter, size_bytes: int) -> tuple[int, TraceFormatError | None]:
    """Copy frames; where and why the copying ended."""
    decoder, offset = FrameDecoder(reader.path), reader.first_offset
    try:
        for at, message in reader.iter_units(offset, size_bytes):
            if offset == reader.toc_offset:
                return offset, None
            decoder.check(message, at)
            writer.write(message)
            offset = at + len(message)
    except TraceFormatError as error:
        # What seems to be the last size field may well be the table of contents: m, then offsets.
        return offset, None if offset == reader.toc_offset else error
    if reader.toc_offset in (None, offset):
        return offset, None
    return offset, TraceFormatError(reader.path, offset, "the file ends before the header says that the frames do")
