"""What a producer tells of a run: of what it does not, nothing can be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gdbtrace.trace.frames import StdFrame


def never_extra(previous: StdFrame, address: int) -> bool:
    """A log has no instructions that a trace has not."""
    return False


def never_folded(previous: StdFrame, frame: StdFrame) -> bool:
    """A log has all instructions."""
    return False


@dataclass(frozen=True, slots=True)
class Scope:
    """What the frames of a trace, or of a log that is read as one, have.

    In a narrow scope nothing follows from what a frame does not list: an operand, an access or bytes that are missing
    are not known, and those that are there hold for the part that is.
    """

    has_registers: bool = True
    """Values of registers."""
    has_bytes: bool = True
    """The instruction. In a narrow scope as many of its first bytes as both sides have: a log has at most four, perhaps
    more than it has."""
    has_memory: bool = True
    """Accesses. In a narrow scope the loads, and likewise the stores, of an instruction are either listed or not known:
    QEMU's plugins do not see those that some helpers do."""
    has_values: bool = True
    """What was loaded and stored, and how wide it is."""
    has_events: bool = True
    """Frames that are no instructions."""
    has_modes: bool = True
    """Instruction sets."""
    address_bits: int = -1
    """The bits of accesses' addresses that are the guest-virtual address's: a log of a machine has another address."""
    is_extra: Callable[[StdFrame, int], bool] = never_extra
    """Whether, after this instruction, the log has one at that address which is none for a trace: QEMU enters the
    instruction once more, or passes over what is annulled."""
    is_folded: Callable[[StdFrame, StdFrame], bool] = never_folded
    """Whether, after the first instruction, the log may lack the second one: a further iteration of the same."""

    @property
    def is_whole(self) -> bool:
        """All there is, is listed: what is missing is not there."""
        return self == WHOLE


WHOLE = Scope()
"""A trace's."""
