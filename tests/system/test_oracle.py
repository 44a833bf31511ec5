"""Whole programs against QEMU's own view of them, on every architecture, with both engines."""

from __future__ import annotations

import filecmp
from pathlib import Path

import pytest

from gdbtrace import EngineChoice, open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from tests.oracle.whole_run import compare_with_oracle, trace_whole, unexplained_loads
from tests.toolchain import COMPILERS, GUESTS, TESTS, Workshop

HELLO = TESTS / "programs" / "hello.c"
EXIT_STATUS = {arch: 42 if arch == "sparc" else 7 for arch in ARCHITECTURES}

KNOWN_DIFFERENCES = {
    # glibc's memset stores blocks through %asi, which the 32-bit stub does not show (docs/limits.md).
    "sparc32plus": {"c1ba2000", "c1ba2040", "c1ba2080", "c1ba20c0"},
    # `mov %eax, %gs` reads and marks an entry of the descriptor table, whose address the stub does not show.
    "i386": {"8ee8"},
}
"""Bytes of instructions of hello.c whose memory is not all known."""


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_whole_program_equals_the_oracle_and_both_engines_agree(arch: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given a static glibc program (libc-free for v8 sparc)
    program = workshop.program(arch, HELLO)

    # When it is traced whole with both engines
    traces = []
    for engine in (EngineChoice.GDB, EngineChoice.RSP):
        trace = tmp_path / f"{engine.value}.frames"
        summary = trace_whole(arch, program, trace, engine)
        assert summary.exit_status == EXIT_STATUS[arch]
        assert (summary.engine, summary.gaps) == (engine.value, [])
        traces.append(trace)

    # Then both wrote the same bytes
    assert filecmp.cmp(*traces, shallow=False)

    # And the instructions are the oracle's, line for line, and so is the memory they touch
    result = compare_with_oracle(workshop, arch, program, trace, tmp_path)
    assert result.first_difference == ""
    assert result.lines == summary.frames
    differing = {mine.data.hex() for mine, _ in result.access_differences}
    assert differing == KNOWN_DIFFERENCES.get(arch, set())
    assert len(result.access_differences) <= 0.001 * result.lines

    # And what the oracle cannot see is right by the memory itself
    with open_trace(trace) as reader:
        assert unexplained_loads(arch, reader) == []


@pytest.mark.parametrize("arch", COMPILERS)
def test_code_at_a_pages_end_and_rewritten_code_equal_the_oracle(arch: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given a program that calls a function at the very end of mapped memory, rewritten by stores and by a system call
    program, trace = workshop.program(arch, TESTS / "programs" / "codepage.c"), tmp_path / "trace"
    # When it is traced
    summary = trace_whole(arch, program, trace, EngineChoice.RSP)
    # Then each of the four versions ran, and was seen as it was
    assert summary.exit_status == 1 + 2 + 3 + 10
    result = compare_with_oracle(workshop, arch, program, trace, tmp_path)
    assert result.first_difference == ""
    assert result.lines == summary.frames


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_guest_equals_the_oracle_and_ends_with_the_exiting_system_call(
    arch: str, workshop: Workshop, tmp_path: Path
) -> None:
    # Given our own guest, with exclusive sequences, annulled slots, repeated string instructions, register windows
    guest, trace = GUESTS / arch / "guest", tmp_path / "trace"
    # When it is traced
    summary = trace_whole(arch, guest, trace, EngineChoice.RSP)
    # Then it is what QEMU saw, in every access too
    result = compare_with_oracle(workshop, arch, guest, trace, tmp_path)
    assert (result.first_difference, result.access_differences) == ("", [])
    assert result.lines == summary.frames
    # And the last instruction alone has no state after it
    with open_trace(trace) as reader:
        unfinished = [number for number, frame in enumerate(reader) if frame.post is None]
    assert unfinished == [summary.frames - 1]
