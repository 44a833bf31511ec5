"""``gdbtrace run``: trace a program."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from gdbtrace.cli.output import ExitStatus, ProgressLine, complain, printable
from gdbtrace.errors import UsageError
from gdbtrace.image import Image
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.recorder import Progress
from gdbtrace.record.run import Observer, Outcome, Place, RunOptions, Summary, record
from gdbtrace.trace.container import TocConvention

_STATUS_OF = {Outcome.TIMEOUT: ExitStatus.TIMEOUT, Outcome.INTERRUPTED: ExitStatus.INTERRUPTED}


def run(
    program: Annotated[Path, typer.Argument(help="The program to trace.", show_default=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="The program's arguments, after `--`.", show_default=False)
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Trace file [default: PROGRAM.frames].")] = None,
    arch: Annotated[str | None, typer.Option(help="Architecture [default: what the ELF header says].")] = None,
    engine: Annotated[EngineChoice, typer.Option(help="Who commands the tracer.")] = EngineChoice.AUTO,
    registers: Annotated[RegisterLists, typer.Option(help="Which registers a frame lists.")] = RegisterLists.STANDARD,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N instructions.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.001, metavar="S", help="Stop after S seconds.")] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="PLACE[:N]", help="Begin at a symbol or address, when it is reached for the N-th time."),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(metavar="PLACE[:N]", help="End before the N-th execution of a symbol or address after the start."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="K=V", help="A variable of the guest's environment, which is empty otherwise."),
    ] = None,
    stdin: Annotated[Path | None, typer.Option(metavar="FILE", help="The guest's standard input.")] = None,
    sysroot: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where a dynamic program's libraries are.")
    ] = None,
    qemu: Annotated[Path | None, typer.Option(metavar="PATH", help="The QEMU to use.")] = None,
    cpu: Annotated[str | None, typer.Option(metavar="MODEL", help="QEMU's CPU model.")] = None,
    toc: Annotated[
        TocConvention, typer.Option(help="Table of contents: `legacy` for readers older than July 2025.")
    ] = TocConvention.STANDARD,
    std_only: Annotated[
        bool,
        typer.Option("--std-only", help="Only instructions: no frames of system calls, signals, modules, key frames."),
    ] = False,
    key_interval: Annotated[
        int, typer.Option("--key-interval", min=1, metavar="N", help="A key frame every N instructions.")
    ] = 10_000,
    reproducible: Annotated[
        bool, typer.Option("--reproducible", help="No user, host, time or absolute path: same run, same bytes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Trace PROGRAM under QEMU, instruction by instruction, into a bap-frame file.

    The guest's own output passes through.  When the trace ends before the guest does, the guest is ended.
    """
    options = RunOptions(
        program=program,
        arguments=arguments or (),
        output=output,
        arch=arch,
        engine=engine,
        registers=registers,
        limit=limit,
        timeout=timeout,
        start=None if start is None else Place.parse(start),
        stop=None if stop is None else Place.parse(stop),
        environment=_environment(env or ()),
        stdin=stdin,
        sysroot=sysroot,
        qemu=qemu,
        cpu=cpu,
        toc=toc,
        std_only=std_only,
        key_interval=key_interval,
        reproducible=reproducible,
    )
    # Until there is a trace to keep, a polite kill takes the way of Ctrl-C too, and leaves nothing behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    line = ProgressLine()
    observer = Observer(_progress(line, program), complain, _on_interrupt)
    try:
        summary = record(options, observer)
    finally:
        line.clear()
    # The guest shares our standard output: what it said comes first.
    print(json.dumps(_as_json(summary)) if as_json else printable(_as_text(summary)))
    if summary.outcome in _STATUS_OF:
        complain(f"{summary.outcome.value}; the trace so far is kept in {summary.path}")
    for gap in summary.gaps[:10]:
        complain(f"not observed at {gap.address:#x}: {gap.why}")
    if summary.unknown_operands:
        complain(
            f"memory operands of {summary.unknown_operands:,} instructions are not known; `gdbtrace archs` says why"
        )
    raise typer.Exit(_STATUS_OF.get(summary.outcome, ExitStatus.DONE))


def _environment(assignments: Sequence[str]) -> dict[str, str]:
    environment = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise UsageError(f"--env {assignment}: must be NAME=VALUE")
        environment[name] = value
    return environment


def _progress(line: ProgressLine, program: Path) -> Callable[[Progress], None] | None:
    if not sys.stderr.isatty():
        return None
    image = Image(program)

    def show(progress: Progress) -> None:
        place = image.locate(progress.address)
        rate = progress.instructions / progress.seconds if progress.seconds else 0
        line.show(f"{progress.instructions:,} instructions, {rate:,.0f}/s, at {progress.address:#x} {place or ''}")

    return show


def _on_interrupt(end: Callable[[], None]) -> None:
    """Ctrl-C, and a polite kill, end the trace and keep it; a second one ends gdbtrace."""

    def handle(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.default_int_handler)
        end()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def _as_json(summary: Summary) -> dict[str, object]:
    return {
        "outcome": summary.outcome.name.lower(),
        "trace": str(summary.path),
        "bytes": os.path.getsize(summary.path),
        "frames": summary.frames,
        "instructions": summary.instructions,
        "seconds": round(summary.seconds, 3),
        "instructions_per_second": round(summary.rate),
        "arch": summary.arch,
        "engine": summary.engine,
        "guest_exit_status": summary.exit_status,
        "guest_signal": summary.signal,
        "gaps": [{"address": gap.address, "why": gap.why} for gap in summary.gaps],
        "unknown_operands": summary.unknown_operands,
        "registers_compared": summary.registers_compared,
    }


def _as_text(summary: Summary) -> str:
    end = summary.outcome.value
    if summary.exit_status is not None:
        end = f"guest exited with status {summary.exit_status}"
    elif summary.signal is not None:
        end = f"guest killed by signal {summary.signal}"
    size = os.path.getsize(summary.path)
    return (
        f"{summary.instructions:,} instructions of {summary.arch} in {summary.seconds:.1f} s ({summary.rate:,.0f}/s, "
        f"engine {summary.engine}), {summary.frames:,} frames, {size:,} bytes in {summary.path}; {end}"
    )
