"""z/Architecture, 64-bit (IBM Z, LinuxONE).

References: z/Architecture Principles of Operation (SA22-7832, "PoP") for the instruction formats and what is touched;
QEMU's ``target/s390x/gdbstub.c`` and ``gdb-xml/s390*`` for the stub registers, ``target/s390x/tcg/insn-data.h.inc`` for
which instructions exist there, ``mem_helper.c`` for how far an interruptible one gets in one go.

Bits are counted as in the PoP: bit 0 is the leftmost bit of the instruction's first byte.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

import capstone

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import I386_CALLS
from gdbtrace.arch.model import (
    AccessKind,
    AddressKind,
    Arch,
    Behaviour,
    Disassembled,
    ElfIdentity,
    Group,
    Mode,
    Register,
    Registers,
    Span,
    SpanElsewhere,
    SpanFunction,
    StepRule,
    SystemCalls,
)
from gdbtrace.arch.system.s390x import SYSTEM_LEVEL, destinations

LOAD, STORE = AccessKind.LOAD, AccessKind.STORE
PAGE_BYTES = 4096

GENERAL = tuple(f"r{i}" for i in range(16))
ACCESS = tuple(f"acr{i}" for i in range(16))
FLOAT = tuple(f"f{i}" for i in range(16))
VECTOR_LOW = tuple(f"v{i}l" for i in range(16))
VECTOR_HIGH = tuple(f"v{i}" for i in range(16, 32))

VECTORS = tuple((FLOAT[i], VECTOR_LOW[i]) if i < 16 else (VECTOR_HIGH[i - 16],) for i in range(32))
"""What holds vector register 0 to 31: the left half of each of the first 16 is a floating-point register."""


# --- The encoding -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Encoding:
    """An instruction's bits."""

    address: int
    """Where it is, which is what relative operands count from."""
    word: int
    """Its bytes, left-aligned in 48 bits."""
    opcode: int
    """First byte << 8 | the extension, wherever the format keeps it (PoP chapter 5, "Instruction formats")."""
    is_executed: bool = False
    """It is the target of an EXECUTE."""

    def bits(self, first: int, count: int) -> int:
        """An unsigned field."""
        return self.word >> (48 - first - count) & ((1 << count) - 1)

    def vector(self, first: int, extension: int) -> int:
        """A vector register number: four bits, and its fifth in the RXB field."""
        return self.bits(first, 4) | self.bits(extension, 1) << 4

    @property
    def r1(self) -> int:
        """Bits 8-11."""
        return self.bits(8, 4)

    @property
    def r2(self) -> int:
        """Bits 12-15: R3 in the RS formats, R2 in RR."""
        return self.bits(12, 4)


# Where the second part of the opcode is, by first byte; a first byte that is in none of these is the whole opcode.
OPCODE_IN_SECOND_BYTE = frozenset((0x01, 0xB2, 0xB3, 0xB9, 0xE5))
OPCODE_IN_SECOND_NIBBLE = frozenset((0xA5, 0xA7, 0xC0, 0xC2, 0xC4, 0xC6, 0xC8, 0xCC))
OPCODE_IN_LAST_BYTE = frozenset((0xE3, 0xE6, 0xE7, 0xEB, 0xEC, 0xED))


def encoding_of(data: bytes, address: int, *, is_executed: bool = False) -> Encoding:
    """Find the opcode of one instruction."""
    first = data[0]
    extension = 0
    if first in OPCODE_IN_SECOND_BYTE:
        extension = data[1]
    elif first in OPCODE_IN_SECOND_NIBBLE:
        extension = data[1] & 15
    elif first in OPCODE_IN_LAST_BYTE:
        extension = data[5]
    return Encoding(address, int.from_bytes(data.ljust(6, b"\0"), "big"), first << 8 | extension, is_executed)


# --- Addresses --------------------------------------------------------------------------------------------------------

Address = Callable[[Registers], int]
"""One storage operand's address, as a function of the registers."""

# PSW bits 31 (EA) and 32 (BA) select the addressing mode; SET ADDRESSING MODE needs no privilege.
ADDRESSING_SHIFT = 31
ADDRESS_MASKS = (0xFF_FFFF, 0x7FFF_FFFF, (1 << 64) - 1, (1 << 64) - 1)
"""By EA << 1 | BA: 24, 31, (invalid), 64 bits."""


def _mask(registers: Registers) -> int:
    return ADDRESS_MASKS[registers["pswm"] >> ADDRESSING_SHIFT & 3]


def _is_64_bit(registers: Registers) -> bool:
    return bool(registers["pswm"] >> ADDRESSING_SHIFT & 2)


def _condition_code(registers: Registers) -> int:
    return registers["pswm"] >> 44 & 3


def _sum(displacement: int, *numbers: int) -> Address:
    """Displacement plus base and index registers, of which number 0 means none."""
    names = [GENERAL[number] for number in numbers if number]
    masks, shift = ADDRESS_MASKS, ADDRESSING_SHIFT
    if not names:
        return lambda registers: displacement & masks[registers["pswm"] >> shift & 3]
    if len(names) == 1:
        (base,) = names
        return lambda registers: registers[base] + displacement & masks[registers["pswm"] >> shift & 3]
    base, index = names
    return lambda registers: registers[base] + registers[index] + displacement & masks[registers["pswm"] >> shift & 3]


def _register(number: int) -> Address:
    """An address in a general register, where number 0 means register 0."""
    name = GENERAL[number]
    return lambda registers: registers[name] & _mask(registers)


def _d20(encoding: Encoding) -> int:
    """The long displacement of RXY, RSY and SIY: DH above DL, signed."""
    return sign_extended(encoding.bits(32, 8) << 12 | encoding.bits(20, 12), 20)


def b_d(encoding: Encoding) -> Address:
    """RS, RSI, SI, SIL, S, SS (first operand), VRS."""
    return _sum(encoding.bits(20, 12), encoding.bits(16, 4))


def b_d_long(encoding: Encoding) -> Address:
    """RSY, SIY."""
    return _sum(_d20(encoding), encoding.bits(16, 4))


def x_b_d(encoding: Encoding) -> Address:
    """RX, RXE, RXF, VRX."""
    return _sum(encoding.bits(20, 12), encoding.bits(16, 4), encoding.bits(12, 4))


def x_b_d_long(encoding: Encoding) -> Address:
    """RXY."""
    return _sum(_d20(encoding), encoding.bits(16, 4), encoding.bits(12, 4))


def second_b_d(encoding: Encoding) -> Address:
    """The second operand of SS, SSE, SSF."""
    return _sum(encoding.bits(36, 12), encoding.bits(32, 4))


def relative(encoding: Encoding) -> Address:
    """RIL: halfwords from the instruction (from the target, where EXECUTE runs it)."""
    return _sum(encoding.address + 2 * sign_extended(encoding.bits(16, 32), 32))


def in_r3(encoding: Encoding) -> Address:
    """SSF: register R3 is the address."""
    return _register(encoding.r1)


def vector_indexed(encoding: Encoding) -> Address:
    """VRV: base, displacement and the element M3 of V2; the elements are of the size of those moved."""
    bits = 64 if encoding.opcode in (0xE712, 0xE71A) else 32
    base = b_d(encoding)
    position = encoding.bits(32, 4) * bits  # counted from the vector's left
    vector = encoding.vector(12, 37)
    holders = VECTORS[vector]
    width = 128 // len(holders)
    name, shift = holders[position // width % len(holders)], width - bits - position % width
    element = (1 << bits) - 1
    return lambda registers: base(registers) + (registers[name] >> shift & element) & _mask(registers)


def _is_element_valid(encoding: Encoding) -> bool:
    """VRV: an element number beyond the vector is a specification exception."""
    return encoding.bits(32, 4) < (2 if encoding.opcode in (0xE712, 0xE71A) else 4)


# --- What is done at an address ---------------------------------------------------------------------------------------

AddressFormat = Callable[[Encoding], Address]
Effect = Callable[[Encoding, AddressFormat], SpanFunction | None]
"""Makes an instruction's spans, given its bits and how its format gives the (first) address."""


def _nothing(registers: Registers) -> tuple[Span, ...]:
    return ()


def _runs(address: Address, size: int, *kinds: AccessKind) -> SpanFunction:
    if not size:
        return _nothing
    if len(kinds) == 1:
        (kind,) = kinds
        return lambda registers: (Span(kind, address(registers), size),)

    def spans(registers: Registers) -> tuple[Span, ...]:
        start = address(registers)
        return tuple(Span(kind, start, size) for kind in kinds)

    return spans


def fixed(size: int, *kinds: AccessKind) -> Effect:
    """So many bytes."""
    return lambda encoding, operand: _runs(operand(encoding), size, *kinds)


def load(size: int) -> Effect:
    """Read so many bytes."""
    return fixed(size, LOAD)


def store(size: int) -> Effect:
    """Write so many bytes."""
    return fixed(size, STORE)


def update(size: int) -> Effect:
    """Read, then write so many bytes.

    COMPARE AND SWAP among them: where the comparison fails QEMU writes the old value back.
    """
    return fixed(size, LOAD, STORE)


def each_register(size: int, kind: AccessKind) -> Effect:
    """LOAD and STORE MULTIPLE: so many bytes for each of the registers R1 to R3, 0 following 15."""
    return lambda encoding, operand: _runs(operand(encoding), size * ((encoding.r2 - encoding.r1) % 16 + 1), kind)


def each_vector(kind: AccessKind) -> Effect:
    """VECTOR LOAD and STORE MULTIPLE: V1 to V3, at most 16 of them, without wrapping."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction | None:
        count = len(_vector_range(encoding))
        return _runs(operand(encoding), 16 * count, kind) if count <= 16 else None

    return effect


def each_mask_bit(kind: AccessKind, least: int) -> Effect:
    """INSERT and STORE CHARACTERS UNDER MASK: one byte for each one bit of M3, without gaps."""
    return lambda encoding, operand: _runs(operand(encoding), max(encoding.r2.bit_count(), least), kind)


def element(kind: AccessKind) -> Effect:
    """VRX with the element size in M3: 1, 2, 4 or 8 bytes; 6 is a word, of VECTOR LOAD LOGICAL ELEMENT AND ZERO."""
    return lambda encoding, operand: _runs(
        operand(encoding), {0: 1, 1: 2, 2: 4, 3: 8, 6: 4}.get(encoding.bits(32, 4), 0), kind
    )


def gathered(size: int, kind: AccessKind) -> Effect:
    """VECTOR GATHER and SCATTER ELEMENT."""
    return lambda encoding, operand: _runs(operand(encoding), size, kind) if _is_element_valid(encoding) else None


def on_condition(size: int) -> Effect:
    """STORE ON CONDITION.  (LOAD ON CONDITION reads either way, in QEMU and as the PoP allows.)"""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        address, mask = operand(encoding), encoding.r2
        return lambda registers: (
            (Span(STORE, address(registers), size),) if mask << _condition_code(registers) & 8 else ()
        )

    return effect


def vector_length(kind: AccessKind) -> Effect:
    """VECTOR LOAD and STORE WITH LENGTH: R3 is the highest index, up to 15."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        address, length = operand(encoding), GENERAL[encoding.r2]
        return lambda registers: (Span(kind, address(registers), min(registers[length] & 0xFFFF_FFFF, 15) + 1),)

    return effect


def to_boundary(encoding: Encoding, operand: AddressFormat) -> SpanFunction | None:
    """VECTOR LOAD TO BLOCK BOUNDARY: not beyond a multiple of 64 << M3 bytes."""
    address, code = operand(encoding), encoding.bits(32, 4)
    if code > 6:
        return None
    block = 64 << code

    def spans(registers: Registers) -> tuple[Span, ...]:
        start = address(registers)
        return (Span(LOAD, start, min(16, block - start % block)),)

    return spans


def facility_list(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """STORE FACILITY LIST EXTENDED: as many doublewords as register 0 says, not beyond the last that has a bit set."""
    address = operand(encoding)
    return lambda registers: (
        Span(STORE, address(registers), 8 * min((registers["r0"] & 0xFF) + 1, FACILITY_DOUBLEWORDS)),
    )


FACILITY_DOUBLEWORDS = 3
"""Measured on 7.2's default CPU model, which is also its largest; another model (``-cpu``) may have fewer."""


# --- Two operands in storage ------------------------------------------------------------------------------------------


def moved(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVC: L + 1 bytes from the second operand to the first."""
    size, to, source = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)
    return lambda registers: (Span(LOAD, source(registers), size), Span(STORE, to(registers), size))


def moved_inverse(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVCIN: the second address is that of the source's LAST byte."""
    size, to, source = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)
    return lambda registers: (
        Span(LOAD, source(registers) - size + 1 & _mask(registers), size),
        Span(STORE, to(registers), size),
    )


def moved_by_r0(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVCRL: register 0 has L."""
    to, source = operand(encoding), second_b_d(encoding)

    def spans(registers: Registers) -> tuple[Span, ...]:
        size = (registers["r0"] & 0xFF) + 1
        return Span(LOAD, source(registers), size), Span(STORE, to(registers), size)

    return spans


def combined(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """NC, OC, MVN, MVZ: the first operand is read as well."""
    size, to, source = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)

    def spans(registers: Registers) -> tuple[Span, ...]:
        start = to(registers)
        return Span(LOAD, source(registers), size), Span(LOAD, start, size), Span(STORE, start, size)

    return spans


def exclusive_or(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """XC: of an area with itself it is the way to clear it, and QEMU does not read then."""
    size, to, source = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)

    def spans(registers: Registers) -> tuple[Span, ...]:
        start, other = to(registers), source(registers)
        if start == other:
            return (Span(STORE, start, size),)
        return Span(LOAD, other, size), Span(LOAD, start, size), Span(STORE, start, size)

    return spans


def moved_with_offset(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVO: also the sign, the first operand's last half byte, is read."""
    to_size, size, to, source = encoding.r1 + 1, encoding.r2 + 1, operand(encoding), second_b_d(encoding)
    # Of a source that is longer than its destination the left end is ignored.
    used = min(size, to_size)

    def spans(registers: Registers) -> tuple[Span, ...]:
        start, mask = to(registers), _mask(registers)
        return (
            Span(LOAD, source(registers) + size - used & mask, used),
            Span(LOAD, start + to_size - 1 & mask, 1),
            Span(STORE, start, to_size),
        )

    return spans


def packed(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """PACK: the last byte, then two bytes of the source for each byte of the destination, from the right."""
    to_size, size, to, source = encoding.r1 + 1, encoding.r2 + 1, operand(encoding), second_b_d(encoding)
    used = min(size, 2 * to_size - 1)
    return lambda registers: (
        Span(LOAD, source(registers) + size - used & _mask(registers), used),
        Span(STORE, to(registers), to_size),
    )


def unpacked(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """UNPK: the last byte, then a byte of the source for two of the destination.

    QEMU never reads the leftmost byte, unless it is the last as well (the PoP: where the destination has room for it).
    """
    to_size, size, to, source = encoding.r1 + 1, encoding.r2 + 1, operand(encoding), second_b_d(encoding)
    used = min(max(size - 1, 1), to_size // 2 + 1)
    return lambda registers: (
        Span(LOAD, source(registers) + size - used & _mask(registers), used),
        Span(STORE, to(registers), to_size),
    )


def packed_text(width: int) -> Effect:
    """PKA, PKU: the digits of L2 + 1 bytes of characters into 16 bytes.

    QEMU reads of each character the byte with the digit, and the leftmost character not at all (the PoP: all of them).
    """

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        size, to, source = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)
        count = min((size - 1) // width, 31)
        if width == 1:
            return lambda registers: (
                Span(LOAD, source(registers) + size - count & _mask(registers), count),
                Span(STORE, to(registers), 16),
            )

        def spans(registers: Registers) -> tuple[Span, ...]:
            end, mask = source(registers) + size - 1, _mask(registers)
            digits = (Span(LOAD, end - width * i & mask, 1) for i in range(count))
            return (*digits, Span(STORE, to(registers), 16))

        return spans

    return effect


def unpacked_text(width: int) -> Effect:
    """UNPKA, UNPKU: 16 packed bytes into L1 + 1 bytes of characters of ``width`` bytes."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        size, to, source = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)
        used = min(16, size // width // 2 + 1)
        return lambda registers: (
            Span(LOAD, source(registers) + 16 - used & _mask(registers), used),
            Span(STORE, to(registers), size),
        )

    return effect


def tested(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """TP: L1 + 1 bytes."""
    return _runs(operand(encoding), encoding.r1 + 1, LOAD)


def load_pair(size: int) -> Effect:
    """LPD, LPDG: both operands are read."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        one, two = operand(encoding), second_b_d(encoding)
        return lambda registers: (Span(LOAD, one(registers), size), Span(LOAD, two(registers), size))

    return effect


def compare_swap_store(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """CSST: register 1 points to the new value and the value to store, 0 has the sizes; it stores only if it swaps."""
    to, other, old = operand(encoding), second_b_d(encoding), encoding.r1
    parameters = _register(1)

    def spans(registers: Registers) -> tuple[Span, ...]:
        function, characteristic = registers["r0"] & 0xFF, registers["r0"] >> 8 & 0xFF
        if function > 2 or characteristic > 4:
            return ()
        size, block, start = 4 << function, parameters(registers) & ~15, to(registers)
        if function == 2:
            expected = registers[GENERAL[old]] << 64 | registers[GENERAL[(old + 1) % 16]]
        else:
            expected = registers[GENERAL[old]] & ((1 << 8 * size) - 1)
        touched = (
            Span(LOAD, block, size),
            Span(LOAD, block + 16, 16),
            Span(LOAD, start, size),
            Span(STORE, start, size),
        )
        try:
            is_equal = int.from_bytes(registers.read_memory(start, size), "big") == expected
        except KeyError:
            return touched
        return (*touched, Span(STORE, other(registers), 1 << characteristic)) if is_equal else touched

    return spans


# --- Operands whose extent depends on what is in storage --------------------------------------------------------------


class Storage:
    """Guest memory during one instruction: notes every byte touched, and shows the instruction its own stores.

    Blocks are read whole and aligned, so never across a page's end.
    """

    BLOCK_BYTES = 256

    def __init__(self, registers: Registers) -> None:
        self._read_memory = registers.read_memory
        self._mask = _mask(registers)
        self._blocks: dict[int, bytes] = {}
        self._stored: dict[int, int] = {}
        self._touched: dict[AccessKind, dict[int, None]] = {LOAD: {}, STORE: {}}

    def load(self, address: int, size: int = 1) -> int:
        """A big-endian number.

        :raise KeyError: the stub cannot read it: the instruction will fault there.
        """
        value = 0
        for position in range(address, address + size):
            position &= self._mask
            byte = self._stored.get(position)
            if byte is None:
                start = position - position % self.BLOCK_BYTES
                if start not in self._blocks:
                    self._blocks[start] = self._read_memory(start, self.BLOCK_BYTES)
                byte = self._blocks[start][position - start]
            self._touched[LOAD][position] = None
            value = value << 8 | byte
        return value

    def store(self, address: int, size: int, value: int) -> None:
        """Put a big-endian number down."""
        for position in range(address + size - 1, address - 1, -1):
            self._stored[position & self._mask] = value & 0xFF
            self._touched[STORE][position & self._mask] = None
            value >>= 8

    def spans(self) -> tuple[Span, ...]:
        """What was touched so far, as runs of bytes."""
        runs: list[Span] = []
        for kind, positions in self._touched.items():
            for position in sorted(positions):
                last = runs[-1] if runs else None
                if last and last.kind is kind and last.address + last.size == position:
                    runs[-1] = Span(kind, last.address, last.size + 1)
                else:
                    runs.append(Span(kind, position, 1))
        return tuple(runs)


Play = Callable[[Registers, Storage], None]
"""Goes through an instruction's accesses."""


def _played(play: Play) -> SpanFunction:
    def spans(registers: Registers) -> tuple[Span, ...]:
        storage = Storage(registers)
        with suppress(KeyError):  # It will fault at such a byte; what it touched up to there counts.
            play(registers, storage)
        return storage.spans()

    return spans


WORK_BYTES = 0x2000
"""After how much QEMU ends the string instructions that may stop at a "CPU-determined" amount of work with cc 3."""


def _length(registers: Registers, name: str) -> int:
    """A length register: 32 bits count in the 24 and 31-bit addressing modes."""
    value = registers[name]
    return value if _is_64_bit(registers) else value & 0xFFFF_FFFF


def compared(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """CLC: byte by byte, up to the first difference; QEMU takes 1, 2, 4 and 8 bytes at once, unless EXECUTE runs it."""
    size, one, two = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)
    if size in (1, 2, 4, 8) and not encoding.is_executed:
        return lambda registers: (Span(LOAD, one(registers), size), Span(LOAD, two(registers), size))

    def play(registers: Registers, storage: Storage) -> None:
        first, second = one(registers), two(registers)
        for i in range(size):
            if storage.load(first + i) != storage.load(second + i):
                return

    return _played(play)


def compared_under_mask(shift: int) -> Effect:
    """CLM, CLMY, CLMH: the bytes of R1's word (from bit ``shift`` up) that M3 selects, up to the first difference."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        address, name, mask = operand(encoding), GENERAL[encoding.r1], encoding.r2
        positions = [shift + 8 * i for i in (3, 2, 1, 0) if mask >> i & 1]

        def play(registers: Registers, storage: Storage) -> None:
            start, value = address(registers), registers[name]
            for i, position in enumerate(positions):
                if storage.load(start + i) != value >> position & 0xFF:
                    return

        return _played(play)

    return effect


def translated(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """TR: each byte is replaced by the one that the table has for it."""
    size, one, two = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)

    def play(registers: Registers, storage: Storage) -> None:
        start, table = one(registers), two(registers)
        for position in range(start, start + size):
            storage.store(position, 1, storage.load(table + storage.load(position)))

    return _played(play)


def translated_test(step: int) -> Effect:
    """TRT, TRTR: up to the first byte for which the table does not have zero; TRTR goes to the left."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        size, one, two = encoding.bits(8, 8) + 1, operand(encoding), second_b_d(encoding)

        def play(registers: Registers, storage: Storage) -> None:
            start, table = one(registers), two(registers)
            for i in range(size):
                if storage.load(table + storage.load(start + step * i)):
                    return

        return _played(play)

    return effect


def _rre(encoding: Encoding) -> tuple[int, int]:
    """R1 and R2 of RRE and RRF."""
    return encoding.bits(24, 4), encoding.bits(28, 4)


def translated_extended(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """TRE: R1 has address and length, R2 the table; the test byte in register 0 ends it."""
    r1, r2 = _rre(encoding)
    address, table, length = _register(r1), _register(r2), GENERAL[(r1 + 1) % 16]

    def play(registers: Registers, storage: Storage) -> None:
        start, base, test = address(registers), table(registers), registers["r0"] & 0xFF
        for position in range(start, start + min(_length(registers, length), WORK_BYTES)):
            byte = storage.load(position)
            if byte == test:
                return
            storage.store(position, 1, storage.load(base + byte))

    return _played(play)


def translated_sizes(to_size: int, size: int) -> Effect:
    """TROO, TROT, TRTO, TRTT: characters of ``size`` bytes into ones of ``to_size``; the table is at register 1."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        r1, r2 = _rre(encoding)
        to, source, table, length = _register(r1), _register(r2), _register(1), GENERAL[(r1 + 1) % 16]
        is_unconditional = bool(encoding.bits(16, 4) & 1)  # M3 bit 3: no test character

        def play(registers: Registers, storage: Storage) -> None:
            destination, position, base = to(registers), source(registers), table(registers) & ~7
            test = -1 if is_unconditional else registers["r0"] & ((1 << 8 * to_size) - 1)
            left = _length(registers, length)
            for _ in range(WORK_BYTES):
                character = storage.load(base + storage.load(position, size) * to_size, to_size)
                if character == test:
                    return
                storage.store(destination, to_size, character)
                left, position, destination = left - size, position + size, destination + to_size
                if not left:
                    return

        return _played(play)

    return effect


def searched(size: int) -> Effect:
    """SRST, SRSTU: from R2 up to the character in register 0, or to R1."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        r1, r2 = _rre(encoding)
        end, address = _register(r1), _register(r2)

        def play(registers: Registers, storage: Storage) -> None:
            start, stop = address(registers), end(registers)
            stop += (start ^ stop) % size  # SRSTU: odd against even takes one byte more
            wanted = registers["r0"] & ((1 << 8 * size) - 1)
            for position in range(start, start + WORK_BYTES, size):
                if position == stop or storage.load(position, size) == wanted:
                    return

        return _played(play)

    return effect


def compared_strings(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """CLST: up to a difference or the end character in register 0."""
    r1, r2 = _rre(encoding)
    one, two = _register(r1), _register(r2)

    def play(registers: Registers, storage: Storage) -> None:
        first, second, end = one(registers), two(registers), registers["r0"] & 0xFF
        for i in range(WORK_BYTES):
            left, right = storage.load(first + i), storage.load(second + i)
            if left != right or left == end:
                return

    return _played(play)


def moved_string(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVST: up to and with the end character in register 0; QEMU stops where either operand's page ends."""
    r1, r2 = _rre(encoding)
    to, source = _register(r1), _register(r2)

    def play(registers: Registers, storage: Storage) -> None:
        destination, start, end = to(registers), source(registers), registers["r0"] & 0xFF
        for i in range(min(_to_page_end(destination), _to_page_end(start))):
            byte = storage.load(start + i)
            storage.store(destination + i, 1, byte)
            if byte == end:
                return

    return _played(play)


def _to_page_end(address: int) -> int:
    return PAGE_BYTES - address % PAGE_BYTES


def compared_long(size: int, most: int | None) -> Effect:
    """CLCLE, CLCLU: R1 and R3 have address and length, the shorter one is padded; up to a difference."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        padding = operand(encoding)
        return _compare_long(
            encoding.r1,
            encoding.r2,
            _length,
            lambda registers: padding(registers) & ((1 << 8 * size) - 1),
            size,
            most,
        )

    return effect


def compared_long_24(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """CLCL: lengths of 24 bits, the padding byte left of the second one; QEMU goes to the end in one go."""
    padding = GENERAL[(encoding.r2 + 1) % 16]
    return _compare_long(
        encoding.r1,
        encoding.r2,
        lambda registers, name: registers[name] & 0xFF_FFFF,
        lambda registers: registers[padding] >> 24 & 0xFF,
        1,
        None,
    )


def _compare_long(
    r1: int,
    r3: int,
    length_of: Callable[[Registers, str], int],
    padding_of: Callable[[Registers], int],
    size: int,
    most: int | None,
) -> SpanFunction:
    addresses = _register(r1), _register(r3)
    lengths = GENERAL[(r1 + 1) % 16], GENERAL[(r3 + 1) % 16]

    def play(registers: Registers, storage: Storage) -> None:
        first, second = (address(registers) for address in addresses)
        one, two = (length_of(registers, name) for name in lengths)
        padding = padding_of(registers)
        count = max(one, two)
        for i in range(0, count if most is None else min(count, most), size):
            left = storage.load(first + i, size) if i < one else padding
            right = storage.load(second + i, size) if i < two else padding
            if left != right:
                return

    return _played(play)


def moved_long_24(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVCL: lengths of 24 bits; nothing where the destination begins inside of the source (cc 3).

    It is interruptible, and an interrupted one is stepped once more; in user mode nothing interrupts it.
    """
    r1, r2 = encoding.r1, encoding.r2
    to, source = _register(r1), _register(r2)
    to_length, length = GENERAL[(r1 + 1) % 16], GENERAL[(r2 + 1) % 16]

    def spans(registers: Registers) -> tuple[Span, ...]:
        destination, start = to(registers), source(registers)
        size, most = registers[to_length] & 0xFF_FFFF, registers[length] & 0xFF_FFFF
        used = min(size, most)
        if used and 0 < (destination - start & _mask(registers)) < used:
            return ()
        return Span(LOAD, start, used), Span(STORE, destination, size)

    return spans


def moved_long(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVCLE, MVCLU: R1 and R3 have address and length; QEMU moves or pads up to where a page ends, then cc 3."""
    r1, r3 = encoding.r1, encoding.r2
    to, source = _register(r1), _register(r3)
    to_length, length = GENERAL[(r1 + 1) % 16], GENERAL[(r3 + 1) % 16]

    def spans(registers: Registers) -> tuple[Span, ...]:
        destination, start = to(registers), source(registers)
        size, left = min(_length(registers, to_length), _to_page_end(destination)), _length(registers, length)
        if not left:
            return (Span(STORE, destination, size),)
        size = min(size, left, _to_page_end(start))
        return Span(LOAD, start, size), Span(STORE, destination, size)

    return spans


def moved_page(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """MVPG: the pages that R1 and R2 point into."""
    r1, r2 = _rre(encoding)
    to, source = _register(r1), _register(r2)
    return lambda registers: (
        Span(LOAD, source(registers) & -PAGE_BYTES, PAGE_BYTES),
        Span(STORE, to(registers) & -PAGE_BYTES, PAGE_BYTES),
    )


def checksummed(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """CKSM: R2 has address and length."""
    _, r2 = _rre(encoding)
    address, length = _register(r2), GENERAL[(r2 + 1) % 16]
    return lambda registers: (Span(LOAD, address(registers), min(_length(registers, length), WORK_BYTES)),)


# --- Unicode (PoP: CONVERT UTF-8 TO UTF-16 and so on) -----------------------------------------------------------------

CONVERTED_CHARACTERS = 256
"""After how many characters QEMU ends a conversion with cc 3."""


def _read_utf8(storage: Storage, position: int, left: int, is_checked: bool) -> tuple[int, int] | None:
    """A character and its size in bytes; None where the input ends or is invalid."""
    if left < 1:
        return None
    first = storage.load(position)
    if first <= 0x7F:
        return first, 1
    if first <= (0xC1 if is_checked else 0xBF) or first > (0xF4 if is_checked else 0xF7):
        return None
    size = 2 if first <= 0xDF else 3 if first <= 0xEF else 4
    if left < size:
        return None
    following = [storage.load(position + i) for i in range(1, size)]
    character = first & (0x3F >> size - 1 if size < 3 else 0x7F >> size)
    for byte in following:
        character = character << 6 | byte & 0x3F
    if is_checked:
        lowest, highest = {2: (0, 0x7FF), 3: (0x800, 0xFFFF), 4: (0x10000, 0x10FFFF)}[size]
        if any(byte & 0xC0 != 0x80 for byte in following) or not lowest <= character <= highest:
            return None
        if 0xD800 <= character <= 0xDFFF:
            return None
    return character, size


def _read_utf16(storage: Storage, position: int, left: int, is_checked: bool) -> tuple[int, int] | None:
    if left < 2:
        return None
    first = storage.load(position, 2)
    if first & 0xFC00 != 0xD800:
        return first, 2
    if left < 4:
        return None
    second = storage.load(position + 2, 2)
    if is_checked and second & 0xFC00 != 0xDC00:
        return None
    return ((first >> 6 & 15) + 1) << 16 | (first & 0x3F) << 10 | second & 0x3FF, 4


def _read_utf32(storage: Storage, position: int, left: int, is_checked: bool) -> tuple[int, int] | None:
    if left < 4:
        return None
    character = storage.load(position, 4)
    return None if 0xD800 <= character <= 0xDBFF or character > 0x10FFFF else (character, 4)


def _utf8(character: int) -> bytes:
    if character <= 0x7F:
        return bytes((character,))
    if character <= 0x7FF:
        return bytes((0xC0 | character >> 6, 0x80 | character & 0x3F))
    if character <= 0xFFFF:
        return bytes((0xE0 | character >> 12, 0x80 | character >> 6 & 0x3F, 0x80 | character & 0x3F))
    tail = (0x80 | character >> 12 & 0x3F, 0x80 | character >> 6 & 0x3F, 0x80 | character & 0x3F)
    return bytes((0xF0 | character >> 18 & 7, *tail))


def _utf16(character: int) -> bytes:
    if character <= 0xFFFF:
        return character.to_bytes(2, "big")
    high = 0xD800 | ((character >> 16) - 1 & 15) << 6 | character >> 10 & 0x3F
    return high.to_bytes(2, "big") + (0xDC00 | character & 0x3FF).to_bytes(2, "big")


def _utf32(character: int) -> bytes:
    return character.to_bytes(4, "big")


def converted(
    read: Callable[[Storage, int, int, bool], tuple[int, int] | None], encode: Callable[[int], bytes]
) -> Effect:
    """CU12 and the like: R1 and R2 have address and length of destination and source; M3 bit 3 asks for checks."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        r1, r2 = _rre(encoding)
        to, source = _register(r1), _register(r2)
        to_length, length = GENERAL[(r1 + 1) % 16], GENERAL[(r2 + 1) % 16]
        is_checked = bool(encoding.bits(16, 4) & 1)

        def play(registers: Registers, storage: Storage) -> None:
            destination, room = to(registers), _length(registers, to_length)
            position, left = source(registers), _length(registers, length)
            for _ in range(CONVERTED_CHARACTERS):
                found = read(storage, position, left, is_checked)
                if found is None:
                    return
                character, size = found
                data = encode(character)
                if len(data) > room:
                    return
                storage.store(destination, len(data), int.from_bytes(data, "big"))
                position, left, destination, room = (
                    position + size,
                    left - size,
                    destination + len(data),
                    room - len(data),
                )

        return _played(play)

    return effect


# --- Cryptographic assist: what QEMU 7.2 has of it are the queries, SHA-512 and true random numbers -------------------

SHA512_BLOCK_BYTES, SHA512_STATE_BYTES, SHA512_LENGTH_BYTES = 128, 64, 16
SHA512_BLOCKS_PER_RUN = 64
FUNCTION_QUERY, FUNCTION_SHA_512, FUNCTION_TRUE_RANDOM = 0, 3, 114


def cipher_query(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """Function 0 of every one of them stores 16 bytes where register 1 points."""
    block = _register(1)
    return lambda registers: (Span(STORE, block(registers), 16),) if registers["r0"] & 0x7F == FUNCTION_QUERY else ()


def digested(is_last: bool) -> Effect:
    """KIMD, and KLMD, which also takes the message's last part."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        query = cipher_query(encoding, operand)
        _, r2 = _rre(encoding)
        block, message, length = _register(1), _register(r2), GENERAL[(r2 + 1) % 16]

        def spans(registers: Registers) -> tuple[Span, ...]:
            if registers["r0"] & 0x7F != FUNCTION_SHA_512:
                return tuple(query(registers))
            state, left = block(registers), _length(registers, length)
            blocks = min(left // SHA512_BLOCK_BYTES, SHA512_BLOCKS_PER_RUN)
            taken = blocks * SHA512_BLOCK_BYTES
            touched = [Span(LOAD, state, SHA512_STATE_BYTES), Span(STORE, state, SHA512_STATE_BYTES)]
            if is_last and left - taken < SHA512_BLOCK_BYTES:
                taken = left
                touched.append(Span(LOAD, state + SHA512_STATE_BYTES & _mask(registers), SHA512_LENGTH_BYTES))
            return (*touched, Span(LOAD, message(registers), taken))

        return spans

    return effect


def random_numbers(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """PRNO: R1 and R2 have addresses and lengths of two areas to fill."""
    query = cipher_query(encoding, operand)
    areas = [(_register(number), GENERAL[(number + 1) % 16]) for number in _rre(encoding)]

    def spans(registers: Registers) -> tuple[Span, ...]:
        if registers["r0"] & 0x7F != FUNCTION_TRUE_RANDOM:
            return tuple(query(registers))
        return tuple(Span(STORE, address(registers), _length(registers, length)) for address, length in areas)

    return spans


# --- EXECUTE ----------------------------------------------------------------------------------------------------------

EXECUTES = frozenset((0x4400, 0xC600))


class Target:
    """What an EXECUTE finds where it points."""

    def __init__(self, encoding: Encoding) -> None:
        self._address = STORAGE[encoding.opcode][0](encoding)
        self._modifier = GENERAL[encoding.r1] if encoding.r1 else None

    def address(self, registers: Registers) -> int:
        """Where the target is."""
        return self._address(registers)

    def read(self, registers: Registers) -> bytes | None:
        """The target as it will run: R1's last byte is ORed into its second byte.

        None where it cannot be fetched: the EXECUTE will fault.
        """
        address = self._address(registers)
        if address & 1:
            return None
        try:
            data = bytearray(registers.read_memory(address, 2))
            size = (2, 4, 4, 6)[data[0] >> 6]
            if size > 2:
                data += registers.read_memory(address + 2, size - 2)
        except KeyError:
            return None
        if self._modifier:
            data[1] |= registers[self._modifier] & 0xFF
        return bytes(data)


def executed(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """EX, EXRL: the accesses are those of the target, whose own fetch is an instruction's and does not count."""
    target = Target(encoding)

    def spans(registers: Registers) -> Sequence[Span]:
        data = target.read(registers)
        function = _target_spans(data, target.address(registers)) if data else None
        return function(registers) if function else ()

    return spans


@lru_cache(maxsize=1024)
def _target_spans(data: bytes, address: int) -> SpanFunction | None:
    encoding = encoding_of(data, address, is_executed=True)
    return None if encoding.opcode in EXECUTES else _spans_of(encoding)  # an EXECUTE of an EXECUTE is an exception


# --- The table: which instructions touch storage ----------------------------------------------------------------------

Row = tuple[AddressFormat, Effect]


def _rows(operand: AddressFormat, effect: Effect, **opcodes: int) -> dict[int, Row]:
    """Instructions of one format that do the same, by mnemonic."""
    return {opcode: (operand, effect) for opcode in opcodes.values()}


# Instructions that are not here touch no storage: those on registers alone, address arithmetic (LA, LARL, shifts),
# prefetches (PFD, PFDRL), EXTRACT CPU ATTRIBUTE, and those that end in an exception: the privileged ones, in user mode,
# and what QEMU does not have: decimal arithmetic and EDIT, hexadecimal and decimal floating point, transactions,
# guarded storage, PERFORM LOCKED OPERATION. (7.2 does not have CVB, CVBY, CVBG and CVDG either.)
#
# Which bytes count is what QEMU's memory callbacks say, measured for the rows with random operands. They are silent
# about what its helpers move through host pointers (MVC, MVCIN, MVCL, MVCLE, MVCLU, MVCRL, MVN, MVO, MVPG, MVST, MVZ,
# NC, OC, XC): there the PoP counts, checked against the memory and the registers afterwards.
# fmt: off
STORAGE: Mapping[int, Row] = {
    # Integer loads, and arithmetic with an operand in storage
    **_rows(x_b_d, load(1), IC=0x4300),
    **_rows(x_b_d, load(2), LH=0x4800, CH=0x4900, AH=0x4A00, SH=0x4B00, MH=0x4C00),
    **_rows(x_b_d, load(4), N=0x5400, CL=0x5500, O=0x5600, X=0x5700, L=0x5800, C=0x5900, A=0x5A00, S=0x5B00, M=0x5C00,
            D=0x5D00, AL=0x5E00, SL=0x5F00, MS=0x7100),
    **_rows(x_b_d, load(8), CVB=0x4F00),
    **_rows(x_b_d_long, load(1), ICY=0xE373, LB=0xE376, LGB=0xE377, LLGC=0xE390, LLC=0xE394, LBH=0xE3C0, LLCH=0xE3C2),
    **_rows(x_b_d_long, load(2), LGH=0xE315, LRVH=0xE31F, CGH=0xE334, AGH=0xE338, SGH=0xE339, MGH=0xE33C, LHY=0xE378,
            CHY=0xE379, AHY=0xE37A, SHY=0xE37B, MHY=0xE37C, LLGH=0xE391, LLH=0xE395, LHH=0xE3C4, LLHH=0xE3C6),
    **_rows(x_b_d_long, load(4), LT=0xE312, LGF=0xE314, LLGF=0xE316, LLGT=0xE317, AGF=0xE318, SGF=0xE319, ALGF=0xE31A,
            SLGF=0xE31B, MSGF=0xE31C, DSGF=0xE31D, LRV=0xE31E, CGF=0xE330, CLGF=0xE331, LTGF=0xE332, LLZRGF=0xE33A,
            LZRF=0xE33B, MSY=0xE351, MSC=0xE353, NY=0xE354, CLY=0xE355, OY=0xE356, XY=0xE357, LY=0xE358, CY=0xE359,
            AY=0xE35A, SY=0xE35B, MFY=0xE35C, ALY=0xE35E, SLY=0xE35F, ML=0xE396, DL=0xE397, ALC=0xE398, SLB=0xE399,
            LLGTAT=0xE39C, LLGFAT=0xE39D, LAT=0xE39F, LFHAT=0xE3C8, LFH=0xE3CA, CHF=0xE3CD, CLHF=0xE3CF),
    **_rows(x_b_d_long, load(8), LTG=0xE302, LG=0xE304, CVBY=0xE306, AG=0xE308, SG=0xE309, ALG=0xE30A, SLG=0xE30B,
            MSG=0xE30C, DSG=0xE30D, LRVG=0xE30F, CG=0xE320, CLG=0xE321, LZRG=0xE32A, BIC=0xE347, NG=0xE380, OG=0xE381,
            XG=0xE382, MSGC=0xE383, MG=0xE384, LGAT=0xE385, MLG=0xE386, DLG=0xE387, ALCG=0xE388, SLBG=0xE389),
    **_rows(x_b_d_long, load(16), CVBG=0xE30E, LPQ=0xE38F),
    **_rows(relative, load(2), LLHRL=0xC402, LGHRL=0xC404, LHRL=0xC405, LLGHRL=0xC406, CGHRL=0xC604, CHRL=0xC605,
            CLGHRL=0xC606, CLHRL=0xC607),
    **_rows(relative, load(4), LGFRL=0xC40C, LRL=0xC40D, LLGFRL=0xC40E, CGFRL=0xC60C, CRL=0xC60D, CLGFRL=0xC60E,
            CLRL=0xC60F),
    **_rows(relative, load(8), LGRL=0xC408, CGRL=0xC608, CLGRL=0xC60A),
    **_rows(b_d, load(1), TM=0x9100, CLI=0x9500),
    **_rows(b_d_long, load(1), TMY=0xEB51, CLIY=0xEB55),
    **_rows(b_d, load(2), CHHSI=0xE554, CLHHSI=0xE555),
    **_rows(b_d, load(4), CHSI=0xE55C, CLFHSI=0xE55D),
    **_rows(b_d, load(8), CGHSI=0xE558, CLGHSI=0xE559),
    **_rows(b_d_long, load(4), CLT=0xEB23, LOCFH=0xEBE0, LOC=0xEBF2),
    **_rows(b_d_long, load(8), CLGT=0xEB2B, LOCG=0xEBE2),
    **_rows(b_d, each_mask_bit(LOAD, least=1), ICM=0xBF00),
    **_rows(b_d_long, each_mask_bit(LOAD, least=1), ICMH=0xEB80, ICMY=0xEB81),
    **_rows(b_d, compared_under_mask(0), CLM=0xBD00),
    **_rows(b_d_long, compared_under_mask(32), CLMH=0xEB20),
    **_rows(b_d_long, compared_under_mask(0), CLMY=0xEB21),
    **_rows(b_d, each_register(4, LOAD), LM=0x9800, LAM=0x9A00),
    **_rows(b_d_long, each_register(4, LOAD), LMH=0xEB96, LMY=0xEB98, LAMY=0xEB9A),
    **_rows(b_d_long, each_register(8, LOAD), LMG=0xEB04),
    **_rows(b_d, load_pair(4), LPD=0xC804),
    **_rows(b_d, load_pair(8), LPDG=0xC805),
    **_rows(in_r3, load(8), ECTG=0xC801),  # the PoP also reads the first operand; QEMU takes its address for the value

    # Integer stores
    **_rows(x_b_d, store(1), STC=0x4200),
    **_rows(x_b_d, store(2), STH=0x4000),
    **_rows(x_b_d, store(4), ST=0x5000),
    **_rows(x_b_d, store(8), CVD=0x4E00),
    **_rows(x_b_d_long, store(1), STCY=0xE372, STCH=0xE3C3),
    **_rows(x_b_d_long, store(2), STRVH=0xE33F, STHY=0xE370, STHH=0xE3C7),
    **_rows(x_b_d_long, store(4), STRV=0xE33E, STY=0xE350, STFH=0xE3CB),
    **_rows(x_b_d_long, store(8), STG=0xE324, CVDY=0xE326, STRVG=0xE32F),
    **_rows(x_b_d_long, store(16), CVDG=0xE32E, STPQ=0xE38E),
    **_rows(relative, store(2), STHRL=0xC407),
    **_rows(relative, store(4), STRL=0xC40F),
    **_rows(relative, store(8), STGRL=0xC40B),
    **_rows(b_d, store(1), MVI=0x9200),
    **_rows(b_d_long, store(1), MVIY=0xEB52),
    **_rows(b_d, store(2), MVHHI=0xE544),
    **_rows(b_d, store(4), MVHI=0xE54C),
    **_rows(b_d, store(8), MVGHI=0xE548),
    **_rows(b_d_long, on_condition(4), STOCFH=0xEBE1, STOC=0xEBF3),
    **_rows(b_d_long, on_condition(8), STOCG=0xEBE3),
    **_rows(b_d, each_mask_bit(STORE, least=0), STCM=0xBE00),
    **_rows(b_d_long, each_mask_bit(STORE, least=0), STCMH=0xEB2C, STCMY=0xEB2D),
    **_rows(b_d, each_register(4, STORE), STM=0x9000, STAM=0x9B00),
    **_rows(b_d_long, each_register(4, STORE), STMH=0xEB26, STMY=0xEB90, STAMY=0xEB9B),
    **_rows(b_d_long, each_register(8, STORE), STMG=0xEB24),
    **_rows(b_d, store(8), STCK=0xB205, STCKF=0xB27C),
    **_rows(b_d, store(16), STCKE=0xB278),
    **_rows(b_d, facility_list, STFLE=0xB2B0),

    # Read and written
    **_rows(b_d, update(1), TS=0x9300, NI=0x9400, OI=0x9600, XI=0x9700),
    **_rows(b_d_long, update(1), NIY=0xEB54, OIY=0xEB56, XIY=0xEB57),
    **_rows(b_d_long, update(4), ASI=0xEB6A, ALSI=0xEB6E, LAN=0xEBF4, LAO=0xEBF6, LAX=0xEBF7, LAA=0xEBF8, LAAL=0xEBFA),
    **_rows(b_d_long, update(8), AGSI=0xEB7A, ALGSI=0xEB7E, LANG=0xEBE4, LAOG=0xEBE6, LAXG=0xEBE7, LAAG=0xEBE8,
            LAALG=0xEBEA),
    **_rows(b_d, update(4), CS=0xBA00),
    **_rows(b_d, update(8), CDS=0xBB00),
    **_rows(b_d_long, update(4), CSY=0xEB14),
    **_rows(b_d_long, update(8), CSG=0xEB30, CDSY=0xEB31),
    **_rows(b_d_long, update(16), CDSG=0xEB3E),
    **_rows(b_d, compare_swap_store, CSST=0xC802),

    # Storage to storage
    **_rows(b_d, translated_test(-1), TRTR=0xD000),
    **_rows(b_d, combined, MVN=0xD100, MVZ=0xD300, NC=0xD400, OC=0xD600),
    **_rows(b_d, moved, MVC=0xD200),
    **_rows(b_d, compared, CLC=0xD500),
    **_rows(b_d, exclusive_or, XC=0xD700),
    **_rows(b_d, translated, TR=0xDC00),
    **_rows(b_d, translated_test(1), TRT=0xDD00),
    **_rows(b_d, packed_text(2), PKU=0xE100),
    **_rows(b_d, unpacked_text(2), UNPKU=0xE200),
    **_rows(b_d, moved_by_r0, MVCRL=0xE50A),
    **_rows(b_d, moved_inverse, MVCIN=0xE800),
    **_rows(b_d, packed_text(1), PKA=0xE900),
    **_rows(b_d, unpacked_text(1), UNPKA=0xEA00),
    **_rows(b_d, tested, TP=0xEBC0),
    **_rows(b_d, moved_with_offset, MVO=0xF100),
    **_rows(b_d, packed, PACK=0xF200),
    **_rows(b_d, unpacked, UNPK=0xF300),

    # Addresses and lengths in registers
    **_rows(b_d, moved_long_24, MVCL=0x0E00),
    **_rows(b_d, compared_long_24, CLCL=0x0F00),
    **_rows(b_d, moved_long, MVCLE=0xA800),
    **_rows(b_d_long, moved_long, MVCLU=0xEB8E),
    **_rows(b_d, compared_long(1, WORK_BYTES), CLCLE=0xA900),
    **_rows(b_d_long, compared_long(2, WORK_BYTES // 2), CLCLU=0xEB8F),
    **_rows(b_d, checksummed, CKSM=0xB241),
    **_rows(b_d, moved_page, MVPG=0xB254),
    **_rows(b_d, moved_string, MVST=0xB255),
    **_rows(b_d, compared_strings, CLST=0xB25D),
    **_rows(b_d, searched(1), SRST=0xB25E),
    **_rows(b_d, searched(2), SRSTU=0xB9BE),
    **_rows(b_d, translated_extended, TRE=0xB2A5),
    **_rows(b_d, translated_sizes(2, 2), TRTT=0xB990),
    **_rows(b_d, translated_sizes(1, 2), TRTO=0xB991),
    **_rows(b_d, translated_sizes(2, 1), TROT=0xB992),
    **_rows(b_d, translated_sizes(1, 1), TROO=0xB993),
    **_rows(b_d, converted(_read_utf16, _utf8), CU21=0xB2A6),
    **_rows(b_d, converted(_read_utf8, _utf16), CU12=0xB2A7),
    **_rows(b_d, converted(_read_utf8, _utf32), CU14=0xB9B0),
    **_rows(b_d, converted(_read_utf16, _utf32), CU24=0xB9B1),
    **_rows(b_d, converted(_read_utf32, _utf8), CU41=0xB9B2),
    **_rows(b_d, converted(_read_utf32, _utf16), CU42=0xB9B3),
    **_rows(b_d, cipher_query, KMAC=0xB91E, PCKMO=0xB928, KMA=0xB929, KMF=0xB92A, KMO=0xB92B, PCC=0xB92C, KMCTR=0xB92D,
            KM=0xB92E, KMC=0xB92F),
    **_rows(b_d, random_numbers, PRNO=0xB93C),
    **_rows(b_d, digested(is_last=False), KIMD=0xB93E),
    **_rows(b_d, digested(is_last=True), KLMD=0xB93F),

    # EXECUTE
    **_rows(x_b_d, executed, EX=0x4400),
    **_rows(relative, executed, EXRL=0xC600),

    # Binary floating point
    **_rows(x_b_d, load(4), LE=0x7800),
    **_rows(x_b_d, load(8), LD=0x6800),
    **_rows(x_b_d, store(4), STE=0x7000),
    **_rows(x_b_d, store(8), STD=0x6000),
    **_rows(x_b_d_long, load(4), LEY=0xED64),
    **_rows(x_b_d_long, load(8), LDY=0xED65),
    **_rows(x_b_d_long, store(4), STEY=0xED66),
    **_rows(x_b_d_long, store(8), STDY=0xED67),
    **_rows(x_b_d, load(4), LDEB=0xED04, LXEB=0xED06, KEB=0xED08, CEB=0xED09, AEB=0xED0A, SEB=0xED0B, MDEB=0xED0C,
            DEB=0xED0D, MAEB=0xED0E, MSEB=0xED0F, SQEB=0xED14, MEEB=0xED17, LDE=0xED24),
    **_rows(x_b_d, load(8), LXDB=0xED05, MXDB=0xED07, SQDB=0xED15, KDB=0xED18, CDB=0xED19, ADB=0xED1A, SDB=0xED1B,
            MDB=0xED1C, DDB=0xED1D, MADB=0xED1E, MSDB=0xED1F),
    **_rows(b_d, load(4), LFPC=0xB29D, LFAS=0xB2BD),
    **_rows(b_d, store(4), STFPC=0xB29C),

    # Vector
    **_rows(x_b_d, load(1), VLEB=0xE700),
    **_rows(x_b_d, load(2), VLEH=0xE701, VLEBRH=0xE601),
    **_rows(x_b_d, load(4), VLEF=0xE703, VLEBRF=0xE603),
    **_rows(x_b_d, load(8), VLEG=0xE702, VLEBRG=0xE602),
    **_rows(x_b_d, load(16), VL=0xE706, VLBR=0xE606, VLER=0xE607),
    **_rows(x_b_d, element(LOAD), VLLEZ=0xE704, VLREP=0xE705, VLLEBRZ=0xE604, VLBRREP=0xE605),
    **_rows(x_b_d, to_boundary, VLBB=0xE707),
    **_rows(x_b_d, store(1), VSTEB=0xE708),
    **_rows(x_b_d, store(2), VSTEH=0xE709, VSTEBRH=0xE609),
    **_rows(x_b_d, store(4), VSTEF=0xE70B, VSTEBRF=0xE60B),
    **_rows(x_b_d, store(8), VSTEG=0xE70A, VSTEBRG=0xE60A),
    **_rows(x_b_d, store(16), VST=0xE70E, VSTBR=0xE60E, VSTER=0xE60F),
    **_rows(vector_indexed, gathered(4, LOAD), VGEF=0xE713),
    **_rows(vector_indexed, gathered(8, LOAD), VGEG=0xE712),
    **_rows(vector_indexed, gathered(4, STORE), VSCEF=0xE71B),
    **_rows(vector_indexed, gathered(8, STORE), VSCEG=0xE71A),
    **_rows(b_d, each_vector(LOAD), VLM=0xE736),
    **_rows(b_d, each_vector(STORE), VSTM=0xE73E),
    **_rows(b_d, vector_length(LOAD), VLL=0xE737),
    **_rows(b_d, vector_length(STORE), VSTL=0xE73F),
}
# fmt: on

# --- What only an operating system may do (PoP chapters 10 and 14) ----------------------------------------------------


def in_r1(encoding: Encoding) -> Address:
    """RRE: register R1 is the address."""
    return _register(_rre(encoding)[0])


def in_r2(encoding: Encoding) -> Address:
    """RRE: register R2 is the address."""
    return _register(_rre(encoding)[1])


def page_in_r2(encoding: Encoding) -> Address:
    """TEST BLOCK: the page that register R2 points into."""
    address = in_r2(encoding)
    return lambda registers: address(registers) & -PAGE_BYTES


def page_table_entry(encoding: Encoding) -> Address:
    """IPTE: register R1 has the page table's origin, R2 the address that the entry is for."""
    origin, page = (GENERAL[number] for number in _rre(encoding))
    return lambda registers: (registers[origin] & ~0x7FF) + (registers[page] >> 12 & 0xFF) * 8


def facility_word(encoding: Encoding) -> Address:
    """STFL: real address 200."""
    return lambda registers: 200


def real(effect: Effect) -> Effect:
    """At a real address, whether or not addresses are translated."""
    return _in_spaces(effect, AddressKind.PHYSICAL)


def _in_spaces(effect: Effect, *spaces: AddressKind) -> Effect:
    """The accesses in turn are of these spaces, the last for all the rest."""

    def elsewhere(encoding: Encoding, operand: AddressFormat) -> SpanFunction | None:
        function = effect(encoding, operand)
        if function is None:
            return None
        in_turn = itertools.chain(spaces, itertools.repeat(spaces[-1], 2))
        of_each = tuple(itertools.islice(in_turn, 3))
        return lambda registers: [
            SpanElsewhere(span, space) for span, space in zip(function(registers), of_each, strict=False)
        ]

    return elsewhere


def moved_with_key(length_of: Callable[[Encoding], Callable[[Registers], int]]) -> Effect:
    """MVCP, MVCS, MVCK, MVCSK, MVCDK: at most 256 bytes."""

    def effect(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
        to, source, length = operand(encoding), second_b_d(encoding), length_of(encoding)

        def spans(registers: Registers) -> tuple[Span, ...]:
            size = min(length(registers), 256)
            return Span(LOAD, source(registers), size), Span(STORE, to(registers), size)

        return spans

    return effect


def _length_in_r1(encoding: Encoding) -> Callable[[Registers], int]:
    name = GENERAL[encoding.r1]
    return lambda registers: _length(registers, name)


def _length_in_r0(encoding: Encoding) -> Callable[[Registers], int]:
    return lambda registers: (registers["r0"] & 0xFF) + 1


def service_block(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """SERVC: the service-call control block, whose first two bytes are its length, is read and answered in place."""
    address = operand(encoding)

    def spans(registers: Registers) -> tuple[Span, ...]:
        start = address(registers)
        try:
            size = int.from_bytes(registers.read_memory(start, 2), "big")
        except KeyError:
            return ()
        return Span(LOAD, start, size), Span(STORE, start, size)

    return spans


def pending_interruption(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """TPI: where it is told of: at address 0, at its place in the prefix area."""
    address = operand(encoding)

    def spans(registers: Registers) -> tuple[Span, ...]:
        start = address(registers)
        return (Span(STORE, start, 8) if start else Span(STORE, 0xB8, 12),)

    return spans


def system_information(encoding: Encoding, operand: AddressFormat) -> SpanFunction:
    """STSI: register 0 has the function code; 0 asks for the highest one only."""
    address = operand(encoding)
    return lambda registers: (Span(STORE, address(registers), PAGE_BYTES),) if registers["r0"] >> 28 & 15 else ()


# fmt: off
SYSTEM_STORAGE: Mapping[int, Row] = {
    **_rows(b_d, load(1), SSM=0x8000),
    **_rows(b_d, load(4), SPX=0xB210),
    **_rows(b_d, load(8), LPSW=0x8200, SCK=0xB204, SCKC=0xB206, SPT=0xB208, LPP=0xB280),
    **_rows(b_d, load(16), LPSWE=0xB2B2),
    **_rows(b_d, each_register(4, LOAD), LCTL=0xB700),
    **_rows(b_d_long, each_register(8, LOAD), LCTLG=0xEB2F),
    **_rows(b_d, store(1), STNSM=0xAC00, STOSM=0xAD00),
    **_rows(b_d, store(2), STAP=0xB212),
    **_rows(b_d, store(4), STPX=0xB211),
    **_rows(b_d, store(8), STIDP=0xB202, STCKC=0xB207, STPT=0xB209),
    **_rows(b_d, each_register(4, STORE), STCTL=0xB600),
    **_rows(b_d_long, each_register(8, STORE), STCTG=0xEB25),
    **_rows(in_r2, update(4), CSP=0xB250),
    **_rows(in_r2, update(8), CSPG=0xB98A),
    **_rows(in_r2, real(load(4)), LURA=0xB24B),
    **_rows(in_r2, real(load(8)), LURAG=0xB905),
    **_rows(in_r2, real(store(4)), STURA=0xB246),
    **_rows(in_r2, real(store(8)), STURG=0xB925),
    **_rows(page_in_r2, real(store(PAGE_BYTES)), TB=0xB22C),
    **_rows(page_table_entry, real(update(8)), IPTE=0xB221),
    # QEMU's memory callbacks are silent about the rest.
    **_rows(facility_word, real(store(4)), STFL=0xB2B1),
    **_rows(b_d, moved_with_key(_length_in_r1), MVCK=0xD900),
    **_rows(b_d, moved_with_key(_length_in_r0), MVCSK=0xE50E, MVCDK=0xE50F),
    **_rows(b_d, _in_spaces(moved_with_key(_length_in_r1), AddressKind.SECONDARY, AddressKind.PRIMARY), MVCP=0xDA00),
    **_rows(b_d, _in_spaces(moved_with_key(_length_in_r1), AddressKind.PRIMARY, AddressKind.SECONDARY), MVCS=0xDB00),
    **_rows(b_d, system_information, STSI=0xB27D),
    **_rows(in_r2, real(service_block), SERVC=0xB220),
    **_rows(b_d, load(12), SSCH=0xB233),
    **_rows(b_d, load(52), MSCH=0xB232),
    **_rows(b_d, store(4), STCRW=0xB239),
    **_rows(b_d, store(52), STSCH=0xB234),
    **_rows(b_d, store(64), TSCH=0xB235),
    **_rows(b_d, pending_interruption, TPI=0xB236),
}

# By condition code afterwards: what was not stored after all.
NOT_STORED: Mapping[int, tuple[int, ...]] = {
    0xB27D: (3,),  # STSI: there is no such information
    0xB234: (3,), 0xB235: (3,),  # STSCH, TSCH: there is no such subchannel
    0xB236: (0,),  # TPI: none is pending
}

# Blocks whose extent only their readers know, and spaces that register 0 selects.
UNKNOWN_STORAGE = frozenset((0xB98E, 0xB25F, 0xB9A0, 0xEBD0, 0xC800))  # IDTE CHSC CLP PCISTB MVCOS

# They may change what addresses mean or where interruptions go, or have QEMU write to memory behind the program's back.
CHANGES_SYSTEM = frozenset((
    0x8000, 0x8200, 0xB2B2, 0xAC00, 0xAD00, 0xB219, 0xB279,  # SSM LPSW LPSWE STNSM STOSM SAC SACF
    0xB210, 0xAE00, 0x8300,  # SPX SIGP DIAG
    0xB20D, 0xB221, 0xB98E, 0xB98A, 0xB250,  # PTLB IPTE IDTE CSPG CSP
    0xB220, 0xB230, 0xB231, 0xB233, 0xB238, 0xB25F, 0xB276,  # SERVC CSCH HSCH SSCH RSCH CHSC XSCH
    0xB9A0, 0xB9D0, 0xEBD0, 0xE3D0,  # CLP PCISTG PCISTB MPCIFC
))
_LOADS_OF_CONTROL = frozenset((0xB700, 0xEB2F))
_TRANSLATING = frozenset((0, 1, 7, 13))
"""Control registers that decide how an address is translated."""

# fmt: on

RULES: Mapping[int, StepRule] = {
    0x8200: StepRule.LOAD_STATE,  # LPSW
    0xB2B2: StepRule.LOAD_STATE,  # LPSWE
    0xAE00: StepRule.HALT,  # SIGP may stop its own processor
}
_SHORT_ADDRESS = 0x7FFF_FFFF


def _goes_to(encoding: Encoding) -> Callable[[Registers], Sequence[int]]:
    """LPSW, LPSWE."""
    operand, is_short = b_d(encoding), encoding.opcode == 0x8200

    def goes_to(registers: Registers) -> Sequence[int]:
        try:
            data = registers.read_memory(operand(registers), 8 if is_short else 16)
        except KeyError:
            # Refused: that goes to a handler.
            return destinations(registers, (0, registers["pswa"]))[1:]
        mask = int.from_bytes(data[:8], "big")
        return destinations(registers, (mask, mask & _SHORT_ADDRESS if is_short else int.from_bytes(data[8:], "big")))

    return goes_to


CONTROL = tuple(f"cr{i}" for i in range(16))
_CONTROL_RANGES = frozenset((0xB600, 0xB700, 0xEB25, 0xEB2F))


def _row_spans(table: Mapping[int, Row], encoding: Encoding) -> SpanFunction | None:
    row = table.get(encoding.opcode)
    if row is None:
        return None
    operand, effect = row
    return effect(encoding, operand)


def _spans_of(encoding: Encoding) -> SpanFunction | None:
    return _row_spans(STORAGE, encoding)


# --- Registers that an instruction uses without naming them -----------------------------------------------------------


def _vector_range(encoding: Encoding) -> range:
    """V1 to V3 of VLM and VSTM; empty where they are the wrong way round (a specification exception)."""
    return range(encoding.vector(8, 36), encoding.vector(12, 37) + 1)


def _cyclic(names: tuple[str, ...], first: int, last: int) -> tuple[str, ...]:
    return tuple(names[(first + i) % 16] for i in range((last - first) % 16 + 1))


def _pair(number: int) -> tuple[str, str]:
    return GENERAL[number], GENERAL[(number + 1) % 16]


def _float_pair(number: int) -> tuple[str, str]:
    """An extended operand: a register and the one after next."""
    return FLOAT[number], FLOAT[(number + 2) % 16]


Implied = Callable[[Encoding], Iterable[str]]


def _implied(rule: Implied, **opcodes: int) -> dict[int, Implied]:
    return dict.fromkeys(opcodes.values(), rule)


# fmt: off
FPC_USERS = frozenset((
    # B3xx and EDxx, binary floating point: what rounds or may raise an IEEE exception, and the moves of the FPC itself
    *(0xB300 | x for x in (
        0x02, *range(0x04, 0x10), 0x12, *range(0x14, 0x20), 0x42, *range(0x44, 0x4E), 0x53, 0x57, 0x5B, 0x5F,
        0x84, 0x85, 0x8C,
        *range(0x90, 0x93), *range(0x94, 0x97), *range(0x98, 0x9B), *range(0x9C, 0xA3), *range(0xA4, 0xA7),
        *range(0xA8, 0xAB), *range(0xAC, 0xAF),
    )),
    *(0xED00 | x for x in (*range(0x04, 0x10), 0x14, 0x15, *range(0x17, 0x20))),
    0xB299, 0xB29C, 0xB29D, 0xB2B8, 0xB2B9, 0xB2BD,  # SRNM STFPC LFPC SRNMB SRNMT LFAS
    # Vector floating point
    *(0xE700 | x for x in (
        0x8E, 0x8F, 0x9E, 0x9F, *range(0xC0, 0xC6), 0xC7, 0xCA, 0xCB, 0xCE, 0xE2, 0xE3, 0xE5, 0xE7, 0xE8, 0xEA, 0xEB,
        0xEE, 0xEF,
    )),
))

BRANCHES = frozenset((
    0x0500, 0x0600, 0x0700, 0x0B00, 0x0C00, 0x0D00, 0x4500, 0x4600, 0x4700, 0x4D00,  # BALR to BASR, BAL BCT BC BAS
    *range(0x8400, 0x8800, 0x100), *range(0xA704, 0xA708), 0xB946,  # BRXH BRXLE BXH BXLE, BRC BRAS BRCT BRCTG, BCTGR
    0xC004, 0xC005, 0xCC06, 0xE346, 0xE347, 0xEB44, 0xEB45,  # BRCL BRASL BRCTH, BCTG BIC, BXHG BXLEG
    # Compare and branch, in all its forms
    *(0xEC00 | x for x in (0x44, 0x45, 0x64, 0x65, 0x76, 0x77, *range(0x7C, 0x80), 0xE4, 0xE5, 0xF6, 0xF7,
                           *range(0xFC, 0x100))),
))

# How many register fields of E7xx hold vectors, from the left (PoP, formats VRI, VRR, VRS, VRX).
VECTOR_FIELDS: Mapping[int, int] = {
    opcode: count
    for count, opcodes in {
        1: (*range(0x00, 0x10), 0x22, 0x37, 0x3F, *range(0x40, 0x47), 0x62),
        2: (0x12, 0x13, 0x1A, 0x1B, 0x30, 0x33, 0x38, 0x3A, 0x4A, 0x4D, *range(0x50, 0x60), *range(0xC0, 0xCF),
            *range(0xD4, 0xE0)),
        3: (0x60, 0x61, *range(0x63, 0x80), *range(0x80, 0x88), 0x94, 0x95, 0x97, *range(0xA1, 0xA8), 0xB4,
            *range(0xE2, 0x100)),
        4: (0x8A, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x9E, 0x9F, *range(0xA9, 0xB0), 0xB8, 0xB9, 0xBB, 0xBC, 0xBD, 0xBF),
    }.items()
    for opcode in opcodes
}


def _both_pairs_rr(e: Encoding) -> Iterable[str]:
    return _pair(e.r1) + _pair(e.r2)


def _pair_rr(e: Encoding) -> Iterable[str]:
    return _pair(e.r1)


def _pair_rre(e: Encoding) -> Iterable[str]:
    return _pair(e.bits(24, 4))


def _both_pairs_rre(e: Encoding) -> Iterable[str]:
    return _pair(e.bits(24, 4)) + _pair(e.bits(28, 4))


IMPLIED: Mapping[int, Implied] = {
    # Ranges
    **_implied(lambda e: _cyclic(GENERAL, e.r1, e.r2), LM=0x9800, LMG=0xEB04, LMH=0xEB96, LMY=0xEB98),
    **_implied(lambda e: _cyclic(ACCESS, e.r1, e.r2), LAM=0x9A00, STAM=0x9B00, LAMY=0xEB9A, STAMY=0xEB9B),
    **_implied(lambda e: (name for number in _vector_range(e) for name in VECTORS[number]), VLM=0xE736, VSTM=0xE73E),

    # Even and odd pairs of general registers
    **_implied(_both_pairs_rr, MVCL=0x0E00, CLCL=0x0F00, MVCLE=0xA800, CLCLE=0xA900, MVCLU=0xEB8E, CLCLU=0xEB8F),
    **_implied(_pair_rr, MR=0x1C00, DR=0x1D00, M=0x5C00, D=0x5D00, SRDL=0x8C00, SLDL=0x8D00, SRDA=0x8E00, SLDA=0x8F00,
               CDS=0xBB00, DSG=0xE30D, DSGF=0xE31D, MFY=0xE35C, MG=0xE384, MLG=0xE386, DLG=0xE387, LPQ=0xE38F,
               ML=0xE396, DL=0xE397, CDSY=0xEB31, CDSG=0xEB3E),
    **_implied(_pair_rre, DSGR=0xB90D, DSGFR=0xB91D, FLOGR=0xB983, MLGR=0xB986, DLGR=0xB987, TRTT=0xB990, TRTO=0xB991,
               TROT=0xB992, TROO=0xB993, MLR=0xB996, DLR=0xB997, MGRK=0xB9EC, TRE=0xB2A5),
    **_implied(_both_pairs_rre, CU21=0xB2A6, CU12=0xB2A7, CU14=0xB9B0, CU24=0xB9B1, CU41=0xB9B2, CU42=0xB9B3,
               KM=0xB92E, KMC=0xB92F, KMAC=0xB91E, PRNO=0xB93C, KIMD=0xB93E, KLMD=0xB93F, CKSM=0xB241),
    **_implied(lambda e: _pair(e.r1), LPD=0xC804, LPDG=0xC805, CSST=0xC802),

    # Fixed registers
    **_implied(lambda e: (*GENERAL[:2], GENERAL[e.r1]), ECTG=0xC801),
    **_implied(lambda e: (GENERAL[2],), SVC=0x0A00),
    **_implied(lambda e: GENERAL[1:3], TRTR=0xD000, TRT=0xDD00),
    **_implied(lambda e: GENERAL[:1], STFLE=0xB2B0),
    **_implied(lambda e: (ACCESS[e.r1],), LAE=0x5100, LAEY=0xE375),
    **_implied(lambda e: (ACCESS[e.bits(24, 4)], ACCESS[e.bits(28, 4)]), CPYA=0xB24D),
    **_implied(lambda e: (ACCESS[e.bits(24, 4)],), SAR=0xB24E),
    **_implied(lambda e: (ACCESS[e.bits(28, 4)],), EAR=0xB24F),

    # Pairs of floating-point registers: extended operands
    **_implied(lambda e: _float_pair(e.bits(24, 4)) + _float_pair(e.bits(28, 4)), SQXBR=0xB316, LPXBR=0xB340,
               LNXBR=0xB341, LTXBR=0xB342, LCXBR=0xB343, LDXBR=0xB345, LEXBR=0xB346, FIXBR=0xB347, KXBR=0xB348,
               CXBR=0xB349, AXBR=0xB34A, SXBR=0xB34B, MXBR=0xB34C, DXBR=0xB34D, LXR=0xB365),
    **_implied(lambda e: _float_pair(e.bits(24, 4)), LXDBR=0xB305, LXEBR=0xB306, MXDBR=0xB307, LZXR=0xB376,
               CXLFBR=0xB392, CXFBR=0xB396, CXLGBR=0xB3A2, CXGBR=0xB3A6),
    **_implied(lambda e: _float_pair(e.bits(28, 4)), CFXBR=0xB39A, CLFXBR=0xB39E, CGXBR=0xB3AA, CLGXBR=0xB3AE),
    **_implied(lambda e: _float_pair(e.r1), LXDB=0xED05, LXEB=0xED06, MXDB=0xED07, TCXB=0xED12),
}
# fmt: on


def _vectors_of(encoding: Encoding) -> Iterable[str]:
    """What the vector instructions name: from their bits, since capstone does not know the newer ones."""
    if encoding.opcode >> 8 == 0xE6:
        yield from VECTORS[encoding.vector(8, 36)]
    elif encoding.opcode == 0xE721:  # VLGV has its vector in the second field, the first is a general register
        yield from VECTORS[encoding.vector(12, 37)]
    elif encoding.opcode >> 8 == 0xE7:
        fields = ((8, 36), (12, 37), (16, 38), (32, 39))
        for first, extension in fields[: VECTOR_FIELDS.get(encoding.opcode & 0xFF, 0)]:
            yield from VECTORS[encoding.vector(first, extension)]


def _fields_of(encoding: Encoding) -> Iterable[str]:
    """Whatever the register fields may mean: for instructions that capstone does not decode, which then name nothing.

    Bits that must be zero and are not are enough for that, and QEMU does not look at them.
    """
    first = encoding.opcode >> 8
    if first in (0xE6, 0xE7):
        # The vectors are known from the bits (_vectors_of); only VLGV and LCBB write a general register.
        fields: tuple[int, ...] = (8,) if encoding.opcode in (0xE721, 0xE727) else ()
    elif first in (0xB2, 0xB3, 0xB9):
        fields = (24, 28, 16)
    else:
        fields = (8, 12, 32) if first == 0xED else (8, 12)
    for field in fields:
        number = encoding.bits(field, 4)
        if first in (0xB3, 0xED):
            yield FLOAT[number]
        if first != 0xED:
            yield GENERAL[number]


def _implied_of(encoding: Encoding, *, is_decoded: bool) -> tuple[str, ...]:
    names = dict.fromkeys(_vectors_of(encoding))
    if encoding.opcode in IMPLIED:
        names.update(dict.fromkeys(IMPLIED[encoding.opcode](encoding)))
    if encoding.opcode in FPC_USERS:
        names["fpc"] = None
    if encoding.opcode in BRANCHES:
        names["pswa"] = None
    if not is_decoded:
        names.update(dict.fromkeys(_fields_of(encoding)))
    return tuple(names)


# --- Putting it together ----------------------------------------------------------------------------------------------

SUPERVISOR_CALL = 0x0A


def _registers_of_target(target: Target) -> Callable[[Registers], tuple[str, ...]]:
    """What an EXECUTE's target names and implies."""

    def implied_at(registers: Registers) -> tuple[str, ...]:
        data = target.read(registers)
        return _registers_of(data) if data else ()

    return implied_at


@lru_cache(maxsize=1024)
def _registers_of(data: bytes) -> tuple[str, ...]:
    # No register depends on where it is.
    disassembled = disassemble(data, 0, S390X.modes[0])
    implied = _implied_of(encoding_of(data, 0), is_decoded=bool(disassembled.mnemonic))
    return tuple(dict.fromkeys((*named_registers(S390X, disassembled), *implied)))


def behaviour_of(disassembled: Disassembled) -> Behaviour:
    """One instruction, from its bits alone."""
    data = disassembled.data
    encoding = encoding_of(data, disassembled.address)
    spans = _spans_of(encoding)
    implied = _implied_of(encoding, is_decoded=bool(disassembled.mnemonic))
    if encoding.opcode in EXECUTES:
        return Behaviour(
            rule=StepRule.EXECUTE,
            spans=spans,
            implied=implied,
            implied_at=_registers_of_target(Target(encoding)),
        )
    if data[0] == SUPERVISOR_CALL:
        # Register 1 has the number only where the instruction has none.
        return Behaviour(rule=StepRule.SYSTEM_CALL, spans=spans, implied=implied, system_call=data[1] or None)
    return Behaviour(spans=spans, implied=implied)


def system_behaviour_of(disassembled: Disassembled) -> Behaviour:
    """One instruction where all of them are allowed."""
    behaviour = behaviour_of(disassembled)
    encoding = encoding_of(disassembled.data, disassembled.address)
    opcode, spans = encoding.opcode, _row_spans(SYSTEM_STORAGE, encoding)
    is_system = opcode in CHANGES_SYSTEM
    if opcode in _CONTROL_RANGES:
        numbers = {(encoding.r1 + i) % 16 for i in range((encoding.r2 - encoding.r1) % 16 + 1)}
        is_system = opcode in _LOADS_OF_CONTROL and bool(numbers & _TRANSLATING)
        behaviour = replace(behaviour, implied=(*behaviour.implied, *(CONTROL[number] for number in sorted(numbers))))
    if not is_system and spans is None and opcode not in UNKNOWN_STORAGE:
        return behaviour
    refused = NOT_STORED.get(opcode)
    return replace(
        behaviour,
        rule=RULES.get(opcode, behaviour.rule),
        goes_to=_goes_to(encoding) if RULES.get(opcode) is StepRule.LOAD_STATE else None,
        spans=spans or behaviour.spans,
        spans_known=opcode not in UNKNOWN_STORAGE,
        cancelled=None if refused is None else lambda after: (0,) if _condition_code(after) in refused else (),
        is_system=is_system,
    )


def _size_of(data: bytes) -> int:
    """Bits 0 and 1 of the first byte are the length (Principles of Operation, "Instruction formats")."""
    return (2, 4, 4, 6)[data[0] >> 6]


S390X = Arch(
    name="s390x",
    bits=64,
    byte_order="big",
    elf=ElfIdentity("EM_S390", 64, "big"),
    frame_architecture=66,
    frame_machine=64,
    pc="pswa",
    sp="r15",
    registers=(
        *(Register(name, 64) for name in GENERAL),
        Register("pswa", 64, Group.CONTROL),
        Register("pswm", 64, Group.STATUS),  # with the condition code, in PSW bits 18 and 19
        Register("fpc", 32, Group.FLOAT),
        *(Register(name, 64, Group.FLOAT) for name in FLOAT),
        *(Register(name, 64, Group.VECTOR) for name in VECTOR_LOW),
        *(Register(name, 128, Group.VECTOR) for name in VECTOR_HIGH),
        *(Register(name, 32, Group.SYSTEM) for name in ACCESS),
    ),
    modes=(Mode(None, capstone.CS_ARCH_SYSZ, capstone.CS_MODE_BIG_ENDIAN, (2, 4, 6), _size_of),),
    branch_of=branches.S390X,
    nondeterministic=nondeterminism.S390X,
    behaviour_of=behaviour_of,
    # The number is the instruction's second byte, and in r1 only where that is 0.
    system_calls=SystemCalls(
        number="r1",
        result="r2",
        arguments=GENERAL[2:8],
        names={**I386_CALLS, 237: "tkill", 241: "tgkill", 298: "readlinkat", 349: "getrandom", 354: "execveat"},
    ),
    # Channels, not memory, lead to devices.
    moves=lambda disassembled: False,
    aliases={
        # capstone calls the general registers 0 to 15 where it is asked for a name, and r0 to r15 in the text.
        **{str(i): (GENERAL[i],) for i in range(16)},
        "r0l": (GENERAL[0],),
        "cc": ("pswm",),
        **{f"a{i}": (ACCESS[i],) for i in range(16)},
        **{f"c{i}": () for i in range(16)},  # control registers: user mode has none
        **{f"v{i}": VECTORS[i] for i in range(32)},
        **{f"f{i}": VECTORS[i] for i in range(16, 32)},  # scalars in the vector registers that have no f
        **{f"f{i}q": _float_pair(i) for i in (0, 1, 4, 5, 8, 9, 12, 13)},
    },
    gdb_architecture="s390:64-bit",
)

S390X_SYSTEM = replace(
    S390X,
    behaviour_of=system_behaviour_of,
    aliases={**S390X.aliases, **{f"c{i}": (CONTROL[i],) for i in range(16)}},
    system=SYSTEM_LEVEL,
)
"""The same as firmware sees it."""

__all__ = ["S390X", "S390X_SYSTEM"]
