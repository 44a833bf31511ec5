"""Lines of source in programs that are damaged, and those that linkers leave pieces out of."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from gdbtrace.errors import UsageError
from gdbtrace.image import Image, SourceLine
from tests.toolchain import TESTS

SAMPLES = sorted((TESTS / "traces").glob("*.elf"))


def look_at_all(path: Path) -> None:
    """Everything that can be asked of a file."""
    image = Image(path)
    for low, high, symbol in image.iter_functions():
        assert image.lines_of(low, min(high, low + 0x1000)) is not None
        image.line_at(low)
        image.locate(low)
        assert image.function_at(low) is not None or high <= low, symbol
    assert image.symbol_names() is not None


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_damaged_program_has_what_is_left_or_is_refused(tmp_path: Path, sample: Path) -> None:
    data = sample.read_bytes()
    generator = random.Random(sample.stem)
    damaged = tmp_path / "damaged"
    refused = 0
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(generator.choice((1, 1, 3, 30))):
            broken[generator.randrange(len(broken))] = generator.choice(
                (0, 1, 0x7F, 0x80, 0xFF, generator.getrandbits(8))
            )
        damaged.write_bytes(broken)
        try:
            look_at_all(damaged)
        except UsageError:
            refused += 1
    assert refused < 150


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_rows_of_a_function_are_where_its_lines_change(sample: Path) -> None:
    image = Image(sample)
    for low, high, _ in image.iter_functions():
        rows = image.lines_of(low, high)
        assert rows[0].address == low
        starts = {row.address: row.line for row in rows}
        line = None
        for address in range(low, high):
            line = starts.get(address, line)
            assert image.line_at(address) == line
        # Rows of a part begin where the part does.
        assert image.lines_of(low + 4, high)[0].address == low + 4
        assert image.lines_of(low + 4, high)[-1] == rows[-1]


DROPPED = """\
int kept(int x) { return x * 3; }
int dropped(int x) { int r = 0; for (int i = 0; i < x; i++) { r += i * x; r ^= x; } return r; }
void first(void) { volatile int x = kept(2); }
"""


@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("start", [0, 0x1000])
def test_lines_of_what_the_linker_left_out_are_not_told(tmp_path: Path, version: int, start: int) -> None:
    # Given a function that is left out, whose lines the linker leaves at address 0, where code may be
    (tmp_path / "made.c").write_text(DROPPED)
    command = f"arm-linux-gnueabihf-gcc -gdwarf-{version} -O1 -ffunction-sections -fno-inline -nostdlib -static made.c"
    link = f"-Wl,--gc-sections,-efirst,-Ttext={start:#x},--build-id=none -o made"
    subprocess.run([*command.split(), *link.split()], cwd=tmp_path, check=True)
    image = Image(tmp_path / "made")
    for name, line in (("kept", 1), ("first", 3)):
        symbol = image.symbol(name)
        assert symbol is not None
        rows = image.lines_of(symbol.address, symbol.address + symbol.size)
        assert {row.line for row in rows} == {SourceLine(str(tmp_path / "made.c"), line)}
    if start:
        assert image.line_at(0) is None


def test_lines_of_several_units_are_their_own(tmp_path: Path) -> None:
    # Given units of C and of assembly, in folders that are told in different ways
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "header.h").write_text("static inline int\nthird(int x) { return x * x * x; }\n")
    (tmp_path / "one.c").write_text('#include "folder/header.h"\nint one(int x) { return third(x); }\n')
    (tmp_path / "folder" / "two.c").write_text("\nint two(int x) { return x - 7; }\n")
    (tmp_path / "three.s").write_text("\n.globl three\nthree:\n nop\n ret\n")
    sources = ["one.c", "folder/two.c", "three.s"]
    subprocess.run(
        ["gcc", "-g", "-O1", "-nostdlib", "-static", "-no-pie", *sources, "-e0", "-o", "made"], cwd=tmp_path, check=True
    )
    image = Image(tmp_path / "made")

    def lines(name: str) -> set[SourceLine]:
        symbol = image.symbol(name)
        assert symbol is not None
        low, high, _ = image.function_at(symbol.address) or (0, 0, symbol)
        return {row.line for row in image.lines_of(low, high)}

    folder = str(tmp_path)
    assert lines("one") >= {SourceLine(f"{folder}/folder/header.h", 2), SourceLine(f"{folder}/one.c", 2)}
    assert lines("two") == {SourceLine(f"{folder}/folder/two.c", 2)}
    assert lines("three") == {SourceLine(f"{folder}/three.s", 4), SourceLine(f"{folder}/three.s", 5)}
