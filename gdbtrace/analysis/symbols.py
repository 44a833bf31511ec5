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
from gdbtrace.image import USUAL_PLACES, DebugPlaces, Image, LineRow, SourceLine, Symbol
from gdbtrace.image.demangling import Demangler, is_called
from gdbtrace.trace.frames import ModloadFrame

_LAST_ADDRESS = (1 << 64) - 1


class Function(NamedTuple):
    """A function, where the guest has it."""

    name: str
    """As the source has it: demangled, unless names are to stay as they are."""
    low: int
    """Address of its first instruction."""
    high: int
    """Address behind its last byte."""
    module: Module
    linkage_name: str = ""
    """As the linker knows it."""

    def is_called(self, name: str) -> bool:
        """Whether a user means it, too, by a name: of C++ and Rust without parameters, or as the linker knows it."""
        return name == self.linkage_name or is_called(self.name, name)


class _Files:
    """The files of modules. Each is read once, however often it is loaded."""

    def __init__(self, arch: Arch, places: DebugPlaces) -> None:
        self._arch, self._places = arch, places
        self._images: dict[Path, Image | None] = {}

    def image_of(self, path: Path) -> Image | None:
        """The file, if it is here and of the trace's architecture. Nothing tells whether it is still the same."""
        if path not in self._images:
            self._images[path] = self._read(path)
        return self._images[path]

    def _read(self, path: Path) -> Image | None:
        # A reproducible trace has no folder: whatever has that name in the working directory is not meant.
        if not path.is_absolute() or not path.is_file():
            return None
        try:
            image = Image(path, self._places)
        except UsageError:
            return None
        found = architecture_of(image.machine, image.bits, image.byte_order)
        return image if found is not None and found.elf == self._arch.elf else None


@dataclass(eq=False)
class Module:
    """A file that is mapped in the guest."""

    path: Path
    low: int
    """Where its first byte is mapped; 0 where the trace does not say."""
    high: int
    """The last byte."""
    files: _Files | None = None
    """Where it is read; None: it is not."""
    load_offset: int | None = None
    """Guest address - linked address, where that is known without the file."""

    @cached_property
    def image(self) -> Image | None:
        """The file; None where it is not here."""
        return None if self.files is None else self.files.image_of(self.path)

    @property
    def offset(self) -> int:
        """Guest address - linked address."""
        if self.load_offset is not None:
            return self.load_offset
        return self.image.load_offset_of(self.low) if self.image else 0


class Symbols:
    """What the addresses of a trace are called.

    :param arch: modules of another architecture are not read; None: no modules are.
    :param program: at its linked addresses until a module is loaded: that of its name, or else the first one.
    :param load_offset: where the program is, as guest address - linked address; None: what the trace says.
    :param places: where separate debug files of modules may be.
    :param is_demangled: names of C++ and Rust are shown as the source has them.
    """

    def __init__(
        self,
        arch: Arch | None,
        program: Image | None,
        load_offset: int | None = None,
        places: DebugPlaces = USUAL_PLACES,
        is_demangled: bool = True,
    ) -> None:
        self._files = _Files(arch, places) if arch is not None else None
        self._modules: list[Module] = []
        """The latest one first: it is mapped over what was there."""
        self._program: Module | None = None
        self._is_fixed = load_offset is not None
        """The user has said where the program is."""
        self._placed_by: ModloadFrame | None = None
        """What was loaded where the program is taken to be."""
        if program is not None:
            last = arch.address_mask if arch else _LAST_ADDRESS
            self._program = Module(program.path, 0, last, load_offset=load_offset or 0)
            self._program.image = program
        self._demangler = Demangler() if is_demangled else None
        self._names: dict[int, str] = {}
        self._functions: dict[int, Function | None] = {}
        self._lines: dict[int, SourceLine | None] = {}

    def add(self, module: ModloadFrame) -> None:
        """Learn of a module that is loaded from here on. Its file is read when an address in it is asked for."""
        for known in (self._names, self._functions, self._lines):
            known.clear()
        if self._program is not None and self._is_program(self._program, module):
            if self._placed_by is not None:
                self._load(self._placed_by)
            self._placed_by = module
            if self._program.image is not None and not self._is_fixed:
                self._program.load_offset = self._program.image.load_offset_of(module.low_address)
            self._program.low, self._program.high = module.low_address, module.high_address
        else:
            self._load(module)

    def _is_program(self, program: Module, module: ModloadFrame) -> bool:
        """Whether it is the program: the first module, unless one of its name follows."""
        if self._placed_by is None:
            return True
        name = program.path.name
        return Path(module.module_name).name == name != Path(self._placed_by.module_name).name

    def _load(self, module: ModloadFrame) -> None:
        path = Path(module.module_name)
        self._modules.insert(0, Module(path, module.low_address, module.high_address, self._files))

    @property
    def is_demangled(self) -> bool:
        """Names of C++ and Rust are shown as the source has them."""
        return self._demangler is not None

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
            name = ""
            if location:
                name = self._shown(location.symbol.name) + (f"+{location.offset:#x}" if location.offset else "")
            self._names[address] = name
        return name

    def place_at(self, address: int) -> str:
        """``symbol[+0xoffset]``, or where no symbol is known, ``file+0xdistance`` from the file's first byte in the
        guest; empty where nothing is known to be."""
        if name := self.name_at(address):
            return name
        module = self.module_at(address)
        if module is None:
            return ""
        low, end = module.low, module.high + 1
        if module is self._program and module.image is not None and self._placed_by is None:
            low, end = module.image.first_page + module.offset, module.image.end + module.offset
        return f"{module.path.name}+{address - low:#x}" if low <= address < end else ""

    def function_at(self, address: int) -> Function | None:
        """The function that an address is in."""
        if address not in self._functions:
            module = self.module_at(address)
            found = module.image.function_at(address - module.offset) if module and module.image else None
            self._functions[address] = self._function(module, *found) if module and found else None
        return self._functions[address]

    def line_at(self, address: int) -> SourceLine | None:
        """The line of source that an address is of."""
        if address not in self._lines:
            module = self.module_at(address)
            image = module.image if module else None
            self._lines[address] = image.line_at(address - module.offset) if module and image else None
        return self._lines[address]

    def lines_of(self, function: Function) -> list[LineRow]:
        """Where lines begin in the code of a function, in the guest, ascending: all lines that have code there."""
        module = function.module
        if module.image is None:
            return []
        offset = module.offset
        rows = module.image.lines_of(function.low - offset, function.high - offset)
        return [LineRow(row.address + offset, row.line, row.is_stmt) for row in rows]

    def iter_functions(self) -> Iterator[Function]:
        """All functions of all modules that are loaded now and whose files are here, by module and address."""
        for module in self.modules:
            if module.image is not None:
                if self._demangler is not None:
                    self._demangler.learn(symbol.name for symbol in module.image.functions())
                for low, high, symbol in module.image.iter_functions():
                    yield self._function(module, low, high, symbol)

    def _function(self, module: Module, low: int, high: int, symbol: Symbol) -> Function:
        offset = module.offset
        return Function(self._shown(symbol.name), low + offset, high + offset, module, symbol.name)

    def _shown(self, name: str) -> str:
        return name if self._demangler is None else self._demangler.name_of(name)
