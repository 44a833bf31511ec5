"""What is different between two traces: the values that comparing them gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gdbtrace.trace.frames import Frame


class DivergenceKind(Enum):
    """The first thing that is different at a place, in this order."""

    LENGTH = "length"
    """One trace ends where the other goes on."""
    EVENT = "event"
    """Of two frames one is no instruction, or both are and say different things."""
    CONTROL_FLOW = "control flow"
    """Another instruction is executed: another address, thread or mode."""
    BYTES = "bytes"
    """The same address, with other code."""
    REGISTER = "register"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is different."""

    kind: DivergenceKind
    what: str
    """``x3 after``, ``store 1``: what differs, in the words of a report."""
    left: str
    """What the first trace has; ``-``: nothing."""
    right: str


@dataclass(frozen=True, slots=True)
class Position:
    """A place in one trace."""

    number: int
    """The frame's, counted from 0; of one that is missing, that of the frame it should be before."""
    frame: Frame | None
    """None: the trace has none there."""
    before: Sequence[tuple[int, Frame]] = ()
    """Context: the frames before it, the latest last."""
    after: Sequence[tuple[int, Frame]] = ()
    """Context: the frames behind it."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A place where two traces are different."""

    kind: DivergenceKind
    left: Position
    right: Position
    differences: Sequence[Difference]
