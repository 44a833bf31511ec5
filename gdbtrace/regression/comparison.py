"""Comparing two trace files: what `check`, golden traces and the pytest plugin share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdbtrace.analysis.diff import Diff
from gdbtrace.analysis.divergence import Divergence
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.opening import open_reading
from gdbtrace.report.diff import DiffReport, facts_of

CONTEXT_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing two traces."""

    divergence: Divergence | None
    """The first one; None: they are equal."""
    lines: Sequence[str]
    """It, for a person to read."""
    facts: Mapping[str, object] | None
    """It, for a program to read, as ``diff --json`` has it."""

    @property
    def is_equal(self) -> bool:
        """Whether nothing but what is tolerated differs."""
        return self.divergence is None


def compare_files(
    left: Path, right: Path, tolerance: Tolerance, context: int = CONTEXT_FRAMES, *, elf: Path | None = None
) -> Comparison:
    """Compare two traces up to their first divergence. Either may have the program, for symbols, beside it.

    :param elf: the program of both, for symbols; None: what they say themselves.
    :param right: or a log of the same run (:mod:`gdbtrace.logs`).
    :raise UsageError: one cannot be read.
    :raise TraceFormatError: one is damaged.
    """
    folders = left.parent, right.parent
    with (
        open_reading(left, elf=elf, folders=folders) as ours,
        open_reading(right, elf=elf, folders=folders, beside=ours) as theirs,
    ):
        divergence = Diff(ours, theirs, tolerance, context).first()
        if divergence is None:
            return Comparison(None, (), None)
        report = DiffReport(ours, theirs)
        found = report.look_up(divergence)
        return Comparison(divergence, list(report.lines(found)), facts_of(found))


def compare(left: str | os.PathLike[str], right: str | os.PathLike[str], **masks: Any) -> Comparison:
    """Compare two traces, of whatever producer, up to their first divergence.

    :param masks: what is not compared, as :meth:`~gdbtrace.analysis.tolerance.Tolerance.parse` takes it.
    :raise UsageError: one cannot be read, or a mask is not well-formed.
    :raise TraceFormatError: one is damaged.
    """
    return compare_files(Path(left), Path(right), Tolerance.parse(**masks))
