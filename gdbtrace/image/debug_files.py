"""Where the symbols and lines of a stripped file are: separate debug files, by build-id and by .gnu_debuglink.

As gdb finds them (gdb manual, "Debugging Information in Separate Files"), and both of them below each folder that the
file is in, too: a foreign library's are in its sysroot.
"""

from __future__ import annotations

import lzma
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

from gdbtrace.image.damage import DAMAGE

_DEBUG = Path("usr/lib/debug")
_CHUNK = 1 << 20
_MOST_MINI_BYTES = 1 << 28
"""What is unpacked of .gnu_debugdata at most; Fedora's largest have some megabytes."""


@dataclass(frozen=True, slots=True)
class DebugPlaces:
    """Where to look for debug files, besides beside the file and in its sysroot."""

    directories: Sequence[Path] = ()
    """Searched as ``/usr/lib/debug`` is, and for files of the name that is wanted."""


USUAL_PLACES = DebugPlaces()


@dataclass(frozen=True, slots=True)
class DebugLinks:
    """What a file says of its debug file."""

    build_id: str = ""
    """In hexadecimal; empty: it has none."""
    name: str = ""
    """Of the debug file, without a folder; empty: it has none."""
    crc: int = 0


def read_links(elf: ELFFile) -> DebugLinks:
    """What the notes and .gnu_debuglink say; nothing where they are damaged."""
    build_id, name, crc = _build_id_of(elf), "", 0
    try:
        section = elf.get_section_by_name(".gnu_debuglink")
        data = section.data() if section is not None and section["sh_type"] != "SHT_NOBITS" else b""
        raw, _, _ = data.partition(b"\0")
        aligned = (len(raw) + 4) & -4
        # A name with a folder would lead out of the places that are searched.
        if raw and b"/" not in raw and raw not in (b".", b"..") and len(data) >= aligned + 4:
            name = os.fsdecode(raw)
            crc = int.from_bytes(data[aligned : aligned + 4], "little" if elf.little_endian else "big")
    except DAMAGE:
        pass
    return DebugLinks(build_id, name, crc)


def find_debug_file(path: Path, links: DebugLinks, places: DebugPlaces) -> Path | None:
    """The file that has the symbols and lines of another one, checked to be of it; None: there is none."""
    if links.build_id:
        for candidate in _candidates_by_build_id(path, links.build_id, places):
            if candidate.is_file() and _is_of_build(candidate, links.build_id):
                return candidate
    if links.name:
        for candidate in _candidates_by_name(path, links.name, places):
            if candidate.is_file() and not _is_same(candidate, path) and _crc_of(candidate) == links.crc:
                return candidate
    return None


def read_mini_debug_info(elf: ELFFile) -> bytes:
    """The ELF file in .gnu_debugdata, which has the names of functions; empty: there is none."""
    section = elf.get_section_by_name(".gnu_debugdata")
    if section is None or section["sh_type"] == "SHT_NOBITS":
        return b""
    return lzma.LZMADecompressor(memlimit=_MOST_MINI_BYTES).decompress(section.data(), _MOST_MINI_BYTES)


def _candidates_by_build_id(path: Path, build_id: str, places: DebugPlaces) -> Iterator[Path]:
    name = Path(".build-id", build_id[:2], f"{build_id[2:]}.debug")
    for directory in places.directories:
        yield directory / name
    for root in _absolute(path).parents:
        yield root / _DEBUG / name


def _candidates_by_name(path: Path, name: str, places: DebugPlaces) -> Iterator[Path]:
    for folder in dict.fromkeys((_absolute(path).parent, _resolved(path).parent)):
        yield folder / name
        yield folder / ".debug" / name
        for directory in places.directories:
            yield directory / folder.relative_to("/") / name
        for root in (folder, *folder.parents):
            yield root / _DEBUG / folder.relative_to(root) / name
    for directory in places.directories:
        yield directory / name


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _build_id_of(elf: ELFFile) -> str:
    try:
        for section in elf.iter_sections():
            if isinstance(section, NoteSection) and section["sh_type"] == "SHT_NOTE":
                for note in section.iter_notes():
                    if note["n_type"] == "NT_GNU_BUILD_ID" and note["n_name"] == "GNU":
                        return str(note["n_desc"])
    except DAMAGE:
        pass
    return ""


def _is_of_build(path: Path, build_id: str) -> bool:
    try:
        with path.open("rb") as stream:
            return _build_id_of(ELFFile(stream)) == build_id
    except DAMAGE:
        return False


def _crc_of(path: Path) -> int | None:
    crc = 0
    try:
        with path.open("rb") as stream:
            while data := stream.read(_CHUNK):
                crc = zlib.crc32(data, crc)
    except OSError:
        return None
    return crc
