"""Tracing a program from start to end: what ``gdbtrace run`` and ``gdbtrace.record`` do."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import architecture_named, architecture_of
from gdbtrace.errors import GdbtraceError, TargetDied, UsageError, nearest
from gdbtrace.image import Image
from gdbtrace.machine.qemu import UserEmulator, UserProgram, find_emulator
from gdbtrace.record.assemble import Assembler, RegisterLists
from gdbtrace.record.engines import Attachment, Engine, EngineChoice, choose_engine
from gdbtrace.record.events import EventFrames
from gdbtrace.record.recorder import Progress, Recorder
from gdbtrace.stub.description import RegisterLayout, RegisterState
from gdbtrace.trace.container import Header, TocConvention, TraceWriter
from gdbtrace.trace.frames import FileStats, MetaFrame, Target, Tracer
from gdbtrace.tracer.process import TracerProcess
from gdbtrace.tracer.step_record import Gap, Stop, StopReason
from gdbtrace.version import __version__

_BURST_STEPS = 100_000
"""Steps between two comparisons with gdb's view."""
_POLL_SECONDS = 0.1
_MOST_HITS = (1 << 31) - 1
"""gdb counts the hits of a breakpoint in an int, and takes what does not fit for less."""


class Outcome(Enum):
    """Why a trace ended."""

    EXITED = "exited"
    KILLED = "killed by a signal"
    LIMIT = "limit reached"
    STOP = "stop address reached"
    TIMEOUT = "time limit reached"
    INTERRUPTED = "interrupted"
    REPLACED = "guest replaced itself by another program, which was not traced"


@dataclass(frozen=True, slots=True)
class Place:
    """An address or symbol, and which time it is reached: ``SYMBOL|ADDRESS[+OFFSET][:N]``."""

    text: str
    """What the user wrote, without the count."""
    hits: int = 1

    @staticmethod
    def parse(text: str) -> Place:
        """Read what ``--start`` and ``--stop`` take.

        :raise UsageError: the count is not a positive number.
        """
        name, separator, count = text.rpartition(":")
        if not separator or not re.fullmatch(r"-?\d+", count):
            return Place(text)
        if not name or not 1 <= int(count) <= _MOST_HITS:
            raise UsageError(f"{text}: the N in SYMBOL:N must be from 1 to {_MOST_HITS}")
        return Place(name, int(count))


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to trace and how."""

    program: Path
    arguments: Sequence[str] = ()
    output: Path | None = None
    """None: ``<program>.frames`` in the working directory."""
    arch: str | None = None
    """None: what the ELF header says."""
    engine: EngineChoice = EngineChoice.AUTO
    registers: RegisterLists = RegisterLists.STANDARD
    limit: int | None = None
    """Instructions to record at most."""
    timeout: float | None = None
    """Seconds to trace at most."""
    start: Place | None = None
    stop: Place | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: Path | None = None
    sysroot: Path | None = None
    qemu: Path | None = None
    cpu: str | None = None
    toc: TocConvention = TocConvention.STANDARD
    std_only: bool = False
    """Only instructions: no frames of system calls, signals, modules, and no key frames."""
    key_interval: int = 10_000
    """Instructions from one key frame to the next."""
    reproducible: bool = False
    """Fixed user, host and times, and no absolute path, in the meta frame."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of it."""

    outcome: Outcome
    path: Path
    frames: int
    """Of all kinds."""
    instructions: int
    seconds: float
    """Spent stepping."""
    arch: str
    engine: str
    exit_status: int | None
    """The guest's own, where it exited."""
    signal: int | None
    """gdb's number of the signal that killed the guest, where one did."""
    gaps: Sequence[Gap]
    """What ran and could not be observed."""
    unknown_operands: int
    """Frames whose memory operands are not known, and therefore not listed."""
    registers_compared: int
    """How many registers of gdb's view were compared, over all bursts."""

    @property
    def rate(self) -> float:
        """Instructions per second."""
        return self.instructions / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Observer:
    """Who watches a run. All of it is optional."""

    on_progress: Callable[[Progress], None] | None = None
    on_warning: Callable[[str], None] | None = None
    on_interruptible: Callable[[Callable[[], None]], None] | None = None
    """Receives a function that ends the run early and keeps the trace; a signal handler may call it."""

    def warn(self, text: str) -> None:
        """Pass a warning on."""
        if self.on_warning is not None:
            self.on_warning(text)


def record(options: RunOptions, observer: Observer | None = None) -> Summary:
    """Run a program under QEMU and write its trace.

    :raise UsageError: the program or an option is wrong; nothing was run.
    :raise ToolError: QEMU, gdb or the disk failed. What was traced until then is kept, and a note of the exception
        says where.
    """
    observer = observer or Observer()
    image = Image(options.program)
    arch = architecture_for(image, options.arch)
    if not image.is_program:
        raise UsageError(f"{options.program}: not a program: an object file cannot be run")
    if not os.access(options.program, os.X_OK):
        # QEMU would end without a word.
        raise UsageError(f"{options.program}: not executable; make it so with chmod +x")
    if options.sysroot is not None and not options.sysroot.is_dir():
        raise UsageError(f"--sysroot {options.sysroot}: not a directory; name the one that has the program's lib in it")
    _check_loader(image, options.sysroot or Path("/etc/qemu-binfmt", arch.name))
    emulator = find_emulator(arch.qemu_user, options.qemu, arch.least_qemu)
    start_engine, reason = choose_engine(options.engine, arch)
    if reason:
        observer.warn(reason)
    # Symbols are looked up before anything runs, so that a mistake costs nothing.
    start, stop = (address_of(image, place) if place else None for place in (options.start, options.stop))
    output = options.output or Path(f"{options.program.name}.frames")
    _check_output(output)
    program = UserProgram(
        options.program, options.arguments, options.environment, options.stdin, options.sysroot, options.cpu
    )
    header = Header(arch.frame_architecture, arch.frame_machine)
    writer = TraceWriter(output, header, meta_frame(options, arch, image), toc=options.toc)
    try:
        with (
            writer,
            UserEmulator(emulator, program) as qemu,
            TracerProcess(
                arch.name,
                options.program,
                qemu.directory,
                qemu.process_id,
                qemu.socket_path,
                fetch_all=options.registers is RegisterLists.FULL,
                key_interval=0 if options.std_only else options.key_interval,
            ) as tracer,
        ):
            run = _Run(options, arch, writer, qemu, tracer, observer)
            try:
                layout = tracer.records.read_hello()
                offset = (
                    tracer.records.entry - image.entry if image.is_position_independent and tracer.records.entry else 0
                )
                attachment = Attachment(arch, options.program, tracer.socket_path, options.sysroot)
                with start_engine(attachment) as engine:
                    return run.trace(
                        engine,
                        layout,
                        None if start is None else start + offset,
                        None if stop is None else stop + offset,
                    )
            except GdbtraceError as error:
                status = qemu.wait(0.2)
                if status is not None and isinstance(error, TargetDied):
                    error.add_note(f"QEMU ended with {_status_text(status)}")
                if not writer.frames and isinstance(error, TargetDied):
                    command = shlex.join(
                        [str(emulator), *(("-cpu", options.cpu) if options.cpu else ()), str(options.program)]
                    )
                    error.add_note(f"see whether `{command}` runs")
                raise
    except GdbtraceError as error:
        # Said when the trace is closed, which may cost a frame where a disk is full.
        if writer.frames:
            error.add_note(f"kept: {writer.frames} frames in {output}")
        raise


class _Run:
    """One run: the state that the phases share."""

    def __init__(
        self,
        options: RunOptions,
        arch: Arch,
        writer: TraceWriter,
        qemu: UserEmulator,
        tracer: TracerProcess,
        observer: Observer,
    ) -> None:
        self._options = options
        self._arch = arch
        self._writer = writer
        self._qemu = qemu
        self._tracer = tracer
        self._observer = observer
        self._ended_early: Outcome | None = None
        """What ended the run from outside."""

    def trace(self, engine: Engine, layout: RegisterLayout, start: int | None, stop: int | None) -> Summary:
        """Run to the start, step to the end."""
        options = self._options
        timer = threading.Timer(min(options.timeout or 0, threading.TIMEOUT_MAX), self._end, [Outcome.TIMEOUT])
        timer.daemon = True
        if options.timeout is not None:
            timer.start()
        if self._observer.on_interruptible is not None:
            self._observer.on_interruptible(lambda: self._end(Outcome.INTERRUPTED))
        assembler = Assembler(self._arch, layout, options.registers)
        events = None if options.std_only else EventFrames(assembler, reproducible=options.reproducible)
        recorder = Recorder(assembler, self._writer, events, self._observer.on_progress, engine.check_alive)
        compared = 0
        began = time.monotonic()
        end = Stop(StopReason.COUNT)
        try:
            if start is not None and options.start is not None and not engine.run_to(start, options.start.hits):
                times = f" {options.start.hits} times" if options.start.hits > 1 else ""
                raise UsageError(
                    f"the program ended before {options.start.text} was reached{times}; try another --start"
                )
            if stop is not None and options.stop is not None:
                engine.stop_at(stop, options.stop.hits)
            began = time.monotonic()
            while end.reason is StopReason.COUNT and (wanted := self._steps_wanted(recorder.instructions)):
                engine.begin_steps(wanted)
                end = recorder.consume(self._tracer.records.iter_burst())
                if end.reason is StopReason.FAILED:
                    raise TargetDied(end.detail)
                if end.reason in (StopReason.COUNT, StopReason.ADDRESS):
                    engine.finish_steps()
                    state = RegisterState(layout, assembler.state)
                    compared += engine.check_registers({name: state[name] for name in layout.core})
            if end.reason is StopReason.REPLACED:
                end = replace(end, status=self._wait_for_successor())
        except TargetDied:
            # Ending a run early while the guest runs freely or sleeps breaks the connection: that is how it ends.
            if self._ended_early is None:
                raise
        finally:
            timer.cancel()
            if self._observer.on_interruptible is not None:
                self._observer.on_interruptible(lambda: None)
        outcome = self._ended_early or {
            StopReason.EXITED: Outcome.EXITED,
            StopReason.KILLED: Outcome.KILLED,
            StopReason.ADDRESS: Outcome.STOP,
            StopReason.REPLACED: Outcome.REPLACED,
        }.get(end.reason, Outcome.LIMIT)
        return Summary(
            outcome=outcome,
            path=self._writer.path,
            frames=self._writer.frames,
            instructions=recorder.instructions,
            seconds=time.monotonic() - began,
            arch=self._arch.name,
            engine=engine.name,
            exit_status=end.status if end.reason in (StopReason.EXITED, StopReason.REPLACED) else None,
            signal=end.status if end.reason is StopReason.KILLED else None,
            gaps=recorder.gaps,
            unknown_operands=recorder.unknown_operands,
            registers_compared=compared,
        )

    def _wait_for_successor(self) -> int | None:
        """The exit status of the program that took the guest's place; None if the run is ended before it ends."""
        while self._ended_early is None:
            status = self._qemu.wait(_POLL_SECONDS)
            if status is not None:
                return status
        return None

    def _steps_wanted(self, done: int) -> int:
        """Steps of the next burst; 0 at the limit."""
        limit = self._options.limit
        return _BURST_STEPS if limit is None else min(_BURST_STEPS, limit - done)

    def _end(self, outcome: Outcome) -> None:
        """End the run early."""
        self._ended_early = self._ended_early or outcome
        self._tracer.interrupt()


def architecture_for(image: Image, name: str | None) -> Arch:
    """The architecture to trace a program as.

    :raise UsageError: it is not supported, or not the one that was asked for.
    """
    asked = architecture_named(name) if name is not None else None
    found = architecture_of(image.machine, image.bits, image.byte_order)
    if found is None:
        raise UsageError(
            f"{image.path}: a {image.bits}-bit {image.byte_order}-endian {image.machine} program, "
            "which is not supported; `gdbtrace archs` lists what is"
        )
    if abi := next((abi for bit, abi in found.elf.other_abis if image.flags & bit), None):
        raise UsageError(
            f"{image.path}: {abi} code (e_flags {image.flags:#x}), a kind of {image.machine} program "
            "that is not supported"
        )
    if asked is not None and found.elf != asked.elf:
        raise UsageError(f"{image.path}: a program for {found.name}, not for {name}; leave --arch out")
    return asked or found


def address_of(image: Image, place: Place) -> int:
    """The address of a place, as linked.

    :raise UsageError: no such symbol.
    """
    name, plus, offset = place.text.partition("+")
    try:
        distance = int(offset, 0) if plus else 0
    except ValueError:
        raise UsageError(f"{place.text}: the offset after + is not a number") from None
    symbol = image.symbol(name)
    try:
        address = (int(name, 0) if symbol is None else symbol.address) + distance
    except ValueError:
        names = image.symbol_names()
        hint = nearest(name, names) or "; give another, or an address"
        if not names:
            hint = "; the program has no symbols, give an address"
        raise UsageError(f"{image.path}: no symbol {name!r}{hint}") from None
    if not 0 <= address < 1 << image.bits:
        raise UsageError(f"{place.text}: not an address of a {image.bits}-bit program")
    return address


def meta_frame(options: RunOptions, arch: Arch, image: Image) -> MetaFrame:
    """The meta frame of a run. The guest's environment is in it; our own never is."""
    environment = [f"{name}={value}" for name, value in options.environment.items()]
    status = image.status
    if options.reproducible:
        path = options.program.name
        stats = FileStats(status.st_size, 0.0, 0.0, 0.0)
        user, host, now = "gdbtrace", "localhost", 0.0
    else:
        path = str(options.program.resolve())
        stats = FileStats(status.st_size, status.st_atime, status.st_mtime, status.st_ctime)
        user, host, now = getpass.getuser(), socket.gethostname(), time.time()
    settings = [f"--arch={arch.name}", f"--registers={options.registers.value}"]
    if options.cpu:
        settings.append(f"--cpu={options.cpu}")
    if options.start:
        settings.append(f"--start={options.start.text}:{options.start.hits}")
    if options.stop:
        settings.append(f"--stop={options.stop.text}:{options.stop.hits}")
    if options.std_only:
        settings.append("--std-only")
    if options.limit is not None:
        settings.append(f"--limit={options.limit}")
    if arch.unknown_operands:
        settings.append(f"memory-operands-unknown={arch.unknown_operands}")
    return MetaFrame(
        Tracer("gdbtrace", ("gdbtrace", "run", *settings), (), __version__),
        Target(path, (path, *options.arguments), tuple(environment), image.md5),
        stats,
        user,
        host,
        now,
    )


def _check_loader(image: Image, sysroot: Path) -> None:
    """Refuse a dynamically linked program whose loader QEMU would not find: in the sysroot, then in the host's root.

    :raise UsageError: it is in neither.
    """
    if image.loader is not None and not any(Path(f"{root}{image.loader}").exists() for root in (sysroot, "")):
        raise UsageError(
            f"{image.path}: dynamically linked, and its loader {image.loader} is not here; "
            "say with --sysroot where its libraries are"
        )


def _check_output(output: Path) -> None:
    """Refuse to overwrite an unfinished trace; the writer refuses to replace what is none.

    :raise UsageError: one is in the way.
    """
    part = output.with_name(f"{output.name}.part")
    if os.path.lexists(part):
        raise UsageError(f"{part}: left by a trace that did not finish; `gdbtrace repair {part}`, or remove it")


def _status_text(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


__all__ = ["Observer", "Outcome", "Place", "RunOptions", "Summary", "address_of", "architecture_for", "record"]
