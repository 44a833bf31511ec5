"""What addresses are called, wherever the files are loaded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.x86 import X86_64
from gdbtrace.image import Image, SourceLine
from gdbtrace.trace.frames import ModloadFrame
from tests.toolchain import GUESTS

SOURCE = """\
int twice(int x)
{
    return 2 * x;
}
namespace space { int inner(int x) { return twice(x) + 1; } }
extern "C" int other(int x)
{
    return space::inner(x);
}
"""
INNER = "_ZN5space5innerEi"


class Built:
    """A shared library, and the same without any symbols."""

    def __init__(self, directory: Path) -> None:
        (directory / "made.cc").write_text(SOURCE)
        command = ["clang", "-g", "-O1", "-nostdlib", "-shared", "-fPIC", "made.cc", "-o", "made.so"]
        subprocess.run([*command, f"-ffile-prefix-map={directory}=/source"], cwd=directory, check=True)
        subprocess.run(["strip", "made.so", "-o", "stripped.so"], cwd=directory, check=True)
        self.full, self.stripped = directory / "made.so", directory / "stripped.so"

    def address(self, name: str) -> int:
        symbol = Image(self.full).symbol(name)
        assert symbol is not None
        return symbol.address


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(tmp_path_factory.mktemp("built"))


def loaded(path: Path | str, low: int, size: int = 0x5000) -> ModloadFrame:
    return ModloadFrame(str(path), low, low + size - 1)


LOW = 0x7000_0000_0000


# -- names and lines -------------------------------------------------------------------------------------------------


def test_library_is_named_and_lined_where_it_is_loaded(built: Built) -> None:
    symbols = Symbols(X86_64, None)
    symbols.add(loaded(built.full, LOW))
    inner = LOW + built.address(INNER)
    assert symbols.name_at(inner) == "space::inner(int)"
    assert symbols.name_at(inner + 4) == "space::inner(int)+0x4"
    assert symbols.line_at(inner) == SourceLine("/source/made.cc", 5)
    function = symbols.function_at(inner + 4)
    assert function is not None
    assert (function.name, function.linkage_name, function.low) == ("space::inner(int)", INNER, inner)
    rows = symbols.lines_of(function)
    assert rows[0].address == inner
    assert {row.line for row in rows} == {SourceLine("/source/made.cc", 5)}
    assert function in symbols.iter_functions()


def test_names_are_as_the_linker_knows_them_if_wanted(built: Built) -> None:
    symbols = Symbols(X86_64, None, is_demangled=False)
    symbols.add(loaded(built.full, LOW))
    assert symbols.name_at(LOW + built.address(INNER)) == INNER
    assert INNER in {function.name for function in symbols.iter_functions()}


def test_functions_of_a_stripped_library_are_its_dynamic_symbols(built: Built) -> None:
    symbols = Symbols(X86_64, None)
    symbols.add(loaded(built.stripped, LOW))
    assert [function.name for function in symbols.iter_functions()] == ["twice(int)", "space::inner(int)", "other"]


# -- places ------------------------------------------------------------------------------------------------------------


def test_place_without_symbols_is_told_by_the_file(built: Built) -> None:
    symbols = Symbols(X86_64, None)
    assert symbols.place_at(LOW) == ""
    symbols.add(loaded("/nowhere/libgone.so.1", LOW))
    symbols.add(loaded(built.full, LOW + 0x10000))
    assert symbols.place_at(LOW + 0x123) == "libgone.so.1+0x123"
    assert symbols.place_at(LOW + 0x10000 + built.address("other")) == "other"
    assert symbols.place_at(LOW + 0x10010) == "made.so+0x10"
    assert (symbols.name_at(LOW), symbols.function_at(LOW), symbols.line_at(LOW)) == ("", None, None)
    assert symbols.place_at(LOW + 0x5000) == ""


def test_place_in_a_stripped_program_is_told_where_it_is_linked(tmp_path: Path) -> None:
    # Given a stripped program in a trace that names no modules
    stripped = tmp_path / "stripped"
    subprocess.run(["mips-linux-gnu-strip", GUESTS / "mips" / "guest", "-o", stripped], check=True)
    symbols = Symbols(MIPS, Image(stripped))
    # Then its code is told, and nothing else is
    assert symbols.place_at(0x400150) == "stripped+0x150"
    assert symbols.place_at(0x1000) == ""
    assert symbols.place_at(0x7FFF_0000) == ""


# -- where files are ---------------------------------------------------------------------------------------------------


def test_first_module_is_the_program(built: Built) -> None:
    symbols = Symbols(X86_64, Image(built.full))
    symbols.add(loaded("another-name", LOW))
    assert symbols.name_at(LOW + built.address("other")) == "other"
    assert symbols.name_at(built.address("other")) == ""


def test_module_of_its_name_is_the_program_though_it_is_not_the_first(built: Built) -> None:
    # Given a reproducible trace, which names no folders, and --elf of a library
    symbols = Symbols(X86_64, Image(built.full))
    symbols.add(loaded("program", 0x40_0000))
    symbols.add(loaded("made.so", LOW))
    # Then it is where the module of its name is, and the other one is itself
    assert symbols.name_at(LOW + built.address("other")) == "other"
    assert symbols.place_at(0x40_0000 + built.address("other")).startswith("program+0x")


def test_program_loaded_a_second_time_is_there_too(built: Built) -> None:
    symbols = Symbols(X86_64, Image(built.full))
    symbols.add(loaded(built.full, LOW))
    symbols.add(loaded(built.full, LOW + 0x10_0000))
    for low in (LOW, LOW + 0x10_0000):
        assert symbols.name_at(low + built.address("other")) == "other"


def test_load_offset_of_the_user_counts_more_than_the_trace(built: Built) -> None:
    symbols = Symbols(X86_64, Image(built.full), load_offset=0x1000)
    assert symbols.name_at(0x1000 + built.address("other")) == "other"
    symbols.add(loaded(built.full, LOW))
    assert symbols.name_at(LOW + 0x1000 + built.address("other")) == ""
    module = symbols.module_at(LOW)
    assert module is not None
    assert module.offset == 0x1000


def test_latest_module_is_mapped_over_what_was_there(built: Built) -> None:
    symbols = Symbols(X86_64, None)
    other = LOW + built.address("other")
    symbols.add(loaded("/nowhere/libold.so", LOW - 0x1000, 0x8000))
    assert symbols.place_at(other) == f"libold.so+{other - LOW + 0x1000:#x}"
    symbols.add(loaded(built.full, LOW))
    assert symbols.name_at(other) == "other"
    assert symbols.place_at(LOW - 0x10) == "libold.so+0xff0"
    symbols.add(loaded("/nowhere/libnew.so", LOW))
    assert (symbols.name_at(other), symbols.place_at(other)) == ("", f"libnew.so+{other - LOW:#x}")


def test_library_of_another_architecture_is_not_read(built: Built) -> None:
    symbols = Symbols(MIPS, None)
    symbols.add(loaded(built.full, LOW))
    assert symbols.name_at(LOW + built.address("other")) == ""


# -- load offsets ------------------------------------------------------------------------------------------------------


def linked(directory: Path, *flags: str) -> Image:
    """A program without a library, whose first segment is where the flags say."""
    (directory / "made.s").write_text(".globl _start\n_start: nop\n")
    subprocess.run(["as", "made.s", "-o", "made.o"], cwd=directory, check=True)
    subprocess.run(["ld", "-z", "noseparate-code", *flags, "made.o", "-o", "made"], cwd=directory, check=True)
    return Image(directory / "made")


def test_program_at_a_fixed_address_is_not_moved(tmp_path: Path) -> None:
    image = linked(tmp_path, "-Ttext-segment=0x403000")
    assert image.load_offset_of(0x403000) == 0
    # Where the host's or the guest's pages are larger, its first page begins before it.
    assert image.load_offset_of(0x402000) == image.load_offset_of(0x400000) == 0
    # Firmware may be anywhere.
    assert image.load_offset_of(0x2000_0000) == 0x2000_0000 - 0x403000


@pytest.mark.parametrize(
    ("alignment", "first", "low", "offset"),
    [
        (0x1000, 0, LOW, LOW),
        # Prelinked
        (0x1000, 0x4100_0000, LOW, LOW - 0x4100_0000),
        (0x1_0000, 0x4100_0000, LOW, LOW - 0x4100_0000),
        # Linked in the middle of an alignment, loaded by a system with pages of 4, 8 and 64 KiB
        (0x1_0000, 0x4100_3000, LOW + 0x3000, LOW - 0x4100_0000),
        (0x1_0000, 0x4100_3000, LOW + 0x2000, LOW - 0x4100_0000),
        (0x1_0000, 0x4100_3000, LOW, LOW - 0x4100_0000),
    ],
)
def test_library_is_moved_by_whole_alignments(
    tmp_path: Path, alignment: int, first: int, low: int, offset: int
) -> None:
    sections = f"SECTIONS {{ . = {first:#x}; .all : {{ *(.text .dyn* .hash .gnu*) }} :all }}"
    (tmp_path / "script").write_text(f"PHDRS {{ all PT_LOAD; }} {sections}")
    image = linked(tmp_path, "-shared", "-T", "script", "-z", f"max-page-size={alignment:#x}")
    assert image.first_page == first
    assert image.load_offset_of(low) == offset
