"""RISC-V as firmware sees it: traps by the vector and what the level's registers say, addresses that are not
translated."""

from __future__ import annotations

import pytest

from gdbtrace.arch.model import AddressKind, Taken
from gdbtrace.arch.riscv import RISCV32, RISCV64
from tests.machine_registers import Values

PC, VECTOR = 0x8000_0100, 0x8000_0040
INTERRUPT = 1 << 63


def registers(**values: int) -> Values:
    return Values({"mtvec": VECTOR, "priv": 3, "mstatus": 0, "satp": 0, **values})


def taken(after: Values) -> Taken | None:
    assert RISCV64.system is not None
    return RISCV64.system.taken(Values({"pc": PC}), after)


def test_call_of_the_environment_is_told_by_its_cause() -> None:
    after = registers(pc=VECTOR, mepc=PC, mcause=11)
    assert taken(after) == Taken(11, False, PC)


def test_interrupt_keeps_its_bit_in_the_number() -> None:
    after = registers(pc=VECTOR, mepc=PC, mcause=INTERRUPT | 7)
    assert taken(after) == Taken(INTERRUPT | 7, True, PC)


def test_wait_that_an_interrupt_ended_has_been_executed() -> None:
    after = registers(pc=VECTOR, mepc=PC + 4, mcause=INTERRUPT | 7)
    assert taken(after) == Taken(INTERRUPT | 7, True, PC + 4)


def test_refused_load_says_where() -> None:
    after = registers(pc=VECTOR, mepc=PC, mcause=5, mtval=0x1234)
    assert taken(after) == Taken(5, False, PC, refused=0x1234)


def test_vectored_interrupt_goes_to_its_own_entry() -> None:
    after = registers(mtvec=VECTOR | 1, pc=VECTOR + 4 * 7, mepc=PC, mcause=INTERRUPT | 7)
    assert taken(after) == Taken(INTERRUPT | 7, True, PC)


@pytest.mark.parametrize(
    "after",
    [
        registers(pc=PC + 4, mepc=PC, mcause=11),
        registers(pc=VECTOR, mepc=PC - 4, mcause=11),
        registers(mtvec=VECTOR | 1, pc=VECTOR + 4 * 7, mepc=PC, mcause=INTERRUPT | 3),
    ],
    ids=["the next instruction", "a jump to the handler", "a jump into the vectors"],
)
def test_no_trap(after: Values) -> None:
    assert taken(after) is None


@pytest.mark.parametrize(
    ("values", "kind", "physical"),
    [
        ({"priv": 3, "satp": 8 << 60}, AddressKind.DATA, 0x1000),
        ({"priv": 1, "satp": 0}, AddressKind.DATA, 0x1000),
        ({"priv": 1, "satp": 8 << 60}, AddressKind.DATA, None),
        ({"priv": 3, "satp": 8 << 60, "mstatus": 1 << 17 | 1 << 11}, AddressKind.DATA, None),
        ({"priv": 3, "satp": 8 << 60, "mstatus": 1 << 17 | 1 << 11}, AddressKind.CODE, 0x1000),
    ],
    ids=["machine mode", "no translation", "translated", "as another level (MPRV)", "code is not (MPRV)"],
)
def test_address_without_translation(values: dict[str, int], kind: AddressKind, physical: int | None) -> None:
    assert RISCV64.system is not None
    assert RISCV64.system.physical(registers(**values), 0x1000, kind) == physical


def test_processor_without_supervisor_mode_translates_nothing() -> None:
    assert RISCV32.system is not None
    state = Values({"priv": 0, "mtvec": VECTOR, "mstatus": 0})
    assert RISCV32.system.physical(state, 0x1000, AddressKind.DATA) == 0x1000
