"""Steps a second of both engines against the bare loop, on machines: ``python -m benchmarks.machines [MACHINE ...]``.

A guest that ends before ``--steps`` is run again.  ``--processor-time`` measures what the core that QEMU and the tracer
share works for a step, which others who use the machine at the same time hardly change; the recorder, and gdb, which
waits meanwhile, are on another core.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.steps import Rate, bare_loop
from gdbtrace import EngineChoice, MachineOptions, record
from gdbtrace.machine.system import SystemEmulator
from gdbtrace.record.engines import Attachment, RspEngine
from gdbtrace.record.machine import MachineTarget
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.tracer.machine_guest import UNMASKED_STEP
from gdbtrace.tracer.process import TracerProcess
from gdbtrace.tracer.step_record import Step, Stop, StopReason

_FIRMWARE = Path(__file__).parents[1] / "vm-images" / "firmware"
_IMAGES = {"lm3s6965evb": _FIRMWARE / "cortex-m3" / "lm3s6965evb.elf"}
"""What runs on machines that have no firmware of their own."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machines", nargs="*", default=["lm3s6965evb"], metavar="MACHINE")
    parser.add_argument("--image", type=Path, help="another one than usual (one MACHINE only)")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--interrupts", action=argparse.BooleanOptionalAction)
    parser.add_argument("--processor-time", action="store_true")
    arguments = parser.parse_args()
    if arguments.processor_time:
        print(f"{'machine':<16} {'bare us':>8} {'gdbtrace us':>11} {'bare/gdbtrace':>13}")
    else:
        print(f"{'machine':<16} {'bare/s':>8} {'gdb/s':>8} {'rsp/s':>8} {'gdb/bare':>9} {'rsp/bare':>9}")
    for machine in arguments.machines:
        options = MachineOptions(
            machine=machine,
            image=arguments.image or _IMAGES.get(machine),
            interrupts=arguments.interrupts,
            console=Path(os.devnull),
        )
        measure = _processor_times if arguments.processor_time else _rates
        rounds = [measure(options, arguments.steps) for _ in range(arguments.rounds)]
        columns = [statistics.median(column) for column in zip(*rounds, strict=True)]
        ratios = [statistics.median(each[0] / each[at] for each in rounds) for at in range(1, len(columns))]
        if arguments.processor_time:
            bare, traced = (1e6 * column for column in columns)
            print(f"{machine:<16} {bare:8.0f} {traced:11.0f} {ratios[0]:13.2f}", flush=True)
        else:
            print(f"{machine:<16}", *(f"{each:8,.0f}" for each in columns), *(f"{1 / each:9.2f}" for each in ratios))


def _rates(options: MachineOptions, steps: int) -> tuple[float, ...]:
    """Steps a second of the bare loop and of both engines."""
    measures = (
        partial(_bare, options, steps),
        partial(_traced, options, steps, EngineChoice.GDB),
        partial(_traced, options, steps, EngineChoice.RSP),
    )
    return tuple(_repeated(measure, steps).per_second for measure in measures)


def _processor_times(options: MachineOptions, steps: int) -> tuple[float, ...]:
    """Seconds of a processor for a step of the bare loop, and of gdbtrace."""
    target = MachineTarget(options)
    with target.start() as running, TracerProcess(target.settings(running)) as tracer:
        tracer.records.read_hello()
        with RspEngine(Attachment(target.arch, None, tracer.socket_path, None)) as engine:
            began = _processor_seconds(running.directory)
            engine.begin(f"step {steps}")
            done = 0
            for message in tracer.records.iter_burst():
                done += isinstance(message, Step)
                if isinstance(message, Stop) and message.reason is not StopReason.COUNT:
                    raise SystemExit(f"the guest ends after {done} steps: give fewer --steps")
            seconds = _processor_seconds(running.directory) - began
            engine.finish()
    with target.start() as running:
        began = _processor_seconds(running.directory) + time.process_time()
        rate = _bare_on(target, running, steps)
        bare_seconds = _processor_seconds(running.directory) + time.process_time() - began
    return bare_seconds / rate.steps, seconds / done


def _processor_seconds(directory: Path) -> float:
    """What all processes that were told of a private directory have used."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(directory).encode() in (process / "cmdline").read_bytes():
                threads = (process / "task").iterdir()
                total += sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)
    return total / 1e9


def _repeated(run: Callable[[], Rate], steps: int) -> Rate:
    """Several runs' steps and seconds together."""
    total = Rate(0, 0.0)
    while total.steps < steps:
        steps_done, seconds = run()
        total = Rate(total.steps + steps_done, total.seconds + seconds)
    return total


def _traced(options: MachineOptions, steps: int, engine: EngineChoice) -> Rate:
    """A trace written to a file."""
    with tempfile.TemporaryDirectory() as directory:
        summary = record(replace(options, output=Path(directory, "trace.frames"), engine=engine, limit=steps))
    return Rate(summary.instructions, summary.seconds)


def _bare(options: MachineOptions, steps: int) -> Rate:
    target = MachineTarget(options)
    with target.start() as running:
        return _bare_on(target, running, steps)


def _bare_on(target: MachineTarget, running: SystemEmulator, steps: int) -> Rate:
    """The bare loop on the same machine, its clock and interrupts as in the trace."""
    system = target.arch.system
    assert system is not None
    flags = UNMASKED_STEP if target.settings(running).interrupts else system.masked_step
    return bare_loop(Endpoint(running.socket_path), running.end, steps, b"Qqemu.sstep=%x" % flags)


if __name__ == "__main__":
    main()
