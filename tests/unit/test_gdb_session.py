"""gdb/MI with the real gdb-multiarch; finding it, with gdbs that are none."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdbtrace.errors import TargetDied, ToolError, ToolMissing
from gdbtrace.gdb.session import GdbSession, find_gdb


@pytest.fixture
def session() -> Iterator[GdbSession]:
    gdb = shutil.which("gdb-multiarch")
    assert gdb is not None
    with GdbSession(Path(gdb)) as running:
        yield running


def process_id(session: GdbSession) -> int:
    process = session._controller.gdb_process
    assert process is not None
    return process.pid


# -- commands and their results ------------------------------------------------------------------------------------


def test_result_is_the_commands(session: GdbSession) -> None:
    assert session.run("-data-evaluate-expression 6*7") == {"value": "42"}


def test_results_are_matched_by_token_in_any_order(session: GdbSession) -> None:
    first, second = (session.send(f"-data-evaluate-expression {value}") for value in (1, 2))
    assert session.result(second) == {"value": "2"}
    assert session.result(first) == {"value": "1"}


def test_error_raises_what_gdb_says(session: GdbSession) -> None:
    with pytest.raises(ToolError) as caught:
        session.run("-data-evaluate-expression 1/0")
    assert str(caught.value) == "gdb: Division by zero"


def test_error_belongs_to_its_command(session: GdbSession) -> None:
    wrong, right = session.send("-data-evaluate-expression 1/0"), session.send("-data-evaluate-expression 1")
    assert session.result(right) == {"value": "1"}
    with pytest.raises(ToolError, match="Division by zero"):
        session.result(wrong)


def test_gdb_goes_on_after_an_error(session: GdbSession) -> None:
    with pytest.raises(ToolError):
        session.run("-no-such-command")
    assert session.run("-data-evaluate-expression 1") == {"value": "1"}


def test_missing_program_is_gdbs_error(session: GdbSession, tmp_path: Path) -> None:
    missing = tmp_path / "a b"
    with pytest.raises(ToolError, match="a b: No such file or directory"):
        session.attach(missing, tmp_path / "stub", "mips", "big", None)


def test_result_that_does_not_come_is_said(session: GdbSession) -> None:
    with pytest.raises(ToolError, match="gdb did not answer"):
        session.result(session.send("-data-evaluate-expression 1") + 1, seconds=0)


# -- a gdb that ends -----------------------------------------------------------------------------------------------


def test_gdb_that_is_killed_while_asked_is_said_to_have_died_in_one_line(session: GdbSession) -> None:
    token = session.send('-interpreter-exec console "shell kill -STOP $PPID"')
    os.kill(process_id(session), signal.SIGKILL)
    with pytest.raises(TargetDied) as caught:
        session.result(token)
    assert str(caught.value).startswith("gdb ended unexpectedly")
    assert "\n" not in str(caught.value)


def test_gdb_that_was_killed_before_is_said_to_have_died(session: GdbSession) -> None:
    os.kill(process_id(session), signal.SIGKILL)
    os.waitid(os.P_PID, process_id(session), os.WEXITED | os.WNOWAIT)
    with pytest.raises(TargetDied, match="gdb ended unexpectedly"):
        session.run("-data-evaluate-expression 1")


def test_last_words_are_in_the_message_in_one_line(session: GdbSession) -> None:
    session.run('-interpreter-exec console "echo internal trouble\\\\nand more\\\\n"')
    os.kill(process_id(session), signal.SIGKILL)
    with pytest.raises(TargetDied) as caught:
        session.run("-data-evaluate-expression 1")
    assert "internal trouble" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_closing_ends_gdb_and_may_be_done_twice(session: GdbSession) -> None:
    number = process_id(session)
    session.close()
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_closing_ends_a_gdb_that_does_not_listen(tmp_path: Path) -> None:
    deaf = script(tmp_path, "exec sleep 1000")
    session = GdbSession(deaf)
    number = process_id(session)
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


# -- finding gdb ---------------------------------------------------------------------------------------------------


def script(directory: Path, text: str) -> Path:
    """A gdb-multiarch of our own."""
    path = directory / "gdb-multiarch"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_gdb_of_this_machine_is_found() -> None:
    path, version = find_gdb()
    assert path.name == "gdb-multiarch"
    assert version >= (12, 1)


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("GNU gdb (Debian 13.1-3) 13.1", (13, 1)),
        ("GNU gdb (GDB) 12.1", (12, 1)),
        ("GNU gdb (Ubuntu 15.0.50.20240403-0ubuntu1) 15.0.50.20240403-git", (15, 0)),
        ("GNU gdb (GDB) Fedora Linux 16.2-1.fc41", (16, 2)),
        ("GNU gdb (GDB; openSUSE Leap 15.4) 13.2", (13, 2)),
    ],
)
def test_version_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, version: tuple[int, int]) -> None:
    path = script(tmp_path, f"echo '{line}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gdb() == (path, version)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("GNU gdb (Debian 12.0.90-1) 12.0.90", "12.0"),
        ("GNU gdb (Debian 10.1-1.7) 10.1.90.20210103-git", "10.1"),
        ("GNU gdb (GDB; openSUSE Leap 15.4) 11.1", "11.1"),
        ("GNU gdb (GDB) Red Hat Enterprise Linux 8.2-20.el8", "8.2"),
    ],
)
def test_gdb_that_is_too_old_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, found: str) -> None:
    script(tmp_path, f"echo '{line}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=rf"gdb-multiarch {found} is older than 12\.1: use --engine rsp"):
        find_gdb()


@pytest.mark.parametrize("text", ["", "echo gdb", "echo; echo 'GNU gdb 13.1'"])
def test_version_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    script(tmp_path, text)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="gdb-multiarch does not say its version: use --engine rsp"):
        find_gdb()


def test_gdb_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "exit 127")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"gdb-multiarch does not run .*: use --engine rsp"):
        find_gdb()


def test_gdb_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="install Debian's gdb-multiarch, or use --engine rsp"):
        find_gdb()
