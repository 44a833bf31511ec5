"""``gdbtrace diff`` on the committed traces and changed copies of them: options, formats, exit statuses."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gdbtrace.cli.app import main
from gdbtrace.trace import Frame, StdFrame, TraceWriter, open_trace
from gdbtrace.trace.codec import encode_frame
from gdbtrace.trace.frames import Operand
from tests.unit.test_coverage_command import read_page

EQUAL, DIFFERENT, USAGE, TOOL_FAILED, DAMAGED = 0, 1, 2, 3, 4
TRACES = Path(__file__).parents[1] / "traces"
AARCH64 = TRACES / "aarch64.frames"
FRAMES = 593
HERE = 20
"""A frame in the loop of `fill`: ``add x2, x2, x4``."""
STORE = 18
"""``strb w3, [x2]``."""


def diff(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    status = main(["diff", *map(str, arguments)])
    printed = capsys.readouterr()
    assert printed.err == ""
    return status, printed.out


def found_by(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    """What ``--json`` says."""
    status, text = diff(capsys, *arguments, "--json")
    found: dict[str, Any] = json.loads(text)
    assert found["equal"] is (status == EQUAL)
    return found


def places(found: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Kind and frames of the first of each group."""
    firsts = [group["first"] for group in found["groups"]]
    return [(first["kind"], first["left"]["frame"], first["right"]["frame"]) for first in firsts]


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """Writes a copy of the trace, in the folder of its program, without some frames and with others changed."""
    shutil.copy(TRACES / "aarch64.elf", tmp_path)

    def written(change: Callable[[int, Frame], Frame | None], name: str = "changed.frames") -> Path:
        with open_trace(AARCH64) as reader, TraceWriter(tmp_path / name, reader.header, reader.meta or b"") as writer:
            for number, frame in enumerate(reader):
                if (copy := change(number, frame)) is not None:
                    writer.write(encode_frame(copy))
        return tmp_path / name

    return written


def with_value(number: int, location: str, value: int) -> Callable[[int, Frame], Frame | None]:
    """A frame's result in a register, or in memory where no name is given, is another one."""

    def operand(old: Operand) -> Operand:
        is_meant = old.is_memory if not location else not old.is_memory and old.name == location
        return dataclasses.replace(old, value=value.to_bytes(len(old.value), "little")) if is_meant else old

    def change(at: int, frame: Frame) -> Frame:
        if at != number:
            return frame
        assert isinstance(frame, StdFrame)
        assert frame.post is not None
        return dataclasses.replace(frame, post=tuple(map(operand, frame.post)))

    return change


def test_equal(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(capsys, AARCH64, AARCH64) == (EQUAL, f"equal: {FRAMES} frames\n")
    assert diff(capsys, AARCH64, AARCH64, "--all") == (EQUAL, f"equal: {FRAMES} frames\n")
    assert found_by(capsys, AARCH64, AARCH64) == {
        **{"equal": True, "left": str(AARCH64), "right": str(AARCH64), "complete": True},
        **{"compared": FRAMES, "tolerated": 0, "divergences": 0, "left_out": 0, "groups": []},
    }


def test_first_divergence_with_context(
    changed: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = changed(with_value(STORE, "", 0x41))
    monkeypatch.chdir(TRACES)
    status, text = diff(capsys, "aarch64.frames", trace, "--context", "1")
    assert status == DIFFERENT
    lines = text.splitlines()
    assert lines[:2] == [
        f"memory: frame {STORE} of aarch64.frames, frame {STORE} of changed.frames",
        "  0x400150  strb w3, [x2]  in fill+0x14  at program.c:36: table[i] = i / step;",
    ]
    assert lines[-3:] == [
        "    17 17  0x40014c  sdiv w3, w1, w0  fill+0x10",
        "  > 18 18  0x400150  strb w3, [x2]    fill+0x14",
        "    19 19  0x400154  add w1, w1, w0   fill+0x18",
    ]
    assert found_by(capsys, AARCH64, trace, "--context", "0")["groups"][0]["first"]["context"][0]["left"]["frame"] == 18


def test_missing_piece_is_realigned(changed: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    trace = changed(lambda number, frame: None if 100 <= number < 103 else frame)
    found = found_by(capsys, AARCH64, trace, "--all")
    first = found["groups"][0]["first"]
    assert (first["left"]["frame"], first["left_frames"], first["right_frames"]) == (100, 3, 0)
    assert first["realigned"] is True
    assert found["compared"] == FRAMES - 3


def test_all_counts_what_arises_in_several_places(
    changed: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first = with_value(STORE, "", 0x41)
    trace = changed(lambda number, frame: with_value(STORE + 6, "", 0x42)(number, first(number, frame) or frame))
    found = found_by(capsys, AARCH64, trace, "--all")
    group = found["groups"][0]
    assert found["complete"] is True
    assert found_by(capsys, AARCH64, trace)["complete"] is False
    assert (group["count"], group["first"]["kind"], group["first"]["left"]["frame"]) == (2, "memory", STORE)
    status, table = diff(capsys, AARCH64, trace, "--all")
    assert status == DIFFERENT
    assert re.search(r"^ +2 +\d+ +18 +18  memory .*strb w3, \[x2\]  fill\+0x14 at program.c:36$", table, re.MULTILINE)


@pytest.mark.parametrize(
    ("masks", "is_equal"),
    [
        (["--mask-register", "x2"], True),
        (["--mask-register", "x*:0-3"], True),
        (["--mask-register", "x2:1-63"], False),
        (["--mask-register", "x3"], False),
        (["--mask-instruction", "add x2, x2, x4"], True),
        (["--mask-instruction", "add"], True),
        (["--mask-instruction", "sub"], False),
        (["--mask-memory", "0x420000-0x42ffff"], False),
    ],
)
def test_masks_of_registers(
    masks: list[str], is_equal: bool, changed: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # Given x2 with another lowest bit after one instruction, and right again before the next
    trace = changed(with_value(HERE, "x2", 0x4200E9))
    status, text = diff(capsys, AARCH64, trace, "--frames", f":{HERE + 1}", *masks)
    assert status == (EQUAL if is_equal else DIFFERENT), text
    assert not is_equal or text == f"equal: {HERE + 1} frames, 1 with differences that are tolerated\n"


@pytest.mark.parametrize(("mask", "is_equal"), [("0x420000-0x420fff", True), ("0x420069-0x420fff", False)])
def test_masks_of_memory(
    mask: str, is_equal: bool, changed: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    trace = changed(with_value(STORE, "", 0x41))
    status, _ = diff(capsys, AARCH64, trace, "--mask-memory", mask)
    assert status == (EQUAL if is_equal else DIFFERENT)


def test_events_can_be_passed_over(changed: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    trace = changed(lambda _, frame: frame if isinstance(frame, StdFrame) else None)
    assert found_by(capsys, AARCH64, trace)["groups"][0]["first"]["kind"] == "event"
    status, text = diff(capsys, AARCH64, trace, "--no-events")
    assert (status, text) == (EQUAL, "equal: 590 frames\n")


def test_windows_may_begin_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Two passes through the same loop are the same instructions with other values."""
    found = found_by(capsys, AARCH64, AARCH64, "--frames", "17:20", "--right-frames", "23:26")
    assert places(found)[0][0] in ("register", "memory")
    assert places(found)[0][1:] == (17, 23)


def test_symbols_of_either_side(
    changed: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = changed(with_value(STORE, "", 0x41))
    (tmp_path / "aarch64.elf").rename(tmp_path / "other.elf")
    first = found_by(capsys, AARCH64, trace)["groups"][0]["first"]
    assert (first["left"]["symbol"], first["right"]["symbol"]) == ("fill+0x14", "aarch64.elf+0x150")
    first = found_by(capsys, AARCH64, trace, "--right-elf", tmp_path / "other.elf")["groups"][0]["first"]
    assert first["right"]["symbol"] == "fill+0x14"


def test_page(changed: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trace = changed(with_value(STORE, "", 0x41))
    status, _ = diff(capsys, AARCH64, trace, "--html", tmp_path / "page.html")
    assert status == DIFFERENT
    rows = read_page(tmp_path / "page.html").rows
    here = [str(STORE), "0x400150", "strb w3, [x2]", "fill+0x14 program.c:36"]
    assert [*here, *here] in rows


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--mask-register", ""], USAGE),
        (["--mask-register", "x2:"], USAGE),
        (["--mask-memory", "fill"], USAGE),
        (["--mask-instruction", " "], USAGE),
        (["--frames", "9:9"], USAGE),
        (["--right-frames", "9"], USAGE),
        (["--html", str(AARCH64)], USAGE),
        (["--html", "/no/such/directory/x.html"], TOOL_FAILED),
    ],
    ids=["register", "bits", "memory", "instruction", "nothing selected", "frames", "overwritten", "no directory"],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    size = AARCH64.stat().st_size
    assert main(["diff", str(AARCH64), str(AARCH64), *arguments]) == status
    assert re.fullmatch(r"gdbtrace: .*\n", capsys.readouterr().err)
    assert AARCH64.stat().st_size == size


def test_traces_of_two_architectures_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(AARCH64), str(TRACES / "sparc64.frames")]) == USAGE
    assert re.fullmatch(r"gdbtrace: .*aarch64.*sparc64.*\n", capsys.readouterr().err)


def test_damaged_trace(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.frames"
    data = AARCH64.read_bytes()
    damaged.write_bytes(data[: len(data) // 2])
    assert main(["diff", str(AARCH64), str(damaged)]) == DAMAGED
    assert re.fullmatch(r"gdbtrace: .*\n", capsys.readouterr().err)
