"""What is shown of a trace that cannot be read to its end, or that the user does not want to wait for."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gdbtrace.cli.app import main
from gdbtrace.cli.output import ExitStatus
from gdbtrace.trace import open_trace
from gdbtrace.trace.container import TraceReader
from gdbtrace.trace.frames import Frame
from gdbtrace.trace.repair import repair

TRACE = Path(__file__).parents[1] / "traces" / "aarch64.frames"
_READ = 70
"""Frames before the end."""

COMMANDS: Sequence[Sequence[str]] = [
    ("coverage", "--by", "instruction"),
    ("coverage", "--drcov", "OUT", "--json"),
    ("histogram", "--window", "8"),
    ("histogram", "--table"),
    ("histogram", "--plot", "OUT.svg"),
    ("timeline",),
    ("timeline", "--functions"),
    ("timeline", "--stages", "--stage", "here=0x400184", "--stage", "never=0x1"),
    ("timeline", "--chrome", "OUT"),
    ("cache",),
    ("cache", "--din", "OUT", "--json"),
]
"""Of each command what it shows, and what it writes."""


class Shown:
    """Runs a command, and has what it has printed and written."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._folder = folder
        self.error = ""

    def by(self, words: Sequence[str], trace: Path, *more: str) -> tuple[int, str, bytes]:
        """Exit status, standard output, and the file that was written."""
        written = next((self._folder / word for word in words if word.startswith("OUT")), None)
        named = [str(written) if word.startswith("OUT") else word for word in words]
        status = main([*named, str(trace), *more])
        shown = self._capsys.readouterr()
        self.error = shown.err
        return status, shown.out, written.read_bytes() if written else b""


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shown:
    return Shown(capsys, tmp_path)


def cut(directory: Path) -> Path:
    """The trace, broken off in the midst of a frame."""
    with open_trace(TRACE) as reader:
        ends = [offset + len(data) for offset, data in reader.iter_messages()]
    damaged = directory / "damaged" / TRACE.name
    damaged.parent.mkdir()
    damaged.write_bytes(TRACE.read_bytes()[: ends[_READ] - 1])
    return damaged


@pytest.mark.parametrize("words", [*COMMANDS, ("info",), ("info", "--json")], ids=" ".join)
def test_damage(words: Sequence[str], shown: Shown, tmp_path: Path) -> None:
    damaged = cut(tmp_path)
    whole = tmp_path / TRACE.name
    repair(damaged, whole)
    (status, *expected) = shown.by(words, whole)
    assert status == 0
    assert any(expected)

    (status, *found) = shown.by(words, damaged)

    assert found == expected
    assert status == ExitStatus.DAMAGED
    assert shown.error.startswith(f"gdbtrace: {damaged}: frame cut short at offset ")
    assert shown.error.count("\n") == 1


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_interrupt(words: Sequence[str], shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    (status, *expected) = shown.by(words, TRACE, "--frames", f":{_READ}")
    assert status == 0

    def interrupted(reader: TraceReader, start: int = 0) -> Iterator[Frame]:
        for number, (offset, data) in enumerate(reader.iter_messages(start)):
            if number == _READ:
                signal.raise_signal(signal.SIGINT)
            yield reader.decode(data, offset)

    monkeypatch.setattr(TraceReader, "iter_frames", interrupted)
    (status, *found) = shown.by(words, TRACE)

    assert found == expected
    assert (status, shown.error) == (ExitStatus.INTERRUPTED, "gdbtrace: interrupted\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_waits_for_nothing(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted_twice(reader: TraceReader, start: int = 0) -> Iterator[Frame]:
        for offset, data in reader.iter_messages(start):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            yield reader.decode(data, offset)

    monkeypatch.setattr(TraceReader, "iter_frames", interrupted_twice)
    assert shown.by(("coverage",), TRACE) == (ExitStatus.INTERRUPTED, "", b"")


def test_coverage_of_several(shown: Shown, tmp_path: Path) -> None:
    """What the others executed is shown, too."""
    damaged = cut(tmp_path)
    _, whole, _ = shown.by(("coverage", "--json"), TRACE)
    _, part, _ = shown.by(("coverage", "--json"), damaged)
    status, found, _ = shown.by(("coverage", "--json", str(TRACE), str(damaged)), TRACE)
    assert status == ExitStatus.DAMAGED
    assert json.loads(found)["executed"] == 2 * json.loads(whole)["executed"] + json.loads(part)["executed"]


def test_coverage_without_a_damaged_one(shown: Shown, tmp_path: Path) -> None:
    """Nobody knows what it executed behind the damage, so not what is left without it."""
    damaged = cut(tmp_path)
    for option in ("--minus", "--only-in"):
        assert shown.by(("coverage", option, str(damaged)), TRACE) == (ExitStatus.DAMAGED, "", b"")
        assert "frame cut short" in shown.error
