"""Coverage as text and as rows for JSON: by function, file, line or instruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

from gdbtrace.analysis.covered_code import CoveredCode, CoveredFunction, Row
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.source import SourceText

_BATCH = 1 << 12
"""Instructions that are disassembled together: where objdump has to be asked, a run of it costs ten milliseconds."""

Fact = str | int | float | None


def share_of(hits: int, total: int) -> float:
    """Of all executed instructions, in per cent."""
    return 100 * hits / total if total else 0.0


class CoverageText:
    """Lists what was covered.

    :param source: where the text of lines is from; None: it is left out.
    """

    def __init__(self, code: CoveredCode, disassembly: Disassembly, source: SourceText | None) -> None:
        self._code = code
        self._total = code.coverage.total
        self._disassembly = disassembly
        self._source = source

    def functions(self) -> Iterator[str]:
        """A line for each function, those first in which most instructions were executed, and one for all."""
        functions = self._code.functions
        yield f"{'share':>7} {'executed':>12} {'entered':>9} {'instructions':>13}  function"
        for function in functions:
            yield (
                f"{self._share(function.hits)} {function.hits:>12} {function.calls:>9} "
                f"{_part(function.covered, len(function.rows)):>13}  {self._head(function)}"
            )
        hits, covered = sum(each.hits for each in functions), sum(each.covered for each in functions)
        size = sum(len(each.rows) for each in functions)
        yield f"{self._share(hits)} {hits:>12} {'':>9} {_part(covered, size):>13}  {len(functions)} functions"

    def files(self) -> Iterator[str]:
        """A line for each file of source."""
        yield f"{'share':>7} {'executed':>12} {'lines':>13}  file"
        for file in sorted(self._code.files, key=lambda file: (-file.hits, file.path)):
            yield f"{self._share(file.hits)} {file.hits:>12} {_part(file.covered, len(file.lines)):>13}  {file.path}"

    def lines(self) -> Iterator[str]:
        """A line for each line of source that has code."""
        yield f"{'times':>9} {'executed':>12} {'share':>7}  line"
        for file in self._code.files:
            for line in file.lines:
                text = f": {self._source.written(line.source).expandtabs()}" if self._source else ""
                yield f"{line.times:>9} {line.hits:>12} {self._share(line.hits)}  {line.source}{text}"

    def listing(self) -> Iterator[str]:
        """Each function's instructions, with how often each was executed."""
        separator = ""
        for function, texts in with_texts(self._code.functions, self._disassembly):
            if separator:
                yield separator
            separator = " "
            yield f"{self._head(function)}: {function.hits} executed, {self._share(function.hits).strip()}"
            previous = None
            for row, text in zip(function.rows, texts, strict=True):
                line = self._code.line_of(function, row) if self._source else None
                if self._source and line is not None and line != previous:
                    yield f"{'':>12} ; {line}: {self._source.written(line).expandtabs()}".rstrip()
                    previous = line
                yield f"{row.hits:>12}  {row.address:#x}  {text}"

    def _share(self, hits: int) -> str:
        return f"{share_of(hits, self._total):>6.2f}%"

    @staticmethod
    def _head(function: CoveredFunction) -> str:
        return " ".join(filter(None, (function.label, PurePath(function.module).name and f"({_name(function)})")))


def _name(function: CoveredFunction) -> str:
    module = PurePath(function.module).name
    return f"{module} {function.low:#x}-{function.high - 1:#x}" if function.name else module


def _part(some: int, of: int) -> str:
    return f"{some}/{of}"


def with_texts(
    functions: Sequence[CoveredFunction], disassembly: Disassembly
) -> Iterator[tuple[CoveredFunction, Sequence[str]]]:
    """Functions, each with the texts of its instructions."""
    waiting: list[CoveredFunction] = []
    rows = 0
    for function in functions:
        waiting.append(function)
        rows += len(function.rows)
        if rows >= _BATCH:
            yield from _texts_of(waiting, disassembly)
            waiting, rows = [], 0
    yield from _texts_of(waiting, disassembly)


def _texts_of(
    functions: Sequence[CoveredFunction], disassembly: Disassembly
) -> Iterator[tuple[CoveredFunction, Sequence[str]]]:
    disassembly.learn([row.key for function in functions for row in function.rows])
    for function in functions:
        yield function, [disassembly.at(*row.key).text for row in function.rows]


class CoverageRows:
    """The same as objects. Addresses are text, for not every reader of JSON has numbers of 64 bits."""

    def __init__(self, code: CoveredCode, disassembly: Disassembly) -> None:
        self._code = code
        self._total = code.coverage.total
        self._disassembly = disassembly

    def functions(self) -> Iterator[Mapping[str, Fact]]:
        """An object for each function."""
        for function in self._code.functions:
            yield {
                "function": function.name,
                "module": function.module,
                "low": f"{function.low:#x}",
                "high": f"{function.high - 1:#x}",
                "share": self._share(function.hits),
                "executed": function.hits,
                "entered": function.calls,
                "instructions": len(function.rows),
                "covered": function.covered,
            }

    def files(self) -> Iterator[Mapping[str, Fact]]:
        """An object for each file of source."""
        for file in self._code.files:
            yield {
                "file": file.path,
                "share": self._share(file.hits),
                "executed": file.hits,
                "lines": len(file.lines),
                "covered": file.covered,
            }

    def lines(self) -> Iterator[Mapping[str, Fact]]:
        """An object for each line of source that has code."""
        for file in self._code.files:
            for line in file.lines:
                yield {
                    "file": file.path,
                    "line": line.source.line,
                    "times": line.times,
                    "executed": line.hits,
                    "share": self._share(line.hits),
                }

    def listing(self) -> Iterator[Mapping[str, Fact]]:
        """An object for each instruction of each function."""
        for function, texts in with_texts(self._code.functions, self._disassembly):
            for row, text in zip(function.rows, texts, strict=True):
                yield self._instruction(function, row, text)

    def _instruction(self, function: CoveredFunction, row: Row, text: str) -> Mapping[str, Fact]:
        line = self._code.line_of(function, row)
        return {
            "module": function.module,
            "function": function.name,
            "address": f"{row.address:#x}",
            "bytes": row.rawbytes.hex(),
            "mode": row.mode,
            "text": text,
            "executed": row.hits,
            "file": line.file if line else None,
            "line": line.line if line else None,
        }

    def _share(self, hits: int) -> float:
        return round(share_of(hits, self._total), 4)
