"""Everything that gdbtrace raises on purpose.

    GdbtraceError                 exit status
    +- UsageError                 2  bad arguments, no such file, not an ELF, unknown architecture or symbol
    |  +- GoldenMissing                 there is no golden trace to compare with
    +- ToolError                  3  what we work with failed
    |  +- ToolMissing                QEMU or gdb is not there, or too old
    |  +- TargetDied                 QEMU, gdb, the tracer or the guest is gone
    |  +- LinkTimeout                no answer in time; the link is unusable afterwards
    |  +- ProtocolError              an answer that we cannot make sense of
    |  +- StateMismatch              gdb sees another state than we do
    |  +- OutputError                a file cannot be written: disk full, no permission
    +- TraceFormatError           4  the file is not a trace that we can read

Messages are lower case: what, where, what to try. The facts are attributes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path


class GdbtraceError(Exception):
    """The base of all of them; raised only as one of the others."""

    exit_status: int = 3
    """What the process that could do nothing about it exits with."""


class UsageError(GdbtraceError):
    """What was asked for cannot be done: the user can put it right."""

    exit_status = 2


class GoldenMissing(UsageError):
    """There is no golden trace to compare with. Who checks many counts it as a failed check."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: no such golden; record it, look at it, and keep it under version control")
        self.path = path


class ToolError(GdbtraceError):
    """A program that we work with, or the system, failed."""


class ToolMissing(ToolError):
    """A program is not there or cannot be used.

    :param remedy: what to install, or which option to pass.
    :param problem: what is wrong with it.
    """

    def __init__(self, program: str, remedy: str, problem: str = "not found") -> None:
        super().__init__(f"{program} {problem}: {remedy}")
        self.program, self.remedy, self.problem = program, remedy, problem


class TargetDied(ToolError):
    """A process that should be running is gone. The message says which, and what it said last."""


class LinkTimeout(ToolError):
    """No answer came in time. What the other side does next is unknown, so the link is unusable."""


class ProtocolError(ToolError):
    """An answer that the protocol does not allow here.

    :param reply: what came, as it came; empty if there was no single packet to blame.
    :param problem: what is wrong with it.
    """

    _SHOWN_BYTES = 60

    def __init__(self, reply: bytes | str, problem: str) -> None:
        text = reply.decode("latin-1") if isinstance(reply, bytes) else reply
        shown = repr(text[: self._SHOWN_BYTES]) + ("..." if len(text) > self._SHOWN_BYTES else "")
        super().__init__(f"{problem}: {shown}" if text else problem)
        self.reply, self.problem = reply, problem


class StateMismatch(ToolError):
    """gdb, asked for the registers, sees a value that we do not."""

    def __init__(self, register: str, ours: int, theirs: int) -> None:
        super().__init__(
            f"register {register} is {ours:#x} for us and {theirs:#x} for gdb: the register layouts differ, "
            "please report the target and QEMU's version"
        )
        self.register, self.ours, self.theirs = register, ours, theirs


class OutputError(ToolError):
    """A file cannot be written.

    :param reason: the system's words, such as "No space left on device".
    """

    def __init__(self, path: str | PathLike[str], reason: str) -> None:
        super().__init__(f"{fspath(path)}: cannot be written: {reason}")
        self.path, self.reason = Path(path), reason


class TraceFormatError(GdbtraceError):
    """The file is not a trace that we can read.

    :param path: None for bytes that did not come from a file.
    :param offset: where, in the file or in the bytes.
    :param remedy: what to try.
    """

    exit_status = 4

    def __init__(self, path: str | PathLike[str] | None, offset: int, problem: str, remedy: str = "") -> None:
        where = "" if path is None else f"{fspath(path)}: "
        super().__init__(f"{where}{problem} at offset {offset:#x}" + (f"; {remedy}" if remedy else ""))
        self.path, self.offset, self.problem = None if path is None else Path(path), offset, problem


def nearest(word: str, known: Iterable[str]) -> str:
    """``, did you mean 'x'?`` for the message about a word that is not known; empty where nothing is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
