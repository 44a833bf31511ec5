"""Runs that are broken off: what is kept, what is said, and that nothing is left behind. Through the command line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.registry import ARCHITECTURES
from tests.command_line import ARCH, BOTH_ENGINES, GUEST, Workplace, address_in, frames_of, wait_until

SPIN = ("--start", "main", "-o", "x.frames", "--reproducible", "--std-only")
"""From the beginning of main, where the guest then runs until it is ended; a frame is an instruction."""


def start_and_wait_for_frames(
    place: Workplace, engine: str, options: Sequence[str], behave: Path
) -> subprocess.Popen[bytes]:
    """Trace the guest that never ends, until some of its frames are in the file."""
    process = place.start("run", "--engine", engine, *options, behave, "--", "spin")
    part = place.directory / "x.frames.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 200_000, "frames in x.frames.part")
    return process


def process_of(place: Workplace, is_wanted: Callable[[str], bool]) -> int:
    """The process of this trace whose command line is the one."""
    (found,) = [number for number, command in place.processes().items() if is_wanted(command)]
    return found


def is_qemu(command: str) -> bool:
    return command.partition(" ")[0].endswith(f"/qemu-{ARCH}")


def is_gdb(command: str) -> bool:
    return command.partition(" ")[0].endswith("/gdb-multiarch")


def is_tracer(command: str) -> bool:
    return "-m gdbtrace.tracer" in command


def assert_same_beginning(place: Workplace, engine: str, behave: Path) -> None:
    """The kept trace is the beginning of one that was not disturbed, frame by frame and byte by byte."""
    kept = messages(place.directory / "x.frames")
    limit = ("--limit", str(len(kept)))
    options = ("--start", "main", "-o", "undisturbed", "--reproducible", "--std-only")
    assert place.run("run", "--engine", engine, *options, *limit, behave, "--", "spin").status == 0
    assert len(kept) > 100
    assert kept == messages(place.directory / "undisturbed")


def messages(path: Path) -> list[bytes]:
    """The frames of a closed trace, as they stand in the file."""
    with open_trace(path) as reader:
        assert reader.is_closed
        return [message for _, message in reader.iter_messages()]


def kept_frames(complaint: str) -> int:
    """The number in ``kept: N frames in x.frames``."""
    match = re.search(r"; kept: (\d+) frames in x\.frames$", complaint)
    assert match is not None, complaint
    return int(match[1])


@BOTH_ENGINES
def test_killed_gdbtrace_leaves_no_process_and_every_whole_frame(place: Workplace, behave: Path, engine: str) -> None:
    # When gdbtrace is killed in the middle of a trace
    process = start_and_wait_for_frames(place, engine, SPIN, behave)
    process.kill()
    process.wait()

    # Then what it started ends, and its private directory goes
    wait_until(lambda: not place.processes(), "the end of QEMU, gdb and the tracer")
    wait_until(lambda: not list(place.temp.iterdir()), "the end of the private directory")

    # And the frames are there, each of them whole
    assert not (place.directory / "x.frames").exists()
    done = place.run("repair", "x.frames.part")
    assert (done.status, done.err) == (0, "")
    frames = len(messages(place.directory / "x.frames"))
    # The first bytes of a write are in the file before the last: a kill may come in between.
    assert re.fullmatch(rf"{frames:,} whole frames in x\.frames; [\d,]+ bytes dropped\n", done.out)
    assert_same_beginning(place, engine, behave)


@BOTH_ENGINES
def test_killed_qemu_is_named_and_the_frames_are_kept(place: Workplace, behave: Path, engine: str) -> None:
    process = start_and_wait_for_frames(place, engine, SPIN, behave)
    os.kill(process_of(place, is_qemu), signal.SIGKILL)
    done = place.finish(process)
    assert done.status == 3
    # The socket's end is seen when reading or, if a request was on its way, as a reset.
    assert re.match("the stub closed the connection|the connection to the stub broke", done.complaint)
    assert "; QEMU ended with exit status 137; kept: " in done.complaint
    assert kept_frames(done.complaint) == len(messages(place.directory / "x.frames"))
    assert_same_beginning(place, engine, behave)


@BOTH_ENGINES
def test_killed_tracer_is_named_and_the_frames_are_kept(place: Workplace, behave: Path, engine: str) -> None:
    process = start_and_wait_for_frames(place, engine, SPIN, behave)
    os.kill(process_of(place, is_tracer), signal.SIGKILL)
    done = place.finish(process)
    assert done.status == 3
    # QEMU, its debugger gone, goes on with the step's trap as if the guest had raised it: it may die and say so.
    *of_qemu, complaint = done.err.splitlines()
    assert of_qemu in ([], ["qemu: uncaught target signal 5 (Trace/breakpoint trap) - core dumped"])
    assert complaint.startswith("gdbtrace: the tracer process ended without a word; ")
    assert kept_frames(complaint) == len(messages(place.directory / "x.frames"))
    assert_same_beginning(place, engine, behave)


def test_killed_gdb_is_named_and_the_frames_are_kept(place: Workplace, behave: Path) -> None:
    process = start_and_wait_for_frames(place, "gdb", SPIN, behave)
    os.kill(process_of(place, is_gdb), signal.SIGKILL)
    done = place.finish(process)
    assert done.status == 3
    assert done.complaint.startswith("gdb ended unexpectedly")
    assert "QEMU" not in done.complaint
    assert kept_frames(done.complaint) == len(messages(place.directory / "x.frames"))
    assert_same_beginning(place, "gdb", behave)


@BOTH_ENGINES
def test_full_disk_is_named_and_the_frames_are_kept(place: Workplace, behave: Path, engine: str) -> None:
    options = ("--engine", engine, *SPIN)
    done = place.run("run", *options, behave, "--", "spin", prefix=["prlimit", "--fsize=600000"])
    assert done.status == 3
    # Where the table of contents has no room, frames make some.
    *dropped, complaint = done.err.splitlines()
    assert all(re.fullmatch(r"x\.frames: \d+ frames dropped to close the trace", line) for line in dropped)
    assert complaint.startswith("gdbtrace: x.frames: cannot be written: File too large; kept: ")
    frames = len(messages(place.directory / "x.frames"))
    assert kept_frames(complaint) == frames
    assert 500_000 < (place.directory / "x.frames").stat().st_size <= 600_000
    assert_same_beginning(place, engine, behave)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@BOTH_ENGINES
def test_interrupted_run_is_kept(place: Workplace, behave: Path, engine: str, number: signal.Signals) -> None:
    process = start_and_wait_for_frames(place, engine, SPIN, behave)
    process.send_signal(number)
    done = place.finish(process)
    assert done.status == 130
    assert done.complaint == "interrupted; the trace so far is kept in x.frames"
    assert done.out.endswith("; interrupted\n")
    assert_same_beginning(place, engine, behave)


@BOTH_ENGINES
def test_interrupt_while_the_guest_sleeps(place: Workplace, behave: Path, engine: str) -> None:
    # Given a guest that has gone to sleep: its frames come out of the tracer when it does, and QEMU waits
    process = place.start("run", "--engine", engine, *SPIN, behave, "--", "pause")
    wait_until(lambda: any(map(is_qemu, place.processes().values())), "QEMU")
    qemu = process_of(place, is_qemu)
    wait_until(lambda: is_in_pause(qemu), "the guest's sleep")
    process.send_signal(signal.SIGINT)
    done = place.finish(process)
    assert done.status == 130
    assert done.complaint == "interrupted; the trace so far is kept in x.frames"
    assert_ends_at_system_call(place.directory / "x.frames")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_before_anything_runs(place: Workplace, number: signal.Signals) -> None:
    # Given a run that waits for somebody to write to the guest's standard input
    os.mkfifo(place.directory / "pipe")
    process = place.start("run", "--stdin", "pipe", "-o", "x.frames", GUEST)
    wait_until(lambda: any(place.temp.glob("gdbtrace-*")), "the private directory")

    # When it is interrupted, then it ends and leaves nothing
    process.send_signal(number)
    assert place.finish(process).status == 130
    assert not list(place.directory.glob("x.frames*"))


def is_in_pause(process: int) -> bool:
    """Whether a thread of the process is in a system call that waits for a signal for ever.

    QEMU performs a guest's pause, on aarch64 ppoll without descriptors, as the host's ppoll (271 on x86_64).
    """
    for task in Path(f"/proc/{process}/task").iterdir():
        words = (task / "syscall").read_text().split()
        if words[:3] == ["271", "0x0", "0x0"]:
            return True
    return False


def assert_ends_at_system_call(trace: Path) -> None:
    """The next instruction of a trace would have been a system call."""
    last = frames_of(trace)[-1]
    mode = ARCHITECTURES[ARCH].modes[0]
    assert last.post is not None
    (following,) = [operand.as_int() for operand in last.post if not operand.is_memory and operand.name == "pc"]
    assert following == last.address + len(last.rawbytes)
    assert disassemble(last.rawbytes, last.address, mode).mnemonic != "svc"


@BOTH_ENGINES
def test_limit(place: Workplace, behave: Path, engine: str) -> None:
    done = place.run("run", "--engine", engine, *SPIN, "--limit", "777", behave, "--", "spin")
    assert (done.status, done.err) == (0, "")
    assert re.match(r"777 instructions of aarch64 in .*; limit reached\n$", done.out)
    assert len(messages(place.directory / "x.frames")) == 777


@BOTH_ENGINES
def test_time_limit_while_stepping(place: Workplace, behave: Path, engine: str) -> None:
    done = place.run("run", "--engine", engine, *SPIN, "--timeout", "1.5", behave, "--", "spin")
    assert done.status == 124
    assert done.complaint == "time limit reached; the trace so far is kept in x.frames"
    assert done.out.endswith("; time limit reached\n")
    assert_same_beginning(place, engine, behave)


@BOTH_ENGINES
def test_time_limit_while_the_guest_sleeps(place: Workplace, behave: Path, engine: str) -> None:
    done = place.run("run", "--engine", engine, *SPIN, "--timeout", "1.5", behave, "--", "pause")
    assert done.status == 124
    assert done.complaint == "time limit reached; the trace so far is kept in x.frames"
    assert_ends_at_system_call(place.directory / "x.frames")


@BOTH_ENGINES
def test_time_limit_before_the_start_is_reached(place: Workplace, behave: Path, engine: str) -> None:
    options = ("--engine", engine, "--start", "never_called", "--timeout", "0.5", "-o", "x.frames")
    done = place.run("run", *options, behave, "--", "spin")
    assert done.status == 124
    assert done.complaint == "time limit reached; the trace so far is kept in x.frames"
    assert messages(place.directory / "x.frames") == []


@BOTH_ENGINES
def test_guest_that_dies_of_a_signal_is_a_trace_like_any_other(place: Workplace, behave: Path, engine: str) -> None:
    done = place.run("run", "--engine", engine, *SPIN, behave, "--", "crash")
    assert done.status == 0
    assert done.out.endswith("; guest killed by signal 11\n")
    # QEMU may say so too, if it still can; nobody else does.
    assert done.err in ("", "qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n")
    frames = frames_of(place.directory / "x.frames")
    assert frames[0].address == address_in(behave, "main")
    assert [number for number, frame in enumerate(frames) if frame.post is None] == [len(frames) - 1]


def test_signal_is_in_the_json_summary(place: Workplace, behave: Path) -> None:
    done = place.run("run", "--json", *SPIN, behave, "--", "crash")
    summary = done.summary
    assert (summary["outcome"], summary["guest_signal"], summary["guest_exit_status"]) == ("killed", 11, None)


def test_temporary_directory_with_too_long_a_path(place: Workplace, behave: Path) -> None:
    deep = place.directory / ("a" * 100)
    deep.mkdir()
    done = place.run("run", "--limit", "3", behave, prefix=["env", f"TMPDIR={deep}"])
    assert done.status == 2
    assert done.complaint == f"{deep}: too long a path for a unix socket in it; set TMPDIR to a shorter one"
    assert list(deep.iterdir()) == []
