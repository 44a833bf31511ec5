"""A machine's run, traced, and once more under the same QEMU command line with witnesses beside it.

A witness is the plugin's lines, and QEMU's log of exceptions (``-d int``).  They watch a run at full speed, which no
debugger touches, or a bare run: steps that follow a trace's, and read ``g`` and nothing else.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import shlex
import socket
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gdbtrace import Summary, open_trace
from gdbtrace.arch.model import Arch, StepRule
from gdbtrace.arch.registry import architecture_named
from gdbtrace.errors import LinkTimeout, TargetDied
from gdbtrace.logs.surplus import EXTRA
from gdbtrace.machine.profile import load_profile
from gdbtrace.machine.system import SystemEmulator
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import MachineOptions, Schedule
from gdbtrace.record.run import record, target_of
from gdbtrace.report.instruction_log import memtrace_line
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import greet
from gdbtrace.stub.packet import SIGTRAP, StopKind, resumption
from gdbtrace.trace import ExceptionFrame, StdFrame
from tests.exactness.comparison import (
    DATA_ADDRESSES,
    UNSEEN_REGISTERS,
    Comparison,
    Line,
    compare,
    parse_line,
)
from tests.exactness.whole_run import is_unseen, rule_of
from tests.toolchain import TESTS, Workshop

FIRMWARE = TESTS.parent / "vm-images" / "firmware"
_ANSWER_SECONDS = 20
_HALT_SECONDS = 0.05
"""After which a vCPU that does not answer is asked whether it is halted."""
_UNMASKED_STEP = 5
_UNMASKED_WAIT = 1
_MASKED = 2
"""QEMU's single-step flags with interrupts on, as the tracer has them (docs/decisions/0008)."""
_SWALLOWING = {StepRule.HALT, StepRule.YIELD, StepRule.LOAD_STATE, StepRule.TRAPPING}
"""Instructions of which a bare step executes the next one too."""
_MOST_EMPTY_STEPS = 4


@dataclass(frozen=True)
class FirmwareRun:
    """What a machine's run is determined by."""

    machine: str
    """The profile's name."""
    image: Path | None = None
    """None: the machine's own firmware."""
    limit: int | None = None
    """Instructions; None: to its end."""
    interrupts: bool = True
    vcpus: int | None = None
    cpu: str | None = None
    has_icount: bool = True
    semihosting: bool = False
    schedule: Schedule = field(default_factory=Schedule)

    @property
    def arch(self) -> Arch:
        """The processor, as firmware sees it."""
        return architecture_named(load_profile(self.machine).arch, is_machine=True)

    def options(self, output: Path, console: Path, *arguments: str) -> MachineOptions:
        """How it is traced.

        :param arguments: more of them for QEMU.
        """
        return MachineOptions(
            machine=self.machine,
            image=self.image,
            limit=self.limit,
            interrupts=self.interrupts,
            vcpus=self.vcpus,
            cpu=self.cpu,
            icount=None if self.has_icount else "off",
            semihosting=self.semihosting,
            schedule=self.schedule,
            output=output,
            console=console,
            arguments=arguments,
            engine=EngineChoice.RSP,
            reproducible=True,
        )

    def trace(self, trace: Path) -> Summary:
        """Trace it; the console's output goes beside the trace (:func:`console_of`)."""
        return record(self.options(trace, console_of(trace)))

    def lines_at_full_speed(self, workshop: Workshop, lines: Path, count: int, log: Path | None = None) -> None:
        """Run it with no debugger stopping it, and have the plugin write its lines of so many instructions, or more.

        :param lines: the file to write them to.
        :param log: for QEMU's of exceptions.
        """
        # Some instructions have two lines.
        witness = ["-plugin", f"{workshop.oracle()},out={lines},limit={2 * count},shared=on"]
        if log is not None:
            witness += ["-d", "int", "-D", str(log)]
        with self._started(lines, *witness) as (emulator, client):
            # The plugin ends QEMU, or the machine does.
            with contextlib.suppress(TargetDied):
                client.exchange(b"vCont;c")
                _end(client)
            emulator.wait(_ANSWER_SECONDS)

    def follow(self, workshop: Workshop, trace: Path, lines: Path, log: Path | None = None) -> str:
        """Run it by bare steps of the vCPUs that a trace has, in its order; the first difference in a program counter.

        :param lines: for the plugin's.
        :param log: for QEMU's of exceptions.
        """
        witness = ["-plugin", f"{workshop.oracle()},out={lines},shared=on"]
        if log is not None:
            witness += ["-d", "int", "-D", str(log)]
        with self._started(lines, *witness) as (emulator, client):
            difference = _BareRun(self, client).follow(frames_of(trace))
            with contextlib.suppress(TargetDied, LinkTimeout):
                _end(client)
            # It writes the witnesses' last lines.
            emulator.wait(_ANSWER_SECONDS)
        return difference

    @contextlib.contextmanager
    def _started(self, output: Path, *arguments: str) -> Iterator[tuple[SystemEmulator, StubClient]]:
        target = target_of(self.options(output.with_suffix(".none"), console_of(output), *arguments))
        with target.start() as emulator:
            assert isinstance(emulator, SystemEmulator)
            with Endpoint.parse(emulator.stub_endpoint).connect() as link:
                link.settimeout(_ANSWER_SECONDS)
                yield emulator, StubClient(link, _ANSWER_SECONDS)


def console_of(output: Path) -> Path:
    """Where the console's output of a run is that writes something there."""
    return output.with_suffix(".console")


def _end(client: StubClient) -> None:
    """Have QEMU end as by its own exit, which writes the witnesses' last lines."""
    client.exchange(b"k")


class _BareRun:
    """A machine stepped along a trace.

    What a bare step gets wrong, and the tracer does not: x86 goes through an instruction twice (``EXTRA``), or
    through none; after some instructions the next one is executed as well (:data:`_SWALLOWING`).
    """

    def __init__(self, run: FirmwareRun, client: StubClient) -> None:
        self._client = client
        self._arch = run.arch
        system = self._arch.system
        assert system is not None
        self._masks_addresses = self._arch.name in ("i386", "x86_64")
        # MIPS: the instruction set.
        self._mode_bit = int(self._arch.name.startswith("mips"))
        self._has_empty_steps = system.has_empty_steps
        layout = greet(client, self._arch.builtin_layout, self._arch.byte_order).layout
        self._pc = layout.core[self._arch.pc]
        self._flags = _UNMASKED_STEP if run.interrupts else system.masked_step
        self._waiting_flags = _UNMASKED_WAIT if run.interrupts else (system.waiting_step or system.masked_step)
        self._set_flags(self._flags)
        threads = client.request(b"qfThreadInfo")
        self._threads: list[bytes] = []
        while threads[:1] == b"m":
            self._threads += threads[1:].split(b",")
            threads = client.request(b"qsThreadInfo")
        self._thread: int | None = None
        self._number = 0
        self._raw = b""

    def follow(self, frames: Sequence[StdFrame | ExceptionFrame]) -> str:
        """Step along them; where the program counter is another one than a frame's, in words; empty: nowhere."""
        try:
            return self._follow(frames)
        except LinkTimeout:
            return f"frame {self._number}: the step of the one before it was not answered"

    def _follow(self, frames: Sequence[StdFrame | ExceptionFrame]) -> str:
        previous: StdFrame | None = None
        rule = StepRule.PLAIN
        following_instructions = _instructions_after(frames)
        for number, frame in enumerate(frames):
            self._number = number
            self._look_at(frame.thread_id or 0)
            after = following_instructions[number]
            if isinstance(frame, ExceptionFrame):
                difference = "" if rule is StepRule.TRAPPING else self._take(number, frame)
                if difference:
                    return difference
                continue
            while not self._is_at(frame.address) and previous is not None and self._passes_again(previous):
                self._step(is_halt=False, is_last=False)
            if not self._is_at(frame.address) and rule is StepRule.NULLIFYING:
                self._step(is_halt=False, is_last=False)
            if not self._is_at(frame.address):
                if rule in _SWALLOWING and after is not None and self._is_at(after.address):
                    rule = StepRule.PLAIN
                    continue
                return self._difference(number, frame.address)
            rule = rule_of(self._arch.name, frame.rawbytes, frame.mode, is_machine=True)
            self._step(
                is_halt=rule in (StepRule.HALT, StepRule.LOAD_STATE),
                is_last=after is None or after.thread_id != frame.thread_id,
            )
            previous = frame
        return ""

    def _take(self, number: int, frame: ExceptionFrame) -> str:
        assert frame.from_addr is not None
        assert frame.to_addr is not None
        if not self._is_at(frame.to_addr):
            # An interrupt, or an instruction that could not be fetched: neither has a frame.
            if not self._is_at(frame.from_addr):
                return self._difference(number, frame.from_addr)
            self._step(is_halt=False, is_last=False)
        return "" if self._is_at(frame.to_addr) else self._difference(number, frame.to_addr)

    def _passes_again(self, previous: StdFrame) -> bool:
        is_extra = EXTRA.get(self._arch.name)
        return is_extra is not None and is_extra(
            previous, previous.address if self._is_at(previous.address) else self._address
        )

    @property
    def _address(self) -> int:
        start, end = self._pc
        return int.from_bytes(self._raw[start:end], self._arch.byte_order)

    def _is_at(self, address: int) -> bool:
        # A code segment's base is not in g; the plugin has the whole address.
        return not (self._address ^ address) & (0xF if self._masks_addresses else -1) & ~self._mode_bit

    def _difference(self, number: int, expected: int) -> str:
        return f"frame {number}: {expected:#x} in the trace, {self._address:#x} without it"

    def _look_at(self, ordinal: int) -> None:
        if self._thread != ordinal:
            self._thread = ordinal
            self._client.request(b"Hg" + self._threads[ordinal])
            self._raw = self._client.read_registers()

    def _set_flags(self, flags: int) -> None:
        self._client.request(b"Qqemu.sstep=%x" % flags)

    def _step(self, *, is_halt: bool, is_last: bool) -> None:
        """One step, or more where one does nothing.

        :param is_halt: the vCPU may stop there until an interrupt comes.
        :param is_last: the trace goes on with another vCPU, or ends.
        """
        assert self._thread is not None
        packet = resumption(b"s", self._threads[self._thread])
        before = self._raw
        # The guest may end QEMU.
        with contextlib.suppress(TargetDied):
            for attempt in range(_MOST_EMPTY_STEPS if self._has_empty_steps and not is_last else 1):
                if attempt == _MOST_EMPTY_STEPS - 1:
                    # QEMU's SH-4 stops for as long as an interrupt is pending and may not be taken.
                    self._set_flags(self._flags | _MASKED)
                if is_halt:
                    self._step_to_halt(packet, is_last=is_last)
                else:
                    self._client.exchange_framed(packet)
                self._raw = self._client.read_registers()
                if self._raw != before:
                    break
            self._set_flags(self._flags)

    def _step_to_halt(self, packet: bytes, *, is_last: bool) -> None:
        client = self._client
        self._set_flags(self._waiting_flags)
        while True:
            client.send(packet)
            deadline = time.monotonic() + _HALT_SECONDS
            while not client.has_packet():
                if not select.select([client], [], [], max(deadline - time.monotonic(), 0))[0]:
                    client.send_raw(b"\x03")
                    break
                # The acknowledgement comes first, alone.
                client.receive_some(socket.MSG_DONTWAIT)
            reply = client.wait_for_stop()
            assert reply is not None
            assert self._thread is not None
            if reply.kind is not StopKind.SIGNAL or reply.number == SIGTRAP:
                break
            state = client.raw_registers(client.request(b"qThreadExtraInfo," + self._threads[self._thread]))
            if is_last and b"halted" in state:
                break
        self._set_flags(self._flags)


def _instructions_after(frames: Sequence[StdFrame | ExceptionFrame]) -> list[StdFrame | None]:
    """For each frame, the next one of an instruction."""
    found: list[StdFrame | None] = []
    following: StdFrame | None = None
    for frame in reversed(frames):
        found.append(following)
        following = frame if isinstance(frame, StdFrame) else following
    return found[::-1]


def compare_lines(run: FirmwareRun, trace: Path, lines: Path) -> Comparison:
    """Compare a trace with the plugin's lines, of which there may be more."""
    arch, frames = run.arch, frames_of(trace)
    last, addresses = frames[-1], DATA_ADDRESSES.get(arch.name, -1)
    is_entry = False
    """Whether the instruction at hand is the last before an exception."""

    def ours() -> Iterator[Line]:
        nonlocal is_entry
        for frame, following in itertools.zip_longest(frames, frames[1:]):
            if isinstance(frame, StdFrame):
                is_entry = isinstance(following, ExceptionFrame) or (frame is last and frame.post is None)
                line = parse_line(memtrace_line(frame))
                yield line._replace(touched=frozenset((kind, at & addresses) for kind, at in line.touched))

    def is_not_shown(mine: Line, oracle: Line) -> bool:
        """What the processor itself does when it takes an exception (vectors, saved registers) is for the plugin the
        instruction's before it; and of an instruction that ended QEMU nothing is known."""
        if is_entry and mine.touched <= oracle.touched:
            return True
        if not oracle.touched and all(at < UNSEEN_REGISTERS.get(arch.name, 0) for _, at in mine.touched):
            return True
        return is_unseen(arch.name, mine, oracle, is_machine=True)

    with lines.open() as oracle:
        return compare(arch.name, ours(), map(parse_line, oracle), is_not_shown, goes_on=True)


def frames_of(trace: Path) -> list[StdFrame | ExceptionFrame]:
    """A trace's instructions and exceptions."""
    with open_trace(trace) as reader:
        return [frame for frame in reader if isinstance(frame, StdFrame | ExceptionFrame)]


@dataclass(frozen=True)
class FirmwareGuest:
    """A guest of ``vm-images/firmware``."""

    name: str
    run: FirmwareRun
    console: str
    console_masked: str
    ends: bool
    """False: it stays at its end for ever."""

    def __str__(self) -> str:
        return self.name

    def told(self, *, interrupts: bool) -> tuple[FirmwareRun, str]:
        """Its run with interrupts on or off, and what it writes then."""
        return replace(self.run, interrupts=interrupts), self.console if interrupts else self.console_masked


_MOST_INSTRUCTIONS = 20_000
_ENOUGH_INSTRUCTIONS = 2_500
"""For a guest that does not end."""


def firmware_guests() -> list[FirmwareGuest]:
    """Those that begin at their machine's reset; another firmware takes millions of instructions."""
    return [
        guest
        for manifest in sorted(FIRMWARE.glob("*/manifest.toml"))
        for entry in tomllib.loads(manifest.read_text(encoding="utf-8"))["image"]
        if "run" in entry and "firmware_first" not in entry
        for guest in (_guest(entry),)
    ]


def _guest(entry: Mapping[str, Any]) -> FirmwareGuest:
    command = shlex.split(entry["run"])
    console = entry.get("console", "")
    run = FirmwareRun(
        entry["machine"],
        FIRMWARE.parent / entry["path"],
        _ENOUGH_INSTRUCTIONS if "end" in entry else _MOST_INSTRUCTIONS,
        vcpus=entry["vcpus"],
        cpu=command[command.index("-cpu") + 1] if "-cpu" in command else None,
        has_icount=entry.get("icount", True),
        semihosting="-semihosting" in command,
    )
    return FirmwareGuest(entry["name"], run, console, entry.get("console_masked", console), "end" not in entry)
