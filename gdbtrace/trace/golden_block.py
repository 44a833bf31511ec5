"""A block of a golden: frame messages as columns of what changes, and back: pure.

docs/golden-format.md has the format.  Nearly all that a std frame says has been said before: its instruction when it
was executed the last time, its registers by the frame before.  So a block has each *shape* once (address, thread,
bytes, mode, and which operands are listed before and after), each operand's bytes but its value once (a *slot*), and of
a frame only the number of its shape, which registers have other values than before, and what the instruction did to
memory.  A message of any other form is kept whole, so that nothing is lost whatever is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Final, NamedTuple

from gdbtrace.errors import TraceFormatError
from gdbtrace.trace.codec import FrameDecoder, encode_memory_operand, encode_std_frame, varint
from gdbtrace.trace.container import MOST_MESSAGE_BYTES
from gdbtrace.trace.frames import MemoryLocation, Operand, OperandList, StdFrame

MOST_FRAMES: Final = 1 << 16
"""In a block, or..."""
MOST_BYTES: Final = 64 << 20
"""...so many bytes of messages and their size fields, and the message that goes beyond."""
SIZE_FIELD_BYTES: Final = 8
_MOST_SLOTS: Final = 1 << 14
"""In a block, likewise."""
_MOST_OPERANDS: Final = 1 << 10
"""In a list.  Of a frame that has more of anything than these the message is kept whole."""
_MOST_VALUE_BYTES: Final = 1 << 10
_MOST_CODE_BYTES: Final = 1 << 6
_MOST_NAME_BYTES: Final = 1 << 8
_MOST_KEPT: Final = 1 << 15
"""Entries of a cache before it is emptied."""
_ALL_BITS: Final = (1 << 64) - 1


class Column(IntEnum):
    """What a block is made of, in this order."""

    SHAPES = 0
    """The number of each frame's shape, from 1; 0: its message stands in LITERALS."""
    DEFINITIONS = 1
    """Shapes, lists and slots, each where its number is there for the first time."""
    CHANGES = 2
    """For each list of a frame a set of bits: which of its registers have another value than before."""
    VALUES = 3
    """These values."""
    ADDRESSES = 4
    """Of memory operands, as differences."""
    CONTENTS = 5
    """The values of memory operands."""
    LITERALS = 6


class _SlotKind(IntEnum):
    CONSTANT = 0
    REGISTER = 1
    MEMORY = 2


class _Memory(NamedTuple):
    """What is the same in all accesses of a memory operand."""

    size_bytes: int
    is_read: bool
    is_written: bool
    is_known: bool
    """Its value was observed."""
    is_translated: bool
    """It has a physical address."""
    device: str

    def entry(self, address: int, physical: int | None, data: bytes | None) -> bytes:
        """An access's entry in the list of operands."""
        return encode_memory_operand(
            address,
            self.size_bytes,
            data,
            read=self.is_read,
            written=self.is_written,
            physical=physical,
            device=self.device,
        )


def _difference(new: int, old: int) -> bytes:
    """From one 64-bit number to another, the short way round; zigzag, as sint64, so that it is short."""
    signed = ((new - old + (1 << 63)) & _ALL_BITS) - (1 << 63)
    return varint((signed << 1 ^ signed >> 63) & _ALL_BITS)


def _bit_set(bits: int) -> bytes:
    """A varint of any length."""
    digits = bytearray()
    while bits > 0x7F:
        digits.append(bits & 0x7F | 0x80)
        bits >>= 7
    digits.append(bits)
    return bytes(digits)


def _counted(data: bytes) -> bytes:
    return varint(len(data)) + data


def _encoded_text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _decoded_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# Encoding.


class _Entry(NamedTuple):
    """An operand of a list, taken apart."""

    slot: int
    register: int | None = None
    value: bytes = b""
    """A register's or memory's."""
    address: int | None = None
    """None: it is not memory."""
    physical: int | None = None


class _List(NamedTuple):
    """A list of operands but for their values."""

    number: int
    slots: tuple[int, ...]
    is_usual: bool
    """No register is there twice, so that after it each has one value."""


class BlockEncoder:
    """Takes messages, until it :attr:`is_full`."""

    def __init__(self) -> None:
        self.frames = 0
        self.size_bytes = 0
        """Of the messages and their size fields."""
        self._columns = [bytearray() for _ in Column]
        self._decoder = FrameDecoder()
        self._entries: dict[int, dict[bytes, _Entry]] = {}
        """Thread -> what was taken apart, but for memory."""
        self._registers: dict[tuple[int, str, int], int] = {}
        """Thread, name, bytes of the value -> number."""
        self._slots: dict[tuple[int, bytes] | bytes | tuple[int, _Memory], int] = {}
        self._definitions: list[bytes] = []
        """Of the slots."""
        self._lists: dict[tuple[int, ...], _List] = {}
        self._shapes: dict[tuple[object, ...], int] = {}
        self._written_slots: set[int] = set()
        """Those that are in DEFINITIONS."""
        self._written_lists: set[int] = set()
        self._values: dict[int, bytes] = {}
        """Of the registers, after the latest frame."""
        self._addresses: dict[tuple[int, int], int] = {}
        """Shape, place of a memory operand in it -> where the latest access was."""
        self._shape_address = self._distance = 0

    @property
    def is_full(self) -> bool:
        """Whether there should be another block."""
        has_room = len(self._definitions) + 2 * _MOST_OPERANDS <= _MOST_SLOTS
        return not has_room or self.frames >= MOST_FRAMES or self.size_bytes >= MOST_BYTES

    def columns(self) -> list[bytes]:
        """What the block is by now."""
        return [bytes(column) for column in self._columns]

    def add(self, message: bytes) -> None:
        """Append a ``frame`` message."""
        self.frames += 1
        self.size_bytes += SIZE_FIELD_BYTES + len(message)
        frame = self._usual_frame(message)
        lists = [] if frame is None else [self._taken_apart(data, frame.thread_id) for data in _lists_of(frame)]
        known = [self._list_of(entries) for entries in lists]
        if frame is None or not all(each.is_usual for each in known):
            self._columns[Column.SHAPES] += varint(0)
            self._columns[Column.LITERALS] += _counted(message)
            return
        shape = self._shape_of(frame, known)
        self._columns[Column.SHAPES] += varint(shape)
        for number, entries in enumerate(lists):
            self._add_registers(entries)
            self._add_memory(entries, shape, number)

    def _usual_frame(self, message: bytes) -> StdFrame | None:
        """A std frame that its parts give again, byte for byte; None: the message is something else."""
        try:
            frame = self._decoder.decode(message)
        except TraceFormatError:
            return None
        if not isinstance(frame, StdFrame) or not isinstance(frame.pre, OperandList):
            return None
        if len(frame.rawbytes) > _MOST_CODE_BYTES or len(_encoded_text(frame.mode or "")) > _MOST_NAME_BYTES:
            return None
        pre, *post = _lists_of(frame)
        again = encode_std_frame(
            frame.address, frame.thread_id, frame.rawbytes, pre, post[0] if post else None, frame.mode
        )
        return frame if again == message else None

    def _taken_apart(self, data: bytes, thread: int) -> list[_Entry]:
        """The entries of a list.  What is not shaped like them is one that does not change."""
        kept = self._entries.setdefault(thread, {})
        entries = []
        accesses = 0
        for entry in _split(data):
            known = kept.get(entry)
            if known is None:
                known = self._new_entry(entry, thread, accesses)
                if known.address is None:
                    if len(kept) >= _MOST_KEPT:
                        kept.clear()
                    kept[entry] = known
                else:
                    accesses += 1
            entries.append(known)
        return entries

    def _new_entry(self, data: bytes, thread: int, accesses: int) -> _Entry:
        """Take an entry apart.

        :param accesses: how many of memory are before it in its list: each has a slot of its own.
        """
        try:
            (operand,) = self._decoder.operands(data, 0, len(data), 0)
        except (TraceFormatError, ValueError):
            return self._constant(data)
        value = operand.value
        if isinstance(operand.location, MemoryLocation):
            return self._memory_entry(data, operand, operand.location, accesses) or self._constant(data)
        if not 0 < len(value) <= _MOST_VALUE_BYTES or not data.endswith(value):
            return self._constant(data)
        register = self._registers.setdefault((thread, operand.name, len(value)), len(self._registers))
        prefix = data[: -len(value)]
        definition = varint(register) + varint(len(value)) + _counted(prefix)
        return _Entry(self._slot_of((register, prefix), _SlotKind.REGISTER, definition), register, value)

    def _constant(self, data: bytes) -> _Entry:
        return _Entry(self._slot_of(data, _SlotKind.CONSTANT, _counted(data)))

    def _memory_entry(self, data: bytes, operand: Operand, location: MemoryLocation, accesses: int) -> _Entry | None:
        """An access's entry; None: it is not what we would make of it."""
        device = location.device
        memory = _Memory(
            operand.bit_length // 8,
            operand.usage.read,
            operand.usage.written,
            bool(operand.value),
            location.physical is not None,
            device,
        )
        try:
            again = memory.entry(location.address, location.physical, operand.value or None)
        except ValueError:
            return None
        if again != data or len(_encoded_text(device)) > _MOST_NAME_BYTES:
            return None
        flags = memory.is_read | memory.is_written << 1 | memory.is_known << 2 | memory.is_translated << 3
        definition = varint(flags) + varint(memory.size_bytes) + _counted(_encoded_text(device))
        slot = self._slot_of((accesses, memory), _SlotKind.MEMORY, definition)
        return _Entry(slot, None, operand.value, location.address, location.physical)

    def _slot_of(self, key: tuple[int, bytes] | bytes | tuple[int, _Memory], kind: _SlotKind, definition: bytes) -> int:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = len(self._definitions)
            self._definitions.append(varint(kind) + definition)
        return slot

    def _list_of(self, entries: Sequence[_Entry]) -> _List:
        slots = tuple([entry.slot for entry in entries])
        known = self._lists.get(slots)
        if known is None:
            registers = [entry.register for entry in entries if entry.register is not None]
            is_usual = len(entries) <= _MOST_OPERANDS and len(set(registers)) == len(registers)
            known = self._lists[slots] = _List(len(self._lists), slots, is_usual)
        return known

    def _shape_of(self, frame: StdFrame, lists: Sequence[_List]) -> int:
        """Its number, from 1; what DEFINITIONS does not have yet is written there."""
        key = (frame.address, frame.thread_id, frame.rawbytes, frame.mode, tuple([each.number for each in lists]))
        number = self._shapes.get(key)
        if number is not None:
            return number
        number = self._shapes[key] = len(self._shapes) + 1
        mode = b"\0" if frame.mode is None else b"\1" + _counted(_encoded_text(frame.mode))
        self._columns[Column.DEFINITIONS] += b"".join(
            (
                _difference(frame.address, self._shape_address),
                varint(frame.thread_id),
                _counted(frame.rawbytes),
                mode,
                varint(len(lists)),
            )
        )
        self._shape_address = frame.address
        for each in lists:
            self._define_list(each)
        return number

    def _define_list(self, known: _List) -> None:
        definitions = self._columns[Column.DEFINITIONS]
        definitions += varint(known.number)
        if known.number in self._written_lists:
            return
        self._written_lists.add(known.number)
        definitions += varint(len(known.slots))
        for slot in known.slots:
            definitions += varint(slot)
            if slot not in self._written_slots:
                self._written_slots.add(slot)
                definitions += self._definitions[slot]

    def _add_registers(self, entries: Sequence[_Entry]) -> None:
        values = self._values
        changes, bit = 0, 1
        for _, register, value, _, _ in entries:
            if register is not None:
                if values.get(register) != value:
                    values[register] = value
                    self._columns[Column.VALUES] += value
                    changes |= bit
                bit <<= 1
        self._columns[Column.CHANGES] += _bit_set(changes)

    def _add_memory(self, entries: Sequence[_Entry], shape: int, list_number: int) -> None:
        addresses = self._columns[Column.ADDRESSES]
        for slot, _, value, address, physical in entries:
            if address is None:
                continue
            place = shape, 2 * slot + list_number
            addresses += _difference(address, self._addresses.get(place, 0))
            self._addresses[place] = address
            if physical is not None:
                addresses += _difference(physical - address, self._distance)
                self._distance = physical - address
            self._columns[Column.CONTENTS] += value


def _lists_of(frame: StdFrame) -> list[bytes]:
    """The lists of operands, as they stand in the message: one, or two."""
    return [each.encoded() for each in (frame.pre, frame.post) if isinstance(each, OperandList)]


def _split(data: bytes) -> Iterator[bytes]:
    """The entries of a list; from where it is not one, all the rest."""
    at, size = 0, len(data)
    while at < size:
        end = size
        if data[at] == 0x0A and at + 2 < size:
            length, body = data[at + 1], at + 2
            if length >= 0x80:
                length, body = length & 0x7F | data[body] << 7, body + 1
            # A longer length gives an entry that is none, or ends elsewhere: bytes like any others.
            end = min(body + length, size)
        yield data[at:end]
        at = end


# Decoding.


class _Cursor:
    """Reads a column."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def number(self) -> int:
        """A varint of any length.  IndexError: the column ends first."""
        number = self._data[self._at]
        self._at += 1
        if number < 0x80:
            return number
        number &= 0x7F
        shift = 7
        while True:
            digit = self._data[self._at]
            self._at += 1
            number |= (digit & 0x7F) << shift
            if digit < 0x80:
                return number
            shift += 7
            if shift > _MOST_OPERANDS + 7:
                raise ValueError("a number without an end")

    def moved(self, old: int) -> int:
        """A 64-bit number as its difference from another."""
        zigzag = self.number()
        return (old + (zigzag >> 1 ^ -(zigzag & 1))) & _ALL_BITS

    def take(self, size: int) -> bytes:
        """So many bytes.  IndexError: there are fewer."""
        at, self._at = self._at, self._at + size
        taken = self._data[at : self._at]
        if len(taken) != size:
            raise IndexError
        return taken

    def counted(self, most: int) -> bytes:
        size = self.number()
        if size > most:
            raise ValueError(f"{size} bytes where {most} can be")
        return self.take(size)


_Take = Callable[[Mapping[int, bytes]], Sequence[bytes]]


class _Slots:
    """A list of operands, being put together."""

    __slots__ = ("_changed", "memory", "registers", "take")

    def __init__(
        self, slots: Sequence[int], registers: Sequence[tuple[int, int]], memory: Sequence[tuple[int, _Memory]]
    ) -> None:
        self.registers = registers
        """With the bytes of their values."""
        self.memory = memory
        self.take = _taker(slots)
        self._changed: dict[int, Sequence[tuple[int, int]]] = {0: ()}

    def changed(self, bits: int) -> Sequence[tuple[int, int]]:
        """The registers of a set of bits."""
        kept = self._changed.get(bits)
        if kept is None:
            if bits >> len(self.registers):
                raise ValueError("a register that the list does not have")
            kept = [register for place, register in enumerate(self.registers) if bits >> place & 1]
            self._changed[bits] = kept
        return kept


def _taker(slots: Sequence[int]) -> _Take:
    """Takes the pieces of these slots."""
    if len(slots) > 1:
        getter: _Take = itemgetter(*slots)
        return getter
    return lambda pieces: [pieces[slot] for slot in slots]


class _Shape:
    __slots__ = ("address", "addresses", "lists", "mode", "rawbytes", "thread")

    def __init__(self, address: int, thread: int, rawbytes: bytes, mode: str | None, lists: Sequence[_Slots]) -> None:
        self.address = address
        self.thread = thread
        self.rawbytes = rawbytes
        self.mode = mode
        self.lists = lists
        self.addresses = [dict.fromkeys((slot for slot, _ in each.memory), 0) for each in lists]
        """Of the latest accesses, by slot."""


class BlockDecoder:
    """Gives the messages of a block.

    Nothing in it is believed: a wrong block raises ValueError, IndexError or KeyError before anything is larger than
    the limits above allow.
    """

    def __init__(self, columns: Sequence[bytes]) -> None:
        self._columns = [_Cursor(column) for column in columns]
        self._definitions = self._columns[Column.DEFINITIONS]
        self._pieces: dict[int, bytes] = {}
        """Slot -> its entry as it is now."""
        self._users: dict[int, list[tuple[int, bytes]]] = {}
        """Register -> slots that show it, with their bytes before the value."""
        self._values: dict[int, bytes] = {}
        self._registers: dict[int, tuple[int, int]] = {}
        """Slot -> register, bytes of its value."""
        self._memory: dict[int, _Memory] = {}
        """Slot -> what it is."""
        self._sizes: dict[int, int] = {}
        """Slot -> bytes at most."""
        self._lists: dict[int, _Slots] = {}
        self._shapes: list[_Shape] = []
        self._shape_address = self._distance = 0

    def iter_messages(self, frames: int) -> Iterator[bytes]:
        """That many."""
        shapes, literals = self._columns[Column.SHAPES], self._columns[Column.LITERALS]
        for _ in range(frames):
            number = shapes.number()
            if not number:
                yield literals.counted(MOST_MESSAGE_BYTES)
                continue
            if number == len(self._shapes) + 1:
                self._define_shape()
            shape = self._shapes[number - 1]
            lists = [self._entries_of(each, at) for each, at in zip(shape.lists, shape.addresses, strict=True)]
            yield encode_std_frame(
                shape.address,
                shape.thread,
                shape.rawbytes,
                lists[0],
                lists[1] if len(lists) > 1 else None,
                shape.mode,
            )
        if not all(column.is_at_end for column in self._columns):
            raise ValueError("more than the frames need")

    def _entries_of(self, slots: _Slots, addresses: dict[int, int]) -> bytes:
        pieces = self._pieces
        bits = self._columns[Column.CHANGES].number()
        if bits:
            take = self._columns[Column.VALUES].take
            for register, length in slots.changed(bits):
                value = self._values[register] = take(length)
                for slot, prefix in self._users[register]:
                    pieces[slot] = prefix + value
        for slot, memory in slots.memory:
            pieces[slot] = self._access(slot, memory, addresses)
        return b"".join(slots.take(pieces))

    def _access(self, slot: int, memory: _Memory, addresses: dict[int, int]) -> bytes:
        cursor = self._columns[Column.ADDRESSES]
        address = addresses[slot] = cursor.moved(addresses[slot])
        physical = None
        if memory.is_translated:
            self._distance = cursor.moved(self._distance)
            physical = (address + self._distance) & _ALL_BITS
        data = self._columns[Column.CONTENTS].take(memory.size_bytes) if memory.is_known else None
        return memory.entry(address, physical, data)

    def _define_shape(self) -> None:
        read = self._definitions
        self._shape_address = read.moved(self._shape_address)
        thread = read.number()
        rawbytes = read.counted(_MOST_CODE_BYTES)
        mode = _decoded_text(read.counted(_MOST_NAME_BYTES)) if read.number() else None
        count = read.number()
        if count not in (1, 2):
            raise ValueError(f"{count} lists of operands")
        lists = [self._read_list() for _ in range(count)]
        self._shapes.append(_Shape(self._shape_address, thread, rawbytes, mode, lists))

    def _read_list(self) -> _Slots:
        number = self._definitions.number()
        known = self._lists.get(number)
        if known is None:
            count = self._definitions.number()
            if count > _MOST_OPERANDS:
                raise ValueError(f"a list of {count} operands")
            slots = [self._read_slot() for _ in range(count)]
            if sum(self._sizes[slot] for slot in slots) > MOST_MESSAGE_BYTES:
                raise ValueError("a list that no message can have")
            known = self._lists[number] = _Slots(
                slots,
                [self._registers[slot] for slot in slots if slot in self._registers],
                [(slot, self._memory[slot]) for slot in slots if slot in self._memory],
            )
        return known

    def _read_slot(self) -> int:
        read = self._definitions
        slot = read.number()
        if slot in self._sizes:
            return slot
        if len(self._sizes) >= _MOST_SLOTS:
            raise ValueError("too many different operands")
        kind = read.number()
        if kind == _SlotKind.CONSTANT:
            self._pieces[slot] = read.counted(MOST_MESSAGE_BYTES)
            self._sizes[slot] = len(self._pieces[slot])
        elif kind == _SlotKind.REGISTER:
            self._define_register(slot)
        elif kind == _SlotKind.MEMORY:
            flags, size = read.number(), read.number()
            device = _decoded_text(read.counted(_MOST_NAME_BYTES))
            is_read, is_written, is_known, is_translated = (bool(flags >> bit & 1) for bit in range(4))
            self._memory[slot] = _Memory(size, is_read, is_written, is_known, is_translated, device)
            self._sizes[slot] = size
        else:
            raise ValueError(f"an operand of kind {kind}")
        return slot

    def _define_register(self, slot: int) -> None:
        register, length = self._definitions.number(), self._definitions.number()
        prefix = self._definitions.counted(MOST_MESSAGE_BYTES)
        if length > _MOST_VALUE_BYTES:
            raise ValueError(f"a register of {length} bytes")
        self._registers[slot] = register, length
        self._sizes[slot] = len(prefix) + length
        self._users.setdefault(register, []).append((slot, prefix))
        if register in self._values:
            self._pieces[slot] = prefix + self._values[register]
