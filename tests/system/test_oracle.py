"""Whole programs against QEMU's own view of them, on every architecture, with both engines."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from gdbtrace import EngineChoice, Outcome, RunOptions, open_trace
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import StepRule
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.report.instruction_log import memtrace_line
from gdbtrace.trace import Frame, StdFrame
from tests.oracle.comparison import UNSEEN, Line, compare, parse_line
from tests.toolchain import GUESTS, TESTS, Workshop
from tests.tracing import NULL, quiet_record

HELLO = TESTS / "programs" / "hello.c"
EXIT_STATUS = {arch: 42 if arch == "sparc" else 7 for arch in ARCHITECTURES}

KNOWN_DIFFERENCES = {
    # glibc's memset stores blocks through %asi, which the 32-bit stub does not show (docs/limits.md).
    "sparc32plus": {"c1ba2000", "c1ba2040", "c1ba2080", "c1ba20c0"},
    # `mov %eax, %gs` reads and marks an entry of the descriptor table, whose address the stub does not show.
    "i386": {"8ee8"},
}
"""Bytes of instructions of hello.c whose memory is not all known."""


def oracle_of(workshop: Workshop, arch: str, program: Path, directory: Path) -> Path:
    """The plugin's lines of a run under the same conditions as ours."""
    lines = directory / "oracle.txt"
    subprocess.run(
        [f"qemu-{arch}", "-seed", "1", "-plugin", f"{workshop.oracle()},out={lines}", str(program)],
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return lines


def is_unseen(arch: str, line: Line) -> bool:
    """Whether the plugin is known to be blind to this instruction."""
    modes = [mode for mode in ARCHITECTURES[arch].modes if len(line.data) in mode.instruction_bytes]
    return any(disassemble(line.data, line.address, mode).mnemonic in UNSEEN.get(arch, ()) for mode in modes)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_whole_program_equals_the_oracle_and_both_engines_agree(arch: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given a static glibc program (libc-free for v8 sparc) and QEMU's own log of it
    program = workshop.program(arch, HELLO)
    oracle = oracle_of(workshop, arch, program, tmp_path)

    # When it is traced whole with both engines
    digests = []
    for engine in (EngineChoice.GDB, EngineChoice.RSP):
        trace = tmp_path / f"{engine.value}.frames"
        summary = quiet_record(
            RunOptions(program, output=trace, engine=engine, reproducible=True, stdin=NULL, arch=arch)
        )
        assert (summary.outcome, summary.exit_status) == (Outcome.EXITED, EXIT_STATUS[arch])
        assert (summary.engine, summary.gaps) == (engine.value, [])
        digests.append(hashlib.sha256(trace.read_bytes()).hexdigest())

    # Then both wrote the same bytes
    assert digests[0] == digests[1]

    # And the instructions are the oracle's, line for line, and so is the memory they touch
    with open_trace(trace) as reader:
        ours = [memtrace_line(frame) for frame in reader if isinstance(frame, StdFrame)]
    with oracle.open() as lines:
        result = compare(arch, map(parse_line, ours), map(parse_line, lines), lambda line: is_unseen(arch, line))
    assert result.first_difference == ""
    assert result.lines == summary.frames == len(ours)
    differing = {mine.data.hex() for mine, _ in result.access_differences}
    assert differing == KNOWN_DIFFERENCES.get(arch, set())
    assert len(result.access_differences) <= 0.001 * result.lines

    # And what the oracle cannot see is right by the memory itself
    with open_trace(trace) as reader:
        assert unexplained_loads(arch, reader) == []


def unexplained_loads(arch: str, frames: Iterable[Frame]) -> list[str]:
    """Loads that do not see what the stores before them wrote: a store that was missed or cut short shows here.

    A system call may write anything, so nothing is known after it.
    """
    memory: dict[int, int] = {}
    wrong = []
    system_call = StepRule.SYSTEM_CALL
    for number, frame in enumerate(frames):
        assert isinstance(frame, StdFrame)
        for operand in frame.memory_reads():
            for offset, byte in enumerate(operand.value):
                if memory.setdefault(operand.address + offset, byte) != byte:
                    wrong.append(f"frame {number} at {frame.address:#x}: {operand.address + offset:#x}")
        for operand in frame.memory_writes():
            memory.update(zip(itertools.count(operand.address), operand.value, strict=False))
        if rule_of(arch, frame.rawbytes, frame.mode) is system_call:
            memory.clear()
    return wrong


@cache
def rule_of(arch: str, data: bytes, mode_name: str | None) -> StepRule:
    """The step rule of an instruction, wherever it is."""
    found = ARCHITECTURES[arch]
    mode = next(mode for mode in found.modes if mode.name == mode_name)
    return found.behaviour_of(disassemble(data, 0, mode)).rule


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_last_instruction_is_the_exiting_system_call_without_post_list(arch: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    program = GUESTS / arch / "guest"
    quiet_record(RunOptions(program, output=trace, engine=EngineChoice.RSP, stdin=NULL, arch=arch))
    with open_trace(trace) as reader:
        frames = list(reader)
    assert frames[-1].post is None
    assert all(frame.post is not None for frame in frames[:-1])
