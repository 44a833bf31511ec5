"""Comparing two trace files: what `check`, golden traces and the pytest plugin share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def compare_files(left: Path, right: Path, tolerance: Tolerance, context: int = CONTEXT_FRAMES) -> Comparison:
    """Compare two traces up to their first divergence. Either may have the program, for symbols, beside it.

    :raise UsageError: one cannot be read.
    :raise TraceFormatError: one is damaged.
    """
    folders = left.parent, right.parent
    with open_reading(left, folders=folders) as ours, open_reading(right, folders=folders) as theirs:
        divergence = Diff(ours, theirs, tolerance, context).first()
        return Comparison(divergence, () if divergence is None else list(divergence_lines(divergence, ours, theirs)))


def compare(left: str | os.PathLike[str], right: str | os.PathLike[str], **masks: Any) -> Comparison:
    """Compare two traces, of whatever producer, up to their first divergence.

    :param masks: what is not compared, as :meth:`~gdbtrace.analysis.tolerance.Tolerance.parse` takes it.
    :raise UsageError: one cannot be read, or a mask is not well-formed.
    :raise TraceFormatError: one is damaged.
    """
    return compare_files(Path(left), Path(right), Tolerance.parse(**masks))
