"""Several guest threads, one at a time.

QEMU's user-mode stub lets every other thread run while one is stepped, and a second thread that stops reads from the
same connection as the first.  So each guest thread, which is a thread of QEMU, is held with ptrace while another one is
stepped: then exactly one reads the connection, and the guest's threads take turns.  QEMU 7.2's gdbstub.c
(``gdb_handlesig``) is where the order of things below comes from:

* A stopped thread waits for the acknowledgement of the last reply that it sent, then for packets.  The client sends its
  acknowledgement with the next packet, so a held thread takes up where it was when it is released and the next packet
  comes.
* Any thread that leaves the stub marks the guest as running, and a thread that waits for packets then leaves too, with
  the next one.  A thread whose stop reply has not been acknowledged does not: it marks the guest as stopped first.  So
  before another one has its turn, a thread is resumed at a breakpoint where it is, and its stop there is left
  unacknowledged.
* A thread that sleeps in a system call of the host is let be, and stops where that system call returns.
* A new thread stops at the same breakpoint as its creator, and both write their stop replies into one buffer of QEMU's.
  So the new one is let go on, a system call of the host at a time, only while its creator sleeps and waits for it.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from gdbtrace.errors import GdbtraceError, ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import StopKind, StopReply, parse_stop_reply, resumption
from gdbtrace.tracer import ptrace
from gdbtrace.tracer.guest import Asleep, Interrupted, Stepping, ThreadEnded
from gdbtrace.tracer.ptrace import ThreadStop, ThreadStopKind

_ASLEEP_SECONDS = 0.005
"""A thread that has been in one system call of the host for so long, not on a processor, is taken to sleep."""
_NEWCOMER_SECONDS = 0.0005
"""The same where a new thread may be what it waits for; and how often to look for one that is about to stop."""


class Whereabouts(Enum):
    """What a guest thread is doing."""

    STOPPED = "stopped"
    """Between two instructions, in the stub; held, unless it is the current one."""
    ASLEEP = "asleep"
    """In a system call of the host."""
    WOKEN = "woken"
    """Held where that system call returned."""


@dataclass(slots=True, eq=False)
class GuestThread:
    """One of them."""

    identity: bytes
    """As the stub spells it."""
    host: int
    """The thread of QEMU, as we number it."""
    ordinal: int
    whereabouts: Whereabouts = Whereabouts.STOPPED
    return_addresses: tuple[int, ...] = ()
    """Where breakpoints wait for it while it sleeps."""


class GuestThreads:
    """The threads of one guest, of which one is current: it alone runs and answers packets.

    :param emulator: process id of QEMU.
    :param stepper: has one thread so far.
    :raise GdbtraceError: the system does not let us hold threads.
    """

    def __init__(self, emulator: int, stepper: Stepping) -> None:
        self._emulator = emulator
        self._client = client = stepper.client
        self._control = stepper.control
        self._wake_up, wake_up_end = socket.socketpair()
        self._wake_up_end = wake_up_end
        for end in (self._wake_up, wake_up_end):
            end.setblocking(False)
        # The kernel tells of a held thread's stop by SIGCHLD; Python writes a byte for it.
        signal.set_wakeup_fd(wake_up_end.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._ordinals = 0
        self.current = self._add(stepper.thread)
        self.all = [self.current]
        self._in_system_call: set[int] = set()
        self._newcomer: int | None = None
        """The thread of QEMU that is being created, while it is held."""
        self._anchors: list[int] = []
        """Breakpoints at which threads were parked, still to be taken away."""
        try:
            ptrace.seize(self.current.host)
        except OSError as error:
            raise GdbtraceError(
                f"a second thread cannot be traced: QEMU's threads cannot be held ({error.strerror}); "
                "ptrace must be allowed, see kernel.yama.ptrace_scope"
            ) from error
        client.watch(self._wake_up, self._pass_signals_on)

    # -- the current thread ------------------------------------------------------------------------------------------

    def others(self) -> list[GuestThread]:
        """All but the current one."""
        return [thread for thread in self.all if thread is not self.current]

    def run(self, packet: bytes, addresses: Sequence[int]) -> StopReply:
        """Let the current thread run to the first of some addresses; other threads wait.

        :param packet: what resumes it.
        :raise Interrupted: the recorder wants the burst to end.
        :raise Asleep: it sleeps; another one can run.
        :raise ThreadEnded: it ended, and is not in :attr:`all` any more.
        """
        thread, client = self.current, self._client
        for address in addresses:
            client.insert_breakpoint(address)
        self._hold(thread)
        self._in_system_call.discard(thread.host)
        client.send(packet)
        ptrace.resume(thread.host, to_system_call=True)
        thread.return_addresses = tuple(addresses)
        return self._returned()

    def switch(self, pc: int) -> GuestThread:
        """Make the next thread current that can run, in turn; waits for one to wake if all sleep.

        A thread that wakes is current, and still in the system call: :meth:`finish_call` goes on with it.

        :param pc: where the current thread is, unless it sleeps or has ended.
        :raise Interrupted: the recorder wants the burst to end, and all sleep.
        """
        before = self.current
        thread = self._next_in_turn(before)
        if thread is before and thread.whereabouts is Whereabouts.STOPPED:
            return thread
        if before in self.all and before.whereabouts is Whereabouts.STOPPED:
            self._park(before, pc)
        self.current = thread
        if thread.whereabouts is Whereabouts.STOPPED:
            ptrace.resume(thread.host)
            self.select(thread)
            self._remove_breakpoints(())
        return thread

    def finish_call(self) -> StopReply:
        """Let the current thread, which has woken, return from its system call; as :meth:`run`."""
        thread = self.current
        ptrace.resume(thread.host, to_system_call=True)
        thread.whereabouts = Whereabouts.STOPPED
        reply = self._returned()
        self.select(thread)
        return reply

    def select(self, thread: GuestThread) -> None:
        """Have the stub show this thread's registers."""
        self._client.request(b"Hg" + thread.identity)

    @contextlib.contextmanager
    def showing(self, thread: GuestThread) -> Iterator[None]:
        """Have the stub show this thread's registers, and the current one's afterwards."""
        self.select(thread)
        try:
            yield
        finally:
            self.select(self.current)

    # -- pieces ------------------------------------------------------------------------------------------------------

    def _returned(self) -> StopReply:
        """Wait for the end of the current thread's system call, and put things back."""
        thread = self.current
        reply = self._await_stop(thread)
        if reply.kind is StopKind.SIGNAL:
            self._hold(thread)
            ptrace.resume(thread.host)
            self._remove_breakpoints(thread.return_addresses)
        return reply

    def _add(self, identity: bytes) -> GuestThread:
        thread = GuestThread(identity, self._host_thread(identity), self._ordinals)
        self._ordinals += 1
        return thread

    def _host_thread(self, identity: bytes) -> int:
        """The stub names a thread by its number in QEMU's process namespace (``p01.148a``)."""
        number = int(identity.rpartition(b".")[2], 16)
        for entry in Path(f"/proc/{self._emulator}/task").iterdir():
            with contextlib.suppress(OSError, IndexError):
                (line,) = (line for line in (entry / "status").read_text().splitlines() if line.startswith("NSpid:"))
                if int(line.split()[-1]) == number:
                    return int(entry.name)
        raise ProtocolError(identity, "QEMU has no such thread")

    def _await_stop(self, thread: GuestThread) -> StopReply:
        """Wait for the current thread's stop reply, and for that of a thread which it creates."""
        client = self._client
        reply: StopReply | None = None
        created = 0
        while True:
            if client.has_packet():
                answer = parse_stop_reply(client.receive())
                if answer.kind is not StopKind.SIGNAL:
                    return answer
                if answer.thread == thread.identity:
                    reply = answer
                else:
                    self._welcome(answer.thread)
                    created -= 1
                if reply is not None and not created:
                    return reply
                continue
            sources: list[socket.socket | StubClient] = [client, self._wake_up, self._control]
            patience = _ASLEEP_SECONDS if self._newcomer is None else _NEWCOMER_SECONDS
            readable, _, _ = select.select(sources, [], [], patience)
            if self._control in readable:
                raise Interrupted
            if self._wake_up in readable:
                self._drain()
            for stop in self._stops():
                if stop.kind is ThreadStopKind.CLONE:
                    created += 1
                if not self._go_on(stop, thread):
                    raise ThreadEnded
            if reply is not None:
                self._let_newcomer_go_on()
            if client in readable:
                client.receive_some(socket.MSG_DONTWAIT)
            elif not readable and reply is None and self._is_away(thread) and not self._has_answered():
                if self._newcomer is not None:
                    self._let_newcomer_go_on()
                elif len(self.all) > 1 and not created:
                    thread.whereabouts = Whereabouts.ASLEEP
                    raise Asleep

    def _welcome(self, identity: bytes) -> None:
        """A thread has reported its first stop, where its creator's call returns."""
        thread = self._add(identity)
        if self._newcomer is None:
            self._hold(thread)
        self._newcomer = None
        self.all.append(thread)

    def _next_in_turn(self, before: GuestThread) -> GuestThread:
        if not self.all:
            raise GdbtraceError("every thread of the guest has ended, and QEMU has not")
        start = self.all.index(before) + 1 if before in self.all else 0
        order = [*self.all[start:], *self.all[:start]]
        while True:
            for stop in self._stops():
                self._go_on(stop, None)
            # Who has been woken is what the guest did; that it has not got to its stop yet is the machine's doing.
            is_waking = any(each.whereabouts is Whereabouts.ASLEEP and self._state_of(each) in b"Rt" for each in order)
            for thread in order:
                if not is_waking and thread.whereabouts is not Whereabouts.ASLEEP:
                    return thread
            patience = _NEWCOMER_SECONDS if is_waking else None
            if self._control in select.select([self._wake_up, self._control], [], [], patience)[0]:
                raise Interrupted
            self._drain()

    def _park(self, thread: GuestThread, pc: int) -> None:
        """Leave the current thread where it is, with a stop reply that has not been acknowledged."""
        self._client.insert_breakpoint(pc)
        self._anchors.append(pc)
        reply = parse_stop_reply(self._client.exchange_framed(resumption(b"c", thread.identity)))
        if reply.thread != thread.identity:
            raise ProtocolError(reply.thread, "another thread of the guest stopped than the one that was to")
        self._hold(thread)

    def _hold(self, thread: GuestThread) -> None:
        """Stop a thread of QEMU wherever it is.

        Any stop serves: one that comes first takes the place of the one asked for (``ptrace_stop`` of Linux's
        kernel/signal.c).  If it had begun before, the other one follows later, and :meth:`_go_on` passes over it.
        """
        while True:
            ptrace.interrupt(thread.host)
            stop = ptrace.next_stop(thread.host, wait=True)
            if stop is None or stop.kind is ThreadStopKind.GONE:
                raise ProtocolError(thread.identity, "a thread of QEMU has ended")
            if stop.kind is not ThreadStopKind.SIGNAL:
                return
            ptrace.resume(thread.host, stop.signal)

    def _remove_breakpoints(self, addresses: Sequence[int]) -> None:
        """Take away some breakpoints, and those at which threads were parked."""
        for address in (*addresses, *self._anchors):
            self._client.remove_breakpoint(address)
        self._anchors = []

    def _stops(self) -> Iterator[ThreadStop]:
        while (stop := ptrace.next_stop(wait=False)) is not None:
            yield stop

    def _go_on(self, stop: ThreadStop, running: GuestThread | None) -> bool:
        """Let a thread of QEMU go on after what it reported, or leave it held; False: it is ``running``, and gone."""
        host = stop.thread
        known = next((each for each in self.all if each.host == host), None)
        is_caller = running is not None and known is running
        match stop.kind:
            case ThreadStopKind.GONE:
                self.all = [each for each in self.all if each.host != host]
                return not is_caller
            case ThreadStopKind.CALLING:
                self._in_system_call.add(host)
            case ThreadStopKind.RETURNED:
                self._in_system_call.discard(host)
        if known is None:
            self._newcomer = host
        elif known.whereabouts is Whereabouts.ASLEEP and stop.kind is ThreadStopKind.RETURNED:
            known.whereabouts = Whereabouts.WOKEN
        else:
            ptrace.resume(host, stop.signal, to_system_call=is_caller or known.whereabouts is Whereabouts.ASLEEP)
        return True

    def _is_away(self, thread: GuestThread) -> bool:
        """Whether a thread is in a system call of the host and not on a processor.

        :raise ThreadEnded: it is the process's first thread, which stays a zombie until the others have ended.
        """
        state = self._state_of(thread)
        if state == b"Z":
            self.all.remove(thread)
            raise ThreadEnded
        return state == b"S" and thread.host in self._in_system_call

    def _has_answered(self) -> bool:
        """Whether a stop reply has come by now: then its thread is waiting for our acknowledgement, not asleep."""
        return bool(select.select([self._client], [], [], 0)[0])

    def _state_of(self, thread: GuestThread) -> bytes:
        """``R`` running, ``S`` asleep, ``t`` held, ``Z`` zombie; ``X`` if it is gone (proc(5), ``/proc/pid/stat``)."""
        try:
            status = Path(f"/proc/{self._emulator}/task/{thread.host}/stat").read_bytes()
        except OSError:
            return b"X"
        # The third field, after the name in parentheses.
        return status.rpartition(b")")[2].split()[0]

    def _let_newcomer_go_on(self) -> None:
        if self._newcomer is not None:
            ptrace.resume(self._newcomer, to_system_call=True)
            self._newcomer = None

    def _pass_signals_on(self) -> None:
        """While the current thread is waited for: what the kernel reports meanwhile."""
        self._drain()
        for stop in self._stops():
            self._go_on(stop, None)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_up.recv(4096):
                pass
