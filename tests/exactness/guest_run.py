"""A guest's run under QEMU, with nobody stepping it, under the conditions of a trace (docs/decisions/0002).

The witnesses of such a run are the plugin's lines and the log of CPU states.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gdbtrace.machine.emulator import ENVIRONMENT, process_namespace
from tests.exactness.cpu_log import State, parse_states
from tests.toolchain import TESTS, Workshop
from tests.tracing import NULL

_DESCRIPTOR = 4
"""A traced guest's first free file descriptor is 5: QEMU's stub has 3 and 4. Here 3 is what a witness writes to."""
_RANDOM_WORDS = 1024


@dataclass(frozen=True)
class GuestRun:
    """What a run is determined by."""

    arch: str
    image: Path
    directory: Path
    """Where it runs."""
    arguments: Sequence[str] = ()
    cpu: str | None = None
    qemu: Path | None = None
    """The emulator for tracing and for the log of states; None: the installed one."""
    stdout: Path = NULL
    """A guest can see what kind of file it is, and when it was written to; its name it cannot see."""

    def again(self) -> GuestRun:
        """The same run, with its output in another file."""
        return self if self.stdout == NULL else replace(self, stdout=self.stdout.with_suffix(".again"))

    def _command(self, workshop: Workshop, emulator: str, *options: str) -> list[str]:
        """QEMU's command line. The library that pins getrandom is not in the guest's environment."""
        qemu = [emulator, "-seed", "1", "-U", "LD_PRELOAD", *(("-cpu", self.cpu) if self.cpu else ())]
        for name in ENVIRONMENT:
            qemu += ["-U", name]
        namespace = process_namespace() or ("env", "-i", *(f"{name}={value}" for name, value in ENVIRONMENT.items()))
        preload = f"LD_PRELOAD={_same_random(workshop)}"
        return [*namespace, preload, "setarch", "-R", *qemu, *options, str(self.image), *self.arguments]

    def without_witness(self, workshop: Workshop) -> int:
        """Run it; the exit status."""
        with NULL.open("rb") as null:
            return self._start(workshop, null.fileno(), emulator=str(self.qemu or "")).wait()

    def plugin_lines(self, workshop: Workshop, lines: Path) -> int:
        """Run it with the oracle plugin, which writes its lines to a file; the exit status."""
        with NULL.open("rb") as null:
            return self._start(workshop, null.fileno(), "-plugin", f"{workshop.oracle()},out={lines}").wait()

    def system_calls(self, workshop: Workshop, log: Path) -> list[str]:
        """Run it with QEMU's log of system calls, kept in a file; the names of its own calls, not its children's."""
        with NULL.open("rb") as null:
            self._start(workshop, null.fileno(), "-strace", "-D", str(log)).wait()
        text = log.read_text(errors="replace")
        process = text.split(maxsplit=1)[0]
        return re.findall(rf"\b{process} (\w+)(?:\(| syscall )", text)

    @contextmanager
    def states(self, workshop: Workshop) -> Iterator[Iterator[State]]:
        """Run it one instruction at a time, and read the registers before each as QEMU's log has them."""
        reading, writing = os.pipe()
        with open(reading) as log:
            try:
                options = ("-d", "nochain,exec,cpu,fpu", "-D", f"/dev/fd/{_DESCRIPTOR}")
                if self.qemu is not None:
                    process = self._start(workshop, writing, "-one-insn-per-tb", *options, emulator=str(self.qemu))
                else:
                    process = self._start(workshop, writing, "-singlestep", *options)
            finally:
                os.close(writing)
            try:
                yield parse_states(log)
            finally:
                process.kill()
                process.wait()

    def _start(self, workshop: Workshop, descriptor: int, *options: str, emulator: str = "") -> subprocess.Popen[bytes]:
        """Start it with a file descriptor of ours as :data:`_DESCRIPTOR`.

        :param emulator: empty: the installed one, which is the only one that loads plugins.
        """

        def prepare_child() -> None:
            os.dup2(descriptor, _DESCRIPTOR)
            # If it is that one already, dup2 leaves it to be closed.
            os.set_inheritable(_DESCRIPTOR, True)

        with self.stdout.open("wb") as stdout:
            return subprocess.Popen(
                self._command(workshop, emulator or f"qemu-{self.arch}", *options),
                cwd=self.directory,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                close_fds=False,
                preexec_fn=prepare_child,
            )


def _same_random(workshop: Workshop) -> Path:
    """What makes getrandom give the bytes that the tracer writes over its result (``Stepper.pin_random_bytes``)."""
    generator = random.Random(0)
    words = ",".join(hex(generator.getrandbits(32)) for _ in range(_RANDOM_WORDS))
    return workshop.library(TESTS / "exactness" / "same_random.c", f"-DWORDS={words}")
