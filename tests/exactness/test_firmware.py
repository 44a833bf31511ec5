"""Firmware from its reset against QEMU's own view of it: real firmware, and the guests of vm-images/firmware whole."""

from __future__ import annotations

import array
import filecmp
import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gdbtrace import Summary, open_trace
from gdbtrace.record.options import Outcome, Schedule
from gdbtrace.trace import StdFrame
from tests.exactness.exception_log import FORMATS, logged, traced
from tests.exactness.firmware_run import (
    FirmwareGuest,
    FirmwareRun,
    compare_lines,
    console_of,
    firmware_guests,
    frames_of,
)
from tests.toolchain import Workshop

U_BOOT = Path("/usr/lib/u-boot")
REAL = {
    "seabios-i386": FirmwareRun("pc-i386"),
    "seabios-x86_64": FirmwareRun("pc-x86_64"),
    "openbios-sun4u": FirmwareRun("sun4u"),
    "openbios-SS-5": FirmwareRun("SS-5"),
    "openbios-g3beige": FirmwareRun("g3beige"),
    "opensbi-riscv64": FirmwareRun("virt-riscv64"),
    "slof-pseries": FirmwareRun("pseries"),
    "u-boot-arm": FirmwareRun("virt-arm"),
    "u-boot-aarch64": FirmwareRun("virt-aarch64"),
    "u-boot-riscv64": FirmwareRun("virt-riscv64", U_BOOT / "qemu-riscv64" / "u-boot.bin"),
    "u-boot-maltael": FirmwareRun("maltael", U_BOOT / "maltael" / "u-boot.bin"),
    "u-boot-ppce500": FirmwareRun("ppce500"),
    "s390-ccw": FirmwareRun("s390-ccw-virtio"),
}
ALL_INSTRUCTIONS = 20_000
SOME_INSTRUCTIONS = 3_000
"""Without ``--exactness=all``."""
ALWAYS_WHOLE = {"openbios-sun4u"}
"""Where reading can change the run, and once did."""
GUESTS = {guest.name: guest for guest in firmware_guests()}
FREE = [name for name, guest in GUESTS.items() if guest.run.vcpus == 1 and guest.run.has_icount]
"""Whose free run is one and the same: one vCPU, and time that is not the host's."""
TWO_VCPUS = [name for name, guest in GUESTS.items() if guest.run.vcpus == 2]


SWAPPED = {"u-boot-maltael"}
"""QEMU swaps the bytes of each word of what ``-bios`` names where the processor is little-endian (mips_malta_init)."""


@dataclass(frozen=True)
class Traced:
    """Real firmware, traced as far as ``--exactness`` asks for."""

    run: FirmwareRun
    trace: Path
    summary: Summary


@pytest.fixture(scope="module", params=REAL)
def firmware(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Traced:
    name: str = request.param
    run, directory = REAL[name], tmp_path_factory.mktemp(name)
    if name in SWAPPED:
        assert run.image is not None
        words = array.array("I", run.image.read_bytes())
        words.byteswap()
        run = replace(run, image=directory / "swapped")
        assert run.image is not None
        run.image.write_bytes(words.tobytes())
    is_whole = request.config.getoption("exactness") == "all" or name in ALWAYS_WHOLE
    run = replace(run, limit=ALL_INSTRUCTIONS if is_whole else SOME_INSTRUCTIONS)
    return Traced(run, directory / "trace", run.trace(directory / "trace"))


@pytest.fixture(params=GUESTS)
def guest(request: pytest.FixtureRequest) -> FirmwareGuest:
    """A guest of ours."""
    return GUESTS[request.param]


def assert_lines_are_the_oracles(run: FirmwareRun, trace: Path, lines: Path, count: int) -> None:
    """Instructions, their bytes, and every byte that they touch."""
    result = compare_lines(run, trace, lines)
    differences = [
        f"{mine.address:#x} {mine.data.hex()}: ours alone {sorted(mine.touched - oracle.touched)}, "
        f"the oracle's alone {sorted(oracle.touched - mine.touched)}"
        for mine, oracle in result.access_differences
    ]
    assert (result.first_difference, differences, result.lines) == ("", [], count)


def test_real_firmware_is_what_a_free_run_executes(firmware: Traced, workshop: Workshop, tmp_path: Path) -> None:
    # Given a trace from the reset
    run, summary, lines = firmware.run, firmware.summary, tmp_path / "lines"
    assert (summary.outcome, summary.instructions, summary.gaps) == (Outcome.LIMIT, run.limit, [])

    # When the machine runs at full speed
    run.lines_at_full_speed(workshop, lines, summary.instructions)

    # Then the instructions and the memory that they touch are the same
    assert_lines_are_the_oracles(run, firmware.trace, lines, summary.instructions)


def test_real_firmware_is_not_perturbed_by_reading(firmware: Traced, workshop: Workshop, tmp_path: Path) -> None:
    # Given two traces, which read the memory of each operand
    run, trace, again = firmware.run, firmware.trace, tmp_path / "again"
    replace(run, limit=SOME_INSTRUCTIONS).trace(again)

    # When the machine is stepped and no memory is read, then the program counters are those of the trace
    assert run.follow(workshop, trace, tmp_path / "lines") == ""

    # And the traces are the same
    if run.limit == SOME_INSTRUCTIONS:
        assert filecmp.cmp(trace, again, shallow=False)
    else:
        with open_trace(trace) as whole, open_trace(again) as part:
            assert all(one == other for one, other in zip(whole, part, strict=False))


@pytest.mark.parametrize("interrupts", [False, True], ids=["masked", "interrupts"])
def test_guest_is_traced_whole(guest: FirmwareGuest, interrupts: bool, workshop: Workshop, tmp_path: Path) -> None:
    run, console = guest.told(interrupts=interrupts)
    trace, again, lines, log = (tmp_path / name for name in ("trace", "again", "lines", "log"))

    # Given a trace to the machine's end
    summary = run.trace(trace)
    assert summary.outcome in ((Outcome.EXITED, Outcome.HALTED) if guest.ends else (Outcome.LIMIT, Outcome.HALTED))
    assert summary.gaps == []

    # Then the guest has written what it writes in such a run
    assert console_of(trace).read_text().replace("\r", "") == console

    # And a second trace is the same file
    if run.has_icount or not interrupts:
        run.trace(again)
        assert filecmp.cmp(trace, again, shallow=False)

    # Bare steps cannot wait as the trace does: several vCPUs together, or a sleep that is returned to.
    if interrupts and guest.name not in FREE:
        return

    # When the machine runs at full speed, or bare steps go the same way where its interrupts are kept from it, then the
    # instructions and the memory are the same
    if interrupts:
        run.lines_at_full_speed(workshop, lines, summary.instructions, log)
    else:
        assert run.follow(workshop, trace, lines, log) == ""
    assert_lines_are_the_oracles(run, trace, lines, summary.instructions)

    # And the exceptions are those that QEMU logged
    arch = run.arch.name
    if arch in FORMATS:
        frames = frames_of(trace)
        exceptions = traced(arch, frames)
        entries = logged(arch, log.read_text(errors="replace"))
        assert exceptions == entries[: len(exceptions)]
        # The last one may be a trap that cannot be taken, which ends the machine (SPARC's error mode), and which QEMU
        # has come again until it has noticed.
        surplus = set(entries[len(exceptions) :])
        assert len(surplus) <= guest.ends
        assert {each.address for each in surplus} <= {frames[-1].address}


@pytest.mark.parametrize("name", TWO_VCPUS)
def test_two_vcpus_are_traced_in_the_order_of_execution(name: str, tmp_path: Path) -> None:
    # Given a guest whose vCPUs raise a counter under a lock, and check it
    guest = GUESTS[name]
    turns: dict[str, int] = {}
    for schedule in ("round-robin:10", "round-robin:1000"):
        trace = tmp_path / schedule.replace(":", "-")
        run = replace(guest.run, schedule=Schedule.parse(schedule))

        # When it is traced, then it comes to its end, and both vCPUs are in the trace
        run.trace(trace)
        assert console_of(trace).read_text().replace("\r", "") == guest.console
        threads = [frame.thread_id for frame in frames_of(trace) if isinstance(frame, StdFrame)]
        assert set(threads) == {0, 1}
        turns[schedule] = sum(one != other for one, other in itertools.pairwise(threads))

    # And a smaller quantum makes more turns
    assert turns["round-robin:10"] > turns["round-robin:1000"]


@pytest.mark.parametrize("name", TWO_VCPUS)
def test_only_one_vcpu_is_stepped(name: str, tmp_path: Path) -> None:
    run = replace(GUESTS[name].run, schedule=Schedule.parse("only:0"), limit=1000)
    summary = run.trace(tmp_path / "trace")
    assert summary.instructions == 1000
    assert {frame.thread_id for frame in frames_of(tmp_path / "trace")} == {0}
