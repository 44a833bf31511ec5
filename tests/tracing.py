"""Tracing under the same conditions each time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from gdbtrace import Observer, RunOptions, Summary, record

NULL = Path(os.devnull)


@contextlib.contextmanager
def stdout_to(stdout: Path) -> Iterator[None]:
    """Send our standard output, which is the guest's, to a file.

    What stat says of it is in the guest's trace: the null device is the same in every run.
    """
    saved = os.dup(1)
    file = os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(file, 1)
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(file)


def quiet_record(options: RunOptions, observer: Observer | None = None, stdout: Path = NULL) -> Summary:
    """Record with the guest's output going to a file, or nowhere."""
    with stdout_to(stdout):
        return record(options, observer)
