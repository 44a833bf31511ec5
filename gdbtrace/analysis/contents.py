"""What a trace holds: counts, address ranges, modes, threads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from gdbtrace.trace.frames import ExceptionFrame, Frame, MemoryLocation, StdFrame

_PAGE_BITS = 12


@dataclass(frozen=True, slots=True)
class Contents:
    """The result."""

    kinds: dict[str, int]
    """Frames by kind."""
    modes: dict[str, int]
    """Std frames by mode; empty name: no mode recorded."""
    threads: dict[int, int]
    """Std frames by thread."""
    code: list[tuple[int, int]]
    """Ranges of executed addresses, by pages that touch: first and last byte."""
    data: list[tuple[int, int]]
    """Ranges of addresses loaded and stored, likewise."""
    loads: int
    stores: int
    exceptions: dict[int, int] = field(default_factory=dict)
    """Exceptions taken, by number: a machine's interrupts are among them, a program's signals are these."""
    devices: dict[str, int] = field(default_factory=dict)
    """Accesses by device."""


class ContentsAnalysis:
    """Counts what a trace holds."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._modes: Counter[str] = Counter()
        self._threads: Counter[int] = Counter()
        self._code: dict[int, tuple[int, int]] = {}
        self._data: dict[int, tuple[int, int]] = {}
        self._exceptions: Counter[int] = Counter()
        self._devices: Counter[str] = Counter()
        self._loads = self._stores = 0

    def feed(self, frame: Frame) -> None:
        """Take one frame."""
        self._kinds[_kind_name(frame)] += 1
        if isinstance(frame, ExceptionFrame):
            self._exceptions[frame.exception_number] += 1
        if not isinstance(frame, StdFrame):
            return
        self._modes[frame.mode or ""] += 1
        self._threads[frame.thread_id] += 1
        _widen(self._code, frame.address, len(frame.rawbytes))
        reads, writes = frame.memory_reads(), frame.memory_writes()
        self._loads += len(reads)
        self._stores += len(writes)
        for operand in (*reads, *writes):
            _widen(self._data, operand.address, operand.bits // 8)
            if isinstance(operand.location, MemoryLocation) and operand.location.device:
                self._devices[operand.location.device] += 1

    def result(self) -> Contents:
        """What was counted."""
        return Contents(
            dict(self._kinds),
            dict(self._modes),
            dict(sorted(self._threads.items())),
            _merged(self._code),
            _merged(self._data),
            self._loads,
            self._stores,
            dict(sorted(self._exceptions.items())),
            dict(self._devices),
        )


def _kind_name(frame: Frame) -> str:
    """``StdFrame`` -> ``std_frame``, the format's own name."""
    name = type(frame).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _widen(pages: dict[int, tuple[int, int]], address: int, size: int) -> None:
    last = address + max(size, 1) - 1
    page = address >> _PAGE_BITS
    low, high = pages.get(page, (address, last))
    pages[page] = min(low, address), max(high, last)


def _merged(pages: dict[int, tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of neighbouring pages as one."""
    ranges: list[tuple[int, int]] = []
    for page in sorted(pages):
        low, high = pages[page]
        # What was touched may reach beyond its first page.
        if ranges and page <= (ranges[-1][1] >> _PAGE_BITS) + 1:
            ranges[-1] = ranges[-1][0], max(high, ranges[-1][1])
        else:
            ranges.append((low, high))
    return ranges
