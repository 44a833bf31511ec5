"""Starting and ending the tracer process, from the recorder's side."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys

from gdbtrace.tracer.settings import TracerSettings
from gdbtrace.tracer.step_record import RecordReader


class TracerProcess:
    """Owns the tracer process; a context manager."""

    def __init__(self, settings: TracerSettings) -> None:
        self.socket_path = settings.directory / "stub"
        """Where the tracer serves its client, unless the settings say otherwise."""
        self._control, theirs = socket.socketpair()
        for end in (self._control, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        command = [sys.executable, "-m", "gdbtrace.tracer"]
        command += [f"--recorder={theirs.fileno()}", f"--settings={settings.to_json()}"]
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

    def leave(self) -> None:
        """Have the tracer end as if its client had left. May be called from a signal handler."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def answer(self, text: str, *, address: int | None = None, is_refusal: bool = False) -> None:
        """Answer a :class:`~gdbtrace.tracer.step_record.Request`.

        :param address: what ``resolve`` asked for.
        """
        message = {"text": text, "address": address, "is_refusal": is_refusal}
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

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
