"""PowerPC as firmware sees it: its interrupts, its translation and the instructions that programs do not have
(encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, AddressKind, Behaviour, Span, StepRule, Taken
from gdbtrace.arch.registry import MACHINES
from gdbtrace.arch.system.ppc import SYSTEM
from tests.machine_registers import Values

L, S = AccessKind.LOAD, AccessKind.STORE
DATA, CODE = AddressKind.DATA, AddressKind.CODE
PPC, PPC64 = MACHINES["ppc"], MACHINES["ppc64"]


def behaviour(code: str) -> Behaviour:
    return PPC.behaviour_of(disassemble(bytes.fromhex(code), 0x1000, PPC.modes[0]))


@pytest.mark.parametrize(
    ("pc", "came_from", "msr", "expected"),
    [
        (0x700, 0x1000, 0, Taken(0x700, returns_to=0x1000)),
        (0xC00, 0x1004, 0, Taken(0xC00, returns_to=0x1004)),
        (0x900, 0x1000, 0, Taken(0x900, is_interrupt=True, returns_to=0x1000)),
        (0xFFF0_0300, 0x1000, 0x40, Taken(0x300, returns_to=0x1000)),
        (0x700, 0x2000, 0, None),  # a jump
        (0x700, 0x1000, 0x8000, None),  # interrupts are on
        (0x704, 0x1000, 0, None),
        (0x1004, 0x1000, 0, None),
    ],
)
def test_interrupts_by_vector(pc: int, came_from: int, msr: int, expected: Taken | None) -> None:
    after = Values(pc=pc, srr0=came_from, msr=msr)
    assert SYSTEM.taken(Values(pc=0x1000, msr=0), after) == expected


@pytest.mark.parametrize(
    ("code", "lr", "expected"),
    [
        ("4b ff f7 00", 0, None),  # b 0x700
        ("4e 80 00 20", 0x700, None),  # blr
        ("4e 80 00 20", 0x704, Taken(0x700, returns_to=0x1000)),
        ("48 00 07 02", 0, None),  # ba 0x700
        ("48 00 07 04", 0, Taken(0x700, returns_to=0x1000)),
    ],
)
def test_a_branch_to_a_vector_is_none(code: str, lr: int, expected: Taken | None) -> None:
    before = Values(pc=0x1000, msr=0, lr=lr)
    before.instruction = bytes.fromhex(code)
    assert SYSTEM.taken(before, Values(pc=0x700, srr0=0x1000, msr=0)) == expected


@pytest.mark.parametrize(
    ("pc", "registers", "expected"),
    [
        (0x10_0060, {"srr0": 0x1000}, Taken(6, returns_to=0x1000)),
        (0x10_00A0, {"srr0": 0x1000}, Taken(10, is_interrupt=True, returns_to=0x1000)),
        (0x10_0000, {"csrr0": 0x1000}, Taken(0, is_interrupt=True, returns_to=0x1000)),
        (0x10_0000, {"srr0": 0x1000}, None),
        (0x20_0060, {"srr0": 0x1000}, None),
    ],
)
def test_interrupts_of_book_e_by_ivor(pc: int, registers: dict[str, int], expected: Taken | None) -> None:
    vectors = {f"ivor{number}": number << 4 for number in range(16)}
    after = Values({"pc": pc, "msr": 0, "ivpr": 0x10_0000, "srr0": 0, "csrr0": 0, **vectors, **registers})
    assert SYSTEM.taken(Values(pc=0x1000, msr=0), after) == expected


@pytest.mark.parametrize(
    ("registers", "kind", "expected"),
    [
        ({"msr": 0}, DATA, 0xFFF0_0100),
        ({"msr": 0x20}, DATA, 0xFFF0_0100),
        ({"msr": 0x20}, CODE, None),
        ({"msr": 0x10}, CODE, 0xFFF0_0100),
        ({"msr": 0x10}, DATA, None),
        ({"msr": 0x20, "ibat0u": 0xFFF0_001E, "ibat0l": 0x0040_0002}, CODE, 0x0040_0100),  # 1 MiB, supervisor
        ({"msr": 0x4020, "ibat0u": 0xFFF0_001E, "ibat0l": 0x0040_0002}, CODE, None),
        ({"msr": 0, "ivpr": 0}, DATA, None),  # Book E
    ],
)
def test_where_registers_say_what_an_address_is(
    registers: dict[str, int], kind: AddressKind, expected: int | None
) -> None:
    assert SYSTEM.physical(Values(registers), 0xFFF0_0100, kind) == expected


@pytest.mark.parametrize(
    ("code", "rule", "is_system"),
    [
        ("7c 60 01 24", StepRule.HALT, True),  # mtmsr r3
        ("7c 61 01 64", StepRule.PLAIN, False),  # mtmsrd r3, 1
        ("7c 00 81 46", StepRule.PLAIN, False),  # wrteei 1
        ("4c 00 00 64", StepRule.PLAIN, True),  # rfi
        ("4c 00 00 66", StepRule.PLAIN, True),  # rfci
        ("44 00 00 22", StepRule.SYSTEM_CALL, True),  # sc 1
        ("44 00 00 02", StepRule.SYSTEM_CALL, False),  # sc
        ("7c 00 00 7c", StepRule.HALT, False),  # wait
        ("4c 00 03 64", StepRule.HALT, False),  # nap
        ("7c 79 03 a6", StepRule.PLAIN, True),  # mtsdr1 r3
        ("7c 7a 03 a6", StepRule.PLAIN, False),  # mtsrr0 r3
        ("7c 00 07 a4", StepRule.PLAIN, True),  # tlbwe
        ("7c 00 19 4c", StepRule.PLAIN, False),  # dcbtls 0, 0, r3
        ("7c 00 1a 64", StepRule.PLAIN, True),  # tlbie r3
    ],
)
def test_what_programs_do_not_have(code: str, rule: StepRule, is_system: bool) -> None:
    found = behaviour(code)
    assert (found.rule, found.is_system) == (rule, is_system)


@pytest.mark.parametrize(("code", "name"), [("7c 7a 02 a6", "srr0"), ("7c 73 43 a6", "sprg3"), ("7c 70 0b a6", "pid")])
def test_special_registers_are_operands(code: str, name: str) -> None:
    assert name in behaviour(code).implied


def test_a_priority_hint_lets_another_vcpu_go_on() -> None:
    hint = disassemble(bytes.fromhex("7c 42 13 78"), 0x1000, PPC64.modes[0])  # or r2, r2, r2
    assert (PPC64.behaviour_of(hint).rule, PPC.behaviour_of(hint).rule) == (StepRule.YIELD, StepRule.PLAIN)


@pytest.mark.parametrize(("version", "expected"), [(0x8021_0030, 32), (0x8023_0000, 64)])
def test_dcbz_clears_the_processors_line(version: int, expected: int) -> None:
    function = behaviour("7c 00 1f ec").spans  # dcbz 0, r3
    assert function is not None
    assert list(function(Values(r3=0x1078, pvr=version))) == [Span(S, 0x1078 & -expected, expected)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("10 83 13 01", (L, 0x1010, 8)),  # evldd r4, 16(r3)
        ("10 83 2b 20", (S, 0x1000 + 0x20, 8)),  # evstddx r4, r3, r5
        ("10 83 0b 39", (S, 0x1004, 4)),  # evstwwe r4, 4(r3)
    ],
)
def test_spe_has_altivecs_opcodes(code: str, expected: tuple[AccessKind, int, int]) -> None:
    function = behaviour(code).spans
    assert function is not None
    values = Values(r3=0x1000, r5=0x20)
    assert list(function(values)) == []
    assert list(function(Values(values, ev0h=0))) == [Span(*expected)]


@pytest.mark.parametrize(("msr", "expected"), [(1 << 63, 0), (0, 1), (1 << 63 | 1, 2), (1, 3)])
def test_msr_says_the_mode(msr: int, expected: int) -> None:
    assert PPC64.mode_of is not None
    assert PPC64.mode_of(Values(msr=msr)) is PPC64.modes[expected]
