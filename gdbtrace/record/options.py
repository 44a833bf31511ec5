"""What to trace and how, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from gdbtrace.errors import UsageError
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.recorder import Progress
from gdbtrace.trace.container import TocConvention
from gdbtrace.tracer.settings import Schedule
from gdbtrace.tracer.step_record import Gap

MOST_HITS = (1 << 31) - 1


class Outcome(Enum):
    """Why a trace ended."""

    EXITED = "exited"
    KILLED = "killed by a signal"
    LIMIT = "limit reached"
    STOP = "stop address reached"
    TIMEOUT = "time limit reached"
    INTERRUPTED = "interrupted"
    REPLACED = "guest replaced itself by another program, which was not traced"
    HALTED = "every vCPU waits for an interrupt"


@dataclass(frozen=True, slots=True)
class Place:
    """An address or symbol, and which time it is reached: ``SYMBOL|ADDRESS[+OFFSET][:N]``."""

    text: str
    """What the user wrote, without the count."""
    hits: int = 1

    @staticmethod
    def parse(text: str) -> Place:
        """Read what ``--start`` and ``--stop`` take.

        :raise UsageError: the count is not a positive number.
        """
        name, separator, count = text.rpartition(":")
        if not separator or not re.fullmatch(r"-?\d+", count):
            return Place(text)
        if not name or not 1 <= int(count) <= MOST_HITS:
            raise UsageError(f"{text}: the N in SYMBOL:N must be from 1 to {MOST_HITS}")
        return Place(name, int(count))

    def __str__(self) -> str:
        return f"{self.text}:{self.hits}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOptions:
    """How to trace, whatever it is."""

    output: Path | None = None
    """None: what is traced, with ``.frames`` behind it, in the working directory."""
    arch: str | None = None
    """None: what the ELF header or the machine's profile says."""
    engine: EngineChoice = EngineChoice.AUTO
    registers: RegisterLists = RegisterLists.STANDARD
    limit: int | None = None
    """Instructions to record at most."""
    timeout: float | None = None
    """Seconds to trace at most."""
    start: Place | None = None
    stop: Place | None = None
    toc: TocConvention = TocConvention.STANDARD
    std_only: bool = False
    """Only instructions: no frames of system calls, signals, exceptions, modules, and no key frames."""
    key_interval: int = 10_000
    """Instructions from one key frame to the next."""
    reproducible: bool = False
    """Fixed user, host and times, and no absolute path, in the meta frame."""


@dataclass(frozen=True, slots=True)
class RunOptions(TraceOptions):
    """A program under user-mode QEMU."""

    program: Path
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: Path | None = None
    stdout: Path | None = None
    """Where the guest's standard output goes; None: to ours."""
    sysroot: Path | None = None
    qemu: Path | None = None
    cpu: str | None = None
    is_pinned: bool = True
    """What differs from run to run, and need not, is the same in every one: docs/determinism.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOptions(TraceOptions):
    """Firmware under full-system QEMU."""

    machine: str | None = None
    """A profile's name, or the path of one; None: a bare QEMU of ``arguments``."""
    image: Path | None = None
    """None: the machine's own firmware."""
    elf: Path | None = None
    """Where the symbols are, if not in the image."""
    arguments: Sequence[str] = ()
    """For QEMU, after the profile's."""
    qemu: Path | None = None
    cpu: str | None = None
    memory: str | None = None
    vcpus: int | None = None
    """None: the profile's."""
    schedule: Schedule = field(default_factory=Schedule)
    interrupts: bool | None = None
    """Whether steps take interrupts; None: the profile's policy."""
    icount: int | Literal["off"] | None = None
    """Virtual nanoseconds of an instruction, as a power of two; None: the profile's; ``off``: time is the host's."""
    until_console: str | None = None
    """Run at full speed until the console has printed this."""
    console: Path | None = None
    """Where the console's output goes; None: our standard error."""
    semihosting: bool = False
    gdb_port: int | None = None
    """Have QEMU's stub listen there, on the loopback interface, and not on a private socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeOptions(TraceOptions):
    """A program on this machine's own processor, under a gdbserver of ours. What it prints is not seen."""

    program: Path
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttachOptions(TraceOptions):
    """What is behind somebody's stub."""

    endpoint: str
    """``HOST:PORT`` or the path of a unix socket."""
    elf: Path | None = None
    """Where the symbols are."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of it."""

    outcome: Outcome
    path: Path
    frames: int
    """Of all kinds."""
    instructions: int
    seconds: float
    """Spent stepping."""
    arch: str
    engine: str
    exit_status: int | None
    """The guest's own, where it exited."""
    signal: int | None
    """gdb's number of the signal that killed the guest, where one did."""
    gaps: Sequence[Gap]
    """What ran and could not be observed."""
    unknown_operands: int
    """Frames whose memory operands are not known, and therefore not listed."""
    registers_compared: int
    """How many registers of gdb's view were compared, over all bursts."""
    detail: str = ""
    """More about the end, where there is more to say."""

    @property
    def end(self) -> str:
        """How it ended, in words."""
        if self.exit_status is not None:
            return f"guest exited with status {self.exit_status}"
        if self.signal is not None:
            return f"guest killed by signal {self.signal}"
        return self.detail or self.outcome.value

    @property
    def rate(self) -> float:
        """Instructions per second."""
        return self.instructions / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Observer:
    """Who watches a run. All of it is optional."""

    on_progress: Callable[[Progress], None] | None = None
    on_warning: Callable[[str], None] | None = None
    on_interruptible: Callable[[Callable[[], None]], None] | None = None
    """Receives a function that ends the run early and keeps the trace; a signal handler may call it."""

    def warn(self, text: str) -> None:
        """Pass a warning on."""
        if self.on_warning is not None:
            self.on_warning(text)


__all__ = [
    "MOST_HITS",
    "AttachOptions",
    "MachineOptions",
    "NativeOptions",
    "Observer",
    "Outcome",
    "Place",
    "RunOptions",
    "Schedule",
    "Summary",
    "TraceOptions",
]
