"""``gdbtrace doctor`` as its users run it: on this machine, and where tools are missing, old or broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.doctor.programs import PROGRAMS
from tests.command_line import Done, Workplace
from tests.toolchain import GUESTS, QEMU_10_0

LIVE_LOCKING = {"ppc", "ppc64", "ppc64le", "aarch64", "aarch64_be", "alpha"}
ONE_STEP = {"riscv64", "riscv32", "s390x"}
DONE, FAILED, USAGE = 0, 1, 2


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def tools(place: Workplace, *names: str, scripts: Mapping[str, str] | None = None) -> str:
    """A PATH with nothing but these tools, and scripts of ours."""
    path = place.directory / "tools"
    path.mkdir()
    for name in ("sh", "env", "unshare", "setsid", *names):
        found = shutil.which(name)
        assert found is not None
        (path / name).symlink_to(found)
    for name, text in (scripts or {}).items():
        (path / name).write_text(f"#!/bin/sh\n{text}\n")
        (path / name).chmod(0o755)
    return str(path)


def reports(done: Done) -> dict[str, dict[str, object]]:
    return {report["arch"]: report for report in json.loads(done.out.splitlines()[-1])}


@pytest.mark.parametrize("directory", [None, QEMU_10_0], ids=["installed", "10.0"])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_everything_works_here(place: Workplace, arch: str, directory: Path | None) -> None:
    if directory is None and ARCHITECTURES[arch].least_qemu:
        pytest.skip("the installed QEMU is too old for it: another test")
    done = place.run("doctor", "--json", arch, *(("--qemu", directory) if directory else ()))
    report = reports(done)[arch]
    assert (done.status, done.err, report["problems"], report["works"]) == (DONE, "", [], True)
    assert (report["instructions"], report["is_trace_right"]) == (PROGRAMS[arch].executed, True)
    assert (report["gdb"] is None) == (ARCHITECTURES[arch].gdb_architecture is None)
    assert report["live_locks"] == (arch in LIVE_LOCKING if PROGRAMS[arch].has_exclusives else None)
    assert report["swallows"] == (arch not in ONE_STEP)


def test_table(place: Workplace) -> None:
    done = place.run("doctor", "aarch64", "riscv64")
    heading, *lines = done.out.splitlines()
    assert heading.split() == [
        "arch",
        "qemu",
        "gdb",
        "decoder",
        "g",
        "system",
        "call",
        "exclusives",
        "trace",
        "problem",
    ]
    assert [line.split()[0] for line in lines[:2]] == ["aarch64", "riscv64"]
    assert [line.split()[-5:] for line in lines[:2]] == [
        ["268", "swallows", "live-lock", "right", "-"],
        ["one", "step", "survive", "right", "-"],
    ]
    assert [line.partition(":")[0] for line in lines[3:]] == ["swallows", "live-lock"]


def test_what_is_missing_is_told_and_is_no_failure(place: Workplace) -> None:
    # Given a machine with qemu-arm alone, and no gdb
    done = place.run("doctor", "--json", "arm", "mips", path=tools(place, "qemu-arm"))

    # Then arm is traced all the same, and mips is not tried
    arm, mips = reports(done).values()
    assert (done.status, arm["is_trace_right"], arm["gdb"], mips["qemu"]) == (DONE, True, None, None)
    assert arm["problems"] == [
        {
            "text": "gdb-multiarch not found",
            "remedy": "install Debian's gdb-multiarch, or use --engine rsp",
            "is_failure": False,
        }
    ]
    assert mips["problems"] == [
        {
            "text": "qemu-mips not found",
            "remedy": "install Debian's qemu-user, or pass --qemu PATH",
            "is_failure": False,
        }
    ]


def test_a_qemu_that_is_too_old(place: Workplace) -> None:
    path = tools(place, scripts={"qemu-hexagon": "echo qemu-hexagon version 7.2.22"})
    done = place.run("doctor", "hexagon", path=path)
    assert done.status == DONE
    assert "is QEMU 7.2, whose gdbstub cannot be used for this architecture, and 8.1 is needed" in done.out
    assert "pass a newer one with --qemu PATH" in done.out


def test_a_qemu_that_dies_is_a_failure(place: Workplace) -> None:
    path = tools(place, scripts={"qemu-arm": 'test "$1" = --version && echo version 10.0.0 && exit; exit 5'})
    done = place.run("doctor", "arm", path=path)
    assert done.status == FAILED
    assert "1: QEMU ended with status 5 before its gdbstub could be reached: try another QEMU with --qemu" in done.out


def test_a_trace_that_is_wrong_is_a_failure(place: Workplace) -> None:
    # Given an emulator that runs another program than the one it is told to
    script = f"""
        test "$1" = --version && exec {shutil.which("qemu-arm")} --version
        for last; do :; done
        cp {GUESTS}/arm/guest "$last"
        exec {shutil.which("qemu-arm")} "$@"
    """
    done = place.run("doctor", "--json", "arm", path=tools(place, "cp", scripts={"qemu-arm": script}))
    report = reports(done)["arm"]
    assert (done.status, report["works"], report["is_trace_right"]) == (FAILED, False, False)


def test_a_gdb_that_does_not_work_is_a_failure(place: Workplace) -> None:
    script = 'test "$1" = --version && echo "GNU gdb 13.1" && exit; exit 1'
    done = place.run("doctor", "arm", path=tools(place, "qemu-arm", scripts={"gdb-multiarch": script}))
    assert done.status == FAILED
    assert "1: gdb cannot be used: gdb ended unexpectedly: use --engine rsp" in done.out


def test_a_qemu_that_was_named_and_is_not_there(place: Workplace) -> None:
    done = place.run("doctor", "--qemu", "nowhere", "arm")
    message = "--qemu nowhere: no such file or directory; name an emulator, or a directory of emulators"
    assert (done.status, done.complaint) == (USAGE, message)


def test_usage(place: Workplace) -> None:
    done = place.run("doctor", "--qemu", "/usr/bin/qemu-arm")
    message = "--qemu: one emulator is for one architecture: name it, or pass a directory of emulators"
    assert (done.status, done.complaint) == (USAGE, message)
    done = place.run("doctor", "nonsense")
    assert (done.status, done.complaint) == (USAGE, "no architecture 'nonsense'; `gdbtrace archs` lists them")
