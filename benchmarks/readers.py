"""Reading a million frames: ``python -m benchmarks.readers [ARCH] [--frames N]``.

The frames are a guest's own, over and over. ``raw`` reads them without decoding, ``address`` looks at address, bytes
and mode, both in this process, where a golden of the trace is made and read likewise; then each command of ``COMMANDS``
runs as a process of its own, its start included. The ratio is the one to ``raw`` in the same run, by processor time:
machines differ, and drift. At last the trace is opened and one frame read, in several places, of which the slowest
counts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.frames import address_of, guest_trace
from gdbtrace import open_trace
from gdbtrace.trace import pack
from gdbtrace.trace.container import TraceReader, TraceWriter
from gdbtrace.trace.frames import StdFrame

COMMANDS: dict[str, Sequence[str]] = {
    "info": ("info",),
    "log": ("log",),
    "log --values --reg *": ("log", "--values", "--reg", "*"),
    "log --json": ("log", "--json"),
    "log --ifilter": ("log", "--ifilter", "bl"),
    "coverage": ("coverage",),
    "histogram": ("histogram",),
    "timeline": ("timeline",),
    "timeline --functions": ("timeline", "--functions"),
    "cache": ("cache",),
}
"""Those measured: the words before the name of the trace."""

_SEEKS = 16


class Measured(NamedTuple):
    """What a run took."""

    seconds: float
    """By the clock."""
    processor_seconds: float
    """What the processor worked for it: others on the machine do not change that much."""
    peak_bytes: int = 0
    """Of memory, at its most; 0: not measured."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arch", nargs="?", default="aarch64", metavar="ARCH")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="where the trace is made: 1.6 GB [default: the temporary one]")
    arguments = parser.parse_args()
    count = arguments.frames
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        trace = Path(directory, "long.frames")
        with open_trace(guest_trace(arguments.arch, Path(directory))) as guest:
            _repeat(guest, trace, count)
        print(f"{arguments.arch}: {count:,} frames, {trace.stat().st_size / 1e6:,.0f} MB")
        print(f"{'':<24} {'frames/s':>10} {'by processor':>13} {'of raw':>8} {'peak MB':>8}")
        raw = _line("raw", count, _timed(lambda: _walk(trace)), None)
        _line("address", count, _timed(lambda: _look_at_addresses(trace)), raw)
        golden = trace.with_suffix(".golden")
        _line("making a golden", count, _timed(lambda: pack(trace, golden)), raw)
        _line("golden: raw", count, _timed(lambda: _walk(golden)), raw)
        _line("golden: address", count, _timed(lambda: _look_at_addresses(golden)), raw)
        for name, words in COMMANDS.items():
            _line(name, count, _run(words, trace), raw)
        slowest = max(_seek_seconds(trace, count * part // _SEEKS) for part in range(_SEEKS))
        print(f"open and seek: {1000 * slowest:.1f} ms at most")


def _repeat(guest: TraceReader, path: Path, count: int) -> None:
    """A trace of ``count`` frames: the guest's instructions, over and over behind what came before the first."""
    messages = [(type(guest.decode(data, offset)) is StdFrame, data) for offset, data in guest.iter_messages()]
    lead = [data for is_instruction, data in messages if not is_instruction]
    loop = [data for is_instruction, data in messages if is_instruction]
    assert guest.meta_message is not None
    with TraceWriter(path, guest.header, guest.meta_message) as writer:
        for data in lead:
            writer.write(data)
        for number in range(count - len(lead)):
            writer.write(loop[number % len(loop)])


def _line(name: str, count: int, measured: Measured, raw: float | None) -> float:
    """Print it; return frames a second of processor time."""
    rate = count / measured.processor_seconds
    columns = f"{count / measured.seconds:10,.0f} {rate:13,.0f} {rate / (raw or rate):8.3f}"
    peak = f"{measured.peak_bytes / 1e6:8.0f}" if measured.peak_bytes else ""
    print(f"{name:<24} {columns} {peak}".rstrip(), flush=True)
    return rate


def _timed(run: Callable[[], object]) -> Measured:
    began, began_working = time.perf_counter(), time.process_time()
    run()
    return Measured(time.perf_counter() - began, time.process_time() - began_working)


def _walk(trace: Path) -> None:
    with open_trace(trace) as reader:
        for _ in reader.iter_messages():
            pass


def _look_at_addresses(trace: Path) -> None:
    with open_trace(trace) as reader:
        for frame in reader:
            if isinstance(frame, StdFrame):
                address_of(frame)


def _run(words: Sequence[str], trace: Path) -> Measured:
    """A command with its output thrown away."""
    began = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "gdbtrace", *words, str(trace)],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"gdbtrace {' '.join(words)}: ended with {os.waitstatus_to_exitcode(status)}")
    return Measured(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _seek_seconds(trace: Path, number: int) -> float:
    began = time.perf_counter()
    with open_trace(trace) as reader:
        reader.frame_at(number)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
