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
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from gdbtrace.arch.model import Arch, Group
from gdbtrace.arch.registry import ARCHITECTURES, PROCESSORS, architecture_named
from gdbtrace.errors import GdbtraceError, ProtocolError, UsageError
from gdbtrace.processes import is_running, kill_users_of
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout, RegisterState
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import greet, reach
from gdbtrace.stub.server import StubServer
from gdbtrace.tracer.attached_guest import AttachedGuest
from gdbtrace.tracer.front import ServedFront, TracerFront
from gdbtrace.tracer.guest import Guest, Stepping
from gdbtrace.tracer.linux_guest import LinuxGuest
from gdbtrace.tracer.machine_guest import MachineGuest
from gdbtrace.tracer.modules import Modules
from gdbtrace.tracer.settings import TargetKind, TracerSettings
from gdbtrace.tracer.step_record import RecordWriter, Request, Stop, StopReason
from gdbtrace.tracer.stepper import Stepper, StepperSettings
from gdbtrace.tracer.system_calls import OwnPath
from gdbtrace.tracer.threads import GuestThreads

_REPLY_SECONDS = 30
_AT_ENTRY = 9


def main() -> int:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="gdbtrace.tracer", description="internal to gdbtrace")
    parser.add_argument("--recorder", required=True, type=int)
    parser.add_argument("--settings", required=True, type=TracerSettings.from_json)
    arguments = parser.parse_args()
    settings: TracerSettings = arguments.settings
    # Ctrl-C is for the recorder, which tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recorder = socket.socket(fileno=arguments.recorder)
    writer = RecordWriter(recorder)
    try:
        _serve(settings, recorder, writer)
    except (GdbtraceError, OSError) as error:
        # If it is the recorder that is gone, nobody is left to tell.
        with contextlib.suppress(OSError):
            writer.stop(Stop(StopReason.FAILED, detail=str(error)))
    finally:
        _clean_up_if_orphaned(recorder, settings.directory)
    return 0


def _serve(settings: TracerSettings, recorder: socket.socket, writer: RecordWriter) -> None:
    listener = Endpoint.parse(settings.listen or str(settings.directory / "stub")).listen()
    endpoint = Endpoint.parse(settings.endpoint)
    link = _connect(endpoint, settings.emulator)
    emulator = None if settings.emulator is None else _peer_of(link)
    if emulator is not None:
        _share_a_core(emulator)
    with _frozen_afterwards(emulator) if emulator is not None else contextlib.nullcontext():
        _serve_on(link, emulator, listener, settings, recorder, writer)


def _serve_on(
    link: socket.socket,
    emulator: int | None,
    listener: socket.socket,
    settings: TracerSettings,
    recorder: socket.socket,
    writer: RecordWriter,
) -> None:
    client = StubClient(link, _REPLY_SECONDS)
    is_attached = settings.kind in (TargetKind.ATTACHED, TargetKind.NATIVE)
    is_machine = _is_machine(client) if is_attached else settings.kind is TargetKind.MACHINE
    # A processor behind a probe may be one that runs no programs.
    arch = architecture_named(settings.arch, is_machine=is_machine or settings.arch not in ARCHITECTURES)
    if is_attached and not is_machine:
        arch = PROCESSORS.get(arch.name, arch)
    greeting = greet(client, arch.builtin_layout, arch.byte_order, arch.core_numbers)
    layout = greeting.layout
    if is_machine or is_attached:
        _check_is_of(arch, layout)
        layout = layout.without(_unreadable(client, layout))
        arch = arch.with_stub_registers(layout.widths)
    client.clear_bits(*_privilege_bits(arch, layout))
    if arch.system is not None and arch.system.turned is not None:
        client.turn_registers(layout, *arch.system.turned)
    auxiliary = _auxiliary_vector(client, arch) if b"qXfer:auxv:read+" in greeting.supported else {}
    stepper = Stepper(
        client,
        arch,
        layout,
        writer,
        recorder,
        greeting.stop.thread,
        StepperSettings(settings.fetch_all, settings.key_interval, is_machine, is_attached),
        _guest_of(settings, is_machine, emulator, arch, layout, client, auxiliary),
    )
    stepper.registers.raw = client.read_registers()
    writer.hello(layout, auxiliary.get(_AT_ENTRY), is_machine=is_machine)

    if recorder not in select.select([listener, recorder], [], [])[0]:
        connection, _ = listener.accept()
        front = TracerFront(stepper) if settings.listen is None else ServedFront(stepper, writer, recorder, connection)
        StubServer(connection, client, front, recorder).serve()
    if settings.listen is not None:
        writer.note(Request(""))
        writer.flush()
    # gdbserver ends a program that it has started when its client hangs up.
    if settings.kind is TargetKind.ATTACHED:
        client.detach(greeting.stop.thread)


def _is_machine(client: StubClient) -> bool:
    """Whether somebody's stub is QEMU's of a full system, with its monitor (gdbstub.c: only that one knows physical
    memory).

    :raise UsageError: it is QEMU's of a program, which cannot be stepped exactly without QEMU in our hands.
    """
    if client.exchange(b"qqemu.PhyMemMode") in (b"0", b"1"):
        return True
    if client.exchange(b"qqemu.sstepbits"):
        raise UsageError("the stub is that of a program under QEMU: trace it with `gdbtrace run PROGRAM`")
    return False


def _check_is_of(arch: Arch, layout: RegisterLayout) -> None:
    """Refuse a stub of another architecture than was said.

    :raise UsageError: its program counter has another size, or it has none of the architecture's registers.
    """
    start, end = layout.core.get(arch.pc, (0, 0))
    general = [each.stub_name for each in arch.registers if each.group is Group.GENERAL]
    if 8 * (end - start) != arch.bits or not any(name in layout.core for name in general if name != arch.sp):
        raise UsageError(
            f"what is behind the stub is not {arch.name}: its registers are {', '.join([*layout.core][:3])}, ..."
        )


def _unreadable(client: StubClient, layout: RegisterLayout) -> set[str]:
    """Registers that QEMU describes and this CPU does not have."""
    unreadable = set()
    for name, (number, _) in layout.fetched.items():
        try:
            client.read_register(number)
        except ProtocolError:
            unreadable.add(name)
    return unreadable


def _guest_of(
    settings: TracerSettings,
    is_machine: bool,
    emulator: int | None,
    arch: Arch,
    layout: RegisterLayout,
    client: StubClient,
    auxiliary: Mapping[int, int],
) -> Callable[[Stepping], Guest]:
    """What makes the guest that the settings say."""
    if is_machine:
        return partial(
            MachineGuest,
            schedule=settings.schedule,
            interrupts=settings.interrupts,
            address_space=settings.address_space,
        )
    if emulator is None:
        return AttachedGuest
    assert settings.program is not None
    own_path = None
    if settings.own_path:
        own_path = OwnPath(os.fsencode(settings.program.resolve()), os.fsencode(settings.own_path))
    return partial(
        LinuxGuest,
        modules=Modules(emulator, arch, settings.program, auxiliary),
        first_pc=RegisterState(layout, client.read_registers())[arch.pc],
        find_threads=partial(GuestThreads, emulator),
        is_pinned=settings.is_pinned,
        own_path=own_path,
    )


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


def _connect(endpoint: Endpoint, emulator: int | None) -> socket.socket:
    """A connection to a stub, set up for round trips.

    :param emulator: QEMU, which may not listen yet; None: somebody's stub, which listens or does not.
    """
    if emulator is None:
        try:
            connection = endpoint.connect()
        except OSError as error:
            raise UsageError(f"{endpoint}: no stub can be reached there: {error.strerror or error}") from error
    else:
        connection = reach(endpoint, lambda: None if is_running(emulator) else "QEMU ended")
    # A receive timeout in the kernel costs nothing; Python's own would add a poll to every receive.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _REPLY_SECONDS, 0))
    # QEMU sends the acknowledgement and the reply apart: do not come back for the first alone.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(b"+$#00"))
    return connection


def _peer_of(link: socket.socket) -> int | None:
    """Who listens at the other end: QEMU, whatever started it (struct ucred of unix(7)); None: not on this machine's
    word (TCP)."""
    if link.family is not socket.AF_UNIX:
        return None
    process, _, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(process)


def _share_a_core(emulator: int) -> None:
    """Put QEMU and this process on one core, a different one for each gdbtrace as far as there are cores.

    A machine's vCPUs are threads of QEMU's beside the one that the stub is in.
    """
    cores = sorted(os.sched_getaffinity(0))
    core = {cores[os.getppid() % len(cores)]}
    with contextlib.suppress(OSError):
        threads = [int(entry.name) for entry in Path(f"/proc/{emulator}/task").iterdir()]
        for thread in (0, *threads):
            os.sched_setaffinity(thread, core)


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
