"""The texts of instructions by binutils' or LLVM's objdump, for architectures that capstone does not know.

objdump reads a file, so the instructions are put into a small ELF file: one section each, at the instruction's address.
Nothing of one instruction can then change how another one is read, whatever the bytes are, and two that were executed
at the same address do not meet.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gdbtrace.arch.model import Arch, Mode, Objdump

Instruction = tuple[int, bytes]
"""Address, and exactly the instruction's bytes in memory order."""

_MOST_SECTIONS = 1 << 14
"""In one file; ELF's own limit is 0xff00 without extended numbering (gABI, section header table)."""
_SECONDS = 60.0

_ET_EXEC, _SHT_PROGBITS, _SHT_STRTAB, _SHF_ALLOC_EXECINSTR = 2, 1, 3, 6

_SECTION = re.compile(r"Disassembly of section (?:i(\d+)|\w+):")
_LINE = re.compile(r"\s*([0-9a-f]+):\s+(.*\S)\s*")
_SYMBOL = re.compile(r"\s+<(?:i\d+|names)(?:[+-]0x[0-9a-f]+)?>")
"""objdump's note of where in our sections an address is."""
_UNKNOWN = re.compile(r"<?unknown>?|#[0-9a-f]+|\.(?:byte|short|word|long|[248]byte)\b.*")
"""What objdump prints for bytes that are no instruction: LLVM's and binutils' for SPARC, for HPPA, for the others."""


def texts_of(arch: Arch, mode: Mode, instructions: Sequence[Instruction]) -> dict[Instruction, str]:
    """Disassemble many instructions of one mode in one run of objdump.

    What has no text is missing in the result: all of them where no objdump works (:func:`problem_of` says so).
    """
    if mode.objdump is None:
        return {}
    texts: dict[Instruction, str] = {}
    for start in range(0, len(instructions), _MOST_SECTIONS):
        part = [instruction for instruction in instructions[start : start + _MOST_SECTIONS] if instruction[1]]
        texts |= _texts_of_some(arch, mode.objdump, part)
    return texts


def problem_of(arch: Arch) -> str:
    """Why instructions of an architecture have no text on this machine; empty: they have."""
    for mode in arch.modes:
        if mode.capstone_arch is None and (mode.objdump is None or not _installed(mode.objdump)):
            programs = mode.objdump.programs if mode.objdump else ()
            remedy = f": install {' or '.join(programs)}" if programs else ""
            return f"instructions of {arch.name} are shown as bytes{remedy}"
    return ""


def _installed(objdump: Objdump) -> list[str]:
    return [path for program in objdump.programs if (path := shutil.which(program))]


def _texts_of_some(arch: Arch, objdump: Objdump, instructions: Sequence[Instruction]) -> dict[Instruction, str]:
    programs = _installed(objdump)
    if not programs or not instructions:
        return {}
    with tempfile.TemporaryDirectory(prefix="gdbtrace.") as directory:
        file = Path(directory) / "instructions"
        file.write_bytes(_elf_file(arch, objdump, instructions))
        for program in programs:
            if texts := dict(_parsed(_run(program, objdump, file), instructions)):
                return texts
    return {}


def _run(program: str, objdump: Objdump, file: Path) -> str:
    """What objdump prints; empty if it fails."""
    try:
        done = subprocess.run(
            [program, "-D", "-z", "--no-show-raw-insn", *objdump.options, str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")


def _parsed(output: str, instructions: Sequence[Instruction]) -> Iterator[tuple[Instruction, str]]:
    """Each instruction with its text; what objdump spreads over several lines (a packet) is joined."""
    lines: list[list[str]] = [[] for _ in instructions]
    names: list[str] = []
    here = names
    for line in output.splitlines():
        if found := _SECTION.fullmatch(line):
            here = lines[int(found[1])] if found[1] else names
        elif found := _LINE.fullmatch(line):
            here.append(_SYMBOL.sub("", " ".join(found[2].split())))
    for instruction, texts in zip(instructions, lines, strict=True):
        if texts and not any(map(_UNKNOWN.fullmatch, texts)):
            yield instruction, "; ".join(texts)


def _elf_file(arch: Arch, objdump: Objdump, instructions: Sequence[Instruction]) -> bytes:
    """An executable of nothing but sections: ``i0``, ``i1``, ..., and the table of their names (gABI, chapter 4)."""
    order = "<" if arch.byte_order == "little" else ">"
    is_wide = arch.bits == 64
    # Elf32_Ehdr, Elf64_Ehdr and Elf32_Shdr, Elf64_Shdr: addresses, offsets and most sizes are words of the class.
    word = "Q" if is_wide else "I"
    header = struct.Struct(f"{order}16sHHI{word}{word}{word}I6H")
    section = struct.Struct(f"{order}II{word}{word}{word}{word}II{word}{word}")

    # The last one is the operating system: binutils takes no other program than one for Linux as HPPA's.
    identification = bytes([0x7F, *b"ELF", 2 if is_wide else 1, 1 if arch.byte_order == "little" else 2, 1, 3])
    body, names, rows = bytearray(), bytearray(b"\0"), [bytes(section.size)]

    def add(name: str, kind: int, flags: int, address: int, data: bytes) -> None:
        offset = header.size + len(body)
        rows.append(section.pack(len(names), kind, flags, address, offset, len(data), 0, 0, 1, 0))
        names.extend(name.encode() + b"\0")
        body.extend(data)

    for number, (address, data) in enumerate(instructions):
        add(f"i{number}", _SHT_PROGBITS, _SHF_ALLOC_EXECINSTR, address & arch.address_mask, data)
    all_names = bytes(names) + b"names\0"
    add("names", _SHT_STRTAB, 0, 0, all_names)

    sections = header.size + len(body)
    return (
        header.pack(
            *(identification, _ET_EXEC, objdump.machine, 1, 0, 0, sections, objdump.flags),
            *(header.size, 0, 0, section.size, len(rows), len(rows) - 1),
        )
        + bytes(body)
        + b"".join(rows)
    )
