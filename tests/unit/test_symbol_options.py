"""The options that say where symbols are, on the traces of this repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gdbtrace.cli import main
from tests.toolchain import TESTS

TRACES = TESTS / "traces"
BOTH = pytest.mark.parametrize("arch", ["aarch64", "sparc64"])


def logged(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    status = main(["log", *map(str, arguments)])
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    return printed.out


def stripped(directory: Path, arch: str) -> Path:
    """The traced program without symbols, and its debug file, ``debug/made.debug``."""
    (directory / "debug").mkdir()
    debug, program = directory / "debug" / "made.debug", directory / "made"
    objcopy, source = f"{arch}-linux-gnu-objcopy", TRACES / f"{arch}.elf"
    subprocess.run([objcopy, "--only-keep-debug", source, debug], check=True)
    subprocess.run([objcopy, "--strip-all", f"--add-gnu-debuglink={debug}", source, program], check=True)
    return program


@BOTH
def test_stripped_program_has_no_names(capsys: pytest.CaptureFixture[str], tmp_path: Path, arch: str) -> None:
    trace = TRACES / f"{arch}.frames"
    bare = logged(capsys, trace, "--elf", stripped(tmp_path, arch))
    full = logged(capsys, trace)
    assert len(bare.splitlines()) == len(full.splitlines())
    assert all(line.startswith(short) for line, short in zip(full.splitlines(), bare.splitlines(), strict=True))
    assert not any(line.endswith(", fibonacci") for line in bare.splitlines())
    assert any(line.endswith(", fibonacci") for line in full.splitlines())


@BOTH
def test_debug_file_has_the_names(capsys: pytest.CaptureFixture[str], tmp_path: Path, arch: str) -> None:
    trace = TRACES / f"{arch}.frames"
    program = stripped(tmp_path, arch)
    found = logged(capsys, trace, "--elf", program, "--debug-dir", tmp_path / "debug")
    assert found == logged(capsys, trace)


@BOTH
def test_stripped_program_is_read_by_ranges(capsys: pytest.CaptureFixture[str], tmp_path: Path, arch: str) -> None:
    trace = TRACES / f"{arch}.frames"
    program = stripped(tmp_path, arch)
    named = logged(capsys, trace, "--range", "fibonacci").splitlines()
    addresses = [int(line.split(", ")[1], 16) for line in named]
    bounds = f"{min(addresses):#x}-{max(addresses):#x}"
    assert [line.split('"')[0] for line in logged(capsys, trace, "--elf", program, "--range", bounds).splitlines()] == [
        line.split('"')[0] for line in named
    ]


def test_debug_dir_that_is_none_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trace = TRACES / "aarch64.frames"
    assert main(["log", str(trace), "--debug-dir", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err == f"gdbtrace: --debug-dir {tmp_path}/nothing: no such directory\n"
