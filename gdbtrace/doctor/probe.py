"""Trying out one architecture on this machine: its QEMU's stub step by step, then gdbtrace itself on top of it."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import capstone

from gdbtrace.arch.disassembler import has_decoder
from gdbtrace.arch.model import Arch
from gdbtrace.doctor.programs import EXIT_STATUS, PROGRAMS, ProbeProgram, addresses, elf_program
from gdbtrace.errors import GdbtraceError, ProtocolError, ToolError, ToolMissing
from gdbtrace.gdb.session import find_gdb
from gdbtrace.machine.emulator import find_emulator, version_of
from gdbtrace.machine.user import UserEmulator, UserProgram
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import RunOptions, Summary
from gdbtrace.record.run import record
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import RegisterState
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import greet, reach
from gdbtrace.stub.packet import StopKind, parse_stop_reply

_NOTHING = Path("/dev/null")
_REPLY_SECONDS = 10.0
_RUN_SECONDS = 30.0
_PATIENCE = 5
"""Times the length of the program after which raw steps that are still in it have no end."""
_OTHER_QEMU = "try another QEMU with --qemu, and please report this one's version"
_REPORT = f"{_OTHER_QEMU}; until then traces of this architecture cannot be trusted"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to try."""

    text: str
    remedy: str
    is_failure: bool = True
    """False: something is not installed."""


@dataclass(slots=True)
class Report:
    """What was found out of one architecture. None: it was not tried."""

    arch: str
    qemu: str | None = None
    """The emulator's path."""
    qemu_version: str | None = None
    gdb: str | None = None
    """gdb's version, where it attached to the probe program and its registers were ours."""
    decoder: str | None = None
    """What gives an instruction its text."""
    core_bytes: int | None = None
    """Length of ``g``."""
    swallows: bool | None = None
    """Whether a raw step over a system call executes the instruction after it as well."""
    live_locks: bool | None = None
    """Whether an exclusive sequence that is stepped raw fails for ever; None too where there is none."""
    instructions: int | None = None
    """In a trace of the probe program."""
    is_trace_right: bool | None = None
    """Whether that trace has each instruction once and the program's own exit status."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def works(self) -> bool:
        """Whether nothing that is installed failed."""
        return not any(problem.is_failure for problem in self.problems)


def examine(arch: Arch, qemu: Path | None = None) -> Report:
    """Try one architecture out.  Takes about a second; nothing is left behind.

    :param qemu: the emulator; None looks for it on PATH.
    """
    report = Report(arch.name, decoder=_decoder_of(arch))
    if report.decoder is None:
        names = " or ".join(name for mode in arch.modes if mode.objdump for name in mode.objdump.programs)
        remedy = f"install {names}" if names else "none is known; traces are complete all the same"
        report.problems.append(Problem("no disassembler, so log shows bytes", remedy, is_failure=False))
    try:
        emulator = find_emulator(arch.qemu_user, qemu, arch.least_qemu)
        report.qemu, report.qemu_version = str(emulator), "{}.{}".format(*version_of(emulator))
    except ToolMissing as error:
        report.problems.append(Problem(f"{error.program} {error.problem}", error.remedy, is_failure=False))
        return report
    program = PROGRAMS[arch.name]
    with tempfile.TemporaryDirectory(prefix="gdbtrace-") as name:
        directory = Path(name)
        image = directory / "probe"
        image.write_bytes(elf_program(arch, program))
        image.chmod(0o700)
        try:
            _step_raw(arch, emulator, image, program, report)
        except ProtocolError as error:
            report.problems.append(Problem(f"QEMU's stub: {error}", _OTHER_QEMU))
            return report
        except ToolError as error:
            report.problems.append(Problem(f"{error}", _OTHER_QEMU))
            return report
        report.problems += _trace(arch, emulator, image, program, report)
        if arch.gdb_architecture is not None:
            report.problems += _attach_gdb(arch, emulator, image, program, report)
    return report


def _decoder_of(arch: Arch) -> str | None:
    """What gives an instruction its text; None: nothing that is installed."""
    if has_decoder(arch.modes[0]):
        return f"capstone {capstone.__version__}"
    programs = [name for mode in arch.modes if mode.objdump for name in mode.objdump.programs]
    return next((name for name in programs if shutil.which(name)), None)


def _step_raw(arch: Arch, emulator: Path, image: Path, program: ProbeProgram, report: Report) -> None:
    """What bare steps do, by where they stop.

    :raise ToolError: QEMU, or its stub, does not work.
    """
    where = addresses(arch, program)
    with UserEmulator(emulator, UserProgram(image, stdin=_NOTHING)) as qemu, _connected(qemu) as connection:
        client = StubClient(connection, _REPLY_SECONDS)
        _, reply, layout, raw = greet(client, arch.builtin_layout, arch.byte_order, arch.core_numbers)
        report.core_bytes = len(raw)
        state = RegisterState(layout, raw)
        stops: list[int] = []
        while reply.kind is StopKind.SIGNAL and len(stops) < _PATIENCE * len(where):
            # HPPA has the privilege level in the address's low bits.
            stops.append(state[arch.pc] & -arch.modes[0].instruction_bytes[0])
            reply = parse_stop_reply(client.request(b"vCont;s:" + reply.thread))
            if reply.kind is StopKind.SIGNAL:
                state.raw = client.read_registers()
    report.swallows = where[program.returns_to] not in stops
    if program.has_exclusives:
        report.live_locks = reply.kind is StopKind.SIGNAL


def _connected(qemu: UserEmulator) -> socket.socket:
    """A connection to QEMU's stub.

    :raise ToolError: QEMU ended, or never listened.
    """
    connection = reach(Endpoint(qemu.socket_path), qemu.end)
    connection.settimeout(_REPLY_SECONDS)
    return connection


def _trace(arch: Arch, emulator: Path, image: Path, program: ProbeProgram, report: Report) -> Sequence[Problem]:
    """Trace the program to its end with our own client."""
    expected = program.executed
    try:
        summary = _record(arch, emulator, image, EngineChoice.RSP, None)
    except GdbtraceError as error:
        return [Problem(f"a trace failed: {error}", _REPORT)]
    report.instructions = summary.instructions
    problems = []
    if summary.instructions != expected:
        text = f"a trace has {summary.instructions} instructions of a program that executes {expected}"
        problems.append(Problem(text, _REPORT))
    if summary.exit_status != EXIT_STATUS:
        end = f"exit status {summary.exit_status}" if summary.exit_status is not None else summary.outcome.value
        problems.append(Problem(f"a traced program that exits with {EXIT_STATUS} ended with {end}", _REPORT))
    report.is_trace_right = not problems
    return problems


def _attach_gdb(arch: Arch, emulator: Path, image: Path, program: ProbeProgram, report: Report) -> Sequence[Problem]:
    """Trace all but the exit under gdb, whose view of the registers is compared at the end."""
    remedy = "use --engine rsp"
    try:
        _, version = find_gdb()
    except ToolMissing as error:
        return [Problem(f"{error.program} {error.problem}", error.remedy, is_failure=False)]
    try:
        summary = _record(arch, emulator, image, EngineChoice.GDB, program.executed - 1)
    except GdbtraceError as error:
        return [Problem(f"gdb cannot be used: {error}", remedy)]
    if not summary.registers_compared:
        return [Problem("gdb attached, and none of its registers is one of ours", remedy)]
    report.gdb = "{}.{}".format(*version)
    return []


def _record(arch: Arch, emulator: Path, image: Path, engine: EngineChoice, limit: int | None) -> Summary:
    options = RunOptions(
        image,
        output=image.with_name(f"{engine.value}.frames"),
        arch=arch.name,
        engine=engine,
        limit=limit,
        timeout=_RUN_SECONDS,
        stdin=_NOTHING,
        qemu=emulator,
    )
    return record(options)


__all__ = ["Problem", "Report", "examine"]
