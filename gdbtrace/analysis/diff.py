"""Comparing two traces: where they diverge, and in what."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from gdbtrace.analysis.alignment import EVENT_TAGS, TAGS, WINDOWS, Item, Side, realigned
from gdbtrace.analysis.carried import TOLERATED
from gdbtrace.analysis.divergence import Difference, Divergence, DivergenceKind, Position, Tally
from gdbtrace.analysis.frame_comparison import FrameComparison, Outcome
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.relocation import Relocation
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.errors import UsageError
from gdbtrace.trace.frames import ExceptionFrame, Frame, KeyFrame, ModloadFrame, StdFrame, SyscallFrame

_STD_TAG = TAGS[StdFrame]
_PROGRESS_PERIOD = 1 << 13
_SLOTS = 2
"""How many instructions behind a branch traces go apart at the latest: those with a delay slot."""

_DISASSEMBLED_AHEAD = 1 << 11
_FRAMES_OF_CHANGED_CODE = 8
"""Behind an instruction that differs: if most of them do, too, it is not that one alone."""


class Diff:
    """Compares two traces.

    :param context: frames of context on each side of a divergence.
    :param progress: called now and then; how far reading has come is in ``left.position``.
    :raise UsageError: they are of different architectures.
    """

    def __init__(
        self,
        left: Reading,
        right: Reading,
        tolerance: Tolerance = Tolerance(),  # noqa: B008
        context: int = 3,
        progress: Callable[[], object] | None = None,
    ) -> None:
        if left.reader.header.frame_architecture != right.reader.header.frame_architecture:
            names = (reading.arch.name if reading.arch else "an unknown architecture" for reading in (left, right))
            raise UsageError(
                f"{left.reader.path} and {right.reader.path} cannot be compared: they are of {' and '.join(names)}"
            )
        self.left, self.right = left, right
        self.tally = Tally()
        """What was counted so far by the latest :meth:`iter_divergences`."""
        self._tolerance = tolerance
        self._context = context
        self._progress = progress
        scopes = left.reader.scope, right.reader.scope
        self.is_strict = _producer_of(left) == _producer_of(right) and all(scope.is_whole for scope in scopes)
        """Both have the same kind of frames: what one lists the other must, too."""

    def first(self) -> Divergence | None:
        """The first divergence; None: the traces are equal."""
        return next(self.iter_divergences(), None)

    def iter_divergences(self) -> Iterator[Divergence]:
        """All of them, in order; after each the traces are aligned again.

        A difference is one divergence, where it arises. What follows from it is counted (:attr:`tally`).

        :raise TraceFormatError: a damaged place is reached.
        """
        self.tally = Tally()
        return _Run(self, self._tolerance, self._context, self._progress).divergences()

    def skipped_events(self) -> frozenset[int]:
        """Tags of frames that are not compared: only one of the traces has them, or by other rules."""
        if not self._tolerance.events:
            return EVENT_TAGS
        ours, theirs = _arguments_of(self.left), _arguments_of(self.right)
        if not self.is_strict or ("--std-only" in ours) != ("--std-only" in theirs):
            return EVENT_TAGS
        if _interval_of(ours) != _interval_of(theirs):
            return frozenset({TAGS[KeyFrame]})
        return frozenset()


def _arguments_of(reading: Reading) -> Sequence[str]:
    meta = reading.reader.meta
    return meta.tracer.args if meta else ()


def _interval_of(arguments: Sequence[str]) -> str:
    return next((argument for argument in arguments if argument.startswith("--key-interval=")), "")


def _producer_of(reading: Reading) -> tuple[str, str, bool]:
    """What decides which operands a frame lists."""
    meta = reading.reader.meta
    lists = next((each for each in _arguments_of(reading) if each.startswith("--registers=")), "")
    # A stub that is not QEMU's has registers of its own.
    is_another_stub = any(each == "--native" or each.startswith("--attach=") for each in _arguments_of(reading))
    return (meta.tracer.name if meta else "", lists, is_another_stub)


class _Apart(NamedTuple):
    """Frames that only one of the traces has, ahead of both."""

    slots: int
    """Frames before them that both have: delay slots."""
    left: int
    right: int


_TOGETHER = _Apart(0, 0, 0)


class _Run:
    """One pass over both traces."""

    def __init__(self, diff: Diff, tolerance: Tolerance, context: int, progress: Callable[[], object] | None) -> None:
        self._tally = diff.tally
        self._progress = progress
        self._is_strict = diff.is_strict
        self._context = context
        skipped = diff.skipped_events()
        self._left, self._right = Side(diff.left, skipped, context), Side(diff.right, skipped, context)
        self._disassembly = diff.left.disassembly
        arch = diff.left.arch or diff.right.arch
        self._relocation = Relocation(arch) if tolerance.is_relocated else None
        self._comparison = FrameComparison(
            arch,
            self._disassembly,
            tolerance,
            self._relocation,
            is_strict=self._is_strict,
            address_bits=diff.left.reader.scope.address_bits & diff.right.reader.scope.address_bits,
        )
        self._disassembled = 0
        """Number of the left side's first frame that was not looked at ahead."""
        self._latest: tuple[Frame, Frame] | None = None
        """The pair before, if its frames were not the same."""
        self._unsettled: tuple[_Apart, int] | None = None
        """Frames that are passed over when the divergence is told, and its index."""

    def divergences(self) -> Iterator[Divergence]:
        lefts, rights = iter(self._left), iter(self._right)
        left_learn, right_learn = self._left.learn, self._right.learn
        left_passed, right_passed = self._left.before.append, self._right.before.append
        comparison, tally, reading = self._comparison, self._tally, self._left.reading
        for left in lefts:
            right = next(rights, None)
            if right is None:
                yield self._ended(left, None)
                return
            tally.pairs += 1
            if not tally.pairs % _PROGRESS_PERIOD and self._progress is not None:
                reading.position = left[0]
                self._progress()
            data = left[1][1]
            if data == right[1][1]:
                self._latest = None
                if self._relocation is not None:
                    self._relocation.learn(self._left.frame(left), self._right.frame(right))
                if type(data) is not bytes or data[0] != _STD_TAG:
                    left_learn(left)
                    right_learn(right)
                if comparison.carries:
                    comparison.pass_same(self._left.frame(left))
                left_passed(left)
                right_passed(right)
                continue
            divergence = self._compared(left, right)
            if divergence is not None:
                yield divergence
                if not divergence.is_realigned:
                    self._raise_damage()
                    return
            if self._unsettled is not None:
                self._pass_over(*self._unsettled)
                self._unsettled = None
        if (extra := next(rights, None)) is not None:
            yield self._ended(None, extra)

    def _raise_damage(self) -> None:
        """A trace that is damaged ahead is not compared to its end, nor are they realigned there."""
        for side in (self._left, self._right):
            if side.damage is not None:
                raise side.damage

    def _compared(self, left: Item, right: Item) -> Divergence | None:
        """Two frames that are not the same to the last byte."""
        ours, theirs = self._left.frame(left), self._right.frame(right)
        if self._relocation is not None:
            self._relocation.learn(ours, theirs)
        if self._key_of(ours, is_left=True) != self._key_of(theirs, is_left=False):
            return self._apart(left, right, ours, theirs)
        self._left.learn(left)
        self._right.learn(right)
        if self._disassembly.asks_objdump and left[0] >= self._disassembled:
            self._disassemble_ahead(left)
        outcome = self._comparison.compare(ours, theirs, self._tally.divergences)
        if isinstance(ours, KeyFrame) and outcome.next_addresses:
            self._leave_addresses_to_next(outcome)
        self._latest = ours, theirs
        divergence = self._divergence_of(left, right, outcome)
        if not outcome.differences:
            self._count(outcome.root)
        self._left.before.append(left)
        self._right.before.append(right)
        return divergence

    def _leave_addresses_to_next(self, outcome: Outcome) -> None:
        """A key frame comes before an instruction: if that is at different addresses, its own frames say so."""
        if self._branched() != _TOGETHER:
            outcome.differences[:] = [
                each for each in outcome.differences if each.kind is not DivergenceKind.CONTROL_FLOW
            ]
        outcome.next_addresses = []

    def _disassemble_ahead(self, left: Item) -> None:
        """Ask objdump for the next instructions, all at once."""
        items = [left, *self._left.ahead(_DISASSEMBLED_AHEAD)]
        frames = (self._left.frame(item) for item in items)
        self._disassembly.learn(
            (frame.address, frame.rawbytes, frame.mode) for frame in frames if isinstance(frame, StdFrame)
        )
        self._disassembled = items[-1][0] + 1

    def _root_of_branch(self) -> int | None:
        """Where the traces go apart because of what the branch before read: what that comes from."""
        if self._latest is None:
            return None
        left, right = self._latest
        if not isinstance(left, StdFrame) or not isinstance(right, StdFrame):
            return None
        instruction = self._disassembly.at(left.address, left.rawbytes, left.mode)
        return self._comparison.root_of_branch(left, right) if instruction.is_branch else None

    def _count(self, root: int | None) -> None:
        """A pair that is different because of a divergence, or of what is tolerated."""
        if root == TOLERATED:
            self._tally.tolerated += 1
        elif root is not None:
            self._tally.derived[root] = self._tally.derived.get(root, 0) + 1

    def _key_of(self, frame: Frame, *, is_left: bool) -> Hashable:
        """What is the same in frames that belong together."""
        if not isinstance(frame, StdFrame):
            thread_id = getattr(frame, "thread_id", None) if self._is_strict else None
            return type(frame).__name__, thread_id
        address = self._relocation.to_right(frame.address) if is_left and self._relocation else frame.address
        # Producers number threads, and name modes, as they like.
        return (address, frame.thread_id, frame.mode) if self._is_strict else address

    # Where the traces go apart.

    def _ended(self, left: Item | None, right: Item | None) -> Divergence:
        for side, item in ((self._left, left), (self._right, right)):
            if item is not None:
                side.put_back(item)
        one, two = ("ends" if item is None else "goes on" for item in (left, right))
        apart = _Apart(0, *(side.remaining() for side in (self._left, self._right)))
        difference = Difference(DivergenceKind.LENGTH, "trace", one, two)
        return self._told(DivergenceKind.LENGTH, left, right, [difference], apart)

    def _apart(self, left: Item, right: Item, ours: Frame, theirs: Frame) -> Divergence | None:
        """Another instruction, or something else, is next in each."""
        self._tally.pairs -= 1
        surplus = self._surplus(ours, theirs)
        if self._left is not surplus:
            self._left.put_back(left)
        if self._right is not surplus:
            self._right.put_back(right)
        if surplus is not None:
            return None
        apart = self._realigned(0)
        root = self._root_of_branch()
        if apart is not None and root is not None and root != TOLERATED:
            self._count(root)
            self._unsettled = apart, root
            return None
        # Of a place where only one trace has frames the other has none.
        one = left if apart is None or apart.left else None
        two = right if apart is None or apart.right else None
        kind = DivergenceKind.CONTROL_FLOW
        if isinstance(ours, StdFrame) and isinstance(theirs, StdFrame):
            values = [
                ("address", f"{ours.address:#x}", f"{theirs.address:#x}", ours.address != theirs.address),
                ("thread", str(ours.thread_id), str(theirs.thread_id), ours.thread_id != theirs.thread_id),
                ("mode", str(ours.mode), str(theirs.mode), ours.mode != theirs.mode and self._is_strict),
            ]
        else:
            kind = DivergenceKind.EVENT
            values = [("frame", _kind_of(ours), _kind_of(theirs), True)]
        differences = [
            Difference(kind, what, first if one else "-", second if two else "-")
            for what, first, second, is_unlike in values
            if is_unlike
        ]
        return self._told(kind, one, two, differences, apart, follows_tolerated=root == TOLERATED)

    def _surplus(self, ours: Frame, theirs: Frame) -> Side | None:
        """The side that has an instruction which the other, by what it tells, need not have; None: there is none."""
        if self._is_strict or not isinstance(ours, StdFrame) or not isinstance(theirs, StdFrame):
            return None
        for log, log_next, trace, trace_next in (
            (self._right, theirs, self._left, ours),
            (self._left, ours, self._right, theirs),
        ):
            scope = log.reading.reader.scope
            previous = trace.frame(trace.before[-1]) if trace.before else None
            if isinstance(previous, StdFrame):
                if scope.is_extra(previous, log_next.address):
                    return log
                if scope.is_folded(previous, trace_next):
                    return trace
        return None

    def _divergence_of(self, left: Item, right: Item, outcome: Outcome) -> Divergence | None:
        """What two frames of the same place are different in, if that is to be told."""
        differences, root = outcome.differences, outcome.next_root
        if outcome.other_code is not None:
            apart, root = self._other_code(), outcome.root
        else:
            apart = self._branched() if outcome.next_addresses else _TOGETHER
        if apart == _TOGETHER:
            if not differences:
                return None
            kind = differences[0].kind
            if kind is DivergenceKind.CONTROL_FLOW:
                # Whatever the frames say, both go on at the same place.
                kind = DivergenceKind.REGISTER
            return self._told(kind, left, right, differences)
        if differences:
            return self._told(differences[0].kind, left, right, differences, apart)
        if apart is not None and root is not None and root != TOLERATED:
            self._unsettled = apart, root
            return None
        kind, differences = DivergenceKind.CONTROL_FLOW, outcome.next_addresses
        if outcome.other_code is not None:
            kind, differences = DivergenceKind.BYTES, [outcome.other_code]
        return self._told(kind, left, right, differences, apart, follows_tolerated=root == TOLERATED)

    def _other_code(self) -> _Apart | None:
        """Behind an instruction that is another one: whether only that is changed, or where both execute the same code
        again. An instruction more moves all that are behind it."""
        ours, theirs = (
            [
                self._code_of(side.frame(item), is_left=side is self._left)
                for item in side.ahead(_FRAMES_OF_CHANGED_CODE)
            ]
            for side in (self._left, self._right)
        )
        same = sum(one == two for one, two in zip(ours, theirs, strict=False))
        if 2 * same >= max(len(ours), len(theirs)):
            return _TOGETHER
        return self._realigned(0, self._code_of)

    def _code_of(self, frame: Frame, *, is_left: bool) -> Hashable:
        """What is the same in frames of the same instruction."""
        key = self._key_of(frame, is_left=is_left)
        return (key, frame.rawbytes) if isinstance(frame, StdFrame) else key

    def _branched(self) -> _Apart | None:
        """Where the next instructions, by what the frames before say, are not the same: what only one trace has."""
        ours, theirs = (
            [self._key_of(side.frame(item), is_left=side is self._left) for item in side.ahead(_SLOTS)]
            for side in (self._left, self._right)
        )
        for slots, (one, two) in enumerate(zip_longest(ours, theirs)):
            if one != two:
                return self._realigned(slots)
        return _TOGETHER

    def _realigned(self, slots: int, key_of: Callable[..., Hashable] | None = None) -> _Apart | None:
        """How many frames each trace has until both go on alike; None: that was not found."""
        key_of = key_of or self._key_of
        for window in WINDOWS:
            count = slots + window.frames
            ours, theirs = (
                [key_of(side.frame(item), is_left=side is self._left) for item in side.ahead(count)[slots:]]
                for side in (self._left, self._right)
            )
            found = realigned(
                ours, theirs, window.run, left_ends=self._left.ends_in(count), right_ends=self._right.ends_in(count)
            )
            if found is not None:
                return _Apart(slots, *found)
        return None

    def _pass_over(self, apart: _Apart, root: int) -> None:
        """Go on behind frames that only one trace has: what they wrote may differ from now on."""
        for one, two in zip(self._left.take(apart.slots), self._right.take(apart.slots), strict=True):
            self._comparison.compare(self._left.frame(one), self._right.frame(two), root)
        for side, count in ((self._left, apart.left), (self._right, apart.right)):
            for item in side.take(count):
                self._comparison.pass_over(side.frame(item), root)

    def _told(
        self,
        kind: DivergenceKind,
        left: Item | None,
        right: Item | None,
        differences: Sequence[Difference],
        apart: _Apart | None = _TOGETHER,
        *,
        follows_tolerated: bool = False,
    ) -> Divergence:
        index = self._tally.divergences
        self._tally.divergences += 1
        if apart is not None and kind is not DivergenceKind.LENGTH:
            self._unsettled = apart, index
        ours, theirs = self._position(self._left, left), self._position(self._right, right)
        return Divergence(
            kind,
            ours,
            theirs,
            tuple(differences),
            index,
            apart.left if apart else 0,
            apart.right if apart else 0,
            is_realigned=apart is not None and kind is not DivergenceKind.LENGTH,
            follows_tolerated=follows_tolerated,
            moved=self._moved(ours),
        )

    def _moved(self, ours: Position) -> Mapping[int, int]:
        """Where the instructions of a position of the first trace are in the second, if that is elsewhere."""
        if self._relocation is None:
            return {}
        frames = [ours.frame, *(frame for _, frame in (*ours.before, *ours.after))]
        addresses = {frame.address for frame in frames if isinstance(frame, StdFrame)}
        places = {address: self._relocation.to_right(address) for address in addresses}
        return {address: place for address, place in places.items() if place != address}

    def _position(self, side: Side, item: Item | None) -> Position:
        # The frame itself is ahead if it was put back.
        following = [each for each in side.ahead(self._context + 1) if item is None or each[0] > item[0]]
        latest = [*side.before][-self._context :] if self._context else ()
        before = [(number, side.frame((number, message))) for number, message in latest]
        after = [(number, side.frame((number, message))) for number, message in following[: self._context]]
        number = item[0] if item is not None else following[0][0] if following else side.following
        return Position(number, None if item is None else side.frame(item), before, after)


def _kind_of(frame: Frame) -> str:
    return {
        StdFrame: "an instruction",
        SyscallFrame: "a system call",
        ExceptionFrame: "an exception",
        ModloadFrame: "a module",
        KeyFrame: "a key frame",
    }.get(type(frame), "an event")
