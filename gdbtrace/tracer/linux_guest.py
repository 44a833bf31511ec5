"""A Linux process under user-mode QEMU: its system calls, its signals, its threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from gdbtrace.arch.model import Registers, StepRule
from gdbtrace.errors import ProtocolError, TargetDied
from gdbtrace.stub.packet import SIGKILL, SIGSEGV, SIGTRAP, SYNCHRONOUS_SIGNALS, StopKind, StopReply
from gdbtrace.tracer.guest import Asleep, BurstEnded, Guest, PendingStep, Stepping, ThreadEnded, end_of
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.modules import Modules
from gdbtrace.tracer.signals import Disposition
from gdbtrace.tracer.step_record import SignalTaken, Stop, StopReason
from gdbtrace.tracer.system_calls import OwnPath, SystemCall, SystemCalls
from gdbtrace.tracer.threads import GuestThreads

_TURN_STEPS = 512
"""Instructions that a thread executes before the next one has its turn."""


class LinuxGuest(Guest):
    """See :class:`~gdbtrace.tracer.guest.Guest`.

    :param modules: None: nobody knows which files the guest has mapped.
    :param first_pc: the program counter before the guest's first instruction; None: it is there still.
    :param find_threads: called when the guest is about to have a second thread.
    :param is_pinned: whether the kernel's random bytes are replaced by ones that are the same in every run.
    :param own_path: what the guest is told of where it is; None: the truth.
    """

    def __init__(
        self,
        stepper: Stepping,
        modules: Modules | None,
        first_pc: int | None,
        find_threads: Callable[[Stepping], GuestThreads],
        *,
        is_pinned: bool,
        own_path: OwnPath | None = None,
    ) -> None:
        self._stepper = stepper
        self._arch, self._registers, self._client = stepper.arch, stepper.registers, stepper.client
        self._system_calls = SystemCalls(
            stepper.arch, stepper.client, stepper.registers, modules, is_pinned=is_pinned, own_path=own_path
        )
        self._first_pc = first_pc
        self._find_threads = find_threads
        self._threads: GuestThreads | None = None
        """Once the guest has more than one."""
        self._waiting: dict[bytes, tuple[PendingStep, SystemCall]] = {}
        """Threads that sleep -> the system call that they sleep in."""
        self._call = SystemCall("", 0, ())
        """The latest one."""

    def begin(self) -> None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        is_fresh = self._first_pc in (None, self._registers[self._arch.pc])
        self._system_calls.begin(self._stepper.sink, is_fresh=is_fresh)
        if self._arch.remembered and not is_fresh:
            names = ", ".join(self._arch.remembered)
            self._stepper.report_gap(f"what the program wrote to {names} before: taken to be as at its start")

    # -- system calls ------------------------------------------------------------------------------------------------

    def system_call_replaces(self, number: int | None, registers: Registers, /) -> bool:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        calls = self._arch.system_calls
        name = calls.names.get(registers[calls.number] if number is None else number, "")
        return SystemCall(name, 0, ()).is_return_from_signal

    def make_system_call(self, known: KnownInstruction, following: int, /) -> StopReply:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        stepper = self._stepper
        self._call = call = self._system_calls.about_to_be_made(known, stepper.thread_ordinal, stepper.sink)
        addresses: Sequence[int] = (following,)
        if call.is_return_from_signal:
            addresses = self._system_calls.signals.return_addresses(self._registers)
            if not addresses:
                stepper.report_gap("the way back from a signal is not known: the instruction there ran with the call")
                return stepper.step_raw()
        if call.is_creating_a_thread and self._threads is None:
            self._threads = self._find_threads(stepper)
        try:
            if self._threads is None:
                reply = stepper.run_to(*addresses)
            else:
                reply = self._threads.run(stepper.go_packet(), addresses)
        except TargetDied as error:
            if call.is_replacing_the_program:
                raise BurstEnded(Stop(StopReason.REPLACED)) from error
            if self._system_calls.is_sending(call, SIGKILL):
                # The only signal that QEMU cannot tell the stub of before it ends.
                return StopReply(StopKind.KILLED, SIGKILL)
            raise
        return self._returned(reply)

    def _returned(self, reply: StopReply) -> StopReply:
        """After the latest system call: what it makes us do."""
        if reply.kind is StopKind.SIGNAL and reply.number == SIGTRAP:
            call = self._call
            has_succeeded = self._system_calls.has_returned(call, self._stepper.sink)
            if has_succeeded and self._system_calls.is_sending(call, SIGTRAP) and self._is_for_current(call):
                return replace(reply, is_raised=True)
        return reply

    def _is_for_current(self, call: SystemCall) -> bool:
        """Whether a call sends its signal to its own thread: the SIGTRAP is that one, not our breakpoint's.

        Also if the guest has blocked it: QEMU has unblocked it at our last stop (``process_pending_signals`` of its
        linux-user/signal.c).
        """
        process, _, thread = self._stepper.thread.removeprefix(b"p").rpartition(b".")
        if call.name == "kill":
            return self._threads is None and call.arguments[0] in (0, int(process or thread, 16))
        return call.arguments[1 if call.name == "tgkill" else 0] == int(thread, 16)

    # -- signals -----------------------------------------------------------------------------------------------------

    def react(self, reply: StopReply, step: PendingStep, /) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        if reply.kind is not StopKind.SIGNAL:
            self._stepper.record(step, is_executed=False)
            return end_of(reply)
        registers = self._registers
        before, pc_before = registers.raw, registers[self._arch.pc]
        registers.raw = self._client.read_registers()
        is_fault = reply.number in SYNCHRONOUS_SIGNALS
        if is_fault:
            # An instruction that faults may change registers all the same: condition codes that QEMU had put off.
            is_executed = registers[self._arch.pc] != pc_before
        else:
            # A system call that a signal interrupts is made again later: it has run, and nothing has changed.
            is_executed = registers.raw != before or step.known.behaviour.rule is StepRule.SYSTEM_CALL
        if is_executed or reply.is_raised or (is_fault and not self._is_fetch_fault(reply.number, step)):
            self._stepper.record(step, is_executed=is_executed)
        return self._deliver(reply.number)

    def step_nowhere(self) -> Stop | None:
        """The guest gets the signal of a failed fetch, and no frame."""
        reply = self._stepper.step_raw()
        if reply.kind is not StopKind.SIGNAL:
            return end_of(reply)
        if reply.number == SIGTRAP:
            self._stepper.report_gap("an instruction whose bytes cannot be read was executed")
            self._registers.raw = self._client.read_registers()
            self._stepper.sink.state(self._registers.raw)
            return None
        return self._deliver(reply.number)

    def _is_fetch_fault(self, signal: int, step: PendingStep) -> bool:
        """Whether what faulted was the fetch: then no instruction is there, whatever bytes the stub reads.

        Told from the fault's address.  Where the stub does not say (QEMU before 9.0, but for x86), an instruction that
        accesses no memory has faulted in its fetch, and one that does is taken to have faulted in its access.
        """
        pc, address = self._registers[self._arch.pc], self._fault_address()
        if address is None:
            return signal == SIGSEGV and step.known.behaviour.spans_known and not step.spans
        if address == pc:
            # Or an access to the instruction's own first byte, which programs do not make.
            return True
        longest = max(mode.instruction_bytes[-1] for mode in self._arch.modes)
        is_access = any(start <= address < start + size for _, start, size in step.spans)
        return pc < address < pc + longest and not is_access

    def _fault_address(self) -> int | None:
        """What the present fault was an access to; None: the stub does not say."""
        arch = self._arch
        try:
            information = self._client.read_object("siginfo")
        except ProtocolError:
            return self._registers[arch.fault_address] if arch.fault_address else None
        # si_addr of siginfo_t (sigaction(2)): behind three ints, aligned as a pointer.
        size = arch.bits // 8
        at = -(-3 * 4 // size) * size
        return int.from_bytes(information[at : at + size], arch.byte_order)

    def _deliver(self, signal: int) -> Stop | None:
        """Let the guest have a signal (gdb's number), up to the first instruction of its handler."""
        stepper, registers, signals = self._stepper, self._registers, self._system_calls.signals
        stepper.pending_signal = signal
        interrupted = registers[self._arch.pc]
        handler = signals.handler_of(signal)
        if handler is Disposition.IGNORED:
            # Nothing comes of it: the next step takes it along.
            return None
        reply = stepper.step_raw() if isinstance(handler, Disposition) else stepper.run_to(handler)
        number = signals.number_of(signal)
        if reply.kind is not StopKind.SIGNAL:
            stepper.sink.note(SignalTaken(number, stepper.thread_ordinal, interrupted, None))
            return end_of(reply)
        registers.raw = self._client.read_registers()
        stepper.forget_code_and_registers()
        if registers[self._arch.pc] == handler:
            stepper.sink.note(SignalTaken(number, stepper.thread_ordinal, interrupted, handler))
            signals.entered(interrupted, registers)
        else:
            stepper.sink.note(SignalTaken(number, stepper.thread_ordinal, interrupted, None))
            stepper.report_gap(
                f"signal {number} was delivered to a handler that is not known: its first instruction ran"
            )
        if reply.number != SIGTRAP:
            return self._deliver(reply.number)
        stepper.sink.state(registers.raw)
        return None

    # -- threads -----------------------------------------------------------------------------------------------------

    def take_turns(self, done: int, /) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        if self._threads is not None and done and not done % _TURN_STEPS:
            return self._change_thread(self._threads)
        return None

    def leave(self, step: PendingStep, /, *, has_ended: bool) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        assert self._threads is not None
        if has_ended:
            self._stepper.record(step, is_executed=False)
            self._stepper.forget_thread(self._stepper.thread)
        else:
            self._waiting[self._stepper.thread] = step, self._call
        return self._change_thread(self._threads)

    def iter_others(self) -> Iterator[tuple[int, AbstractContextManager[None]]]:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        if self._threads is not None:
            for thread in self._threads.others():
                yield thread.ordinal, self._threads.showing(thread)

    def _change_thread(self, threads: GuestThreads) -> Stop | None:
        """Give the next thread its turn; None means that the run goes on."""
        thread = threads.switch(self._registers[self._arch.pc])
        self._stepper.switch_to(thread.identity, thread.ordinal)
        waiting = self._waiting.pop(thread.identity, None)
        if waiting is None:
            return None
        step, self._call = waiting
        try:
            reply = threads.finish_call()
        except (Asleep, ThreadEnded) as error:
            return self.leave(step, has_ended=isinstance(error, ThreadEnded))
        reply = self._returned(reply)
        self._stepper.forget_code_and_registers()
        return self._stepper.finish(step, reply)
