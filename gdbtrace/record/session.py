"""Tracing a target from start to end: reach the start, step, say how it ended."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from gdbtrace.errors import GdbtraceError, TargetDied, UsageError
from gdbtrace.record.assemble import Assembler
from gdbtrace.record.engines import Attachment, Engine, choose_engine
from gdbtrace.record.events import EventFrames
from gdbtrace.record.options import Observer, Outcome, Summary
from gdbtrace.record.recorder import Recorder
from gdbtrace.record.target import Running, Target, address_of, check_output
from gdbtrace.stub.description import RegisterLayout, RegisterState
from gdbtrace.trace.container import Header, TraceWriter
from gdbtrace.tracer.process import TracerProcess
from gdbtrace.tracer.step_record import Stop, StopReason

_BURST_STEPS = 100_000
"""Steps between two comparisons with gdb's view."""
_POLL_SECONDS = 0.1
_OUTCOMES = {
    StopReason.EXITED: Outcome.EXITED,
    StopReason.KILLED: Outcome.KILLED,
    StopReason.ADDRESS: Outcome.STOP,
    StopReason.REPLACED: Outcome.REPLACED,
    StopReason.HALTED: Outcome.HALTED,
}


def trace(target: Target, observer: Observer) -> Summary:
    """Run a target and write its trace.

    :raise UsageError: an option is wrong.
    :raise ToolError: QEMU, gdb or the disk failed. What was traced until then is kept, and a note of the exception
        says where.
    """
    options, arch = target.options, target.arch
    start_engine, reason = choose_engine(options.engine, arch)
    if reason:
        observer.warn(reason)
    for warning in target.warnings():
        observer.warn(warning)
    # Symbols are looked up before anything runs, so that a mistake costs nothing.
    start, stop = (
        None if place is None else (address_of(target.image, place, arch.bits), place.hits)
        for place in (options.start, options.stop)
    )
    output = options.output or target.default_output
    check_output(output)
    header = Header(arch.frame_architecture, arch.frame_machine)
    writer = TraceWriter(output, header, target.meta_frame(), toc=options.toc)
    try:
        with writer, target.start() as running, TracerProcess(target.settings(running)) as tracer:
            try:
                layout = tracer.records.read_hello()
                offset = target.load_offset(tracer.records.entry)
                attachment = Attachment(arch, _program_of(target), tracer.socket_path, target.sysroot)
                with start_engine(attachment) as engine:
                    session = _Session(target, writer, running, tracer, engine, layout, observer)
                    return session.run(start and (start[0] + offset, start[1]), stop and (stop[0] + offset, stop[1]))
            except GdbtraceError as error:
                target.explain(error, running, has_begun=bool(writer.frames))
                raise
    except GdbtraceError as error:
        # Said when the trace is closed, which may cost a frame where a disk is full.
        if writer.frames:
            error.add_note(f"kept: {writer.frames} frames in {output}")
        raise


def _program_of(target: Target) -> Path | None:
    return None if target.image is None else target.image.path


Hits = tuple[int, int]
"""An address, and which time it is reached."""


class _Session:
    """One run: the state that the phases share."""

    def __init__(
        self,
        target: Target,
        writer: TraceWriter,
        running: Running,
        tracer: TracerProcess,
        engine: Engine,
        layout: RegisterLayout,
        observer: Observer,
    ) -> None:
        self._target = target
        self._options = options = target.options
        self._writer = writer
        self._running = running
        self._tracer = tracer
        self._engine = engine
        self._layout = layout
        self._observer = observer
        arch = target.arch_with(layout, is_machine=tracer.records.is_machine)
        self._assembler = Assembler(arch, layout, options.registers)
        events = None if options.std_only else EventFrames(self._assembler, reproducible=options.reproducible)
        self._recorder = Recorder(self._assembler, writer, events, observer.on_progress, engine.check_alive)
        self._compared = 0
        self._ended_early: Outcome | None = None
        """What ended the run from outside."""

    def run(self, start: Hits | None, stop: Hits | None) -> Summary:
        """Run to the start, step to the end."""
        options, observer = self._options, self._observer
        timer = threading.Timer(min(options.timeout or 0, threading.TIMEOUT_MAX), self._end, [Outcome.TIMEOUT])
        timer.daemon = True
        if options.timeout is not None:
            timer.start()
        if observer.on_interruptible is not None:
            observer.on_interruptible(lambda: self._end(Outcome.INTERRUPTED))
        began = time.monotonic()
        end = Stop(StopReason.COUNT)
        try:
            self._reach_start(start)
            if stop is not None:
                self._engine.begin(f"stop-at {stop[0]:#x} {stop[1]}")
                self._engine.finish()
            began = time.monotonic()
            end = self._step()
            if end.reason is StopReason.REPLACED:
                end = replace(end, status=self._wait_for_successor())
            elif end.reason is StopReason.EXITED and end.status is None and not end.detail:
                end = replace(end, status=self._target.exit_status(self._running))
        except TargetDied:
            # Ending a run early while the guest runs freely or sleeps breaks the connection: that is how it ends.
            if self._ended_early is None:
                raise
        finally:
            timer.cancel()
            if observer.on_interruptible is not None:
                observer.on_interruptible(lambda: None)
        return self._summary(end, time.monotonic() - began)

    def _reach_start(self, start: Hits | None) -> None:
        self._target.reach_start(self._running, self._run_freely)
        if start is not None and not self._run_freely(f"run-to {start[0]:#x} {start[1]}"):
            assert self._options.start is not None
            times = f" {start[1]} times" if start[1] > 1 else ""
            what = f"the {self._target.noun} ended before {self._options.start.text} was reached{times}"
            raise UsageError(f"{what}; try another --start")

    def _run_freely(self, command: str) -> bool:
        """Have the target run without being traced; False: it ended."""
        self._engine.begin(command)
        end = self._recorder.consume(self._tracer.records.iter_burst())
        if end.reason in (StopReason.FAILED, StopReason.INTERRUPTED):
            raise TargetDied(end.detail or "interrupted")
        self._engine.finish()
        return end.reason is StopReason.ADDRESS

    def _step(self) -> Stop:
        """Step to the end."""
        recorder = self._recorder
        end = Stop(StopReason.COUNT)
        while end.reason is StopReason.COUNT and (wanted := self._steps_wanted(recorder.instructions)):
            self._engine.begin(f"step {wanted}")
            end = recorder.consume(self._tracer.records.iter_burst())
            if end.reason is StopReason.FAILED:
                raise TargetDied(end.detail)
            if end.reason in (StopReason.COUNT, StopReason.ADDRESS):
                self._engine.finish()
                state = RegisterState(self._layout, self._assembler.state)
                self._compared += self._engine.check_registers({name: state[name] for name in self._layout.core})
        return end

    def _steps_wanted(self, done: int) -> int:
        """Steps of the next burst; 0 at the limit."""
        limit = self._options.limit
        return _BURST_STEPS if limit is None else min(_BURST_STEPS, limit - done)

    def _wait_for_successor(self) -> int | None:
        """The exit status of the program that took the guest's place; None if the run is ended before it ends."""
        while self._ended_early is None:
            status = self._running.wait(_POLL_SECONDS)
            if status is not None:
                return status
        return None

    def _end(self, outcome: Outcome) -> None:
        """End the run early."""
        self._ended_early = self._ended_early or outcome
        self._tracer.interrupt()

    def _summary(self, end: Stop, seconds: float) -> Summary:
        recorder = self._recorder
        return Summary(
            outcome=self._ended_early or _OUTCOMES.get(end.reason, Outcome.LIMIT),
            path=self._writer.path,
            frames=self._writer.frames,
            instructions=recorder.instructions,
            seconds=seconds,
            arch=self._target.arch.name,
            engine=self._engine.name,
            exit_status=end.status if end.reason in (StopReason.EXITED, StopReason.REPLACED) else None,
            signal=end.status if end.reason is StopReason.KILLED else None,
            gaps=recorder.gaps,
            unknown_operands=recorder.unknown_operands,
            registers_compared=self._compared,
            detail=end.detail,
        )
