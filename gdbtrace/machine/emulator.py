"""QEMU, whichever: finding it, starting it in a directory and a process namespace of its own, ending it."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import IO, Self

from gdbtrace.errors import ToolMissing, UsageError
from gdbtrace.processes import kill_users_of, uninterrupted

SEED = "1"
"""Seed of QEMU's random numbers: what a guest asks of it, such as a program's AT_RANDOM or a machine's rng-seed."""
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}
"""QEMU's own, which user mode must keep from its guest (``-U``).

Without it QEMU 10.0's second thread reserves 128 MiB some time while the guest is loaded, and the stack of a 64-bit
guest, which takes the highest free addresses, lies below or above it (mallopt(3); docs/decisions/0002).
"""
_PR_SET_PDEATHSIG = 1
_ADDR_NO_RANDOMIZE = 0x0040000
_ASK_PERSONALITY = 0xFFFF_FFFF
_MOST_SOCKET_PATH_BYTES = 107
"""unix(7): ``sun_path`` has 108 bytes, the last one zero."""
_LIBC = ctypes.CDLL(None, use_errno=True)
_SYSTEM = "qemu-system-"
_PACKAGES = {
    **dict.fromkeys(("aarch64", "arm"), "qemu-system-arm"),
    **dict.fromkeys(("i386", "x86_64", "x86_64-microvm"), "qemu-system-x86"),
    **dict.fromkeys(("mips", "mips64", "mips64el", "mipsel"), "qemu-system-mips"),
    **dict.fromkeys(("ppc", "ppc64", "ppc64le"), "qemu-system-ppc"),
    **dict.fromkeys(("sparc", "sparc64"), "qemu-system-sparc"),
}
"""Debian's package of a system emulator; the others are in qemu-system-misc."""


def debian_package_of(emulator: str) -> str:
    """The package that a QEMU program is in, by the program's name."""
    if not emulator.startswith(_SYSTEM):
        return "qemu-user"
    return _PACKAGES.get(emulator.removeprefix(_SYSTEM), "qemu-system-misc")


def find_emulator(name: str, given: Path | None = None, least: tuple[int, int] | None = None) -> Path:
    """The QEMU to run.

    :param given: what ``--qemu`` said, a program or the directory that it is in; None looks for ``name`` on PATH.
    :param least: the first release that will do; None: any.
    :raise ToolMissing: it is not there, cannot be executed, or is too old.
    """
    if given is not None and given.is_dir():
        given = given / name
    found = shutil.which(str(given) if given else name)
    if found is None and given is not None and given.exists():
        raise ToolMissing(
            str(given), f"pass the path of {name} with --qemu PATH", "is not a program on PATH or a path to one"
        )
    if found is None:
        raise ToolMissing(str(given or name), f"install Debian's {debian_package_of(name)}, or pass --qemu PATH")
    if least is not None and (version := version_of(Path(found))) < least:
        have, need = (".".join(map(str, numbers)) for numbers in (version, least))
        raise ToolMissing(
            found,
            "pass a newer one with --qemu PATH; Debian's backports have one in qemu-user, "
            "which can be unpacked anywhere (dpkg-deb -x)",
            f"is QEMU {have}, whose gdbstub cannot be used for this architecture, and {need} is needed",
        )
    return Path(found)


def version_of(emulator: Path) -> tuple[int, int]:
    """What release of QEMU a program is. Runs it.

    :raise ToolMissing: it does not say, or cannot be executed.
    """
    try:
        done = subprocess.run([emulator, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise ToolMissing(
            str(emulator), "pass another with --qemu PATH", f"does not start ({error.strerror})"
        ) from error
    numbers = re.search(r"version (\d+)\.(\d+)", done.stdout)
    if numbers is None:
        raise ToolMissing(str(emulator), "pass another with --qemu PATH", "does not say its version: is it a QEMU?")
    return int(numbers[1]), int(numbers[2])


class Emulator:
    """Owns one QEMU process, its private directory and its sockets; a context manager.

    Created: nothing runs.  Running, between enter and exit: QEMU waits for a debugger on :attr:`socket_path`.
    Exited: the process, whatever it forked, and the directory are gone.

    :param is_pinned: whether process ids and addresses are the same each time.
    """

    def __init__(self, emulator: Path, *, is_pinned: bool = True) -> None:
        self._emulator = emulator
        self._is_pinned = is_pinned
        self._process: subprocess.Popen[bytes] | None = None
        self.directory = Path()
        """Private directory (0700) for the sockets."""

    @property
    def socket_path(self) -> Path:
        """Where QEMU's gdbstub listens."""
        return self.directory / "qemu"

    @property
    def process_id(self) -> int:
        """The process that ends when QEMU does: QEMU itself, or what waits for it outside its namespace."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self._make_directory()
            if len(os.fsencode(self.socket_path)) > _MOST_SOCKET_PATH_BYTES:
                raise UsageError(
                    f"{self.directory.parent}: too long a path for a unix socket in it; set TMPDIR to a shorter one"
                )
            self._start()
        except BaseException:
            # Ctrl-C too, which may come while a standard input waits to be opened.
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _make_directory(self) -> None:
        """Make the private directory.

        Not by mkdtemp: its directory would be nobody's if we were interrupted between its making and its return.
        """
        parent = tempfile.gettempdir()
        while True:
            self.directory = Path(parent, f"gdbtrace-{secrets.token_hex(4)}")
            try:
                self.directory.mkdir(0o700)
                return
            except FileExistsError:
                self.directory = Path()

    def _namespace(self) -> Sequence[str]:
        """The command that runs QEMU."""
        return process_namespace() if self._is_pinned else ()

    def _start(self) -> None:
        """Start QEMU with :meth:`_launch`."""
        raise NotImplementedError

    def _launch(
        self,
        arguments: Sequence[str],
        stdin: IO[bytes] | None,
        stdout: IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
        *,
        session: bool,
    ) -> None:
        """Run QEMU. One of the arguments must begin with the directory's path (:func:`kill_users_of`).

        :param stdin: None: ours, as of the other two.
        :param session: whether in a session of its own, where a terminal's Ctrl-C does not reach it.
        """
        command = [*self._namespace(), str(self._emulator), *arguments]
        try:
            with uninterrupted():
                self._process = subprocess.Popen(
                    command,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    env=ENVIRONMENT,
                    preexec_fn=partial(_prepare_child, is_pinned=self._is_pinned),
                    start_new_session=session,
                )
        except OSError as error:
            raise ToolMissing(
                str(self._emulator), "pass another with --qemu PATH", f"does not start ({error.strerror})"
            ) from error

    def wait(self, seconds: float) -> int | None:
        """QEMU's exit status, negative for a signal, or None if it still runs after that time."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> str | None:
        """How QEMU has ended, as the beginning of a sentence; None: it runs."""
        status = self.wait(0)
        return None if status is None else f"QEMU ended with status {status}"

    def close(self) -> None:
        """End QEMU, if it runs, and everything of it.

        By SIGKILL: the tracer has frozen it by then, and qemu-user waiting for its debugger ignores SIGTERM.
        """
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            kill_users_of(self.directory)
            self._process = None
        self._release()
        if self.directory != Path():
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = Path()

    def _release(self) -> None:
        """Give up what is held beside the process, which is gone. May be called more than once."""


@cache
def process_namespace(*options: str) -> tuple[str, ...]:
    """The command that runs QEMU in a process namespace of its own, so that its guest has the same process ids each
    time.

    QEMU is process 2: as process 1 it could not kill itself with the signal that its guest died of.  When the
    namespace's process 1 is killed the kernel ends all the others, what the guest forked among them.  Empty where the
    system does not allow it (pid_namespaces(7)).

    :param options: more of unshare's.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    for privileges in ((), ("--user", "--map-current-user")):
        command = (unshare, *privileges, "--pid", *options, "--fork", "--kill-child=KILL")
        if subprocess.run([*command, "sh", "-c", ":"], capture_output=True, check=False).returncode == 0:
            # The shell would announce on its stderr that QEMU was killed, and it exports PWD.  The redirection stands
            # in a subshell: a command's own is made by dash in the shell itself, which then announces there.
            script = 'exec 3>&2 2>/dev/null; (exec env -i "$@" 2>&3 3>&-); exit $?'
            return (*command, "sh", "-c", script, "sh", *(f"{name}={value}" for name, value in ENVIRONMENT.items()))
    return ()


def not_pinned() -> Sequence[str]:
    """What this system does not let us pin, in words: a container's seccomp profile, say, allows neither."""
    return [
        *([] if _can_fix_addresses() else ["addresses (personality(2) refuses ADDR_NO_RANDOMIZE)"]),
        *([] if process_namespace() else ["process ids (unshare(1) gives no process namespace)"]),
    ]


@cache
def _can_fix_addresses() -> bool:
    before = _LIBC.personality(_ASK_PERSONALITY)
    if before < 0 or _LIBC.personality(before | _ADDR_NO_RANDOMIZE) < 0:
        return False
    _LIBC.personality(before)
    return True


def _prepare_child(*, is_pinned: bool) -> None:
    """Between fork and exec: die with the tracer, and lay memory out the same way every time."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if is_pinned:
        _LIBC.personality(_ADDR_NO_RANDOMIZE)
    # Python ignores SIGPIPE and SIGXFSZ, and the guest would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.set_inheritable(0, True)
