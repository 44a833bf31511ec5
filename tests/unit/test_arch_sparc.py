"""SPARC: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import capstone
import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Span, StepRule
from gdbtrace.arch.sparc import SPARC, SPARC32PLUS, SPARC64

L, S = AccessKind.LOAD, AccessKind.STORE


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


REGISTERS = {"g0": 0, "l0": 0x2_0000_1000, "l1": 0x18}


def behaviour(arch: Arch, code: str) -> Behaviour:
    return arch.behaviour_of(disassemble(bytes.fromhex(code), 0x1000, arch.modes[0]))


def spans(arch: Arch, code: str, asi: int = 0) -> list[Span]:
    function = behaviour(arch, code).spans
    registers = Values(REGISTERS, state=0x44_0000_9200 | asi << 24)
    return list(function(registers)) if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("d0042000", [(L, 0, 4)]),  # ld [%l0], %o0
        ("d4 1c 20 08", [(L, 8, 8)]),  # ldd [%l0+8], %o2, which capstone cannot decode
        ("d4 3c 20 10", [(S, 16, 8)]),  # std %o2, [%l0+16]
        ("d2 24 3f fc", [(S, -4, 4)]),  # st %o1, [%l0-4]
        ("c3 04 00 11", [(L, 0x18, 4)]),  # ld [%l0+%l1], %f1
        ("d6 6c 20 21", [(L, 0x21, 1), (S, 0x21, 1)]),  # ldstub [%l0+33], %o3
        ("d6 7c 20 24", [(L, 0x24, 4), (S, 0x24, 4)]),  # swap [%l0+36], %o3
        ("c1 2c 20 28", [(S, 0x28, 4)]),  # st %fsr, [%l0+40]
        ("c3 2c 20 00", [(S, 0, 8)]),  # stx %fsr, [%l0]
        ("d5 e4 10 09", [(L, 0, 4), (S, 0, 4)]),  # cas [%l0], %o1, %o2: rs2 is no index
        ("d5 f4 10 09", [(L, 0, 8), (S, 0, 8)]),  # casx [%l0], %o1, %o2
        ("d4 9c 1c 40", [(L, 0, 16)]),  # ldda [%l0] 0xe2, %o2: twin
        ("d1 14 20 00", [(L, 0, 16)]),  # ldq [%l0], %f8 (a quad's register)
        ("e1 9c 1e 00", [(L, 0, 64)]),  # ldda [%l0] 0xf0, %f16
        ("e3 bc 1c 00", [(S, 0, 64)]),  # stda %f48, [%l0] 0xe0
        ("c1 bc 1b 40", [(S, 0, 2)]),  # stda %f0, [%l0] 0xda
        ("c1 bc 18 00", []),  # stda %f0, %g0, [%l0] 0xc0: partial store, which QEMU does not have
        ("c3 6c 20 00", []),  # prefetch [%l0], 1
        ("81 dc 00 00", []),  # flush %l0
    ],
)
def test_v9_memory(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(SPARC64, code) == [Span(kind, 0x2_0000_1000 + offset, size) for kind, offset, size in expected]


@pytest.mark.parametrize(
    ("asi", "size"),
    [(0x80, 8), (0x82, 8), (0x88, 8), (0xF0, 64), (0xF9, 64), (0xD0, 1), (0xDA, 2), (0xC0, 0), (0x45, 0)],
)
def test_the_asi_register_decides_the_size(asi: int, size: int) -> None:
    expected = [Span(L, 0x2_0000_1040, size)] if size else []
    assert spans(SPARC64, "c1 9c 20 40", asi) == expected  # ldda [%l0+0x40] %asi, %f0


def test_v8plus_addresses_have_32_bits() -> None:
    assert spans(SPARC32PLUS, "d0042000") == [Span(L, 0x1000, 4)]


def test_v8plus_remembers_what_is_written_to_the_hidden_asi_register() -> None:
    # wr %l0, 0xf0, %asi
    written = behaviour(SPARC32PLUS, "87 84 20 f0")
    assert (written.rule, SPARC32PLUS.remembered) == (StepRule.REMEMBER, {"asi": 0x82})
    assert written.remembers is not None
    name, value_after = written.remembers
    assert (name, value_after(Values({"l0": 0x105}))) == ("asi", 0xF5)
    # ldda [%l0+0x40] %asi, %f0
    load = behaviour(SPARC32PLUS, "c1 9c 20 40").spans
    assert load is not None
    assert load(Values({"l0": 0x1000}, asi=0xF0)) == (Span(L, 0x1040, 64),)
    assert load(Values({"l0": 0x1000}, asi=0x80)) == (Span(L, 0x1040, 8),)


def test_v8_has_no_v9_instructions() -> None:
    assert spans(SPARC, "d0 5c 20 08") == []  # ldx [%l0+8], %o0
    assert spans(SPARC64, "d0 5c 20 08") == [Span(L, 0x2_0000_1008, 8)]
    assert spans(SPARC, "d6 84 01 60") == [Span(L, 0x1000, 4)]  # lda [%l0] 0xb, %o3: supervisor data
    assert spans(SPARC, "d6 84 04 00") == []  # lda [%l0] 0x20, %o3: firmware alone may pass the MMU by


@pytest.mark.parametrize(
    ("arch", "code", "rule"),
    [
        (SPARC64, "9d e3 bf 40", StepRule.RUN),  # save %sp, -192, %sp
        (SPARC64, "81 e8 00 00", StepRule.RUN),  # restore
        (SPARC64, "81 cf e0 08", StepRule.RUN),  # return %i7+8
        (SPARC, "81 cf e0 08", StepRule.PLAIN),  # rett: privileged
        (SPARC64, "81 58 00 00", StepRule.RUN),  # flushw
        (SPARC64, "91 d0 20 6d", StepRule.SYSTEM_CALL),  # ta 0x6d
        (SPARC, "91 d0 20 10", StepRule.SYSTEM_CALL),  # ta 0x10
        (SPARC64, "93 d0 20 6d", StepRule.SYSTEM_CALL),  # tne %icc, 0x6d
        (SPARC64, "81 d0 20 6d", StepRule.PLAIN),  # tn 0x6d
        (SPARC64, "91 d0 20 03", StepRule.RUN),  # ta 3: flush windows
        (SPARC64, "91 d0 20 01", StepRule.PLAIN),  # ta 1: breakpoint, a signal
        (SPARC, "91 d0 20 6d", StepRule.PLAIN),  # ta 0x6d: no system call on 32 bits
        (SPARC64, "01 00 00 00", StepRule.PLAIN),  # nop
    ],
)
def test_step_rules(arch: Arch, code: str, rule: StepRule) -> None:
    assert behaviour(arch, code).rule is rule


@pytest.mark.parametrize(
    ("arch", "code", "implied"),
    [
        (SPARC64, "97 a2 48 42", {"f40", "f2", "f3", "f42", "fsr", "fprs"}),  # faddd %f40, %f2, %f42
        (SPARC32PLUS, "97 a2 48 42", {"f2", "f3", "fsr"}),  # its stub does not show f32 and up
        (SPARC64, "89 a0 48 22", {"f1", "f2", "f4", "fsr", "fprs"}),  # fadds %f1, %f2, %f4
        (SPARC64, "83 b0 0f c0", {"f0", "f1", "f32", "fsr", "fprs"}),  # foned %f32
        (SPARC64, "87 aa 60 40", {"f0", "f1", "f34", "fsr", "fprs"}),  # fmovdne %icc, %f0, %f34
        (SPARC64, "40 00 00 02", {"o7"}),  # call
        (SPARC, "92 5a 60 07", {"o1", "y"}),  # smul %o1, 7, %o1
        (SPARC64, "d4 1c 20 08", {"o2", "o3"}),  # ldd [%l0+8], %o2
        (SPARC64, "81 80 20 05", {"y"}),  # wr %g0, 5, %y
        (SPARC64, "87 80 20 80", {"state"}),  # wr %g0, 0x80, %asi
        (SPARC64, "10 80 00 02", set()),  # ba
        (SPARC64, "13 80 00 02", {"fsr"}),  # fbe
    ],
)
def test_implied_registers(arch: Arch, code: str, implied: set[str]) -> None:
    assert set(behaviour(arch, code).implied) == implied


def test_block_load_implies_eight_doubles() -> None:
    implied = behaviour(SPARC64, "c3 9c 1f 00").implied  # ldda [%l0] 0xf8, %f32
    assert set(implied) == {*(f"f{i}" for i in range(32, 48, 2)), "fprs"}


@pytest.mark.parametrize("arch", [SPARC64, SPARC32PLUS, SPARC], ids=lambda arch: arch.name)
def test_table_is_consistent(arch: Arch) -> None:
    layout = {register.name: register.bits for register in arch.builtin_layout}
    operands = {register.name for register in arch.registers}
    engine = capstone.Cs(arch.modes[0].capstone_arch, arch.modes[0].capstone_mode)
    spellings = {name for number in range(1, 1000) if (name := engine.reg_name(number))}

    assert sum(layout.values()) // 8 == (560 if arch.bits == 64 else 288)
    assert all(register.bits + register.shift <= layout[register.stub_name] for register in arch.registers)
    assert operands == set(layout)
    assert {name for spelling in spellings for name in arch.aliases.get(spelling, (spelling,))} <= operands
