"""s390x: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import capstone
import pytest

from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Behaviour, StepRule
from gdbtrace.arch.s390x import S390X

L, S = AccessKind.LOAD, AccessKind.STORE
MODE_31, MODE_64 = 1 << 31, 3 << 31

CODE = 0x0100_0000
ONE, TWO, TABLE = 0x2000, 0x3000, 0x4000
"""Where r2, r4 and r6 point."""


class Values(dict[str, int]):
    """Registers, and memory of a few pages that is zero where nothing was put."""

    def __init__(self, changes: dict[str, int], memory: dict[int, bytes]) -> None:
        super().__init__(
            {f"r{i}": 0 for i in range(16)} | {"pswm": MODE_64, "r2": ONE, "r4": TWO, "r6": TABLE} | changes
        )
        self.memory = bytearray(0x6000)
        for address, data in memory.items():
            self.memory[address : address + len(data)] = data

    def read_memory(self, address: int, size: int, /) -> bytes:
        if address + size > len(self.memory):
            raise KeyError(address)
        return bytes(self.memory[address : address + size])


def behaviour(code: str) -> Behaviour:
    return S390X.behaviour_of(disassemble(bytes.fromhex(code), CODE, S390X.modes[0]))


def spans(code: str, memory: dict[int, bytes] | None = None, **registers: int) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(code).spans
    touched = function(Values(registers, memory or {})) if function else ()
    return [(span.kind, span.address, span.size) for span in touched]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("58102ffc", [(L, ONE + 0xFFC, 4)]),  # l %r1,4092(%r2)
        ("58124008", [(L, ONE + TWO + 8, 4)]),  # l %r1,8(%r2,%r4)
        ("58100010", [(L, 0x10, 4)]),  # l %r1,16: register 0 is no base
        ("e3102ff8ff04", [(L, ONE - 8, 8)]),  # lg %r1,-8(%r2)
        ("e31020008024", [(S, ONE - 0x8_0000 & (1 << 64) - 1, 8)]),  # stg %r1,-524288(%r2): wraps
        ("e3102001001f", [(L, ONE + 1, 2)]),  # lrvh %r1,1(%r2)
        ("e3202000008f", [(L, ONE, 16)]),  # lpq %r2,0(%r2)
        ("41102ffc", []),  # la
        ("e32020000036", []),  # pfd 2,0(%r2)
        ("eb102000004c", []),  # ecag
        ("b9040012", []),  # lgr
        ("c41dfffffff8", [(L, CODE - 16, 4)]),  # lrl %r1,.-16
        ("c41b00000008", [(S, CODE + 16, 8)]),  # stgrl %r1,.+16
        ("c62200000008", []),  # pfdrl
        ("e54c20010041", [(S, ONE + 1, 4)]),  # mvhi 1(%r2),65
        ("94ff2001", [(L, ONE + 1, 1), (S, ONE + 1, 1)]),  # ni 1(%r2),255
        ("91ff2001", [(L, ONE + 1, 1)]),  # tm 1(%r2),255
        ("eb012008007a", [(L, ONE + 8, 8), (S, ONE + 8, 8)]),  # agsi 8(%r2),1
        ("eb13200000f8", [(L, ONE, 4), (S, ONE, 4)]),  # laa %r1,%r3,0(%r2)
        ("eb022000003e", [(L, ONE, 16), (S, ONE, 16)]),  # cdsg %r0,%r2,0(%r2)
        ("93002000", [(L, ONE, 1), (S, ONE, 1)]),  # ts 0(%r2)
        ("eb6f20300024", [(S, ONE + 0x30, 80)]),  # stmg %r6,%r15,48(%r2)
        ("98e12000", [(L, ONE, 16)]),  # lm %r14,%r1,0(%r2): 14 15 0 1
        ("9b012000", [(S, ONE, 8)]),  # stam %a0,%a1,0(%r2)
        ("bf152000", [(L, ONE, 2)]),  # icm %r1,5,0(%r2)
        ("bf102000", [(L, ONE, 1)]),  # icm %r1,0,0(%r2)
        ("be102000", []),  # stcm %r1,0,0(%r2)
        ("c80220004000", [(L, 0, 4), (L, 16, 16), (L, ONE, 4), (S, ONE, 4), (S, TWO, 1)]),  # csst, word and byte
        ("c81420084010", [(L, ONE + 8, 4), (L, TWO + 16, 4)]),  # lpd %r1,8(%r2),16(%r4)
        ("b2052000", [(S, ONE, 8)]),  # stck
        ("b2782000", [(S, ONE, 16)]),  # stcke
        ("b2b02000", [(S, ONE, 8)]),  # stfle: register 0 asks for one doubleword
        ("68102008", [(L, ONE + 8, 8)]),  # ld %f1,8(%r2)
        ("ed102008000a", [(L, ONE + 8, 4)]),  # aeb %f1,8(%r2)
        ("b29c2000", [(S, ONE, 4)]),  # stfpc
        ("e7102008000e", [(S, ONE + 8, 16)]),  # vst %v1,8(%r2)
        ("e71020003005", [(L, ONE, 8)]),  # vlrepg
        ("e71020006004", [(L, ONE, 4)]),  # vllezlf
        ("e7102002100b", [(S, ONE + 2, 4)]),  # vstef %v1,2(%r2),1
        ("e7e320000036", []),  # vlm %v14,%v3: the wrong way round
        ("e7e320000436", [(L, ONE, 96)]),  # vlm %v14,%v19,0(%r2)
        ("e7e12000043e", [(S, ONE, 64)]),  # vstm %v14,%v17,0(%r2)
        ("e71020f81007", [(L, ONE + 0xF8, 8)]),  # vlbb %v1,248(%r2),1: up to 256
        ("e60120002001", [(L, ONE, 2)]),  # vlebrh
    ],
)
def test_one_address(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("d20720014002", [(L, TWO + 2, 8), (S, ONE + 1, 8)]),  # mvc 1(8,%r2),2(%r4)
        ("e80720014009", [(L, TWO + 2, 8), (S, ONE + 1, 8)]),  # mvcin: up to the second address
        ("d40720004000", [(L, TWO, 8), (L, ONE, 8), (S, ONE, 8)]),  # nc
        ("d70720004000", [(L, TWO, 8), (L, ONE, 8), (S, ONE, 8)]),  # xc
        ("d7ff20002000", [(S, ONE, 256)]),  # xc with itself
        ("d50720004001", [(L, ONE, 8), (L, TWO + 1, 8)]),  # clc
        ("f12320004000", [(L, TWO + 1, 3), (L, ONE + 2, 1), (S, ONE, 3)]),  # mvo 0(3,%r2),0(4,%r4)
        ("f21720004000", [(L, TWO + 5, 3), (S, ONE, 2)]),  # pack 0(2,%r2),0(8,%r4)
        ("f37120004000", [(L, TWO + 1, 1), (S, ONE, 8)]),  # unpk 0(8,%r2),0(2,%r4)
        ("e90420004000", [(L, TWO + 1, 4), (S, ONE, 16)]),  # pka 0(%r2),0(5,%r4)
        ("e10520004000", [(L, TWO + 5, 1), (L, TWO + 3, 1), (S, ONE, 16)]),  # pku 0(%r2),0(6,%r4)
        ("ea0720004000", [(L, TWO + 11, 5), (S, ONE, 8)]),  # unpka 0(8,%r2),0(%r4)
        ("e50a20004000", [(L, TWO, 1), (S, ONE, 1)]),  # mvcrl, with 0 in register 0
    ],
)
def test_two_addresses(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code) == expected


@pytest.mark.parametrize(("condition_code", "is_stored"), [(0, True), (1, False), (2, False), (3, False)])
def test_store_on_condition_looks_at_the_condition_code(condition_code: int, is_stored: bool) -> None:
    touched = spans("eb18200000f3", pswm=MODE_64 | condition_code << 44)  # stoce %r1,0(%r2)
    assert touched == ([(S, ONE, 4)] if is_stored else [])


def test_load_on_condition_always_reads() -> None:
    assert spans("eb18200000f2", pswm=MODE_64 | 3 << 44) == [(L, ONE, 4)]  # loce %r1,0(%r2)


def test_31_bit_addressing_cuts_the_address() -> None:
    assert spans("58102008", pswm=MODE_31, r2=0xFFFF_FFFF_8000_2000) == [(L, 0x2008, 4)]


@pytest.mark.parametrize(("length", "size"), [(0, 1), (6, 7), (15, 16), (1000, 16), (0xF_0000_0003, 4)])
def test_vector_load_with_length(length: int, size: int) -> None:
    assert spans("e71320000037", r3=length) == [(L, ONE, size)]  # vll %v1,%r3,0(%r2)


@pytest.mark.parametrize(
    ("code", "registers", "expected"),
    [
        ("e71520041013", {"f5": 0x0000_0010_0000_0020}, [(L, ONE + 4 + 0x20, 4)]),  # vgef %v1,4(%v5,%r2),1
        ("e71520043013", {"v5l": 0x0000_0010_0000_0020}, [(L, ONE + 4 + 0x20, 4)]),  # vgef ..,3
        ("e71520001412", {"v21": 0x30 << 64 | 0x40}, [(L, ONE + 0x40, 8)]),  # vgeg %v1,0(%v21,%r2),1
        ("e7152000041a", {"v21": 0x30 << 64 | 0x40}, [(S, ONE + 0x30, 8)]),  # vsceg %v1,0(%v21,%r2),0
    ],
)
def test_vector_element_as_index(
    code: str, registers: dict[str, int], expected: list[tuple[AccessKind, int, int]]
) -> None:
    assert spans(code, {}, **registers) == expected


@pytest.mark.parametrize(
    ("code", "memory", "registers", "expected"),
    [
        # clc 0(9,%r2),0(%r4) ends at the first difference
        ("d50820004000", {ONE: b"abcX", TWO: b"abcd"}, {}, [(L, ONE, 4), (L, TWO, 4)]),
        # clm %r1,5,0(%r2): bytes 1 and 3 of the word
        ("bd152000", {ONE: b"\x22\x99"}, {"r1": 0x1122_3344}, [(L, ONE, 2)]),
        ("bd152000", {ONE: b"\x33\x99"}, {"r1": 0x1122_3344}, [(L, ONE, 1)]),
        # srst %r4,%r2: found, or up to the end in r4
        ("b25e0042", {ONE: b"hello!"}, {"r0": ord("o")}, [(L, ONE, 5)]),
        ("b25e0042", {ONE: b"hello!"}, {"r0": ord("?"), "r4": ONE + 3}, [(L, ONE, 3)]),
        ("b25e0042", {}, {"r0": 1, "r4": ONE + 0x3000}, [(L, ONE, 0x2000)]),
        # clst %r2,%r4
        ("b25d0024", {ONE: b"ab\0", TWO: b"ab\0"}, {}, [(L, ONE, 3), (L, TWO, 3)]),
        # mvst %r2,%r4: QEMU stops where a page ends
        ("b2550024", {TWO: b"ab"}, {}, [(L, TWO, 3), (S, ONE, 3)]),
        ("b2550024", {TWO: b"ab"}, {"r2": ONE + 0xFFE}, [(L, TWO, 2), (S, ONE + 0xFFE, 2)]),
        # tr 0(2,%r2),0(%r6)
        ("dc0120006000", {ONE: b"\x03\x05"}, {}, [(L, ONE, 2), (L, TABLE + 3, 1), (L, TABLE + 5, 1), (S, ONE, 2)]),
        # trt 0(3,%r2),0(%r6) and trtr, which goes to the left
        ("dd0220006000", {ONE: b"\1\2", TABLE + 2: b"!"}, {}, [(L, ONE, 2), (L, TABLE + 1, 2)]),
        ("d00220026000", {ONE: b"\1\2\3", TABLE + 2: b"!"}, {}, [(L, ONE + 1, 2), (L, TABLE + 2, 2)]),
        # mvcl %r2,%r4: lengths of 24 bits, the padding byte beside the second
        ("0e24", {}, {"r3": 100, "r5": 0x4100_0020}, [(L, TWO, 32), (S, ONE, 100)]),
        ("0e24", {}, {"r3": 100, "r5": 100, "r2": TWO + 1}, []),  # destructive overlap: condition code 3
        # mvcle %r2,%r4,65: one page's rest, and padding apart from moving
        ("a8240041", {}, {"r3": 100, "r5": 20}, [(L, TWO, 20), (S, ONE, 20)]),
        ("a8240041", {}, {"r3": 100, "r5": 0}, [(S, ONE, 100)]),
        ("a8240041", {}, {"r3": 100, "r5": 90, "r4": TWO - 5}, [(L, TWO - 5, 5), (S, ONE, 5)]),
        # clcl %r2,%r4 and clcle %r2,%r4,0: the shorter one is padded
        ("0f24", {ONE: b"aab", TWO: b"aa"}, {"r3": 8, "r5": 2 | 0x6200_0000}, [(L, ONE, 4), (L, TWO, 2)]),
        ("a9240000", {}, {"r3": 8, "r5": 0}, [(L, ONE, 8)]),
        # cksm %r2,%r4
        ("b2410024", {}, {"r5": 7}, [(L, TWO, 7)]),
        # tre %r2,%r6: ends at the test byte
        ("b2a50026", {ONE: b"\4\0"}, {"r3": 9}, [(L, ONE, 2), (L, TABLE + 4, 1), (S, ONE, 1)]),
        # cu12 %r2,%r4: UTF-8 to UTF-16
        ("b2a70024", {TWO: "é€!".encode()}, {"r3": 4, "r5": 6}, [(L, TWO, 6), (S, ONE, 4)]),
        # cu21 %r2,%r4: a surrogate pair
        ("b2a60024", {TWO: "\U0001d11e".encode("utf-16-be")}, {"r3": 4, "r5": 4}, [(L, TWO, 4), (S, ONE, 4)]),
    ],
)
def test_extent_depends_on_storage(
    code: str, memory: dict[int, bytes], registers: dict[str, int], expected: list[tuple[AccessKind, int, int]]
) -> None:
    assert spans(code, memory, **registers) == expected


def test_unreadable_storage_ends_the_spans() -> None:
    assert spans("b25e0042", r0=1, r2=0x5FFE, r4=0x9000) == [(L, 0x5FFE, 2)]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("d20020004000", [(L, TWO, 4), (S, ONE, 4)]),  # mvc 0(0,%r2),0(%r4) with a length of 3
        ("92402000", [(S, ONE, 1)]),  # mvi 0(%r2),..
        ("58002000", [(L, ONE, 4)]),
        ("c40c00000010", [(S, TABLE + 0x20, 4)]),  # lgfrl becomes strl; relative to the target
        ("0700", []),
        ("0a00", []),  # svc
        ("44004000", []),  # an EX: an exception
    ],
)
def test_execute_touches_what_its_target_does(target: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    values = Values({"r1": 3}, {TABLE: bytes.fromhex(target)})

    execute = behaviour("44106000")  # ex %r1,0(%r6)

    assert execute.spans is not None
    assert [tuple(span) for span in execute.spans(values)] == expected


def test_execute_at_an_odd_address_touches_nothing() -> None:
    values = Values({"r6": TABLE + 1}, {})
    execute = behaviour("44106000")
    assert execute.spans is not None
    assert execute.spans(values) == ()


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("0a04", StepRule.SYSTEM_CALL),
        ("0a00", StepRule.SYSTEM_CALL),
        ("0aad", StepRule.SYSTEM_CALL),
        ("ba132000", StepRule.PLAIN),  # cs
        ("44106000", StepRule.EXECUTE),
        ("c61000000004", StepRule.EXECUTE),
    ],
)
def test_rule(code: str, rule: StepRule) -> None:
    assert behaviour(code).rule is rule


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("eb6920300004", ("r6", "r7", "r8", "r9")),  # lmg %r6,%r9
        ("b9860024", ("r2", "r3")),  # mlgr %r2,%r4
        ("b34a0051", ("f5", "f7", "f1", "f3", "fpc")),  # axbr %f5,%f1
        ("b31a0012", ("fpc",)),  # adbr: names its registers
        ("b3000012", ()),  # lpebr raises nothing
        ("9a132000", ("acr1", "acr2", "acr3")),  # lam %a1,%a3
        ("e7e120000436", ("f14", "v14l", "f15", "v15l", "v16", "v17")),  # vlm %v14,%v17
        ("e71120000806", ("v17",)),  # vl %v17,0(%r1,%r2)
        ("e7112000300e", ("f1", "v1l")),  # vst with an alignment hint, which capstone does not know
        ("dd0220006000", ("r1", "r2")),  # trt
        ("b9080f12", ("r1", "r2", "r0")),  # agr with bits that must be zero: QEMU runs it, capstone refuses
    ],
)
def test_implied_registers(code: str, names: tuple[str, ...]) -> None:
    assert behaviour(code).implied == names


def test_every_capstone_register_is_mapped() -> None:
    engine = capstone.Cs(capstone.CS_ARCH_SYSZ, capstone.CS_MODE_BIG_ENDIAN)
    spellings = {engine.reg_name(i) for i in range(1, 300)} - {None}
    known = {register.name for register in S390X.registers}
    assert {name for spelling in spellings for name in S390X.aliases.get(spelling, (spelling,))} <= known


def test_named_registers_of_a_vector_instruction() -> None:
    instruction = disassemble(bytes.fromhex("e712300000f3"), CODE, S390X.modes[0])  # vab %v1,%v2,%v3
    assert set(named_registers(S390X, instruction)) == {"f1", "v1l", "f2", "v2l", "f3", "v3l"}


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("d20020004000", {"r2", "r4"}),  # mvc
        ("2812", {"f1", "f3"}),  # ldr %f1,%f2, whose second byte is 0x13 with the modifier
        ("b31a0012", {"f1", "f2", "fpc", "pswm"}),  # adbr
        ("e71120000806", {"v17", "r1", "r2"}),  # vl %v17
        ("9a032000", {"acr0", "acr1", "acr2", "acr3", "r2"}),  # lam %a0,%a3
    ],
)
def test_execute_has_the_registers_of_its_target(target: str, names: set[str]) -> None:
    # Given a modifier that leaves all but ldr as they are
    data = bytes.fromhex(target)
    values = Values({"r1": 1 if data[0] == 0x28 else 0}, {TABLE: data})

    # When it is asked what an EXECUTE of it implies
    execute = behaviour("44106000")  # ex %r1,0(%r6)
    assert execute.implied_at is not None
    implied = execute.implied_at(values)

    # Then that is what the target names and implies
    assert names <= set(implied)


def test_execute_of_what_cannot_be_read_implies_nothing() -> None:
    execute = behaviour("44106000")
    assert execute.implied_at is not None
    assert execute.implied_at(Values({"r6": TABLE + 1}, {})) == ()
