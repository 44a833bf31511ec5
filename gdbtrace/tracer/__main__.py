"""The tracer process: started by the recorder, it sits between QEMU's stub and one client.

Run as ``python -m gdbtrace.tracer`` by :class:`gdbtrace.tracer.process.TracerProcess`, with a socket to the recorder.
It shares one core with QEMU: a step is a ping-pong between the two, and waking an idle core costs more than the step
(docs/decisions/0004).  It also cleans up when the recorder is killed: it ends QEMU and removes the private directory.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.errors import GdbtraceError
from gdbtrace.processes import is_running, kill_users_of
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout, RegisterState
from gdbtrace.stub.greeting import greet, reach
from gdbtrace.stub.packet import StopKind, StopReply
from gdbtrace.stub.server import StubServer
from gdbtrace.tracer.linux_guest import LinuxGuest
from gdbtrace.tracer.modules import Modules
from gdbtrace.tracer.step_record import RecordWriter, Stop, StopReason
from gdbtrace.tracer.stepper import Stepper, StepperSettings
from gdbtrace.tracer.threads import GuestThreads

_REPLY_SECONDS = 30
_AT_ENTRY = 9


def main() -> int:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="gdbtrace.tracer", description="internal to gdbtrace")
    parser.add_argument("--arch", required=True, choices=ARCHITECTURES)
    parser.add_argument("--recorder", required=True, type=int)
    parser.add_argument("--directory", required=True, type=Path)
    parser.add_argument("--emulator", required=True, type=int)
    parser.add_argument("--emulator-socket", required=True, type=Path)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--fetch-all", action="store_true")
    parser.add_argument("--key-interval", type=int, default=0)
    arguments = parser.parse_args()
    # Ctrl-C is for the recorder, which tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recorder = socket.socket(fileno=arguments.recorder)
    writer = RecordWriter(recorder)
    try:
        _serve(arguments, recorder, writer)
    except (GdbtraceError, OSError) as error:
        # If it is the recorder that is gone, nobody is left to tell.
        with contextlib.suppress(OSError):
            writer.stop(Stop(StopReason.FAILED, detail=str(error)))
    finally:
        _clean_up_if_orphaned(recorder, arguments.directory)
    return 0


def _serve(arguments: argparse.Namespace, recorder: socket.socket, writer: RecordWriter) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(arguments.directory / "stub"))
    listener.listen(1)
    link = _connect(arguments.emulator_socket, arguments.emulator)
    # Who listens at the other end: QEMU, whatever started it (struct ucred of unix(7)).
    emulator, _, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    _share_a_core(emulator)
    with _frozen_afterwards(emulator):
        _serve_on(link, emulator, listener, arguments, recorder, writer)


def _serve_on(
    link: socket.socket,
    emulator: int,
    listener: socket.socket,
    arguments: argparse.Namespace,
    recorder: socket.socket,
    writer: RecordWriter,
) -> None:
    arch = ARCHITECTURES[arguments.arch]
    client = StubClient(link, _REPLY_SECONDS)
    greeting = greet(client, arch.builtin_layout, arch.byte_order)
    layout = greeting.layout
    client.clear_bits(*_privilege_bits(arch, layout))
    auxiliary = _auxiliary_vector(client, arch) if b"qXfer:auxv:read+" in greeting.supported else {}
    settings = StepperSettings(arguments.fetch_all, arguments.key_interval)
    stepper = Stepper(
        client,
        arch,
        layout,
        writer,
        recorder,
        greeting.stop.thread,
        settings,
        partial(
            LinuxGuest,
            modules=Modules(emulator, arch, arguments.program, auxiliary),
            first_pc=RegisterState(layout, client.read_registers())[arch.pc],
            find_threads=partial(GuestThreads, emulator),
        ),
    )
    writer.hello(layout, auxiliary.get(_AT_ENTRY))

    if recorder in select.select([listener, recorder], [], [])[0]:
        return
    connection, _ = listener.accept()
    server: StubServer | None = None

    def perform(command: str) -> str:
        """``step COUNT``, ``stop-at ADDRESS HITS``."""
        assert server is not None
        match command.split():
            case ["step", count]:
                if server.ended is None:
                    stop = stepper.run(int(count, 0))
                    if stop.reason in (StopReason.EXITED, StopReason.KILLED, StopReason.FAILED, StopReason.REPLACED):
                        kind = StopKind.KILLED if stop.reason is StopReason.KILLED else StopKind.EXITED
                        server.ended = StopReply(kind, (stop.status or 0) & 0xFF)
                return ""
            case ["stop-at", address, hits]:
                stepper.stop_at(int(address, 0), int(hits, 0))
                return ""
        raise ValueError(f"no command {command!r}: there are `step COUNT` and `stop-at ADDRESS HITS`")

    server = StubServer(connection, client, perform, recorder)
    server.serve()


def _privilege_bits(arch: Arch, layout: RegisterLayout) -> Iterator[tuple[int, int]]:
    """Which bits of which bytes of ``g`` are a privilege level beside an address."""
    for name in (arch.pc, arch.next_pc):
        if arch.privilege_bits and name is not None:
            start, end = layout.core[name]
            yield start if arch.byte_order == "little" else end - 1, arch.privilege_bits


def _auxiliary_vector(client: StubClient, arch: Arch) -> dict[int, int]:
    """What the kernel tells a program at its start, by ``AT_`` number (getauxval(3))."""
    auxiliary = client.read_object("auxv")
    size = arch.bits // 8
    words = [
        int.from_bytes(auxiliary[at : at + size], arch.byte_order) for at in range(0, len(auxiliary) - size + 1, size)
    ]
    return dict(zip(words[::2], words[1::2], strict=False))


def _connect(path: Path, emulator: int) -> socket.socket:
    """A connection to QEMU's stub, set up for round trips."""
    connection = reach(path, lambda: None if is_running(emulator) else "QEMU ended")
    # A receive timeout in the kernel costs nothing; Python's own would add a poll to every receive.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _REPLY_SECONDS, 0))
    # QEMU sends the acknowledgement and the reply apart: do not come back for the first alone.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(b"+$#00"))
    return connection


def _share_a_core(emulator: int) -> None:
    """Put QEMU and this process on one core, a different one for each gdbtrace as far as there are cores."""
    cores = sorted(os.sched_getaffinity(0))
    core = {cores[os.getppid() % len(cores)]}
    with contextlib.suppress(OSError):
        os.sched_setaffinity(emulator, core)
        os.sched_setaffinity(0, core)


@contextlib.contextmanager
def _frozen_afterwards(emulator: int) -> Iterator[None]:
    """Stop QEMU for good before its link is closed: it lets a guest run on whose debugger hung up.

    The recorder kills it, or :func:`_clean_up_if_orphaned`. The process is named by descriptor, since its number may
    have gone to another one by then.
    """
    try:
        process = os.pidfd_open(emulator)
    except OSError:
        # It is gone already, or the kernel is older than 5.3.
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(process, signal.SIGSTOP)
        os.close(process)


def _clean_up_if_orphaned(recorder: socket.socket, directory: Path) -> None:
    """End QEMU and remove the private directory if the recorder was killed and cannot do it."""
    if os.getppid() != 1 and is_running(os.getppid()) and not _is_hung_up(recorder):
        return
    kill_users_of(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _is_hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


if __name__ == "__main__":
    sys.exit(main())
