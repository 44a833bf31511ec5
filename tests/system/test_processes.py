"""Guests that make processes, or become another program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gdbtrace import Outcome, RunOptions, Summary, open_trace
from gdbtrace.record.engines import EngineChoice
from gdbtrace.trace import StdFrame, SyscallFrame
from tests.toolchain import TESTS, Workshop
from tests.tracing import NULL, quiet_record

PROCESSES = TESTS / "programs" / "common" / "processes.c"
MISSING = "/nowhere/to/be/found"


def trace(program: Path, arch: str, directory: Path, *arguments: str) -> Summary:
    options = RunOptions(program, arguments, output=directory / "trace", arch=arch, engine=EngineChoice.RSP, stdin=NULL)
    return quiet_record(options, stdout=directory / "out")


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("word", ["fork", "vfork", "spawn", "exec"])
def test_parent_goes_on(workshop: Workshop, tmp_path: Path, arch: str, word: str) -> None:
    # Given a guest that has a child, or is refused another program
    program = workshop.program(arch, PROCESSES)
    arguments = (word, MISSING)
    free = subprocess.run([f"qemu-{arch}", program, *arguments], capture_output=True, check=False)
    assert free.returncode == 7

    # When it is traced
    summary = trace(program, arch, tmp_path, *arguments)

    # Then it says and does the same, and no frame of it is missing
    assert (summary.outcome, summary.exit_status, summary.gaps) == (Outcome.EXITED, 7, [])
    assert (tmp_path / "out").read_bytes() == free.stdout
    with open_trace(tmp_path / "trace") as reader:
        frames = list(reader)
    assert sum(isinstance(frame, StdFrame) for frame in frames) == summary.instructions
    assert any(isinstance(frame, SyscallFrame) for frame in frames)


def test_program_that_the_kernel_refuses(workshop: Workshop, tmp_path: Path) -> None:
    # An ELF of no machine: one of another architecture might be run by binfmt_misc.
    foreign = tmp_path / "foreign"
    header = bytearray(workshop.program("x86_64", PROCESSES).read_bytes())
    header[18:20] = b"\xfe\xfe"
    foreign.write_bytes(header)
    foreign.chmod(0o755)
    summary = trace(workshop.program("x86_64", PROCESSES), "x86_64", tmp_path, "exec", str(foreign))
    assert (summary.outcome, summary.exit_status) == (Outcome.EXITED, 7)


def test_replaced_by_a_program_of_the_host(workshop: Workshop, tmp_path: Path) -> None:
    # When a guest becomes a program that the host's kernel runs itself
    program = workshop.program("x86_64", PROCESSES)
    summary = trace(program, "x86_64", tmp_path, "exec", str(program))

    # Then the trace ends there and is kept, and the exit status is the successor's
    assert (summary.outcome, summary.exit_status) == (Outcome.REPLACED, 5)
    with open_trace(tmp_path / "trace") as reader:
        assert reader.is_closed
        assert sum(isinstance(frame, StdFrame) for frame in reader) == summary.instructions > 0
