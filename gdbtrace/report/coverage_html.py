"""Coverage as one page of HTML that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TextIO

from gdbtrace.analysis.covered_code import CoveredCode, CoveredFunction
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.source import SourceText
from gdbtrace.report.coverage_text import share_of, with_texts
from gdbtrace.report.printable import printable

_SHADES = 8
_STYLE = """
body { font: 14px sans-serif; margin: 2em; color: #222; background: #fff }
table { border-collapse: collapse } td, th { padding: 1px 10px; text-align: left; white-space: pre }
td.n, th.n { text-align: right } .code td { font: 13px monospace } tr.source td { color: #555; background: #f4f4f4 }
tr.h0 td { color: #999 } h2 { margin: 1.5em 0 .3em; font-size: 16px } h2 small { font-weight: normal; color: #555 }
"""


def write_html(
    code: CoveredCode, disassembly: Disassembly, title: str, source: SourceText | None, stream: TextIO
) -> None:
    """Write the page: a table of functions, then each one's instructions, the darker the more often they ran.

    :param source: where the text of lines is from; None: it is left out.
    """
    stream.writelines(f"{line}\n" for line in _page(code, disassembly, title, source))


def _page(code: CoveredCode, disassembly: Disassembly, title: str, source: SourceText | None) -> Iterator[str]:
    total = code.coverage.total
    most = max(code.coverage.hits.values(), default=0)
    shades = "".join(
        f"tr.h{shade} td {{ background: hsl(45 100% {98 - 6 * shade}%) }} " for shade in range(1, _SHADES + 1)
    )
    yield "<!DOCTYPE html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
    yield f"<style>{_STYLE}{shades}</style></head><body>"
    yield f"<h1>{_text(title)}</h1>"
    yield f"<p>{total} instructions executed, at {len(code.coverage.hits)} places.</p>"
    yield '<table><thead><tr><th class="n">share</th><th class="n">executed</th><th class="n">entered</th>'
    yield '<th class="n">instructions</th><th>function</th><th>module</th></tr></thead><tbody>'
    for number, function in enumerate(code.functions):
        yield (
            f'<tr><td class="n">{share_of(function.hits, total):.2f}%</td><td class="n">{function.hits}</td>'
            f'<td class="n">{function.calls}</td><td class="n">{function.covered}/{len(function.rows)}</td>'
            f'<td><a href="#f{number}">{_text(function.label)}</a></td><td>{_text(_module(function))}</td></tr>'
        )
    yield "</tbody></table>"
    for number, (function, texts) in enumerate(with_texts(code.functions, disassembly)):
        yield f'<h2 id="f{number}">{_text(function.label)} <small>{_text(_module(function))}</small></h2>'
        yield '<table class="code"><tbody>'
        yield from _rows(code, function, texts, most, source)
        yield "</tbody></table>"
    yield "</body></html>"


def _rows(
    code: CoveredCode, function: CoveredFunction, texts: Sequence[str], most: int, source: SourceText | None
) -> Iterator[str]:
    previous = None
    for row, text in zip(function.rows, texts, strict=True):
        line = code.line_of(function, row) if source else None
        if source and line is not None and line != previous:
            words = f"{line}: {source.written(line).expandtabs()}"
            yield f'<tr class="source"><td></td><td></td><td>{_text(words)}</td></tr>'
            previous = line
        yield (
            f'<tr class="h{_shade(row.hits, most)}"><td class="n">{row.hits}</td>'
            f"<td>{row.address:#x}</td><td>{_text(text)}</td></tr>"
        )


def _shade(hits: int, most: int) -> int:
    """By orders of magnitude: 0 for none, the darkest for the most."""
    return 1 + (_SHADES - 1) * (hits.bit_length() - 1) // max(most.bit_length() - 1, 1) if hits else 0


def _module(function: CoveredFunction) -> str:
    return PurePath(function.module).name


def _text(text: str) -> str:
    return html.escape(printable(text))
