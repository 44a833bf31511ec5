"""What the subcommands that read traces share: which architecture and program a trace is of."""

from __future__ import annotations

from pathlib import Path

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES, architecture_named
from gdbtrace.errors import UsageError
from gdbtrace.image import Image, md5_of
from gdbtrace.trace.container import TraceReader


def architecture_of_trace(reader: TraceReader, name: str | None) -> Arch | None:
    """The architecture of a trace: what the user said, what gdbtrace noted in the meta frame, or the header's.

    The header alone does not tell byte orders apart (mips and mipsel); the first that fits is taken then.

    :raise UsageError: the user named one that does not exist.
    """
    if name is not None:
        return architecture_named(name, is_machine=name not in ARCHITECTURES)
    arguments = reader.meta.tracer.args if reader.meta else ()
    # Either has some that the other lacks; of a name that both have, firmware may be in modes that programs are not.
    is_machine = any(argument.startswith("--machine") for argument in arguments)
    known = {**ARCHITECTURES, **MACHINES} if is_machine else {**MACHINES, **ARCHITECTURES}
    for argument in arguments:
        if argument.startswith("--arch=") and argument[7:] in known:
            return known[argument[7:]]
    header = reader.header
    same = [arch for arch in known.values() if arch.frame_architecture == header.frame_architecture]
    exact = [arch for arch in same if arch.frame_machine == header.frame_machine]
    return next(iter([*exact, *same]), None)


def image_of_trace(reader: TraceReader, trace: Path, given: Path | None) -> Image | None:
    """The traced program, for symbols: what the user gave, or the meta frame's target if it is still the same file.

    A reproducible trace names no directory: the program is looked for beside the trace and in the working directory.
    """
    if given is not None:
        return Image(given)
    target = reader.meta.target if reader.meta else None
    if target is None or not target.path:
        return None
    named = Path(target.path)
    for candidate in (named, trace.parent / named.name):
        try:
            image = Image(candidate)
            if md5_of(candidate) == target.md5sum:
                return image
        except (OSError, UsageError):
            continue
    return None
