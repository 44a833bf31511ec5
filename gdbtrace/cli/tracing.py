"""What ``run``, ``attach`` and ``serve`` share: their options, and carrying a trace out before somebody's eyes."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import typer

from gdbtrace.cli.output import ExitStatus, ProgressLine, complain, printable
from gdbtrace.errors import UsageError
from gdbtrace.image import Image
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import (
    MachineOptions,
    Observer,
    Outcome,
    Place,
    RunOptions,
    Schedule,
    Summary,
    TraceOptions,
)
from gdbtrace.record.recorder import Progress
from gdbtrace.record.run import record
from gdbtrace.trace.container import TocConvention

_PROGRAMS = "Programs"
_MACHINES = "Machines (--machine)"
_MOST_ICOUNT = 10


class Interrupts(Enum):
    """What ``--interrupts`` takes."""

    ON = "on"
    OFF = "off"


def _icount(text: str) -> int | Literal["off"]:
    if text == "off":
        return "off"
    if text.isdecimal() and int(text) <= _MOST_ICOUNT:
        return int(text)
    raise UsageError(f"--icount {text}: must be from 0 to {_MOST_ICOUNT}, or off")


def _schedule(text: str) -> Schedule:
    try:
        return Schedule.parse(text)
    except ValueError:
        raise UsageError(f"--schedule {text}: must be round-robin, round-robin:QUANTUM or only:VCPU") from None


Architecture = Annotated[str | None, typer.Option(help="Architecture [default: what the ELF or the machine says].")]
Qemu = Annotated[Path | None, typer.Option(metavar="PATH", help="The QEMU to use, or the directory that it is in.")]
Timeout = Annotated[float | None, typer.Option(min=0.001, metavar="S", help="Stop after S seconds.")]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to trace, whatever it is and wherever it begins."""

    arch: Architecture = None
    registers: Annotated[RegisterLists, typer.Option(help="Which registers a frame lists.")] = RegisterLists.STANDARD
    toc: Annotated[
        TocConvention, typer.Option(help="Table of contents: `legacy` for readers older than July 2025.")
    ] = TocConvention.STANDARD
    std_only: Annotated[
        bool,
        typer.Option(
            "--std-only", help="Only instructions: no frames of system calls, signals, exceptions, modules, key frames."
        ),
    ] = False
    key_interval: Annotated[
        int, typer.Option("--key-interval", min=1, metavar="N", help="A key frame every N instructions.")
    ] = 10_000
    reproducible: Annotated[
        bool, typer.Option("--reproducible", help="No user, host, time or absolute path: same run, same bytes.")
    ] = False


@dataclass(frozen=True, slots=True)
class Window:
    """What of a run is traced, and who commands it."""

    engine: Annotated[EngineChoice, typer.Option(help="Who commands the tracer.")] = EngineChoice.AUTO
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N instructions.")] = None
    timeout: Timeout = None
    start: Annotated[
        Place | None,
        typer.Option(
            metavar="PLACE[:N]",
            parser=Place.parse,
            help="Begin at a symbol or address, when it is reached for the N-th time.",
        ),
    ] = None
    stop: Annotated[
        Place | None,
        typer.Option(
            metavar="PLACE[:N]",
            parser=Place.parse,
            help="End before the N-th execution of a symbol or address after the start.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Board:
    """A machine, whatever its image."""

    cpu: Annotated[str | None, typer.Option(metavar="MODEL", help="QEMU's CPU model.")] = None
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            rich_help_panel=_MACHINES,
            help="The machine to run firmware on: one of `gdbtrace machines`, or a profile of your own.",
        ),
    ] = None
    machine_args: Annotated[
        str | None,
        typer.Option(
            metavar="ARGS",
            rich_help_panel=_MACHINES,
            help="More arguments for QEMU; without --machine, all of them (with --arch).",
        ),
    ] = None
    elf: Annotated[
        Path | None,
        typer.Option(metavar="FILE", rich_help_panel=_MACHINES, help="Where the symbols are, if not in the image."),
    ] = None
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", rich_help_panel=_MACHINES, help="QEMU's -m [default: the profile's].")
    ] = None
    smp: Annotated[int | None, typer.Option(min=1, metavar="N", rich_help_panel=_MACHINES, help="vCPUs.")] = None
    icount: Annotated[
        Any,
        typer.Option(
            metavar="SHIFT|off",
            parser=_icount,
            rich_help_panel=_MACHINES,
            help="An instruction takes 2**SHIFT ns of the guest's time, the same in each run "
            "[default: the profile's; of `stages`: off].",
        ),
    ] = None
    console: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=_MACHINES, help="Where the console's output goes [default: stderr]."
        ),
    ] = None
    semihosting: Annotated[
        bool,
        typer.Option(
            "--semihosting",
            rich_help_panel=_MACHINES,
            help="Let the firmware call on this host: it may open files as you. Its output goes to the console.",
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class Guest(Board):
    """What to run: a program, or firmware on a machine."""

    program: Annotated[
        Path | None, typer.Argument(help="The program to trace; the machine's image.", show_default=False)
    ] = None
    arguments: Annotated[
        list[str] | None, typer.Argument(help="The program's arguments, after `--`.", show_default=False)
    ] = None
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="K=V",
            rich_help_panel=_PROGRAMS,
            help="A variable of the guest's environment, which is empty otherwise.",
        ),
    ] = None
    stdin: Annotated[
        Path | None, typer.Option(metavar="FILE", rich_help_panel=_PROGRAMS, help="The guest's standard input.")
    ] = None
    sysroot: Annotated[
        Path | None,
        typer.Option(metavar="DIR", rich_help_panel=_PROGRAMS, help="Where a dynamic program's libraries are."),
    ] = None
    no_pin: Annotated[
        bool,
        typer.Option(
            "--no-pin",
            rich_help_panel=_PROGRAMS,
            help="Let addresses, process ids and random bytes differ from run to run, as they do in the wild.",
        ),
    ] = False
    schedule: Annotated[
        Schedule | None,
        typer.Option(
            metavar="SCHEDULE",
            parser=_schedule,
            rich_help_panel=_MACHINES,
            help="Which vCPU is stepped: round-robin[:QUANTUM] or only:VCPU [default: round-robin:100].",
        ),
    ] = None
    interrupts: Annotated[
        Interrupts | None,
        typer.Option(
            rich_help_panel=_MACHINES, help="Whether interrupts are taken and timers run [default: the profile's]."
        ),
    ] = None
    until_console: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=_MACHINES,
            help="Run at full speed until the console has printed TEXT, then begin.",
        ),
    ] = None
    gdb_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            rich_help_panel=_MACHINES,
            help="Have QEMU's stub on this port of the loopback interface, not on a private socket.",
        ),
    ] = None

    @property
    def symbols(self) -> Path | None:
        """Where symbols may be."""
        return self.elf or self.program


def guest_options(guest: Guest, **common: Any) -> RunOptions | MachineOptions:
    """What to trace and how.

    :param common: the fields of :class:`~gdbtrace.record.options.TraceOptions`, and the QEMU.
    :raise UsageError: an option has no meaning for such a guest.
    """
    programs = {
        **{"--env": guest.env, "--stdin": guest.stdin, "--sysroot": guest.sysroot, "--no-pin": guest.no_pin},
        "the program's arguments": guest.arguments,
    }
    machines = {
        **{"--elf": guest.elf, "--memory": guest.memory, "--smp": guest.smp, "--schedule": guest.schedule},
        **{"--interrupts": guest.interrupts, "--until-console": guest.until_console, "--console": guest.console},
        **{"--semihosting": guest.semihosting, "--gdb-port": guest.gdb_port},
        "--icount": None if guest.icount is None else str(guest.icount),
    }
    if guest.machine is None and guest.machine_args is None:
        _refuse(machines, "only a machine has that: give --machine")
        if guest.program is None:
            raise UsageError("give a PROGRAM to trace, or a --machine")
        return RunOptions(
            program=guest.program,
            arguments=guest.arguments or (),
            environment=_environment(guest.env or ()),
            stdin=guest.stdin,
            sysroot=guest.sysroot,
            cpu=guest.cpu,
            is_pinned=not guest.no_pin,
            **common,
        )
    _refuse(programs, "only a program has that, not a machine")
    return machine_options(
        guest,
        guest.program,
        schedule=guest.schedule or Schedule(),
        interrupts=None if guest.interrupts is None else guest.interrupts is Interrupts.ON,
        until_console=guest.until_console,
        gdb_port=guest.gdb_port,
        **common,
    )


def machine_options(board: Board, image: Path | None, **others: Any) -> MachineOptions:
    """What to run on a machine.

    :param others: the fields of :class:`~gdbtrace.record.options.MachineOptions` that a board does not say.
    :raise UsageError: the arguments for QEMU are not well-formed.
    """
    return MachineOptions(
        machine=board.machine,
        image=image,
        elf=board.elf,
        arguments=_words(board.machine_args or ""),
        cpu=board.cpu,
        memory=board.memory,
        vcpus=board.smp,
        icount=board.icount,
        console=board.console,
        semihosting=board.semihosting,
        **others,
    )


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse options that would have no effect."""
    for name, value in given.items():
        if value:
            raise UsageError(f"{name}: {why}")


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--machine-args {text}: {error}") from error


def _environment(assignments: Sequence[str]) -> dict[str, str]:
    environment = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise UsageError(f"--env {assignment}: must be NAME=VALUE")
        environment[name] = value
    return environment


STATUS_OF = {Outcome.TIMEOUT: ExitStatus.TIMEOUT, Outcome.INTERRUPTED: ExitStatus.INTERRUPTED}


def carry_out(options: TraceOptions, symbols: Path | None, *, as_json: bool) -> None:
    """Trace, show how far it is, and say what came of it.

    :param symbols: the ELF to look addresses up in while it runs; anything else is ignored.
    """
    summary = recorded(options, symbols)
    # The guest shares our standard output: what it said comes first.
    print(json.dumps(summary_as_json(summary)) if as_json else printable(_as_text(summary)))
    if summary.outcome in STATUS_OF:
        complain(f"{summary.outcome.value}; the trace so far is kept in {summary.path}")
    complain_of_gaps(summary)
    raise typer.Exit(STATUS_OF.get(summary.outcome, ExitStatus.DONE))


def recorded(options: TraceOptions, symbols: Path | None) -> Summary:
    """Trace, and show how far it is."""
    # Until there is a trace to keep, a polite kill takes the way of Ctrl-C too, and leaves nothing behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    line = ProgressLine()
    observer = Observer(_progress(line, symbols), complain, on_interrupt)
    try:
        return record(options, observer)
    finally:
        line.clear()


def complain_of_gaps(summary: Summary) -> None:
    """Say what was not observed."""
    for gap in summary.gaps[:10]:
        complain(f"not observed at {gap.address:#x}: {gap.why}")
    if summary.unknown_operands:
        complain(
            f"memory operands of {summary.unknown_operands:,} instructions are not known; `gdbtrace archs` says why"
        )


def _progress(line: ProgressLine, symbols: Path | None) -> Callable[[Progress], None] | None:
    if not sys.stderr.isatty():
        return None
    image = _symbols_of(symbols)

    def show(progress: Progress) -> None:
        place = "" if image is None else image.locate(progress.address) or ""
        rate = progress.instructions / progress.seconds if progress.seconds else 0
        line.show(f"{progress.instructions:,} instructions, {rate:,.0f}/s, at {progress.address:#x} {place}")

    return show


def _symbols_of(path: Path | None) -> Image | None:
    try:
        return None if path is None else Image(path)
    except UsageError:
        # A raw image has none. What is wrong with a program is said by who traces it.
        return None


def on_interrupt(end: Callable[[], None]) -> None:
    """Ctrl-C, and a polite kill, end the trace and keep it; a second one ends gdbtrace."""

    def handle(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.default_int_handler)
        end()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def summary_as_json(summary: Summary) -> dict[str, object]:
    """What ``--json`` prints of a trace that was made."""
    return {
        "outcome": summary.outcome.name.lower(),
        "detail": summary.detail,
        "trace": str(summary.path),
        "bytes": os.path.getsize(summary.path) if summary.path.exists() else None,
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
    size = os.path.getsize(summary.path)
    return (
        f"{summary.instructions:,} instructions of {summary.arch} in {summary.seconds:.1f} s ({summary.rate:,.0f}/s, "
        f"engine {summary.engine}), {summary.frames:,} frames, {size:,} bytes in {summary.path}; {summary.end}"
    )
