"""SH-4: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, Behaviour, StepRule
from gdbtrace.arch.sh4 import SH4

L, S = AccessKind.LOAD, AccessKind.STORE


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


REGISTERS = {"r0": 0x10, "r1": 0x2000, "r2": 0x3000, "gbr": 0x4000}


def behaviour(code: str) -> Behaviour:
    return SH4.behaviour_of(disassemble(bytes.fromhex(code), 0x1002, SH4.modes[0]))


def spans(code: str, fpscr: int = 0) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(code).spans
    return [tuple(span) for span in function(Values(REGISTERS, fpscr=fpscr))] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1062", [(L, 0x2000, 1)]),  # mov.b @r1, r2
        ("1562", [(L, 0x2000, 2)]),  # mov.w @r1+, r2
        ("2622", [(S, 0x2FFC, 4)]),  # mov.l r2, @-r2
        ("1f52", [(L, 0x203C, 4)]),  # mov.l @(60,r1), r2
        ("1f12", [(S, 0x303C, 4)]),  # mov.l r1, @(60,r2)
        ("1384", [(L, 0x2003, 1)]),  # mov.b @(3,r1), r0
        ("1281", [(S, 0x2004, 2)]),  # mov.w r0, @(4,r1)
        ("1d02", [(L, 0x2010, 2)]),  # mov.w @(r0,r1), r2
        ("1602", [(S, 0x3010, 4)]),  # mov.l r1, @(r0,r2)
        ("ffc6", [(L, 0x43FC, 4)]),  # mov.l @(1020,gbr), r0
        ("01c1", [(S, 0x4002, 2)]),  # mov.w r0, @(2,gbr)
        ("01cd", [(L, 0x4010, 1), (S, 0x4010, 1)]),  # and.b #1, @(r0,gbr)
        ("01cc", [(L, 0x4010, 1)]),  # tst.b #1, @(r0,gbr)
        ("0293", [(L, 0x100A, 2)]),  # mov.w @(4,pc), r3
        ("02d3", [(L, 0x100C, 4)]),  # mov.l @(8,pc), r3: from a multiple of four on
        ("02c7", []),  # mova
        ("1b41", [(L, 0x2000, 1), (S, 0x2000, 1)]),  # tas.b @r1
        ("1f02", [(L, 0x3000, 4), (L, 0x2000, 4)]),  # mac.l @r1+, @r2+
        ("1f42", [(L, 0x3000, 2), (L, 0x2000, 2)]),  # mac.w @r1+, @r2+
        ("2241", [(S, 0x1FFC, 4)]),  # sts.l pr, @-r1
        ("6641", [(L, 0x2000, 4)]),  # lds.l @r1+, fpscr
        ("1741", [(L, 0x2000, 4)]),  # ldc.l @r1+, gbr
        ("a941", [(L, 0x2000, 4)]),  # movua.l @r1, r0
        ("9301", []),  # ocbi @r1
        ("8301", []),  # pref @r1
    ],
)
def test_memory(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code) == expected


@pytest.mark.parametrize(
    ("code", "kind", "address", "pair_address"),
    [
        ("18f3", L, 0x2000, 0x2000),  # fmov @r1, fr3
        ("16f3", L, 0x2010, 0x2010),  # fmov @(r0,r1), fr3
        ("2af1", S, 0x2000, 0x2000),  # fmov fr2, @r1
        ("2bf1", S, 0x1FFC, 0x1FF8),  # fmov fr2, @-r1
    ],
)
def test_fpscr_makes_fmov_move_pairs(code: str, kind: AccessKind, address: int, pair_address: int) -> None:
    assert spans(code) == [(kind, address, 4)]
    assert spans(code, fpscr=1 << 20) == [(kind, pair_address, 8)]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("13c3", StepRule.SYSTEM_CALL),  # trapa #19
        ("6301", StepRule.LOAD_EXCLUSIVE),  # movli.l @r1, r0
        ("7301", StepRule.STORE_EXCLUSIVE),  # movco.l r0, @r1
        ("0b00", StepRule.PLAIN),  # rts: its slot has a stop of its own
        ("fae1", StepRule.PLAIN),  # mov #-6, r1
    ],
)
def test_step_rules(code: str, rule: StepRule) -> None:
    assert behaviour(code).rule is rule


def test_t_bit_says_whether_a_conditional_store_stored() -> None:
    has_stored = behaviour("7301").has_stored  # movco.l r0, @r1
    assert has_stored is not None
    assert has_stored(Values(sr=0x4000_0001))
    assert not has_stored(Values(sr=0x4000_0000))


@pytest.mark.parametrize(
    ("code", "implied"),
    [
        ("20f4", {"fr4", "fr5", "fr2", "fr3", "fpscr"}),  # fadd dr2, dr4: a pair, or fr2 and fr4
        ("edf6", {"fr4", "fr5", "fr6", "fr7", "fr8", "fr9", "fr10", "fr11", "fpscr"}),  # fipr fv8, fv4
        ("1f02", {"r1", "r2", "mach", "macl"}),  # mac.l @r1+, @r2+
        ("0bb0", {"pr"}),  # bsr
        ("5a41", {"fpul"}),  # lds r1, fpul
    ],
)
def test_registers_that_are_not_all_named(code: str, implied: set[str]) -> None:
    assert set(behaviour(code).implied) == implied
