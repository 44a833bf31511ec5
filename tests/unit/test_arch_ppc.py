"""PowerPC: what instructions touch. Encodings are from the GNU assembler, effects from Power ISA 3.1B."""

from __future__ import annotations

import capstone
import pytest

from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Disassembled, Group, Span, StepRule
from gdbtrace.arch.ppc import PPC, PPC64, PPC64LE

LOAD, STORE = AccessKind.LOAD, AccessKind.STORE
ADDRESS = 0x1000_0000


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


def behaviour_of(arch: Arch, words: str, mode_index: int = 0) -> Behaviour:
    """Of big-endian ``words``, turned round for a little-endian architecture."""
    data = bytes.fromhex(words)
    if arch.byte_order == "little":
        data = b"".join(data[start : start + 4][::-1] for start in range(0, len(data), 4))
    mode = arch.modes[mode_index]
    if len(data) == 8:
        return arch.behaviour_of(Disassembled(ADDRESS, data, mode, "", "", None))
    return arch.behaviour_of(disassemble(data, ADDRESS, mode))


def spans_of(behaviour: Behaviour, **registers: int) -> tuple[Span, ...]:
    return tuple(behaviour.spans(Values(registers))) if behaviour.spans else ()


@pytest.mark.parametrize(
    ("words", "registers", "spans"),
    [
        pytest.param("80640010", {"r4": 0x100}, [(LOAD, 0x110, 4)], id="lwz r3,16(r4)"),
        pytest.param("8060fff0", {}, [(LOAD, 0xFFFF_FFF0, 4)], id="lwz r3,-16(0): A = 0 is the number"),
        pytest.param("9421fff0", {"r1": 0x8}, [(STORE, 0xFFFF_FFF8, 4)], id="stwu r1,-16(r1) wraps"),
        pytest.param("7c642a2e", {"r4": 0x100, "r5": 6}, [(LOAD, 0x106, 2)], id="lhzx r3,r4,r5"),
        pytest.param("7c002a2e", {"r5": 6}, [(LOAD, 6, 2)], id="lhzx r0,0,r5"),
        pytest.param("bba1fff4", {"r1": 0x100}, [(LOAD, 0xF4, 12)], id="lmw r29,-12(r1)"),
        pytest.param("bf810010", {"r1": 0x100}, [(STORE, 0x110, 16)], id="stmw r28,16(r1)"),
        pytest.param("7ca43caa", {"r4": 0x100}, [(LOAD, 0x100, 7)], id="lswi r5,r4,7"),
        pytest.param("7ca405aa", {"r4": 0x100}, [(STORE, 0x100, 32)], id="stswi r5,r4,32"),
        pytest.param("7ca4342a", {"r4": 1, "r6": 2, "xer": 0xE000_0005}, [(LOAD, 3, 5)], id="lswx r5,r4,r6"),
        pytest.param("7ca4352a", {"r4": 1, "r6": 2, "xer": 0}, [(STORE, 3, 0)], id="stswx of no bytes"),
        pytest.param("7c041fec", {"r4": 0x10, "r3": 0x2F}, [(STORE, 0x20, 32)], id="dcbz r4,r3"),
        pytest.param("7c001fac", {"r3": 0x5F}, [(LOAD, 0x40, 4)], id="icbi 0,r3"),
        pytest.param("7c0018ac", {"r3": 0x5F}, [(LOAD, 0x5F, 1)], id="dcbf 0,r3"),
        pytest.param("7c001a2c", {"r3": 0x5F}, [], id="dcbt 0,r3"),
        pytest.param("7c4320ce", {"r3": 0x10, "r4": 0xF}, [(LOAD, 0x10, 16)], id="lvx v2,r3,r4 aligns"),
        pytest.param("7c43204e", {"r3": 0x10, "r4": 0xF}, [(LOAD, 0x1E, 2)], id="lvehx v2,r3,r4"),
        pytest.param("7c43218e", {"r3": 0x10, "r4": 0xF}, [(STORE, 0x1C, 4)], id="stvewx v2,r3,r4"),
        pytest.param("7c43200c", {"r3": 0x10, "r4": 0xF}, [], id="lvsl v2,r3,r4"),
        pytest.param("7c642214", {}, [], id="add r3,r4,r4"),
    ],
)
def test_spans_32_bit(words: str, registers: dict[str, int], spans: list[tuple[AccessKind, int, int]]) -> None:
    assert spans_of(behaviour_of(PPC, words), **registers) == tuple(Span(*span) for span in spans)


@pytest.mark.parametrize("arch", [PPC64, PPC64LE], ids=lambda arch: str(arch.name))
@pytest.mark.parametrize(
    ("words", "registers", "spans"),
    [
        pytest.param("e864fffa", {"r4": 4}, [(LOAD, 0xFFFF_FFFF_FFFF_FFFC, 4)], id="lwa r3,-8(r4) with r4 4: DS form"),
        pytest.param("e864fff8", {"r4": 0}, [(LOAD, 0xFFFF_FFFF_FFFF_FFF8, 8)], id="ld r3,-8(r4)"),
        pytest.param("f8640010", {"r4": 0x100}, [(STORE, 0x110, 8)], id="std r3,16(r4)"),
        pytest.param("e0c40020", {"r4": 0x100}, [(LOAD, 0x120, 16)], id="lq r6,32(r4)"),
        pytest.param("f8c40012", {"r4": 0x100}, [(STORE, 0x110, 16)], id="stq r6,16(r4)"),
        pytest.param("f4640011", {"r4": 0x100}, [(LOAD, 0x110, 16)], id="lxv vs3,16(r4): DQ form"),
        pytest.param("f464001d", {"r4": 0x100}, [(STORE, 0x110, 16)], id="stxv vs35,16(r4)"),
        pytest.param("7c642e98", {"r4": 1, "r5": 2}, [(LOAD, 3, 16)], id="lxvd2x vs3,r4,r5 does not align"),
        pytest.param("7c642a98", {"r4": 1, "r5": 2}, [(LOAD, 3, 8)], id="lxvdsx vs3,r4,r5"),
        pytest.param("7c642a1a", {"r4": 1, "r5": 9 << 56 | 5}, [(LOAD, 1, 9)], id="lxvl vs3,r4,r5"),
        pytest.param("7c642b1a", {"r4": 1, "r5": 99 << 56}, [(STORE, 1, 16)], id="stxvl: 16 at most"),
        pytest.param("7c64048c", {"r4": 0x100}, [(LOAD, 0x100, 4), (STORE, 0x100, 4)], id="lwat r3,r4,0"),
        pytest.param("7c64c4cc", {"r4": 0x100}, [(LOAD, 0x100, 16), (STORE, 0x100, 8)], id="ldat r3,r4,24"),
        pytest.param("7c64c58c", {"r4": 0x100}, [(LOAD, 0x100, 8), (STORE, 0x100, 8)], id="stwat r3,r4,24"),
        pytest.param("7c041fec", {"r4": 0x10, "r3": 0x81}, [(STORE, 0x80, 128)], id="dcbz r4,r3"),
        pytest.param("7c0825a4", {"r8": 0x1000}, [(STORE, 0xE00, 8)], id="hashst r4,-512(r8)"),
        pytest.param("18a40021", {"r4": 0x100}, [(STORE, 0x120, 32)], id="stxvp vs36,32(r4)"),
        pytest.param("0600000180640002", {"r4": 0x100}, [(LOAD, 0x10102, 4)], id="plwz r3,65538(r4)"),
        pytest.param("0603ffff8064ffff", {"r4": 0x100}, [(LOAD, 0xFF, 4)], id="plwz r3,-1(r4)"),
        pytest.param("04100000f5400020", {}, [(STORE, ADDRESS + 32, 8)], id="pstd r10,.+32"),
        pytest.param("0400000088640010", {"r4": 0x100}, [], id="8LS of lbz's opcode is nothing"),
        pytest.param("0700000080640010", {"r4": 0x100}, [], id="pnop executes no suffix"),
    ],
)
def test_spans_64_bit(
    arch: Arch, words: str, registers: dict[str, int], spans: list[tuple[AccessKind, int, int]]
) -> None:
    assert spans_of(behaviour_of(arch, words), **registers) == tuple(Span(*span) for span in spans)


def test_addresses_of_the_32_bit_mode_are_cut() -> None:
    behaviour = behaviour_of(PPC64, "80640010", mode_index=1)
    assert spans_of(behaviour, r4=0x1_FFFF_FFF8) == (Span(LOAD, 8, 4),)


def test_the_mode_is_msr_sf() -> None:
    assert PPC64.mode_of is not None
    assert [PPC64.mode_of(Values(msr=msr)).name for msr in (1 << 63, 0)] == ["ppc:ppc64", "ppc:ppc"]
    assert PPC.mode_of is None


@pytest.mark.parametrize(
    ("words", "rule", "spans"),
    [
        pytest.param("7ce04828", StepRule.LOAD_EXCLUSIVE, [(LOAD, 0x100, 4)], id="lwarx r7,0,r9"),
        pytest.param("7ce048a9", StepRule.LOAD_EXCLUSIVE, [(LOAD, 0x100, 8)], id="ldarx r7,0,r9,1"),
        pytest.param("7cc04a28", StepRule.LOAD_EXCLUSIVE, [(LOAD, 0x100, 16)], id="lqarx r6,0,r9"),
        pytest.param("7ce0492d", StepRule.STORE_EXCLUSIVE, [(LOAD, 0x100, 4), (STORE, 0x100, 4)], id="stwcx. r7,0,r9"),
        pytest.param("7ce04d6d", StepRule.STORE_EXCLUSIVE, [(LOAD, 0x100, 1), (STORE, 0x100, 1)], id="stbcx. r7,0,r9"),
        pytest.param("44000002", StepRule.SYSTEM_CALL, [], id="sc"),
        pytest.param("44000001", StepRule.SYSTEM_CALL, [], id="scv 0"),
        pytest.param("4c00012c", StepRule.PLAIN, [], id="isync"),
    ],
)
def test_rules(words: str, rule: StepRule, spans: list[tuple[AccessKind, int, int]]) -> None:
    behaviour = behaviour_of(PPC64, words)
    assert behaviour.rule is rule
    assert spans_of(behaviour, r9=0x100) == tuple(Span(*span) for span in spans)


@pytest.mark.parametrize(
    ("words", "implied"),
    [
        pytest.param("48000011", {"LR"}, id="bl"),
        pytest.param("48000010", set(), id="b"),
        pytest.param("4200fff0", {"CTR"}, id="bdnz"),
        pytest.param("41820010", set(), id="beq"),
        pytest.param("4e800421", {"LR"}, id="bctrl"),
        pytest.param("7c0803a6", {"LR"}, id="mtlr r0"),
        pytest.param("7c6042a6", {"VRSAVE"}, id="mfvrsave r3"),
        pytest.param("fc22182a", {"f1", "vs1h", "f2", "f3", "fpscr"}, id="fadd f1,f2,f3 clears the VSX half"),
        pytest.param("fc201090", {"f1", "vs1h", "f2"}, id="fmr f1,f2"),
        pytest.param("d8230008", {"f1"}, id="stfd f1,8(r3)"),
        pytest.param("fc82b004", {"f4", "f5", "vs4h", "vs5h", "f2", "f3", "f22", "f23", "fpscr"}, id="daddq f4,f2,f22"),
        pytest.param("10432000", {"v2", "v3", "v4"}, id="vaddubm v2,v3,v4"),
        pytest.param("10432200", {"v2", "v3", "v4", "vscr"}, id="vaddubs v2,v3,v4"),
        pytest.param("104321ea", {"v2", "v3", "v4", "v7"}, id="vsel v2,v3,v4,v7"),
        pytest.param("1045030c", {"v2"}, id="vspltisb v2,5"),
        pytest.param("f0222493", {"v1", "f2", "vs2h", "v4"}, id="xxlor vs33,vs2,vs36"),
        pytest.param("f022193f", {"v1", "v2", "v3", "v4"}, id="xxsel vs33,vs34,vs35,vs36"),
        pytest.param("f0222101", {"v1", "f2", "vs2h", "f4", "vs4h", "fpscr"}, id="xsadddp vs33,vs2,vs4"),
        pytest.param("7c642a18", {"f3", "vs3h"}, id="lxvx vs3,r4,r5"),
        pytest.param(
            "ed8221d6",
            {*(f"f{n}" for n in range(12, 16)), *(f"vs{n}h" for n in range(12, 16)), "v2", "v3", "v4", "fpscr"},
            id="xvf64gerpp a3,vs34,vs36",
        ),
        pytest.param("7ca42caa", {"r5", "r6"}, id="lswi r5,r4,5"),
        pytest.param("bbc10010", {"r30", "r31"}, id="lmw r30,16(r1)"),
        pytest.param("84640004", {"r3", "r4"}, id="lwzu r3,4(r4)"),
        pytest.param("94640004", {"r4"}, id="stwu r3,4(r4)"),
    ],
)
def test_implied(words: str, implied: set[str]) -> None:
    assert set(behaviour_of(PPC64, words).implied) == implied


def test_masked_mma_is_the_suffix() -> None:
    behaviour = behaviour_of(PPC64, "079000ffed8221d6")  # pmxvf64gerpp
    assert behaviour.implied == behaviour_of(PPC64, "ed8221d6").implied


def test_32_bit_has_no_vsx_halves() -> None:
    assert behaviour_of(PPC, "fc22182a").implied == ("f1", "f2", "f3", "fpscr")


@pytest.mark.parametrize("arch", [PPC, PPC64, PPC64LE], ids=lambda arch: str(arch.name))
def test_every_capstone_name_leads_to_operand_registers(arch: Arch) -> None:
    known = {register.name for register in arch.registers}
    engine = capstone.Cs(arch.modes[0].capstone_arch, arch.modes[0].capstone_mode)
    names = [name for number in range(1, 1000) if (name := engine.reg_name(number))]
    assert len(names) > 200
    assert [name for name in names if not known.issuperset(arch.aliases.get(name, (name,)))] == []


def test_named_registers() -> None:
    compare = disassemble(bytes.fromhex("2f830000"), ADDRESS, PPC64.modes[0])  # cmpwi cr7,r3,0
    assert named_registers(PPC64, compare) == ("crf7", "r3")


def test_flag_fields() -> None:
    fields = {register.name: register for register in PPC.registers if register.group is Group.STATUS}
    assert [
        (fields[name].stub_name, fields[name].shift, fields[name].bits) for name in ("crf0", "crf7", "so", "ov", "ca")
    ] == [
        ("cr", 28, 4),
        ("cr", 0, 4),
        ("xer", 31, 1),
        ("xer", 30, 1),
        ("xer", 29, 1),
    ]
