"""What is traced, as a session sees it: a program, a machine, or what is behind somebody's stub."""

from __future__ import annotations

import getpass
import os
import re
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import MACHINES, architecture_named, architecture_of
from gdbtrace.errors import GdbtraceError, UsageError, nearest
from gdbtrace.image import Image, md5_of, number_of, readings_of
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.options import KEY_INTERVAL, Place, TraceOptions
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.trace.frames import FileStats, MetaFrame, Tracer
from gdbtrace.trace.frames import Target as TargetValues
from gdbtrace.tracer.settings import TracerSettings
from gdbtrace.version import __version__

_MOST_NAMED = 8
"""Symbols in a message."""
END_SECONDS = 2.0
"""In which QEMU's process is gone after its connection has been closed."""


class Running(Protocol):
    """What has been started."""

    directory: Path
    """Private (0700), for sockets."""

    def wait(self, seconds: float, /) -> int | None:
        """Its exit status, negative for a signal, or None if it still runs after that time."""


class Target(ABC):
    """One target. Making it finds every mistake that can be found before anything runs.

    :raise UsageError: an option is wrong.
    :raise ToolMissing: so is QEMU.
    """

    arch: Arch
    image: Image | None
    """Its symbols, where there are some."""
    default_output: Path
    noun = "program"
    """What it is, in messages."""
    sysroot: Path | None = None

    def __init__(self, options: TraceOptions) -> None:
        self.options = options

    def arch_with(self, layout: RegisterLayout, *, is_machine: bool) -> Arch:
        """The architecture of frames, now that it is known which registers the target has.

        :param is_machine: whether it is a machine of QEMU's.
        """
        return self.arch

    @abstractmethod
    def start(self) -> AbstractContextManager[Running]:
        """Start it, stopped before its first instruction."""

    @abstractmethod
    def settings(self, running: Running) -> TracerSettings:
        """What the tracer is told."""

    def warnings(self) -> Sequence[str]:
        """What to know before it runs."""
        return ()

    def load_offset(self, entry: int | None) -> int:
        """How far from where it was linked it is loaded.

        :param entry: where its entry point turned out to be; None: not known, as of a machine.
        """
        image = self.image
        return entry - image.entry if image is not None and image.is_position_independent and entry else 0

    def reach_start(self, running: Running, command: Callable[[str], bool]) -> None:  # noqa: B027
        """Run at full speed to where tracing begins, beyond what ``--start`` says.

        :param command: has the tracer perform a command that runs the target; False if the target ended.
        """

    def explain(self, error: GdbtraceError, running: Running, *, has_begun: bool) -> None:  # noqa: B027
        """Add to an error what is known of the target's end."""

    def exit_status(self, running: Running) -> int | None:
        """What the guest made of a target that is gone end with; None: it does not say.

        :raise TargetDied: it was not the guest that ended it.
        """
        return None

    @abstractmethod
    def meta_frame(self) -> MetaFrame:
        """Where the trace comes from."""

    def make_meta_frame(
        self, file: Path | None, arguments: Sequence[str], environment: Sequence[str], settings: Sequence[str]
    ) -> MetaFrame:
        """The meta frame of a target whose code is in a file. Our own environment is never in it.

        :param settings: how it is traced, beyond what all targets have.
        """
        options = self.options
        common = [f"--arch={self.arch.name}", f"--registers={options.registers.value}", *settings]
        if options.start:
            common.append(f"--start={options.start}")
        if options.stop:
            common.append(f"--stop={options.stop}")
        if options.std_only:
            common.append("--std-only")
        elif options.key_interval != KEY_INTERVAL:
            common.append(f"--key-interval={options.key_interval}")
        if options.limit is not None:
            common.append(f"--limit={options.limit}")
        if self.arch.unknown_operands:
            common.append(f"memory-operands-unknown={self.arch.unknown_operands}")
        name, size, times, md5 = "", 0, (0.0, 0.0, 0.0), bytes(16)
        if file is not None:
            status = file.stat()
            size, md5 = status.st_size, md5_of(file)
            name = file.name if options.reproducible else str(file.resolve())
            if not options.reproducible:
                times = status.st_atime, status.st_mtime, status.st_ctime
        user, host, now = "gdbtrace", "localhost", 0.0
        if not options.reproducible:
            user, host, now = getpass.getuser(), socket.gethostname(), time.time()
        return MetaFrame(
            Tracer("gdbtrace", ("gdbtrace", "run", *common), (), __version__),
            TargetValues(name, (name, *arguments), tuple(environment), md5),
            FileStats(size, *times),
            user,
            host,
            now,
        )

    @property
    def fetches_all(self) -> bool:
        """Whether every operand register is read at each step."""
        return self.options.registers is RegisterLists.FULL

    @property
    def tracer_key_interval(self) -> int:
        """What the tracer is told of key frames; 0: none."""
        return 0 if self.options.std_only else self.options.key_interval


def architecture_for(image: Image, name: str | None, *, may_be_firmware: bool = False) -> Arch:
    """The architecture to trace a program as.

    :param name: the one that was asked for.
    :param may_be_firmware: whether it may be one that runs firmware alone.
    :raise UsageError: it is not supported, or not the one that was asked for.
    """
    asked = architecture_named(name) if name is not None else None
    identity = image.machine, image.bits, image.byte_order
    found = architecture_of(*identity)
    if found is None and (firmware := architecture_of(*identity, among=MACHINES)) is not None:
        if may_be_firmware:
            return firmware
        raise UsageError(
            f"{image.path}: firmware for {firmware.name}; give its --machine: `gdbtrace machines` lists what there is"
        )
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


def address_of(image: Image | None, place: Place, bits: int) -> int:
    """The address of a place, as linked.

    :param bits: of an address.
    :raise UsageError: no such symbol.
    """
    address = number_of(place.text)
    if image is not None:
        symbols = ((image.symbol(name), offset) for name, offset in readings_of(place.text))
        address = next((symbol.address + offset for symbol, offset in symbols if symbol is not None), address)
        if address is None:
            address = _address_called(image, place.text)
    if address is None:
        raise UsageError(f"{place.text}: there are no symbols; give an address, or symbols with --elf")
    if not 0 <= address < 1 << bits:
        raise UsageError(f"{place.text}: not an address of a {bits}-bit program")
    return address


def _address_called(image: Image, place: str) -> int:
    """The address of a place at the one symbol that a name of C++ or Rust means.

    :raise UsageError: there is none, or there are several.
    """
    name = place
    for name, offset in readings_of(place):
        found = image.symbols_called(name) if re.match(r"[^\W\d]|<", name) else []
        if len(found) > 1:
            several = ", ".join(symbol.name for symbol in found[:_MOST_NAMED])
            raise UsageError(f"{image.path}: {name!r} may mean {len(found)} symbols; give one of them: {several}")
        if found:
            return found[0].address + offset
    before, plus, _ = place.partition("+")
    if plus and image.symbol(before) is not None:
        raise UsageError(f"{place}: the offset after + is not a number")
    names = image.symbol_names()
    hint = nearest(name, names) or "; give another, or an address"
    if not names:
        hint = "; the program has no symbols, give an address"
    raise UsageError(f"{image.path}: no symbol {name!r}{hint}")


def check_output(output: Path) -> None:
    """Refuse to overwrite an unfinished trace; the writer refuses to replace what is none.

    :raise UsageError: one is in the way.
    """
    part = output.with_name(f"{output.name}.part")
    if os.path.lexists(part):
        raise UsageError(f"{part}: left by a trace that did not finish; `gdbtrace repair {part}`, or remove it")
