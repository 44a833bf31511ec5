"""Writing traces and reading anybody's: table of contents, cuts, lies, full disks."""

from __future__ import annotations

import itertools
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.errors import GdbtraceError, OutputError, TraceFormatError, UsageError
from gdbtrace.trace import Header, StdFrame, TocConvention, TraceReader, TraceWriter, open_trace
from gdbtrace.trace.codec import encode_meta_frame, encode_std_frame
from gdbtrace.trace.frames import FileStats, MetaFrame, Target, Tracer

META = MetaFrame(
    Tracer("gdbtrace", (), (), "1"), Target("prog", (), (), bytes(16)), FileStats(1, 0.0, 0.0, 0.0), "user", "host", 0.0
)
META_BYTES = encode_meta_frame(META)
HEADER = Header(frame_architecture=78, frame_machine=0)
FIRST = 0x38 + len(META_BYTES)
UNIT = 8 + 12
"""A size and one of the frames below."""


def u64(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def frame(number: int) -> bytes:
    """12 bytes."""
    encoded = encode_std_frame(0x80 + number, 0, b"\0", b"", None, None)
    assert len(encoded) == 12
    return encoded


def address(number: int) -> int:
    return 0x80 + number


def write_trace(path: Path, count: int, toc: TocConvention = TocConvention.STANDARD, period: int = 64) -> None:
    with TraceWriter(path, HEADER, META, toc=toc, frames_per_entry=period) as writer:
        for number in range(count):
            writer.write(frame(number))


def build_trace(
    path: Path, count: int, offsets: Sequence[int], *, version: int = 3, claimed: int | None = None, period: int = 64
) -> None:
    """A trace as some other program would write it."""
    lead = b"" if version == 1 else u64(len(META_BYTES)) + META_BYTES
    frames = b"".join(u64(12) + frame(number) for number in range(count))
    end = 0x30 + len(lead) + len(frames)
    header = u64(0x677C28828AAF6025, version, 35, 0, count if claimed is None else claimed, end)
    path.write_bytes(header + lead + frames + u64(period, *offsets))


def patch(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def addresses(reader: TraceReader, start: int = 0) -> list[int]:
    return [frame.address for frame in reader.iter_frames(start) if isinstance(frame, StdFrame)]


def read_all(path: Path) -> tuple[list[int], TraceFormatError | None]:
    """Addresses of the frames that can be read, and what ended the reading."""
    found: list[int] = []
    try:
        with open_trace(path) as reader:
            for item in reader:
                assert isinstance(item, StdFrame)
                found.append(item.address)
    except TraceFormatError as error:
        return found, error
    return found, None


# Writing.


def test_the_bytes_of_a_whole_trace(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    with TraceWriter(path, Header(35, 7), META) as writer:
        writer.write(b"\x0a\x00")
    size = len(META_BYTES)
    assert path.read_bytes() == b"".join(
        (
            bytes.fromhex("2560af8a82287c67 0300000000000000 2300000000000000 0700000000000000"),
            u64(1, 0x38 + size + 10),
            u64(size),
            META_BYTES,
            u64(2),
            b"\x0a\x00",
            u64(64, 0x38 + size + 10),
        )
    )


def boundary(number: int) -> int:
    return FIRST + UNIT * number


@pytest.mark.parametrize(
    ("toc", "count", "at_frames"),
    [
        # ceil(n/64) entries; the last one is T, the end of the frames
        (TocConvention.STANDARD, 0, []),
        (TocConvention.STANDARD, 1, [1]),
        (TocConvention.STANDARD, 63, [63]),
        (TocConvention.STANDARD, 64, [64]),
        (TocConvention.STANDARD, 65, [64, 65]),
        (TocConvention.STANDARD, 128, [64, 128]),
        (TocConvention.STANDARD, 200, [64, 128, 192, 200]),
        # floor((n-1)/64) entries
        (TocConvention.LEGACY, 0, []),
        (TocConvention.LEGACY, 1, []),
        (TocConvention.LEGACY, 63, []),
        (TocConvention.LEGACY, 64, []),
        (TocConvention.LEGACY, 65, [64]),
        (TocConvention.LEGACY, 128, [64]),
        (TocConvention.LEGACY, 200, [64, 128, 192]),
    ],
)
@pytest.mark.parametrize("flush_every", [1, 7, 64, 1000])
def test_the_table_of_contents(
    tmp_path: Path, toc: TocConvention, count: int, at_frames: list[int], flush_every: int
) -> None:
    path = tmp_path / "x.frames"
    with TraceWriter(path, HEADER, META, toc=toc) as writer:
        for number in range(count):
            writer.write(frame(number))
            if number % flush_every == flush_every - 1:
                writer.flush()
        assert writer.frames == count
    data = path.read_bytes()
    assert data[0x20:0x30] == u64(count, boundary(count))
    assert data[boundary(count) :] == u64(64, *map(boundary, at_frames))
    with open_trace(path) as reader:
        assert len(reader) == count
        assert addresses(reader) == [address(number) for number in range(count)]
        for number in range(count):
            found = reader.frame_at(number)
            assert isinstance(found, StdFrame)
            assert found.address == address(number)


def test_a_trace_has_its_name_only_when_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    writer = TraceWriter(path, HEADER, META)
    writer.write(frame(0))
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.frames.part"]
    writer.close()
    writer.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.frames"]


def test_what_was_flushed_can_be_read_before_the_trace_is_closed(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "x.frames", HEADER, META) as writer:
        writer.write(frame(0))
        writer.write(frame(1))
        writer.flush()
        writer.write(frame(2))
        assert read_all(writer.part_path) == ([address(0), address(1)], None)


def test_many_frames_reach_the_file_whole(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "x.frames", HEADER, META) as writer:
        for number in range(40_000):
            writer.write(frame(number % 128))
        assert (writer.part_path.stat().st_size - FIRST) % UNIT == 0
        assert writer.part_path.stat().st_size > FIRST


def write_and_interrupt(path: Path, count: int) -> None:
    with TraceWriter(path, HEADER, META) as writer:
        for number in range(count):
            writer.write(frame(number))
        raise KeyboardInterrupt


def test_an_exception_closes_the_trace(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_and_interrupt(tmp_path / "x.frames", 1)
    assert read_all(tmp_path / "x.frames") == ([address(0)], None)


def test_an_exception_before_the_first_frame_leaves_the_old_trace(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 3)
    with pytest.raises(KeyboardInterrupt):
        write_and_interrupt(path, 0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.frames"]
    assert len(read_all(path)[0]) == 3


def test_a_discarded_trace_leaves_nothing(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    writer.write(frame(0))
    writer.discard()
    writer.close()
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written: No such file") as caught:
        TraceWriter(tmp_path / "no" / "x.frames", HEADER, META)
    assert caught.value.exit_status == 3


def test_a_part_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "x.frames.part").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError):
        TraceWriter(tmp_path / "x.frames", HEADER, META)
    assert (tmp_path / "precious").read_text() == "precious"


def test_writing_to_a_closed_trace_is_refused(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    writer.close()
    writer.write(frame(0))
    with pytest.raises(ValueError, match="closed"):
        writer.flush()
    with pytest.raises(ValueError, match="no bytes"):
        writer.write(b"")


# A disk that fills.


@pytest.fixture
def limit_file_size() -> Iterator[Callable[[int], None]]:
    """Makes writing beyond a size fail in this process. Python ignores SIGXFSZ."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, old)


def write_all(writer: TraceWriter, count: int) -> None:
    try:
        for number in range(count):
            writer.write(frame(number))
            if not number % 10:
                writer.flush()
    finally:
        writer.close()


def test_a_disk_with_just_enough_room(tmp_path: Path, limit_file_size: Callable[[int], None]) -> None:
    limit_file_size(FIRST + 200 * UNIT + 8 * 5)
    write_all(TraceWriter(tmp_path / "x.frames", HEADER, META), 200)
    assert len(read_all(tmp_path / "x.frames")[0]) == 200


@pytest.mark.parametrize("toc", TocConvention)
@pytest.mark.parametrize("room", [0, 1, 19, 20, 21, 40, 64 * 20, 64 * 20 + 30, 200 * 20 - 1, 200 * 20, 200 * 20 + 31])
def test_a_full_disk_leaves_a_readable_trace(
    tmp_path: Path, limit_file_size: Callable[[int], None], room: int, toc: TocConvention
) -> None:
    path = tmp_path / "x.frames"
    limit_file_size(FIRST + room)
    writer = TraceWriter(path, HEADER, META, toc=toc)
    with pytest.raises(OutputError, match="File too large"):
        write_all(writer, 200)
    kept = path if path.exists() else writer.part_path
    found, error = read_all(kept)
    assert error is None
    assert found == [address(number) for number in range(len(found))]
    # Every frame that fits is kept, but for what the table of contents takes: 8 bytes and 8 for each entry.
    if kept == path:
        entries = -(-len(found) // 64) if toc is TocConvention.STANDARD else max(len(found) - 1, 0) // 64
        assert path.stat().st_size == boundary(len(found)) + 8 + 8 * entries
        assert room - UNIT * len(found) < UNIT + 8 * (1 + 4) + UNIT
    else:
        assert room < 3 * UNIT


def test_after_a_failure_nothing_more_is_written(tmp_path: Path, limit_file_size: Callable[[int], None]) -> None:
    limit_file_size(FIRST + 1000)
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    for number in range(100):
        writer.write(frame(number))
    with pytest.raises(OutputError):
        writer.flush()
    assert writer.frames == 50
    writer.write(frame(0))
    with pytest.raises(OutputError):
        writer.flush()
    writer.close()
    found, error = read_all(tmp_path / "x.frames")
    assert error is None
    assert len(found) == 49  # one made room for the table of contents


def test_no_room_for_the_header(tmp_path: Path, limit_file_size: Callable[[int], None]) -> None:
    limit_file_size(10)
    with pytest.raises(OutputError):
        TraceWriter(tmp_path / "x.frames", HEADER, META)
    assert not list(tmp_path.iterdir())


def test_an_output_error_in_a_with_block_is_raised_once(tmp_path: Path, limit_file_size: Callable[[int], None]) -> None:
    limit_file_size(FIRST + 100)
    with pytest.raises(OutputError):
        write_trace(tmp_path / "x.frames", 100)
    assert read_all(tmp_path / "x.frames")[1] is None


def test_a_killed_writer_leaves_whole_frames(tmp_path: Path) -> None:
    program = (
        "import os, sys; from tests.unit.test_trace_container import *\n"
        "writer = TraceWriter(sys.argv[1], HEADER, META)\n"
        "for number in range(40000): writer.write(frame(number % 128))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "x.frames")], cwd=root, check=False)
    assert done.returncode == -9
    found, error = read_all(tmp_path / "x.frames.part")
    assert error is None
    assert len(found) > 20_000


# Reading what others write. They count 64 frames per entry, too.


def offsets_at(numbers: Sequence[int], first: int = FIRST) -> list[int]:
    return [first + UNIT * number for number in numbers]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 128, 200])
@pytest.mark.parametrize(
    "producer", ["tracewrap", "libtrace", "plugin 2025", "plugin 2026", "no offsets", "zeros", "twice as many"]
)
def test_the_table_of_contents_of_other_programs(tmp_path: Path, producer: str, count: int) -> None:
    path = tmp_path / "x.frames"
    every = [*range(64, count, 64)]
    offsets = {
        # floor(n/64): the last points at the table itself where n is a multiple of 64
        "tracewrap": offsets_at(range(64, count + 1, 64)),
        # floor((n-1)/64)
        "libtrace": offsets_at(every),
        # ceil(n/64), beginning with the offset of the meta frame: wrong by 64 frames for its own reader
        "plugin 2025": [0x30, *offsets_at(every)],
        # ceil(n/64), the last one unused
        "plugin 2026": offsets_at([*every, count]),
        "no offsets": [],
        "zeros": [0] * -(-count // 64),
        "twice as many": offsets_at([*every, count]) * 2,
    }[producer]
    build_trace(path, count, offsets)
    with open_trace(path) as reader:
        assert reader.meta == META
        assert reader.frame_count == len(reader) == count
        assert addresses(reader) == [address(number) for number in range(count)]
        for start in (0, 1, 63, 64, 65, 127, 128, 130, 191, 192, 199, 200, 1000):
            assert addresses(reader, start) == [address(number) for number in range(start, count)]


@pytest.mark.parametrize("entry", [0, 1, 2])
@pytest.mark.parametrize("frames_off", [-64, -1, 1, 64])
def test_a_wrong_offset_is_never_followed(tmp_path: Path, entry: int, frames_off: int) -> None:
    path = tmp_path / "x.frames"
    numbers = [64, 128, 192, 250]
    numbers[entry] += frames_off
    build_trace(path, 250, offsets_at(numbers))
    with open_trace(path) as reader:
        for start in range(250):
            found = reader.frame_at(start)
            assert isinstance(found, StdFrame)
            assert found.address == address(start)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4), st.sampled_from([0, 1, 63, 64, 2**63, 2**64 - 1]))
def test_random_offsets_are_never_followed(
    tmp_path_factory: pytest.TempPathFactory, offsets: list[int], period: int
) -> None:
    path = tmp_path_factory.mktemp("toc") / "x.frames"
    build_trace(path, 200, offsets, period=period)
    with open_trace(path) as reader:
        assert addresses(reader, 130) == [address(number) for number in range(130, 200)]


def test_a_table_of_contents_is_used_where_it_is_right(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 100, period=10)
    with open_trace(path) as reader:
        assert reader._entry_before(57) == (boundary(50), 50)
        assert reader._entry_before(99) == (boundary(90), 90)
        assert reader._entry_before(9) == (boundary(0), 0)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_versions(tmp_path: Path, version: int) -> None:
    path = tmp_path / "x.frames"
    build_trace(path, 70, offsets_at([64], 0x30 if version == 1 else FIRST), version=version)
    with open_trace(path) as reader:
        assert reader.header == Header(35, 0, version)
        assert reader.meta == (None if version == 1 else META)
        assert addresses(reader) == [address(number) for number in range(70)]


def test_a_trace_can_be_read_twice_and_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 70)
    with open_trace(path) as reader:
        assert all(one == other for one, other in zip(reader, reader, strict=True))
        assert list(reader) == list(reader)


def test_an_unfinished_trace_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 70)
    patch(path, 0x20, u64(0, 0))
    with path.open("r+b") as stream:
        stream.truncate(boundary(70))
    with open_trace(path) as reader:
        assert not reader.is_closed
        assert reader.frame_count is None
        assert bool(reader)
        with pytest.raises(TypeError, match="unknown"):
            len(reader)
        assert len(list(reader)) == 70


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_trace_cut_anywhere(tmp_path: Path, is_closed: bool) -> None:
    path, cut = tmp_path / "x.frames", tmp_path / "cut.frames"
    write_trace(path, 5, period=2)
    whole = path.read_bytes() if is_closed else path.read_bytes()[:0x20] + u64(0, 0) + path.read_bytes()[0x30:]
    for size in range(len(whole) if is_closed else boundary(5)):
        cut.write_bytes(whole[:size])
        found, error = read_all(cut)
        expected = min(max(size - FIRST, 0) // UNIT, 5)
        assert found == [address(number) for number in range(expected)]
        at_a_boundary = size >= FIRST and (size - FIRST) % UNIT == 0
        if size >= boundary(5) or (at_a_boundary and not is_closed):
            assert error is None
        else:
            assert error is not None
            assert 0 <= error.offset <= size
            assert (error.path, error.exit_status) == (cut, 4)
        if error is None and found:
            with open_trace(cut) as reader:
                assert addresses(reader, 3) == [address(number) for number in range(3, expected)]


HUGE = [0, 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 9, 2**64 - 8, 2**64 - 1]


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("field", [0x08, 0x20, 0x28, 0x30, FIRST, FIRST + UNIT, boundary(70), boundary(70) + 8])
def test_no_number_is_believed(tmp_path: Path, field: int, value: int) -> None:
    """Version, n, T, size of meta frame and frames, m, an offset: whole frames or one error, in little memory."""
    path = tmp_path / "x.frames"
    write_trace(path, 70)
    patch(path, field, u64(value))
    found, error = read_all(path)
    assert found == [address(number) for number in range(len(found))]
    assert error is not None or len(found) == 70 or value == 0
    if error is None:
        with open_trace(path) as reader:
            assert addresses(reader, 66) == [address(number) for number in range(66, len(found))]


@given(st.data())
def test_a_damaged_trace_is_whole_frames_and_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "x.frames"
    write_trace(path, 10, period=3)
    for _ in range(data.draw(st.integers(1, 3))):
        offset = data.draw(st.integers(0, path.stat().st_size - 1))
        patch(path, offset, data.draw(st.binary(min_size=1, max_size=8)))
    try:
        with open_trace(path) as reader:
            assert len(list(itertools.islice(reader, 20))) <= 20
            list(itertools.islice(reader.iter_frames(7), 20))
            assert reader.meta is not None
    except TraceFormatError:
        pass


def test_a_frame_larger_than_any_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 1)
    patch(path, 0x20, u64(0, 0))
    patch(path, FIRST, u64(1 << 30))
    with path.open("r+b") as stream:
        stream.truncate(2 << 30)  # sparse
    assert "a frame of 1073741824 bytes" in str(read_all(path)[1])


def test_a_frame_larger_than_the_buffer(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    large = encode_std_frame(4, 0, bytes(3 << 20), b"", b"", None)
    with TraceWriter(path, HEADER, META) as writer:
        for encoded in (frame(0), large, frame(1)):
            writer.write(encoded)
    assert read_all(path) == ([address(0), 4, address(1)], None)


@pytest.mark.parametrize("claimed", [0, 1, 69, 71])
def test_a_count_that_is_wrong_is_an_error_at_the_end(tmp_path: Path, claimed: int) -> None:
    path = tmp_path / "x.frames"
    build_trace(path, 70, [], claimed=claimed)
    found, error = read_all(path)
    assert found == [address(number) for number in range(min(claimed, 70))]
    assert error is not None


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not a bap-frame trace at offset 0x0"),
        (b"\x7fELF" + bytes(100), "not a bap-frame trace"),
        (u64(0x677C28828AAF6025, 3), "header cut short at offset 0x10"),
        (u64(0x677C28828AAF6025, 4, 35, 0, 0, 0), "trace version 4; we know 1 to 3"),
        (u64(0x677C28828AAF6025, 3, 35, 0, 0, 0), "meta frame cut short at offset 0x30"),
        (u64(0x677C28828AAF6025, 3, 35, 0, 0, 0, 1), "meta frame cut short"),
    ],
)
def test_what_is_no_trace(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "x.frames"
    path.write_bytes(data)
    with pytest.raises(TraceFormatError, match=problem):
        open_trace(path)


@pytest.mark.parametrize("name", ["missing", ".", "/dev/zero"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_trace(tmp_path / name)
    assert isinstance(caught.value, GdbtraceError)
    assert caught.value.exit_status == 2


def test_a_damaged_meta_frame_does_not_hide_the_frames(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 3)
    patch(path, 0x38, b"\xff" * len(META_BYTES))
    with open_trace(path) as reader:
        assert len(list(reader)) == 3
        with pytest.raises(TraceFormatError, match="meta_frame"):
            _ = reader.meta


@pytest.mark.parametrize("number", [-1, 3, 2**70])
def test_a_frame_that_is_not_there(tmp_path: Path, number: int) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 3)
    with open_trace(path) as reader, pytest.raises(IndexError):
        reader.frame_at(number)
