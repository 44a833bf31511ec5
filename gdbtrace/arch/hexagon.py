"""Hexagon, version 67, with its vector extension HVX of 128 bytes.

References: LLVM 14's assembler and disassembler for Hexagon, from which the fields below were derived form by form and
with which ``tests/unit/test_arch_hexagon.py`` compares them; QEMU 7.2 and 10.0, whose accesses they were compared with.
The terms are those of Qualcomm's "Hexagon V67 Programmer's Reference Manual" and its HVX companion.

The unit of execution is the packet: up to four words that run together, on the registers as they were before it.  A
step is a packet, a frame is a packet, and ``Disassembled.data`` is the whole packet.

A load or store may depend on a predicate that another instruction of the same packet computes (``p0.new``).  Nothing
else writes that predicate in the packet, so its value after the packet is the one that was used: such an access is
proposed, and taken back where the registers after the packet say that it did not happen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gdbtrace.arch import nondeterminism
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import GENERIC_CALLS
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    Branch,
    Disassembled,
    ElfIdentity,
    Group,
    Mode,
    Objdump,
    Register,
    Registers,
    Span,
    StepRule,
    SystemCalls,
)

GENERAL = tuple(f"r{number:02}" for number in range(32))
"""By register number, as the target description names them."""
CONTROLS = (
    *("sa0", "lc0", "sa1", "lc1", "p3_0", "c5", "m0", "m1", "usr", "pc", "ugp", "gp", "cs0", "cs1"),
    *("upcyclelo", "upcyclehi", "framelimit", "framekey", "pktcountlo", "pktcounthi", "pkt_cnt", "insn_cnt", "hvx_cnt"),
    *(f"c{number}" for number in range(23, 30)),
    *("utimerlo", "utimerhi"),
)
"""By number: C0 to C31."""
VECTOR_BYTES = 128
SP, FP, LR = 29, 30, 31

_ADDRESS_MASK = 0xFFFF_FFFF
_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE

# --- Packets ----------------------------------------------------------------------------------------------------------

_WORDS_AT_MOST = 4
_PARSE_END, _PARSE_DUPLEX = 0b11, 0b00


def _words_of(data: bytes) -> list[int]:
    """The words of one packet: those up to the one whose parse bits, 15 and 14, end it."""
    words = []
    for offset in range(0, min(len(data), 4 * _WORDS_AT_MOST) - 3, 4):
        words.append(int.from_bytes(data[offset : offset + 4], "little"))
        if words[-1] >> 14 & 3 in (_PARSE_END, _PARSE_DUPLEX):
            break
    return words


def _size_of(data: bytes) -> int:
    return 4 * max(len(_words_of(data)), 1)


# --- Pieces of an access ----------------------------------------------------------------------------------------------

_Address = Callable[[Registers], int]


@dataclass(frozen=True, slots=True)
class _Condition:
    """The predicate register that decides whether something happens."""

    predicate: int
    expected: bool
    is_new: bool = False
    """Computed in the same packet."""

    def holds(self, registers: Registers) -> bool:
        """Whether it is fulfilled: by bit 0 of the predicate."""
        return bool(registers[f"p{self.predicate}"] & 1) is self.expected


@dataclass(frozen=True, slots=True)
class _Access:
    """One load or store of an instruction."""

    kind: AccessKind
    address: _Address
    size: int
    condition: _Condition | None = None


@dataclass(frozen=True, slots=True)
class _ByteAccesses:
    """The loads or stores of an instruction that picks single bytes: under a mask, or all over the place."""

    kind: AccessKind
    addresses: Callable[[Registers], Iterable[int]]
    """Of each byte, in any order."""


def _field(word: int, *ranges: tuple[int, int]) -> int:
    """The bits (highest, lowest) of each range, joined, the first on top."""
    value = 0
    for high, low in ranges:
        width = high - low + 1
        value = value << width | word >> low & ((1 << width) - 1)
    return value


def _extended(extender: int | None, value: int, scaled: int) -> int:
    """An immediate: with a constant extender before it, its low six bits are those of a 32-bit constant, unscaled."""
    return scaled if extender is None else extender | value & 0x3F


def _at(base: int, displacement: int = 0) -> _Address:
    name = GENERAL[base]
    return lambda registers: (registers[name] + displacement) & _ADDRESS_MASK


def _at_index(base: int, index: int, shift: int) -> _Address:
    base_name, index_name = GENERAL[base], GENERAL[index]
    return lambda registers: (registers[base_name] + (registers[index_name] << shift)) & _ADDRESS_MASK


def _at_scaled(index: int, shift: int, displacement: int) -> _Address:
    name = GENERAL[index]
    return lambda registers: ((registers[name] << shift) + displacement) & _ADDRESS_MASK


def _at_constant(address: int) -> _Address:
    return lambda registers: address & _ADDRESS_MASK


def _at_global(displacement: int) -> _Address:
    return lambda registers: (registers["gp"] + displacement) & _ADDRESS_MASK


def _at_reversed(base: int) -> _Address:
    """Bit-reversed addressing: the low half of the register, its bits in reverse order."""
    name = GENERAL[base]

    def address(registers: Registers) -> int:
        value = registers[name]
        return value & 0xFFFF_0000 | int(f"{value & 0xFFFF:016b}"[::-1], 2)

    return address


def _at_multiple(base: int, alignment: int, displacement: int = 0) -> _Address:
    name = GENERAL[base]
    return lambda registers: (registers[name] + displacement) & _ADDRESS_MASK & -alignment


# --- Loads and stores -------------------------------------------------------------------------------------------------

# By bits 24 to 21: the loads that keep their width, and those that unpack bytes or shift into a pair.
_LOAD_SIZE = {1: 2, 2: 2, 3: 2, 4: 1, 5: 4, 7: 4, 8: 1, 9: 1, 10: 2, 11: 2, 12: 4, 14: 8}
# By bits 23 to 21; 5 is a new-value store, which says its size elsewhere.
_STORE_SIZE = {0: 1, 2: 2, 3: 2, 4: 4, 6: 8}
_NEW_VALUE = 5
_NEW_VALUE_SIZE = {0: 1, 1: 2, 2: 4}


def _store_size(word: int, size_of_new_value: int) -> int | None:
    """Bytes that a store writes.

    :param size_of_new_value: the lower of the two bits that say it for a new-value store.
    """
    kind = word >> 21 & 7
    return _NEW_VALUE_SIZE.get(word >> size_of_new_value & 3) if kind == _NEW_VALUE else _STORE_SIZE.get(kind)


def _condition_of(word: int, predicate: int, negated: int, new: int) -> _Condition:
    """Given the positions of the fields."""
    return _Condition(word >> predicate & 3, not word >> negated & 1, bool(word >> new & 1))


def _accesses_of_class_3(word: int, extender: int | None) -> Iterator[_Access]:
    """Base plus scaled index, stores of constants, and operations on memory."""
    base, index, shift = word >> 16 & 31, word >> 8 & 31, _field(word, (13, 13), (7, 7))
    major, immediate = word >> 24 & 15, word >> 7 & 0x3F
    if major >> 2 == 0 or major == 0b1010:
        size = _LOAD_SIZE.get(8 | word >> 21 & 7)
        condition = None if major == 0b1010 else _condition_of(word, predicate=5, negated=24, new=25)
        if size:
            yield _Access(_LOAD, _at_index(base, index, shift), size, condition)
    elif major >> 2 == 1 or major == 0b1011:
        size = _store_size(word, 3)
        condition = None if major == 0b1011 else _condition_of(word, predicate=5, negated=24, new=25)
        if size:
            yield _Access(_STORE, _at_index(base, index, shift), size, condition)
    elif major in (0b1000, 0b1001) and (size := _NEW_VALUE_SIZE.get(word >> 21 & 3)):
        condition = _condition_of(word, predicate=5, negated=23, new=24)
        yield _Access(_STORE, _at(base, immediate * size), size, condition)
    elif major == 0b1100 and (size := _NEW_VALUE_SIZE.get(word >> 21 & 7)):
        yield _Access(_STORE, _at(base, immediate * size), size)
    elif major in (0b1110, 0b1111) and (size := _NEW_VALUE_SIZE.get(word >> 21 & 7)):
        address = _at(base, _extended(extender, immediate, immediate * size))
        yield _Access(_LOAD, address, size)
        yield _Access(_STORE, address, size)


def _accesses_of_class_4(word: int, extender: int | None) -> Iterator[_Access]:
    """Relative to ``gp``, or anywhere with a constant extender; and conditional ones with a base."""
    base, is_load = word >> 16 & 31, bool(word >> 24 & 1)
    size = _LOAD_SIZE.get(8 | word >> 21 & 7) if is_load else _store_size(word, 11)
    if not size:
        return
    kind = _LOAD if is_load else _STORE
    if word >> 27 & 1:
        low = ((13, 5),) if is_load else ((13, 13), (7, 0))
        value = _field(word, (26, 25), (20, 16), *low)
        if extender is None:
            yield _Access(kind, _at_global(value * size), size)
        else:
            yield _Access(kind, _at_constant(extender | value & 0x3F), size)
        return
    value = _field(word, (10, 5)) if is_load else _field(word, (13, 13), (7, 3))
    condition = _condition_of(word, predicate=11 if is_load else 0, negated=26, new=25)
    yield _Access(kind, _at(base, _extended(extender, value, value * size)), size, condition)


def _accesses_of_class_9(word: int, extender: int | None) -> Iterator[_Access]:
    """Loads."""
    base, size, kind = word >> 16 & 31, _LOAD_SIZE.get(word >> 21 & 15), word >> 25 & 7
    if not size:
        yield from _accesses_of_special_load(word)
    elif not word >> 27 & 1:
        value = sign_extended(_field(word, (26, 25), (13, 5)), 11)
        yield _Access(_LOAD, _at(base, _extended(extender, value, value * size)), size)
    elif kind == 0b101 and word >> 12 & 3 == 1:
        yield _Access(_LOAD, _at_constant(_extended(extender, _field(word, (11, 8), (6, 5)), 0)), size)
    elif kind == 0b101 and word >> 13 & 1:
        yield _Access(_LOAD, _at(base), size, _condition_of(word, predicate=9, negated=11, new=12))
    elif kind == 0b110 and word >> 12 & 1:
        constant = _extended(extender, _field(word, (11, 8), (6, 5)), 0)
        yield _Access(_LOAD, _at_scaled(base, _field(word, (13, 13), (7, 7)), constant), size)
    elif kind == 0b111 and word >> 7 & 1:
        address = _at_constant(_extended(extender, _field(word, (20, 16), (8, 8)), 0))
        yield _Access(_LOAD, address, size, _condition_of(word, predicate=9, negated=11, new=12))
    elif kind == 0b111:
        yield _Access(_LOAD, _at_reversed(base), size)
    else:
        yield _Access(_LOAD, _at(base), size)


def _accesses_of_special_load(word: int) -> Iterator[_Access]:
    base = word >> 16 & 31
    match word >> 21 & 0x7F:
        case 0b0000000:  # deallocframe
            yield _Access(_LOAD, _at(base), 8)
        case 0b0010000 if not word >> 5 & 7:  # memw_locked, memd_locked; memw_aq, memd_aq
            yield _Access(_LOAD, _at(base), 8 if word >> 12 & 1 else 4)
        case 0b0110000:  # dealloc_return
            condition = _condition_of(word, predicate=8, negated=13, new=11) if word >> 11 & 3 else None
            yield _Access(_LOAD, _at(base), 8, condition)


def _accesses_of_class_10(word: int, extender: int | None) -> Iterator[_Access]:
    """Stores."""
    base, size, kind = word >> 16 & 31, _store_size(word, 11), word >> 25 & 7
    if not word >> 24 & 1:
        yield from _accesses_of_special_store(word)
        return
    if not size:
        return
    constant = _extended(extender, word & 0x3F, 0)
    if not word >> 27 & 1:
        value = sign_extended(_field(word, (26, 25), (13, 13), (7, 0)), 11)
        yield _Access(_STORE, _at(base, _extended(extender, value, value * size)), size)
    elif kind == 0b101 and word >> 13 & 1:
        yield _Access(_STORE, _at(base), size, _condition_of(word, predicate=0, negated=2, new=7))
    elif kind == 0b101 and word >> 7 & 1:
        yield _Access(_STORE, _at_constant(constant), size)
    elif kind == 0b110 and word >> 7 & 1:
        yield _Access(_STORE, _at_scaled(base, _field(word, (13, 13), (6, 6)), constant), size)
    elif kind == 0b111 and word >> 7 & 1:
        address = _at_constant(_extended(extender, _field(word, (17, 16), (6, 3)), 0))
        yield _Access(_STORE, address, size, _condition_of(word, predicate=0, negated=2, new=13))
    elif kind == 0b111:
        yield _Access(_STORE, _at_reversed(base), size)
    else:
        yield _Access(_STORE, _at(base), size)


def _accesses_of_special_store(word: int) -> Iterator[_Access]:
    base = word >> 16 & 31
    match word >> 21 & 0x7F:
        case 0b0000100:  # allocframe
            yield _Access(_STORE, _at(base, -8), 8)
        case 0b0000110:  # dczeroa
            yield _Access(_STORE, _at_multiple(base, 32), 32)
        case 0b0000101 | 0b0000111 as operation:
            size = 8 if operation & 2 else 4
            match word >> 2 & 3:
                case 0b00:  # memw_locked, memd_locked: whether it stores is in the predicate that it writes
                    # QEMU performs it as a compare-and-swap with the value that the load read: a load and a store.
                    condition = _Condition(word & 3, expected=True, is_new=True)
                    yield _Access(_LOAD, _at(base), size, condition)
                    yield _Access(_STORE, _at(base), size, condition)
                case 0b10:  # memw_rl, memd_rl
                    yield _Access(_STORE, _at(base), size)


# --- HVX loads and stores ---------------------------------------------------------------------------------------------


_Mask = Callable[[Registers], int]
"""Which bytes of a vector, from bit 0 up."""


def _mask_of(number: int, *, is_negated: bool = False) -> _Mask:
    name, flip = f"q{number}", (1 << VECTOR_BYTES) - 1 if is_negated else 0
    return lambda registers: registers[name] ^ flip


def _masked(address: _Address, mask: _Mask) -> Callable[[Registers], list[int]]:
    def addresses(registers: Registers) -> list[int]:
        start, selected = address(registers), mask(registers)
        return [start + place for place in range(VECTOR_BYTES) if selected >> place & 1]

    return addresses


def _accesses_of_vector_class(word: int, gather_mask: _Mask | None) -> Iterator[_Access | _ByteAccesses]:
    """Class 2 with bit 27 set.

    :param gather_mask: of a gather in the same packet, whose result a new-value store writes; None: it has none.
    """
    base, major, minor, operation = word >> 16 & 31, word >> 24 & 7, word >> 21 & 5, word >> 5 & 7
    if major == 0b111:
        yield from _accesses_of_gather_or_scatter(word)
    if major not in (0b000, 0b001, 0b011):
        return
    displacement = sign_extended(_field(word, (13, 13), (10, 8)), 4) * VECTOR_BYTES if major == 0 else 0
    aligned, unaligned = _at_multiple(base, VECTOR_BYTES, displacement), _at(base, displacement)
    condition = _Condition(word >> 11 & 3, not operation & 1)
    match minor, operation:
        case 0b000, 0b000 | 0b001 | 0b010:
            yield _Access(_LOAD, aligned, VECTOR_BYTES)
        case 0b000, 0b111:
            yield _Access(_LOAD, unaligned, VECTOR_BYTES)
        case 0b001, 0b000:
            yield _Access(_STORE, aligned, VECTOR_BYTES)
        case 0b001, 0b001 if word & 0x1F == 0b01000:  # scatter_release, which waits and stores nothing
            return
        case 0b001 | 0b101, 0b001 | 0b010 | 0b011 if gather_mask is not None:
            yield _ByteAccesses(_STORE, _masked(aligned, gather_mask))
        case 0b001, 0b001:
            yield _Access(_STORE, aligned, VECTOR_BYTES)
        case 0b001, 0b111:
            yield _Access(_STORE, unaligned, VECTOR_BYTES)
        case 0b100, 0b000 | 0b001:
            mask = _mask_of(word >> 11 & 3, is_negated=bool(operation))
            yield _ByteAccesses(_STORE, _masked(aligned, mask))
        case 0b100, _:
            yield _Access(_LOAD, aligned, VECTOR_BYTES, condition)
        case 0b101, 0b000 | 0b001 | 0b010 | 0b011:
            yield _Access(_STORE, aligned, VECTOR_BYTES, condition)
        case 0b101, 0b110 | 0b111:
            yield _Access(_STORE, unaligned, VECTOR_BYTES, condition)


_WORDS, _HALFWORDS, _HALFWORDS_BY_WORDS = 0, 1, 2
"""The elements: words, halfwords, and halfwords whose offsets are the words of a pair of registers."""


def _accesses_of_gather_or_scatter(word: int) -> Iterator[_ByteAccesses]:
    """As QEMU performs them: elements beyond the length in ``Mu`` are not left out, nor are addresses aligned.

    A gather's mask is that of the store of its result.
    """
    base, mask = word >> 16 & 31, None
    match word >> 21 & 7:
        case 0b000:
            yield _ByteAccesses(_LOAD, _elements(base, word & 31, word >> 8 & 3, mask))
            return
        case 0b001:
            elements = word >> 5 & 3
        case 0b100:
            elements, mask = word >> 7 & 1, _mask_of(word >> 5 & 3)
        case 0b101:
            elements, mask = _HALFWORDS_BY_WORDS, _mask_of(word >> 5 & 3)
        case _:
            return
    addresses = _elements(base, word >> 8 & 31, elements, mask)
    if mask is None and word >> 7 & 1:  # adds
        yield _ByteAccesses(_LOAD, addresses)
    yield _ByteAccesses(_STORE, addresses)


def _mask_of_gather(word: int) -> _Mask | None:
    """Of a gather that has one."""
    return _mask_of(word >> 5 & 3) if word >> 21 == 0b00101111000 and word >> 10 & 1 else None


def _elements(base: int, offsets: int, elements: int, mask: _Mask | None) -> Callable[[Registers], list[int]]:
    """The addresses of each byte.

    :param offsets: the vector register that holds them, or the first of two.
    """
    name = GENERAL[base]
    size = 4 if elements == _WORDS else 2
    sources = (f"v{offsets}", f"v{offsets ^ 1}") if elements == _HALFWORDS_BY_WORDS else (f"v{offsets}",)
    offset_bytes = size * len(sources)

    def addresses(registers: Registers) -> list[int]:
        start, selected = registers[name], -1 if mask is None else mask(registers)
        vectors = [registers[source].to_bytes(VECTOR_BYTES, "little") for source in sources]
        found = []
        for place in range(VECTOR_BYTES):
            if selected >> place & 1:
                element, byte = divmod(place, size)
                index, source = divmod(element, len(sources))
                offset = vectors[source][index * offset_bytes : (index + 1) * offset_bytes]
                found.append(start + int.from_bytes(offset, "little") + byte)
        return found

    return addresses


# --- Duplexes: two sub-instructions in one word -----------------------------------------------------------------------

# By the class, bits 31 to 29 and 13: the kind of the low and of the high one.
_DUPLEX = (
    *(("L1", "L1"), ("L2", "L1"), ("L2", "L2"), ("A", "A"), ("L1", "A"), ("L2", "A"), ("S1", "A"), ("S2", "A")),
    *(("S1", "L1"), ("S1", "L2"), ("S1", "S1"), ("S2", "S1"), ("S2", "L1"), ("S2", "L2"), ("S2", "S2"), ("", "")),
)


def _sub_register(field: int) -> int:
    """r0 to r7, r16 to r23."""
    return field & 7 | (field & 8) << 1


def _accesses_of_sub_instruction(kind: str, code: int) -> Iterator[_Access]:
    """:param code: its 13 bits."""
    base, top = _sub_register(code >> 4 & 15), code >> 11 & 3
    match kind:
        case "L1":
            size = 1 if code >> 12 else 4
            yield _Access(_LOAD, _at(base, (code >> 8 & 15) * size), size)
        case "L2" if top < 3:
            size = 1 if top == 2 else 2
            yield _Access(_LOAD, _at(base, (code >> 8 & 7) * size), size)
        case "L2":
            yield from _accesses_of_stack_load(code)
        case "S1":
            size = 1 if code >> 12 else 4
            yield _Access(_STORE, _at(base, (code >> 8 & 15) * size), size)
        case "S2" if top == 0:
            yield _Access(_STORE, _at(base, (code >> 8 & 7) * 2), 2)
        case "S2" if top == 1 and code >> 9 & 3 == 0:
            yield _Access(_STORE, _at(SP, (code >> 4 & 31) * 4), 4)
        case "S2" if top == 1 and code >> 9 & 3 == 1:
            yield _Access(_STORE, _at(SP, sign_extended(code >> 3, 6) * 8), 8)
        case "S2" if top == 2:
            size = 1 if code >> 9 & 1 else 4
            yield _Access(_STORE, _at(base, (code & 15) * size), size)
        case "S2" if code >> 9 & 3 == 2:
            yield _Access(_STORE, _at(SP, -8), 8)


def _accesses_of_stack_load(code: int) -> Iterator[_Access]:
    match code >> 9 & 3:
        case 0b10:
            yield _Access(_LOAD, _at(SP, (code >> 4 & 31) * 4), 4)
        case 0b11 if not code >> 8 & 1:
            yield _Access(_LOAD, _at(SP, (code >> 3 & 31) * 8), 8)
        case 0b11 if code >> 6 & 3 == 0:  # deallocframe
            yield _Access(_LOAD, _at(FP), 8)
        case 0b11 if code >> 6 & 3 == 1:  # dealloc_return
            condition = _Condition(0, not code & 1, bool(code & 2)) if code & 4 else None
            yield _Access(_LOAD, _at(FP), 8, condition)


# --- Registers beyond those that every frame lists ----------------------------------------------------------------
#
# Predicates and the user status register are in every frame.  The rest of what an instruction writes is named here, and
# of what it reads the vector registers and the control registers that are no part of the usual state.

# What is written, by class and bits 27 to 21: the register (r) or pair (d) at bits 4 to 0, the register at bits 20 to
# 16 (x), the register (y) or pair (e) at bits 12 to 8.
_DESTINATIONS = {
    6: "........ ........ ........ ........ ........ ........ ........ ........"
    " dd...... ........ rrr..... ........ ........ ........ ....rrr. ddd.....",
    7: "rr.rrrrr .x.x.x.x .x.x.x.x rrrrrrrr rrrrrrrr ........ rrrrrr.. ........"
    " r.r.r.r. ........ rrrrrrrr rrrrrrrr ddddd... ........ rrrrrrrr ........",
    8: "ddd.d.dd dddddddd d.d.d... dddddddd d.d.d... ........ d....... rrrrrrrr"
    " rrrrrrrr r.r..... dddddddd .rrrrr.r rrr.r.rr rrrrrrrr r.r.r... rrrr....",
    11: "rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr"
    " rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr rrrrrrrr",
    12: "d...d... d.d.d.d. d...d.dd d.d.d.d. r....... r....... r.r.r.r. ........"
    " r....... r....... d...d... deddddd. r.r.r.r. ........ ........ ........",
    13: "r....... d....... ........ dddddddd dd...... rrrrrrrr rrrr.... rrrr...."
    " yyyyyyyy dddd.... rrxxrr.. yyyyyyyy ........ ........ xxxxxxxx yyyyyyyy",
    14: "r...r... r...r... r...r... y....... ddd.ddd. d.d.d.d. dddddddd dddddddd"
    " dddddddd rr..rr.. dddddddd r.r.r.rr rrr.rrr. rrrr.r.r rrrrrrrr rrrrr.r.",
    15: "........ rr.rrr.. ........ rrrrrrrr r....... d...d... rrrrrrrr rr.r...."
    " ........ rr.r.... ........ rr...... ........ d....... ........ ........",
}
_DESTINATION = {number: row.replace(" ", "") for number, row in _DESTINATIONS.items()}


def _pair(number: int) -> tuple[str, ...]:
    return GENERAL[number & ~1], GENERAL[number | 1]


def _written_by_arithmetic(word: int) -> tuple[str, ...]:
    """Classes 6 to 8 and 11 to 15."""
    number, operation, minor = word >> 28, word >> 21 & 0x7F, word >> 5 & 7
    kind = _DESTINATION[number][operation]
    match number, operation:
        case 7, 0b0011000 | 0b0011001 if word >> 13 & 1:  # combine among mux
            kind = "d"
        case 8, 0b1000110 if minor == 0b100:  # bitsplit among sat
            kind = "d"
        case 12, 0b0001010 if minor == 0b001:  # vaddhub among vxaddsub
            kind = "r"
        case 12, 0b1011001 if minor == 0b111:  # vrcnegh among vrmaxh and its kin
            kind = "d"
        case 13, 0b0011111 if minor == 0b111:  # modwrap among logical operations on pairs
            kind = "r"
    match kind:
        case "r":
            return (GENERAL[word & 31],)
        case "d":
            return _pair(word & 31)
        case "x":
            return (GENERAL[word >> 16 & 31],)
        case "y":
            return (GENERAL[word >> 8 & 31],)
        case "e":
            return _pair(word >> 8 & 31)
    return ()


def _named_by_control_class(word: int) -> tuple[str, ...]:
    """Class 6: transfers of control registers, and loops."""
    target, source = word & 31, word >> 16 & 31
    match word >> 21 & 0x7F:
        case 0b0010001:  # Cd = Rs
            return (CONTROLS[target],)
        case 0b0011001:  # Cdd = Rss
            return (CONTROLS[target & ~1], CONTROLS[target | 1])
        case 0b1010000:  # Rd = Cs
            return (GENERAL[target], CONTROLS[source])
        case 0b1000000:  # Rdd = Css
            return (*_pair(target), CONTROLS[source & ~1], CONTROLS[source | 1])
        case 0b0000001 | 0b1001001:  # loop1
            return ("sa1", "lc1")
        case 0b0000000 | 0b0000101 | 0b0000110 | 0b0000111:  # loop0, sp1loop0 to sp3loop0
            return ("sa0", "lc0")
        case 0b1001000 | 0b1001101 | 0b1001110 | 0b1001111:
            return ("sa0", "lc0")
    return _written_by_arithmetic(word)


def _named_by_jump(word: int) -> tuple[str, ...]:
    """Class 5: the calls write the link register, system calls their result."""
    if _is_system_call(word):
        return (GENERAL[0],)
    operation = word >> 21 & 0x7F
    is_call = operation in (0b0000101, 0b0001000, 0b0001001) or operation >> 4 == 0b101 or operation >> 3 == 0b1101
    return (GENERAL[LR],) if is_call else ()


def _named_by_load(word: int) -> tuple[str, ...]:
    """Class 9."""
    base, kind, mode = word >> 16 & 31, word >> 21 & 15, word >> 25 & 7
    destination = (GENERAL[word & 31],) if kind not in (2, 4, 5, 7, 14) else _pair(word & 31)
    if word >> 27 & 1:
        has_fixed_base = (mode == 0b110 and word >> 12 & 1) or (mode == 0b111 and word >> 7 & 1)
        return destination if has_fixed_base else (*destination, GENERAL[base])
    if kind:
        return destination
    match word >> 25 & 3:
        case 0b00:  # deallocframe
            return (*_pair(word & 31), GENERAL[SP], "framekey")
        case 0b01 if word >> 5 & 7:  # vextract
            return (*destination, *_vectors(word >> 8 & 31))
        case 0b01:  # locked and acquiring loads
            return _pair(word & 31) if word >> 12 & 1 else destination
        case 0b11:  # dealloc_return
            return (*_pair(word & 31), GENERAL[SP], "framekey")
    return ()


def _named_by_store(word: int) -> tuple[str, ...]:
    """Class 10: those that update their base, and allocframe."""
    base, mode = GENERAL[word >> 16 & 31], word >> 25 & 7
    if word >> 27 & 1:
        has_fixed_base = word >> 7 & 1 and (mode == 0b110 or mode == 0b111)
        return () if has_fixed_base else (base,)
    return (base, GENERAL[FP], "framelimit", "framekey") if word >> 21 & 0x7F == 0b0000100 else ()


def _named_by_indexed_load(word: int) -> tuple[str, ...]:
    """Class 3."""
    major = word >> 24 & 15
    if major >> 2 != 0 and major != 0b1010:
        return ()
    return _pair(word & 31) if word >> 21 & 7 == 6 else (GENERAL[word & 31],)


def _named_by_global_load(word: int) -> tuple[str, ...]:
    """Class 4."""
    if not word >> 24 & 1:
        return ()
    return _pair(word & 31) if word >> 21 & 7 == 6 else (GENERAL[word & 31],)


# By bits 26 to 21 of class 1 with bit 27 set: whether vector registers come in pairs (p), masks take part (q), both
# (b), or neither (v).
_VECTOR_OPERATIONS = "pppppppp pppbpbpp vvppvpbb pppppppp ppppbbvp bbbbqqbb bvqpqbqq vvpvqvvv".replace(" ", "")
_MASKS = tuple(f"q{number}" for number in range(4))


def _vectors(*numbers: int, paired: bool = False) -> tuple[str, ...]:
    return tuple(f"v{each}" for number in numbers for each in ((number, number ^ 1) if paired else (number,)))


def _named_by_class_1(word: int) -> tuple[str, ...]:
    """HVX operations, all that their fields can name; and assignments with a jump."""
    if word >> 27 & 1:
        operation = word >> 21 & 0x3F
        if operation == 0b110000 and word >> 13 & 1 and word >> 5 & 7 == 0b100:  # vhist and its kin: the whole file
            return (*_vectors(*range(32)), *_MASKS)
        kind = _VECTOR_OPERATIONS[operation]
        # The second source stands higher where a scalar of three bits is the third.
        second = word >> 19 & 31 if operation >> 3 in (0b000, 0b011) else word >> 16 & 31
        names = _vectors(word & 31, word >> 8 & 31, second, paired=kind in "pb")
        return (*names, *_MASKS) if kind in "qb" else names
    match word >> 23 & 31:
        case 0b01100:  # Rd = #u6; jump
            return (GENERAL[_sub_register(word >> 16)],)
        case 0b01110:  # Rd = Rs; jump
            return (GENERAL[_sub_register(word >> 8)],)
    return ()


def _named_by_class_2(word: int) -> tuple[str, ...]:
    """HVX loads and stores; else a new-value jump."""
    if not word >> 27 & 1:
        return ()
    major, minor, operation = word >> 24 & 7, word >> 21 & 7, word >> 5 & 7
    if major == 0b111:
        names = (
            _vectors(word & 31, paired=True)
            if minor == 0
            else _vectors(word & 31, *(2 * (word >> 8 & 31,)), paired=True)
        )
        return (*names, *_MASKS)
    base = (GENERAL[word >> 16 & 31],) if major else ()
    masks = (_MASKS[word >> 11 & 3],) if minor & 5 == 0b100 and operation < 2 else ()
    return (*_vectors(word & 31), *masks, *base)


def _named_by_sub_instruction(kind: str, code: int) -> tuple[str, ...]:
    target = (GENERAL[_sub_register(code)],)
    pair = _pair(_sub_register((code & 4) << 1 | (code & 3) << 1))
    frame = (GENERAL[SP], GENERAL[FP], "framekey")
    match kind:
        case "L1":
            return target
        case "L2" if code >> 9 != 0b1111:
            return target
        case "L2" if not code >> 8 & 1:
            return pair
        case "L2" if code >> 6 & 3 < 2:  # deallocframe, dealloc_return
            return (*frame, GENERAL[LR])
        case "S2" if code >> 9 == 0b1110:  # allocframe
            return (*frame, "framelimit")
        case "A" if code >> 10 == 0b111:  # combine
            return pair
        case "A" if code >> 8 != 0b11001:  # all but cmp.eq
            return target
    return ()


_NAMED_BY_CLASS = {
    1: _named_by_class_1,
    2: _named_by_class_2,
    3: _named_by_indexed_load,
    4: _named_by_global_load,
    5: _named_by_jump,
    6: _named_by_control_class,
    9: _named_by_load,
    10: _named_by_store,
    **dict.fromkeys((7, 8, 11, 12, 13, 14, 15), _written_by_arithmetic),
}
_LOOP_END = 0b10


def _named_by(words: Sequence[int]) -> Iterator[str]:
    """Registers that a packet names, in any order, perhaps more than once."""
    for word in words:
        if word >> 14 & 3 == _PARSE_DUPLEX:
            low, high = _DUPLEX[word >> 28 & 0xE | word >> 13 & 1]
            yield from _named_by_sub_instruction(high, word >> 16 & 0x1FFF)
            yield from _named_by_sub_instruction(low, word & 0x1FFF)
        elif word >> 28:
            yield from _NAMED_BY_CLASS[word >> 28](word)
    # The first word's parse bits end the inner loop, the second one's the outer.
    yield "pc"
    for word, counter in zip(words, ("lc0", "lc1"), strict=False):
        if word >> 14 & 3 == _LOOP_END:
            yield counter


# --- Whole packets ----------------------------------------------------------------------------------------------------

_ACCESSES_OF_CLASS = {
    3: _accesses_of_class_3,
    4: _accesses_of_class_4,
    9: _accesses_of_class_9,
    10: _accesses_of_class_10,
}


def _accesses_of(words: Sequence[int]) -> Iterator[_Access | _ByteAccesses]:
    """Those of a packet, in the order in which it performs them."""
    extender = None
    gather_mask = next(filter(None, map(_mask_of_gather, words)), None)
    for word in words:
        if word >> 14 & 3 == _PARSE_DUPLEX:
            low, high = _DUPLEX[word >> 28 & 0xE | word >> 13 & 1]
            yield from _accesses_of_sub_instruction(high, word >> 16 & 0x1FFF)
            yield from _accesses_of_sub_instruction(low, word & 0x1FFF)
        elif word >> 28 == 0:
            extender = _field(word, (27, 16), (13, 0)) << 6
            continue
        elif word >> 27 == 0b00101:
            yield from _accesses_of_vector_class(word, gather_mask)
        elif decode := _ACCESSES_OF_CLASS.get(word >> 28):
            yield from decode(word, extender)
        extender = None


def _spans_of(access: _Access | _ByteAccesses, registers: Registers) -> Iterator[Span]:
    """One for an :class:`_Access`, of size 0 if it does not happen."""
    if isinstance(access, _ByteAccesses):
        places = sorted({address & _ADDRESS_MASK for address in access.addresses(registers)})
        for _, run in groupby(enumerate(places), lambda place: place[1] - place[0]):
            found = [address for _, address in run]
            yield Span(access.kind, found[0], len(found))
        return
    condition = access.condition
    happens = condition is None or condition.is_new or condition.holds(registers)
    yield Span(access.kind, access.address(registers), access.size if happens else 0)


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    words = _words_of(disassembled.data)
    # Those of single bytes vary in number, and come last: the others keep their places.
    accesses = sorted(_accesses_of(words), key=lambda access: isinstance(access, _ByteAccesses))
    pending = [
        (index, access.condition)
        for index, access in enumerate(accesses)
        if isinstance(access, _Access) and access.condition is not None and access.condition.is_new
    ]

    def spans(registers: Registers) -> list[Span]:
        return [span for access in accesses for span in _spans_of(access, registers)]

    def cancelled(registers: Registers) -> list[int]:
        return [index for index, condition in pending if not condition.holds(registers)]

    return Behaviour(
        StepRule.SYSTEM_CALL if any(map(_is_system_call, words)) else StepRule.PLAIN,
        spans if accesses else None,
        tuple(dict.fromkeys(_named_by(words))),
        cancelled=cancelled if pending else None,
    )


def _is_system_call(word: int) -> bool:
    """``trap0``; Linux takes its #1 as the system call."""
    return word & 0xFFE0_0000 == 0x5400_0000 and word >> 14 & 3 != _PARSE_DUPLEX


def _branch_of(disassembled: Disassembled) -> Branch | None:
    words = _words_of(disassembled.data)
    if any(map(_jumps_to_register, words)):
        return Branch(0, is_computed=True)
    # Parse bits of 10 in the first or second word end a hardware loop, which goes on at its beginning.
    ends_loop = len(words) > 1 and any(word >> 14 & 3 == _LOOP_END for word in words[:2])
    return Branch(0, is_computed=False) if ends_loop or any(map(_jumps, words)) else None


def _jumps(word: int) -> bool:
    """To a constant: class 5, or the compare and jump of classes 1 and 2."""
    return word >> 14 & 3 != _PARSE_DUPLEX and (word >> 28 == 5 or word >> 27 in (0b00010, 0b00100))


def _jumps_to_register(word: int) -> bool:
    """callr, jumpr, dealloc_return, trap0; and jumpr, dealloc_return in a duplex, where deallocframe has no bit 6."""
    if word >> 14 & 3 == _PARSE_DUPLEX:
        low, high = _DUPLEX[word >> 28 & 0xE | word >> 13 & 1]
        codes = (low, word & 0x1FFF), (high, word >> 16 & 0x1FFF)
        return any(kind == "L2" and code >> 8 == 0b11111 and code & 0x40 for kind, code in codes)
    return word >> 26 == 0b010100 or word & 0xFFE0_0000 == 0x9600_0000 or _is_system_call(word)


# --- Texts ------------------------------------------------------------------------------------------------------------

_PACKET = re.compile(r"\{ (.*) \}.*")
"""As LLVM prints it, in one line; what ends a loop stands behind it."""
_CONDITION = re.compile(r"if \((?:[^()]|\([^()]*\))*\) ")
_ASSIGNMENT = re.compile(r"(.*?) \S?= (.*)")
_FUNCTION = re.compile(r"[-+!~]?([a-z][\w.]*)\(.*")
_WORD = re.compile(r"[a-z][\w.]*")


def _operations_of(text: str) -> tuple[str, ...]:
    """Hexagon's syntax has no mnemonics, so: the function that an instruction of the packet computes (``add``; ``memw``
    of a load), ``memw=`` for a store, ``=`` for a copy, and else the first word (``jump``); without its condition."""
    packet = _PACKET.fullmatch(text)
    return tuple(map(_operation_of, packet[1].split(";") if packet else (text,)))


def _operation_of(instruction: str) -> str:
    instruction = _CONDITION.sub("", instruction.strip())
    if assignment := _ASSIGNMENT.fullmatch(instruction):
        target, value = map(_FUNCTION.fullmatch, assignment.groups())
        return f"{target[1]}=" if target else value[1] if value else "="
    word = _WORD.match(instruction)
    return word[0] if word else instruction


# --- Architecture -----------------------------------------------------------------------------------------------------

HEXAGON = Arch(
    name="hexagon",
    bits=32,
    byte_order="little",
    elf=ElfIdentity("EM_QDSP6", 32, "little"),
    frame_architecture=81,
    # bap-frames numbers no V67; 0 is what QEMU's tracing plugin writes.
    frame_machine=0,
    pc="pc",
    sp="r29",
    # pkt_cnt, insn_cnt and hvx_cnt are QEMU's own counts, and no registers of the architecture.
    registers=(
        *(Register(name, 32) for name in GENERAL),
        *(Register(name, 32, Group.CONTROL) for name in ("sa0", "lc0", "sa1", "lc1")),
        Register("p3_0", 32, Group.STATUS),
        *(Register(name, 32, Group.CONTROL) for name in ("m0", "m1")),
        Register("usr", 32, Group.STATUS),
        *(Register(name, 32, Group.CONTROL) for name in ("pc", "ugp", "gp", "cs0", "cs1")),
        *(Register(name, 32, Group.COUNTER) for name in ("upcyclelo", "upcyclehi")),
        *(Register(name, 32, Group.SYSTEM) for name in ("framelimit", "framekey")),
        *(Register(name, 32, Group.COUNTER) for name in ("pktcountlo", "pktcounthi")),
        *(Register(name, 32, Group.COUNTER) for name in ("utimerlo", "utimerhi")),
        *(Register(f"p{number}", 8, Group.STATUS) for number in range(4)),
        *(Register(f"v{number}", 8 * VECTOR_BYTES, Group.VECTOR) for number in range(32)),
        *(Register(name, VECTOR_BYTES, Group.VECTOR) for name in _MASKS),
    ),
    modes=(
        Mode(
            None,
            None,
            0,
            (4, 8, 12, 16),
            _size_of,
            Objdump(
                ("llvm-objdump", "llvm-objdump-14"),
                machine=164,
                flags=0x67,
                # LLVM 14 does not take the version from e_flags.
                options=("--mcpu=hexagonv67", "--mattr=+hvxv67"),
                operations_of=_operations_of,
            ),
        ),
    ),
    branch_of=_branch_of,
    nondeterministic=nondeterminism.HEXAGON,
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(
        number="r06",
        result="r00",
        arguments=("r00", "r01", "r02", "r03", "r04", "r05"),
        names={**GENERIC_CALLS, 222: "mmap2"},
    ),
    aliases={},
    least_qemu=(8, 1),
)
