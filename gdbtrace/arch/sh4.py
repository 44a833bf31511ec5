"""SuperH SH-4, and the loads and stores that the SH-4A adds.

References: SH-4 Software Manual (Renesas ADE-602-156), section 9; SH-4A Software Manual (REJ09B0003); QEMU's
``target/sh4/translate.c`` and ``gdbstub.c``.  QEMU sends no target description.

A delayed branch and its slot are two stops and two frames: after the branch the program counter is at the slot.

The stub shows one bank of float registers, the one that FPSCR.FR selects; XDn and XMTRX are in the other one.  Whether
an instruction means FRn or the pair DRn depends on FPSCR, so a frame lists the pair.  In user mode r0b0 to r7b0 are
r0 to r7, and the other bank never changes: neither is an operand register.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import capstone

from gdbtrace.arch import branches
from gdbtrace.arch.linux import I386_CALLS
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    Disassembled,
    ElfIdentity,
    Group,
    Mode,
    Register,
    Registers,
    Span,
    SpanFunction,
    StepRule,
    StubRegister,
    SystemCalls,
)
from gdbtrace.arch.system.sh4 import SH4_SYSTEM, is_of_translation

GENERAL = tuple(f"r{i}" for i in range(16))
BANKS = tuple(f"r{i}b{bank}" for bank in range(2) for i in range(8))
FLOATS = tuple(f"fr{i}" for i in range(16))
ADDRESS_MASK = 0xFFFF_FFFF

_FPSCR_SZ = 1 << 20
"""FMOV moves a pair."""
_SR_T = 1

# --- The instruction set --------------------------------------------------------------------------
#
# Bits as the manual has them: n, m are the two register fields, d and i displacement and immediate.
#
# The second column names what an instruction writes, and which float and control registers it reads: rn, rm are general
# registers, dn, dm the pairs of float registers around FRn, FRm, vn, vm float vectors.
#
# The third one says which memory it touches: direction and size in bytes (x: 4, or 8 when FPSCR.SZ is set), and the
# address as a sum. disp is the displacement times the size, pc the address of the instruction plus four.  A store
# below the pointer says so with a minus.

_TABLE = """
0000nnnn00000010 rn             -                   stc sr
0000nnnn00010010 rn             -                   stc gbr
0000nnnn00100010 rn             -                   stc vbr
0000nnnn00110010 rn             -                   stc ssr
0000nnnn01000010 rn             -                   stc spc
0000nnnn00111010 rn             -                   stc sgr
0000nnnn11111010 rn             -                   stc dbr
0000nnnn1bbb0010 rn             -                   stc of the other bank
0000nnnn00000011 pr             -                   bsrf
0000nnnn00001010 rn             -                   sts mach
0000nnnn00011010 rn             -                   sts macl
0000nnnn00101010 rn             -                   sts pr
0000nnnn01011010 rn,fpul        -                   sts fpul
0000nnnn01101010 rn,fpscr       -                   sts fpscr
0000nnnn00101001 rn             -                   movt
0000nnnn01100011 r0             L4:rn               movli.l
0000nnnn01110011 -              S4:rn               movco.l
0000nnnn11000011 -              L4:rn,S4:rn         movca.l: QEMU keeps what was there for ocbi
0000nnnnmmmm0100 -              S1:rn+r0            mov.b
0000nnnnmmmm0101 -              S2:rn+r0            mov.w
0000nnnnmmmm0110 -              S4:rn+r0            mov.l
0000nnnnmmmm0111 macl           -                   mul.l
0000nnnnmmmm1100 rn             L1:rm+r0            mov.b
0000nnnnmmmm1101 rn             L2:rm+r0            mov.w
0000nnnnmmmm1110 rn             L4:rm+r0            mov.l
0000nnnnmmmm1111 rn,rm,mach,macl L4:rn,L4:rm        mac.l
0000000000101000 mach,macl      -                   clrmac
0001nnnnmmmmdddd -              S4:rn+disp          mov.l
0010nnnnmmmm0000 -              S1:rn               mov.b
0010nnnnmmmm0001 -              S2:rn               mov.w
0010nnnnmmmm0010 -              S4:rn               mov.l
0010nnnnmmmm0100 rn             S1:rn-              mov.b
0010nnnnmmmm0101 rn             S2:rn-              mov.w
0010nnnnmmmm0110 rn             S4:rn-              mov.l
0010nnnnmmmm0111 -              -                   div0s
0010nnnnmmmm1000 -              -                   tst
0010nnnnmmmm1001 rn             -                   and
0010nnnnmmmm1010 rn             -                   xor
0010nnnnmmmm1011 rn             -                   or
0010nnnnmmmm1100 -              -                   cmp/str
0010nnnnmmmm1101 rn             -                   xtrct
0010nnnnmmmm111s macl           -                   mulu.w, muls.w
0011nnnnmmmm0100 rn             -                   div1
0011nnnnmmmm0101 mach,macl      -                   dmulu.l
0011nnnnmmmm1101 mach,macl      -                   dmuls.l
0011nnnnmmmm1000 rn             -                   sub
0011nnnnmmmm101s rn             -                   subc, subv
0011nnnnmmmm1100 rn             -                   add
0011nnnnmmmm111s rn             -                   addc, addv
0100nnnn00000011 rn             S4:rn-              stc.l sr
0100nnnn00010011 rn             S4:rn-              stc.l gbr
0100nnnn00100011 rn             S4:rn-              stc.l vbr
0100nnnn00110011 rn             S4:rn-              stc.l ssr
0100nnnn01000011 rn             S4:rn-              stc.l spc
0100nnnn00110010 rn             S4:rn-              stc.l sgr
0100nnnn11110010 rn             S4:rn-              stc.l dbr
0100nnnn1bbb0011 rn             S4:rn-              stc.l of the other bank
0100nnnn00000010 rn             S4:rn-              sts.l mach
0100nnnn00010010 rn             S4:rn-              sts.l macl
0100nnnn00100010 rn             S4:rn-              sts.l pr
0100nnnn01010010 rn,fpul        S4:rn-              sts.l fpul
0100nnnn01100010 rn,fpscr       S4:rn-              sts.l fpscr
0100nnnn00000111 rn             L4:rn               ldc.l sr
0100nnnn00010111 rn,gbr         L4:rn               ldc.l gbr
0100nnnn00100111 rn,vbr         L4:rn               ldc.l vbr
0100nnnn00110111 rn,ssr         L4:rn               ldc.l ssr
0100nnnn01000111 rn,spc         L4:rn               ldc.l spc
0100nnnn00110110 rn             L4:rn               ldc.l sgr
0100nnnn11110110 rn             L4:rn               ldc.l dbr
0100nnnn1bbb0111 rn             L4:rn               ldc.l to the other bank
0100nnnn00000110 rn,mach        L4:rn               lds.l mach
0100nnnn00010110 rn,macl        L4:rn               lds.l macl
0100nnnn00100110 rn,pr          L4:rn               lds.l pr
0100nnnn01010110 rn,fpul        L4:rn               lds.l fpul
0100nnnn01100110 rn,fpscr       L4:rn               lds.l fpscr
0100nnnn00011110 gbr            -                   ldc gbr
0100nnnn00101110 vbr            -                   ldc vbr
0100nnnn00111110 ssr            -                   ldc ssr
0100nnnn01001110 spc            -                   ldc spc
0100nnnn00001010 mach           -                   lds mach
0100nnnn00011010 macl           -                   lds macl
0100nnnn00101010 pr             -                   lds pr
0100nnnn01011010 fpul           -                   lds fpul
0100nnnn01101010 fpscr          -                   lds fpscr
0100nnnn00001011 pr             -                   jsr
0100nnnn00011011 -              L1:rn,S1:rn         tas.b
0100nnnn00010000 rn             -                   dt
0100nnnn00s0000t rn             -                   shll, shlr, shal, shar
0100nnnn00s0010t rn             -                   rotl, rotr, rotcl, rotcr
0100nnnn00ss100t rn             -                   shll2, shlr2 and their kin
0100nnnnmmmm110s rn             -                   shad, shld
0100nnnnmmmm1111 rn,rm,mach,macl L2:rn,L2:rm        mac.w
0100nnnn10101001 r0             L4:rn               movua.l
0100nnnn11101001 r0,rn          L4:rn               movua.l with increment
0101nnnnmmmmdddd rn             L4:rm+disp          mov.l
0110nnnnmmmm0000 rn             L1:rm               mov.b
0110nnnnmmmm0001 rn             L2:rm               mov.w
0110nnnnmmmm0010 rn             L4:rm               mov.l
0110nnnnmmmm0100 rn,rm          L1:rm               mov.b
0110nnnnmmmm0101 rn,rm          L2:rm               mov.w
0110nnnnmmmm0110 rn,rm          L4:rm               mov.l
0110nnnnmmmmssss rn             -                   mov, not, swap, negc, neg, extu, exts
0111nnnniiiiiiii rn             -                   add
10000000nnnndddd -              S1:rm+disp          mov.b: its register field is m's
10000001nnnndddd -              S2:rm+disp          mov.w
10000100mmmmdddd r0             L1:rm+disp          mov.b
10000101mmmmdddd r0             L2:rm+disp          mov.w
1001nnnndddddddd rn             L2:pc+disp          mov.w
1011dddddddddddd pr             -                   bsr
11000000dddddddd -              S1:gbr+disp         mov.b
11000001dddddddd -              S2:gbr+disp         mov.w
11000010dddddddd -              S4:gbr+disp         mov.l
11000100dddddddd r0             L1:gbr+disp         mov.b
11000101dddddddd r0             L2:gbr+disp         mov.w
11000110dddddddd r0             L4:gbr+disp         mov.l
11000111dddddddd r0             -                   mova
11001001iiiiiiii r0             -                   and
11001010iiiiiiii r0             -                   xor
11001011iiiiiiii r0             -                   or
11001100iiiiiiii -              L1:gbr+r0           tst.b
11001101iiiiiiii -              L1:gbr+r0,S1:gbr+r0 and.b
11001110iiiiiiii -              L1:gbr+r0,S1:gbr+r0 xor.b
11001111iiiiiiii -              L1:gbr+r0,S1:gbr+r0 or.b
1101nnnndddddddd rn             L4:pc+disp          mov.l
1110nnnniiiiiiii rn             -                   mov
1111nnnnmmmm00ss dn,dm,fpscr    -                   fadd, fsub, fmul, fdiv
1111nnnnmmmm010s dn,dm,fpscr    -                   fcmp
1111nnnnmmmm0110 dn,fpscr       Lx:rm+r0            fmov
1111nnnnmmmm0111 dm,fpscr       Sx:rn+r0            fmov
1111nnnnmmmm1000 dn,fpscr       Lx:rm               fmov
1111nnnnmmmm1001 dn,rm,fpscr    Lx:rm               fmov
1111nnnnmmmm1010 dm,fpscr       Sx:rn               fmov
1111nnnnmmmm1011 dm,rn,fpscr    Sx:rn-              fmov
1111nnnnmmmm1100 dn,dm,fpscr    -                   fmov
1111nnnnmmmm1110 dn,dm,fr0,fpscr -                  fmac
1111nnnn00s01101 dn,fpul,fpscr  -                   fsts, float
1111nnnn00s11101 dn,fpul,fpscr  -                   flds, ftrc
1111nnnn010s1101 dn,fpscr       -                   fneg, fabs
1111nnnn011s1101 dn,fpscr       -                   fsqrt, fsrra
1111nnnn100s1101 dn,fpscr       -                   fldi0, fldi1
1111nnnn101s1101 dn,fpul,fpscr  -                   fcnvsd, fcnvds
1111vvww11101101 vn,vm,fpscr    -                   fipr
1111001111111101 fpscr          -                   fschg
1111011111111101 fpscr          -                   fpchg
1111101111111101 fpscr,bank     -                   frchg
1111vv0111111101 vn,fpscr       -                   ftrv
1111nnn011111101 dn,fpul,fpscr  -                   fsca
"""

_LOAD_LINKED, _STORE_CONDITIONAL, _TRAP = 0x0063, 0x0073, 0xC300

Address = Callable[[Registers], int]


def _rows() -> tuple[tuple[int, int, int, str, str], ...]:
    """The table: mask, value, number of displacement bits, what is written, what is touched."""
    rows = []
    for line in _TABLE.strip().splitlines():
        pattern, written, touched, *_ = line.split()
        mask = int("".join("1" if bit in "01" else "0" for bit in pattern), 2)
        value = int("".join(bit if bit == "1" else "0" for bit in pattern), 2)
        rows.append((mask, value, pattern.count("d"), written, touched))
    return tuple(rows)


_ROWS = _rows()


def _names(code: int, written: str) -> tuple[str, ...]:
    """The registers that the second column of the table means."""
    n, m = code >> 8 & 15, code >> 4 & 15
    fields: dict[str, tuple[str, ...]] = {
        "-": (),
        "rn": (GENERAL[n],),
        "rm": (GENERAL[m],),
        "dn": FLOATS[n & ~1 : (n & ~1) + 2],
        "dm": FLOATS[m & ~1 : (m & ~1) + 2],
        "vn": FLOATS[n & 12 : (n & 12) + 4],
        "vm": FLOATS[(n & 3) * 4 : (n & 3) * 4 + 4],
        "bank": FLOATS,
    }
    return tuple(dict.fromkeys(name for field in written.split(",") for name in fields.get(field, (field,))))


def _address_of(code: int, pc: int, terms: str, displacement: int) -> Address:
    """The sum of the third column."""
    fields = {"rn": GENERAL[code >> 8 & 15], "rm": GENERAL[code >> 4 & 15]}
    constant, names = 0, []
    for term in terms.split("+"):
        if term == "disp":
            constant += displacement
        elif term == "pc":
            constant += pc
        else:
            names.append(fields.get(term, term))
    return lambda registers: constant + sum(registers[name] for name in names)


def _spans_of(code: int, pc: int, touched: str, displacement_bits: int) -> SpanFunction:
    accesses: list[tuple[AccessKind, Address, int, bool]] = []
    for access in touched.split(","):
        what, _, terms = access.partition(":")
        kind = AccessKind.LOAD if what[0] == "L" else AccessKind.STORE
        size = 0 if what[1] == "x" else int(what[1])
        displacement = (code & (1 << displacement_bits) - 1) * size
        base = (pc & -size if size else pc) + 4
        accesses.append((kind, _address_of(code, base, terms.rstrip("-"), displacement), size, terms.endswith("-")))

    def spans(registers: Registers) -> list[Span]:
        found = []
        for kind, address, fixed_size, is_below in accesses:
            size = fixed_size or (8 if registers["fpscr"] & _FPSCR_SZ else 4)
            start = address(registers) - (size if is_below else 0)
            found.append(Span(kind, start & ADDRESS_MASK, size))
        return found

    return spans


def _rule_of(code: int) -> StepRule:
    if code & 0xFF00 == _TRAP:
        return StepRule.SYSTEM_CALL
    return {_LOAD_LINKED: StepRule.LOAD_EXCLUSIVE, _STORE_CONDITIONAL: StepRule.STORE_EXCLUSIVE}.get(
        code & 0xF0FF, StepRule.PLAIN
    )


def _has_stored(registers: Registers) -> bool:
    return bool(registers["sr"] & _SR_T)


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    code, pc = int.from_bytes(disassembled.data, "little"), disassembled.address
    rule = _rule_of(code)
    for mask, value, displacement_bits, written, touched in _ROWS:
        if code & mask == value:
            return Behaviour(
                rule,
                None if touched == "-" else _spans_of(code, pc, touched, displacement_bits),
                _names(code, written),
                has_stored=_has_stored if rule is StepRule.STORE_EXCLUSIVE else None,
            )
    return Behaviour(rule)


# --- What programs do not have --------------------------------------------------------------------

_SLEEP, _RTE, _LDTLB = 0x001B, 0x002B, 0x0038
_TO_SR = frozenset({0x400E, 0x4007})
"""LDC, LDC.L."""
_TO_BANK = frozenset({0x408E, 0x4087})
"""The same, to a register of the other bank."""


def _has_stored_to_mmu(code: int, pc: int, touched: str, displacement_bits: int) -> Callable[[Registers], bool] | None:
    """Whether a store went to the memory management unit, given the registers after it; None: it is no store."""
    stores = ",".join(access.rstrip("-") for access in touched.split(",") if access[0] == "S")
    if not stores:
        return None
    # A pointer that has been counted down is where the store went.
    spans = _spans_of(code, pc, stores, displacement_bits)
    return lambda registers: any(is_of_translation(span.address) for span in spans(registers))


def _behaviour_of_firmware(disassembled: Disassembled) -> Behaviour:
    code, pc, found = int.from_bytes(disassembled.data, "little"), disassembled.address, _behaviour_of(disassembled)
    if code == _SLEEP:
        return replace(found, rule=StepRule.HALT)
    if code == _LDTLB:
        return replace(found, is_system=True)
    if code == _RTE:
        return replace(found, implied=("sr",), is_system=True)
    if code & 0xF0FF in _TO_SR:
        return replace(found, implied=(*found.implied, "sr", *BANKS))
    if code & 0xF08F in _TO_BANK:
        number = code >> 4 & 7
        return replace(found, implied=(*found.implied, *(f"r{number}b{bank}" for bank in range(2))))
    for mask, value, displacement_bits, _, touched in _ROWS:
        if code & mask == value and touched != "-":
            return replace(found, rearranges=_has_stored_to_mmu(code, pc, touched, displacement_bits))
    return found


# --- Architecture ---------------------------------------------------------------------------------

LAYOUT = tuple(
    StubRegister(name, 32)
    for name in (
        *GENERAL,
        *("pc", "pr", "gbr", "vbr", "mach", "macl", "sr", "fpul", "fpscr"),
        *FLOATS,
        *("ssr", "spc"),
        *BANKS,
    )
)

SH4 = Arch(
    name="sh4",
    bits=32,
    byte_order="little",
    elf=ElfIdentity("EM_SH", 32, "little"),
    frame_architecture=33,
    frame_machine=0x40,
    pc="pc",
    sp="r15",
    registers=(
        *(Register(name, 32) for name in GENERAL),
        *(Register(name, 32) for name in ("mach", "macl")),
        *(Register(name, 32, Group.CONTROL) for name in ("pc", "pr", "gbr")),
        Register("sr", 32, Group.STATUS),
        *(Register(name, 32, Group.FLOAT) for name in (*FLOATS, "fpul", "fpscr")),
        *(Register(name, 32, Group.SYSTEM) for name in ("vbr", "ssr", "spc")),
    ),
    modes=(
        Mode(
            None,
            capstone.CS_ARCH_SH,
            capstone.CS_MODE_LITTLE_ENDIAN | capstone.CS_MODE_SH4A | capstone.CS_MODE_SHFPU,
            (2,),
        ),
    ),
    branch_of=branches.SH4,
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(
        number="r3",
        result="r0",
        arguments=("r4", "r5", "r6", "r7", "r0", "r1"),
        names={**I386_CALLS, 238: "tkill", 270: "tgkill", 305: "readlinkat", 373: "getrandom", 376: "execveat"},
    ),
    moves=lambda disassembled: disassembled.mnemonic in ("mov.b", "mov.w", "mov.l"),
    aliases={
        **{f"dr{i}": FLOATS[i : i + 2] for i in range(0, 16, 2)},
        **{f"fv{i}": FLOATS[i : i + 4] for i in range(0, 16, 4)},
        **dict.fromkeys((f"r{i}_bank" for i in range(8)), ()),
        **dict.fromkeys(("xmtrx", "sgr", "dbr", "tbr"), ()),
    },
    builtin_layout=LAYOUT,
    gdb_architecture="sh4",
)

SH4_MACHINE = replace(
    SH4,
    registers=(*SH4.registers, *(Register(name, 32, Group.SYSTEM) for name in BANKS)),
    behaviour_of=_behaviour_of_firmware,
    aliases={**SH4.aliases, **{f"r{i}_bank": (f"r{i}b0", f"r{i}b1") for i in range(8)}},
    system=SH4_SYSTEM,
)
"""With both banks of r0 to r7: those that SR.RB selects have two names."""
