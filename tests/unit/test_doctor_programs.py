"""The probe programs: the ELF file as pyelftools reads it, and a program for each architecture."""

from __future__ import annotations

import io

import pytest
from elftools.elf.elffile import ELFFile

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import StepRule
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.doctor.programs import PROGRAMS, addresses, elf_program


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_elf_file_is_of_the_architecture(name: str) -> None:
    arch, program = ARCHITECTURES[name], PROGRAMS[name]
    elf = ELFFile(io.BytesIO(elf_program(arch, program)))
    (segment,) = elf.iter_segments()
    order = "little" if elf.little_endian else "big"
    assert (str(elf.header["e_machine"]), elf.elfclass, order) == (arch.elf.machine, arch.bits, arch.byte_order)
    assert elf.header["e_entry"] == addresses(arch, program)[0]
    assert segment.data().endswith(b"".join(program.instructions))
    assert segment["p_vaddr"] + segment["p_filesz"] == addresses(arch, program)[-1] + len(program.instructions[-1])


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "hppa"])
def test_program_begins_and_ends_with_a_system_call(name: str) -> None:
    arch, program = ARCHITECTURES[name], PROGRAMS[name]
    rules = [arch.behaviour_of(disassemble(code, 0, arch.modes[0])).rule for code in program.instructions]
    calls = [number for number, rule in enumerate(rules) if rule is StepRule.SYSTEM_CALL]
    assert calls == [program.returns_to - 1, len(rules) - 1]
    assert (StepRule.STORE_EXCLUSIVE in rules) <= program.has_exclusives


def test_two_word_sizes_and_byte_orders() -> None:
    assert elf_program(ARCHITECTURES["ppc"], PROGRAMS["ppc"])[:24].hex() == (
        "7f454c460102010000000000000000000002001400000001"
    )
    assert elf_program(ARCHITECTURES["riscv64"], PROGRAMS["riscv64"])[:24].hex() == (
        "7f454c460201010000000000000000000200f30001000000"
    )
