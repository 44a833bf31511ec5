"""Frames written and read a second: ``python -m benchmarks.frames [ARCH ...]``.

The frames are a guest's own, over and over.  ``raw`` reads them without decoding, ``address`` looks at address, bytes
and mode, ``memory`` at the memory operands too, ``all`` at every operand.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from benchmarks.steps import GUESTS
from gdbtrace import EngineChoice, RunOptions, open_trace, record
from gdbtrace.trace.container import TraceReader, TraceWriter
from gdbtrace.trace.frames import StdFrame

_FRAMES = 100_000


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archs", nargs="*", default=["sparc64", "aarch64", "x86_64"], metavar="ARCH")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    headings = "".join(f" {heading:>10}" for heading in ("write/s", "raw/s", "address/s", "memory/s", "all/s"))
    print(f"{'arch':<12} {'bytes/frame':>11}{headings}")
    with tempfile.TemporaryDirectory() as directory:
        for arch in arguments.archs:
            path = Path(directory, f"{arch}.frames")
            with open_trace(guest_trace(arch, Path(directory))) as guest:
                write = statistics.median(_write_rate(guest, path) for _ in range(arguments.rounds))
            rates = []
            for look in (None, address_of, _memory, _everything):
                rates.append(statistics.median(_read_rate(path, look) for _ in range(arguments.rounds)))
            size = path.stat().st_size // _FRAMES
            columns = "".join(f" {rate:10,.0f}" for rate in (write, *rates))
            print(f"{arch:<12} {size:11,}{columns}")
            path.unlink()


def guest_trace(arch: str, directory: Path, environment: Mapping[str, str] = MappingProxyType({})) -> Path:
    """A trace of an architecture's guest, made here."""
    output = directory / "guest.frames"
    options = RunOptions(
        GUESTS / arch / "guest",
        output=output,
        engine=EngineChoice.RSP,
        stdin=Path(os.devnull),
        environment=environment,
    )
    record(options)
    return output


def _write_rate(guest: TraceReader, path: Path) -> float:
    messages = [message for _, message in guest.iter_messages()]
    assert guest.meta_message is not None
    began = time.perf_counter()
    with TraceWriter(path, guest.header, guest.meta_message) as writer:
        for number in range(_FRAMES):
            writer.write(messages[number % len(messages)])
    return _FRAMES / (time.perf_counter() - began)


def _read_rate(path: Path, look: Callable[[StdFrame], object] | None) -> float:
    began = time.perf_counter()
    with open_trace(path) as reader:
        frames: Iterable[object] = reader.iter_messages() if look is None else reader
        for frame in frames:
            if look is not None and isinstance(frame, StdFrame):
                look(frame)
    return _FRAMES / (time.perf_counter() - began)


def address_of(frame: StdFrame) -> object:
    """What most analyses look at."""
    return frame.address, frame.rawbytes, frame.mode


def _memory(frame: StdFrame) -> object:
    return frame.address, frame.rawbytes, frame.memory_reads(), frame.memory_writes()


def _everything(frame: StdFrame) -> object:
    return list(frame.pre), list(frame.post or ())


if __name__ == "__main__":
    main()
