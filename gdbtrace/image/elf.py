"""An ELF file: architecture, load addresses, and its symbols and lines, its own or those of its separate debug file."""

from __future__ import annotations

import bisect
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Literal

from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from gdbtrace.errors import UsageError
from gdbtrace.image.damage import DAMAGE
from gdbtrace.image.debug_files import USUAL_PLACES, DebugPlaces, find_debug_file, read_links, read_mini_debug_info
from gdbtrace.image.demangling import Demangler, is_called
from gdbtrace.image.intervals import Intervals
from gdbtrace.image.lines import LineRow, LineTable, SourceLine
from gdbtrace.image.linkage import read_linkage_stubs
from gdbtrace.image.symbol_table import (
    UNSIZED_BYTES,
    Symbol,
    SymbolTables,
    functions_of,
    read_descriptors,
    read_symbols,
    shown_symbols,
)

_PAGE_BYTES = 0x1000
"""The smallest of any architecture's; linkers begin programs at multiples of the largest."""
_MOST_PAGE_BYTES = 0x10000
"""The largest of any architecture's."""
_PAST_ADDRESSES = 1 << 64
_MOST_PADDING = 4
"""Bytes, and one, between two pieces of code."""


@dataclass(frozen=True, slots=True)
class Location:
    """An address told by the symbol before it."""

    symbol: Symbol
    offset: int

    def __str__(self) -> str:
        return f"{self.symbol.name}+{self.offset:#x}" if self.offset else self.symbol.name


@dataclass(frozen=True, slots=True)
class Segment:
    """What an ELF file has loaded at one place."""

    address: int
    """As linked."""
    physical: int
    """Where it is loaded in a machine."""
    offset: int
    """In the file."""
    file_bytes: int
    """How much of it the file has; the rest is zero."""
    size_bytes: int
    is_writable: bool


def md5_of(path: Path) -> bytes:
    """MD5 of a file, 16 bytes, as the trace format wants it.

    :raise UsageError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).digest()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


class Image:
    """An ELF file.

    :param places: where else its separate debug file may be; it is looked for if the file has no symbols or lines.
    :raise UsageError: there is no such file, or it is not an ELF that can be read.
    """

    def __init__(self, path: Path, places: DebugPlaces = USUAL_PLACES) -> None:
        self.path = path
        self._places = places
        try:
            self.status: os.stat_result = path.stat()
            if not stat.S_ISREG(self.status.st_mode) and not stat.S_ISDIR(self.status.st_mode):
                raise UsageError(f"{path}: not a file; a program cannot be read from a pipe or device")
            with path.open("rb") as stream:
                self._read(stream)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
        except DAMAGE as error:
            raise UsageError(
                f"{path}: not an ELF program that can be read ({type(error).__name__}: {error})"
            ) from error

    def _read(self, stream: IO[bytes]) -> None:
        elf = ELFFile(stream)
        header = elf.header
        self.machine: str = str(header["e_machine"])
        """``e_machine`` as pyelftools names it."""
        self.bits: int = elf.elfclass
        self.byte_order: Literal["little", "big"] = "little" if elf.little_endian else "big"
        self.flags: int = header["e_flags"]
        self.entry: int = header["e_entry"]
        """As linked."""
        self.is_position_independent = header["e_type"] == "ET_DYN"
        self.is_program = header["e_type"] in ("ET_EXEC", "ET_DYN")
        loaded: list[tuple[int, int, int]] = [
            (segment["p_vaddr"], segment["p_vaddr"] + segment["p_memsz"], segment["p_align"])
            for segment in elf.iter_segments("PT_LOAD")
        ]
        self._first, _, self._alignment = min(loaded, default=(0, 0, 0))
        self.first_page: int = self._first & -_PAGE_BYTES
        """Where the first byte that is loaded is mapped, as linked."""
        self.end: int = max((end for _, end, _ in loaded), default=0)
        """Behind the last byte that is loaded, as linked."""
        self.segments = tuple(
            Segment(
                segment["p_vaddr"],
                segment["p_paddr"],
                segment["p_offset"],
                segment["p_filesz"],
                segment["p_memsz"],
                bool(segment["p_flags"] & P_FLAGS.PF_W),
            )
            for segment in elf.iter_segments("PT_LOAD")
        )
        """What is loaded, as the file lists it."""
        self.loader: str | None = next(
            (segment.get_interp_name() for segment in elf.iter_segments() if isinstance(segment, InterpSegment)), None
        )
        """Path of the dynamic loader that the program asks for; None for a static one."""
        self._descriptors = read_descriptors(elf)
        self._own = read_symbols(elf, self._descriptors)

    @cached_property
    def debug_path(self) -> Path | None:
        """The separate file that has the symbols and lines of a stripped one; None: there is none, or no need of it."""
        try:
            with self.path.open("rb") as stream:
                elf = ELFFile(stream)
                if self._own.is_full and _has_lines(elf):
                    return None
                links = read_links(elf)
            return find_debug_file(self.path, links, self._places)
        except DAMAGE:
            return None

    @cached_property
    def _tables(self) -> SymbolTables:
        try:
            with self.path.open("rb") as stream:
                return self._named.joined(read_linkage_stubs(ELFFile(stream), self._named, self._descriptors))
        except DAMAGE:
            return self._named

    @cached_property
    def _named(self) -> SymbolTables:
        if self._own.is_full:
            return self._own
        try:
            if self.debug_path is not None:
                with self.debug_path.open("rb") as stream:
                    return self._own.joined(read_symbols(ELFFile(stream), self._descriptors))
            with self.path.open("rb") as stream:
                if data := read_mini_debug_info(ELFFile(stream)):
                    return self._own.joined(read_symbols(ELFFile(io.BytesIO(data)), self._descriptors))
        except DAMAGE:
            pass
        return self._own

    @cached_property
    def _by_name(self) -> dict[str, Symbol]:
        return {symbol.name: symbol for symbol in reversed(self._tables.symbols)}

    @cached_property
    def _by_address(self) -> list[Symbol]:
        return shown_symbols(self._tables.symbols)

    @cached_property
    def _addresses(self) -> list[int]:
        return [symbol.address for symbol in self._by_address]

    def symbol(self, name: str) -> Symbol | None:
        """The symbol of that name."""
        return self._by_name.get(name)

    def symbols_called(self, name: str) -> list[Symbol]:
        """Those that a user may mean by a name of C++ or Rust, in the source's words: with its parameters or without.

        One for each address. All names are demangled for it.
        """
        demangler = Demangler()
        demangler.learn(self._by_name)
        found = [symbol for symbol in self._by_address if is_called(demangler.name_of(symbol.name), name)]
        demangler.close()
        return found

    def symbol_names(self) -> list[str]:
        """All names, for suggestions."""
        return list(self._by_name)

    @cached_property
    def _places_of_symbols(self) -> Intervals[Symbol]:
        """Symbols without a size go on to the next one or to where a section of code begins or ends, not for ever."""
        borders = (border for section in self._tables.code for border in section)
        stops = sorted({*self._addresses, *borders, _PAST_ADDRESSES})

        def end_of(symbol: Symbol) -> int:
            low = symbol.address
            return low + symbol.size if symbol.size else min(stops[bisect.bisect(stops, low)], low + UNSIZED_BYTES)

        return Intervals((symbol.address, end_of(symbol), symbol) for symbol in self._by_address)

    @cached_property
    def _functions(self) -> Intervals[Symbol]:
        return Intervals(functions_of(self._tables))

    def locate(self, address: int, load_offset: int = 0) -> Location | None:
        """The symbol that an address lies in, or follows closely if that symbol has no size; None outside."""
        found = self._places_of_symbols.at(address - load_offset)
        return None if found is None else Location(found[2], address - load_offset - found[0])

    def functions(self) -> list[Symbol]:
        """All functions by address; of several names for one address, the one that is shown.

        What the file says are functions, and labels of assembly without a type that other files of the program can
        name, if they are in a section of code and in no function.
        """
        return [symbol for _, _, symbol in self._functions]

    def function_at(self, address: int) -> tuple[int, int, Symbol] | None:
        """The function around a linked address: its first address, that behind the last one, and its symbol."""
        return self._functions.at(address)

    def iter_functions(self) -> Iterator[tuple[int, int, Symbol]]:
        """All of :meth:`functions` with their first address and that behind the last one."""
        return iter(self._functions)

    def mapping_symbols(self) -> list[tuple[int, str]]:
        """Where code (``a``, ``t``, ``x``) and data (``d``) begin, by linked address, as files for ARM and RISC-V say
        (AAELF32, "Mapping symbols"). Empty where the file does not."""
        return sorted(
            (symbol.address, symbol.name[1])
            for symbol in self._tables.symbols
            if symbol.name[:2] in ("$a", "$t", "$x", "$d")
        )

    def load_offset_of(self, low: int) -> int:
        """Guest address - linked address of a file whose first byte is mapped at ``low``."""
        if not self.is_position_independent and abs(low - self.first_page) < _MOST_PAGE_BYTES:
            return 0
        if self._alignment <= _PAGE_BYTES or self._first % self._alignment < _PAGE_BYTES:
            return low - self.first_page
        # The loader has rounded the address down to a page of unknown size; files are moved by whole alignments.
        return -((self._first - low) // self._alignment * self._alignment)

    def code_at(self, address: int, size: int) -> bytes:
        """What the file has at a linked address: fewer bytes, or none, where it has no more of a segment."""
        for segment in self.segments:
            start = address - segment.address
            if 0 <= start < segment.file_bytes:
                return self.contents_of(segment, start, min(size, segment.file_bytes - start))
        return b""

    def contents_of(self, segment: Segment, start: int, size: int) -> bytes:
        """``size`` bytes of a segment, from its byte ``start`` on, with the zeros that the file does not have."""
        with self.path.open("rb") as stream:
            stream.seek(segment.offset + start)
            return stream.read(max(min(size, segment.file_bytes - start), 0)).ljust(size, b"\0")

    def line_at(self, address: int) -> SourceLine | None:
        """The line of source of a linked address; None without debug information."""
        return self._lines.at(address) if self._lines is not None else None

    def lines_of(self, low: int, high: int) -> list[LineRow]:
        """Where lines begin in the code from ``low`` to ``high - 1``, as linked, ascending.

        The first row is at ``low``, if the code there is of a line. A line may have several rows, code of no line none.
        """
        return self._lines.between(low, high) if self._lines is not None else []

    @cached_property
    def _lines(self) -> LineTable | None:
        path = self.path
        try:
            with path.open("rb") as stream:
                if not _has_lines(ELFFile(stream)):
                    if self.debug_path is None:
                        return None
                    path = self.debug_path
            return LineTable(path, self._tables.code, self._ends_from_zero())
        except DAMAGE:
            return None

    def _ends_from_zero(self) -> frozenset[int]:
        """Where code that begins at address 0 may end: before or at a symbol, or where one ends; none begins there."""
        if self._functions.at(0) is None:
            return frozenset()
        ends = {symbol.address + symbol.size for symbol in self._by_address} | {high for _, high in self._tables.code}
        return frozenset(end - gap for end in ends for gap in range(_MOST_PADDING))


def _has_lines(elf: ELFFile) -> bool:
    sections = (elf.get_section_by_name(name) for name in (".debug_line", ".zdebug_line"))
    return any(section is not None and section["sh_type"] != "SHT_NOBITS" for section in sections)
