"""Symbols of programs and libraries that are wherever the emulator loaded them."""

from __future__ import annotations

from pathlib import Path

from tests.command_line import Workplace
from tests.toolchain import TESTS, Workshop

PLACES = TESTS / "programs" / "common" / "places.c"
SYSROOT = Path("/usr/aarch64-linux-gnu")


def symbols_in(place: Workplace, program: Path, *options: str | Path) -> list[str]:
    """The symbols of a trace's instructions, in order."""
    traced = place.run("run", "--engine", "rsp", *options, "-o", "trace", program)
    assert (traced.status, traced.err) == (0, "")
    logged = place.run("log", "trace", "--elf", program)
    assert (logged.status, logged.err) == (0, "")
    return [line.rpartition('"')[2].rpartition(", ")[2] for line in logged.out.splitlines()]


def test_static_position_independent_program(place: Workplace, workshop: Workshop) -> None:
    program = workshop.movable_program("aarch64", PLACES, "-static-pie")
    for options in ([], ["--reproducible"]):
        symbols = symbols_in(place, program, *options)
        assert (symbols.count("_start"), symbols.count("main"), symbols.count("here")) == (1, 1, 2)


def test_dynamic_program_and_its_library(place: Workplace, workshop: Workshop) -> None:
    program = workshop.movable_program("aarch64", PLACES, "-pie")
    symbols = symbols_in(place, program, "--sysroot", SYSROOT)
    assert (symbols.count("main"), symbols.count("here"), symbols.count("exit")) == (1, 2, 1)
    assert symbols.index("main") < symbols.index("here") < symbols.index("exit")
