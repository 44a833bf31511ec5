"""The table of docs/architectures.md: ``python -m tests.oracle``, some minutes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gdbtrace import EngineChoice, open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from tests.oracle.whole_run import compare_with_oracle, trace_whole, unexplained_loads
from tests.toolchain import TESTS, Workshop


def main() -> None:
    """Trace hello.c whole on every architecture and print the comparison with QEMU's plugin."""
    columns = ["architecture", "program", "instructions", "differ", "accesses differ", "unseen", "loads unexplained"]
    print("|", " | ".join(columns), "|")
    print("|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        workshop = Workshop(directory)
        for arch in ARCHITECTURES:
            program = workshop.program(arch, TESTS / "programs" / "hello.c")
            trace = directory / "trace.frames"
            trace_whole(arch, program, trace, EngineChoice.AUTO)
            result = compare_with_oracle(workshop, arch, program, trace, directory)
            with open_trace(trace) as reader:
                loads = len(unexplained_loads(arch, reader))
            label = "hello" if program.parent == directory else "guest"
            row = [result.lines, result.first_difference or 0, len(result.access_differences), result.unseen, loads]
            print("|", arch, "|", label, "|", " | ".join(map(str, row)), "|", flush=True)


if __name__ == "__main__":
    main()
