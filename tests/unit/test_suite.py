"""Suites: what their files may say, and what is made of it; the processes that cases run in; JUnit's reports."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gdbtrace.analysis.reading import AddressRange
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.errors import ToolError, UsageError
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import MachineOptions, Place, RunOptions, Schedule
from gdbtrace.regression.suite import KEYS, MASKS, Case, Verdict, check_case, load_suite
from gdbtrace.regression.workers import made_of
from gdbtrace.report.junit import JunitCase, junit_xml
from tests.toolchain import TESTS


def suite_of(directory: Path, text: str) -> Path:
    path = directory / "suite.toml"
    path.write_text(text)
    return path


def case_of(directory: Path, text: str) -> Case:
    (case,) = load_suite(suite_of(directory, text)).cases
    return case


def test_a_program(tmp_path: Path) -> None:
    case = case_of(
        tmp_path,
        """
        [defaults]
        timeout = 5
        icount = 3
        mask.registers = ["r9"]
        [[case]]
        name = "sum-1.0"
        program = "../bin/sum"
        arguments = ["-v", "a b"]
        environment = { LANG = "C" }
        stdin = "input"
        start = "main:2"
        stop = "0x400"
        limit = 10
        pin = false
        registers = "touched"
        std-only = true
        [case.mask]
        memory = ["0x10-0x1f"]
        instructions = ["rdtsc"]
        relocate = true
        """,
    )
    assert case.options == RunOptions(
        program=tmp_path.parent / "bin" / "sum",
        arguments=("-v", "a b"),
        environment={"LANG": "C"},
        stdin=tmp_path / "input",
        start=Place("main", 2),
        stop=Place("0x400"),
        limit=10,
        timeout=5.0,
        is_pinned=False,
        registers=RegisterLists.TOUCHED,
        std_only=True,
        engine=EngineChoice.RSP,
        reproducible=True,
    )
    assert case.tolerance == Tolerance(
        registers={"r9": -1}, memory=(AddressRange(0x10, 0x1F),), instructions=("rdtsc",), is_relocated=True
    )
    assert case.golden == tmp_path / "goldens" / "sum-1.0.golden"
    words = (
        "gdbtrace run --reproducible --engine rsp --timeout 5 --env LANG=C --stdin input --start main:2 --stop 0x400 "
        "--limit 10 --no-pin --registers touched --std-only ../bin/sum -- -v"
    )
    assert case.command == [*words.split(), "a b"]


def test_a_machine(tmp_path: Path) -> None:
    case = case_of(
        tmp_path,
        """
        goldens = "right"
        [[case]]
        name = "boot"
        machine = "./board.toml"
        program = "fw.elf"
        arguments = ["-device", "x"]
        elf = "fw.sym"
        vcpus = 2
        icount = "off"
        interrupts = false
        schedule = "only:1"
        qemu = "qemu-system-arm"
        engine = "gdb"
        """,
    )
    assert case.options == MachineOptions(
        machine=str(tmp_path / "board.toml"),
        image=tmp_path / "fw.elf",
        arguments=("-device", "x"),
        elf=tmp_path / "fw.sym",
        vcpus=2,
        icount="off",
        interrupts=False,
        schedule=Schedule(only=1),
        qemu=Path("qemu-system-arm"),
        engine=EngineChoice.GDB,
        timeout=60.0,
        reproducible=True,
    )
    assert case.golden == tmp_path / "right" / "boot.golden"
    words = "--smp 2 --icount off --interrupts off --schedule only:1 --qemu qemu-system-arm --machine-args"
    assert " ".join(case.command).endswith(f"{words} -device x fw.elf")


CASE = '[[case]]\nname = "a"\nprogram = "p"\n'
REFUSED = {
    "": "a suite has [[case]] tables",
    "case = 1": "a suite has [[case]] tables",
    "case = [1]": "case must be [[case]] tables",
    "goldens = 1\n" + CASE: "a suite has [[case]] tables",
    "golden = 'x'\n" + CASE: "no key 'golden', did you mean 'goldens'?",
    "[defaults]\nprogram = 'x'\n" + CASE: "defaults: program is what a case has for itself",
    "[[case]]\nprogram = 'p'": "each case needs a name, of letters, digits and _.+-, not None",
    "[[case]]\nname = '../x'\nprogram = 'p'": "each case needs a name",
    "[[case]]\nname = '.x'\nprogram = 'p'": "each case needs a name",
    CASE + CASE: "two cases are called 'a'",
    "[[case]]\nname = 'a'": "a: needs a program, or a machine",
    CASE + "limti = 1": "a: no key 'limti', did you mean 'limit'?",
    CASE + "limit = 0": "a: limit must be a number from 1 up, not 0",
    CASE + "limit = true": "a: limit must be a number from 1 up, not True",
    CASE + "timeout = '1'": "a: timeout must be seconds, not '1'",
    CASE + "arguments = [1]": "a: arguments must be a list of strings",
    CASE + "environment = { A = 1 }": "a: environment must be a table of strings",
    CASE + "registers = 'all'": "a: registers must be standard, full or touched, not 'all'",
    CASE + "start = 'main:0'": "main:0: the N in SYMBOL:N must be",
    CASE + "icount = 1": "a: icount: only a machine has that",
    CASE + "machine = 'x'\nstdin = 'y'": "a: stdin: only a program has that",
    CASE + "machine = 'x'\nicount = 11": "a: icount must be a number from 0 to 10, or 'off', not 11",
    CASE + "machine = 'x'\nschedule = 'never'": "a: schedule must be round-robin",
    CASE + "mask = 1": "a: mask must be a table",
    CASE + "mask.register = ['r0']": "a: mask: no key 'register', did you mean 'registers'?",
    CASE + "mask.registers = ['r0:x']": "a: mask: ",
    CASE + "mask.events = 1": "a: mask: events must be true or false, not 1",
    "[[case]": "not TOML: ",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_suite_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(REFUSED[text])) as raised:
        load_suite(suite_of(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_a_suite_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_suite(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xe4")
    with pytest.raises(UsageError, match="not UTF-8 at offset 0x0"):
        load_suite(tmp_path / "latin.toml")


def test_cases_are_chosen_by_name(tmp_path: Path) -> None:
    text = "".join(f'[[case]]\nname = "{name}"\nprogram = "p"\n' for name in ("one", "two", "three"))
    suite = load_suite(suite_of(tmp_path, text))
    assert [case.name for case in suite.chosen(["three", "one"])] == ["one", "three"]
    assert suite.chosen([]) == suite.cases
    with pytest.raises(UsageError, match=r"no case 'twp', did you mean 'two'\?"):
        suite.chosen(["twp"])


def test_a_program_that_is_not_there_is_an_error_of_its_case(tmp_path: Path) -> None:
    result = check_case(case_of(tmp_path, CASE))
    assert (result.verdict, result.has_failed) == (Verdict.ERROR, True)
    assert result.lines == [f"{tmp_path / 'p'}: no such file"]


def test_the_page_has_every_key() -> None:
    page = (TESTS.parent / "docs" / "golden.md").read_text()
    assert {key for key in (*KEYS, *MASKS) if f"`{key}`" not in page} == set()


# Workers.


def _square(number: int) -> int:
    os.chdir("/")
    return number * number


def _fail(number: int) -> int:
    raise UsageError(f"not {number}")


def _die(number: int) -> int:
    os._exit(number)


def _wait(path: Path) -> None:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        path.write_text("ended politely")
        raise


def test_what_is_made_of_each_comes_as_it_is_done() -> None:
    here = Path.cwd()
    assert sorted(made_of(range(7), _square, 3)) == [(number, number * number) for number in range(7)]
    assert Path.cwd() == here


def test_an_exception_comes_out() -> None:
    with pytest.raises(UsageError, match="not 1"):
        list(made_of([1], _fail, 1))


def test_a_process_that_dies_is_an_error() -> None:
    with pytest.raises(ToolError, match=r"7: its process died \(7\)"):
        list(made_of([7], _die, 1))


def test_who_stops_early_ends_the_processes_politely(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "ab"]

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(made_of(paths, _wait, 2))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert [path.read_text() for path in paths] == ["ended politely"] * 2


# JUnit.


def test_a_junit_report() -> None:
    cases = [
        JunitCase("good", 1.5),
        JunitCase("bad", 0.25, failure=["register: x0", "  0x1 \x1b[31m<&>"]),
        JunitCase("none", 0.0, error=["no QEMU"]),
    ]
    (suite,) = ElementTree.fromstring(junit_xml("guests", cases))
    assert suite.attrib == {"name": "guests", "tests": "3", "failures": "1", "errors": "1", "time": "1.750"}
    good, bad, none = suite
    assert good.attrib == {"classname": "guests", "name": "good", "time": "1.500"}
    assert not list(good)
    (failure,) = bad
    assert (failure.tag, failure.get("message")) == ("failure", "register: x0")
    assert failure.text == "register: x0\n  0x1 \\x1b[31m<&>"
    (error,) = none
    assert (error.tag, error.text) == ("error", "no QEMU")
