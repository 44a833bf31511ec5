"""A machine under full-system QEMU: its vCPUs, its exceptions and interrupts, its halts.

A step of QEMU's system stub is one instruction, or the entry of an exception: an interrupt is taken before the
instruction at the program counter begins, and the step ends at its handler (``cpu_handle_interrupt`` of QEMU's
accel/tcg/cpu-exec.c).  A vCPU that is halted does not answer until an interrupt wakes it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from gdbtrace.arch.model import NOT_BEGUN, Behaviour, StepRule, SystemLevel, Taken
from gdbtrace.errors import ProtocolError, TargetDied, UsageError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterState
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply, framed, resumption
from gdbtrace.tracer.guest import Asleep, BurstEnded, Guest, Interrupted, PendingStep, Stepping, end_of
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.settings import Schedule
from gdbtrace.tracer.step_record import Ambient, ExceptionTaken, Stop, StopReason

_MOST_UNREAD = 64
"""Instructions on end whose bytes cannot be read, after which nothing that is worth a trace is expected."""
_PATIENCE_SECONDS = 0.01
"""After which a vCPU that does not answer is asked whether it is halted."""
_PEEK_SECONDS = 0.005
"""After which a vCPU that waits is taken not to have been sent an interrupt."""
_PEEK_TURNS = 64
"""After how many turns vCPUs that wait are tried. Seldom: the guest's clock may move on in it, and not by the same time
in each run."""
_IDLE_SECONDS = 5.0
"""After which an interrupt that every vCPU waits for is taken never to come."""
_MASKED = 2
"""QEMU's single-step flag that keeps interrupts from being taken."""
UNMASKED_STEP = 5
"""QEMU's single-step flags with interrupts on: SSTEP_ENABLE, and SSTEP_NOTIMER, which holds the guest's clock between
steps. Timers that are due fire all the same, when a step begins. Without it the vCPU that has stopped counts as idle,
and virtual time jumps towards the next timer after each step (docs/decisions/0008)."""
_UNMASKED_WAIT = 1
"""The same for the step of a wait, in which the clock must run."""


@dataclass(slots=True, eq=False)
class Vcpu:
    """One of them."""

    identity: bytes
    """As the stub spells it."""
    ordinal: int
    is_halted: bool = False


class _Before(RegisterState):
    """A :class:`~gdbtrace.arch.model.StateBefore`, with the values of :attr:`SystemLevel.noted`."""

    instruction = b""
    noted: Mapping[str, int] = {}

    def __getitem__(self, name: str) -> int:
        value = self.noted.get(name)
        return super().__getitem__(name) if value is None else value


class MachineGuest(Guest):
    """See :class:`~gdbtrace.tracer.guest.Guest`.

    :param interrupts: whether interrupts are taken and timers run.
    :param address_space: register that tells address spaces apart; empty: the architecture's.
    :raise UsageError: the machine has no register of that name.
    """

    def __init__(self, stepper: Stepping, schedule: Schedule, *, interrupts: bool, address_space: str = "") -> None:
        assert stepper.arch.system is not None
        assert stepper.machine is not None
        self._stepper = stepper
        self._memory = stepper.machine
        self._system: SystemLevel = stepper.arch.system
        self._arch, self._registers, self._client = stepper.arch, stepper.registers, stepper.client
        self._layout = stepper.registers.layout
        self._schedule = schedule
        self._interrupts = interrupts
        self._before = _Before(stepper.registers.layout, b"")
        self._vcpus = self._find_vcpus()
        self._current = next(each for each in self._vcpus if each.identity == stepper.thread)
        self._turn_ends = schedule.quantum
        self._turns = 0
        self._ambient: dict[str, int] = {}
        if address_space and address_space not in self._registers:
            raise UsageError(f"the machine has no register {address_space}, which the profile's address-space says")
        names = (address_space or self._system.address_space, *self._system.ambient)
        # In g it is in every frame anyway; a processor without translation has none.
        known = {*stepper.registers.layout.fetched, *self._system.monitored, *stepper.arch.remembered}
        self._ambient_names = tuple(name for name in names if name in known)
        self.watch = self._watch
        self._following: PendingStep | None = None
        """What comes after a wait."""
        self._flags = 0
        self._has_run = False
        """Whether it has run at full speed."""
        self._unread, self._unread_until = 0, 0
        """How many instructions there were on end whose bytes cannot be read, and where the next one would be."""
        self._mask_interrupts()

    def _find_vcpus(self) -> list[Vcpu]:
        return [Vcpu(identity, ordinal) for ordinal, identity in enumerate(self._client.thread_ids())]

    def _mask_interrupts(self) -> None:
        """Say whether steps take interrupts, and see that QEMU has understood.

        :raise ProtocolError: it has not.
        """
        flags = UNMASKED_STEP if self._interrupts else self._system.masked_step
        if self._flags != flags:
            self._set_flags(flags)

    def _set_flags(self, flags: int) -> None:
        self._flags = flags
        self._client.request(b"Qqemu.sstep=%x" % flags)
        found = self._client.request(b"qqemu.sstep")
        if int(found, 16) != flags:
            raise ProtocolError(found, f"QEMU did not take the single-step flags {flags:#x}")

    def begin(self) -> None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        only = self._schedule.only
        if only is not None and self._current.ordinal != only:
            if only >= len(self._vcpus):
                raise ProtocolError(b"", f"there is no vCPU {only}: the machine has {len(self._vcpus)}")
            if not self._has_run:
                self._kick_off()
            self._change_to(self._vcpus[only])
        self._note_ambient()

    def _kick_off(self) -> None:
        """Resume the current vCPU, the first one, where it stops before its next instruction.

        QEMU's thread that executes all vCPUs waits for the first one's first resumption, whichever is resumed
        (``rr_cpu_thread_fn`` of accel/tcg/tcg-accel-ops-rr.c).
        """
        address = self._stepper.locate()
        self._client.insert_breakpoint(address)
        self._resume_for(resumption(b"c", self._current.identity), _IDLE_SECONDS)
        self._client.remove_breakpoint(address)

    def go_packet(self, thread: bytes, signal: int) -> bytes:
        """See :class:`~gdbtrace.tracer.guest.Guest`. All vCPUs run; signals are a process's."""
        return framed(b"vCont;c")

    def arrive(self, thread: bytes) -> None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        self._has_run = True
        self._change_to(next(vcpu for vcpu in self._vcpus if vcpu.identity == thread))

    # -- exceptions --------------------------------------------------------------------------------------------------

    def _watch(self, known: KnownInstruction, before: bytes) -> Taken | None:
        if before == self._registers.raw and self._system.has_empty_steps and not known.behaviour.may_stay:
            return NOT_BEGUN
        self._before.raw, self._before.instruction = before, known.data
        return self._system.taken(self._before, self._registers)

    def take(self, taken: Taken, step: PendingStep, /) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        if taken is NOT_BEGUN:
            # Here, so that it is not counted; rules have more to do, and are begun anew.
            return self._stepper.finish(step, self._begin_anew()) if step.known.is_plain else None
        stepper, interrupted = self._stepper, self._stepper.address
        size = len(step.known.data)
        is_wait = step.known.behaviour.rule is StepRule.HALT and taken.returns_to != self._before[self._arch.pc]
        if taken.is_interrupt and (is_wait or taken.found is not None):
            # It has been executed, and if it is a wait has changed nothing but the program counter.
            following = (self._before[self._arch.pc] + size) & self._arch.address_mask
            interrupted = (interrupted + size) & self._arch.address_mask
            if taken.found is not None:
                interrupted = taken.found[self._arch.pc]
            self._record_before_entry(
                step, self._layout.with_values(self._before.raw, taken.found or {self._arch.pc: following})
            )
        elif taken.is_interrupt and step.known.behaviour.rule is StepRule.REPEAT and stepper.done is not None:
            self._record_before_entry(step, stepper.done)
        elif not taken.is_interrupt:
            stepper.record(step if taken.is_executed else step.up_to(taken.refused), is_executed=taken.is_executed)
        self._enter(taken, interrupted)
        return self._wait_on()

    def _begin_anew(self) -> StopReply:
        """Step an instruction that the step before has not begun."""
        reply = self._stepper.step_raw()
        if reply.kind is not StopKind.SIGNAL or self._client.read_registers() != self._registers.raw:
            return reply
        # QEMU's SH-4 stops for as long as an interrupt is pending and may not be taken (superh_cpu_exec_interrupt).
        self._set_flags(UNMASKED_STEP | _MASKED)
        reply = self._stepper.step_raw()
        if reply.kind is StopKind.SIGNAL:
            self._mask_interrupts()
        return reply

    def _record_before_entry(self, step: PendingStep, done: bytes) -> None:
        """Record an instruction after which the step has gone on into a handler.

        :param done: the core registers between the two.
        """
        after, self._registers.raw = self._registers.raw, done
        self._stepper.record(step, is_executed=True)
        self._registers.raw = after

    def _enter(self, taken: Taken, interrupted: int) -> None:
        """The current vCPU is at an exception's handler."""
        registers, following = self._registers, taken.following
        if following is None:
            self._note_entry(taken.number, interrupted)
            return
        assert following.found is not None
        after = registers.raw
        registers.raw = self._layout.with_values(after, following.found)
        self._note_entry(taken.number, interrupted)
        registers.raw = after
        self._enter(following, following.found[self._arch.pc])

    def _note_entry(self, number: int, interrupted: int) -> None:
        stepper = self._stepper
        stepper.forget_code_and_registers()
        stepper.sink.note(ExceptionTaken(number, stepper.thread_ordinal, interrupted, self._stepper.locate()))
        self._note_ambient()
        stepper.sink.state(self._registers.raw)

    def _wait_on(self) -> Stop | None:
        """An exception may have put the current vCPU into a wait: what comes next is an interrupt, not an
        instruction."""
        is_waiting = self._system.is_waiting
        if is_waiting is None or not is_waiting(self._registers):
            return None
        before = self._registers.raw
        try:
            reply = self._wait()
        except Asleep:
            return self._give_way()
        if reply.kind is not StopKind.SIGNAL:
            return end_of(reply)
        self._registers.raw = self._client.read_registers()
        self._before.raw, self._before.instruction = before, b""
        taken = self._system.taken(self._before, self._registers)
        if taken is None:
            if self._registers.raw != before:
                self._stepper.report_gap("a wait ended without an interrupt that can be seen")
                self._stepper.sink.state(self._registers.raw)
                return None
        else:
            self._enter(taken, self._before[self._arch.pc])
        return self._wait_on()

    def step_nowhere(self) -> Stop | None:
        """An instruction that cannot be fetched: the exception has no frame."""
        registers, before, before_at = self._registers, self._registers.raw, self._stepper.locate()
        reply = self._stepper.step_raw()
        if reply.kind is not StopKind.SIGNAL:
            return end_of(reply)
        registers.raw = self._client.read_registers()
        self._before.raw, self._before.instruction = before, b""
        taken = self._system.taken(self._before, registers)
        if taken is not None:
            self._enter(taken, self._stepper.address)
            return self._wait_on()
        # A jump into nothing: QEMU executes what it reads there, 0, which may be an instruction that does nothing.
        self._unread = self._unread + 1 if before_at == self._unread_until else 1
        self._unread_until = self._stepper.locate()
        if self._unread > _MOST_UNREAD:
            why = f"{_MOST_UNREAD} instructions on end whose bytes cannot be read, the last at {before_at:#x}"
            return Stop(StopReason.FAILED, detail=f"the guest has lost its way: {why}")
        self._stepper.report_gap("an instruction whose bytes cannot be read was executed", before_at)
        self._stepper.forget_code_and_registers()
        self._stepper.sink.state(registers.raw)
        return None

    def look_after(self, behaviour: Behaviour, /) -> None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        rearranges = behaviour.rearranges is not None and behaviour.rearranges(self._registers)
        if rearranges:
            self._memory.doubt_map()
        if rearranges or behaviour.is_system:
            self._stepper.forget_code_and_registers()
        elif behaviour.reloads:
            self._registers.forget_monitored()
        if rearranges or behaviour.is_system or behaviour.reloads:
            self._note_ambient()

    def _note_ambient(self) -> None:
        """Tell the recorder which address space the current vCPU is in, and what else every frame lists, if that has
        changed. All that is outside ``g`` has been forgotten."""
        registers = self._registers
        self._before.noted = {name: registers[name] for name in self._system.noted}
        values = {name: registers[name] for name in self._ambient_names}
        if values != self._ambient:
            self._ambient = values
            self._stepper.sink.note(Ambient(values))

    def react(self, reply: StopReply, step: PendingStep, /) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        self._stepper.record(step, is_executed=False)
        if reply.kind is not StopKind.SIGNAL:
            return end_of(reply)
        # The guest has panicked, and that is QEMU's last word.
        return self.vanish(TargetDied(f"the machine stopped with signal {reply.number}"))

    def vanish(self, error: TargetDied, /) -> Stop:
        """See :class:`~gdbtrace.tracer.guest.Guest`. QEMU ends when the guest switches the machine off, resets it or
        panics; whether it was that is for the recorder to find out."""
        return Stop(StopReason.EXITED)

    # -- halts and turns ---------------------------------------------------------------------------------------------

    def halt(self, known: KnownInstruction, /) -> StopReply:
        """See :class:`~gdbtrace.tracer.guest.Guest`.

        With interrupts on the clock is held here too, so that the wait begins and nothing else happens: it is ended by
        :meth:`_wait_for_any`, after which one more instruction may have been executed.
        """
        registers, raw = self._registers, self._registers.raw
        registers.raw = self._behind(known)
        self._following = self._stepper.prepare()
        registers.raw = raw
        return self._wait()

    def _wait(self) -> StopReply:
        """Step the current vCPU into its wait, or through it.

        :raise Asleep: it waits.
        """
        flags = None if self._interrupts else self._system.waiting_step
        if flags is None:
            return self._halt(takes_interrupts=False)
        self._set_flags(flags)
        try:
            reply = self._halt(takes_interrupts=not flags & _MASKED)
        except (Asleep, BurstEnded):
            self._mask_interrupts()
            raise
        if reply.kind is StopKind.SIGNAL:
            self._mask_interrupts()
        return reply

    def _behind(self, known: KnownInstruction) -> bytes:
        """The core registers after an instruction that changes none but the program counter."""
        arch, registers, size = self._arch, self._registers, len(known.data)
        if arch.next_pc is None:
            return self._layout.with_values(registers.raw, {arch.pc: (registers[arch.pc] + size) & arch.address_mask})
        following = registers[arch.next_pc]
        values = {arch.pc: following, arch.next_pc: (following + size) & arch.address_mask}
        return self._layout.with_values(registers.raw, values)

    def swallowed(self, before: bytes, /) -> PendingStep | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`. A wait that is over as soon as it has begun, since an interrupt is
        pending that may not be taken, ends in the middle of the step."""
        following, self._following = self._following, None
        if following is None:
            return None
        self._before.raw = following.before
        if self._registers[self._arch.pc] == self._before[self._arch.pc]:
            return None
        self._before.raw, self._before.instruction = before, b""
        return following if self._system.taken(self._before, self._registers) is None else None

    def _halt(self, *, takes_interrupts: bool) -> StopReply:
        reply = self._try_step(_PATIENCE_SECONDS)
        while reply is None and self._is_alone() and takes_interrupts:
            reply = self._try_step(_IDLE_SECONDS)
            if reply is None:
                raise BurstEnded(Stop(StopReason.HALTED, detail=f"no interrupt came for {_IDLE_SECONDS:g} s"))
        if reply is None or (reply.kind is StopKind.SIGNAL and self._is_halted(self._current)):
            # Of a call of the machine's own firmware (PSCI) the step ends, and the vCPU has switched itself off.
            raise Asleep
        return reply

    def _try_step(self, patience: float) -> StopReply | None:
        """Step the current vCPU; None: it is halted, and still is after ``patience`` seconds."""
        while True:
            reply = self._resume_for(resumption(b"s", self._stepper.thread), patience)
            if reply.kind is not StopKind.SIGNAL or reply.number == SIGTRAP:
                return reply
            if self._is_halted(self._current):
                return None

    def _resume_for(self, packet: bytes, patience: float) -> StopReply:
        """Resume what may not stop by itself, and stop it after ``patience`` seconds (SIGINT then).

        :raise Interrupted: the recorder wants the burst to end.
        """
        stepper, client = self._stepper, self._client
        client.send(packet)
        deadline = time.monotonic() + patience
        while not client.has_packet():
            sources: list[StubClient | socket.socket] = [client, stepper.control]
            readable, _, _ = select.select(sources, [], [], max(deadline - time.monotonic(), 0))
            if stepper.control in readable:
                raise Interrupted
            if not readable:
                client.send_raw(b"\x03")
                break
            # The acknowledgement comes first, alone.
            client.receive_some(socket.MSG_DONTWAIT)
        reply = client.wait_for_stop()
        assert reply is not None
        return reply

    def _is_halted(self, vcpu: Vcpu) -> bool:
        """Whether QEMU says that a vCPU waits for an interrupt, or to be switched on."""
        reply = self._client.request(b"qThreadExtraInfo," + vcpu.identity)
        return b"halted" in self._client.raw_registers(reply)

    def _is_alone(self) -> bool:
        """Whether no other vCPU can have a turn."""
        return self._next_in_turn() is None

    def take_turns(self, done: int, /) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        if not done:
            # A burst may have been interrupted in a wait, and others may have run the machine since.
            self._mask_interrupts()
            for vcpu in self._vcpus:
                vcpu.is_halted = self._is_halted(vcpu)
            if self._current.is_halted and (stop := self._give_way()) is not None:
                return stop
        if len(self._vcpus) > 1 and self._schedule.only is None and done >= self._turn_ends:
            self._turn_ends = done + self._schedule.quantum
            following = self._next_in_turn()
            self._turns += 1
            if self._interrupts and self._system.is_woken is None and not self._turns % _PEEK_TURNS:
                # Only trying says whether an interrupt has come for those that wait.
                following = self._wait_for_any(UNMASKED_STEP, _PEEK_SECONDS) or following
            if following is not None:
                self._change_to(following)
        return None

    def leave(self, step: PendingStep, /, *, has_ended: bool) -> Stop | None:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        self._registers.raw = self._client.read_registers()
        self._stepper.record(step, is_executed=True)
        return self._give_way()

    def _give_way(self) -> Stop | None:
        """The current vCPU is halted: go on with another one."""
        self._current.is_halted = True
        following = self._next_in_turn()
        if following is None and self._interrupts:
            following = self._wait_for_any(_UNMASKED_WAIT, _IDLE_SECONDS)
        if following is None:
            why = "interrupts are off" if not self._interrupts else f"no interrupt came for {_IDLE_SECONDS:g} s"
            who = f"every vCPU is halted, at {self._stepper.locate():#x} the last"
            if self._schedule.only is not None:
                who = f"vCPU {self._schedule.only} is halted at {self._stepper.locate():#x}, no other one is stepped"
            return Stop(StopReason.HALTED, detail=f"{who}, and {why}")
        self._change_to(following)
        return None

    def _wait_for_any(self, flags: int, patience: float) -> Vcpu | None:
        """Step all vCPUs that are halted at once, until one of them wakes; the first that has.

        Each that wakes takes its interrupt in this step or, where those are masked, executes one instruction.
        """
        only = self._schedule.only
        waiting = [vcpu for vcpu in self._vcpus if vcpu.is_halted and only in (None, vcpu.ordinal)]
        if not waiting:
            return None
        current = self._current
        before = []
        for vcpu in waiting:
            self._change_to(vcpu)
            before.append((vcpu, self._registers.raw, self._stepper.prepare()))
        self._set_flags(flags)
        reply = self._resume_for(framed(b"vCont" + b"".join(b";s:" + vcpu.identity for vcpu in waiting)), patience)
        if reply.kind is not StopKind.SIGNAL:
            raise BurstEnded(end_of(reply))
        self._mask_interrupts()
        woken = []
        for vcpu, raw, step in before:
            self._change_to(vcpu)
            if self._registers.raw != raw:
                self._wake(vcpu, raw, step)
                woken.append(vcpu)
        self._change_to(current)
        return woken[0] if woken else None

    def _wake(self, vcpu: Vcpu, before: bytes, step: PendingStep | None) -> None:
        """Tell the recorder what the current vCPU has done after its wait.

        :param before: its core registers in the wait.
        :param step: the instruction that it waited at; None: its bytes cannot be read.
        """
        vcpu.is_halted = False
        registers, stepper = self._registers, self._stepper
        after, registers.raw = registers.raw, before
        interrupted = self._stepper.locate()
        registers.raw = after
        self._before.raw, self._before.instruction = before, b""
        taken = self._system.taken(self._before, registers)
        stepper.sink.state(before)
        if taken is not None:
            self._enter(taken, interrupted)
        elif step is not None:
            stepper.record(step, is_executed=True)
        else:
            stepper.report_gap("an instruction whose bytes cannot be read was executed")
            stepper.sink.state(after)

    def _next_in_turn(self) -> Vcpu | None:
        """The vCPU after the current one that is not halted, if there is one."""
        if self._schedule.only is not None:
            return None
        at = self._vcpus.index(self._current)
        for vcpu in (*self._vcpus[at + 1 :], *self._vcpus[:at]):
            if vcpu.is_halted:
                vcpu.is_halted = not self._has_woken(vcpu)
            if not vcpu.is_halted:
                return vcpu
        return None

    def _has_woken(self, vcpu: Vcpu) -> bool:
        """Whether a halted vCPU can go on."""
        if not self._is_halted(vcpu):
            return True
        is_woken = self._system.is_woken
        if is_woken is None:
            return False
        with self._showing(vcpu):
            return is_woken(self._registers)

    @contextlib.contextmanager
    def _showing(self, vcpu: Vcpu) -> Iterator[None]:
        """Have the stub show a vCPU's registers, and the current one's afterwards."""
        registers, raw = self._registers, self._registers.raw
        self._client.request(b"Hg" + vcpu.identity)
        registers.forget()
        registers.raw = self._client.read_registers()
        try:
            yield
        finally:
            self._client.request(b"Hg" + self._current.identity)
            registers.forget()
            registers.raw = raw

    def _change_to(self, vcpu: Vcpu) -> None:
        """Give a vCPU its turn."""
        self._current = vcpu
        self._client.request(b"Hg" + vcpu.identity)
        self._memory.look_as(vcpu.ordinal)
        self._stepper.switch_to(vcpu.identity, vcpu.ordinal)
        self._stepper.forget_code_and_registers()
        self._note_ambient()

    def iter_others(self) -> Iterator[tuple[int, AbstractContextManager[None]]]:
        """See :class:`~gdbtrace.tracer.guest.Guest`."""
        for vcpu in self._vcpus:
            if vcpu is not self._current:
                yield vcpu.ordinal, self._showing(vcpu)
