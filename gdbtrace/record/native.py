"""A program on this machine's own processor, as a target."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from gdbtrace.errors import GdbtraceError, TargetDied, UsageError
from gdbtrace.image import Image
from gdbtrace.machine.native import Gdbserver, NativeProgram, find_gdbserver
from gdbtrace.record.attach import StubTarget
from gdbtrace.record.options import NativeOptions
from gdbtrace.record.target import Running, architecture_for
from gdbtrace.trace.frames import MetaFrame
from gdbtrace.tracer.settings import TargetKind

_ALSO_RUN = {"x86_64": "i386", "aarch64": "arm"}
"""Architectures whose programs a 64-bit processor runs, too."""


class NativeTarget(StubTarget):
    """See :class:`~gdbtrace.record.target.Target`."""

    kind = TargetKind.NATIVE

    def __init__(self, options: NativeOptions) -> None:
        self._run = options
        path = options.program
        image = Image(path)
        super().__init__(options, image, architecture_for(image, options.arch))
        here = os.uname().machine
        if self.arch.name not in (here, _ALSO_RUN.get(here)):
            raise UsageError(
                f"{path}: a program for {self.arch.name}, which this machine's {here} processor cannot run"
            )
        if not image.is_program or not os.access(path, os.X_OK):
            raise UsageError(f"{path}: not a program that can be executed")
        self.default_output = Path(f"{path.name}.frames")
        self._gdbserver = find_gdbserver()

    def start(self) -> Gdbserver:
        """See :class:`~gdbtrace.record.target.Target`."""
        run = self._run
        return Gdbserver(self._gdbserver, NativeProgram(run.program, run.arguments, run.environment))

    def endpoint_of(self, running: Running) -> str:
        """See :class:`~gdbtrace.record.attach.StubTarget`."""
        return str(running.directory / "qemu")

    def explain(self, error: GdbtraceError, running: Running, *, has_begun: bool) -> None:
        """See :class:`~gdbtrace.record.target.Target`."""
        if isinstance(error, TargetDied) and not has_begun:
            error.add_note(f"see whether `gdbserver - {shlex.quote(str(self._run.program))}` starts it")

    def meta_frame(self) -> MetaFrame:
        """See :class:`~gdbtrace.record.target.Target`."""
        run = self._run
        environment = [f"{name}={value}" for name, value in run.environment.items()]
        return self.make_meta_frame(run.program, run.arguments, environment, ["--native"])
