"""Opening a trace for analyses: which architecture, program and machine it is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.reading import Reading, Selection
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES, architecture_named, architecture_of
from gdbtrace.errors import UsageError
from gdbtrace.image import USUAL_PLACES, DebugPlaces, Image, md5_of
from gdbtrace.logs import LogReader, is_log
from gdbtrace.machine.profile import MachineProfile, load_profile
from gdbtrace.trace import open_trace
from gdbtrace.trace.container import TraceReader
from gdbtrace.trace.follow import TraceFollower

_EVERYTHING = Selection()


@contextmanager
def open_reading(
    trace: Path,
    *,
    arch: str | None = None,
    elf: Path | None = None,
    folders: Sequence[Path] = (),
    load_offset: int | None = None,
    places: DebugPlaces = USUAL_PLACES,
    is_demangled: bool = True,
    selection: Selection = _EVERYTHING,
    opener: Callable[[Path], TraceReader] = open_trace,
    beside: Reading | None = None,
) -> Iterator[Reading]:
    """A trace and what is known of it.

    :param arch: a name; None: what the trace says.
    :param elf: the program, for symbols; None: what the trace says.
    :param folders: where the program may be, too.
    :param load_offset: see :class:`~gdbtrace.analysis.symbols.Symbols`, and for ``is_demangled``.
    :param selection: what of it is read; where it names address spaces, their register is found out.
    :param opener: opens it.
    :param beside: a trace that this one is compared with. With it the file may be a log (:mod:`gdbtrace.logs`), which
        does not say what it is of: it is of the same program and machine.
    :raise UsageError: something asked for does not fit, or a file cannot be read.
    :raise TraceFormatError: it is no trace.
    """
    witness: TraceReader | None = None
    if beside is not None and is_log(trace):
        if beside.arch is None:
            raise UsageError(f"{trace}: a log of which architecture? Say it with --arch")
        witness = beside.reader
        opener = partial(LogReader, arch=beside.arch, is_machine=beside.is_machine)
    with opener(trace) as reader:
        witness = witness or reader
        program = image_of_trace(witness, elf, places, folders)
        known = architecture_of_trace(witness, arch, program)
        symbols = Symbols(known, program, load_offset, places, is_demangled=is_demangled)
        register = _address_space_register(witness, known)
        if selection.address_spaces and not register:
            raise UsageError("--asid: a frame of this trace does not say in which address space it ran")
        yield Reading(
            reader,
            known,
            symbols,
            Disassembly(known),
            replace(selection, address_space_register=register),
            is_machine=is_of_machine(witness),
            is_live=isinstance(reader, TraceFollower),
        )


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
    arguments = _noted_arguments(reader)
    return next((argument[len(option) :] for argument in arguments if argument.startswith(option)), None)


def is_of_machine(reader: TraceReader) -> bool:
    """Whether gdbtrace noted in the meta frame that it traced a machine, not a program."""
    return any(argument.startswith("--machine") for argument in _noted_arguments(reader))


def _noted_arguments(reader: TraceReader) -> Sequence[str]:
    meta = reader.sound_meta
    return meta.tracer.args if meta else ()


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


def image_of_trace(
    reader: TraceReader, given: Path | None, places: DebugPlaces = USUAL_PLACES, folders: Sequence[Path] = ()
) -> Image | None:
    """The traced program, for symbols: what the user gave, or the meta frame's target if it is still the same file.

    A reproducible trace names no directory: the program is looked for beside the trace, in the working directory and in
    the given folders.
    """
    if given is not None:
        return Image(given, places)
    meta = reader.sound_meta
    if meta is None or not meta.target.path:
        return None
    named = Path(meta.target.path)
    for candidate in (named, *(folder / named.name for folder in (reader.path.parent, *folders))):
        try:
            image = Image(candidate, places)
            if md5_of(candidate) == meta.target.md5sum:
                return image
        except (OSError, UsageError):
            continue
    return None
