"""Signals: what kills a guest, what its handlers see, and which frames there are of it. Caught ones are compared with
QEMU's own view in tests/exactness (``signals`` and ``faults``)."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from gdbtrace import Outcome, Place, RunOptions, open_trace
from gdbtrace.arch.linux import signal_of_gdb
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.record.engines import EngineChoice
from gdbtrace.trace import ExceptionFrame, Frame, StdFrame, SyscallFrame
from tests.toolchain import TESTS, Workshop
from tests.tracing import NULL, quiet_record

PROGRAMS = TESTS / "programs" / "common"
EIGHT = ("x86_64", "aarch64", "sparc64", "ppc64", "s390x", "mips", "arm", "riscv64")
DEATHS = {
    "load": "SEGV",
    "store": "SEGV",
    "fetch": "SEGV",
    "illegal": "ILL",
    "break": "TRAP",
    "divide": "FPE",
    "abort": "ABRT",
    "trap": "TRAP",
    "term": "TERM",
    "kill": "KILL",
    "real-time": "RT37",
}
"""A word for ``faults.c`` and the signal that it dies of."""
FAULTS = ("load", "store", "illegal", "break")
"""Where the instruction itself is the last one that is seen."""
BEHIND = {("x86_64", "break"), ("s390x", "illegal"), ("s390x", "break"), ("sparc64", "break")}
"""Where the program counter is behind the instruction; the last two have no breakpoint, and raise the signal."""


def options_for(program: Path, arch: str, trace: Path, *arguments: str) -> RunOptions:
    return RunOptions(
        program, arguments, output=trace, arch=arch, engine=EngineChoice.RSP, reproducible=True, stdin=NULL
    )


def frames_in(trace: Path) -> list[Frame]:
    with open_trace(trace) as reader:
        return list(reader)


@pytest.mark.parametrize(
    ("arch", "word"),
    [
        *(("x86_64", word) for word in DEATHS),
        *((arch, word) for arch in EIGHT[1:] for word in ("load", "store", "fetch", "illegal", "break", "abort")),
    ],
)
def test_fatal_signal(workshop: Workshop, tmp_path: Path, arch: str, word: str) -> None:
    # Given a guest that a signal kills
    program = workshop.program(arch, PROGRAMS / "faults.c")
    name = DEATHS[word]
    free = subprocess.run([f"qemu-{arch}", program, word], cwd=tmp_path, capture_output=True, check=False)
    # QEMU gives real-time signals other numbers on the host.
    assert name == "RT37" or free.returncode == -signal.Signals[f"SIG{name}"]

    # When it is traced
    summary = quiet_record(options_for(program, arch, tmp_path / "trace", word))

    # Then it ends so, nothing of it went unseen, and the signal is the last frame but for what it was raised by
    assert summary.signal is not None
    assert (summary.outcome, signal_of_gdb(summary.signal)) == (Outcome.KILLED, name)
    assert summary.gaps == []
    frames = frames_in(tmp_path / "trace")
    instructions = [frame for frame in frames if isinstance(frame, StdFrame)]
    if word != "kill":
        (taken,) = [frame for frame in frames if isinstance(frame, ExceptionFrame)]
        assert taken is frames[-1]
        assert (taken.exception_number, taken.to_addr) == (ARCHITECTURES[arch].system_calls.signals[name], None)
    if word in FAULTS and (arch, word) not in BEHIND:
        assert frames[-2] is instructions[-1]
        assert (instructions[-1].address, instructions[-1].post) == (taken.from_addr, None)
    if word == "fetch":
        assert taken.from_addr not in {frame.address for frame in instructions}


@pytest.mark.parametrize("arch", EIGHT)
@pytest.mark.parametrize("name", ["signals", "faults"])
def test_handler_is_entered_where_the_signal_frame_says(
    workshop: Workshop, tmp_path: Path, arch: str, name: str
) -> None:
    # When a guest that catches signals is traced
    program = workshop.program(arch, PROGRAMS / f"{name}.c")
    summary = quiet_record(options_for(program, arch, tmp_path / "trace"))
    assert (summary.exit_status, summary.gaps) == (0, [])

    # Then each signal's frame is followed by the first instruction of its handler
    frames = frames_in(tmp_path / "trace")
    taken = [(at, frame) for at, frame in enumerate(frames) if isinstance(frame, ExceptionFrame)]
    assert len(taken) >= 7
    for at, frame in taken:
        following = next(later for later in frames[at + 1 :] if isinstance(later, StdFrame))
        assert following.address == frame.to_addr

    # And what it interrupted goes on, unless a handler says otherwise: USR1 is raised by system calls
    number = ARCHITECTURES[arch].system_calls.signals["USR1"]
    addresses = {frame.address for frame in frames if isinstance(frame, StdFrame)}
    interrupted = [frame.from_addr for _, frame in taken if frame.exception_number == number]
    assert interrupted
    assert set(interrupted) <= addresses


def test_system_call_frame_comes_before_its_instruction(workshop: Workshop, tmp_path: Path) -> None:
    program = workshop.program("aarch64", PROGRAMS / "signals.c")
    quiet_record(options_for(program, "aarch64", tmp_path / "trace"))
    frames = frames_in(tmp_path / "trace")
    calls = [at for at, frame in enumerate(frames) if isinstance(frame, SyscallFrame)]
    assert calls
    for at in calls:
        call, following = frames[at], frames[at + 1]
        assert isinstance(call, SyscallFrame)
        assert isinstance(following, StdFrame)
        assert (following.address, following.rawbytes) == (call.address, bytes.fromhex("010000d4"))


def test_handler_that_was_set_before_the_start_is_a_gap(workshop: Workshop, tmp_path: Path) -> None:
    # Given a trace that begins in a handler, which raises a signal for another one
    program = workshop.program("aarch64", PROGRAMS / "signals.c")
    options = options_for(program, "aarch64", tmp_path / "trace")
    options = RunOptions(
        program,
        output=options.output,
        arch="aarch64",
        engine=EngineChoice.RSP,
        stdin=NULL,
        start=Place("count_and_raise"),
    )
    # When it is traced to its end
    summary = quiet_record(options)

    # Then the other handler's first instruction and the way back from this one are said to be missing
    assert summary.exit_status == 0
    assert [gap.why.partition(":")[0] for gap in summary.gaps] == [
        "signal 10 was delivered to a handler that is not known",
        "the way back from a signal is not known",
        "the way back from a signal is not known",
    ]


def test_sigtrap_handler_is_lost_after_its_first_step(workshop: Workshop, tmp_path: Path) -> None:
    """A limit of QEMU: ``process_pending_signals`` resets a blocked signal's handler when a step stops
    (docs/limits.md)."""
    program = workshop.program("x86_64", PROGRAMS / "faults.c")
    free = subprocess.run(["qemu-x86_64", program, "two traps"], cwd=tmp_path, check=False)
    assert free.returncode == 50
    summary = quiet_record(options_for(program, "x86_64", tmp_path / "trace", "two traps"))
    assert (summary.outcome, summary.signal) == (Outcome.KILLED, 5)
