"""The documentation names what there is, and its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from gdbtrace.arch.registry import MACHINES
from gdbtrace.cli.app import APP

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *(ROOT.glob("*.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(ROOT / "conf").glob("*.md"),
        *(ROOT / "vm-images").rglob("*.md"),
    }
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def _commands_of(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands_of(command, f"{name} ")
        else:
            yield prefix + name, command


_GROUP = typer.main.get_command(APP)
assert isinstance(_GROUP, TyperGroup)
COMMANDS = dict(_commands_of(_GROUP))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_guide_names_every_option(command: str) -> None:
    text = (ROOT / "docs" / "guide.md").read_text()
    name, *subcommand = command.split()
    assert f"gdbtrace {name}" in text
    assert f"`{command}`" in text or not subcommand
    options = {name for parameter in COMMANDS[command].params for name in parameter.opts if name.startswith("--")}
    assert options - {"--help"} - set(re.findall(r"--[a-z][a-z0-9-]*", text)) == set()


def anchor(heading: str) -> str:
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if fragment:
            assert fragment in {anchor(heading) for heading in HEADING.findall(target.read_text())}, link


def test_firmware_page_has_the_address_space_of_every_architecture() -> None:
    text = (ROOT / "docs" / "firmware.md").read_text()
    registers = {arch.system.address_space for arch in MACHINES.values() if arch.system is not None} - {""}
    assert {name for name in registers if f"| `{name}`" not in text} == set()


def test_firmware_page_has_the_mode_of_every_architecture() -> None:
    text = (ROOT / "docs" / "firmware.md").read_text()
    modes = {mode.name for arch in MACHINES.values() for mode in arch.modes if mode.name is not None}
    assert {name for name in modes if f"`{name.removesuffix(':le')}`" not in text} == set()
