"""Texts of instructions by objdump, from the cross binutils that the tests need anyway."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace import objdump
from gdbtrace.analysis import disassembly
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import Arch, Mode, Objdump
from gdbtrace.arch.riscv import RISCV64
from gdbtrace.arch.sparc import SPARC, SPARC32PLUS, SPARC64
from gdbtrace.objdump import Instruction, problem_of, texts_of
from gdbtrace.trace.frames import StdFrame
from tests.log_lines import logged

NOP, BRANCH, LOAD = bytes(4), bytes.fromhex("10000001"), bytes.fromhex("8fa20008")
NOTHING = bytes.fromhex("ffffffff")


def without_capstone(arch: Arch, *programs: str, machine: int) -> Arch:
    mode = Mode(None, None, 0, (2, 4), objdump=Objdump(programs, machine))
    return replace(arch, modes=(mode,))


BIG = without_capstone(MIPS, "mips-linux-gnu-objdump", machine=8)
LITTLE = without_capstone(RISCV64, "riscv64-linux-gnu-objdump", machine=243)


def texts(arch: Arch, *instructions: Instruction) -> dict[Instruction, str]:
    return texts_of(arch, arch.modes[0], instructions)


# -- texts -----------------------------------------------------------------------------------------------------------


def test_text_is_the_instructions_at_its_address() -> None:
    assert texts(BIG, (0x1000, LOAD), (0x1000, BRANCH), (0x80002000, BRANCH)) == {
        (0x1000, LOAD): "lw v0,8(sp)",
        (0x1000, BRANCH): "b 0x1008",
        (0x80002000, BRANCH): "b 0x80002008",
    }


def test_addresses_may_have_64_bits() -> None:
    top, jump = 0xFFFF_FFFF_FFFF_FFF0, bytes.fromhex("01a0")
    assert texts(LITTLE, (top, jump)) == {(top, jump): "j 0xfffffffffffffff0"}


def test_neighbours_do_not_change_how_bytes_are_read() -> None:
    # Two halves of a long instruction, each an instruction of its own as far as we say
    halves = (0x1000, bytes.fromhex("0145")), (0x1002, bytes.fromhex("8280"))
    assert texts(LITTLE, *halves) == {halves[0]: "li a0,0", halves[1]: "ret"}


def test_bytes_that_are_no_instruction_have_no_text() -> None:
    assert texts(LITTLE, (0, NOTHING), (4, NOP[:2]), (8, bytes.fromhex("8280"))) == {
        (4, NOP[:2]): "unimp",
        (8, bytes.fromhex("8280")): "ret",
    }


def test_any_bytes_at_any_address_do_no_harm() -> None:
    hostile = [(int.from_bytes(os.urandom(8), "little"), os.urandom(4)) for _ in range(2000)]
    found = texts(LITTLE, *hostile, (0x10, b""), (0x20, bytes.fromhex("8280")))
    assert found[0x20, bytes.fromhex("8280")] == "ret"
    assert len(found) > 200
    assert all(text and text.isprintable() for text in found.values())


def test_packet_on_several_lines_is_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given what LLVM's objdump prints for a Hexagon packet, with a symbol of ours
    output = "Disassembly of section i0:\n\n00001000 <i0>:\n    1000: { \tnop\n    1004:   \tjump 0x1010 <i0+0x10> } \n"
    output += "Disassembly of section names:\n\n00000000 <names>:\n  0: { \tnop } \n"
    monkeypatch.setattr(objdump, "_run", lambda *_: output)
    assert texts(BIG, (0x1000, bytes(8))) == {(0x1000, bytes(8)): "{ nop; jump 0x1010 }"}


# -- where there is none ---------------------------------------------------------------------------------------------


def test_missing_objdump_is_said() -> None:
    missing = without_capstone(MIPS, "no-such-objdump", "nor-this", machine=8)
    assert texts(missing, (0, NOP)) == {}
    assert problem_of(missing) == "instructions of mips are shown as bytes: install no-such-objdump or nor-this"


def test_nothing_is_missing_where_capstone_or_objdump_serves() -> None:
    assert (problem_of(MIPS), problem_of(BIG)) == ("", "")


def test_next_program_serves_where_the_first_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tmp_path / "failing-objdump"
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    arch = without_capstone(MIPS, "failing-objdump", "mips-linux-gnu-objdump", machine=8)
    assert texts(arch, (0, LOAD)) == {(0, LOAD): "lw v0,8(sp)"}


def test_objdump_that_hangs_gives_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("objdump", 1)

    monkeypatch.setattr(subprocess, "run", hang)
    assert texts(BIG, (0, NOP)) == {}


# -- lines of the log ------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many instructions each run of objdump was for."""
    counts: list[int] = []

    def counted(arch: Arch, mode: Mode, instructions: Sequence[Instruction]) -> dict[Instruction, str]:
        counts.append(len(instructions))
        return texts_of(arch, mode, instructions)

    monkeypatch.setattr(disassembly, "texts_of", counted)
    return counts


def frames(*instructions: Instruction) -> list[StdFrame]:
    return [StdFrame(address, 0, data, (), (), None) for address, data in instructions]


def test_log_asks_once_for_many_frames(runs: list[int]) -> None:
    lines = logged(frames((0x1000, LOAD), (0x1000, BRANCH), (4, NOTHING), (0x1000, LOAD)), BIG)
    assert lines == [
        '0, 0x1000, 0x800a28f, "lw v0,8(sp)"',
        '0, 0x1000, 0x1000010, "b 0x1008"',
        '0, 0x4, 0xffffffff, ".byte 0xffffffff"',
        '0, 0x1000, 0x800a28f, "lw v0,8(sp)"',
    ]
    assert runs == [3]


def test_log_asks_again_for_what_is_new(runs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disassembly, "_BATCH", 2)
    known = disassembly.Disassembly(BIG)
    assert len(list(known.look_ahead(frames(*((4 * i, NOP) for i in (1, 2, 1, 2, 3)))))) == 5
    assert known.at(8, LOAD, None).text == "lw v0,8(sp)"
    assert runs == [2, 1, 1]


def test_log_does_not_ask_where_capstone_decodes(runs: list[int]) -> None:
    assert logged(frames((0x1000, LOAD)), MIPS) == ['0, 0x1000, 0x800a28f, "lw $v0, 8($sp)"']
    assert runs == []


@pytest.mark.parametrize(
    ("arch", "text"),
    [(SPARC, "std %i0, [ %i5 ]"), (SPARC32PLUS, "sttw %i0, [ %i5 ]"), (SPARC64, "sttw %i0, [ %i5 ]")],
)
def test_log_asks_for_what_capstone_does_not_decode(arch: Arch, text: str, runs: list[int]) -> None:
    # Given instructions of which capstone decodes the first and the last, and none the third
    words = ("01000000", "f03f4000", "c1f84000", "01000000")
    lines = logged(frames(*((4 * at, bytes.fromhex(word)) for at, word in enumerate(words))), arch)
    assert [line.split('"')[1] for line in lines] == ["nop", text, ".byte 0xc1f84000", "nop"]
    assert runs == [2]


def test_log_says_what_is_missing() -> None:
    arch = without_capstone(MIPS, "no-such-objdump", machine=8)
    assert "no-such-objdump" in disassembly.Disassembly(arch).problem
    assert logged(frames((0, NOP)), arch) == ['0, 0x0, 0x0, ".byte 0x00000000"']
