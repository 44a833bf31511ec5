"""Reading a TOML file that a user has written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from gdbtrace.errors import UsageError


def read_toml(path: Path) -> dict[str, Any]:
    """A file's document.

    :raise UsageError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not TOML: not UTF-8 at offset {error.start:#x}") from error
    except tomllib.TOMLDecodeError as error:
        # Its words say at which line and column.
        problem = str(error)
        raise UsageError(f"{path}: not TOML: {problem[:1].lower()}{problem[1:]}") from error
