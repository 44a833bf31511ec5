"""``gdbtrace histogram``: what is executed, over time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gdbtrace.analysis.histogram import Histogram, HistogramAnalysis, class_of, operations_of
from gdbtrace.analysis.reading import Reading
from gdbtrace.arch.disassembler import has_decoder
from gdbtrace.cli.output import TableConsole, printable, refuse_to_overwrite
from gdbtrace.cli.traces import ReadingOptions, open_reading, showing_what_was_read
from gdbtrace.errors import UsageError
from gdbtrace.report.histogram import AreaPlot, as_json, sample_line

_BAR_WIDTH = 50
"""Of the most frequent."""


def histogram(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    reading_options: ReadingOptions,
    window: Annotated[int, typer.Option(min=1, metavar="N", help="Count the latest N basic blocks.")] = 100,
    sample_rate: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="A sample every N basic blocks [default: the window].", show_default=False
        ),
    ] = None,
    by_class: Annotated[bool, typer.Option("--class", help="Count by capstone's groups, not by mnemonic.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON, a line each.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print the whole trace's counts, and no samples.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the samples, as .svg or .png; print them only with --json."),
    ] = None,
) -> None:
    """Print which mnemonics TRACE executes, as shares of the latest basic blocks, sampled."""
    refuse_to_overwrite([trace], [plot])
    with showing_what_was_read() as reads, open_reading(trace, reading_options) as reading:
        if by_class:
            _check_has_classes(reading)
        picture = AreaPlot(plot, window) if plot else None
        format_one = as_json if json_output else sample_line
        prints_samples = not table and (json_output or picture is None)
        analysis = HistogramAnalysis(
            reading.disassembly, class_of if by_class else operations_of, window, sample_rate or window
        )

        def take(sample: Histogram) -> None:
            if picture is not None:
                picture.add(sample)
            if prints_samples:
                sys.stdout.write(format_one(sample) + "\n")

        for frame in reads.frames_of(reading, is_streaming=prints_samples):
            if (sample := analysis.feed(frame)) is not None:
                take(sample)
        for sample in analysis.finish():
            take(sample)
        total = analysis.result()
        if picture is not None:
            picture.write(total)
        if table and json_output:
            print(as_json(total))
        elif table:
            _print_table(total, "class" if by_class else "mnemonic")


def _check_has_classes(reading: Reading) -> None:
    if reading.arch is None:
        raise UsageError("--class: nothing tells the architecture of this trace; say --arch NAME")
    if not any(map(has_decoder, reading.arch.modes)):
        raise UsageError(f"--class: the groups are capstone's, and it does not know {reading.arch.name}")


def _print_table(total: Histogram, heading: str) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(heading, no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    most = max(total.counts.values(), default=0)
    for name, share in total.shares.items():
        count = total.counts[name]
        table.add_row(printable(name), f"{count:,}", f"{share:.2%}", "#" * -(-count * _BAR_WIDTH // most))
    console = TableConsole()
    console.print(table)
    console.print(f"\n{total.instructions:,} instructions in {total.blocks:,} basic blocks", soft_wrap=True)
