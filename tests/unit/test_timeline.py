"""The timeline of the committed traces.

The reference outputs are made by ``gdbtrace timeline tests/traces/ARCH.frames`` with ``--source`` (ARCH.timeline.txt),
with ``--functions --source`` (ARCH.timeline-functions.txt), and with ``--functions`` of the trace alone in another
directory (ARCH.timeline-stripped.txt).
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

from gdbtrace.analysis.calls import Activation, Enter, Entry, Exit, Leave
from gdbtrace.analysis.timeline import Clock, ExceptionTaken, StageReached
from gdbtrace.cli.app import main
from gdbtrace.report.chrome import ChromeTrace
from gdbtrace.report.perfetto import PerfettoTrace
from gdbtrace.report.slices import SliceExport
from gdbtrace.trace.frames import ExceptionFrame

TRACES = Path(__file__).parents[1] / "traces"
BOTH = pytest.mark.parametrize("arch", ["sparc64", "aarch64"])


def timeline_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["timeline", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def complaint_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["timeline", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("gdbtrace: ")


@BOTH
def test_blocks(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = (TRACES / f"{arch}.timeline.txt").read_text()
    assert timeline_of(capsys, TRACES / f"{arch}.frames", "--source") == expected


@BOTH
def test_functions(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = (TRACES / f"{arch}.timeline-functions.txt").read_text()
    assert timeline_of(capsys, TRACES / f"{arch}.frames", "--functions", "--source") == expected


@BOTH
def test_functions_without_symbols(arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = shutil.copy(TRACES / f"{arch}.frames", tmp_path)
    expected = (TRACES / f"{arch}.timeline-stripped.txt").read_text()
    assert timeline_of(capsys, trace, "--functions") == expected


@BOTH
def test_the_calls_are_those_that_the_program_makes(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = timeline_of(capsys, TRACES / f"{arch}.frames", "--functions", "--json").splitlines()
    records = list(map(json.loads, lines))
    entered = Counter(record["function"] for record in records if record["kind"] == "enter")
    assert entered == {"_start": 1, "fill": 1, "sum": 1, "fibonacci": 15, "leave": 1}
    ended = Counter(record["how"] for record in records if record["kind"] == "leave")
    assert ended == {"return": 17, "end": 2}


@BOTH
def test_blocks_add_up_to_the_trace(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = timeline_of(capsys, TRACES / f"{arch}.frames", "--json").splitlines()
    clock, *blocks = map(json.loads, lines)
    assert clock == {"kind": "clock", "unit": "instructions", "icount": None}
    for before, after in itertools.pairwise(blocks):
        assert before["time"] + before["instructions"] == after["time"]


def test_stages(capsys: pytest.CaptureFixture[str]) -> None:
    stages = ["fill=fill", "start=_start", "second=fibonacci+4", "unseen=never", "nowhere=0x10"]
    options = [word for stage in stages for word in ("--stage", stage)]
    assert timeline_of(capsys, TRACES / "aarch64.frames", "--stages", *options) == (
        "stage    address   reached at (instructions)  took (instructions)\n"
        "start    0x40019c                          0                    5\n"
        "fill     0x40013c                          5                  402\n"
        "second   0x4000fc                        407                  183\n"
        "unseen   never                   not reached\n"
        "nowhere  0x10                    not reached\n"
    )
    records = timeline_of(capsys, TRACES / "aarch64.frames", "--stages", "--json", *options).splitlines()
    assert [json.loads(record)["time"] for record in records] == [0, 5, 407, None, None]


def test_a_stage_inside_of_a_block_comes_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = timeline_of(capsys, TRACES / "aarch64.frames", "--stage", "here=_start+8").splitlines()
    assert lines[1:4] == [
        "           0  0  0x40019c    5  _start",
        "           2  0  -- here, 0x4001a4",
        "           5  0  0x40013c   10  fill",
    ]


@BOTH
def test_chromes_events(arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.json"
    assert timeline_of(capsys, TRACES / f"{arch}.frames", "--chrome", file, "--stage", "sum=sum") == ""
    trace = json.loads(file.read_bytes())
    assert trace["displayTimeUnit"] == "ns"
    assert trace["otherData"] == {"clock": "1 ns is 1 instruction"}
    events = trace["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event.get("name") == "thread_name"}
    assert names == {0: "stages", 1: "vCPU 0"}
    open_slices: dict[int, list[str]] = {0: [], 1: []}
    begun: Counter[str] = Counter()
    for event in events:
        assert {"ph", "pid", "tid"} <= event.keys()
        if event["ph"] == "B":
            open_slices[event["tid"]].append(event["name"])
            begun[event["name"]] += 1
        elif event["ph"] == "E":
            open_slices[event["tid"]].pop()
    assert open_slices == {0: [], 1: []}
    assert begun == {"_start": 1, "fill": 1, "sum": 2, "fibonacci": 15, "leave": 1}


@BOTH
def test_perfettos_packets(arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.pftrace"
    timeline_of(capsys, TRACES / f"{arch}.frames", "--perfetto", file, "--stage", "sum=sum")
    tracks, slices = slices_of(file.read_bytes())
    assert tracks == {"stages", "vCPU 0"}
    assert Counter(name for _, name, _, _ in slices) == {"_start": 1, "fill": 1, "sum": 2, "fibonacci": 15, "leave": 1}
    lines = timeline_of(capsys, TRACES / f"{arch}.frames", "--functions", "--json").splitlines()
    records = [record for record in map(json.loads, lines) if record["kind"] == "leave"]
    expected = sorted((record["time"] - record["duration"], record["time"], record["function"]) for record in records)
    assert sorted((begin, end, name) for track, name, begin, end in slices if track == "vCPU 0") == expected


def slices_of(data: bytes) -> tuple[set[str], list[tuple[str, str, int, int]]]:
    """Tracks by name; slices: track, name, begin, end."""
    names: dict[int, str] = {}
    tracks: dict[int, str] = {}
    open_slices: dict[int, list[tuple[str, int]]] = {}
    slices = []
    for packet in Trace.FromString(data).packet:
        assert packet.trusted_packet_sequence_id == 1
        if packet.sequence_flags & 1:
            names.clear()
        names.update({name.iid: name.name for name in packet.interned_data.event_names})
        descriptor = packet.track_descriptor
        if descriptor.HasField("process"):
            assert descriptor.process.process_name.endswith("1 ns is 1 instruction)")
        elif descriptor.uuid:
            assert descriptor.parent_uuid == 1
            tracks[descriptor.uuid] = descriptor.name or descriptor.thread.thread_name
        event = packet.track_event
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            open_slices.setdefault(event.track_uuid, []).append((names[event.name_iid], packet.timestamp))
        elif event.type == TrackEvent.TYPE_SLICE_END:
            name, begin = open_slices[event.track_uuid].pop()
            slices.append((tracks[event.track_uuid], name, begin, packet.timestamp))
        elif event.type == TrackEvent.TYPE_INSTANT:
            slices.append((tracks[event.track_uuid], names[event.name_iid], packet.timestamp, packet.timestamp))
    assert not any(open_slices.values())
    return set(tracks.values()), slices


class Memory:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> None:
        self.data += data


def test_exports_of_virtual_time_and_odd_names() -> None:
    chrome, perfetto, clock = Memory(), Memory(), Clock(3)
    export = SliceExport([ChromeTrace(chrome, "a", clock), PerfettoTrace(perfetto, "a", clock)], clock)
    activation = Activation(1 << 63, 0, 'no "UTF-8" \udcff\n', None, 0, 200, Entry.START)
    for event in (
        StageReached("reset", 0, 0, 0),
        Enter(activation),
        ExceptionTaken(ExceptionFrame(5, 1 << 63), 300),
        StageReached("kernel", 8, 0, 350),
        Leave(activation, 400, Exit.RETURN),
    ):
        export.feed(event)
    export.finish(500)

    events = json.loads(chrome.data)["traceEvents"]
    assert [event["ts"] for event in events if "ts" in event] == [0, 1.6, 2.4, 2.8, 2.8, 3.2, 4]
    assert 'no "UTF-8" \\udcff\n' in {event.get("name") for event in events}
    packets = Trace.FromString(perfetto.data).packet
    assert [packet.timestamp for packet in packets if packet.HasField("track_event")] == [
        *(0, 1600, 2400, 2800, 2800, 3200, 4000),
    ]


def test_bad_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = shutil.copy(TRACES / "aarch64.frames", tmp_path)
    shutil.copy(TRACES / "aarch64.elf", tmp_path)
    assert complaint_of(capsys, trace, "--functions", "--stages") == "--functions and --stages: choose one"
    assert "name them with --stage" in complaint_of(capsys, trace, "--stages")
    assert complaint_of(capsys, trace, "--perfetto", trace) == f"{trace}: that is what is read"
    assert "no program of the trace has that symbol" in complaint_of(capsys, trace, "--stages", "--stage", "a=b")
    assert main(["timeline", str(trace), "--chrome", str(tmp_path / "no" / "where")]) == 3
    assert "cannot be written" in capsys.readouterr().err
