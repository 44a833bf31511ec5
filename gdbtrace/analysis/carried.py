"""Differences that stay: values that are different from some place in two traces on, until they are written anew."""

from __future__ import annotations

from typing import NamedTuple

TOLERATED = -1
"""In the place of a divergence's index: the difference is to be expected, or follows from one that is."""

_LINE_BITS = 6
_LINE = 1 << _LINE_BITS
_MOST_LINES = 1 << 17
"""20 MB of them: what was marked first is forgotten first, so that what differs there is reported as new."""


class CarriedRegister(NamedTuple):
    """A register that is not the same in both traces."""

    left: bytes | None
    """Its value; None: it is not known."""
    right: bytes | None
    root: int
    """Index of the divergence that it comes from, or :data:`TOLERATED`."""
    is_seen: bool = True
    """False: it was written where the traces were not compared, so whatever it is comes from there."""


class CarriedMemory:
    """Bytes of memory that are, or may be, not the same in both traces."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[int, int]] = {}
        """Number of a line of 64 bytes -> which of its bytes, and the root of the latest."""

    def __bool__(self) -> bool:
        return bool(self._lines)

    def mark(self, address: int, which: int, root: int) -> None:
        """Some bytes differ.

        :param which: of the bytes from ``address`` on, as a mask: bit 0 is the first one's.
        """
        which <<= address & _LINE - 1
        line = address >> _LINE_BITS
        while which:
            if part := which & (1 << _LINE) - 1:
                before, _ = self._lines.pop(line, (0, root))
                if len(self._lines) >= _MOST_LINES:
                    del self._lines[next(iter(self._lines))]
                self._lines[line] = before | part, root
            which >>= _LINE
            line += 1

    def clear(self, address: int, size: int) -> None:
        """Bytes are the same in both."""
        which = (1 << size) - 1 << (address & _LINE - 1)
        line = address >> _LINE_BITS
        while which:
            if line in self._lines:
                before, root = self._lines[line]
                if left := before & ~which:
                    self._lines[line] = left, root
                else:
                    del self._lines[line]
            which >>= _LINE
            line += 1

    def root_of(self, address: int, which: int) -> int | None:
        """Where the difference of bytes comes from; None: one of them was not marked."""
        which <<= address & _LINE - 1
        line = address >> _LINE_BITS
        found: int | None = None
        while which:
            if part := which & (1 << _LINE) - 1:
                before, root = self._lines.get(line, (0, 0))
                if part & ~before:
                    return None
                found = root if found is None else max(found, root)
            which >>= _LINE
            line += 1
        return found
