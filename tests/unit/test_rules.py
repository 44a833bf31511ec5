"""How each kind of instruction is stepped, against a stepper that does as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Registers, Span
from gdbtrace.arch.riscv import RISCV64
from gdbtrace.arch.sparc import SPARC64
from gdbtrace.errors import ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.rules import (
    ExclusiveSequence,
    Rule,
    run_to_following,
    step_annulling,
    step_breakpoint,
    step_clear_exclusive,
    step_execute,
    step_load_exclusive,
    step_nullifying,
    step_over,
    step_remember,
    step_repeat,
    step_store_exclusive,
    step_system_call,
    step_trapping,
)
from tests.fake_target import MEMORY, FakeTarget

TRAP = StopReply(StopKind.SIGNAL, SIGTRAP)
SEGV = StopReply(StopKind.SIGNAL, 11)
PC = 0x1000


class FakeStepper:
    """Does what each step packet is said to do, and keeps what it was asked for.

    :param steps: the registers that change, and the reply if it is not the end of a step.
    """

    def __init__(
        self, *steps: Mapping[str, int] | StopReply, arch: Arch = RISCV64, values: Mapping[str, int] | None = None
    ) -> None:
        self.arch = arch
        self.target = FakeTarget(arch, {"pc": PC, "npc": PC + 4, "a0": 0, "a1": 0, **(values or {})})
        self.client: StubClient = self.target
        self.registers = self.target.live()
        self.exclusive: ExclusiveSequence | None = None
        self.guest = self
        self.asked: list[str | tuple[int, ...]] = []
        self._steps = list(steps)

    def step_raw(self) -> StopReply:
        self.asked.append("step")
        step = self._steps.pop(0)
        if isinstance(step, StopReply):
            return step
        self.target.values.update(step)
        return TRAP

    def run_to(self, *addresses: int) -> StopReply:
        self.asked.append(addresses)
        return TRAP

    def make_system_call(self, known: KnownInstruction, following: int, /) -> StopReply:
        self.asked += ["call", (following,)]
        return TRAP

    def forget_fetched(self) -> None:
        self.asked.append("forget")

    def forget_code_and_registers(self) -> None:
        self.asked += ["forget", "suspect"]
        self.exclusive = None


def known(behaviour: Behaviour | None = None, data: bytes = b"\0\0\0\0") -> KnownInstruction:
    return KnownInstruction(0, data, behaviour or Behaviour(), ())


def is_one(name: str) -> Callable[[Registers], bool]:
    return lambda registers: registers[name] == 1


def asked_in(rule: Rule, stepper: FakeStepper, behaviour: Behaviour | None = None) -> list[str | tuple[int, ...]]:
    """What a rule asks of the stepper; it leaves the registers as they were before the instruction."""
    before = stepper.registers.raw
    rule(stepper, known(behaviour))
    assert stepper.registers.raw == before
    return stepper.asked


# -- breakpoints ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "always_traps", "is_raised"),
    [(PC, False, True), (PC + 4, False, False), (PC + 4, True, True), (PC, True, True)],
)
def test_sigtrap_is_the_guests_own_if_the_program_counter_is_still_there(
    after: int, always_traps: bool, is_raised: bool
) -> None:
    stepper = FakeStepper({"pc": after})
    reply = step_breakpoint(stepper, known(Behaviour(always_traps=always_traps)))
    assert reply == StopReply(StopKind.SIGNAL, SIGTRAP, is_raised=is_raised)
    assert stepper.registers["pc"] == PC


def test_breakpoint_that_raises_another_signal_is_not_a_trap() -> None:
    assert step_breakpoint(FakeStepper(SEGV), known(Behaviour(always_traps=True))) == SEGV


# -- running to where it goes on -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stepper", "data", "following"),
    [
        (FakeStepper(), b"\0\0", PC + 2),
        (FakeStepper(arch=MIPS, values={"pc": 0xFFFF_FFFC}), b"\0\0\0\0", 0),
        (FakeStepper(arch=SPARC64, values={"npc": 0x2000}), b"\0\0\0\0", 0x2000),
    ],
    ids=["behind it", "at the end of the addresses", "the next program counter"],
)
def test_following_instruction_is_run_to(stepper: FakeStepper, data: bytes, following: int) -> None:
    run_to_following(stepper, known(data=data))
    assert stepper.asked == [(following,)]


def test_instruction_may_say_where_it_goes_on() -> None:
    behaviour = Behaviour(resumes_at=lambda registers: registers["a0"] + 8)
    assert asked_in(run_to_following, FakeStepper(values={"a0": 0x5000}), behaviour) == [(0x5008,)]


def test_trap_is_run_to_where_it_may_come() -> None:
    behaviour = Behaviour(traps_at=lambda registers: (0x2000,) if registers["a0"] else ())
    assert asked_in(step_trapping, FakeStepper(values={"a0": 1}), behaviour) == [(0x2000, PC + 4)]
    assert asked_in(step_trapping, FakeStepper({"pc": PC + 4}), behaviour) == ["step"]


def test_system_call_ends_what_was_known() -> None:
    stepper = FakeStepper()
    stepper.exclusive = ExclusiveSequence(stepper)
    assert asked_in(step_system_call, stepper) == ["call", (PC + 4,), "forget", "suspect"]
    assert stepper.exclusive is None


# -- what the stub does not show -----------------------------------------------------------------------------------


def test_value_is_computed_before_the_step_and_remembered_after_it() -> None:
    behaviour = Behaviour(remembers=("hidden", lambda registers: registers["a0"] + 1))
    stepper = FakeStepper({"a0": 50, "pc": PC + 4}, values={"a0": 7})
    step_remember(stepper, known(behaviour))
    assert stepper.registers.remembered == {"hidden": 8}


def test_nothing_is_remembered_of_an_instruction_that_faults() -> None:
    behaviour = Behaviour(remembers=("hidden", lambda registers: 1))
    stepper = FakeStepper(SEGV)
    assert step_remember(stepper, known(behaviour)) == SEGV
    assert stepper.registers.remembered == {}


# -- stops that are not the end of an instruction ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a0", "first", "steps"),
    [(1, {"pc": PC + 4}, 2), (1, {"pc": PC + 8}, 1), (0, {"pc": PC + 4}, 1), (1, SEGV, 1)],
    ids=["at the annulled slot", "behind the slot", "slot is executed", "fault"],
)
def test_stop_at_an_annulled_slot_is_stepped_over(a0: int, first: dict[str, int] | StopReply, steps: int) -> None:
    stepper = FakeStepper(first, {"pc": PC + 8}, values={"a0": a0})
    assert asked_in(step_annulling, stepper, Behaviour(annuls=is_one("a0"))) == ["step"] * steps


@pytest.mark.parametrize(
    ("first", "steps"),
    [({}, 2), ({"pc": PC + 4}, 1), ({"a0": 1}, 1), (SEGV, 1)],
    ids=["nothing changed", "done", "target jumps back", "fault"],
)
def test_execute_is_stepped_again_if_nothing_has_changed(first: dict[str, int] | StopReply, steps: int) -> None:
    assert asked_in(step_execute, FakeStepper(first, {"pc": PC + 4})) == ["step"] * steps


@pytest.mark.parametrize(
    ("first", "steps"),
    [({"a0": 1}, 2), ({"a0": 0}, 1), (SEGV, 1)],
    ids=["nullified", "not nullified", "fault"],
)
def test_nullified_instruction_is_stepped_over(first: dict[str, int] | StopReply, steps: int) -> None:
    stepper = FakeStepper(first, {"pc": PC + 8})
    assert asked_in(step_nullifying, stepper, Behaviour(nullifies=is_one("a0"))) == ["step"] * steps


@pytest.mark.parametrize(
    ("count", "first", "steps"),
    [(2, {"a0": 1}, 1), (1, {"a0": 0}, 2), (1, {"a0": 0, "pc": PC + 4}, 1), (0, {"pc": PC + 4}, 1)],
    ids=["more to come", "last one and leave", "last one", "nothing to do"],
)
def test_last_iteration_includes_leaving(count: int, first: dict[str, int], steps: int) -> None:
    behaviour = Behaviour(spans=lambda registers: (Span(AccessKind.LOAD, MEMORY, 1),) if registers["a0"] else ())
    stepper = FakeStepper(first, {"pc": PC + 4}, values={"a0": count})
    assert asked_in(step_repeat, stepper, behaviour) == ["step"] * steps


# -- exclusive sequences -------------------------------------------------------------------------------------------

STORE = Behaviour(has_stored=lambda registers: registers["a1"] == 0)
STORED, FAILED = {"pc": PC + 8, "a1": 0}, {"pc": PC + 8, "a1": 1}


def open_sequence(*steps: Mapping[str, int] | StopReply) -> FakeStepper:
    """A load-exclusive has been stepped; its store is next, and is as told."""
    stepper = FakeStepper({"pc": PC + 4, "a0": 5}, *steps)
    step_load_exclusive(stepper, known())
    stepper.registers.raw = stepper.target.raw
    stepper.asked.clear()
    return stepper


def test_store_that_succeeds_is_done() -> None:
    stepper = open_sequence(STORED)
    assert asked_in(step_store_exclusive, stepper, STORE) == ["step"]
    assert stepper.exclusive is None


def test_store_that_fails_is_run_again_from_its_load() -> None:
    # Given a store in the sequence, which the run must find undone
    stepper = open_sequence(FAILED)
    assert stepper.exclusive is not None
    stepper.target.put(MEMORY, 1)
    stepper.exclusive.before(stepper, [Span(AccessKind.STORE, MEMORY, 8)])
    stepper.target.put(MEMORY, 2)
    # When the store-exclusive fails
    asked = asked_in(step_store_exclusive, stepper, STORE)
    # Then everything is as it was at the load, and runs to behind the store
    assert [entry for entry in asked if entry != "forget"] == ["step", (PC + 8,)]
    assert (stepper.target.values["pc"], stepper.target.values["a0"]) == (PC, 0)
    assert stepper.target.read_memory(MEMORY, 8) == (1).to_bytes(8, "little")
    assert stepper.exclusive is None


def test_store_that_fails_in_the_free_run_too_fails_by_itself() -> None:
    # Given one that failed and was run again without a sequence left open
    stepper = open_sequence(FAILED, FAILED)
    asked_in(step_store_exclusive, stepper, STORE)
    stepper.asked.clear()
    # When the guest comes to one again with no load before it
    asked = asked_in(step_store_exclusive, stepper, STORE)
    # Then that step is what it came to
    assert asked == ["step"]


def test_store_of_which_no_register_says_whether_it_succeeded_is_always_run() -> None:
    asked = asked_in(step_store_exclusive, open_sequence())
    assert [entry for entry in asked if entry != "forget"] == [(PC + 8,)]


def test_store_that_faults_is_not_run_again() -> None:
    assert asked_in(step_store_exclusive, open_sequence(SEGV), STORE) == ["step"]


def test_sequence_that_is_given_up_is_closed() -> None:
    stepper = open_sequence({"pc": PC + 8})
    step_clear_exclusive(stepper, known())
    assert stepper.exclusive is None


def test_an_instruction_that_yields_is_passed_over() -> None:
    stepper = FakeStepper()
    assert step_over(stepper, known()) == TRAP
    assert stepper.asked == []
    assert stepper.target.values["pc"] == PC + 4


def test_an_instruction_that_yields_does_what_else_it_does() -> None:
    stepper = FakeStepper()
    step_over(stepper, known(Behaviour(advances=lambda registers: {"a0": registers["a0"] + 7})))
    assert (stepper.target.values["pc"], stepper.target.values["a0"]) == (PC + 4, 7)


def test_a_stub_that_does_not_take_the_program_counter_is_an_error() -> None:
    stepper = FakeStepper()
    stepper.target.write_register = lambda number, raw: None  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match="yields"):
        step_over(stepper, known())
