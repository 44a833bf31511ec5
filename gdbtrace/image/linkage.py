"""``NAME@plt``: the stubs that a linker makes for functions of libraries, and for indirect functions.

A stub is told by its code, which goes on where a slot of memory says; the slot's relocation names the function. So it
does not matter in which order a linker puts them, or which kinds it mixes, and no pattern has to be sure: what does not
go by a slot with a relocation is no stub.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from gdbtrace.image.intervals import Intervals
from gdbtrace.image.symbol_table import ODD_IS_MODE, Descriptors, Symbol, SymbolTables, shown_symbols

_ALLOCATED, _EXECUTABLE = 0x2, 0x4
"""SHF_ALLOC, SHF_EXECINSTR."""
_BE8 = 0x0080_0000
"""EF_ARM_BE8: code is little-endian in a big-endian file."""
_TABLE_OF_CONTENTS = 0x8000
"""What r2 is behind the first byte of .got (64-bit PowerPC ELF ABI, "TOC Base Pointer")."""


class _Code(NamedTuple):
    """How the stubs of an architecture look."""

    pattern: re.Pattern[bytes]
    """The words in big-endian order, where instructions are words."""
    slot: Callable[[re.Match[bytes], int, int], int]
    """Of a match, its address and what the code counts from: the address of the slot."""
    most_bytes: int
    """Of a stub with what is between it and the next one."""
    word_bytes: int = 4
    """1: the code is taken as it is."""
    sections: str = r"\.i?plt(\..*)?"
    """Where stubs are."""
    counts_from: Literal["", "global offset table", "table of contents"] = ""


def read_linkage_stubs(elf: ELFFile, named: SymbolTables, descriptors: Descriptors | None) -> SymbolTables:
    """The stubs of a file.

    :param named: what the file's symbols are. They name indirect functions.
    """
    machine = elf.header["e_machine"]
    names = dict(_iter_undefined(elf, Intervals((low, high, None) for low, high in named.code)))
    most_bytes = _UNDEFINED_BYTES
    if machine in _STUB_IS_SLOT:
        most_bytes = _STUB_IS_SLOT[machine]
        places = Intervals(
            (section["sh_addr"], section["sh_addr"] + section["sh_size"], None)
            for section in elf.iter_sections()
            if section.name in (".plt", ".iplt")
        )
        names |= dict(_iter_names(elf, lambda slot: places.at(slot) is not None, named, descriptors))
    elif machine in _CODE:
        most_bytes = _CODE[machine].most_bytes
        slots = dict(_iter_stubs(elf, _CODE[machine]))
        known = dict(_iter_names(elf, set(slots.values()).__contains__, named, descriptors))
        names |= {address: known[slot] for address, slot in slots.items() if slot in known}
    stubs = []
    for address, following in pairwise([*sorted(names), 1 << 64]):
        symbol = Symbol(f"{names[address]}@plt", address, min(following - address, most_bytes), is_function=True)
        stubs.append(symbol)
    return SymbolTables(tuple(stubs), frozenset(), (), is_full=False)


def _iter_undefined(elf: ELFFile, code: Intervals[None]) -> Iterator[tuple[int, str]]:
    """An undefined function has the address of its stub, if one stands for it (gABI, "Symbol Values"; MIPS psABI)."""
    table = elf.get_section_by_name(".dynsym")
    if isinstance(table, SymbolTableSection):
        for symbol in table.iter_symbols():
            if symbol["st_shndx"] == "SHN_UNDEF" and symbol["st_info"]["type"] == "STT_FUNC" and symbol.name:
                address = symbol["st_value"] & (~1 if elf.header["e_machine"] in ODD_IS_MODE else ~0)
                if address and code.at(address) is not None:
                    yield address, symbol.name


def _iter_stubs(elf: ELFFile, code: _Code) -> Iterator[tuple[int, int]]:
    """What may be a stub: its address, and that of its slot."""
    base = _base_of(elf, code)
    is_little_endian = elf.little_endian or (elf.header["e_machine"] == "EM_ARM" and elf.header["e_flags"] & _BE8)
    for section in elf.iter_sections():
        is_code = section["sh_flags"] & _EXECUTABLE and section["sh_type"] != "SHT_NOBITS"
        if base is None or not is_code or not re.fullmatch(code.sections, section.name):
            continue
        data = section.data()
        if code.word_bytes > 1 and is_little_endian:
            words = array("I", data[: len(data) & -code.word_bytes])
            words.byteswap()
            data = words.tobytes()
        at = 0
        while (match := code.pattern.search(data, at)) is not None:
            if match.start() % code.word_bytes:
                at = match.start() + 1
                continue
            at = match.end()
            address = section["sh_addr"] + match.start()
            yield address, code.slot(match, address, base) & (1 << elf.elfclass) - 1


def _base_of(elf: ELFFile, code: _Code) -> int | None:
    """What the code counts from; None: the file does not say."""
    if code.counts_from == "table of contents":
        section = elf.get_section_by_name(".got")
        return None if section is None else section["sh_addr"] + _TABLE_OF_CONTENTS
    if code.counts_from == "global offset table":
        dynamic = elf.get_section_by_name(".dynamic")
        if isinstance(dynamic, DynamicSection):
            return next((tag["d_ptr"] for tag in dynamic.iter_tags("DT_PLTGOT")), 0)
    return 0


def _iter_names(
    elf: ELFFile, is_slot: Callable[[int], bool], named: SymbolTables, descriptors: Descriptors | None
) -> Iterator[tuple[int, str]]:
    """Slots, and what the dynamic loader is to put there.

    Without a symbol, it is an address in the file: of a function, or mostly of that which chooses an indirect one.
    """
    mask = ~1 if elf.header["e_machine"] in ODD_IS_MODE else ~0
    functions = {each.address: each.name for each in shown_symbols(named.symbols) if each.is_function}
    for section in elf.iter_sections():
        if section["sh_type"] not in ("SHT_REL", "SHT_RELA") or not section["sh_flags"] & _ALLOCATED:
            continue
        table = elf.get_section(section["sh_link"])
        for slot, symbol, addend in _iter_relocations(elf, section):
            if not is_slot(slot):
                continue
            if not symbol:
                target = _word_at(elf, slot) if addend is None else addend
                target = target if descriptors is None else descriptors.code_of(target)
                name = functions.get(target & mask, "")
            else:
                name = table.get_symbol(symbol).name if isinstance(table, SymbolTableSection) else ""
            if name:
                yield slot, name


def _iter_relocations(elf: ELFFile, section: Section) -> Iterator[tuple[int, int, int | None]]:
    """Address, number of the symbol, and addend, if it is not where the address is."""
    word, shift = ("Q", 32) if elf.elfclass == 64 else ("I", 8)
    has_addend = section["sh_type"] == "SHT_RELA"
    entry = struct.Struct(("<" if elf.little_endian else ">") + word * (3 if has_addend else 2))
    data = section.data()
    for address, info, *addend in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
        yield address, info >> shift, addend[0] if addend else None


def _word_at(elf: ELFFile, address: int) -> int:
    size = elf.elfclass // 8
    for offset in elf.address_offsets(address, size):
        elf.stream.seek(offset)
        return int.from_bytes(elf.stream.read(size), "little" if elf.little_endian else "big")
    return 0


def _signed(data: bytes, order: Literal["little", "big"] = "big") -> int:
    return int.from_bytes(data, order, signed=True)


def _after(match: re.Match[bytes], address: int) -> int:
    return address + match.end() - match.start()


def _x86_64(match: re.Match[bytes], address: int, _base: int) -> int:
    """``jmp *slot(%rip)``."""
    return _after(match, address) + _signed(match[1], "little")


def _i386(match: re.Match[bytes], _address: int, base: int) -> int:
    """``jmp *slot``, ``jmp *slot(%ebx)``."""
    return (base if match[1] == b"\xa3" else 0) + _signed(match[2], "little")


def _aarch64(match: re.Match[bytes], address: int, _base: int) -> int:
    """``adrp x16, slot; ldr x17, [x16, slot]``."""
    page, load = (int.from_bytes(match[group], "big") for group in (1, 2))
    pages = (page >> 5 & 0x7FFFF) << 2 | page >> 29 & 3
    pages -= (pages & 1 << 20) << 1
    return (address + match.start(1) - match.start() & -0x1000) + (pages << 12) + (load >> 10 & 0xFFF) * 8


def _arm(match: re.Match[bytes], address: int, _base: int) -> int:
    """``add ip, pc, slot; add ip, ip, slot; ldr pc, [ip, slot]!``."""
    found = address + match.start(1) - match.start() + 8
    for (word,) in struct.iter_unpack(">I", match[1]):
        rotation = (word >> 8 & 0xF) * 2
        found += (word & 0xFF) << (32 - rotation) % 32
    return found + (int.from_bytes(match[2], "big") & 0xFFF)


def _riscv(match: re.Match[bytes], address: int, _base: int) -> int:
    """``auipc t3, slot; ld t3, slot(t3)``."""
    return address + (_signed(match[1]) >> 12 << 12) + (_signed(match[2]) >> 20)


def _s390x(match: re.Match[bytes], address: int, _base: int) -> int:
    """``larl %r1, slot; lg %r1, 0(%r1); br %r1``."""
    return address + 2 * _signed(match[1])


def _m68k(match: re.Match[bytes], address: int, _base: int) -> int:
    """``jmp ([slot, %pc])``."""
    return address + 2 + _signed(match[1])


def _sh4(match: re.Match[bytes], _address: int, base: int) -> int:
    """``mov.l slot, r0; mov.l @r0, r0`` or ``mov.l @(r0, r12), r0``, and ``jmp @r0``."""
    return (base if match[1] else 0) + _signed(match[2], "little")


def _ppc(match: re.Match[bytes], _address: int, _base: int) -> int:
    """``lis r11, slot; lwz r11, slot(r11); mtctr r11; bctr``."""
    return (_signed(match[1]) << 16) + _signed(match[2])


def _ppc64(match: re.Match[bytes], _address: int, base: int) -> int:
    """``std r2; addis r11, r2, slot; ld r12, slot(r11); mtctr r12; bctr``."""
    return base + (_signed(match[1] or match[2] or b"\0\0") << 16) + (_signed(match[3]) & -4)


def _hppa(match: re.Match[bytes], _address: int, base: int) -> int:
    """``addil L%slot, %dp; ldo R%slot(%r1), %r22; ldw 0(%r22), %r21; bv %r0(%r21)`` (PA-RISC 1.1, appendix on
    instruction formats: assemble_21, low_sign_ext)."""
    high, low = (int.from_bytes(match[group], "big") for group in (1, 2))
    left = (high & 1) << 20 | (high >> 1 & 0x7FF) << 9 | (high >> 14 & 3) << 7 | (high >> 16 & 0x1F) << 2
    left |= high >> 12 & 3
    return base + (left << 11) + (low >> 1 & 0x1FFF) - ((low & 1) << 13)


def _pattern(text: bytes) -> re.Pattern[bytes]:
    return re.compile(text, re.DOTALL)


_CALLERS = r"\.(text|init|fini)(\..*)?"
"""Where some linkers put stubs: near what calls them."""
_CODE = {
    "EM_X86_64": _Code(_pattern(rb"(?:\xf3\x0f\x1e\xfa)?\xf2?\xff\x25(.{4})"), _x86_64, 16, word_bytes=1),
    "EM_386": _Code(
        _pattern(rb"(?:\xf3\x0f\x1e\xfb)?\xff([\x25\xa3])(.{4})"),
        *(_i386, 16),
        word_bytes=1,
        counts_from="global offset table",
    ),
    "EM_AARCH64": _Code(_pattern(rb"(?:\xd5\x03\x24\x5f)?([\x90\xb0\xd0\xf0]..[\x10-\xf0])(\xf9..\x11)"), _aarch64, 24),
    "EM_ARM": _Code(
        # Callers in Thumb enter one before it: bx pc, and something that is not executed.
        _pattern(
            rb"(?:(?:\x46\xc0|\xe7\xfd)\x47\x78)?(\xe2\x8f[\xc0-\xcf].(?:\xe2\x8c[\xc0-\xcf].)+)(\xe5\xbc[\xf0-\xff].)"
        ),
        *(_arm, 20),
    ),
    "EM_RISCV": _Code(_pattern(rb"(..[\x0e-\xfe]\x17)(..[\x2e\x3e]\x03)"), _riscv, 16),
    "EM_S390": _Code(_pattern(rb"\xc0\x10(.{4})\xe3\x10\x10\x00\x00\x04\x07\xf1"), _s390x, 32, word_bytes=1),
    "EM_68K": _Code(_pattern(rb"\x4e\xfb\x01\x71(.{4})"), _m68k, 20, word_bytes=1),
    "EM_SH": _Code(
        _pattern(rb"\x04\xd0(?:\x02\x60\x02\xd1\x2b\x40.{12}|(\xce\x00)\x2b\x40.{14})(.{4})"),
        *(_sh4, 28),
        word_bytes=1,
        counts_from="global offset table",
    ),
    "EM_PPC": _Code(
        _pattern(rb"\x3d\x60(..)\x81\x6b(..)\x7d\x69\x03\xa6\x4e\x80\x04\x20"), _ppc, 16, sections=r"\.glink|\.text"
    ),
    "EM_PPC64": _Code(
        _pattern(
            # r2 is kept first or second, r11 or r12 is its upper half; ELFv1 loads r2, and r11, too.
            rb"(?:\xf8\x41\x00[\x18\x28](?:\x3d[\x62\x82](..))?|\x3d[\x62\x82](..)\xf8\x41\x00[\x18\x28])"
            rb"\xe9[\x82\x8b\x8c](..)\x7d\x89\x03\xa6(?:\xe8[\x42\x4b\x4c]..)?(?:\xe9[\x62\x6b\x6c]..)?\x4e\x80\x04\x20"
        ),
        *(_ppc64, 32),
        sections=_CALLERS,
        counts_from="table of contents",
    ),
    "EM_PARISC": _Code(
        _pattern(rb"([\x2a\x2b].{3})(\x34\x36..)\x0e\xc0\x10\x95\xea\xa0\xc0\x00"),
        *(_hppa, 28),
        sections=_CALLERS,
        counts_from="global offset table",
    ),
}
"""As binutils and LLVM make them."""
_STUB_IS_SLOT = {"EM_SPARC": 12, "EM_SPARC32PLUS": 12, "EM_SPARCV9": 32}
"""Where the dynamic loader writes the code of stubs itself, and how much."""
_UNDEFINED_BYTES = 16
"""Of a stub of MIPS, which is found by its symbol alone."""
