"""Starting and ending the tracer process, from the recorder's side."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from gdbtrace.tracer.step_record import RecordReader


class TracerProcess:
    """Owns the tracer process; a context manager.

    :param directory: private (0700) directory with QEMU's socket in it; the tracer's own socket goes there too.
    :param emulator: process id of QEMU.
    :param fetch_all: read every operand register at each step.
    :param key_interval: steps from one key state to the next; 0: none.
    """

    def __init__(
        self,
        arch: str,
        program: Path,
        directory: Path,
        emulator: int,
        emulator_socket: Path,
        *,
        fetch_all: bool,
        key_interval: int,
    ) -> None:
        self.socket_path = directory / "stub"
        """Where the tracer serves its client."""
        self._control, theirs = socket.socketpair()
        for end in (self._control, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        command = [sys.executable, "-m", "gdbtrace.tracer"]
        command += [f"--arch={arch}", f"--recorder={theirs.fileno()}", f"--directory={directory}"]
        command += [f"--emulator={emulator}", f"--emulator-socket={emulator_socket}"]
        command += [f"--program={program}", f"--key-interval={key_interval}"]
        if fetch_all:
            command.append("--fetch-all")
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        self.records = RecordReader(self._control)
        """The step records."""

    def __enter__(self) -> TracerProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def interrupt(self) -> None:
        """Ask the running burst, or the next one, to end. May be called from a signal handler or another thread."""
        with contextlib.suppress(OSError):
            self._control.send(b"!")

    def close(self) -> None:
        """End the process: hang up, wait, kill."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
