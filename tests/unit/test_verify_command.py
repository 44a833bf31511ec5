"""``gdbtrace verify`` on files: lines, JSON, exit statuses, the table of contents."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from gdbtrace import verify
from gdbtrace.cli.app import main
from gdbtrace.trace import StdFrame, TocConvention, TraceWriter, open_trace, pack
from gdbtrace.trace.codec import encode_frame

TRACES = Path(__file__).parents[1] / "traces"
ELF = str(TRACES / "aarch64.elf")
TOC = 0x28
"""Where the header has the offset of the table of contents."""


def copied(path: Path, left_out: int | None = None, toc: TocConvention = TocConvention.STANDARD) -> Path:
    """The committed aarch64 trace, written again, without one of its frames."""
    with open_trace(TRACES / "aarch64.frames") as reader:
        meta = reader.meta_message
        assert meta is not None
        with TraceWriter(path, reader.header, meta, toc=toc, frames_per_entry=64) as writer:
            for number, (_, message) in enumerate(reader.iter_messages()):
                if number != left_out:
                    writer.write(message)
    return path


def test_consistent_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(TRACES / "aarch64.frames")]) == 0
    assert capsys.readouterr().out == "593 frames, 590 instructions: no violation\n"


def test_missing_frame_is_a_line_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = copied(tmp_path / "x.frames", left_out=2)
    with open_trace(trace) as reader:
        frame = reader.frame_at(2)
    assert isinstance(frame, StdFrame)
    assert main(["verify", str(trace), "--elf", ELF]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"frame 2, thread 0, {frame.address:#x} _start+")
    assert last.startswith("592 frames, 589 instructions: ")


def test_json_has_an_object_for_each_violation_and_a_last_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(copied(tmp_path / "x.frames", left_out=300)), "--elf", ELF, "--json"]) == 1
    *rows, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert {row["number"] for row in rows} == {300}
    assert {"kind", "number", "witness", "thread_id", "address", "problem", "place"} == rows[0].keys()
    assert (last["frames"], last["instructions"], last["is_memory_complete"]) == (592, 589, True)
    assert sum(last["violations"].values()) == len(rows)


def test_limit_prints_fewer_and_counts_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = str(copied(tmp_path / "x.frames", left_out=300))
    assert main(["verify", trace]) == 1
    *every, all_counted = capsys.readouterr().out.splitlines()
    assert main(["verify", trace, "--limit", "0"]) == 1
    assert capsys.readouterr().out.splitlines() == [all_counted]
    assert every


AS_GOLDEN = pytest.mark.parametrize("is_golden", [False, True], ids=["trace", "golden"])


def stored(trace: Path, is_golden: bool) -> str:
    """The trace, or a golden of it."""
    if not is_golden:
        return str(trace)
    golden = trace.with_suffix(".golden")
    pack(trace, golden)
    return str(golden)


@AS_GOLDEN
@pytest.mark.parametrize("toc", TocConvention)
def test_every_generation_of_tables_of_contents_is_right(
    tmp_path: Path, toc: TocConvention, is_golden: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", stored(copied(tmp_path / "x.frames", toc=toc), is_golden)]) == 0


@AS_GOLDEN
@pytest.mark.parametrize(
    ("entry", "value", "problem"),
    [
        (0, 0, "the table of contents has no frames per entry"),
        (0, 7, "the table of contents has 10 entries of 7 frames, and there are 593 frames"),
        (4, 1, "the table of contents puts frame 256 at 0x1, and it is at 0x"),
    ],
)
def test_wrong_table_of_contents(
    tmp_path: Path, entry: int, value: int, problem: str, is_golden: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = copied(tmp_path / "x.frames")
    data = bytearray(trace.read_bytes())
    (toc,) = struct.unpack_from("<Q", data, TOC)
    struct.pack_into("<Q", data, toc + 8 * entry, value)
    trace.write_bytes(data)
    assert main(["verify", stored(trace, is_golden)]) == 1
    line, last = capsys.readouterr().out.splitlines()
    assert line.startswith(f"frame 592: container: {problem}")
    assert last == "593 frames, 590 instructions: 1 violations (1 container)"


def test_trace_that_was_never_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = copied(tmp_path / "x.frames")
    data = bytearray(trace.read_bytes())
    (toc,) = struct.unpack_from("<Q", data, TOC)
    data[0x20:0x30] = bytes(16)
    trace.write_bytes(data[:toc])
    assert main(["verify", str(trace)]) == 1
    assert "never closed" in capsys.readouterr().out


def test_count_that_is_wrong_is_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = copied(tmp_path / "x.frames")
    data = bytearray(trace.read_bytes())
    struct.pack_into("<Q", data, 0x20, 592)
    trace.write_bytes(data)
    assert main(["verify", str(trace)]) == 4
    assert "more than the 592 frames of the header" in capsys.readouterr().err


def test_names_of_a_trace_cannot_move_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "x.frames"
    with open_trace(TRACES / "aarch64.frames") as reader:
        meta, frame = reader.meta_message, reader.frame_at(5)
        assert meta is not None
        assert isinstance(frame, StdFrame)
        with TraceWriter(trace, reader.header, meta) as writer:
            writer.write(encode_frame(StdFrame(frame.address, 0, frame.rawbytes, frame.pre, frame.post, "\x1b[2J")))
    assert main(["verify", str(trace)]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_library_gives_the_first_violations_and_counts_all(tmp_path: Path) -> None:
    trace = copied(tmp_path / "x.frames", left_out=300)
    whole, two = verify(trace), verify(trace, most=0)
    assert not whole.is_consistent
    assert [each.number for each in whole.violations] == [300]
    assert whole.lines[0].startswith("frame 300, thread 0, ")
    assert (two.counts, two.violations, two.lines) == (whole.counts, [], whole.lines[-1:])
