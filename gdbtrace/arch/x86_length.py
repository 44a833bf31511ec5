"""How long an x86 instruction is, by its encoding alone: for those that capstone does not decode and QEMU executes.

Reference: Intel 64 and IA-32 Architectures Software Developer's Manual volume 2, chapter 2 ("Instruction Format") and
appendix A ("Opcode Map"); AMD64 Architecture Programmer's Manual volume 3 for 3DNow!, ``extrq`` and XOP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LONGEST = 15
LEGACY_PREFIXES = frozenset(b"\xf0\xf2\xf3\x2e\x36\x3e\x26\x64\x65\x66\x67")
OPERAND_SIZE, ADDRESS_SIZE = 0x66, 0x67


def _range(*ranges: tuple[int, int]) -> frozenset[int]:
    return frozenset(opcode for first, last in ranges for opcode in range(first, last + 1))


# One-byte opcodes. In rows 0 to 3 each arithmetic operation has four forms with a ModRM byte, then al, imm8 and
# eax, imm16/32.
_ARITHMETIC = tuple(range(0, 0x40, 8))
HAS_MODRM = frozenset(row + form for row in _ARITHMETIC for form in range(4)) | _range(
    (0x62, 0x63), (0x69, 0x69), (0x6B, 0x6B), (0x80, 0x8F), (0xC0, 0xC1), (0xC4, 0xC7), (0xD0, 0xD3), (0xD8, 0xDF),
    (0xF6, 0xF7), (0xFE, 0xFF),
)  # fmt: skip
HAS_BYTE = frozenset(row + 4 for row in _ARITHMETIC) | _range(
    (0x6A, 0x6B), (0x70, 0x80), (0x82, 0x83), (0xA8, 0xA8), (0xB0, 0xB7), (0xC0, 0xC1), (0xC6, 0xC6), (0xCD, 0xCD),
    (0xD4, 0xD5), (0xE0, 0xE7), (0xEB, 0xEB),
)  # fmt: skip
HAS_WORD = frozenset((0xC2, 0xC8, 0xCA))
"""16 bits, whatever the operand size; ``enter`` has 8 more."""
HAS_OPERAND = frozenset(row + 5 for row in _ARITHMETIC) | frozenset((0x68, 0x69, 0x81, 0xA9, 0xC7, 0xE8, 0xE9))
"""16 or 32 bits, by the operand size."""
HAS_FAR_POINTER = frozenset((0x9A, 0xEA))
HAS_OFFSET = _range((0xA0, 0xA3))
"""As wide as an address."""
MOVES_IMMEDIATE = _range((0xB8, 0xBF))
"""The only ones that may have 64 bits."""
TESTS = frozenset((0xF6, 0xF7))
"""Groups of which ``test``, /0 and /1, has an immediate."""

# After 0F
SECOND_WITHOUT_MODRM = _range(
    (0x04, 0x0C), (0x0E, 0x0E), (0x30, 0x37), (0x77, 0x77), (0x80, 0x8F), (0xA0, 0xA2), (0xA8, 0xAA), (0xC8, 0xCF)
)
SECOND_WITH_BYTE = _range(
    (0x0F, 0x0F), (0x70, 0x73), (0xA4, 0xA4), (0xAC, 0xAC), (0xBA, 0xBA), (0xC2, 0xC2), (0xC4, 0xC6)
)
SECOND_WITH_OPERAND = _range((0x80, 0x8F))
MOVES_SYSTEM_REGISTER = _range((0x20, 0x23))
"""``mov`` to and from control and debug registers, whose ModRM byte never means memory."""


@dataclass(slots=True)
class Encoding:
    """What is known of an instruction's parts so far; ``position`` goes along."""

    data: bytes
    bits: Literal[16, 32, 64]
    position: int = 0
    prefixes: set[int] = field(default_factory=set)
    is_wide: bool = False
    """REX.W."""
    opcode_map: int = 0
    """0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A; VEX, EVEX and XOP count on."""
    opcode: int = 0
    modrm: int | None = None

    def next(self) -> int:
        """The byte at ``position``, which goes on; 0 where there are no more."""
        self.position += 1
        return self.peek(-1)

    def peek(self, ahead: int = 0) -> int:
        """A byte from ``position``; 0 where there are no more."""
        at = self.position + ahead
        return self.data[at] if at < len(self.data) else 0

    @property
    def operand_bytes(self) -> int:
        """Of an immediate that is as wide as the operand, up to 32 bits."""
        is_short = (OPERAND_SIZE in self.prefixes) is not (self.bits == 16)
        return 2 if is_short and not self.is_wide else 4

    @property
    def address_bytes(self) -> int:
        """How wide an address is."""
        if ADDRESS_SIZE not in self.prefixes:
            return self.bits // 8
        return 2 if self.bits == 32 else 4

    @property
    def has_memory(self) -> bool:
        """Whether it has a memory operand in its ModRM byte."""
        is_system = self.opcode_map == 1 and self.opcode in MOVES_SYSTEM_REGISTER
        return self.modrm is not None and self.modrm < 0xC0 and not is_system


def encoding_of(data: bytes, bits: Literal[16, 32, 64]) -> Encoding:
    """Go through one instruction; ``position`` ends behind its last byte, which may be beyond ``data``."""
    encoding = Encoding(data, bits)
    _read_prefixes(encoding)
    is_extended = _read_opcode(encoding)
    if _has_modrm(encoding):
        encoding.modrm = encoding.next()
        if encoding.has_memory:
            _skip_address(encoding, encoding.modrm)
    encoding.position += _extended_immediate(encoding) if is_extended else _immediate(encoding)
    return encoding


def size_of(data: bytes, bits: Literal[16, 32, 64]) -> int:
    """The size in bytes of the instruction that ``data``, which may be longer, begins with: 1 to 15.

    Of what is cut short, all there is.
    """
    return min(encoding_of(data, bits).position, LONGEST, len(data))


def _read_prefixes(encoding: Encoding) -> None:
    while encoding.position < LONGEST:
        byte = encoding.peek()
        if byte in LEGACY_PREFIXES:
            encoding.prefixes.add(byte)
            encoding.is_wide = False  # a REX prefix counts only right before the opcode
        elif encoding.bits == 64 and byte >> 4 == 4:
            encoding.is_wide = bool(byte & 8)
        else:
            return
        encoding.position += 1


def _read_opcode(encoding: Encoding) -> bool:
    """Find opcode and map; whether they come with a VEX, EVEX or XOP prefix."""
    first, second = encoding.next(), encoding.peek()
    # Outside 64-bit mode these are lds, les and bound where the next byte means memory.
    is_vector = encoding.bits == 64 or second >= 0xC0
    if first == 0xC5 and is_vector:
        encoding.opcode_map = 1
        encoding.position += 1
    elif first == 0xC4 and is_vector:
        encoding.opcode_map = second & 31
        encoding.position += 2
    elif first == 0x62 and is_vector:
        encoding.opcode_map = second & 7
        encoding.position += 3
    elif first == 0x8F and second & 31 >= 8:  # otherwise it is pop
        encoding.opcode_map = second & 31
        encoding.position += 2
    else:
        if first == 0x0F:
            encoding.opcode_map = 1
            first = encoding.next()
            if first in (0x38, 0x3A):
                encoding.opcode_map = 2 if first == 0x38 else 3
                first = encoding.next()
        encoding.opcode = first
        return False
    encoding.opcode = encoding.next()
    return True


def _has_modrm(encoding: Encoding) -> bool:
    if encoding.opcode_map == 0:
        return encoding.opcode in HAS_MODRM
    return encoding.opcode_map != 1 or encoding.opcode not in SECOND_WITHOUT_MODRM


def _skip_address(encoding: Encoding, modrm: int) -> None:
    """The SIB byte and the displacement (SDM volume 2, tables 2-1 to 2-3)."""
    mode, base = modrm >> 6, modrm & 7
    if encoding.address_bytes == 2:
        encoding.position += 2 if mode == 2 or (mode == 0 and base == 6) else mode
        return
    if base == 4:
        base = encoding.next() & 7
    encoding.position += 4 if mode == 2 or (mode == 0 and base == 5) else mode


def _immediate(encoding: Encoding) -> int:
    """Bytes of all immediates, of an instruction without a vector prefix."""
    opcode = encoding.opcode
    if encoding.opcode_map == 1:
        if opcode == 0x78 and encoding.prefixes & {OPERAND_SIZE, 0xF2}:
            return 2  # extrq, insertq
        return encoding.operand_bytes if opcode in SECOND_WITH_OPERAND else int(opcode in SECOND_WITH_BYTE)
    if encoding.opcode_map:
        return int(encoding.opcode_map == 3)
    if opcode in TESTS:
        is_test = encoding.modrm is not None and not encoding.modrm >> 3 & 6
        return (encoding.operand_bytes if opcode & 1 else 1) if is_test else 0
    if opcode in HAS_OFFSET:
        return encoding.address_bytes
    if opcode in MOVES_IMMEDIATE:
        return 8 if encoding.is_wide else encoding.operand_bytes
    if opcode in HAS_WORD:
        return 3 if opcode == 0xC8 else 2
    if opcode in HAS_FAR_POINTER:
        return 2 + encoding.operand_bytes
    return encoding.operand_bytes if opcode in HAS_OPERAND else int(opcode in HAS_BYTE)


def _extended_immediate(encoding: Encoding) -> int:
    """The same with a VEX, EVEX or XOP prefix."""
    if encoding.opcode_map == 1:
        return int(encoding.opcode in SECOND_WITH_BYTE)
    return {3: 1, 8: 1, 10: 4}.get(encoding.opcode_map, 0)


__all__ = ["LONGEST", "Encoding", "encoding_of", "size_of"]
