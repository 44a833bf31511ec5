"""The loop from records to frames: what it counts, keeps and reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gdbtrace.arch.mips import MIPS
from gdbtrace.record import recorder as module
from gdbtrace.record.assemble import Assembler, RegisterLists
from gdbtrace.record.events import EventFrames
from gdbtrace.record.recorder import Progress, Recorder
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.trace import StdFrame, decode_frame
from gdbtrace.tracer.step_record import Definition, Gap, Record, State, Step, Stop, StopReason, SystemCallMade

LAYOUT = RegisterLayout("big", {"v0": (0, 4), "pc": (4, 8)}, {}, 8)
STOP = Stop(StopReason.COUNT)
REPORT_FRAMES = 512


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.handed_over = 0

    def write(self, frame: bytes, /) -> None:
        self.frames.append(frame)

    def flush(self) -> None:
        self.handed_over = len(self.frames)


class Clock:
    """Says a time that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def assembler() -> Assembler:
    return Assembler(MIPS, LAYOUT, RegisterLists.TOUCHED)


def step(pc: int) -> Step:
    """The instruction at an address, which does nothing."""
    return Step(Definition(0, pc, b"\0\0\0\0", 0, (), (), True), 0, state(pc + 4).raw, {}, {}, ())


def state(pc: int) -> State:
    return State(bytes(4) + pc.to_bytes(4, "big"))


@pytest.mark.parametrize(("has_events", "frames"), [(True, 3), (False, 2)])
def test_what_comes_before_a_system_call_is_handed_over_since_that_may_sleep(has_events: bool, frames: int) -> None:
    sink, made = Sink(), assembler()
    events = EventFrames(made, reproducible=False) if has_events else None
    call = SystemCallMade(0x104, 0, 4029, ())
    Recorder(made, sink, events, None).consume([state(0x100), step(0x100), step(0x104), call, step(0x108), STOP])
    assert (sink.handed_over, len(sink.frames)) == (frames, frames + 1)


def test_every_step_is_a_frame_in_order() -> None:
    sink = Sink()
    recorder = Recorder(assembler(), sink, None, None)
    recorder.consume([state(0x100), step(0x100), step(0x104), step(0x108), STOP])
    frames = [decode_frame(data) for data in sink.frames]
    assert [frame.address for frame in frames if isinstance(frame, StdFrame)] == [0x100, 0x104, 0x108]
    assert recorder.instructions == 3


def test_frames_are_counted_over_all_bursts() -> None:
    recorder = Recorder(assembler(), Sink(), None, None)
    recorder.consume([state(0x100), step(0x100), STOP])
    recorder.consume([state(0x104), step(0x104), step(0x108), STOP])
    assert recorder.instructions == 3


@pytest.mark.parametrize("reason", StopReason)
def test_end_of_the_burst_is_returned(reason: StopReason) -> None:
    stop = Stop(reason, 7, "why")
    assert Recorder(assembler(), Sink(), None, None).consume([stop]) is stop


def test_nothing_is_taken_beyond_the_end_of_the_burst() -> None:
    records: Iterator[Record] = iter([state(0x100), STOP, step(0x100)])
    recorder = Recorder(assembler(), Sink(), None, None)
    recorder.consume(records)
    assert recorder.instructions == 0
    assert next(records) == step(0x100)


def test_state_is_where_the_next_step_starts() -> None:
    sink = Sink()
    Recorder(assembler(), sink, None, None).consume([state(0x100), state(0x200), step(0x200), STOP])
    frame = decode_frame(sink.frames[0])
    assert isinstance(frame, StdFrame)
    assert [(operand.name, operand.as_int()) for operand in frame.pre] == [("pc", 0x200)]


def test_gaps_are_kept_in_order_and_make_no_frame() -> None:
    first, second = Gap(0x100, "a signal"), Gap(0x200, "another thread ran")
    recorder = Recorder(assembler(), Sink(), None, None)
    recorder.consume([state(0x100), first, step(0x100), STOP])
    recorder.consume([second, STOP])
    assert recorder.gaps == [first, second]
    assert recorder.instructions == 1


def test_frames_with_unknown_memory_are_counted_over_all_bursts() -> None:
    unknown = replace(step(0x104), definition=replace(step(0x104).definition, memory_known=False))
    recorder = Recorder(assembler(), Sink(), None, None)
    recorder.consume([state(0x100), step(0x100), unknown, step(0x108), STOP])
    recorder.consume([state(0x104), unknown, STOP])
    assert (recorder.instructions, recorder.unknown_operands) == (4, 2)


def test_burst_without_an_end_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="a burst without an end"):
        Recorder(assembler(), Sink(), None, None).consume([state(0x100)])


def test_sink_that_fails_ends_it_with_the_frame_uncounted() -> None:
    class Full:
        def write(self, frame: bytes, /) -> None:
            raise OSError("no space")

        def flush(self) -> None: ...

    recorder = Recorder(assembler(), Full(), None, None)
    with pytest.raises(OSError, match="no space"):
        recorder.consume([state(0x100), step(0x100), STOP])
    assert recorder.instructions == 0


def test_progress_says_frames_time_and_address(clock: Clock) -> None:
    seen: list[Progress] = []
    recorder = Recorder(assembler(), Sink(), None, seen.append)
    clock.now += 2.5
    recorder.consume([state(0), *(step(4 * number) for number in range(REPORT_FRAMES)), STOP])
    assert seen == [Progress(REPORT_FRAMES, 2.5, 4 * (REPORT_FRAMES - 1))]


def test_progress_waits_for_enough_frames(clock: Clock) -> None:
    seen: list[Progress] = []
    recorder = Recorder(assembler(), Sink(), None, seen.append)
    recorder.consume([state(0), *(step(4 * number) for number in range(REPORT_FRAMES - 1)), STOP])
    assert seen == []


def test_progress_waits_for_the_time_to_pass(clock: Clock) -> None:
    # Given one report, and as many frames again at once
    seen: list[Progress] = []
    recorder = Recorder(assembler(), Sink(), None, seen.append)
    burst = [state(0), *(step(4 * number) for number in range(REPORT_FRAMES)), STOP]
    recorder.consume(burst)
    recorder.consume(burst)
    assert [progress.instructions for progress in seen] == [REPORT_FRAMES]
    # When a second has passed, then there is another
    clock.now += 1
    recorder.consume(burst)
    assert [progress.instructions for progress in seen] == [REPORT_FRAMES, 3 * REPORT_FRAMES]
