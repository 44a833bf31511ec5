"""What is known of a guest's memory, byte by byte, from what a trace's instructions loaded and stored."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import NamedTuple

_PAGE_BYTES = 256
_MOST_PAGES = 1 << 15
"""8 MiB of a guest's memory, in some 80 MiB of ours."""
_UNKNOWN = -2
FILE = -1
"""In the place of a frame's number: the program's file has it."""

_ALL_UNKNOWN = array("q", [_UNKNOWN]) * _PAGE_BYTES

InitialContents = Callable[[int, int], "list[tuple[int, bytes]]"]
"""What files have in a run of bytes, given its address and size: (address, bytes) of each piece."""


class MemoryConflict(NamedTuple):
    """Bytes that are not what they were."""

    known: bytes
    """What is known of the place; the access's own bytes where nothing is."""
    witness: int
    """Number of the frame that the first byte which differs is known from, or :data:`FILE`."""


class _Page:
    __slots__ = ("values", "witnesses")

    def __init__(self) -> None:
        self.values = bytearray(_PAGE_BYTES)
        self.witnesses = _ALL_UNKNOWN[:]
        """Number of the frame that each byte is known from."""


class KnownMemory:
    """The contents of memory that a trace tells of. Bounded: what was met first is forgotten first.

    :param initial: what files have there, for places that no frame has told of.
    """

    def __init__(self, initial: InitialContents) -> None:
        self._initial = initial
        self._pages: dict[int, _Page] = {}
        self._fresh_from = _UNKNOWN
        self.is_complete = True
        """Nothing has had to be forgotten."""
        self.changed_unseen = 0
        """Bytes that were changed where no frame tells what is changed: see :meth:`doubt`."""

    def doubt(self, number: int) -> None:
        """Something that no frame tells of may have stored anywhere, before frame ``number``."""
        self._fresh_from = number

    def read(self, address: int, data: bytes, number: int) -> MemoryConflict | None:
        """Frame ``number`` found these bytes: compare them with what is known, and know them from now on.

        A difference to what was known before the latest doubt is counted and not returned.
        """
        index, at = divmod(address, _PAGE_BYTES)
        end = at + len(data)
        if end > _PAGE_BYTES:
            head = _PAGE_BYTES - at
            first = self.read(address, data[:head], number)
            rest = self.read(address + head, data[head:], number)
            if first is None and rest is None:
                return None
            return MemoryConflict(
                (first.known if first else data[:head]) + (rest.known if rest else data[head:]),
                (first or rest).witness,  # type: ignore[union-attr]
            )
        page = self._pages.get(index) or self._new_page(index)
        conflict = None
        if page.values[at:end] != data:
            conflict = self._compare(page, at, data)
            page.values[at:end] = data
        page.witnesses[at:end] = array("q", (number,)) * len(data)
        return conflict

    def write(self, address: int, data: bytes, number: int) -> None:
        """Frame ``number`` stored these bytes."""
        while data:
            index, at = divmod(address, _PAGE_BYTES)
            piece = data[: _PAGE_BYTES - at]
            page, end = self._pages.get(index) or self._new_page(index), at + len(piece)
            page.values[at:end] = piece
            page.witnesses[at:end] = array("q", (number,)) * len(piece)
            address, data = address + len(piece), data[len(piece) :]

    def forget(self, address: int, size: int) -> None:
        """What is there now is not known, and no file has it."""
        for index in range(address // _PAGE_BYTES, (address + size - 1) // _PAGE_BYTES + 1):
            page = self._pages.get(index) or self._new_page(index)
            low = max(address - index * _PAGE_BYTES, 0)
            high = min(address + size - index * _PAGE_BYTES, _PAGE_BYTES)
            page.witnesses[low:high] = _ALL_UNKNOWN[low:high]

    def map_anew(self, low: int, high: int) -> None:
        """A file is mapped from ``low`` to ``high``, its last byte."""
        first, last = low // _PAGE_BYTES, high // _PAGE_BYTES
        for index in [index for index in self._pages if first <= index <= last]:
            del self._pages[index]

    def _compare(self, page: _Page, at: int, data: bytes) -> MemoryConflict | None:
        known, conflict = bytearray(data), None
        for offset, (byte, value, witness) in enumerate(
            zip(data, page.values[at:], page.witnesses[at : at + len(data)], strict=False)
        ):
            if witness == _UNKNOWN:
                continue
            known[offset] = value
            if byte == value:
                continue
            if witness < self._fresh_from:
                self.changed_unseen += 1
            elif conflict is None:
                conflict = witness
        return None if conflict is None else MemoryConflict(bytes(known), conflict)

    def _new_page(self, index: int) -> _Page:
        if len(self._pages) >= _MOST_PAGES:
            del self._pages[next(iter(self._pages))]
            self.is_complete = False
        page = self._pages[index] = _Page()
        low = index * _PAGE_BYTES
        for address, data in self._initial(low, _PAGE_BYTES):
            at, end = address - low, address - low + len(data)
            page.values[at:end] = data
            page.witnesses[at:end] = array("q", (FILE,)) * len(data)
        return page
