"""Functions, files and lines, and what was executed of them."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from gdbtrace.analysis.calls import LOCAL_ENTRY_BYTES
from gdbtrace.analysis.coverage import Coverage, Executed, Place
from gdbtrace.analysis.covered_lines import line_counts
from gdbtrace.analysis.disassembly import Key
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Mode
from gdbtrace.image import Image, SourceLine
from gdbtrace.image.damage import DAMAGE


class Row(NamedTuple):
    """An instruction of a function."""

    address: int
    """As linked."""
    rawbytes: bytes
    """What was executed there; else what the file has."""
    mode: str | None
    hits: int

    @property
    def key(self) -> Key:
        """What it is disassembled by."""
        return self.address, self.rawbytes, self.mode


@dataclass(frozen=True, slots=True)
class CoveredFunction:
    """A function; or, where no symbol says which, a run of executed instructions."""

    name: str
    """Empty: it is a run of instructions."""
    module: str
    """As in :class:`~gdbtrace.analysis.coverage.Place`."""
    low: int
    """Linked address of the first byte."""
    high: int
    """Behind the last one."""
    rows: Sequence[Row]
    """Its instructions, by address."""
    calls: int
    """How often it was entered."""

    @property
    def hits(self) -> int:
        """Instructions executed."""
        return sum(row.hits for row in self.rows)

    @property
    def covered(self) -> int:
        """How many of its instructions were executed at all."""
        return sum(row.hits > 0 for row in self.rows)

    @property
    def label(self) -> str:
        """Its name, or its addresses."""
        return self.name or f"{self.low:#x}-{self.high - 1:#x}"


class Entry(NamedTuple):
    """Where a function begins."""

    name: str
    place: Place
    line: SourceLine
    calls: int


class CoveredLine(NamedTuple):
    """A line of source."""

    source: SourceLine
    times: int
    """How often it was executed, as gcov counts."""
    hits: int
    """Instructions of it that were executed."""


@dataclass(frozen=True, slots=True)
class CoveredFile:
    """A file of source."""

    path: str
    lines: Sequence[CoveredLine]
    """Those that have code, by number."""

    @property
    def hits(self) -> int:
        """Instructions executed."""
        return sum(line.hits for line in self.lines)

    @property
    def covered(self) -> int:
        """How many of its lines were executed at all."""
        return sum(line.hits > 0 for line in self.lines)


class CoveredCode:
    """Code, by function, file and line, with what was executed of it.

    :param is_shown: of which functions, by name, there is anything to be said; all where it is None.
    :param with_unexecuted: also functions and files of which nothing was executed.
    """

    def __init__(
        self, coverage: Coverage, is_shown: Callable[[str], bool] | None = None, *, with_unexecuted: bool = False
    ) -> None:
        self.coverage = coverage
        self._is_shown = is_shown
        self._with_unexecuted = with_unexecuted
        self._entered: Counter[Place] = Counter()
        """How often execution came to a place from a caller."""
        self._jumps_to: dict[Place, list[tuple[Place, int]]] = {}
        """By where they go: from where execution went there otherwise than by a call, and how often."""
        for (source, target), times in coverage.jumps.items():
            if source is None:
                self._entered[target.place] += times
            else:
                self._jumps_to.setdefault(target.place, []).append((source.place, times))
        self._hits_at: Counter[Place] = Counter()
        for executed, times in coverage.hits.items():
            self._hits_at[executed.place] += times
        self._modes = {mode.name: mode for mode in coverage.arch.modes} if coverage.arch else {}

    @cached_property
    def functions(self) -> Sequence[CoveredFunction]:
        """The functions, those first in which most instructions were executed."""
        return sorted(self._iter_functions(), key=lambda function: (-function.hits, function.module, function.low))

    @cached_property
    def files(self) -> Sequence[CoveredFile]:
        """The files of source, by path; of a file, the lines of all functions that are shown."""
        counts = line_counts(self.coverage)
        hits: Counter[SourceLine] = Counter()
        for executed, times in self.coverage.hits.items():
            if line := self.coverage.line_at(executed.place):
                hits[line] += times
        lines: set[SourceLine] = set()
        for module, low, high, name in self._known_functions():
            if self._is_shown is None or self._is_shown(name):
                lines |= {row.line for row in self.coverage.images[module].lines_of(low, high) if row.line.line}
        if self._is_shown is None:
            lines |= set(hits)
        files: dict[str, list[CoveredLine]] = {}
        for line in sorted(lines):
            files.setdefault(line.file, []).append(CoveredLine(line, counts.get(line, 0), hits[line]))
        found = (CoveredFile(path, rows) for path, rows in files.items())
        return [file for file in found if self._with_unexecuted or file.covered]

    def iter_entries(self) -> Iterator[Entry]:
        """Where functions begin that a file has and that are shown, executed or not."""
        for module, low, high, name in self._known_functions():
            place = Place(module, low)
            line = self.coverage.line_at(place)
            if line is not None and (self._is_shown is None or self._is_shown(name)):
                yield Entry(name, place, line, self._calls(module, low, high))

    def line_of(self, function: CoveredFunction, row: Row) -> SourceLine | None:
        """The line of source of an instruction."""
        return self.coverage.line_at(Place(function.module, row.address))

    def _known_functions(self) -> Iterator[tuple[str, int, int, str]]:
        """Module, low, high, name of all functions that the modules' files have."""
        for module, symbols in self.coverage.modules.items():
            seen = set()
            for function in symbols.iter_functions():
                if function.low not in seen:
                    seen.add(function.low)
                    yield module, function.low, function.high, function.name

    def _iter_functions(self) -> Iterator[CoveredFunction]:
        found: dict[tuple[str, int], tuple[int, str, list[Executed]]] = {}
        unnamed: list[Executed] = []
        for executed in sorted(self.coverage.hits, key=lambda each: (each.place, each.rawbytes, each.mode or "")):
            module, address = executed.place
            symbols = self.coverage.modules.get(module)
            function = symbols.function_at(address) if symbols else None
            if function is None:
                unnamed.append(executed)
            else:
                found.setdefault((module, function.low), (function.high, function.name, []))[2].append(executed)
        if self._with_unexecuted or self._is_shown is not None:
            for module, low, high, name in self._known_functions():
                found.setdefault((module, low), (high, name, []))
        for (module, low), (high, name, executed_here) in found.items():
            if self._is_shown is None or self._is_shown(name):
                rows = list(self._rows(module, low, high, executed_here))
                yield CoveredFunction(name, module, low, high, rows, self._calls(module, low, high))
        if self._is_shown is None:
            for run in _runs(unnamed):
                rows = [self._row(executed) for executed in run]
                last = max(executed.end.address for executed in run)
                module, low = run[0].place
                yield CoveredFunction("", module, low, last, rows, self._hits_at[run[0].place])

    def _calls(self, module: str, low: int, high: int) -> int:
        """How often a function was entered: also by running into it, but not by a loop back to its beginning."""
        begin, end = Place(module, low), Place(module, high)
        loops = (times for source, times in self._jumps_to.get(begin, ()) if begin <= source < end)
        local = self._entered[Place(module, low + LOCAL_ENTRY_BYTES)] if low + LOCAL_ENTRY_BYTES < high else 0
        return self._hits_at[begin] - sum(loops) + local

    def _row(self, executed: Executed) -> Row:
        return Row(executed.place.address, executed.rawbytes, executed.mode, self.coverage.hits[executed])

    def _rows(self, module: str, low: int, high: int, executed_here: Sequence[Executed]) -> Iterator[Row]:
        """A function's instructions: those that were executed, and between them what the file has."""
        image = self.coverage.images[module]
        code = _Code(image, low, high, self._modes)
        position, mode = low, executed_here[0].mode if executed_here else None
        for executed in executed_here:
            yield from code.rows(position, executed.place.address, mode)
            yield self._row(executed)
            position, mode = max(position, executed.end.address), executed.mode
        yield from code.rows(position, high, mode)


class _Code:
    """What a file has of a function."""

    def __init__(self, image: Image, low: int, high: int, modes: dict[str | None, Mode]) -> None:
        self._low, self._modes = low, modes
        self._bytes = _bytes_of(image, low, high)
        self._marks = image.mapping_symbols()
        self._mark_addresses = [address for address, _ in self._marks]

    def rows(self, low: int, high: int, mode_name: str | None) -> Iterator[Row]:
        """The instructions in a range, of which none was executed; data among them has no row."""
        high = min(high, self._low + len(self._bytes))
        while low < high:
            kind, end = self._mark_at(low, high)
            if kind == "d":
                low = end
                continue
            mode = self._mode(kind, mode_name)
            data = self._bytes[low - self._low : end - self._low]
            size = min(len(disassemble(data, low, mode).data) if mode else len(data), len(data)) or len(data)
            yield Row(low, data[:size], mode.name if mode else None, 0)
            low += size

    def _mark_at(self, address: int, high: int) -> tuple[str, int]:
        """What begins at or before an address, and where the next thing begins."""
        index = bisect.bisect_right(self._mark_addresses, address)
        kind = self._marks[index - 1][1] if index else ""
        return kind, min(high, self._mark_addresses[index]) if index < len(self._marks) else high

    def _mode(self, kind: str, name: str | None) -> Mode | None:
        if kind in _ARM_MODES:
            return next((mode for mode in self._modes.values() if _ARM_MODES[kind] in (mode.name or "")), None)
        return self._modes.get(name) or next(iter(self._modes.values()), None)


def _bytes_of(image: Image, low: int, high: int) -> bytes:
    """What the file has there; nothing where it is damaged, or gone."""
    try:
        return image.code_at(low, high - low)
    except DAMAGE:
        return b""


_ARM_MODES = {"a": ":a32", "t": ":t32"}


def _runs(instructions: Iterable[Executed]) -> Iterator[list[Executed]]:
    """Instructions, by place, cut where one does not follow the one before."""
    run: list[Executed] = []
    end: Place | None = None
    for executed in instructions:
        if run and (end is None or executed.place.module != end.module or executed.place.address > end.address):
            yield run
            run, end = [], None
        run.append(executed)
        end = max(end or executed.end, executed.end)
    if run:
        yield run
