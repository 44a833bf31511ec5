"""``gdbtrace coverage``: what was executed, and how often."""

from __future__ import annotations

import fnmatch
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.coverage import Coverage, CoverageAnalysis
from gdbtrace.analysis.covered_code import CoveredCode
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.source import SourceText
from gdbtrace.cli.output import complain, open_output, open_text_output, printable, refuse_to_overwrite
from gdbtrace.cli.traces import ReadingOptions, open_reading, showing_what_was_read, with_progress
from gdbtrace.errors import UsageError
from gdbtrace.report.coverage_exports import write_drcov, write_lcov, write_modoff
from gdbtrace.report.coverage_html import write_html
from gdbtrace.report.coverage_text import CoverageRows, CoverageText
from gdbtrace.trace.frames import Frame


class View(Enum):
    """What ``--by`` takes."""

    FUNCTION = "function"
    FILE = "file"
    LINE = "line"
    INSTRUCTION = "instruction"


_TEXT = {
    View.FUNCTION: CoverageText.functions,
    View.FILE: CoverageText.files,
    View.LINE: CoverageText.lines,
    View.INSTRUCTION: CoverageText.listing,
}
_ROWS = {
    View.FUNCTION: CoverageRows.functions,
    View.FILE: CoverageRows.files,
    View.LINE: CoverageRows.lines,
    View.INSTRUCTION: CoverageRows.listing,
}


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What is shown."""

    by: Annotated[View, typer.Option(help="What there is a line for.")] = View.FUNCTION
    function: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only functions of such names, executed or not. Repeatable."),
    ] = None
    every: Annotated[bool, typer.Option("--all", help="Also functions and files of which nothing was executed.")] = (
        False
    )
    source: Annotated[bool, typer.Option("--source", help="Text of the source: in a listing between its lines.")] = (
        False
    )
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is written beside."""

    drcov: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the basic blocks for Lighthouse: drcov, version 2.")
    ] = None
    modoff: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the instructions as lines module+offset.")
    ] = None
    lcov: Annotated[Path | None, typer.Option(metavar="FILE", help="Write functions and lines for genhtml.")] = None
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write functions and their listings as a page.")] = (
        None
    )


def coverage(
    traces: Annotated[list[Path], typer.Argument(metavar="TRACE...", help="The traces.", show_default=False)],
    reading_options: ReadingOptions,
    view: ViewOptions,
    export: ExportOptions,
    minus: Annotated[
        list[Path] | None, typer.Option(metavar="TRACE", help="Without what that trace executed. Repeatable.")
    ] = None,
    only_in: Annotated[
        list[Path] | None, typer.Option(metavar="TRACE", help="Only what that trace executed, too. Repeatable.")
    ] = None,
) -> None:
    """Show what the TRACEs executed, all of them together: by function, file, line or instruction."""
    inputs = [*traces, *(minus or ()), *(only_in or ()), *([reading_options.elf] if reading_options.elf else ())]
    refuse_to_overwrite(inputs, [export.drcov, export.modoff, export.lcov, export.html])
    with showing_what_was_read() as reads:
        covered = _coverage_of(traces, reading_options, reads.frames_of)
        # A part of what these executed would say something else.
        if reads.is_interrupted and (minus or only_in):
            return
        for path in minus or ():
            covered = covered.without(_coverage_of([path], reading_options, with_progress).places())
        for path in only_in or ():
            covered = covered.common_with(_coverage_of([path], reading_options, with_progress).places())
        _show(covered, ", ".join(path.name for path in traces), view, export)


def _coverage_of(
    traces: Sequence[Path], options: ReadingOptions, frames_of: Callable[[Reading], Iterator[Frame]]
) -> Coverage:
    """What several traces executed together.

    :raise UsageError: they are of several architectures.
    """
    united: Coverage | None = None
    for path in traces:
        with open_reading(path, options) as reading:
            analysis = CoverageAnalysis(reading.arch, reading.symbols, reading.disassembly)
            for frame in frames_of(reading):
                analysis.feed(frame)
            found = analysis.result()
        if united is not None and united.arch is not found.arch:
            raise UsageError(f"{path}: not of the architecture of the traces before it")
        united = found if united is None else united.united(found)
    assert united is not None, "typer asks for a trace"
    return united


def _show(covered: Coverage, title: str, view: ViewOptions, export: ExportOptions) -> None:
    disassembly = Disassembly(covered.arch)
    code = CoveredCode(covered, _is_shown(view.function), with_unexecuted=view.every)
    if view.function and not code.functions:
        raise UsageError(f"--function {' '.join(view.function)}: no function of that name is known")
    source = SourceText([image.path.parent for image in covered.images.values()]) if view.source else None
    _export(code, disassembly, source, title, export)
    if view.as_json:
        rows = _ROWS[view.by](CoverageRows(code, disassembly))
        print(json.dumps({"executed": covered.total, "by": view.by.value, "rows": list(rows)}))
        return
    if view.by in (View.FILE, View.LINE) and not code.files:
        complain(f"--by {view.by.value}: no program with debug information is known; build it with -g, or give --elf")
    for line in _TEXT[view.by](CoverageText(code, disassembly, source)):
        sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()


def _is_shown(globs: Sequence[str] | None) -> Callable[[str], bool] | None:
    if not globs:
        return None
    return lambda name: any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def _export(
    code: CoveredCode, disassembly: Disassembly, source: SourceText | None, title: str, export: ExportOptions
) -> None:
    if export.drcov:
        with open_output(export.drcov) as stream:
            if left_out := write_drcov(code.coverage, stream):
                complain(f"{export.drcov}: {left_out} blocks left out: drcov has no more than 65,536 modules")
    if export.modoff:
        with open_text_output(export.modoff) as stream:
            write_modoff(code.coverage, stream)
    if export.lcov:
        with open_text_output(export.lcov) as stream:
            write_lcov(code, title, stream)
        if not code.files:
            complain(f"{export.lcov}: empty, for no program with debug information is known")
    if export.html:
        with open_text_output(export.html) as stream:
            write_html(code, disassembly, f"Coverage of {title}", source, stream)
