"""A program under user-mode QEMU, which waits for its debugger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from gdbtrace.errors import OutputError, UsageError
from gdbtrace.machine.emulator import ENVIRONMENT, SEED, Emulator, process_namespace


@dataclass(frozen=True, slots=True)
class UserProgram:
    """A program to run under user-mode QEMU."""

    path: Path
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of the guest's environment; ours is never passed on."""
    stdin: Path | None = None
    """None: the guest reads our standard input."""
    stdout: Path | None = None
    """Where its standard output goes, written anew; None: to ours."""
    sysroot: Path | None = None
    """Where QEMU looks for the dynamic loader and libraries (its ``-L``)."""
    cpu: str | None = None
    is_pinned: bool = True
    """Whether addresses, process ids and what AT_RANDOM points to are the same in every run."""


class UserEmulator(Emulator):
    """See :class:`~gdbtrace.machine.emulator.Emulator`."""

    def __init__(self, emulator: Path, program: UserProgram) -> None:
        super().__init__(emulator, is_pinned=program.is_pinned)
        self._program = program

    def _start(self) -> None:
        program = self._program
        arguments = ["-g", str(self.socket_path)]
        if program.is_pinned:
            arguments += ["-seed", SEED]
        for name in ENVIRONMENT:
            arguments += ["-U", name]
        if program.cpu:
            arguments += ["-cpu", program.cpu]
        if program.sysroot:
            arguments += ["-L", str(program.sysroot)]
        for name, value in program.environment.items():
            arguments += ["-E", f"{name}={value}"]
        # QEMU would take -name for an option.
        arguments += [f"./{program.path}" if str(program.path).startswith("-") else str(program.path)]
        arguments += program.arguments
        # Cached. First, since opening may wait for a writer, and Python misses an interrupt that comes just before.
        process_namespace()
        with _opened(program.stdin, "rb") as stdin, _opened(program.stdout, "wb") as stdout:
            self._launch(arguments, stdin, stdout, session=False)


def _opened(path: Path | None, mode: str) -> AbstractContextManager[IO[bytes] | None]:
    """A file for the guest; None: ours.

    :raise UsageError: it cannot be read.
    :raise OutputError: it cannot be written.
    """
    if path is None:
        return nullcontext()
    try:
        return cast(IO[bytes], path.open(mode))
    except OSError as error:
        reason = error.strerror or str(error)
        if mode == "wb":
            raise OutputError(path, reason) from error
        raise UsageError(f"{path}: cannot be read: {reason}") from error
