"""Arm, A32 and T32: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.arm import ARM, ARMEB
from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Behaviour, Disassembled, Mode, StepRule

L, S = AccessKind.LOAD, AccessKind.STORE
A32, T32 = ARM.modes
HERE = 0x1_0002
"""Not word-aligned, which T32 code need not be."""
BASE = 0x2_1000
CARRY, ZERO = 1 << 29, 1 << 30
Touched = list[tuple[AccessKind, int, int]]


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


def values(**changes: int) -> Values:
    registers = {"r0": 6, "r1": BASE, "r2": 32, "r4": 0xFFFF_FF00, "r5": 0x1000, "sp": BASE + 0x400, "cpsr": 0x10}
    return Values({**registers, **changes})


def decoded(number: str, mode: Mode) -> Disassembled:
    """``number`` as objdump prints it: one number in A32, halfwords in T32, most significant digit first."""
    unit = 8 if mode is A32 else 4
    digits = number.replace(" ", "")
    data = b"".join(bytes.fromhex(digits[at : at + unit])[::-1] for at in range(0, len(digits), unit))
    return disassemble(data, HERE if mode is T32 else HERE & ~3, mode)


def behaviour(number: str, mode: Mode) -> Behaviour:
    return ARM.behaviour_of(decoded(number, mode))


def spans(number: str, mode: Mode, registers: Values, origin: int = BASE) -> Touched:
    function = behaviour(number, mode).spans
    return [(span.kind, span.address - origin, span.size) for span in function(registers)] if function else []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("e5116014", [(L, -20, 4)]),  # ldr r6, [r1, #-20]
        ("e4c16004", [(S, 0, 1)]),  # strb r6, [r1], #4
        ("e1f160b6", [(L, 6, 2)]),  # ldrh r6, [r1, #6]!
        ("e7916182", [(L, 256, 4)]),  # ldr r6, [r1, r2, lsl #3]
        ("e7016182", [(S, -256, 4)]),  # str r6, [r1, -r2, lsl #3]
        ("e7d16044", [(L, -1, 1)]),  # ldrb r6, [r1, r4, asr #32]
        ("e7d16e24", [(L, 15, 1)]),  # ldrb r6, [r1, r4, lsr #28]
        ("e7916265", [(L, 0x100, 4)]),  # ldr r6, [r1, r5, ror #4]
        ("e1c160f8", [(S, 8, 4), (S, 12, 4)]),  # strd r6, [r1, #8]
        ("e10160d2", [(L, -32, 8)]),  # ldrd r6, [r1, -r2]
        ("e19160d2", [(L, 32, 1)]),  # ldrsb r6, [r1, r2]
        ("e4b16004", [(L, 0, 4)]),  # ldrt r6, [r1], #4
        ("e8914060", [(L, 0, 4), (L, 4, 4), (L, 8, 4)]),  # ldm r1, {r5, r6, lr}
        ("e9210060", [(S, -8, 4), (S, -4, 4)]),  # stmdb r1!, {r5, r6}
        ("e9910060", [(L, 4, 4), (L, 8, 4)]),  # ldmib r1, {r5, r6}
        ("e8010060", [(S, -4, 4), (S, 0, 4)]),  # stmda r1, {r5, r6}
        ("e49d4004", [(L, 0x400, 4)]),  # pop {r4}
        ("ed514b06", [(L, -24, 8)]),  # vldr d20, [r1, #-24]
        ("edd11903", [(L, 6, 2)]),  # vldr.16 s3, [r1, #6]
        ("ecf11a03", [(L, 0, 4), (L, 4, 4), (L, 8, 4)]),  # vldmia r1!, {s3-s5}
        ("ed2d8b04", [(S, 0x3F0, 8), (S, 0x3F8, 8)]),  # vpush {d8-d9}
        ("ec910b05", [(L, 0, 8), (L, 8, 8)]),  # fldmiax r1, {d0-d1}
        ("ec576b10", []),  # vmov r6, r7, d0
        ("f421060d", [(L, 0, 24)]),  # vld1.8 {d0-d2}, [r1]!
        ("f481076f", [(S, 0, 2), (S, 2, 2), (S, 4, 2), (S, 6, 2)]),  # vst4.16 {d0[1], d2[1], d4[1], d6[1]}, [r1]
        ("f4a10e8f", [(L, 0, 4), (L, 4, 4), (L, 8, 4)]),  # vld3.32 {d0[]-d2[]}, [r1]
        ("e1016097", [(L, 0, 4), (S, 0, 4)]),  # swp r6, r7, [r1]
        ("f5d1f000", []),  # pld [r1]
        ("e320f000", []),  # nop
    ],
)
def test_a32_touches(number: str, expected: Touched) -> None:
    assert spans(number, A32, values()) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("5e8e", [(L, 32, 2)]),  # ldrsh r6, [r1, r2]
        ("81ce", [(S, 14, 2)]),  # strh r6, [r1, #14]
        ("9e03", [(L, 0x40C, 4)]),  # ldr r6, [sp, #12]
        ("b530", [(S, 0x3F4, 4), (S, 0x3F8, 4), (S, 0x3FC, 4)]),  # push {r4, r5, lr}
        ("bd10", [(L, 0x400, 4), (L, 0x404, 4)]),  # pop {r4, pc}
        ("c160", [(S, 0, 4), (S, 4, 4)]),  # stmia r1!, {r5, r6}
        ("f8d1 63e9", [(L, 1001, 4)]),  # ldr.w r6, [r1, #1001]
        ("f801 6c09", [(S, -9, 1)]),  # strb.w r6, [r1, #-9]
        ("f831 6b08", [(L, 0, 2)]),  # ldrh.w r6, [r1], #8
        ("f841 6d08", [(S, -8, 4)]),  # str.w r6, [r1, #-8]!
        ("f851 6e04", [(L, 4, 4)]),  # ldrt r6, [r1, #4]
        ("f851 6022", [(L, 128, 4)]),  # ldr.w r6, [r1, r2, lsl #2]
        ("f991 612c", [(L, 300, 1)]),  # ldrsb.w r6, [r1, #300]
        ("f891 f004", []),  # pld [r1, #4]
        ("e951 6704", [(L, -16, 4), (L, -12, 4)]),  # ldrd r6, r7, [r1, #-16]
        ("e8e1 6702", [(S, 0, 4), (S, 4, 4)]),  # strd r6, r7, [r1], #8
        ("e911 0060", [(L, -8, 4), (L, -4, 4)]),  # ldmdb r1, {r5, r6}
        ("e881 0120", [(S, 0, 4), (S, 4, 4)]),  # stmia.w r1, {r5, r8}
        ("e8d1 f012", [(L, 64, 2)]),  # tbh [r1, r2, lsl #1]
        ("edc1 1a04", [(S, 16, 4)]),  # vstr s3, [r1, #16]
        ("ecbd 8a03", [(L, 0x400, 4), (L, 0x404, 4), (L, 0x408, 4)]),  # vpop {s16-s18}
        ("f901 0acf", [(S, 0, 16)]),  # vst1.64 {d0-d1}, [r1]
        ("f9a1 016f", [(L, 0, 1), (L, 1, 1)]),  # vld2.8 {d0[3], d1[3]}, [r1]
        ("bf00", []),  # nop
    ],
)
def test_t32_touches(number: str, expected: Touched) -> None:
    assert spans(number, T32, values(cpsr=0x30)) == expected


@pytest.mark.parametrize(
    ("number", "mode", "expected"),
    [
        ("e59f6018", A32, [(L, 0x1_0020, 4)]),  # ldr r6, [pc, #24]
        ("4e02", T32, [(L, 0x1_000C, 4)]),  # ldr r6, [pc, #8]: the address is aligned first
        ("f85f 600c", T32, [(L, 0xFFF8, 4)]),  # ldr.w r6, [pc, #-12]
        ("e8df f000", T32, [(L, 0x1_000C, 1)]),  # tbb [pc, r0]: here it is not
    ],
)
def test_program_counter_as_a_base(number: str, mode: Mode, expected: Touched) -> None:
    assert spans(number, mode, values(), origin=0) == expected


def test_rotation_through_the_carry() -> None:
    ldr = "e7916062"  # ldr r6, [r1, r2, rrx]
    assert spans(ldr, A32, values(), origin=0) == [(L, BASE + 16, 4)]
    assert spans(ldr, A32, values(cpsr=CARRY), origin=0) == [(L, 0x8000_0000 + BASE + 16, 4)]


def test_addresses_wrap() -> None:
    assert spans("e5116014", A32, values(r1=4), origin=0) == [(L, 0xFFFF_FFF0, 4)]  # ldr r6, [r1, #-20]


@pytest.mark.parametrize(("flags", "touches"), [(CARRY, True), (CARRY | ZERO, False), (0, False)])
def test_a32_condition(flags: int, touches: bool) -> None:
    expected = [(S, 0, 4), (S, 4, 4)] if touches else []
    assert spans("88810060", A32, values(cpsr=flags | 0x10)) == expected  # stmhi r1, {r5, r6}


def it_state(state: int) -> int:
    """ITSTATE where the status register has it: bits 1:0 in 26:25, bits 7:2 in 15:10."""
    return (state & 3) << 25 | state >> 2 << 10


@pytest.mark.parametrize(
    ("status", "touches"),
    [
        (0, True),  # outside an IT block
        (it_state(0b0000_1000) | ZERO, True),  # it eq
        (it_state(0b0000_1000), False),
        (it_state(0b0001_0001) | ZERO, False),  # the last one of a block, for ne
        (it_state(0b0001_0001), True),
        (it_state(0b0001_0010), True),
        (it_state(0b0001_0010) | ZERO, False),
    ],
)
@pytest.mark.parametrize("name", ["cpsr", "xpsr"])
def test_t32_condition_is_the_it_block_s(name: str, status: int, touches: bool) -> None:
    registers = values()
    del registers["cpsr"]
    registers[name] = status
    assert spans("81ce", T32, registers) == ([(S, 14, 2)] if touches else [])  # strh r6, [r1, #14]


@pytest.mark.parametrize(
    ("number", "mode", "rule", "expected"),
    [
        ("e1b16f9f", A32, StepRule.LOAD_EXCLUSIVE, [(L, 0, 8)]),  # ldrexd r6, [r1]
        ("e1916e9f", A32, StepRule.LOAD_EXCLUSIVE, [(L, 0, 4)]),  # ldaex r6, [r1]
        ("e1c17f96", A32, StepRule.STORE_EXCLUSIVE, [(L, 0, 1), (S, 0, 1)]),  # strexb r7, r6, [r1]
        ("e1f16c9f", A32, StepRule.PLAIN, [(L, 0, 2)]),  # ldah r6, [r1]
        ("e181fc96", A32, StepRule.PLAIN, [(S, 0, 4)]),  # stl r6, [r1]
        ("f57ff01f", A32, StepRule.CLEAR_EXCLUSIVE, []),  # clrex
        ("ef000000", A32, StepRule.SYSTEM_CALL, []),  # svc #0
        ("e851 6f03", T32, StepRule.LOAD_EXCLUSIVE, [(L, 12, 4)]),  # ldrex r6, [r1, #12]
        ("e8c1 6775", T32, StepRule.STORE_EXCLUSIVE, [(L, 0, 8), (S, 0, 8)]),  # strexd r5, r6, r7, [r1]
        ("e8c1 6f9f", T32, StepRule.PLAIN, [(S, 0, 2)]),  # stlh r6, [r1]
        ("f3bf 8f2f", T32, StepRule.CLEAR_EXCLUSIVE, []),  # clrex
        ("df00", T32, StepRule.SYSTEM_CALL, []),  # svc #0
        ("e320f001", A32, StepRule.YIELD, []),  # yield
        ("0320f002", A32, StepRule.YIELD, []),  # wfeeq
        ("e320f003", A32, StepRule.PLAIN, []),  # wfi
        ("bf10", T32, StepRule.YIELD, []),  # yield
        ("bf20", T32, StepRule.YIELD, []),  # wfe
        ("bf08", T32, StepRule.PLAIN, []),  # it eq
        ("f3af 8001", T32, StepRule.YIELD, []),  # yield.w
        ("f3af 8002", T32, StepRule.YIELD, []),  # wfe.w
    ],
)
def test_rule(number: str, mode: Mode, rule: StepRule, expected: Touched) -> None:
    assert behaviour(number, mode).rule is rule
    assert spans(number, mode, values()) == expected


@pytest.mark.parametrize(
    ("number", "mode", "listed", "unlisted"),
    [
        ("ebfffffe", A32, {"lr"}, set()),  # bl
        ("e12fff35", A32, {"lr", "r5"}, set()),  # blx r5
        ("f7ff fffe", T32, {"lr"}, set()),  # bl
        ("47a8", T32, {"lr", "r5"}, set()),  # blx r5
        ("b530", T32, {"sp", "r4", "lr"}, {"pc"}),  # push {r4, r5, lr}
        ("bd10", T32, {"sp", "r4"}, {"pc"}),  # pop {r4, pc}
        ("ed2d8b04", A32, {"sp", "d8", "d9"}, {"fpscr"}),  # vpush {d8-d9}
        ("ecbd 8a03", T32, {"sp", "d8", "d9"}, {"s16"}),  # vpop {s16-s18}
        ("ee300a81", A32, {"d0", "d1", "fpscr"}, set()),  # vadd.f32 s0, s1, s2
        ("eeb00a60", A32, {"d0"}, {"fpscr"}),  # vmov.f32 s0, s1
        ("f2110012", A32, {"d0", "d1", "d2", "fpscr"}, set()),  # vqadd.s16 d0, d1, d2
        ("f2220844", A32, {"d0", "d1", "d2", "d3", "d4", "d5"}, {"fpscr", "q0"}),  # vadd.i32 q0, q1, q2
        ("fc220853", A32, {"d0", "d1", "d2", "d3", "fpscr"}, set()),  # vfmal.f16 q0, d2, d3: not in capstone
        ("e1016097", A32, {"r6"}, set()),  # swp r6, r7, [r1]: not in capstone
        ("ee1d6f70", A32, {"r6", "TPIDRURO"}, set()),  # mrc p15, 0, r6, c13, c0, 3
        ("ee0d 6f50", T32, {"r6", "TPIDRURW"}, set()),  # mcr p15, 0, r6, c13, c0, 2
    ],
)
def test_lists_what_the_text_does_not_name(number: str, mode: Mode, listed: set[str], unlisted: set[str]) -> None:
    instruction = decoded(number, mode)
    names = {*named_registers(ARM, instruction), *ARM.behaviour_of(instruction).implied}
    assert listed <= names
    assert not unlisted & names


def test_mode_follows_the_status_register() -> None:
    assert ARM.mode_of is not None
    assert ARM.mode_of(Values(cpsr=0x10)).name == "arm:a32"
    assert ARM.mode_of(Values(cpsr=0x30)).name == "arm:t32"
    assert ARM.mode_of(Values(xpsr=0x0100_0000)).name == "arm:t32"


BIG_ENDIAN_A32, BIG_ENDIAN_T32 = ARMEB.modes[2:]


def test_big_endian_image_of_the_legacy_format_has_modes_of_its_own() -> None:
    assert ARMEB.mode_of is not None
    be32, be8 = 0x00C5_08B8, 0x01C5_0838
    assert ARMEB.mode_of(Values(cpsr=0x10, SCTLR=be32)) is BIG_ENDIAN_A32
    assert ARMEB.mode_of(Values(cpsr=0x30, SCTLR=be32)) is BIG_ENDIAN_T32
    assert ARMEB.mode_of(Values(cpsr=0x210, SCTLR=be8)) is A32
    assert ARMEB.mode_of(Values(cpsr=0x230, SCTLR=be8)) is T32
    assert ARMEB.mode_of(Values(xpsr=0x0100_0000)) is T32


@pytest.mark.parametrize(
    ("code", "mode", "text", "expected"),
    [
        ("e5116014", BIG_ENDIAN_A32, "ldr r6, [r1, #-0x14]", [(L, -20, 4)]),
        ("8b31", BIG_ENDIAN_T32, "ldrh r1, [r6, #0x18]", [(L, 24, 2)]),
        ("f8d163e9", BIG_ENDIAN_T32, "ldr.w r6, [r1, #0x3e9]", [(L, 1001, 4)]),
        ("f9610a4f", BIG_ENDIAN_T32, "vld1.16 {d16, d17}, [r1]", [(L, 0, 16)]),
    ],
)
def test_instructions_of_the_legacy_format_are_big_endian(code: str, mode: Mode, text: str, expected: Touched) -> None:
    # Given instructions in memory order, with more code after them
    instruction = disassemble(bytes.fromhex(code + "e1a00000"), HERE, mode)

    # When each is cut off and read
    function = ARMEB.behaviour_of(instruction).spans

    # Then it is what the highest byte first says
    assert (instruction.data.hex(), instruction.text) == (code, text)
    assert function is not None
    assert [(span.kind, span.address - BASE, span.size) for span in function(values(r6=BASE))] == expected


@pytest.mark.parametrize(("code", "size"), [("fc22", 4), ("ffff", 4), ("de00", 2), ("22fc", 2)])
def test_size_of_what_is_not_decoded_follows_the_byte_order(code: str, size: int) -> None:
    data = bytes.fromhex(code) + bytes(2)
    assert BIG_ENDIAN_T32.size_of_undecoded is not None
    assert T32.size_of_undecoded is not None
    assert BIG_ENDIAN_T32.size_of_undecoded(data) == size
    assert T32.size_of_undecoded(data[1::-1] + bytes(2)) == size
