"""Reading a trace for an analysis: which of its frames, and what is known of their addresses and instructions."""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.symbols import Function, Symbols
from gdbtrace.arch.model import Arch
from gdbtrace.errors import TraceFormatError
from gdbtrace.trace.container import TraceReader
from gdbtrace.trace.frames import (
    ExceptionFrame,
    Frame,
    ModloadFrame,
    Operand,
    StdFrame,
    SyscallFrame,
)

LOG = logging.getLogger(__name__)


class AddressRange(NamedTuple):
    """A run of addresses."""

    low: int
    high: int
    """The last one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which frames of a trace are looked at; all of them where nothing is said."""

    first: int = 0
    """Number of the first frame, counted from 0, of whatever kind."""
    end: int | None = None
    """Number of the frame behind the last one; None: to the end of the trace."""
    ranges: Sequence[AddressRange] = ()
    """Only instructions in one of these..."""
    functions: frozenset[str] = frozenset()
    """...or in a function of one of these names: as the linker knows it, or as the source has it, with parameters or
    without."""
    vcpus: frozenset[int] = frozenset()
    """Only these threads' or vCPUs' frames."""
    address_spaces: frozenset[int] = frozenset()
    """Only instructions that ran in one of these address spaces: values of `address_space_register`."""
    address_space_register: str = ""
    """The register that frames list for it."""


@dataclass
class Reading:
    """One trace, being read.

    Iterating gives the selected frames in order. Symbols are told of each module when its frame comes by, selected or
    not, so look addresses up while reading and not afterwards.
    """

    reader: TraceReader
    arch: Arch | None
    """None: nobody knows the trace's architecture."""
    symbols: Symbols
    disassembly: Disassembly
    selection: Selection = field(default_factory=Selection)
    position: int = 0
    """Number of the frame that is looked at, selected or not: how far reading has come."""
    is_machine: bool = False
    """It is a machine's: accesses have physical addresses, and devices."""
    is_stopped: bool = False
    """Set it to end reading behind the frame that is looked at."""
    is_live: bool = False
    """It is being written: each frame is wanted at once."""
    _is_named: dict[Function, bool] = field(default_factory=dict, init=False, repr=False)
    """Whether the selection names a function."""

    def __iter__(self) -> Iterator[Frame]:
        """The selected frames.

        :raise TraceFormatError: when a damaged place is reached.
        """
        selection, spaces = self.selection, _AddressSpaces(self.selection.address_space_register)
        is_whole = self.is_window
        self._learn_modules_before(selection.first)
        frames = self.reader.iter_frames(selection.first)
        if selection.end is not None:
            frames = itertools.islice(frames, min(selection.end - selection.first, sys.maxsize))
        if not self.is_live:
            # Before symbols hear of a module, which must not be ahead of the frames that are looked at.
            frames = self.disassembly.look_ahead(frames)
        number = selection.first
        for frame in frames:
            if self.is_stopped:
                return
            self.position = number
            number += 1
            if type(frame) is ModloadFrame:
                self.symbols.add(frame)
                yield frame
            elif is_whole or self._is_selected(frame, spaces):
                yield frame

    def iter_numbered(self) -> Iterator[tuple[int, Frame]]:
        """The same with their numbers in the trace, counted from 0."""
        return ((self.position, frame) for frame in self)

    @property
    def is_window(self) -> bool:
        """Whether all frames from the first to the last selected one are looked at."""
        selection = self.selection
        return not (selection.ranges or selection.functions or selection.vcpus or selection.address_spaces)

    def iter_window(self) -> Iterator[tuple[int, tuple[int, bytes]]]:
        """The frames from the first to the last selected one: their numbers, offsets and messages, undecoded.

        Symbols hear of modules before the first one only; tell them of others.
        """
        selection = self.selection
        self._learn_modules_before(selection.first)
        messages = enumerate(self.reader.iter_messages(selection.first), selection.first)
        return (
            messages if selection.end is None else itertools.islice(messages, max(selection.end - selection.first, 0))
        )

    def _is_selected(self, frame: Frame, spaces: _AddressSpaces) -> bool:
        selection = self.selection
        if isinstance(frame, StdFrame | SyscallFrame | ExceptionFrame):
            if selection.vcpus and frame.thread_id not in selection.vcpus:
                return False
            if selection.address_spaces and spaces.of(frame) not in selection.address_spaces:
                return False
        if not isinstance(frame, StdFrame) or not (selection.ranges or selection.functions):
            return True
        address = frame.address
        if any(low <= address <= high for low, high in selection.ranges):
            return True
        function = self.symbols.function_at(address) if selection.functions else None
        if function is None:
            return False
        if function not in self._is_named:
            self._is_named[function] = any(function.is_called(name) for name in selection.functions)
        return self._is_named[function]

    def _learn_modules_before(self, number: int) -> None:
        """What was loaded before the window is where it is in the window, too."""
        if not number:
            return
        try:
            for index, (offset, data) in enumerate(self.reader.iter_messages()):
                if index >= number:
                    return
                if data.startswith(_MODLOAD):
                    frame = self.reader.decode(data, offset)
                    if isinstance(frame, ModloadFrame):
                        self.symbols.add(frame)
        except TraceFormatError as error:
            # The window itself can be whole.
            LOG.warning("symbols of modules behind the damage are not known: %s", error)


_MODLOAD = b"\x2a"
"""How a ``frame`` message begins that is a modload_frame: field 5, with a length."""


class _AddressSpaces:
    """In which address space each vCPU is."""

    def __init__(self, register: str) -> None:
        self._register = register
        self._current: dict[int | None, int] = {}

    def of(self, frame: StdFrame | SyscallFrame | ExceptionFrame) -> int | None:
        """Where an instruction ran: what its pre list says, or the latest that the vCPU's frames have said."""
        if isinstance(frame, StdFrame):
            self._note(frame.thread_id, frame.pre)
            space = self._current.get(frame.thread_id)
            self._note(frame.thread_id, frame.post or ())
            return space
        return self._current.get(frame.thread_id)

    def _note(self, thread_id: int, operands: Sequence[Operand]) -> None:
        for operand in operands:
            if not operand.is_memory and operand.name == self._register and operand.value:
                self._current[thread_id] = operand.as_int()
