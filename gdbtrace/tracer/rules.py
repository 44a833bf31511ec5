"""How each kind of instruction is stepped so that it is exactly one frame.

A raw step of QEMU's user-mode stub is not always one instruction (measured on 7.2 and 10.0; docs/architectures.md has
the table). Each rule takes the stepper at the instruction and returns the stop reply with which the instruction is
done.  No rule knows what a version of QEMU does: either it runs to where the instruction goes on, which is right
whatever a step does, or it looks where a step has stopped (docs/decisions/0005).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from gdbtrace.arch.model import AccessKind, Arch, Span, StepRule
from gdbtrace.errors import ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply
from gdbtrace.tracer.guest import Guest
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters


class Stepper(Protocol):
    """What the rules need of the stepper."""

    client: StubClient
    arch: Arch
    registers: LiveRegisters
    exclusive: ExclusiveSequence | None
    pending_signal: int
    done: bytes | None
    guest: Guest

    def step_raw(self) -> StopReply: ...

    def run_to(self, *addresses: int) -> StopReply: ...

    def forget_fetched(self) -> None: ...

    def forget_code_and_registers(self) -> None: ...


Rule = Callable[[Stepper, KnownInstruction], StopReply]


def step_plain(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """One step packet."""
    return stepper.step_raw()


def step_system_call(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Run to where the call returns: a raw step may execute the instruction there as well."""
    reply = stepper.guest.make_system_call(known, _following(stepper, known))
    stepper.forget_code_and_registers()
    return reply


def step_halt(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Step what may stop the processor."""
    return stepper.guest.halt(known)


def step_load_state(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Run to where it goes, or have it halt."""
    goes_to = known.behaviour.goes_to
    addresses = goes_to(stepper.registers) if goes_to is not None else ()
    return stepper.run_to(*addresses) if addresses else stepper.guest.halt(known)


def step_breakpoint(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Tell the guest's own SIGTRAP from the end of a step."""
    registers, pc = stepper.registers, stepper.arch.pc
    before, raw = registers[pc], registers.raw
    reply = stepper.step_raw()
    if _is_trap(reply):
        registers.raw = stepper.client.read_registers()
        reply = replace(reply, is_raised=known.behaviour.always_traps or registers[pc] == before)
        registers.raw = raw
    return reply


def run_to_following(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Run to the instruction that comes after this one: a raw step may execute that one too."""
    return stepper.run_to(_following(stepper, known))


def step_over(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Put the program counter behind an instruction that does nothing else.

    Of the other two ways, a step executes the next instruction as well, and to run to it takes interrupts unseen.

    :raise ProtocolError: the stub does not take the new program counter.
    """
    client, arch, registers = stepper.client, stepper.arch, stepper.registers
    advances = known.behaviour.advances
    after = {**(advances(registers) if advances else {}), arch.pc: _following(stepper, known)}
    raw = registers.layout.with_values(registers.raw, after)
    if len(after) == 1:
        # The stub's writing of all the others changes some: x86's segment bases in real mode.
        start, end = registers.layout.core[arch.pc]
        client.write_register(registers.layout.numbers[arch.pc], raw[start:end])
    else:
        client.write_registers(raw)
    if client.read_registers() != raw:
        raise ProtocolError(raw.hex(), "the stub does not take the registers after an instruction that yields")
    return StopReply(StopKind.SIGNAL, SIGTRAP)


def step_remember(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Keep what the instruction writes to a register that the stub does not show."""
    assert known.behaviour.remembers is not None
    name, value_after = known.behaviour.remembers
    value = value_after(stepper.registers)
    reply = stepper.step_raw()
    if _is_trap(reply):
        stepper.registers.remembered[name] = value
    return reply


def step_annulling(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """A stop at a delay slot that is annulled is not the end of its branch."""
    registers, raw, pc = stepper.registers, stepper.registers.raw, stepper.arch.pc
    slot = _following(stepper, known)
    annuls = known.behaviour.annuls
    is_annulling = annuls is not None and annuls(registers)
    reply = stepper.step_raw()
    if is_annulling and _is_trap(reply):
        registers.raw = stepper.client.read_registers()
        is_at_slot = registers[pc] == slot
        registers.raw = raw
        if is_at_slot:
            reply = stepper.step_raw()
    return reply


def step_execute(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """A stop at which nothing has changed is not the end of an EXECUTE: QEMU has only made its target ready.

    A target that changes nothing and jumps back to the EXECUTE cannot be told from that.
    """
    reply = stepper.step_raw()
    if _is_trap(reply) and stepper.client.read_registers() == stepper.registers.raw:
        reply = stepper.step_raw()
    return reply


def step_nullifying(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """If the next instruction is nullified, a second step passes over it: it has a stop of its own, but no effect."""
    registers, raw = stepper.registers, stepper.registers.raw
    nullifies = known.behaviour.nullifies
    reply = stepper.step_raw()
    if nullifies is None or not _is_trap(reply):
        return reply
    registers.raw = stepper.client.read_registers()
    is_nullified = nullifies(registers)
    registers.raw = raw
    return stepper.step_raw() if is_nullified else reply


def step_trapping(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Run to the handler of a trap that a step would pass, or to the next instruction."""
    assert known.behaviour.traps_at is not None
    handlers = known.behaviour.traps_at(stepper.registers)
    return stepper.run_to(*dict.fromkeys((*handlers, _following(stepper, known)))) if handlers else stepper.step_raw()


def step_repeat(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """x86 repeat prefix: one step is one iteration, and there may be one more, with the count at zero, to leave it.

    That last one touches nothing and belongs to the last iteration's frame.
    """
    registers, raw = stepper.registers, stepper.registers.raw
    reply, done = _iterate(stepper, known)
    # What a signal interrupts is told from what has not begun by the registers before it.
    registers.raw = raw
    return reply if done is None else stepper.step_raw()


def step_repeat_of_machine(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """The same where the pass that leaves it may be preceded by an interrupt, or by a step in which nothing happens."""
    registers, raw, pc = stepper.registers, stepper.registers.raw, stepper.arch.pc
    before = registers[pc]
    reply, done = _iterate(stepper, known)
    stepper.done = done
    if done is not None:
        while _is_trap(reply) and registers[pc] == before:
            reply = stepper.step_raw()
            registers.raw = stepper.client.read_registers()
    registers.raw = raw
    return reply


def _iterate(stepper: Stepper, known: KnownInstruction) -> tuple[StopReply, bytes | None]:
    """Step one iteration.

    :return: the stop, and the core registers there if all that is left to do is to leave the loop.
    """
    registers, pc = stepper.registers, stepper.arch.pc
    before, had_work = registers[pc], _touches(known, stepper)
    reply = stepper.step_raw()
    if reply.kind is not StopKind.SIGNAL or not had_work:
        return reply, None
    registers.raw = stepper.client.read_registers()
    is_leaving = registers[pc] == before and not _touches(known, stepper)
    return reply, registers.raw if is_leaving else None


def step_load_exclusive(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Open an exclusive sequence."""
    stepper.exclusive = ExclusiveSequence(stepper)
    return stepper.step_raw()


def step_clear_exclusive(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Close the sequence without a store."""
    stepper.exclusive = None
    return stepper.step_raw()


def step_store_exclusive(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Step the store; if it fails, run the whole open sequence again, from its load to after this store, unstopped.

    On some targets (AArch64, PowerPC) a stop clears the monitor, so a stepped sequence fails for ever.  Every
    instruction before the store has its frame already; the store's is the difference between the stepped state
    before it and the state after the free run.  A store that fails in the free run too fails by itself.
    """
    sequence, stepper.exclusive = stepper.exclusive, None
    registers, raw = stepper.registers, stepper.registers.raw
    after = _following(stepper, known)
    has_stored = known.behaviour.has_stored
    if sequence is not None and has_stored is None:
        # Nothing would say that the store failed because it was stepped.
        sequence.rewind(stepper)
        return stepper.run_to(after)
    reply = stepper.step_raw()
    if sequence is None or has_stored is None or not _is_trap(reply):
        return reply
    registers.raw = stepper.client.read_registers()
    is_done = has_stored(registers)
    registers.raw = raw
    if is_done:
        return reply
    sequence.rewind(stepper)
    return stepper.run_to(after)


class ExclusiveSequence:
    """The state at a load-exclusive, to which the target can be put back."""

    def __init__(self, stepper: Stepper) -> None:
        self._raw = stepper.registers.raw
        self._fetched: dict[str, bytes] = {}
        self._memory: list[tuple[int, bytes]] = []
        self.instructions = 0
        """How many have begun since the load."""

    def before(self, stepper: Stepper, spans: Sequence[Span]) -> None:
        """Note what the coming instruction may overwrite. Call before each one of the sequence."""
        self.instructions += 1
        for name, value in stepper.registers.fetched.items():
            self._fetched.setdefault(name, value)
        for kind, address, size in spans:
            if kind is AccessKind.STORE and size:
                data = stepper.client.read_memory(address, size)
                if data is not None:
                    self._memory.append((address, data))

    def rewind(self, stepper: Stepper) -> None:
        """Put registers and memory back."""
        client = stepper.client
        # The last entry is of the store-exclusive itself, which has not run: its bytes are written back as they are.
        # The monitor is set anew by the load, after this.
        for address, data in reversed(self._memory):
            client.write_memory(address, data)
        stepper.forget_fetched()
        for name, value in self._fetched.items():
            if stepper.registers.fetch(name) != value:
                stepper.registers.put_back(name, value)
        stepper.forget_fetched()
        repeated = self._raw[len(self._raw) - stepper.arch.write_overrun :]
        client.write_registers(self._raw + repeated)


def _following(stepper: Stepper, known: KnownInstruction) -> int:
    """Address of the instruction that runs after this one, if this one does not jump."""
    arch, registers = stepper.arch, stepper.registers
    if known.behaviour.resumes_at is not None:
        return known.behaviour.resumes_at(registers)
    if arch.next_pc is not None:
        return registers[arch.next_pc]
    return (registers[arch.pc] + len(known.data)) & arch.address_mask


def _is_trap(reply: StopReply) -> bool:
    """Whether a step has ended, or the guest has trapped."""
    return reply.kind is StopKind.SIGNAL and reply.number == SIGTRAP


def _touches(known: KnownInstruction, stepper: Stepper) -> bool:
    return known.spans is not None and bool(known.spans(stepper.registers))


RULES: Mapping[StepRule, Rule] = {
    StepRule.PLAIN: step_plain,
    StepRule.SYSTEM_CALL: step_system_call,
    StepRule.BREAKPOINT: step_breakpoint,
    StepRule.RUN: run_to_following,
    StepRule.YIELD: run_to_following,
    StepRule.ANNULLING: step_annulling,
    StepRule.EXECUTE: step_execute,
    StepRule.LOAD_EXCLUSIVE: step_load_exclusive,
    StepRule.STORE_EXCLUSIVE: step_store_exclusive,
    StepRule.CLEAR_EXCLUSIVE: step_clear_exclusive,
    StepRule.NULLIFYING: step_nullifying,
    StepRule.REMEMBER: step_remember,
    StepRule.TRAPPING: step_trapping,
    StepRule.REPEAT: step_repeat,
    StepRule.HALT: step_plain,
    StepRule.LOAD_STATE: step_plain,
    StepRule.UNTRAPPED: step_plain,
}
"""How they are stepped where the target is a process."""


def step_foreign_call(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """One step packet; a SIGTRAP that the call sent is not the end of a step."""
    reply = stepper.step_raw()
    stepper.forget_code_and_registers()
    return replace(reply, is_raised=_is_trap(reply) and _is_sent(stepper.client))


def step_foreign_breakpoint(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """As :func:`step_breakpoint`, with the program counter where the processor has it."""
    registers = stepper.registers
    before, following = registers[stepper.arch.pc], _following(stepper, known)
    raw = registers.raw
    reply = step_breakpoint(stepper, known)
    if reply.is_raised and known.behaviour.traps_behind:
        registers.raw = stepper.client.read_registers()
        if registers[stepper.arch.pc] == before:
            corrected = registers.layout.with_values(registers.raw, {stepper.arch.pc: following})
            stepper.client.write_registers(corrected)
        registers.raw = raw
    return reply


def _is_sent(client: StubClient) -> bool:
    """Whether the latest signal was sent by a process: ``si_code``, the third int of siginfo_t (sigaction(2))."""
    try:
        information = client.read_object("siginfo")
    except ProtocolError:
        return False
    # SI_USER is 0, SI_TKILL and the others negative. Both byte orders have the sign at one end, and 0 in all bytes.
    code = information[8:12]
    return not any(code) or 0xFF in (code[0], code[-1])


def _with_signal(rule: Rule) -> Rule:
    """What is pending is delivered by a step, which ends at the first instruction of its handler."""

    def step(stepper: Stepper, known: KnownInstruction) -> StopReply:
        if not stepper.pending_signal:
            return rule(stepper, known)
        reply = stepper.step_raw()
        return replace(reply, is_raised=_is_trap(reply))

    return step


ATTACHED_RULES: Mapping[StepRule, Rule] = {
    rule: _with_signal(perform)
    for rule, perform in {
        **RULES,
        # A processor's own single step ends after the instruction, a system call too, with few exceptions.
        **dict.fromkeys((StepRule.RUN, StepRule.YIELD, StepRule.HALT), step_plain),
        StepRule.SYSTEM_CALL: step_foreign_call,
        StepRule.BREAKPOINT: step_foreign_breakpoint,
        StepRule.UNTRAPPED: run_to_following,
    }.items()
}
"""How they are stepped where the stub is somebody's."""

SYSTEM_RULES: Mapping[StepRule, Rule] = {
    **RULES,
    # A step of a machine is one instruction, or the entry of an exception, and leaves an exclusive monitor alone.
    **dict.fromkeys(
        (
            *(StepRule.SYSTEM_CALL, StepRule.BREAKPOINT, StepRule.RUN),
            *(StepRule.LOAD_EXCLUSIVE, StepRule.STORE_EXCLUSIVE, StepRule.CLEAR_EXCLUSIVE),
        ),
        step_plain,
    ),
    StepRule.YIELD: step_over,
    StepRule.REPEAT: step_repeat_of_machine,
    StepRule.HALT: step_halt,
    StepRule.LOAD_STATE: step_load_state,
}
"""How they are stepped where the target is a machine."""
