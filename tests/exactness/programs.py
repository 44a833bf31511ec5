"""The programs that are compared with QEMU: ``tests/programs/<family>/programs.toml``, and the guests of vm-images."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.toolchain import GUESTS, TESTS, Workshop

PROGRAMS = TESTS / "programs"


@dataclass(frozen=True)
class Program:
    """One program on one architecture."""

    name: str
    arch: str
    source: Path
    """The image itself where it is built already."""
    flags: tuple[str, ...] = ()
    """For the compiler."""
    cpu: str | None = None
    """QEMU's CPU model."""
    exit_status: int = 0
    accesses_differ: frozenset[str] = field(default_factory=frozenset)
    """Bytes, in hexadecimal, of the instructions whose memory is not the oracle's; a comment says why."""

    def __str__(self) -> str:
        return f"{self.arch}-{self.name}"

    def build(self, workshop: Workshop) -> Path:
        """The program, ready to run."""
        if self.source.suffix == "":
            return self.source
        return workshop.program(self.arch, self.source, *self.flags, name=f"{self.source.parent.name}-{self.name}")


def all_programs() -> list[Program]:
    """All of them: the guests first."""
    return [*_guests(), *_listed()]


def _guests() -> Iterator[Program]:
    for guest in sorted(GUESTS.glob("*/guest")):
        yield Program("guest", guest.parent.name, guest, exit_status=42)


def _listed() -> Iterator[Program]:
    for manifest in sorted(PROGRAMS.glob("*/programs.toml")):
        for entry in tomllib.loads(manifest.read_text())["program"]:
            for arch in entry.pop("arch"):
                yield _program(manifest.parent, arch, **entry)


def _program(
    folder: Path,
    arch: str,
    name: str,
    source: str | None = None,
    flags: tuple[str, ...] = (),
    cpu: str | None = None,
    exit_status: int = 0,
    accesses_differ: tuple[str, ...] = (),
) -> Program:
    """One entry's ``[[program]]``; ``source`` is ``<name>.c`` unless it says otherwise."""
    path = folder / (source or f"{name}.c")
    return Program(name, arch, path, tuple(flags), cpu, exit_status, frozenset(accesses_differ))
