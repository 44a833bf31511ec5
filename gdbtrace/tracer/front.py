"""What stands between the tracer's client and QEMU's stub: commands of our own, and care where care is needed."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import suppress

from gdbtrace.errors import TargetDied
from gdbtrace.stub.packet import StopKind, StopReply
from gdbtrace.tracer.step_record import RecordWriter, Request, Stop, StopReason
from gdbtrace.tracer.stepper import Stepper

_REFUSED = b"E14"
"""As QEMU refuses a read: EFAULT."""
_ENDS = frozenset({StopReason.EXITED, StopReason.KILLED, StopReason.FAILED, StopReason.REPLACED})


class TracerFront:
    """For a client that only commands us; a :class:`~gdbtrace.stub.server.Front`.

    It sees the thread whose turn it is, and of a machine only memory that nobody notices being read.
    """

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self.ended: StopReply | None = None

    def perform(self, command: str, /) -> str:
        """``step COUNT``, ``stop-at ADDRESS HITS``, ``run-to ADDRESS HITS``, ``run``."""
        stepper = self._stepper
        match command.split():
            case ["step", count]:
                self._burst(lambda: stepper.run(int(count, 0)))
            case ["run-to", address, hits]:
                self._burst(lambda: stepper.run_freely(int(address, 0), int(hits, 0)))
            case ["run"]:
                self._burst(lambda: stepper.run_freely(None, 0))
            case ["stop-at", address, hits]:
                stepper.stop_at(int(address, 0), int(hits, 0))
            case _:
                raise ValueError(f"no command {command!r}: {self.perform.__doc__}")
        return ""

    def _burst(self, run: Callable[[], Stop]) -> Stop | None:
        """Have the target run, if there still is one."""
        if self.ended is not None:
            return None
        stop = run()
        if stop.reason in _ENDS:
            kind = StopKind.KILLED if stop.reason is StopReason.KILLED else StopKind.EXITED
            self.ended = StopReply(kind, (stop.status or 0) & 0xFF)
        return stop

    def answer(self, request: bytes, /) -> bytes | None:
        """See :class:`~gdbtrace.stub.server.Front`."""
        if request.startswith(b"D"):
            # A gdb that leaves detaches from a machine, and QEMU lets it run on then. Who owns us ends it, or detaches.
            return b"OK"
        machine = self._stepper.machine
        if machine is None:
            return None
        if request.startswith(b"H"):
            return b"OK"
        if request.startswith(b"m"):
            with suppress(ValueError):
                address, size = (int(number, 16) for number in request[1:].split(b","))
                data = self._stepper.memory.read_memory(address, size)
                return _REFUSED if data is None else data.hex().encode()
        machine.leave_physical()
        return None

    def has_stopped(self, reply: StopReply, /) -> None:
        """See :class:`~gdbtrace.stub.server.Front`."""
        if reply.kind is not StopKind.SIGNAL:
            self.ended = reply

    def vanished(self, error: TargetDied, /) -> StopReply:
        """See :class:`~gdbtrace.stub.server.Front`."""
        self._stepper.guest.vanish(error)
        # What it ended with went with it.
        self.ended = StopReply(StopKind.EXITED, 0)
        return self.ended


class ServedFront(TracerFront):
    """For a person's own gdb: all is passed on, and there are commands to record with.

    gdb does not know that a command of the stub moves the target: its user says ``maintenance flush register-cache``.

    :param client: the connection to gdb, which interrupts a burst.
    """

    _HELP = """record FILE      begin a trace
step [N]         record N instructions (1)
until PLACE      record until a symbol or address is reached
info             what is being recorded
stop             end the trace and close its file
After step and until, `maintenance flush register-cache` has gdb look where the target is.
"""

    def __init__(self, stepper: Stepper, writer: RecordWriter, control: socket.socket, client: socket.socket) -> None:
        super().__init__(stepper)
        self._writer = writer
        self._control = control
        self._selected: bytes | None = None
        """gdb's choice of a thread to look at, as it asked for it."""
        self._is_recording = False
        stepper.interrupters.append(client)

    def perform(self, command: str, /) -> str:
        """``record FILE``, ``step [N]``, ``until PLACE``, ``info``, ``stop``, ``help``."""
        word, _, argument = command.strip().partition(" ")
        argument = argument.strip()
        match word, argument:
            case "record", file if file:
                text, _ = self._ask(f"record {file}")
                # A file that cannot be written leaves everything as it was.
                self._is_recording = True
                self._stepper.note_key_next()
                return text
            case "step", count:
                steps = _number(count or "1")
                return self._record(steps)
            case "until", place if place:
                self._check_ready()
                _, address = self._ask(f"resolve {place}")
                assert address is not None
                self._stepper.stop_at(address, 1)
                return self._record(None)
            case "info", "":
                return self._ask("info")[0]
            case "stop", "":
                text, _ = self._ask("stop")
                self._is_recording = False
                return text
            case "help", "":
                return self._HELP
        raise ValueError(f"no command {command!r}: `monitor gdbtrace help` says what there is")

    def _ask(self, command: str) -> tuple[str, int | None]:
        """Have the recorder do something; its text and, for ``resolve``, the address.

        :raise ValueError: it refused, with its reason.
        """
        self._writer.note(Request(command))
        self._writer.flush()
        received = b""
        while not received.endswith(b"\n"):
            data = self._control.recv(65536)
            if not data:
                raise ValueError("the recorder is gone")
            # An interrupt that came between two bursts has nothing to end.
            received = (received + data).lstrip(b"!")
        message = json.loads(received)
        if message["is_refusal"]:
            raise ValueError(message["text"])
        return message["text"], message["address"]

    def _check_ready(self) -> None:
        """Refuse what cannot be recorded, before a stop is set for it."""
        if not self._is_recording:
            raise ValueError("nothing is being recorded: first `monitor gdbtrace record FILE`")
        if self.ended is not None:
            raise ValueError("the target has ended")

    def _record(self, count: int | None) -> str:
        """Step; None: until a stop address."""
        self._check_ready()
        stepper = self._stepper
        self._select(b"Hg" + stepper.thread)
        # gdb may have written to memory or registers.
        stepper.forget_code_and_registers()
        stop = self._burst(lambda: stepper.run(1 << 62 if count is None else count))
        stepper.forget_stops()
        if self._selected is not None and self.ended is None:
            self._select(self._selected)
        assert stop is not None
        return f"{_WORDS.get(stop.reason, '')}{stop.detail}\n" if stop.reason is not StopReason.COUNT else ""

    def _select(self, request: bytes) -> None:
        self._stepper.client.exchange(request)

    def answer(self, request: bytes, /) -> bytes | None:
        """See :class:`~gdbtrace.stub.server.Front`."""
        if request.startswith(b"Hg"):
            self._selected = request
        if self._stepper.machine is not None:
            self._stepper.machine.leave_physical()
        return None

    def has_stopped(self, reply: StopReply, /) -> None:
        """See :class:`~gdbtrace.stub.server.Front`."""
        super().has_stopped(reply)
        if self.ended is None:
            if self._is_recording:
                self._stepper.report_gap("gdb had the target run")
            self._stepper.arrive(reply.thread or self._stepper.thread)

    def vanished(self, error: TargetDied, /) -> StopReply:
        """See :class:`~gdbtrace.stub.server.Front`."""
        reply = super().vanished(error)
        # The recorder finds out whether it was the guest that ended QEMU.
        self._writer.note(Request("vanished"))
        self._writer.flush()
        return reply


_WORDS = {
    StopReason.ADDRESS: "reached",
    StopReason.EXITED: "the target exited",
    StopReason.KILLED: "the target was killed by a signal",
    StopReason.INTERRUPTED: "interrupted",
    StopReason.REPLACED: "the target replaced itself by another program",
}


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError(f"{text}: not a number of instructions")
    return number
