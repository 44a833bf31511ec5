"""What a frame lists of each instruction of ``tests/corpus``: all that the manual says it reads and writes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import Arch, Mode
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.record.assemble import Assembler, RegisterLists
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.trace.codec import decode_frame
from gdbtrace.trace.frames import StdFrame
from gdbtrace.tracer.step_record import Definition, Step

CORPUS = Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True)
class Case:
    """One instruction, and what the manual says of it."""

    arch: str
    code: str
    """Hexadecimal, in memory order."""
    text: str
    """As capstone prints it; empty where it has no decoder."""
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    mode: str | None

    def __str__(self) -> str:
        return f"{self.arch} {self.text or self.code}"


def cases() -> Iterator[Case]:
    for file in sorted(CORPUS.glob("*.toml")):
        for row in tomllib.loads(file.read_text())["instruction"]:
            for arch in row["arch"]:
                yield Case(arch, row["code"], row["text"], tuple(row["reads"]), tuple(row["writes"]), row.get("mode"))


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_frame_lists_all_that_the_manual_says(case: Case) -> None:
    # Given an instruction that finds all registers zero and leaves them so
    arch = ARCHITECTURES[case.arch]
    mode = next(mode for mode in arch.modes if case.mode in (None, mode.name))
    disassembled = disassemble(bytes.fromhex(case.code), 0x1000, mode)
    assert disassembled.data.hex() == case.code
    if disassembled.capstone is not None:
        assert disassembled.text == case.text

    # When a frame is made of it
    frame = frame_of(arch, mode, case)

    # Then what it reads is before, and what it may write is after, though nothing changed
    assert set(case.reads) <= {operand.name for operand in frame.pre}
    assert frame.post is not None
    assert set(case.writes) <= {operand.name for operand in frame.post}


def frame_of(arch: Arch, mode: Mode, case: Case) -> StdFrame:
    layout = layout_with_all_registers(arch)
    disassembled = disassemble(bytes.fromhex(case.code), 0x1000, mode)
    named = (*named_registers(arch, disassembled), *arch.behaviour_of(disassembled).implied)
    definition = Definition(0, 0x1000, disassembled.data, arch.modes.index(mode), named, (), memory_known=True)
    assembler = Assembler(arch, layout, RegisterLists.STANDARD)
    state = bytes(layout.core_bytes)
    assembler.set_state(state)
    frame = decode_frame(assembler.assemble(Step(definition, 0, state, {}, {}, ())))
    assert isinstance(frame, StdFrame)
    return frame


def layout_with_all_registers(arch: Arch) -> RegisterLayout:
    """Every stub register of the table in ``g``."""
    widths: dict[str, int] = {}
    for register in arch.registers:
        width = max(register.shift + register.bits, widths.get(register.stub_name, 0))
        widths[register.stub_name] = (width + 7) // 8 * 8
    core, offset = {}, 0
    for name, bits in widths.items():
        core[name] = offset, offset + bits // 8
        offset += bits // 8
    return RegisterLayout(arch.byte_order, core, {}, offset)
