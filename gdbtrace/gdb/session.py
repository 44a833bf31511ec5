"""gdb/MI requests matched by token, through one reading loop of our own.

pygdbmi starts gdb and parses its output; ``GdbController.write`` as documented waits 0.2 s after the last output and
takes a late reply for the next command's, so only its writing half is used.  Reference: gdb manual, "GDB/MI".
"""

from __future__ import annotations

import logging
import re
import select
import shutil
import subprocess
import time
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pygdbmi.constants import GdbTimeoutError
from pygdbmi.gdbcontroller import GdbController

from gdbtrace.errors import TargetDied, ToolError, ToolMissing

LOG = logging.getLogger(__name__)

OLDEST_VERSION = (12, 1)
"""The oldest gdb that is known to work."""
_REPLY_SECONDS = 60.0
_UNAVAILABLE = "<unavailable>"
_USE_RSP = "use --engine rsp"
_CLOSED = "Remote connection closed"


def find_gdb() -> tuple[Path, tuple[int, int]]:
    """gdb-multiarch, or a gdb that knows other architectures than the host's, and its version.

    :raise ToolMissing: there is none, or it is too old.
    """
    found = shutil.which("gdb-multiarch")
    if found is None:
        raise ToolMissing("gdb-multiarch", f"install Debian's gdb-multiarch, or {_USE_RSP}")
    try:
        text = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolMissing(found, _USE_RSP, f"does not run ({error})") from error
    # The distribution in parentheses has a version of its own: "GNU gdb (GDB; openSUSE Leap 15.4) 11.1".
    match = re.search(r"(\d+)\.(\d+)", re.sub(r"\(.*\)", "", text.splitlines()[0]) if text else "")
    if match is None:
        raise ToolMissing(found, _USE_RSP, "does not say its version")
    version = int(match[1]), int(match[2])
    if version < OLDEST_VERSION:
        wanted = ".".join(map(str, OLDEST_VERSION))
        raise ToolMissing(found, _USE_RSP, f"{match[0]} is older than {wanted}")
    return Path(found), version


class GdbSession:
    """Owns one gdb; a context manager."""

    def __init__(self, gdb: Path) -> None:
        # A session of its own, so that Ctrl-C at the terminal does not reach it; no init files, no scripts from
        # the guest's file, no downloads: the guest is not trusted.
        command = ["setsid", str(gdb), "--nx", "--quiet", "--interpreter=mi3"]
        command += ["-iex", "set auto-load off", "-iex", "set debuginfod enabled off"]
        try:
            self._controller = GdbController(command=command)
        except (OSError, ValueError) as error:
            raise ToolMissing(str(gdb), _USE_RSP, f"does not start ({error})") from error
        _silence_parser()
        process = self._controller.gdb_process
        assert process is not None
        assert process.stdout is not None
        self._output: IO[bytes] = process.stdout
        self._token = 0
        self._unclaimed: list[dict[str, Any]] = []
        """Results that came while another was waited for."""
        self._console: list[str] = []
        """gdb's last words, for error messages."""
        self.stopped: dict[str, Any] | None = None
        """The latest ``*stopped``, or None while the target runs."""

    def __enter__(self) -> GdbSession:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def send(self, command: str) -> int:
        """Send a command and return its token; :meth:`result` collects the answer."""
        self._token += 1
        LOG.debug("> %d%s", self._token, command)
        try:
            self._controller.write(f"{self._token}{command}", read_response=False)
        except OSError as error:
            raise self._died() from error
        return self._token

    def result(self, token: int, seconds: float = _REPLY_SECONDS) -> dict[str, Any]:
        """Wait for the result of a command.

        :raise ToolError: gdb answered with an error, or not in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            for message in self._unclaimed:
                if message["token"] == token:
                    self._unclaimed.remove(message)
                    if message["message"] == "error":
                        text = (message["payload"] or {}).get("msg", "no reason given")
                        raise ToolError(f"gdb: {text}")
                    return message["payload"] or {}
            self._read(deadline)

    def run(self, command: str) -> dict[str, Any]:
        """Send a command and wait for its result.

        :raise ToolError: gdb answered with an error, or not in time.
        """
        return self.result(self.send(command))

    def attach(
        self,
        program: Path | None,
        stub: Path,
        architecture: str,
        byte_order: str,
        sysroot: Path | None,
        settings: Sequence[str] = (),
    ) -> None:
        """Load a program's symbols, if there is one, and connect to a stub on a unix socket.

        :param settings: what else to ``set`` before.
        """
        for setting in (
            "confirm off",
            "pagination off",
            "width 0",
            # Memory is the guest's present one, always.
            "stack-cache off",
            "code-cache off",
            f"sysroot {sysroot or '/nonexistent'}",
        ):
            self.run(f"-gdb-set {setting}")
        if program is not None:
            self.run(f"-file-exec-and-symbols {_quoted(str(program))}")
        self.run(f"-gdb-set architecture {architecture}")
        self.set_byte_order(byte_order)
        for setting in settings:
            self.run(f"-gdb-set {setting}")
        self.stopped = None
        self.run(f"-target-select remote {stub}")
        self.wait_for_stop()

    def wait_for_stop(self) -> dict[str, Any]:
        """Wait, however long, until the target is stopped."""
        while self.stopped is None:
            self._read(None)
        return self.stopped

    def monitor(self, command: str) -> int:
        """Send a command to the stub; the token's result comes when the stub is done."""
        return self.send(f'-interpreter-exec console "monitor {command}"')

    def set_byte_order(self, byte_order: str) -> None:
        """Tell gdb, which does not notice that a processor has been switched.

        :param byte_order: big or little.
        """
        self.run(f"-gdb-set endian {byte_order}")

    def flush_registers(self) -> None:
        """Make gdb forget what it knows of the target, which moved behind its back."""
        self.run('-interpreter-exec console "maintenance flush register-cache"')

    def register_values(self, wanted: Container[str]) -> Mapping[str, int]:
        """gdb's view of those registers that it has, by gdb's name; vectors as one integer, unavailable ones left out.

        :param wanted: a stub may refuse others that it describes, and gdb then shows none.
        """
        names: Sequence[str] = self.run("-data-list-register-names")["register-names"]
        numbers = " ".join(str(number) for number, name in enumerate(names) if name and name in wanted)
        values: dict[str, int] = {}
        if not numbers:
            return values
        for item in self.run(f"-data-list-register-values --skip-unavailable r {numbers}")["register-values"]:
            name = names[int(item["number"])]
            # Where two share a name (QEMU's PowerPC lists lr and ctr once more among the special registers, where they
            # are always 0), the first keeps it.
            if name and (value := _integer_of(item["value"])) is not None:
                values.setdefault(name, value)
        return values

    def check_alive(self) -> None:
        """Find out whether gdb still runs.

        :raise TargetDied: it has ended.
        """
        process = self._controller.gdb_process
        if process is not None and process.poll() is not None:
            raise self._died()

    def close(self) -> None:
        """Ask gdb to quit, then kill it."""
        process = self._controller.gdb_process
        if process is None:
            return
        try:
            self.send("-gdb-exit")
            process.wait(2)
        except (TargetDied, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        self._controller.gdb_process = None

    def _read(self, deadline: float | None) -> None:
        """Wait for output of gdb and sort it."""
        remaining = None if deadline is None else deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise ToolError(f"gdb did not answer within {_REPLY_SECONDS:g} s")
        if not select.select([self._output], [], [], remaining)[0]:
            return
        try:
            messages = self._controller.get_gdb_response(timeout_sec=0, raise_error_on_timeout=False)
        except (GdbTimeoutError, OSError) as error:
            raise self._died() from error
        if not messages:
            self.check_alive()
        for message in messages:
            LOG.debug("< %s", message)
            match message["type"]:
                case "result":
                    self._unclaimed.append(message)
                case "notify" if message["message"] == "stopped":
                    self.stopped = message["payload"] or {}
                case "console" | "log" | "output" if isinstance(message["payload"], str):
                    if message["payload"].startswith(_CLOSED):
                        # gdb reports no stop for a target that hung up.
                        self.stopped = {"reason": _CLOSED}
                    self._console = [*self._console[-4:], message["payload"].strip()]

    def _died(self) -> TargetDied:
        last = " ".join(line for line in self._console if line)
        return TargetDied(f"gdb ended unexpectedly{': ' + last if last else ''}")


def _silence_parser() -> None:
    """pygdbmi's parser installs a handler of its own when it is imported."""
    logger = logging.getLogger("pygdbmi")
    for name in [None, *logging.Logger.manager.loggerDict]:
        if name is not None and name.startswith("pygdbmi"):
            logging.getLogger(name).handlers.clear()
    logger.propagate = False


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _integer_of(text: str) -> int | None:
    """A register's value as gdb prints it in raw format: a number, or a union of vectors with a whole in it."""
    if _UNAVAILABLE in text:
        return None
    if match := re.fullmatch(r"0x[0-9a-f]+", text):
        return int(match[0], 16)
    if match := re.search(r"\b(?:uint128|u128) = (0x[0-9a-f]+)", text):
        return int(match[1], 16)
    return None
