"""What all subcommands share: exit statuses, messages, live progress."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gdbtrace.errors import OutputError, UsageError
from gdbtrace.report.printable import printable as printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class ExitStatus(IntEnum):
    """gdbtrace's own exit statuses; a guest's is in the summary. docs/guide.md lists them."""

    DONE = 0
    DIFFERENT = 1
    USAGE = 2
    TOOL_FAILED = 3
    DAMAGED = 4
    TIMEOUT = 124
    """As timeout(1)."""
    INTERRUPTED = 130
    """As a shell reports SIGINT."""


def complain(*lines: str) -> None:
    """Say on stderr what is wrong, in one line."""
    sys.stderr.write(printable(f"gdbtrace: {'; '.join(lines)}") + "\n")


class _OutputFile(io.FileIO):
    """A file whose errors are ours: those of reading, or of standard output, are told from them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            super().__init__(path, "w")
        except OSError as error:
            raise self._failure(error) from error

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(self._path, error.strerror or str(error))


def refuse_to_overwrite(inputs: Sequence[Path], outputs: Sequence[Path | None]) -> None:
    """Look before a long reading whether what is read would be written.

    :param outputs: None: not wanted.
    :raise UsageError: it would.
    """
    for output in filter(None, outputs):
        if any(output.exists() and each.exists() and output.samefile(each) for each in inputs):
            raise UsageError(f"{output}: that is what is read")


def open_output(path: Path) -> io.BufferedWriter:
    """A file to write anew, in bytes.

    :raise OutputError: it cannot be written; later, too.
    """
    return io.BufferedWriter(_OutputFile(path))


def open_text_output(path: Path) -> io.TextIOWrapper:
    """The same for text."""
    return io.TextIOWrapper(open_output(path), encoding="utf-8")


class TableConsole(Console):
    """Standard output for tables: as wide as the terminal, or wide enough for ours where there is none."""

    def __init__(self) -> None:
        super().__init__(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)

    def on_broken_pipe(self) -> None:
        """rich would end Python here; it is the same as with all other output."""
        raise BrokenPipeError


class ProgressLine:
    """One line on stderr that is rewritten in place; silent where stderr is not a terminal."""

    def __init__(self) -> None:
        self.is_live = sys.stderr.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        """Replace the line."""
        if self.is_live:
            sys.stderr.write(f"\r\x1b[K{printable(text)[:120]}")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
