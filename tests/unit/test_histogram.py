"""Histograms of what a trace executes: the window, the names, the lines, the pictures."""

from __future__ import annotations

import json
import math
import re
import shutil
import struct
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.disassembly import Disassembly, Instruction
from gdbtrace.analysis.flow import Block, Blocks
from gdbtrace.analysis.histogram import Histogram, HistogramAnalysis, class_of, operations_of
from gdbtrace.arch.aarch64 import AARCH64
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES
from gdbtrace.cli import main
from gdbtrace.report.histogram import AreaPlot, sample_line
from gdbtrace.trace import Header, StdFrame, TraceWriter, encode_frame
from gdbtrace.trace.frames import FileStats, Frame, MetaFrame, Target, Tracer

TRACES = Path(__file__).parents[1] / "traces"
BOTH = pytest.mark.parametrize("name", ["sparc64", "aarch64"])

ADD, LDR, NOP = bytes.fromhex("0000018b"), bytes.fromhex("e00340f9"), bytes.fromhex("1f2003d5")
BRANCH = bytes.fromhex("00000014")
"""b, to itself."""


def frame(address: int, data: bytes, thread: int = 0) -> StdFrame:
    return StdFrame(address, thread, data, (), ())


def samples_of(frames: Iterable[Frame], window: int, sample_rate: int) -> list[Histogram]:
    analysis = HistogramAnalysis(Disassembly(AARCH64), operations_of, window, sample_rate)
    return [sample for each in frames if (sample := analysis.feed(each))] + analysis.finish()


def blocks_of(frames: Iterable[Frame], disassembly: Disassembly) -> list[Block]:
    flow = Blocks(disassembly)
    return [block for each in frames if (block := flow.feed(each))] + flow.finish()


def recounted(blocks: Sequence[Sequence[str]], window: int, sample_rate: int) -> list[tuple[int, dict[str, int]]]:
    """What the samples of these blocks' mnemonics must be, by counting each anew."""
    due = [end for end in range(1, len(blocks) + 1) if end % sample_rate == 0 or end == len(blocks)]
    return [
        (
            sum(len(block) for block in blocks[:end]),
            dict(Counter(mnemonic for block in blocks[max(0, end - window) : end] for mnemonic in block)),
        )
        for end in due
    ]


# -- the window ----------------------------------------------------------------------------------------------------


def test_samples_are_of_the_latest_blocks() -> None:
    # Given three blocks: add b, ldr ldr b, nop
    frames = [
        frame(0x1000, ADD),
        frame(0x1004, BRANCH),
        frame(0x2000, LDR),
        frame(0x2004, LDR),
        frame(0x2008, BRANCH),
        frame(0x3000, NOP),
    ]
    # When a sample of the latest two is taken after each
    samples = samples_of(frames, window=2, sample_rate=1)
    # Then
    assert samples == [
        Histogram(2, 1, {"add": 1, "b": 1}),
        Histogram(5, 2, {"b": 2, "ldr": 2, "add": 1}),
        Histogram(6, 3, {"ldr": 2, "b": 1, "nop": 1}),
    ]
    # And the most frequent comes first
    assert sample_line(samples[1]) == '5 {"b": 0.4, "ldr": 0.4, "add": 0.2}'
    assert list(samples[2].shares.items()) == [("ldr", 0.5), ("b", 0.25), ("nop", 0.25)]


def test_last_sample_is_where_the_trace_ends() -> None:
    frames = [frame(0x1000 * number, NOP) for number in range(1, 6)]
    assert [sample.blocks for sample in samples_of(frames, window=1, sample_rate=2)] == [2, 4, 5]
    assert [sample.blocks for sample in samples_of(frames[:4], window=1, sample_rate=2)] == [2, 4]
    assert samples_of([], window=1, sample_rate=2) == []


def test_vcpus_have_one_window_and_their_own_blocks() -> None:
    # Given two vCPUs, by turns, each in a block of its own
    frames = [
        frame(0x1000, ADD, 0),
        frame(0x2000, LDR, 1),
        frame(0x1004, BRANCH, 0),
        frame(0x2004, BRANCH, 1),
    ]
    # Then there are two blocks, of two instructions each
    assert samples_of(frames, window=1, sample_rate=1) == [
        Histogram(2, 1, {"add": 1, "b": 1}),
        Histogram(4, 2, {"b": 1, "ldr": 1}),
    ]


@given(
    steps=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([ADD, LDR, NOP, BRANCH]), st.integers(0, 2))),
    window=st.integers(1, 8),
    sample_rate=st.integers(1, 8),
)
def test_every_sample_is_what_counting_anew_gives(
    steps: list[tuple[int, bytes, int]], window: int, sample_rate: int
) -> None:
    # Given any instructions of three vCPUs
    frames = [frame(0x1000 + 4 * place, data, thread) for place, data, thread in steps]
    # When
    samples = samples_of(frames, window, sample_rate)
    # Then
    disassembly = Disassembly(AARCH64)
    blocks = [
        [disassembly.at(*key).text.split()[0] for key in block.instructions] for block in blocks_of(frames, disassembly)
    ]
    assert [(sample.instructions, sample.counts) for sample in samples] == recounted(blocks, window, sample_rate)
    for sample in samples:
        assert math.isclose(sum(sample.shares.values()), 1)
        assert list(sample.counts.items()) == sorted(sample.counts.items(), key=lambda item: (-item[1], item[0]))


# -- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arch", "mode", "code", "operation", "class_name"),
    [
        ("aarch64", None, "c0035fd6", "ret", "return"),
        ("aarch64", None, "20000094", "bl", "call"),
        ("aarch64", None, "4d000054", "b.le", "jump"),
        ("aarch64", None, "010000d4", "svc", "int"),
        ("aarch64", None, "0000284e", "saddl2", "neon"),
        ("aarch64", None, "0000018b", "add", "none"),
        ("aarch64", None, "ffffffff", ".byte", "none"),
        ("x86_64", None, "f3a4", "rep movsb", "none"),
        ("x86_64", None, "f0480fb111", "lock cmpxchg", "none"),
        ("x86_64", None, "c3", "ret", "ret"),
        ("x86_64", None, "f4", "hlt", "privilege"),
        ("x86_64", None, "660f58c1", "addpd", "sse2"),
        ("arm", "arm:a32", "0000a011", "movne", "arm"),
        ("arm", "arm:a32", "000000eb", "bl", "call"),
        ("arm", "arm:t32", "0830", "adds", "thumb+thumb1only"),
        ("arm", "arm:t32", "4ff00100", "mov.w", "thumb2"),
        ("mips", None, "0000000c", "syscall", "int"),
        ("sparc64", None, "064ffffb", "bl", "jump"),
        ("tricore", None, "cd40e20f", "mtcr", "none"),
    ],
)
def test_instruction_counts_under_its_mnemonic_or_one_class(
    arch: str, mode: str | None, code: str, operation: str, class_name: str
) -> None:
    instruction = Disassembly((MACHINES | ARCHITECTURES)[arch]).at(0x1000, bytes.fromhex(code), mode)
    assert (*operations_of(instruction), *class_of(instruction)) == (operation, class_name)


def test_class_is_what_the_instruction_does_before_where_it_exists() -> None:
    assert class_of(Instruction("", ("",), ("v9", "jump", "call"))) == ("call",)
    assert class_of(Instruction("", ("",), ("v9", "vis"))) == ("v9+vis",)
    assert class_of(Instruction("", ("",), ("stdenc", "notmips32r6"))) == ("stdenc",)
    assert class_of(Instruction("", ("",), ("not64bitmode",))) == ("none",)
    assert class_of(Instruction("", ("",), ())) == ("none",)


# -- the command ---------------------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    status = main(["histogram", *map(str, arguments)])
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    return captured.out


def shares_of(line: str) -> tuple[int, dict[str, float]]:
    count, _, shares = line.partition(" ")
    return int(count), json.loads(shares)


@BOTH
def test_lines_are_as_they_were(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Made by ``gdbtrace histogram --window 40 NAME.frames``."""
    assert run(capsys, TRACES / f"{name}.frames", "--window", "40") == (TRACES / f"{name}.histogram.txt").read_text()


@BOTH
def test_lines_need_no_symbols(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = Path(shutil.copy(TRACES / f"{name}.frames", tmp_path))
    assert run(capsys, alone, "--window", "40") == (TRACES / f"{name}.histogram.txt").read_text()


@BOTH
def test_symbols_choose_a_function(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given where the function is, in the log
    assert main(["log", str(TRACES / f"{name}.frames"), "--range", "fill"]) == 0
    addresses = [int(line.split(", ")[1], 0) for line in capsys.readouterr().out.splitlines()]
    # Then its histogram is that of these addresses, where there are no symbols
    alone = Path(shutil.copy(TRACES / f"{name}.frames", tmp_path))
    by_name = run(capsys, TRACES / f"{name}.frames", "--range", "fill", "--table")
    assert by_name == run(capsys, alone, "--range", f"{min(addresses):#x}-{max(addresses):#x}", "--table")
    assert f"\n{len(addresses)} instructions in " in by_name


BRANCHES = {
    "aarch64": re.compile(r"bl?r?|ret|b\..*|cbn?z|tbn?z"),
    "sparc64": re.compile(r"b[a-z]*(,.*)?|call|jmpl?|retl?|rett"),
}
DELAYED = {"sparc64"}
"""A branch's block ends with the instruction behind it."""


@BOTH
@pytest.mark.parametrize(("window", "sample_rate"), [(1, 1), (7, 3), (10, 25), (1000, 10)])
def test_lines_are_what_counting_the_logs_lines_gives(
    name: str, window: int, sample_rate: int, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = TRACES / f"{name}.frames"
    # Given the mnemonics in the log, cut where the next instruction is elsewhere and behind branches
    assert main(["log", str(trace)]) == 0
    blocks: list[list[str]] = []
    expected = -1
    previous = ""
    for address, mnemonic in re.findall(r'0, 0x(\w+), 0x\w+, "(\S+).*?"', capsys.readouterr().out):
        if int(address, 16) != expected:
            blocks.append([])
        blocks[-1].append(mnemonic)
        is_end = BRANCHES[name].fullmatch(previous if name in DELAYED else mnemonic)
        expected = -1 if is_end else int(address, 16) + 4
        previous = mnemonic
    # When
    lines = run(capsys, trace, "--window", str(window), "--sample-rate", str(sample_rate)).splitlines()
    # Then
    assert [shares_of(line) for line in lines] == [
        (count, {mnemonic: counted / sum(counts.values()) for mnemonic, counted in counts.items()})
        for count, counts in recounted(blocks, window, sample_rate)
    ]


@BOTH
def test_table_is_of_the_whole_trace(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / f"{name}.frames"
    assert main(["log", str(trace)]) == 0
    mnemonics = Counter(re.findall(r'"(\S+).*?"', capsys.readouterr().out))
    # When
    rows = [line.split() for line in run(capsys, trace, "--table").splitlines()]
    whole = json.loads(run(capsys, trace, "--table", "--json"))
    # Then
    assert {row[0]: int(row[1]) for row in rows[1:-2]} == whole["counts"] == mnemonics
    total = sum(mnemonics.values())
    assert [row[2] for row in rows[1:-2]] == [f"{count / total:.2%}" for _, count in mnemonics.most_common()]
    assert rows[-1][:2] == [str(total), "instructions"]
    assert [len(row[3]) for row in rows[1:3]] == [50, math.ceil(50 * int(rows[2][1]) / int(rows[1][1]))]


def test_json_has_counts_and_shares(capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / "aarch64.frames"
    lines, samples = (run(capsys, trace, *options).splitlines() for options in ([], ["--json"]))
    for line, sample in zip(lines, map(json.loads, samples), strict=True):
        assert shares_of(line) == (sample["instructions"], sample["shares"])
        total = sum(sample["counts"].values())
        assert sample["shares"] == {name: count / total for name, count in sample["counts"].items()}
    assert json.loads(samples[0])["blocks"] == 100


@BOTH
def test_classes_count_each_instruction_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads(run(capsys, TRACES / f"{name}.frames", "--class", "--table", "--json"))
    assert sum(whole["counts"].values()) == whole["instructions"]
    assert math.isclose(sum(whole["shares"].values()), 1)


def test_vcpu_is_selected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace"
    meta = MetaFrame(Tracer("test", (), (), "1"), Target("", (), (), bytes(16)), FileStats(0, 0, 0, 0), "", "", 0)
    with TraceWriter(trace, Header(AARCH64.frame_architecture, AARCH64.frame_machine), meta) as writer:
        for each in (frame(0x1000, ADD, 0), frame(0x2000, LDR, 1), frame(0x1004, ADD, 0)):
            writer.write(encode_frame(each))
    assert run(capsys, trace, "--vcpu", "0") == '2 {"add": 1.0}\n'
    assert run(capsys, trace, "--vcpu", "1") == '1 {"ldr": 1.0}\n'


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--class", "--arch", "alpha"), "--class: the groups are capstone's, and it does not know alpha"),
        (("--plot", "x.pdf"), "x.pdf: a picture's name ends with .svg or .png"),
        (("--plot", "no/x.svg"), "no: no such directory"),
    ],
)
def test_what_cannot_be_is_told(
    arguments: tuple[str, ...],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    status = main(["histogram", str(TRACES / "aarch64.frames"), *arguments])
    captured = capsys.readouterr()
    assert (status, captured.out, captured.err.splitlines()[-1]) == (2, "", f"gdbtrace: {complaint}")


# -- pictures ------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def areas_of(path: Path) -> list[list[tuple[float, float]]]:
    """The corners of each area of a picture, the lowest area first."""
    groups = [each for each in ElementTree.parse(path).iter(f"{SVG}g") if "PolyCollection" in each.get("id", "")]
    outlines = [group.find(f".//{SVG}path").get("d") for group in groups]  # type: ignore[union-attr]
    return [[(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", outline or "")] for outline in outlines]


def legend_of(path: Path) -> list[str | None]:
    (legend,) = (each for each in ElementTree.parse(path).iter(f"{SVG}g") if each.get("id") == "legend_1")
    return [text.text for text in legend.iter(f"{SVG}text")]


def heights(areas: Sequence[Sequence[tuple[float, float]]]) -> list[float]:
    """Of each, as a share of all."""
    found = [max(y for _, y in area) - min(y for _, y in area) for area in areas]
    return [height / sum(found) for height in found]


@BOTH
def test_picture_has_an_area_for_each_of_the_most_frequent(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, path = TRACES / f"{name}.frames", tmp_path / "x.svg"
    whole = json.loads(run(capsys, trace, "--table", "--json"))
    shares = list(whole["shares"].items())
    # When one sample of the whole trace is drawn
    assert run(capsys, trace, "--window", "1000", "--plot", path) == ""
    # Then the areas are as high as the shares are, and the legend names them from above
    assert legend_of(path) == ["other", *(mnemonic for mnemonic, _ in reversed(shares[:12]))]
    expected = [*(share for _, share in shares[:12]), sum(share for _, share in shares[12:])]
    assert heights(areas_of(path)) == pytest.approx(expected, abs=1e-4)
    # And what is beside it is said
    text = path.read_text()
    assert "instructions executed" in text
    assert "share of the latest 1,000 basic blocks" in text


def test_picture_is_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = {suffix: [tmp_path / f"{number}.{suffix}" for number in range(2)] for suffix in ("svg", "png")}
    for number in range(2):
        for suffix in pictures:
            run(capsys, TRACES / "aarch64.frames", "--window", "5", "--plot", pictures[suffix][number])
        # As a user's own configuration would.
        monkeypatch.setitem(sys.modules["matplotlib"].rcParams, "axes.facecolor", "red")
    for first, second in pictures.values():
        assert first.read_bytes() == second.read_bytes()
    assert b"dc:date" not in pictures["svg"][0].read_bytes()


def test_png_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.PNG"
    assert run(capsys, TRACES / "sparc64.frames", "--plot", path, "--table").startswith("mnemonic")
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">4sII", data[12:24]) == (b"IHDR", 1200, 600)


def test_picture_of_many_samples_has_as_many_as_can_be_seen(tmp_path: Path) -> None:
    # Given more samples than a picture is wide, of one mnemonic and then another, whose name looks like a formula
    path = tmp_path / "x.svg"
    plot = AreaPlot(path, 1)
    for number in range(1, 10_001):
        plot.add(Histogram(number, number, {"nop": 1} if number <= 2_500 else {"$_x$": 1}))
    # When
    plot.write(Histogram(10_000, 10_000, {"$_x$": 7_500, "nop": 2_500}))
    # Then what is drawn is from the first to the last, and changes where they do
    assert legend_of(path) == ["nop", "$_x$"]
    formula, nop = areas_of(path)
    places = sorted({x for x, _ in formula})
    assert 512 < len(places) < 1_030
    change = max(x for x, y in nop if y > min(y for _, y in nop) + 1)
    assert (change - places[0]) / (places[-1] - places[0]) == pytest.approx(0.25, abs=0.002)


def test_picture_of_nothing_is_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.svg"
    run(capsys, TRACES / "aarch64.frames", "--frames", "0:1", "--plot", path)
    assert areas_of(path) == []


def test_picture_needs_matplotlib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["histogram", str(TRACES / "aarch64.frames"), "--plot", "x.svg"]) == 3
    assert capsys.readouterr().err == "gdbtrace: matplotlib not found: pip install 'gdbtrace[plot]'\n"


def test_picture_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.svg").mkdir()
    assert main(["histogram", str(TRACES / "aarch64.frames"), "--plot", str(tmp_path / "x.svg")]) == 3
    assert capsys.readouterr().err == f"gdbtrace: {tmp_path / 'x.svg'}: cannot be written: Is a directory\n"
