"""What two traces differ in: as text, and as objects for JSON; gdbtrace.report.diff_html has it as a page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from gdbtrace.analysis.divergence import Difference, Divergence, DivergenceKind
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.source import SourceText
from gdbtrace.image import SourceLine
from gdbtrace.report.instruction_log import event_line
from gdbtrace.report.printable import printable
from gdbtrace.trace.frames import Frame, StdFrame

_MOST_DIFFERENCES = 32
"""Values of one place that text lists: a key frame has hundreds of registers, and the first few say enough."""
_MOST_CHARACTERS = 80
"""Of a value that text shows whole: a longer one (a vector, a block of memory) is cut where it begins to differ."""

Fact = str | int | bool | None
Facts: TypeAlias = Mapping[str, "Fact | Facts | Sequence[Facts] | Sequence[str]"]


@dataclass(frozen=True, slots=True)
class Place:
    """One frame of a trace, looked up; without its operands, which are large."""

    number: int
    """Counted from 0."""
    text: str
    """Its disassembly, or what happened."""
    instruction: tuple[int, int, bytes, str | None] | None = None
    """vCPU, address, bytes and mode; None: it is none."""
    symbol: str = ""
    """``symbol+0xoffset``, or ``file+0xoffset`` where there is none; empty: nobody knows."""
    line: SourceLine | None = None
    moved_to: int | None = None
    """Where the same instruction is in the other trace; None: at the same address."""

    @property
    def address(self) -> str:
        """In hexadecimal; empty: it is no instruction."""
        return f"{self.instruction[1]:#x}" if self.instruction else ""

    @property
    def words(self) -> str:
        """Address and text."""
        return f"{self.address}  {self.text}" if self.instruction else self.text

    @property
    def key(self) -> tuple[object, ...]:
        """The same for the same instruction in another trace, at another address, too, if symbols say so."""
        if self.instruction is None:
            return (self.text,)
        vcpu, address, rawbytes, mode = self.counterpart or self.instruction
        return vcpu, self.symbol or address, rawbytes, mode

    @property
    def counterpart(self) -> tuple[int, int, bytes, str | None] | None:
        """The same instruction as the other trace has it; None: it is none."""
        if self.instruction is None or self.moved_to is None:
            return self.instruction
        vcpu, _, rawbytes, mode = self.instruction
        return vcpu, self.moved_to, rawbytes, mode


@dataclass(frozen=True, slots=True)
class Row:
    """Frames of both traces that belong together."""

    left: Place | None
    right: Place | None
    is_divergence: bool = False

    @property
    def is_same(self) -> bool:
        """Whether both have the same instruction, whatever it does, or event."""
        if self.left is None or self.right is None:
            return False
        # One side's symbols may not be here.
        ours, theirs = self.left.counterpart, self.right.counterpart
        return self.left.key == self.right.key or (ours is not None and ours == theirs)


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A divergence and its context, with everything that a report says of them."""

    kind: DivergenceKind
    left_number: int
    """The frame's; of one that is missing, that of the frame it should be before."""
    right_number: int
    left: Place | None
    """None: the trace has no frame there."""
    right: Place | None
    differences: Sequence[Difference]
    rows: Sequence[Row]
    left_frames: int = 0
    """How many frames the first trace has there that the second has not."""
    right_frames: int = 0
    is_realigned: bool = True
    """Both go on alike behind those."""
    follows_tolerated: bool = False
    """It is a consequence of something that is tolerated."""


class DiffReport:
    """Tells divergences of two traces.

    Symbols are those of where the traces are being read: look each divergence up when it is found.
    """

    def __init__(self, left: Reading, right: Reading) -> None:
        self._left, self._right = left, right
        self.names = _names_of(left.reader.path, right.reader.path)
        """What the traces are called."""
        self._source = SourceText(
            [module.image.path.parent for side in (left, right) for module in side.symbols.modules if module.image]
        )

    @property
    def not_compared(self) -> Sequence[str]:
        """What there is nothing of in one of them, which is a log."""
        scopes = self._left.reader.scope, self._right.reader.scope
        return [
            words
            for words, is_there in (
                ("registers", all(scope.has_registers for scope in scopes)),
                ("bytes", all(scope.has_bytes for scope in scopes)),
                ("accesses", all(scope.has_memory for scope in scopes)),
                ("values in memory", all(scope.has_values for scope in scopes)),
                ("events", all(scope.has_events for scope in scopes)),
                ("modes", all(scope.has_modes for scope in scopes)),
            )
            if not is_there
        ]

    def look_up(self, divergence: Divergence) -> LookedUp:
        """What is known of a divergence and the frames around it."""
        left, right, moved = divergence.left, divergence.right, divergence.moved
        ours = None if left.frame is None else _place(self._left, left.number, left.frame, moved)
        theirs = None if right.frame is None else _place(self._right, right.number, right.frame)
        rows = [*self._paired(left.before, right.before, moved)]
        if ours is not None or theirs is not None:
            rows.append(Row(ours, theirs, is_divergence=True))
        rows += self._paired(left.after, right.after, moved)
        return LookedUp(
            divergence.kind,
            left.number,
            right.number,
            ours,
            theirs,
            divergence.differences,
            rows,
            divergence.left_frames,
            divergence.right_frames,
            divergence.is_realigned,
            divergence.follows_tolerated,
        )

    def _paired(
        self, left: Sequence[tuple[int, Frame]], right: Sequence[tuple[int, Frame]], moved: Mapping[int, int]
    ) -> Iterator[Row]:
        """Context of both sides, what is the same side by side."""
        ours = [_place(self._left, number, frame, moved) for number, frame in left]
        theirs = [_place(self._right, number, frame) for number, frame in right]
        # What is at addresses that are known to be of the same thing needs no symbols.
        known = {each.counterpart for each in ours} & {each.counterpart for each in theirs} if moved else set()
        our_keys, their_keys = (
            [each.counterpart if each.counterpart in known else self._key_of(each) for each in side]
            for side in (ours, theirs)
        )
        matcher = SequenceMatcher(None, our_keys, their_keys, autojunk=False)
        for tag, low, high, other_low, other_high in matcher.get_opcodes():
            if tag == "equal":
                pairs = zip(ours[low:high], theirs[other_low:other_high], strict=True)
                yield from (Row(one, other) for one, other in pairs)
            else:
                yield from (Row(each, None) for each in ours[low:high])
                yield from (Row(None, each) for each in theirs[other_low:other_high])

    def _key_of(self, place: Place) -> tuple[object, ...]:
        """The same for the same instruction in the other trace. Where one side's symbols are not here, as of a program
        that has been built anew, its address says which one it is."""
        is_named = all(any(module.image for module in side.symbols.modules) for side in (self._left, self._right))
        return place.key if is_named else place.counterpart or (place.text,)

    def lines(self, found: LookedUp) -> Iterator[str]:
        """A divergence: its class, where it is in both traces, what each has, and the frames around it."""
        yield from map(printable, self._lines(found))

    def _lines(self, found: LookedUp) -> Iterator[str]:
        yield f"{found.kind.value}: {self._where(found)}"
        yield from _indented(self._places(found))
        yield from _indented(self._values(found.differences))
        yield from _indented(self._consequences(found))
        if found.rows:
            yield ""
            yield from _indented(_context(found.rows))

    def _consequences(self, found: LookedUp) -> Iterator[str]:
        """How the traces go on, and what it follows from."""
        more = [
            f"{name} has {count} {'frame' if count == 1 else 'frames'} that the other has not"
            for name, count in zip(self.names, (found.left_frames, found.right_frames), strict=True)
            if count
        ]
        if found.is_realigned and more:
            more.append("then both go on alike")
        elif not found.is_realigned and found.kind is not DivergenceKind.LENGTH:
            more.append("where both go on alike was not found")
        if more:
            yield "; ".join(more)
        if found.follows_tolerated:
            yield "a consequence of values that are not compared"

    def _where(self, found: LookedUp) -> str:
        sides = zip((found.left_number, found.right_number), (found.left, found.right), self.names, strict=True)
        return ", ".join(
            f"{'frame' if place is not None else 'before frame'} {number} of {name}" for number, place, name in sides
        )

    def _places(self, found: LookedUp) -> Iterator[str]:
        """The instruction, with symbol and line of source; two where they are not the same."""
        left, right = found.left, found.right
        if left is not None and right is not None and left.instruction and left.instruction == right.instruction:
            yield self._sentence(left)
            return
        width = max(map(len, self.names))
        for name, place in zip(self.names, (left, right), strict=True):
            yield f"{name:{width}}  {'-' if place is None else self._sentence(place)}"

    def _sentence(self, place: Place) -> str:
        words = place.words
        if place.symbol:
            words += f"  in {place.symbol}"
        if place.line is not None:
            text = self._source.text_of(place.line)
            words += f"  at {place.line}" + (f": {text}" if text else "")
        return words

    def _values(self, differences: Sequence[Difference]) -> Iterator[str]:
        """A table of what differs."""
        shown = [(each.what, *_cut(each.left, each.right)) for each in differences[:_MOST_DIFFERENCES]]
        table = [("", *self.names), *shown]
        what, left = (max(len(row[column]) for row in table) for column in (0, 1))
        for row in table:
            yield f"{row[0]:{what}}  {row[1]:{left}}  {row[2]}"
        if hidden := len(differences) - len(shown):
            yield f"and {hidden} more"


def facts_of(found: LookedUp) -> Facts:
    """A divergence as an object. Addresses are text, for not every reader of JSON has numbers of 64 bits."""
    return {
        "kind": found.kind.value,
        "left": _facts_of_place(found.left) or {"frame": found.left_number, "missing": True},
        "right": _facts_of_place(found.right) or {"frame": found.right_number, "missing": True},
        "left_frames": found.left_frames,
        "right_frames": found.right_frames,
        "realigned": found.is_realigned,
        "follows_tolerated": found.follows_tolerated,
        "differences": [
            {"kind": each.kind.value, "what": each.what, "left": each.left, "right": each.right}
            for each in found.differences
        ],
        "context": [{"left": _facts_of_place(row.left), "right": _facts_of_place(row.right)} for row in found.rows],
    }


def _names_of(left: Path, right: Path) -> tuple[str, str]:
    """As much of the paths as tells them apart."""
    if left.name != right.name:
        return left.name, right.name
    common = Path(os.path.commonpath([left.absolute().parent, right.absolute().parent]))
    if common == Path(common.anchor):
        return str(left), str(right)
    return str(left.absolute().relative_to(common)), str(right.absolute().relative_to(common))


def _place(reading: Reading, number: int, frame: Frame, moved: Mapping[int, int] = MappingProxyType({})) -> Place:
    if not isinstance(frame, StdFrame):
        return Place(number, event_line(frame))
    address, symbols = frame.address, reading.symbols
    return Place(
        number,
        reading.disassembly.at(address, frame.rawbytes, frame.mode).text,
        (frame.thread_id, address, frame.rawbytes, frame.mode),
        symbols.place_at(address),
        symbols.line_at(address),
        moved.get(address),
    )


def _context(rows: Sequence[Row]) -> Iterator[str]:
    """``mark left-number right-number address text symbol``: ``-`` is of the first trace alone, ``+`` of the second,
    ``>`` where both have the instruction that does something else."""
    lines = [line for row in rows for line in _context_lines(row)]
    if not lines:
        return
    number = max(len(cell) for line in lines for cell in line[1:3])
    address, text = (max(len(line[column]) for line in lines) for column in (3, 4))
    for mark, ours, theirs, where, words, symbol in lines:
        yield f"{mark} {ours:>{number}} {theirs:>{number}}  {where:{address}}  {words:{text}}  {symbol}".rstrip()


def _context_lines(row: Row) -> Iterator[tuple[str, str, str, str, str, str]]:
    left, right = row.left, row.right
    if left is not None and right is not None and row.is_same:
        yield (">" if row.is_divergence else " ", str(left.number), str(right.number), *_cells(left))
        return
    if left is not None:
        yield ("-", str(left.number), "", *_cells(left))
    if right is not None:
        yield ("+", "", str(right.number), *_cells(right))


def _cells(place: Place) -> tuple[str, str, str]:
    return place.address, place.text, place.symbol


def _cut(left: str, right: str) -> tuple[str, str]:
    """Long values around where they begin to differ."""
    if max(len(left), len(right)) <= _MOST_CHARACTERS:
        return left, right
    same = next((at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), 0)
    begin = max(same - _MOST_CHARACTERS // 4, 0)
    return _window(left, begin), _window(right, begin)


def _window(text: str, begin: int) -> str:
    end = begin + _MOST_CHARACTERS
    return f"{'...' if begin else ''}{text[begin:end]}{'...' if end < len(text) else ''}"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in lines)


def _facts_of_place(place: Place | None) -> Facts | None:
    if place is None:
        return None
    shown: dict[str, Fact] = {"frame": place.number}
    if place.instruction is None:
        shown["event"] = place.text
        return shown
    vcpu, _, rawbytes, mode = place.instruction
    shown |= {"vcpu": vcpu, "address": place.address, "bytes": rawbytes.hex(), "disassembly": place.text}
    if mode is not None:
        shown["mode"] = mode
    if place.symbol:
        shown["symbol"] = place.symbol
    if place.line is not None:
        shown |= {"file": place.line.file, "line": place.line.line}
    return shown
