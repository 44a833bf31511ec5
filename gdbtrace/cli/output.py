"""What all subcommands share: exit statuses, messages, live progress."""

from __future__ import annotations

import sys
from enum import IntEnum


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


def printable(text: str) -> str:
    """Text of a guest or a trace without control characters that a terminal would obey."""
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


class ProgressLine:
    """One line on stderr that is rewritten in place; silent where stderr is not a terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._live:
            sys.stderr.write(f"\r\x1b[K{printable(text)[:120]}")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
