"""``gdbtrace verify``: is a trace consistent in itself?"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.verify import ViolationKind
from gdbtrace.cli.output import ExitStatus
from gdbtrace.cli.traces import SourceOptions, open_reading, with_progress
from gdbtrace.regression.consistency import iter_violations, verification_of
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
        verification = verification_of(reading)
        for violation in iter_violations(reading, verification, with_progress(reading, is_streaming=True)):
            counts[violation.kind] += 1
            if limit is None or counts.total() <= limit:
                if as_json:
                    print(json.dumps(violation_row(violation, reading.symbols)))
                else:
                    print(violation_line(violation, reading.symbols))
    result = verification.result()
    print(json.dumps(verified_row(result, counts)) if as_json else verified_line(result, counts))
    sys.stdout.flush()
    if counts:
        raise typer.Exit(ExitStatus.DIFFERENT)
