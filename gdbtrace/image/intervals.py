"""What lies where: values with ranges of addresses, which may lie in one another."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Intervals(Generic[Value]):
    """Finds by address.

    :param intervals: (low, high, value); high is behind the last address. Of two with the same low, the earlier counts.
    """

    def __init__(self, intervals: Iterable[tuple[int, int, Value]]) -> None:
        self._rows = sorted((row for row in intervals if row[0] < row[1]), key=lambda row: row[0])
        self._lows = [low for low, _, _ in self._rows]
        self._reach = list(itertools.accumulate((high for _, high, _ in self._rows), max))
        """How far any interval up to this one goes."""

    def __iter__(self) -> Iterator[tuple[int, int, Value]]:
        return iter(self._rows)

    def overlapping(self, low: int, high: int) -> Iterator[tuple[int, int, Value]]:
        """Those with an address in common with ``low`` to ``high - 1``, the highest low first."""
        index = bisect.bisect_left(self._lows, high)
        while low < high and index and self._reach[index - 1] > low:
            index -= 1
            if self._rows[index][1] > low:
                yield self._rows[index]

    def at(self, address: int) -> tuple[int, int, Value] | None:
        """The innermost one around an address: that which begins last."""
        found = None
        for row in self.overlapping(address, address + 1):
            if found is not None and row[0] != found[0]:
                break
            found = row
        return found
