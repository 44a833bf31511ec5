"""``gdbtrace timeline``: what ran when."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.calls import Enter, Leave
from gdbtrace.analysis.flow import Block
from gdbtrace.analysis.timeline import Clock, StageReached, Timeline, TimelineEvent
from gdbtrace.cli.output import open_output, printable, refuse_to_overwrite
from gdbtrace.cli.traces import ReadingOptions, open_reading, showing_what_was_read
from gdbtrace.errors import UsageError
from gdbtrace.machine.stages import parse_stage
from gdbtrace.opening import argument_of, profile_of_trace
from gdbtrace.report.chrome import ChromeTrace
from gdbtrace.report.perfetto import PerfettoTrace
from gdbtrace.report.slices import SliceExport
from gdbtrace.report.timeline import TimelineLines, clock_record, stage_record, stage_rows, stage_table
from gdbtrace.trace.container import TraceReader
from gdbtrace.trace.frames import Frame

_SHIFTS = frozenset(map(str, range(11)))
"""What ``--icount`` takes."""
_FUNCTION_EVENTS = (Enter, Leave)
_BLOCK_EVENTS = (Block,)


def timeline(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    reading_options: ReadingOptions,
    functions: Annotated[bool, typer.Option("--functions", help="Show calls and returns instead of blocks.")] = False,
    stages: Annotated[bool, typer.Option("--stages", help="Show the table of boot stages instead of blocks.")] = False,
    source: Annotated[bool, typer.Option("--source", help="Show source lines, too.")] = False,
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=ADDRESS|SYMBOL", help="A stage beside those of the machine. Repeatable."),
    ] = None,
    perfetto: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write functions, blocks, stages, exceptions for ui.perfetto.dev."),
    ] = None,
    chrome: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the same as Chrome's trace events, in JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Show the basic blocks of TRACE with the time at which each ran, its boot stages and exceptions.

    The time is counted in instructions, or in ns of virtual time of a machine that was run with icount.
    """
    if functions and stages:
        raise UsageError("--functions and --stages: choose one")
    refuse_to_overwrite([trace], [perfetto, chrome])
    with showing_what_was_read() as reads, open_reading(trace, reading_options) as reading, ExitStack() as stack:
        given = dict(map(parse_stage, stage or ()))
        profile = profile_of_trace(reading.reader)
        places = {**(profile.stages if profile else {}), **given}
        if stages and not places:
            raise UsageError("--stages: no machine says any; name them with --stage NAME=ADDRESS|SYMBOL")
        clock = _clock_of(reading.reader)
        analysis = Timeline(reading, places)
        files = [(kind, path) for kind, path in ((PerfettoTrace, perfetto), (ChromeTrace, chrome)) if path is not None]
        process = os.path.basename(reading.reader.meta.target.path if reading.reader.meta else "") or trace.name
        outputs = [(kind, stack.enter_context(open_output(path))) for kind, path in files]
        writers = [kind(output, process, clock) for kind, output in outputs]
        export = SliceExport(writers, reading.symbols, clock, with_source=source)
        lines = TimelineLines(reading.symbols, clock, with_source=source)
        # Whoever asks for files alone is not shown a million blocks.
        hidden = _BLOCK_EVENTS if functions else _FUNCTION_EVENTS
        is_silent = stages or (bool(files) and not functions)
        if not is_silent:
            sys.stdout.write(json.dumps(clock_record(clock)) + "\n" if as_json else f"# time in {clock}\n")
        reached: list[StageReached] = []
        try:
            for event in _events(analysis, reads.frames_of(reading, is_streaming=not is_silent)):
                if isinstance(event, StageReached):
                    reached.append(event)
                if files:
                    export.feed(event)
                if not is_silent and not isinstance(event, hidden):
                    text = json.dumps(lines.record(event)) if as_json else printable(lines.line(event))
                    sys.stdout.write(text + "\n")
        finally:
            # Files are whole also where the lines are no longer wanted (`| head`).
            export.finish(analysis.count)
        if stages:
            rows = list(stage_rows(places, reached, analysis.count))
            table = (json.dumps(stage_record(row, clock)) for row in rows) if as_json else stage_table(rows, clock)
            sys.stdout.writelines(printable(line) + "\n" for line in table)
        unknown = analysis.stages.unknown.keys() & given
    if unknown:
        name = min(unknown)
        raise UsageError(f"--stage {name}={given[name]}: no program of the trace has that symbol")


def _events(analysis: Timeline, frames: Iterable[Frame]) -> Iterator[TimelineEvent]:
    for frame in frames:
        yield from analysis.feed(frame)
    yield from analysis.finish()


def _clock_of(reader: TraceReader) -> Clock:
    noted = argument_of(reader, "--icount=")
    return Clock(int(noted) if noted is not None and noted in _SHIFTS else None)
