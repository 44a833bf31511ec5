"""Lines of source beside what LLVM reads: each instruction of programs of every compiler."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from gdbtrace.image import Image, SourceLine
from tests.toolchain import COMPILERS, TESTS, Workshop

SOURCE = TESTS / "programs" / "common" / "lines.c"
_INSTRUCTION_BYTES = 2


def lines_of_llvm(path: Path, addresses: Sequence[int]) -> list[tuple[str, int] | None]:
    """What llvm-addr2line says. Binutils' 2.40 takes some files of DWARF 5 for others."""
    asked = "".join(f"{address:#x}\n" for address in addresses)
    command = ["llvm-addr2line", "-e", path]
    answer = subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout
    found: list[tuple[str, int] | None] = []
    for text in answer.splitlines():
        file, _, line = text.partition(" (discriminator")[0].rpartition(":")
        found.append((file, int(line)) if line not in ("?", "0") else None)
    return found


def assert_same(path: Path, least: int) -> None:
    """Our lines of all code near a function that has lines are LLVM's."""
    image = Image(path)
    functions = [(low, high) for low, high, _ in image.iter_functions() if image.lines_of(low, high)]
    addresses = [each for low, high in functions for each in range(low - 4, high + 4, _INSTRUCTION_BYTES)]
    ours = [image.line_at(address) for address in addresses]
    assert len({line.line for line in ours if line}) > least
    assert [_told(line) for line in ours] == lines_of_llvm(path, addresses)


def _told(line: SourceLine | None) -> tuple[str, int] | None:
    return (os.path.normpath(line.file), line.line) if line else None


@pytest.mark.parametrize("arch", COMPILERS)
def test_lines_are_llvms(workshop: Workshop, arch: str) -> None:
    flags = ["-ffunction-sections", "-Wl,--gc-sections,-e,main", "-nostdlib", "-ffreestanding"]
    assert_same(workshop.program(arch, SOURCE, "-g", *flags), 12)


@pytest.mark.parametrize("arch", ["sparc64", "aarch64", "mips", "i386"])
@pytest.mark.parametrize("version", [2, 3, 4])
def test_lines_of_older_dwarf_are_llvms(workshop: Workshop, arch: str, version: int) -> None:
    flags = [f"-gdwarf-{version}", "-gstrict-dwarf", "-nostdlib", "-ffreestanding", "-Wl,-e,main"]
    assert_same(workshop.program(arch, SOURCE, *flags, name=f"lines{version}"), 15)


@pytest.mark.parametrize("flag", ["-gdwarf64", "-fdebug-types-section", "-gsplit-dwarf", "-g1", "-gz"])
def test_lines_of_other_kinds_of_debug_information_are_llvms(workshop: Workshop, flag: str) -> None:
    flags = ["-gdwarf-5", flag, "-nostdlib", "-ffreestanding", "-Wl,-e,main"]
    assert_same(workshop.program("sparc64", SOURCE, *flags, name=f"lines{flag}"), 12)


@pytest.mark.parametrize("target", ["aarch64", "mips", "riscv64", "x86_64"])
@pytest.mark.parametrize("version", [4, 5])
def test_lines_of_clang_are_llvms(tmp_path: Path, target: str, version: int) -> None:
    flags = ["-O2", f"-gdwarf-{version}", "-ffreestanding", "-ffunction-sections", "-c", SOURCE, "-o", "lines.o"]
    subprocess.run(["clang", f"--target={target}-linux-gnu", *flags], cwd=tmp_path, check=True)
    link = ["-static", "-nostdlib", "-Wl,--gc-sections,-e,main", "lines.o", "-o", "lines"]
    subprocess.run([f"{target}-linux-gnu-gcc", *link], cwd=tmp_path, check=True)
    assert_same(tmp_path / "lines", 15)
