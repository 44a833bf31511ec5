"""What is behind somebody's stub: a program under gdbserver, a processor behind a probe.

Its single step is the processor's own, which ends after one instruction, a system call among them.  One thread is
stepped: the one that was stopped at the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from gdbtrace.arch.linux import signal_of_gdb
from gdbtrace.arch.model import StepRule
from gdbtrace.stub.description import RegisterState
from gdbtrace.stub.packet import SIGTRAP, SYNCHRONOUS_SIGNALS, StopKind, StopReply
from gdbtrace.tracer.guest import Guest, PendingStep, Stepping, end_of
from gdbtrace.tracer.step_record import SignalTaken, Stop

_LEAST_FRAME_BYTES = 128
"""Of a signal frame, on any architecture; an instruction that jumps pushes less."""


class AttachedGuest(Guest):
    """See :class:`~gdbtrace.tracer.guest.Guest`."""

    def __init__(self, stepper: Stepping) -> None:
        self._stepper = stepper
        self._delivered = 0
        """gdb's number of the signal that the next step delivers; 0: none."""

    def begin(self) -> None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""

    def take_turns(self, done: int, /) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        return None

    def leave(self, step: PendingStep, /, *, has_ended: bool) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        raise AssertionError("one thread has nobody to give its turn to")

    def react(self, reply: StopReply, step: PendingStep, /) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        delivered, self._delivered = self._delivered, 0
        stepper, pc = self._stepper, self._stepper.arch.pc
        registers = stepper.registers
        if reply.kind is not StopKind.SIGNAL:
            if delivered:
                self._note(delivered, None)
            else:
                stepper.record(step, is_executed=False)
            return end_of(reply)
        is_trap = reply.number == SIGTRAP and (delivered or not reply.is_raised)
        before = RegisterState(registers.layout, registers.raw)
        raw = stepper.client.read_registers()
        if delivered:
            after = RegisterState(registers.layout, raw)
            if self._has_entered_handler(before, after, before[pc] + len(step.known.data)):
                self._note(delivered, after[pc])
                self._go_on_from(raw)
                return None if is_trap else self._take(reply.number)
        if is_trap:
            # Stubs tell more with a stop than its thread; that is no reason to look twice.
            return stepper.finish(step, StopReply(StopKind.SIGNAL, SIGTRAP, reply.thread))
        registers.raw = raw
        is_executed = registers[pc] != before[pc] or (
            step.known.behaviour.rule is StepRule.SYSTEM_CALL and raw != before.raw
        )
        # What came before the instruction could begin has no frame; a fault has.
        if is_executed or reply.is_raised or reply.number in SYNCHRONOUS_SIGNALS:
            stepper.record(step, is_executed=is_executed)
        return self._take(reply.number)

    def _take(self, signal: int) -> Stop | None:
        """The next step takes a signal along, which is the program's own business."""
        self._stepper.pending_signal = self._delivered = signal
        return None

    def _note(self, signal: int, handler: int | None) -> None:
        stepper = self._stepper
        number = stepper.arch.system_calls.signals.get(signal_of_gdb(signal) or "", signal)
        stepper.sink.note(SignalTaken(number, stepper.thread_ordinal, stepper.registers[stepper.arch.pc], handler))

    def _go_on_from(self, raw: bytes) -> None:
        stepper = self._stepper
        stepper.registers.raw = raw
        stepper.forget_code_and_registers()
        stepper.sink.state(raw)

    def _has_entered_handler(self, before: RegisterState, after: RegisterState, following: int) -> bool:
        """Whether a step with a signal has gone to its handler; if not, it was ignored and one instruction has run.

        The stub does not say where handlers are. The kernel puts a frame on the stack, or on another one, and no
        instruction that jumps moves the stack pointer as far as that: but for a ``ret`` with a large operand.
        """
        arch = self._stepper.arch
        moved = (after[arch.sp] - before[arch.sp]) & arch.address_mask
        return after[arch.pc] != following and _LEAST_FRAME_BYTES <= moved <= arch.address_mask - _LEAST_FRAME_BYTES

    def step_nowhere(self) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        stepper, pc = self._stepper, self._stepper.arch.pc
        delivered, self._delivered = self._delivered, 0
        before = RegisterState(stepper.registers.layout, stepper.registers.raw)
        reply = stepper.step_raw()
        if reply.kind is not StopKind.SIGNAL:
            if delivered:
                self._note(delivered, None)
            return end_of(reply)
        after = RegisterState(stepper.registers.layout, stepper.client.read_registers())
        if delivered and self._has_entered_handler(before, after, before[pc]):
            self._note(delivered, after[pc])
        elif reply.number == SIGTRAP:
            stepper.report_gap("an instruction whose bytes cannot be read was executed")
        self._go_on_from(after.raw)
        return None if reply.number == SIGTRAP else self._take(reply.number)

    def iter_others(self) -> Iterator[tuple[int, AbstractContextManager[None]]]:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        return iter(())
