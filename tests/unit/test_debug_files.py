"""Symbols and lines of stripped programs, from their separate debug files."""

from __future__ import annotations

import lzma
import shutil
import subprocess
from pathlib import Path

import pytest

from gdbtrace.image import DebugPlaces, Image, SourceLine

SOURCE = "int twice(int x)\n{\n    return 2 * x;\n}\nvoid _start(void)\n{\n    twice(1);\n}\n"
BUILD_ID = "0123456789abcdef"
LINE = SourceLine("/source/made.c", 3)


def run(*command: str | Path, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True)


class Made:
    """A program in a sysroot, and its debug information beside it, as ``full``."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self.root = directory / "root"
        self.folder = self.root / "usr" / "bin"
        self.folder.mkdir(parents=True)
        self.full, self.program = directory / "full", self.folder / "made"
        (directory / "made.c").write_text(SOURCE)
        command = ["gcc", "-g", "-O1", "-nostdlib", "-static", "-fno-pie", "-no-pie", "made.c", "-o", "full", *flags]
        run(*command, f"-ffile-prefix-map={directory}=/source", cwd=directory)
        run("objcopy", "--strip-all", self.full, self.program, cwd=directory)

    def put(self, place: Path) -> Path:
        """A debug file as distributions make them, there."""
        place.parent.mkdir(parents=True, exist_ok=True)
        run("objcopy", "--only-keep-debug", self.full, place, cwd=place.parent)
        return place

    def link(self, debug_file: Path) -> None:
        run("objcopy", f"--add-gnu-debuglink={debug_file}", self.program, cwd=self.folder)


def with_build_id(directory: Path) -> Made:
    return Made(directory, f"-Wl,--build-id=0x{BUILD_ID}")


def without_build_id(directory: Path) -> Made:
    return Made(directory, "-Wl,--build-id=none")


def knows(image: Image) -> tuple[bool, bool]:
    """Whether it has the symbol and the line of the function."""
    address = Image(image.path.parents[3] / "full").symbol("twice")
    assert address is not None
    return image.symbol("twice") == address, image.line_at(address.address) == LINE


def test_stripped_program_has_none(tmp_path: Path) -> None:
    image = Image(with_build_id(tmp_path).program)
    assert (image.debug_path, image.functions(), image.lines_of(0, 1 << 64)) == (None, [], [])
    assert knows(image) == (False, False)


@pytest.mark.parametrize("root", ["root", "root/usr", "root/usr/bin"])
def test_debug_file_is_found_by_build_id_in_any_sysroot(tmp_path: Path, root: str) -> None:
    made = with_build_id(tmp_path)
    debug = made.put(tmp_path / root / "usr/lib/debug/.build-id/01/23456789abcdef.debug")
    image = Image(made.program)
    assert image.debug_path == debug
    assert knows(image) == (True, True)


def test_debug_file_of_another_build_is_not_taken(tmp_path: Path) -> None:
    made = with_build_id(tmp_path)
    run("objcopy", "--remove-section=.note.gnu.build-id", "full", cwd=tmp_path)
    made.put(made.root / "usr/lib/debug/.build-id/01/23456789abcdef.debug")
    assert Image(made.program).debug_path is None


@pytest.mark.parametrize("folder", [".", ".debug", "../lib/debug/usr/bin"])
def test_debug_file_is_found_by_link(tmp_path: Path, folder: str) -> None:
    made = without_build_id(tmp_path)
    made.link(made.put(made.folder / folder / "made.debug"))
    image = Image(made.program)
    assert image.debug_path is not None
    assert image.debug_path.samefile(made.folder / folder / "made.debug")
    assert knows(image) == (True, True)


def test_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    made = without_build_id(tmp_path)
    debug = made.put(made.folder / "made.debug")
    made.link(debug)
    debug.write_bytes(debug.read_bytes() + b"\0")
    assert Image(made.program).debug_path is None


def test_link_leads_out_of_no_folder(tmp_path: Path) -> None:
    # Given a link with a path to a file with the right sum
    made = without_build_id(tmp_path)
    made.link(made.put(made.folder / "aa" / "made.debug"))
    data = made.program.read_bytes()
    shutil.move(made.folder / "aa" / "made.debug", made.folder / "ade.debug")
    made.program.write_bytes(data.replace(b"made.debug\0", b"./de.debug\0"))
    shutil.copy(made.folder / "ade.debug", made.folder / "de.debug")
    assert Image(made.program).debug_path is None


@pytest.mark.parametrize("place", ["made.debug", ".build-id/01/23456789abcdef.debug"])
def test_debug_file_is_found_in_a_place_that_is_given(tmp_path: Path, place: str) -> None:
    made = with_build_id(tmp_path)
    made.link(made.put(tmp_path / "other" / place))
    if place == "made.debug":
        assert Image(made.program).debug_path is None
    image = Image(made.program, DebugPlaces((tmp_path / "other",)))
    assert image.debug_path == tmp_path / "other" / place
    assert knows(image) == (True, True)


def test_program_with_symbols_takes_lines_alone(tmp_path: Path) -> None:
    made = with_build_id(tmp_path)
    run("objcopy", "--strip-debug", made.full, made.program, cwd=tmp_path)
    assert knows(Image(made.program)) == (True, False)
    made.put(made.root / "usr/lib/debug/.build-id/01/23456789abcdef.debug")
    assert knows(Image(made.program)) == (True, True)


@pytest.mark.parametrize("kind", ["zlib", "zlib-gnu", "zlib-gabi"])
def test_compressed_sections_are_read(tmp_path: Path, kind: str) -> None:
    made = with_build_id(tmp_path)
    run("objcopy", f"--compress-debug-sections={kind}", made.full, made.program, cwd=tmp_path)
    assert knows(Image(made.program)) == (True, True)


def test_names_in_the_program_itself_are_read(tmp_path: Path) -> None:
    # Given a program as Fedora ships them: the table of names, compressed, in a section of its own
    made = with_build_id(tmp_path)
    run("objcopy", "--strip-debug", made.full, "names", cwd=tmp_path)
    (tmp_path / "names.xz").write_bytes(lzma.compress((tmp_path / "names").read_bytes()))
    run("objcopy", "--add-section", ".gnu_debugdata=names.xz", made.program, cwd=tmp_path)
    assert knows(Image(made.program)) == (True, False)


def test_damaged_names_in_the_program_are_none(tmp_path: Path) -> None:
    made = with_build_id(tmp_path)
    (tmp_path / "names.xz").write_bytes(lzma.compress(b"noise")[:-9] + bytes(9))
    run("objcopy", "--add-section", ".gnu_debugdata=names.xz", made.program, cwd=tmp_path)
    assert knows(Image(made.program)) == (False, False)


def test_descriptors_are_the_programs_where_the_debug_file_has_none(tmp_path: Path) -> None:
    # Given 64-bit PowerPC (ELFv1): a symbol's address is that of a descriptor, and a debug file has no contents
    (tmp_path / "made.c").write_text(SOURCE)
    gcc = ["powerpc64-linux-gnu-gcc", "-g", "-O1", "-nostdlib", "-static", "-no-pie", "made.c", "-o", "full"]
    run(*gcc, f"-Wl,--build-id=0x{BUILD_ID}", cwd=tmp_path)
    run("powerpc64-linux-gnu-objcopy", "--strip-all", "full", "made", cwd=tmp_path)
    debug = tmp_path / "usr/lib/debug/.build-id/01/23456789abcdef.debug"
    debug.parent.mkdir(parents=True)
    run("powerpc64-linux-gnu-objcopy", "--only-keep-debug", "full", debug, cwd=tmp_path)
    # Then the stripped program has the same functions as the whole one
    assert Image(tmp_path / "made").functions() == Image(tmp_path / "full").functions() != []
