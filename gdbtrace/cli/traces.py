"""What the subcommands that read traces share: which part of a trace is read, and how far that is."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace import opening
from gdbtrace.analysis.reading import AddressRange, Reading, Selection
from gdbtrace.cli.output import ProgressLine, complain
from gdbtrace.errors import TraceFormatError, UsageError
from gdbtrace.image import DebugPlaces
from gdbtrace.logs import is_log
from gdbtrace.trace import open_trace
from gdbtrace.trace.container import TraceReader
from gdbtrace.trace.frames import Frame

_PROGRESS_PERIOD = 1 << 13
"""Frames between two looks at the clock."""
_PROGRESS_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a trace is of, and where its symbols are."""

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


@dataclass(frozen=True, slots=True)
class ReadingOptions(SourceOptions):
    """The same, and which part of a trace is read."""

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
    trace: Path,
    options: SourceOptions,
    opener: Callable[[Path], TraceReader] = open_trace,
    beside: Reading | None = None,
) -> Iterator[Reading]:
    """See :func:`gdbtrace.opening.open_reading`."""
    with opening.open_reading(
        trace,
        arch=options.arch,
        elf=options.elf,
        load_offset=None if options.load_offset is None else _number("--load-offset", options.load_offset),
        places=_debug_places(options.debug_dirs or ()),
        is_demangled=not options.no_demangle,
        selection=_selection_of(options) if isinstance(options, ReadingOptions) else Selection(),
        opener=opener,
        beside=beside,
    ) as reading:
        if reading.disassembly.problem and beside is None:
            complain(reading.disassembly.problem)
        yield reading


@contextmanager
def open_pair(
    left: Path, left_options: ReadingOptions, right: Path, right_options: ReadingOptions
) -> Iterator[tuple[Reading, Reading]]:
    """Two traces, or a trace and a log of the same program and machine."""
    if is_log(left) and is_log(right):
        raise UsageError(f"{left} and {right} are logs; one of the two must be a trace, which says what they are of")
    if is_log(left):
        with open_reading(right, right_options) as theirs, open_reading(left, left_options, beside=theirs) as ours:
            yield ours, theirs
    else:
        with open_reading(left, left_options) as ours, open_reading(right, right_options, beside=ours) as theirs:
            yield ours, theirs


class PartlyRead:
    """What is read as far as it goes: see :func:`showing_what_was_read`."""

    def __init__(self) -> None:
        self.ended_by: TraceFormatError | KeyboardInterrupt | None = None
        """Damage, the first if there was more of it, or Ctrl-C; None: everything asked for was read."""

    @property
    def is_interrupted(self) -> bool:
        """Nothing more is to be read."""
        return isinstance(self.ended_by, KeyboardInterrupt)

    def frames_of(self, reading: Reading, *, is_streaming: bool = False) -> Iterator[Frame]:
        """The selected frames, up to damage or Ctrl-C; none after that. See :func:`with_progress`."""
        if self.is_interrupted:
            return
        with _stopping(reading):
            yield from self.up_to_damage(with_progress(reading, is_streaming=is_streaming))
        if reading.is_stopped:
            self.ended_by = KeyboardInterrupt()

    def up_to_damage(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames before it."""
        try:
            yield from frames
        except TraceFormatError as error:
            self.ended_by = self.ended_by or error


@contextmanager
def showing_what_was_read() -> Iterator[PartlyRead]:
    """For what shows its results at the end: a trace that is damaged has results up to there, and so has one where the
    user did not want to wait any longer. What it was is raised when the block ends, in which they are shown."""
    reads = PartlyRead()
    yield reads
    if reads.ended_by is not None:
        raise reads.ended_by


@contextmanager
def _stopping(reading: Reading) -> Iterator[None]:
    """Ctrl-C ends the reading between two frames, not an analysis in the midst of one; a second one ends everything."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        # It is ignored, or somebody else's.
        yield
        return

    def stop(*_: object) -> None:
        reading.is_stopped = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def with_progress(reading: Reading, *, is_streaming: bool = False) -> Iterator[Frame]:
    """The selected frames; on a terminal a line on stderr shows how far reading is.

    :param is_streaming: lines are printed meanwhile: where they go to a terminal, they are the progress.
    """
    is_silent = not sys.stderr.isatty() or (is_streaming and sys.stdout.isatty())
    return iter(reading) if is_silent else _shown(reading)


def _shown(reading: Reading) -> Iterator[Frame]:
    with progress_of(reading) as show:
        for passed, frame in enumerate(reading):
            if show is not None and not passed % _PROGRESS_PERIOD:
                show()
            yield frame


@contextmanager
def progress_of(reading: Reading) -> Iterator[Callable[[], None] | None]:
    """A function that shows, if it is time to, how far a reading has come, in a line on stderr; None: that is no
    terminal."""
    line = ProgressLine()
    if not line.is_live:
        yield None
        return
    began = shown = time.monotonic()
    count = reading.reader.frame_count
    end = count if reading.selection.end is None else min(reading.selection.end, count or reading.selection.end)

    def show() -> None:
        nonlocal shown
        if (now := time.monotonic()) - shown > _PROGRESS_SECONDS:
            shown, done = now, reading.position - reading.selection.first
            rate = done / (now - began)
            left = f" of {end:,}, {(end - reading.position) / rate:.0f} s left" if end and rate else ""
            line.show(f"{reading.position:,} frames{left} ({rate:,.0f}/s)")

    try:
        yield show
    finally:
        line.clear()


def _selection_of(options: ReadingOptions) -> Selection:
    first, end = _window(options.frames)
    ranges, functions = [], set()
    for text in options.ranges or ():
        if found := re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)-(0[xX][0-9a-fA-F]+|\d+)", text):
            low, high = (_number("--range", bound) for bound in found.groups())
            if low > high:
                raise UsageError(f"--range {text}: ends before it begins")
            ranges.append(AddressRange(low, high))
        else:
            functions.add(text)
    return Selection(
        first,
        end,
        ranges,
        frozenset(functions),
        frozenset(options.vcpus or ()),
        frozenset(_number("--asid", text) for text in options.asids or ()),
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
