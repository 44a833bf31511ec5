"""Alpha: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.alpha import ALPHA
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, Behaviour, StepRule

L, S = AccessKind.LOAD, AccessKind.STORE


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


BASE = 0x1_2000_0003
REGISTERS = Values({"a0": BASE, "sp": BASE, "zero": 0})


def behaviour(code: str) -> Behaviour:
    """``code`` in memory order."""
    return ALPHA.behaviour_of(disassemble(bytes.fromhex(code), 0x1_2000_0000, ALPHA.modes[0]))


def spans(code: str) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(code).spans
    return [(span.kind, span.address - BASE, span.size) for span in function(REGISTERS)] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("01005028", [(L, 1, 1)]),  # ldbu $2, 1($16)
        ("02005030", [(L, 2, 2)]),  # ldwu $2, 2($16)
        ("fcff5ea0", [(L, -4, 4)]),  # ldl $2, -4($30)
        ("00005ea7", [(L, 0, 8)]),  # ldq $26, 0($30)
        ("0700702c", [(L, 5, 8)]),  # ldq_u $3, 7($16): 3 + 7 is 8 without its low bits
        ("0700703c", [(S, 5, 8)]),  # stq_u $3, 7($16)
        ("0000fe2f", []),  # ldq_u $31, 0($30): unop
        ("01005038", [(S, 1, 1)]),  # stb $2, 1($16)
        ("02005034", [(S, 2, 2)]),  # stw $2, 2($16)
        ("040050b0", [(S, 4, 4)]),  # stl $2, 4($16)
        ("000010a8", [(L, 0, 4)]),  # ldl_l $0, 0($16)
        ("000030bc", [(L, 0, 8), (S, 0, 8)]),  # stq_c $1, 0($16)
        ("00003080", [(L, 0, 4)]),  # ldf $f1, 0($16)
        ("00003084", [(L, 0, 8)]),  # ldg $f1, 0($16)
        ("0800f08f", []),  # ldt $f31, 8($16): a prefetch
        ("00005098", [(S, 0, 4)]),  # sts $f2, 0($16)
        ("0800f09f", [(S, 8, 8)]),  # stt $f31, 8($16): a zero
        ("00f8e163", []),  # wh64 ($1)
        ("10003e20", []),  # lda $1, 16($30)
    ],
)
def test_memory(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code) == expected


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("83000000", StepRule.SYSTEM_CALL),  # callsys
        ("86000000", StepRule.PLAIN),  # imb
        ("000010ac", StepRule.LOAD_EXCLUSIVE),  # ldq_l $0, 0($16)
        ("000030b8", StepRule.STORE_EXCLUSIVE),  # stl_c $1, 0($16)
    ],
)
def test_step_rules(code: str, rule: StepRule) -> None:
    assert behaviour(code).rule is rule


def test_conditional_store_says_whether_it_stored() -> None:
    has_stored = behaviour("000030b8").has_stored  # stl_c $1, 0($16)
    assert has_stored is not None
    assert (has_stored(Values(t0=1)), has_stored(Values(t0=0))) == (True, False)
    assert behaviour("0000f0bb").has_stored is None  # stl_c $31, 0($16)


def test_table_is_consistent() -> None:
    layout = {register.name for register in ALPHA.builtin_layout}
    operands = {register.name for register in ALPHA.registers}
    assert len(ALPHA.builtin_layout) * 8 == 536
    assert layout - operands == {"unused"}
    assert operands <= layout
