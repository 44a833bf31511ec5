"""What all subcommands share: exit statuses, messages, live progress."""

from __future__ import annotations

import sys
from enum import IntEnum

from rich.console import Console

from gdbtrace.report.printable import printable as printable


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
