"""AArch64: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.aarch64 import AARCH64, AARCH64_BE
from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Behaviour, Disassembled, StepRule

L, S = AccessKind.LOAD, AccessKind.STORE
HERE = 0x40_0000
BASE = 0x41_0100
Touched = list[tuple[AccessKind, int, int]]


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


def values(**changes: int) -> Values:
    return Values({"x1": BASE, "sp": BASE + 0x1000, "x2": 32, "x3": 0xFFFF_FFE8, "cpsr": 0, **changes})


def decoded(number: str) -> Disassembled:
    """``number`` as objdump prints it: the instruction as one number, most significant digit first."""
    return disassemble(bytes.fromhex(number)[::-1], HERE, AARCH64.modes[0])


def behaviour(number: str) -> Behaviour:
    return AARCH64.behaviour_of(decoded(number))


def spans(number: str, registers: Values, origin: int = BASE) -> Touched:
    function = behaviour(number).spans
    return [(span.kind, span.address - origin, span.size) for span in function(registers)] if function else []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("39400025", [(L, 0, 1)]),  # ldrb w5, [x1]
        ("b9001025", [(S, 16, 4)]),  # str w5, [x1, #16]
        ("b85f3025", [(L, -13, 4)]),  # ldur w5, [x1, #-13]
        ("f84ff425", [(L, 0, 8)]),  # ldr x5, [x1], #255
        ("f80fac25", [(S, 250, 8)]),  # str x5, [x1, #250]!
        ("f8627825", [(L, 256, 8)]),  # ldr x5, [x1, x2, lsl #3]
        ("3ca3d825", [(S, -384, 16)]),  # str q5, [x1, w3, sxtw #4]
        ("b8624825", [(L, 32, 4)]),  # ldr w5, [x1, w2, uxtw]
        ("b8a36825", [(L, 0xFFFF_FFE8, 4)]),  # ldrsw x5, [x1, x3]
        ("7d400c25", [(L, 6, 2)]),  # ldr h5, [x1, #6]
        ("f9800020", []),  # prfm pldl1keep, [x1]
        ("a94213e5", [(L, 0x1020, 8), (L, 0x1028, 8)]),  # ldp x5, x4, [sp, #32]
        ("a9bf1be5", [(S, 0xFF0, 8), (S, 0xFF8, 8)]),  # stp x5, x6, [sp, #-16]!
        ("a8c11be5", [(L, 0x1000, 8), (L, 0x1008, 8)]),  # ldp x5, x6, [sp], #16
        ("ac7f1825", [(L, -32, 16), (L, -16, 16)]),  # ldnp q5, q6, [x1, #-32]
        ("697f1825", [(L, -8, 4), (L, -4, 4)]),  # ldpsw x5, x6, [x1, #-8]
        ("69011825", [(S, 32, 8), (S, 40, 8)]),  # stgp x5, x6, [x1, #32]
        ("b8250026", [(L, 0, 4), (S, 0, 4)]),  # ldadd w5, w6, [x1]
        ("f8e58026", [(L, 0, 8), (S, 0, 8)]),  # swpal x5, x6, [x1]
        ("78bfc025", [(L, 0, 2)]),  # ldaprh w5, [x1]
        ("48a57c26", [(L, 0, 2), (S, 0, 2)]),  # cash w5, w6, [x1]
        ("48247c26", [(L, 0, 16), (S, 0, 16)]),  # casp x4, x5, x6, x7, [x1]
        ("c8dffc25", [(L, 0, 8)]),  # ldar x5, [x1]
        ("d91f8025", [(S, -8, 8)]),  # stlur x5, [x1, #-8]
        ("4c400020", [(L, 0, 64)]),  # ld4 {v0.16b-v3.16b}, [x1]
        ("0c00ac20", [(S, 0, 16)]),  # st1 {v0.1d, v1.1d}, [x1]
        ("0cdf4020", [(L, 0, 24)]),  # ld3 {v0.8b-v2.8b}, [x1], #24
        ("4d206820", [(S, 0, 2), (S, 2, 2), (S, 4, 2), (S, 6, 2)]),  # st4 {v0.h-v3.h}[5], [x1]
        ("4dc28420", [(L, 0, 8)]),  # ld1 {v0.d}[1], [x1], x2
        ("4d60c820", [(L, 0, 4), (L, 4, 4)]),  # ld2r {v0.4s, v1.4s}, [x1]
        ("d9201821", []),  # stg x1, [x1, #16]: the tag is not in memory
        ("d97fe821", [(S, -32, 16)]),  # stzg x1, [x1, #-32]
        ("d9e02421", [(S, 0, 32)]),  # stz2g x1, [x1], #32
        ("d50b7b21", []),  # dc cvau, x1
        ("d503201f", []),  # nop
        ("e8465431", []),  # a pair of size 3, which is unallocated
    ],
)
def test_touches(number: str, expected: Touched) -> None:
    assert spans(number, values()) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("58000105", [(L, HERE + 32, 8)]),  # ldr x5, . + 32
        ("98ffffe5", [(L, HERE - 4, 4)]),  # ldrsw x5, . - 4
    ],
)
def test_literal_is_where_the_instruction_says(number: str, expected: Touched) -> None:
    assert spans(number, Values(), origin=0) == expected


@pytest.mark.parametrize(
    ("pointer", "address"),
    [
        (0x1200_0000_0041_0100, 0x41_0100),  # a tag on a user address
        (0x12FF_8000_0041_0100, 0xFFFF_8000_0041_0100),  # and on a kernel address
    ],
)
def test_tag_is_no_part_of_the_address(pointer: int, address: int) -> None:
    assert spans("39400025", values(x1=pointer), origin=0) == [(L, address, 1)]  # ldrb w5, [x1]


def test_authentication_code_is_no_part_of_the_address() -> None:
    assert spans("f8201425", values(x1=0x002A_0000_0041_0100)) == [(L, 8, 8)]  # ldraa x5, [x1, #8]


@pytest.mark.parametrize(
    ("number", "rule", "expected"),
    [
        ("085f7c25", StepRule.LOAD_EXCLUSIVE, [(L, 0, 1)]),  # ldxrb w5, [x1]
        ("887f9424", StepRule.LOAD_EXCLUSIVE, [(L, 0, 4), (L, 4, 4)]),  # ldaxp w4, w5, [x1]
        ("c807fc25", StepRule.STORE_EXCLUSIVE, [(L, 0, 8), (S, 0, 8)]),  # stlxr w7, x5, [x1]
        ("c8271424", StepRule.STORE_EXCLUSIVE, [(L, 0, 8), (L, 8, 8), (S, 0, 8), (S, 8, 8)]),  # stxp w7, x4, x5, [x1]
        ("d5033f5f", StepRule.CLEAR_EXCLUSIVE, []),  # clrex
        ("d503203f", StepRule.YIELD, []),  # yield
        ("d503205f", StepRule.YIELD, []),  # wfe
        ("d503207f", StepRule.PLAIN, []),  # wfi
        ("d4000001", StepRule.SYSTEM_CALL, []),  # svc #0
        ("94000000", StepRule.PLAIN, []),  # bl
    ],
)
def test_rule(number: str, rule: StepRule, expected: Touched) -> None:
    assert behaviour(number).rule is rule
    assert spans(number, values()) == expected


@pytest.mark.parametrize(
    ("identity", "sctlr", "expected"),
    [
        (0x000F_0510, 0x0C50_0838, (S, -0x100, 512)),  # -cpu max, user mode
        (0x000F_0510, 0x0C50_0839, (S, 0, 64)),  # -cpu max, a machine
        (0x461F_0010, 0x0C50_0838, (S, 0, 256)),  # a64fx
        (0x411F_D070, 0x0C50_0838, (S, 0, 64)),  # cortex-a57
    ],
)
def test_zero_block_has_the_size_of_the_cpu(identity: int, sctlr: int, expected: tuple[AccessKind, int, int]) -> None:
    registers = values(x1=BASE + 3, MIDR_EL1=identity, SCTLR=sctlr)
    assert spans("d50b7421", registers) == [expected]  # dc zva, x1


# A 256-bit vector. Its predicate bits: one for each byte, of which the lowest of an element counts.
VECTOR_BYTES = 32
ALL = (1 << VECTOR_BYTES) - 1


def vector_of(*elements: int, bits: int) -> int:
    return sum((element & (1 << bits) - 1) << bits * index for index, element in enumerate(elements))


def sve_values(p0: int, **changes: int) -> Values:
    return values(p0=p0, vg=VECTOR_BYTES // 8, **changes)


@pytest.mark.parametrize(
    ("number", "predicate", "expected"),
    [
        ("a401a020", ALL, [(L, 32, 32)]),  # ld1b {z0.b}, p0/z, [x1, #1, mul vl]
        ("a401a020", 0b1110_0111, [(L, 32, 3), (L, 37, 3)]),
        ("a401a020", 0, []),
        ("a5024020", 0x01_01_FE_01, [(L, 64, 2), (L, 68, 4)]),  # ld1sh {z0.d}, p0/z, [x1, x2, lsl #1]
        ("e53fe020", 0x0001_0010, [(S, -56, 8), (S, -32, 8)]),  # st2w {z0.s, z1.s}, p0, [x1, #-2, mul vl]
        ("a5812020", 0x0000_0101, [(L, 16, 16)]),  # ld1rqd {z0.d}, p0/z, [x1, #16]
        ("a5812020", 0xFFFF_0100, [(L, 24, 8)]),
        ("8542e020", 0x1000_0000, []),  # ld1rw {z0.d}, p0/z, [x1, #8]: no element is active
        ("8542e020", 0x0100_0000, [(L, 8, 4)]),
        ("85bf5820", 0, [(L, -64, 32)]),  # ldr z0, [x1, #-2, mul vl]
        ("e5800c20", 0, [(S, 12, 4)]),  # str p0, [x1, #3, mul vl]
        ("c464e020", ALL, []),  # prfd pldl1keep, p0, [x1, z4.d, lsl #3]
    ],
)
def test_scalable_vector_touches_active_elements(number: str, predicate: int, expected: Touched) -> None:
    assert spans(number, sve_values(predicate)) == expected


@pytest.mark.parametrize(
    ("number", "vector", "expected"),
    [
        # st1h {z0.s}, p0, [x1, z4.s, sxtw #1]
        ("e4e4c020", vector_of(4, -3, 0, 1, bits=32), [(S, 8, 2), (S, -6, 2)]),
        # ldnt1b {z0.s}, p0/z, [z4.s, x2]
        ("8402a080", vector_of(BASE, BASE - 50, 0, 0, bits=32), [(L, 32, 1), (L, -18, 1)]),
    ],
)
def test_gather_touches_where_its_vector_points(number: str, vector: int, expected: Touched) -> None:
    assert spans(number, sve_values(0b0001_0001, z4=vector)) == expected


def test_gather_from_a_vector_of_addresses() -> None:
    vector = vector_of(BASE, BASE + 5, BASE - 8, 0, bits=64)
    registers = sve_values(0x00_01_00_01, z4=vector)
    assert spans("c5a2c080", registers) == [(L, 16, 8), (L, 8, 8)]  # ld1d {z0.d}, p0/z, [z4.d, #16]


@pytest.mark.parametrize(
    ("number", "into_page", "expected"),
    [
        ("a410a020", 0xFF6, [(L, 0, 10)]),  # ldnf1b {z0.b}, p0/z, [x1]
        ("a410a020", 0xFE0, [(L, 0, 32)]),
        ("a4a26020", 0xFB5, [(L, 64, 10)]),  # ldff1h {z0.h}, p0/z, [x1, x2, lsl #1]: the sixth element crosses
        ("a4a26020", 0xFBF, [(L, 64, 2)]),  # the first one does
    ],
)
def test_first_fault_load_stops_at_the_end_of_its_page(number: str, into_page: int, expected: Touched) -> None:
    page = 0x41_0000
    assert spans(number, sve_values(ALL, x1=page + into_page), origin=page + into_page) == expected


def test_first_fault_gather_stops_at_the_first_element_that_crosses_a_page() -> None:
    page = 0x41_0000
    vector = vector_of(page + 0xFFE, page + 8, page + 0xFFD, page + 16, bits=64)
    expected = [(L, 0xFFE, 4), (L, 8, 4)]
    assert spans("c520e080", sve_values(ALL, z4=vector), origin=page) == expected  # ldff1w {z0.d}, p0/z, [z4.d]


def test_streaming_vector_length_counts_for_the_array() -> None:
    ldr_za = "e1000023"  # ldr za[w12, 3], [x1, #3, mul vl]
    streaming, normal = {"SVCR": 3, "SMCR_EL1": 15, "vg": 4}, {"SVCR": 2, "SMCR_EL1": 6, "vg": 32}
    assert spans(ldr_za, values(**streaming)) == [(L, 96, 32)]
    assert spans(ldr_za, values(**normal)) == [(L, 192, 64)]
    slice_store = "e0e20021"  # st1d {za0h.d[w12, 1]}, p0, [x1, x2, lsl #3]
    assert spans(slice_store, sve_values(0x01_00_01_01)) == [(S, 256, 16), (S, 280, 8)]


@pytest.mark.parametrize(
    ("number", "listed", "unlisted"),
    [
        ("1e622820", {"v0", "v1", "v2", "fpsr", "fpcr"}, {"vg"}),  # fadd d0, d1, d2
        ("1e604020", {"v0", "v1"}, {"fpsr"}),  # fmov d0, d1
        ("4ea20c20", {"v0", "v1", "v2", "fpsr"}, {"fpcr"}),  # sqadd v0.4s, v1.4s, v2.4s
        ("04a21020", {"z0", "v0", "z1", "z2", "vg"}, {"fpsr"}),  # sqadd z0.s, z1.s, z2.s
        ("4ea28420", {"v0", "v1", "v2"}, {"fpsr", "z0"}),  # add v0.4s, v1.4s, v2.4s
        ("a4a26020", {"z0", "p0", "ffr", "x1", "x2", "vg"}, set()),  # ldff1h {z0.h}, p0/z, [x1, x2, lsl #1]
        ("8402a080", {"z0", "p0", "z4", "x2"}, set()),  # ldnt1b {z0.s}, p0/z, [z4.s, x2]
        ("d503437f", {"z31", "v31", "p15", "ffr", "vg", "SVCR"}, set()),  # smstart sm
        ("d53b4400", {"x0", "fpcr"}, {"fpsr"}),  # mrs x0, fpcr
        ("d53bd040", {"x0", "TPIDR_EL0"}, set()),  # mrs x0, tpidr_el0
        ("94000000", {"x30"}, set()),  # bl
        ("d63f00a0", {"x5", "x30"}, set()),  # blr x5
        ("d503233f", {"x30"}, set()),  # paciasp
    ],
)
def test_lists_what_the_text_does_not_name(number: str, listed: set[str], unlisted: set[str]) -> None:
    instruction = decoded(number)
    names = {*named_registers(AARCH64, instruction), *AARCH64.behaviour_of(instruction).implied}
    assert listed <= names
    assert not unlisted & names


def test_flags_are_single_bits_of_cpsr() -> None:
    flags = {register.name: register for register in AARCH64.registers if register.source == "cpsr"}
    carry_set = 0x2000_0000
    assert {name: carry_set >> flag.shift & 1 for name, flag in flags.items()} == {"NF": 0, "ZF": 0, "CF": 1, "VF": 0}


def test_vector_comes_from_the_scalable_one_where_there_is_one() -> None:
    v7 = next(register for register in AARCH64.registers if register.name == "v7")
    assert AARCH64.source_of(v7, {"z7", "fpsr"}) == "z7"
    assert AARCH64.source_of(v7, {"v7", "fpsr"}) == "v7"


def test_big_endian_stub_sends_scalable_registers_in_pieces() -> None:
    pieces = AARCH64_BE.piece_bytes
    assert {name: pieces[name] for name in ("z0", "z31", "p0", "p15", "ffr")} == {
        **{"z0": 16, "z31": 16},
        **{"p0": 8, "p15": 8, "ffr": 8},
    }
    assert "v0" not in pieces
    assert not AARCH64.piece_bytes
