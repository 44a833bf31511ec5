"""``gdbtrace diff`` of a program in two versions: it names the line of source that was changed, whatever runs it."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gdbtrace.cli.app import main
from gdbtrace.trace import Frame, StdFrame, open_trace
from tests.toolchain import GUESTS, TESTS, Workshop
from tests.tracing import NULL, stdout_to

DIFFERENT = 1
SOURCE = TESTS / "programs" / "diverge.c"
FLAGS = ("-g", "-O0", "-fno-toplevel-reorder", "-ffreestanding", "-fno-pic", "-no-pie", "-fno-stack-protector")
LINK = ("-nostdlib", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments")


class Guest(NamedTuple):
    """Where a program is built for, and runs."""

    arch: str
    """Of its compiler."""
    flags: tuple[str, ...]
    run: tuple[str, ...] = ()


def program_of(arch: str) -> Guest:
    """One of user mode."""
    return Guest(arch, ("-Wl,-Tdata=0x2000000", str(GUESTS / "start" / f"{arch}.S")))


GUESTS_OF = {
    "aarch64": program_of("aarch64"),
    "x86_64": program_of("x86_64"),
    "sparc64": program_of("sparc64"),
    "s390x": program_of("s390x"),
    "lm3s6965evb": Guest(
        "arm",
        (
            *("-mthumb", "-mcpu=cortex-m3", "-mfloat-abi=soft", "-Wl,-e,reset_handler"),
            *("-Wl,--section-start=.vectors=0", "-Wl,-Ttext=0x100", "-Wl,-Tdata=0x20000000"),
        ),
        ("--machine", "lm3s6965evb", "--stop", "done"),
    ),
    "mcf5208evb": Guest(
        "m68k",
        ("-mcpu=5208", "-Wl,-Ttext=0x40000000", "-Wl,-Tdata=0x40001000", "-Wl,-z,noexecstack"),
        ("--machine", "mcf5208evb", "--stop", "done"),
    ),
}
"""Little- and big-endian programs, little- and big-endian firmware."""


class Change(NamedTuple):
    """What is done to the source."""

    flag: str
    place: str
    """How the comment on the changed line begins."""
    kind: str
    """Class of the divergence: code that is changed has other bytes before it does something else."""
    instead: str = ""
    """Where the original is then, if not on that line, which has no code there."""


CHANGES = {
    "constant": Change("-DCONSTANT=12", "the constant", "bytes"),
    "branch": Change("-DCOMPARED=!=", "the branch", "bytes"),
    "instruction": Change('-DEXTRA=__asm__ volatile("nop")', "the instruction", "bytes", "the store"),
    "store": Change("-DSTORED=3", "the store", "bytes"),
    "data": Change("-DNUMBER=301", "the number in data", "memory"),
    "pointer": Change("-DPLACED=3", "the place in data", "memory"),
}


def trace_of(folder: Path, workshop: Workshop, guest: str, version: str, *flags: str) -> Path:
    """A trace of a version of the program, whose file has the same name in all of them."""
    arch, own, options = GUESTS_OF[guest]
    program = workshop.program(arch, SOURCE, *FLAGS, *LINK, *flags, *own, name=f"diverge-{guest}-{version}")
    # As long a name for each: the path of a program is on its stack.
    there = folder / f"{version:_<11}"
    there.mkdir()
    shutil.copy(program, there / "program")
    with stdout_to(NULL):
        command = ["run", "--engine", "rsp", "--reproducible", *options, "-o", there / "trace", there / "program"]
        assert main([str(argument) for argument in command]) == 0
    return there / "trace"


def first_difference(left: Path, right: Path) -> tuple[int, Frame, Frame]:
    """The first frame that is not the same: until there all are side by side."""
    with open_trace(left) as ours, open_trace(right) as theirs:
        return next(found for found in zip(count(), ours, theirs, strict=False) if found[1] != found[2])


def line_of(words: str) -> int:
    """Of the source, by its comment."""
    [line] = [number for number, text in enumerate(SOURCE.read_text().splitlines(), 1) if f"/* {words} */" in text]
    return line


@pytest.mark.parametrize("guest", GUESTS_OF)
def test_diff_names_what_was_changed(
    guest: str, tmp_path: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    original = trace_of(tmp_path, workshop, guest, "original")
    for name, change in CHANGES.items():
        changed = trace_of(tmp_path, workshop, guest, name, change.flag)
        capsys.readouterr()
        assert main(["diff", "--json", "--all", str(original), str(changed)]) == DIFFERENT
        found = json.loads(capsys.readouterr().out)
        first = min((group["first"] for group in found["groups"]), key=lambda each: int(each["left"]["frame"]))
        check_first(first, change, *first_difference(original, changed))
        # All else follows from it: the code behind an instruction more, a loop's later rounds, other ways through it.
        assert found["divergences"] == 1, name


def check_first(found: dict[str, Any], change: Change, number: int, ours: Frame, theirs: Frame) -> None:
    """It is the first frame that is not the same, on the line that was changed."""
    assert isinstance(ours, StdFrame)
    assert isinstance(theirs, StdFrame)
    assert found["kind"] == change.kind
    for side, frame, words in (
        (found["left"], ours, change.instead or change.place),
        (found["right"], theirs, change.place),
    ):
        place = side["frame"], side["address"], side["bytes"]
        assert place == (number, f"{frame.address:#x}", frame.rawbytes.hex())
        assert side["symbol"].startswith("changed+")
        assert (Path(side["file"]).name, side["line"]) == (SOURCE.name, line_of(words))
