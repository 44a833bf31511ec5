"""What instructions leave undefined in flags and registers that they do not name, by their manuals: two processors, or
two releases of an emulator, may differ there and both be right.

Of each mnemonic the first row that matches counts, so exceptions are before the rule, with nothing undefined. What is
undefined only for some operands (a shift by more than the width, a division that overflows) is not here where that
would hide what is defined for all others; x86's shifts by a register, whose count may be 1 or more, are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gdbtrace.arch.model import UndefinedBits

CF, PF, AF, ZF, SF, OF = 1, 4, 0x10, 0x40, 0x80, 0x800
C0, C1, C2, C3 = 0x100, 0x200, 0x400, 0x4000

# SDM volume 1, appendix A.1, and volume 2 for what it has not: BMI, LZCNT, TZCNT.
_X86_FLAGS: Mapping[str, int] = {
    "and or xor test lock?and lock?or lock?xor": AF,
    "mul imul": SF | ZF | AF | PF,
    "div idiv": OF | SF | ZF | AF | PF | CF,
    "bsf bsr": OF | SF | AF | PF | CF,
    "bt bts btr btc lock?bts lock?btr lock?btc": OF | SF | AF | PF,
    "aaa aas": OF | SF | ZF | PF,
    "aad aam": OF | AF | CF,
    "daa das": OF,
    "andn bzhi blsi blsr blsmsk": AF | PF,
    "bextr": AF | SF | PF,
    "lzcnt tzcnt": OF | SF | PF | AF,
}
# Shifts and rotations by 1 have an overflow; by a constant 0 they change no flag, but compilers do not write that.
_X86_SHIFTS: Mapping[str, tuple[int, int]] = {
    "sar shl shr": (AF, AF | OF),
    "shld shrd": (AF, AF | OF),
    "rcl rcr rol ror": (0, OF),
}
# SDM volume 1, table 8-1, and "FPU flags affected" of volume 2: condition codes of the x87 status word.
_X87_CONDITIONS: Mapping[str, int] = {
    "fxsave* fxrstor* femms": 0,
    "fcom fcomp fcompp ficom ficomp ftst fucom fucomp fucompp fcomi fcompi fucomi fucompi": 0,
    "fxam fprem fprem1 fldenv frstor fninit fnsave": 0,
    "fsin fcos fsincos fptan": C0 | C3,
    "fnclex fldcw fnop ffree ffreep fnstcw fnstenv fnstsw wait": C0 | C1 | C2 | C3,
    "f*": C0 | C2 | C3,
}


def x86(flags: str) -> tuple[UndefinedBits, ...]:
    """The table for x86.

    :param flags: name of the flags register.
    """
    return tuple(_x86_rows(flags))


def _x86_rows(flags: str) -> Iterator[UndefinedBits]:
    for names, bits in _X86_FLAGS.items():
        for name in names.split():
            yield UndefinedBits(name, {flags: bits})
    for names, (by_one, by_more) in _X86_SHIFTS.items():
        for name in names.split():
            yield UndefinedBits(f"{name} *, 1", {flags: by_one} if by_one else {})
            yield UndefinedBits(name, {flags: by_more})
    for names, bits in _X87_CONDITIONS.items():
        for name in names.split():
            yield UndefinedBits(name, {"fstat": bits} if bits else {})


# M68000 Family Programmer's Reference Manual, chapter 4: C, V, Z, N, X are bits 0 to 4. ColdFire has none of these.
_V, _Z, _N, _C = 2, 4, 8, 1
M68K = (
    *(UndefinedBits(f"{name}*", {"ps": _N | _V}) for name in ("abcd", "sbcd", "nbcd", "cmp2", "chk2")),
    *(UndefinedBits(name, {"ps": _N | _Z | _V | _C}) for name in ("chk.w", "chk.l")),
)

# MIPS32 and MIPS64 volume II, MUL: HI and LO are UNPREDICTABLE after it.
MIPS = (UndefinedBits("mul", {"hi": -1, "lo": -1}),)

# Power ISA 3.0B, book I, 3.3.9: in 64-bit mode, where the upper half of the result is undefined, CR0 but for its SO.
PPC64 = tuple(
    UndefinedBits(name, {"crf0": 0b1110}) for name in ("mulhw.", "mulhwu.", "divw.", "divwu.", "divwe.", "divweu.")
)
