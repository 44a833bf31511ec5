"""What is said of divergences: text, objects for JSON, a table, a page; of frames of the committed traces."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest

from gdbtrace.analysis.divergence import Difference, Divergence, DivergenceKind, Position, Tally
from gdbtrace.analysis.reading import Reading
from gdbtrace.opening import open_reading
from gdbtrace.report.diff import DiffReport, facts_of
from gdbtrace.report.diff_html import write_html
from gdbtrace.report.diff_summary import DiffSummary
from gdbtrace.trace.frames import Frame, StdFrame, SyscallFrame
from tests.unit.test_coverage_command import read_page

TRACES = Path(__file__).parents[1] / "traces"
CONTROL_FLOW, REGISTER, LENGTH, EVENT = (
    DivergenceKind.CONTROL_FLOW,
    DivergenceKind.REGISTER,
    DivergenceKind.LENGTH,
    DivergenceKind.EVENT,
)
HERE = 20
"""A frame in the loop of `fill`: ``add x2, x2, x4``."""


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Reading, Reading]]:
    monkeypatch.chdir(TRACES)
    with open_reading(Path("aarch64.frames")) as left, open_reading(Path("aarch64.frames")) as right:
        for reading in (left, right):
            for number, _ in reading.iter_numbered():
                if number > HERE:
                    break
        yield left, right


def frames(reading: Reading, first: int, end: int) -> list[tuple[int, Frame]]:
    """Some frames, with their numbers."""
    return list(zip(range(first, end), reading.reader.iter_frames(first), strict=False))


def position(reading: Reading, number: int, context: int = 2) -> Position:
    """A place and the frames around it."""
    ((_, frame),) = frames(reading, number, number + 1)
    return Position(
        number, frame, frames(reading, number - context, number), frames(reading, number + 1, number + 1 + context)
    )


def another_value(sides: tuple[Reading, Reading], differences: Sequence[Difference]) -> Divergence:
    left, right = (position(side, HERE) for side in sides)
    return Divergence(differences[0].kind, left, right, differences)


def divergence_lines(divergence: Divergence, left: Reading, right: Reading) -> Iterator[str]:
    report = DiffReport(left, right)
    return report.lines(report.look_up(divergence))


X2 = Difference(REGISTER, "x2 after", "0x4200e8", "0x4200e9")


def test_instruction_that_does_something_else(sides: tuple[Reading, Reading]) -> None:
    assert list(divergence_lines(another_value(sides, [X2]), *sides)) == [
        "register: frame 20 of aarch64.frames, frame 20 of aarch64.frames",
        "  0x400158  add x2, x2, x4  in fill+0x1c  at program.c:35: for (int i = 0; i < (int)sizeof table; i += step)",
        "            aarch64.frames  aarch64.frames",
        "  x2 after  0x4200e8        0x4200e9",
        "",
        "    18 18  0x400150  strb w3, [x2]   fill+0x14",
        "    19 19  0x400154  add w1, w1, w0  fill+0x18",
        "  > 20 20  0x400158  add x2, x2, x4  fill+0x1c",
        "    21 21  0x40015c  cmp w1, #0xfff  fill+0x20",
        "    22 22  0x400160  b.le #0x40014c  fill+0x24",
    ]


def test_line_of_source_is_told_without_its_file(tmp_path: Path) -> None:
    for name in ("aarch64.frames", "aarch64.elf"):
        shutil.copy(TRACES / name, tmp_path)
    trace = tmp_path / "aarch64.frames"
    with open_reading(trace) as left, open_reading(trace) as right:
        lines = list(divergence_lines(another_value((left, right), [X2]), left, right))
    assert lines[1] == "  0x400158  add x2, x2, x4  in fill+0x1c  at program.c:35"


def test_other_instruction_has_both_places_and_both_contexts(sides: tuple[Reading, Reading]) -> None:
    left, right = sides
    divergence = Divergence(
        CONTROL_FLOW,
        position(left, HERE),
        position(right, HERE + 1),
        [Difference(CONTROL_FLOW, "address", "0x400158", "0x40015c")],
        left_frames=1,
    )
    assert list(divergence_lines(divergence, left, right)) == [
        "control flow: frame 20 of aarch64.frames, frame 21 of aarch64.frames",
        "  aarch64.frames  0x400158  add x2, x2, x4  in fill+0x1c"
        "  at program.c:35: for (int i = 0; i < (int)sizeof table; i += step)",
        "  aarch64.frames  0x40015c  cmp w1, #0xfff  in fill+0x20"
        "  at program.c:35: for (int i = 0; i < (int)sizeof table; i += step)",
        "           aarch64.frames  aarch64.frames",
        "  address  0x400158        0x40015c",
        "  aarch64.frames has 1 frame that the other has not; then both go on alike",
        "",
        "  - 18     0x400150  strb w3, [x2]    fill+0x14",
        "    19 19  0x400154  add w1, w1, w0   fill+0x18",
        "  +    20  0x400158  add x2, x2, x4   fill+0x1c",
        "  - 20     0x400158  add x2, x2, x4   fill+0x1c",
        "  +    21  0x40015c  cmp w1, #0xfff   fill+0x20",
        "  - 21     0x40015c  cmp w1, #0xfff   fill+0x20",
        "    22 22  0x400160  b.le #0x40014c   fill+0x24",
        "  +    23  0x40014c  sdiv w3, w1, w0  fill+0x10",
    ]


def test_frame_that_only_one_trace_has(sides: tuple[Reading, Reading]) -> None:
    left, right = sides
    there = position(right, HERE, context=1)
    divergence = Divergence(
        LENGTH,
        Position(HERE, None, frames(left, HERE - 1, HERE)),
        there,
        [Difference(LENGTH, "trace", "ends", "goes on")],
        right_frames=593,
        is_realigned=False,
    )
    assert list(divergence_lines(divergence, left, right)) == [
        "length: before frame 20 of aarch64.frames, frame 20 of aarch64.frames",
        "  aarch64.frames  -",
        "  aarch64.frames  0x400158  add x2, x2, x4  in fill+0x1c"
        "  at program.c:35: for (int i = 0; i < (int)sizeof table; i += step)",
        "         aarch64.frames  aarch64.frames",
        "  trace  ends            goes on",
        "  aarch64.frames has 593 frames that the other has not",
        "",
        "    19 19  0x400154  add w1, w1, w0  fill+0x18",
        "  +    20  0x400158  add x2, x2, x4  fill+0x1c",
        "  +    21  0x40015c  cmp w1, #0xfff  fill+0x20",
    ]
    assert facts_of(DiffReport(left, right).look_up(divergence))["left"] == {"frame": 20, "missing": True}


def test_instructions_that_are_elsewhere_stand_side_by_side(sides: tuple[Reading, Reading]) -> None:
    ours, theirs = (position(side, HERE) for side in sides)
    offset = 0x7F0000

    def there(frame: Frame) -> Frame:
        assert isinstance(frame, StdFrame)
        return dataclasses.replace(frame, address=frame.address + offset)

    right = Position(
        HERE,
        there(theirs.frame or theirs.before[0][1]),
        [(number, there(frame)) for number, frame in theirs.before],
        [(number, there(frame)) for number, frame in theirs.after],
    )
    addresses = {address: address + offset for address in range(0x400150, 0x400164, 4)}
    lines = list(divergence_lines(Divergence(REGISTER, ours, right, [X2], moved=addresses), *sides))
    assert lines[1:3] == [
        "  aarch64.frames  0x400158  add x2, x2, x4  in fill+0x1c"
        "  at program.c:35: for (int i = 0; i < (int)sizeof table; i += step)",
        "  aarch64.frames  0xbf0158  add x2, x2, x4",
    ]
    assert [line[:20] for line in lines[6:]] == [
        "    18 18  0x400150 ",
        "    19 19  0x400154 ",
        "  > 20 20  0x400158 ",
        "    21 21  0x40015c ",
        "    22 22  0x400160 ",
    ]


def test_events_are_told_as_a_log_does(sides: tuple[Reading, Reading]) -> None:
    left, right = sides
    calls = [SyscallFrame(0x400100, 0, 93, (status, 0)) for status in (22, 23)]
    divergence = Divergence(
        EVENT,
        Position(HERE, calls[0]),
        Position(HERE, calls[1]),
        [Difference(EVENT, "argument 0", "0x16", "0x17")],
        follows_tolerated=True,
    )
    assert list(divergence_lines(divergence, left, right)) == [
        "event: frame 20 of aarch64.frames, frame 20 of aarch64.frames",
        "  aarch64.frames  0, 0x400100, syscall 93, 0x16, 0x0",
        "  aarch64.frames  0, 0x400100, syscall 93, 0x17, 0x0",
        "              aarch64.frames  aarch64.frames",
        "  argument 0  0x16            0x17",
        "  a consequence of values that are not compared",
        "",
        "  - 20       0, 0x400100, syscall 93, 0x16, 0x0",
        "  +    20    0, 0x400100, syscall 93, 0x17, 0x0",
    ]


def test_traces_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
        shutil.copy(TRACES / "aarch64.frames", tmp_path / folder)
    with (
        open_reading(tmp_path / "old" / "aarch64.frames") as left,
        open_reading(tmp_path / "new" / "aarch64.frames") as right,
    ):
        assert DiffReport(left, right).names == ("old/aarch64.frames", "new/aarch64.frames")


def test_long_values_and_many_of_them_stay_readable(sides: tuple[Reading, Reading]) -> None:
    # Given a block of memory of 2 KiB whose 1,500th digit differs, and a hundred registers
    ours, theirs = "0" * 4096, "0" * 1500 + "1" + "0" * 2595
    many = [Difference(REGISTER, f"q{number}", "0x1", "0x2") for number in range(100)]
    divergence = another_value(sides, [Difference(DivergenceKind.MEMORY, "load 0x4", ours, theirs), *many])

    # Then text has the piece around the digit, and the first registers; the objects have all
    lines = list(divergence_lines(divergence, *sides))
    assert max(map(len, lines)) < 200
    assert f"...{'0' * 20}1{'0' * 59}..." in lines[3]
    assert "  and 69 more" in lines
    assert len(lines) < 50
    facts = json.loads(json.dumps(facts_of(DiffReport(*sides).look_up(divergence))))
    assert [len(facts["differences"]), facts["differences"][0]["right"]] == [101, theirs]


def test_objects(sides: tuple[Reading, Reading]) -> None:
    left, right = sides
    divergence = dataclasses.replace(another_value(sides, [X2]), left=position(left, HERE, 1))
    found = json.loads(json.dumps(facts_of(DiffReport(left, right).look_up(divergence))))
    here = {
        **{"frame": 20, "vcpu": 0, "address": "0x400158", "bytes": "4200048b", "disassembly": "add x2, x2, x4"},
        **{"symbol": "fill+0x1c", "file": "program.c", "line": 35},
    }
    context = found.pop("context")
    assert found == {
        "kind": "register",
        "left": here,
        "right": here,
        "left_frames": 0,
        "right_frames": 0,
        "realigned": True,
        "follows_tolerated": False,
        "differences": [{"kind": "register", "what": "x2 after", "left": "0x4200e8", "right": "0x4200e9"}],
    }
    numbers = [tuple(side and side["frame"] for side in (row["left"], row["right"])) for row in context]
    assert numbers == [(None, 18), (19, 19), (20, 20), (21, 21), (None, 22)]


@pytest.fixture
def summary(sides: tuple[Reading, Reading]) -> DiffSummary:
    """Of four divergences, at two instructions and the end."""
    left, right = sides
    counted = DiffSummary(DiffReport(left, right))
    end = Divergence(
        LENGTH, Position(592, None), position(right, 590), [Difference(LENGTH, "trace", "ends", "goes on")]
    )
    other = Divergence(REGISTER, position(left, 21), position(right, 21), [dataclasses.replace(X2, what="nzcv after")])
    for divergence in (other, another_value(sides, [X2]), another_value(sides, [X2]), end):
        counted.feed(divergence)
    counted.finish(Tally(pairs=592, divergences=4, derived={0: 5, 1: 30, 2: 10}, tolerated=7), is_complete=True)
    return counted


def test_table_counts_by_kind_and_instruction(summary: DiffSummary) -> None:
    head, *rows, total = summary.lines()
    # Columns as wide as what is in them, two spaces apart.
    assert [re.split("  +", row.strip()) for row in (head, *rows)] == [
        ["count", "derived", "left frame", "right frame", "kind", "what", "instruction"],
        ["1", "0", "592", "590", "length", "trace", "0x4000ec", "sxtw x0, w0", "leave+0x4 at program.c:16"],
        ["2", "40", "20", "20", "register", "x2 after", "0x400158", "add x2, x2, x4", "fill+0x1c at program.c:35"],
        ["1", "5", "21", "21", "register", "nzcv after", "0x40015c", "cmp w1, #0xfff", "fill+0x20 at program.c:35"],
    ]
    assert len({row.index("0x4") for row in rows}) == 1
    assert total == "    4  in 592 frames that both have"


def test_object_of_all_has_the_first_of_each_group(summary: DiffSummary) -> None:
    found = json.loads(json.dumps(summary.facts()))
    groups = found.pop("groups")
    assert found == {
        **{"equal": False, "left": "aarch64.frames", "right": "aarch64.frames", "complete": True},
        **{"compared": 592, "not_compared": [], "tolerated": 7, "divergences": 4, "left_out": 0},
    }
    assert [(each["count"], each["derived"], each["first"]["left"]["frame"]) for each in groups] == [
        (1, 0, 592),
        (2, 40, 20),
        (1, 5, 21),
    ]


def test_nothing_different_is_said_with_how_much_was_compared(sides: tuple[Reading, Reading]) -> None:
    counted = DiffSummary(DiffReport(*sides))
    counted.finish(Tally(pairs=592), is_complete=True)
    assert [list(counted.lines()), list(counted.first_lines())] == [["equal: 592 frames"]] * 2
    counted.finish(Tally(pairs=592, tolerated=3), is_complete=True)
    assert list(counted.lines()) == ["equal: 592 frames, 3 with differences that are tolerated"]
    assert counted.facts()["equal"] is True


def test_more_instructions_than_are_kept_are_counted_together(sides: tuple[Reading, Reading]) -> None:
    """As of a program that was linked at another address."""
    left, right = sides
    counted = DiffSummary(DiffReport(left, right))
    ((_, frame),) = frames(left, HERE, HERE + 1)
    assert isinstance(frame, StdFrame)
    for address in range(0x1000, 0x1000 + 4 * 8200, 4):
        there = Position(address // 4, dataclasses.replace(frame, address=address))
        counted.feed(Divergence(REGISTER, there, there, [X2]))
    counted.finish(Tally(pairs=8200, derived={0: 1, 8199: 1}), is_complete=True)
    assert (counted.count, len(counted.groups()), counted.left_out) == (8200, 8192, 8)
    assert list(counted.lines())[-2:] == ["    8  at other instructions", " 8200  in 8,200 frames that both have"]


def page_of(summary: DiffSummary, path: Path) -> list[list[str]]:
    """The rows of its page, which is well-formed."""
    stream = StringIO()
    write_html(summary, stream)
    path.write_text(stream.getvalue(), "utf-8")
    return read_page(path).rows


def test_page_has_both_sides(summary: DiffSummary, tmp_path: Path) -> None:
    rows = page_of(summary, tmp_path / "page.html")
    # The kind is a link to the details, whose heads read_page has looked for.
    assert ["2", "", "20", "20", "x2 after", "0x400158  add x2, x2, x4", "fill+0x1c", "program.c:35"] in rows
    assert ["x2 after", "0x4200e8", "0x4200e9"] in rows
    here = ["20", "0x400158", "add x2, x2, x4", "fill+0x1c program.c:35"]
    assert [*here, *here] in rows
    assert ["", "590", "0x4000ec", "sxtw x0, w0", "leave+0x4 program.c:16"] in rows


def test_page_of_equal_traces_says_so(sides: tuple[Reading, Reading], tmp_path: Path) -> None:
    counted = DiffSummary(DiffReport(*sides))
    counted.finish(Tally(pairs=592), is_complete=True)
    assert page_of(counted, tmp_path / "page.html") == []
    assert "Equal: 592 frames." in (tmp_path / "page.html").read_text()


def test_what_traces_say_is_escaped(sides: tuple[Reading, Reading], tmp_path: Path) -> None:
    evil = [Difference(REGISTER, "\x1b[2J<b>&", "\x9b1m", "\n")]
    divergence = another_value(sides, evil)
    lines = list(divergence_lines(divergence, *sides))
    assert all(line.isprintable() for line in lines)
    assert any("\\x1b[2J<b>&" in line for line in lines)
    counted = DiffSummary(DiffReport(*sides))
    counted.feed(divergence)
    assert all(line.isprintable() for line in counted.lines())
    assert ["\\x1b[2J<b>&", "\\x9b1m", "\\x0a"] in page_of(counted, tmp_path / "page.html")
