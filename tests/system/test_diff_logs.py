"""``gdbtrace diff`` of a trace and QEMU's own log (``-d cpu,exec``) of a run without a debugger.

execlog's output, which needs QEMU's plugin, is committed: tests/unit/test_logs.py compares with that.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import pytest

from gdbtrace.cli.app import main
from gdbtrace.cli.output import ExitStatus
from gdbtrace.trace import Operand, StdFrame, open_trace
from tests.system.test_diff_programs import CHANGES, trace_of
from tests.toolchain import GUESTS, TESTS, Workshop
from tests.tracing import NULL, stdout_to

PROGRAMS = ("aarch64", "x86_64", "sparc64", "s390x")
LEON3 = TESTS.parent / "vm-images" / "firmware" / "leon3" / "leon3_generic.elf"
EACH_INSTRUCTION = ("-singlestep", "-d", "nochain,exec,cpu")


def log_of(program: Path, arch: str, log: Path) -> Path:
    """QEMU's log of a program that runs as a traced one does."""
    command = ["env", "-i", "setarch", "-R", f"qemu-{arch}", "-seed", "1", *EACH_INSTRUCTION, "-D", log, program]
    subprocess.run(command, cwd=program.parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    return log


def diff(*arguments: str | Path) -> int:
    return main(["diff", *map(str, arguments)])


@pytest.mark.parametrize("arch", PROGRAMS)
def test_log_of_the_same_run_is_equal_and_that_of_a_changed_program_is_not(
    arch: str, tmp_path: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a program in two versions
    original = trace_of(tmp_path, workshop, arch, "original")
    changed = trace_of(tmp_path, workshop, arch, "constant", CHANGES["constant"].flag)

    # When QEMU logs them, then the log is the trace's
    same, other = (log_of(trace.with_name("program"), arch, trace.with_name("log")) for trace in (original, changed))
    capsys.readouterr()
    assert diff(original, same) == ExitStatus.DONE
    assert diff(same, original) == ExitStatus.DONE

    # And that of the changed one diverges where a register or an address first differs, which a log tells before the
    # instruction behind the one that changed it
    capsys.readouterr()
    assert diff("--json", original, other) == ExitStatus.DIFFERENT
    first = json.loads(capsys.readouterr().out)["groups"][0]["first"]
    assert (first["kind"], first["left"]["frame"]) == ("register", first_unlike_state(original, changed))


def first_unlike_state(left: Path, right: Path) -> int:
    """Number of the first frame before which a register differs."""
    with open_trace(left) as ours, open_trace(right) as theirs:
        return next(
            number
            for number, one, two in zip(count(), ours, theirs, strict=False)
            if isinstance(one, StdFrame) and isinstance(two, StdFrame) and registers(one.pre) != registers(two.pre)
        )


def registers(operands: Iterable[Operand]) -> list[Operand]:
    return [operand for operand in operands if not operand.is_memory]


def test_slots_that_are_annulled_are_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a big-endian guest with delay slots that QEMU enters although they are annulled
    trace, guest = tmp_path / "trace", GUESTS / "mips" / "guest"
    with stdout_to(NULL):
        assert main(["run", "--engine", "rsp", "--reproducible", "-o", str(trace), str(guest)]) == ExitStatus.DONE
    assert diff(trace, log_of(guest, "mips", tmp_path / "log")) == ExitStatus.DONE


def test_firmware_is_equal_to_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given big-endian firmware, whose accesses to devices QEMU makes twice under -icount
    trace, log = tmp_path / "trace", tmp_path / "log"
    options = ["--machine", "leon3_generic", "--engine", "rsp", "--limit", "2000"]
    options += ["--console", str(tmp_path / "console")]
    assert main(["run", *options, "-o", str(trace), str(LEON3)]) == ExitStatus.DONE
    command = ["qemu-system-sparc", "-machine", "leon3_generic", "-kernel", LEON3]
    command += ["-icount", "shift=0,align=off,sleep=off"]
    nowhere = ("-display", "none", "-monitor", "none", "-serial", "null")
    subprocess.run([*command, *nowhere, *EACH_INSTRUCTION, "-D", log], stdin=subprocess.DEVNULL, timeout=60, check=True)
    capsys.readouterr()

    # Then all of the trace is in the log, which goes on
    assert diff("--json", trace, log) == ExitStatus.DIFFERENT
    first = json.loads(capsys.readouterr().out)["groups"][0]["first"]
    with open_trace(trace) as reader:
        assert (first["kind"], first["left"]["frame"]) == ("length", len(reader))
