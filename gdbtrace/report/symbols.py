"""The symbol of an address: in the program, its dynamic loader and its libraries, wherever they were loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import architecture_of
from gdbtrace.errors import UsageError
from gdbtrace.image import Image
from gdbtrace.trace.frames import ModloadFrame


class Symbols:
    """What the addresses of a trace are called.

    :param arch: modules of another architecture are not read; None: no modules are.
    :param program: at its linked addresses until the first module is loaded, which is the program.
    """

    def __init__(self, arch: Arch | None, program: Image | None) -> None:
        self._arch = arch
        self._program = program
        self._program_offset: int | None = None
        """None: it is not known yet where the program was loaded."""
        self._modules: list[_Module] = []
        """The latest one first: it is mapped over what was there."""
        self._known: dict[int, str] = {}

    def add(self, module: ModloadFrame) -> None:
        """Learn of a module that is loaded from here on. Its file is read when an address in it is asked for."""
        self._known.clear()
        path = Path(module.module_name)
        if self._program is not None and self._program_offset is None:
            self._program_offset = module.low_address - self._program.first_page
        elif self._arch is not None:
            self._modules.insert(0, _Module(self._arch, path, module.low_address, module.high_address))

    def name_at(self, address: int) -> str:
        """``symbol[+0xoffset]``; empty where there is none."""
        name = self._known.get(address)
        if name is None:
            name = self._known[address] = self._locate(address)
        return name

    def _locate(self, address: int) -> str:
        image, offset = self._program, self._program_offset or 0
        for module in self._modules:
            if module.low <= address <= module.high:
                image, offset = module.image, module.low - module.image.first_page if module.image else 0
                break
        location = image.locate(address, offset) if image else None
        return str(location) if location else ""


@dataclass
class _Module:
    arch: Arch
    path: Path
    low: int
    high: int
    """The last byte."""

    @cached_property
    def image(self) -> Image | None:
        """The file, if it is here and of the trace's architecture. Nothing tells whether it is still the same."""
        # A reproducible trace has no folder: whatever has that name in the working directory is not meant.
        if not self.path.is_absolute() or not self.path.is_file():
            return None
        try:
            image = Image(self.path)
        except UsageError:
            return None
        found = architecture_of(image.machine, image.bits, image.byte_order)
        return image if found is not None and found.elf == self.arch.elf else None
