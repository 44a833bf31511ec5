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

from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Disassembled, Group, Registers, Span, StepRule
from gdbtrace.errors import GdbtraceError, ProtocolError, TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply, framed, parse_stop_reply, resumption
from gdbtrace.tracer.guest import Asleep, BurstEnded, Guest, Interrupted, PendingStep, Stepping, ThreadEnded
from gdbtrace.tracer.instruction_cache import InstructionCache, KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters
from gdbtrace.tracer.rules import RULES, ExclusiveSequence
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
        self.pending_signal = 0
        self._fetch_all = settings.fetch_all
        self._key_interval = settings.key_interval
        self._steps_to_key = 0 if settings.key_interval else -1
        self._cache = InstructionCache(client)
        self._modes = {id(mode): index for index, mode in enumerate(arch.modes)}
        self._identifiers = 0
        self.registers.remembered.update(arch.remembered)
        self._operand_sources = {
            register.name: source
            for register in arch.registers
            if (source := arch.source_of(register, layout.fetched)) and register.stub_name not in layout.core
        }
        """Operand registers outside ``g`` -> the stub register to fetch for them."""
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
        self.registers.fetched.clear()

    def forget_code_and_registers(self) -> None:
        """Anything may have happened (a system call, say): code is compared before it is believed again."""
        self.forget_fetched()
        self._cache.suspect_all()
        self.exclusive = None

    def report_gap(self, why: str) -> None:
        """Tell the recorder that something ran unseen."""
        self.sink.note(Gap(self.registers[self.arch.pc], why))

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
        registers.raw = context.raw or self.client.read_registers()
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
        registers.raw = self.client.read_registers()
        self._record_executed(step, has_accessed=has_stored is None or has_stored(registers))
        return None

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
        accesses = self._accesses(step.spans, step.loaded) if has_accessed else ()
        self.sink.step(step.known.identifier, self.thread_ordinal, self.registers.raw, fetched, accesses)

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

    def _run(self, count: int) -> Stop:
        # Everything in here runs once per guest instruction; hence the local names.
        client, registers, sink, known_instructions = self.client, self.registers, self.sink, self._cache.known
        exchange, read_memory, sink_step = client.exchange_framed, client.read_memory, sink.step
        guest, byte_order, mode_of = self.guest, self.arch.byte_order, self.arch.mode_of
        pc_start, pc_end = self._pc
        get_registers = framed(b"g")
        from_bytes, raw_of = int.from_bytes, client.core_registers
        load = AccessKind.LOAD

        registers.raw = client.read_registers()
        registers.fetched.clear()
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
            loaded = [(read_memory(address, size) if kind is load else None) for kind, address, size in spans]
            fetched = [registers.fetch(name) for name in known.fetched] if known.fetched else []
            sequence = self.exclusive
            if sequence is not None:
                sequence.before(self, spans)
                if sequence.instructions > _LONGEST_SEQUENCE:
                    self.exclusive = None

            if known.is_plain and not self.pending_signal:
                reply = exchange(self._step_packet)
                if reply != self._step_done:
                    stop = guest.react(parse_stop_reply(reply), PendingStep(known, fetched, spans, loaded))
                    if stop is not None:
                        return stop
                    continue
            else:
                step = PendingStep(known, fetched, spans, loaded)
                try:
                    answer = RULES[known.behaviour.rule](self, known)
                except (Asleep, ThreadEnded) as error:
                    stop = guest.leave(step, has_ended=isinstance(error, ThreadEnded))
                else:
                    stop = self.finish(step, answer)
                if stop is not None:
                    return stop
                continue

            registers.raw = raw_of(exchange(get_registers))
            if known.fetched:
                fetched += registers.fetch_anew(known.fetched)
            sink_step(
                known.identifier,
                self.thread_ordinal,
                registers.raw,
                fetched,
                self._accesses(spans, loaded) if spans else (),
            )
        return Stop(StopReason.COUNT)

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
        return KnownInstruction(identifier, disassembled.data, behaviour, fetched)

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
        return bool(select.select([self.control], [], [], 0)[0])

    def _reaches_stop(self, pc: int) -> bool:
        self._stops[pc] -= 1
        if self._stops[pc] > 0:
            return False
        del self._stops[pc]
        return True
