"""SH-4 as firmware sees it: its exceptions, areas and TLB (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AddressKind, Behaviour, StepRule, Taken
from gdbtrace.arch.sh4 import SH4, SH4_MACHINE
from gdbtrace.arch.system.sh4 import SH4_SYSTEM

DATA, CODE = AddressKind.DATA, AddressKind.CODE
MASKED, RUNNING, HANDLING = 0x400000F0, 0x40000000, 0x700000F0


class Values(dict[str, int]):
    """Registers at one stop."""

    instruction = b""

    def anew(self, name: str, /) -> int:
        return self[name]

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


def behaviour(code: str) -> Behaviour:
    return SH4_MACHINE.behaviour_of(disassemble(bytes.fromhex(code), 0x1000, SH4.modes[0]))


def step(code: str, status: int, **after: int) -> Taken | None:
    before = Values(pc=0x8C001000, sr=status, vbr=0x8C000000, expevt=0x160, intevt=0x400, spc=0)
    before.instruction = bytes.fromhex(code)
    return SH4_SYSTEM.taken(before, Values({**before, **after}))


def test_exceptions_are_numbered_by_event() -> None:
    assert step("07c3", MASKED, pc=0x8C000100, sr=HANDLING) == Taken(0x160)  # trapa #7
    assert step("1260", MASKED, pc=0x8C000400, sr=HANDLING, expevt=0x40) == Taken(0x40)  # mov.l @r1, r0
    taken = step("0900", RUNNING, pc=0x8C000600, sr=HANDLING, spc=0x8C001000)
    assert taken == Taken(0x400, is_interrupt=True, returns_to=0x8C001000)


def test_an_interrupt_ends_a_sleep_in_a_handler() -> None:
    taken = step("1b00", HANDLING, pc=0x8C000600, sr=HANDLING, spc=0x8C001002)
    assert taken == Taken(0x400, is_interrupt=True, returns_to=0x8C001002)


def test_other_jumps_are_none() -> None:
    assert step("0900", MASKED, pc=0x8C001002) is None
    assert step("0900", MASKED, pc=0x8C000100) is None  # in a delay slot
    assert step("0900", HANDLING, pc=0x8C000100) is None
    assert step("0e40", MASKED, pc=0x8C001002, sr=HANDLING) is None  # ldc r0, sr


@pytest.mark.parametrize(
    ("address", "mmucr", "physical"),
    [
        (0x8C001234, 1, 0x0C001234),  # P1
        (0xAC001234, 1, 0x0C001234),  # P2
        (0xFF000010, 1, 0xFF000010),  # P4
        (0x0C001234, 0, 0x0C001234),
        (0xCC001234, 0, 0x0C001234),
        (0x0C001234, 1, None),  # P0
        (0xCC001234, 1, None),  # P3
    ],
)
def test_areas(address: int, mmucr: int, physical: int | None) -> None:
    assert SH4_SYSTEM.physical(Values(mmucr=mmucr), address, DATA) == physical


TLB = """ITLB:
 tlb0:\tasid=7 vpn=1000\tppn=30000\tsz=1 size=4096\tv=1 shared=0 cached=1 prot=3 dirty=1 writethrough=0
 tlb1:\tasid=0 vpn=0\tppn=0\tsz=0 size=0\tv=0 shared=0 cached=0 prot=0 dirty=0 writethrough=0
UTLB:
 tlb0:\tasid=5 vpn=1000\tppn=30400\tsz=1 size=4096\tv=1 shared=0 cached=1 prot=3 dirty=1 writethrough=0
 tlb1:\tasid=6 vpn=1000\tppn=30800\tsz=1 size=4096\tv=1 shared=0 cached=1 prot=3 dirty=1 writethrough=0
 tlb2:\tasid=9 vpn=2001\tppn=31001\tsz=0 size=1024\tv=1 shared=1 cached=1 prot=3 dirty=1 writethrough=0
 tlb3:\tasid=5 vpn=4000\tppn=32000\tsz=0 size=1024\tv=0 shared=1 cached=1 prot=3 dirty=1 writethrough=0
"""


@pytest.mark.parametrize(
    ("asid", "address", "kind", "physical"),
    [
        (5, 0x400FFF, DATA, 0x0C100FFF),
        (6, 0x400123, DATA, 0x0C200123),
        (7, 0x400123, DATA, None),
        (7, 0x400123, CODE, 0x0C000123),
        (7, 0x800404, DATA, 0x0C400404),  # shared
        (7, 0x800804, DATA, None),
        (5, 0x1000000, DATA, None),  # not valid
    ],
)
def test_translation(asid: int, address: int, kind: AddressKind, physical: int | None) -> None:
    translate = SH4_SYSTEM.translate
    assert translate is not None
    assert translate(lambda _: TLB, Values(mmucr=1, sr=0, asid=asid), address, kind) == physical


def test_with_one_address_space_for_the_privileged() -> None:
    translate = SH4_SYSTEM.translate
    assert translate is not None
    assert translate(lambda _: TLB, Values(mmucr=0x101, sr=RUNNING, asid=3), 0x400123, DATA) == 0x0C100123
    assert translate(lambda _: TLB, Values(mmucr=0x101, sr=0, asid=3), 0x400123, DATA) is None


def test_stores_to_the_memory_management_unit_are_noticed() -> None:
    store = behaviour("0221").rearranges  # mov.l r0, @r1
    assert store is not None
    assert store(Values(r1=0xFF000010, r2=0xFF000010))
    assert not store(Values(r1=0xFFE0000C, r2=0xFFE0000C))
    below = behaviour("0621").rearranges  # mov.l r0, @-r1: the pointer has been counted down by now
    assert below is not None
    assert below(Values(r1=0xFF000000))
    assert behaviour("1260").rearranges is None  # mov.l @r1, r2


def test_what_programs_do_not_have() -> None:
    assert behaviour("1b00").rule is StepRule.HALT  # sleep
    assert behaviour("3800").is_system  # ldtlb
    assert behaviour("2b00").is_system  # rte
    assert not behaviour("0e40").is_system  # ldc r0, sr
    assert {"r3b0", "r3b1"} <= set(behaviour("be40").implied)  # ldc r0, r3_bank
    assert "sr" in behaviour("0e40").implied
