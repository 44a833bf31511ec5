"""What is at an address: symbol, function, source line; in the program, its dynamic loader and its libraries, wherever
they were loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import architecture_of
from gdbtrace.errors import UsageError
from gdbtrace.image import Image, SourceLine
from gdbtrace.trace.frames import ModloadFrame

_LAST_ADDRESS = (1 << 64) - 1


class Function(NamedTuple):
    """A function, where the guest has it."""

    name: str
    low: int
    """Address of its first instruction."""
    high: int
    """Address behind its last byte."""
    module: Module


@dataclass(eq=False)
class Module:
    """A file that is mapped in the guest."""

    path: Path
    low: int
    """Where its first byte is mapped; 0 where the trace does not say."""
    high: int
    """The last byte."""
    arch: Arch | None = None
    """What it must be of to be read; None: it is not."""
    load_offset: int | None = None
    """Guest address - linked address, where that is known without the file."""

    @cached_property
    def image(self) -> Image | None:
        """The file, if it is here and of the trace's architecture. Nothing tells whether it is still the same."""
        # A reproducible trace has no folder: whatever has that name in the working directory is not meant.
        if self.arch is None or not self.path.is_absolute() or not self.path.is_file():
            return None
        try:
            image = Image(self.path)
        except UsageError:
            return None
        found = architecture_of(image.machine, image.bits, image.byte_order)
        return image if found is not None and found.elf == self.arch.elf else None

    @property
    def offset(self) -> int:
        """Guest address - linked address."""
        if self.load_offset is not None:
            return self.load_offset
        return self.low - self.image.first_page if self.image else 0


class Symbols:
    """What the addresses of a trace are called.

    :param arch: modules of another architecture are not read; None: no modules are.
    :param program: at its linked addresses until the first module is loaded, which is the program.
    :param load_offset: where the program is, as guest address - linked address; None: what the trace says.
    """

    def __init__(self, arch: Arch | None, program: Image | None, load_offset: int | None = None) -> None:
        self._arch = arch
        self._modules: list[Module] = []
        """The latest one first: it is mapped over what was there."""
        self._program: Module | None = None
        self._is_placed = load_offset is not None
        """Whether it is known where the program was loaded."""
        if program is not None:
            self._program = Module(
                program.path, 0, arch.address_mask if arch else (1 << 64) - 1, arch, load_offset or 0
            )
            self._program.image = program
        self._names: dict[int, str] = {}
        self._functions: dict[int, Function | None] = {}
        self._lines: dict[int, SourceLine | None] = {}

    def add(self, module: ModloadFrame) -> None:
        """Learn of a module that is loaded from here on. Its file is read when an address in it is asked for."""
        for known in (self._names, self._functions, self._lines):
            known.clear()
        if self._program is not None and self._program.image is not None and not self._is_placed:
            self._is_placed = True
            self._program.load_offset = module.low_address - self._program.image.first_page
            self._program.low, self._program.high = module.low_address, module.high_address
        elif self._arch is not None:
            path = Path(module.module_name)
            self._modules.insert(0, Module(path, module.low_address, module.high_address, self._arch))

    @property
    def modules(self) -> list[Module]:
        """The program, if it is known, then what was loaded."""
        return [*([self._program] if self._program else []), *reversed(self._modules)]

    def module_at(self, address: int) -> Module | None:
        """The file mapped there; the program where nothing else is."""
        return next((module for module in self._modules if module.low <= address <= module.high), self._program)

    def name_at(self, address: int) -> str:
        """``symbol[+0xoffset]``; empty where there is none."""
        name = self._names.get(address)
        if name is None:
            module = self.module_at(address)
            location = module.image.locate(address, module.offset) if module and module.image else None
            name = self._names[address] = str(location) if location else ""
        return name

    def function_at(self, address: int) -> Function | None:
        """The function that an address is in."""
        if address not in self._functions:
            module = self.module_at(address)
            location = module.image.locate(address, module.offset) if module and module.image else None
            function = None
            if module and module.image and location:
                symbol = location.symbol
                low = symbol.address + module.offset
                function = Function(symbol.name, low, low + (symbol.size or module.image.room_of(symbol)), module)
            self._functions[address] = function
        return self._functions[address]

    def line_at(self, address: int) -> SourceLine | None:
        """The line of source that an address is of."""
        if address not in self._lines:
            module = self.module_at(address)
            image = module.image if module else None
            self._lines[address] = image.line_at(address - module.offset) if module and image else None
        return self._lines[address]

    def iter_functions(self) -> Iterator[Function]:
        """All functions of all modules that are loaded now and whose files are here, by module and address."""
        for module in self.modules:
            if module.image is not None:
                for symbol in module.image.functions():
                    low = symbol.address + module.offset
                    yield Function(symbol.name, low, low + (symbol.size or module.image.room_of(symbol)), module)
