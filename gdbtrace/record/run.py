"""``gdbtrace.record``: what ``gdbtrace run`` and ``gdbtrace attach`` do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gdbtrace.record.attach import AttachTarget
from gdbtrace.record.machine import MachineTarget
from gdbtrace.record.native import NativeTarget
from gdbtrace.record.options import (
    AttachOptions,
    MachineOptions,
    NativeOptions,
    Observer,
    RunOptions,
    Summary,
    TraceOptions,
)
from gdbtrace.record.program import ProgramTarget
from gdbtrace.record.session import trace
from gdbtrace.record.target import Target

_TARGETS: Mapping[type[TraceOptions], Callable[[Any], Target]] = {
    RunOptions: ProgramTarget,
    MachineOptions: MachineTarget,
    NativeOptions: NativeTarget,
    AttachOptions: AttachTarget,
}


def record(options: TraceOptions, observer: Observer | None = None) -> Summary:
    """Trace what the options say under QEMU, or behind a stub, and write its trace.

    :raise UsageError: the target or an option is wrong; nothing was run.
    :raise ToolError: QEMU, gdb or the disk failed. What was traced until then is kept, and a note of the exception
        says where.
    """
    return trace(target_of(options), observer or Observer())


def target_of(options: TraceOptions) -> Target:
    """What the options say to trace.

    :raise UsageError: it, or an option, is wrong.
    """
    return _TARGETS[type(options)](options)


__all__ = ["record", "target_of"]
