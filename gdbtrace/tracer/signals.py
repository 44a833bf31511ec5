"""What the guest does with signals: where its handlers are, and where ``sigreturn`` goes back to.

Both must be known before they happen, since a raw step there runs an instruction unseen: the handlers are learned from
``sigaction``, the way back from the frame that was put on the stack when the handler was entered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gdbtrace.arch.linux import IGNORED_BY_DEFAULT, signal_of_gdb
from gdbtrace.arch.model import Arch
from gdbtrace.tracer.live_registers import LiveRegisters

_FRAME_BYTES = 3072
"""How far from the stack pointer a signal frame has the program counter, at most: below it where stacks grow up.

Its words are aligned to two bytes at least."""
_PIECE_BYTES = 512
_MOST_FRAMES = 64
"""More are open only where handlers are left by longjmp."""
_FURTHEST_RETURN = 512
"""How far the stack pointer may be from where the handler was entered when it returns."""


class Disposition(Enum):
    """What a signal does that has no handler."""

    DEFAULT = "default"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    """Set before the trace began."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A signal frame on the guest's stack."""

    stack_pointer: int
    """At the handler's first instruction."""
    slots: tuple[int, ...]
    """Addresses in it where the interrupted program counter was found."""


class SignalHandlers:
    """The guest's signal handlers and signal frames.

    :param from_start: the guest has not run yet, so that every disposition is still the default one.
    """

    def __init__(self, arch: Arch, *, from_start: bool) -> None:
        self._arch = arch
        self._unset = Disposition.DEFAULT if from_start else Disposition.UNKNOWN
        self._actions: dict[str, int] = {}
        self._frames: list[_Frame] = []
        self._names = {number: name for name, number in arch.system_calls.signals.items()}

    def handler_of(self, signal: int) -> int | Disposition:
        """Address of the handler's first instruction, or what happens without one.

        :param signal: gdb's number.
        """
        name = signal_of_gdb(signal)
        action = self._actions.get(name or "")
        if action is None:
            is_ignored = self._unset is Disposition.DEFAULT and name in IGNORED_BY_DEFAULT
            return Disposition.IGNORED if is_ignored else self._unset
        match action:
            case 0:
                return Disposition.IGNORED if name in IGNORED_BY_DEFAULT else Disposition.DEFAULT
            case 1:
                return Disposition.IGNORED
        return action

    def number_of(self, signal: int) -> int:
        """The guest's number of a signal that gdb numbers so."""
        return self._arch.system_calls.signals.get(signal_of_gdb(signal) or "", signal)

    def set_action(self, name: str, arguments: Sequence[int], registers: LiveRegisters) -> None:
        """After a successful ``signal``, ``sigaction`` or ``rt_sigaction``."""
        calls, word_bytes = self._arch.system_calls, self._arch.bits // 8
        number, action = (argument & self._arch.address_mask for argument in arguments[:2])
        if number >> self._arch.bits - 1:
            # SPARC says with a negative number that it wants sigaction's present form.
            number = -number & self._arch.address_mask
        signal = self._names.get(number)
        if signal is None or (name != "signal" and not action):
            return
        try:
            if name != "signal":
                raw = registers.read_memory(action + calls.handler_offset, word_bytes)
                action = int.from_bytes(raw, self._arch.byte_order)
            if action > 1 and calls.code_address is not None:
                action = calls.code_address(registers, action)
        except KeyError:
            return
        self._actions[signal] = action

    def entered(self, interrupted: int, registers: LiveRegisters) -> None:
        """At a handler's first instruction: find where the frame keeps the program counter to go back to."""
        stack_pointer = registers[self._arch.sp]
        word_bytes = self._arch.bits // 8
        wanted = {value.to_bytes(word_bytes, self._arch.byte_order) for value in self._saved_forms(interrupted)}
        slots: list[int] = []
        tail = b""
        # A 64-bit SPARC's stack pointer is odd; the words of the frame are not.
        lowest = (stack_pointer - _FRAME_BYTES) & -_PIECE_BYTES
        for start in range(lowest, stack_pointer + _FRAME_BYTES, _PIECE_BYTES):
            try:
                data = tail + registers.read_memory(start & self._arch.address_mask, _PIECE_BYTES)
            except KeyError:
                tail = b""
                continue
            first = start + _PIECE_BYTES - len(data)
            slots += [first + at for at in range(0, len(data), 2) if data[at : at + word_bytes] in wanted]
            tail = data[-word_bytes + 2 :]
        # Frames that a longjmp left behind are overwritten by this one, or never returned from.
        frames = [frame for frame in self._frames if frame.stack_pointer != stack_pointer]
        self._frames = [*frames[1 - _MOST_FRAMES :], _Frame(stack_pointer, tuple(slots))]

    def return_addresses(self, registers: LiveRegisters) -> tuple[int, ...]:
        """Where the coming ``sigreturn`` may go on; none if that is not known."""
        stack_pointer = registers[self._arch.sp]
        while self._frames:
            frame = self._frames.pop()
            if abs(frame.stack_pointer - stack_pointer) > _FURTHEST_RETURN:
                continue
            word_bytes = self._arch.bits // 8
            values: dict[int, None] = {}
            for slot in frame.slots:
                try:
                    data = registers.read_memory(slot & self._arch.address_mask, word_bytes)
                except KeyError:
                    continue
                values[int.from_bytes(data, self._arch.byte_order) & ~self._arch.privilege_bits] = None
            return tuple(values)
        return ()

    def _saved_forms(self, interrupted: int) -> tuple[int, ...]:
        """What a frame may hold of a program counter: itself, or the branch whose delay slot it is."""
        forms = interrupted, (interrupted - 4) & self._arch.address_mask
        return *forms, *(form | self._arch.privilege_bits for form in forms)
