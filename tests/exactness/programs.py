"""The programs that are compared with QEMU: ``tests/programs/<family>/programs.toml``, and the guests of vm-images."""

from __future__ import annotations

import tomllib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gdbtrace.logs.cpu_dump import READERS
from tests.exactness.guest_run import GuestRun
from tests.toolchain import GUESTS, TESTS, Workshop, traced_with
from tests.tracing import NULL

PROGRAMS = TESTS / "programs"


@dataclass(frozen=True)
class Program:
    """One program on one architecture."""

    name: str
    arch: str
    source: Path
    """The image itself where it is built already."""
    package: str | None = None
    """Debian's package that the source is an image in, at that path."""
    flags: tuple[str, ...] = ()
    """For the compiler."""
    arguments: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    """Text files in the directory where it runs."""
    cpu: str | None = None
    """QEMU's CPU model."""
    exit_status: int = 0
    accesses_differ: frozenset[str] = field(default_factory=frozenset)
    """Bytes, in hexadecimal, of the instructions whose memory is not the oracle's; a comment says why."""
    by_default: bool = True
    """False: only ``--exactness=all`` runs it."""
    forks: bool = False
    """It forks, so no witness sees it alone: output and exit status only."""

    def __str__(self) -> str:
        return f"{self.arch}-{self.name}"

    @property
    def is_logged(self) -> bool:
        """Whether its registers are those of QEMU's log: not if it looks at its output file's times and inode."""
        return self.arch in READERS and not self.package

    def run(self, workshop: Workshop, directory: Path) -> GuestRun:
        """The program, ready to run in a directory; what a packaged one writes is kept there."""
        for name, text in self.files.items():
            (directory / name).write_text(text)
        stdout = directory / "stdout" if self.package else NULL
        return GuestRun(
            self.arch, self.build(workshop), directory, self.arguments, self.cpu, traced_with(self.arch), stdout
        )

    def build(self, workshop: Workshop) -> Path:
        """The image."""
        if self.package:
            return workshop.debian(self.package, self.arch) / self.source
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
    package: str | None = None,
    flags: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    files: Mapping[str, str] | None = None,
    cpu: str | None = None,
    exit_status: int = 0,
    accesses_differ: Sequence[str] | Mapping[str, Sequence[str]] = (),
    by_default: bool | Container[str] = True,
    forks: bool = False,
) -> Program:
    """One entry's ``[[program]]``.

    ``source`` is ``<name>.c`` unless it says otherwise; ``by_default`` may list the architectures of which it is true,
    and ``accesses_differ`` may be a table by architecture.
    """
    differing = accesses_differ.get(arch, ()) if isinstance(accesses_differ, Mapping) else accesses_differ
    return Program(
        name,
        arch,
        Path(source) if package and source else folder / (source or f"{name}.c"),
        package,
        tuple(flags),
        tuple(arguments),
        files or {},
        cpu,
        exit_status,
        frozenset(differing),
        by_default if isinstance(by_default, bool) else arch in by_default,
        forks,
    )
