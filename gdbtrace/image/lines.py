"""Lines of source, from DWARF 2 to 5 (.debug_line). Only the units that cover an address that is asked for are decoded.

pyelftools reads the headers; the programs themselves are run here: it keeps a copy of the whole state for each row.
"""

from __future__ import annotations

import bisect
import io
import os
import struct
import zlib
from array import array
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal, NamedTuple

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
from elftools.dwarf.lineprogram import LineProgram
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.dwarf.structs import DWARFStructs
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

from gdbtrace.image.damage import DAMAGE
from gdbtrace.image.intervals import Intervals

_SECTIONS = ("info", "aranges", "abbrev", "str", "line", "ranges", "addr", "str_offsets", "line_str", "rnglists")
"""What is read of DWARF: ``.debug_`` is before each, ``.zdebug_`` if it is compressed the old way."""
_ABSENT = ("frame", "loc", "pubtypes", "pubnames", "loclists", "sup", "types")
_MOST_BYTES = 1 << 31
"""A compressed section that says it is larger is not believed."""
_WITH_CODE = ("DW_TAG_compile_unit", "DW_TAG_skeleton_unit")
"""Tags of units with code; others share a line program for their declarations."""
_ADDRESS = {2: "H", 4: "I", 8: "Q"}
_IS_64_BIT_DWARF = 0xFFFF_FFFF
_MOST_UNITS = 512
"""Decoded line programs that are kept."""


class SourceLine(NamedTuple):
    """A place in the source."""

    file: str
    """Path as the compiler noted it, absolute where it noted the directory."""
    line: int
    """Counted from 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class LineRow(NamedTuple):
    """Where the code of a line begins."""

    address: int
    line: SourceLine
    is_stmt: bool
    """The compiler recommends it for a breakpoint: a statement begins here."""


class _Sequence(NamedTuple):
    """Code that lies together, and its rows: the last one at an address counts, the next one ends it."""

    low: int
    high: int
    """Behind the last address."""
    addresses: array[int]
    files: array[int]
    """Indices of :attr:`names`."""
    lines: array[int]
    statements: bytes
    names: Sequence[str]
    """Paths by file number."""

    def row(self, index: int) -> SourceLine | None:
        """Line 0 is code of no line."""
        line, file = self.lines[index], self.files[index]
        return SourceLine(self.names[file], line) if line and file < len(self.names) else None


class _OpenFile:
    """Bytes of a file, by offset: a debug section may have hundreds of megabytes of which a few are looked at."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self._descriptor, size, offset)


class _Window(io.RawIOBase):
    """A part of a file as a stream of its own."""

    def __init__(self, file: _OpenFile, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = max(0, min(len(buffer), self._size - self._position))
        data = self._file.read(size, self._start + self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class LineTable:
    """The lines of one file's code, by linked address.

    :param path: an ELF file with DWARF.
    :param code: its executable sections: first address, and that behind the last one. Rows elsewhere belong to
        functions that the linker has left out.
    :param ends_from_zero: where code that begins at address 0 may end. Most linkers put there what they have left out.
    """

    def __init__(self, path: Path, code: Sequence[tuple[int, int]], ends_from_zero: Container[int]) -> None:
        self._code = code
        self._ends_from_zero = ends_from_zero
        self._sections = _sections_of(path)
        self._decoded = lru_cache(_MOST_UNITS)(self._decode)
        self._units = Intervals(self._iter_units())

    def at(self, address: int) -> SourceLine | None:
        """The line that the code there is of."""
        found = self._sequence_at(address)
        if found is None:
            return None
        return found.row(bisect.bisect_right(found.addresses, address) - 1)

    def between(self, low: int, high: int) -> list[LineRow]:
        """The rows of the code from ``low`` to ``high - 1``, ascending, the first one at ``low`` if it has a line."""
        rows: dict[int, LineRow] = {}
        for unit in dict.fromkeys(unit for _, _, unit in self._units.overlapping(low, high)):
            for _, _, sequence in self._decoded(unit).overlapping(low, high):
                first = max(bisect.bisect_right(sequence.addresses, low) - 1, 0)
                last = bisect.bisect_left(sequence.addresses, high)
                for index in range(first, last):
                    line, address = sequence.row(index), max(sequence.addresses[index], low)
                    if line is not None and self._sequence_at(address) is sequence:
                        rows[address] = LineRow(address, line, bool(sequence.statements[index]))
        return [rows[address] for address in sorted(rows)]

    def _sequence_at(self, address: int) -> _Sequence | None:
        found: _Sequence | None = None
        for unit in dict.fromkeys(unit for _, _, unit in self._units.overlapping(address, address + 1)):
            row = self._decoded(unit).at(address)
            if row is not None and (found is None or row[0] >= found.low):
                found = row[2]
        return found

    def _iter_units(self) -> Iterator[tuple[int, int, int]]:
        """(low, high, offset in .debug_info) of each unit; several times for one that is in several places."""
        if self._sections is None:
            return
        dwarf = self._sections.dwarf()
        listed: dict[int, list[tuple[int, int]]] = {}
        try:
            for low, size, unit_offset in _iter_address_ranges(dwarf):
                listed.setdefault(unit_offset, []).append((low, low + size))
        except DAMAGE:
            pass
        try:
            for unit in dwarf.iter_CUs():
                try:
                    ranges = listed.get(unit.cu_offset) or self._ranges_of(dwarf, unit)
                except DAMAGE:
                    continue
                for low, high in ranges:
                    if self._is_code(low, high):
                        yield low, high, unit.cu_offset
        except DAMAGE:
            # A unit whose length is damaged hides those behind it.
            return

    def _ranges_of(self, dwarf: DWARFInfo, unit: CompileUnit) -> Sequence[tuple[int, int]]:
        """Where its code is, as its first entry says, or else its line program."""
        top = unit.get_top_DIE()
        attributes = top.attributes
        if top.tag not in _WITH_CODE:
            return ()
        low, high, ranges = (attributes.get(f"DW_AT_{name}") for name in ("low_pc", "high_pc", "ranges"))
        if ranges is not None:
            found = dwarf.range_lists()
            if found is None:
                return ()
            base = low.value if low is not None else 0
            places = []
            for entry in found.get_range_list_at_offset(ranges.value, unit):
                if isinstance(entry, BaseAddressEntry):
                    base = entry.base_address
                else:
                    begin = 0 if entry.is_absolute else base
                    places.append((begin + entry.begin_offset, begin + entry.end_offset))
            return places
        if low is not None and high is not None:
            return [(low.value, high.value if "addr" in high.form else low.value + high.value)]
        if "DW_AT_stmt_list" not in attributes:
            return ()
        return [(low, high) for low, high, _ in self._decoded(unit.cu_offset)]

    def _is_code(self, low: int, high: int) -> bool:
        if not low and high not in self._ends_from_zero:
            return False
        return not self._code or any(low < end and start < high for start, end in self._code)

    def _decode(self, unit_offset: int) -> Intervals[_Sequence]:
        sequences: list[_Sequence] = []
        try:
            assert self._sections is not None
            dwarf = self._sections.dwarf()
            unit = dwarf.get_CU_at(unit_offset)
            program = _program_of(dwarf, unit)
            if program is not None:
                for sequence in _run(program, _files_of(unit, program), dwarf.config.little_endian):
                    sequences.append(sequence)
        except DAMAGE:
            # What was decoded before the damage is kept.
            pass
        return Intervals((each.low, each.high, each) for each in sequences if self._is_code(each.low, each.high))


def _iter_address_ranges(dwarf: DWARFInfo) -> Iterator[tuple[int, int, int]]:
    """First address, length, and offset of the unit in .debug_info: .debug_aranges (DWARF 5, section 6.1.2).

    pyelftools stops at the first pair of zeros. RISC-V's linker has one for each piece that it left out.
    """
    section = dwarf.debug_aranges_sec
    if section is None:
        return
    section.stream.seek(0)
    data = section.stream.read(section.size)
    order = "<" if dwarf.config.little_endian else ">"
    start = 0
    while start < len(data):
        (length,) = struct.unpack_from(f"{order}I", data, start)
        offset_format, at = "I", start + 4
        if length == _IS_64_BIT_DWARF:
            (length,) = struct.unpack_from(f"{order}Q", data, at)
            offset_format, at = "Q", at + 8
        end = min(at + length, len(data))
        header = struct.Struct(f"{order}H{offset_format}BB")
        _, unit_offset, address_bytes, segment_bytes = header.unpack_from(data, at)
        pair = struct.Struct(order + 2 * _ADDRESS[address_bytes])
        at += header.size
        # Pairs are aligned to their size within the set.
        at += -(at - start) % pair.size
        if not segment_bytes:
            for low, size in pair.iter_unpack(data[at : at + (end - at) // pair.size * pair.size]):
                if size:
                    yield low, size, unit_offset
        start = end


class _Sections(NamedTuple):
    """The sections of debug information of a file. A linked one has no relocations in them."""

    config: DwarfConfig
    by_name: dict[str, DebugSectionDescriptor | None]

    def dwarf(self) -> DWARFInfo:
        """A reader of its own for each use: it keeps all that it ever reads, and abbreviations are large."""
        absent = {f"debug_{name}_sec": None for name in _ABSENT}
        present = {f"debug_{name}_sec": section for name, section in self.by_name.items()}
        return DWARFInfo(self.config, eh_frame_sec=None, gnu_debugaltlink_sec=None, **absent, **present)


def _sections_of(path: Path) -> _Sections | None:
    """None: there is no debug information, or it is damaged."""
    try:
        file = _OpenFile(path)
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            if elf.has_section(".debug_info") or elf.has_section(".zdebug_info"):
                known = {section.name: section for section in elf.iter_sections()}
                config = DwarfConfig(elf.little_endian, elf.get_machine_arch(), elf.elfclass // 8)
                return _Sections(config, {name: _descriptor(file, known, name) for name in _SECTIONS})
    except DAMAGE:
        pass
    return None


def _descriptor(file: _OpenFile, known: dict[str, Section], name: str) -> DebugSectionDescriptor | None:
    stream: IO[bytes]
    section = known.get(f".debug_{name}")
    if section is None:
        section = known.get(f".zdebug_{name}")
        if section is None:
            return None
        data = section.data()
        if data[:4] != b"ZLIB" or int.from_bytes(data[4:12], "big") > _MOST_BYTES:
            return None
        stream, size = _unpacked(data[12:], int.from_bytes(data[4:12], "big"))
    elif section["sh_type"] == "SHT_NOBITS" or section.data_size > _MOST_BYTES:
        return None
    elif section.compressed:
        stream, size = io.BytesIO(section.data()), section.data_size
    else:
        size = section["sh_size"]
        stream = io.BufferedReader(_Window(file, section["sh_offset"], size))
    return DebugSectionDescriptor(stream, section.name, section["sh_offset"], size, section["sh_addr"])


def _unpacked(data: bytes, size: int) -> tuple[io.BytesIO, int]:
    unpacked = zlib.decompressobj().decompress(data, size)
    return io.BytesIO(unpacked), len(unpacked)


def _program_of(dwarf: DWARFInfo, unit: CompileUnit) -> LineProgram | None:
    """The line program of a unit."""
    attribute = unit.get_top_DIE().attributes.get("DW_AT_stmt_list")
    if attribute is None or dwarf.debug_line_sec is None:
        return None
    dwarf.debug_line_sec.stream.seek(attribute.value)
    is_64_bit = dwarf.debug_line_sec.stream.read(4) == b"\xff\xff\xff\xff"
    if is_64_bit != (unit.structs.dwarf_format == 64):
        # Assemblers write 32-bit DWARF for compilers that write 64-bit DWARF; pyelftools takes them to be the same.
        old = unit.structs
        unit.structs = DWARFStructs(old.little_endian, 64 if is_64_bit else 32, old.address_size, old.dwarf_version)
    return dwarf.line_program_for_CU(unit)


def _files_of(unit: CompileUnit, program: LineProgram) -> list[str]:
    """The paths of a line program's files, by number."""
    is_counted_from_0 = program.header.version >= 5
    directories = [os.fsdecode(each) for each in program["include_directory"]]
    if not is_counted_from_0:
        # Number 0 is the directory of the compilation.
        directories.insert(0, "")
    attribute = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
    base = os.fsdecode(attribute.value) if attribute is not None and isinstance(attribute.value, bytes) else ""
    files = [] if is_counted_from_0 else [""]
    for entry in program["file_entry"]:
        folder = directories[entry.dir_index] if entry.dir_index < len(directories) else ""
        files.append(_plain(os.path.join(base, folder, os.fsdecode(entry.name))))
    return files


def _plain(path: str) -> str:
    """A path without its ``.`` folders; ``..`` stays, which may lead out of a link."""
    return "/".join(part for part in path.split("/") if part != ".")


def _run(program: LineProgram, names: Sequence[str], is_little_endian: bool) -> Iterator[_Sequence]:
    """Run a line program (DWARF 5, section 6.2.5).

    :raise IndexError: it ends in the middle of an instruction.
    :raise ValueError: it is damaged otherwise.
    """
    header = program.header
    opcode_base, line_base, line_range = header["opcode_base"], header["line_base"], header["line_range"]
    instruction = header["minimum_instruction_length"]
    operations = header["maximum_operations_per_instruction"] if header["version"] >= 4 else 1
    lengths = header["standard_opcode_lengths"]
    order: Literal["little", "big"] = "little" if is_little_endian else "big"
    program.stream.seek(program.program_start_offset)
    data = program.stream.read(program.program_end_offset - program.program_start_offset)
    end, at = len(data), 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while shift < _MOST_BITS:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
        raise ValueError("a number that is too long")

    def signed() -> int:
        start = at
        value = number()
        return value - (1 << 7 * (at - start)) if data[at - 1] & 0x40 else value

    address, index, file, line = 0, 0, 1, 1
    is_stmt = bool(header["default_is_stmt"])
    rows: list[tuple[int, int, int, bool]] = []
    while at < end:
        opcode = data[at]
        at += 1
        if opcode >= opcode_base or opcode == _CONST_ADD_PC:
            advance, step = divmod((255 if opcode == _CONST_ADD_PC else opcode) - opcode_base, line_range)
            index += advance
            address += instruction * (index // operations)
            index %= operations
            if opcode != _CONST_ADD_PC:
                line += line_base + step
                rows.append((address, file, line, is_stmt))
        elif opcode == _COPY:
            rows.append((address, file, line, is_stmt))
        elif opcode == _ADVANCE_PC:
            index += number()
            address += instruction * (index // operations)
            index %= operations
        elif opcode == _ADVANCE_LINE:
            line += signed()
        elif opcode == _SET_FILE:
            file = number()
        elif opcode == _NEGATE_STMT:
            is_stmt = not is_stmt
        elif opcode == _FIXED_ADVANCE_PC:
            address += int.from_bytes(data[at : at + 2], order)
            at += 2
            index = 0
        elif opcode:
            # Columns and the like, and what is younger than this program.
            for _ in range(lengths[opcode - 1]):
                number()
        else:
            length = number()
            following = at + length
            kind = data[at]
            if kind == _END_SEQUENCE:
                yield from _sequence(rows, address, names)
                rows = []
                address, index, file, line = 0, 0, 1, 1
                is_stmt = bool(header["default_is_stmt"])
            elif kind == _SET_ADDRESS:
                address = int.from_bytes(data[at + 1 : following], order)
                index = 0
            at = following


_MOST_BITS = 128
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _NEGATE_STMT = 1, 2, 3, 4, 6
_CONST_ADD_PC, _FIXED_ADVANCE_PC = 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2
"""Opcodes, and extended ones."""


def _sequence(rows: list[tuple[int, int, int, bool]], end: int, names: Sequence[str]) -> Iterator[_Sequence]:
    # Of several rows for one address the last one counts; the others have no code.
    ordered = sorted(rows, key=lambda row: row[0])
    kept = [row for row, after in zip(ordered, [*ordered[1:], None], strict=True) if not after or row[0] != after[0]]
    if not kept or not 0 <= kept[0][0] < end <= _PAST_ADDRESSES:
        return
    yield _Sequence(
        kept[0][0],
        end,
        array("Q", (row[0] for row in kept)),
        array("Q", (row[1] & _WORD for row in kept)),
        array("Q", (row[2] & _WORD for row in kept)),
        bytes(row[3] for row in kept),
        names,
    )


_WORD = 0xFFFF_FFFF
_PAST_ADDRESSES = (1 << 64) - 1
