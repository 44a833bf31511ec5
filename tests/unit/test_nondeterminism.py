"""The instructions that give another result in each run: the tables' globs, against what the assembler makes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from gdbtrace.analysis.disassembly import Disassembly, Instruction
from gdbtrace.analysis.tolerance import STRICT, Masks, Tolerance
from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES

ALL = {**MACHINES, **ARCHITECTURES}


@dataclass(frozen=True)
class Case:
    """One instruction, and what its manual says of it."""

    arch: str
    mode: str | None
    code: str
    """Hexadecimal, in memory order."""
    text: str
    repeats: bool
    """It gives the same result in each run."""

    def __str__(self) -> str:
        return f"{self.arch} {self.text}"

    def instruction(self) -> Instruction:
        """As a trace's disassembly has it."""
        return Disassembly(ALL[self.arch]).at(0x1000, bytes.fromhex(self.code), self.mode)


def cases() -> Iterator[Case]:
    file = Path(__file__).parents[1] / "nondeterministic.toml"
    for row in tomllib.loads(file.read_text())["instruction"]:
        for arch in row["arch"]:
            yield Case(arch, row.get("mode"), row["code"], row["text"], row["repeats"])


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_results_are_masked_where_the_manual_says_they_differ(case: Case) -> None:
    instruction = case.instruction()
    assert instruction.text == case.text
    arch = ALL[case.arch]
    assert Masks(Tolerance(), arch).of_instruction(instruction).is_masked is not case.repeats
    assert not Masks(STRICT, arch).of_instruction(instruction).is_masked


@pytest.mark.parametrize("arch", ALL.values(), ids=lambda arch: arch.name)
def test_every_glob_stands_for_an_instruction(arch: Arch) -> None:
    # Of the family, as the table is the family's
    family = {other.name for other in ALL.values() if other.nondeterministic == arch.nondeterministic}
    instructions = [case.instruction() for case in CASES if case.arch in family]
    for glob in arch.nondeterministic:
        words = (word for each in instructions for word in (each.text, *each.operations))
        assert any(fnmatchcase(word, glob) for word in words), glob


def test_no_architecture_that_has_a_clock_is_without_a_table() -> None:
    # Timers of these are devices: the processor has none
    assert {arch.name for arch in ALL.values() if not arch.nondeterministic} == {
        "avr",
        "avr6",
        "coldfire",
        "m68k",
        "sh4",
    }
