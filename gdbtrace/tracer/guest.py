"""What a guest is beyond its instructions: whose turn it is, and what the stops mean that are not the end of a step.

The step loop knows neither operating systems nor machines; a :class:`Guest` does, and uses the loop's
:class:`Stepping` to act.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gdbtrace.arch.model import AccessKind, Arch, Registers, Span
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import StopReply
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters
from gdbtrace.tracer.step_record import AccessRow, RecordSink, Stop


class PendingStep(NamedTuple):
    """An instruction that is being stepped."""

    known: KnownInstruction
    fetched: list[bytes]
    """Values of registers outside ``g`` before it."""
    spans: Sequence[Span]
    loaded: Sequence[bytes | None]
    """For each span, what a load finds there."""

    def as_it_happened(self, registers: Registers) -> PendingStep:
        """Without the spans that the registers after it say did not happen."""
        if self.known.behaviour.cancelled is None:
            return self
        cancelled = self.known.behaviour.cancelled(registers)
        kept = [index for index in range(len(self.spans)) if index not in cancelled]
        return self._replace(spans=[self.spans[index] for index in kept], loaded=[self.loaded[index] for index in kept])

    def loads(self) -> list[AccessRow]:
        """What it loads."""
        return [
            (kind, address, size, data)
            for (kind, address, size), data in zip(self.spans, self.loaded, strict=True)
            if size and kind is AccessKind.LOAD
        ]


class Interrupted(Exception):
    """The recorder wants the burst to end while the target runs."""


class BurstEnded(Exception):
    """The burst ends in the middle of an instruction."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop)
        self.stop = stop


class Asleep(Exception):
    """The current thread sleeps in its instruction; another one can run."""


class ThreadEnded(Exception):
    """The current thread is gone; another one can run."""


class Stepping(Protocol):
    """What a guest needs of the step loop."""

    client: StubClient
    arch: Arch
    registers: LiveRegisters
    sink: RecordSink
    control: socket.socket
    """Readable when the recorder wants the burst to end."""
    thread: bytes
    """The current one, as the stub spells it."""
    thread_ordinal: int
    pending_signal: int
    """gdb's number of the signal to deliver with the next resumption; 0: none."""

    def step_raw(self) -> StopReply: ...

    def run_to(self, *addresses: int) -> StopReply: ...

    def go_packet(self) -> bytes: ...

    def switch_to(self, thread: bytes, ordinal: int, /) -> None: ...

    def forget_thread(self, thread: bytes, /) -> None: ...

    def finish(self, step: PendingStep, reply: StopReply, /) -> Stop | None: ...

    def record(self, step: PendingStep, *, is_executed: bool) -> None: ...

    def forget_code_and_registers(self) -> None: ...

    def report_gap(self, why: str, /) -> None: ...


class Guest(Protocol):
    """A process, or a machine."""

    def begin(self) -> None:
        """Before the first step, at a stop."""

    def system_call_replaces(self, number: int | None, registers: Registers, /) -> bool:
        """Whether a system call replaces all registers, going back from a signal.

        :param number: where the instruction itself has it.
        """

    def make_system_call(self, known: KnownInstruction, following: int, /) -> StopReply:
        """Execute a system call; its instruction is the next one, and ``following`` comes after that.

        :raise BurstEnded: the guest cannot be followed into it.
        :raise Asleep: the thread sleeps.
        :raise ThreadEnded: the thread ended.
        """

    def take_turns(self, done: int, /) -> Stop | None:
        """Every few instructions: give the next thread its turn if it is time; None means that the run goes on.

        :param done: instructions since the burst began.
        """

    def leave(self, step: PendingStep, /, *, has_ended: bool) -> Stop | None:
        """Go on with another thread, since the current one sleeps in this step, or has ended."""

    def react(self, reply: StopReply, step: PendingStep, /) -> Stop | None:
        """Deal with a stop that is not the plain end of a step, and record the step if it was one."""

    def step_nowhere(self) -> Stop | None:
        """Step where there is no code that could be read."""

    def iter_others(self) -> Iterator[tuple[int, AbstractContextManager[None]]]:
        """Every thread but the current one: its ordinal, and what makes the stub show its registers."""
