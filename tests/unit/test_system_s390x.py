"""Which steps of a z/Architecture processor are interruptions, where addresses are, what its system instructions do."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, AddressKind, Behaviour, StepRule, Taken
from gdbtrace.arch.s390x import S390X, S390X_SYSTEM
from gdbtrace.arch.system.s390x import SYSTEM_LEVEL

KERNEL, WAITING, OPEN = 0x1_8000_0000, 0x0102_0001_8000_0000, 0x0100_0001_8000_0000
USER = 0x0001_0001_8000_0000
DAT = 1 << 58
SVC, NOP, LPSWE = bytes.fromhex("0a05"), bytes.fromhex("0707"), bytes.fromhex("b2b21000")
EXTERNAL, SUPERVISOR_CALL, PROGRAM = 0x130, 0x140, 0x150
HANDLERS = {0x120: 0x7000, EXTERNAL: 0x7100, SUPERVISOR_CALL: 0x7200, PROGRAM: 0x7300, 0x160: 0x7400, 0x170: 0x7500}
LOAD, STORE = AccessKind.LOAD, AccessKind.STORE


def area(**codes: int) -> bytearray:
    """A prefix area with a handler for each class."""
    data = bytearray(0x200)
    for old_psw, handler in HANDLERS.items():
        put_psw(data, old_psw + 0x80, KERNEL, handler)
    return data


def put_psw(data: bytearray, offset: int, mask: int, address: int) -> None:
    data[offset : offset + 16] = mask.to_bytes(8, "big") + address.to_bytes(8, "big")


def after_swap(before: bytearray, old_psw: int, mask: int, address: int, code: int = 0, at: int = 0) -> bytearray:
    data = bytearray(before)
    put_psw(data, old_psw, mask, address)
    data[at : at + 2] = code.to_bytes(2, "big")
    return data


class State(dict[str, int]):
    """Registers, the instruction at them, and the prefix area before and now."""

    def __init__(self, mask: int, address: int, instruction: bytes = b"", **registers: int) -> None:
        super().__init__({f"r{i}": i for i in range(16)} | {"pswm": mask, "pswa": address, "prefix": 0} | registers)
        self.instruction = instruction
        self.kept = self.now = bytearray(0x200)

    def with_area(self, kept: bytearray, now: bytearray) -> State:
        self.kept, self.now = kept, now
        return self

    def anew(self, name: str) -> int:
        return self[name]

    def read_kept(self, address: int, size: int) -> bytes:
        return bytes(self.kept[:size])

    def read_physical(self, address: int, size: int) -> bytes:
        return bytes(self.now[:size])

    def read_memory(self, address: int, size: int) -> bytes:
        raise KeyError(address)


def test_a_supervisor_call() -> None:
    low = area()
    after = State(KERNEL, 0x7200).with_area(low, after_swap(low, SUPERVISOR_CALL, USER, 0x102, 5, 0x8A))
    assert SYSTEM_LEVEL.taken(State(USER, 0x100, SVC), after) == Taken(0x140_0005)


@pytest.mark.parametrize("old_address", [0x100, 0x102])
def test_a_program_check_nullifies_or_suppresses(old_address: int) -> None:
    low = area()
    after = State(KERNEL, 0x7300).with_area(low, after_swap(low, PROGRAM, USER, old_address, 0x11, 0x8E))
    assert SYSTEM_LEVEL.taken(State(USER, 0x100, NOP), after) == Taken(0x150_0011)


def test_a_program_check_of_an_instruction_that_has_completed() -> None:
    low = area()
    after = State(KERNEL, 0x7300, r1=99).with_area(low, after_swap(low, PROGRAM, USER, 0x102, 8, 0x8E))
    assert SYSTEM_LEVEL.taken(State(USER, 0x100, NOP), after) == Taken(0x150_0008, is_executed=True)


def test_an_instruction_that_goes_to_a_handler_by_itself() -> None:
    low = after_swap(area(), PROGRAM, USER, 0x9000, 1, 0x8E)
    assert SYSTEM_LEVEL.taken(State(KERNEL, 0x72FE, NOP), State(KERNEL, 0x7300).with_area(low, low)) is None


def test_a_handler_at_the_next_instruction() -> None:
    low = area()
    put_psw(low, PROGRAM + 0x80, KERNEL, 0x102)
    executed = State(KERNEL, 0x102).with_area(low, low)
    refused = State(KERNEL, 0x102).with_area(low, after_swap(low, PROGRAM, KERNEL, 0x102, 1, 0x8E))
    assert SYSTEM_LEVEL.taken(State(KERNEL, 0x100, NOP), executed) is None
    assert SYSTEM_LEVEL.taken(State(KERNEL, 0x100, NOP), refused) == Taken(0x150_0001)


def test_an_interrupt_between_two_instructions() -> None:
    low = area()
    after = State(KERNEL, 0x7100).with_area(low, after_swap(low, EXTERNAL, OPEN, 0x100, 0x1004, 0x86))
    expected = Taken(0x130_1004, is_interrupt=True, returns_to=0x100)
    assert SYSTEM_LEVEL.taken(State(OPEN, 0x100, NOP), after) == expected


def test_the_same_interrupt_once_more() -> None:
    low = after_swap(area(), EXTERNAL, OPEN, 0x100, 0x1004, 0x86)
    after = State(KERNEL, 0x7100).with_area(low, low)
    expected = Taken(0x130_1004, is_interrupt=True, returns_to=0x100)
    assert SYSTEM_LEVEL.taken(State(OPEN, 0x100, NOP), after) == expected


def test_a_wait_that_an_instruction_has_begun() -> None:
    low = area()
    after = State(KERNEL, 0x7100).with_area(low, after_swap(low, EXTERNAL, WAITING, 0, 0x2401, 0x86))
    taken = SYSTEM_LEVEL.taken(State(KERNEL, 0x100, LPSWE), after)
    found = {"pswm": WAITING, "pswa": 0}
    assert taken == Taken(0x130_2401, is_interrupt=True, returns_to=0, found=found)


def test_an_interrupt_at_the_handler_of_another() -> None:
    low = area()
    put_psw(low, SUPERVISOR_CALL + 0x80, OPEN, 0x7200)
    both = after_swap(low, SUPERVISOR_CALL, USER, 0x102, 5, 0x8A)
    both = after_swap(both, EXTERNAL, OPEN, 0x7200, 0x1004, 0x86)
    taken = SYSTEM_LEVEL.taken(State(USER, 0x100, SVC), State(KERNEL, 0x7100).with_area(low, both))
    assert taken is not None
    assert (taken.number, taken.is_interrupt) == (0x140_0005, False)
    assert taken.following is not None
    assert (taken.following.number, taken.following.found) == (0x130_1004, {"pswm": OPEN, "pswa": 0x7200})


def test_real_addresses_are_prefixed() -> None:
    registers = State(KERNEL, 0, prefix=0x40000)
    places = {0x10: 0x40010, 0x40010: 0x10, 0x2000: 0x2000, 0x42000: 0x42000}
    assert {address: SYSTEM_LEVEL.physical(registers, address, AddressKind.DATA) for address in places} == places
    translated = State(KERNEL | DAT, 0, prefix=0x40000)
    assert SYSTEM_LEVEL.physical(translated, 0x10, AddressKind.DATA) is None
    assert SYSTEM_LEVEL.physical(translated, 0x10, AddressKind.PHYSICAL) == 0x40010


MEMORY = {
    # Region-third table with a segment table, and 2 GiB at once; segment table with a page table, and 1 MiB at once.
    **{0x10000: 0x11004 | 3, 0x10008: 0x8000_0404, 0x10010: 0x24},
    **{0x11000: 0x12000, 0x11008: 0x70_0400, 0x11010: 0x20, 0x11FF8 - 0x800: 0},
    **{0x12000: 0x5000, 0x12008: 0x400},
}


def monitor(command: str) -> str:
    address = int(command.split()[-1], 16)
    return f"{address:016x}: 0x{MEMORY.get(address, 0x24):016x}"


@pytest.mark.parametrize(
    ("address", "physical"),
    [
        *((0x123, 0x5123), (0x1123, None), (0x12_3456, 0x72_3456), (0x20_0000, None), (0x8123_4567, 0x8123_4567)),
        *((0x1_0000_0000, None), (1 << 42, None)),
    ],
)
def test_translation_walks_the_tables(address: int, physical: int | None) -> None:
    registers = State(KERNEL | DAT, 0, cr0=1 << 23, cr1=0x10004)
    assert SYSTEM_LEVEL.translate is not None
    assert SYSTEM_LEVEL.translate(monitor, registers, address, AddressKind.DATA) == physical


def test_the_secondary_space_is_that_of_data_alone() -> None:
    registers = State(KERNEL | DAT | 2 << 46, 0, cr0=0, cr1=0x20, cr7=0x10004)
    assert SYSTEM_LEVEL.translate is not None
    assert SYSTEM_LEVEL.translate(monitor, registers, 0x1123, AddressKind.CODE) == 0x1123
    assert SYSTEM_LEVEL.translate(monitor, registers, 0x1123, AddressKind.DATA) is None


def behaviour(code: str) -> Behaviour:
    return S390X_SYSTEM.behaviour_of(disassemble(bytes.fromhex(code), 0x1000, S390X_SYSTEM.modes[0]))


@pytest.mark.parametrize(
    ("code", "expected", "space"),
    [
        ("eb0190080025", [(STORE, 0x2008, 16)], AddressKind.DATA),  # stctg
        ("b7239000", [(LOAD, 0x2000, 8)], AddressKind.DATA),  # lctl
        ("b2b29000", [(LOAD, 0x2000, 16)], AddressKind.DATA),  # lpswe
        ("82009000", [(LOAD, 0x2000, 8)], AddressKind.DATA),  # lpsw
        ("ad049000", [(STORE, 0x2000, 1)], AddressKind.DATA),  # stosm
        ("b2109000", [(LOAD, 0x2000, 4)], AddressKind.DATA),  # spx
        ("b2029000", [(STORE, 0x2000, 8)], AddressKind.DATA),  # stidp
        ("b2349000", [(STORE, 0x2000, 52)], AddressKind.DATA),  # stsch
        ("b24b0019", [(LOAD, 0x2000, 4)], AddressKind.PHYSICAL),  # lura
        ("b2210045", [(LOAD, 0x18, 8), (STORE, 0x18, 8)], AddressKind.PHYSICAL),  # ipte
        ("b2b10000", [(STORE, 200, 4)], AddressKind.PHYSICAL),  # stfl
    ],
)
def test_privileged_accesses(code: str, expected: list[tuple[AccessKind, int, int]], space: AddressKind) -> None:
    found = behaviour(code).spans
    assert found is not None
    spans = found(State(KERNEL, 0, r9=0x2000, r4=0, r5=0x3123))
    assert [tuple(span) for span in spans] == expected
    assert {span.space for span in spans} == {space}


def test_moves_between_spaces() -> None:
    found = behaviour("da1020003000").spans  # mvcp 0(%r1,%r2),0(%r3),%r0
    assert found is not None
    spans = found(State(KERNEL, 0, r1=4, r2=0x2000, r3=0x3000))
    assert [(span.kind, span.address, span.size, span.space) for span in spans] == [
        (LOAD, 0x3000, 4, AddressKind.SECONDARY),
        (STORE, 0x2000, 4, AddressKind.PRIMARY),
    ]


def test_what_is_not_stored_after_all() -> None:
    stsch = behaviour("b2349000")
    assert stsch.cancelled is not None
    assert (list(stsch.cancelled(State(3 << 44, 0))), list(stsch.cancelled(State(0, 0)))) == ([0], [])


@pytest.mark.parametrize(
    ("code", "rule", "is_system"),
    [
        ("b2b29000", StepRule.LOAD_STATE, True),
        ("ae000001", StepRule.HALT, True),
        ("eb119000002f", StepRule.PLAIN, True),  # lctlg of control register 1
        ("eb229000002f", StepRule.PLAIN, False),  # of 2
        ("b2060000", StepRule.PLAIN, False),  # sckc
        ("83120308", StepRule.PLAIN, True),  # diag
    ],
)
def test_rules(code: str, rule: StepRule, is_system: bool) -> None:
    assert (behaviour(code).rule, behaviour(code).is_system) == (rule, is_system)


def test_programs_have_none_of_it() -> None:
    plain = S390X.behaviour_of(disassemble(bytes.fromhex("b2b29000"), 0x1000, S390X.modes[0]))
    assert (plain.spans, plain.rule, plain.is_system) == (None, StepRule.PLAIN, False)
