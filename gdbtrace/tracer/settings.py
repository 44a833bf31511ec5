"""What the recorder tells the tracer process when it starts it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path


class TargetKind(Enum):
    """What is behind the stub."""

    PROCESS = "process"
    """A Linux process under user-mode QEMU."""
    MACHINE = "machine"
    """A machine under full-system QEMU."""
    ATTACHED = "attached"
    """Somebody's stub, whatever it stands for."""
    NATIVE = "native"
    """A program on this machine's processor, under a gdbserver of ours."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which vCPU has its turn."""

    quantum: int = 100
    """Instructions in a turn."""
    only: int | None = None
    """The one that alone is stepped; None: each in turn."""

    @staticmethod
    def parse(text: str) -> Schedule:
        """Read ``round-robin``, ``round-robin:QUANTUM`` or ``only:VCPU``.

        :raise ValueError: it is none of them.
        """
        kind, separator, number = text.partition(":")
        if kind == "round-robin" and (not separator or (number.isdecimal() and int(number))):
            return Schedule(int(number)) if separator else Schedule()
        if kind == "only" and number.isdecimal():
            return Schedule(only=int(number))
        raise ValueError(text)

    def __str__(self) -> str:
        return f"round-robin:{self.quantum}" if self.only is None else f"only:{self.only}"


@dataclass(frozen=True, slots=True)
class TracerSettings:
    """All of it."""

    kind: TargetKind
    arch: str
    directory: Path
    """Private (0700); the tracer's own socket goes there too."""
    emulator: int | None
    """Process that ends when QEMU does; None: the stub is not QEMU's, or somebody else's."""
    endpoint: str
    """Where the stub is: the path of a unix socket, or ``HOST:PORT``."""
    program: Path | None = None
    """A process's."""
    is_pinned: bool = True
    """Whether a process gets the same random bytes from the kernel in every run."""
    own_path: str = ""
    """What a process is told that ``/proc/self/exe`` leads to; empty: the truth."""
    listen: str | None = None
    """Where a person's own gdb is served; None: our client, in the private directory."""
    fetch_all: bool = False
    """Read every operand register at each step."""
    key_interval: int = 0
    """Steps from one key state to the next; 0: none."""
    interrupts: bool = False
    """Whether a machine's steps take interrupts."""
    address_space: str = ""
    """Register that tells a machine's address spaces apart; empty: the architecture's."""
    schedule: Schedule = field(default_factory=Schedule)

    def to_json(self) -> str:
        """For the command line of the process."""
        values = asdict(self) | {"kind": self.kind.value}
        return json.dumps(values, default=str)

    @staticmethod
    def from_json(text: str) -> TracerSettings:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        program = values.pop("program")
        return TracerSettings(
            kind=TargetKind(values.pop("kind")),
            directory=Path(values.pop("directory")),
            program=None if program is None else Path(program),
            schedule=Schedule(**values.pop("schedule")),
            **values,
        )
