"""Running gdbtrace as its users do, and seeing what it leaves behind."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import gdbtrace
from gdbtrace import open_trace
from gdbtrace.trace import StdFrame
from tests.command_server import Command, CommandServer
from tests.toolchain import GUESTS, TESTS

ARCH = "aarch64"
GUEST = GUESTS / ARCH / "guest"
BEHAVE = TESTS / "programs" / "behave.c"
BOTH_ENGINES = pytest.mark.parametrize("engine", ["gdb", "rsp"])
PATIENCE_SECONDS = 60.0
"""How long something that should happen at once is waited for, on a busy machine."""

ENVIRONMENT = {
    # The gdbtrace that is tested, and not another checkout's that is installed.
    "PYTHONPATH": str(Path(gdbtrace.__file__).parents[1]),
    "SECRET": "of the caller",
    "COLUMNS": "200",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What a command line came to."""

    status: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, object]:
        """Of ``--json``."""
        summary: dict[str, object] = json.loads(self.out.splitlines()[-1])
        return summary

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        assert line.startswith("gdbtrace: ")
        return line.removeprefix("gdbtrace: ")


class Workplace:
    """Runs gdbtrace in a directory, with a TMPDIR in it that nothing else uses."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.temp = directory / "t"
        self.temp.mkdir()

    def start(
        self, *arguments: str | Path, path: str | None = None, prefix: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start it; its output goes to the files ``out`` and ``err``.

        :param path: PATH, if not ours.
        :param prefix: a command to run it under.
        """
        with (self.directory / "out").open("wb") as out, (self.directory / "err").open("wb") as err:
            return subprocess.Popen(
                [*prefix, sys.executable, "-m", "gdbtrace", *map(str, arguments)],
                cwd=self.directory,
                env=self._environment(path),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def finish(self, process: subprocess.Popen[bytes]) -> Done:
        """Wait for its end, and see that it left nothing behind."""
        try:
            process.wait(2 * PATIENCE_SECONDS)
        finally:
            process.kill()
        return self._done(process.returncode)

    def _done(self, status: int) -> Done:
        assert self.processes() == {}
        assert list(self.temp.iterdir()) == []
        out, err = ((self.directory / name).read_text() for name in ("out", "err"))
        assert "Traceback" not in err
        return Done(status, out, err)

    def run(self, *arguments: str | Path, path: str | None = None, prefix: Sequence[str] = ()) -> Done:
        """Run it to its end."""
        if prefix:
            return self.finish(self.start(*arguments, path=path, prefix=prefix))
        command = Command([*map(str, arguments)], str(self.directory), self._environment(path))
        with (self.directory / "out").open("wb") as out, (self.directory / "err").open("wb") as err:
            status = _command_server().run(command, out, err, 2 * PATIENCE_SECONDS)
        return self._done(status)

    def _environment(self, path: str | None) -> dict[str, str]:
        return {**ENVIRONMENT, "PATH": os.environ["PATH"] if path is None else path, "TMPDIR": str(self.temp)}

    def processes(self) -> dict[int, str]:
        """Command lines of the processes that have our TMPDIR in their arguments or environment."""
        needle = os.fsencode(self.temp)
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
                except OSError:
                    continue
                if needle in command or needle in environment:
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found


@functools.cache
def _command_server() -> CommandServer:
    return CommandServer(ENVIRONMENT)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that will be."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


def frames_of(path: Path) -> list[StdFrame]:
    """The std frames of a closed trace."""
    with open_trace(path) as reader:
        assert reader.is_closed
        return [frame for frame in reader if isinstance(frame, StdFrame)]


def address_in(program: Path, symbol: str) -> int:
    """A symbol's address, as binutils sees it."""
    listing = subprocess.run(["aarch64-linux-gnu-nm", str(program)], capture_output=True, text=True, check=True).stdout
    (address,) = [line.split()[0] for line in listing.splitlines() if line.split()[-1] == symbol]
    return int(address, 16)
