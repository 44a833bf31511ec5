"""How each kind of instruction is stepped so that it is exactly one frame.

A raw step of QEMU's user-mode stub is not always one instruction (measured on 7.2 and 10.0; docs/architectures.md has
the table). Each rule takes the stepper at the instruction and returns the stop reply with which the instruction is
done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gdbtrace.arch.model import AccessKind, Arch, Span, StepRule
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters


class Stepper(Protocol):
    """What the rules need of the stepper."""

    client: StubClient
    arch: Arch
    registers: LiveRegisters
    exclusive: ExclusiveSequence | None

    def step_raw(self) -> StopReply: ...

    def run_to(self, address: int, /) -> StopReply: ...

    def report_gap(self, why: str, /) -> None: ...

    def pin_random_bytes(self, address: int, size: int, /) -> None: ...

    def forget_fetched(self) -> None: ...

    def suspect_code(self) -> None: ...


_RETURNING_ELSEWHERE = frozenset({"sigreturn", "rt_sigreturn", "execve", "execveat"})

Rule = Callable[[Stepper, KnownInstruction], StopReply]


def step_plain(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """One step packet."""
    return stepper.step_raw()


def step_system_call(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Run to where the call returns: a raw step would execute the instruction there as well.

    ``sigreturn`` and ``execve`` return somewhere that is not known beforehand; they are stepped raw, and what the step
    swallowed is reported as a gap.
    """
    behaviour, calls, registers = known.behaviour, stepper.arch.system_calls, stepper.registers
    number = registers[calls.number] if behaviour.system_call is None else behaviour.system_call
    name = calls.names.get(number)
    arguments = [registers[register] for register in calls.arguments[:2]]
    if behaviour.resumes_at is not None:
        reply = stepper.run_to(behaviour.resumes_at(registers))
    elif name in _RETURNING_ELSEWHERE:
        stepper.report_gap("a system call that returns elsewhere: the instruction after it ran with it")
        reply = stepper.step_raw()
    else:
        reply = stepper.run_to(_following(stepper, known))
        if name == "getrandom" and reply.kind is StopKind.SIGNAL and reply.number == SIGTRAP:
            stepper.pin_random_bytes(*arguments)
    stepper.exclusive = None
    stepper.forget_fetched()
    stepper.suspect_code()
    return reply


def step_window(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """SPARC register windows: a spill or fill by QEMU makes a raw step swallow the next instruction, so run to it."""
    return stepper.run_to(_following(stepper, known))


def step_second_stop(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """On the instruction's own condition there is one more stop before it is done."""
    stops_twice = known.behaviour.stops_twice
    is_stopping_twice = stops_twice is not None and stops_twice(stepper.registers)
    reply = stepper.step_raw()
    if is_stopping_twice and reply.kind is StopKind.SIGNAL:
        reply = stepper.step_raw()
    return reply


def step_repeat(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """x86 repeat prefix: one step is one iteration, and one more, with the count at zero, leaves the instruction.

    That last one touches nothing and belongs to the last iteration's frame.
    """
    registers = stepper.registers
    pc = stepper.arch.pc
    before, had_work = registers[pc], _touches(known, stepper)
    reply = stepper.step_raw()
    if reply.kind is not StopKind.SIGNAL or not had_work:
        return reply
    registers.raw = stepper.client.read_registers()
    if registers[pc] == before and not _touches(known, stepper):
        reply = stepper.step_raw()
    return reply


def step_load_exclusive(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Open an exclusive sequence, on targets where stopping clears the monitor."""
    if not stepper.arch.exclusive_survives_step:
        stepper.exclusive = ExclusiveSequence(stepper)
    return stepper.step_raw()


def step_clear_exclusive(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Close the sequence without a store."""
    stepper.exclusive = None
    return stepper.step_raw()


def step_store_exclusive(stepper: Stepper, known: KnownInstruction) -> StopReply:
    """Run the whole open sequence again, from its load to after this store, without a stop in between.

    Every instruction before the store has its frame already; the store's is the difference between the stepped state
    before it and the state after the free run.  Without an open sequence the store fails, as it does in a free run.
    """
    sequence, stepper.exclusive = stepper.exclusive, None
    if sequence is None:
        return stepper.step_raw()
    after = _following(stepper, known)
    sequence.rewind(stepper)
    return stepper.run_to(after)


class ExclusiveSequence:
    """The state at a load-exclusive, to which the target can be put back."""

    def __init__(self, stepper: Stepper) -> None:
        self._raw = stepper.registers.raw
        self._fetched: dict[str, bytes] = {}
        self._memory: list[tuple[int, bytes]] = []

    def before(self, stepper: Stepper, spans: Sequence[Span]) -> None:
        """Note what the coming instruction may overwrite. Call before each one of the sequence."""
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
        for name, value in self._fetched.items():
            client.write_register(stepper.registers.layout.fetched[name][0], value)
        stepper.forget_fetched()
        client.write_registers(self._raw)


def _following(stepper: Stepper, known: KnownInstruction) -> int:
    """Address of the instruction that runs after this one, if this one does not jump."""
    arch, registers = stepper.arch, stepper.registers
    if arch.next_pc is not None:
        return registers[arch.next_pc]
    return (registers[arch.pc] + len(known.data)) & arch.address_mask


def _touches(known: KnownInstruction, stepper: Stepper) -> bool:
    return known.spans is not None and bool(known.spans(stepper.registers))


RULES: Mapping[StepRule, Rule] = {
    StepRule.PLAIN: step_plain,
    StepRule.SYSTEM_CALL: step_system_call,
    StepRule.WINDOW: step_window,
    StepRule.SECOND_STOP: step_second_stop,
    StepRule.LOAD_EXCLUSIVE: step_load_exclusive,
    StepRule.STORE_EXCLUSIVE: step_store_exclusive,
    StepRule.CLEAR_EXCLUSIVE: step_clear_exclusive,
    StepRule.REPEAT: step_repeat,
}
