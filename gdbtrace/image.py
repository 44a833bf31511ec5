"""The guest's program: architecture, symbols, source lines, load addresses, from its ELF file (pyelftools)."""

from __future__ import annotations

import bisect
import hashlib
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Literal, NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from elftools.elf.segments import InterpSegment

from gdbtrace.errors import UsageError

_PAGE_BYTES = 0x1000
"""The smallest of any architecture's; linkers begin programs at multiples of the largest."""
_UNSIZED_BYTES = 0x1000
"""How far behind a symbol without a size an address is still told by it."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named place in the program."""

    name: str
    address: int
    """As linked: for a position-independent program, relative to where it is loaded."""
    size: int
    """In bytes; 0 where the file does not say."""
    is_function: bool = False
    """The file says that it is one, not only a name."""


class SourceLine(NamedTuple):
    """A place in the source."""

    file: str
    """Path as the compiler noted it, absolute where it noted the directory."""
    line: int
    """Counted from 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Location:
    """An address told by the symbol before it."""

    symbol: Symbol
    offset: int

    def __str__(self) -> str:
        return f"{self.symbol.name}+{self.offset:#x}" if self.offset else self.symbol.name


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

    :raise UsageError: there is no such file, or it is not an ELF that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.status: os.stat_result = path.stat()
            if not stat.S_ISREG(self.status.st_mode) and not stat.S_ISDIR(self.status.st_mode):
                raise UsageError(f"{path}: not a file; a program cannot be read from a pipe or device")
            with path.open("rb") as stream:
                self._read(stream)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
        except (
            ELFError,
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            OverflowError,
            MemoryError,
        ) as error:
            # pyelftools checks little of what a damaged file says.
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
        self.first_page: int = (
            min((segment["p_vaddr"] for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"), default=0)
            & -_PAGE_BYTES
        )
        """Where the first byte that is loaded is mapped, as linked."""
        self.loader: str | None = next(
            (segment.get_interp_name() for segment in elf.iter_segments() if isinstance(segment, InterpSegment)), None
        )
        """Path of the dynamic loader that the program asks for; None for a static one."""
        symbols: dict[tuple[str, int], Symbol] = {}
        for section in elf.iter_sections():
            if isinstance(section, SymbolTableSection):
                for entry in section.iter_symbols():
                    kind, place = entry["st_info"]["type"], entry["st_shndx"]
                    if (
                        entry.name
                        and place != "SHN_UNDEF"
                        and kind in ("STT_FUNC", "STT_NOTYPE", "STT_OBJECT", "STT_LOOS")
                    ):
                        symbol = self._symbol(elf, entry.name, entry["st_value"], entry["st_size"], kind)
                        symbols.setdefault((symbol.name, symbol.address), symbol)
        self._symbols = tuple(symbols.values())

    def _symbol(self, elf: ELFFile, name: str, address: int, size: int, kind: str) -> Symbol:
        if self.machine == "EM_ARM" and kind in ("STT_FUNC", "STT_LOOS"):
            # Bit 0 of a function's address says Thumb (AAELF32, "Symbol values").
            address &= ~1
        elif self.machine == "EM_PPC64" and self.flags & 3 < 2 and kind in ("STT_FUNC", "STT_LOOS"):
            # ELFv1: a function's symbol is its descriptor; the first word there is the code's address.
            address = self._descriptor_entry(elf, address)
        return Symbol(name, address, size, kind in ("STT_FUNC", "STT_LOOS"))

    @staticmethod
    def _descriptor_entry(elf: ELFFile, address: int) -> int:
        section = elf.get_section_by_name(".opd")
        if section is None or not section["sh_addr"] <= address <= section["sh_addr"] + section["sh_size"] - 8:
            return address
        offset = address - section["sh_addr"]
        return int.from_bytes(section.data()[offset : offset + 8], "little" if elf.little_endian else "big")

    @cached_property
    def _by_name(self) -> dict[str, Symbol]:
        return {symbol.name: symbol for symbol in reversed(self._symbols)}

    @cached_property
    def _by_address(self) -> list[Symbol]:
        # Of several names for one address the sized, shorter, alphabetically first one is shown, whatever the file's
        # order; mapping symbols ($a, $t, $d, $x) name no place.
        ordered = sorted(
            (symbol for symbol in self._symbols if not symbol.name.startswith("$")),
            key=lambda symbol: (symbol.address, -symbol.size, len(symbol.name), symbol.name),
        )
        return [
            symbol for index, symbol in enumerate(ordered) if not index or ordered[index - 1].address != symbol.address
        ]

    @cached_property
    def _addresses(self) -> list[int]:
        return [symbol.address for symbol in self._by_address]

    def symbol(self, name: str) -> Symbol | None:
        """The symbol of that name."""
        return self._by_name.get(name)

    def symbol_names(self) -> list[str]:
        """All names, for suggestions."""
        return list(self._by_name)

    def locate(self, address: int, load_offset: int = 0) -> Location | None:
        """The symbol that an address lies in, or follows closely if that symbol has no size; None outside."""
        index = bisect.bisect_right(self._addresses, address - load_offset) - 1
        if index < 0:
            return None
        symbol = self._by_address[index]
        offset = address - load_offset - symbol.address
        return Location(symbol, offset) if offset < (symbol.size or _UNSIZED_BYTES) else None

    def functions(self) -> list[Symbol]:
        """What the file says are functions, by address; of several names for one address, the one that is shown."""
        return [symbol for symbol in self._by_address if symbol.is_function]

    def room_of(self, symbol: Symbol) -> int:
        """Bytes from a symbol to the next one: the most that it can have, where the file does not say its size."""
        index = bisect.bisect_right(self._addresses, symbol.address)
        end = self._addresses[index] if index < len(self._addresses) else symbol.address + _UNSIZED_BYTES
        return min(end - symbol.address, _UNSIZED_BYTES)

    def code_at(self, address: int, size: int) -> bytes:
        """What the file has at a linked address: fewer bytes, or none, where it has no more of a segment."""
        with self.path.open("rb") as stream:
            for segment in ELFFile(stream).iter_segments("PT_LOAD"):
                start = address - segment["p_vaddr"]
                if 0 <= start < segment["p_filesz"]:
                    stream.seek(segment["p_offset"] + start)
                    return stream.read(min(size, segment["p_filesz"] - start))
        return b""

    def line_at(self, address: int) -> SourceLine | None:
        """The line of source of a linked address; None without debug information."""
        index = bisect.bisect_right(self._line_starts, address) - 1
        return self._lines[index][1] if index >= 0 else None

    @cached_property
    def _line_starts(self) -> list[int]:
        return [start for start, _ in self._lines]

    @cached_property
    def _lines(self) -> list[tuple[int, SourceLine | None]]:
        """Where lines begin, ascending; None from the end of a sequence on."""
        rows: list[tuple[int, SourceLine | None]] = []
        with self.path.open("rb") as stream:
            elf = ELFFile(stream)
            if not elf.has_dwarf_info():
                return rows
            dwarf = elf.get_dwarf_info()
            for unit in dwarf.iter_CUs():
                program = dwarf.line_program_for_CU(unit)
                if program is None:
                    continue
                directory = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
                base = os.fsdecode(directory.value) if directory else ""
                first = 0 if program.header.version >= 5 else 1
                for entry in program.get_entries():
                    state = entry.state
                    if state is None:
                        continue
                    if state.end_sequence:
                        rows.append((state.address, None))
                        continue
                    file = program["file_entry"][state.file - first]
                    folders = program["include_directory"]
                    number = file.dir_index - first
                    folder = os.fsdecode(folders[number]) if 0 <= number < len(folders) else ""
                    path = os.path.join(base, folder, os.fsdecode(file.name))
                    rows.append((state.address, SourceLine(path, state.line)))
        rows.sort(key=lambda row: (row[0], row[1] is not None))
        return rows
