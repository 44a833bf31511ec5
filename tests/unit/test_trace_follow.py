"""Reading a trace that is being written: the writer's next move is made whenever the reader waits for it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gdbtrace.errors import TraceFormatError, UsageError
from gdbtrace.trace import Header, StdFrame, TraceWriter, container, encode_frame
from gdbtrace.trace import follow as follow_module
from gdbtrace.trace.follow import TraceFollower
from tests.log_lines import META

HEADER = Header(8, 32)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_module, "_LOOK_SECONDS", 0.0)


def message(number: int) -> bytes:
    return encode_frame(StdFrame(number, 0, b"\1\2\3\4", (), ()))


def moves(*steps: Callable[[], object]) -> Callable[[], object]:
    """What a writer does, a step each time it is waited for."""
    remaining = iter(steps)
    return lambda: next(remaining)()


def addresses(follower: TraceFollower, start: int = 0) -> Iterator[int]:
    with follower:
        for frame in follower.iter_frames(start):
            assert isinstance(frame, StdFrame)
            yield frame.address


def writing(writer: TraceWriter, numbers: range) -> Callable[[], None]:
    def write() -> None:
        for number in numbers:
            writer.write(message(number))
        writer.flush()

    return write


@pytest.mark.parametrize("name", ["x.frames", "x.frames.part"])
@pytest.mark.parametrize("start", [0, 3, 9])
def test_frames_come_as_they_are_written_until_the_trace_is_closed(tmp_path: Path, name: str, start: int) -> None:
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    writing(writer, range(4))()
    steps = moves(writing(writer, range(4, 5)), lambda: None, writing(writer, range(5, 8)), writer.close)
    assert list(addresses(TraceFollower(tmp_path / name, steps), start)) == list(range(start, 8))
    assert (tmp_path / "x.frames").exists()


def test_closed_trace_is_read_and_that_is_all(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "x.frames", HEADER, META) as writer:
        writing(writer, range(200))()
    assert list(addresses(TraceFollower(tmp_path / "x.frames"), 130)) == list(range(130, 200))


def test_trace_that_is_written_anew_is_followed_and_not_the_old_one(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "x.frames", HEADER, META) as writer:
        writing(writer, range(3))()
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    follower = TraceFollower(tmp_path / "x.frames", moves(writing(writer, range(7, 9)), writer.close))
    assert list(addresses(follower)) == [7, 8]


@pytest.mark.parametrize("cut", [1, 8, 9, 20])
def test_frame_that_is_not_whole_yet_is_waited_for(tmp_path: Path, cut: int) -> None:
    # Given a trace to whose file a frame comes in two pieces
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    writing(writer, range(2))()
    part = tmp_path / "x.frames.part"
    unit = len(message(2)).to_bytes(8, "little") + message(2)

    def append_the_first_piece() -> None:
        with part.open("ab") as stream:
            stream.write(unit[:cut])

    # The writer itself writes all of it, where it stands.
    steps = moves(append_the_first_piece, lambda: None, writing(writer, range(2, 3)), writer.close)
    assert list(addresses(TraceFollower(part, steps))) == [0, 1, 2]


def test_header_that_is_not_whole_yet_is_waited_for(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "y.frames", HEADER, META) as writer:
        writing(writer, range(2))()
    data = (tmp_path / "y.frames").read_bytes()
    with (tmp_path / "x.frames.part").open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        steps = moves(lambda: None, lambda: os.pwrite(stream.fileno(), data, 0))
        assert list(addresses(TraceFollower(tmp_path / "x.frames", steps))) == [0, 1]


@pytest.mark.parametrize("cut", [0, 12])
def test_trace_that_nobody_writes_any_more_is_told(tmp_path: Path, cut: int) -> None:
    # Given a writer that dies between two frames, or within one
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    writing(writer, range(3))()
    data = (tmp_path / "x.frames.part").read_bytes()
    writer.discard()
    part = tmp_path / "z.frames.part"
    part.write_bytes(data[: len(data) - cut])
    frames = addresses(TraceFollower(part))
    # Then its whole frames come, and the end is an error
    assert [next(frames) for _ in range(3 if cut == 0 else 2)] == ([0, 1, 2] if cut == 0 else [0, 1])
    with pytest.raises(TraceFormatError, match=r"nobody writes it any more|cut short"):
        next(frames)


def test_trace_whose_writer_discards_it_is_told(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    with pytest.raises(TraceFormatError, match="nobody writes it any more"):
        list(addresses(TraceFollower(tmp_path / "x.frames", moves(writer.discard))))


def test_trace_that_is_closed_just_when_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TraceWriter(tmp_path / "x.frames", HEADER, META)
    writing(writer, range(2))()

    def after_closing(path: str, flags: int) -> int:
        writer.close()
        return os.open(path, flags)

    monkeypatch.setattr(container, "_open_at_once", after_closing)
    assert list(addresses(TraceFollower(tmp_path / "x.frames"))) == [0, 1]


def test_trace_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        TraceFollower(tmp_path / "x.frames")
