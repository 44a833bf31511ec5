"""MIPS as firmware sees it: coprocessor 0, and the compact encodings MIPS16e and microMIPS.

References: MIPS Architecture For Programmers, volumes II-B (microMIPS, release 3.05) and IV-a (MIPS16e, release 2.63);
QEMU's ``target/mips/tcg/mips16e_translate.c.inc`` and ``micromips_translate.c.inc``.

Bit 0 of the program counter, as the stub sends it, says that the code is compact; the processor has one of the two.
Their instructions are halfwords, the one with the opcode first in either byte order.

Not covered: release 6 of microMIPS, DSP's indexed loads in it, and nanoMIPS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import capstone

from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.mips import COP1X, LOAD, MIPS, MIPS64, MIPS64EL, MIPSEL, Decoder, MemoryRow, written
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    ByteOrder,
    Disassembled,
    Mode,
    Objdump,
    Registers,
    Span,
    StepRule,
)
from gdbtrace.arch.system.mips import (
    compact_control,
    has_micromips,
    is_system_instruction,
    system_level,
    writes_entry_hi,
)

_SP, _GP, _RA = 29, 28, 31
_COP0, _WAIT = 0x10, 0x20
_ASID = 0xFF
_USER, _NOT_USER = 0x10, 0x06
"""Status: KSU is user mode; EXL or ERL, with which it is not."""

_LB, _LH, _LW, _LBU, _LHU = 0x20, 0x21, 0x23, 0x24, 0x25
_SB, _SH, _SW = 0x28, 0x29, 0x2B
_LWU, _LD, _SD = 0x27, 0x37, 0x3F
"""Major opcodes of the 32-bit encoding that do what compact instructions do."""

_COMPACT_REGISTERS = (16, 17, 2, 3, 4, 5, 6, 7)
"""What three bits stand for."""
_STORED_REGISTERS = (0, *_COMPACT_REGISTERS[1:])
"""What three bits stand for as the source of a 16-bit store of microMIPS."""


def _halfwords(data: bytes, byte_order: ByteOrder) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + 2], byte_order) for at in range(0, len(data), 2))


# --- Sizes ------------------------------------------------------------------------------------------------------------


def _size_of_mips16(byte_order: ByteOrder) -> Callable[[bytes], int]:
    """JAL and JALX, and what has an EXTEND, are four bytes long."""
    return lambda data: 4 if int.from_bytes(data[:2], byte_order) >> 11 in (0x03, 0x1E) else 2


def _size_of_micromips(byte_order: ByteOrder) -> Callable[[bytes], int]:
    """The low three bits of the major opcode say it (volume II-B, table 6.2)."""
    return lambda data: 2 if int.from_bytes(data[:2], byte_order) >> 10 & 7 in (1, 2, 3) else 4


# --- MIPS16e ----------------------------------------------------------------------------------------------------------

_MIPS16_MEMORY = {0x10: _LB, 0x11: _LH, 0x13: _LW, 0x14: _LBU, 0x15: _LHU, 0x18: _SB, 0x19: _SH, 0x1B: _SW}
_MIPS16_MEMORY_64 = {0x07: _LD, 0x0F: _SD, 0x17: _LWU}
_I8, _I64 = 0x0C, 0x1F
_SAVED = (18, 19, 20, 21, 22, 23, 30)
"""What XSREGS counts."""


class _Compact:
    """The behaviour of compact instructions, in terms of what the 32-bit encoding's do."""

    def __init__(self, decoder: Decoder, byte_order: ByteOrder, bits: int) -> None:
        self._decoder = decoder
        self._byte_order = byte_order
        self._bits = bits

    def mips16(self, disassembled: Disassembled) -> Behaviour:
        """One instruction of MIPS16e."""
        halves = _halfwords(disassembled.data, self._byte_order)
        half, extension = halves[-1], None
        if len(halves) == 2:
            if halves[0] >> 11 == 0x03:
                return Behaviour(implied=("ra",))
            extension = halves[0]
        opcode, x, y = half >> 11, _COMPACT_REGISTERS[half >> 8 & 7], _COMPACT_REGISTERS[half >> 5 & 7]
        wide = None if extension is None else (extension & 31) << 11 | (extension >> 5 & 63) << 5 | half & 31
        row = self._row(_MIPS16_MEMORY.get(opcode) or (_MIPS16_MEMORY_64.get(opcode) if self._bits == 64 else None))
        if row is not None:
            displacement = (half & 31) * row.size if wide is None else sign_extended(wide, 16)
            return self._decoder.memory(row, x, None, displacement, y)
        short = (half & 0xFF) << 2 if wide is None else sign_extended(wide, 16)
        match opcode:
            case 0x12:  # lw rx, offset(sp)
                return self._at(_LW, _SP, short, x)
            case 0x1A:
                return self._at(_SW, _SP, short, x)
            case 0x16:  # lw rx, offset(pc)
                return self._from_pc(disassembled.address, short, 4, x, has_slot=wide is None)
            case 0x0C:
                return self._mips16_i8(half, extension, short)
            case 0x1F if self._bits == 64:
                return self._mips16_i64(disassembled.address, half, wide)
        return Behaviour(implied=written(y) + written(x))

    def _mips16_i8(self, half: int, extension: int | None, short: int) -> Behaviour:
        match half >> 8 & 7:
            case 2:  # sw ra, offset(sp)
                return self._at(_SW, _SP, short, _RA)
            case 4:
                return self._save_or_restore(half, extension or 0, is_extended=extension is not None)
        return Behaviour(implied=("sp",))

    def _save_or_restore(self, half: int, extension: int, *, is_extended: bool) -> Behaviour:
        xsregs, aregs = extension >> 8 & 7, extension & 15
        frame = (extension & 0xF0 | half & 15) << 3
        if not frame and not is_extended:
            frame = 128
        arguments = {3: 0, 11: 0, 14: 4}.get(aregs, aregs >> 2)
        statics = {11: 4, 14: 0}.get(aregs, aregs & 3)
        saved = tuple(number for number, bit in ((_RA, 6), (17, 4), (16, 5)) if half >> bit & 1)
        size = 4 * (len(saved) + xsregs + statics)
        sp, mask = self._decoder.stub[_SP], self._decoder.mask
        if half >> 7 & 1:

            def save(registers: Registers) -> tuple[Span, ...]:
                start = registers[sp]
                return (
                    Span(AccessKind.STORE, start, 4 * arguments),
                    Span(AccessKind.STORE, (start - size) & mask, size),
                )

            return Behaviour(spans=save, implied=("sp",))

        def restore(registers: Registers) -> tuple[Span, ...]:
            return (Span(AccessKind.LOAD, (registers[sp] + frame - size) & mask, size),)

        loaded = (*saved, *_SAVED[:xsregs], *range(8 - statics, 8))
        return Behaviour(spans=restore, implied=("sp", *(name for number in loaded for name in written(number))))

    def _mips16_i64(self, address: int, half: int, wide: int | None) -> Behaviour:
        y = _COMPACT_REGISTERS[half >> 5 & 7]
        extended = None if wide is None else sign_extended(wide, 16)
        narrow = (half & 31) << 3 if extended is None else extended
        match half >> 8 & 7:
            case 0:
                return self._at(_LD, _SP, narrow, y)
            case 1:
                return self._at(_SD, _SP, narrow, y)
            case 2:  # sd ra, offset(sp)
                return self._at(_SD, _SP, (half & 0xFF) << 3 if extended is None else extended, _RA)
            case 4:  # ld ry, offset(pc)
                return self._from_pc(address, narrow, 8, y, has_slot=wide is None)
        return Behaviour(implied=(*written(y), "sp"))

    def _from_pc(self, address: int, displacement: int, size: int, target: int, *, has_slot: bool) -> Behaviour:
        """Relative to the instruction, or, if it is in a delay slot, to the jump before it (volume IV-a, LW)."""
        mask, byte_order = self._decoder.mask, self._byte_order

        def base(registers: Registers) -> int:
            if not has_slot:
                return address
            try:
                before = _halfwords(registers.read_memory((address - 4) & mask, 4), byte_order)
            except KeyError:
                return address
            if before[0] >> 11 == 0x03:
                return address - 4
            return address - 2 if before[1] & 0xF89F == 0xE800 else address

        def spans(registers: Registers) -> tuple[Span, ...]:
            return (Span(AccessKind.LOAD, ((base(registers) & -size) + displacement) & mask, size),)

        return Behaviour(spans=spans, implied=written(target))

    # --- microMIPS ----------------------------------------------------------------------------------------------------

    def micromips(self, disassembled: Disassembled) -> Behaviour:
        """One instruction of microMIPS."""
        halves = _halfwords(disassembled.data, self._byte_order)
        if len(halves) == 1:
            return self._micromips_16(halves[0])
        return self._micromips_32(halves[0] << 16 | halves[1])

    def _micromips_16(self, half: int) -> Behaviour:
        opcode = half >> 10
        if row := _MICROMIPS_16.get(opcode):
            major, scale = row
            registers = _COMPACT_REGISTERS if LOAD[0] is self._kind(major) else _STORED_REGISTERS
            offset = -1 if opcode == 0x02 and half & 15 == 15 else (half & 15) * scale
            return self._at(major, _COMPACT_REGISTERS[half >> 4 & 7], offset, registers[half >> 7 & 7])
        match opcode:
            case 0x12:
                return self._at(_LW, _SP, (half & 31) << 2, half >> 5 & 31)
            case 0x32:
                return self._at(_SW, _SP, (half & 31) << 2, half >> 5 & 31)
            case 0x19:
                return self._at(_LW, _GP, sign_extended(half, 7) << 2, _COMPACT_REGISTERS[half >> 7 & 7])
            case 0x11 if half >> 6 & 15 in (4, 5):  # lwm16, swm16
                kind = AccessKind.LOAD if half >> 6 & 15 == 4 else AccessKind.STORE
                return self._several(kind, 0x11 + (half >> 4 & 3), _SP, (half & 15) << 2)
        return Behaviour(implied=tuple(dict.fromkeys((*written(half >> 5 & 31), *self._names(half)))))

    def _names(self, half: int) -> tuple[str, ...]:
        """Whatever the fields may be."""
        return tuple(name for shift in (1, 3, 4, 7) for name in written(_COMPACT_REGISTERS[half >> shift & 7]))

    def _micromips_32(self, word: int) -> Behaviour:
        opcode, target, base = word >> 26, word >> 21 & 31, word >> 16 & 31
        if (major := _MICROMIPS_32.get(opcode)) and self._row(major):
            return self._at(major, base, sign_extended(word, 16), target)
        minor, offset = word >> 12 & 15, sign_extended(word, 12)
        match opcode:
            case 0x08:
                return self._pool32b(minor, target, base, offset)
            case 0x18:
                if minor in (0x06, 0x0A):  # for the kernel, user memory
                    major = (_LOAD_EVA if minor == 0x06 else _STORE_EVA)[word >> 9 & 7]
                    return self._at(major, base, sign_extended(word, 9), target)
                return self._at(_POOL32C.get(minor), base, offset, target)
            case 0x00 if word & 0x3FF == 0x118:  # lwxs: the index counts words
                return self._scaled(target, base, word >> 11 & 31)
            case 0x15 if word & 0x3F == 0x08 and (row := COP1X.get(_POOL32F.get(word >> 6 & 7, -1))):
                return self._decoder.memory(row, base, target, 0, word >> 11 & 31)
            case 0x00:
                control = compact_control(word)
                if control is not None:
                    return control_behaviour(control, self._decoder)
        return Behaviour(implied=tuple(name for number in (target, base, word >> 11 & 31) for name in written(number)))

    def _pool32b(self, minor: int, target: int, base: int, offset: int) -> Behaviour:
        kind, size = AccessKind.STORE if minor & 8 else AccessKind.LOAD, 8 if minor & 7 in (4, 7) else 4
        if minor & 7 in (1, 4):  # lwp, ldp, swp, sdp
            return self._run(kind, base, offset, 2 * size, (target, (target + 1) % 32))
        if minor & 7 in (5, 7):  # lwm32, ldm, swm32, sdm
            return self._several(kind, target, base, offset, size)
        return Behaviour()

    def _several(self, kind: AccessKind, listed: int, base: int, offset: int, size: int = 4) -> Behaviour:
        """Some of s0 to s7 and fp, in that order, then ra."""
        count = listed & 15 if listed & 15 <= len(_MULTIPLE) else 0
        numbers = (*_MULTIPLE[:count], *((_RA,) if listed & 16 else ()))
        return self._run(kind, base, offset, size * len(numbers), numbers)

    def _run(self, kind: AccessKind, base: int, offset: int, size: int, numbers: Sequence[int]) -> Behaviour:
        name, mask = self._decoder.stub[base], self._decoder.mask

        def spans(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, (registers[name] + offset) & mask, size),)

        names = () if kind is AccessKind.STORE else tuple(name for number in numbers for name in written(number))
        return Behaviour(spans=spans, implied=names)

    def _scaled(self, index: int, base: int, target: int) -> Behaviour:
        names, mask = (self._decoder.stub[base], self._decoder.stub[index]), self._decoder.mask

        def spans(registers: Registers) -> tuple[Span, ...]:
            return (Span(AccessKind.LOAD, (registers[names[0]] + registers[names[1]] * 4) & mask, 4),)

        return Behaviour(spans=spans, implied=written(target))

    def _row(self, major: int | None) -> MemoryRow | None:
        return None if major is None else self._decoder.by_major.get(major)

    def _kind(self, major: int) -> AccessKind:
        return self._decoder.by_major[major].kinds[0]

    def _at(self, major: int | None, base: int, displacement: int, target: int) -> Behaviour:
        row = self._row(major)
        return Behaviour() if row is None else self._decoder.memory(row, base, None, displacement, target)


_MULTIPLE = (*range(16, 24), 30)
_MICROMIPS_16 = {0x02: (_LBU, 1), 0x0A: (_LHU, 2), 0x1A: (_LW, 4), 0x22: (_SB, 1), 0x2A: (_SH, 2), 0x3A: (_SW, 4)}
"""Major opcode -> that of the 32-bit encoding, and what the offset counts."""
_MICROMIPS_32 = {
    **{0x07: _LB, 0x05: _LBU, 0x0F: _LH, 0x0D: _LHU, 0x3F: _LW, 0x06: _SB, 0x0E: _SH, 0x3E: _SW, 0x37: _LD, 0x36: _SD},
    **{0x27: 0x31, 0x2F: 0x35, 0x26: 0x39, 0x2E: 0x3D},  # lwc1, ldc1, swc1, sdc1
}
_POOL32C = {
    **{0x0: 0x22, 0x1: 0x26, 0x8: 0x2A, 0x9: 0x2E},  # lwl, lwr, swl, swr
    **{0x4: 0x1A, 0x5: 0x1B, 0xC: 0x2C, 0xD: 0x2D},  # ldl, ldr, sdl, sdr
    **{0x3: 0x30, 0xB: 0x38, 0x7: 0x34, 0xF: 0x3C, 0xE: _LWU},  # ll, sc, lld, scd
}
_LOAD_EVA = (_LBU, _LHU, 0x22, 0x26, _LB, _LH, 0x30, _LW)
_STORE_EVA = (0x2A, 0x2E, None, None, _SB, _SH, 0x38, _SW)
_POOL32F = {0x1: 0x00, 0x2: 0x08, 0x3: 0x01, 0x4: 0x09, 0x5: 0x05, 0x6: 0x0D}
"""lwxc1, swxc1, ldxc1, sdxc1, luxc1, suxc1 -> function of COP1X (volume II-B, POOL32F)."""


# --- Coprocessor 0 ----------------------------------------------------------------------------------------------------


def control_behaviour(word: int, decoder: Decoder) -> Behaviour:
    """An instruction of coprocessor 0, in the 32-bit encoding."""
    if word >> 25 & 1 and word & 0x3F == _WAIT:
        return Behaviour(StepRule.HALT)
    number = word >> 16 & 31
    behaviour = Behaviour(implied=written(number) if word >> 21 & 31 < 2 else (), is_system=is_system_instruction(word))
    if writes_entry_hi(word):
        source = decoder.stub[number]
        return replace(behaviour, rule=StepRule.REMEMBER, remembers=("asid", lambda before: _asid(before, source)))
    return behaviour


def _asid(before: Registers, source: str) -> int:
    """What mtc0 to EntryHi makes of it."""
    is_refused = before["sr"] & (0x18 | _NOT_USER) == _USER
    return before["asid"] if is_refused else before[source] & _ASID


# --- Machines ---------------------------------------------------------------------------------------------------------


def _machine(arch: Arch) -> Arch:
    """The same as firmware sees it."""
    byte_order = arch.byte_order
    is_big = byte_order == "big"
    decoder = Decoder(byte_order, arch.bits)
    compact = _Compact(decoder, byte_order, arch.bits)
    (standard,) = arch.modes
    order = capstone.CS_MODE_BIG_ENDIAN if is_big else capstone.CS_MODE_LITTLE_ENDIAN
    objdump = Objdump(("mips-linux-gnu-objdump",), machine=8, flags=0x5400_0000, options=("-m", "mips:16"))
    mips16 = Mode("mips:mips16e", None, 0, (2, 4), _size_of_mips16(byte_order), objdump, _size_of_mips16(byte_order))
    micromips = Mode(
        "mips:micromips",
        capstone.CS_ARCH_MIPS,
        capstone.CS_MODE_MICRO | capstone.CS_MODE_MIPS32 | order,
        (2, 4),
        _size_of_micromips(byte_order),
        None,
        _size_of_micromips(byte_order),
    )

    def mode_of(registers: Registers) -> Mode:
        if not registers["pc"] & 1:
            return standard
        return micromips if has_micromips(registers) else mips16

    def behaviour_of(disassembled: Disassembled) -> Behaviour:
        if disassembled.mode is mips16:
            return compact.mips16(disassembled)
        if disassembled.mode is micromips:
            return compact.micromips(disassembled)
        word = int.from_bytes(disassembled.data, byte_order)
        return control_behaviour(word, decoder) if word >> 26 == _COP0 else decoder.behaviour_of(disassembled)

    return replace(
        arch,
        modes=(standard, mips16, micromips),
        mode_of=mode_of,
        behaviour_of=behaviour_of,
        remembered={"asid": 0},
        system=system_level(arch.bits, byte_order),
    )


MIPS_MACHINES = tuple(_machine(arch) for arch in (MIPS, MIPSEL, MIPS64, MIPS64EL))

__all__ = ["MIPS_MACHINES"]
