"""The table of docs/exactness.md: ``python -m tests.exactness [ARCH...] [--program NAME]``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from gdbtrace import open_trace
from tests.exactness.programs import Program, all_programs
from tests.exactness.whole_run import compare_with_log, compare_with_oracle, trace_whole, unexplained_loads
from tests.toolchain import Workshop

COLUMNS = {
    "architecture": "---",
    "program": "---",
    "instructions": "---:",
    "differ": "---:",
    "accesses differ": "---:",
    "unseen": "---:",
    "loads unexplained": "---:",
    "registers compared": "---:",
    "registers differ": "---:",
}
"""Title -> how it is aligned."""


def main() -> None:
    """Trace programs whole and print the comparison with what QEMU shows."""
    parser = argparse.ArgumentParser(prog="python -m tests.exactness")
    parser.add_argument("architectures", nargs="*", metavar="ARCH", help="only these")
    parser.add_argument("--program", metavar="NAME", help="only this one")
    parser.add_argument("--differences", action="store_true", help="print each difference")
    arguments = parser.parse_args()
    print("|", " | ".join(COLUMNS), "|")
    print("|", "|".join(COLUMNS.values()), "|", sep="")
    with tempfile.TemporaryDirectory() as name:
        workshop = Workshop(Path(name))
        for program in all_programs():
            if program.forks or (arguments.architectures and program.arch not in arguments.architectures):
                continue
            if arguments.program in (None, program.name):
                row, differences = compare(program, workshop, Path(name))
                print("|", " | ".join(row), "|", flush=True)
                for difference in differences if arguments.differences else ():
                    print(difference, flush=True)


def compare(program: Program, workshop: Workshop, directory: Path) -> tuple[list[str], list[str]]:
    """One row of the table, and what differs in words."""
    run, trace, lines = program.run(workshop, directory), directory / "trace.frames", directory / "lines"
    trace_whole(run, trace)
    run.again().plugin_lines(workshop, lines)
    result = compare_with_oracle(program.arch, trace, lines)
    differences = [result.first_difference] if result.first_difference else []
    for mine, theirs in result.access_differences[:20]:
        differences.append(f"{mine.address:#x} {mine.data.hex()} ours {sorted(mine.touched - theirs.touched)[:8]}")
        differences.append(f"    theirs {sorted(theirs.touched - mine.touched)[:8]}")
    with open_trace(trace) as reader:
        loads = unexplained_loads(program.arch, reader)
    differences += loads[:20]
    row = [
        *(program.arch, program.name, f"{result.lines:,}", "1" if result.first_difference else "0"),
        *(str(len(result.access_differences)), str(result.unseen), str(len(loads))),
    ]
    if not program.is_logged:
        return [*row, "", ""], differences
    registers = compare_with_log(workshop, run, trace)
    differences += [registers.first_difference] if registers.first_difference else []
    differences += registers.examples[:20]
    if registers.unread:
        differences.append(f"not found in the log: {' '.join(registers.unread)}")
    return [*row, f"{registers.compared:,}", f"{registers.differences.total():,}"], differences


if __name__ == "__main__":
    main()
