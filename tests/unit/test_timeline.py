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
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

from gdbtrace.analysis.calls import Activation, Enter, Entry, Exit, Leave
from gdbtrace.analysis.flow import Block
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.timeline import Clock, ExceptionTaken, StageReached
from gdbtrace.cli.app import main
from gdbtrace.report.chrome import ChromeTrace
from gdbtrace.report.perfetto import PerfettoTrace
from gdbtrace.report.slices import SliceExport
from gdbtrace.trace.frames import ExceptionFrame
from tests.trace_processor import TraceProcessor

TRACES = Path(__file__).parents[1] / "traces"
FUNCTIONS = {"_start": 1, "fill": 1, "sum": 1, "fibonacci": 15, "leave": 1}
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
    assert entered == FUNCTIONS
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
    assert names == {1: "stages", 2: "vCPU 0", 3: "vCPU 0 blocks"}
    open_slices: dict[int, list[str]] = {1: [], 2: []}
    begun: Counter[str] = Counter()
    for event in events:
        assert {"ph", "pid", "tid"} <= event.keys()
        if event["ph"] == "B":
            open_slices[event["tid"]].append(event["name"])
            begun[event["name"]] += 1
        elif event["ph"] == "E":
            open_slices[event["tid"]].pop()
    assert open_slices == {1: [], 2: []}
    assert begun == FUNCTIONS | {"sum": 2}


@BOTH
def test_perfettos_packets(arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.pftrace"
    timeline_of(capsys, TRACES / f"{arch}.frames", "--perfetto", file, "--stage", "sum=sum")
    packets = Trace.FromString(file.read_bytes()).packet
    assert {packet.trusted_packet_sequence_id for packet in packets} == {1}
    tracks = {packet.track_descriptor.uuid: packet.track_descriptor for packet in packets}
    assert tracks[1].process.process_name == f"{arch}.elf (1 ns is 1 instruction)"
    (vcpu,) = (uuid for uuid, track in tracks.items() if track.thread.thread_name == "vCPU 0")
    rows = {track.name: track.parent_uuid for track in tracks.values() if track.name}
    assert rows == {"vCPU 0 blocks": vcpu, "stages": 1}


@BOTH
def test_perfetto_understands_both_files(arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its trace processor is what ui.perfetto.dev shows, and answers the same of either file."""
    trace, files = TRACES / f"{arch}.frames", [tmp_path / "out.pftrace", tmp_path / "out.json"]
    stages = ["--stage", "sum=sum", "--stage", "end=leave"]
    timeline_of(capsys, trace, "--source", "--perfetto", files[0], "--chrome", files[1], *stages)
    shown = [json.loads(line) for line in timeline_of(capsys, trace, "--source", "--json").splitlines()]
    blocks = [
        (row["time"], row["instructions"], row["symbol"], row["address"], " ".join(row["source"]))
        for row in shown
        if row["kind"] == "block"
    ]
    shown = [json.loads(line) for line in timeline_of(capsys, trace, "--functions", "--json").splitlines()]
    left = [row for row in shown if row["kind"] == "leave"]
    functions = [
        (row["time"] - row["duration"], row["duration"], row["depth"], row["function"], row["address"]) for row in left
    ]
    times = {row["function"]: row["time"] for row in shown if row["kind"] == "enter"}
    end = sum(block[1] for block in blocks)

    for file in files:
        understood = TraceProcessor(file.read_bytes())
        assert understood.query("select name, value from stats where severity != 'info' and value > 0") == []
        prefix = "args" if file.suffix == ".json" else "debug"
        address, source = (f"extract_arg(arg_set_id, '{prefix}.{name}')" for name in ("address", "source"))
        # Each kind has a track of its own.
        tracks = understood.query("select category, count(distinct track_id) from slice group by category")
        assert tracks == [("block", 1), ("function", 1), ("stage", 1)]
        assert understood.query("select count(distinct track_id) from slice") == [(3,)]
        found = f"select ts, dur, name, {address}, {source} from slice where category = 'block' order by ts"
        assert understood.query(found) == blocks
        found = f"select ts, dur, depth, name, {address} from slice where category = 'function'"
        assert sorted(understood.query(found)) == sorted(functions)
        assert understood.query("select ts, dur, name from slice where category = 'stage' order by ts") == [
            (times["sum"], times["leave"] - times["sum"], "sum"),
            (times["leave"], end - times["leave"], "end"),
        ]
        of_functions = "slice join thread_track on track_id = thread_track.id join thread using (utid)"
        found = f"select distinct thread.name from {of_functions} where category = 'function'"
        assert understood.query(found) == [("vCPU 0",)]


class Memory:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> None:
        self.data += data


def test_exports_of_virtual_time_and_odd_names() -> None:
    chrome, perfetto, clock = Memory(), Memory(), Clock(3)
    writers = [ChromeTrace(chrome, "a", clock), PerfettoTrace(perfetto, "a", clock)]
    export = SliceExport(writers, Symbols(None, None), clock, with_source=True)
    activation = Activation(1 << 63, 0, 'no "UTF-8" \udcff\n', 0x10, 0, 200, Entry.HANDLER)
    for event in (
        StageReached("reset", 0, 0, 0),
        Enter(activation),
        ExceptionTaken(ExceptionFrame(5, 1 << 63, 0x20), 300),
        Block(1 << 63, 300, 350, ((0x30, b"", None), (0x34, b"", None))),
        StageReached("kernel", 8, 0, 350),
        Leave(activation, 400, Exit.UNWOUND),
    ):
        export.feed(event)
    export.finish(500)

    for data, prefix in ((chrome.data, "args"), (perfetto.data, "debug")):
        understood = TraceProcessor(data)
        rows = understood.query("select ts, dur, category, name from slice order by ts, category")
        assert rows == [
            (0, 2800, "stage", "reset"),
            (1600, 1600, "function", 'no "UTF-8" \\udcff\n'),
            (2400, 400, "block", "0x30"),
            (2400, 0, "exception", "exception 5"),
            (2800, 1200, "stage", "kernel"),
        ]
        # Exceptions are on their vCPU's own track.
        assert understood.query("select count(distinct track_id) from slice") == [(3,)]
        arguments = understood.query(
            "select category, key, display_value from slice join args using (arg_set_id)"
            f" where key glob '{prefix}.*' and category != 'stage' order by category, key"
        )
        assert [(category, str(key).removeprefix(f"{prefix}."), value) for category, key, value in arguments] == [
            *(("block", "address", "0x30"), ("block", "instructions", "2")),
            *(("exception", "from", "0x20"), ("exception", "number", "5")),
            *(("function", "address", "0x0"), ("function", "caller", "0x10")),
            *(("function", "entry", "handler"), ("function", "exit", "unwound")),
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
