"""Our own client of the tracer process: what gdb does for the default engine, without gdb."""

from __future__ import annotations

import socket
from pathlib import Path

from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import SIGTRAP, StopKind, framed, parse_stop_reply, resumption


class TracerClient:
    """Speaks to the tracer's stub over its unix socket; a context manager."""

    def __init__(self, stub: Path) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(stub))
        self._client = StubClient(connection)
        self._thread = parse_stop_reply(self._client.request(b"?")).thread

    def __enter__(self) -> TracerClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def run_to(self, address: int, hits: int) -> bool:
        """Run at full speed until an address is reached for the ``hits``-th time; False if the target ended first.

        Signals on the way are delivered to the guest.
        """
        signal = 0
        while True:
            self._client.insert_breakpoint(address)
            reply = self._client.resume(resumption(b"c", self._thread, signal))
            assert reply is not None
            if reply.kind is not StopKind.SIGNAL:
                return False
            self._client.remove_breakpoint(address)
            self._thread = reply.thread or self._thread
            if reply.number == SIGTRAP:
                hits -= 1
                if not hits:
                    return True
                # Off the breakpoint: a resumption at a breakpoint would stop there at once.
                reply = parse_stop_reply(self._client.exchange_framed(resumption(b"s", self._thread)))
                if reply.kind is not StopKind.SIGNAL:
                    return False
            signal = 0 if reply.number == SIGTRAP else reply.number

    def send_command(self, command: str) -> None:
        """Start one of the tracer's monitor commands."""
        self._client.send(framed(b"qRcmd," + f"gdbtrace {command}".encode().hex().encode()))

    def finish_command(self) -> None:
        """Wait for the end of the command sent last."""
        self._client.finish_monitor()

    def close(self) -> None:
        """Hang up."""
        self._client.close()
