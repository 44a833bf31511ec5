"""Programs with several threads: one at a time, each thread's frames hang together, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from gdbtrace import Outcome, RunOptions, Summary, verify
from gdbtrace.record.engines import EngineChoice
from gdbtrace.report.instruction_log import memtrace_line
from gdbtrace.trace import StdFrame
from tests.command_line import ARCH, Workplace, frames_of, wait_until
from tests.exactness.comparison import RULES, parse_line
from tests.exactness.guest_run import GuestRun
from tests.toolchain import TESTS, Workshop
from tests.tracing import NULL, quiet_record

PROGRAMS = TESTS / "programs" / "common"
WITH_GLIBC = (
    *("sparc64", "ppc", "ppc64", "ppc64le", "arm", "aarch64", "x86_64", "i386", "mips", "mipsel", "mips64"),
    *("mips64el", "riscv64", "s390x"),
)


def trace(program: Path, arch: str, output: Path, *arguments: str, engine: EngineChoice = EngineChoice.RSP) -> Summary:
    return quiet_record(
        RunOptions(program, arguments, output=output, arch=arch, engine=engine, reproducible=True, stdin=NULL)
    )


def frames_by_thread(path: Path) -> dict[int, list[StdFrame]]:
    threads: dict[int, list[StdFrame]] = defaultdict(list)
    for frame in frames_of(path):
        threads[frame.thread_id].append(frame)
    return threads


def assert_frames_hang_together(path: Path, program: Path) -> None:
    consistency = verify(path, elf=program)
    assert consistency.is_consistent, consistency.lines


@pytest.mark.parametrize("arch", WITH_GLIBC)
def test_threads_take_turns(workshop: Workshop, tmp_path: Path, arch: str) -> None:
    # When a program whose threads count, lock, wait and join is traced twice
    program = workshop.program(arch, PROGRAMS / "threads.c")
    one, two = (trace(program, arch, tmp_path / name) for name in ("one", "two"))

    # Then it ends as it does freely, nothing went unseen, and there is a number for each thread
    assert (one.outcome, one.exit_status, one.gaps) == (Outcome.EXITED, 0, [])
    assert set(frames_by_thread(tmp_path / "one")) == {0, 1, 2, 3}
    assert_frames_hang_together(tmp_path / "one", program)

    # And the second run is the first one, byte for byte
    assert two.instructions == one.instructions
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "mips"])
def test_both_engines_trace_threads_alike(workshop: Workshop, tmp_path: Path, arch: str) -> None:
    program = workshop.program(arch, PROGRAMS / "threads.c")
    for engine in (EngineChoice.RSP, EngineChoice.GDB):
        trace(program, arch, tmp_path / engine.value, engine=engine)
    assert (tmp_path / "rsp").read_bytes() == (tmp_path / "gdb").read_bytes()


@pytest.mark.parametrize("limit", [9000, 15555])
def test_gdb_sees_the_registers_of_the_thread_that_ran_last(workshop: Workshop, tmp_path: Path, limit: int) -> None:
    program = workshop.program("aarch64", PROGRAMS / "threads.c")
    options = RunOptions(
        program,
        output=tmp_path / "trace",
        arch="aarch64",
        engine=EngineChoice.GDB,
        limit=limit,
        reproducible=True,
        stdin=NULL,
    )
    # A difference is an error.
    assert quiet_record(options).registers_compared >= 34
    assert frames_of(tmp_path / "trace")[-1].thread_id > 0


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "sparc64", "ppc64", "s390x", "mips", "arm", "riscv64"])
def test_each_thread_executes_what_the_oracle_shows(workshop: Workshop, tmp_path: Path, arch: str) -> None:
    # Given two threads that do not wait for each other
    program = workshop.program(arch, PROGRAMS / "apart.c")
    assert trace(program, arch, tmp_path / "trace").gaps == []

    # When QEMU runs them freely and tells of each one apart
    GuestRun(arch, program, tmp_path).plugin_lines(workshop, tmp_path / "lines")
    # A thread that has ended leaves its number to the next one.
    files = [tmp_path / "lines.1", *tmp_path.glob("lines.2")]
    oracle = [parse_line(line) for file in files for line in file.read_text().splitlines()]

    # Then the two executed the same instructions
    rule = RULES.get(arch)
    threads = frames_by_thread(tmp_path / "trace")
    assert set(threads) == {0, 1, 2}
    ours = [parse_line(memtrace_line(frame)) for number in (1, 2) for frame in threads[number]]
    theirs = list(rule(iter(oracle)) if rule else oracle)
    assert len(ours) > 2000
    assert [(line.address, line.data) for line in ours] == [(line.address, line.data) for line in theirs]


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "mips", "s390x"])
@pytest.mark.parametrize(
    ("word", "threads", "status"),
    [("signal", 2, 11), ("detached", 2, 21), ("outlive", 2, 40), ("turns", 9, 24), ("leave", 4, 30)],
)
def test_crowd(workshop: Workshop, tmp_path: Path, arch: str, word: str, threads: int, status: int) -> None:
    program = workshop.program(arch, PROGRAMS / "crowd.c")
    assert subprocess.run([f"qemu-{arch}", program, word], stdout=subprocess.DEVNULL, check=False).returncode == status
    summary = trace(program, arch, tmp_path / "trace", word)
    assert (summary.outcome, summary.exit_status, summary.gaps) == (Outcome.EXITED, status, [])
    assert set(frames_by_thread(tmp_path / "trace")) == set(range(threads))
    assert_frames_hang_together(tmp_path / "trace", program)


def test_fault_while_other_threads_sleep(workshop: Workshop, tmp_path: Path) -> None:
    program = workshop.program("x86_64", PROGRAMS / "crowd.c")
    summary = trace(program, "x86_64", tmp_path / "trace", "crash")
    assert (summary.outcome, summary.signal, summary.gaps) == (Outcome.KILLED, 11, [])


def test_time_limit_while_all_threads_sleep(place: Workplace, workshop: Workshop) -> None:
    program = workshop.program(ARCH, PROGRAMS / "crowd.c")
    done = place.run("run", "--engine", "rsp", "--timeout", "6", "-o", "x.frames", program, "--", "sleep")
    assert done.status == 124
    assert done.complaint == "time limit reached; the trace so far is kept in x.frames"
    assert {frame.thread_id for frame in frames_of(place.directory / "x.frames")} == {0, 1, 2, 3}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupt_while_all_threads_sleep(place: Workplace, workshop: Workshop, number: signal.Signals) -> None:
    # Given a guest whose threads all sleep
    program = workshop.program(ARCH, PROGRAMS / "crowd.c")
    process = place.start("run", "--engine", "rsp", "-o", "x.frames", program, "--", "sleep")
    wait_until(lambda: sleeping_threads(place) == 4, "four threads asleep")

    # When gdbtrace is interrupted, or killed
    os.kill(process.pid, number)

    # Then nothing is left, and what was traced is
    if number == signal.SIGINT:
        done = place.finish(process)
        assert done.status == 130
        assert done.complaint == "interrupted; the trace so far is kept in x.frames"
        assert {frame.thread_id for frame in frames_of(place.directory / "x.frames")} == {0, 1, 2, 3}
    else:
        process.wait()
        wait_until(lambda: not place.processes(), "the end of QEMU and the tracer")
        wait_until(lambda: not list(place.temp.iterdir()), "the end of the private directory")


def sleeping_threads(place: Workplace) -> int:
    """How many threads of QEMU are in ppoll without descriptors, as which it performs aarch64's pause."""
    number = 0
    for process, command in place.processes().items():
        if f"/qemu-{ARCH}" in command.partition(" ")[0]:
            for task in Path(f"/proc/{process}/task").iterdir():
                number += (task / "syscall").read_text().split()[:3] == ["271", "0x0", "0x0"]
    return number
