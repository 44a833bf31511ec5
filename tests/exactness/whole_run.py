"""One whole program, traced and compared with QEMU's own view of it."""

from __future__ import annotations

import contextlib
import itertools
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from gdbtrace import EngineChoice, Outcome, RunOptions, Summary, open_trace
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import StepRule
from gdbtrace.arch.registry import ARCHITECTURES, architecture_named
from gdbtrace.logs.surplus import EXTRA, is_further_iteration
from gdbtrace.report.instruction_log import memtrace_line
from gdbtrace.trace import ExceptionFrame, Frame, StdFrame, SyscallFrame
from tests.exactness.comparison import (
    MACHINE_UNSEEN,
    PARTLY_UNSEEN,
    UNDECODED_UNSEEN,
    UNSEEN,
    Comparison,
    Line,
    compare,
    parse_line,
)
from tests.exactness.cpu_log import RegisterComparison, State, compare_registers, with_x87_as_stack
from tests.exactness.guest_run import GuestRun
from tests.toolchain import Workshop
from tests.tracing import NULL, quiet_record


def trace_whole(run: GuestRun, trace: Path, engine: EngineChoice = EngineChoice.RSP) -> Summary:
    """Trace a program from its first instruction to its exit."""
    options = RunOptions(
        run.image, run.arguments, output=trace, arch=run.arch, engine=engine, reproducible=True, stdin=NULL, cpu=run.cpu
    )
    options = replace(options, qemu=run.qemu)
    with contextlib.chdir(run.directory):
        summary = quiet_record(options, stdout=run.stdout)
    assert summary.outcome is Outcome.EXITED
    return summary


def trace_once(workshop: Workshop, name: str, run: GuestRun) -> tuple[Path, Summary]:
    """A program's trace that several tests look at, and what recording it came to.

    :param name: of the program, for all of a test run.
    """

    def make(trace: Path) -> None:
        summary = trace_whole(run, trace)
        trace.with_name(f"{name}.summary").write_bytes(pickle.dumps(summary))

    trace = workshop.made(f"{name}.frames", make)
    summary: Summary = pickle.loads(trace.with_name(f"{name}.summary").read_bytes())
    return trace, summary


def compare_with_oracle(arch: str, trace: Path, lines: Path) -> Comparison:
    """Compare a whole trace with the plugin's lines."""
    with open_trace(trace) as reader, lines.open() as oracle:
        ours = (parse_line(memtrace_line(frame)) for frame in reader if isinstance(frame, StdFrame))
        return compare(arch, ours, map(parse_line, oracle), partial(is_unseen, arch))


def compare_with_log(workshop: Workshop, run: GuestRun, trace: Path) -> RegisterComparison:
    """Compare a trace's registers with QEMU's log of them, while QEMU writes it.

    Of the installed QEMU the whole trace.  Any other is linked statically, so nobody pins what its getrandom returns:
    up to the first of those.
    """
    is_extra = EXTRA.get(run.arch)
    with open_trace(trace) as reader, run.states(workshop) as states:
        if run.qemu is None:
            return compare_registers(run.arch, reader, states, is_extra)
        frames, states = until_random(run.arch, reader, states)
        if run.arch not in ("x86_64", "i386"):
            return compare_registers(run.arch, frames, states, is_extra)
        return compare_registers(run.arch, frames, map(with_x87_as_stack, states), is_extra, is_further_iteration)


def until_random(
    arch: str, frames: Iterable[Frame], states: Iterable[State]
) -> tuple[Iterator[Frame], Iterator[State]]:
    """Frames, and the states that are read along with them, up to the system call getrandom."""
    names = ARCHITECTURES[arch].system_calls.names
    is_over = False

    def frames_before() -> Iterator[Frame]:
        nonlocal is_over
        for frame in frames:
            if isinstance(frame, SyscallFrame) and names.get(frame.number) == "getrandom":
                is_over = True
                return
            yield frame

    def states_before() -> Iterator[State]:
        for state in states:
            if is_over:
                return
            yield state

    return frames_before(), states_before()


def is_unseen(arch: str, ours: Line, oracle: Line, *, is_machine: bool = False) -> bool:
    """Whether the plugin is known to be blind to this instruction's accesses, or to those that it does not show."""
    known = architecture_named(arch, is_machine=is_machine)
    if not oracle.touched <= ours.touched:
        return False
    if not ours.data and (entry := known.entry_points.get(ours.address)) is not None:
        return entry.name in UNSEEN.get(arch, ())
    mask, words = (MACHINE_UNSEEN if is_machine and arch in MACHINE_UNSEEN else UNDECODED_UNSEEN).get(
        arch, (0, frozenset())
    )
    first = ours.data[: (mask.bit_length() + 7) // 8]
    if not oracle.touched and int.from_bytes(first, "big") & mask in words:
        return True
    blind = (PARTLY_UNSEEN if oracle.touched else UNSEEN).get(arch, frozenset())
    modes = [mode for mode in known.modes if len(ours.data) in mode.instruction_bytes]
    return any(disassemble(ours.data, ours.address, mode).mnemonic in blind for mode in modes)


def unexplained_loads(arch: str, frames: Iterable[Frame]) -> list[str]:
    """Loads that do not see what the stores before them wrote: a store that was missed or cut short shows here.

    A system call may write anything, and so may the kernel that puts a signal frame on the stack: nothing is known
    after them.
    """
    memory: dict[int, int] = {}
    wrong = []
    system_call = StepRule.SYSTEM_CALL
    for number, frame in enumerate(frames):
        if isinstance(frame, ExceptionFrame):
            memory.clear()
        if not isinstance(frame, StdFrame):
            continue
        for operand in frame.memory_reads():
            for offset, byte in enumerate(operand.value):
                if memory.setdefault(operand.address + offset, byte) != byte:
                    wrong.append(f"frame {number} at {frame.address:#x}: {operand.address + offset:#x}")
        for operand in frame.memory_writes():
            memory.update(zip(itertools.count(operand.address), operand.value, strict=False))
        if not frame.rawbytes or rule_of(arch, frame.rawbytes, frame.mode) is system_call:
            memory.clear()
    return wrong


@cache
def rule_of(arch: str, data: bytes, mode_name: str | None, *, is_machine: bool = False) -> StepRule:
    """The step rule of an instruction, wherever it is."""
    found = architecture_named(arch, is_machine=is_machine)
    mode = next(mode for mode in found.modes if mode.name == mode_name)
    return found.behaviour_of(disassemble(data, 0, mode)).rule
