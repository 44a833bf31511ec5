"""What ``gdbtrace coverage --lcov`` writes, as Debian's genhtml renders it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gdbtrace.cli.app import main

TRACES = Path(__file__).parents[1] / "traces"
RATES = {"aarch64": ("20 of 24 lines", "5 of 6 functions"), "sparc64": ("20 of 25 lines", "5 of 6 functions")}


@pytest.mark.parametrize("arch", RATES)
def test_genhtml_renders_lines_and_functions(arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given the lines and functions of a trace, where the program's source is
    monkeypatch.chdir(TRACES)
    assert main(["coverage", f"{arch}.frames", "--lcov", str(tmp_path / "info")]) == 0

    # When genhtml reads them
    command = ["genhtml", "--output-directory", str(tmp_path / "pages"), str(tmp_path / "info")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    # Then it counts as many, and has nothing to say against them
    assert done.stderr == ""
    assert [rate for rate in RATES[arch] if rate not in done.stdout] == []
    # And each line of the source has the count that it had
    (page,) = (tmp_path / "pages").rglob("program.c.gcov.html")
    found = re.findall(r'"lineNum"> *(\d+) </span><span class="line\w+"> *(\d+) :', page.read_text())
    counts = {int(line): int(count) for line, count in found}
    assert {line: counts[line] for line in (22, 23, 25, 43, 52, 54)} == {22: 15, 23: 15, 25: 7, 43: 32, 52: 1, 54: 0}
