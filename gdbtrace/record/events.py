"""What happens between instructions, as the frames that the format has for it: pure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gdbtrace.record.assemble import Assembler
from gdbtrace.trace.frames import ExceptionFrame, Frame, KeyFrame, ModloadFrame, SyscallFrame, TaggedValues
from gdbtrace.tracer.step_record import Event, ExceptionTaken, KeyState, ModuleLoaded, SignalTaken, SystemCallMade


class EventFrames:
    """Makes frames of notes.

    :param reproducible: modules are named without their folders.
    """

    def __init__(self, assembler: Assembler, *, reproducible: bool) -> None:
        self._assembler = assembler
        self._name_of: Callable[[str], str] = (lambda path: Path(path).name) if reproducible else str

    def frame_of(self, event: Event) -> Frame:
        """The frame of an event."""
        match event:
            case SystemCallMade(address, thread, number, arguments):
                return SyscallFrame(address, thread, number, arguments)
            case SignalTaken(signal, thread, interrupted, handler):
                return ExceptionFrame(signal, thread, interrupted, handler)
            case ExceptionTaken(number, thread, interrupted, handler):
                return ExceptionFrame(number, thread, interrupted, handler)
            case ModuleLoaded(path, low, high):
                return ModloadFrame(self._name_of(path), low, high)
            case KeyState(files):
                values = self._assembler.register_values
                return KeyFrame(tuple(TaggedValues(each.thread, values(each.core, each.fetched)) for each in files))
