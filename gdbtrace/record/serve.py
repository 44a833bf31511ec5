"""A person's own gdb in front of the tracer: what ``gdbtrace serve`` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from gdbtrace.errors import GdbtraceError, TargetDied
from gdbtrace.record.assemble import Assembler
from gdbtrace.record.events import EventFrames
from gdbtrace.record.options import Observer, Place
from gdbtrace.record.recorder import Recorder
from gdbtrace.record.target import Running, Target, address_of, check_output
from gdbtrace.trace.container import Header, TraceWriter
from gdbtrace.tracer.process import TracerProcess
from gdbtrace.tracer.step_record import Record, Request, StopReason


def serve(target: Target, listen: str | None, observer: Observer, on_ready: Callable[[str], None]) -> list[TraceWriter]:
    """Start a target and serve it to one gdb, until that leaves; the traces that it had recorded.

    :param listen: ``HOST:PORT`` or the path of a unix socket; None: one in the private directory.
    :param on_ready: receives the endpoint that gdb is to be told.
    :raise ToolError: QEMU failed. What was traced until then is kept.
    """
    with target.start() as running:
        endpoint = listen or str(running.directory / "stub")
        with TracerProcess(replace(target.settings(running), listen=endpoint)) as tracer:
            try:
                served = _Served(target, running, tracer, observer)
                if observer.on_interruptible is not None:
                    observer.on_interruptible(tracer.leave)
                on_ready(endpoint)
                return served.run()
            except GdbtraceError as error:
                target.explain(error, running, has_begun=True)
                raise


class _Switch:
    """Where frames go: to the trace that is being recorded, or nowhere."""

    writer: TraceWriter | None = None

    def write(self, frame: bytes, /) -> None:
        """See :class:`~gdbtrace.record.recorder.EncodedFrameSink`."""
        if self.writer is not None:
            self.writer.write(frame)

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self.writer is not None:
            self.writer.flush()


class _Served:
    """One gdb's session."""

    def __init__(self, target: Target, running: Running, tracer: TracerProcess, observer: Observer) -> None:
        self._target = target
        self._running = running
        self._tracer = tracer
        options = target.options
        layout = tracer.records.read_hello()
        self._offset = target.load_offset(tracer.records.entry)
        arch = target.arch_with(layout, is_machine=tracer.records.is_machine)
        assembler = Assembler(arch, layout, options.registers)
        events = None if options.std_only else EventFrames(assembler, reproducible=options.reproducible)
        self._switch = _Switch()
        self._recorder = Recorder(assembler, self._switch, events, observer.on_progress)
        self._written: list[TraceWriter] = []

    def run(self) -> list[TraceWriter]:
        """Until gdb leaves."""
        try:
            while True:
                end = self._recorder.consume(self._without_requests(self._tracer.records.iter_burst()))
                if end.reason is StopReason.FAILED:
                    raise TargetDied(end.detail)
                if end.reason is StopReason.EXITED and end.status is None and not end.detail:
                    self._target.exit_status(self._running)
        except _Left:
            pass
        finally:
            self._close()
        return self._written

    def _without_requests(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            if not isinstance(record, Request):
                yield record
            elif not record.command:
                raise _Left
            elif record.command == "vanished":
                self._target.exit_status(self._running)
            else:
                self._answer(record.command)

    def _answer(self, command: str) -> None:
        word, _, argument = command.partition(" ")
        try:
            match word:
                case "record":
                    self._tracer.answer(self._record(argument))
                case "resolve":
                    options = Place.parse(argument)
                    address = address_of(self._target.image, options, self._target.arch.bits) + self._offset
                    self._tracer.answer("", address=address)
                case "info":
                    self._tracer.answer(self._info())
                case "stop":
                    self._tracer.answer(self._stop())
        except GdbtraceError as error:
            self._tracer.answer(str(error), is_refusal=True)

    def _record(self, file: str) -> str:
        path = Path(file)
        if self._switch.writer is not None and path.absolute() == self._switch.writer.path.absolute():
            self._close()
        check_output(path)
        arch, options = self._target.arch, self._target.options
        header = Header(arch.frame_architecture, arch.frame_machine)
        writer = TraceWriter(path, header, self._target.meta_frame(), toc=options.toc)
        self._close()
        self._switch.writer = writer
        self._recorder.begin_anew()
        return f"recording to {path}; `monitor gdbtrace step N` records N instructions\n"

    def _info(self) -> str:
        if self._switch.writer is None:
            return "nothing is being recorded; `monitor gdbtrace record FILE` begins\n"
        return f"recording to {self._said_of(self._switch.writer)}\n"

    def _said_of(self, writer: TraceWriter) -> str:
        text = f"{writer.path}: {self._recorder.instructions:,} instructions, {writer.frames:,} frames"
        if self._recorder.gaps:
            times = len(self._recorder.gaps)
            text += f"; {'once' if times == 1 else f'{times} times'} something ran that was not observed"
        return text

    def _stop(self) -> str:
        if self._switch.writer is None:
            return "nothing was being recorded\n"
        text = f"{self._said_of(self._switch.writer)}\n"
        self._close()
        return text

    def _close(self) -> None:
        if self._switch.writer is not None:
            writer, self._switch.writer = self._switch.writer, None
            writer.close()
            self._written.append(writer)


class _Left(Exception):
    """gdb is gone."""
