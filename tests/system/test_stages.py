"""``gdbtrace stages``: the stages of a machine's boot, at full speed, through the command line."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from gdbtrace.image import Image
from gdbtrace.trace.container import TraceReader
from gdbtrace.trace.frames import StdFrame
from tests.command_line import Done, Workplace, wait_until
from tests.toolchain import Workshop

FIRMWARE = Path(__file__).parents[2] / "vm-images" / "firmware"
PC_DISK, PC_ELF = FIRMWARE / "pc" / "pc-boot.img", FIRMWARE / "pc" / "pc.elf"
CORTEX_M = FIRMWARE / "cortex-m3" / "lm3s6965evb.elf"
RISCV64 = FIRMWARE / "riscv" / "virt-riscv64.elf"
QUIET = ("--console", "console")
PC = ("stages", "--machine", "pc-x86_64", *QUIET)
RESET, BIOS, BOOT_SECTOR, KERNEL = 0xFFFFFFF0, 0xFE05B, 0x7C00, 0x100000
DONE, USAGE, TOOL_FAILED, TIMEOUT, INTERRUPTED = 0, 2, 3, 124, 130


def boot_of(done: Done) -> dict[str, Any]:
    boot: dict[str, Any] = json.loads(done.out)
    times = [stage["seconds"] for stage in boot["stages"] if stage["seconds"] is not None]
    assert times == sorted(times)
    assert boot["end"]["seconds"] >= times[-1] >= times[0] >= 0
    return boot


def reached(boot: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Name, address and vCPU of the stages that were."""
    return [
        (stage["stage"], stage["address"], stage["vcpu"]) for stage in boot["stages"] if stage["seconds"] is not None
    ]


def missed(boot: dict[str, Any]) -> list[str]:
    return [stage["stage"] for stage in boot["stages"] if stage["seconds"] is None]


def test_a_whole_boot_of_linux(place: Workplace, workshop: Workshop) -> None:
    arguments = '-no-reboot -append "console=ttyS0 panic=-1 nokaslr"'
    # The kernel's own start, unpacked: CONFIG_PHYSICAL_START, where it stays without address randomization.
    stage = "startup_64=0x1000000"
    done = place.run(*PC, "--timeout", "120", "--stage", stage, "--machine-args", arguments, workshop.kernel())
    assert (done.status, done.err) == (DONE, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert [row[5] for row in rows[1:5]] == ["reset", "bios", "kernel", "startup_64"]
    assert [row[4] for row in rows[1:5]] == ["0xfffffff0", "0xfe05b", "0x100000", "0x1000000"]
    times = [float(row[0]) for row in rows[1:6]]
    assert times[0] == 0 < times[2] < times[3] < times[4] < 120
    assert " ".join(rows[5][1:]) == "end: QEMU ended with status 0 (SHUTDOWN guest-reset)"
    assert done.out.splitlines()[-1] == "not reached: boot-sector (0x7c00)"
    assert "Unable to mount root fs" in (place.directory / "console").read_text(errors="replace")


def test_a_disk_is_booted_and_symbols_are_stages(place: Workplace) -> None:
    done = place.run(*PC, "--json", "--elf", PC_ELF, "--stage", "sector=_start", "--stage", "bios=0xfe062", PC_DISK)
    assert (done.status, done.err) == (DONE, "")
    boot = boot_of(done)
    assert reached(boot) == [
        ("reset", RESET, 0),
        ("bios", 0xFE062, 0),
        ("boot-sector", BOOT_SECTOR, 0),
        ("sector", BOOT_SECTOR, 0),
    ]
    assert (missed(boot), boot["machine"], boot["end"]["outcome"]) == (["kernel"], "pc-x86_64", "ended")
    assert [stage["guest_seconds"] for stage in boot["stages"]] == [None] * 5


def test_who_reached_a_stage_is_told(place: Workplace) -> None:
    # Where SeaBIOS has the second processor start, in real mode; the first one waits for it.
    boot = boot_of(place.run(*PC, "--smp", "2", "--stage", "second=0x10000", "--json", PC_DISK))
    assert [(name, vcpu) for name, _, vcpu in reached(boot)] == [
        ("reset", 0),
        ("bios", 0),
        ("second", 1),
        ("boot-sector", 0),
    ]


def test_vcpus_that_come_to_stages_at_once_are_all_noted(place: Workplace) -> None:
    stages = ("--stage", "second=second_hart", "--stage", "main=main")
    boot = boot_of(place.run("stages", "--machine", "virt-riscv64", *QUIET, "--smp", "2", *stages, "--json", RISCV64))
    who = {name: vcpu for name, _, vcpu in reached(boot)}
    assert {"reset", "firmware", "main"} <= set(who)
    # The first hart does not wait for long, and ends QEMU whatever the second one does.
    assert (who["main"], who.get("second", 1)) == (0, 1)


def test_the_guests_time_is_the_same_each_time_under_icount(place: Workplace) -> None:
    runs = [boot_of(place.run(*PC, "--icount", "0", "--json", PC_DISK)) for _ in range(2)]
    times = [[stage["guest_seconds"] for stage in boot["stages"]] for boot in runs]
    assert times[0] == times[1]
    reset, bios, sector, kernel = times[0]
    assert reset == 0 < bios < sector < 1
    assert kernel is None


def test_no_more_is_waited_for_than_the_stages(place: Workplace) -> None:
    # OpenSBI without a payload stays for ever.
    (place.directory / "mine.toml").write_text('base = "virt-riscv64"\n[stages]\npayload = false\n')
    done = place.run("stages", "--machine", "mine.toml", *QUIET, "--json")
    boot = boot_of(done)
    assert (done.status, reached(boot)) == (DONE, [("reset", 0x1000, 0), ("firmware", 0x80000000, 0)])
    assert (boot["end"]["outcome"], boot["stages"][0]["seconds"]) == ("reached", 0)


def test_reset_is_where_the_machine_stands(place: Workplace) -> None:
    # The profile's is the flash's, and an ELF starts at its entry point.
    elf = FIRMWARE / "aarch64" / "virt-aarch64.elf"
    done = place.run("stages", "--machine", "virt-aarch64", *QUIET, "--stage", "main=main", "--json", elf)
    boot = boot_of(done)
    start = Image(elf).entry
    assert reached(boot)[:2] == [("reset", start, 0), ("kernel", start, 0)]
    assert ([name for name, _, _ in reached(boot)][2:], missed(boot)) == (["main"], [])

    # Who says otherwise is believed; one without any stage is timed as a whole.
    arguments = ("stages", "--machine", "lm3s6965evb", *QUIET, "--to-end", CORTEX_M, "--json")
    assert [name for name, _, _ in reached(boot_of(place.run(*arguments)))] == ["reset"]
    assert missed(json.loads(place.run(*arguments, "--stage", "reset=0x20000000").out)) == ["reset"]


def test_a_processor_that_is_switched_to_little_endian_is_followed(place: Workplace) -> None:
    # mfmsr r4; ori r4, r4, 1; mtsrr1 r4; li r5, 0x200; mtsrr0 r5; rfid
    big = (0x7C8000A6, 0x60840001, 0x7C9B03A6, 0x38A00200, 0x7CBA03A6, 0x4C000024)
    # li r6, 0x1234; stw r6, 0x300(0); mfmsr r7; b .
    little = (0x38C01234, 0x90C00300, 0x7CE000A6, 0x48000000)
    code = b"".join(word.to_bytes(4, "big") for word in big), b"".join(word.to_bytes(4, "little") for word in little)
    image = place.directory / "switch.bin"
    image.write_bytes(code[0].rjust(0x100 + len(code[0]), b"\0").ljust(0x200, b"\0") + code[1].ljust(0x200, b"\0"))
    (place.directory / "mine.toml").write_text('base = "pseries"\n[stages]\nkernel = false\nloop = 0x20c\n')
    machine = ("--machine", "mine.toml", *QUIET, image)
    assert reached(boot_of(place.run("stages", "--json", *machine))) == [("reset", 0x100, 0), ("loop", 0x20C, 0)]

    # gdb agrees with what is traced, or the run would fail.
    assert place.run("run", *machine, "--limit", "11", "-o", "x.frames").status == DONE
    with TraceReader(place.directory / "x.frames") as reader:
        frames = [frame for frame in reader if isinstance(frame, StdFrame)]
    assert [frame.address for frame in frames] == [*range(0x100, 0x118, 4), *range(0x200, 0x210, 4), 0x20C]
    assert [frame.mode for frame in frames] == ["ppc:ppc"] * 6 + ["ppc:ppc:le"] * 5
    values = [{operand.name: operand.as_int() for operand in frame.post if not operand.is_memory} for frame in frames]
    assert (values[6]["r6"], values[8]["r7"], values[8]["pc"]) == (0x1234, 1, 0x20C)


def test_a_boot_that_does_not_end_is_ended(place: Workplace) -> None:
    done = place.run(*PC, "--to-end", "--timeout", "1")
    assert (done.status, done.err) == (TIMEOUT, "")
    assert [line.split()[-1] for line in done.out.splitlines()[1:3]] == ["reset", "bios"]
    assert "end: time limit reached" in done.out
    assert done.out.splitlines()[-1] == "not reached: boot-sector (0x7c00), kernel (0x100000)"


def _emulator_of(place: Workplace) -> int:
    """The process of QEMU's itself, or 0."""
    found = [process for process, command in place.processes().items() if command.startswith("qemu-system")]
    found += [process for process, command in place.processes().items() if command.startswith("/usr/bin/qemu-system")]
    return found[0] if found else 0


def _has_printed(place: Workplace) -> bool:
    console = place.directory / "console"
    return console.exists() and b"SeaBIOS" in console.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_boot_is_told_so_far(place: Workplace, number: signal.Signals) -> None:
    process = place.start(*PC, "--json")
    wait_until(lambda: _has_printed(place), "SeaBIOS")
    process.send_signal(number)
    done = place.finish(process)
    boot = boot_of(done)
    assert (done.status, done.err, boot["end"]["outcome"]) == (INTERRUPTED, "", "interrupted")
    assert [name for name, _, _ in reached(boot)] == ["reset", "bios"]


def test_a_qemu_that_dies_is_told(place: Workplace) -> None:
    process = place.start(*PC, "--json")
    wait_until(lambda: _has_printed(place), "SeaBIOS")
    os.kill(_emulator_of(place), signal.SIGKILL)
    done = place.finish(process)
    assert (done.status, boot_of(done)["end"]["outcome"]) == (TOOL_FAILED, "died")
    assert done.complaint == "QEMU ended with status 137, as after SIGKILL"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give the --machine that boots"),
        (("--machine", "pc-i386", "--stage", "kernel"), "--stage kernel: must be NAME=ADDRESS or NAME=SYMBOL"),
        (("--machine", "pc-i386", "--stage", "high=0x100000000"), "0x100000000: not an address of a 32-bit program"),
        (
            ("--machine", "pc-i386", "--stage", "kernel=start_kernel"),
            "start_kernel: there are no symbols; give an address, or symbols with --elf",
        ),
        (
            ("--machine", "lm3s6965evb", CORTEX_M),
            "lm3s6965evb has no stage beyond its reset: give some, --stage NAME=ADDRESS, or --to-end",
        ),
        (("--machine", "pc-i386", "none.img"), "none.img: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    place: Workplace, arguments: tuple[str | Path, ...], complaint: str
) -> None:
    done = place.run("stages", *arguments)
    assert (done.status, done.out, done.complaint) == (USAGE, "", complaint)


def test_a_symbol_of_a_profile_that_an_image_lacks_is_left_out(place: Workplace) -> None:
    (place.directory / "mine.toml").write_text(
        'base = "virt-riscv64"\n[stages]\npayload = false\nkernel = "start_kernel"\n'
    )
    done = place.run("stages", "--machine", "mine.toml", *QUIET, "--json")
    assert [name for name, _, _ in reached(boot_of(done))] == ["reset", "firmware"]
    assert done.complaint.startswith("stage kernel of mine is left out: start_kernel: there are no symbols")
