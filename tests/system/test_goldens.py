"""Every guest of vm-images does what its golden says; and the command that suites are checked with."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.regression.golden import read_manifest, sha256_of
from gdbtrace.regression.suite import Verdict, check_case, load_suite
from gdbtrace.trace.frames import SyscallFrame
from tests.command_line import Workplace, wait_until
from tests.toolchain import GUESTS, TESTS, Workshop

SUITE = load_suite(TESTS / "goldens" / "suite.toml")
CASES = {case.name: case for case in SUITE.cases}
MOST_BYTES = 2 << 20
WHERE_AM_I = TESTS / "programs" / "whereami.c"
SPARC64 = GUESTS / "sparc64" / "guest"


@pytest.mark.qemu
@pytest.mark.parametrize("name", CASES)
def test_a_guest_does_what_its_golden_says(name: str) -> None:
    result = check_case(CASES[name])
    assert result.verdict is Verdict.EQUAL, "\n".join(result.lines)


def test_every_guest_has_a_case_and_every_golden_has_one() -> None:
    programs = {case.program for case in SUITE.cases}
    images = {
        path for path in GUESTS.parent.rglob("*") if path.suffix in (".elf", ".bin", ".img") or path.name == "guest"
    }
    # What has the symbols of raw images is none itself.
    assert {str(path) for path in images - programs if path.is_file() and path.name != "pc.elf"} == set()
    goldens = {path for path in (TESTS / "goldens").glob("*.golden")}
    assert goldens == {case.golden for case in SUITE.cases}


def test_the_goldens_are_small_and_are_of_the_guests_that_are_here() -> None:
    assert sum(path.stat().st_size for path in (TESTS / "goldens").iterdir()) < MOST_BYTES
    for case in SUITE.cases:
        manifest = read_manifest(case.golden)
        assert manifest["golden"]["sha256"] == sha256_of(case.golden), case.name
        assert case.program is not None
        assert manifest["program"] == {"name": case.program.name, "sha256": sha256_of(case.program)}, case.name
        assert 20 * manifest["golden"]["bytes"] < manifest["trace"]["bytes"], case.name


# The command.


def write_suite(place: Workplace, program: Path = SPARC64, more: str = "") -> Path:
    """A suite of one case, `one`, of the first 300 instructions of a program that is copied there."""
    shutil.copy(program, place.directory / "program")
    path = place.directory / "suite.toml"
    path.write_text(f'[defaults]\nlimit = 300\n\n[[case]]\nname = "one"\nprogram = "program"\n{more}')
    return path


def recorded(place: Workplace) -> Path:
    """The golden of such a suite."""
    done = place.run("golden", "record", write_suite(place))
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "1 cases: 1 written"
    return place.directory / "goldens" / "one.golden"


@pytest.mark.qemu
def test_a_suite_is_recorded_and_checked_and_a_recorded_golden_stays(place: Workplace) -> None:
    golden = recorded(place)
    before = golden.read_bytes(), golden.stat().st_mtime_ns
    done = place.run("golden", "check", "suite.toml")
    assert (done.status, done.out.splitlines()[-1]) == (0, "1 cases: 1 equal")
    for action in ("record", "update"):
        assert place.run("golden", action, "suite.toml").out.splitlines()[-1] == "1 cases: 1 kept"
    assert (golden.read_bytes(), golden.stat().st_mtime_ns) == before


@pytest.mark.qemu
@pytest.mark.cross
@pytest.mark.parametrize("arch", ["aarch64", "sparc64"])
def test_a_golden_holds_wherever_the_suite_is(place: Workplace, workshop: Workshop, arch: str) -> None:
    # Given a C library that asks where its program is, within these instructions
    suite = write_suite(place, workshop.program(arch, WHERE_AM_I), "limit = 1500\n")
    assert place.run("golden", "record", suite).status == 0
    with open_trace(place.directory / "goldens" / "one.golden") as reader:
        numbers = [frame.number for frame in reader if isinstance(frame, SyscallFrame)]
    names = ARCHITECTURES[arch].system_calls.names
    assert any(names.get(number, "").startswith("readlink") for number in numbers)
    # Then its path may be another one, of another length
    elsewhere = place.directory / "a longer name than before" / "twice"
    shutil.copytree(place.directory, elsewhere, ignore=lambda *_: [elsewhere.parent.name, place.temp.name])
    done = place.run("golden", "check", elsewhere / suite.name)
    assert (done.status, done.out.splitlines()[-1]) == (0, "1 cases: 1 equal")


@pytest.mark.qemu
def test_the_manifest_says_what_the_golden_was_made_with(place: Workplace) -> None:
    golden = recorded(place)
    manifest = json.loads(golden.with_name("one.golden.json").read_text())
    assert set(manifest["versions"]) == {"gdbtrace", "qemu", "capstone"}
    with open_trace(golden) as reader:
        frames = len(list(reader))
    assert manifest["golden"] == {"sha256": sha256_of(golden), "bytes": golden.stat().st_size, "frames": frames}
    # The command makes the same trace.
    program, *words = manifest["command"]
    assert program == "gdbtrace"
    assert place.run(*words, "-o", "by-hand.frames").status == 0
    assert sha256_of(place.directory / "by-hand.frames") == manifest["trace"]["sha256"]
    assert place.run("golden", "unpack", golden, "-o", "unpacked.frames").status == 0
    assert sha256_of(place.directory / "unpacked.frames") == manifest["trace"]["sha256"]


@pytest.mark.qemu
def test_a_missing_golden_fails_and_is_not_made(place: Workplace) -> None:
    done = place.run("golden", "check", write_suite(place), "--junit", "report.xml")
    assert done.status == 1
    assert "missing one" in done.out
    assert not (place.directory / "goldens").exists()
    (suite,) = ElementTree.parse(place.directory / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "1", "0")


@pytest.mark.qemu
def test_a_program_that_changed_is_different_until_the_golden_is_updated(place: Workplace) -> None:
    golden = recorded(place)
    program = place.directory / "program"
    # sub %sp, 0x30, %sp, its second instruction, with another constant
    program.write_bytes(program.read_bytes().replace(bytes.fromhex("9c23a030"), bytes.fromhex("9c23a040")))
    before = golden.read_bytes()
    done = place.run("golden", "check", "suite.toml", "--json", "--junit", "report.xml")
    assert done.status == 1
    (case,) = json.loads(done.out)["cases"]
    assert case["verdict"] == "different"
    assert case["divergence"] is not None
    assert "program is not the program that the golden was made with" in case["lines"]
    (failure,) = ElementTree.parse(place.directory / "report.xml").getroot().iter("failure")
    assert (failure.text or "").splitlines() == case["lines"]
    assert golden.read_bytes() == before
    assert place.run("golden", "update", "suite.toml").out.splitlines()[-1] == "1 cases: 1 written"
    assert place.run("golden", "check", "suite.toml").status == 0


@pytest.mark.qemu
def test_a_damaged_golden_is_an_error_and_an_update_makes_it_anew(place: Workplace) -> None:
    golden = recorded(place)
    os.truncate(golden, golden.stat().st_size - 1)
    done = place.run("golden", "check", "suite.toml")
    assert (done.status, done.out.splitlines()[-1]) == (3, "1 cases: 1 error")
    assert "golden cut short" in done.out
    assert place.run("golden", "update", "suite.toml").status == 0
    assert place.run("golden", "check", "suite.toml").status == 0


@pytest.mark.qemu
def test_a_golden_of_another_architecture_is_an_error_and_an_update_makes_it_anew(place: Workplace) -> None:
    golden = recorded(place)
    shutil.copy(GUESTS / "aarch64" / "guest", place.directory / "program")
    done = place.run("golden", "check", "suite.toml")
    assert (done.status, done.out.splitlines()[-1]) == (3, "1 cases: 1 error")
    assert place.run("golden", "update", "suite.toml").out.splitlines()[-1] == "1 cases: 1 written"
    done = place.run("info", golden, "--json")
    assert json.loads(done.out)["arch"] == "aarch64"


def test_a_trace_is_not_unpacked(place: Workplace) -> None:
    trace = place.directory / "x.frames"
    shutil.copy(TESTS / "traces" / "aarch64.frames", trace)
    done = place.run("golden", "unpack", "x.frames")
    assert (done.status, done.err) == (4, "gdbtrace: x.frames: not a golden at offset 0x0\n")
    assert trace.read_bytes() == (TESTS / "traces" / "aarch64.frames").read_bytes()


@pytest.mark.qemu
def test_what_cannot_be_run_is_an_error_and_the_other_cases_go_on(place: Workplace) -> None:
    two = '[[case]]\nname = "two"\nprogram = "nothing"\n'
    three = '[[case]]\nname = "three"\nprogram = "program"\nqemu = "./no-qemu"\n'
    write_suite(place, more=two + three)
    done = place.run("golden", "record", "suite.toml", "-j", "2")
    assert (done.status, done.out.splitlines()[-1]) == (3, "3 cases: 2 error, 1 written")
    assert "nothing: no such file" in done.out


@pytest.mark.qemu
def test_a_run_that_does_not_end_in_time_is_an_error(place: Workplace) -> None:
    done = place.run("golden", "record", write_suite(place, more="timeout = 0.001\n"))
    assert done.status == 3
    assert "not done after 0.001 s" in done.out


@pytest.mark.qemu
@pytest.mark.cross
def test_an_interrupt_ends_all_that_runs(place: Workplace, behave: Path) -> None:
    """The workplace sees that neither processes nor files are left."""
    names = ("one", "two", "three")
    cases = (f'[[case]]\nname = "{name}"\nprogram = "{behave}"\narguments = ["spin"]\n' for name in names)
    (place.directory / "suite.toml").write_text("".join(cases))
    process = place.start("golden", "record", "suite.toml", "-j", "2")
    wait_until(lambda: len(list(place.temp.glob("*/*.frames.part"))) == 2, "two traces")
    parts = list(place.temp.glob("*/*.frames.part"))
    wait_until(lambda: all(part.stat().st_size > 200_000 for part in parts), "frames in both")
    process.send_signal(signal.SIGINT)
    done = place.finish(process)
    assert (done.status, done.complaint) == (130, "interrupted")
    assert not (place.directory / "goldens").exists()
