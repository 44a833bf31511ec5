"""Our own client of the tracer process: what gdb does for the default engine, without gdb."""

from __future__ import annotations

import socket
from pathlib import Path

from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import framed


class TracerClient:
    """Speaks to the tracer's stub over its unix socket; a context manager."""

    def __init__(self, stub: Path) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(stub))
        self._client = StubClient(connection)

    def __enter__(self) -> TracerClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def send_command(self, command: str) -> None:
        """Start one of the tracer's monitor commands."""
        self._client.send(framed(b"qRcmd," + f"gdbtrace {command}".encode().hex().encode()))

    def finish_command(self) -> None:
        """Wait for the end of the command sent last."""
        self._client.finish_monitor()

    def close(self) -> None:
        """Hang up."""
        self._client.close()
