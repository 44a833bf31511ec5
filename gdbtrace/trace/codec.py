"""Frames to bytes and back.

protobuf is the reference, but at one Python object per field it is too slow for std frames: their usual shape (fields
in tag order, nothing unknown, as every producer writes them) is read and written here directly. Whatever has another
shape goes to protobuf, which also decides what is damaged.

Strings are ``bytes`` in the schema, the same on the wire, since file names and arguments of guests need not be UTF-8:
they are decoded with ``surrogateescape``, so escape them before printing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from gdbtrace.errors import TraceFormatError
from gdbtrace.trace.frames import (
    NO_USAGE,
    ExceptionFrame,
    FileStats,
    Frame,
    KeyFrame,
    Location,
    MemoryLocation,
    MetaFrame,
    ModloadFrame,
    Operand,
    OperandList,
    RegisterLocation,
    StdFrame,
    SyscallFrame,
    TaggedValues,
    Taint,
    TaintIntro,
    TaintIntroFrame,
    Target,
    Tracer,
    UnknownFrame,
    Usage,
)

SCHEMA: Final = {
    "frame": "1?std_frame std_frame, 2?syscall_frame syscall_frame, 3?exception_frame exception_frame, "
    "4?taint_intro_frame taint_intro_frame, 5?modload_frame modload_frame, 6?key_frame key_frame",
    "std_frame": "1!uint64 address, 2!uint64 thread_id, 3!bytes rawbytes, 4!operand_value_list operand_pre_list, "
    "5?operand_value_list operand_post_list, 6?bytes mode",
    "operand_value_list": "1*operand_info elem",
    "operand_info": "1!operand_info_specific operand_info_specific, 2!sint32 bit_length, "
    "3!operand_usage operand_usage, 4!taint_info taint_info, 5!bytes value",
    "operand_info_specific": "1?mem_operand mem_operand, 2?reg_operand reg_operand",
    "mem_operand": "1!uint64 address, 100?uint64 physical_address, 101?bytes device",
    "reg_operand": "1!bytes name",
    "operand_usage": "1!bool read, 2!bool written, 3!bool index, 4!bool base",
    "taint_info": "1?bool no_taint, 2?uint64 taint_id, 3?bool taint_multiple",
    "syscall_frame": "1!uint64 address, 2!uint64 thread_id, 3!uint64 number, 4!argument_list argument_list",
    "argument_list": "1*sint64 elem",
    "exception_frame": "1!uint64 exception_number, 2?uint64 thread_id, 3?uint64 from_addr, 4?uint64 to_addr",
    "taint_intro_frame": "1!taint_intro_list taint_intro_list",
    "taint_intro_list": "1*taint_intro elem",
    "taint_intro": "1!uint64 addr, 2!uint64 taint_id, 3?bytes value, 4?bytes source_name, 5?uint64 offset",
    "modload_frame": "1!bytes module_name, 2!uint64 low_address, 3!uint64 high_address",
    "key_frame": "1!tagged_value_lists tagged_value_lists",
    "tagged_value_lists": "1*tagged_value_list elem",
    "tagged_value_list": "1!value_source_tag value_source_tag, 2!value_list value_list",
    "value_source_tag": "1?bool no_thread_id, 2?uint64 thread_id",
    "value_list": "1*value_info elem",
    "value_info": "1!operand_info_specific operand_info_specific, 2!sint32 bit_length, 3?taint_info taint_info, "
    "4!bytes value",
    "meta_frame": "1!tracer tracer, 2!target target, 3!fstats fstats, 4!bytes user, 5!bytes host, 6!double time",
    "tracer": "1!bytes name, 2*bytes args, 3*bytes envp, 4!bytes version",
    "target": "1!bytes path, 2*bytes args, 3*bytes envp, 4!bytes md5sum",
    "fstats": "1!sint32 size, 2!double atime, 3!double mtime, 4!double ctime",
}
"""Messages of bap-frames (proto2): number, then ``!`` required, ``?`` optional or ``*`` repeated, type, name."""

_FIELD = re.compile(r"(\d+)([!?*])(\w+) (\w+)")
_PACKAGE = "bap_frame"


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="bap_frame.proto", package=_PACKAGE, syntax="proto2")
    field_type = descriptor_pb2.FieldDescriptorProto
    labels = {"!": field_type.LABEL_REQUIRED, "?": field_type.LABEL_OPTIONAL, "*": field_type.LABEL_REPEATED}
    scalars = {
        "uint64": field_type.TYPE_UINT64,
        "sint64": field_type.TYPE_SINT64,
        "sint32": field_type.TYPE_SINT32,
        "bool": field_type.TYPE_BOOL,
        "bytes": field_type.TYPE_BYTES,
        "double": field_type.TYPE_DOUBLE,
    }
    for message_name, fields in SCHEMA.items():
        message = file.message_type.add(name=message_name)
        for number, label, kind, name in _FIELD.findall(fields):
            field = message.field.add(name=name, number=int(number), label=labels[label])
            if kind in scalars:
                field.type = scalars[kind]
            else:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in SCHEMA}


MESSAGES: Final[dict[str, Any]] = _message_classes()
"""The protobuf class of every message in the schema."""

_NO_TAINT = b"\x22\x02\x08\x01"
_MOST_SHORT_BYTES = 0x7F - 3
"""Of an address, if the lengths around it are to be one byte each."""
_MOST_OPERAND_BITS = 8 << 24
"""s390x MVCL moves the most that one instruction can, lengths of 24 bits: more is damage, and must not be believed."""
_MOST_KEPT = 1 << 15
"""Entries of a cache before it is emptied."""


# Encoding. Pieces first: the recorder calls these for every step.


def _long_varint(number: int) -> bytes:
    if not 0 <= number < 1 << 64:
        raise ValueError(f"{number:#x} is not an unsigned 64-bit number")
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


_SHORT_VARINTS: Final = tuple(_long_varint(number) for number in range(1 << 14))


def varint(number: int) -> bytes:
    """Protobuf's encoding of an unsigned number of 64 bits.

    :raise ValueError: it is none.
    """
    return _SHORT_VARINTS[number] if 0 <= number < 1 << 14 else _long_varint(number)


def _encoded_string(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _encoded_bits(bit_length: int) -> bytes:
    """``bit_length`` is a sint32, so zigzag: 32 is 40."""
    if not 0 <= bit_length <= _MOST_OPERAND_BITS:
        raise ValueError(f"an operand cannot have {bit_length} bits")
    return b"\x10" + varint(bit_length << 1)


def _encoded_usage(usage: Usage) -> bytes:
    return bytes((0x1A, 8, 8, usage.read, 0x10, usage.written, 0x18, usage.index, 0x20, usage.base))


def _encoded_taint(taint: Taint | None) -> bytes:
    if taint is None:
        return _NO_TAINT
    info = b"\x18\x01" if taint.taint_id is None else b"\x10" + varint(taint.taint_id)
    return b"\x22" + varint(len(info)) + info


def _encoded_location(location: Location) -> bytes:
    specific = _encoded_specific(location)
    return b"\x0a" + varint(len(specific)) + specific


def _encoded_specific(location: Location) -> bytes:
    if isinstance(location, MemoryLocation):
        tag = b"\x0a"
        inner = b"\x08" + varint(location.address) + _encoded_place(location.physical, location.device)
    else:
        name = _encoded_string(location.name)
        tag, inner = b"\x12", b"\x0a" + varint(len(name)) + name
    return tag + varint(len(inner)) + inner


@lru_cache(maxsize=1024)
def _encoded_place(physical: int | None, device: str) -> bytes:
    """Our own fields of a memory operand, which other readers skip."""
    fields = b"" if physical is None else b"\xa0\x06" + varint(physical)
    if device:
        name = _encoded_string(device)
        fields += b"\xaa\x06" + varint(len(name)) + name
    return fields


def _entry(body: bytes) -> bytes:
    return b"\x0a" + varint(len(body)) + body


def encode_operand(operand: Operand) -> bytes:
    """The entry of an operand in an ``operand_value_list``."""
    return _entry(
        b"".join(
            (
                _encoded_location(operand.location),
                _encoded_bits(operand.bit_length),
                _encoded_usage(operand.usage),
                _encoded_taint(operand.taint),
                b"\x2a" + varint(len(operand.value)),
                operand.value,
            )
        )
    )


class RegisterEncoder:
    """Makes the entries of one register from its values: all but the value is made once.

    The value is little-endian, ``(bits + 7) // 8`` bytes.
    """

    __slots__ = ("_length", "_name", "_prefix")

    def __init__(self, name: str, bits: int, *, read: bool, written: bool) -> None:
        self._name = name
        self._length = (bits + 7) // 8
        blank = encode_operand(Operand(RegisterLocation(name), bits, bytes(self._length), Usage(read, written)))
        self._prefix = blank[: len(blank) - self._length]

    def __call__(self, value: bytes) -> bytes:
        if len(value) != self._length:
            raise ValueError(f"register {self._name} takes {self._length} bytes, not {len(value)}")
        return self._prefix + value


@lru_cache(maxsize=1024)
def _memory_middle(size: int, length: int, read: bool, written: bool) -> bytes:
    """What stands between a memory operand's address and its value of ``length`` bytes."""
    usage = Usage(read, written)
    return _encoded_bits(8 * size) + _encoded_usage(usage) + _NO_TAINT + b"\x2a" + varint(length)


def encode_memory_operand(
    address: int,
    size: int,
    data: bytes | None,
    *,
    read: bool,
    written: bool,
    physical: int | None = None,
    device: str = "",
) -> bytes:
    """The entry of a memory access in an ``operand_value_list``.

    :param data: ``size`` bytes in memory order; None: they could not be read, which gives an empty value.
    :param physical: see :class:`~gdbtrace.trace.frames.MemoryLocation`, and for ``device``.
    """
    if data is None:
        data = b""
    elif len(data) != size:
        raise ValueError(f"an access of {size} bytes with {len(data)} bytes of data")
    digits = varint(address)
    if physical is not None or device:
        digits += _encoded_place(physical, device)
    length = len(digits)
    middle = _memory_middle(size, len(data), read, written)
    body_length = length + 5 + len(middle) + len(data)
    if length > _MOST_SHORT_BYTES:
        inner = b"\x0a" + varint(length + 1) + b"\x08" + digits
        return _entry(b"\x0a" + varint(len(inner)) + inner + middle + data)
    prefix = b"\x0a%b\x0a%c\x0a%c\x08" % (varint(body_length), length + 3, length + 1)
    return b"".join((prefix, digits, middle, data))


@lru_cache(maxsize=_MOST_KEPT)
def _std_head(address: int, thread_id: int, rawbytes: bytes) -> bytes:
    """The fields of a std frame before its operands, and the tag of the pre list."""
    return b"".join(
        (b"\x08", varint(address), b"\x10", varint(thread_id), b"\x1a", varint(len(rawbytes)), rawbytes, b"\x22")
    )


@lru_cache(maxsize=64)
def _std_tail(mode: str | None) -> bytes:
    """The fields of a std frame after its operands."""
    if mode is None:
        return b""
    text = _encoded_string(mode)
    return b"\x32" + varint(len(text)) + text


def encode_std_frame(
    address: int,
    thread_id: int,
    rawbytes: bytes,
    pre_entries: bytes,
    post_entries: bytes | None,
    mode: str | None,
) -> bytes:
    """A whole ``frame`` message.

    :param pre_entries: entries made by the other functions, one after the other.
    :param post_entries: likewise; None: the instruction did not finish.
    """
    head = _std_head(address, thread_id, rawbytes)
    before = varint(len(pre_entries))
    tail = _std_tail(mode)
    length = len(head) + len(before) + len(pre_entries) + len(tail)
    if post_entries is None:
        return b"".join((b"\x0a", varint(length), head, before, pre_entries, tail))
    after = varint(len(post_entries))
    length += 1 + len(after) + len(post_entries)
    return b"".join((b"\x0a", varint(length), head, before, pre_entries, b"\x2a", after, post_entries, tail))


def encode_frame(frame: Frame) -> bytes:
    """A whole ``frame`` message.

    :raise ValueError: a number does not fit its field.
    """
    match frame:
        case StdFrame():
            pre = b"".join(map(encode_operand, frame.pre))
            post = None if frame.post is None else b"".join(map(encode_operand, frame.post))
            return encode_std_frame(frame.address, frame.thread_id, frame.rawbytes, pre, post, frame.mode)
        case UnknownFrame():
            return frame.data
    message = MESSAGES["frame"]()
    match frame:
        case SyscallFrame():
            syscall = message.syscall_frame
            syscall.address, syscall.thread_id, syscall.number = frame.address, frame.thread_id, frame.number
            syscall.argument_list.SetInParent()
            syscall.argument_list.elem.extend(frame.arguments)
        case ExceptionFrame():
            message.exception_frame.exception_number = frame.exception_number
            _set_present(message.exception_frame, frame, ("thread_id", "from_addr", "to_addr"))
        case ModloadFrame():
            module = message.modload_frame
            module.module_name = _encoded_string(frame.module_name)
            module.low_address, module.high_address = frame.low_address, frame.high_address
        case TaintIntroFrame():
            message.taint_intro_frame.taint_intro_list.SetInParent()
            for taint in frame.taints:
                elem = message.taint_intro_frame.taint_intro_list.elem.add(addr=taint.addr, taint_id=taint.taint_id)
                _set_present(elem, taint, ("value", "offset"))
                if taint.source_name is not None:
                    elem.source_name = _encoded_string(taint.source_name)
        case KeyFrame():
            message.key_frame.tagged_value_lists.SetInParent()
            for tagged in frame.tagged_values:
                _add_tagged_values(message.key_frame.tagged_value_lists.elem.add(), tagged)
    encoded: bytes = message.SerializeToString()
    return encoded


def _set_present(message: Any, values: object, names: Iterable[str]) -> None:
    for name in names:
        if (value := getattr(values, name)) is not None:
            setattr(message, name, value)


def _add_tagged_values(message: Any, tagged: TaggedValues) -> None:
    if tagged.thread_id is None:
        message.value_source_tag.no_thread_id = True
    else:
        message.value_source_tag.thread_id = tagged.thread_id
    message.value_list.SetInParent()
    for operand in tagged.values:
        info = message.value_list.elem.add(bit_length=operand.bit_length, value=operand.value)
        info.operand_info_specific.ParseFromString(_encoded_specific(operand.location))
        if operand.taint is None:
            info.taint_info.no_taint = True
        elif operand.taint.taint_id is None:
            info.taint_info.taint_multiple = True
        else:
            info.taint_info.taint_id = operand.taint.taint_id


def encode_meta_frame(meta: MetaFrame) -> bytes:
    """A whole ``meta_frame`` message, which stands in no ``frame``."""
    tracer, target, stats = meta.tracer, meta.target, meta.fstats
    message = MESSAGES["meta_frame"](
        tracer={
            "name": _encoded_string(tracer.name),
            "args": map(_encoded_string, tracer.args),
            "envp": map(_encoded_string, tracer.envp),
            "version": _encoded_string(tracer.version),
        },
        target={
            "path": _encoded_string(target.path),
            "args": map(_encoded_string, target.args),
            "envp": map(_encoded_string, target.envp),
            "md5sum": target.md5sum,
        },
        fstats={
            "size": (stats.size + (1 << 31)) % (1 << 32) - (1 << 31),
            "atime": stats.atime,
            "mtime": stats.mtime,
            "ctime": stats.ctime,
        },
        user=_encoded_string(meta.user),
        host=_encoded_string(meta.host),
        time=meta.time,
    )
    encoded: bytes = message.SerializeToString()
    return encoded


# Decoding.

# Every producer writes these fields in this order; a number of ten bytes (an address of 2**63 or more) ends in 01.
_NUMBER = rb"(?:[\x80-\xff]{0,8}[\x00-\x7f]|[\x80-\xff]{9}\x01)"
_USUAL_HEAD = re.compile(rb"\x08(" + _NUMBER + rb")\x10(" + _NUMBER + rb")\x1a[\x00-\x7f]")
_USUAL_MIDDLE = re.compile(
    rb"\x10([\x80-\xff]{0,3}[\x00-\x7f])"
    rb"\x1a\x08\x08([\x00\x01])\x10([\x00\x01])\x18([\x00\x01])\x20([\x00\x01])"
    rb"\x22\x02\x08\x01\x2a([\x80-\xff]{0,3}[\x00-\x7f])"
)
_USUAL_MEMORY = re.compile(rb"\x0a([\x02-\x0b])\x08(" + _NUMBER + rb")")
_USAGES = {
    bytes((read, written, index, base)): Usage(bool(read), bool(written), bool(index), bool(base))
    for read in (0, 1)
    for written in (0, 1)
    for index in (0, 1)
    for base in (0, 1)
}


class _UnusualShape(Exception):
    """Bytes that protobuf has to look at."""


def _number_of(digits: bytes) -> int:
    """The value of a varint that is known to be one."""
    number = shift = 0
    for digit in digits:
        number |= (digit & 0x7F) << shift
        shift += 7
    return number


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    """A length of up to four bytes at ``at``, and where it ends. IndexError: the data ends first."""
    length = shift = 0
    for position in range(at, at + 4):
        digit = data[position]
        length |= (digit & 0x7F) << shift
        if digit < 0x80:
            return length, position + 1
        shift += 7
    raise _UnusualShape


class _Layout(NamedTuple):
    """Where the entries of an ``operand_value_list`` are."""

    leads_of: Callable[[bytes], tuple[int, ...]]
    """Takes tag and length of each entry out of a list."""
    leads: tuple[int, ...]
    """What these must be: each length says where the next entry is."""
    entries_of: Callable[[bytes], tuple[bytes, ...]]
    """Takes the entries out of a list, and one of no bytes behind them."""


class _Shape(NamedTuple):
    """What a std frame's message holds beside its operands. Its lead, up to the first of them, tells how long the whole
    message and the pre list are, so others with the same lead differ in the operands' bytes alone, if `between` and
    `tail` are the same, too."""

    address: int
    thread_id: int
    rawbytes: bytes
    pre_at: int
    pre_end: int
    between: bytes
    """Tag and length of the post list; empty: there is none."""
    post_at: int
    post_end: int
    tail: bytes
    """Behind the lists: the mode as it stands in the message."""
    mode: str | None


class FrameDecoder:
    """Decodes the frames of one trace.

    Registers seldom change from frame to frame, so decoded operands are kept by their bytes and shared; the caches are
    bounded. Not to be shared between threads.

    :param path: for messages; None: the bytes are not from a file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._shapes: dict[bytes, _Shape] = {}
        self._lead_ends: dict[int, int] = {}
        """Where the operands of the latest message of a size began."""
        self._modes: dict[bytes, str | None] = {b"": None}
        self._registers: dict[bytes, Operand] = {}
        self._names: dict[bytes, RegisterLocation] = {}
        self._middles: dict[bytes, tuple[int, Usage, int]] = {}
        self._lengths: set[int] = set()
        self._registers_passed = re.compile(b"")
        self._layouts: dict[int, _Layout] = {}

    def decode(self, data: bytes, offset: int = 0) -> Frame:
        """Decode a ``frame`` message. The operands of a std frame may turn out to be damaged when they are looked at.

        :param offset: where ``data`` stands in the trace.
        :raise TraceFormatError: it is damaged.
        """
        try:
            # Messages of one size mostly begin alike: where the lead of this one ends is guessed by that.
            shape = self._shapes.get(data[: self._lead_ends.get(len(data), 0)]) or self._shape_of(data)
            address, thread_id, rawbytes, pre_at, pre_end, between, post_at, post_end, tail, mode = shape
            if data[pre_end:post_at] != between or data[post_end:] != tail:
                shape = self._shape_of(data)
                address, thread_id, rawbytes, pre_at, pre_end, between, post_at, post_end, tail, mode = shape
        except (IndexError, _UnusualShape):
            return self._any_frame(data, offset)
        pre = OperandList(self, data, pre_at, pre_end, offset)
        post = OperandList(self, data, post_at, post_end, offset) if between else None
        return StdFrame(address, thread_id, rawbytes, pre, post, mode)

    def _shape_of(self, data: bytes) -> _Shape:
        """What a message holds beside its operands, kept by all that is before the first one.

        IndexError: it ends first.
        """
        size = len(data)
        length, at = _read_length(data, 1)
        found = _USUAL_HEAD.match(data, at)
        if found is None or data[0] != 0x0A or at + length != size:
            raise _UnusualShape
        raw_at = found.end()
        raw_end = raw_at + data[raw_at - 1]
        if data[raw_end] != 0x22:
            raise _UnusualShape
        length, pre_at = _read_length(data, raw_end + 1)
        pre_end = post_at = post_end = pre_at + length
        if pre_end < size and data[pre_end] == 0x2A:
            length, post_at = _read_length(data, pre_end + 1)
            post_end = post_at + length
        if post_end > size:
            raise _UnusualShape
        tail = data[post_end:]
        mode = self._modes[tail] if tail in self._modes else self._mode_of(tail)
        if len(self._shapes) >= _MOST_KEPT:
            self._shapes.clear()
            self._lead_ends.clear()
        self._lead_ends[size] = pre_at
        shape = self._shapes[data[:pre_at]] = _Shape(
            _number_of(found[1]),
            _number_of(found[2]),
            data[raw_at:raw_end],
            pre_at,
            pre_end,
            data[pre_end:post_at],
            post_at,
            post_end,
            tail,
            mode,
        )
        return shape

    def _mode_of(self, tail: bytes) -> str:
        if tail[0] != 0x32 or tail[1] >= 0x80 or tail[1] != len(tail) - 2:
            raise _UnusualShape
        mode = _decoded_string(tail[2:])
        if len(self._modes) < _MOST_KEPT:
            self._modes[tail] = mode
        return mode

    def operands(self, data: bytes, start: int, end: int, offset: int) -> tuple[Operand, ...]:
        """Decode the ``operand_value_list`` in ``data[start:end]``.

        :raise TraceFormatError: it is damaged.
        """
        kept = self._registers
        decoded: list[Operand] = []
        at = start
        try:
            while at < end:
                length = data[at + 1]
                if length < 0x80:
                    after = at + 2 + length
                else:
                    length, body = _read_length(data, at + 1)
                    after = body + length
                entry = data[at:after]
                operand = kept.get(entry)
                decoded.append(self._new_operand(entry, offset + at) if operand is None else operand)
                at = after
        except (IndexError, _UnusualShape):
            return self._any_operands(data[start:end], offset + start)
        if at != end:
            raise TraceFormatError(self._path, offset + start, "an operand runs beyond its list")
        return tuple(decoded)

    def entries(self, data: bytes, start: int, end: int) -> tuple[bytes, ...] | None:
        """The ``operand_value_list`` in ``data[start:end]``, cut into its entries; None: it has no usual shape.

        Lists of one length are mostly of the same registers: where the entries begin is found out once for each length,
        and then only checked.
        """
        operands = data[start:end]
        layout = self._layouts.get(end - start)
        if layout is None or layout.leads_of(operands) != layout.leads:
            layout = self._layout_of(operands)
            if layout is None:
                return None
        return layout.entries_of(operands)[:-1]

    def _layout_of(self, operands: bytes) -> _Layout | None:
        """How a list is laid out, kept for others of its length."""
        places: list[int] = [0, 0]
        entries = []
        at, end = 0, len(operands)
        try:
            while at < end:
                length, body = _read_length(operands, at + 1)
                if operands[at] != 0x0A:
                    return None
                places += range(at, body)
                entries.append(slice(at, body + length))
                at = body + length
        except (IndexError, _UnusualShape):
            return None
        if at != end or not entries:
            return None
        # Of a single item itemgetter makes no tuple.
        leads_of = itemgetter(*places)
        layout = _Layout(leads_of, leads_of(operands), itemgetter(*entries, slice(0, 0)))
        if len(self._layouts) >= _MOST_KEPT:
            self._layouts.clear()
        self._layouts[end] = layout
        return layout

    def operand(self, entry: bytes, offset: int) -> Operand:
        """Decode one entry of :meth:`entries`.

        :raise TraceFormatError: it is damaged.
        """
        return self._registers.get(entry) or self.operands(entry, 0, len(entry), offset)[0]

    def memory_operands(self, data: bytes, start: int, end: int, offset: int) -> tuple[Operand, ...]:
        """Likewise, but only the memory operands; registers are passed over without a look, many at once."""
        kept, pass_over = self._registers, self._registers_passed.match
        decoded: list[Operand] = []
        try:
            at = pass_over(data, start, end).end()  # type: ignore[union-attr]
            while at < end:
                length, body = _read_length(data, at + 1)
                after = body + length
                entry = data[at:after]
                operand = kept.get(entry) or self._new_operand(entry, offset + at)
                if operand.is_memory:
                    decoded.append(operand)
                elif entry[1] < 0x80 and entry[2] == 0x0A and entry[4] == 0x12:
                    pass_over = self._learn_length(length).match
                at = pass_over(data, after, end).end() if after < end else after  # type: ignore[union-attr]
        except (IndexError, _UnusualShape):
            every = self._any_operands(data[start:end], offset + start)
            return tuple(operand for operand in every if operand.is_memory)
        if at != end:
            raise TraceFormatError(self._path, offset + start, "an operand runs beyond its list")
        return tuple(decoded)

    def _learn_length(self, length: int) -> re.Pattern[bytes]:
        """Registers of that length are passed over from now on."""
        self._lengths.add(length)
        # 0a <length> 0a <length> 12: a register in the usual order. There are few different lengths, 124 at most.
        choices = b"|".join(re.escape(bytes([length])) + rb"\x0a.\x12.{%d}" % (length - 3) for length in self._lengths)
        self._registers_passed = re.compile(rb"(?:\x0a(?:" + choices + rb"))*+", re.DOTALL)
        return self._registers_passed

    def _new_operand(self, entry: bytes, offset: int) -> Operand:
        """Decode an entry: ``operand_info`` behind its tag and length.

        :raise TraceFormatError: it is damaged.
        :raise _UnusualShape: it is no operand at all.
        """
        if entry[0] != 0x0A:
            raise _UnusualShape
        body = 2 if entry[1] < 0x80 else _read_length(entry, 1)[1]
        try:
            operand = self._usual_operand(entry, body)
        except (IndexError, _UnusualShape):
            return self._operand_of(self._parsed("operand_info", entry[body:], offset + body), offset + body)
        if not operand.is_memory:
            if len(self._registers) >= _MOST_KEPT:
                self._registers.clear()
            self._registers[entry] = operand
        return operand

    def _usual_operand(self, entry: bytes, at: int) -> Operand:
        if entry[at] != 0x0A or entry[at + 1] >= 0x80:
            raise _UnusualShape
        start = at + 2
        end = start + entry[at + 1]
        # <bit length>, then 16 bytes: usage, taint, and the length of a value of up to 127 bytes
        value_at = end + 18 + (entry[end + 1] >> 7)
        middle = self._middles.get(entry[end:value_at])
        if middle is None:
            found = _USUAL_MIDDLE.match(entry, end)
            if found is None or (zigzag := _number_of(found[1])) & 1 or zigzag >> 1 > _MOST_OPERAND_BITS:
                raise _UnusualShape
            usage = _USAGES[found[2] + found[3] + found[4] + found[5]]
            middle = zigzag >> 1, usage, _number_of(found[6])
            if found.end() == value_at and len(self._middles) < _MOST_KEPT:
                self._middles[found[0]] = middle
            value_at = found.end()
        bit_length, usage, length = middle
        value = entry[value_at:]
        if len(value) != length:
            raise _UnusualShape
        return Operand(self._usual_location(entry[start:end]), bit_length, value, usage)

    def _usual_location(self, specific: bytes) -> Location:
        kept = self._names.get(specific)
        if kept is not None:
            return kept
        found = _USUAL_MEMORY.fullmatch(specific)
        if found is not None and specific[1] == len(specific) - 2:
            return MemoryLocation(_number_of(found[2]))
        size = len(specific)
        if specific[0] != 0x12 or specific[1] != size - 2 or specific[2] != 0x0A or specific[3] != size - 4:
            raise _UnusualShape
        if len(self._names) >= _MOST_KEPT:
            self._names.clear()
        location = self._names[specific] = RegisterLocation(_decoded_string(specific[4:]))
        return location

    def check(self, data: bytes, offset: int = 0) -> None:
        """Decode a frame to the last operand.

        :raise TraceFormatError: it is damaged, or of a kind that we do not know, as most damage would be.
        """
        frame = self.decode(data, offset)
        if isinstance(frame, UnknownFrame):
            raise TraceFormatError(self._path, offset, "not a frame of a known kind")
        if isinstance(frame, StdFrame):
            for operands in (frame.pre, frame.post or ()):
                tuple(operands)

    # What follows goes through protobuf.

    def _parsed(self, name: str, data: bytes, offset: int) -> Any:
        message = MESSAGES[name]()
        try:
            message.ParseFromString(data)
        except DecodeError as error:
            raise TraceFormatError(self._path, offset, f"{name} cannot be decoded") from error
        if not message.IsInitialized():
            missing = ", ".join(message.FindInitializationErrors())
            raise TraceFormatError(self._path, offset, f"{name} lacks {missing}")
        return message

    def _any_frame(self, data: bytes, offset: int) -> Frame:
        message = self._parsed("frame", data, offset)
        kinds = [field.name for field, _ in message.ListFields()]
        if not kinds:
            return UnknownFrame(data)
        if len(kinds) > 1:
            raise TraceFormatError(self._path, offset, f"a frame that is {' and '.join(kinds)} at once")
        content = getattr(message, kinds[0])
        match kinds[0]:
            case "std_frame":
                post = content.operand_post_list if content.HasField("operand_post_list") else None
                return StdFrame(
                    content.address,
                    content.thread_id,
                    content.rawbytes,
                    self._operands_of(content.operand_pre_list.elem, offset),
                    None if post is None else self._operands_of(post.elem, offset),
                    _decoded_string(content.mode) if content.HasField("mode") else None,
                )
            case "syscall_frame":
                return SyscallFrame(
                    content.address, content.thread_id, content.number, tuple(content.argument_list.elem)
                )
            case "exception_frame":
                return ExceptionFrame(
                    content.exception_number,
                    *(_value_of(content, name) for name in ("thread_id", "from_addr", "to_addr")),
                )
            case "modload_frame":
                return ModloadFrame(_decoded_string(content.module_name), content.low_address, content.high_address)
            case "taint_intro_frame":
                return TaintIntroFrame(tuple(map(_taint_intro_of, content.taint_intro_list.elem)))
            case _:
                return KeyFrame(
                    tuple(self._tagged_values_of(tagged, offset) for tagged in content.tagged_value_lists.elem)
                )

    def _any_operands(self, data: bytes, offset: int) -> tuple[Operand, ...]:
        return self._operands_of(self._parsed("operand_value_list", data, offset).elem, offset)

    def _operands_of(self, infos: Sequence[Any], offset: int) -> tuple[Operand, ...]:
        return tuple(self._operand_of(info, offset) for info in infos)

    def _operand_of(self, info: Any, offset: int) -> Operand:
        usage = info.operand_usage
        return Operand(
            self._location_of(info.operand_info_specific, offset),
            self._bit_length_of(info, offset),
            info.value,
            Usage(usage.read, usage.written, usage.index, usage.base),
            _taint_of(info.taint_info),
        )

    def _tagged_values_of(self, tagged: Any, offset: int) -> TaggedValues:
        return TaggedValues(
            _value_of(tagged.value_source_tag, "thread_id"),
            tuple(
                Operand(
                    self._location_of(info.operand_info_specific, offset),
                    self._bit_length_of(info, offset),
                    info.value,
                    NO_USAGE,
                    _taint_of(info.taint_info),
                )
                for info in tagged.value_list.elem
            ),
        )

    def _bit_length_of(self, info: Any, offset: int) -> int:
        bit_length: int = info.bit_length
        if not 0 <= bit_length <= _MOST_OPERAND_BITS:
            raise TraceFormatError(self._path, offset, f"an operand of {bit_length} bits")
        return bit_length

    def _location_of(self, specific: Any, offset: int) -> Location:
        if specific.HasField("mem_operand") == specific.HasField("reg_operand"):
            raise TraceFormatError(self._path, offset, "an operand must be either a register or memory")
        if specific.HasField("mem_operand"):
            memory = specific.mem_operand
            return MemoryLocation(memory.address, _value_of(memory, "physical_address"), _decoded_string(memory.device))
        return RegisterLocation(_decoded_string(specific.reg_operand.name))


def _decoded_string(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _value_of(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


def _taint_of(info: Any) -> Taint | None:
    if info.HasField("taint_id"):
        return Taint(info.taint_id)
    return Taint(None) if info.taint_multiple else None


def _taint_intro_of(elem: Any) -> TaintIntro:
    name = _value_of(elem, "source_name")
    return TaintIntro(
        elem.addr,
        elem.taint_id,
        _value_of(elem, "value"),
        None if name is None else _decoded_string(name),
        _value_of(elem, "offset"),
    )


def decode_frame(data: bytes) -> Frame:
    """Decode one ``frame`` message that is not from a file; for many, use one :class:`FrameDecoder`.

    :raise TraceFormatError: it is damaged.
    """
    return FrameDecoder().decode(data)


def decode_meta_frame(data: bytes, path: Path | None = None, offset: int = 0) -> MetaFrame:
    """Decode a ``meta_frame`` message.

    :raise TraceFormatError: it is damaged.
    """
    message = FrameDecoder(path)._parsed("meta_frame", data, offset)
    tracer, target, stats = message.tracer, message.target, message.fstats
    return MetaFrame(
        Tracer(
            _decoded_string(tracer.name),
            tuple(map(_decoded_string, tracer.args)),
            tuple(map(_decoded_string, tracer.envp)),
            _decoded_string(tracer.version),
        ),
        Target(
            _decoded_string(target.path),
            tuple(map(_decoded_string, target.args)),
            tuple(map(_decoded_string, target.envp)),
            target.md5sum,
        ),
        FileStats(stats.size, stats.atime, stats.mtime, stats.ctime),
        _decoded_string(message.user),
        _decoded_string(message.host),
        message.time,
    )
