"""Which steps of a MIPS are exceptions, where addresses are, and what compact and coprocessor instructions do."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.mips_machine import MIPS_MACHINES
from gdbtrace.arch.model import AccessKind, AddressKind, Behaviour, StepRule, Taken

MIPS, MIPSEL, MIPS64, MIPS64EL = MIPS_MACHINES
assert MIPS.system is not None
SYSTEM = MIPS.system
EXL, IE, USER = 2, 1, 0x10
LOAD, STORE = AccessKind.LOAD, AccessKind.STORE
NOP, SYSCALL, MTC0_STATUS, MTC0_CAUSE, JR = (
    bytes.fromhex(word) for word in ("00000000", "0000000c", "40886000", "40886800", "01000008")
)


class State(dict[str, int]):
    """Registers, the instruction at them, and memory."""

    def __init__(
        self, pc: int, status: int, code: int = 0, instruction: bytes = NOP, memory: bytes = NOP, **registers: int
    ) -> None:
        initial = {"pc": pc, "sr": status, "cause": code << 2, "bad": 0, "epc": 0, "config3": 0, "asid": 0}
        super().__init__(initial | registers)
        self.instruction = instruction
        self.memory = memory

    def anew(self, name: str) -> int:
        return self[name]

    def read_memory(self, address: int, size: int) -> bytes:
        return self.memory[:size]


def test_an_exception_sets_exl() -> None:
    before, after = State(0x80100000, IE, instruction=SYSCALL), State(0x80000180, IE | EXL, 8)
    assert SYSTEM.taken(before, after) == Taken(8)


def test_an_interrupt_says_where_it_returns_to() -> None:
    before, after = State(0x80100000, IE), State(0x80000200, IE | EXL, 0, epc=0x80100004)
    assert SYSTEM.taken(before, after) == Taken(0, is_interrupt=True, returns_to=0x80100004)


def test_an_instruction_may_set_exl() -> None:
    before = State(0x80100000, 0, instruction=MTC0_STATUS)
    assert SYSTEM.taken(before, State(0x80100004, EXL)) is None
    assert SYSTEM.taken(before, State(0x80000180, EXL, 11)) == Taken(11)
    assert SYSTEM.taken(before, State(0x80000180, EXL, 0)) == Taken(0, is_interrupt=True, returns_to=0)


def test_a_handler_runs() -> None:
    assert SYSTEM.taken(State(0x80000180, EXL), State(0x80000184, EXL)) is None
    assert SYSTEM.taken(State(0x80000200, EXL), State(0x80100000, 0)) is None


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (State(0x80000190, EXL, 2), State(0x80000180, EXL, 8), 8),
        (State(0x80000190, EXL, 2), State(0x80000180, EXL, 2, bad=4), 2),
        (State(0x80000190, EXL, 13), State(0x80000180, EXL, 13), 13),
        (State(0x80000190, EXL, 13), State(0x80000180, EXL, 13, memory=JR), None),
        (State(0x8000017C, EXL, 13), State(0x80000180, EXL, 13), None),
        (State(0x80000190, EXL, 2, MTC0_CAUSE), State(0x80000194, EXL, 8), None),
        (State(0x80000190, EXL, 2), State(0x80000400, EXL, 2), None),
    ],
)
def test_an_exception_on_top_of_another(before: State, after: State, expected: int | None) -> None:
    assert SYSTEM.taken(before, after) == (None if expected is None else Taken(expected))


def test_windows() -> None:
    registers = State(0, 0)
    assert SYSTEM.physical(registers, 0x80001234, AddressKind.DATA) == 0x1234
    assert SYSTEM.physical(registers, 0xBFC00000, AddressKind.CODE) == 0x1FC00000
    assert SYSTEM.physical(registers, 0xC0000000, AddressKind.DATA) is None
    assert SYSTEM.physical(registers, 0x00400000, AddressKind.DATA) is None
    assert SYSTEM.physical(State(0, 0, config3=1 << 25), 0x80001234, AddressKind.DATA) is None
    assert MIPS64.system is not None
    assert MIPS64.system.physical(registers, 0xFFFF_FFFF_BFC0_0000, AddressKind.CODE) == 0x1FC00000
    assert MIPS64.system.physical(registers, 0x9000_0000_0000_1000, AddressKind.DATA) is None


def behaviour(word: str) -> Behaviour:
    return MIPS.behaviour_of(disassemble(bytes.fromhex(word), 0x80100000, MIPS.modes[0]))


@pytest.mark.parametrize(
    ("word", "rule", "is_system"),
    [
        ("42000020", StepRule.HALT, False),  # wait
        ("42000018", StepRule.PLAIN, True),  # eret
        ("42000006", StepRule.PLAIN, True),  # tlbwr
        ("40885000", StepRule.REMEMBER, True),  # mtc0 t0, EntryHi
        ("40886000", StepRule.PLAIN, True),  # mtc0 t0, Status
        ("40884800", StepRule.PLAIN, False),  # mtc0 t0, Count
        ("40086000", StepRule.PLAIN, False),  # mfc0 t0, Status
    ],
)
def test_coprocessor_0(word: str, rule: StepRule, is_system: bool) -> None:
    assert (behaviour(word).rule, behaviour(word).is_system) == (rule, is_system)


def test_the_address_space_is_what_mtc0_says() -> None:
    remembers = behaviour("40885000").remembers
    assert remembers is not None
    name, value = remembers
    assert (name, value(State(0, 0, t0=0x1234))) == ("asid", 0x34)
    assert value(State(0, USER, t0=0x1234, asid=7)) == 7


def compact(code: str, mode: int, address: int = 0x80100000) -> Behaviour:
    disassembled = disassemble(bytes.fromhex(code), address, MIPS.modes[mode])
    assert len(disassembled.data) == len(code) // 2
    return MIPS.behaviour_of(disassembled)


def touched(found: Behaviour, memory: bytes = NOP, **registers: int) -> list[tuple[AccessKind, int, int]]:
    if found.spans is None:
        return []
    spans = found.spans(State(0, 0, memory=memory, **registers))
    return [(span.kind, span.address, span.size) for span in spans if span.size]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("9c61", [(LOAD, 0x1004, 4)]),  # lw v1, 4(a0)
        ("f7ff9c7c", [(LOAD, 0x0FFC, 4)]),  # lw v1, -4(a0)
        ("8c61", [(LOAD, 0x1002, 2)]),  # lh
        ("c461", [(STORE, 0x1001, 1)]),  # sb
        ("9301", [(LOAD, 0x2004, 4)]),  # lw v1, 4(sp)
        ("6201", [(STORE, 0x2004, 4)]),  # sw ra, 4(sp)
        ("64c3", [(STORE, 0x1FFC, 4)]),  # save 24, ra
        ("64f4", [(STORE, 0x1FF4, 12)]),  # save 32, ra, s0, s1
        ("6474", [(LOAD, 0x2014, 12)]),  # restore 32, ra, s0, s1
        ("f10464f4", [(STORE, 0x2000, 4), (STORE, 0x1FF0, 16)]),  # save a0, 32, ra, s0, s1, s2
        ("1c00000a", []),  # jalx or jal
    ],
)
def test_mips16_accesses(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert touched(compact(code, 1), a0=0x1000, sp=0x2000) == expected


def test_mips16_loads_relative_to_the_program_counter() -> None:
    found = compact("b201", 1, 0x80100006)  # lw v0, 4(pc)
    assert touched(found) == [(LOAD, 0x80100008, 4)]
    jal, jr = bytes.fromhex("18000000"), bytes.fromhex("6500e820")
    assert touched(found, jal) == [(LOAD, 0x80100004, 4)]
    assert touched(found, jr) == [(LOAD, 0x80100008, 4)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("6943", [(LOAD, 0x100C, 4)]),  # lw16 v0, 12(a0)
        ("094f", [(LOAD, 0x0FFF, 1)]),  # lbu16 v0, -1(a0)
        ("e943", [(STORE, 0x100C, 4)]),  # sw16 v0, 12(a0)
        ("4842", [(LOAD, 0x2008, 4)]),  # lwsp v0, 8(sp)
        ("4502", [(LOAD, 0x2008, 8)]),  # lwm16 s0, ra, 8(sp)
        ("4542", [(STORE, 0x2008, 8)]),  # swm16
        ("fc44fff8", [(LOAD, 0x0FF8, 4)]),  # lw v0, -8(a0)
        ("22245008", [(LOAD, 0x1008, 8)]),  # lwm32 s0, ra, 8(a0)
        ("2044900c", [(STORE, 0x100C, 8)]),  # swp v0, 12(a0)
        ("60443004", [(LOAD, 0x1004, 4)]),  # ll v0, 4(a0)
        ("6044b004", [(LOAD, 0x1004, 4), (STORE, 0x1004, 4)]),  # sc
        ("60440005", [(LOAD, 0x1004, 4)]),  # lwl
    ],
)
def test_micromips_accesses(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert touched(compact(code, 2), a0=0x1000, sp=0x2000) == expected


@pytest.mark.parametrize(
    ("code", "rule", "is_system"),
    [
        ("0000937c", StepRule.HALT, False),  # wait
        ("0000f37c", StepRule.PLAIN, True),  # eret
        ("010a02fc", StepRule.REMEMBER, True),  # mtc0 t0, EntryHi
        ("010c02fc", StepRule.PLAIN, True),  # mtc0 t0, Status
    ],
)
def test_coprocessor_0_in_micromips(code: str, rule: StepRule, is_system: bool) -> None:
    found = compact(code, 2)
    assert (found.rule, found.is_system) == (rule, is_system)


def test_bit_0_of_the_program_counter_is_the_instruction_set() -> None:
    assert MIPS.mode_of is not None
    names = [MIPS.mode_of(State(pc, 0, config3=isa << 14)).name for pc, isa in ((0, 0), (1, 0), (1, 2))]
    assert names == [None, "mips:mips16e", "mips:micromips"]
