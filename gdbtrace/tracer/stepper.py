"""The step loop: one instruction at a time, its registers and memory before and after.

At a stop the stepper holds ``g``; the state after one step is the state before the next, so an instruction without
memory operands costs two round trips, the step and ``g``.  What is known of an instruction is kept by address and
mode and dropped when the bytes may have changed: a store into them, or a system call.
"""

from __future__ import annotations

import random
import select
import socket
from collections.abc import Sequence

from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Span, StepRule
from gdbtrace.errors import GdbtraceError, TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.stub.packet import SIGTRAP, SYNCHRONOUS_SIGNALS, StopKind, StopReply, framed, parse_stop_reply
from gdbtrace.tracer.instruction_cache import InstructionCache, KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters
from gdbtrace.tracer.rules import RULES, ExclusiveSequence
from gdbtrace.tracer.step_record import Definition, Gap, RecordSink, Stop, StopReason

_POLL_STEPS = 64
"""How often a burst looks whether the recorder wants it to end."""
_MOST_KNOWN = 1 << 15
"""Decoded instructions kept; a run through more distinct ones starts over, so that memory stays bounded."""


class Stepper:
    """Steps one target and puts a record of each step into a sink.

    :param control: readable when the recorder wants the burst to end.
    """

    def __init__(
        self,
        client: StubClient,
        arch: Arch,
        layout: RegisterLayout,
        sink: RecordSink,
        control: socket.socket,
        thread: bytes,
        fetch_all: bool = False,
    ) -> None:
        self.client = client
        self.arch = arch
        self.registers = LiveRegisters(layout, client)
        self.exclusive: ExclusiveSequence | None = None
        """The open exclusive sequence, on targets where stopping clears the monitor."""
        self._sink = sink
        self._control = control
        self._fetch_all = fetch_all
        self._cache = InstructionCache(client)
        self._modes = {id(mode): index for index, mode in enumerate(arch.modes)}
        self._identifiers = 0
        self._operand_sources = {
            register.name: source
            for register in arch.registers
            if (source := arch.source_of(register, layout.fetched)) and register.stub_name not in layout.core
        }
        """Operand registers outside ``g`` -> the stub register to fetch for them."""
        self._threads: dict[bytes, int] = {}
        self._signal = 0
        self._random = random.Random(0)
        self._stops: dict[int, int] = {}
        self._pc = layout.core[arch.pc]
        self._select_thread(thread)

    # -- what the rules use ------------------------------------------------------------------------------------------

    def step_raw(self) -> StopReply:
        """One step packet; delivers the pending signal, if there is one."""
        if self._signal:
            packet = framed(b"vCont;S%02x:%b" % (self._signal, self._thread))
            self._signal = 0
        else:
            packet = self._step_packet
        return parse_stop_reply(self.client.exchange_framed(packet))

    def run_to(self, address: int) -> StopReply:
        """Run at full speed to a breakpoint, or to whatever stops the target before it.

        :raise Interrupted: the recorder wants the burst to end while the target runs (it sleeps in a system call, say).
        """
        self.client.insert_breakpoint(address)
        action = b"C%02x" % self._signal if self._signal else b"c"
        self._signal = 0
        reply = self.client.resume(b"vCont;%b:%b" % (action, self._thread), self._control)
        if reply is None:
            raise Interrupted
        if reply.kind is StopKind.SIGNAL:
            self.client.remove_breakpoint(address)
        return reply

    def report_gap(self, why: str) -> None:
        """Tell the recorder that something ran unseen."""
        self._sink.gap(Gap(self.registers[self.arch.pc], why))

    def pin_random_bytes(self, address: int, size: int) -> None:
        """After getrandom: replace its bytes by ones that are the same in every run."""
        self.registers.raw = self.client.read_registers()
        if 0 < self.registers[self.arch.system_calls.result] <= size:
            # Any bytes will do as random ones; these differ from call to call, and nothing more is asked of them.
            returned = self.registers[self.arch.system_calls.result]
            self.client.write_memory(address, self._random.randbytes(returned))

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
        code_stored = self._cache.stored
        from_bytes, raw_of = int.from_bytes, client.raw_registers
        load = AccessKind.LOAD

        registers.raw = client.read_registers()
        registers.fetched.clear()
        sink.state(registers.raw)
        for done in range(count):
            if not done % _POLL_STEPS and self._is_interrupted():
                return Stop(StopReason.INTERRUPTED)
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

            spans: Sequence[Span] = known.spans(registers) if known.spans else ()
            loaded = [(read_memory(address, size) if kind is load else None) for kind, address, size in spans]
            fetched = [registers.fetch(name) for name in known.fetched] if known.fetched else []
            sequence = self.exclusive
            if sequence is not None:
                sequence.before(self, spans)

            if known.is_plain and not self._signal:
                reply = exchange(self._step_packet)
                if reply != self._step_done:
                    stop = self._unusual(parse_stop_reply(reply), known, fetched, spans, loaded)
                    if stop is not None:
                        return stop
                    continue
            else:
                if known.behaviour.rule is StepRule.SYSTEM_CALL:
                    # The call may sleep: what is done so far must not wait in our buffer for it.
                    sink.flush()
                answer = RULES[known.behaviour.rule](self, known)
                if answer.kind is not StopKind.SIGNAL or answer.number != SIGTRAP or answer.thread != self._thread:
                    stop = self._unusual(answer, known, fetched, spans, loaded)
                    if stop is not None:
                        return stop
                    continue

            registers.raw = raw_of(exchange(get_registers))
            if known.has_stored is not None and not known.has_stored(registers):
                spans, loaded = (), []
            if known.fetched:
                fetched += registers.fetch_anew(known.fetched)
            if spans:
                accesses = []
                for (kind, address, size), data in zip(spans, loaded, strict=True):
                    if not size:
                        continue
                    if kind is not load:
                        data = read_memory(address, size)
                        code_stored(address, size)
                    accesses.append((kind, address, size, data))
                sink_step(known.identifier, self._thread_ordinal, registers.raw, fetched, accesses)
            else:
                sink_step(known.identifier, self._thread_ordinal, registers.raw, fetched, ())
        return Stop(StopReason.COUNT)

    def _step_nowhere(self) -> Stop | None:
        """Where there is no code that could be read: the guest gets the signal of a failed fetch, and no frame."""
        reply = self.step_raw()
        if reply.kind is not StopKind.SIGNAL:
            return _ended(reply)
        if reply.number == SIGTRAP:
            self.report_gap("an instruction whose bytes cannot be read was executed")
            self.registers.raw = self.client.read_registers()
            self._sink.state(self.registers.raw)
            return None
        return self._deliver(reply.number)

    def _unusual(
        self,
        reply: StopReply,
        known: KnownInstruction,
        fetched: Sequence[bytes],
        spans: Sequence[Span],
        loaded: Sequence[bytes | None],
    ) -> Stop | None:
        """Deal with a stop that is not the plain end of a step; None means that the run goes on."""
        accesses = [
            (kind, address, size, data)
            for (kind, address, size), data in zip(spans, loaded, strict=True)
            if size and kind is AccessKind.LOAD
        ]
        if reply.kind is not StopKind.SIGNAL:
            self._sink.step(known.identifier, self._thread_ordinal, None, fetched, accesses)
            return _ended(reply)
        before = self.registers.raw
        self.registers.raw = self.client.read_registers()
        if reply.number == SIGTRAP:
            # Another thread stopped: the target runs on from there.
            self.report_gap("another thread ran")
            self._select_thread(reply.thread)
            self._sink.state(self.registers.raw)
            return None
        executed = self.registers.raw != before
        if executed or reply.number in SYNCHRONOUS_SIGNALS:
            after = self.registers.fetch_anew(known.fetched) if executed else []
            stores = [
                (kind, address, size, self.client.read_memory(address, size))
                for kind, address, size in spans
                if executed and size and kind is AccessKind.STORE
            ]
            self._sink.step(
                known.identifier,
                self._thread_ordinal,
                self.registers.raw if executed else None,
                [*fetched, *after],
                [*accesses, *stores],
            )
        return self._deliver(reply.number)

    def _deliver(self, signal: int) -> Stop | None:
        """Let the guest have a signal. A handler's first instruction runs with the delivery and has no stop."""
        self._signal = signal
        interrupted = self.registers.raw
        reply = self.step_raw()
        if reply.kind is not StopKind.SIGNAL:
            return _ended(reply)
        self.report_gap(f"signal {signal} was delivered: the first instruction after it ran with the delivery")
        self._select_thread(reply.thread)
        self.registers.raw = self.client.read_registers()
        self.forget_fetched()
        self.suspect_code()
        if reply.number != SIGTRAP:
            return self._deliver(reply.number)
        if self.registers.raw != interrupted:
            self._sink.state(self.registers.raw)
        return None

    # -- pieces ------------------------------------------------------------------------------------------------------

    def _learn(self, pc: int, mode_index: int) -> KnownInstruction | None:
        """Decode the instruction at an address and tell the recorder; None if there is nothing to read."""
        mode = self.arch.modes[mode_index]
        data = self._cache.read_code(pc, mode.instruction_bytes[-1])
        if not data:
            return None
        disassembled = disassemble(data, pc, mode)
        behaviour = self.arch.behaviour_of(disassembled)
        named = tuple(dict.fromkeys((*named_registers(self.arch, disassembled), *behaviour.implied)))
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
        known = KnownInstruction(identifier, disassembled.data, behaviour, fetched)
        self._cache.add((pc, mode_index), known)
        return known

    def _select_thread(self, thread: bytes) -> None:
        self._thread = thread
        self._thread_ordinal = self._threads.setdefault(thread, len(self._threads))
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


class Interrupted(Exception):
    """The recorder wants the burst to end while the target runs."""
