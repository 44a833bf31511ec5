"""AArch64 as firmware sees it: exceptions, translation, and what privileged instructions do."""

from __future__ import annotations

import pytest

from gdbtrace.arch.aarch64 import AARCH64, AARCH64_MACHINE
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AddressKind, Behaviour, StepRule, Taken
from gdbtrace.arch.system.aarch64 import AARCH64_LEVEL

EL0, EL1, EL1_SP0, EL2, EL3, MASKED = 0x0, 0x5, 0x4, 0x9, 0xD, 0x3C0
VECTORS, PC = 0x40200800, 0x40010000
DATA, CODE = AddressKind.DATA, AddressKind.CODE


def encoded(word: int) -> bytes:
    return word.to_bytes(4, "little")


NOP, WFI, SVC, HVC = (encoded(word) for word in (0xD503201F, 0xD503207F, 0xD4000021, 0xD4000002))


class State(dict[str, int]):
    """Registers and the instruction at them; what is missing, the processor does not have."""

    def __init__(self, status: int, instruction: bytes = NOP, **registers: int) -> None:
        super().__init__({"cpsr": status, "pc": PC, "SCTLR": 0, "VBAR": VECTORS} | registers)
        self.instruction = instruction

    def anew(self, name: str) -> int:
        return self[name]

    def read_under(self, name: str, other: str, value: int) -> int:
        raise KeyError(name)

    def read_memory(self, address: int, size: int) -> bytes:
        raise KeyError(address)


def at_vector(offset: int, saved: int, returns_to: int = PC, cause: int = 0, **registers: int) -> State:
    """At EL1's vectors."""
    syndrome = {"ESR_EL1": cause << 26, "FAR_EL1": 0xBAD0, "SPSR_EL1": saved, "ELR_EL1": returns_to}
    return State(EL1 | MASKED, **{"pc": VECTORS + offset, **syndrome, **registers})


@pytest.mark.parametrize(
    ("status", "instruction", "offset", "returns_to", "cause"),
    [
        (EL1, NOP, 0x200, PC, 0x00),
        (EL1_SP0, NOP, 0x000, PC, 0x3C),
        (EL0, SVC, 0x400, PC + 4, 0x15),
        (EL0, NOP, 0x400, PC, 0x20),
        (EL0, b"", 0x400, PC, 0x20),
        (EL1, HVC, 0x200, PC, 0x00),  # not implemented: undefined
        (EL0 | 1 << 31, NOP, 0x400, PC, 0x0E),
    ],
)
def test_the_number_is_the_vector_and_the_class(
    status: int, instruction: bytes, offset: int, returns_to: int, cause: int
) -> None:
    after = at_vector(offset, status, returns_to, cause)
    assert AARCH64_LEVEL.taken(State(status, instruction), after) == Taken(offset + cause)


@pytest.mark.parametrize("offset", [0x080, 0x280, 0x480, 0x500, 0x580])
@pytest.mark.parametrize(("instruction", "returns_to"), [(NOP, PC), (WFI, PC), (WFI, PC + 4)])
def test_an_interrupt_says_where_it_returns_to(offset: int, instruction: bytes, returns_to: int) -> None:
    after = at_vector(offset, EL1, returns_to)
    assert AARCH64_LEVEL.taken(State(EL1, instruction), after) == Taken(
        offset, is_interrupt=True, returns_to=returns_to
    )


@pytest.mark.parametrize("cause", [0x24, 0x25])
def test_a_data_abort_says_which_access_was_refused(cause: int) -> None:
    assert AARCH64_LEVEL.taken(State(EL1), at_vector(0x200, EL1, cause=cause)) == Taken(0x200 + cause, refused=0xBAD0)
    unknown = at_vector(0x200, EL1, ESR_EL1=cause << 26 | 1 << 10)
    assert AARCH64_LEVEL.taken(State(EL1), unknown) == Taken(0x200 + cause)


def test_an_exception_to_a_higher_level_has_that_levels_registers() -> None:
    after = State(EL2 | MASKED, pc=0x8400, VBAR_EL2=0x8000, SPSR_EL2=EL1, ELR_EL2=PC + 4, ESR_EL2=0x16 << 26)
    assert AARCH64_LEVEL.taken(State(EL1, HVC), after) == Taken(0x416)
    after = State(EL3 | MASKED, pc=0x9480, VBAR_EL3=0x9000, SPSR_EL3=EL1, ELR_EL3=PC)
    assert AARCH64_LEVEL.taken(State(EL1), after) == Taken(0x480, is_interrupt=True, returns_to=PC)


@pytest.mark.parametrize(
    "after",
    [
        State(EL1, pc=PC + 4),
        at_vector(0x200, EL1, PC + 4),  # a jump to a vector; an earlier exception's return address
        at_vector(0x200, EL0),  # and its status
        at_vector(0x204, EL1),
        at_vector(0x800, EL1),
        State(EL0, pc=VECTORS),
    ],
)
def test_what_is_no_exception(after: State) -> None:
    assert AARCH64_LEVEL.taken(State(EL1), after) is None


@pytest.mark.parametrize(
    ("state", "is_identity"),
    [
        (State(EL1), True),
        (State(EL0, SCTLR=1), False),
        (State(EL1, SCTLR=1), False),
        (State(EL2, SCTLR=1, SCTLR_EL2=0), True),
        (State(EL3, SCTLR=0, SCTLR_EL3=1), False),
        (State(EL1, SCTLR=0, HCR_EL2=1), False),
        (State(EL0, SCTLR=0, SCTLR_EL2=1, HCR_EL2=1 << 27 | 1 << 34), False),
    ],
)
def test_addresses_are_translated_where_the_level_says(state: State, is_identity: bool) -> None:
    assert AARCH64_LEVEL.physical(state, 0x1234, DATA) == (0x1234 if is_identity else None)


class Monitor:
    """QEMU's, whose own translation refuses everything, with these words in memory."""

    def __init__(self, words: dict[int, int]) -> None:
        self.words = words

    def __call__(self, command: str) -> str:
        if command.startswith("gva2gpa"):
            return "Unmapped\r\n"
        name, address = command.split()
        assert name == "xp/1gx"
        where = int(address, 16)
        return f"{where:016x}: {self.words.get(where, 0):#018x}\r\n"


def translated(words: dict[int, int], address: int, **registers: int) -> int | None:
    assert AARCH64_LEVEL.translate is not None
    tables = {"TTBR0_EL1": 0x1000, "TTBR1_EL1": 0x5000} | registers
    return AARCH64_LEVEL.translate(Monitor(words), State(EL0, SCTLR=1, **tables), address, CODE)


def test_what_qemu_may_not_load_is_looked_up_in_the_tables() -> None:
    # Given 39 bits of address in both halves, pages of 4 KB, address space 3
    registers = {"TCR_EL1": 25 | 25 << 16 | 2 << 30, "TTBR0_EL1": 3 << 48 | 0x1000}
    low = {0x1000 + 8 * 2: 0x2003, 0x2000 + 8 * 5: 0x3003, 0x3000 + 8 * 7: 0x60_0000_0060_0747}

    # Then a page, a block of 1 GB, what is not mapped and what is out of range are told
    assert translated(low, 0x80A0_7123, **registers) == 0x60_0123
    assert translated({0x1000 + 8: 0x4000_0701}, 0x4567_89AB, **registers) == 0x4567_89AB
    assert translated({}, 0x4567_89AB, **registers) is None
    assert translated({0x1000 + 8: 0x4000_0701}, 1 << 40 | 0x4000_0000, **registers) is None
    high = {0x5000 + 8 * 511: 0x4000_0701}
    assert translated(high, 0xFFFF_FFFF_C000_0010, **registers) == 0x4000_0010


@pytest.mark.parametrize(
    ("control", "words", "address", "physical"),
    [
        # 16 KB, 47 bits: levels 1, 2 (11 bits each), a block of 32 MB
        (17 | 2 << 14, {0x1000 + 8: 0x8003, 0x8000 + 16: 0x0600_0701}, 1 << 36 | 2 << 25 | 0x123, 0x0600_0123),
        # 64 KB, 42 bits: level 2 (13 bits), then 3
        (22 | 1 << 14, {0x1000 + 24: 0x2_0003, 0x2_0000 + 40: 0x99_0743}, 3 << 29 | 5 << 16 | 0xABC, 0x99_0ABC),
    ],
)
def test_other_granules(control: int, words: dict[int, int], address: int, physical: int) -> None:
    assert translated(words, address, TCR_EL1=control, TTBR0_EL1=0x1000) == physical


def behaviour(word: int) -> Behaviour:
    return AARCH64_MACHINE.behaviour_of(disassemble(encoded(word), PC, AARCH64_MACHINE.modes[0]))


@pytest.mark.parametrize("word", [0xD503207F, 0xD4000002, 0xD4000003])
def test_what_may_halt(word: int) -> None:
    assert behaviour(word).rule is StepRule.HALT


@pytest.mark.parametrize(
    ("word", "names", "is_system"),
    [
        (0xD5181000, ("SCTLR",), True),  # msr sctlr_el1, x0
        (0xD5381000, ("SCTLR",), False),  # mrs x0, sctlr_el1
        (0xD5182000, ("TTBR0_EL1",), True),
        (0xD5182040, ("TCR_EL1",), True),
        (0xD518C000, ("VBAR",), True),
        (0xD51CC000, ("VBAR_EL2",), True),
        (0xD51E1100, ("SCR_EL3",), True),
        (0xD51C1100, ("HCR_EL2",), True),
        (0xD518A200, ("MAIR_EL1",), False),
        (0xD5184020, ("ELR_EL1",), False),
        (0xD5385200, ("ESR_EL1",), False),
        (0xD538D080, ("TPIDR_EL1",), False),
        (0xD51BE300, ("CNTV_CVAL_EL0",), False),  # cntv_tval_el0
        (0xD5384240, ("cpsr",), False),  # currentel
        (0xD53BD040, ("TPIDR_EL0",), False),
        (0xD5087800, ("PAR_EL1",), False),  # at s1e1r
        (0xD508871F, (), True),  # tlbi vmalle1
        (0xD69F03E0, (), True),  # eret
        (0xD50342DF, (), False),  # msr daifset, #2
        (0xD508751F, (), False),  # ic iallu
        (0xD50B7A20, (), False),  # dc cvac
    ],
)
def test_system_instructions(word: int, names: tuple[str, ...], is_system: bool) -> None:
    found = behaviour(word)
    assert (found.implied, found.is_system) == (names, is_system)
    assert set(names) <= {register.name for register in AARCH64_MACHINE.registers}


def test_the_rest_is_as_for_programs() -> None:
    for word in (0xF9400000, 0xD50B7420, 0x88DFFC00, 0xD4000001, 0xD4200000, 0xD53BD040):
        program = AARCH64.behaviour_of(disassemble(encoded(word), PC, AARCH64.modes[0]))
        assert (behaviour(word).rule, behaviour(word).implied) == (program.rule, program.implied)
