"""Hexagon, version 67, with its vector extension HVX of 128 bytes.

References: "Hexagon V67 Programmer's Reference Manual" and "Hexagon V66 HVX Programmer's Reference Manual" (Qualcomm;
chapter 3 of the first for packets, chapter 10 for the encodings); LLVM's assembler, from which the fields below were
derived form by form and with which ``tests/unit/test_arch_hexagon.py`` compares them; QEMU's ``target/hexagon``.

The unit of execution is the packet: up to four words that run together, on the registers as they were before it.  A
step is a packet, a frame is a packet, and ``Disassembled.data`` is the whole packet.

A load or store may depend on a predicate that another instruction of the same packet computes (``p0.new``).  Nothing
else writes that predicate in the packet, so its value after the packet is the one that was used: such an access is
proposed, and taken back where the registers after the packet say that it did not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
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
MODIFIERS = ("m0", "m1")
VECTOR_BYTES = 128
SP, FP = 29, 30

_ADDRESS_MASK = 0xFFFF_FFFF
_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE

# --- Packets (section 10.1) -----------------------------------------------------------------------

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
    mask: Callable[[Registers], int] | None = None
    """Which of its bytes, from bit 0 up; None: all."""


def _field(word: int, *ranges: tuple[int, int]) -> int:
    """The bits (highest, lowest) of each range, joined, the first on top."""
    value = 0
    for high, low in ranges:
        width = high - low + 1
        value = value << width | word >> low & ((1 << width) - 1)
    return value


def _signed(value: int, bits: int) -> int:
    return value - (value >> (bits - 1) << bits)


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
    """Bit-reversed addressing: the low half of the register, its bits in reverse order (section 5.8.12)."""
    name = GENERAL[base]

    def address(registers: Registers) -> int:
        value = registers[name]
        return value & 0xFFFF_0000 | int(f"{value & 0xFFFF:016b}"[::-1], 2)

    return address


def _at_multiple(base: int, alignment: int, displacement: int = 0) -> _Address:
    name = GENERAL[base]
    return lambda registers: (registers[name] + displacement) & _ADDRESS_MASK & -alignment


# --- Loads and stores (sections 11.5, 11.6, 11.7, 11.8) ---------------------------------------------------------------

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
        value = _signed(_field(word, (26, 25), (13, 5)), 11)
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
        value = _signed(_field(word, (26, 25), (13, 13), (7, 0)), 11)
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


# --- HVX loads and stores (HVX manual, section 5.10 on) ---------------------------------------------------------------


def _accesses_of_vector_class(word: int) -> Iterator[_Access]:
    """Class 2 with bit 27 set."""
    base, major, minor, operation = word >> 16 & 31, word >> 24 & 7, word >> 21 & 5, word >> 5 & 7
    if major not in (0b000, 0b001, 0b011):
        return
    displacement = _signed(_field(word, (13, 13), (10, 8)), 4) * VECTOR_BYTES if major == 0 else 0
    aligned, unaligned = _at_multiple(base, VECTOR_BYTES, displacement), _at(base, displacement)
    condition = _Condition(word >> 11 & 3, not operation & 1)
    match minor, operation:
        case 0b000, 0b000 | 0b001 | 0b010:
            yield _Access(_LOAD, aligned, VECTOR_BYTES)
        case 0b000, 0b111:
            yield _Access(_LOAD, unaligned, VECTOR_BYTES)
        case 0b001, 0b000:
            yield _Access(_STORE, aligned, VECTOR_BYTES)
        case 0b001, 0b001 if word & 0x1F != 0b01000:  # 01000: scatter_release, which waits and stores nothing
            yield _Access(_STORE, aligned, VECTOR_BYTES)
        case 0b001, 0b111:
            yield _Access(_STORE, unaligned, VECTOR_BYTES)
        case 0b100, 0b000 | 0b001:
            yield _Access(_STORE, aligned, VECTOR_BYTES, mask=_byte_mask(word >> 11 & 3, is_negated=bool(operation)))
        case 0b100, 0b010 | 0b011 | 0b100 | 0b101 | 0b110 | 0b111:
            yield _Access(_LOAD, aligned, VECTOR_BYTES, condition)
        case 0b101, 0b000 | 0b001 | 0b010 | 0b011:
            yield _Access(_STORE, aligned, VECTOR_BYTES, condition)
        case 0b101, 0b110 | 0b111:
            yield _Access(_STORE, unaligned, VECTOR_BYTES, condition)


def _byte_mask(number: int, *, is_negated: bool) -> Callable[[Registers], int]:
    name, flip = f"q{number}", (1 << VECTOR_BYTES) - 1 if is_negated else 0
    return lambda registers: registers[name] ^ flip


# --- Duplexes: two sub-instructions in one word (section 10.2) --------------------------------------------------------

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
            yield _Access(_STORE, _at(SP, _signed(code >> 3 & 63, 6) * 8), 8)
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


# --- Whole packets ----------------------------------------------------------------------------------------------------

_ACCESSES_OF_CLASS = {
    3: _accesses_of_class_3,
    4: _accesses_of_class_4,
    9: _accesses_of_class_9,
    10: _accesses_of_class_10,
}


def _accesses_of(words: Sequence[int]) -> Iterator[_Access]:
    """Those of a packet, in the order in which it performs them."""
    extender = None
    for word in words:
        if word >> 14 & 3 == _PARSE_DUPLEX:
            low, high = _DUPLEX[word >> 28 & 0xE | word >> 13 & 1]
            yield from _accesses_of_sub_instruction(high, word >> 16 & 0x1FFF)
            yield from _accesses_of_sub_instruction(low, word & 0x1FFF)
        elif word >> 28 == 0:
            extender = _field(word, (27, 16), (13, 0)) << 6
            continue
        elif word >> 27 == 0b00101:
            yield from _accesses_of_vector_class(word)
        elif decode := _ACCESSES_OF_CLASS.get(word >> 28):
            yield from decode(word, extender)
        extender = None


def _spans_of(access: _Access, registers: Registers) -> Iterator[Span]:
    """At least one for an access without a mask; what did not happen has size 0."""
    address, condition = access.address(registers), access.condition
    if access.mask is not None:
        yield from _runs_of(access.kind, address, access.mask(registers))
    elif condition is not None and not condition.is_new and not condition.holds(registers):
        yield Span(access.kind, address, 0)
    else:
        yield Span(access.kind, address, access.size)


def _runs_of(kind: AccessKind, address: int, mask: int) -> Iterator[Span]:
    """The runs of bytes that a mask selects."""
    for is_selected, places in groupby(range(VECTOR_BYTES), lambda place: mask >> place & 1):
        if is_selected:
            run = list(places)
            yield Span(kind, (address + run[0]) & _ADDRESS_MASK, len(run))


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    words = _words_of(disassembled.data)
    # What a mask selects varies in number, and comes last: the others keep their places.
    accesses = sorted(_accesses_of(words), key=lambda access: access.mask is not None)
    pending = [
        (index, access.condition)
        for index, access in enumerate(accesses)
        if access.condition is not None and access.condition.is_new
    ]

    def spans(registers: Registers) -> list[Span]:
        return [span for access in accesses for span in _spans_of(access, registers)]

    def cancelled(registers: Registers) -> list[int]:
        return [index for index, condition in pending if not condition.holds(registers)]

    return Behaviour(
        StepRule.SYSTEM_CALL if any(map(_is_system_call, words)) else StepRule.PLAIN,
        spans if accesses else None,
        cancelled=cancelled if pending else None,
    )


def _is_system_call(word: int) -> bool:
    """``trap0``; Linux takes its #1 as the system call."""
    return word & 0xFFE0_0000 == 0x5400_0000 and word >> 14 & 3 != _PARSE_DUPLEX


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
    registers=(
        *(Register(name, 32) for name in GENERAL),
        *(Register(name, 32, Group.CONTROL) for name in ("sa0", "lc0", "sa1", "lc1")),
        Register("p3_0", 32, Group.STATUS),
        *(Register(name, 32, Group.CONTROL) for name in MODIFIERS),
        Register("usr", 32, Group.STATUS),
        *(Register(name, 32, Group.CONTROL) for name in ("pc", "ugp", "gp", "cs0", "cs1")),
        *(Register(name, 32, Group.COUNTER) for name in ("upcyclelo", "upcyclehi")),
        *(Register(name, 32, Group.SYSTEM) for name in ("framelimit", "framekey")),
        *(Register(name, 32, Group.COUNTER) for name in ("pktcountlo", "pktcounthi")),
        *(Register(name, 32, Group.COUNTER) for name in ("pkt_cnt", "insn_cnt", "hvx_cnt")),
        *(Register(name, 32, Group.COUNTER) for name in ("utimerlo", "utimerhi")),
        *(Register(f"p{number}", 8, Group.STATUS) for number in range(4)),
        *(Register(f"v{number}", 8 * VECTOR_BYTES, Group.VECTOR) for number in range(32)),
        *(Register(f"q{number}", VECTOR_BYTES, Group.VECTOR) for number in range(4)),
    ),
    modes=(
        Mode(
            None,
            None,
            0,
            (4, 8, 12, 16),
            _size_of,
            Objdump(("llvm-objdump", "llvm-objdump-14"), machine=164, flags=0x67, options=("--mattr=+hvxv67",)),
        ),
    ),
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(
        number="r06",
        result="r00",
        arguments=("r00", "r01", "r02", "r03", "r04", "r05"),
        names={
            93: "exit",
            134: "rt_sigaction",
            139: "rt_sigreturn",
            220: "clone",
            221: "execve",
            222: "mmap2",
            278: "getrandom",
            281: "execveat",
            435: "clone3",
        },
    ),
    aliases={},
    least_qemu=(8, 1),
)
