"""Reading a log of executed instructions as a trace."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from gdbtrace.arch.model import Arch
from gdbtrace.errors import TraceFormatError
from gdbtrace.logs.cpu import CpuLog
from gdbtrace.logs.execlog import Execlog, Memtrace
from gdbtrace.logs.format import Line, LogFormat
from gdbtrace.trace.codec import encode_frame
from gdbtrace.trace.container import Header, TraceReader
from gdbtrace.trace.frames import Frame

_READ_BYTES: Final = 1 << 20
_MOST_LINE_BYTES: Final = 1 << 16
_LOOKED_AT_BYTES: Final = 1 << 20
"""Within these a log has a line by which it is recognised; QEMU may warn of things before."""
_FORMATS: Final = (Execlog, CpuLog, Memtrace)


class LogReader(TraceReader):
    """Reads a log as a trace of instructions without a meta frame, as far as the log tells of them (:attr:`scope`).

    Iterating reads the file anew each time, in bounded memory. A line that was cut short raises
    :class:`~gdbtrace.errors.TraceFormatError` after the instructions before it; lines of other kinds, which QEMU's
    other logs write between, are passed over.

    :param arch: which no log says.
    :param is_machine: it is of a machine, not of a program.
    :raise UsageError: the file cannot be read, or its registers are not known.
    :raise TraceFormatError: it is none of the logs that are known.
    """

    def __init__(self, path: str | os.PathLike[str], arch: Arch, *, is_machine: bool = False) -> None:
        self._arch, self._is_machine = arch, is_machine
        super().__init__(path)

    def _read_header(self) -> None:
        self.header = Header(self._arch.frame_architecture, self._arch.frame_machine)
        self._meta_message = None
        self._first = self._claimed_frames = self._claimed_toc = 0
        log_format = _format_of(self._read_at(0, _LOOKED_AT_BYTES))
        if log_format is None:
            raise TraceFormatError(self.path, 0, "not a log of executed instructions")
        self._log: LogFormat = log_format(self.path, self._arch, is_machine=self._is_machine)
        self.scope = self._log.scope

    @property
    def frame_count(self) -> int | None:
        """Not known before it is read."""
        return None

    def iter_frames(self, start: int = 0) -> Iterator[Frame]:
        """As for a trace; costs reading all before ``start``."""
        return islice(self._log.frames(self._lines()), start, None)

    def iter_messages(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """As for a trace, with the frames' numbers for offsets."""
        return ((number, encode_frame(frame)) for number, frame in enumerate(self.iter_frames(start), start))

    def _lines(self) -> Iterator[Line]:
        offset, rest = 0, b""
        while chunk := self._read_at(offset + len(rest), _READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for text in lines:
                yield Line(offset, text)
                offset += len(text) + 1
            if len(rest) > _MOST_LINE_BYTES:
                raise TraceFormatError(self.path, offset, f"a line of more than {_MOST_LINE_BYTES} bytes")
        if rest:
            raise TraceFormatError(self.path, offset, "the log ends within a line")


def _format_of(lead: bytes) -> Callable[..., LogFormat] | None:
    for line in lead.splitlines():
        for log_format in _FORMATS:
            if log_format.pattern.match(line):
                return log_format
    return None


def is_log(path: Path) -> bool:
    """Whether a file is one of the logs that :class:`LogReader` reads; False, too, where it cannot be read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return _format_of(stream.read(_LOOKED_AT_BYTES)) is not None
    except OSError:
        return False
