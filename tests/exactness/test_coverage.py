"""``gdbtrace coverage`` against the plugin's instructions, and against gcov's lines."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from gdbtrace.cli.app import main
from tests.exactness.guest_run import GuestRun
from tests.exactness.programs import PROGRAMS
from tests.exactness.whole_run import trace_once
from tests.toolchain import COMPILERS, Workshop

LINES = PROGRAMS / "coverage" / "lines.c"
FLAGS = ("-O0", "-g", "-static")


def coverage(trace: Path, program: Path, *options: str) -> list[dict[str, Any]]:
    output = StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["coverage", str(trace), "--elf", str(program), "--json", *options]) == 0
    rows: list[dict[str, Any]] = json.loads(output.getvalue())["rows"]
    return rows


_WINDOW = re.compile(r"(?:save|restore|rett)\b.*")
_REPEATED = re.compile(r"rep.*")
COUNTED_TWICE = {
    **dict.fromkeys(("sparc64", "sparc32plus"), _WINDOW),
    **dict.fromkeys(("x86_64", "i386"), _REPEATED),
}
"""Instructions that the plugin sees begin once more than they are done (docs/limits.md): after a window trap, and to
find that nothing is left to repeat."""
BY_DEFAULT = ["aarch64", "mips", "x86_64"]
WITH_GLIBC = [*BY_DEFAULT, "arm", "i386", "m68k", "mips64", "mips64el", "mipsel", "ppc", "ppc64", "ppc64le"]
WITH_GLIBC += ["riscv64", "s390x", "sparc32plus", "sparc64"]
"""But not HPPA: the plugin sees instructions begin that are nullified."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The architectures that ``--exactness`` asks for."""
    if "glibc_arch" in metafunc.fixturenames:
        is_all = metafunc.config.getoption("exactness") == "all"
        metafunc.parametrize("glibc_arch", WITH_GLIBC if is_all else BY_DEFAULT)


def test_counts_are_the_oracles(glibc_arch: str, workshop: Workshop, tmp_path: Path) -> None:
    arch = glibc_arch
    # Given a program with glibc, traced, and the plugin's line for each instruction of a free run
    program = workshop.program(arch, LINES, *FLAGS, name="coverage-lines")
    run, lines = GuestRun(arch, program, tmp_path), tmp_path / "lines"
    trace, _ = trace_once(workshop, program.name, run)
    run.plugin_lines(workshop, lines)

    # Then each address was executed as often
    with lines.open() as oracle:
        expected = Counter(int(line.split()[1], 16) for line in oracle)
    twice = COUNTED_TWICE.get(arch)
    for row in coverage(trace, program, "--by", "instruction"):
        address, executed = int(row["address"], 16), row["executed"]
        if twice and twice.fullmatch(row["text"]) and expected[address] > executed:
            expected[address] = executed
        assert executed == expected.pop(address, 0), row
    assert not expected


@pytest.mark.parametrize("arch", ["x86_64", "sparc64", "ppc64le"])
def test_lines_are_gcovs(arch: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given gcov's counts of a program, built without optimization and run
    compiler = COMPILERS[arch]
    subprocess.run([*compiler, *FLAGS, "--coverage", str(LINES), "-o", "counted"], check=True, cwd=tmp_path)
    subprocess.run([f"qemu-{arch}", "./counted"], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
    (data,) = tmp_path.glob("*.gcda")
    gcov = [compiler[0].replace("-gcc", "-gcov"), "--json-format", "--stdout", data.name]
    report = json.loads(subprocess.run(gcov, check=True, cwd=tmp_path, capture_output=True).stdout)
    (theirs,) = ({line["line_number"]: line["count"] for line in file["lines"]} for file in report["files"])

    # When the program is traced as it is without gcov
    program = workshop.program(arch, LINES, *FLAGS, name="coverage-lines")
    trace, _ = trace_once(workshop, program.name, GuestRun(arch, program, tmp_path))
    ours = {row["line"]: row["times"] for row in coverage(trace, program, "--by", "line")}

    # Then each line was executed as often
    both = ours.keys() & theirs.keys()
    assert {line: ours[line] for line in both} == {line: theirs[line] for line in both}
    # And each function was entered as often
    functions = {row["function"]: row["entered"] for row in coverage(trace, program, "--by", "function", "--all")}
    called = {
        function["name"]: function["execution_count"] for file in report["files"] for function in file["functions"]
    }
    assert {name: functions[name] for name in called} == called
    # And those lines that only one has are where gcov counts a head or a label, and debug information has a brace
    text = LINES.read_text().split("\n")
    assert {text[line - 1] for line in ours.keys() - both} == {"{", "}"}
    alone = [text[line - 1].strip() for line in theirs.keys() - both]
    assert [line for line in alone if not line.startswith(("static ", "int main")) and not line.endswith(":")] == []
    assert len(both) > 100
