"""``gdbtrace diff``: where two traces diverge."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.diff import Diff
from gdbtrace.analysis.reading import Selection
from gdbtrace.cli.masks import MaskOptions, tolerance_of
from gdbtrace.cli.output import ExitStatus, open_text_output, refuse_to_overwrite
from gdbtrace.cli.traces import ReadingOptions, open_pair, progress_of
from gdbtrace.errors import UsageError
from gdbtrace.report.diff import DiffReport
from gdbtrace.report.diff_html import write_html
from gdbtrace.report.diff_summary import DiffSummary


@dataclass(frozen=True, slots=True)
class SideOptions:
    """What holds for the second trace alone."""

    right_elf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The program of B, for symbols [default: as for A].")
    ] = None
    right_frames: Annotated[
        str | None, typer.Option(metavar="A:B", help="Only these frames of B [default: as of A].")
    ] = None


@dataclass(frozen=True, slots=True)
class ShowingOptions:
    """What is shown."""

    every: Annotated[bool, typer.Option("--all", help="Count all divergences, not only the first one.")] = False
    context: Annotated[int, typer.Option(min=0, max=1000, metavar="N", help="Frames around a divergence.")] = 3
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with both sides.")] = None


def diff(
    left: Annotated[Path, typer.Argument(metavar="A", help="A trace.", show_default=False)],
    right: Annotated[Path, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    reading_options: ReadingOptions,
    side: SideOptions,
    masks: MaskOptions,
    showing: ShowingOptions,
) -> None:
    """Show where the traces A and B diverge: exit status 0 if they are equal, 1 if not."""
    right_options = replace(
        reading_options,
        elf=side.right_elf or reading_options.elf,
        frames=side.right_frames or reading_options.frames,
    )
    refuse_to_overwrite([left, right, *filter(None, (reading_options.elf, side.right_elf))], [showing.html])
    tolerance = tolerance_of(masks)
    with open_pair(left, reading_options, right, right_options) as (ours, theirs):
        if ours.arch and theirs.arch and ours.arch.frame_architecture != theirs.arch.frame_architecture:
            raise UsageError(
                f"{left} is of {ours.arch.name}, {right} of {theirs.arch.name}: they have nothing in common"
            )
        summary = DiffSummary(DiffReport(ours, theirs))
        with progress_of(ours) as show:
            comparison = Diff(ours, theirs, tolerance, showing.context, show)
            for divergence in comparison.iter_divergences():
                summary.feed(divergence)
                if not showing.every:
                    break
    summary.finish(comparison.tally, is_complete=showing.every or not summary.count)
    if not summary.count and not comparison.tally.pairs and ours.selection != Selection():
        raise UsageError(f"{left}, {right}: nothing was compared: no frame of either is selected")

    if showing.html:
        with open_text_output(showing.html) as stream:
            write_html(summary, stream)
    if showing.as_json:
        print(json.dumps(summary.facts()))
    else:
        sys.stdout.writelines(f"{line}\n" for line in (summary.lines() if showing.every else summary.first_lines()))
    sys.stdout.flush()
    if summary.count:
        raise typer.Exit(ExitStatus.DIFFERENT)
