"""Goldens: nothing is lost, nothing in a file is believed, and every reader of traces reads them."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gdbtrace.errors import OutputError, TraceFormatError, UsageError
from gdbtrace.trace import GoldenReader, TocConvention, TraceReader, TraceWriter, open_trace, pack, unpack
from gdbtrace.trace.codec import encode_frame, encode_memory_operand, encode_operand, encode_std_frame
from gdbtrace.trace.frames import MemoryLocation, ModloadFrame, Operand, RegisterLocation, Usage
from gdbtrace.trace.golden import GOLDEN_MAGIC
from gdbtrace.trace.golden_block import MOST_FRAMES, BlockDecoder, BlockEncoder, Column
from tests.toolchain import TESTS
from tests.unit.test_trace_codec import rare_frames, std_frames
from tests.unit.test_trace_container import HEADER, META, build_trace, frame, patch, write_trace

COMMITTED = sorted((TESTS / "traces").glob("*.frames"))
SIZES_AT = 0x40
"""Where the size of a golden's first section is."""


def register(name: str, value: bytes, *, written: bool = False) -> bytes:
    return encode_operand(Operand(RegisterLocation(name), 8 * len(value), value, Usage(not written, written)))


def load(address: int, data: bytes, *, physical: int | None = None, device: str = "") -> bytes:
    return encode_memory_operand(address, len(data), data, read=True, written=False, physical=physical, device=device)


def step(number: int, *before: bytes, after: Sequence[bytes] | None = (), thread: int = 0) -> bytes:
    post = None if after is None else b"".join(after)
    return encode_std_frame(0x1000 + 4 * number, thread, b"\1\2\3\4", b"".join(before), post, None)


def columns_of(messages: Sequence[bytes]) -> list[bytes]:
    encoder = BlockEncoder()
    for message in messages:
        encoder.add(message)
    assert encoder.size_bytes == sum(8 + len(message) for message in messages)
    return encoder.columns()


def there_and_back(messages: Sequence[bytes]) -> list[bytes]:
    return list(BlockDecoder(columns_of(messages)).iter_messages(len(messages)))


def is_kept_whole(*messages: bytes) -> bool:
    """Whether the last of them is, which is as safe, but larger."""
    return messages[-1] in columns_of(messages)[Column.LITERALS]


def packed(path: Path) -> Path:
    golden = path.with_suffix(".golden")
    pack(path, golden)
    return golden


def unpacked(golden: Path) -> bytes:
    trace = golden.with_name("unpacked.frames")
    unpack(golden, trace)
    return trace.read_bytes()


# Blocks: nothing is lost.


USUAL = {
    "nothing but code": [step(0)],
    "an instruction that did not finish": [step(0, register("r0", b"\1"), after=None)],
    "a register that changes": [
        step(0, register("r0", b"\1\0\0\0"), after=[register("r0", b"\2\0\0\0", written=True)]),
        step(1, register("r0", b"\2\0\0\0")),
        step(0, register("r0", b"\2\0\0\0"), after=[register("r0", b"\3\0\0\0", written=True)]),
    ],
    "a register that changed between two frames": [step(0, register("r0", b"\1")), step(1, register("r0", b"\2"))],
    "one name, two widths": [step(0, register("r0", b"\1")), step(1, register("r0", b"\1\2"))],
    "two threads' registers": [
        step(0, register("r0", b"\1"), thread=0),
        step(0, register("r0", b"\2"), thread=1),
        step(1, register("r0", b"\1"), thread=0),
    ],
    "memory that moves": [step(0, load(address, b"abcd")) for address in (0, 1, 2**64 - 1, 2**63, 0x7F)],
    "several accesses of one kind": [
        step(0, load(8, b"ab"), load(16, b"cd")),
        step(0, load(8, b"ab"), load(18, b"ef")),
    ],
    "memory with a place": [
        step(0, load(8, b"ab", physical=0xFFFF_0008)),
        step(0, load(9, b"ab", physical=7)),
        step(1, load(8, b"ab", device="uart")),
    ],
    "memory that was not observed": [step(0, encode_memory_operand(8, 4, None, read=True, written=False))],
    "memory that was stored": [
        step(0, after=[encode_memory_operand(8, 2, b"ab", read=False, written=True)]),
    ],
    "more registers than a mask's word has": [
        step(number, *(register(f"r{index}", bytes([index, number])) for index in range(200))) for number in (0, 1)
    ],
    "an entry without a value": [step(0, register("r0", b""))],
}
UNUSUAL = {
    "a register twice": [step(0, register("r0", b"\1"), register("r0", b"\2"))],
    "more operands than a list has": [step(0, *(register(f"r{index}", b"\1") for index in range(2000)))],
    "a long instruction": [encode_std_frame(0, 0, bytes(100), b"", None, None)],
    "not a message": [b"\xff\xff"],
    "another kind of frame": [encode_frame(ModloadFrame("a", 1, 2))],
    "fields in another order": [b"\x0a\x0c" + b"\x10\x00\x08\x80\x01\x1a\x01\x00\x22\x00\x2a\x00"],
}


@pytest.mark.parametrize("messages", USUAL.values(), ids=USUAL)
def test_a_frame_is_taken_apart_and_comes_back(messages: list[bytes]) -> None:
    assert there_and_back(messages) == messages
    assert not is_kept_whole(*messages)


@pytest.mark.parametrize("messages", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_unusual_is_kept_whole(messages: list[bytes]) -> None:
    assert there_and_back(messages) == messages
    assert is_kept_whole(*messages)


def test_registers_that_stay_cost_nothing() -> None:
    lists = [register(f"r{index}", bytes(8)) for index in range(30)]
    first, second = (columns_of([step(number % 2, *lists) for number in range(count)]) for count in (10, 1010))
    grown = [len(after) - len(before) for before, after in zip(first, second, strict=True)]
    # One number for the shape, and an empty set of bits for each of both lists.
    assert grown == [1000, 0, 2000, 0, 0, 0, 0]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A message with a byte that is another."""
    message = bytearray(encode_frame(draw(std_frames)))
    message[draw(st.integers(0, len(message) - 1))] = draw(st.integers(0, 255))
    return bytes(message)


messages = st.lists(
    st.one_of(std_frames.map(encode_frame), rare_frames.map(encode_frame), damaged(), st.binary(min_size=1)), max_size=8
)


@given(messages)
def test_whatever_the_messages_are_they_come_back(given_messages: list[bytes]) -> None:
    twice = given_messages * 2
    assert there_and_back(twice) == twice


@given(st.lists(st.binary(max_size=40), min_size=len(Column), max_size=len(Column)), st.integers(0, 5))
def test_a_block_of_anything_is_refused_or_gives_so_many_messages(columns: list[bytes], frames: int) -> None:
    with suppress(ValueError, LookupError):
        assert len(list(BlockDecoder(columns).iter_messages(frames))) == frames


ALL_COLUMNS = columns_of(list(itertools.chain(*USUAL.values(), *UNUSUAL.values())))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_block_with_any_byte_changed_is_refused_or_gives_so_many_messages(data: st.DataObject) -> None:
    columns = [bytearray(column) for column in ALL_COLUMNS]
    column = columns[data.draw(st.integers(0, len(columns) - 1))]
    column[data.draw(st.integers(0, len(column) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError, LookupError):
        for message in BlockDecoder([bytes(each) for each in columns]).iter_messages(10):
            assert len(message) < 1 << 20


# Files.


@pytest.mark.parametrize("trace", COMMITTED, ids=lambda path: path.stem)
def test_a_real_trace_comes_back_to_the_last_byte_and_is_20_times_smaller(trace: Path, tmp_path: Path) -> None:
    golden = tmp_path / "x.golden"
    pack(trace, golden)
    assert unpacked(golden) == trace.read_bytes()
    assert 20 * golden.stat().st_size < trace.stat().st_size


@pytest.mark.parametrize("trace", COMMITTED, ids=lambda path: path.stem)
def test_a_golden_is_read_as_its_trace(trace: Path, tmp_path: Path) -> None:
    golden = tmp_path / "x.golden"
    pack(trace, golden)
    with open_trace(golden) as ours, TraceReader(trace) as theirs:
        assert isinstance(ours, GoldenReader)
        assert (ours.header, ours.meta, ours.frame_count) == (theirs.header, theirs.meta, theirs.frame_count)
        assert list(ours.iter_messages()) == list(theirs.iter_messages())
        assert list(ours.iter_frames(300)) == list(theirs.iter_frames(300))
        assert ours.frame_at(7) == theirs.frame_at(7)
        with pytest.raises(IndexError):
            ours.frame_at(10**6)


@pytest.mark.parametrize("convention", TocConvention)
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128])
def test_every_table_of_contents_comes_back(convention: TocConvention, count: int, tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, count, convention)
    golden = packed(trace)
    assert unpacked(golden) == trace.read_bytes()


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("offsets", [(), (1, 2, 3), (0x30,)])
def test_another_producers_trace_comes_back(version: int, offsets: Sequence[int], tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    build_trace(trace, 130, offsets, version=version, period=10_000)
    golden = packed(trace)
    assert unpacked(golden) == trace.read_bytes()
    with open_trace(golden) as reader:
        assert reader.header.version == version
        assert (reader.meta is None) == (version == 1)


def test_a_trace_without_a_table_of_contents_comes_back(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    with TraceReader(trace) as reader:
        end = reader.toc_offset
    os.truncate(trace, end)
    assert unpacked(packed(trace)) == trace.read_bytes()


def test_seeking_passes_over_whole_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdbtrace.trace.golden_block.MOST_FRAMES", 10)
    trace = tmp_path / "x.frames"
    write_trace(trace, 95)
    golden = packed(trace)
    expanded: list[int] = []
    decoder = BlockDecoder.__init__
    monkeypatch.setattr(
        BlockDecoder, "__init__", lambda self, columns: (expanded.append(len(columns[0])), decoder(self, columns))[1]
    )
    with open_trace(golden) as ours, TraceReader(trace) as theirs:
        assert list(ours.iter_messages(67)) == list(theirs.iter_messages(67))
        assert len(expanded) == 4
    assert unpacked(golden) == trace.read_bytes()


def test_a_block_ends_before_it_has_more_operands_than_may_be() -> None:
    encoder = BlockEncoder()
    added = 0
    while not encoder.is_full:
        encoder.add(step(added, *(register(f"r{added}.{index}", b"\1") for index in range(1000))))
        added += 1
    assert 10 < added < 20
    assert len(list(BlockDecoder(encoder.columns()).iter_messages(added))) == added


# What is refused.


def test_a_trace_that_was_not_closed_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    patch(trace, 0x20, bytes(16))
    with pytest.raises(TraceFormatError, match=r"not closed.*gdbtrace repair"):
        packed(trace)
    assert list(tmp_path.iterdir()) == [trace]


def test_a_damaged_trace_is_refused_and_an_old_golden_stays(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    golden = packed(trace)
    before = golden.read_bytes()
    patch(trace, 0x20, struct.pack("<Q", 4))
    with pytest.raises(TraceFormatError):
        pack(trace, golden)
    assert golden.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [trace, golden] or sorted(tmp_path.iterdir()) == [golden, trace]


def test_what_is_no_golden_is_not_replaced(tmp_path: Path) -> None:
    trace, other = tmp_path / "x.frames", tmp_path / "program"
    write_trace(trace, 3)
    other.write_bytes(b"\x7fELF")
    with pytest.raises(UsageError, match="not a trace"):
        pack(trace, other)
    with pytest.raises(UsageError, match="not a trace"):
        pack(trace, trace)
    golden = packed(trace)
    with pytest.raises(UsageError, match="not a trace"):
        unpack(golden, golden)
    with pytest.raises(OutputError):
        unpack(golden, tmp_path / "no" / "such")
    assert other.read_bytes() == b"\x7fELF"


def test_neither_a_trace_nor_anything_else_is_unpacked(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    with pytest.raises(TraceFormatError, match="not a golden"):
        unpack(trace, tmp_path / "y.frames")
    with pytest.raises(UsageError, match="cannot be read"):
        unpack(tmp_path / "nothing", tmp_path / "y.frames")


def test_a_golden_of_a_later_version_says_so(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    golden = packed(trace)
    patch(golden, len(GOLDEN_MAGIC) - 1, b"\2")
    with pytest.raises(TraceFormatError, match="golden of version 2; we know 1"):
        open_trace(golden)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    golden = packed(trace)
    whole = golden.read_bytes()
    for size in range(len(GOLDEN_MAGIC), len(whole)):
        golden.write_bytes(whole[:size])
        with pytest.raises(TraceFormatError):
            unpack(golden, tmp_path / "y.frames")
        with pytest.raises(TraceFormatError), open_trace(golden) as reader:
            list(reader)
    golden.write_bytes(whole + b"x")
    with pytest.raises(TraceFormatError, match="something behind it"), open_trace(golden) as reader:
        list(reader)
    assert not (tmp_path / "y.frames").exists()


def test_every_changed_byte_is_noticed_or_changes_the_header_alone(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    with TraceWriter(trace, HEADER, META) as writer:
        for message in (*USUAL["a register that changes"], *USUAL["memory with a place"], *UNUSUAL["a register twice"]):
            writer.write(message)
    golden, again = packed(trace), tmp_path / "y.frames"
    whole = golden.read_bytes()
    with TraceReader(trace) as reader:
        first = reader.first_offset
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        golden.write_bytes(changed)
        try:
            unpack(golden, again)
        except TraceFormatError:
            continue
        # Header and table of contents have no checksum, as in a trace.
        with TraceReader(trace) as ours, TraceReader(again) as theirs:
            assert again.read_bytes()[0x30:first] == trace.read_bytes()[0x30:first]
            assert [data for _, data in ours.iter_messages()] == [data for _, data in theirs.iter_messages()]


def test_a_bomb_does_not_go_off(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    golden = packed(trace)
    whole = golden.read_bytes()
    # 300 MB of zeros in some kilobytes.
    bomb = zstandard.ZstdCompressor().compress(bytes(300 << 20))
    (size,) = struct.unpack_from("<I", whole, SIZES_AT)
    rest = whole[SIZES_AT + 4 + size :]
    golden.write_bytes(whole[:SIZES_AT] + struct.pack("<I", len(bomb)) + bomb + rest)
    with pytest.raises(TraceFormatError, match="more than a golden has"):
        open_trace(golden)


def test_a_block_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    write_trace(trace, 3)
    golden = packed(trace)
    (size,) = struct.unpack_from("<I", golden.read_bytes(), SIZES_AT)
    patch(golden, SIZES_AT + 4 + size, struct.pack("<I", MOST_FRAMES + 1))
    with open_trace(golden) as reader, pytest.raises(TraceFormatError, match=f"a block of {MOST_FRAMES + 1} frames"):
        list(reader)


def test_a_block_of_one_operand_named_a_million_times_is_refused() -> None:
    """A list of slots that are 64 KB each: one frame would be 64 MB and more."""
    slot = b"\0\0" + b"\x80\x80\x04" + bytes(1 << 16)
    shape = b"\0\0\0\0\1" + b"\0" + b"\x80\x10" + b"\0" + slot[1:]
    definitions = shape + b"\0" * 2047
    with pytest.raises((ValueError, LookupError)):
        list(BlockDecoder([b"\1", definitions, b"\0", b"", b"", b"", b""]).iter_messages(1))


def test_memory_of_a_device_and_a_frame_of_every_location_agree_with_the_decoder(tmp_path: Path) -> None:
    trace = tmp_path / "x.frames"
    with TraceWriter(trace, HEADER, META) as writer:
        writer.write(step(0, load(8, b"ab", physical=9, device="uart"), register("r0", b"\1")))
        writer.write(frame(1))
    with open_trace(packed(trace)) as reader:
        first = reader.frame_at(0)
        assert first.pre[0].location == MemoryLocation(8, 9, "uart")  # type: ignore[union-attr]
        assert len(reader) == 2
