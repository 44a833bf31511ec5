"""ColdFire: what it has that the 680x0 has not, and its exceptions (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.m68k import COLDFIRE
from gdbtrace.arch.model import AccessKind, Behaviour, StepRule, Taken
from gdbtrace.arch.system.coldfire import COLDFIRE_SYSTEM

L, S = AccessKind.LOAD, AccessKind.STORE


class Values(dict[str, int]):
    """Registers at one stop, and what is at the stack pointer."""

    instruction = b""
    stack = b""

    def anew(self, name: str, /) -> int:
        return self[name]

    def read_memory(self, address: int, size: int, /) -> bytes:
        assert address == self["sp"]
        return self.stack[:size]


def behaviour(code: str) -> Behaviour:
    data = bytes.fromhex(code)
    disassembled = disassemble(data + b"\x4e\x71" * 8, 0x1000, COLDFIRE.modes[0])
    assert disassembled.data == data
    return COLDFIRE.behaviour_of(disassembled)


def spans(code: str) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(code).spans
    return [tuple(span) for span in function(Values(a0=0x2000, a1=0x3000, sp=0x7000))] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("4e73", [(L, 0x7000, 4), (L, 0x7004, 4)]),  # rte
        ("40e7 46fc 2700", [(S, 0x6FFC, 4)]),  # strldsr #0x2700
        ("a170", []),  # not in this instruction set: of one word
        ("7171", []),
        ("a498 3001", [(L, 0x2000, 4)]),  # mac.w with a load from (%a0)+
        ("a110", []),  # move.l %acc0, %acc1
        ("a180", []),  # move.l %acc0, %d0
        ("a13c 0000 0001", []),  # move.l #1, %acc0
        ("02c3", []),  # byterev %d3
        ("04c3", []),  # ff1 %d3
    ],
)
def test_sizes_and_memory_operands(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code) == expected


@pytest.mark.parametrize("code", ["4e72 2000", "4ac8"])  # stop #0x2000, halt
def test_waits(code: str) -> None:
    assert behaviour(code).rule is StepRule.HALT


def test_a_masked_address_is_not_known() -> None:
    assert not behaviour("a498 3021").spans_known
    assert behaviour("a498 3001").spans_known


def step(before: dict[str, int], frame: str, **after: int) -> Taken | None:
    begin, end = Values(before), Values({**before, **after})
    begin.instruction, end.stack = b"\x4e\x71", bytes.fromhex(frame)
    return COLDFIRE_SYSTEM.taken(begin, end)


def test_exceptions_are_numbered_by_vector() -> None:
    supervisor = {"pc": 0x1000, "ps": 0x2700, "sp": 0x7002}
    user = {"pc": 0x1000, "ps": 0, "sp": 0x5000}
    assert step(supervisor, "608c2700 00001002", pc=0x4000, sp=0x6FF8) == Taken(35, returns_to=0x1002)
    assert step(user, "40100000 00001000", pc=0x4000, ps=0x2000, sp=0x6FF8) == Taken(4, returns_to=0x1000)
    assert step(supervisor, "41100000 00001000", pc=0x4000, sp=0x6FF8) == Taken(68, True, 0x1000)


def test_other_jumps_are_none() -> None:
    supervisor = {"pc": 0x1000, "ps": 0x2700, "sp": 0x7000}
    assert step(supervisor, "", pc=0x1002) is None
    assert step(supervisor, "", pc=0x4000, sp=0x6FFC) is None  # jsr
    assert step(supervisor, "", pc=0x4000, sp=0x7008, ps=0) is None  # rte
