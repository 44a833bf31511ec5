"""The A profile in AArch32 state as firmware sees it: exceptions, translation, and what privileged instructions do."""

from __future__ import annotations

import pytest

from gdbtrace.arch.arm import ARM_MACHINE
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, AddressKind, Behaviour, Span, StepRule, Taken
from gdbtrace.arch.system.arm import A_PROFILE

USER, FIQ, IRQ, SVC, MON, ABT, HYP, UND = 0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x1A, 0x1B
THUMB, MASKED = 0x20, 0x80
VECTORS, PC = 0x40200000, 0x40010000
A32, T32 = ARM_MACHINE.modes
NOP, WFI, SVC_1, BL = (bytes.fromhex(text) for text in ("00f020e3", "03f020e3", "010000ef", "fefffeeb"))
T16_NOP, T16_SVC = bytes.fromhex("00bf"), bytes.fromhex("01df")
DATA = AddressKind.DATA


class State(dict[str, int]):
    """Registers and the instruction at them; what is missing, the processor does not have."""

    def __init__(self, mode: int, instruction: bytes = NOP, **registers: int) -> None:
        own = {"cpsr": mode, "pc": PC, "lr": 0, "sp": 0x1000, "SCTLR": 0, "VBAR": VECTORS, "TTBR0_EL1": 0, "DFAR": 0}
        super().__init__(own | registers)
        self.instruction = instruction
        self.banked_sp = 0x8000

    def anew(self, name: str) -> int:
        return self[name]

    def read_under(self, name: str, other: str, value: int) -> int:
        assert (name, other, value & 31) == ("sp", "cpsr", SVC)
        return self.banked_sp

    def read_memory(self, address: int, size: int) -> bytes:
        raise KeyError(address)


def at_vector(number: int, mode: int, lr: int, **registers: int) -> State:
    return State(mode | MASKED, **{"pc": VECTORS + 4 * number, "lr": lr, **registers})


@pytest.mark.parametrize(
    ("before", "number", "mode", "ahead"),
    [
        (State(USER), 1, UND, 4),
        (State(USER | THUMB, T16_NOP), 1, UND, 2),
        (State(USER, SVC_1), 2, SVC, 4),
        (State(USER | THUMB, T16_SVC), 2, SVC, 2),
        (State(SVC), 3, ABT, 4),
        (State(SVC, b""), 3, ABT, 4),
    ],
)
def test_an_exception_leaves_where_it_came_from(before: State, number: int, mode: int, ahead: int) -> None:
    assert A_PROFILE.taken(before, at_vector(number, mode, PC + ahead)) == Taken(number)
    assert A_PROFILE.taken(before, at_vector(number, mode, PC + ahead + 4)) is None
    assert A_PROFILE.taken(before, at_vector(number, USER, PC + ahead)) is None


def test_a_data_abort_says_which_access_was_refused() -> None:
    after = at_vector(4, ABT, PC + 8, DFAR=0xC0000004)
    assert A_PROFILE.taken(State(SVC), after) == Taken(4, refused=0xC0000004)


@pytest.mark.parametrize(("number", "mode"), [(6, IRQ), (7, FIQ)])
@pytest.mark.parametrize(("instruction", "returns_to"), [(NOP, PC), (WFI, PC), (WFI, PC + 4)])
def test_an_interrupt_says_where_it_returns_to(number: int, mode: int, instruction: bytes, returns_to: int) -> None:
    after = at_vector(number, mode, returns_to + 4)
    assert A_PROFILE.taken(State(SVC, instruction), after) == Taken(number, is_interrupt=True, returns_to=returns_to)


def test_the_vectors_are_where_the_control_register_says() -> None:
    high = State(SVC | MASKED, pc=0xFFFF0008, lr=PC + 4, SCTLR=1 << 13)
    assert A_PROFILE.taken(State(USER, SVC_1), high) == Taken(2)
    without_vbar = State(SVC | MASKED, pc=8, lr=PC + 4)
    del without_vbar["VBAR"]
    assert A_PROFILE.taken(State(USER, SVC_1), without_vbar) == Taken(2)


def test_the_secure_state_has_its_own_vectors() -> None:
    secure = State(SVC | MASKED, pc=0x8008, lr=PC + 4, SCR=0, SCTLR_S=0, VBAR_S=0x8000)
    assert A_PROFILE.taken(State(USER, SVC_1, SCR=0), secure) == Taken(2)
    monitor = State(MON | MASKED, pc=0x9008, lr=PC + 4, SCR=1, MVBAR=0x9000)
    assert A_PROFILE.taken(State(SVC, bytes.fromhex("700060e1"), SCR=1), monitor) == Taken(2)


def test_a_call_of_a_function_at_a_vector_is_no_exception() -> None:
    before = State(UND | MASKED, BL)
    assert A_PROFILE.taken(before, at_vector(1, UND, PC + 4)) is None
    assert A_PROFILE.taken(State(SVC | MASKED, BL), at_vector(2, SVC, PC + 4)) is None


def test_addresses_are_translated_when_the_control_register_says() -> None:
    assert A_PROFILE.physical(State(SVC), 0x1234, DATA) == 0x1234
    assert A_PROFILE.physical(State(SVC, SCTLR=1), 0x1234, DATA) is None
    assert A_PROFILE.physical(State(SVC, SCTLR_EL2=0, HCR=1), 0x1234, DATA) is None
    assert A_PROFILE.physical(State(HYP, SCTLR_EL2=0, SCTLR=1), 0x1234, DATA) == 0x1234
    assert A_PROFILE.physical(State(SVC, SCR=0, SCTLR_S=1, SCTLR=0, TTBR0_EL1_S=0), 0x1234, DATA) is None
    assert A_PROFILE.physical(State(SVC, FCSEIDR=0x2000000), 0x1234, DATA) is None
    with_protection_unit = State(SVC, SCTLR=1)
    del with_protection_unit["TTBR0_EL1"]
    assert A_PROFILE.physical(with_protection_unit, 0x1234, DATA) == 0x1234


def behaviour(number: str) -> Behaviour:
    """``number`` as objdump prints it: one number in A32, halfwords in T32."""
    unit = 4 if " " in number or len(number) == 4 else 8
    digits = number.replace(" ", "")
    data = b"".join(bytes.fromhex(digits[at : at + unit])[::-1] for at in range(0, len(digits), unit))
    return ARM_MACHINE.behaviour_of(disassemble(data, PC, T32 if unit == 4 else A32))


@pytest.mark.parametrize(
    "number",
    [
        *("e320f003", "bf30", "f3af 8003", "ee070f90"),  # wfi, the last by coprocessor 15
        *("e1400070", "e1600070", "f7e0 8000", "f7f0 8000"),  # hvc, smc
    ],
)
def test_what_may_halt(number: str) -> None:
    assert behaviour(number).rule is StepRule.HALT


@pytest.mark.parametrize(
    "number",
    [
        "ee010f10",  # mcr p15, 0, r0, c1, c0, 0
        "ee020f10",  # TTBR0
        "ee080f17",  # TLBIALL
        "ee0c0f10",  # VBAR
        "ee0d0f30",  # CONTEXTIDR
        "ec510f02",  # the wide TTBR0 is only read
        "ec410f02",
        "e1b0f00e",  # movs pc, lr
        "e25ef004",  # subs pc, lr, #4
        "e8fd8000",  # ldm sp!, {pc}^
        "e8fd800f",
        "f8bd0a00",  # rfeia sp!
        "e160006e",  # eret
        "f3de 8f04",  # subs pc, lr, #4
        "e9bd c000",  # rfeia sp!
        "ee01 0f10",
    ],
)
def test_what_may_change_translation_or_vectors(number: str) -> None:
    assert behaviour(number).is_system == (number != "ec510f02")


@pytest.mark.parametrize("number", ["ee110f10", "ee0d0f50", "ee070f15", "e1a0f00e", "e8bd8000", "e1b0000e", "e1d0f0b0"])
def test_what_may_not(number: str) -> None:
    assert not behaviour(number).is_system


@pytest.mark.parametrize(
    ("number", "names"),
    [
        ("ee110f10", ("SCTLR", "SCTLR_S")),
        ("ee0c0f10", ("VBAR", "VBAR_S")),
        ("ec410f02", ("TTBR0", "TTBR0_S")),
        ("ee1d0f70", ("TPIDRURO", "TPIDRURO_S")),
        ("ee15 0f10", ("DFSR", "DFSR_S")),
    ],
)
def test_the_registers_of_coprocessor_15(number: str, names: tuple[str, ...]) -> None:
    assert behaviour(number).implied == names
    assert set(names) <= {register.name for register in ARM_MACHINE.registers}


@pytest.mark.parametrize(
    ("number", "offset"),
    [("f96d0513", -8), ("f8ed0513", 0), ("f9ed0513", 4), ("f84d0513", -4), ("e82d c013", -8), ("e9ad c013", 0)],
)
def test_a_return_state_is_stored_to_the_stack_of_the_mode_that_is_named(number: str, offset: int) -> None:
    function = behaviour(number).spans
    assert function is not None
    for mode, stack in ((UND, 0x8000), (SVC, 0x1000)):
        where = stack + offset
        assert function(State(mode)) == [Span(AccessKind.STORE, where, 4), Span(AccessKind.STORE, where + 4, 4)]


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (0x10, {}),
        # it ne; wfene: the block's last instruction
        (0x10 | 0x1800, {"cpsr": 0x10}),
        # ittt eq, its first one: 0000 0010, 1110 -> the next
        (0x10 | 0x0400, {"cpsr": 0x10 | 0x0800}),
    ],
)
def test_an_instruction_that_yields_goes_on_in_its_block(status: int, after: dict[str, int]) -> None:
    advances = behaviour("bf20").advances
    assert advances is not None
    assert advances(State(status)) == after
