"""What the subcommands that read traces share: which architecture and program a trace is of, and what of it to read."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.reading import AddressRange, Reading, Selection
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES, architecture_named, architecture_of
from gdbtrace.cli.output import ProgressLine, complain
from gdbtrace.errors import UsageError
from gdbtrace.image import USUAL_PLACES, DebugPlaces, Image, md5_of
from gdbtrace.machine.profile import MachineProfile, load_profile
from gdbtrace.trace import open_trace
from gdbtrace.trace.container import TraceReader
from gdbtrace.trace.follow import TraceFollower
from gdbtrace.trace.frames import Frame

_PROGRESS_PERIOD = 1 << 13
"""Frames between two looks at the clock."""
_PROGRESS_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """Which part of a trace is read, and where its symbols are."""

    arch: Annotated[str | None, typer.Option(help="Architecture [default: what the trace says].")] = None
    elf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The program, for symbols [default: what the trace says].")
    ] = None
    load_offset: Annotated[
        str | None,
        typer.Option(metavar="OFFSET", help="Where the program is, less where it is linked [default: by the trace]."),
    ] = None
    debug_dirs: Annotated[
        list[Path] | None,
        typer.Option("--debug-dir", metavar="DIR", help="Where separate debug files are, too. Repeatable."),
    ] = None
    no_demangle: Annotated[
        bool, typer.Option("--no-demangle", help="Show names of C++ and Rust as the linker knows them.")
    ] = False
    frames: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Only frames A to B-1, counted from 0; each may be left out."),
    ] = None
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", metavar="LOW-HIGH|FUNCTION", help="Only instructions there. Repeatable."),
    ] = None
    vcpus: Annotated[
        list[int] | None, typer.Option("--vcpu", min=0, metavar="N", help="Only this vCPU or thread. Repeatable.")
    ] = None
    asids: Annotated[
        list[str] | None,
        typer.Option("--asid", metavar="VALUE", help="Only what ran in this address space. Repeatable."),
    ] = None


@contextmanager
def open_reading(
    trace: Path, options: ReadingOptions, opener: Callable[[Path], TraceReader] = open_trace
) -> Iterator[Reading]:
    """A trace and what is known of it.

    :param opener: opens it.
    :raise UsageError: an option does not fit, or a file cannot be read.
    :raise TraceFormatError: it is no trace.
    """
    with opener(trace) as reader:
        places = _debug_places(options.debug_dirs or ())
        program = image_of_trace(reader, options.elf, places)
        arch = architecture_of_trace(reader, options.arch, program)
        disassembly = Disassembly(arch)
        if disassembly.problem:
            complain(disassembly.problem)
        load_offset = None if options.load_offset is None else _number("--load-offset", options.load_offset)
        symbols = Symbols(arch, program, load_offset, places, is_demangled=not options.no_demangle)
        yield Reading(
            reader,
            arch,
            symbols,
            disassembly,
            _selection_of(reader, arch, options),
            is_machine=is_of_machine(reader),
            is_live=isinstance(reader, TraceFollower),
        )


def with_progress(reading: Reading, *, is_streaming: bool = False) -> Iterator[Frame]:
    """The selected frames; on a terminal a line on stderr shows how far reading is.

    :param is_streaming: lines are printed meanwhile: where they go to a terminal, they are the progress.
    """
    line = ProgressLine()
    if not line.is_live or (is_streaming and sys.stdout.isatty()):
        yield from reading
        return
    began = shown = time.monotonic()
    count = reading.reader.frame_count
    end = count if reading.selection.end is None else min(reading.selection.end, count or reading.selection.end)
    try:
        for passed, frame in enumerate(reading):
            if not passed % _PROGRESS_PERIOD and (now := time.monotonic()) - shown > _PROGRESS_SECONDS:
                shown, done = now, reading.position - reading.selection.first
                rate = done / (now - began)
                left = f" of {end:,}, {(end - reading.position) / rate:.0f} s left" if end and rate else ""
                line.show(f"{reading.position:,} frames{left} ({rate:,.0f}/s)")
            yield frame
    finally:
        line.clear()


def _selection_of(reader: TraceReader, arch: Arch | None, options: ReadingOptions) -> Selection:
    first, end = _window(options.frames)
    ranges, functions = [], set()
    for text in options.ranges or ():
        if found := re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)-(0[xX][0-9a-fA-F]+|\d+)", text):
            low, high = (int(bound, 0) for bound in found.groups())
            if low > high:
                raise UsageError(f"--range {text}: ends before it begins")
            ranges.append(AddressRange(low, high))
        else:
            functions.add(text)
    register = _address_space_register(reader, arch)
    if options.asids and not register:
        raise UsageError("--asid: a frame of this trace does not say in which address space it ran")
    return Selection(
        first,
        end,
        ranges,
        frozenset(functions),
        frozenset(options.vcpus or ()),
        frozenset(_number("--asid", text) for text in options.asids or ()),
        register,
    )


def _debug_places(directories: Sequence[Path]) -> DebugPlaces:
    for directory in directories:
        if not directory.is_dir():
            raise UsageError(f"--debug-dir {directory}: no such directory")
    return DebugPlaces(tuple(directories))


def _window(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    found = re.fullmatch(r"(\d*):(\d*)", text)
    if found is None:
        raise UsageError(f"--frames {text}: must be A:B, numbers of frames, either of them left out")
    first, end = int(found[1] or 0), int(found[2]) if found[2] else None
    if end is not None and end < first:
        raise UsageError(f"--frames {text}: ends before it begins")
    if first > sys.maxsize:
        raise UsageError(f"--frames {text}: no trace has that many")
    return first, end


def _number(option: str, text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"{option} {text}: must be a number, 0x for hexadecimal") from None


def _address_space_register(reader: TraceReader, arch: Arch | None) -> str:
    """The register of a machine's frames that tells address spaces apart; empty: there is none."""
    profile = profile_of_trace(reader)
    if profile is not None and profile.address_space:
        return profile.address_space
    return arch.system.address_space if arch is not None and arch.system is not None else ""


def profile_of_trace(reader: TraceReader) -> MachineProfile | None:
    """The machine that a trace is of; None: it is of a program, or of a profile that only whoever made it has."""
    machine = argument_of(reader, "--machine=")
    try:
        return load_profile(machine) if machine else None
    except UsageError:
        return None


def argument_of(reader: TraceReader, option: str) -> str | None:
    """The value of an option that gdbtrace noted in the meta frame."""
    arguments = reader.meta.tracer.args if reader.meta else ()
    return next((argument[len(option) :] for argument in arguments if argument.startswith(option)), None)


def is_of_machine(reader: TraceReader) -> bool:
    """Whether gdbtrace noted in the meta frame that it traced a machine, not a program."""
    arguments = reader.meta.tracer.args if reader.meta else ()
    return any(argument.startswith("--machine") for argument in arguments)


_OTHERS_MACHINES = {(6, 5): "sparc", (9, 0): "i386"}
"""What the bap-tracing plugin's header says of architectures for which gdbtrace writes another machine."""


def architecture_of_trace(reader: TraceReader, name: str | None, program: Image | None) -> Arch | None:
    """The architecture of a trace: what the user said, what gdbtrace noted in the meta frame, or the header's.

    The header alone does not tell byte orders apart (mips and mipsel): the program does, if it is here, or what the
    bap-tracing plugin noted. Else it is the first that fits.

    :raise UsageError: the user named one that does not exist.
    """
    if name is not None:
        return architecture_named(name, is_machine=name not in ARCHITECTURES)
    # Either has some that the other lacks; of a name that both have, firmware may be in modes that programs are not.
    known = {**ARCHITECTURES, **MACHINES} if is_of_machine(reader) else {**MACHINES, **ARCHITECTURES}
    header = reader.header
    number = header.frame_architecture, header.frame_machine
    noted = argument_of(reader, "--arch=") or _OTHERS_MACHINES.get(number)
    if noted in known:
        return known[noted]
    same = [arch for arch in known.values() if arch.frame_architecture == header.frame_architecture]
    exact = [arch for arch in same if arch.frame_machine == header.frame_machine]
    fitting = {arch.name: arch for arch in exact or same}
    if program is not None and (told := architecture_of(program.machine, program.bits, program.byte_order, fitting)):
        return told
    order = (argument_of(reader, "endianness=") or "").removeprefix("endianness=")[:1]
    of_order = [arch for arch in fitting.values() if order and arch.byte_order.startswith(order)]
    return next(iter([*of_order, *fitting.values()]), None)


def image_of_trace(reader: TraceReader, given: Path | None, places: DebugPlaces = USUAL_PLACES) -> Image | None:
    """The traced program, for symbols: what the user gave, or the meta frame's target if it is still the same file.

    A reproducible trace names no directory: the program is looked for beside the trace and in the working directory.
    """
    if given is not None:
        return Image(given, places)
    target = reader.meta.target if reader.meta else None
    if target is None or not target.path:
        return None
    named = Path(target.path)
    for candidate in (named, reader.path.parent / named.name):
        try:
            image = Image(candidate, places)
            if md5_of(candidate) == target.md5sum:
                return image
        except (OSError, UsageError):
            continue
    return None
