"""m68k: sizes, memory operands and step rules, by an instruction's bytes (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.m68k import M68K
from gdbtrace.arch.model import AccessKind, Behaviour, Span, StepRule

L, S = AccessKind.LOAD, AccessKind.STORE

MEMORY = {0x2000: bytes.fromhex("00003000"), 0x2004: bytes.fromhex("00004000"), 0x5010: b"\x12\x34\x56\x78"}


class Values(dict[str, int]):
    """Registers, and a few words of memory."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        return MEMORY[address][:size]


REGISTERS = Values(
    {name: 0 for name in ("d0", "d2", "d3", "d4", "d5", "a2", "a3", "a5")},
    d1=4,
    d6=0xFFFF_FFFB,
    d7=0x1234_5678,
    a0=0x2000,
    a1=0x5005,
    a4=0x5010,
    fp=0x6000,
    sp=0x7000,
)


def behaviour(code: str) -> Behaviour:
    data = bytes.fromhex(code)
    disassembled = disassemble(data + b"\x4e\x71" * 8, 0x1000, M68K.modes[0])
    assert disassembled.data == data
    return M68K.behaviour_of(disassembled)


def spans(code: str) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(code).spans
    return [tuple(span) for span in function(REGISTERS)] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("2010", [(L, 0x2000, 4)]),  # move.l (%a0), %d0
        ("20d8", [(L, 0x2000, 4), (S, 0x2004, 4)]),  # move.l (%a0)+, (%a0)+: the second one sees the increment
        ("2118", [(L, 0x2000, 4), (S, 0x2000, 4)]),  # move.l (%a0)+, -(%a0)
        ("1f00", [(S, 0x6FFE, 1)]),  # move.b %d0, -(%sp): the stack pointer stays even
        ("1100", [(S, 0x1FFF, 1)]),  # move.b %d0, -(%a0)
        ("202e fff8", [(L, 0x5FF8, 4)]),  # move.l (-8,%fp), %d0
        ("2038 8000", [(L, 0xFFFF_8000, 4)]),  # move.l 0xffff8000.w, %d0
        ("3039 00012344", [(L, 0x12344, 2)]),  # move.w 0x12344, %d0
        ("203a 0010", [(L, 0x1012, 4)]),  # move.l (0x1012,%pc), %d0: from the extension word on
        ("2030 1c02", [(L, 0x2000 + 16 + 2, 4)]),  # move.l (2,%a0,%d1.l*4), %d0
        ("2030 6000", [(L, 0x1FFB, 4)]),  # move.l (0,%a0,%d6.w), %d0: a signed word
        ("2030 0151", [(L, 0x2000, 4), (L, 0x3000, 4)]),  # move.l ([%a0]), %d0
        ("2030 1922 0000 0008", [(L, 0x2004, 4), (L, 0x4008, 4)]),  # move.l ([0,%a0,%d1.l],8), %d0
        ("2030 1b25 0004", [(L, 0x2004, 4), (L, 0x4008, 4)]),  # move.l ([4,%a0],%d1.l*2), %d0
        ("2030 01f0 00012344", [(L, 0x12344, 4)]),  # move.l (0x12344), %d0 in the full format, all suppressed
        ("41f0 0151", [(L, 0x2000, 4)]),  # lea ([%a0]), %a0: the pointer alone
        ("48e7 c002", [(S, 0x6FFC, 4), (S, 0x6FF8, 4), (S, 0x6FF4, 4)]),  # movem.l %d0-%d1/%fp, -(%sp)
        ("4c98 0003", [(L, 0x2000, 2), (L, 0x2002, 2)]),  # movem.w (%a0)+, %d0-%d1
        ("4890 0000", []),  # movem.w of no register
        ("01c8 0001", [(S, 0x2001 + offset, 1) for offset in (0, 2, 4, 6)]),  # movep.l %d0, (1,%a0)
        ("f620 9000", [(L, 0x2000, 8), (L, 0x2008, 8), (S, 0x5000, 8), (S, 0x5008, 8)]),  # move16 (%a0)+, (%a1)+
        ("f611 00008004", [(L, 0x5000, 8), (L, 0x5008, 8), (S, 0x8000, 8), (S, 0x8008, 8)]),  # move16 (%a1), 0x8004
        ("0ed0 0040", [(L, 0x2000, 4), (S, 0x2000, 4)]),  # cas.l %d0, %d1, (%a0)
        ("0cfc c000 8000", [(L, 0x5010, 2), (L, 0x2000, 2)]),  # cas2.w %d0:%d0, ..., (%a4):(%a0): they differ
        ("4ad0", [(L, 0x2000, 1), (S, 0x2000, 1)]),  # tas (%a0)
        ("4210", [(S, 0x2000, 1)]),  # clr.b (%a0): no load
        ("d190", [(L, 0x2000, 4), (S, 0x2000, 4)]),  # add.l %d0, (%a0)
        ("0c50 0003", [(L, 0x2000, 2)]),  # cmpi.w #3, (%a0)
        ("b10f", [(L, 0x7000, 1), (L, 0x2000, 1)]),  # cmpm.b (%sp)+, (%a0)+
        ("d308", [(L, 0x1FFF, 1), (L, 0x5004, 1), (S, 0x5004, 1)]),  # addx.b -(%a0), -(%a1)
        ("4e75", [(L, 0x7000, 4)]),  # rts
        ("4e77", [(L, 0x7000, 2), (L, 0x7002, 4)]),  # rtr
        ("6106", [(S, 0x6FFC, 4)]),  # bsr
        ("4870 0151", [(L, 0x2000, 4), (S, 0x6FFC, 4)]),  # pea ([%a0])
        ("4e56 fff8", [(S, 0x6FFC, 4)]),  # link.w %fp, #-8
        ("4e5e", [(L, 0x6000, 4)]),  # unlk %fp
        ("e9d0 0108", [(L, 0x2000, 2)]),  # bfextu (%a0){#4:#8}, %d0
        ("e9d1 018c", [(L, 0x5004, 4)]),  # bfextu (%a1){#6:#12}, %d0: three bytes become an even four
        ("e9d1 01c0", [(L, 0x5004, 8)]),  # bfextu (%a1){#7:#32}, %d0: five become an aligned eight
        ("eed0 0983", [(L, 0x1FFF, 1), (S, 0x1FFF, 1)]),  # bfset (%a0){%d6:#3}: five bits before the place
        ("0090 00000001", [(L, 0x2000, 4), (S, 0x2000, 4)]),  # ori.l #1, (%a0)
        ("003c 0001", []),  # ori.b #1, %ccr
        ("f210 4800", [(L, 0x2000, 4), (L, 0x2004, 8)]),  # fmove.x (%a0), %fp0
        ("f23c 5400 3ff0000000000000", []),  # fmove.d #1, %fp0
        ("f227 e001", [(S, 0x6FF4, 4), (S, 0x6FF8, 8)]),  # fmovem.x %fp0, -(%sp)
        ("f227 bc00", [(S, 0x6FFC, 4), (S, 0x6FF8, 4), (S, 0x6FF4, 4)]),  # fmovem.l %fpcr/%fpsr/%fpiar, -(%sp)
        (  # fmovem.x %d7, -(%sp): four, from the highest place down
            "f227 e870",
            [(S, 0x6FF4 - down + half, size) for down in (0, 12, 24, 36) for half, size in ((0, 4), (4, 8))],
        ),
        ("f210 d810", [(L, 0x2000, 4), (L, 0x2004, 8)]),  # fmovem.x (%a0), %d1
    ],
)
def test_memory(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code) == expected


def test_compare_and_swap_of_two_stores_if_both_are_equal() -> None:
    registers = Values(REGISTERS, d2=0x1234, d3=0x0000)
    function = behaviour("0cfc c002 8003").spans  # cas2.w %d2:%d3, %d0:%d0, (%a4):(%a0)
    assert function is not None
    assert list(function(registers)) == [
        Span(L, 0x5010, 2),
        Span(L, 0x2000, 2),
        Span(S, 0x5010, 2),
        Span(S, 0x2000, 2),
    ]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("4e40", StepRule.SYSTEM_CALL),  # trap #0
        ("4e41", StepRule.PLAIN),  # trap #1: a signal
        ("4e4f", StepRule.BREAKPOINT),  # trap #15
        ("4e71", StepRule.PLAIN),  # nop
    ],
)
def test_step_rules(code: str, rule: StepRule) -> None:
    assert behaviour(code).rule is rule


@pytest.mark.parametrize(
    "code",
    [
        "013c 0055",  # btst %d0, #0x55, which capstone takes for six bytes
        "21b0 0173 00012340 00012344 0173 00012348 0001234c",  # move.l, both operands of ten bytes: the longest
        "33fc 1234 00012344",  # move.w #0x1234, 0x12344
        "f23c 4800 3fff 0000 8000 0000 0000 0000",  # fmove.x #1, %fp0
        "56fb 0000 0006",  # trapne.l #6
        "f27a 0001 0005",  # ftrapeq.w #5
        "a000",  # unassigned
    ],
)
def test_size_is_the_encoding_s(code: str) -> None:
    behaviour(code)
