"""Pairs of frames that `gdbtrace diff` compares a second: ``python -m benchmarks.diff [ARCH] [--frames N]``.

The traces are a guest's instructions, over and over. ``equal`` is a trace and itself; ``relocated`` likewise, looking
for what is elsewhere; ``moved`` a trace and one in which the stack is elsewhere; ``carried`` a trace and one in which a
register differs in each frame, as it does after a divergence or where it is masked; ``other producer`` the same by
another name, so that what is compared is what both have.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.frames import guest_trace
from gdbtrace import open_trace
from gdbtrace.trace.container import TraceReader, TraceWriter
from gdbtrace.trace.frames import StdFrame

CARRIED = {"aarch64": b"x18", "sparc64": b"g7", "x86_64": b"gs"}
"""Architecture -> a register that its guest never writes."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arch", nargs="?", default="aarch64", metavar="ARCH", choices=sorted(CARRIED))
    parser.add_argument("--frames", type=int, default=200_000)
    parser.add_argument("--directory", type=Path, help="where the traces are made, 1.6 GB a million frames each")
    arguments = parser.parse_args()
    count = arguments.frames
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        left, right = Path(directory, "left.frames"), Path(directory, "right.frames")
        with open_trace(guest_trace(arguments.arch, Path(directory))) as guest:
            _repeat(guest, left, count)
            print(f"{arguments.arch}: {count:,} frames, {left.stat().st_size / 1e6:,.0f} MB")
            print(f"{'':<16} {'pairs/s':>10} {'by processor':>13} {'peak MB':>8}")
            _line("equal", count, left, left)
            _line("relocated", count, left, left, "--relocate")
        with open_trace(guest_trace(arguments.arch, Path(directory), {"LONG": "x" * 5000})) as guest:
            _repeat(guest, right, count)
        _line("moved", count, left, right, "--relocate")
        with open_trace(guest_trace(arguments.arch, Path(directory))) as guest:
            _repeat(guest, right, count, change=_changer(CARRIED[arguments.arch]))
            mask = "--mask-register", CARRIED[arguments.arch].decode()
            _line("carried", count, left, right, *mask)
            with right.open("r+b") as stream:
                # A name of the same length: nothing else of the file changes.
                lead = stream.read(1 << 16)
                stream.seek(lead.index(b"gdbtrace"))
                stream.write(b"another.")
            _line("other producer", count, left, right, *mask)


def _changer(name: bytes) -> Callable[[bytes], bytes]:
    """Makes a message in which a register has another value."""
    entry = re.compile(
        rb"(\x0a" + re.escape(bytes([len(name)]) + name) + rb"\x10.{1,2}\x1a\x08.{8}\x22\x02\x08\x01\x2a.).", re.S
    )
    return lambda message: entry.sub(rb"\g<1>Z", message)


def _repeat(
    guest: TraceReader,
    path: Path,
    count: int,
    *,
    change: Callable[[bytes], bytes] = lambda message: message,
) -> None:
    """A trace of ``count`` frames: the guest's instructions, over and over behind what came before the first."""
    messages = [(type(guest.decode(data, offset)) is StdFrame, data) for offset, data in guest.iter_messages()]
    lead = [data for is_instruction, data in messages if not is_instruction]
    loop = [change(data) for is_instruction, data in messages if is_instruction]
    assert guest.meta_message is not None
    with TraceWriter(path, guest.header, guest.meta_message) as writer:
        for data in lead:
            writer.write(data)
        for number in range(count - len(lead)):
            writer.write(loop[number % len(loop)])


def _line(name: str, count: int, left: Path, right: Path, *options: str) -> None:
    seconds, processor_seconds, peak_bytes = _run([str(left), str(right), *options])
    columns = f"{count / seconds:10,.0f} {count / processor_seconds:13,.0f} {peak_bytes / 1e6:8.0f}"
    print(f"{name:<16} {columns}", flush=True)


def _run(words: Sequence[str]) -> tuple[float, float, int]:
    """Seconds by the clock, seconds of processor, and bytes of memory at its most."""
    began = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "gdbtrace", "diff", *words],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"gdbtrace diff {' '.join(words)}: ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


if __name__ == "__main__":
    main()
