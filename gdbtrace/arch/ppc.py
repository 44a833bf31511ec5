"""PowerPC: 32 bit, 64 bit, and 64 bit little-endian.

References: Power ISA 3.1B (books I and II) for encodings and effective addresses; QEMU's ``target/ppc`` for the
targets.  The instruction tables cover what user mode can run of ISA 2.03 to 3.1 whatever ``-cpu`` is chosen: an
instruction that the chosen one lacks traps before it touches anything.  Not covered: the SPE unit of e500v1 and v2,
whose loads and stores share AltiVec's opcodes.

Bits are counted from the low end here; the manual counts them from the high end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal, NamedTuple

import capstone

from gdbtrace.arch import branches, nondeterminism, undefined
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    ByteOrder,
    Disassembled,
    ElfIdentity,
    Group,
    Mode,
    Register,
    Registers,
    Span,
    SpanFunction,
    StepRule,
    SystemCalls,
)
from gdbtrace.arch.system.ppc import LINE_BYTES, SYSTEM, SYSTEM_SPRS

LOAD, STORE = AccessKind.LOAD, AccessKind.STORE

# --- Registers -------------------------------------------------------------------------------------------------------

_MASK32, _MASK64 = (1 << 32) - 1, (1 << 64) - 1

_XER_FLAGS = {"so": 31, "ov": 30, "ca": 29}
"""Power ISA 3.1B book I, 3.2.2."""

_SPECIAL = {1: "XER", 8: "LR", 9: "CTR", 256: "VRSAVE"}
"""Special purpose registers that user code may move and that are operand registers, by number."""

_COUNTERS = ("tbl", "tbu", "atbl", "atbu", "decr", "purr", "spurr", "vtb", "pit")
"""System mode's ``power-spr.xml`` has these; it also repeats xer, lr, ctr, vrsave, which the core feature has first."""


def _registers(bits: Literal[32, 64]) -> tuple[Register, ...]:
    """Names and widths as rizin's profile and rz-tracetest's adapter take them (bap-frames.md, 6 and 9).

    A register that the running cpu's description lacks (AltiVec on a G3, the SPRs in user mode) does not exist.
    """
    return (
        *(Register(f"r{n}", bits) for n in range(32)),
        Register("pc", 64, Group.CONTROL),
        Register("LR", bits, Group.CONTROL, "lr"),
        Register("CTR", bits, Group.CONTROL, "ctr"),
        Register("XER", 64, Group.CONTROL, "xer"),
        *(Register(f"crf{n}", 4, Group.STATUS, "cr", 28 - 4 * n) for n in range(8)),
        *(Register(name, 1, Group.STATUS, "xer", bit) for name, bit in _XER_FLAGS.items()),
        *(Register(f"f{n}", 64, Group.FLOAT) for n in range(32)),
        Register("fpscr", 64, Group.FLOAT),
        *(Register(f"v{n}", 128, Group.VECTOR, f"vr{n}") for n in range(32)),
        *(Register(f"vs{n}h", 64, Group.VECTOR) for n in range(32) if bits == 64),
        Register("vscr", 32, Group.VECTOR),
        Register("VRSAVE", 32, Group.VECTOR, "vrsave"),
        Register("msr", 64, Group.SYSTEM),
        *(Register(name, bits, Group.COUNTER) for name in _COUNTERS),
    )


def _vsr(number: int) -> tuple[str, ...]:
    """VSX register ``number``: the first 32 lie over the FPRs (low half in ``vsNh``), the others are AltiVec's."""
    return (f"f{number}", f"vs{number}h") if number < 32 else (f"v{number - 32}",)


def _aliases(bits: Literal[32, 64]) -> dict[str, tuple[str, ...]]:
    # capstone has "rm", the rounding mode, read by branches too: fpscr comes from the tables below instead.
    aliases: dict[str, tuple[str, ...]] = {"zero": (), "rm": (), "xer": ("XER",), "vrsave": ("VRSAVE",)}
    aliases |= dict.fromkeys(("lr", "lr8"), ("LR",)) | dict.fromkeys(("ctr", "ctr8"), ("CTR",))
    for n in range(8):
        aliases |= dict.fromkeys((f"cr{n}", *(f"cr{n}{bit}" for bit in ("lt", "gt", "eq", "un"))), (f"crf{n}",))
    for n in range(32):
        aliases[f"q{n}"] = (f"f{n}",)
        aliases[f"vs{n}"] = _vsr(n) if bits == 64 else (f"f{n}",)
        aliases[f"vs{n + 32}"] = _vsr(n + 32)
    return aliases


# --- Register operands in an instruction word -------------------------------------------------------------------------

_FIELDS = {"T": 21, "A": 16, "B": 11, "C": 6}
"""Low bit of each 5-bit register field."""

_VSX_HIGH_BIT = {"T": 0, "A": 2, "B": 1, "C": 3}
"""The bit that is the sixth of a VSX register number, by field (XX1 to XX4 forms)."""


def _named(token: str) -> Callable[[int], tuple[str, ...]]:
    """What an operand token of the tables below stands for, as a function of the instruction word.

    ``gT`` GPR in field T, ``GT`` an even one and the next; ``mT``, ``wT``, ``zT`` the GPRs of lmw, lswi, lswx; ``fT``
    FPR, ``pT`` an even one and the next; ``FT``, ``PT`` the same, written: QEMU's ``set_fpr`` then clears the rest of
    the VSX register; ``vT`` AltiVec; ``xT`` VSX, ``qT`` in DQ form, ``sT`` in 8RR:D form; ``dT`` a VSX pair, ``eA``
    one in field A; ``aT`` the four VSX registers of an MMA accumulator.  Anything else is a register's own name.
    """
    kind, field = token[0], token[1:]
    if field not in _FIELDS:
        return lambda word: (token,)
    shift = _FIELDS[field]
    if kind == "x":
        high = _VSX_HIGH_BIT[field]
        return lambda word: _vsr(word >> shift & 31 | (word >> high & 1) << 5)
    by_kind: dict[str, Callable[[int], tuple[str, ...]]] = {
        "g": lambda word: (f"r{word >> shift & 31}",),
        "f": lambda word: (f"f{word >> shift & 31}",),
        "F": lambda word: _vsr(word >> shift & 31),
        "p": lambda word: (f"f{word >> shift & 30}", f"f{word >> shift & 30 | 1}"),
        "P": lambda word: (*_vsr(word >> shift & 30), *_vsr(word >> shift & 30 | 1)),
        "G": lambda word: (f"r{word >> shift & 30}", f"r{word >> shift & 30 | 1}"),
        "v": lambda word: (f"v{word >> shift & 31}",),
        "q": lambda word: _vsr(word >> shift & 31 | (word >> 3 & 1) << 5),
        "d": lambda word: tuple(name for n in (0, 1) for name in _vsr((word >> 21 & 30 | (word >> 21 & 1) << 5) + n)),
        "e": lambda word: tuple(name for n in (0, 1) for name in _vsr((word >> 16 & 30 | (word >> 2 & 1) << 5) + n)),
        "s": lambda word: _vsr(word >> shift & 31 | (word >> 16 & 1) << 5),
        "a": lambda word: tuple(name for n in range(4) for name in _vsr((word >> shift & 28) + n)),
        # What lmw, lswi (field B is a number of bytes, 0 for 32) and lswx (XER's number) fill; strings go round to r0.
        "m": lambda word: tuple(f"r{n}" for n in range(word >> 21 & 31, 32)),
        "w": lambda word: tuple(f"r{(word >> 21) + n & 31}" for n in range(((word >> 11 & 31 or 32) + 3) // 4)),
        "z": lambda word: tuple(f"r{n}" for n in range(32)),
    }
    return by_kind[kind]


# --- Memory -----------------------------------------------------------------------------------------------------------


class _Target(NamedTuple):
    """What an effective address depends on beside the instruction and the registers."""

    mask: int
    """All the bits of an address: 32 of them in a 64-bit implementation's 32-bit mode too (book I, 1.10.3)."""
    line: int
    """Bytes that ``dcbz`` clears."""
    is_system: bool
    """The processor's version may say otherwise."""
    address: int
    """Of the instruction."""


class _Place(NamedTuple):
    """An operand address before it is computed: ``base`` + ``offset`` + ``displacement``."""

    base: str | None
    offset: str | None
    """The register of an indexed form."""
    displacement: int


_AddressFunction = Callable[[Registers], int]
_SpansOf = Callable[[int, _Place, _Target], SpanFunction]
"""Instruction word, where, target -> the spans at execution."""


def _address_function(place: _Place, mask: int) -> _AddressFunction:
    base, offset, displacement = place
    if base is not None and offset is not None:
        return lambda registers: registers[base] + registers[offset] & mask
    if base is not None:
        return lambda registers: registers[base] + displacement & mask
    if offset is not None:
        return lambda registers: registers[offset] & mask
    constant = displacement & mask
    return lambda registers: constant


def _simple(kind: AccessKind, size: int, alignment: int, word: int, place: _Place, target: _Target) -> SpanFunction:
    """One access, at the address rounded down to ``alignment``."""
    address = _address_function(place, target.mask & -alignment)
    return lambda registers: (Span(kind, address(registers), size),)


def _line(kind: AccessKind, size: int, word: int, place: _Place, target: _Target) -> SpanFunction:
    """``size`` bytes at the start of the cache line, 0 for all of it."""

    def of(line: int) -> SpanFunction:
        return _simple(kind, size or line, line, word, place, target)

    usual = of(target.line)
    if not target.is_system:
        return usual
    others = {version: of(line) for version, line in LINE_BYTES.items()}
    return lambda registers: others.get(registers["pvr"] >> 16, usual)(registers)


def _multiple(kind: AccessKind, word: int, place: _Place, target: _Target) -> SpanFunction:
    """``lmw``, ``stmw``: the low words of rT to r31."""
    return _simple(kind, 4 * (32 - (word >> 21 & 31)), 1, word, place, target)


def _string(kind: AccessKind, word: int, place: _Place, target: _Target) -> SpanFunction:
    """``lswi``, ``stswi``: field B bytes, 0 for 32, at (A)."""
    return _simple(kind, (word >> 11 & 31) or 32, 1, word, _Place(place.base, None, 0), target)


def _string_indexed(kind: AccessKind, word: int, place: _Place, target: _Target) -> SpanFunction:
    """``lswx``, ``stswx``: the low seven bits of XER count the bytes."""
    address = _address_function(place, target.mask)
    return lambda registers: (Span(kind, address(registers), registers["xer"] & 0x7F),)


def _length(kind: AccessKind, word: int, place: _Place, target: _Target) -> SpanFunction:
    """``lxvl`` and its kin: the top byte of rB counts the bytes, at (A); 16 at most."""
    address = _address_function(_Place(place.base, None, 0), target.mask)
    length = f"r{word >> 11 & 31}"
    return lambda registers: (Span(kind, address(registers), min(registers[length] >> 56, 16)),)


_PAIR_FUNCTIONS = frozenset({24, 25, 28})
"""Function codes of ``lwat`` and ``ldat`` that look at the next element too (bounded increment, bounded decrement,
increment if equal); ``stwat`` and ``stdat`` have 24 only, which stores to both (book II, 4.5)."""


def _atomic(size: int, paired_stores: int, word: int, place: _Place, target: _Target) -> SpanFunction:
    """Read, change and write, at (A); the function code is in field B.

    As QEMU does it: a form that compares always stores, the old value if the comparison says no; and the bounded
    decrement has its bound after the element, where the manual has it before (``gen_fetch_inc_conditional``).
    """
    address = _address_function(_Place(place.base, None, 0), target.mask)
    is_pair = word >> 11 & 31 in _PAIR_FUNCTIONS
    loaded, stored = (2 * size, paired_stores * size) if is_pair else (size, size)

    def spans(registers: Registers) -> tuple[Span, ...]:
        start = address(registers)
        return Span(LOAD, start, loaded), Span(STORE, start, stored)

    return spans


def _hash(kind: AccessKind, word: int, place: _Place, target: _Target) -> SpanFunction:
    """``hashst``, ``hashchk``: 8 bytes at (A) - 512 + 8 times the six bits DX || D."""
    displacement = ((word & 1) << 5 | word >> 21 & 31) * 8 - 512
    return _simple(kind, 8, 1, word, _Place(place.base, None, displacement), target)


def _both(first: _SpansOf, second: _SpansOf, word: int, place: _Place, target: _Target) -> SpanFunction:
    before, after = first(word, place, target), second(word, place, target)
    return lambda registers: (*before(registers), *after(registers))


_ACCESSES: dict[str, _SpansOf] = {
    **{f"L{size}": partial(_simple, LOAD, size, 1) for size in (1, 2, 4, 8, 16, 32)},
    **{f"S{size}": partial(_simple, STORE, size, 1) for size in (1, 2, 4, 8, 16, 32)},
    **{f"L{size}a": partial(_simple, LOAD, size, size) for size in (1, 2, 4, 16)},
    **{f"S{size}a": partial(_simple, STORE, size, size) for size in (1, 2, 4, 16)},
    **{f"L{name}": partial(spans, LOAD) for name, spans in (("m", _multiple), ("s", _string), ("sx", _string_indexed))},
    **{
        f"S{name}": partial(spans, STORE) for name, spans in (("m", _multiple), ("s", _string), ("sx", _string_indexed))
    },
    "Ll": partial(_length, LOAD),
    "Sl": partial(_length, STORE),
    "Lh": partial(_hash, LOAD),
    "Sh": partial(_hash, STORE),
    "Szero": partial(_line, STORE, 0),
    "Lline": partial(_line, LOAD, 4),
    "X4": partial(_atomic, 4, 1),
    "X8": partial(_atomic, 8, 1),
    "W4": partial(_atomic, 4, 2),
    "W8": partial(_atomic, 8, 2),
    # QEMU performs a store conditional as a compare-and-swap with what the load-and-reserve read.
    **{
        f"C{size}": partial(_both, partial(_simple, LOAD, size, 1), partial(_simple, STORE, size, 1))
        for size in (1, 2, 4, 8, 16)
    },
    "L1S1": partial(_both, partial(_simple, LOAD, 1, 1), partial(_simple, STORE, 1, 1)),
}
"""The words of the access column: L load, S store, C both, a number of bytes; ``a``: at the address rounded down to
them."""

# --- Instruction tables -----------------------------------------------------------------------------------------------


class _Form(NamedTuple):
    """Where a form keeps its extended opcode, and which bits of the low half are a displacement."""

    shift: int
    mask: int
    displacement: int = 0
    """0: the form is indexed."""


_FORMS = {
    "D": _Form(0, 0, 0xFFFF),
    "DS": _Form(0, 0x3, 0xFFFC),
    "DQ": _Form(0, 0x7, 0xFFF0),
    "DQ0": _Form(0, 0, 0xFFF0),
    "DQ4": _Form(0, 0xF, 0xFFF0),
    "SC": _Form(0, 0x3),
    "X": _Form(1, 0x3FF),
    "Z22": _Form(1, 0x1FF),
    "Z23": _Form(1, 0xFF),
    "A": _Form(1, 0x1F),
    "XX4": _Form(4, 0x3),
    "XX3": _Form(3, 0xFF),
    "XX2": _Form(2, 0x1FF),
    "VX": _Form(0, 0x7FF),
    "VA": _Form(0, 0x3F),
    "any": _Form(0, 0),
}
"""``.nn`` after an extended opcode means that field A is nn: see :func:`_parse`."""

_TABLE = """
# Every row: primary opcode, form, access (- for none), operands : name=extended opcode ...
# Operands are those outside the pre list's complete part (FPRs, vectors, fpscr, ...) and the GENERAL and CONTROL ones
# that are written.

32 D L4 gT                    : lwz=0
33 D L4 gT gA                 : lwzu=0
34 D L1 gT                    : lbz=0
35 D L1 gT gA                 : lbzu=0
36 D S4                       : stw=0
37 D S4 gA                    : stwu=0
38 D S1                       : stb=0
39 D S1 gA                    : stbu=0
40 D L2 gT                    : lhz=0
41 D L2 gT gA                 : lhzu=0
42 D L2 gT                    : lha=0
43 D L2 gT gA                 : lhau=0
44 D S2                       : sth=0
45 D S2 gA                    : sthu=0
46 D Lm mT                    : lmw=0
47 D Sm                       : stmw=0
48 D L4 FT                    : lfs=0
49 D L4 FT gA                 : lfsu=0
50 D L8 FT                    : lfd=0
51 D L8 FT gA                 : lfdu=0
52 D S4 fT                    : stfs=0
53 D S4 fT gA                 : stfsu=0
54 D S8 fT                    : stfd=0
55 D S8 fT gA                 : stfdu=0
56 DQ0 L16 GT                 : lq=0
57 DS L16 PT                  : lfdp=0
57 DS L8 vT                   : lxsd=2
57 DS L4 vT                   : lxssp=3
58 DS L8 gT                   : ld=0
58 DS L8 gT gA                : ldu=1
58 DS L4 gT                   : lwa=2
61 DQ L16 qT                  : lxv=1
61 DQ S16 qT                  : stxv=5
61 DS S16 pT                  : stfdp=0
61 DS S8 vT                   : stxsd=2
61 DS S4 vT                   : stxssp=3
62 DS S8                      : std=0
62 DS S8 gA                   : stdu=1
62 DS S16                     : stq=2
6 DQ4 L32 dT                  : lxvp=0
6 DQ4 S32 dT                  : stxvp=1

31 X L1 gT                    : lbzx=87 lbzcix=853 lbepx=95
31 X L1 gT gA                 : lbzux=119
31 X L2 gT                    : lhzx=279 lhax=343 lhbrx=790 lhzcix=821 lhepx=287
31 X L2 gT gA                 : lhzux=311 lhaux=375
31 X L4 gT                    : lwzx=23 lwax=341 lwbrx=534 lwzcix=789 eciwx=310 lwepx=31
31 X L4 gT gA                 : lwzux=55 lwaux=373
31 X L8 gT                    : ldx=21 ldbrx=532 ldcix=885 ldepx=29
31 X L8 gT gA                 : ldux=53
31 X S1                       : stbx=215 stbcix=981 stbepx=223
31 X S1 gA                    : stbux=247
31 X S2                       : sthx=407 sthbrx=918 sthcix=949 sthepx=415
31 X S2 gA                    : sthux=439
31 X S4                       : stwx=151 stwbrx=662 stwcix=917 ecowx=438 stwepx=159
31 X S4 gA                    : stwux=183
31 X S8                       : stdx=149 stdbrx=660 stdcix=1013 stdepx=157
31 X S8 gA                    : stdux=181
31 X Ls wT                    : lswi=597
31 X Lsx zT                   : lswx=533
31 X Ss                       : stswi=725
31 X Ssx                      : stswx=661
31 X L1 gT                    : lbarx=52
31 X L2 gT                    : lharx=116
31 X L4 gT                    : lwarx=20
31 X L8 gT                    : ldarx=84
31 X L16 GT                   : lqarx=276
31 X C1                       : stbcx.=694
31 X C2                       : sthcx.=726
31 X C4                       : stwcx.=150
31 X C8                       : stdcx.=214
31 X C16                      : stqcx.=182
31 X X4 gT                    : lwat=582
31 X X8 gT                    : ldat=614
31 X W4                       : stwat=710
31 X W8                       : stdat=742
31 X Sh                       : hashstp=658 hashst=722
31 X Lh                       : hashchkp=690 hashchk=754
31 X L4 FT                    : lfsx=535 lfiwax=855 lfiwzx=887
31 X L4 FT gA                 : lfsux=567
31 X L8 FT                    : lfdx=599 lfdepx=607
31 X L8 FT gA                 : lfdux=631
31 X L16 PT                   : lfdpx=791
31 X S4 fT                    : stfsx=663 stfiwx=983
31 X S4 fT gA                 : stfsux=695
31 X S8 fT                    : stfdx=727 stfdepx=735
31 X S8 fT gA                 : stfdux=759
31 X S16 pT                   : stfdpx=919
# QEMU does the checks of the cache instructions by loading (gen_dcbst, gen_dcbf, helper_icbi).
31 X Szero                    : dcbz=1014 dcbzep=1023
31 X L1                       : dcbst=54 dcbf=86 dcbfep=127 dcbstep=63
31 X Lline                    : icbi=982 icbiep=991
31 X L1S1                     : dcbi=470
31 X L1a vT                   : lvebx=7
31 X L2a vT                   : lvehx=39
31 X L4a vT                   : lvewx=71
31 X L16a vT                  : lvx=103 lvxl=359
31 X S1a vT                   : stvebx=135
31 X S2a vT                   : stvehx=167
31 X S4a vT                   : stvewx=199
31 X S16a vT                  : stvx=231 stvxl=487
31 X - vT                     : lvsl=6 lvsr=38
31 X L1 xT                    : lxsibzx=781 lxvrbx=13
31 X L2 xT                    : lxsihzx=813 lxvrhx=45
31 X L4 xT                    : lxsiwzx=12 lxsiwax=76 lxsspx=524 lxvwsx=364 lxvrwx=77
31 X L8 xT                    : lxsdx=588 lxvdsx=332 lxvrdx=109
31 X L16 xT                   : lxvx=268 lxvx=300 lxvw4x=780 lxvh8x=812 lxvd2x=844 lxvb16x=876
31 X L32 dT                   : lxvpx=333
31 X Ll xT                    : lxvl=269 lxvll=301
31 X S1 xT                    : stxsibx=909 stxvrbx=141
31 X S2 xT                    : stxsihx=941 stxvrhx=173
31 X S4 xT                    : stxsiwx=140 stxsspx=652 stxvrwx=205
31 X S8 xT                    : stxsdx=716 stxvrdx=237
31 X S16 xT                   : stxvx=396 stxvw4x=908 stxvh8x=940 stxvd2x=972 stxvb16x=1004
31 X S32 dT                   : stxvpx=461
31 X Sl xT                    : stxvl=397 stxvll=429
31 X - gT                     : addg6s=74 subfco=520 addco=522 subfo=552 nego=616 subfeo=648 addeo=650
31 X - gT                     : subfzeo=712 addzeo=714 subfmeo=744 mulldo=745 addmeo=746 mullwo=747 addo=778
31 X - gT                     : divdeuo=905 divweuo=907 divdeo=937 divweo=939 divduo=969 divwuo=971 divdo=1001
31 X - gT                     : divwo=1003
31 Z23 - gT                   : addex=170
31 A - gT                     : isel=15
31 X - gT                     : setbc=384 setbcr=416 setnbc=448 setnbcr=480 darn=755
31 X - gA                     : cntlzdm=59 prtyw=154 brw=155 pdepd=156 prtyd=186 brd=187 pextd=188 brh=219 cfuged=220
31 X - gA                     : cdtbcd=282 cbcdtd=314 cnttzdm=571
31 X - gA xT                  : mfvsrd=51 mfvsrwz=115 mfvsrld=307
31 X - xT                     : mtvsrd=179 mtvsrwa=211 mtvsrwz=243 mtvsrws=403 mtvsrdd=435
31 X - aT                     : xxmfacc=177
31 X - msr                    : mfmsr=83 mtmsr=146 mtmsrd=178
31 X - XER                    : mcrxr=512

17 SC - r3 LR CTR             : scv=1
17 SC - r3                    : sc=2
19 X - msr                    : rfid=18 rfi=50 rfscv=82 hrfid=274

# AltiVec. A row for everything that is not vT vA vB.
4 VX - gT vB                  : vgnb=1228 vextublx=1549 vextuhlx=1613 vextuwlx=1677 vextubrx=1805 vextuhrx=1869
4 VX - gT vB                  : vextuwrx=1933 vclzlsbb=1538.00 vctzlsbb=1538.01 vextractbm=1602.08 vextracthm=1602.09
4 VX - gT vB                  : vextractwm=1602.10 vextractdm=1602.11 vextractqm=1602.12 vcntmbb=1602.24
4 VX - gT vB                  : vcntmbb=1602.25 vcntmbh=1602.26 vcntmbh=1602.27 vcntmbw=1602.28 vcntmbw=1602.29
4 VX - gT vB                  : vcntmbd=1602.30 vcntmbd=1602.31
4 VX - vA vB                  : vcmpuq=257 vcmpsq=321
4 VX - vB vscr                : mtvscr=1604
4 VX - vT vscr                : mfvscr=1540
4 VX - vT                     : vinsw=207 vinsd=463 vinsblx=527 vinshlx=591 vinswlx=655 vinsdlx=719 vspltisb=780
4 VX - vT                     : vinsbrx=783 vspltish=844 vinshrx=847 vspltisw=908 vinswrx=911 vinsdrx=975
4 VX - vT                     : mtvsrbm=1602.16 mtvsrhm=1602.17 mtvsrwm=1602.18 mtvsrdm=1602.19 mtvsrqm=1602.20
4 VX - vT vA                  : vmul10cuq=1 vclrlb=397 vclrrb=461 vmul10uq=513 vsbox=1480 vshasigmaw=1666
4 VX - vT vA                  : vshasigmad=1730
4 VX - vT vB                  : vstribl=13 vinsbvlx=15 vinshvlx=79 vinswvlx=143 vinsbvrx=271 vinshvrx=335 vinswvrx=399
4 VX - vT vB                  : vspltb=524 vextractub=525 vupkhsb=526 vsplth=588 vextractuh=589 vupkhsh=590 vspltw=652
4 VX - vT vB                  : vextractuw=653 vupklsb=654 vextractd=717 vupklsh=718 vinsertb=781 vinserth=845
4 VX - vT vB                  : vupkhpx=846 vinsertw=909 vinsertd=973 vupklpx=974 vstribl.=1037 vgbbd=1292 bcdcfn=1409
4 VX - vT vB                  : vextsb2w=1538 vexpandbm=1602 vupkhsw=1614 vupklsw=1742 vclzb=1794 vpopcntb=1795
4 VX - vT vB                  : vclzh=1858 vpopcnth=1859 bcdcfn=1921 vclzw=1922 vpopcntw=1923 vclzd=1986 vpopcntd=1987
4 VX - vT vB vscr             : vrefp=266 vrsqrtefp=330 vexptefp=394 vlogefp=458 vrfin=522 vrfiz=586 vrfip=650
4 VX - vT vB vscr             : vrfim=714 vcfux=778 vcfsx=842 vctuxs=906 vctsxs=970
4 VX - vT vA vB vscr          : vaddfp=10 vsubfp=74 vpkuhus=142 vcmpeqfp=198 vpkuwus=206 vpkshus=270 vpkswus=334
4 VX - vT vA vB vscr          : vpkshss=398 vcmpgefp=454 vpkswss=462 vaddubs=512 vadduhs=576 vadduws=640 vcmpgtfp=710
4 VX - vT vA vB vscr          : vaddsbs=768 vaddshs=832 vaddsws=896 vcmpbfp=966 vmaxfp=1034 vminfp=1098 vcmpeqfp=1222
4 VX - vT vA vB vscr          : vpkudus=1230 vpksdus=1358 vcmpgefp=1478 vpksdss=1486 vsububs=1536 vsum4ubs=1544
4 VX - vT vA vB vscr          : vsubuhs=1600 vsum4shs=1608 vsubuws=1664 vsum2sws=1672 vcmpgtfp=1734 vsubsbs=1792
4 VX - vT vA vB vscr          : vsum4sbs=1800 vsubshs=1856 vsubsws=1920 vsumsws=1928 vcmpbfp=1990
4 VA - gT                     : maddhd=48 maddhdu=49 maddld=51
4 VA - vT                     : mtvsrbmi=20 mtvsrbmi=21
4 VA - vT vA vB vC            : vmsumcud=23 vmladduhm=34 vmsumudm=35 vmsumubm=36 vmsummbm=37 vmsumuhm=38 vmsumshm=40
4 VA - vT vA vB vC            : vsel=42 vperm=43 vpermxor=45 vpermr=59 vaddeuqm=60 vaddecuq=61 vsubeuqm=62 vsubecuq=63
4 VA - vT vA vB vC vscr       : vmhaddshs=32 vmhraddshs=33 vmsumuhs=39 vmsumshs=41 vmaddfp=46 vnmsubfp=47
4 any - vT vA vB              : vaddubm=0

# Floating point, decimal floating point, quad precision, matrix multiply.
59 A - FT fA fB fpscr         : fdivs=18 fsubs=20 fadds=21
59 A - FT fB fpscr            : fsqrts=22 fres=24 frsqrtes=26
59 A - FT fA fC fpscr         : fmuls=25
59 A - FT fA fC fB fpscr      : fmsubs=28 fmadds=29 fnmsubs=30 fnmadds=31
59 X - FT fA fB fpscr         : dadd=2 dmul=34 dsub=514 ddiv=546 diex=866
59 X - fA fB fpscr            : dcmpo=130 dtstex=162 dcmpu=642 dtstsf=674
59 X - fB fpscr               : dtstsfi=675
59 X - FT fB fpscr            : dctdp=258 dctfix=290 ddedpd=322 dxex=354 drsp=770 dcffix=802 denbcd=834 fcfids=846
59 X - FT fB fpscr            : fcfidus=974
59 Z23 - FT fA fB fpscr       : dqua=3 drrnd=35
59 Z23 - FT fB fpscr          : dquai=67 drintx=99 drintn=227
59 Z22 - FT fA fpscr          : dscli=66 dscri=98
59 Z22 - fA fpscr             : dtstdc=194 dtstdg=226
59 XX3 - aT xA xB             : xvi8ger4pp=2 xvi8ger4=3 xvi4ger8pp=34 xvi4ger8=35 xvi16ger2spp=42 xvi16ger2s=43
59 XX3 - aT xA xB             : xvi16ger2=75 xvi8ger4spp=99 xvi16ger2pp=107
59 XX3 - aT eA xB fpscr       : xvf64gerpp=58 xvf64ger=59 xvf64gernp=122 xvf64gerpn=186 xvf64gernn=250
59 XX3 - aT xA xB fpscr       : xvf16ger2pp=18 xvf16ger2=19 xvf32gerpp=26 xvf32ger=27 xvbf16ger2pp=50 xvbf16ger2=51
59 XX3 - aT xA xB fpscr       : xvf16ger2np=82 xvf32gernp=90 xvbf16ger2np=114 xvf16ger2pn=146 xvf32gerpn=154
59 XX3 - aT xA xB fpscr       : xvbf16ger2pn=178 xvf16ger2nn=210 xvf32gernn=218 xvbf16ger2nn=242
63 A - FT fA fB fpscr         : fdiv=18 fsub=20 fadd=21
63 A - FT fB fpscr            : fsqrt=22 fre=24 frsqrte=26
63 A - FT fA fC fpscr         : fmul=25
63 A - FT fA fC fB            : fsel=23
63 A - FT fA fC fB fpscr      : fmsub=28 fmadd=29 fnmsub=30 fnmadd=31
63 X - FT fB                  : fneg=40 fmr=72 fnabs=136 fabs=264
63 X - FT fA fB               : fcpsgn=8 fmrgow=838 fmrgew=966
63 X - FT fB fpscr            : frsp=12 fctiw=14 fctiwz=15 fctiwu=142 fctiwuz=143 frin=392 friz=424 frip=456 frim=488
63 X - FT fB fpscr            : fctid=814 fctidz=815 fcfid=846 fctidu=942 fctiduz=943 fcfidu=974
63 X - fA fB fpscr            : fcmpu=0 fcmpo=32
63 X - fA fB                  : ftdiv=128
63 X - fB                     : ftsqrt=160
63 X - fpscr                  : mtfsb1=38 mcrfs=64 mtfsb0=70 mtfsfi=134
63 X - FT fB fpscr            : mffscdrn=583.20 mffscrn=583.22
63 X - FT fpscr               : mffs=583
63 X - fB fpscr               : mtfsf=711
63 X - PT pA pB fpscr         : daddq=2 dmulq=34 dsubq=514 ddivq=546
63 X - PT fA pB fpscr         : diexq=866
63 X - PT fB fpscr            : dctqpq=258 dcffixq=802 denbcdq=834
63 X - PT pB fpscr            : ddedpdq=322 drdpq=770
63 X - FT pB fpscr            : dctfixq=290 dxexq=354
63 X - pA pB fpscr            : dcmpoq=130 dtstexq=162 dcmpuq=642
63 X - fA pB fpscr            : dtstsfq=674
63 X - pB fpscr               : dtstsfiq=675
63 X - PT vB fpscr            : dcffixqq=994.00
63 X - vT pB fpscr            : dctfixqq=994.01
63 Z23 - PT pA pB fpscr       : dquaq=3
63 Z23 - PT fA pB fpscr       : drrndq=35
63 Z23 - PT pB fpscr          : dquaiq=67 drintxq=99 drintnq=227
63 Z22 - PT pA fpscr          : dscliq=66 dscriq=98
63 Z22 - pA fpscr             : dtstdcq=194 dtstdgq=226
63 X - vT vA vB fpscr         : xsaddqp=4 xsmulqp=36 xscmpeqqp=68 xscmpgeqp=196 xscmpgtqp=228 xsmaddqp=388 xsmsubqp=420
63 X - vT vA vB fpscr         : xsnmaddqp=452 xsnmsubqp=484 xssubqp=516 xsdivqp=548 xsmaxcqp=676 xsmincqp=740
63 X - vT vA vB               : xscpsgnqp=100 xsiexpqp=868
63 X - vA vB fpscr            : xscmpoqp=132 xscmpexpqp=164 xscmpuqp=644
63 X - vB fpscr               : xststdcqp=708
63 X - vT vB fpscr            : xssqrtqp=804.27 xscvdpqp=836
63 X - vT vB                  : xsabsqp=804
63 Z23 - vT vB fpscr          : xsrqpi=5 xsrqpxp=37

# VSX. A row for everything that is not arithmetic of three operands.
60 XX4 - xT xA xB xC          : xxsel=3
60 XX2 - gT xB                : xsxexpdp=347.00 xsxsigdp=347.01
60 X - xT vB                  : xxgenpcvbm=916 xxgenpcvhm=917 xxgenpcvwm=948 xxgenpcvdm=949
60 X - xT                     : xsiexpdp=918 xxspltib=360 xxspltib=361 lxvkq=360.31
60 XX2 - xB                   : xstsqrtdp=106 xvtsqrtsp=170 xvtsqrtdp=234 xvtlsbb=475.02
60 XX2 - xB fpscr             : xststdcsp=298 xststdcdp=362
60 XX2 - xT xB                : xxspltw=164 xxextractuw=165 xxinsertw=181 xscvdpspn=267 xscvspdpn=331 xsabsdp=345
60 XX2 - xT xB                : xsnabsdp=361 xsnegdp=377 xvabssp=409 xvnabssp=425 xvnegsp=441 xvabsdp=473 xvnabsdp=489
60 XX2 - xT xB                : xvnegdp=505 xvxexpdp=475 xvtstdcsp=426 xvtstdcsp=427 xvtstdcsp=442 xvtstdcsp=443
60 XX2 - xT xB                : xvtstdcdp=490 xvtstdcdp=491 xvtstdcdp=506 xvtstdcdp=507
60 XX2 - xT xB fpscr          : xscvhpdp=347.16 xscvdphp=347.17 xvcvspbf16=475.17 xvcvhpsp=475.24 xvcvsphp=475.25
60 XX2 - xT xB fpscr          : xsrsqrtesp=10 xssqrtsp=11 xsresp=26 xscvdpuxws=72 xsrdpi=73 xsrsqrtedp=74 xssqrtdp=75
60 XX2 - xT xB fpscr          : xscvdpsxws=88 xsrdpiz=89 xsredp=90 xsrdpip=105 xsrdpic=107 xsrdpim=121 xvcvspuxws=136
60 XX2 - xT xB fpscr          : xvrspi=137 xvrsqrtesp=138 xvsqrtsp=139 xvcvspsxws=152 xvrspiz=153 xvresp=154
60 XX2 - xT xB fpscr          : xvcvuxwsp=168 xvrspip=169 xvrspic=171 xvcvsxwsp=184 xvrspim=185 xvcvdpuxws=200
60 XX2 - xT xB fpscr          : xvrdpi=201 xvrsqrtedp=202 xvsqrtdp=203 xvcvdpsxws=216 xvrdpiz=217 xvredp=218
60 XX2 - xT xB fpscr          : xvcvuxwdp=232 xvrdpip=233 xvrdpic=235 xvcvsxwdp=248 xvrdpim=249 xscvdpsp=265 xsrsp=281
60 XX2 - xT xB fpscr          : xscvuxdsp=296 xscvsxdsp=312 xscvdpuxds=328 xscvspdp=329 xscvdpsxds=344 xscvuxddp=360
60 XX2 - xT xB fpscr          : xscvsxddp=376 xvcvspuxds=392 xvcvdpsp=393 xvcvspsxds=408 xvcvuxdsp=424 xvcvsxdsp=440
60 XX2 - xT xB fpscr          : xvcvdpuxds=456 xvcvspdp=457 xvcvdpsxds=472 xvcvuxddp=488 xvcvsxddp=504
60 XX3 - xA xB                : xstdivdp=61 xvtdivsp=93 xvtdivdp=125
60 XX3 - xA xB fpscr          : xscmpudp=35 xscmpodp=43 xscmpexpdp=59
60 XX3 - xT xA xB             : xxsldwi=2 xxsldwi=34 xxsldwi=66 xxsldwi=98 xxpermdi=10 xxpermdi=42 xxpermdi=74
60 XX3 - xT xA xB             : xxpermdi=106 xxmrghw=18 xxperm=26 xxmrglw=50 xxpermr=58 xxland=130 xxlandc=138
60 XX3 - xT xA xB             : xxlor=146 xxlxor=154 xxlnor=162 xxlorc=170 xscpsgndp=176 xxlnand=178 xxleqv=186
60 XX3 - xT xA xB             : xvcpsgnsp=208 xviexpsp=216 xvcpsgndp=240 xviexpdp=248
60 any - xT xA xB fpscr       : xsadddp=0
"""

_PREFIXED_TABLE = """
# Power ISA 3.1, book I, 1.6.3: prefix type (0 8LS, 1 8RR, 2 MLS), the suffix's primary opcode. The first kind and the
# third have a 34-bit displacement.
0 41 D L4 gT                  : plwa=0
0 42 D L8 vT                  : plxsd=0
0 43 D L4 vT                  : plxssp=0
0 46 D S8 vT                  : pstxsd=0
0 47 D S4 vT                  : pstxssp=0
0 50 D L16 FT                 : plxv=0
0 51 D L16 vT                 : plxv=0
0 54 D S16 FT                 : pstxv=0
0 55 D S16 vT                 : pstxv=0
0 56 D L16 GT                 : plq=0
0 57 D L8 gT                  : pld=0
0 58 D L32 dT                 : plxvp=0
0 60 D S16                    : pstq=0
0 61 D S8                     : pstd=0
0 62 D S32 dT                 : pstxvp=0
2 14 D - gT                   : paddi=0
2 32 D L4 gT                  : plwz=0
2 34 D L1 gT                  : plbz=0
2 36 D S4                     : pstw=0
2 38 D S1                     : pstb=0
2 40 D L2 gT                  : plhz=0
2 42 D L2 gT                  : plha=0
2 44 D S2                     : psth=0
2 48 D L4 FT                  : plfs=0
2 50 D L8 FT                  : plfd=0
2 52 D S4 fT                  : pstfs=0
2 54 D S8 fT                  : pstfd=0
1 32 any - sT                 : xxspltiw=0
1 33 any - xT xA xB xC        : xxblendvb=0
1 34 any - xT xA xB xC        : xxpermx=0
"""
_MASKED_MMA = 0x39
"""Prefix type 3 (MRR), subtype 9: the suffix is an MMA instruction of the other table. After ``pnop``, type 3 too, the
suffix is anything, and not executed."""


class _Row(NamedTuple):
    mnemonic: str
    spans_of: _SpansOf | None
    displacement: int
    """The bits of the word that are a displacement; 0: indexed."""
    operands: tuple[Callable[[int], tuple[str, ...]], ...]


_Rows = dict[int, dict[int, _Row]]
"""Of one primary opcode: mask of the bits that select, their value, the row. The first mask that finds one has it."""


def _parse(table: str, key_columns: int) -> dict[tuple[int, ...], _Rows]:
    """The rows of a table by its first columns, which are numbers."""
    parsed: dict[tuple[int, ...], _Rows] = {}
    for line in table.splitlines():
        head, _, names = line.partition(" : ")
        if not names or line.startswith("#"):
            continue
        columns = head.split()
        key, (form_name, access, *tokens) = columns[:key_columns], columns[key_columns:]
        form, rows = _FORMS[form_name], parsed.setdefault(tuple(int(part) for part in key), {})
        operands = tuple(_named(token) for token in tokens)
        for name in names.split():
            mnemonic, _, opcode = name.partition("=")
            extended, _, field_a = opcode.partition(".")
            # The narrower mask is entered first, whichever row comes first: it is the more specific one.
            with_a = rows.setdefault(form.mask << form.shift | 31 << 16, {})
            without_a = rows.setdefault(form.mask << form.shift, {})
            row = _Row(mnemonic, None if access == "-" else _ACCESSES[access], form.displacement, operands)
            value = int(extended) << form.shift
            if field_a:
                with_a[value | int(field_a) << 16] = row
            else:
                without_a[value] = row
    for rows in parsed.values():
        for mask in [mask for mask, found in rows.items() if not found]:
            del rows[mask]
    return parsed


_ROWS = {primary: rows for (primary,), rows in _parse(_TABLE, 1).items()}
_PREFIXED_ROWS = _parse(_PREFIXED_TABLE, 2)


def _row_of(rows: _Rows | None, word: int) -> _Row | None:
    for mask, by_value in (rows or {}).items():
        if (row := by_value.get(word & mask)) is not None:
            return row
    return None


_RULES = {
    **dict.fromkeys(("sc", "scv"), StepRule.SYSTEM_CALL),
    **dict.fromkeys(("lbarx", "lharx", "lwarx", "ldarx", "lqarx"), StepRule.LOAD_EXCLUSIVE),
    **dict.fromkeys(("stbcx.", "sthcx.", "stwcx.", "stdcx.", "stqcx."), StepRule.STORE_EXCLUSIVE),
}

# --- Behaviour --------------------------------------------------------------------------------------------------------

_BRANCH_CONDITIONAL, _BRANCH, _BRANCH_TO_REGISTER = 16, 18, 19
_TO_REGISTER = frozenset({16, 528, 560})
"""``bclr``, ``bcctr``, ``bctar``."""


def _branch_writes(primary: int, word: int) -> list[str]:
    """LR and CTR, where the branch writes them (book I, 2.4)."""
    if primary not in (_BRANCH_CONDITIONAL, _BRANCH, _BRANCH_TO_REGISTER):
        return []
    if primary == _BRANCH_TO_REGISTER and word >> 1 & 0x3FF not in _TO_REGISTER:
        return []
    names = ["LR"] if word & 1 else []
    if primary != _BRANCH and not word >> 21 & 0b00100:
        names.append("CTR")
    return names


_FLOAT_OPCODES = frozenset({59, 63})
"""With the record bit, cr1 becomes the first four bits of fpscr (book I, 4.6)."""

_MOVE_FROM_SPECIAL, _MOVE_TO_SPECIAL = 339, 467


def _special_register(primary: int, word: int, names: Mapping[int, str]) -> list[str]:
    if primary == 31 and word >> 1 & 0x3FF in (_MOVE_FROM_SPECIAL, _MOVE_TO_SPECIAL):
        number = _special_number(word)
        return [names[number]] if number in names else []
    return []


def _special_number(word: int) -> int:
    """The two halves of the number are swapped in the encoding."""
    return word >> 16 & 31 | (word >> 11 & 31) << 5


def _register_or_zero(word: int) -> str | None:
    """``(RA|0)``: field A, where 0 means the number."""
    return f"r{number}" if (number := word >> 16 & 31) else None


def _place_of(row: _Row, word: int, prefix: int | None, address: int) -> _Place:
    base = _register_or_zero(word)
    if prefix is not None:
        displacement = sign_extended(prefix << 16 | word & 0xFFFF, 34)
        return _Place(None, None, address + displacement) if prefix >> 20 & 1 else _Place(base, None, displacement)
    if row.displacement:
        return _Place(base, None, sign_extended(word & row.displacement, 16))
    return _Place(base, f"r{word >> 11 & 31}", 0)


def _is_trap(primary: int, word: int) -> bool:
    """``tdi``, ``twi``, ``tw``, ``td`` (book I, 3.3.12): SIGTRAP at the instruction if the condition holds."""
    return primary in (2, 3) or (primary == 31 and word >> 1 & 0x3FF in (4, 68))


def _behaviour_of(
    disassembled: Disassembled, line: int, known: frozenset[str], *, is_system: bool = False, has_hints: bool = False
) -> Behaviour:
    """What an instruction of a target with cache lines of ``line`` bytes and the operand registers ``known`` does.

    :param is_system: as firmware sees it; which more registers there are depends on the CPU.
    :param has_hints: QEMU lets another vCPU go on after ``or rX,rX,rX`` (``gen_or``).
    """
    mode, data, address = disassembled.mode, disassembled.data, disassembled.address
    order: ByteOrder = "big" if mode.capstone_mode & capstone.CS_MODE_BIG_ENDIAN else "little"
    words = [int.from_bytes(data[start : start + 4], order) for start in range(0, len(data), 4)]
    word, prefix = words[-1], words[0] if len(words) > 1 else None
    primary = word >> 26
    if prefix is None or prefix >> 20 & 0x3F == _MASKED_MMA:
        row = _row_of(_ROWS.get(primary), word)
    else:
        row = _row_of(_PREFIXED_ROWS.get((prefix >> 24 & 3, primary)), word)
    names: list[str] = []
    if prefix is None:
        if _is_trap(primary, word):
            return Behaviour(StepRule.BREAKPOINT)
        names += _branch_writes(primary, word) + _special_register(
            primary, word, _SYSTEM_SPECIAL if is_system else _SPECIAL
        )
        if has_hints and primary == 31 and word & 0x7FF == _OR << 1 and _are_one(word):
            return Behaviour(StepRule.YIELD)
        if is_system and (behaviour := _behaviour_of_system(primary, word, names)) is not None:
            return behaviour
    if row is None:
        return Behaviour(implied=tuple(names))
    for operand in row.operands:
        names += operand(word)
    if prefix is None and primary in _FLOAT_OPCODES and word & 1:
        names.append("fpscr")
    spans: SpanFunction | None = None
    if row.spans_of is not None:
        mask = _MASK64 if mode.capstone_mode & capstone.CS_MODE_64 else _MASK32
        spans = row.spans_of(word, _place_of(row, word, prefix, address), _Target(mask, line, is_system, address))
    implied = tuple(name for name in dict.fromkeys(names) if is_system or name in known)
    rule = _RULES.get(row.mnemonic, StepRule.PLAIN)
    return Behaviour(rule, spans, implied, has_stored=_has_stored if rule is StepRule.STORE_EXCLUSIVE else None)


# --- What programs do not have ----------------------------------------------------------------------------------------

_SYSTEM_SPECIAL = {
    **_SPECIAL,
    **{18: "dsisr", 19: "dar", 22: "decr", 25: "sdr1", 26: "srr0", 27: "srr1", 48: "pid", 63: "ivpr", 287: "pvr"},
    **{58: "csrr0", 59: "csrr1", 61: "dear", 62: "esr", 286: "pir", 304: "dbsr", 308: "dbcr0", 336: "tsr", 340: "tcr"},
    **{314: "hsrr0", 315: "hsrr1", 318: "lpcr", 319: "lpidr", 512: "spefscr", 1008: "hid0", 1009: "hid1"},
    **{570: "mcsrr0", 571: "mcsrr1", 572: "mcsr", 574: "dsrr0", 575: "dsrr1", 633: "pid1", 634: "pid2"},
    **{624: "mas0", 625: "mas1", 626: "mas2", 627: "mas3", 628: "mas4", 630: "mas6", 944: "mas7"},
    **{688: "tlb0cfg", 689: "tlb1cfg", 946: "mmucr", 1010: "l1csr0", 1011: "l1csr1", 1012: "mmucsr0", 1015: "mmucfg"},
    **{272 + n: f"sprg{n}" for n in range(8)},
    **{400 + n: f"ivor{n}" for n in range(16)},
}
"""More special purpose registers, as QEMU's description names them; a CPU has some of them. The numbers that mean one
thing on Book E and another elsewhere (the BATs) are not here."""

_OR = 444


def _are_one(word: int) -> bool:
    """Whether the three register fields name one register that is not r0."""
    register = word >> 11 & 31
    return register == word >> 16 & 31 == word >> 21 & 31 != 0


_RETURNS = frozenset({18, 38, 39, 50, 51, 82, 274})
"""Extended opcodes under 19: ``rfid``, ``rfmci``, ``rfdi``, ``rfi``, ``rfci``, ``rfscv``, ``hrfid``."""
_POWER_SAVING = frozenset({370, 402, 434, 466, 498})
"""Under 19: ``stop``, ``doze``, ``nap``, ``sleep``, ``rvwinkle``."""
_WAITS = frozenset({30, 62})
"""Under 31: ``wait``, of ISA 3.0 and of 2.03."""
_LOCKS = frozenset({134, 166, 390})
"""Under 31: ``dcbtstls``, ``dcbtls``, ``dcblc`` of e500, which capstone does not know and U-Boot makes its first memory
with. They touch nothing; of their effects L1CSR0 shows whether there was a line to lock."""
_MTMSR, _MTMSRD, _MTSPR = 146, 178, 467
_ENABLES_ONLY = 1 << 16
"""``mtmsr`` and ``mtmsrd`` that write EE and RI and nothing else."""
_TRANSLATION = frozenset(
    {
        *(210, 242, 82, 114),  # mtsr, mtsrin, mtsrd, mtsrdin
        *(274, 306, 370, 18),  # tlbiel, tlbie, tlbia, tlbilx
        *(402, 434, 466, 498, 850, 338, 786, 978, 1010),  # slbmte, slbie, slbieg, slbia, slbiag; tlbivax, tlbwe, tlbld
    }
)
"""Under 31."""


def _behaviour_of_system(primary: int, word: int, names: list[str]) -> Behaviour | None:
    """What firmware's own instructions do, and SPE's loads and stores; None: it is none of them."""
    operation = word >> 1 & 0x3FF
    match primary:
        case 17 if word >> 5 & 0x7F:
            # A hypercall, which QEMU may perform itself: it reads and writes memory.
            return Behaviour(StepRule.SYSTEM_CALL, implied=("r3", *names), is_system=True)
        case 19 if operation in _RETURNS:
            return Behaviour(implied=("msr", *names), is_system=True)
        case 19 if operation in _POWER_SAVING:
            return Behaviour(StepRule.HALT)
        case 31 if operation in _WAITS:
            return Behaviour(StepRule.HALT)
        case 31 if operation in (_MTMSR, _MTMSRD):
            # MSR[POW], which Book E calls WE, stops the processor.
            is_more = not word & _ENABLES_ONLY
            return Behaviour(StepRule.HALT if is_more else StepRule.PLAIN, implied=("msr",), is_system=is_more)
        case 31 if operation in _LOCKS:
            return Behaviour(implied=("l1csr0",))
        case 31 if operation in _TRANSLATION:
            return Behaviour(is_system=True)
        case 31 if operation == _MTSPR:
            return Behaviour(implied=tuple(names), is_system=_special_number(word) in SYSTEM_SPRS)
        case 4:
            return _behaviour_of_spe(word)
    return None


_SPE_ACCESSES = {
    **dict.fromkeys((0x300, 0x302, 0x304), (LOAD, 8)),  # evldd, evldw, evldh
    **dict.fromkeys((0x308, 0x30C, 0x30E), (LOAD, 2)),  # evlhhesplat, evlhhousplat, evlhhossplat
    **dict.fromkeys((0x310, 0x314, 0x316, 0x318, 0x31C), (LOAD, 4)),  # evlwhe, evlwhou, evlwhos, evlwwsplat, evlwhsplat
    **dict.fromkeys((0x320, 0x322, 0x324), (STORE, 8)),  # evstdd, evstdw, evstdh
    **dict.fromkeys((0x330, 0x334, 0x338, 0x33C), (STORE, 4)),  # evstwhe, evstwho, evstwwe, evstwwo
}
"""The indexed forms; the ones with a displacement, which counts elements, are odd."""


def _behaviour_of_spe(word: int) -> Behaviour | None:
    """SPE's loads and stores (SPE programming environments manual), which have AltiVec's opcodes: whether the CPU has
    the one or the other, its registers say. What AltiVec has there touches no memory."""
    access = _SPE_ACCESSES.get(word & 0x7FE)
    if access is None:
        return None
    kind, size = access
    index, base = word >> 11 & 31, _register_or_zero(word)
    place = _Place(base, None, index * size) if word & 1 else _Place(base, f"r{index}", 0)
    address = _address_function(place, _MASK32)
    fields = [word >> _FIELDS[field] & 31 for field in "TAB"]

    def spans(registers: Registers) -> tuple[Span, ...]:
        return (Span(kind, address(registers), size),) if "ev0h" in registers else ()

    names = [f"r{fields[0]}", *(f"ev{number}h" for number in fields), *(f"v{number}" for number in fields), "vscr"]
    return Behaviour(spans=spans, implied=tuple(dict.fromkeys(names)))


def _has_stored(registers: Registers) -> bool:
    """CR0[EQ] of a store conditional (book II, 4.6.2)."""
    return bool(registers["cr"] >> 29 & 1)


# --- Architectures ----------------------------------------------------------------------------------------------------

_SIXTY_FOUR_BIT_MODE = 63
"""MSR[SF]."""
_LITTLE_ENDIAN = 1
"""MSR[LE]."""

_SYSTEM_CALLS = SystemCalls(
    number="r0",
    result="r3",
    arguments=("r3", "r4", "r5", "r6", "r7", "r8"),
    # execve, sigreturn, rt_sigreturn, swapcontext, execveat (Linux, powerpc syscall.tbl)
    names={
        11: "execve",
        37: "kill",
        208: "tkill",
        250: "tgkill",
        48: "signal",
        67: "sigaction",
        85: "readlink",
        90: "mmap",
        119: "sigreturn",
        120: "clone",
        172: "rt_sigreturn",
        173: "rt_sigaction",
        192: "mmap2",
        296: "readlinkat",
        359: "getrandom",
        362: "execveat",
    },
)


def _descriptor_entry(registers: Registers, pointer: int) -> int:
    """ELFv1, big-endian: a pointer to a function points to its descriptor, which begins with the code's address."""
    return int.from_bytes(registers.read_memory(pointer, 8), "big")


def _arch(name: str, bits: Literal[32, 64], order: ByteOrder, line: int) -> Arch:
    endian = capstone.CS_MODE_BIG_ENDIAN if order == "big" else capstone.CS_MODE_LITTLE_ENDIAN
    # Primary opcode 1 is the prefix of an eight-byte instruction (Power ISA 3.1, book I, 1.6).
    first = 0 if order == "big" else 3

    def size_of(data: bytes) -> int:
        return 8 if data[first] >> 2 == 1 else 4

    narrow = Mode("ppc:ppc", capstone.CS_ARCH_PPC, capstone.CS_MODE_32 | endian, (4, 8), size_of)
    wide = Mode("ppc:ppc64", capstone.CS_ARCH_PPC, capstone.CS_MODE_64 | endian, (4, 8), size_of)
    registers = _registers(bits)
    known = frozenset(register.name for register in registers)

    def mode_of(registers: Registers) -> Mode:
        return wide if registers["msr"] >> _SIXTY_FOUR_BIT_MODE else narrow

    return Arch(
        name=name,
        bits=bits,
        byte_order=order,
        elf=ElfIdentity("EM_PPC" if bits == 32 else "EM_PPC64", bits, order),
        frame_architecture=23,
        frame_machine=bits,
        pc="pc",
        sp="r1",
        registers=registers,
        modes=(narrow,) if bits == 32 else (wide, narrow),
        mode_of=None if bits == 32 else mode_of,
        branch_of=branches.ppc,
        nondeterministic=nondeterminism.PPC,
        undefined=undefined.PPC64 if bits == 64 else (),
        behaviour_of=partial(_behaviour_of, line=line, known=known),
        system_calls=replace(_SYSTEM_CALLS, code_address=_descriptor_entry) if name == "ppc64" else _SYSTEM_CALLS,
        aliases=_aliases(bits),
        moves=lambda disassembled: not disassembled.mnemonic.endswith("brx"),
        core_numbers=71,
        gdb_architecture="powerpc:common" if bits == 32 else "powerpc:common64",
    )


# The cache lines are those of qemu-user's default cpus (a 750, POWER9), as AT_DCACHEBSIZE says. Nothing that a stub
# transfers tells the others: an e500mc has 64 bytes, and a 970 clears 32 by dcbz unless HID5 or dcbzl says 128.
PPC = _arch("ppc", 32, "big", line=32)
PPC64 = _arch("ppc64", 64, "big", line=128)
PPC64LE = _arch("ppc64le", 64, "little", line=128)


def _machine(program: Arch, line: int, modes: tuple[Mode, ...], mode_of: Callable[[Registers], Mode] | None) -> Arch:
    known = frozenset(register.name for register in program.registers)
    return replace(
        program,
        modes=modes,
        mode_of=mode_of,
        behaviour_of=partial(_behaviour_of, line=line, known=known, is_system=True, has_hints=program.bits == 64),
        system=SYSTEM,
    )


_WIDE, _NARROW = PPC64.modes
# Nothing else in a frame tells the byte order.
_WIDE_LE, _NARROW_LE = (replace(mode, name=f"{mode.name}:le") for mode in PPC64LE.modes)


def _mode_of_machine(registers: Registers) -> Mode:
    msr = registers["msr"]
    is_wide = msr >> _SIXTY_FOUR_BIT_MODE
    if msr & _LITTLE_ENDIAN:
        return _WIDE_LE if is_wide else _NARROW_LE
    return _WIDE if is_wide else _NARROW


PPC_MACHINE = _machine(PPC, 32, PPC.modes, None)
PPC64_MACHINE = _machine(PPC64, 128, (_WIDE, _NARROW, _WIDE_LE, _NARROW_LE), _mode_of_machine)

__all__ = ["PPC", "PPC64", "PPC64LE", "PPC64_MACHINE", "PPC_MACHINE"]
