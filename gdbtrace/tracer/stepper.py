"""The step loop: one instruction at a time, its registers and memory before and after.

At a stop the stepper holds ``g``; the state after one step is the state before the next, so an instruction without
memory operands costs two round trips, the step and ``g``.  What is known of an instruction is kept by address and
mode and dropped when the bytes may have changed: a store into them, or a system call.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Disassembled, Group, Registers, Span, StepRule
from gdbtrace.errors import GdbtraceError, ProtocolError, TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.stub.packet import (
    SIGKILL,
    SIGSEGV,
    SIGTRAP,
    SYNCHRONOUS_SIGNALS,
    StopKind,
    StopReply,
    framed,
    parse_stop_reply,
)
from gdbtrace.tracer.instruction_cache import InstructionCache, KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters
from gdbtrace.tracer.modules import Modules
from gdbtrace.tracer.rules import RULES, ExclusiveSequence
from gdbtrace.tracer.signals import Disposition
from gdbtrace.tracer.step_record import (
    AccessRow,
    Definition,
    Gap,
    KeyState,
    RecordSink,
    RegisterFile,
    SignalTaken,
    Stop,
    StopReason,
)
from gdbtrace.tracer.system_calls import SystemCall, SystemCalls
from gdbtrace.tracer.threads import Asleep, GuestThreads, Interrupted, ThreadEnded

_POLL_STEPS = 64
"""How often a burst looks whether the recorder wants it to end."""
_MOST_KNOWN = 1 << 15
"""Decoded instructions kept; a run through more distinct ones starts over, so that memory stays bounded."""

_TURN_STEPS = 8 * _POLL_STEPS
"""Instructions that a thread executes before the next one has its turn."""
_LONGEST_SEQUENCE = 1000
"""Instructions after which an exclusive sequence is not one any more."""


@dataclass(frozen=True, slots=True)
class StepperSettings:
    """What a stepper is asked to record."""

    fetch_all: bool = False
    """Read every operand register at each step, not only those that the instruction names."""
    key_interval: int = 0
    """Steps from one key state to the next; 0: none."""


def _cannot_find_threads(client: StubClient, control: socket.socket, thread: bytes) -> GuestThreads:
    raise GdbtraceError("a second thread of this target cannot be traced")


class _Step(NamedTuple):
    """An instruction that is being stepped."""

    known: KnownInstruction
    fetched: list[bytes]
    """Values of registers outside ``g`` before it."""
    spans: Sequence[Span]
    loaded: Sequence[bytes | None]
    """For each span, what a load finds there."""

    def as_it_happened(self, registers: Registers) -> _Step:
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


@dataclass(slots=True)
class _Context:
    """A thread while another one has its turn."""

    raw: bytes = b""
    """``g``; empty: not read yet."""
    signal: int = 0
    remembered: Mapping[str, int] | None = None
    """None: as its creator's."""
    waiting: tuple[_Step, SystemCall] | None = None
    """The system call that it sleeps in."""


class Stepper:
    """Steps one target and puts a record of each step into a sink.

    :param control: readable when the recorder wants the burst to end.
    :param find_threads: called when the guest is about to have a second thread, with the stub's name of the first.
    :param first_pc: the program counter before the guest's first instruction; None: it is there still.
    """

    def __init__(
        self,
        client: StubClient,
        arch: Arch,
        layout: RegisterLayout,
        sink: RecordSink,
        control: socket.socket,
        thread: bytes,
        settings: StepperSettings,
        modules: Modules | None = None,
        first_pc: int | None = None,
        find_threads: Callable[[StubClient, socket.socket, bytes], GuestThreads] = _cannot_find_threads,
    ) -> None:
        self.client = client
        self.arch = arch
        self.registers = LiveRegisters(layout, client, arch.piece_bytes)
        self.exclusive: ExclusiveSequence | None = None
        """The open exclusive sequence, on targets where stopping clears the monitor."""
        self._sink = sink
        self._control = control
        self._fetch_all = settings.fetch_all
        self._system_calls = SystemCalls(arch, client, self.registers, modules)
        self._key_interval = settings.key_interval
        self._steps_to_key = 0 if settings.key_interval else -1
        self._cache = InstructionCache(client)
        self._modes = {id(mode): index for index, mode in enumerate(arch.modes)}
        self._longest_instruction = max(mode.instruction_bytes[-1] for mode in arch.modes)
        self._identifiers = 0
        self.registers.remembered.update(arch.remembered)
        self._operand_sources = {
            register.name: source
            for register in arch.registers
            if (source := arch.source_of(register, layout.fetched)) and register.stub_name not in layout.core
        }
        """Operand registers outside ``g`` -> the stub register to fetch for them."""
        self._find_threads = find_threads
        self._threads: GuestThreads | None = None
        """Once the guest has more than one."""
        self._contexts: dict[bytes, _Context] = {thread: _Context()}
        self._call = SystemCall("", 0, ())
        """The latest one."""
        self._signal = 0
        self._stops: dict[int, int] = {}
        self._pc = layout.core[arch.pc]
        self._select_thread(thread)
        self._has_begun = False
        self._first_pc = first_pc
        ticking = {register.stub_name for register in arch.registers if register.group is Group.COUNTER}
        self._gettable = tuple(name for name in layout.fetched if name not in ticking)
        """Registers outside ``g`` that a key state holds."""

    # -- what the rules use ------------------------------------------------------------------------------------------

    def step_raw(self) -> StopReply:
        """One step packet; delivers the pending signal, if there is one."""
        if self._signal:
            packet = framed(b"vCont;S%02x:%b" % (self._signal, self._thread))
            self._signal = 0
        else:
            packet = self._step_packet
        return parse_stop_reply(self.client.exchange_framed(packet))

    def run_to(self, *addresses: int) -> StopReply:
        """Run at full speed to the first of some breakpoints, or to whatever stops the target before it.

        :raise Interrupted: the recorder wants the burst to end while the target runs (it sleeps in a system call, say).
        """
        for address in addresses:
            self.client.insert_breakpoint(address)
        reply = self.client.resume(self._go_packet(), self._control)
        if reply is None:
            raise Interrupted
        if reply.kind is StopKind.SIGNAL:
            for address in addresses:
                self.client.remove_breakpoint(address)
        return reply

    def make_system_call(self, known: KnownInstruction, following: int) -> StopReply:
        """Execute a system call; its instruction is the next one, and ``following`` comes after that.

        :raise ProcessReplaced: it was an ``execve`` that succeeded.
        :raise Asleep: the thread sleeps, and others can run.
        :raise ThreadEnded: the thread ended, and others can run.
        """
        self._call = call = self._system_calls.about_to_be_made(known, self._thread_ordinal, self._sink)
        addresses: Sequence[int] = (following,)
        if call.is_return_from_signal:
            addresses = self._system_calls.signals.return_addresses(self.registers)
            if not addresses:
                self._report_gap("the way back from a signal is not known: the instruction there ran with the call")
                return self.step_raw()
        if call.is_creating_a_thread and self._threads is None:
            self._threads = self._find_threads(self.client, self._control, self._thread)
        try:
            reply = (
                self.run_to(*addresses) if self._threads is None else self._threads.run(self._go_packet(), addresses)
            )
        except TargetDied as error:
            if call.is_replacing_the_program:
                raise ProcessReplaced from error
            if self._system_calls.is_sending(call, SIGKILL):
                # The only signal that QEMU cannot tell the stub of before it ends.
                return StopReply(StopKind.KILLED, SIGKILL)
            raise
        return self._returned(reply)

    def _returned(self, reply: StopReply) -> StopReply:
        """After the latest system call: what it makes us do."""
        if reply.kind is StopKind.SIGNAL and reply.number == SIGTRAP:
            call = self._call
            has_succeeded = self._system_calls.has_returned(call, self._sink)
            if has_succeeded and self._system_calls.is_sending(call, SIGTRAP) and self._is_for_current(call):
                return replace(reply, is_raised=True)
        return reply

    def _is_for_current(self, call: SystemCall) -> bool:
        """Whether a call sends its signal to its own thread: the SIGTRAP is that one, not our breakpoint's.

        Also if the guest has blocked it: QEMU has unblocked it at our last stop (``process_pending_signals`` of its
        linux-user/signal.c).
        """
        process, _, thread = self._thread.removeprefix(b"p").rpartition(b".")
        if call.name == "kill":
            return self._threads is None and call.arguments[0] in (0, int(process or thread, 16))
        return call.arguments[1 if call.name == "tgkill" else 0] == int(thread, 16)

    def _go_packet(self) -> bytes:
        """Resume this thread, with the pending signal, if there is one."""
        action = b"C%02x" % self._signal if self._signal else b"c"
        self._signal = 0
        return framed(b"vCont;%b:%b" % (action, self._thread))

    def forget_fetched(self) -> None:
        """Registers outside ``g`` may have changed without being named."""
        self.registers.fetched.clear()

    def suspect_code(self) -> None:
        """Any code may have been rewritten (by a system call, say): compare before it is believed again."""
        self._cache.suspect_all()

    # -- the loop ----------------------------------------------------------------------------------------------------

    def stop_at(self, address: int, hits: int) -> None:
        """End the burst in which ``address`` is about to be executed for the ``hits``-th time from now."""
        self._stops[address] = hits

    def run(self, count: int) -> Stop:
        """Execute up to ``count`` instructions and say why that ended. Failures of the stub are an outcome too."""
        try:
            stop = self._run(count)
        except Interrupted:
            stop = Stop(StopReason.INTERRUPTED)
        except ProcessReplaced:
            stop = Stop(StopReason.REPLACED)
        except TargetDied as error:
            stop = Stop(StopReason.FAILED, detail=str(error))
        except GdbtraceError as error:
            stop = Stop(StopReason.FAILED, detail=f"{error} (at {self.registers[self.arch.pc]:#x})")
        except KeyError as error:
            # A register that this CPU does not have, or memory that an address must be read from.
            detail = f"what the instruction at {self.registers[self.arch.pc]:#x} depends on cannot be read: {error}"
            stop = Stop(StopReason.FAILED, detail=detail)
        self._sink.stop(stop)
        return stop

    def _run(self, count: int) -> Stop:
        # Everything in here runs once per guest instruction; hence the local names.
        client, registers, sink, known_instructions = self.client, self.registers, self._sink, self._cache.known
        exchange, read_memory, sink_step = client.exchange_framed, client.read_memory, sink.step
        byte_order, mode_of = self.arch.byte_order, self.arch.mode_of
        pc_start, pc_end = self._pc
        get_registers = framed(b"g")
        from_bytes, raw_of = int.from_bytes, client.core_registers
        load = AccessKind.LOAD

        registers.raw = client.read_registers()
        registers.fetched.clear()
        if not self._has_begun:
            self._has_begun = True
            is_fresh = self._first_pc in (None, registers[self.arch.pc])
            self._system_calls.begin(sink, is_fresh=is_fresh)
            if self.arch.remembered and not is_fresh:
                names = ", ".join(self.arch.remembered)
                self._report_gap(f"what the program wrote to {names} before: taken to be as at its start")
        sink.state(registers.raw)
        for done in range(count):
            if not self._steps_to_key:
                self._note_key_state()
                self._steps_to_key = self._key_interval
            self._steps_to_key -= 1
            if not done % _POLL_STEPS:
                if self._is_interrupted():
                    return Stop(StopReason.INTERRUPTED)
                if self._threads is not None and done and not done % _TURN_STEPS and self.exclusive is None:
                    stop = self._change_thread(self._threads)
                    if stop is not None:
                        return stop
            pc = from_bytes(registers.raw[pc_start:pc_end], byte_order)
            if pc in self._stops and self._reaches_stop(pc):
                return Stop(StopReason.ADDRESS)
            mode = self._modes[id(mode_of(registers))] if mode_of else 0
            known = known_instructions.get((pc, mode))
            if known is None:
                known = self._cache.recall((pc, mode)) or self._learn(pc, mode)
                if known is None:
                    stop = self._step_nowhere()
                    if stop is not None:
                        return stop
                    continue
            if known.implied_at is not None:
                known = self._variant_of(known, known.implied_at(registers), pc, mode)

            spans: Sequence[Span] = known.spans(registers) if known.spans else ()
            loaded = [(read_memory(address, size) if kind is load else None) for kind, address, size in spans]
            fetched = [registers.fetch(name) for name in known.fetched] if known.fetched else []
            sequence = self.exclusive
            if sequence is not None:
                sequence.before(self, spans)
                if sequence.instructions > _LONGEST_SEQUENCE:
                    self.exclusive = None

            if known.is_plain and not self._signal:
                reply = exchange(self._step_packet)
                if reply != self._step_done:
                    stop = self._unusual(parse_stop_reply(reply), _Step(known, fetched, spans, loaded))
                    if stop is not None:
                        return stop
                    continue
            else:
                step = _Step(known, fetched, spans, loaded)
                try:
                    answer = RULES[known.behaviour.rule](self, known)
                except (Asleep, ThreadEnded) as error:
                    stop = self._leave_thread(step, has_ended=isinstance(error, ThreadEnded))
                else:
                    stop = self._finish(step, answer)
                if stop is not None:
                    return stop
                continue

            registers.raw = raw_of(exchange(get_registers))
            if known.fetched:
                fetched += registers.fetch_anew(known.fetched)
            sink_step(
                known.identifier,
                self._thread_ordinal,
                registers.raw,
                fetched,
                self._accesses(spans, loaded) if spans else (),
            )
        return Stop(StopReason.COUNT)

    def _finish(self, step: _Step, answer: StopReply) -> Stop | None:
        """Record a step that a rule has done; None means that the run goes on."""
        if answer.kind is not StopKind.SIGNAL or answer.number != SIGTRAP or answer.is_raised:
            return self._unusual(answer, step)
        known, registers = step.known, self.registers
        registers.raw = self.client.read_registers()
        has_stored = known.behaviour.has_stored
        fetched = [*step.fetched, *registers.fetch_anew(known.fetched)]
        step = step.as_it_happened(registers)
        accesses = self._accesses(step.spans, step.loaded) if has_stored is None or has_stored(registers) else ()
        self._sink.step(known.identifier, self._thread_ordinal, registers.raw, fetched, accesses)
        return None

    def _accesses(self, spans: Sequence[Span], loaded: Sequence[bytes | None]) -> list[AccessRow]:
        """What an instruction that is done has touched: what it loaded was read before it, what it stored is there."""
        accesses: list[AccessRow] = []
        for (kind, address, size), data in zip(spans, loaded, strict=True):
            if not size:
                continue
            if kind is AccessKind.STORE:
                data = self.client.read_memory(address, size)
                self._cache.stored(address, size)
            accesses.append((kind, address, size, data))
        return accesses

    def _step_nowhere(self) -> Stop | None:
        """Where there is no code that could be read: the guest gets the signal of a failed fetch, and no frame."""
        reply = self.step_raw()
        if reply.kind is not StopKind.SIGNAL:
            return _ended(reply)
        if reply.number == SIGTRAP:
            self._report_gap("an instruction whose bytes cannot be read was executed")
            self.registers.raw = self.client.read_registers()
            self._sink.state(self.registers.raw)
            return None
        return self._deliver(reply.number)

    def _unusual(self, reply: StopReply, step: _Step) -> Stop | None:
        """Deal with a stop that is not the plain end of a step; None means that the run goes on."""
        known, fetched = step.known, step.fetched
        if reply.kind is not StopKind.SIGNAL:
            self._sink.step(known.identifier, self._thread_ordinal, None, fetched, step.loads())
            return _ended(reply)
        before, pc_before = self.registers.raw, self.registers[self.arch.pc]
        self.registers.raw = self.client.read_registers()
        is_fault = reply.number in SYNCHRONOUS_SIGNALS
        if is_fault:
            # An instruction that faults may change registers all the same: condition codes that QEMU had put off.
            executed = self.registers[self.arch.pc] != pc_before
        else:
            # A system call that a signal interrupts is made again later: it has run, and nothing has changed.
            executed = self.registers.raw != before or known.behaviour.rule is StepRule.SYSTEM_CALL
        if executed or reply.is_raised or (is_fault and not self._is_fetch_fault(reply.number, step)):
            if executed:
                step = step.as_it_happened(self.registers)
                fetched = [*fetched, *self.registers.fetch_anew(known.fetched)]
                accesses = self._accesses(step.spans, step.loaded)
            else:
                # What cannot be read is what it was refused.
                accesses = [access for access in step.loads() if access[3] is not None]
            self._sink.step(
                known.identifier, self._thread_ordinal, self.registers.raw if executed else None, fetched, accesses
            )
        return self._deliver(reply.number)

    def _is_fetch_fault(self, signal: int, step: _Step) -> bool:
        """Whether what faulted was the fetch: then no instruction is there, whatever bytes the stub reads.

        Told from the fault's address.  Where the stub does not say (QEMU before 9.0, but for x86), an instruction that
        accesses no memory has faulted in its fetch, and one that does is taken to have faulted in its access.
        """
        pc, known = self.registers[self.arch.pc], step.known
        address = self._fault_address()
        if address is None:
            return signal == SIGSEGV and known.behaviour.spans_known and not step.spans
        if address == pc:
            # Or an access to the instruction's own first byte, which programs do not make.
            return True
        is_access = any(start <= address < start + size for _, start, size in step.spans)
        return pc < address < pc + self._longest_instruction and not is_access

    def _fault_address(self) -> int | None:
        """What the present fault was an access to; None: the stub does not say."""
        arch = self.arch
        try:
            information = self.client.read_object("siginfo")
        except ProtocolError:
            return self.registers[arch.fault_address] if arch.fault_address else None
        # si_addr of siginfo_t (sigaction(2)): behind three ints, aligned as a pointer.
        size = arch.bits // 8
        at = -(-3 * 4 // size) * size
        return int.from_bytes(information[at : at + size], arch.byte_order)

    def _deliver(self, signal: int) -> Stop | None:
        """Let the guest have a signal (gdb's number), up to the first instruction of its handler."""
        self._signal = signal
        interrupted = self.registers[self.arch.pc]
        handler = self._system_calls.signals.handler_of(signal)
        if handler is Disposition.IGNORED:
            # Nothing comes of it: the next step takes it along.
            return None
        reply = self.step_raw() if isinstance(handler, Disposition) else self.run_to(handler)
        number = self._system_calls.signals.number_of(signal)
        if reply.kind is not StopKind.SIGNAL:
            self._sink.note(SignalTaken(number, self._thread_ordinal, interrupted, None))
            return _ended(reply)
        self.registers.raw = self.client.read_registers()
        self.forget_fetched()
        self.suspect_code()
        self.exclusive = None
        if self.registers[self.arch.pc] == handler:
            self._sink.note(SignalTaken(number, self._thread_ordinal, interrupted, handler))
            self._system_calls.signals.entered(interrupted, self.registers)
        else:
            self._sink.note(SignalTaken(number, self._thread_ordinal, interrupted, None))
            self._report_gap(f"signal {number} was delivered to a handler that is not known: its first instruction ran")
        if reply.number != SIGTRAP:
            return self._deliver(reply.number)
        self._sink.state(self.registers.raw)
        return None

    # -- pieces ------------------------------------------------------------------------------------------------------

    def _learn(self, pc: int, mode_index: int) -> KnownInstruction | None:
        """Decode the instruction at an address and tell the recorder; None if there is nothing to read."""
        mode = self.arch.modes[mode_index]
        data = b""
        if pc not in self.arch.entry_points:
            data = self._cache.read_code(pc, mode.instruction_bytes[-1])
            if not data:
                return None
        known = self._define(data, pc, mode_index, ())
        self._cache.add((pc, mode_index), known)
        return known

    def _variant_of(
        self, known: KnownInstruction, implied: tuple[str, ...], pc: int, mode_index: int
    ) -> KnownInstruction:
        """The same instruction, which implies these registers too."""
        if not implied:
            return known
        variant = known.variants.get(implied)
        if variant is None:
            variant = known.variants[implied] = self._define(known.data, pc, mode_index, implied)
        return variant

    def _define(self, data: bytes, pc: int, mode_index: int, implied: tuple[str, ...]) -> KnownInstruction:
        """Decode an instruction that implies these registers beside its own, and tell the recorder.

        :param data: none at the kernel's entry points.
        """
        mode = self.arch.modes[mode_index]
        if data:
            disassembled = disassemble(data, pc, mode)
            behaviour = self.arch.behaviour_of(disassembled)
        else:
            entry = self.arch.entry_points[pc]
            disassembled, behaviour = Disassembled(pc, data, mode, entry.name, "", None), entry.behaviour
        if behaviour.rule is StepRule.SYSTEM_CALL:
            behaviour = replace(behaviour, implied_at=partial(self._replaced_by_call, behaviour.system_call))
        named = tuple(dict.fromkeys((*named_registers(self.arch, disassembled), *behaviour.implied, *implied)))
        if self._fetch_all or not (disassembled.mnemonic or behaviour != Behaviour()):
            # Unknown to us, so any register may be its operand.
            fetched = tuple(dict.fromkeys(self._operand_sources.values()))
        else:
            fetched = tuple(dict.fromkeys(source for name in named if (source := self._operand_sources.get(name))))
        if self._identifiers >= _MOST_KNOWN:
            self._cache.clear()
            self._identifiers = 0
        identifier = self._identifiers
        self._identifiers += 1
        self._sink.define(
            Definition(identifier, pc, disassembled.data, mode_index, named, fetched, behaviour.spans_known)
        )
        return KnownInstruction(identifier, disassembled.data, behaviour, fetched)

    def _replaced_by_call(self, number: int | None, registers: Registers) -> tuple[str, ...]:
        """The registers outside ``g`` that a system call replaces: all of them, if it goes back from a signal."""
        calls = self.arch.system_calls
        name = calls.names.get(registers[calls.number] if number is None else number, "")
        return tuple(self._operand_sources) if SystemCall(name, 0, ()).is_return_from_signal else ()

    def _report_gap(self, why: str) -> None:
        """Tell the recorder that something ran unseen."""
        self._sink.note(Gap(self.registers[self.arch.pc], why))

    def _note_key_state(self) -> None:
        """Tell the recorder all registers of all threads."""
        files = []
        if self._threads is not None:
            for thread in self._threads.others():
                with self._threads.showing(thread):
                    files.append(self._register_file(thread.ordinal))
        files.append(self._register_file(self._thread_ordinal))
        self._sink.note(KeyState(tuple(sorted(files, key=lambda each: each.thread))))

    def _register_file(self, thread: int) -> RegisterFile:
        """All registers of the thread that the stub shows."""
        fetched: dict[str, bytes] = {}
        self.forget_fetched()
        for name in self._gettable:
            try:
                fetched[name] = self.registers.fetch(name)
            except ProtocolError:
                # QEMU describes some registers that this CPU does not have.
                continue
        self._gettable = tuple(fetched)
        self.forget_fetched()
        return RegisterFile(thread, self.client.read_registers(), fetched)

    def _leave_thread(self, step: _Step, *, has_ended: bool) -> Stop | None:
        """Go on with another thread, since the current one sleeps in the system call of this step, or has ended."""
        assert self._threads is not None
        if has_ended:
            self._sink.step(step.known.identifier, self._thread_ordinal, None, step.fetched, ())
            del self._contexts[self._thread]
        else:
            self._contexts[self._thread].waiting = step, self._call
        return self._change_thread(self._threads)

    def _change_thread(self, threads: GuestThreads) -> Stop | None:
        """Give the next thread its turn; None means that the run goes on."""
        registers = self.registers
        if context := self._contexts.get(self._thread):
            context.raw, context.signal, context.remembered = registers.raw, self._signal, dict(registers.remembered)
        self._select_thread(threads.switch(registers[self.arch.pc]).identity)
        context = self._contexts.setdefault(self._thread, _Context())
        self._signal, self.exclusive = context.signal, None
        registers.remembered.update(context.remembered or {})
        registers.raw = context.raw or self.client.read_registers()
        self.forget_fetched()
        self._sink.state(registers.raw)
        if context.waiting is None:
            return None
        step, self._call = context.waiting
        context.waiting = None
        try:
            reply = threads.finish_call()
        except (Asleep, ThreadEnded) as error:
            return self._leave_thread(step, has_ended=isinstance(error, ThreadEnded))
        reply = self._returned(reply)
        self.suspect_code()
        return self._finish(step, reply)

    def _select_thread(self, thread: bytes) -> None:
        self._thread = thread
        self._thread_ordinal = 0 if self._threads is None else self._threads.current.ordinal
        self._step_packet = framed(b"vCont;s:" + thread)
        self._step_done = b"T05thread:%b;" % thread

    def _is_interrupted(self) -> bool:
        return bool(select.select([self._control], [], [], 0)[0])

    def _reaches_stop(self, pc: int) -> bool:
        self._stops[pc] -= 1
        if self._stops[pc] > 0:
            return False
        del self._stops[pc]
        return True


def _ended(reply: StopReply) -> Stop:
    """The end of a burst with which the guest ended."""
    return Stop(StopReason.EXITED if reply.kind is StopKind.EXITED else StopReason.KILLED, reply.number)


class ProcessReplaced(Exception):
    """The guest has become another program, which nobody traces."""
