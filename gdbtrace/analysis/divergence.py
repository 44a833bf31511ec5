"""What is different between two traces: the values that comparing them gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from gdbtrace.trace.frames import Frame


class DivergenceKind(Enum):
    """The first thing that is different at a place."""

    LENGTH = "length"
    """One trace ends where the other goes on."""
    EVENT = "event"
    """One has a frame there that is no instruction, or both have and these say different things."""
    CONTROL_FLOW = "control flow"
    """Another instruction is executed: another address, thread or mode; or the instruction goes elsewhere."""
    BYTES = "bytes"
    """The same address, with other code."""
    REGISTER = "register"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is different."""

    kind: DivergenceKind
    what: str
    """``x3 after``, ``load 0x4010``, ``bytes``: what differs, in the words of a report."""
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
    """Context: the frames behind it, in this trace's own order."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A place where two traces are different."""

    kind: DivergenceKind
    left: Position
    right: Position
    differences: Sequence[Difference]
    """At that place, the cause first: what an instruction reads before what it gives."""
    index: int = 0
    """How many divergences came before it."""
    left_frames: int = 0
    """How many frames the first trace has there that the second has not: from the position on, or, where that is of an
    instruction that both execute, behind it."""
    right_frames: int = 0
    """Likewise, of the second trace."""
    is_realigned: bool = True
    """Both go on alike behind those frames; False: where they do so again was not found, and is not looked at."""
    follows_tolerated: bool = False
    """It is a consequence of something that is tolerated: a branch on the value of a masked register, say."""
    moved: Mapping[int, int] = field(default_factory=dict)
    """Addresses of the instructions in the first trace's position and context that are elsewhere in the second trace ->
    where."""


@dataclass(slots=True)
class Tally:
    """What was counted while two traces were compared."""

    pairs: int = 0
    """Frames that both have and that were compared."""
    divergences: int = 0
    derived: dict[int, int] = field(default_factory=dict)
    """Index of a divergence -> pairs of frames that are different because of it: their instructions compute from
    values that are different since."""
    tolerated: int = 0
    """Pairs of frames in which a difference arises that is to be expected, or follows from one."""
