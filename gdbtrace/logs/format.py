"""What the formats of logs have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from gdbtrace.errors import TraceFormatError
from gdbtrace.trace.frames import StdFrame
from gdbtrace.trace.scope import Scope


class Line(NamedTuple):
    """One line of a log, without what ends it."""

    offset: int
    """In the file."""
    text: bytes


class LogFormat(Protocol):
    """One kind of log."""

    @property
    def scope(self) -> Scope:
        """What its frames have."""

    def frames(self, lines: Iterable[Line]) -> Iterator[StdFrame]:
        """The instructions of a whole log.

        :raise TraceFormatError: a line is damaged, after what came before it.
        """


def damaged(path: Path, line: Line) -> TraceFormatError:
    """A line that begins as those of the format do and is none."""
    shown = ascii(line.text[:_SHOWN_BYTES].decode("latin-1"))
    return TraceFormatError(path, line.offset, f"not a whole line of the log: {shown}")


_SHOWN_BYTES = 60
