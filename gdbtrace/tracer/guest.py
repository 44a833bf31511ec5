"""What a guest is beyond its instructions: whose turn it is, and what the stops mean that are not the end of a step.

The step loop knows neither operating systems nor machines; a :class:`Guest` does, and uses the loop's
:class:`Stepping` to act.
"""

from __future__ import annotations

import itertools
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Registers, Span, Taken
from gdbtrace.errors import TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import StopKind, StopReply, resumption
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters
from gdbtrace.tracer.memory import GuestMemory, MachineMemory
from gdbtrace.tracer.step_record import AccessRow, RecordSink, Stop, StopReason


class PendingStep(NamedTuple):
    """An instruction that is being stepped."""

    known: KnownInstruction
    fetched: list[bytes]
    """Values of registers outside ``g`` before it."""
    spans: Sequence[Span]
    loaded: Sequence[bytes | None]
    """For each span, what a load finds there."""
    before: bytes
    """The core registers before it."""

    def as_it_happened(self, registers: Registers) -> PendingStep:
        """Without the spans that the registers after it say did not happen."""
        if self.known.behaviour.cancelled is None:
            return self
        cancelled = self.known.behaviour.cancelled(registers)
        kept = [index for index in range(len(self.spans)) if index not in cancelled]
        return self._replace(spans=[self.spans[index] for index in kept], loaded=[self.loaded[index] for index in kept])

    def up_to(self, refused: int | None) -> PendingStep:
        """With the spans before the one that has the address ``refused``; None: without any."""
        whole = itertools.takewhile(
            lambda span: refused is not None and not 0 <= refused - span.address < span.size, self.spans
        )
        count = len(list(whole))
        return self._replace(spans=self.spans[:count], loaded=self.loaded[:count])

    def loads(self) -> list[AccessRow]:
        """What it loads."""
        return [
            (kind, address, size, data, None)
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
    memory: GuestMemory
    machine: MachineMemory | None
    sink: RecordSink
    control: socket.socket
    """Readable when the recorder wants the burst to end."""
    thread: bytes
    """The current one, as the stub spells it."""
    thread_ordinal: int
    address: int
    """Where the instruction is that is being stepped, or was stepped last."""
    done: bytes | None
    """The core registers when the instruction at hand was done, where its step has gone on after that."""
    pending_signal: int
    """gdb's number of the signal to deliver with the next resumption; 0: none."""

    def step_raw(self) -> StopReply: ...

    def run_to(self, *addresses: int) -> StopReply: ...

    def go_packet(self) -> bytes: ...

    def switch_to(self, thread: bytes, ordinal: int, /) -> None: ...

    def forget_thread(self, thread: bytes, /) -> None: ...

    def finish(self, step: PendingStep, reply: StopReply, /) -> Stop | None: ...

    def locate(self) -> int: ...

    def prepare(self) -> PendingStep | None: ...

    def record(self, step: PendingStep, *, is_executed: bool) -> None: ...

    def forget_code_and_registers(self) -> None: ...

    def report_gap(self, why: str, address: int | None = None, /) -> None: ...


def end_of(reply: StopReply) -> Stop:
    """The end of a burst with which the guest ended."""
    return Stop(StopReason.EXITED if reply.kind is StopKind.EXITED else StopReason.KILLED, reply.number)


class Guest(ABC):
    """A process, or a machine. Only a process makes system calls; only a machine takes exceptions and halts."""

    watch: Callable[[KnownInstruction, bytes], Taken | None] | None = None
    """Which exception a step has ended in, given its instruction and the core registers before it; None: a process's
    come as signals."""

    @abstractmethod
    def begin(self) -> None:
        """Before the first step, at a stop."""

    def go_packet(self, thread: bytes, signal: int) -> bytes:
        """The framed packet that has the guest run freely.

        :param thread: the one that stopped last.
        :param signal: gdb's number of a signal to deliver to it; 0: none.
        """
        return resumption(b"c", thread, signal)

    def arrive(self, thread: bytes) -> None:  # noqa: B027  a process goes on with its first thread
        """The guest ran freely until this thread reached where it was to stop."""

    def system_call_replaces(self, number: int | None, registers: Registers, /) -> bool:
        """Whether a system call replaces all registers, going back from a signal.

        :param number: where the instruction itself has it.
        """
        return False

    def make_system_call(self, known: KnownInstruction, following: int, /) -> StopReply:
        """Execute a system call; its instruction is the next one, and ``following`` comes after that.

        :raise BurstEnded: the guest cannot be followed into it.
        :raise Asleep: the thread sleeps.
        :raise ThreadEnded: the thread ended.
        """
        raise NotImplementedError

    def halt(self, known: KnownInstruction, /) -> StopReply:
        """Execute an instruction that may stop the processor.

        :raise Asleep: it has; another one can run.
        :raise BurstEnded: it has, for good.
        """
        raise NotImplementedError

    @abstractmethod
    def take_turns(self, done: int, /) -> Stop | None:
        """Every few instructions: give the next thread its turn if it is time; None means that the run goes on.

        :param done: instructions since the burst began.
        """

    @abstractmethod
    def leave(self, step: PendingStep, /, *, has_ended: bool) -> Stop | None:
        """Go on with another thread, since the current one sleeps in this step, or has ended."""

    def take(self, taken: Taken, step: PendingStep, /) -> Stop | None:
        """Record a step that ended in an exception that :attr:`watch` saw; None means that the run goes on."""
        raise NotImplementedError

    def swallowed(self, before: bytes, /) -> PendingStep | None:
        """The instruction that the step of a wait has executed as well, if it has.

        :param before: the core registers before the wait.
        """
        return None

    def look_after(self, behaviour: Behaviour, /) -> None:  # noqa: B027  a process's instructions never need it
        """After an instruction that programs do not have, or that touched a device."""

    def vanish(self, error: TargetDied, /) -> Stop:
        """QEMU is gone while the guest ran.

        :raise TargetDied: that is no way for a guest to end.
        """
        raise error

    @abstractmethod
    def react(self, reply: StopReply, step: PendingStep, /) -> Stop | None:
        """Deal with a stop that is not the plain end of a step, and record the step if it was one."""

    @abstractmethod
    def step_nowhere(self) -> Stop | None:
        """Step where there is no code that could be read."""

    @abstractmethod
    def iter_others(self) -> Iterator[tuple[int, AbstractContextManager[None]]]:
        """Every thread but the current one: its ordinal, and what makes the stub show its registers."""
