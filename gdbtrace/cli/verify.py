"""``gdbtrace verify``: is a trace consistent in itself?"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.verify import Verification, Violation, ViolationKind
from gdbtrace.cli.output import ExitStatus, printable
from gdbtrace.cli.traces import SourceOptions, open_reading, with_progress
from gdbtrace.opening import argument_of
from gdbtrace.record.options import KEY_INTERVAL
from gdbtrace.report.verify import verified_line, verified_row, violation_line, violation_row


def verify(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    source: SourceOptions,
    limit: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Print at most N violations; all are counted.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per violation, and a last one.")
    ] = False,
) -> None:
    """Check that TRACE is consistent in itself: registers, memory, control flow, code, events, table of contents."""
    counts: Counter[ViolationKind] = Counter()
    with open_reading(trace, source) as reading:
        verification = _verification_of(reading)

        def show(violations: Iterable[Violation]) -> None:
            for violation in violations:
                counts[violation.kind] += 1
                if limit is None or counts.total() <= limit:
                    if as_json:
                        print(json.dumps(violation_row(violation, reading.symbols)))
                    else:
                        print(printable(violation_line(violation, reading.symbols)))

        for frame in with_progress(reading, is_streaming=True):
            if found := verification.feed(reading.position, frame):
                show(found)
        if problem := reading.reader.toc_problem():
            show([Violation(ViolationKind.CONTAINER, reading.position, None, None, None, problem)])
    result = verification.result()
    print(json.dumps(verified_row(result, counts)) if as_json else verified_line(result, counts))
    sys.stdout.flush()
    if counts:
        raise typer.Exit(ExitStatus.DIFFERENT)


def _verification_of(reading: Reading) -> Verification:
    meta = reading.reader.meta
    has_events = meta is not None and meta.tracer.name == "gdbtrace" and "--std-only" not in meta.tracer.args
    noted = argument_of(reading.reader, "--key-interval=") or ""
    return Verification(
        reading.arch,
        reading.symbols,
        is_machine=reading.is_machine,
        program=meta.target.path if meta is not None else "",
        has_events=has_events,
        key_interval=(int(noted) if noted.isdecimal() else KEY_INTERVAL) if has_events else 0,
    )
