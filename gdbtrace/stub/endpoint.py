"""Where a stub listens: a unix socket, or a port."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

from gdbtrace.errors import UsageError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of both."""

    path: Path | None = None
    host: str = ""
    port: int = 0

    @staticmethod
    def parse(text: str) -> Endpoint:
        """``unix:PATH``, any path with a slash, ``HOST:PORT``, ``[HOST]:PORT`` or ``:PORT`` (this machine), also behind
        ``tcp:``, as gdb's ``target remote`` takes them.

        :raise UsageError: it is none of these.
        """
        if (text.startswith("unix:") and text != "unix:") or "/" in text:
            return Endpoint(Path(text.removeprefix("unix:")))
        match = re.fullmatch(r"(?:tcp:)?(?:\[([^]]*)\]|([^:]*)):(\d{1,5})", text)
        if match is None or not 0 < int(match[3]) < 1 << 16:
            raise UsageError(f"{text}: not an endpoint: give HOST:PORT, or the path of a unix socket")
        return Endpoint(host=match[1] or match[2] or "localhost", port=int(match[3]))

    @property
    def _family(self) -> socket.AddressFamily:
        if self.path is not None:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def connect(self) -> socket.socket:
        """Connect to it.

        :raise OSError: nobody listens there.
        """
        if self.path is None:
            connection = socket.create_connection((self.host, self.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.path))
        except OSError:
            connection.close()
            raise
        return connection

    def listen(self) -> socket.socket:
        """Listen there, for one.

        :raise OSError: it cannot be done.
        """
        listener = socket.socket(self._family)
        try:
            if self.path is None:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((self.host, self.port))
            else:
                listener.bind(str(self.path))
            listener.listen(1)
        except OSError:
            listener.close()
            raise
        return listener

    def __str__(self) -> str:
        """As :meth:`parse` reads it."""
        if self.path is None:
            return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return str(self.path) if "/" in str(self.path) else f"unix:{self.path}"
