"""MIPS: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import capstone
import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.mips import MIPS, MIPS64, MIPS64EL, MIPSEL
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Span, StepRule

L, S = AccessKind.LOAD, AccessKind.STORE


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


BASE = 0x0041_0340
REGISTERS = Values({"zero": 0, "s0": BASE, "t0": 0x1B, "t1": 0xFFFF_FFFF, "t2": 1, "fsr": 1 << 23 | 1 << 27})


def behaviour(arch: Arch, word: str) -> Behaviour:
    code = bytes.fromhex(word)
    return arch.behaviour_of(disassemble(code if arch.byte_order == "big" else code[::-1], 0x40_0000, arch.modes[0]))


def spans(arch: Arch, word: str) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(arch, word).spans
    return [(span.kind, span.address - BASE, span.size) for span in function(REGISTERS)] if function else []


@pytest.mark.parametrize("arch", [MIPS, MIPSEL], ids=lambda arch: arch.name)
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("8e020000", [(L, 0, 4)]),  # lw $2, 0($16)
        ("9202ffff", [(L, -1, 1)]),  # lbu $2, -1($16)
        ("a602003e", [(S, 62, 2)]),  # sh $2, 62($16)
        ("8a030001", [(L, 0, 4)]),  # lwl $3, 1($16): QEMU reads the whole word
        ("9a030006", [(L, 4, 4)]),  # lwr $3, 6($16)
        ("c2040004", [(L, 4, 4)]),  # ll $4, 4($16)
        ("e2040004", [(L, 4, 4), (S, 4, 4)]),  # sc $4, 4($16)
        ("d6020018", [(L, 24, 8)]),  # ldc1 $f2, 24($16)
        ("e6000048", [(S, 72, 4)]),  # swc1 $f0, 72($16)
        ("4e080181", [(L, 0x1B, 8)]),  # ldxc1 $f6, $8($16)
        ("4e080185", [(L, 0x18, 8)]),  # luxc1 $f6, $8($16): low three bits ignored
        ("4e08300d", [(S, 0x18, 8)]),  # suxc1 $f6, $8($16)
        ("4e08000f", []),  # prefx 0, $8($16)
        ("ce000004", []),  # pref 0, 4($16)
        ("061f0000", []),  # synci 0($16)
        ("7e08118a", [(L, 0x1B, 1)]),  # lbux $2, $8($16)
        ("7e04fe36", [(L, -4, 4)]),  # ll $4, -4($16) of release 6
        ("7bfd8063", [(L, -24, 16)]),  # ld.d $w1, -24($16)
    ],
)
def test_memory(arch: Arch, word: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(arch, word) == expected


@pytest.mark.parametrize(
    ("word", "big", "little"),
    [
        ("aa030040", (0x40, 4), (0x40, 1)),  # swl $3, 64($16)
        ("aa030041", (0x41, 3), (0x40, 2)),
        ("aa030043", (0x43, 1), (0x40, 4)),
        ("ba030040", (0x40, 1), (0x40, 4)),  # swr $3, 64($16)
        ("ba030041", (0x40, 2), (0x41, 3)),
        ("ba030043", (0x40, 4), (0x43, 1)),
    ],
)
def test_unaligned_stores_write_their_part_of_the_word(
    word: str, big: tuple[int, int], little: tuple[int, int]
) -> None:
    assert spans(MIPS, word) == [(S, *big)]
    assert spans(MIPSEL, word) == [(S, *little)]


def test_addresses_wrap_at_32_bits() -> None:
    function = behaviour(MIPS, "8d220010").spans  # lw $2, 16($9)
    assert function is not None
    assert list(function(REGISTERS)) == [Span(L, 0xF, 4)]


@pytest.mark.parametrize(
    ("word", "annuls"),
    [
        ("512a0012", True),  # beql $9, $10
        ("51290012", False),  # beql $9, $9
        ("552a0012", False),  # bnel $9, $10
        ("5940000e", True),  # blezl $10
        ("5800000e", False),  # blezl $0
        ("5d20000c", True),  # bgtzl $9
        ("5d40000c", False),  # bgtzl $10
        ("0542000a", True),  # bltzl $10
        ("0522000a", False),  # bltzl $9
        ("05230008", True),  # bgezl $9
        ("05330004", True),  # bgezall $9
        ("05520004", True),  # bltzall $10
        ("45030002", False),  # bc1tl: condition code 0 is set
        ("45020002", True),  # bc1fl
        ("450f0002", False),  # bc1tl $fcc3
        ("45130002", True),  # bc1tl $fcc4
    ],
)
def test_branch_likely(word: str, annuls: bool) -> None:
    found = behaviour(MIPS, word)
    assert found.rule is StepRule.ANNULLING
    assert found.annuls is not None
    assert found.annuls(REGISTERS) is annuls


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("0000000c", StepRule.SYSTEM_CALL),
        ("c2040004", StepRule.LOAD_EXCLUSIVE),
        ("e2040004", StepRule.STORE_EXCLUSIVE),
        ("112a0012", StepRule.PLAIN),  # beq $9, $10
        ("45010002", StepRule.PLAIN),  # bc1t
        ("55290010", StepRule.ANNULLING),  # bnel $9, $9
        ("04120006", StepRule.ANNULLING),  # bltzall $0
        ("0000000d", StepRule.BREAKPOINT),  # break
        ("00850034", StepRule.BREAKPOINT),  # teq $4, $5
        ("008001f4", StepRule.BREAKPOINT),  # teq $4, $0, 7
        ("048c0001", StepRule.BREAKPOINT),  # teqi $4, 1
        ("58850002", StepRule.PLAIN),  # bgec $4, $5 of release 6
    ],
)
def test_step_rules(word: str, rule: StepRule) -> None:
    assert behaviour(MIPS, word).rule is rule


@pytest.mark.parametrize(
    ("word", "implied"),
    [
        ("46241200", {"f2", "f3", "f4", "f5", "f8", "f9", "fcsr"}),  # add.d $f8, $f2, $f4
        ("46140280", {"f0", "f20", "f10", "fcsr"}),  # add.s $f10, $f0, $f20
        ("46000321", {"f0", "f12", "f13", "fcsr"}),  # cvt.d.s $f12, $f0
        ("46201324", {"f2", "f3", "f12", "fcsr"}),  # cvt.w.d $f12, $f2
        ("4624103c", {"f2", "f3", "f4", "f5", "fcsr"}),  # c.lt.d $f2, $f4
        ("d6020018", {"f2", "f3"}),  # ldc1 $f2, 24($16)
        ("44621000", {"v0", "f2", "f3"}),  # mfhc1 $2, $f2
        ("00430018", {"hi", "lo"}),  # mult $2, $3
        ("70430000", {"hi", "lo"}),  # madd $2, $3
        ("70451802", {"v1"}),  # mul $3, $2, $5
        ("0c100000", {"ra"}),  # jal
        ("05330004", {"ra"}),  # bgezall $9
        ("00611001", {"v0", "fcsr"}),  # movt $2, $3, $fcc0
    ],
)
def test_implied_registers(word: str, implied: set[str]) -> None:
    assert set(behaviour(MIPS, word).implied) == implied


@pytest.mark.parametrize(
    ("word", "big", "little"),
    [
        ("b2030041", (0x41, 7), (0x40, 2)),  # sdl $3, 65($16)
        ("b6030041", (0x40, 2), (0x41, 7)),  # sdr $3, 65($16)
        ("aa030041", (0x41, 3), (0x40, 2)),  # swl $3, 65($16)
    ],
)
def test_unaligned_stores_of_64_bits(word: str, big: tuple[int, int], little: tuple[int, int]) -> None:
    assert spans(MIPS64, word) == [(S, *big)]
    assert spans(MIPS64EL, word) == [(S, *little)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("6a030009", [(L, 8, 8)]),  # ldl $3, 9($16): QEMU reads the whole doubleword
        ("de030010", [(L, 16, 8)]),  # ld $3, 16($16)
        ("9e030010", [(L, 16, 4)]),  # lwu $3, 16($16)
        ("fe030010", [(S, 16, 8)]),  # sd $3, 16($16)
        ("d2040008", [(L, 8, 8)]),  # lld $4, 8($16)
        ("f2040008", [(L, 8, 8), (S, 8, 8)]),  # scd $4, 8($16)
        ("d6030010", [(L, 16, 8)]),  # ldc1 $f3, 16($16)
    ],
)
def test_memory_of_64_bits(word: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(MIPS64, word) == expected
    assert spans(MIPS64EL, word) == expected


@pytest.mark.parametrize(
    ("word", "implied"),
    [
        ("46241200", {"f2", "f4", "f8", "fcsr"}),  # add.d $f8, $f2, $f4: each register has 64 bits
        ("d6030018", {"f3"}),  # ldc1 $f3, 24($16)
        ("0043001e", {"hi", "lo"}),  # ddiv $2, $3
        ("006d402d", {"t0"}),  # daddu $8, $3, $13: named as in o32, though n64 calls it a4
    ],
)
def test_implied_registers_of_64_bits(word: str, implied: set[str]) -> None:
    assert set(behaviour(MIPS64, word).implied) == implied


def test_signs_are_those_of_64_bits() -> None:
    found = behaviour(MIPS64, "0542000a")  # bltzl $10
    assert found.annuls is not None
    assert found.annuls(Values({"a6": 1 << 63})) is False
    assert found.annuls(Values({"a6": 1 << 31})) is True


@pytest.mark.parametrize("arch", [MIPS, MIPSEL, MIPS64, MIPS64EL], ids=lambda arch: arch.name)
def test_table_is_consistent(arch: Arch) -> None:
    layout = {register.name: register.bits for register in arch.builtin_layout}
    operands = {register.name for register in arch.registers}
    engine = capstone.Cs(arch.modes[0].capstone_arch, arch.modes[0].capstone_mode)
    spellings = {name for number in range(1, 1000) if (name := engine.reg_name(number))}

    assert sum(layout.values()) // 8 == {32: 292, 64: 584}[arch.bits]
    assert all(register.bits + register.shift <= layout[register.stub_name] for register in arch.registers)
    assert {name for spelling in spellings for name in arch.aliases.get(spelling, (spelling,))} <= operands
