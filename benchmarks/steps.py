"""Steps a second of both engines against the bare loop of step + ``g``: ``python -m benchmarks.steps [ARCH ...]``."""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from gdbtrace import EngineChoice, RunOptions, record
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.stub.greeting import reach
from gdbtrace.stub.packet import framed

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
        cores = os.sched_getaffinity(0)
        try:
            one = {min(cores)}
            os.sched_setaffinity(emulator.pid, one)
            os.sched_setaffinity(0, one)
            return _loop(reach(path, lambda: None if emulator.poll() is None else "QEMU ended"), steps)
        finally:
            os.sched_setaffinity(0, cores)
            emulator.kill()
            emulator.wait()


def _loop(connection: socket.socket, steps: int) -> float:
    def exchange(packet: bytes) -> bytes:
        connection.sendall(packet)
        reply = connection.recv(65536)
        while (end := reply.find(b"#")) < 0 or len(reply) < end + 3:
            reply += connection.recv(65536)
        return reply

    supported = exchange(b"+" + framed(b"qSupported:multiprocess+"))
    if b"qXfer:features:read" in supported:
        # qemu-ppc64 aborts on a g that comes before the description.
        exchange(b"+" + framed(b"qXfer:features:read:target.xml:0,ffb"))
    thread = exchange(b"+" + framed(b"?")).partition(b"thread:")[2].partition(b";")[0]
    step, registers = b"+" + framed(b"vCont;s:" + thread), b"+" + framed(b"g")
    began, done = time.perf_counter(), 0
    while done < steps:
        if b"$W" in exchange(step):
            break
        exchange(registers)
        done += 1
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
