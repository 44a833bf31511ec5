"""The divergences of two traces side by side, as one page of HTML that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TextIO

from gdbtrace.report.diff import LookedUp, Place, Row
from gdbtrace.report.diff_summary import DiffSummary, Group
from gdbtrace.report.printable import printable

_MOST_DETAILED = 1000
"""Groups that are shown with their context: a browser can hold no more, nor can a reader."""
_STYLE = """
body { font: 14px sans-serif; margin: 2em; color: #222; background: #fff }
table { border-collapse: collapse; margin: .5em 0 } td, th { padding: 1px 10px; text-align: left; white-space: pre }
td.n, th.n { text-align: right } .code td { font: 13px monospace } .code td.m { border-left: 2px solid #ccc }
td.l { background: #fdd } td.r { background: #dfd } tr.here td { background: #ffc; font-weight: bold }
tr.here td.l { background: #fbb } tr.here td.r { background: #bfb } td.none { background: #eee }
h2 { margin: 1.5em 0 .3em; font-size: 16px }
.values td { font: 13px monospace; white-space: pre-wrap; word-break: break-all }
"""


def write_html(summary: DiffSummary, stream: TextIO) -> None:
    """Write the page: a table of the groups, then the first divergence of each, with the frames around it."""
    stream.writelines(f"{line}\n" for line in _page(summary))


def _page(summary: DiffSummary) -> Iterator[str]:
    names, groups, count = summary.report.names, summary.groups(), summary.count
    title = f"{names[0]} and {names[1]}"
    yield "<!DOCTYPE html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
    yield f"<style>{_STYLE}</style></head><body>"
    yield f"<h1>{_text(title)}</h1>"
    if not groups:
        yield f"<p>Equal: {summary.tally.pairs} frames.</p></body></html>"
        return
    detailed = groups[:_MOST_DETAILED]
    yield f"<p>{count} {'divergence' if count == 1 else 'divergences'}, at {len(groups)} places.</p>"
    yield '<table><thead><tr><th class="n">count</th><th>kind</th><th class="n">left frame</th>'
    yield '<th class="n">right frame</th><th>what</th><th>instruction</th><th>symbol</th><th>source</th></tr></thead>'
    yield "<tbody>"
    for number, group in enumerate(groups):
        yield _group_row(number if number < len(detailed) else None, group)
    yield "</tbody></table>"
    for number, group in enumerate(detailed):
        place = group.first.left or group.first.right
        where = f" in {place.symbol}" if place is not None and place.symbol else ""
        yield f'<h2 id="d{number}">{_text(group.first.kind.value + where)}</h2>'
        yield from _values(names, group.first)
        yield from _context(names, group.first)
    yield "</body></html>"


def _group_row(number: int | None, group: Group) -> str:
    found = group.first
    place = found.left or found.right
    kind = _text(group.first.kind.value)
    if number is not None:
        kind = f'<a href="#d{number}">{kind}</a>'
    words = ("", "", "") if place is None else (place.words, place.symbol, str(place.line or ""))
    return (
        f'<tr><td class="n">{group.count}</td><td>{kind}</td><td class="n">{found.left_number}</td>'
        f'<td class="n">{found.right_number}</td><td>{_text(group.what)}</td>'
        + "".join(f"<td>{_text(each)}</td>" for each in words)
        + "</tr>"
    )


def _values(names: tuple[str, str], found: LookedUp) -> Iterator[str]:
    left, right = map(_text, names)
    yield f'<table class="values"><thead><tr><th></th><th>{left}</th><th>{right}</th></tr></thead><tbody>'
    for each in found.differences:
        yield (
            f'<tr><td>{_text(each.what)}</td><td class="l">{_text(each.left)}</td>'
            f'<td class="r">{_text(each.right)}</td></tr>'
        )
    yield "</tbody></table>"


def _context(names: tuple[str, str], found: LookedUp) -> Iterator[str]:
    heads = "".join(f'<th colspan="4">{_text(name)}</th>' for name in names)
    yield f'<table class="code"><thead><tr>{heads}</tr></thead><tbody>'
    for row in found.rows:
        here = ' class="here"' if row.is_divergence else ""
        yield f"<tr{here}>{_cells(row.left, row, 'l')}{_cells(row.right, row, 'r')}</tr>"
    yield "</tbody></table>"


def _cells(place: Place | None, row: Row, side: str) -> str:
    if place is None:
        return '<td class="none" colspan="4"></td>'
    kind = "" if row.is_same and not row.is_divergence else f" {side}"
    source = f" {place.line}" if place.line is not None else ""
    return (
        f'<td class="n m{kind}">{place.number}</td><td class="c{kind}">{place.address}</td>'
        f'<td class="c{kind}">{_text(place.text)}</td><td class="c{kind}">{_text(place.symbol + source)}</td>'
    )


def _text(text: str) -> str:
    return html.escape(printable(text))
