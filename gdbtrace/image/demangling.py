"""Names of C++ (Itanium) and Rust (both manglings) as the source has them, by LLVM's demangler (pydemumble)."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

_MANGLED = re.compile(r"_(?:Z|R)[A-Za-z0-9_.$@]+")
_PROCESS = Path(__file__).with_name("demangler.py")
_SECONDS = 2.0
"""For one name; a usual one takes microseconds, starting the process some 30 milliseconds."""
_BATCH_BYTES = 1 << 14
"""What a pipe holds (pipe(7)), with room: writing it never waits."""
_MOST_FAILURES = 3
"""Processes that may be lost to names that nobody can demangle, before names stay as they are."""


class Demangler:
    """Asks a process of its own for names, and keeps the answers. A name that it fails at stays as it is."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0

    def name_of(self, name: str) -> str:
        """A name as the source has it; the same for what is not mangled."""
        if not _MANGLED.fullmatch(name):
            return name
        if name not in self._known:
            self.learn([name])
        return self._known[name]

    def learn(self, names: Iterable[str]) -> None:
        """Find out many names at once: one costs a round trip."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._known and _MANGLED.fullmatch(name)]
        batch: list[str] = []
        size = 0
        for name in unknown:
            if len(name) >= _BATCH_BYTES:
                self._known[name] = name
                continue
            if size + len(name) >= _BATCH_BYTES:
                self._ask(batch)
                batch, size = [], 0
            batch.append(name)
            size += len(name) + 1
        self._ask(batch)

    def close(self) -> None:
        """End the process; it is started again when it is needed."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()

    def __del__(self) -> None:
        if getattr(self, "_process", None) is not None:
            self.close()

    def _ask(self, names: Sequence[str]) -> None:
        while names:
            answers = self._answers(names) if self._failures < _MOST_FAILURES else None
            if answers is None:
                self._known |= {name: name for name in names}
                return
            self._known |= {name: answer or name for name, answer in zip(names, answers, strict=False)}
            names = names[len(answers) :]
            if names:
                # The process is lost to the first one without an answer.
                self._failures += 1
                self._known[names[0]] = names[0]
                names = names[1:]
                self.close()

    def _answers(self, names: Sequence[str]) -> list[str] | None:
        """As many answers as the process gave; None: there is no process."""
        try:
            if self._process is None:
                command = [sys.executable, "-P", str(_PROCESS)]
                self._process = subprocess.Popen(
                    command,
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        except OSError:
            return None
        source, answers = self._process.stdin, self._process.stdout
        assert source is not None
        assert answers is not None
        with contextlib.suppress(BrokenPipeError):
            source.write("".join(f"{name}\n" for name in names).encode())
        data, count = b"", 0
        deadline = time.monotonic() + _SECONDS
        while count < len(names):
            ready, _, _ = select.select([answers], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(answers.fileno(), _BATCH_BYTES) if ready else b""
            if not more:
                break
            data += more
            if lines := more.count(b"\n"):
                count += lines
                deadline = time.monotonic() + _SECONDS
        return [line.decode(errors="replace") for line in data.split(b"\n")[:count]]


def is_called(demangled: str, name: str) -> bool:
    """Whether a user means it by a name: with its parameters, or without."""
    return demangled == name or demangled.startswith(f"{name}(")
