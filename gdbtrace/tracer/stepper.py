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

from gdbtrace.arch.disassembler import disassemble, moved_operand, named_registers
from gdbtrace.arch.model import AccessKind, AddressKind, Arch, Behaviour, Disassembled, Group, Registers, Span, StepRule
from gdbtrace.errors import GdbtraceError, ProtocolError, TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply, framed, parse_stop_reply, resumption
from gdbtrace.tracer.guest import Asleep, BurstEnded, Guest, Interrupted, PendingStep, Stepping, ThreadEnded, end_of
from gdbtrace.tracer.instruction_cache import InstructionCache, KnownInstruction, Moved
from gdbtrace.tracer.live_registers import LiveRegisters
from gdbtrace.tracer.memory import GuestMemory, MachineMemory
from gdbtrace.tracer.rules import ATTACHED_RULES, RULES, SYSTEM_RULES, ExclusiveSequence
from gdbtrace.tracer.step_record import (
    AccessRow,
    Definition,
    Gap,
    KeyState,
    RecordSink,
    RegisterFile,
    Stop,
    StopReason,
)

Reader = Callable[[int, int], bytes | None]
"""Reads memory, given address and size; None: it cannot be read."""

_POLL_STEPS = 64
"""How often a burst looks whether the recorder wants it to end, and whose turn it is."""
_MOST_KNOWN = 1 << 15
"""Decoded instructions kept; a run through more distinct ones starts over, so that memory stays bounded."""
_LONGEST_SEQUENCE = 1000
"""Instructions after which an exclusive sequence is not one any more."""


@dataclass(frozen=True, slots=True)
class StepperSettings:
    """What a stepper is asked to record."""

    fetch_all: bool = False
    """Read every operand register at each step, not only those that the instruction names."""
    key_interval: int = 0
    """Steps from one key state to the next; 0: none."""
    is_machine: bool = False
    """The target is a machine of QEMU's, with its monitor behind the stub."""
    is_attached: bool = False
    """The stub is somebody's, of which nothing is known."""


@dataclass(slots=True)
class _Context:
    """A thread while another one has its turn."""

    raw: bytes = b""
    """``g``; empty: not read yet."""
    signal: int = 0
    remembered: Mapping[str, int] | None = None
    """None: as its creator's."""


class Stepper:
    """Steps one target and puts a record of each step into a sink.

    :param control: readable when the recorder wants the burst to end.
    :param thread: the first one, as the stub spells it.
    :param guest_of: makes what knows of the guest's operating system, or of its machine.
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
        guest_of: Callable[[Stepping], Guest],
    ) -> None:
        self.client = client
        self.arch = arch
        self.registers = LiveRegisters(layout, client, arch.piece_bytes)
        self.exclusive: ExclusiveSequence | None = None
        """The open exclusive sequence, on targets where stopping clears the monitor."""
        self.sink = sink
        self.control = control
        self.interrupters: list[socket.socket] = [control]
        """Whoever of them has something to say wants the burst to end."""
        self.pending_signal = 0
        self.address = 0
        self.done: bytes | None = None
        self._fetch_all = settings.fetch_all
        self._key_interval = settings.key_interval
        self._steps_to_key = 0 if settings.key_interval else -1
        self.memory: GuestMemory = client
        self.machine: MachineMemory | None = None
        """All of a machine's, of which ``memory`` is how loads and stores see it."""
        self._readers: Mapping[AddressKind, Reader] = dict.fromkeys(AddressKind, client.read_memory)
        """What reads an address of each kind."""
        self._cache = InstructionCache(client)
        self._has_touched_device = False
        self._code_base, self._code_mask = "", -1
        self._rules = ATTACHED_RULES if settings.is_attached else RULES
        if settings.is_machine:
            assert arch.system is not None
            self.machine = MachineMemory(client, arch.system, self.registers)
            code, data = self.machine.code, self.machine.data
            self.memory = self.registers.memory = data
            self._cache = InstructionCache(code, code.physical, self.machine.is_fixed)
            self._readers = {kind: view.read_memory for kind, view in self.machine.views.items()}
            self.registers.machine = self.machine
            self.registers.monitored, self.registers.derived = arch.system.monitored, arch.system.derived
            self.registers.printed_by = arch.system.printed_by
            self._code_base, self._code_mask = arch.system.code_base, arch.system.code_mask
            self._rules = SYSTEM_RULES
        self._modes = {id(mode): index for index, mode in enumerate(arch.modes)}
        self._identifiers = 0
        self.registers.remembered.update(arch.remembered)
        self._operand_sources = {
            register.name: source
            for register in arch.registers
            if (source := arch.source_of(register, layout.fetched)) and register.stub_name not in layout.core
        }
        """Operand registers outside ``g`` -> the stub register to fetch for them."""
        self._general = {
            register.name: register
            for register in arch.registers
            if register.group is Group.GENERAL and not register.shift
        }
        self._contexts: dict[bytes, _Context] = {thread: _Context()}
        self._stops: dict[int, int] = {}
        self._pc = layout.core[arch.pc]
        self._select_thread(thread, 0)
        self._has_begun = False
        ticking = {register.stub_name for register in arch.registers if register.group is Group.COUNTER}
        self._gettable = tuple(name for name in layout.fetched if name not in ticking)
        """Registers outside ``g`` that a key state holds."""
        self.guest = guest_of(self)

    # -- what the rules and the guest use ----------------------------------------------------------------------------

    def step_raw(self) -> StopReply:
        """One step packet; delivers the pending signal, if there is one."""
        packet = self._resumption(b"s") if self.pending_signal else self._step_packet
        return parse_stop_reply(self.client.exchange_framed(packet))

    def run_to(self, *addresses: int) -> StopReply:
        """Run at full speed to the first of some breakpoints, or to whatever stops the target before it.

        :raise Interrupted: the recorder wants the burst to end while the target runs (it sleeps in a system call, say).
        """
        for address in addresses:
            self.client.insert_breakpoint(address)
        reply = self.client.resume(self.go_packet(), self.control)
        if reply is None:
            raise Interrupted
        if reply.kind is StopKind.SIGNAL:
            for address in addresses:
                self.client.remove_breakpoint(address)
        return reply

    def go_packet(self) -> bytes:
        """Resume this thread, with the pending signal, if there is one."""
        return self._resumption(b"c")

    def _resumption(self, action: bytes) -> bytes:
        signal, self.pending_signal = self.pending_signal, 0
        return resumption(action, self.thread, signal)

    def forget_fetched(self) -> None:
        """Registers outside ``g`` may have changed without being named."""
        self.registers.forget()

    def forget_code_and_registers(self) -> None:
        """Anything may have happened (a system call, say): code is compared before it is believed again."""
        self.forget_fetched()
        self._cache.suspect_all()
        self.exclusive = None
        if self.machine is not None:
            self.machine.forget_translations()

    def report_gap(self, why: str, address: int | None = None) -> None:
        """Tell the recorder that something ran unseen.

        :param address: None: it ended here.
        """
        self.sink.note(Gap(self.registers[self.arch.pc] if address is None else address, why))

    def switch_to(self, thread: bytes, ordinal: int) -> None:
        """Go on with another thread, which the stub shows: as it was when it had its last turn, or as it is if it is
        new."""
        registers = self.registers
        if context := self._contexts.get(self.thread):
            context.raw, context.signal = registers.raw, self.pending_signal
            context.remembered = dict(registers.remembered)
        self._select_thread(thread, ordinal)
        context = self._contexts.setdefault(thread, _Context())
        self.pending_signal, self.exclusive = context.signal, None
        registers.remembered.update(context.remembered or {})
        # A vCPU that did not run may have been reset, or started at another address, by one that did.
        is_kept = context.raw and self.machine is None
        registers.raw = context.raw if is_kept else self.client.read_registers()
        self.forget_fetched()
        self.sink.state(registers.raw)

    def forget_thread(self, thread: bytes) -> None:
        """It has ended."""
        del self._contexts[thread]

    def finish(self, step: PendingStep, reply: StopReply) -> Stop | None:
        """Record a step that a rule has done; None means that the run goes on."""
        if reply.kind is not StopKind.SIGNAL or reply.number != SIGTRAP or reply.is_raised:
            return self.guest.react(reply, step)
        registers, has_stored = self.registers, step.known.behaviour.has_stored
        before = registers.raw
        try:
            registers.raw = self.client.read_registers()
        except TargetDied as error:
            return self._end_with(error, step)
        if step.known.behaviour.rule is StepRule.HALT and (following := self.guest.swallowed(before)) is not None:
            after, registers.raw = registers.raw, following.before
            self._record_executed(step, has_accessed=True)
            step, before, registers.raw = following, following.before, after
        if self.guest.watch is not None and (taken := self.guest.watch(step.known, before)) is not None:
            return self.guest.take(taken, step)
        self._record_executed(step, has_accessed=has_stored is None or has_stored(registers))
        if step.known.has_aftermath or self._has_touched_device:
            self._look_after(step.known.behaviour)
        return None

    def locate(self) -> int:
        """The address of the instruction that the current thread is at."""
        pc = self.registers[self.arch.pc]
        return pc + self.registers[self._code_base] & self._code_mask if self._code_base else pc

    def prepare(self) -> PendingStep | None:
        """The instruction that the current thread is at, before a step of it; None: its bytes cannot be read."""
        registers, arch = self.registers, self.arch
        pc = self.locate()
        mode = self._modes[id(arch.mode_of(registers))] if arch.mode_of else 0
        known = self._cache.known.get((pc, mode)) or self._cache.recall((pc, mode)) or self._learn(pc, mode)
        if known is None:
            return None
        if known.implied_at is not None:
            known = self._variant_of(known, known.implied_at(registers), pc, mode)
        spans = known.spans(registers) if known.spans else ()
        loaded = [
            self._readers[span.space](span.address, span.size) if span.kind is AccessKind.LOAD else None
            for span in spans
        ]
        return PendingStep(known, [registers.fetch(name) for name in known.fetched], spans, loaded, registers.raw)

    def _end_with(self, error: TargetDied, step: PendingStep) -> Stop:
        """The target is gone in the middle of a step: its registers after it are not known."""
        stop = self.guest.vanish(error)
        self.record(step, is_executed=False)
        return stop

    def record(self, step: PendingStep, *, is_executed: bool) -> None:
        """Record a step that has ended in something else than a plain stop; the registers have been read.

        :param is_executed: False: it has not finished, because it faulted, or the thread ended.
        """
        if is_executed:
            self._record_executed(step, has_accessed=True)
            return
        # What cannot be read is what it was refused.
        accesses = [access for access in step.loads() if access[3] is not None]
        self.sink.step(step.known.identifier, self.thread_ordinal, None, step.fetched, accesses)

    def _record_executed(self, step: PendingStep, *, has_accessed: bool) -> None:
        fetched = [*step.fetched, *self.registers.fetch_anew(step.known.fetched)]
        step = step.as_it_happened(self.registers)
        accesses = self._accesses(step.known, step.spans, step.loaded, step.before) if has_accessed else ()
        self.sink.step(step.known.identifier, self.thread_ordinal, self.registers.raw, fetched, accesses)

    # -- the loop ----------------------------------------------------------------------------------------------------

    def stop_at(self, address: int, hits: int) -> None:
        """End the burst in which ``address`` is about to be executed for the ``hits``-th time from now."""
        self._stops[address] = hits

    def run(self, count: int) -> Stop:
        """Execute up to ``count`` instructions and say why that ended. Failures of the stub are an outcome too."""
        return self._outcome_of(lambda: self._run(count))

    def run_freely(self, address: int | None, hits: int) -> Stop:
        """Run at full speed, recording nothing, until an address is about to be executed for the ``hits``-th time; and
        say why that ended.

        :param address: None, with no hits: until something else stops the target.
        """
        return self._outcome_of(lambda: self._run_freely(address, hits))

    def _outcome_of(self, run: Callable[[], Stop]) -> Stop:
        try:
            stop = run()
        except Interrupted:
            stop = Stop(StopReason.INTERRUPTED)
        except BurstEnded as ended:
            stop = ended.stop
        except TargetDied as error:
            stop = Stop(StopReason.FAILED, detail=str(error))
        except GdbtraceError as error:
            stop = Stop(StopReason.FAILED, detail=f"{error} (at {self.registers[self.arch.pc]:#x})")
        except KeyError as error:
            # A register that this CPU does not have, or memory that an address must be read from.
            detail = f"what the instruction at {self.registers[self.arch.pc]:#x} depends on cannot be read: {error}"
            stop = Stop(StopReason.FAILED, detail=detail)
        self.sink.stop(stop)
        return stop

    def _run_freely(self, address: int | None, hits: int) -> Stop:
        try:
            return self._run_to_hit(address, hits)
        except TargetDied as error:
            return self.guest.vanish(error)

    def _run_to_hit(self, address: int | None, hits: int) -> Stop:
        client, guest = self.client, self.guest
        thread, signal = self.thread, 0
        while True:
            if address is not None:
                client.insert_breakpoint(address)
            reply = client.resume(guest.go_packet(thread, signal), self.control)
            if reply is None:
                raise Interrupted
            if reply.kind is not StopKind.SIGNAL:
                return end_of(reply)
            thread = reply.thread or thread
            if address is not None:
                client.remove_breakpoint(address)
                if reply.number == SIGTRAP:
                    hits -= 1
                    if hits:
                        # Off the breakpoint: a resumption at a breakpoint would stop there at once.
                        reply = parse_stop_reply(client.exchange_framed(resumption(b"s", thread)))
                        if reply.kind is not StopKind.SIGNAL:
                            return end_of(reply)
                signal = 0 if reply.number == SIGTRAP else reply.number
            if not hits:
                self.arrive(thread)
                return Stop(StopReason.ADDRESS)

    def arrive(self, thread: bytes) -> None:
        """The target ran without us until this thread stopped: nothing that was known holds any more."""
        for context in self._contexts.values():
            context.raw = b""
        self.registers.raw = self.client.read_registers()
        self.forget_code_and_registers()
        if self.machine is not None:
            self.machine.forget_map()
        self.guest.arrive(thread)

    def forget_stops(self) -> None:
        """Burst end where they are told to, and nowhere else."""
        self._stops.clear()

    def note_key_next(self) -> None:
        """A new trace begins with the next step: with a key state, if it is to have any."""
        self._steps_to_key = 0 if self._key_interval else -1

    def _run(self, count: int) -> Stop:
        # Everything in here runs once per guest instruction; hence the local names.
        client, registers, sink, known_instructions = self.client, self.registers, self.sink, self._cache.known
        exchange, readers, sink_step = client.exchange_framed, self._readers, sink.step
        guest, byte_order, mode_of = self.guest, self.arch.byte_order, self.arch.mode_of
        code_base, code_mask, watch, rules = self._code_base, self._code_mask, guest.watch, self._rules
        pc_start, pc_end = self._pc
        get_registers = framed(b"g")
        from_bytes, raw_of = int.from_bytes, client.core_registers
        load = AccessKind.LOAD

        registers.raw = client.read_registers()
        registers.forget()
        if not self._has_begun:
            self._has_begun = True
            guest.begin()
        sink.state(registers.raw)
        for done in range(count):
            if not self._steps_to_key:
                self._note_key_state()
                self._steps_to_key = self._key_interval
            self._steps_to_key -= 1
            if not done % _POLL_STEPS:
                if self._is_interrupted():
                    return Stop(StopReason.INTERRUPTED)
                if self.exclusive is None:
                    stop = guest.take_turns(done)
                    if stop is not None:
                        return stop
            pc = from_bytes(registers.raw[pc_start:pc_end], byte_order)
            if code_base:
                pc = pc + registers[code_base] & code_mask
            self.address = pc
            if pc in self._stops and self._reaches_stop(pc):
                return Stop(StopReason.ADDRESS)
            mode = self._modes[id(mode_of(registers))] if mode_of else 0
            known = known_instructions.get((pc, mode))
            if known is None:
                known = self._cache.recall((pc, mode)) or self._learn(pc, mode)
                if known is None:
                    stop = guest.step_nowhere()
                    if stop is not None:
                        return stop
                    continue
            if known.implied_at is not None:
                known = self._variant_of(known, known.implied_at(registers), pc, mode)

            spans: Sequence[Span] = known.spans(registers) if known.spans else ()
            loaded = [readers[span.space](span.address, span.size) if span.kind is load else None for span in spans]
            fetched = [registers.fetch(name) for name in known.fetched] if known.fetched else []
            sequence = self.exclusive
            if sequence is not None:
                sequence.before(self, spans)
                if sequence.instructions > _LONGEST_SEQUENCE:
                    self.exclusive = None

            if known.is_plain and not self.pending_signal:
                try:
                    reply = exchange(self._step_packet)
                    after = raw_of(exchange(get_registers)) if reply == self._step_done else b""
                except TargetDied as error:
                    return self._end_with(error, PendingStep(known, fetched, spans, loaded, registers.raw))
                if not after:
                    stop = guest.react(
                        parse_stop_reply(reply), PendingStep(known, fetched, spans, loaded, registers.raw)
                    )
                    if stop is not None:
                        return stop
                    continue
            else:
                step = PendingStep(known, fetched, spans, loaded, registers.raw)
                self.done = None
                try:
                    answer = rules[known.behaviour.rule](self, known)
                except (Asleep, ThreadEnded) as error:
                    stop = guest.leave(step, has_ended=isinstance(error, ThreadEnded))
                except TargetDied as error:
                    return self._end_with(error, step)
                else:
                    stop = self.finish(step, answer)
                if stop is not None:
                    return stop
                continue

            before, registers.raw = registers.raw, after
            if watch is not None and (taken := watch(known, before)) is not None:
                stop = guest.take(taken, PendingStep(known, fetched, spans, loaded, before))
                if stop is not None:
                    return stop
                continue
            if known.fetched:
                fetched += registers.fetch_anew(known.fetched)
            sink_step(
                known.identifier,
                self.thread_ordinal,
                registers.raw,
                fetched,
                self._accesses(known, spans, loaded, before) if spans else (),
            )
            if known.has_aftermath or self._has_touched_device:
                self._look_after(known.behaviour)
        return Stop(StopReason.COUNT)

    def _accesses(
        self, known: KnownInstruction, spans: Sequence[Span], loaded: Sequence[bytes | None], before: bytes
    ) -> list[AccessRow]:
        """What an instruction that is done has touched: what it loaded was read before it, what it stored is there.

        :param before: the core registers before it.
        """
        accesses: list[AccessRow] = []
        machine = self.machine
        for span, data in zip(spans, loaded, strict=True):
            kind, address, size = span
            if not size:
                continue
            view = None if machine is None else machine.views[span.space]
            if kind is AccessKind.STORE:
                data = self._readers[span.space](address, size)
                self._cache.stored(address, size, None if view is None else view.physical)
                if machine is not None and view is not None:
                    machine.stored(address, size, view.physical)
            place = None if view is None else view.place(address)
            if place is not None and place.device:
                self._has_touched_device = True
                if len(spans) == 1 and known.moved is not None:
                    data = self._moved_value(known.moved, span, before)
            accesses.append((kind, address, size, data, place))
        return accesses

    def _moved_value(self, moved: Moved, span: Span, before: bytes) -> bytes | None:
        """What a device was sent, or gave: what is in the register; None: the register does not keep it."""
        kind, _, size = span
        if moved.bits < 8 * size:
            return None
        value = moved.constant
        if moved.register is not None:
            start, end = self.registers.layout.core[moved.register]
            raw = before if kind is AccessKind.STORE else self.registers.raw
            value = int.from_bytes(raw[start:end], self.arch.byte_order)
        elif kind is AccessKind.LOAD:
            return None
        return (value & ((1 << 8 * size) - 1)).to_bytes(size, self.arch.byte_order)

    def _look_after(self, behaviour: Behaviour) -> None:
        """Doubt what an instruction may have changed behind our back, now that it has been recorded."""
        if self._has_touched_device:
            # The device may have moved memory or itself, or written to memory.
            assert self.machine is not None
            self._has_touched_device = False
            if self.machine.doubt_map():
                self._cache.suspect_writable()
            else:
                self._cache.suspect_all()
        self.guest.look_after(behaviour)

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
            behaviour = replace(behaviour, implied_at=partial(self._implied_by_call, behaviour.system_call))
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
        self.sink.define(
            Definition(identifier, pc, disassembled.data, mode_index, named, fetched, behaviour.spans_known)
        )
        return KnownInstruction(identifier, disassembled.data, behaviour, fetched, self._moved_by(disassembled))

    def _moved_by(self, disassembled: Disassembled) -> Moved | None:
        """Where to look for a value that only a device has seen."""
        moved = None if self.machine is None else moved_operand(self.arch, disassembled)
        if moved is None:
            return None
        if isinstance(moved, int) or moved in self.arch.zeroes:
            return Moved(None, self.arch.bits, moved if isinstance(moved, int) else 0)
        core = self.registers.layout.core
        for operand in self.arch.aliases.get(moved, (moved,)):
            if (register := self._general.get(operand)) is not None and register.stub_name in core:
                return Moved(register.stub_name, register.bits)
        return None

    def _implied_by_call(self, number: int | None, registers: Registers) -> tuple[str, ...]:
        """The registers outside ``g`` that a system call replaces: all of them, if it goes back from a signal."""
        return tuple(self._operand_sources) if self.guest.system_call_replaces(number, registers) else ()

    def _note_key_state(self) -> None:
        """Tell the recorder all registers of all threads."""
        files = []
        for ordinal, showing in self.guest.iter_others():
            with showing:
                files.append(self._register_file(ordinal))
        files.append(self._register_file(self.thread_ordinal))
        self.sink.note(KeyState(tuple(sorted(files, key=lambda each: each.thread))))

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

    def _select_thread(self, thread: bytes, ordinal: int) -> None:
        self.thread, self.thread_ordinal = thread, ordinal
        self._step_packet = resumption(b"s", thread)
        self._step_done = b"T05thread:%b;" % thread

    def _is_interrupted(self) -> bool:
        return bool(select.select(self.interrupters, [], [], 0)[0])

    def _reaches_stop(self, pc: int) -> bool:
        self._stops[pc] -= 1
        if self._stops[pc] > 0:
            return False
        del self._stops[pc]
        return True
