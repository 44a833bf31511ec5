"""All divergences of two traces, counted: one line for each kind at each instruction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gdbtrace.analysis.divergence import Divergence, DivergenceKind
from gdbtrace.report.diff import DiffReport, Facts, LookedUp, facts_of
from gdbtrace.report.printable import printable
from gdbtrace.trace.frames import ExceptionFrame, Frame, StdFrame, SyscallFrame

_MOST_GROUPS = 1 << 13
"""The rest is counted together, so that memory stays bounded whatever the traces are."""
_ORDER = {kind: number for number, kind in enumerate(DivergenceKind)}


@dataclass(slots=True)
class Group:
    """The divergences of one kind at one instruction."""

    first: LookedUp
    what: str
    """What differs in the first one."""
    count: int = 0

    @property
    def kind(self) -> DivergenceKind:
        """The class of all of them."""
        return self.first.kind


class DiffSummary:
    """Counts the divergences of two traces.

    :param report: looks places up. Feed divergences as they are found.
    """

    def __init__(self, report: DiffReport) -> None:
        self._report = report
        self._groups: dict[tuple[object, ...], Group] = {}
        self.count = 0
        self.left_out = 0
        """How many are in no group, for there are too many groups."""

    def feed(self, divergence: Divergence) -> None:
        """Count one."""
        self.count += 1
        key = (divergence.kind, *_instruction_of(divergence))
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= _MOST_GROUPS:
                self.left_out += 1
                return
            what = ", ".join(each.what for each in divergence.differences[:3])
            group = self._groups[key] = Group(self._report.look_up(divergence), what)
        group.count += 1

    def groups(self) -> Sequence[Group]:
        """By kind; of one kind those first that are the most, then those that came first."""
        return sorted(
            self._groups.values(),
            key=lambda group: (_ORDER[group.kind], -group.count, group.first.left_number),
        )

    def lines(self) -> Iterator[str]:
        """A table: how many, of which kind, where the first of them is, which instruction, what differs."""
        rows = [("count", "kind", "left frame", "right frame", "what", "instruction")]
        rows += [
            (
                str(group.count),
                group.kind.value,
                str(group.first.left_number),
                str(group.first.right_number),
                group.what,
                _place_words(group.first),
            )
            for group in self.groups()
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        for count, kind, left, right, what, instruction in rows:
            yield printable(
                f"{count:>{widths[0]}}  {kind:{widths[1]}}  {left:>{widths[2]}}  {right:>{widths[3]}}  "
                f"{what:{widths[4]}}  {instruction}".rstrip()
            )
        if self.left_out:
            yield f"{self.left_out:>{widths[0]}}  at other instructions"

    def facts(self) -> Facts:
        """The same as an object, with the first divergence of each group."""
        groups: list[Facts] = [{"count": group.count, "first": facts_of(group.first)} for group in self.groups()]
        return {"count": self.count, "left_out": self.left_out, "groups": groups}


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
    place = found.place
    if place is None:
        return ""
    at = f" at {place.line}" if place.line is not None else ""
    return f"{place.words}  {place.symbol}{at}".rstrip()
