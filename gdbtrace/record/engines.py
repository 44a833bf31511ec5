"""The two ways of commanding the tracer process: gdb through pygdbmi, and our own client.

The steps and the records are the tracer's either way, so both give the same trace.  gdb adds an independent view:
after each burst its registers, by name and value, must be ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Protocol

from gdbtrace.arch.model import Arch
from gdbtrace.errors import StateMismatch, ToolMissing
from gdbtrace.gdb.session import GdbSession, find_gdb
from gdbtrace.tracer.client import TracerClient


class EngineChoice(Enum):
    """What ``--engine`` takes."""

    AUTO = "auto"
    """gdb where it is installed and knows the architecture, else rsp."""
    GDB = "gdb"
    RSP = "rsp"


class Engine(Protocol):
    """Commands the tracer process."""

    name: str

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def begin(self, command: str) -> None:
        """Have the tracer perform a command of its own; if it runs the target, records come over the tracer's other
        socket and end with a ``Stop``."""

    def finish(self) -> None:
        """Collect the command's own answer, after its last record."""

    def check_alive(self) -> None:
        """During a burst: whether the tracer is still commanded.

        :raise TargetDied: gdb is gone.
        """

    def check_registers(self, expected: Mapping[str, int]) -> int:
        """Compare an independent view of the registers with the last post-state; return how many were compared.

        :raise StateMismatch: one differs.
        """


@dataclass(frozen=True, slots=True)
class Attachment:
    """What an engine needs to attach."""

    arch: Arch
    program: Path | None
    """Where the symbols are."""
    stub: Path
    sysroot: Path | None


class RspEngine:
    """Our own client."""

    name = "rsp"

    def __init__(self, attachment: Attachment) -> None:
        self._client = TracerClient(attachment.stub)

    def __enter__(self) -> RspEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def begin(self, command: str) -> None:
        """See :class:`Engine`."""
        self._client.send_command(command)

    def finish(self) -> None:
        """See :class:`Engine`."""
        self._client.finish_command()

    def check_alive(self) -> None:
        """We are alive."""

    def check_registers(self, expected: Mapping[str, int]) -> int:
        """Nothing independent to compare with."""
        return 0


class GdbEngine:
    """gdb-multiarch, driven by pygdbmi."""

    name = "gdb"

    def __init__(self, attachment: Attachment, gdb: Path) -> None:
        self._session = GdbSession(gdb)
        self._arch = attachment.arch
        self._token = 0
        try:
            architecture = attachment.arch.gdb_architecture
            assert architecture is not None
            # gdb's commands have no way to name a file whose name has a newline or is not UTF-8.
            program = None
            if attachment.program is not None:
                program = attachment.stub.with_name("program")
                program.symlink_to(attachment.program.resolve())
            arch = attachment.arch
            self._session.attach(
                program, attachment.stub, architecture, arch.byte_order, attachment.sysroot, arch.gdb_settings
            )
        except BaseException:
            self._session.close()
            raise

    def __enter__(self) -> GdbEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def begin(self, command: str) -> None:
        """See :class:`Engine`."""
        self._token = self._session.monitor(f"gdbtrace {command}")

    def finish(self) -> None:
        """See :class:`Engine`."""
        self._session.result(self._token)

    def check_alive(self) -> None:
        """See :class:`Engine`."""
        self._session.check_alive()

    def check_registers(self, expected: Mapping[str, int]) -> int:
        """See :class:`Engine`."""
        if (system := self._arch.system) is not None and system.turned is not None:
            register, mask = system.turned
            self._session.set_byte_order("little" if expected[register] & mask else "big")
        self._session.flush_registers()
        values = self._session.register_values(expected)
        compared = 0
        for name, value in expected.items():
            if name in values:
                compared += 1
                theirs = values[name]
                if name in (self._arch.pc, self._arch.next_pc):
                    theirs &= ~self._arch.privilege_bits
                if theirs != value:
                    raise StateMismatch(name, ours=value, theirs=theirs)
        return compared


def choose_engine(choice: EngineChoice, arch: Arch) -> tuple[Callable[[Attachment], Engine], str]:
    """The engine to use and, where ``auto`` could not take gdb, why.

    :raise ToolMissing: gdb was asked for and is missing, too old, or does not know the architecture.
    """
    if choice is EngineChoice.RSP:
        return RspEngine, ""
    try:
        if arch.gdb_architecture is None:
            raise ToolMissing("gdb", "use --engine rsp", f"does not know {arch.name}")
        gdb, _ = find_gdb()
    except ToolMissing as error:
        if choice is EngineChoice.GDB:
            raise
        return RspEngine, f"{error}; using engine rsp"
    return lambda attachment: GdbEngine(attachment, gdb), ""
