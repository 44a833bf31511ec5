"""A program on this machine's own processor, which gdbserver has stopped before its first instruction."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gdbtrace.errors import ToolMissing
from gdbtrace.machine.emulator import Emulator, process_namespace

_BECOME_GDBSERVER = """
import os, socket, sys
connection, _ = socket.socket(fileno=0).accept()
os.dup2(connection.fileno(), 0)
os.dup2(connection.fileno(), 1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Waits for the client of the socket that is its standard input, and becomes gdbserver, which talks to it there.

gdbserver itself listens on ports alone, where anybody on this host could come first.
"""


@dataclass(frozen=True, slots=True)
class NativeProgram:
    """A program to run on this machine's processor.

    Its standard input is the null device and its standard output goes where its standard error does: gdbserver sees to
    that, whose own are the connection.
    """

    path: Path
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of it."""


def find_gdbserver() -> Path:
    """The gdbserver to run.

    :raise ToolMissing: there is none.
    """
    found = shutil.which("gdbserver")
    if found is None:
        raise ToolMissing("gdbserver", "install Debian's gdbserver")
    return Path(found)


class Gdbserver(Emulator):
    """See :class:`~gdbtrace.machine.emulator.Emulator`.

    In QEMU's place there is gdbserver with its program, whose words and output nobody sees.
    """

    def __init__(self, gdbserver: Path, program: NativeProgram) -> None:
        super().__init__(Path(sys.executable))
        self._gdbserver = gdbserver
        self._program = program

    def _namespace(self) -> Sequence[str]:
        # gdbserver learns of its program from /proc, which must be that of the namespace.
        return process_namespace("--mount-proc")

    def _start(self) -> None:
        program = self._program
        environment = [f"{name}={value}" for name, value in program.environment.items()]
        with socket.socket(socket.AF_UNIX) as listener, open(os.devnull, "wb") as nothing:
            listener.bind(str(self.socket_path))
            listener.listen(1)
            # gdbserver would hand its environment down, and the shell that it starts the program with would add to it.
            command = [str(self._gdbserver), "--wrapper", "env", "-i", *environment, "--", "-"]
            command += [str(program.path.absolute()), *program.arguments]
            arguments = ["-I", "-S", "-c", _BECOME_GDBSERVER, str(self.socket_path), *command]
            with open(listener.fileno(), "rb", buffering=0, closefd=False) as stdin:
                self._launch(arguments, stdin, nothing, nothing, session=True)
