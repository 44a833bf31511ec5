"""A machine under full-system QEMU, stopped at its reset until a debugger lets it run."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gdbtrace.errors import LinkTimeout, TargetDied, UsageError
from gdbtrace.machine.emulator import SEED, Emulator
from gdbtrace.machine.guest_clock import GuestClock
from gdbtrace.machine.monitor import MachineEvent, Monitor
from gdbtrace.machine.output import Console, OutputReader, Words

_START_SECONDS = 20.0
_POLL_SECONDS = 0.005
_END_SECONDS = 2.0
_TICK_MICROSECONDS = 1000
_LOOPBACK = "127.0.0.1"
_STANDARD_ERROR = 2
SHELL_SIGNAL = 128
"""What a shell adds to the number of the signal that its child died of (:func:`process_namespace` has one)."""


@dataclass(frozen=True, slots=True)
class MachineCommand:
    """What to start, and how it is to be cut off from the world."""

    emulator: Path
    arguments: tuple[str, ...]
    """The machine: -M, -cpu, -m, -kernel, ... They come last, so where QEMU takes the last of two they win."""
    vcpus: int = 1
    icount: int | None = 0
    """An instruction takes 2**icount ns of the guest's time, so that two runs are equal; None: the host's time."""
    gdb_port: int | None = None
    """Where the gdbstub listens on loopback, in place of the private socket; anybody on this host can connect there."""
    console: Path | int | None = _STANDARD_ERROR
    """Where the first serial port's output goes: a file, written anew, or a descriptor. None: nowhere."""
    tells_time: bool = False
    """Whether :meth:`SystemEmulator.guest_microseconds` is wanted."""
    semihosting: bool = False
    """Whether the guest may call on the host: its semihosting output goes where the console's does, and it can open
    the host's files and run its commands, as the user who runs gdbtrace."""


def arguments_of(command: MachineCommand, directory: Path) -> list[str]:
    """QEMU's command line, without its own name.

    :param directory: the private one: ``qemu`` (gdbstub), ``qmp`` and ``console`` (a pipe) are in it.
    """
    # QEMU takes a comma in an option's value for the value's end.
    escaped = str(directory).replace(",", ",,")
    place = f"unix:{escaped}/qemu,server=on,wait=off"
    if command.gdb_port is not None:
        place = f"tcp:{_LOOPBACK}:{command.gdb_port}"
    chardev = f"file,id=console,path={escaped}/console"
    arguments = [
        "-S",
        *("-gdb", place),
        *("-chardev", f"socket,id=qmp,path={escaped}/qmp,server=on,wait=off", "-mon", "chardev=qmp,mode=control"),
        # Semihosting shares the console's pipe, for which a multiplexer is needed.
        *("-chardev", f"{chardev},mux=on" if command.semihosting else chardev),
        # Firmware writes to the serial port where it is told that there is no screen (OpenBIOS, SeaBIOS).
        *("-nographic", "-serial", "chardev:console", "-monitor", "none", "-parallel", "none"),
        # The default one gives the guest our network.
        *("-nic", "none"),
        *("-no-user-config", "-seed", SEED, "-accel", "tcg,thread=single"),
        *("-rtc", "base=2000-01-01T00:00:00,clock=vm"),
        # -no-reboot in the words that -action shutdown goes with.
        *("-action", "reboot=shutdown"),
        # What ends the processes of a trace knows them by a file of the directory in their command line.
        *("-pidfile", f"{directory}/pid"),
    ]
    if command.icount is not None:
        # With sleep=on a guest that waits has the host's clock decide how long.
        arguments += ["-icount", f"shift={command.icount},align=off,sleep=off"]
        # Then time goes to the next timer at once, and one must never be far: this one ticks, and nobody else
        # notices it (docs/decisions/0008).
        arguments += ["-netdev", "hubport,id=clock,hubid=0"]
        arguments += ["-object", f"filter-buffer,id=tick,netdev=clock,interval={_TICK_MICROSECONDS}"]
    if command.tells_time:
        arguments += GuestClock(directory).arguments()
    if command.vcpus > 1:
        arguments += ["-smp", str(command.vcpus)]
    if command.semihosting:
        arguments += ["-semihosting-config", "enable=on,target=native,chardev=console"]
    return [*arguments, *command.arguments]


class SystemEmulator(Emulator):
    """See :class:`~gdbtrace.machine.emulator.Emulator`. On enter QEMU is up and its gdbstub listens.

    Entering raises UsageError if QEMU refuses the machine or a port or path cannot be used, OutputError if the
    console's file cannot be written, ToolMissing if there is no such program, TargetDied or LinkTimeout if QEMU dies
    or hangs.
    """

    def __init__(self, command: MachineCommand) -> None:
        super().__init__(command.emulator)
        self._command = command
        self._words = Words()
        self._console: Console | None = None
        self._output: OutputReader | None = None
        self._monitor: Monitor | None = None

    @property
    def stub_endpoint(self) -> str:
        """Where QEMU's gdbstub listens: the path of a unix socket, or host and port."""
        port = self._command.gdb_port
        return str(self.socket_path) if port is None else f"{_LOOPBACK}:{port}"

    def _start(self) -> None:
        command = self._command
        if command.gdb_port is not None:
            _check_port(command.gdb_port)
        self._console = Console(self.directory / "console", command.console)
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        try:
            with open(os.devnull, "rb") as nothing, open(theirs, "wb") as output:
                # A session of its own: Ctrl-C is for us, who then close the trace.
                self._launch(arguments_of(command, self.directory), nothing, output, output, session=True)
        except BaseException:
            os.close(ours)
            os.close(self._console.descriptor)
            raise
        takers = {ours: self._words.take, self._console.descriptor: self._console.take}
        self._output = OutputReader(takers, last=ours)
        self._monitor = Monitor(self.directory / "qmp")
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        """QEMU takes commands only when all of the machine has been made, its gdbstub too."""
        assert self._monitor is not None
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                with self._monitor.connected(_START_SECONDS):
                    return
            except TargetDied:
                if (end := self.end()) is not None:
                    refused = self.wait(0) == 1
                    silent = "" if self._words.last() else f", without a word; see whether `{self._shown()}` runs"
                    problem = f"the machine does not start: {end}{silent}"
                    raise (UsageError if refused else TargetDied)(problem) from None
                if time.monotonic() > deadline:
                    raise LinkTimeout(f"QEMU did not open its control socket within {_START_SECONDS:g} s") from None
            time.sleep(_POLL_SECONDS)

    def _shown(self) -> str:
        """What to run by hand."""
        return shlex.join([str(self._command.emulator), *self._command.arguments])

    def status(self) -> str:
        """QEMU's run state: running, paused, debug (stopped by the debugger), shutdown, guest-panicked, ...

        :raise TargetDied: QEMU is gone.
        :raise LinkTimeout: it does not answer.
        """
        assert self._monitor is not None
        return str(self._monitor.execute("query-status")["status"])

    def stop(self) -> None:
        """Stop a guest that runs; the debugger is told (SIGINT). From any thread; nothing happens if QEMU is gone.

        :raise LinkTimeout: QEMU does not answer.
        """
        assert self._monitor is not None
        with contextlib.suppress(TargetDied):
            self._monitor.execute("stop")

    def guest_microseconds(self) -> int | None:
        """What the guest's clock shows while it is stopped: see :meth:`~gdbtrace.machine.guest_clock.GuestClock.read`;
        None too where nobody said that this would be wanted."""
        return GuestClock(self.directory).read() if self._command.tells_time else None

    def expect(self, text: bytes, react: Callable[[], None]) -> None:
        """Call once, from a thread of its own, when the console has printed a text after now.

        The guest has gone on meanwhile, so where it is then is not the same every time.
        """
        assert self._console is not None
        self._console.expect(text, react)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Collect :meth:`events` meanwhile: for a run at full speed, since each step would cost two events.

        :raise TargetDied: QEMU is gone.
        :raise LinkTimeout: it does not answer.
        """
        assert self._monitor is not None
        with self._monitor.connected():
            yield

    def events(self) -> list[MachineEvent]:
        """What happened to the machine while somebody was :meth:`listening`, also when QEMU has ended by itself."""
        assert self._monitor is not None
        return self._monitor.events(has_ended=self._process is None or self.wait(0) is not None)

    @property
    def problems(self) -> list[str]:
        """What went wrong beside the machine: console output that could not be written."""
        return [str(self._console.problem)] if self._console is not None and self._console.problem is not None else []

    def end(self) -> str | None:
        """See :class:`~gdbtrace.machine.emulator.Emulator`; with QEMU's last words and what it announced."""
        status = self.wait(0)
        if status is None:
            return None
        assert self._output is not None
        self._output.wait(_END_SECONDS)
        how = f"QEMU ended with status {status}"
        with contextlib.suppress(ValueError):
            # A guest can end QEMU with such a status too, by semihosting.
            how += f", as after {signal.Signals(-status if status < 0 else status - SHELL_SIGNAL).name}"
        events = self.events() if self._monitor is not None else []
        facts = [f"{event.name} {event.reason}".strip() for event in events[-1:]]
        if words := self._words.last():
            facts.append(words)
        return f"{how} ({'; '.join(facts)})" if facts else how

    def _release(self) -> None:
        if self._monitor is not None:
            self._monitor.close()
        if self._output is not None and not self._output.wait(_END_SECONDS):
            # Somebody else holds QEMU's output open; what the console has sent has been read all the same.
            self._output = None
        if self._console is not None:
            self._console.close()


def _check_port(port: int) -> None:
    """Refuse a port that QEMU could not listen on: its own message names no option of ours.

    :raise UsageError: it is in use, no port, or needs privileges.
    """
    with socket.socket() as probe:
        # As QEMU does; without it a port would be refused for a minute after its last use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a port"
            raise UsageError(f"--gdb-port {port}: {reason}; give another") from error


__all__ = ["SHELL_SIGNAL", "MachineCommand", "MachineEvent", "SystemEmulator", "arguments_of"]
