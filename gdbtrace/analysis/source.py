"""Text of the source, as far as it is here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gdbtrace.image import SourceLine

_MOST_BYTES = 16 << 20
"""Of a file: a larger one is no source, whatever debug information says."""


class SourceText:
    """Reads files of source, each once.

    :param folders: where a file without a full path is looked for besides the working directory.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = [Path(), *folders]
        self._files: dict[str, Sequence[str]] = {}

    def text_of(self, line: SourceLine) -> str:
        """A line without the space around it; empty: the file is not here. Nothing tells whether it is the same one."""
        return self.written(line).strip()

    def written(self, line: SourceLine) -> str:
        """A line as it is written."""
        lines = self._files.get(line.file)
        if lines is None:
            found = (_lines_of(folder / line.file) for folder in self._folders)
            lines = self._files[line.file] = next(filter(None, found), ())
        return lines[line.line - 1] if 0 < line.line <= len(lines) else ""


def _lines_of(path: Path) -> Sequence[str]:
    try:
        # Not a pipe or a device, which could be waited for.
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return ()
        # As compilers count lines: other characters that end one for str.splitlines do not for them.
        return path.read_text("utf-8", "surrogateescape").split("\n")
    except (OSError, ValueError):
        return ()
