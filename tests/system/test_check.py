"""``gdbtrace check`` on real guests: twice, with both engines, under two QEMUs, on the processor."""

from __future__ import annotations

import os
import signal

import pytest

from tests.command_line import Workplace, wait_until
from tests.toolchain import GUESTS, TESTS, Workshop, qemu_10_0

FIRMWARE = TESTS.parent / "vm-images" / "firmware"
HELLO = TESTS / "programs" / "common" / "hello.c"
ON_X86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="gdbserver's processor is this machine's")


@pytest.mark.parametrize("arch", ["aarch64", "sparc64"])
def test_a_program_is_the_same_twice(place: Workplace, arch: str) -> None:
    done = place.run("check", GUESTS / arch / "guest", "--limit", "500", "--engine", "rsp", "--strict", "--json")
    assert (done.status, done.err) == (0, "")
    assert done.summary["equal"]
    runs = done.summary["runs"]
    assert isinstance(runs, list)
    assert [(run["name"], run["instructions"]) for run in runs] == [("first run", 500), ("second run", 500)]


def test_firmware_is_the_same_twice(place: Workplace) -> None:
    image = FIRMWARE / "riscv" / "virt-riscv64.elf"
    done = place.run("check", "--machine", "virt-riscv64", "--limit", "500", "--engine", "rsp", "--strict", image)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[0] == "equal"


def test_both_engines_see_the_same(place: Workplace) -> None:
    done = place.run("check", GUESTS / "mips" / "guest", "--limit", "500", "--engines", "--strict")
    assert (done.status, done.err) == (0, "")
    assert [line.split(":")[0] for line in done.out.splitlines()] == [
        "equal",
        "run with engine gdb",
        "run with engine rsp",
    ]


def test_unpinned_runs_differ_and_are_kept(place: Workplace, workshop: Workshop) -> None:
    # Given a program whose stack is somewhere
    program = workshop.program("aarch64", HELLO)
    common = (program, "--engine", "rsp", "--limit", "500", "--keep", "kept")
    # Then pinned runs are the same
    assert place.run("check", *common, "--strict").status == 0
    assert list((place.directory / "kept").iterdir()) == []
    # And those of the wild are not
    done = place.run("check", *common, "--no-pin", "--strict")
    assert done.status == 1
    assert done.out.splitlines()[0] == "different"
    # And both traces are there to be looked at
    kept = place.directory / "kept"
    assert place.run("diff", kept / "first.frames", kept / "second.frames", "--strict").status == 1


def test_what_is_never_the_same_is_masked(place: Workplace, workshop: Workshop) -> None:
    # Given a dynamically linked program, whose loader reads the time stamp counter
    program = workshop.movable_program("x86_64", HELLO, "-pie")
    common = ("check", program, "--engine", "rsp", "--limit", "1000")
    assert place.run(*common).status == 0
    done = place.run(*common, "--strict")
    assert done.status == 1
    assert "rdtsc" in done.out.splitlines()[4]


def test_two_qemus_differ_where_one_is_wrong(place: Workplace) -> None:
    # Given QEMU 10.0, whose sll clears the upper half, which SPARC V9 (A.49) shifts with the rest
    guest, emulator = GUESTS / "sparc64" / "guest", qemu_10_0("sparc64")
    common = ("check", guest, "--engine", "rsp", "--limit", "400", "--qemu", "qemu-sparc64", "--qemu", emulator.parent)
    # When it is compared with the installed one, but for the condition codes that a program begins with
    done = place.run(*common, "--no-events", "--mask-register", "state")
    assert done.status == 1
    assert "sll %g1, 0x10, %g2" in done.out.splitlines()[4]
    # Then with these instructions masked nothing differs
    assert place.run(*common, "--no-events", "--mask-register", "state", "--mask-instruction", "sll").status == 0


@ON_X86_64
def test_qemu_is_as_the_processor(place: Workplace, workshop: Workshop) -> None:
    done = place.run("check", workshop.program("x86_64", TESTS / "programs" / "native.S", "-nostdlib"), "--native")
    assert (done.status, done.err) == (0, "")
    assert "65 instructions" in done.out.splitlines()[1]


@ON_X86_64
def test_where_qemu_is_not_as_the_processor(place: Workplace, workshop: Workshop) -> None:
    flags = ("-nostdlib", "-fno-stack-protector", "-fno-pie", "-no-pie")
    program = workshop.program("x86_64", TESTS / "programs" / "x86" / "bits.c", *flags, name="native-bits.c")
    done = place.run("check", program, "--native")
    # docs/attach.md
    assert done.status == 1
    assert "blsi ecx, dword ptr" in done.out.splitlines()[4]


@ON_X86_64
def test_a_part_of_a_native_run(place: Workplace, workshop: Workshop) -> None:
    # What is left of the program is ended with gdbserver, which the workplace sees to
    program = workshop.program("x86_64", TESTS / "programs" / "native.S", "-nostdlib")
    done = place.run("check", program, "--native", "--limit", "20", "--engine", "rsp")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--engines", "--native"), "--engines and --native: one comparison at a time"),
        (("--qemu", "a", "--qemu", "b", "--qemu", "c"), "--qemu: one QEMU, or two to compare"),
        (("--engines", "--engine", "rsp"), "--engine: --engines takes both"),
        (("--native",), "a program for aarch64, which this machine's x86_64 processor cannot run"),
        (("--mask-register", "x3:"), "mask of registers 'x3:'"),
    ],
    ids=["both", "three", "engine", "other-arch", "mask"],
)
def test_what_cannot_be_checked(place: Workplace, options: tuple[str, ...], complaint: str) -> None:
    done = place.run("check", GUESTS / "aarch64" / "guest", *options)
    assert done.status == 2
    assert complaint in done.complaint


def test_a_time_limit_is_no_comparison(place: Workplace) -> None:
    done = place.run("check", GUESTS / "aarch64" / "guest", "--engine", "rsp", "--timeout", "0.01")
    assert done.status == 124
    assert done.complaint.startswith("time limit reached: nothing was compared; a --limit ends both")


def test_a_qemu_that_fails_is_named(place: Workplace) -> None:
    command = ("check", GUESTS / "aarch64" / "guest", "--qemu", "qemu-aarch64", "--qemu", "/bin/false")
    done = place.run(*command, "--engine", "rsp", "--limit", "10")
    assert done.status == 3
    assert done.complaint.endswith("in the run with /bin/false")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_check_leaves_nothing(place: Workplace, workshop: Workshop, number: signal.Signals) -> None:
    process = place.start("check", workshop.program("aarch64", HELLO), "--engine", "rsp")
    wait_until(lambda: any(part.stat().st_size for part in place.temp.glob("*/first.frames.part")), "the first frames")
    process.send_signal(number)
    done = place.finish(process)
    assert done.status == 130
    # And more where a step was made
    assert done.complaint in ("interrupted", "interrupted: nothing was compared")
