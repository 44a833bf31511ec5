"""Coverage in the formats that other programs open: drcov, module+offset, LCOV."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import BinaryIO, NamedTuple, TextIO

from gdbtrace.analysis.coverage import Coverage, Place
from gdbtrace.analysis.covered_code import CoveredCode
from gdbtrace.analysis.covered_lines import iter_blocks
from gdbtrace.report.printable import printable

_BLOCK = struct.Struct("<IHH")
"""drcov's ``bb_entry_t``: offset of the block in its module, size in bytes, number of the module."""
_MOST_OFFSET, _MOST_SIZE, _MOST_MODULES = (1 << 32) - 1, (1 << 16) - 1, 1 << 16


class _Module(NamedTuple):
    """A row of drcov's table of modules."""

    name: str
    base: int


class _Piece(NamedTuple):
    """Executed bytes in a module."""

    module: _Module
    offset: int
    size: int


def _module_of(coverage: Coverage, place: Place) -> _Module:
    """In which module readers look a place up, and from where they count: from where the file's first byte is mapped,
    which is Lighthouse's image base. What is in no file, or not where the file is, is in modules of 4 GiB."""
    image = coverage.images.get(place.module)
    base = image.first_page if image else 0
    if place.module and base <= place.address <= base + _MOST_OFFSET:
        return _Module(place.module, base)
    base = place.address & ~_MOST_OFFSET
    return _Module(f"{place.module or 'unknown'}@{base:#x}", base)


def _pieces(coverage: Coverage) -> Iterator[_Piece]:
    """The basic blocks by module, cut to the size that an entry can have."""
    for block in iter_blocks(coverage):
        module = _module_of(coverage, block.place)
        for start in range(0, block.size, _MOST_SIZE):
            yield _Piece(module, block.place.address - module.base + start, min(_MOST_SIZE, block.size - start))


def write_drcov(coverage: Coverage, stream: BinaryIO) -> int:
    """Write a drcov log: version 2, module table version 2, binary block table, as DynamoRIO 7.0 writes it on Linux.

    :return: how many blocks did not fit, since the format numbers no more than 65,536 modules.
    """
    pieces = list(_pieces(coverage))
    ends: dict[_Module, int] = {}
    for piece in pieces:
        ends[piece.module] = max(ends.get(piece.module, 0), piece.offset + piece.size)
    numbers = {module: number for number, module in enumerate(ends) if number < _MOST_MODULES}
    blocks = [_BLOCK.pack(at, size, numbers[module]) for module, at, size in pieces if module in numbers]
    lines = [
        "DRCOV VERSION: 2",
        "DRCOV FLAVOR: drcov",
        f"Module Table: version 2, count {len(numbers)}",
        "Columns: id, base, end, entry, path",
    ]
    for module, number in numbers.items():
        image = coverage.images.get(module.name)
        end = max(module.base + ends[module], image.end if image else 0)
        entry = image.entry if image else 0
        lines.append(f"{number}, {module.base:#018x}, {end:#018x}, {entry:#018x}, {_field(module.name)}")
    lines.append(f"BB Table: {len(blocks)} bbs")
    stream.write("".join(f"{line}\n" for line in lines).encode())
    stream.writelines(blocks)
    return len(pieces) - len(blocks)


def _field(name: str) -> str:
    """A name that readers which split at ``, `` read back as one."""
    return printable(name).replace(", ", ",_")


def write_modoff(coverage: Coverage, stream: TextIO) -> None:
    """Write each executed instruction as ``module+offset``, offset in hexadecimal, by module and address."""
    lines = set()
    for executed in coverage.hits:
        module = _module_of(coverage, executed.place)
        # The name alone, as readers look modules up by it.
        lines.add((PurePath(module.name).name, executed.place.address - module.base))
    stream.writelines(f"{printable(name)}+{offset:x}\n" for name, offset in sorted(lines))


def write_lcov(code: CoveredCode, title: str, stream: TextIO) -> None:
    """Write an LCOV tracefile (geninfo(1), "FILES"): functions and lines by file of source."""
    functions = _functions_by_file(code)
    test_name = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in title)
    for file in code.files:
        here = functions.get(file.path, {})
        rows = [f"TN:{test_name}", f"SF:{printable(file.path)}"]
        rows += [f"FN:{line},{name}" for name, (line, _) in here.items()]
        rows += [f"FNDA:{calls},{name}" for name, (_, calls) in here.items()]
        rows += [f"FNF:{len(here)}", f"FNH:{sum(calls > 0 for _, calls in here.values())}"]
        rows += [f"DA:{line.source.line},{line.times}" for line in file.lines]
        rows += [f"LF:{len(file.lines)}", f"LH:{sum(line.times > 0 for line in file.lines)}", "end_of_record"]
        stream.writelines(f"{row}\n" for row in rows)


def _functions_by_file(code: CoveredCode) -> Mapping[str, Mapping[str, tuple[int, int]]]:
    """By file and name: the line that a function begins at, and how often it was entered."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for entry in code.iter_entries():
        here = found.setdefault(entry.line.file, {})
        # A comma would end the name. Static functions of one header are in several units.
        name = printable(entry.name).replace(",", ";")
        if name in here:
            name = f"{name}@{entry.place.address:#x}"
        here[name] = entry.line.line, entry.calls
    return found
