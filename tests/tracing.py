"""Tracing under the same conditions each time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from gdbtrace import Observer, RunOptions, Summary, record

NULL = Path(os.devnull)


@contextlib.contextmanager
def null_stdout() -> Iterator[None]:
    """What stat says of a guest's standard output is in its trace: give it the same device in every run."""
    saved = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)


def quiet_record(options: RunOptions, observer: Observer | None = None) -> Summary:
    """Record with the guest's output going nowhere."""
    with null_stdout():
        return record(options, observer)
