"""SPARC as firmware sees it: its alternate spaces, traps and translation (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, AddressKind, Arch, Behaviour, Span, StepRule, Taken
from gdbtrace.arch.registry import MACHINES
from gdbtrace.arch.system.sparc import V8_SYSTEM, V9_SYSTEM
from tests.machine_registers import Values

L, S = AccessKind.LOAD, AccessKind.STORE
DATA, CODE, PHYSICAL = AddressKind.DATA, AddressKind.CODE, AddressKind.PHYSICAL
V8, V9 = MACHINES["sparc"], MACHINES["sparc64"]


def behaviour(arch: Arch, code: str) -> Behaviour:
    return arch.behaviour_of(disassemble(bytes.fromhex(code), 0x1000, arch.modes[0]))


def spans(arch: Arch, code: str, **registers: int) -> list[tuple[Span, AddressKind]]:
    function = behaviour(arch, code).spans
    values = Values({"g0": 0, "l0": 0x1_0000_1004, "l1": 0x2006, "state": 0}, **registers)
    return [(span, span.space) for span in function(values)] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("d6 84 01 60", (L, 0x1004, 4, DATA)),  # lda [%l0] 0xb, %o3
        ("d6 84 04 00", (L, 0x1004, 4, PHYSICAL)),  # lda [%l0] 0x20, %o3
        ("d6 a4 05 a0", (S, 0xD_0000_1004, 4, PHYSICAL)),  # sta %o3, [%l0] 0x2d: 36 bits of address
        ("d6 84 03 80", (L, 0x1004, 4, PHYSICAL)),  # lda [%l0] 0x1c, %o3: LEON3
        ("d6 84 01 20", (L, 0x1004, 4, CODE)),  # lda [%l0] 9, %o3
        ("d4 bc 03 e0", (S, 0x1000, 32, DATA)),  # stda %o2, [%l0] 0x1f: block fill
    ],
)
def test_v8_alternate_spaces(code: str, expected: tuple[AccessKind, int, int, AddressKind]) -> None:
    kind, address, size, space = expected
    assert spans(V8, code) == [(Span(kind, address, size), space)]


def test_v8_block_copy() -> None:
    sta = "e2 a4 02 e0"  # sta %l1, [%l0] 0x17
    assert spans(V8, sta) == [(Span(L, 0x2004, 32), DATA), (Span(S, 0x1004, 32), DATA)]


@pytest.mark.parametrize(
    ("code", "is_system"),
    [
        ("d6 a4 00 80", True),  # sta %o3, [%l0] 4: MMU registers
        ("d6 84 00 80", False),  # lda [%l0] 4, %o3
        ("d6 a4 01 20", False),  # sta %o3, [%l0] 9: faults
        ("d6 a4 01 80", False),  # sta %o3, [%l0] 0xc: cache tags
    ],
)
def test_v8_register_spaces_are_no_memory(code: str, is_system: bool) -> None:
    assert spans(V8, code) == []
    assert behaviour(V8, code).is_system is is_system


@pytest.mark.parametrize(
    ("code", "address", "psr", "expected"),
    [
        ("d6 a4 00 80", 0x200, 0x80, 5),  # sta %o3, [%l0] 4
        ("d6 a4 03 20", 0x200, 0x80, 5),  # sta %o3, [%l0] 0x19: LEON3
        ("d6 a4 00 80", 0x100, 0x80, 3),  # the context table's address
        ("d6 a4 00 80", 0x200, 0, 3),  # a program may not
    ],
)
def test_v8_context_is_what_is_stored_to_its_register(code: str, address: int, psr: int, expected: int) -> None:
    store = behaviour(V8, code)
    assert (store.rule, store.is_system) == (StepRule.REMEMBER, True)
    assert store.remembers is not None
    name, value = store.remembers
    assert (name, value(Values(g0=0, l0=address, o3=5, psr=psr, context=3))) == ("context", expected)


def test_leon3_power_down_waits() -> None:
    assert behaviour(V8, "a7 80 00 00").rule is StepRule.HALT  # wr %g0, %asr19


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("d6 5c 20 08", (L, 0x1_0000_100C, 8, DATA)),  # ldx [%l0+8], %o3
        ("d6 dc 02 80", (L, 0x1_0000_1004, 8, PHYSICAL)),  # ldxa [%l0] 0x14, %o3
        ("d6 f4 03 a0", (S, 0x1_0000_1004, 8, PHYSICAL)),  # stxa %o3, [%l0] 0x1d: little-endian
        ("d6 dc 00 80", (L, 0x1_0000_1004, 8, AddressKind.NUCLEUS)),  # ldxa [%l0] 4, %o3
        ("d6 f4 02 20", (S, 0x1_0000_1004, 8, AddressKind.SECONDARY)),  # stxa %o3, [%l0] 0x11
        ("d6 f4 02 00", (S, 0x1_0000_1004, 8, AddressKind.PRIMARY)),  # stxa %o3, [%l0] 0x10
        ("d4 9c 04 c0", (L, 0x1_0000_1004, 16, PHYSICAL)),  # ldda [%l0] 0x26, %o2: twin
    ],
)
def test_v9_alternate_spaces(code: str, expected: tuple[AccessKind, int, int, AddressKind]) -> None:
    kind, address, size, space = expected
    assert spans(V9, code) == [(Span(kind, address, size), space)]


def test_v9_addresses_have_32_bits_if_pstate_says_so() -> None:
    assert spans(V9, "d6 5c 20 08", state=8 << 8) == [(Span(L, 0x100C, 8), DATA)]


@pytest.mark.parametrize(
    ("code", "is_system"),
    [
        ("d6 f4 0b 00", True),  # stxa %o3, [%l0] 0x58: D-MMU
        ("d6 f4 20 00", True),  # stxa %o3, [%l0] %asi
        ("d6 dc 0b 00", False),  # ldxa [%l0] 0x58, %o3
        ("91 90 20 00", False),  # wrpr %g0, 0, %pil
        ("8b 90 40 00", True),  # wrpr %g1, %tba
        ("83 f0 00 00", True),  # retry
    ],
)
def test_v9_what_changes_translation(code: str, is_system: bool) -> None:
    assert behaviour(V9, code).is_system is is_system


V8_BEFORE = Values(pc=0x4000_1000, npc=0x4000_1004, psr=0xF30000E0, tbr=0x4000_0000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tbr": 0x4000_0050, "pc": 0x4000_0050}, Taken(5, returns_to=0x4000_1000)),
        ({"tbr": 0x4000_0160, "pc": 0x4000_0160}, Taken(0x16, is_interrupt=True, returns_to=0x4000_1000)),
        (
            {"tbr": 0x4000_0160, "pc": 0x4000_0160, "l1": 0x4000_1004, "l2": 0x4000_1008},
            Taken(0x16, is_interrupt=True, returns_to=0x4000_1004),
        ),
        ({"psr": 0xF30000E0, "pc": 0x4000_1004}, None),  # the next instruction
        ({"pc": 0x4000_1004}, None),  # wr %psr with traps off
        ({"tbr": 0x4000_0050, "pc": 0x4000_0050, "l1": 0x4000_0FF8}, None),
    ],
)
def test_v8_traps(changes: dict[str, int], expected: Taken | None) -> None:
    after = Values({**V8_BEFORE, "psr": 0xF30000C7, "l1": 0x4000_1000, "l2": 0x4000_1004} | changes)
    assert V8_SYSTEM.taken(V8_BEFORE, after) == expected


@pytest.mark.parametrize(
    ("pc", "trap_level", "expected"),
    [
        (0x8000 + (0x68 << 5), 1, Taken(0x68)),
        (0x8000 + (0x4E << 5), 1, Taken(0x4E, is_interrupt=True)),
        (0xC000 + (0x80 << 5), 2, Taken(0x80)),
        (0x8000 + (0x68 << 5), 0, None),  # a jump
        (0x8000 + (0x68 << 5) + 4, 1, None),
        (0x2_0000, 1, None),
    ],
)
def test_v9_traps(pc: int, trap_level: int, expected: Taken | None) -> None:
    before = Values(pc=0x4000, npc=0x4004, tl=1 if trap_level == 2 else 0)
    after = Values(pc=pc, npc=pc + 4, tbr=0x8000, tl=trap_level)
    assert V9_SYSTEM.taken(before, after) == expected


TLB = """\
MMU contexts: Primary: 5, Secondary: 18
DMMU Tag Access: ffd80000, TSB Tag Target: 0
DMMU dump
[00] VA: ffe00000, PA: 7f00000, 512k, priv, RW, locked, ie no, ctx 0 local
[01] VA: 10000, PA: 400000, 64k, user, RW, unlocked, ie no, ctx 5 local
[02] VA: 10000, PA: 600000,   8k, user, RW, unlocked, ie no, ctx 18 local
[03] VA: 400000, PA: 800000,   4M, user, RO, unlocked, ie no, ctx 3 global
IMMU dump
[00] VA: ffd00000, PA: 1fff0000000, 512k, priv, locked, ctx 0 local
"""


@pytest.mark.parametrize(
    ("address", "kind", "trap_level", "expected"),
    [
        (0x1_2344, DATA, 0, 0x40_2344),
        (0x1_0344, AddressKind.SECONDARY, 0, 0x60_0344),
        (0x1_2344, AddressKind.SECONDARY, 0, None),
        (0x1_2344, DATA, 1, None),
        (0x1_2344, AddressKind.PRIMARY, 1, 0x40_2344),
        (0xFFE0_1234, DATA, 1, 0x7F0_1234),
        (0xFFE0_1234, AddressKind.NUCLEUS, 0, 0x7F0_1234),
        (0x41_2344, DATA, 0, 0x81_2344),
        (0xFFD0_0020, CODE, 1, 0x1FF_F000_0020),
        (0xFFD0_0020, CODE, 0, None),
    ],
)
def test_v9_translation_is_what_the_buffers_say(
    address: int, kind: AddressKind, trap_level: int, expected: int | None
) -> None:
    registers = Values(state=4 << 8, tl=trap_level)
    assert V9_SYSTEM.translate is not None
    assert V9_SYSTEM.translate(lambda command: TLB, registers, address, kind) == expected


def test_v9_without_the_mmu_addresses_are_physical_ones() -> None:
    text = (
        "MMU contexts: Primary: 0, Secondary: 0\nDMMU Tag Access: 0, TSB Tag Target: 0\nDMMU disabled\nIMMU disabled\n"
    )
    assert V9_SYSTEM.translate is not None
    for kind in (DATA, CODE):
        assert (
            V9_SYSTEM.translate(lambda command: text, Values(state=4 << 8, tl=5), 0x1FFF000_0020, kind)
            == 0x1FFF000_0020
        )


@pytest.mark.parametrize(
    ("kind", "answers", "expected"),
    [
        (CODE, {0x1000: 0x7000_1000}, 0x7000_1000),
        (DATA, {0x1000: 0x7000_1000, 0x5A380000: 0x7000_0000, 0xA5B00000: 0x7000_0000}, 0x1000),  # boot mode
        (DATA, {0x1000: 0x1000, 0x5A380000: 0x5A380000, 0xA5B00000: 0xA5B00000}, 0x1000),  # no MMU
        (DATA, {0x1000: 0x90_1000}, 0x90_1000),
        (DATA, {}, None),
    ],
)
def test_v8_boot_mode_is_for_code(kind: AddressKind, answers: dict[int, int], expected: int | None) -> None:
    def monitor(command: str) -> str:
        name, _, address = command.partition(" ")
        assert name == "gva2gpa"
        found = answers.get(int(address, 16))
        return "Unmapped\r\n" if found is None else f"gpa: {found:#x}\r\n"

    assert V8_SYSTEM.translate is not None
    assert V8_SYSTEM.translate(monitor, Values(), 0x1000, kind) == expected
