"""Repair: every whole frame, and nothing but."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.errors import OutputError, TraceFormatError, UsageError
from gdbtrace.trace import StdFrame, TocConvention, TraceWriter, open_trace
from gdbtrace.trace.repair import repair
from tests.unit.test_trace_container import (
    FIRST,
    HEADER,
    META,
    UNIT,
    address,
    boundary,
    build_trace,
    frame,
    offsets_at,
    patch,
    read_all,
    u64,
    write_trace,
)


def unfinished(path: Path, count: int) -> bytes:
    """What a writer that was killed leaves."""
    write_trace(path, count)
    data = path.read_bytes()[: boundary(count)]
    data = data[:0x20] + u64(0, 0) + data[0x30:]
    path.write_bytes(data)
    return data


def test_a_killed_writers_part_becomes_a_trace(tmp_path: Path) -> None:
    source, destination = tmp_path / "x.frames.part", tmp_path / "x.frames"
    data = unfinished(source, 70)
    source.write_bytes(data + u64(500) + b"half a frame")
    report = repair(source, destination)
    assert (report.frames, report.bytes_dropped) == (70, 20)
    assert report.problem is not None
    assert report.problem.offset == boundary(70)
    write_trace(tmp_path / "expected.frames", 70)
    assert destination.read_bytes() == (tmp_path / "expected.frames").read_bytes()
    assert source.read_bytes() == data + u64(500) + b"half a frame"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_trace_cut_anywhere_gives_every_whole_frame(tmp_path: Path, is_closed: bool) -> None:
    path, cut, repaired = tmp_path / "x.frames", tmp_path / "cut.frames", tmp_path / "repaired.frames"
    if is_closed:
        write_trace(path, 5, period=2)
    else:
        unfinished(path, 5)
    whole = path.read_bytes()
    for size in range(FIRST, len(whole) + 1):
        cut.write_bytes(whole[:size])
        report = repair(cut, repaired)
        expected = min((size - FIRST) // UNIT, 5)
        assert report.frames == expected
        assert report.bytes_dropped == (0 if size >= boundary(5) else (size - FIRST) % UNIT)
        assert (report.problem is None) == (size >= boundary(5) or (not is_closed and not report.bytes_dropped))
        assert read_all(repaired) == ([address(number) for number in range(expected)], None)


@pytest.mark.parametrize("size", range(0, FIRST, 5))
def test_without_header_and_meta_frame_there_is_nothing_to_repair(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.frames"
    data = unfinished(path, 1)
    path.write_bytes(data[:size])
    with pytest.raises(TraceFormatError):
        repair(path, tmp_path / "y.frames")
    assert not (tmp_path / "y.frames").exists()


def test_a_sound_trace_is_copied_with_the_table_of_contents_asked_for(tmp_path: Path) -> None:
    write_trace(tmp_path / "x.frames", 130)
    write_trace(tmp_path / "expected.frames", 130, TocConvention.LEGACY)
    report = repair(tmp_path / "x.frames", tmp_path / "y.frames", toc=TocConvention.LEGACY)
    assert (report.frames, report.bytes_dropped, report.problem) == (130, 0, None)
    assert (tmp_path / "y.frames").read_bytes() == (tmp_path / "expected.frames").read_bytes()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_other_versions_become_ours(tmp_path: Path, version: int) -> None:
    build_trace(tmp_path / "x.frames", 70, offsets_at([64]), version=version)
    report = repair(tmp_path / "x.frames", tmp_path / "y.frames")
    assert (report.frames, report.problem) == (70, None)
    with open_trace(tmp_path / "y.frames") as reader:
        assert (reader.header.version, reader.header.frame_architecture, len(reader)) == (3, 35, 70)
        assert reader.meta is not None
        assert version == 1 or reader.meta == META


@pytest.mark.parametrize("toc_offset", [1, FIRST + 1, FIRST + UNIT - 1, boundary(70) - 1, 2**63, 2**64 - 1])
def test_a_wrong_end_of_the_frames_does_not_matter(tmp_path: Path, toc_offset: int) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 70)
    patch(path, 0x28, u64(toc_offset))
    report = repair(path, tmp_path / "y.frames")
    assert (report.frames, report.bytes_dropped) == (70, 8 * 3)
    assert read_all(tmp_path / "y.frames")[1] is None


def test_a_table_of_contents_without_a_header_is_not_taken_for_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 64 * 10)
    patch(path, 0x20, u64(0, 0))
    report = repair(path, tmp_path / "y.frames")
    assert (report.frames, report.bytes_dropped) == (640, 8 * 11)


def test_a_damaged_frame_ends_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 70)
    patch(path, boundary(30) + 8, b"\x0b")
    report = repair(path, tmp_path / "y.frames")
    assert report.frames == 30
    assert report.bytes_dropped == 40 * UNIT + 8 * 3
    assert report.problem is not None
    assert report.problem.offset == boundary(30) + 8


def test_damaged_operands_end_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    sound = bytes.fromhex("0a0b 0804 1000 1a0100 2200 2a00")
    damaged = bytes.fromhex("0a0d 0804 1000 1a0100 2202 0a00 2a00")  # an operand without any field
    unknown = bytes.fromhex("3a020801")
    for bad in (damaged, unknown):
        with TraceWriter(path, HEADER, META) as writer:
            for encoded in (sound, bad, sound):
                writer.write(encoded)
        assert repair(path, tmp_path / "y.frames").frames == 1


@given(st.data())
def test_what_was_repaired_can_be_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("repair")
    path, repaired = directory / "x.frames", directory / "y.frames"
    write_trace(path, 10, period=3)
    for _ in range(data.draw(st.integers(1, 3))):
        offset = data.draw(st.integers(0x10, path.stat().st_size - 1))
        patch(path, offset, data.draw(st.binary(min_size=1, max_size=8)))
    try:
        report = repair(path, repaired)
    except TraceFormatError:
        return
    with open_trace(repaired) as reader:
        frames = list(reader)
        assert len(frames) == len(reader) == report.frames
        for item in frames:
            assert not isinstance(item, StdFrame) or len(item.pre) >= 0


def test_the_trace_itself_is_no_destination(tmp_path: Path) -> None:
    path = tmp_path / "x.frames"
    write_trace(path, 3)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="name another file"):
        repair(path, tmp_path / "." / "x.frames")
    assert path.read_bytes() == before


def test_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        repair(tmp_path / "x.frames", tmp_path / "y.frames")


def test_a_destination_that_cannot_be_written(tmp_path: Path) -> None:
    write_trace(tmp_path / "x.frames", 3)
    with pytest.raises(OutputError):
        repair(tmp_path / "x.frames", tmp_path / "no" / "y.frames")


def test_a_frame_is_what_the_helpers_say() -> None:
    assert len(frame(0)) + 8 == UNIT
