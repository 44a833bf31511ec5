"""Symbols of an ELF file: what each architecture means by their addresses, and which of them are functions."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

_FUNCTIONS = ("STT_FUNC", "STT_LOOS")
"""Types of functions; STT_LOOS is STT_GNU_IFUNC."""
_NAMED = (*_FUNCTIONS, "STT_NOTYPE", "STT_OBJECT")
_FUNCTIONS_OF = {"EM_PARISC": (*_FUNCTIONS, "STT_LOPROC")}
"""...where there are others: STT_PARISC_MILLI, millicode."""
ODD_IS_MODE = ("EM_ARM", "EM_MIPS")
"""Bit 0 of a function's address says Thumb (AAELF32, "Symbol values"), MIPS16 or microMIPS."""
_NO_PLACE = re.compile(r"\$[abdtxm](\..*)?|\$xrv\w*|\.L.*", re.DOTALL)
"""Names of what kind of thing begins there (AAELF32, "Mapping symbols"; RISC-V psABI), and a compiler's labels for
itself, which some assemblers keep (gas manual, "Symbol Names": local symbols)."""
_EXECUTABLE = 0x4
"""SHF_EXECINSTR."""


_PLUS = re.compile(r"(.+)\+(0[xX][0-9a-fA-F]+|\d+)", re.DOTALL)

UNSIZED_BYTES = 0x1000
"""How far behind a symbol without a size an address is still told by it, and how long a function without one is at most
in a file without sections."""


def readings_of(place: str) -> list[tuple[str, int]]:
    """Name or address, and offset, that ``PLACE[+OFFSET]`` may mean: the whole as a name first, ``operator+``."""
    found = _PLUS.fullmatch(place)
    return [(place, 0), *([(found[1], int(found[2], 0))] if found else [])]


def number_of(place: str) -> int | None:
    """What ``ADDRESS[+OFFSET]`` is; None: it is a symbol."""
    for name, offset in readings_of(place):
        try:
            return int(name, 0) + offset
        except ValueError:
            pass
    return None


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named place in the program."""

    name: str
    """As the linker knows it."""
    address: int
    """As linked: for a position-independent program, relative to where it is loaded."""
    size: int
    """In bytes; 0 where the file does not say."""
    is_function: bool = False
    """The file says that it is one, not only a name."""


class SymbolTables(NamedTuple):
    """What the symbol tables of a file say."""

    symbols: tuple[Symbol, ...]
    labels: frozenset[Symbol]
    """Those without a type that other files of the program can name, in a section of code: functions in assembly."""
    code: tuple[tuple[int, int], ...]
    """Sections of code: first address, and that behind the last one."""
    is_full: bool
    """There is a table for debugging, not only what dynamic linking needs."""

    def joined(self, more: SymbolTables) -> SymbolTables:
        """What this and another one, of the same program, say."""
        if not more.symbols:
            return self
        symbols = {(symbol.name, symbol.address): symbol for symbol in (*more.symbols, *self.symbols)}
        return SymbolTables(
            tuple(symbols.values()), self.labels | more.labels, self.code or more.code, self.is_full or more.is_full
        )


class Descriptors(NamedTuple):
    """The section ``.opd`` of ELFv1, 64-bit PowerPC: a function's symbol is its descriptor."""

    address: int
    data: bytes
    byte_order: str

    def code_of(self, address: int) -> int:
        """Where a function begins: the first word of its descriptor."""
        offset = address - self.address
        if not 0 <= offset <= len(self.data) - 8:
            return address
        word = self.data[offset : offset + 8]
        return int.from_bytes(word, "little" if self.byte_order == "little" else "big")


def read_descriptors(elf: ELFFile) -> Descriptors | None:
    """The function descriptors of a file whose functions have some."""
    if elf.header["e_machine"] != "EM_PPC64" or elf.header["e_flags"] & 3 >= 2:
        return None
    section = elf.get_section_by_name(".opd")
    if section is None or section["sh_type"] == "SHT_NOBITS":
        return None
    return Descriptors(section["sh_addr"], section.data(), "little" if elf.little_endian else "big")


def read_symbols(elf: ELFFile, descriptors: Descriptors | None) -> SymbolTables:
    """All symbols that have a name and a place.

    :param descriptors: of the program itself, also where this file is about another one's symbols.
    """
    machine = elf.header["e_machine"]
    functions = _FUNCTIONS_OF.get(machine, _FUNCTIONS)
    symbols: dict[tuple[str, int], Symbol] = {}
    labels = set()
    is_full = False
    known = list(elf.iter_sections())
    sections = [(each["sh_addr"], each["sh_addr"] + each["sh_size"], each["sh_flags"]) for each in known]
    for section in known:
        if not isinstance(section, SymbolTableSection):
            continue
        is_full |= section["sh_type"] == "SHT_SYMTAB"
        for entry in section.iter_symbols():
            kind, place = entry["st_info"]["type"], entry["st_shndx"]
            if not entry.name or place == "SHN_UNDEF" or kind not in (*functions, *_NAMED):
                continue
            address = entry["st_value"]
            if kind in functions:
                if machine in ODD_IS_MODE:
                    address &= ~1
                elif descriptors is not None:
                    address = descriptors.code_of(address)
            symbol = Symbol(entry.name, address, entry["st_size"], kind in functions)
            symbol = symbols.setdefault((symbol.name, symbol.address), symbol)
            if kind == "STT_NOTYPE" and entry["st_info"]["bind"] != "STB_LOCAL" and isinstance(place, int):
                low, high, flags = sections[place]
                if flags & _EXECUTABLE and low <= address < high:
                    labels.add(symbol)
    code = tuple(sorted((low, high) for low, high, flags in sections if flags & _EXECUTABLE and low < high))
    return SymbolTables(tuple(symbols.values()), frozenset(labels), code, is_full)


def shown_symbols(symbols: Iterable[Symbol]) -> list[Symbol]:
    """One symbol for each address, ascending.

    Of several names for one address the sized, shorter, alphabetically first one is shown, whatever the file's order.
    """
    ordered = sorted(
        (symbol for symbol in symbols if not _NO_PLACE.fullmatch(symbol.name)),
        key=lambda symbol: (symbol.address, -symbol.size, not symbol.is_function, len(symbol.name), symbol.name),
    )
    return [symbol for index, symbol in enumerate(ordered) if not index or ordered[index - 1].address != symbol.address]


def functions_of(tables: SymbolTables) -> Iterator[tuple[int, int, Symbol]]:
    """First address, that behind the last one, and symbol of each function.

    One without a size goes on to the next function, or to the end of its section. A label inside of a function that
    has a size is a place in that.
    """
    typed = shown_symbols(symbol for symbol in tables.symbols if symbol.is_function)
    reach, sized = [0], []
    for symbol in typed:
        if symbol.size:
            sized.append(symbol.address)
            reach.append(max(reach[-1], symbol.address + symbol.size))
    starts = {symbol.address for symbol in typed}
    labels = [
        replace(symbol, is_function=True)
        for symbol in shown_symbols(tables.labels)
        if symbol.address not in starts and reach[bisect.bisect_right(sized, symbol.address)] <= symbol.address
    ]
    found = sorted([*typed, *labels], key=lambda symbol: symbol.address)
    lows = [symbol.address for symbol in found]
    for index, symbol in enumerate(found):
        following = lows[index + 1] if index + 1 < len(lows) else None
        high = symbol.address + symbol.size if symbol.size else _end_of(symbol.address, following, tables.code)
        yield symbol.address, high, symbol


def _end_of(address: int, following: int | None, code: Sequence[tuple[int, int]]) -> int:
    index = bisect.bisect_right(code, (address, 1 << 65)) - 1
    end = code[index][1] if index >= 0 and code[index][1] > address else address + UNSIZED_BYTES
    return end if following is None else min(end, following)
