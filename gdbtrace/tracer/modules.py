"""Which files the guest has mapped: what the kernel says of QEMU's own address space.

A user-mode guest's memory is QEMU's, at a constant distance; its program, loader and libraries are file mappings there
(proc(5), ``/proc/pid/maps``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gdbtrace.arch.model import Arch
from gdbtrace.tracer.step_record import ModuleLoaded

_AT_PHDR, _AT_BASE = 3, 7
_PROGRAM_HEADERS_OFFSET = {32: (28, 4), 64: (32, 8)}
"""Offset and size of ``e_phoff`` in an ELF header."""
_ELF_MAGIC = b"\x7fELF"
_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ *(.*)")


class _Mapping(NamedTuple):
    start: int
    end: int
    offset: int
    path: str


class Modules:
    """The modules of one guest. Made before it has executed anything.

    :param auxiliary: the guest's auxiliary vector (getauxval(3)).
    """

    def __init__(self, emulator: int, arch: Arch, program: Path, auxiliary: Mapping[int, int]) -> None:
        self._maps = Path(f"/proc/{emulator}/maps")
        self._program = str(program.resolve())
        self._base: int | None = None
        """Distance from a guest address to QEMU's."""
        self._loader = auxiliary.get(_AT_BASE, 0)
        headers = auxiliary.get(_AT_PHDR)
        rows = self._mappings()
        self._own = {row.start for row in rows}
        """Where QEMU has its own libraries, and what is mapped before the guest runs."""
        first = next((row for row in rows if row.path == self._program and not row.offset), None)
        if headers is not None and first is not None:
            offset, size = _PROGRAM_HEADERS_OFFSET[arch.bits]
            with program.open("rb") as stream:
                stream.seek(offset)
                table = int.from_bytes(stream.read(size), arch.byte_order)
            self._base = first.start - (headers - table)
            self._start = first.start - self._base

    def at_start(self) -> list[ModuleLoaded]:
        """The program, the dynamic loader it asked for, and what that has mapped where the trace begins later."""
        if self._base is None:
            return []
        addresses = [self._start, *([self._loader] if self._loader else [])]
        later = [row for row in self._mappings() if row.start not in self._own and not row.offset]
        addresses += [row.start - self._base for row in later]
        return [module for address in addresses if (module := self.mapped_at(address)) is not None]

    def mapped_at(self, address: int) -> ModuleLoaded | None:
        """The module whose first byte is mapped at a guest address; None if something else is."""
        if self._base is None:
            return None
        rows = self._mappings()
        for index, row in enumerate(rows):
            if row.start == address + self._base and not row.offset and row.path.startswith("/"):
                end = row.end
                for later in rows[index + 1 :]:
                    if later.path != row.path or later.start != end:
                        break
                    end = later.end
                if _is_elf(row.path):
                    return ModuleLoaded(row.path, address, end - self._base - 1)
        return None

    def _mappings(self) -> list[_Mapping]:
        try:
            text = self._maps.read_text(errors="surrogateescape")
        except OSError:
            return []
        found = (_LINE.fullmatch(line) for line in text.splitlines())
        return [_Mapping(int(match[1], 16), int(match[2], 16), int(match[3], 16), match[4]) for match in found if match]


def _is_elf(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(len(_ELF_MAGIC)) == _ELF_MAGIC
    except OSError:
        return False
