"""Steps a second of both engines against the bare loop of step + ``g``: ``python -m benchmarks.steps [ARCH ...]``."""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gdbtrace import EngineChoice, RunOptions, record
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import reach
from gdbtrace.stub.packet import framed

_PEER = struct.Struct("3i")
"""struct ucred of unix(7)."""
_ANSWER_SECONDS = 2

GUESTS = Path(__file__).parents[1] / "vm-images" / "user"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archs", nargs="*", default=["sparc64", "aarch64", "x86_64"], metavar="ARCH")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", type=Path, help="another program than the guest in vm-images (one ARCH only)")
    arguments = parser.parse_args()
    print(f"{'arch':<12} {'bare/s':>8} {'gdb/s':>8} {'rsp/s':>8} {'gdb/bare':>9} {'rsp/bare':>9} {'frames':>8}")
    for arch in arguments.archs:
        program = arguments.program or GUESTS / arch / "guest"
        rounds = []
        for _ in range(arguments.rounds):
            frames, gdb = traced_rate(program, EngineChoice.GDB)
            bare = bare_rate(arch, program, frames)
            rounds.append((bare, gdb, traced_rate(program, EngineChoice.RSP)[1]))
        bare, gdb, rsp = (statistics.median(column) for column in zip(*rounds, strict=True))
        gdb_ratio = statistics.median(gdb / bare for bare, gdb, _ in rounds)
        rsp_ratio = statistics.median(rsp / bare for bare, _, rsp in rounds)
        print(f"{arch:<12} {bare:8,.0f} {gdb:8,.0f} {rsp:8,.0f} {gdb_ratio:9.2f} {rsp_ratio:9.2f} {frames:8,}")


def traced_rate(program: Path, engine: EngineChoice) -> tuple[int, float]:
    """Frames, and frames a second, of a whole trace written to a file."""
    with tempfile.TemporaryDirectory() as directory:
        options = RunOptions(program, output=Path(directory, "trace.frames"), engine=engine, stdin=Path(os.devnull))
        summary = record(options)
    return summary.instructions, summary.rate


def bare_rate(arch: str, program: Path, steps: int) -> float:
    """Steps a second of a loop that steps, reads ``g``, and does nothing with it; on one core with QEMU.

    A raw step may execute two instructions at a system call, so the guest may end a few steps early.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "stub")
        emulator = subprocess.Popen(
            [ARCHITECTURES[arch].qemu_user, "-seed", "1", "-g", str(path), str(program)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={},
        )
        try:
            rate = bare_loop(Endpoint(path), lambda: None if emulator.poll() is None else "QEMU ended", steps)
        finally:
            emulator.kill()
            emulator.wait()
    return rate.per_second


class Rate(NamedTuple):
    """Steps, and the seconds they took."""

    steps: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds


def bare_loop(endpoint: Endpoint, ended: Callable[[], str | None], steps: int, *requests: bytes) -> Rate:
    """Step and read ``g``, and nothing else, on one core with QEMU, until the guest ends or does not answer.

    :param ended: see :func:`reach`.
    :param requests: before that.
    """
    cores = os.sched_getaffinity(0)
    with reach(endpoint, ended) as connection:
        try:
            emulator, _, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
            for thread in (0, *(int(entry.name) for entry in Path(f"/proc/{emulator}/task").iterdir())):
                os.sched_setaffinity(thread, {min(cores)})
            connection.settimeout(None)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _ANSWER_SECONDS, 0))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(b"+$#00"))
            return _loop(connection, steps, requests)
        finally:
            os.sched_setaffinity(0, cores)


def _loop(connection: socket.socket, steps: int, requests: Sequence[bytes]) -> Rate:
    def exchange(packet: bytes) -> bytes:
        connection.sendall(packet)
        reply = connection.recv(65536)
        while (end := reply.find(b"#")) < 0 or len(reply) < end + 3:
            more = connection.recv(65536)
            if not more:
                raise ConnectionError
            reply += more
        return reply

    supported = exchange(b"+" + framed(b"qSupported:multiprocess+"))
    if b"qXfer:features:read" in supported:
        # qemu-ppc64 aborts on a g that comes before the description.
        exchange(b"+" + framed(b"qXfer:features:read:target.xml:0,ffb"))
    thread = exchange(b"+" + framed(b"?")).partition(b"thread:")[2].partition(b";")[0]
    for request in requests:
        exchange(b"+" + framed(request))
    step, registers = b"+" + framed(b"vCont;s:" + thread), b"+" + framed(b"g")
    done, began = 0, time.perf_counter()
    last = began
    # It may end, or be halted.
    with suppress(OSError):
        while done < steps:
            if b"$W" in exchange(step):
                break
            exchange(registers)
            done += 1
            last = time.perf_counter()
    return Rate(done, last - began)


if __name__ == "__main__":
    main()
