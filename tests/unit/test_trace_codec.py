"""Frames to bytes and back, against protobuf and against bytes spelled out."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.errors import TraceFormatError
from gdbtrace.trace.codec import (
    MESSAGES,
    FrameDecoder,
    RegisterEncoder,
    decode_frame,
    decode_meta_frame,
    encode_frame,
    encode_memory_operand,
    encode_meta_frame,
    encode_operand,
    encode_std_frame,
)
from gdbtrace.trace.frames import (
    NO_USAGE,
    ExceptionFrame,
    FileStats,
    Frame,
    KeyFrame,
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

READ, WRITTEN = Usage(read=True), Usage(written=True)

ADD_R0_R0_1 = bytes.fromhex(
    "0a59 08808004 1001 1a04010080e2"
    "2220 0a1e 0a06 12040a025230 1000 1a080801100018002000 22020801 2a0400000000"
    "2a20 0a1e 0a06 12040a025230 1000 1a080800100118002000 22020801 2a0401000000"
    "3207 61726d3a613332"
)
"""``add r0, r0, #1`` at 0x10000, as tracewrap writes it (``bit_length`` 0)."""

u64 = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
locations = st.one_of(st.builds(RegisterLocation, names), st.builds(MemoryLocation, u64))
values = st.one_of(st.binary(max_size=16), st.binary(min_size=120, max_size=300))
bit_lengths = st.one_of(st.integers(0, 600), st.integers(0, 2**27))
taints = st.one_of(st.none(), st.none(), st.builds(Taint, st.one_of(st.none(), u64)))
operands = st.builds(
    Operand,
    locations,
    bit_lengths,
    values,
    st.builds(Usage, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    taints,
)
operand_lists = st.lists(operands, max_size=5).map(tuple)
std_frames = st.builds(
    StdFrame,
    u64,
    u64,
    st.binary(max_size=200),
    operand_lists,
    st.one_of(st.none(), operand_lists),
    st.one_of(st.none(), names, st.just("x" * 200)),
)
optional_u64 = st.one_of(st.none(), u64)
key_operands = st.builds(Operand, locations, bit_lengths, values, st.just(NO_USAGE), taints)
rare_frames = st.one_of(
    st.builds(SyscallFrame, u64, u64, u64, st.lists(st.integers(-(2**63), 2**63 - 1), max_size=6).map(tuple)),
    st.builds(ExceptionFrame, u64, optional_u64, optional_u64, optional_u64),
    st.builds(ModloadFrame, names, u64, u64),
    st.builds(
        KeyFrame,
        st.lists(st.builds(TaggedValues, optional_u64, st.lists(key_operands, max_size=3).map(tuple)), max_size=3).map(
            tuple
        ),
    ),
    st.builds(
        TaintIntroFrame,
        st.lists(
            st.builds(
                TaintIntro, u64, u64, st.one_of(st.none(), st.binary()), st.one_of(st.none(), names), optional_u64
            ),
            max_size=3,
        ).map(tuple),
    ),
)


def protobuf_of_operand(operand: Operand) -> Any:
    """Built by protobuf alone."""
    info = MESSAGES["operand_info"](bit_length=operand.bit_length, value=operand.value)
    if operand.is_memory:
        info.operand_info_specific.mem_operand.address = operand.address
    else:
        info.operand_info_specific.reg_operand.name = operand.name.encode()
    for flag in ("read", "written", "index", "base"):
        setattr(info.operand_usage, flag, getattr(operand.usage, flag))
    if operand.taint is None:
        info.taint_info.no_taint = True
    elif operand.taint.taint_id is None:
        info.taint_info.taint_multiple = True
    else:
        info.taint_info.taint_id = operand.taint.taint_id
    return info


def protobuf_of_frame(frame: StdFrame) -> Any:
    message = MESSAGES["frame"]()
    content = message.std_frame
    content.address, content.thread_id, content.rawbytes = frame.address, frame.thread_id, frame.rawbytes
    content.operand_pre_list.SetInParent()
    content.operand_pre_list.elem.extend(map(protobuf_of_operand, frame.pre))
    if frame.post is not None:
        content.operand_post_list.SetInParent()
        content.operand_post_list.elem.extend(map(protobuf_of_operand, frame.post))
    if frame.mode is not None:
        content.mode = frame.mode.encode()
    return message


def register(name: str, bits: int, value: bytes, usage: Usage) -> Operand:
    return Operand(RegisterLocation(name), bits, value, usage)


# The bytes of the contract.


def test_the_smallest_useful_frame_decodes() -> None:
    frame = decode_frame(ADD_R0_R0_1)
    assert frame == StdFrame(
        0x10000,
        1,
        b"\x01\x00\x80\xe2",
        (register("R0", 0, b"\0\0\0\0", READ),),
        (register("R0", 0, b"\1\0\0\0", WRITTEN),),
        "arm:a32",
    )


def test_the_smallest_useful_frame_encodes() -> None:
    before = encode_operand(Operand(RegisterLocation("R0"), 0, b"\0\0\0\0", Usage(read=True)))
    after = encode_operand(Operand(RegisterLocation("R0"), 0, b"\1\0\0\0", Usage(written=True)))
    assert encode_std_frame(0x10000, 1, b"\x01\x00\x80\xe2", before, after, "arm:a32") == ADD_R0_R0_1
    assert encode_frame(decode_frame(ADD_R0_R0_1)) == ADD_R0_R0_1


def test_a_register_entry() -> None:
    entry = bytes.fromhex("0a1e 0a06 12040a027230 1040 1a080801100018002000 22020801 2a0478563412")
    assert encode_operand(Operand(RegisterLocation("r0"), 32, b"\x78\x56\x34\x12", Usage(read=True))) == entry
    assert RegisterEncoder("r0", 32, read=True, written=False)(b"\x78\x56\x34\x12") == entry


def test_a_memory_entry() -> None:
    entry = bytes.fromhex("0a1d 0a07 0a0508ff818004 1020 1a080800100118002000 22020801 2a021234")
    assert encode_memory_operand(0x8000FF, 2, b"\x12\x34", read=False, written=True) == entry


def test_memory_that_could_not_be_read_has_its_width_and_no_value() -> None:
    entry = encode_memory_operand(0x1000, 8, None, read=True, written=False)
    (operand,) = decode_frame(encode_std_frame(0, 0, b"\0", entry, None, None)).pre  # type: ignore[union-attr]
    assert (operand.bits, operand.value) == (64, b"")
    with pytest.raises(ValueError, match="not observed"):
        operand.as_int("little")


def test_an_absent_post_list_is_not_an_empty_one() -> None:
    absent = encode_std_frame(4, 0, b"\0", b"", None, None)
    empty = encode_std_frame(4, 0, b"\0", b"", b"", None)
    assert absent == bytes.fromhex("0a09 0804 1000 1a0100 2200")
    assert empty == bytes.fromhex("0a0b 0804 1000 1a0100 2200 2a00")
    assert decode_frame(absent) == StdFrame(4, 0, b"\0", (), None)
    assert decode_frame(empty) == StdFrame(4, 0, b"\0", (), ())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RegisterEncoder("r0", 32, read=True, written=False)(bytes(8)), "r0 takes 4 bytes, not 8"),
        (lambda: encode_memory_operand(0, 4, bytes(8), read=True, written=False), "4 bytes with 8 bytes"),
        (lambda: encode_memory_operand(-1, 4, bytes(4), read=True, written=False), "unsigned 64-bit"),
        (lambda: encode_std_frame(1 << 64, 0, b"", b"", None, None), "unsigned 64-bit"),
        (lambda: encode_operand(Operand(RegisterLocation("r0"), -1, b"", Usage(read=True))), "-1 bits"),
        (lambda: encode_frame(SyscallFrame(1 << 64, 0, 0, ())), "out of range"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# Against protobuf, both ways.


@given(std_frames)
def test_std_frames_are_what_protobuf_would_write(frame: StdFrame) -> None:
    assert encode_frame(frame) == protobuf_of_frame(frame).SerializeToString()


@given(std_frames)
def test_std_frames_come_back_from_protobufs_bytes(frame: StdFrame) -> None:
    decoded = decode_frame(protobuf_of_frame(frame).SerializeToString())
    assert decoded == frame
    assert isinstance(decoded, StdFrame)
    assert list(decoded.memory_reads()) == [operand for operand in frame.pre if operand.is_memory]
    assert list(decoded.memory_writes()) == [operand for operand in frame.post or () if operand.is_memory]


@given(st.lists(std_frames, max_size=4))
def test_what_a_decoder_remembers_changes_nothing(frames: list[StdFrame]) -> None:
    decoder = FrameDecoder()
    for _ in range(2):
        for frame in frames:
            decoded = decoder.decode(encode_frame(frame))
            assert isinstance(decoded, StdFrame)
            assert list(decoded.memory_reads()) == [operand for operand in frame.pre if operand.is_memory]
            assert decoded == frame


@given(operands)
def test_an_entry_is_what_protobuf_would_write(operand: Operand) -> None:
    expected = MESSAGES["operand_value_list"](elem=[protobuf_of_operand(operand)])
    assert encode_operand(operand) == expected.SerializeToString()


@given(names, st.integers(1, 2048), st.booleans(), st.booleans(), st.data())
def test_a_register_encoder_is_what_protobuf_would_write(
    name: str, bits: int, read: bool, written: bool, data: st.DataObject
) -> None:
    value = data.draw(st.binary(min_size=(bits + 7) // 8, max_size=(bits + 7) // 8))
    expected = MESSAGES["operand_value_list"](
        elem=[protobuf_of_operand(register(name, bits, value, Usage(read, written)))]
    )
    assert RegisterEncoder(name, bits, read=read, written=written)(value) == expected.SerializeToString()


@given(u64, st.binary(max_size=300), st.booleans(), st.booleans())
def test_a_memory_encoder_is_what_protobuf_would_write(address: int, data: bytes, read: bool, written: bool) -> None:
    operand = Operand(MemoryLocation(address), 8 * len(data), data, Usage(read, written))
    expected = MESSAGES["operand_value_list"](elem=[protobuf_of_operand(operand)])
    entry = encode_memory_operand(address, len(data), data, read=read, written=written)
    assert entry == expected.SerializeToString()


@given(rare_frames)
def test_rare_frames_come_back(frame: Frame) -> None:
    encoded = encode_frame(frame)
    message = MESSAGES["frame"].FromString(encoded)
    assert message.IsInitialized()
    assert message.SerializeToString() == encoded
    assert decode_frame(encoded) == frame


def test_the_bytes_of_rare_frames() -> None:
    assert encode_frame(SyscallFrame(0x10, 0, 64, (1, -1))) == bytes.fromhex("120c 0810 1000 1840 2204 0802 0801")
    assert encode_frame(ExceptionFrame(11, 0, 16)) == bytes.fromhex("1a06 080b 1000 1810")
    assert encode_frame(ModloadFrame("ld", 1, 2)) == bytes.fromhex("2a08 0a026c64 1001 1802")
    values = (TaggedValues(0, (register("r0", 8, b"\7", NO_USAGE),)),)
    assert encode_frame(KeyFrame(values)) == bytes.fromhex(
        "321d 0a1b 0a19 0a021000 1213 0a11 0a06 12040a027230 1010 1a020801 220107"
    )


# Other shapes than the usual one.


@given(std_frames.filter(lambda frame: bool(frame.pre)), st.sampled_from(["frame", "std", "list", "info", "end"]))
def test_unknown_fields_are_skipped(frame: StdFrame, place: str) -> None:
    unknown = b"\xaa\x06\x03abc"  # field 101: three bytes
    info = protobuf_of_operand(frame.pre[0]).SerializeToString()
    if place == "info":
        info += unknown
    elem = MESSAGES["operand_value_list"]()
    elem.elem.extend(map(protobuf_of_operand, frame.pre[1:]))
    entries = b"\x0a" + _varint(len(info)) + info + (unknown if place == "list" else b"") + elem.SerializeToString()
    post = None if frame.post is None else b"".join(map(encode_operand, frame.post))
    data = encode_std_frame(frame.address, frame.thread_id, frame.rawbytes, entries, post, frame.mode)
    if place == "std":
        content = MESSAGES["frame"].FromString(data).std_frame.SerializeToString() + unknown
        data = b"\x0a" + _varint(len(content)) + content
    data = unknown + data if place == "frame" else data + unknown if place == "end" else data
    decoded = decode_frame(data)
    assert decoded == frame
    assert isinstance(decoded, StdFrame)
    assert list(decoded.memory_reads()) == [operand for operand in frame.pre if operand.is_memory]


def _varint(number: int) -> bytes:
    message = MESSAGES["exception_frame"](exception_number=number)
    encoded: bytes = message.SerializeToString()
    return encoded[1:]


def test_fields_in_another_order_are_read() -> None:
    content = bytes.fromhex("2200 1a0100 1000 0804")
    assert decode_frame(b"\x0a" + bytes([len(content)]) + content) == StdFrame(4, 0, b"\0", (), None)


def test_a_length_in_more_bytes_than_needed_is_read() -> None:
    assert decode_frame(bytes.fromhex("0a8a00 0804 1000 1a0100 228000")) == StdFrame(4, 0, b"\0", (), None)


def test_a_kind_from_the_future_is_kept_as_bytes() -> None:
    data = bytes.fromhex("3a020801")
    assert decode_frame(data) == UnknownFrame(data)
    assert encode_frame(UnknownFrame(data)) == data


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("0a09 0804 1000 1a0100", "cannot be decoded"),
        ("0a02 0804", "lacks std_frame.thread_id"),
        ("0a00", "lacks"),
        ("1206 0810 1000 1840", "argument_list"),
        ("0a09 0804 1000 1a0100 2200 1a02080b", "std_frame and exception_frame at once"),
        ("ffffffff", "cannot be decoded"),
        ("0a07 0804 1000 1a0500", "cannot be decoded"),
        ("0a12 08ffffffffffffffffffff01 1000 1a00 2200", "cannot be decoded"),
    ],
)
def test_damage_is_a_trace_format_error(data: str, problem: str) -> None:
    with pytest.raises(TraceFormatError, match=problem) as caught:
        decode_frame(bytes.fromhex(data))
    assert caught.value.offset == 0
    assert caught.value.path is None


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ("0a02 1000", "lacks operand_info_specific, operand_usage, taint_info, value"),
        ("0a1a 0a00 1000 1a080801100018002000 22020801 2a0400000000", "either a register or memory"),
        ("0a05 1000", "lacks|beyond its list"),
        ("0a14 0a06 12040a025230 1000 22020801 2a0400000000", "lacks operand_usage"),
        ("0a1e 0a06 12040a025230 1001 1a080801100018002000 22020801 2a0400000000", "-1 bits"),
        ("0a20 0a04 0a020804 1082808080 01 1a080801100018002000 22020801 2a0400000000", "an operand of 134217729 bits"),
        ("0a1c 0a04 0a020804 1082808080 01 1a080801100018002000 22020801 2a00", "an operand of 134217729 bits"),
        ("0a1e 0a06 12040a025230 1000 1a080801100018002000 22020801 2a0500000000", "cannot be decoded"),
        ("0a1f 0a06 12040a025230 1000 1a080801100018002000 22020801 2a0400000000", "cannot be decoded|beyond its list"),
        ("0a", "cannot be decoded"),
        ("00", "cannot be decoded"),
    ],
)
def test_damaged_operands_are_noticed_when_they_are_looked_at(entries: str, problem: str) -> None:
    frame = FrameDecoder().decode(encode_std_frame(4, 0, b"\0", bytes.fromhex(entries), None, None), 0x1000)
    assert isinstance(frame, StdFrame)
    assert frame.address == 4
    with pytest.raises(TraceFormatError, match=problem) as caught:
        len(frame.pre)
    assert 0x1000 < caught.value.offset < 0x1040


@given(st.binary(max_size=80))
def test_any_bytes_are_a_frame_or_a_trace_format_error(data: bytes) -> None:
    _look_at_everything(data)


@given(std_frames, st.data())
def test_a_changed_frame_is_a_frame_or_a_trace_format_error(frame: StdFrame, data: st.DataObject) -> None:
    damaged = bytearray(encode_frame(frame))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    _look_at_everything(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))


def _look_at_everything(data: bytes) -> None:
    """What we read is what protobuf reads."""
    message = MESSAGES["frame"]()
    try:
        message.ParseFromString(data)
        is_sound = message.IsInitialized()
    except Exception:
        is_sound = False
    try:
        frame = decode_frame(data)
        if isinstance(frame, StdFrame):
            frame.memory_reads()
            frame.memory_writes()
            list(frame.pre)
            list(frame.post or ())
    except TraceFormatError:
        return
    assert is_sound
    if isinstance(frame, StdFrame):
        assert frame == FrameDecoder()._any_frame(data, 0)


# Values.


def test_register_values_are_little_endian_whatever_the_guest() -> None:
    assert register("r0", 32, b"\x78\x56\x34\x12", READ).as_int("big") == 0x12345678


def test_a_register_value_is_masked_to_its_width() -> None:
    assert register("crf0", 4, b"\xf8", READ).as_int() == 8


def test_a_number_in_memory_needs_the_byte_order() -> None:
    operand = Operand(MemoryLocation(0x10), 16, b"\x12\x34", READ)
    assert operand.as_int("big") == 0x1234
    assert operand.as_int("little") == 0x3412
    with pytest.raises(ValueError, match="byte order"):
        operand.as_int()


def test_a_width_of_zero_means_the_whole_value() -> None:
    assert register("R0", 0, bytes(4), READ).bits == 32


def test_a_register_has_no_address_and_memory_no_name() -> None:
    with pytest.raises(TypeError, match="r0 has no address"):
        _ = register("r0", 8, b"\0", READ).address
    with pytest.raises(TypeError, match="0x10 has no name"):
        _ = Operand(MemoryLocation(0x10), 8, b"\0", READ).name


def test_operands_are_decoded_when_they_are_first_looked_at() -> None:
    frame = decode_frame(ADD_R0_R0_1)
    assert isinstance(frame, StdFrame)
    pre = frame.pre
    assert isinstance(pre, OperandList)
    assert pre._operands is None
    assert pre[0].name == "R0"
    assert pre[0] is pre.decoded()[0]
    assert (len(pre), list(pre), pre[:1], hash(pre)) == (1, [pre[0]], (pre[0],), hash((pre[0],)))
    assert pre != "R0"


def test_a_frame_can_be_copied_and_pickled() -> None:
    frame = decode_frame(ADD_R0_R0_1)
    assert pickle.loads(pickle.dumps(frame)) == frame
    assert copy.deepcopy(frame) == frame


# The meta frame.

META = MetaFrame(
    Tracer("gdbtrace", ("gdbtrace", "run"), (), "1.0"),
    Target("/bin/true", ("/bin/true", "-x"), ("HOME=/",), bytes(range(16))),
    FileStats(1968, 1.0, 2.0, 3.0),
    "user",
    "host",
    1700000000.0,
)


def test_the_bytes_of_a_meta_frame() -> None:
    meta = MetaFrame(Tracer("a", (), (), "b"), Target("c", (), (), b"d"), FileStats(1, 0.0, 0.0, 0.0), "e", "f", 1.0)
    encoded = bytes.fromhex(
        "0a06 0a0161 220162"
        "1206 0a0163 220164"
        "1a1d 0802 110000000000000000 190000000000000000 210000000000000000"
        "220165 2a0166 31000000000000f03f"
    )
    assert encode_meta_frame(meta) == encoded
    assert decode_meta_frame(encoded) == meta


strings = st.one_of(
    st.text(st.characters(codec="utf-8")), st.binary().map(lambda b: b.decode("utf-8", "surrogateescape"))
)
string_tuples = st.lists(strings, max_size=3).map(tuple)
floats = st.floats(allow_nan=False)


@given(
    st.builds(
        MetaFrame,
        st.builds(Tracer, strings, string_tuples, string_tuples, strings),
        st.builds(Target, strings, string_tuples, string_tuples, st.binary()),
        st.builds(FileStats, st.integers(-(2**31), 2**31 - 1), floats, floats, floats),
        strings,
        strings,
        floats,
    )
)
def test_meta_frames_come_back(meta: MetaFrame) -> None:
    assert decode_meta_frame(encode_meta_frame(meta)) == meta


def test_the_size_of_a_large_file_wraps() -> None:
    stats = FileStats(3 << 30, 0.0, 0.0, 0.0)
    meta = MetaFrame(META.tracer, META.target, stats, "", "", 0.0)
    assert decode_meta_frame(encode_meta_frame(meta)).fstats.size == -(1 << 30)


def test_a_damaged_meta_frame_is_a_trace_format_error() -> None:
    with pytest.raises(TraceFormatError, match="meta_frame cannot be decoded"):
        decode_meta_frame(encode_meta_frame(META)[:-1])
    with pytest.raises(TraceFormatError, match="lacks tracer, target, fstats, user, host, time"):
        decode_meta_frame(b"")
