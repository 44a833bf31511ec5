"""Modules in the mappings of QEMU that the kernel tells of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdbtrace.arch.aarch64 import AARCH64
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import Arch
from gdbtrace.tracer import modules
from gdbtrace.tracer.modules import Modules
from gdbtrace.tracer.step_record import ModuleLoaded

BASE = 0x10000
"""Where QEMU has the guest's address 0."""
HEADERS = 0x40
"""Where the program headers are in the program."""


class Mapped:
    """A program, a loader, a library and a text file, and how they are mapped; all addresses are the guest's."""

    def __init__(self, folder: Path, arch: Arch) -> None:
        self.arch = arch
        self.folder = folder
        header = bytearray(64)
        header[:4] = b"\x7fELF"
        offset, size = (32, 8) if arch.bits == 64 else (28, 4)
        header[offset : offset + size] = HEADERS.to_bytes(size, arch.byte_order)
        self.program, self.loader, self.library, self.text = (
            folder / name for name in ("program", "ld.so", "lib a.so", "text")
        )
        for path in (self.program, self.loader, self.library):
            path.write_bytes(header)
        self.text.write_bytes(b"words")
        rows = [
            (0x40_0000, 0x40_2000, 0, self.program),
            (0x40_2000, 0x40_3000, 0x2000, self.program),
            (0x40_3000, 0x40_4000, 0, ""),
            (0x40_4000, 0x40_5000, 0x3000, self.program),
            (0x50_0000, 0x50_1000, 0, self.loader),
            (0x60_0000, 0x60_1000, 0, self.library),
            (0x60_1000, 0x60_3000, 0x1000, self.library),
            (0x70_0000, 0x70_1000, 0, self.text),
            (0x71_0000, 0x71_1000, 0, ""),
            (0x72_0000, 0x72_1000, 0, "[heap]"),
            (0x73_0000, 0x73_1000, 0, f"{self.library} (deleted)"),
        ]
        self.lines = "".join(
            f"{start + BASE:08x}-{end + BASE:08x} r-xp {offset:08x} 08:01 {1234 if path else 0:<10} {path}".rstrip()
            + "\n"
            for start, end, offset, path in rows
        )

    def modules(self, monkeypatch: pytest.MonkeyPatch, *, loader: int = 0x50_0000) -> Modules:
        """What is made of them."""
        maps = self.folder / "maps"
        maps.write_text(self.lines)
        monkeypatch.setattr(modules, "Path", lambda _: maps)
        return Modules(1, self.arch, self.program, {3: 0x40_0000 + HEADERS, 7: loader})


@pytest.fixture
def mapped(tmp_path: Path) -> Mapped:
    return Mapped(tmp_path, AARCH64)


def test_program_and_its_loader_are_there_at_the_start(mapped: Mapped, monkeypatch: pytest.MonkeyPatch) -> None:
    # The program ends where something else follows it.
    assert mapped.modules(monkeypatch).at_start() == [
        ModuleLoaded(str(mapped.program), 0x40_0000, 0x40_2FFF),
        ModuleLoaded(str(mapped.loader), 0x50_0000, 0x50_0FFF),
    ]


def test_libraries_are_there_where_a_trace_begins_later(mapped: Mapped, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a guest that has mapped nothing yet, and a library of QEMU's own
    later = mapped.lines.splitlines(keepends=True)
    first = f"{0x60_0000 + BASE:08x}-{0x60_1000 + BASE:08x}"
    [row] = [line for line in later if line.startswith(first)]
    later.append(row.replace(first, f"{0x90_0000 + BASE:08x}-{0x90_1000 + BASE:08x}"))
    mapped.lines = "".join(line for line in later[:-1] if str(mapped.library) not in line) + later[-1]
    found = mapped.modules(monkeypatch)
    assert [module.path for module in found.at_start()] == [str(mapped.program), str(mapped.loader)]
    # When it has run to where the trace begins
    (mapped.folder / "maps").write_text("".join(later))
    # Then the library that it has mapped is told, and QEMU's is not
    assert found.at_start()[2:] == [ModuleLoaded(str(mapped.library), 0x60_0000, 0x60_2FFF)]


def test_static_program_is_alone(mapped: Mapped, monkeypatch: pytest.MonkeyPatch) -> None:
    found = mapped.modules(monkeypatch, loader=0).at_start()
    assert [module.path for module in found] == [str(mapped.program)]


def test_header_of_32_bits_is_read_in_its_byte_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program, _) = Mapped(tmp_path, MIPS).modules(monkeypatch).at_start()
    assert program.low == 0x40_0000


def test_library_ends_with_its_last_mapping(mapped: Mapped, monkeypatch: pytest.MonkeyPatch) -> None:
    module = mapped.modules(monkeypatch).mapped_at(0x60_0000)
    assert module == ModuleLoaded(str(mapped.library), 0x60_0000, 0x60_2FFF)


@pytest.mark.parametrize(
    "address",
    [0x60_1000, 0x60_0010, 0x70_0000, 0x71_0000, 0x72_0000, 0x73_0000, 0x1000],
    ids=["its second part", "not its first byte", "no ELF", "anonymous", "heap", "deleted", "nothing"],
)
def test_no_module_begins_there(mapped: Mapped, monkeypatch: pytest.MonkeyPatch, address: int) -> None:
    assert mapped.modules(monkeypatch).mapped_at(address) is None


def test_nothing_is_known_if_the_program_is_not_found(mapped: Mapped, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped.lines = ""
    found = mapped.modules(monkeypatch)
    assert (found.at_start(), found.mapped_at(0x50_0000)) == ([], None)


def test_emulator_that_is_gone_has_no_modules(mapped: Mapped) -> None:
    found = Modules(1 << 30, AARCH64, mapped.program, {3: 0x40_0000 + HEADERS})
    assert (found.at_start(), found.mapped_at(0x50_0000)) == ([], None)
