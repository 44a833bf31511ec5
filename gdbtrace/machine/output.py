"""What comes out of a machine: its console and QEMU's own words, read all the time so that QEMU never waits for us."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import queue
import re
import select
import selectors
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from gdbtrace.errors import OutputError, UsageError

LOG = logging.getLogger(__name__)

_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20
"""pipe(7): the most that an unprivileged process may ask for."""
_WAITING_READS = 1024
"""Reads that may wait for a sink that does not take them, 64 MiB at most; then QEMU waits, as it would itself."""
_SINK_SECONDS = 5.0
"""What a sink that does not take the last bytes is given at the end: a terminal where Ctrl-S was typed."""
_STANDARD_ERROR = 2
_WORDS_BYTES = 1 << 14
_WORDS_LINES = 3


class Expectation:
    """A text to wait for in a stream that comes in pieces."""

    def __init__(self, text: bytes, react: Callable[[], None]) -> None:
        if not text:
            raise UsageError("an empty text cannot be waited for; give what the console prints")
        self.react = react
        self._text = text
        self._tail = b""

    def is_met_by(self, data: bytes) -> bool:
        """Take the next piece; whether the text has come with it."""
        window = self._tail + data
        self._tail = window[max(0, len(window) - len(self._text) + 1) :]
        return self._text in window


class Console:
    """What the guest prints, on its way to a file or a terminal, in order and to the last byte.

    QEMU writes into a named pipe: unlike a socket it holds a mebibyte however small the writes are, and what is in it
    outlives QEMU.  A second thread writes, since a terminal may make its writer wait.  Nothing is sent to the guest.

    :param sink: a file to write anew, a descriptor, or None: the output is only looked at.
    :raise OutputError: the file cannot be written.
    """

    def __init__(self, pipe: Path, sink: Path | int | None) -> None:
        self._expectations: list[Expectation] = []
        self._lock = threading.Lock()
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_WAITING_READS)
        self._file: int | None = None
        self._writer: threading.Thread | None = None
        self.problem: OutputError | None = None
        """Why not all of the output is where it should be."""
        os.mkfifo(pipe, 0o600)
        self._name = str(sink) if isinstance(sink, Path) else "the console's output"
        if isinstance(sink, Path):
            try:
                self._file = os.open(sink, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            except OSError as error:
                raise OutputError(sink, str(error.strerror)) from error
        self._sink = self._file if isinstance(sink, Path) else sink
        self._is_in_line = False
        # Without O_NONBLOCK this would wait for QEMU.
        self.descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        """The end to read."""
        with contextlib.suppress(OSError):
            # More than the system lets one user have: 64 KiB do as well.
            fcntl.fcntl(self.descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        if self._sink is not None:
            self._writer = threading.Thread(target=self._write, name="console", daemon=True)
            self._writer.start()

    def expect(self, text: bytes, react: Callable[[], None]) -> None:
        """Call once, from a thread of its own, when the guest has printed a text after now.

        :raise UsageError: the text is empty.
        """
        with self._lock:
            self._expectations.append(Expectation(text, react))

    def take(self, data: bytes) -> None:
        """The next piece of output."""
        if self._writer is not None:
            self._waiting.put(data)
        with self._lock:
            met = [each for each in self._expectations if each.is_met_by(data)]
            self._expectations = [each for each in self._expectations if each not in met]
        for each in met:
            # Not from here: a reaction that waits for QEMU must not keep QEMU waiting for its console.
            threading.Thread(target=each.react, name="console-reaction", daemon=True).start()

    def _write(self) -> None:
        assert self._sink is not None
        while (data := self._waiting.get()) is not None:
            if self.problem is None:
                try:
                    _write_all(self._sink, data)
                    self._is_in_line = not data.endswith(b"\n")
                except OSError as error:
                    self.problem = OutputError(self._name, str(error.strerror))

    def close(self) -> None:
        """After the last piece: have everything written."""
        if self._writer is not None:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=_SINK_SECONDS)
            self._writer.join(_SINK_SECONDS)
            if self._writer.is_alive():
                self.problem = OutputError(self._name, "it takes no more")
                return
            self._writer = None
            if self._is_in_line and self._sink == _STANDARD_ERROR and self.problem is None:
                # Our own messages follow there.
                with contextlib.suppress(OSError):
                    _write_all(self._sink, b"\n")
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # Somebody who shares our terminal or pipe has made it so.
            select.select([], [descriptor], [])


class Words:
    """The end of what QEMU itself says, on its standard output and error."""

    def __init__(self) -> None:
        self._tail = b""

    def take(self, data: bytes) -> None:
        """The next piece."""
        LOG.debug("QEMU says %r", data)
        self._tail = (self._tail + data)[-_WORDS_BYTES:]

    def last(self) -> str:
        """The last complaint in one line; empty if there is none.

        The lines from the last one that QEMU begins with its name, without the registers that follow a fatal one;
        where there is none, the last lines.  Warnings are no complaints.
        """
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines()]
        lines = [line for line in lines if line and ": warning: " not in line]
        named = [at for at, line in enumerate(lines) if re.match(r"\S*qemu\S*: ", line)]
        chosen = lines[named[-1] :][:_WORDS_LINES] if named else lines[-_WORDS_LINES:]
        if len(chosen) > 1 and "fatal" in chosen[0]:
            del chosen[1:]
        return "; ".join("".join(each if each.isprintable() else "?" for each in line) for line in chosen)


class OutputReader:
    """A thread that reads descriptors to their end and closes them; it ends with the last.

    :param last: QEMU has ended when this one has; what is in the others then is all that they will ever have.
    """

    def __init__(self, takers: Mapping[int, Callable[[bytes], None]], last: int) -> None:
        self._takers = dict(takers)
        self._last = last
        self._thread = threading.Thread(target=self._run, name="machine-output", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether everything has been read within that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for descriptor in self._takers:
                selector.register(descriptor, selectors.EVENT_READ)
            while self._last in selector.get_map():
                for key, _ in selector.select():
                    if self._read(key.fd) == b"":
                        selector.unregister(key.fd)
        for descriptor in self._takers:
            while self._read(descriptor):
                pass
            os.close(descriptor)

    def _read(self, descriptor: int) -> bytes | None:
        """What was there; empty at the end, None where nothing is yet."""
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return None
        if data:
            self._takers[descriptor](data)
        return data
