"""When a machine reaches the stages of its boot: measured at full speed, with a breakpoint at each and no stepping."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from gdbtrace.errors import GdbtraceError, ProtocolError, TargetDied, UsageError
from gdbtrace.machine.stages import RESET
from gdbtrace.machine.system import SystemEmulator
from gdbtrace.record.machine import MachineTarget
from gdbtrace.record.options import MachineOptions, Place
from gdbtrace.record.target import address_of
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import greet, reach
from gdbtrace.stub.packet import SIGTRAP, StopKind, StopReply, framed
from gdbtrace.tracer.live_registers import LiveRegisters

_LOOK_SECONDS = 0.2
"""From one look at the clock to the next."""


class BootEnd(Enum):
    """Why measuring ended."""

    ENDED = "the machine ended"
    REACHED = "all stages reached"
    TIMEOUT = "time limit reached"
    INTERRUPTED = "interrupted"
    DIED = "QEMU died"


@dataclass(frozen=True, slots=True)
class StageTime:
    """A stage, and when it was reached for the first time."""

    name: str
    address: int
    """Linear: on x86 with the code segment's base."""
    seconds: float | None = None
    """For which the machine had run, of the host's time; None: it was not reached."""
    guest_seconds: float | None = None
    """The same by the guest's clock under ``icount``; None: not reached, or time is the host's."""
    vcpu: int | None = None
    """Who reached it."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What was measured."""

    machine: str
    stages: tuple[StageTime, ...]
    """Those that were reached, in the order in which they were, then the others."""
    end: BootEnd
    detail: str
    """How QEMU ended, where it did."""
    seconds: float
    """For which the machine ran in all."""


@dataclass(slots=True)
class BootObserver:
    """Who watches. All of it is optional."""

    on_progress: Callable[[str, float], None] | None = None
    """Receives the last stage that was reached (empty: none) and the seconds until now."""
    on_warning: Callable[[str], None] | None = None
    on_interruptible: Callable[[Callable[[], None]], None] | None = None
    """Receives a function that ends the measuring and keeps what was measured; a signal handler may call it."""


def measure(
    options: MachineOptions, stages: Mapping[str, int | str], observer: BootObserver, *, to_end: bool = False
) -> Boot:
    """Run a machine from its reset until it has reached its stages.

    :param stages: beside those of the profile, and the reset where the machine stands, which they replace where the
        name is the same.
    :param to_end: go on until the machine ends.
    :raise UsageError: the machine, or a stage, is wrong.
    :raise ToolError: QEMU did not start, or its stub does not do as it should.
    """
    target = MachineTarget(options, tells_time=True)
    places = _places_of(target, stages, observer)
    if RESET not in stages:
        places.pop(RESET, None)
    if not places and not to_end:
        raise UsageError(f"{target.name} has no stage beyond its reset: give some, --stage NAME=ADDRESS, or --to-end")
    with (
        target.start() as running,
        running.listening(),
        reach(Endpoint.parse(running.stub_endpoint), running.end) as connection,
    ):
        try:
            return _Measurement(target, running, StubClient(connection), places, observer).run(to_end=to_end)
        except GdbtraceError as error:
            target.explain(error, running, has_begun=False)
            raise


def _places_of(target: MachineTarget, given: Mapping[str, int | str], observer: BootObserver) -> dict[str, int]:
    """The addresses of the stages.

    A profile's symbol that this image lacks is a stage that is not looked for.
    """
    places = {}
    for name, place in {**target.stages, **given}.items():
        try:
            text = f"{place:#x}" if isinstance(place, int) else place
            places[name] = address_of(target.image, Place(text), target.arch.bits)
        except UsageError as error:
            if name in given:
                raise
            if observer.on_warning is not None:
                observer.on_warning(f"stage {name} of {target.name} is left out: {error}")
    return places


class _Measurement:
    """One run."""

    def __init__(
        self,
        target: MachineTarget,
        running: SystemEmulator,
        client: StubClient,
        places: Mapping[str, int],
        observer: BootObserver,
    ) -> None:
        self._target = target
        self._running = running
        self._client = client
        self._observer = observer
        self._waiting: dict[str, int] = {}
        """Stages that were not reached so far."""
        self._reached: list[StageTime] = []
        self._seconds = 0.0
        self._has_breakpoints = False
        self._stray_stop: int | None = None
        """Where the last stop was, if no stage is there."""
        arch = target.arch
        assert arch.system is not None
        greeting = greet(client, arch.builtin_layout, arch.byte_order, arch.core_numbers)
        if arch.system.turned is not None:
            client.turn_registers(greeting.layout, *arch.system.turned)
        self._registers = LiveRegisters(greeting.layout, client, arch.piece_bytes)
        self._registers.monitored = arch.system.monitored
        self._code_base, self._code_mask = arch.system.code_base, arch.system.code_mask
        self._guest_began = running.guest_microseconds()
        # Where the machine stands is where it begins; a breakpoint there would stop it once more.
        self._vcpus = client.thread_ids()
        start = self._address_of(self._vcpus[0])
        self._waiting = {**({} if RESET in places else {RESET: start}), **places}
        self._note_at(start, self._vcpus[0], self._guest_began)

    def run(self, *, to_end: bool) -> Boot:
        """See :func:`measure`."""
        for address in set(self._waiting.values()):
            self._client.insert_breakpoint(address)
        self._has_breakpoints = True
        timeout = self._target.options.timeout
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._interruptible() as interrupt:
            try:
                while self._waiting or to_end:
                    outcome = self._go_on(interrupt, deadline)
                    if isinstance(outcome, BootEnd):
                        return self._boot(outcome)
                    if outcome.kind is not StopKind.SIGNAL:
                        return self._boot_that_ended()
                    if outcome.number != SIGTRAP:
                        # QEMU was told not to exit (-no-shutdown, -action).
                        return self._boot(BootEnd.ENDED, f"QEMU stopped the machine: {self._running.status()}")
                    self._arrive(outcome)
            except TargetDied:
                return self._boot_that_ended()
        return self._boot(BootEnd.REACHED)

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[socket.socket]:
        """A socket that becomes readable when somebody wants the end."""
        interrupt, theirs = socket.socketpair()
        tell = self._observer.on_interruptible
        with interrupt, theirs:
            if tell is not None:
                tell(lambda: theirs.shutdown(socket.SHUT_WR))
            try:
                yield interrupt
            finally:
                if tell is not None:
                    tell(lambda: None)

    def _go_on(self, interrupt: socket.socket, deadline: float | None) -> StopReply | BootEnd:
        """Let the machine run until it stops, or until we do not want it to run any more."""
        before, began = self._seconds, time.monotonic()
        self._client.send(framed(b"vCont;c"))
        while True:
            left = _LOOK_SECONDS if deadline is None else deadline - time.monotonic()
            try:
                stop = self._client.wait_for_stop(interrupt, max(0.0, min(left, _LOOK_SECONDS)))
            finally:
                self._seconds = before + time.monotonic() - began
            if stop is not None:
                return stop
            if select.select([interrupt], [], [], 0)[0]:
                return BootEnd.INTERRUPTED
            if left <= 0:
                return BootEnd.TIMEOUT
            if self._observer.on_progress is not None:
                self._observer.on_progress(self._reached[-1].name if self._reached else "", self._seconds)

    def _arrive(self, stop: StopReply) -> None:
        """Note what the vCPUs have come to.

        Two of them may have come to a stage each before QEMU had stopped all, and the reply names one.

        :raise ProtocolError: QEMU stops again and again where no stage is.
        """
        now = self._running.guest_microseconds()
        others = [vcpu for vcpu in self._vcpus if vcpu != stop.thread and not self._is_halted(vcpu)]
        stopped_at = self._address_of(stop.thread)
        has_arrived = [self._note_at(stopped_at, stop.thread, now)]
        has_arrived += [self._note_at(self._address_of(vcpu), vcpu, now) for vcpu in others]
        if not any(has_arrived) and stopped_at == self._stray_stop:
            raise ProtocolError(b"", f"QEMU stopped at {stopped_at:#x} twice, where no stage is")
        self._stray_stop = None if any(has_arrived) else stopped_at

    def _note_at(self, address: int, vcpu: bytes, now: int | None) -> bool:
        """Note that a vCPU is at an address; whether that is a stage that was waited for."""
        names = [name for name, place in self._waiting.items() if place == address]
        guest = None if now is None or self._guest_began is None else (now - self._guest_began) / 1e6
        for name in names:
            ordinal = self._vcpus.index(vcpu)
            self._reached.append(StageTime(name, self._waiting.pop(name), self._seconds, guest, ordinal))
        if names and self._has_breakpoints:
            self._client.remove_breakpoint(address)
        return bool(names)

    def _is_halted(self, vcpu: bytes) -> bool:
        """Whether a vCPU waits, or is not switched on: then it does not come to what it stands at."""
        return b"halted" in self._client.raw_registers(self._client.request(b"qThreadExtraInfo," + vcpu))

    def _address_of(self, vcpu: bytes) -> int:
        """Where a vCPU is, as a breakpoint has it."""
        self._client.request(b"Hg" + vcpu)
        registers = self._registers
        registers.forget()
        registers.raw = self._client.read_registers()
        pc = registers[self._target.arch.pc]
        if not self._code_base:
            return pc
        # The monitor's own choice of a vCPU is not the stub's.
        self._client.monitor(f"cpu {self._vcpus.index(vcpu)}")
        return pc + registers[self._code_base] & self._code_mask

    def _boot_that_ended(self) -> Boot:
        try:
            self._target.exit_status(self._running)
        except TargetDied as error:
            return self._boot(BootEnd.DIED, str(error))
        return self._boot(BootEnd.ENDED, self._running.end() or "")

    def _boot(self, end: BootEnd, detail: str = "") -> Boot:
        missed = (StageTime(name, address) for name, address in self._waiting.items())
        return Boot(self._target.name, (*self._reached, *missed), end, detail, self._seconds)


__all__ = ["Boot", "BootEnd", "BootObserver", "StageTime", "measure"]
