"""The instruction log of frames that a test makes up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.model import Arch
from gdbtrace.image import Image
from gdbtrace.report.instruction_log import PLAIN, JsonLog, LogLines, LogOptions
from gdbtrace.trace import Header, TraceWriter, encode_frame, open_trace
from gdbtrace.trace.frames import FileStats, Frame, MetaFrame, Target, Tracer

META = MetaFrame(Tracer("test", (), (), "1"), Target("", (), (), bytes(16)), FileStats(0, 0, 0, 0), "user", "host", 0)


def written(path: Path, frames: Iterable[Frame], arch: Arch | None = None, meta: MetaFrame = META) -> Path:
    """A trace of them."""
    header = Header(arch.frame_architecture, arch.frame_machine) if arch else Header(0, 0)
    with TraceWriter(path, header, meta) as writer:
        for frame in frames:
            writer.write(encode_frame(frame))
    return path


def logged(
    frames: Iterable[Frame],
    arch: Arch | None,
    image: Image | None = None,
    options: LogOptions = PLAIN,
    *,
    is_machine: bool = False,
    log: type[LogLines] | type[JsonLog] = LogLines,
) -> list[str]:
    """Their lines."""
    with (
        tempfile.TemporaryDirectory() as directory,
        open_trace(written(Path(directory, "trace"), frames, arch)) as reader,
    ):
        reading = Reading(reader, arch, Symbols(arch, image), Disassembly(arch), is_machine=is_machine)
        formatter = log(reading, options)
        return [line for frame in reading for line in formatter.lines(frame)]


def line_of(frame: Frame, arch: Arch | None, image: Image | None = None, options: LogOptions = PLAIN) -> str:
    """The line of the only one."""
    (line,) = logged([frame], arch, image, options)
    return line
