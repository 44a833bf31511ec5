"""Finding and ending the processes of one trace."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def is_running(process: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        # Field 3 of /proc/PID/stat, after the name in parentheses (proc(5)).
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def kill_users_of(directory: Path) -> None:
    """Kill every process whose command line names a file in a private directory: QEMU, and what a guest forked from it.

    A fork of QEMU keeps QEMU's command line, so it is found wherever it went in the process tree.
    """
    needle = os.fsencode(directory) + b"/"
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                if any(argument.startswith(needle) for argument in arguments):
                    os.kill(int(entry.name), signal.SIGKILL)
