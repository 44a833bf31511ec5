"""Making, finding and ending the processes of one trace."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

_GONE_SECONDS = 5.0


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and a polite kill back for a moment, in which a process is made.

    The exception that they raise would be lost in what Python calls around a fork (os.register_at_fork), whose lock of
    the logging module would then be held for ever; or the process would be made, and nobody's.
    """
    if threading.current_thread() is not threading.main_thread():
        # Where no signal is handled.
        yield
        return
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.signal(number, hold) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def is_running(process: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        # Field 3 of /proc/PID/stat, after the name in parentheses (proc(5)).
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def kill_users_of(directory: Path) -> None:
    """Kill every process whose command line names a file in a private directory: QEMU, and what a guest forked from it.

    A fork of QEMU keeps QEMU's command line, so it is found wherever it went in the process tree.  Returns when they
    are gone.
    """
    deadline = time.monotonic() + _GONE_SECONDS
    while (users := _users_of(directory)) and time.monotonic() < deadline:
        for process in users:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.002)


def _users_of(directory: Path) -> list[int]:
    needle = os.fsencode(directory) + b"/"
    users = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            # The command line of a zombie is empty.
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                if any(argument.startswith(needle) for argument in arguments):
                    users.append(int(entry.name))
    return users
