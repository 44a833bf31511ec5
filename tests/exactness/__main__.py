"""The table of docs/architectures.md: ``python -m tests.exactness [ARCH...] [--program NAME]``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from gdbtrace import open_trace
from tests.exactness.programs import all_programs
from tests.exactness.whole_run import compare_with_oracle, trace_whole, unexplained_loads
from tests.toolchain import Workshop


def main() -> None:
    """Trace programs whole and print the comparison with QEMU's plugin."""
    parser = argparse.ArgumentParser(prog="python -m tests.exactness")
    parser.add_argument("architectures", nargs="*", metavar="ARCH", help="only these")
    parser.add_argument("--program", metavar="NAME", help="only this one")
    parser.add_argument("--differences", action="store_true", help="print each access that differs")
    arguments = parser.parse_args()
    columns = ["architecture", "program", "instructions", "differ", "accesses differ", "unseen", "loads unexplained"]
    print("|", " | ".join(columns), "|")
    print("|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        workshop = Workshop(directory)
        for program in all_programs():
            if arguments.architectures and program.arch not in arguments.architectures:
                continue
            if arguments.program not in (None, program.name):
                continue
            image, trace = program.build(workshop), directory / "trace.frames"
            trace_whole(program.arch, image, trace, cpu=program.cpu)
            result = compare_with_oracle(workshop, program.arch, image, trace, directory, program.cpu)
            with open_trace(trace) as reader:
                loads = len(unexplained_loads(program.arch, reader))
            row = [result.lines, result.first_difference or 0, len(result.access_differences), result.unseen, loads]
            print("|", program.arch, "|", program.name, "|", " | ".join(map(str, row)), "|", flush=True)
            if arguments.differences:
                for mine, theirs in result.access_differences[:20]:
                    print(f"{mine.address:#x} {mine.data.hex()} ours {sorted(mine.touched - theirs.touched)[:8]}")
                    print(f"    theirs {sorted(theirs.touched - mine.touched)[:8]}")


if __name__ == "__main__":
    main()
