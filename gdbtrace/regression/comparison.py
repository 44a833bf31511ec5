"""Comparing two trace files: what `check`, golden traces and the pytest plugin share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbtrace.analysis.diff import Diff
from gdbtrace.analysis.divergence import Divergence
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.opening import open_reading
from gdbtrace.report.diff import divergence_lines

CONTEXT_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing two traces."""

    divergence: Divergence | None
    """The first one; None: they are equal."""
    lines: Sequence[str]
    """It, for a person to read."""

    @property
    def is_equal(self) -> bool:
        """Whether nothing but what is tolerated differs."""
        return self.divergence is None


def compare_files(
    left: Path, right: Path, tolerance: Tolerance, context: int = CONTEXT_FRAMES, *, elf: Path | None = None
) -> Comparison:
    """Compare two traces up to their first divergence.

    :param elf: the program of both, for symbols; None: where each says.
    :raise UsageError: one cannot be read.
    :raise TraceFormatError: one is damaged.
    """
    with open_reading(left, elf=elf) as ours, open_reading(right, elf=elf) as theirs:
        divergence = Diff(ours, theirs, tolerance, context).first()
        return Comparison(divergence, () if divergence is None else list(divergence_lines(divergence, ours, theirs)))
