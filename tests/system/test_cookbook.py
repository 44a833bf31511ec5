"""docs/cookbook.md: its commands print what it says that they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toolchain import TESTS, Workshop

ROOT = TESTS.parent
PAGE = ROOT / "docs" / "cookbook.md"
FIRMWARE = ROOT / "vm-images" / "firmware" / "cortex-m3" / "lm3s6965evb.elf"
PREPARATIONS = ("cp ", "apt-get ", "dpkg-deb ")
"""What takes the files there; here a fixture does."""
TIMED = re.compile(r"gdbtrace (?:run|stages) ")
"""What these print differs in its numbers, the end of a boot in how often the machine looked at its clock."""
BLOCK = re.compile(r"^((?: {4})+)\$ (.*)\n((?:\1(?!\$).*\n|\n(?=\1(?!\$)))*)", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the page, and what it prints."""
    for indent, command, printed in BLOCK.findall(PAGE.read_text()):
        yield command, "".join(line.removeprefix(indent) for line in printed.splitlines(keepends=True))


@pytest.fixture
def kitchen(tmp_path: Path, workshop: Workshop) -> Path:
    for file in (*(TESTS / "traces").glob("*.*"), FIRMWARE, workshop.kernel()):
        folder = tmp_path / "kernel" / "boot" if file.name.startswith("vmlinuz") else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)
    return tmp_path


def test_page_has_its_commands() -> None:
    assert len(list(commands())) > 20
    assert all(command.startswith((*PREPARATIONS, "gdbtrace ", "genhtml ", "head ")) for command, _ in commands())


def test_commands_print_what_the_page_says(kitchen: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    for command, printed in commands():
        if command.startswith(PREPARATIONS):
            continue
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=kitchen,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
        )
        said, expected = done.stdout, printed
        if TIMED.match(command):
            said, expected = (re.sub(r"[\d,.]+| +", " ", text) for text in (said, expected))
        assert [line.rstrip() for line in said.splitlines()] == [line.rstrip() for line in expected.splitlines()], (
            command
        )
