"""The instruction log of frames that are in no file."""

from __future__ import annotations

from collections.abc import Iterable

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.model import Arch
from gdbtrace.image import Image
from gdbtrace.report.instruction_log import LogLines
from gdbtrace.trace.frames import Frame, ModloadFrame, StdFrame


def log_lines(arch: Arch | None, image: Image | None = None) -> LogLines:
    """What formats them."""
    return LogLines(Disassembly(arch), Symbols(arch, image))


def logged(frames: Iterable[Frame], arch: Arch | None, image: Image | None = None) -> list[str]:
    """Their lines."""
    disassembly, symbols = Disassembly(arch), Symbols(arch, image)
    formatter, lines = LogLines(disassembly, symbols), []
    for frame in disassembly.look_ahead(frames):
        if isinstance(frame, ModloadFrame):
            symbols.add(frame)
        elif isinstance(frame, StdFrame):
            lines.append(formatter.line(frame))
    return lines
