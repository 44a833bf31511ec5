"""Divergences of two traces, counted: a group for each kind at each instruction."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gdbtrace.analysis.divergence import Divergence, DivergenceKind, Tally
from gdbtrace.report.diff import DiffReport, Facts, LookedUp, facts_of
from gdbtrace.report.printable import printable
from gdbtrace.trace.frames import ExceptionFrame, Frame, StdFrame, SyscallFrame

_MOST_GROUPS = 1 << 13
"""The rest is counted together, so that memory stays bounded whatever the traces are."""
_OTHERS = _MOST_GROUPS
_SHOWN_NAMES = 3
"""Of what differs, in a table."""
_ORDER = {kind: number for number, kind in enumerate(DivergenceKind)}


@dataclass(slots=True)
class Group:
    """The divergences of one kind at one instruction."""

    first: LookedUp
    count: int = 0
    derived: int = 0
    """Frames that are different because of one of these."""

    @property
    def what(self) -> str:
        """What differs in the first one."""
        names = [each.what for each in self.first.differences]
        return ", ".join(names[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")


class DiffSummary:
    """Counts the divergences of two traces.

    :param report: looks places up: feed divergences as they are found.
    """

    def __init__(self, report: DiffReport) -> None:
        self.report = report
        self.count = 0
        self.left_out = 0
        """How many are in no group, for there are too many groups."""
        self.tally = Tally()
        self.is_complete = False
        """All divergences were looked for, not only the first one."""
        self._groups: dict[tuple[object, ...], int] = {}
        """Of what -> its index in `_all`."""
        self._all: list[Group] = []
        self._group_of = array("H")
        """Of each divergence."""

    def feed(self, divergence: Divergence) -> None:
        """Count one."""
        key = (divergence.kind, *_instruction_of(divergence))
        number = self._groups.get(key, _OTHERS)
        if number == _OTHERS and len(self._all) < _MOST_GROUPS:
            number = self._groups[key] = len(self._all)
            self._all.append(Group(self.report.look_up(divergence)))
        if number == _OTHERS:
            self.left_out += 1
        else:
            self._all[number].count += 1
        self._group_of.append(number)
        self.count += 1

    def finish(self, tally: Tally, *, is_complete: bool) -> None:
        """Learn what was counted until the end, or until looking stopped."""
        self.tally, self.is_complete = tally, is_complete
        for index, count in tally.derived.items():
            if index < len(self._group_of) and (number := self._group_of[index]) != _OTHERS:
                self._all[number].derived += count

    def groups(self) -> Sequence[Group]:
        """By kind; of one kind those first that are the most, then those that came first."""
        return sorted(self._all, key=lambda group: (_ORDER[group.first.kind], -group.count, group.first.left_number))

    def first_lines(self) -> Iterator[str]:
        """The first divergence, or that there is none."""
        if self._all:
            yield from self.report.lines(self._all[0].first)
        else:
            yield self._equal()

    def lines(self) -> Iterator[str]:
        """A table: how many, of which kind, where the first of them is, which instruction, what differs."""
        if not self._all:
            yield self._equal()
            return
        rows = [("count", "derived", "left frame", "right frame", "kind", "what", "instruction")]
        rows += [
            (
                str(group.count),
                str(group.derived),
                str(group.first.left_number),
                str(group.first.right_number),
                group.first.kind.value,
                group.what,
                _place_words(group.first),
            )
            for group in self.groups()
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [
                f"{cell:>{width}}" if column < _NUMBERS else f"{cell:{width}}"
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            yield printable("  ".join(cells).rstrip())
        if self.left_out:
            yield f"{self.left_out:>{widths[0]}}  at other instructions"
        yield f"{self.count:>{widths[0]}}  in {self.tally.pairs} frames that both have"

    def _equal(self) -> str:
        tolerated = f", {self.tally.tolerated} with differences that are tolerated" if self.tally.tolerated else ""
        return f"equal: {self.tally.pairs} frames{tolerated}"

    def facts(self) -> Facts:
        """The same as an object, with the first divergence of each group."""
        groups: list[Facts] = [
            {"count": group.count, "derived": group.derived, "first": facts_of(group.first)} for group in self.groups()
        ]
        return {
            "equal": not self.count,
            "left": self.report.names[0],
            "right": self.report.names[1],
            "complete": self.is_complete,
            "compared": self.tally.pairs,
            "tolerated": self.tally.tolerated,
            "divergences": self.count,
            "left_out": self.left_out,
            "groups": groups,
        }


_NUMBERS = 4
"""The first columns of the table, which are numbers."""


def _instruction_of(divergence: Divergence) -> tuple[object, ...]:
    frame = divergence.left.frame or divergence.right.frame
    if isinstance(frame, StdFrame):
        return frame.address, frame.rawbytes, frame.mode
    return type(frame), _event_number(frame)


def _event_number(frame: Frame | None) -> int | None:
    match frame:
        case SyscallFrame():
            return frame.number
        case ExceptionFrame():
            return frame.exception_number
    return None


def _place_words(found: LookedUp) -> str:
    place = found.left or found.right
    if place is None:
        return "end of the trace"
    at = f" at {place.line}" if place.line is not None else ""
    return f"{place.words}  {place.symbol}{at}".rstrip()
