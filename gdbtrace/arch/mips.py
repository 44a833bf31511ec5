"""MIPS32, both byte orders.

References: MIPS Architecture For Programmers, volumes II-A (release 6.06 for the encodings of all releases, 5.04 for
branch-likely), IV-e (DSP), IV-j (MSA); QEMU's ``target/mips/gdbstub.c`` for the layout and
``target/mips/tcg/translate.c`` for the accesses.

Not covered: MIPS16e and microMIPS code (bit 0 of ``pc``), 64-bit processors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import capstone

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

GENERAL = (
    *("zero", "at", "v0", "v1"),
    *(f"a{i}" for i in range(4)),
    *(f"t{i}" for i in range(8)),
    *(f"s{i}" for i in range(8)),
    *("t8", "t9", "k0", "k1", "gp", "sp", "s8", "ra"),
)
"""Stub registers, by number, under gdb's names for the o32 ABI."""
FLOATS = tuple(f"f{i}" for i in range(32))

ADDRESS_MASK = 0xFFFF_FFFF

# --- Memory ---------------------------------------------------------------------------------------

Shape = Literal["plain", "aligned word", "to word end", "from word start", "aligned doubleword"]


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One load or store instruction."""

    kinds: tuple[AccessKind, ...]
    size: int
    shape: Shape = "plain"
    is_float: bool = False
    rule: StepRule = StepRule.PLAIN


_LOAD = (AccessKind.LOAD,)
_STORE = (AccessKind.STORE,)
# QEMU performs sc as a compare-and-swap with the value that ll read: a load and a store.
_BOTH = (AccessKind.LOAD, AccessKind.STORE)


def _by_major_opcode(byte_order: ByteOrder) -> dict[int, MemoryRow]:
    """Volume II-A, table A.2. The unaligned halves depend on the byte order.

    QEMU reads the whole aligned word for ``lwl`` and ``lwr``, of which the instruction uses a part; ``swl`` and ``swr``
    write just their bytes: the left one, of the most significant bytes, from the address to the word's end in
    big-endian order.
    """
    left: Shape = "to word end" if byte_order == "big" else "from word start"
    right: Shape = "from word start" if byte_order == "big" else "to word end"
    return {
        0x20: MemoryRow(_LOAD, 1),  # lb
        0x21: MemoryRow(_LOAD, 2),  # lh
        0x22: MemoryRow(_LOAD, 4, "aligned word"),  # lwl
        0x23: MemoryRow(_LOAD, 4),  # lw
        0x24: MemoryRow(_LOAD, 1),  # lbu
        0x25: MemoryRow(_LOAD, 2),  # lhu
        0x26: MemoryRow(_LOAD, 4, "aligned word"),  # lwr
        0x28: MemoryRow(_STORE, 1),  # sb
        0x29: MemoryRow(_STORE, 2),  # sh
        0x2A: MemoryRow(_STORE, 4, left),  # swl
        0x2B: MemoryRow(_STORE, 4),  # sw
        0x2E: MemoryRow(_STORE, 4, right),  # swr
        0x30: MemoryRow(_LOAD, 4, rule=StepRule.LOAD_EXCLUSIVE),  # ll
        0x31: MemoryRow(_LOAD, 4, is_float=True),  # lwc1
        0x35: MemoryRow(_LOAD, 8, is_float=True),  # ldc1
        0x38: MemoryRow(_BOTH, 4, rule=StepRule.STORE_EXCLUSIVE),  # sc
        0x39: MemoryRow(_STORE, 4, is_float=True),  # swc1
        0x3D: MemoryRow(_STORE, 8, is_float=True),  # sdc1
        # Not here: cache (0x2f), pref (0x33); coprocessor 2, which no 32-bit processor of QEMU has.
    }


def _by_special3_function(byte_order: ByteOrder) -> dict[int, MemoryRow]:
    """Release 6's ll and sc, and the EVA forms (user memory, for the kernel): all with a nine-bit offset."""
    major = _by_major_opcode(byte_order)
    return {
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


# COP1X, table A.21: address is base + index. luxc1 and suxc1 ignore the low three bits. Not here: prefx (0x0f).
COP1X = {
    0x00: MemoryRow(_LOAD, 4, is_float=True),  # lwxc1
    0x01: MemoryRow(_LOAD, 8, is_float=True),  # ldxc1
    0x05: MemoryRow(_LOAD, 8, "aligned doubleword", is_float=True),  # luxc1
    0x08: MemoryRow(_STORE, 4, is_float=True),  # swxc1
    0x09: MemoryRow(_STORE, 8, is_float=True),  # sdxc1
    0x0D: MemoryRow(_STORE, 8, "aligned doubleword", is_float=True),  # suxc1
}

# DSP, SPECIAL3 function 0x0a (LX): base + index.
INDEXED_LOADS = {0x00: MemoryRow(_LOAD, 4), 0x04: MemoryRow(_LOAD, 2), 0x06: MemoryRow(_LOAD, 1)}


def _spans(row: MemoryRow, base: str, index: str | None, displacement: int) -> SpanFunction:
    kind, size = row.kinds[0], row.size
    if row.shape == "plain" and len(row.kinds) == 1:
        if index is None:

            def displaced(registers: Registers) -> tuple[Span, ...]:
                return (Span(kind, (registers[base] + displacement) & ADDRESS_MASK, size),)

            return displaced

        def indexed(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, (registers[base] + registers[index]) & ADDRESS_MASK, size),)

        return indexed

    if row.shape == "plain":
        load, store = row.kinds

        def both(registers: Registers) -> tuple[Span, ...]:
            address = (registers[base] + displacement) & ADDRESS_MASK
            return Span(load, address, size), Span(store, address, size)

        return both

    if row.shape == "to word end":

        def to_word_end(registers: Registers) -> tuple[Span, ...]:
            address = (registers[base] + displacement) & ADDRESS_MASK
            return (Span(kind, address, 4 - (address & 3)),)

        return to_word_end

    if row.shape == "from word start":

        def from_word_start(registers: Registers) -> tuple[Span, ...]:
            address = (registers[base] + displacement) & ADDRESS_MASK
            return (Span(kind, address & ~3, (address & 3) + 1),)

        return from_word_start

    mask = ADDRESS_MASK & -size

    def aligned(registers: Registers) -> tuple[Span, ...]:
        return (Span(kind, (registers[base] + (registers[index] if index else displacement)) & mask, size),)

    return aligned


def _signed(value: int, bits: int) -> int:
    return value - (value >> (bits - 1) << bits)


def _behaviour_of_memory(row: MemoryRow, base: int, index: int | None, displacement: int, target: int) -> Behaviour:
    index_name = None if index is None else GENERAL[index]
    return Behaviour(
        rule=row.rule,
        spans=_spans(row, GENERAL[base], index_name, displacement),
        implied=_float_names(target, row.size) if row.is_float else (),
        has_stored=_has_stored(target) if row.rule is StepRule.STORE_EXCLUSIVE else None,
    )


def _has_stored(target: int) -> Callable[[Registers], bool] | None:
    """One means success; the zero register does not tell."""
    if not target:
        return None
    name = GENERAL[target]
    return lambda registers: registers[name] == 1


def _float_names(number: int, size: int) -> tuple[str, ...]:
    """A float register as the stub shows it.

    With Status.FR = 0 a 64-bit value is in an even and the next odd register. With FR = 1 (Debian's programs) each
    register has 64 bits, of which QEMU's 32-bit stub transfers the low half: the high half cannot be listed. Both cases
    name the pair.
    """
    if size == 4:
        return (FLOATS[number],)
    return FLOATS[number & ~1], FLOATS[number | 1]


# --- Branch-likely --------------------------------------------------------------------------------


def _is_negative(value: int) -> bool:
    return value >> 31 == 1


def _is_positive(value: int) -> bool:
    return 0 < value < 1 << 31


def _annuls_unless_equal(first: str, second: str) -> Callable[[Registers], bool]:
    return lambda registers: registers[first] != registers[second]


def _annuls_if_equal(first: str, second: str) -> Callable[[Registers], bool]:
    return lambda registers: registers[first] == registers[second]


def _annuls_unless_negative(name: str) -> Callable[[Registers], bool]:
    return lambda registers: not _is_negative(registers[name])


def _annuls_if_negative(name: str) -> Callable[[Registers], bool]:
    return lambda registers: _is_negative(registers[name])


def _annuls_unless_positive(name: str) -> Callable[[Registers], bool]:
    return lambda registers: not _is_positive(registers[name])


def _annuls_if_positive(name: str) -> Callable[[Registers], bool]:
    return lambda registers: _is_positive(registers[name])


def _annuls_unless_condition(code: int, wanted: int) -> Callable[[Registers], bool]:
    """``bc1tl``, ``bc1fl``: condition code 0 is bit 23 of fcsr, 1 to 7 are bits 25 to 31."""
    shift = 24 + code if code else 23
    return lambda registers: (registers["fsr"] >> shift & 1) != wanted


def _likely(
    stops_twice: Callable[[Registers], bool], implied: tuple[str, ...] = (), *, is_never_taken: bool = False
) -> Behaviour:
    """A branch-likely.

    ``is_never_taken``: by its encoding (``bnel $9, $9``). QEMU translates that as a jump over the slot, so that a step
    does not stop there (``gen_compute_branch``, "Skip the instruction in the delay slot").
    """
    if is_never_taken:
        return Behaviour(implied=implied)
    return Behaviour(StepRule.SECOND_STOP, implied=implied, stops_twice=stops_twice)


# --- The other instructions -----------------------------------------------------------------------

_HI_LO = ("hi", "lo")
_FLOAT_STATUS = ("fcsr",)
_CALL = Behaviour(implied=("ra",))


def _behaviour_of_special(word: int) -> Behaviour:
    function = word & 0x3F
    if function == 0x0C:
        return Behaviour(StepRule.SYSTEM_CALL)
    if function == 0x01:
        return Behaviour(implied=_FLOAT_STATUS)  # movf, movt
    if 0x10 <= function <= 0x13 or 0x18 <= function <= 0x1B:
        # mfhi, mthi, mflo, mtlo; mult, multu, div, divu. Release 6 gave the latter codes to three-operand forms
        # without hi and lo, with a nonzero shift field.
        return Behaviour(implied=_HI_LO if function < 0x18 or not word & 0x7C0 else ())
    return Behaviour()


def _behaviour_of_regimm(word: int) -> Behaviour:
    rs = GENERAL[word >> 21 & 31]
    is_zero = rs == "zero"
    match word >> 16 & 31:
        case 0x02:
            return _likely(_annuls_unless_negative(rs), is_never_taken=is_zero)  # bltzl
        case 0x03:
            return _likely(_annuls_if_negative(rs))  # bgezl
        case 0x12:
            return _likely(_annuls_unless_negative(rs), ("ra",), is_never_taken=is_zero)  # bltzall
        case 0x13:
            return _likely(_annuls_if_negative(rs), ("ra",))  # bgezall
        case 0x10 | 0x11:
            return _CALL  # bltzal, bgezal
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


def _behaviour_of_cop1(word: int) -> Behaviour:
    selector, ft, fs, fd = word >> 21 & 31, word >> 16 & 31, word >> 11 & 31, word >> 6 & 31
    match selector:
        case 0x08 if word & 1 << 17:
            return _likely(_annuls_unless_condition(ft >> 2, ft & 1), _FLOAT_STATUS)  # bc1fl, bc1tl
        case 0x00 | 0x04:
            return Behaviour(implied=_float_names(fs, 4))  # mfc1, mtc1
        case 0x03 | 0x07:
            return Behaviour(implied=_float_names(fs, 8))  # mfhc1, mthc1
        case 0x02 | 0x06 | 0x08 | 0x0A:
            return Behaviour(implied=_FLOAT_STATUS)  # cfc1, ctc1, bc1f, bc1t, bc1any4
        case 0x09 | 0x0D:
            # bc1any2 of MIPS-3D; in release 6 bc1eqz and bc1nez, which look at ft.
            return Behaviour(implied=(*_FLOAT_STATUS, FLOATS[ft]))
    size = _FORMAT_SIZE.get(selector)
    if size is None:
        return Behaviour()
    function = word & 0x3F
    names = list(_float_names(fs, size))
    if function not in _ONE_SOURCE:
        names += _float_names(ft, size)
    if function < 0x30:
        names += _float_names(fd, _RESULT_SIZE.get(function, size))
    return Behaviour(implied=tuple(dict.fromkeys((*names, *_FLOAT_STATUS))))


def _behaviour_of_cop1x(word: int) -> Behaviour:
    base, index, fs, fd = word >> 21 & 31, word >> 16 & 31, word >> 11 & 31, word >> 6 & 31
    function = word & 0x3F
    if row := COP1X.get(function):
        target = fd if AccessKind.LOAD in row.kinds else fs
        return _behaviour_of_memory(row, base, index, 0, target)
    if function == 0x0F:
        return Behaviour()  # prefx
    # alnv.ps, whose first field is a general register; madd, msub, nmadd, nmsub, whose first field is fr.
    size = 4 if function & 7 == 0 else 8
    numbers = (index, fs, fd) if function == 0x1E else (base, index, fs, fd)
    names = (name for number in numbers for name in _float_names(number, size))
    return Behaviour(implied=tuple(dict.fromkeys((*names, *_FLOAT_STATUS))))


def _behaviour_of_msa(word: int) -> Behaviour:
    """MSA ``ld.df`` and ``st.df`` (0x20 to 0x27): a whole vector, at an offset counted in elements."""
    minor = word & 0x3F
    if not 0x20 <= minor <= 0x27:
        return Behaviour()
    row = MemoryRow(_LOAD if minor < 0x24 else _STORE, 16)
    displacement = _signed(word >> 16 & 0x3FF, 10) << (minor & 3)
    return _behaviour_of_memory(row, word >> 11 & 31, None, displacement, 0)


# --- Architectures --------------------------------------------------------------------------------


def _behaviour_function(byte_order: ByteOrder) -> Callable[[Disassembled], Behaviour]:
    by_major = _by_major_opcode(byte_order)
    by_special3 = _by_special3_function(byte_order)

    def behaviour_of_special3(word: int) -> Behaviour:
        rs, rt, function = word >> 21 & 31, word >> 16 & 31, word & 0x3F
        if row := by_special3.get(function):
            return _behaviour_of_memory(row, rs, None, _signed(word >> 7 & 0x1FF, 9), rt)
        if function == 0x0A and (row := INDEXED_LOADS.get(word >> 6 & 31)):
            return _behaviour_of_memory(row, rs, rt, 0, 0)
        # DSP instructions (DPA.W.PH and EXTR.W groups): accumulator 0 is hi and lo; the stub lacks 1 to 3.
        return Behaviour(implied=_HI_LO if function in (0x30, 0x38) else ())

    def behaviour_of(disassembled: Disassembled) -> Behaviour:
        word = int.from_bytes(disassembled.data, byte_order)
        rs, rt = word >> 21 & 31, word >> 16 & 31
        major = word >> 26
        if row := by_major.get(major):
            return _behaviour_of_memory(row, rs, None, _signed(word & 0xFFFF, 16), rt)
        match major:
            case 0x00:
                return _behaviour_of_special(word)
            case 0x01:
                return _behaviour_of_regimm(word)
            case 0x03:
                return _CALL  # jal
            case 0x11:
                return _behaviour_of_cop1(word)
            case 0x13:
                return _behaviour_of_cop1x(word)
            case 0x14:
                return _likely(_annuls_unless_equal(GENERAL[rs], GENERAL[rt]))  # beql
            case 0x15:
                return _likely(_annuls_if_equal(GENERAL[rs], GENERAL[rt]), is_never_taken=rs == rt)  # bnel
            # With a nonzero rt these two are compact branches of release 6, which have no delay slot.
            case 0x16 if rt == 0:
                return _likely(_annuls_if_positive(GENERAL[rs]))  # blezl
            case 0x17 if rt == 0:
                return _likely(_annuls_unless_positive(GENERAL[rs]), is_never_taken=rs == 0)  # bgtzl
            case 0x1C:
                # SPECIAL2: madd, maddu, msub, msubu. (mul leaves hi and lo alone in QEMU, undefined by the manual.)
                return Behaviour(implied=_HI_LO if word & 0x3F in (0x00, 0x01, 0x04, 0x05) else ())
            case 0x1E:
                return _behaviour_of_msa(word)
            case 0x1F:
                return behaviour_of_special3(word)
            case 0x3B if rt >> 3 == 1:
                # Release 6, PCREL: lwpc.
                address = (disassembled.address + (_signed(word & 0x7FFFF, 19) << 2)) & ADDRESS_MASK
                span = (Span(AccessKind.LOAD, address, 4),)
                return Behaviour(spans=lambda _: span)
        return Behaviour()

    return behaviour_of


LAYOUT = tuple(
    StubRegister(name, 32)
    # The last one has been gdb's "fp" once; QEMU sends zero.
    for name in (*GENERAL, "sr", "lo", "hi", "bad", "cause", "pc", *FLOATS, "fsr", "fir", "unused")
)

# rizin's names (its profile says fp for register 30 and lacks the system registers), gdb's for the rest.
REGISTERS = (
    *(Register("fp" if name == "s8" else name, 32, source=name) for name in GENERAL),
    Register("hi", 32),
    Register("lo", 32),
    Register("pc", 32, Group.CONTROL),
    *(Register(name, 32, Group.FLOAT) for name in FLOATS),
    Register("fcsr", 32, Group.FLOAT, source="fsr"),
    *(Register(name, 32, Group.SYSTEM) for name in ("sr", "bad", "cause", "fir")),
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


# o32: the fifth argument and on are on the stack.
SYSTEM_CALLS = SystemCalls(
    number="v0",
    result="v0",
    arguments=("a0", "a1", "a2", "a3"),
    names={
        4001: "exit",
        4002: "fork",
        4011: "execve",
        4048: "signal",
        4067: "sigaction",
        4090: "mmap",
        4119: "sigreturn",
        4120: "clone",
        4193: "rt_sigreturn",
        4194: "rt_sigaction",
        4210: "mmap2",
        4353: "getrandom",
        4356: "execveat",
        4435: "clone3",
    },
    stack_arguments=16,
    signals=MIPS_SIGNALS,
    handler_offset=4,
)


def _mips(name: str, byte_order: ByteOrder) -> Arch:
    order = capstone.CS_MODE_BIG_ENDIAN if byte_order == "big" else capstone.CS_MODE_LITTLE_ENDIAN
    return Arch(
        name=name,
        bits=32,
        byte_order=byte_order,
        elf=ElfIdentity("EM_MIPS", 32, byte_order),
        frame_architecture=8,
        frame_machine=32,  # isa32; rz-tracetest takes it for the width, so not 33 for release 2
        pc="pc",
        sp="sp",
        registers=REGISTERS,
        modes=(Mode(None, capstone.CS_ARCH_MIPS, capstone.CS_MODE_MIPS32 | order, (4,)),),
        behaviour_of=_behaviour_function(byte_order),
        system_calls=SYSTEM_CALLS,
        aliases=ALIASES,
        builtin_layout=LAYOUT,
        gdb_architecture="mips:isa32r2",
    )


MIPS = _mips("mips", "big")
MIPSEL = _mips("mipsel", "little")
