"""RISC-V: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import capstone
import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Span, StepRule
from gdbtrace.arch.riscv import RISCV32, RISCV64

L, S = AccessKind.LOAD, AccessKind.STORE


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


BASE = 0x1_1280
REGISTERS = Values({"zero": 0, "sp": BASE, "fp": BASE, "s1": BASE, "a1": BASE, "a0": 0xFFFF_FFFF_FFFF_FFF8})


def behaviour(number: str, arch: Arch = RISCV64) -> Behaviour:
    """``number`` as objdump prints it: the instruction as one number, most significant digit first."""
    return arch.behaviour_of(disassemble(bytes.fromhex(number)[::-1], 0x1_0000, arch.modes[0]))


def spans(number: str) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(number).spans
    return [(span.kind, span.address - BASE, span.size) for span in function(REGISTERS)] if function else []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("fff40503", [(L, -1, 1)]),  # lb a0, -1(s0): x8 is fp
        ("f8843503", [(L, -120, 8)]),  # ld a0, -120(s0)
        ("00c46503", [(L, 12, 4)]),  # lwu a0, 12(s0)
        ("fea41ca3", [(S, -7, 2)]),  # sh a0, -7(s0)
        ("04a43423", [(S, 72, 8)]),  # sd a0, 72(s0)
        ("0204b507", [(L, 32, 8)]),  # fld fa0, 32(s1)
        ("04c4a427", [(S, 72, 4)]),  # fsw fa2, 72(s1)
        ("1004a52f", [(L, 0, 4)]),  # lr.w a0, (s1)
        ("18a4a6af", [(L, 0, 4), (S, 0, 4)]),  # sc.w a3, a0, (s1)
        ("00c4b52f", [(L, 0, 8), (S, 0, 8)]),  # amoadd.d a0, a2, (s1)
        ("0000000f", []),  # fence
        ("00000513", []),  # li a0, 0
        ("41c8", [(L, 4, 4)]),  # c.lw a0, 4(a1)
        ("5de8", [(L, 124, 4)]),  # c.lw a0, 124(a1)
        ("7de8", [(L, 248, 8)]),  # c.ld a0, 248(a1)
        ("c1a8", [(S, 64, 4)]),  # c.sw a0, 64(a1)
        ("e1e8", [(S, 192, 8)]),  # c.sd a0, 192(a1)
        ("bd88", [(S, 56, 8)]),  # c.fsd fa0, 56(a1)
        ("557e", [(L, 252, 4)]),  # c.lwsp a0, 252(sp)
        ("757e", [(L, 504, 8)]),  # c.ldsp a0, 504(sp)
        ("2532", [(L, 264, 8)]),  # c.fldsp fa0, 264(sp)
        ("df2a", [(S, 188, 4)]),  # c.swsp a0, 188(sp)
        ("e6aa", [(S, 328, 8)]),  # c.sdsp a0, 328(sp)
        ("a3aa", [(S, 448, 8)]),  # c.fsdsp fa0, 448(sp)
        ("8082", []),  # ret
    ],
)
def test_memory(number: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(number) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0204e087", [(L, 4, 8)]),  # vle32.v v1, (s1): elements 1 and 2 of vl = 3
        ("0004e087", [(L, 8, 4)]),  # vle32.v v1, (s1), v0.t: element 2 alone is active
        ("2204e427", [(S, 8, 16)]),  # vsseg2e32.v v8, (s1)
        ("0ab4e0a7", [(S, 24, 4), (S, 48, 4)]),  # vsse32.v v1, (s1), a1
        ("0644e087", [(L, 0x100, 4), (L, 0x10, 4)]),  # vluxei32.v v1, (s1), v4
        ("62848427", [(S, 1, 63)]),  # vs4r.v v8, (s1)
        ("02b48087", [(L, 1, 0)]),  # vlm.v v1, (s1)
    ],
)
def test_vector_memory(number: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    function = behaviour(number).spans
    vector = {"vl": 3, "vstart": 1, "vlenb": 16, "vtype": 2 << 3, "v0": 0b101, "v4": 0x10_0000_0100 << 32}
    registers = Values(REGISTERS, **vector) | {"a1": 24}

    assert function is not None
    assert [(kind, address - BASE, size) for kind, address, size in function(Values(registers))] == expected


def test_addresses_wrap_at_64_bits() -> None:
    function = behaviour("01053503").spans  # ld a0, 16(a0)
    assert function is not None
    assert list(function(REGISTERS)) == [Span(L, 8, 8)]


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("00000073", StepRule.SYSTEM_CALL),  # ecall
        ("00100073", StepRule.BREAKPOINT),  # ebreak
        ("9002", StepRule.BREAKPOINT),  # c.ebreak
        ("1604b52f", StepRule.LOAD_EXCLUSIVE),  # lr.d.aqrl a0, (s1)
        ("1aa4b6af", StepRule.STORE_EXCLUSIVE),  # sc.d.rl a3, a0, (s1)
        ("00c4b52f", StepRule.PLAIN),  # amoadd.d
    ],
)
def test_step_rules(number: str, rule: StepRule) -> None:
    assert behaviour(number).rule is rule


@pytest.mark.parametrize(
    ("number", "implied"),
    [
        ("02b576d3", {"fa3", "fa0", "fa1", "fflags", "frm", "fcsr"}),  # fadd.d fa3, fa0, fa1
        ("6ab57743", {"fa4", "fa0", "fa1", "fa3", "fflags", "frm", "fcsr"}),  # fmadd.d fa4, fa0, fa1, fa3
        ("a2b52553", {"a0", "fa0", "fa1", "fflags", "frm", "fcsr"}),  # feq.d a0, fa0, fa1
        ("22a585d3", {"fa1", "fa0"}),  # fmv.d-like fsgnj.d fa1, fa1, fa0: no flags
        ("e2051553", {"a0", "fa0"}),  # fclass.d a0, fa0
        ("c0002573", {"a0", "cycle"}),  # csrr a0, cycle
        ("00215073", {"fflags", "frm", "fcsr"}),  # csrwi frm, 2
        ("0204b507", {"fa0"}),  # fld fa0, 32(s1)
        ("008000ef", {"ra"}),  # jal ra, 8
        ("9502", {"ra"}),  # c.jalr a0
        ("8082", set()),  # ret
    ],
)
def test_implied_registers(number: str, implied: set[str]) -> None:
    assert set(behaviour(number).implied) == implied


@pytest.mark.parametrize(
    ("number", "expected", "implied"),
    [
        ("6188", [(L, 0, 4)], {"fa0"}),  # c.flw fa0, 0(a1)
        ("f5e8", [(S, 108, 4)], {"fa0"}),  # c.fsw fa0, 108(a1)
        ("6002", [(L, 0, 4)], {"ft0"}),  # c.flwsp ft0, 0(sp)
        ("fe02", [(S, 60, 4)], {"ft0"}),  # c.fswsp ft0, 60(sp)
        ("2001", [], {"ra"}),  # c.jal
    ],
)
def test_compressed_codes_of_32_bits(
    number: str, expected: list[tuple[AccessKind, int, int]], implied: set[str]
) -> None:
    found = behaviour(number, RISCV32)
    base = REGISTERS | {"a1": BASE}
    assert [tuple(span) for span in (found.spans(Values(base)) if found.spans else ())] == [
        (kind, BASE + offset, size) for kind, offset, size in expected
    ]
    assert set(found.implied) == implied


def test_addresses_wrap_at_32_bits() -> None:
    function = behaviour("01052503", RISCV32).spans  # lw a0, 16(a0)
    assert function is not None
    assert list(function(Values({"a0": 0xFFFF_FFF8}))) == [Span(L, 8, 4)]


@pytest.mark.parametrize(
    ("number", "vectors"),
    [
        ("0204e407", "v8 v9 v10 v11 v12 v13 v14 v15"),  # vle32.v v8, (s1)
        ("0204e087", "v1"),  # vle32.v v1, (s1)
        ("2204e307", "v6 v7 v8 v9"),  # vlseg2e32.v v6, (s1): two groups of one or two
        ("02818257", "v4 v5 v6 v7 v3 v8 v9 v10 v11 v12 v13 v14 v15"),  # vadd.vv v4, v8, v3
        ("423022d7", "v3"),  # vmv.x.s t0, v3
        ("4200d0d7", "v1"),  # vmv.s.x v1, ra
    ],
)
def test_vector_operands_are_the_largest_groups(number: str, vectors: str) -> None:
    found = {name for name in behaviour(number).implied if name[0] == "v" and name[1:].isdigit()}
    assert found == set(vectors.split())


@pytest.mark.parametrize("arch", [RISCV64, RISCV32], ids=lambda arch: arch.name)
def test_every_spelling_of_capstone_is_an_operand_register(arch: Arch) -> None:
    operands = {register.name for register in arch.registers}
    engine = capstone.Cs(arch.modes[0].capstone_arch, arch.modes[0].capstone_mode)
    spellings = {name for number in range(1, 1000) if (name := engine.reg_name(number))}

    assert {name for spelling in spellings for name in arch.aliases.get(spelling, (spelling,))} <= operands
