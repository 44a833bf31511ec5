"""``gdbtrace log`` while its trace is made, and against what QEMU's execlog prints of a CISC guest and of firmware."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest

from gdbtrace.cli.output import ExitStatus
from tests.command_line import ARCH, Workplace, wait_until
from tests.toolchain import GUESTS, TESTS

FIRMWARE = TESTS.parent / "vm-images" / "firmware"


def test_lines_of_a_cisc_guest_are_execlogs_with_the_whole_opcode(place: Workplace) -> None:
    # Given what execlog let through of the guest (tests/traces/execlog.sh made it)
    theirs = (TESTS / "traces" / "x86_64.execlog").read_text().splitlines()
    # When the guest is traced, and its log filtered alike
    assert place.run("run", "--engine", "rsp", "-o", "x", GUESTS / "x86_64" / "guest").status == 0
    filters = ("--ifilter", "call", "--ifilter", "push", "--afilter", "0x401900")
    ours = place.run("log", "--no-symbols", "--vcpu", "0", *filters, "x").out.splitlines()
    # Then all is the same, disassembly and filters too, but opcodes, of which execlog has four bytes, its or not
    assert [line.split(", ", 3)[:2] for line in ours] == [line.split(", ", 3)[:2] for line in theirs]
    stack = re.compile(r"0x40008[0-9a-f]{5}")
    assert [stack.sub("", line.split(", ", 3)[3]) for line in ours] == [
        stack.sub("", line.split(", ", 3)[3].replace(' "', '"')) for line in theirs
    ]
    sizes = {line.split(", ")[2] for line in ours}
    assert any(len(opcode) > len("0x12345678") for opcode in sizes)
    for mine, its in zip(ours, theirs, strict=True):
        opcode, first = (int(line.split(", ")[2], 16) for line in (mine, its))
        mask = (1 << min(opcode.bit_length() + 7 & -8, 32)) - 1
        assert opcode & 0xFFFFFFFF & mask == first & mask


def test_lines_of_firmware_are_execlogs(place: Workplace) -> None:
    # Given what execlog let through of firmware before its first interrupt (tests/traces/execlog.sh made it)
    theirs = (TESTS / "traces" / "virt-aarch64.execlog").read_text().splitlines()
    # When it is traced, and its log filtered alike
    image = FIRMWARE / "aarch64" / "virt-aarch64.elf"
    options = ("--engine", "rsp", "--limit", "1500", "--console", "console", "-o", "x")
    assert place.run("run", "--machine", "virt-aarch64", "--smp", "2", *options, image).status == 0
    filters = ("--ifilter", "ldr", "--ifilter", "ldp", "--ifilter", "str", "--ifilter", "stp")
    ours = place.run("log", "--no-symbols", "--vcpu", "0", *filters, "x").out.splitlines()
    # Then each character is the same: RAM, devices, physical addresses
    assert ours[: len(theirs)] == theirs
    assert sum(", pl011" in line for line in theirs) > 100


@contextmanager
def followed(
    place: Workplace, behave: Path, what: str, *options: str
) -> Iterator[tuple[Path, Popen[bytes], Popen[bytes]]]:
    """A trace that is being made of a program which does something until it is interrupted, who makes it, and a log
    that follows it."""
    (place.directory / "made").mkdir()
    tracing = Workplace(place.directory / "made")
    trace = tracing.directory / "x.frames"
    tracer = tracing.start("run", "--engine", "rsp", "--arch", ARCH, "-o", trace, behave, what)
    try:
        wait_until(trace.with_name("x.frames.part").exists, "the trace")
        follower = place.start("log", "--follow", *options, trace)
        try:
            yield trace, tracer, follower
        finally:
            follower.kill()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracing.finish(tracer)


@pytest.mark.parametrize(
    ("interrupted", "status", "complaints"),
    [("tracer", ExitStatus.DONE, ""), ("follower", ExitStatus.INTERRUPTED, "gdbtrace: interrupted\n")],
)
def test_trace_can_be_followed_while_it_is_made(
    place: Workplace, behave: Path, interrupted: str, status: ExitStatus, complaints: str
) -> None:
    with followed(place, behave, "spin") as (trace, tracer, follower):
        wait_until(lambda: (place.directory / "out").stat().st_size > 100_000, "lines")
        # When one of them is interrupted
        {"tracer": tracer, "follower": follower}[interrupted].send_signal(signal.SIGINT)
        done = place.finish(follower)
    # Then the log ends, and is the one of the trace as far as it went
    assert (done.status, done.err) == (status, complaints)
    whole = place.run("log", trace).out
    assert done.out == whole if interrupted == "tracer" else whole.startswith(done.out)


def test_who_follows_a_trace_sees_where_the_program_sleeps(place: Workplace, behave: Path) -> None:
    with followed(place, behave, "pause", "--events") as (_, _, follower):
        # Then all that it has done is shown (ppoll is 73), and no more will come
        wait_until(lambda: ", syscall 73, " in (place.directory / "out").read_text(), "the system call")
        follower.send_signal(signal.SIGINT)
        done = place.finish(follower)
    assert ", syscall 73, " in done.out.splitlines()[-1]
