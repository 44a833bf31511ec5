"""``python -m tests.command_server``: a process that has gdbtrace imported, and forks for each command line.

Importing is most of what a short command costs (half a second of processor time; a fork takes 10 ms).  The process that
runs a command line has imported gdbtrace and done nothing else, as after ``python -m gdbtrace``, and ends as that does.
But its entry in /proc, which is of the time before, and its parent are the server's.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

import gdbtrace.cli

_MOST_BYTES = 1 << 17
_ANSWER = struct.Struct("=i")
"""First the process' number, and then what ``wait`` says of its end."""


class Command(NamedTuple):
    """A command line, and where it runs."""

    arguments: Sequence[str]
    directory: str
    environment: Mapping[str, str]


class CommandServer:
    """Our end of it. It ends when we do.

    :param environment: it is started with; a command line has its own.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def run(self, command: Command, out: IO[bytes], err: IO[bytes], patience_seconds: float) -> int:
        """Run a command line to its end; its exit status, or less than 0 for a signal.

        :raise TimeoutError: it did not end, and was killed.
        """
        request = json.dumps([command.arguments, command.directory, command.environment])
        socket.send_fds(self._link, [request.encode()], [out.fileno(), err.fileno()])
        process = self._answer()
        if not select.select([self._link], [], [], patience_seconds)[0]:
            os.kill(process, signal.SIGKILL)
            self._answer()
            raise TimeoutError(f"{' '.join(command.arguments)}: not done after {patience_seconds} s")
        return os.waitstatus_to_exitcode(self._answer())

    def _answer(self) -> int:
        (number,) = _ANSWER.unpack(self._link.recv(_ANSWER.size))
        return int(number)


def _serve(link: socket.socket) -> Command:
    """Fork for each request; returns in the new processes, with what they are to run."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(link, _MOST_BYTES, 2)
        if not request:
            sys.exit()
        process = os.fork()
        if not process:
            break
        for descriptor in descriptors:
            os.close(descriptor)
        link.send(_ANSWER.pack(process))
        _, status = os.waitpid(process, 0)
        link.send(_ANSWER.pack(status))
    link.close()
    for stream, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    return Command(*json.loads(request))


if __name__ == "__main__":
    # What is imported is in no garbage collection, which would copy it.
    gc.freeze()
    command = _serve(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(command.environment)
    os.chdir(command.directory)
    sys.argv[1:] = command.arguments
    gdbtrace.cli.entry_point()
