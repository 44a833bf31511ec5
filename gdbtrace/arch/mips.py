"""MIPS, 32 bit (o32) and 64 bit (n64), both byte orders.

References: MIPS Architecture For Programmers, volumes II-A (release 6.06 for the encodings of all releases, 5.04 for
branch-likely), IV-e (DSP), IV-j (MSA); QEMU's ``target/mips/gdbstub.c`` for the layout and
``target/mips/tcg/translate.c`` for the accesses.

What a processor is of which release is not known here: where release 6 gave an encoding to another instruction, both
are described, and capstone's text is the older one's.

Not covered: MIPS16e and microMIPS code (bit 0 of ``pc``), the n32 ABI, the instructions of Octeon and Loongson.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import capstone

from gdbtrace.arch import branches, nondeterminism, undefined
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import MIPS_SIGNALS
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
    StubRegister,
    SystemCalls,
)

Bits = Literal[32, 64]

NAMES = (
    *("zero", "at", "v0", "v1"),
    *(f"a{i}" for i in range(4)),
    *(f"t{i}" for i in range(8)),
    *(f"s{i}" for i in range(8)),
    *("t8", "t9", "k0", "k1", "gp", "sp", "fp", "ra"),
)
"""Operand registers, by number, under rizin's and capstone's names: those of the o32 ABI, on 64 bits too."""
_O32 = tuple("s8" if name == "fp" else name for name in NAMES)
STUB_NAMES: dict[Bits, tuple[str, ...]] = {
    32: _O32,
    64: (*_O32[:8], *(f"a{i}" for i in range(4, 8)), *(f"t{i}" for i in range(4)), *_O32[16:]),
}
"""Stub registers, by number, under gdb's names for the ABI. The n64 ABI calls registers 8 to 11 arguments."""
FLOATS = tuple(f"f{i}" for i in range(32))


# --- Memory ---------------------------------------------------------------------------------------

Shape = Literal["plain", "aligned", "to end", "from start"]
"""From the address on, or the aligned block of that size around it: all of it, from the address to its end, or from its
start to the address."""


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One load or store instruction."""

    kinds: tuple[AccessKind, ...]
    size: int
    shape: Shape = "plain"
    is_float: bool = False
    rule: StepRule = StepRule.PLAIN


LOAD = (AccessKind.LOAD,)
STORE = (AccessKind.STORE,)
# QEMU performs sc as a compare-and-swap with the value that ll read: a load and a store.
_BOTH = (AccessKind.LOAD, AccessKind.STORE)


def _by_major_opcode(byte_order: ByteOrder, bits: Bits) -> dict[int, MemoryRow]:
    """Volume II-A, table A.2. The unaligned halves depend on the byte order.

    QEMU reads the whole aligned word for ``lwl`` and ``lwr``, of which the instruction uses a part; ``swl`` and ``swr``
    write just their bytes: the left one, of the most significant bytes, from the address to the word's end in
    big-endian order. ``ldl`` and its kin do the same with doublewords.
    """
    left: Shape = "to end" if byte_order == "big" else "from start"
    right: Shape = "from start" if byte_order == "big" else "to end"
    rows = {
        0x20: MemoryRow(LOAD, 1),  # lb
        0x21: MemoryRow(LOAD, 2),  # lh
        0x22: MemoryRow(LOAD, 4, "aligned"),  # lwl
        0x23: MemoryRow(LOAD, 4),  # lw
        0x24: MemoryRow(LOAD, 1),  # lbu
        0x25: MemoryRow(LOAD, 2),  # lhu
        0x26: MemoryRow(LOAD, 4, "aligned"),  # lwr
        0x28: MemoryRow(STORE, 1),  # sb
        0x29: MemoryRow(STORE, 2),  # sh
        0x2A: MemoryRow(STORE, 4, left),  # swl
        0x2B: MemoryRow(STORE, 4),  # sw
        0x2E: MemoryRow(STORE, 4, right),  # swr
        0x30: MemoryRow(LOAD, 4, rule=StepRule.LOAD_EXCLUSIVE),  # ll
        0x31: MemoryRow(LOAD, 4, is_float=True),  # lwc1
        0x35: MemoryRow(LOAD, 8, is_float=True),  # ldc1
        0x38: MemoryRow(_BOTH, 4, rule=StepRule.STORE_EXCLUSIVE),  # sc
        0x39: MemoryRow(STORE, 4, is_float=True),  # swc1
        0x3D: MemoryRow(STORE, 8, is_float=True),  # sdc1
        # Not here: cache (0x2f), pref (0x33); coprocessor 2, which only Octeon and Loongson have.
    }
    if bits == 32:
        return rows
    return rows | {
        0x1A: MemoryRow(LOAD, 8, "aligned"),  # ldl
        0x1B: MemoryRow(LOAD, 8, "aligned"),  # ldr
        0x27: MemoryRow(LOAD, 4),  # lwu
        0x2C: MemoryRow(STORE, 8, left),  # sdl
        0x2D: MemoryRow(STORE, 8, right),  # sdr
        0x34: MemoryRow(LOAD, 8, rule=StepRule.LOAD_EXCLUSIVE),  # lld
        0x37: MemoryRow(LOAD, 8),  # ld
        0x3C: MemoryRow(_BOTH, 8, rule=StepRule.STORE_EXCLUSIVE),  # scd
        0x3F: MemoryRow(STORE, 8),  # sd
    }


def _by_special3_function(major: dict[int, MemoryRow], bits: Bits) -> dict[int, MemoryRow]:
    """Release 6's ll and sc, and the EVA forms (user memory, for the kernel): all with a nine-bit offset."""
    rows = {
        0x36: major[0x30],  # ll
        0x26: major[0x38],  # sc
        0x19: major[0x22],  # lwle
        0x1A: major[0x26],  # lwre
        0x1C: major[0x28],  # sbe
        0x1D: major[0x29],  # she
        0x1E: major[0x38],  # sce
        0x1F: major[0x2B],  # swe
        0x21: major[0x2A],  # swle
        0x22: major[0x2E],  # swre
        0x28: major[0x24],  # lbue
        0x29: major[0x25],  # lhue
        0x2C: major[0x20],  # lbe
        0x2D: major[0x21],  # lhe
        0x2E: major[0x30],  # lle
        0x2F: major[0x23],  # lwe
    }
    if bits == 32:
        return rows
    return rows | {0x37: major[0x34], 0x27: major[0x3C]}  # lld, scd


# COP1X, table A.21: address is base + index. luxc1 and suxc1 ignore the low three bits. Not here: prefx (0x0f).
COP1X = {
    0x00: MemoryRow(LOAD, 4, is_float=True),  # lwxc1
    0x01: MemoryRow(LOAD, 8, is_float=True),  # ldxc1
    0x05: MemoryRow(LOAD, 8, "aligned", is_float=True),  # luxc1
    0x08: MemoryRow(STORE, 4, is_float=True),  # swxc1
    0x09: MemoryRow(STORE, 8, is_float=True),  # sdxc1
    0x0D: MemoryRow(STORE, 8, "aligned", is_float=True),  # suxc1
}

# DSP, SPECIAL3 function 0x0a (LX): base + index.
INDEXED_LOADS = {
    0x00: MemoryRow(LOAD, 4),  # lwx
    0x04: MemoryRow(LOAD, 2),  # lhx
    0x06: MemoryRow(LOAD, 1),  # lbux
    0x08: MemoryRow(LOAD, 8),  # ldx
}

# Release 6, PCREL: the bits below the register.
_PC_RELATIVE_LOADS = {
    **dict.fromkeys(range(0b01000, 0b10000), (4, 19)),  # lwpc
    **dict.fromkeys(range(0b10000, 0b11000), (4, 19)),  # lwupc
    **dict.fromkeys(range(0b11000, 0b11100), (8, 18)),  # ldpc
}
"""Bits 20 to 16 -> size in bytes, width of the offset, which counts in that size."""


def _spans(row: MemoryRow, base: str, index: str | None, displacement: int, mask: int) -> SpanFunction:
    kind, size = row.kinds[0], row.size
    if row.shape == "plain" and len(row.kinds) == 1:
        if index is None:

            def displaced(registers: Registers) -> tuple[Span, ...]:
                return (Span(kind, (registers[base] + displacement) & mask, size),)

            return displaced

        def indexed(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, (registers[base] + registers[index]) & mask, size),)

        return indexed

    if row.shape == "plain":
        load, store = row.kinds

        def both(registers: Registers) -> tuple[Span, ...]:
            address = (registers[base] + displacement) & mask
            return Span(load, address, size), Span(store, address, size)

        return both

    if row.shape == "to end":

        def to_end(registers: Registers) -> tuple[Span, ...]:
            address = (registers[base] + displacement) & mask
            return (Span(kind, address, size - (address & (size - 1))),)

        return to_end

    if row.shape == "from start":

        def from_start(registers: Registers) -> tuple[Span, ...]:
            address = (registers[base] + displacement) & mask
            return (Span(kind, address & -size, (address & (size - 1)) + 1),)

        return from_start

    aligned_mask = mask & -size

    def aligned(registers: Registers) -> tuple[Span, ...]:
        return (Span(kind, (registers[base] + (registers[index] if index else displacement)) & aligned_mask, size),)

    return aligned


def written(number: int) -> tuple[str, ...]:
    """The general register that an instruction writes; the zero register keeps its zero."""
    return (NAMES[number],) if number else ()


# --- Branch-likely --------------------------------------------------------------------------------

Condition = Callable[[Registers], bool]


def _annuls_unless_equal(first: str, second: str) -> Condition:
    return lambda registers: registers[first] != registers[second]


def _annuls_if_equal(first: str, second: str) -> Condition:
    return lambda registers: registers[first] == registers[second]


def _annuls_unless_negative(name: str, bits: Bits) -> Condition:
    return lambda registers: not registers[name] >> (bits - 1)


def _annuls_if_negative(name: str, bits: Bits) -> Condition:
    return lambda registers: registers[name] >> (bits - 1) == 1


def _annuls_unless_positive(name: str, bits: Bits) -> Condition:
    return lambda registers: not 0 < registers[name] < 1 << (bits - 1)


def _annuls_if_positive(name: str, bits: Bits) -> Condition:
    return lambda registers: 0 < registers[name] < 1 << (bits - 1)


def _annuls_unless_condition(code: int, wanted: int) -> Condition:
    """``bc1tl``, ``bc1fl``: condition code 0 is bit 23 of fcsr, 1 to 7 are bits 25 to 31."""
    shift = 24 + code if code else 23
    return lambda registers: (registers["fsr"] >> shift & 1) != wanted


def _likely(annuls: Condition, implied: tuple[str, ...] = ()) -> Behaviour:
    return Behaviour(StepRule.ANNULLING, implied=implied, annuls=annuls)


# --- Where each instruction has its destination (volume II-A, appendix A) --------------------------

_HI_LO = ("hi", "lo")
_FLOAT_STATUS = ("fcsr",)
_CALL = Behaviour(implied=("ra",))

_BREAK = Behaviour(StepRule.BREAKPOINT, always_traps=True)
_TRAP = Behaviour(StepRule.BREAKPOINT)
_TRAPS = frozenset({0x30, 0x31, 0x32, 0x33, 0x34, 0x36})  # tge, tgeu, tlt, tltu, teq, tne

# SPECIAL functions whose rd is written: shifts, lsa, jalr, movz, movn, logic and arithmetic, seleqz, selnez.
_SPECIAL_RD = frozenset(
    {0x00, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x14, 0x15, 0x16, 0x17, 0x35, 0x37}
    | {*range(0x20, 0x30), 0x38, 0x3A, 0x3B, 0x3C, 0x3E, 0x3F}
)
_SPECIAL2_RD = frozenset({0x02, 0x20, 0x21, 0x24, 0x25})  # mul, clz, clo, dclz, dclo
_SPECIAL2_HI_LO = frozenset({0x00, 0x01, 0x04, 0x05})  # madd, maddu, msub, msubu
# ext, ins and their 64-bit forms; insv, dinsv, crc32, append, dappend, rdhwr.
_SPECIAL3_RT = frozenset({*range(0x00, 0x08), 0x0C, 0x0D, 0x0F, 0x31, 0x35, 0x3B})
# BSHFL and DBSHFL (wsbh, seb, seh, align, ...); the DSP groups with a register result.
_SPECIAL3_RD = frozenset({0x0A, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x20, 0x24})
_DPA, _EXTR = 0x30, 0x38
# EXTR.W's operations that write an accumulator instead of rt: shilo, shilov, mthlip; wrdsp writes DSPControl.
_EXTR_TO_ACCUMULATOR = frozenset({0x1A, 0x1B, 0x1F})
_WRDSP = 0x13


def _behaviour_of_special(word: int) -> Behaviour:
    function = word & 0x3F
    rd = word >> 11 & 31
    if function == 0x0C:
        return Behaviour(StepRule.SYSTEM_CALL, implied=("v0", "a3"))
    if function == 0x0D:
        return _BREAK
    if function in _TRAPS:
        # Linux makes SIGFPE of codes 6 and 7 (compilers plant them after divisions), QEMU 7.2 SIGTRAP of every one.
        return _TRAP
    if function == 0x01:
        return Behaviour(implied=(*written(rd), *_FLOAT_STATUS))  # movf, movt
    if function in _SPECIAL_RD:
        return Behaviour(implied=written(rd))
    if 0x10 <= function <= 0x13:
        if word & 0x7C0:
            return Behaviour(implied=written(rd))  # release 6: clz, clo, dclz, dclo
        is_move_from = not function & 1
        accumulator = word >> 21 & 3 if is_move_from else rd & 3  # DSP; the stub has the first alone
        return Behaviour(implied=(*(written(rd) if is_move_from else ()), *(() if accumulator else _HI_LO)))
    if 0x18 <= function <= 0x1F:
        # mult, multu, div, divu, dmult, ...: hi and lo, with DSP's four accumulators of which the stub has the first.
        # Release 6 gave the codes to three-operand forms, with a nonzero shift field.
        if word & 0x7C0:
            return Behaviour(implied=written(rd))
        return Behaviour(implied=() if rd & 3 else _HI_LO)
    return Behaviour()


# COP1 functions that have a second operand ft, and those whose result is wider or narrower than the format says.
_ONE_SOURCE = frozenset({*range(0x04, 0x10), 0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1B, 0x20, 0x21, 0x24, 0x25, 0x28})
_RESULT_SIZE = {
    **dict.fromkeys(range(0x08, 0x0C), 8),  # round.l and its kin
    **dict.fromkeys(range(0x0C, 0x10), 4),  # round.w
    0x20: 4,  # cvt.s
    0x21: 8,  # cvt.d
    0x24: 4,  # cvt.w
    0x25: 8,  # cvt.l
    0x26: 8,  # cvt.ps
    0x28: 4,  # cvt.s.pl
}
_FORMAT_SIZE = {0x10: 4, 0x11: 8, 0x14: 4, 0x15: 8, 0x16: 8}

# MSA minor opcodes by the vectors they have beside wd: volume IV-j, tables 3.4 and following.
_MSA_TWO_VECTORS = frozenset({0x00, 0x01, 0x02, 0x06, 0x07, 0x09, 0x0A})
_MSA_THREE_VECTORS = frozenset({0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x1A, 0x1B, 0x1C})
_MSA_ELEMENTS, _MSA_VECTORS = 0x19, 0x1E


def _msa_registers(word: int) -> tuple[str, ...]:
    """The registers that an MSA instruction other than a load or store reads and writes.

    A vector register's low part is the float register; the stub does not show the rest, nor MSACSR.
    """
    wt, ws, wd, minor = FLOATS[word >> 16 & 31], FLOATS[word >> 11 & 31], FLOATS[word >> 6 & 31], word & 0x3F
    if minor in _MSA_THREE_VECTORS:
        return wd, ws, wt
    if minor in _MSA_TWO_VECTORS:
        return wd, ws
    if minor == _MSA_VECTORS:
        operation = word >> 21 & 31
        if operation < 0x18:
            return wd, ws, wt  # and.v and its kin
        is_fill = operation == 0x18 and word >> 18 & 7 == 0
        return (wd,) if is_fill else (wd, ws)
    if minor == _MSA_ELEMENTS:
        match word >> 22 & 15:
            case 0b0010 | 0b0011 if word >> 20 & 3 != 0b11:  # copy_s, copy_u
                return (*written(word >> 6 & 31), ws)
            case 0b0001 if word >> 16 & 0x3F == 0x3E:  # cfcmsa
                return written(word >> 6 & 31)
            case 0b0000 if word >> 16 & 0x3F == 0x3E:  # ctcmsa
                return ()
            case 0b0100:  # insert: from a general register
                return (wd,)
        return wd, ws
    return ()


# --- Decoding ---------------------------------------------------------------------------------------------------------


class Decoder:
    """The behaviour of instructions on processors of one width and byte order."""

    def __init__(self, byte_order: ByteOrder, bits: Bits) -> None:
        self._byte_order = byte_order
        self._bits: Bits = bits
        self.mask = (1 << bits) - 1
        self.stub = STUB_NAMES[bits]
        self.by_major = _by_major_opcode(byte_order, bits)
        self._by_special3 = _by_special3_function(self.by_major, bits)

    def behaviour_of(self, disassembled: Disassembled) -> Behaviour:
        """See :attr:`Arch.behaviour_of`."""
        word = int.from_bytes(disassembled.data, self._byte_order)
        rs, rt = word >> 21 & 31, word >> 16 & 31
        major = word >> 26
        if row := self.by_major.get(major):
            return self.memory(row, rs, None, sign_extended(word, 16), rt)
        match major:
            case 0x00:
                return _behaviour_of_special(word)
            case 0x01:
                return self._regimm(word)
            case 0x03:
                return _CALL  # jal
            # Release 6: blezalc, bgezalc, bltzalc, bgtzalc; before it rt is zero.
            case 0x06 | 0x07 if rt and rs in (0, rt):
                return _CALL
            case 0x08 | 0x18:  # addi, daddi; release 6: beqzalc, bnezalc
                return Behaviour(implied=(*written(rt), *(("ra",) if rt and not rs else ())))
            case 0x09 | 0x0A | 0x0B | 0x0C | 0x0D | 0x0E | 0x0F | 0x19:  # addiu to lui, daddiu
                return Behaviour(implied=written(rt))
            case 0x10 if rs < 2:  # mfc0, dmfc0
                return Behaviour(implied=written(rt))
            case 0x11:
                return self._cop1(word)
            case 0x13:
                return self._cop1x(word)
            case 0x14:
                return _likely(_annuls_unless_equal(self.stub[rs], self.stub[rt]))  # beql
            case 0x15:
                return _likely(_annuls_if_equal(self.stub[rs], self.stub[rt]))  # bnel
            # With a nonzero rt these two are compact branches of release 6, which have no delay slot.
            case 0x16 if rt == 0:
                return _likely(_annuls_if_positive(self.stub[rs], self._bits))  # blezl
            case 0x17 if rt == 0:
                return _likely(_annuls_unless_positive(self.stub[rs], self._bits))  # bgtzl
            case 0x1C:
                return self._special2(word)
            case 0x1D if self._bits == 64:  # daui of release 6
                return Behaviour(implied=written(rt))
            case 0x1E:
                return self._msa(word)
            case 0x1F:
                return self._special3(word)
            case 0x3A:  # balc of release 6
                return _CALL
            case 0x3E if rs == 0:  # jialc of release 6
                return _CALL
            case 0x3B:
                return self._pc_relative(word, disassembled.address)
        return Behaviour()

    def memory(self, row: MemoryRow, base: int, index: int | None, displacement: int, target: int) -> Behaviour:
        index_name = None if index is None else self.stub[index]
        is_loading = AccessKind.LOAD in row.kinds
        implied = self._floats(target, row.size) if row.is_float else written(target) if is_loading else ()
        return Behaviour(
            rule=row.rule,
            spans=_spans(row, self.stub[base], index_name, displacement, self.mask),
            implied=implied,
            has_stored=self._has_stored(target) if row.rule is StepRule.STORE_EXCLUSIVE else None,
        )

    def _has_stored(self, target: int) -> Condition | None:
        """One means success; the zero register does not tell."""
        if not target:
            return None
        name = self.stub[target]
        return lambda registers: registers[name] == 1

    def _floats(self, number: int, size: int) -> tuple[str, ...]:
        """A float register as the stub shows it.

        On 64 bits Status.FR is 1 and each register has 64 bits. On 32 bits with FR = 0 a 64-bit value is in an even and
        the next odd register. With FR = 1 (Debian's programs) each register has 64 bits, of which QEMU's 32-bit stub
        transfers the low half: the high half cannot be listed. Both cases name the pair.
        """
        if size == 4 or self._bits == 64:
            return (FLOATS[number],)
        return FLOATS[number & ~1], FLOATS[number | 1]

    def _regimm(self, word: int) -> Behaviour:
        number = word >> 21 & 31
        rs, bits = self.stub[number], self._bits
        match word >> 16 & 31:
            case 0x02:
                return _likely(_annuls_unless_negative(rs, bits))  # bltzl
            case 0x03:
                return _likely(_annuls_if_negative(rs, bits))  # bgezl
            case 0x06 | 0x1E:  # dahi, dati of release 6
                return Behaviour(implied=written(number))
            case 0x12:
                return _likely(_annuls_unless_negative(rs, bits), ("ra",))  # bltzall
            case 0x13:
                return _likely(_annuls_if_negative(rs, bits), ("ra",))  # bgezall
            case 0x08 | 0x09 | 0x0A | 0x0B | 0x0C | 0x0E:
                return _TRAP  # tgei, tgeiu, tlti, tltiu, teqi, tnei
            case 0x10 | 0x11:
                return _CALL  # bltzal, bgezal
        return Behaviour()

    def _cop1(self, word: int) -> Behaviour:
        selector, ft, fs, fd = word >> 21 & 31, word >> 16 & 31, word >> 11 & 31, word >> 6 & 31
        to_general = written(ft) if selector < 4 else ()
        match selector:
            case 0x08 if word & 1 << 17:
                return _likely(_annuls_unless_condition(ft >> 2, ft & 1), _FLOAT_STATUS)  # bc1fl, bc1tl
            case 0x00 | 0x04:
                return Behaviour(implied=(*to_general, *self._floats(fs, 4)))  # mfc1, mtc1
            case 0x01 | 0x03 | 0x05 | 0x07:
                return Behaviour(implied=(*to_general, *self._floats(fs, 8)))  # dmfc1, mfhc1, dmtc1, mthc1
            case 0x02 | 0x06 | 0x08 | 0x0A:
                return Behaviour(implied=(*to_general, *_FLOAT_STATUS))  # cfc1, ctc1, bc1f, bc1t, bc1any4
            case 0x09 | 0x0D:
                # bc1any2 of MIPS-3D; in release 6 bc1eqz and bc1nez, which look at ft.
                return Behaviour(implied=(*_FLOAT_STATUS, FLOATS[ft]))
            case 0x18 | 0x19 | 0x1A | 0x1B | 0x1C | 0x1D | 0x1E | 0x1F | 0x0B | 0x0F:
                return Behaviour(implied=(FLOATS[ft],))  # MSA: bz.b, bnz.b and their kin, bz.v, bnz.v
        size = _FORMAT_SIZE.get(selector)
        if size is None:
            return Behaviour()
        function = word & 0x3F
        # Release 6: cmp.cond.s and cmp.cond.d have the formats of words and doublewords.
        is_compare = selector in (0x14, 0x15) and function < 0x20
        names = list(self._floats(fs, size))
        if is_compare or function not in _ONE_SOURCE:
            names += self._floats(ft, size)
        if function < 0x30:
            names += self._floats(fd, size if is_compare else _RESULT_SIZE.get(function, size))
        return Behaviour(implied=tuple(dict.fromkeys((*names, *_FLOAT_STATUS))))

    def _cop1x(self, word: int) -> Behaviour:
        base, index, fs, fd = word >> 21 & 31, word >> 16 & 31, word >> 11 & 31, word >> 6 & 31
        function = word & 0x3F
        if row := COP1X.get(function):
            return self.memory(row, base, index, 0, fd if AccessKind.LOAD in row.kinds else fs)
        if function == 0x0F:
            return Behaviour()  # prefx
        # alnv.ps, whose first field is a general register; madd, msub, nmadd, nmsub, whose first field is fr.
        size = 4 if function & 7 == 0 else 8
        numbers = (index, fs, fd) if function == 0x1E else (base, index, fs, fd)
        names = (name for number in numbers for name in self._floats(number, size))
        return Behaviour(implied=tuple(dict.fromkeys((*names, *_FLOAT_STATUS))))

    def _special2(self, word: int) -> Behaviour:
        function, rd = word & 0x3F, word >> 11 & 31
        if function in _SPECIAL2_HI_LO:
            return Behaviour(implied=() if rd & 3 else _HI_LO)
        # mul leaves hi and lo alone in QEMU; undefined by the manual.
        return Behaviour(implied=written(rd) if function in _SPECIAL2_RD else ())

    def _special3(self, word: int) -> Behaviour:
        rs, rt, rd, function = word >> 21 & 31, word >> 16 & 31, word >> 11 & 31, word & 0x3F
        operation = word >> 6 & 31
        if row := self._by_special3.get(function):
            return self.memory(row, rs, None, sign_extended(word >> 7, 9), rt)
        if function == 0x0A and (row := INDEXED_LOADS.get(operation)):
            return self.memory(row, rs, rt, 0, rd)
        if function in _SPECIAL3_RT:
            return Behaviour(implied=written(rt))
        if function in _SPECIAL3_RD:
            return Behaviour(implied=written(rd))
        if function in (_DPA, _EXTR):
            # DSP: accumulator 0 is hi and lo; the stub lacks 1 to 3.
            accumulator = () if rd & 3 else _HI_LO
            if function == _DPA or operation in _EXTR_TO_ACCUMULATOR:
                return Behaviour(implied=accumulator)
            if operation == _WRDSP:
                return Behaviour()
            # rddsp has its destination in rd, the extractions in rt.
            return Behaviour(implied=written(rd) if operation == 0x12 else (*written(rt), *accumulator))
        return Behaviour()

    def _msa(self, word: int) -> Behaviour:
        """MSA ``ld.df`` and ``st.df`` (0x20 to 0x27): a whole vector, at an offset counted in elements."""
        minor = word & 0x3F
        if not 0x20 <= minor <= 0x27:
            return Behaviour(implied=_msa_registers(word))
        row = MemoryRow(LOAD if minor < 0x24 else STORE, 16)
        displacement = sign_extended(word >> 16, 10) << (minor & 3)
        found = self.memory(row, word >> 11 & 31, None, displacement, 0)
        return replace(found, implied=(FLOATS[word >> 6 & 31],))

    def _pc_relative(self, word: int, pc: int) -> Behaviour:
        """Release 6: addiupc, auipc, aluipc, and the loads."""
        target = written(word >> 21 & 31)
        if (load := _PC_RELATIVE_LOADS.get(word >> 16 & 31)) is None:
            return Behaviour(implied=target)
        size, width = load
        base = pc & -size
        span = (Span(AccessKind.LOAD, (base + sign_extended(word, width) * size) & self.mask, size),)
        return Behaviour(spans=lambda _: span, implied=target)


# --- Architectures --------------------------------------------------------------------------------


_PARTS = frozenset({"lwl", "lwr", "swl", "swr", "ldl", "ldr", "sdl", "sdr"})


def _moves(disassembled: Disassembled) -> bool:
    """Not a part of a word."""
    return disassembled.mnemonic not in _PARTS


def _layout(bits: Bits) -> tuple[StubRegister, ...]:
    # The last one has been gdb's "fp" once; QEMU sends zero.
    rest = ("sr", "lo", "hi", "bad", "cause", "pc", *FLOATS, "fsr", "fir", "unused")
    return tuple(StubRegister(name, bits) for name in (*STUB_NAMES[bits], *rest))


def _registers(bits: Bits) -> tuple[Register, ...]:
    """rizin's names (its profile says fp for register 30 and lacks the system registers), gdb's for the rest."""
    return (
        *(Register(name, bits, source=source) for name, source in zip(NAMES, STUB_NAMES[bits], strict=True)),
        Register("hi", bits),
        Register("lo", bits),
        Register("pc", bits, Group.CONTROL),
        *(Register(name, bits, Group.FLOAT) for name in FLOATS),
        Register("fcsr", 32, Group.FLOAT, source="fsr"),
        Register("sr", 32, Group.SYSTEM),
        Register("bad", bits, Group.SYSTEM),
        Register("cause", 32, Group.SYSTEM),
        Register("fir", 32, Group.SYSTEM),
    )


_HIDDEN = (
    *("dspccond", "dspcarry", "dspefi", "dspoutflag", "dspoutflag16_19", "dsppos", "dspscount"),
    *(f"dspoutflag{i}" for i in range(20, 24)),
    *("ac1", "ac2", "ac3"),
    *(f"{name}{i}" for name in ("p", "mpl") for i in range(3)),  # Octeon
)
ALIASES: dict[str, tuple[str, ...]] = {
    "ac0": _HI_LO,
    **dict.fromkeys((f"{name}{i}" for name in ("cc", "fcc") for i in range(8)), _FLOAT_STATUS),
    # An MSA register's low 64 bits are the float register; the stub does not show the rest.
    **{f"w{i}": (FLOATS[i],) for i in range(32)},
    **dict.fromkeys(_HIDDEN, ()),
}


O32_SYSTEM_CALLS = SystemCalls(
    number="v0",
    result="v0",
    arguments=("a0", "a1", "a2", "a3"),
    names={
        4011: "execve",
        4037: "kill",
        4236: "tkill",
        4266: "tgkill",
        4048: "signal",
        4067: "sigaction",
        4085: "readlink",
        4090: "mmap",
        4119: "sigreturn",
        4120: "clone",
        4193: "rt_sigreturn",
        4194: "rt_sigaction",
        4210: "mmap2",
        4298: "readlinkat",
        4353: "getrandom",
        4356: "execveat",
    },
    stack_arguments=16,
    signals=MIPS_SIGNALS,
    handler_offset=4,
)
N64_SYSTEM_CALLS = SystemCalls(
    number="v0",
    result="v0",
    arguments=("a0", "a1", "a2", "a3", "a4", "a5"),
    names={
        5009: "mmap",
        5013: "rt_sigaction",
        5055: "clone",
        5057: "execve",
        5060: "kill",
        5087: "readlink",
        5192: "tkill",
        5225: "tgkill",
        5211: "rt_sigreturn",
        5257: "readlinkat",
        5313: "getrandom",
        5316: "execveat",
    },
    signals=MIPS_SIGNALS,
    handler_offset=8,
)


# e_flags of programs that the o32 and n64 emulators do not run, or whose code is not covered here.
_OTHER_CODE = ((0x0200_0000, "microMIPS"), (0x0400_0000, "MIPS16e"))
_N32 = ((0x20, "n32"),)


def _mips32(name: str, byte_order: ByteOrder) -> Arch:
    order = capstone.CS_MODE_BIG_ENDIAN if byte_order == "big" else capstone.CS_MODE_LITTLE_ENDIAN
    return Arch(
        name=name,
        bits=32,
        byte_order=byte_order,
        elf=ElfIdentity("EM_MIPS", 32, byte_order, other_abis=(*_N32, *_OTHER_CODE)),
        frame_architecture=8,
        frame_machine=32,  # isa32; rz-tracetest takes it for the width, so not 33 for release 2
        pc="pc",
        sp="sp",
        registers=_registers(32),
        modes=(Mode(None, capstone.CS_ARCH_MIPS, capstone.CS_MODE_MIPS32 | order, (4,)),),
        branch_of=branches.mips(byte_order),
        nondeterministic=nondeterminism.MIPS,
        undefined=undefined.MIPS,
        may_branch=branches.mips_release_6(byte_order),
        behaviour_of=Decoder(byte_order, 32).behaviour_of,
        system_calls=O32_SYSTEM_CALLS,
        aliases=ALIASES,
        zeroes=frozenset({"zero"}),
        moves=_moves,
        builtin_layout=_layout(32),
        gdb_architecture="mips:isa32r2",
    )


def _mips64(name: str, byte_order: ByteOrder) -> Arch:
    order = capstone.CS_MODE_BIG_ENDIAN if byte_order == "big" else capstone.CS_MODE_LITTLE_ENDIAN
    return Arch(
        name=name,
        bits=64,
        byte_order=byte_order,
        elf=ElfIdentity("EM_MIPS", 64, byte_order, other_abis=_OTHER_CODE),
        frame_architecture=8,
        frame_machine=64,  # isa64; as the width, so not 65 for release 2
        pc="pc",
        sp="sp",
        registers=_registers(64),
        modes=(Mode(None, capstone.CS_ARCH_MIPS, capstone.CS_MODE_MIPS64 | order, (4,)),),
        branch_of=branches.mips(byte_order),
        nondeterministic=nondeterminism.MIPS,
        undefined=undefined.MIPS,
        may_branch=branches.mips_release_6(byte_order),
        behaviour_of=Decoder(byte_order, 64).behaviour_of,
        system_calls=N64_SYSTEM_CALLS,
        aliases=ALIASES,
        zeroes=frozenset({"zero"}),
        moves=_moves,
        builtin_layout=_layout(64),
        gdb_architecture="mips:isa64r2",
        # Otherwise gdb cuts registers to 32 bits.
        gdb_settings=("mips abi n64",),
    )


MIPS = _mips32("mips", "big")
MIPSEL = _mips32("mipsel", "little")
MIPS64 = _mips64("mips64", "big")
MIPS64EL = _mips64("mips64el", "little")
