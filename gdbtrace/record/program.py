"""A Linux program under user-mode QEMU, as a target."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from gdbtrace.errors import GdbtraceError, TargetDied, UsageError
from gdbtrace.image import Image
from gdbtrace.machine.emulator import find_emulator, not_pinned
from gdbtrace.machine.user import UserEmulator, UserProgram
from gdbtrace.record.options import RunOptions
from gdbtrace.record.target import END_SECONDS, Running, Target, architecture_for
from gdbtrace.trace.frames import MetaFrame
from gdbtrace.tracer.settings import TargetKind, TracerSettings


class ProgramTarget(Target):
    """See :class:`~gdbtrace.record.target.Target`."""

    image: Image

    def __init__(self, options: RunOptions) -> None:
        super().__init__(options)
        self._run = options
        path = options.program
        self.image = Image(path)
        self.arch = architecture_for(self.image, options.arch)
        self.default_output = Path(f"{path.name}.frames")
        self.sysroot = options.sysroot
        if not self.image.is_program:
            raise UsageError(f"{path}: not a program: an object file cannot be run")
        if not os.access(path, os.X_OK):
            # QEMU would end without a word.
            raise UsageError(f"{path}: not executable; make it so with chmod +x")
        if self.sysroot is not None and not self.sysroot.is_dir():
            raise UsageError(
                f"--sysroot {self.sysroot}: not a directory; name the one that has the program's lib in it"
            )
        _check_loader(self.image, self.sysroot or Path("/etc/qemu-binfmt", self.arch.name))
        self._emulator = find_emulator(self.arch.qemu_user, options.qemu, self.arch.least_qemu)

    def start(self) -> UserEmulator:
        """See :class:`~gdbtrace.record.target.Target`."""
        run = self._run
        program = UserProgram(
            run.program,
            run.arguments,
            run.environment,
            stdin=run.stdin,
            stdout=run.stdout,
            sysroot=run.sysroot,
            cpu=run.cpu,
            is_pinned=run.is_pinned,
        )
        return UserEmulator(self._emulator, program)

    def warnings(self) -> Sequence[str]:
        """See :class:`~gdbtrace.record.target.Target`."""
        missing = not_pinned() if self._run.is_pinned else ()
        if not missing:
            return ()
        return [f"not pinned, since this system does not allow it: {' and '.join(missing)}; two runs may differ there"]

    def settings(self, running: Running) -> TracerSettings:
        """See :class:`~gdbtrace.record.target.Target`."""
        assert isinstance(running, UserEmulator)
        return TracerSettings(
            TargetKind.PROCESS,
            self.arch.name,
            running.directory,
            running.process_id,
            str(running.socket_path),
            program=self._run.program,
            is_pinned=self._run.is_pinned,
            own_path=self._own_path(),
            fetch_all=self.fetches_all,
            key_interval=self.tracer_key_interval,
        )

    def _own_path(self) -> str:
        """What the program is told of where it is: as it was called, from where it was started (docs/decisions/0002).

        Empty: the truth, which an absolute path has told it anyway.
        """
        run = self._run
        is_hidden = run.is_pinned and run.reproducible and not run.program.is_absolute()
        return f"/proc/self/cwd/{run.program}" if is_hidden else ""

    def explain(self, error: GdbtraceError, running: Running, *, has_begun: bool) -> None:
        """See :class:`~gdbtrace.record.target.Target`."""
        if not isinstance(error, TargetDied):
            return
        status = running.wait(END_SECONDS)
        if status is not None:
            error.add_note(f"QEMU ended with {f'signal {-status}' if status < 0 else f'exit status {status}'}")
        if not has_begun:
            cpu = ("-cpu", self._run.cpu) if self._run.cpu else ()
            command = shlex.join([str(self._emulator), *cpu, str(self._run.program)])
            error.add_note(f"see whether `{command}` runs, or give the --machine if it is firmware")

    def meta_frame(self) -> MetaFrame:
        """See :class:`~gdbtrace.record.target.Target`."""
        run = self._run
        environment = [f"{name}={value}" for name, value in run.environment.items()]
        settings = [f"--cpu={run.cpu}"] if run.cpu else []
        if not run.is_pinned:
            settings.append("--no-pin")
        return self.make_meta_frame(run.program, run.arguments, environment, settings)


def _check_loader(image: Image, sysroot: Path) -> None:
    """Refuse a dynamically linked program whose loader QEMU would not find: in the sysroot, then in the host's root.

    :raise UsageError: it is in neither.
    """
    if image.loader is not None and not any(Path(f"{root}{image.loader}").exists() for root in (sysroot, "")):
        raise UsageError(
            f"{image.path}: dynamically linked, and its loader {image.loader} is not here; "
            "say with --sysroot where its libraries are"
        )
