"""Two traces side by side: reading ahead in both, and finding where they go on alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from gdbtrace.analysis.reading import Reading
from gdbtrace.errors import TraceFormatError
from gdbtrace.trace.frames import (
    ExceptionFrame,
    Frame,
    KeyFrame,
    ModloadFrame,
    StdFrame,
    SyscallFrame,
    TaintIntroFrame,
)

Item = tuple[int, tuple[int, bytes | Frame]]
"""A frame's number, and its offset with its message; or, where the reader has none, 0 with the frame."""

TAGS = {
    StdFrame: 0x0A,
    SyscallFrame: 0x12,
    ExceptionFrame: 0x1A,
    TaintIntroFrame: 0x22,
    ModloadFrame: 0x2A,
    KeyFrame: 0x32,
}
"""The first byte of the message of each kind of frame."""
EVENT_TAGS = frozenset(TAGS.values()) - {TAGS[StdFrame]}
_MODLOAD_TAG = TAGS[ModloadFrame]

_MOST_AHEAD_BYTES = 48 << 20
"""Of the messages that are read ahead in one trace."""


class Window(NamedTuple):
    """How far is looked ahead for the place where both traces go on alike."""

    frames: int
    run: int
    """How many frames must be the same one after the other: the farther off, the less a few of them say."""


WINDOWS = (Window(32, 4), Window(512, 8), Window(4096, 16), Window(32768, 16))


class Side:
    """One of the traces, read with a look ahead.

    Iterating goes on behind what was taken. Symbols are told of a module when its frame is taken.

    :param skipped: tags of frames that are passed over.
    :param context: how many frames are kept in ``before``.
    """

    def __init__(self, reading: Reading, skipped: frozenset[int], context: int) -> None:
        self.reading = reading
        self.before: deque[Item] = deque(maxlen=max(context, 1))
        """The latest frames, one at least. Who iterates adds to them."""
        self._skipped = skipped
        self._stream = self._items()
        self._ahead: deque[Item] = deque()
        self._is_exhausted = False
        self.damage: TraceFormatError | None = None
        """What was met ahead."""

    def _items(self) -> Iterator[Item]:
        reading, skipped = self.reading, self._skipped
        if not reading.is_window or not reading.reader.scope.is_whole:
            for number, frame in reading.iter_numbered():
                if TAGS.get(type(frame), 0) not in skipped:
                    yield number, (0, frame)
        elif not skipped:
            yield from reading.iter_window()
        else:
            for item in reading.iter_window():
                if item[1][1][0] not in skipped:
                    yield item
                elif item[1][1][0] == _MODLOAD_TAG:
                    self.learn(item)

    def __iter__(self) -> Iterator[Item]:
        ahead = self._ahead
        while True:
            while ahead:
                yield ahead.popleft()
            for item in self._stream:
                yield item
                if ahead:
                    break
            else:
                if ahead:
                    continue
                if self.damage is not None:
                    raise self.damage
                return

    def ahead(self, count: int) -> list[Item]:
        """The next frames, which stay to be taken; fewer at the end of the trace, or where they are very large."""
        ahead = self._ahead
        if len(ahead) < count:
            size = sum(map(_size_of, ahead))
            try:
                for item in self._stream:
                    ahead.append(item)
                    size += _size_of(item)
                    if len(ahead) >= count or size > _MOST_AHEAD_BYTES:
                        break
                else:
                    self._is_exhausted = self.damage is None
            except TraceFormatError as error:
                # Those before it come first.
                self.damage = error
        return list(islice(ahead, count))

    def ends_in(self, count: int) -> bool:
        """Whether it is known that no more than so many frames follow."""
        return self._is_exhausted and len(self._ahead) <= count

    @property
    def following(self) -> int:
        """Number of the frame behind the last one, where there is none: of how many were taken."""
        return self.before[-1][0] + 1 if self.before else self.reading.selection.first

    def remaining(self) -> int:
        """How many frames follow, where that can be told without reading them; else how many are known to."""
        reader, selection = self.reading.reader, self.reading.selection
        count = reader.frame_count
        if not self._ahead or count is None or self._skipped or not self.reading.is_window:
            return len(self._ahead)
        return min(count, selection.end or count) - self._ahead[0][0]

    def put_back(self, item: Item) -> None:
        """It was not taken after all."""
        self._ahead.appendleft(item)

    def take(self, count: int) -> list[Item]:
        """The next frames."""
        taken = self.ahead(count)
        for item in taken:
            self._ahead.popleft()
            self.learn(item)
        self.before.extend(taken)
        return taken

    def learn(self, item: Item) -> None:
        """Tell the symbols, if the frame is a module's."""
        data = item[1][1]
        if type(data) is bytes and data[0] == _MODLOAD_TAG:
            frame = self.frame(item)
            if isinstance(frame, ModloadFrame):
                self.reading.symbols.add(frame)

    def frame(self, item: Item) -> Frame:
        """Decode one.

        :raise TraceFormatError: it is damaged.
        """
        offset, data = item[1]
        return self.reading.reader.decode(data, offset) if type(data) is bytes else data  # type: ignore[return-value]


def _size_of(item: Item) -> int:
    data = item[1][1]
    return len(data) if type(data) is bytes else 0


_END = object()
"""Stands behind the last frame of a trace."""


def realigned(
    left: Sequence[Hashable], right: Sequence[Hashable], run: int, *, left_ends: bool, right_ends: bool
) -> tuple[int, int] | None:
    """How many frames are passed over on either side to get to the nearest place from which ``run`` frames, or all to
    the end of both traces, are the same; None: there is none.

    :param left: what is the same in frames that belong together, of those that come next.
    :param left_ends: no frames follow them.
    """
    ours = [*left, *[_END] * run] if left_ends else left
    theirs = [*right, *[_END] * run] if right_ends else right
    numbers: dict[Hashable, int] = {}
    # Small numbers are much cheaper to compare than what they stand for.
    one = [numbers.setdefault(key, len(numbers)) for key in ours]
    two = [numbers.setdefault(key, len(numbers)) for key in theirs]
    starts: dict[tuple[int, ...], int] = {}
    for start in range(len(one) - run + 1):
        starts.setdefault(tuple(one[start : start + run]), start)
    nearest: tuple[int, int] | None = None
    for start in range(len(two) - run + 1):
        if nearest is not None and start >= sum(nearest):
            break
        found = starts.get(tuple(two[start : start + run]))
        if found is not None and (nearest is None or found + start < sum(nearest)):
            nearest = found, start
    return nearest
