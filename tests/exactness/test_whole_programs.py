"""Whole programs against QEMU's own view of them, on every architecture."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdbtrace import open_trace
from tests.exactness.programs import Program, all_programs
from tests.exactness.whole_run import compare_with_oracle, trace_whole, unexplained_loads
from tests.toolchain import Workshop


@pytest.mark.parametrize("program", all_programs(), ids=str)
def test_whole_program_equals_the_oracle(program: Program, workshop: Workshop, tmp_path: Path) -> None:
    # Given a program
    image, trace = program.build(workshop), tmp_path / "trace"

    # When it is traced to its end
    summary = trace_whole(program.arch, image, trace, cpu=program.cpu)
    assert (summary.exit_status, summary.gaps) == (program.exit_status, [])

    # Then the instructions are the oracle's, line for line, and so is the memory they touch
    result = compare_with_oracle(workshop, program.arch, image, trace, tmp_path, program.cpu)
    assert result.first_difference == ""
    assert result.lines == summary.instructions
    assert {mine.data.hex() for mine, _ in result.access_differences} == program.accesses_differ

    # And what the oracle cannot see is right by the memory itself
    with open_trace(trace) as reader:
        assert unexplained_loads(program.arch, reader) == []
