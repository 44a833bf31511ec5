"""``gdbtrace run --machine``: firmware on machines, through the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.machine.profile import iter_profiles, load_profile
from gdbtrace.trace import ExceptionFrame, KeyFrame, StdFrame
from tests.command_line import BOTH_ENGINES, Done, Workplace, frames_of, wait_until

USAGE, TOOL_FAILED, TIMEOUT, INTERRUPTED = 2, 3, 124, 130
FIRMWARE = Path(__file__).parents[2] / "vm-images" / "firmware"
CORTEX_M3 = FIRMWARE / "cortex-m3" / "lm3s6965evb.elf"
RISCV64 = FIRMWARE / "riscv" / "virt-riscv64.elf"
AARCH64 = FIRMWARE / "aarch64" / "virt-aarch64.elf"
SIFIVE_E = FIRMWARE / "sifive_e" / "sifive_e.elf"
PC_ELF = FIRMWARE / "pc" / "pc.elf"
M3 = ("--machine", "lm3s6965evb", "fw.elf")
PROMPT = "stop autoboot"
"""Of U-Boot, which then waits two seconds for a key."""
M3_CONSOLE = """lm3s6965evb
data 12345678
svc 0000002a
thumb2 0000009e
bit-band 00000008
ram 00000010
faults 00030001
deferred 00000001
ticks 00000003
done
"""

IMAGES = {
    **{"lm3s6965evb": "cortex-m3", "mps2-an385": "cortex-m3", "netduinoplus2": "cortex-m3", "bamboo": "bamboo"},
    **{"leon3_generic": "leon3", "mcf5208evb": "mcf5208evb", "r2d": "r2d", "sifive_e": "sifive_e"},
    **{"virt-riscv32": "riscv", "virt-riscv64": "riscv", "ppce500": "ppce500", "virt-arm": "arm"},
    **{"virt-aarch64": "aarch64", "s390-ccw-virtio": "s390-ccw-virtio"},
}
"""Machine -> folder of its guest, whose file has the machine's name."""
WITHOUT_SOFTWARE = {"malta64", "virtex-ml507"}
KNOWN_TO_GDB = [
    profile.name
    for profile in iter_profiles()
    if profile.gdb_architecture is not None and profile.name not in WITHOUT_SOFTWARE
]


ONE_OF_EACH = set({load_profile(name).arch: name for name in KNOWN_TO_GDB}.values())
"""A machine for each architecture."""


def image_of(machine: str) -> list[Path]:
    """What runs on a machine here; none: its own firmware."""
    if machine == "malta":
        return [FIRMWARE / "mips" / "malta-mips.elf"]
    return [FIRMWARE / IMAGES[machine] / f"{machine}.elf"] if machine in IMAGES else []


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """With an image in it, so that messages name a file and no directory."""
    place = Workplace(tmp_path)
    shutil.copy(CORTEX_M3, tmp_path / "fw.elf")
    return place


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """With a trace of a whole guest in it: ``x``."""
    place = Workplace(tmp_path_factory.mktemp("shown"))
    shutil.copy(CORTEX_M3, place.directory / "fw.elf")
    assert place.run("run", *M3, "--engine", "rsp", "-o", "x", "--console", "con").status == 0
    return place


def left_in(place: Workplace) -> set[str]:
    """What a run that never began must not have made."""
    return {path.name for path in place.directory.iterdir()} - {"fw.elf", "t", "out", "err"}


def refusal(place: Workplace, *arguments: str | Path) -> str:
    """What is said of a command line that is refused before there is a trace."""
    done = place.run("run", *arguments)
    assert done.status == USAGE
    assert left_in(place) == set()
    return done.complaint


def meta_arguments(path: Path) -> tuple[str, ...]:
    with open_trace(path) as reader:
        assert reader.meta is not None
        return reader.meta.tracer.args


def kept(done: Done, path: Path) -> int:
    """The number of frames that an error says are kept, which are in the file."""
    match = re.search(r"; kept: (\d+) frames in (\S+)$", done.complaint)
    assert match is not None, done.complaint
    with open_trace(path) as reader:
        assert reader.is_closed
        assert sum(1 for _ in reader) == int(match[1])
    return int(match[1])


def qemu_of(place: Workplace) -> int:
    (found,) = [
        number
        for number, command in place.processes().items()
        if command.partition(" ")[0].rpartition("/")[2].startswith("qemu-system-")
    ]
    return found


def wait_for_frames(place: Workplace, name: str = "x") -> None:
    part = place.directory / f"{name}.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 200_000, f"frames in {name}.part")


# The image, the output, the summary.


def test_trace_is_named_after_the_image(place: Workplace) -> None:
    assert place.run("run", *M3, "--limit", "3").status == 0
    assert len(frames_of(place.directory / "fw.elf.frames")) == 3


def test_trace_is_named_after_the_machine_that_runs_its_own_firmware(place: Workplace) -> None:
    done = place.run("run", "--machine", "virt-riscv64", "--limit", "3")
    assert (done.status, done.err) == (0, "")
    assert [frame.address for frame in frames_of(place.directory / "virt-riscv64.frames")] == [0x1000, 0x1004, 0x1008]


def test_console_goes_to_stderr_and_the_summary_to_stdout(place: Workplace) -> None:
    done = place.run("run", *M3, "-o", "x")
    assert (done.status, done.err) == (0, M3_CONSOLE)
    assert re.fullmatch(
        r"3,\d\d\d instructions of arm-m in [\d.]+ s \([\d,]+/s, engine gdb\), "
        r"3,\d\d\d frames, [\d,]+ bytes in x; guest exited with status 0\n",
        done.out,
    )


@BOTH_ENGINES
def test_json_summary_and_console_in_a_file(place: Workplace, engine: str) -> None:
    (place.directory / "con").write_text("what was there before, which is longer than what will be\n" * 10)
    done = place.run("run", *M3, "--json", "-o", "x", "--console", "con", "--engine", engine)
    assert done.err == ""
    summary = done.summary
    assert {name: summary[name] for name in ("outcome", "trace", "arch", "engine", "gaps", "guest_exit_status")} == {
        "outcome": "exited",
        "trace": "x",
        "arch": "arm-m",
        "engine": engine,
        "gaps": [],
        "guest_exit_status": 0,
    }
    assert summary["instructions"] == len(frames_of(place.directory / "x"))
    assert (place.directory / "con").read_text() == M3_CONSOLE


def test_console_that_cannot_be_written(place: Workplace) -> None:
    done = place.run("run", *M3, "--console", "nowhere/con")
    assert (done.status, done.complaint) == (TOOL_FAILED, "nowhere/con: cannot be written: No such file or directory")


@BOTH_ENGINES
def test_guest_does_nothing_more_after_the_end_of_its_trace(place: Workplace, engine: str) -> None:
    done = place.run("run", *M3, "--start", "main", "--limit", "5", "--engine", engine)
    assert (done.status, done.err) == (0, "")


def test_a_message_after_the_console_begins_a_line(place: Workplace) -> None:
    done = place.run("run", *M3, "--start", "print:3", "--engine", "rsp", "--timeout", "0.001")
    *_, last = done.err.splitlines()
    assert last.startswith("gdbtrace: ")


def test_halted_machine(place: Workplace) -> None:
    # Given vCPU 1, which vCPU 0 would switch on, when it alone is stepped
    options = ("--smp", "2", "--schedule", "only:1", "--interrupts", "off")
    done = place.run("run", "--machine", "virt-aarch64", AARCH64, *options, "--json", "-o", "x")
    assert (done.status, done.err) == (0, "")
    assert (done.summary["outcome"], done.summary["instructions"]) == ("halted", 0)
    assert done.summary["detail"] == ("vCPU 1 is halted at 0x40200000, no other one is stepped, and interrupts are off")


def test_machine_in_which_everything_sleeps_for_ever(place: Workplace) -> None:
    # Given a hart that waits for the software interrupt of another one, which is not stepped
    options = ("--smp", "2", "--schedule", "only:1", "--engine", "rsp")
    done = place.run("run", "--machine", "virt-riscv64", RISCV64, *options, "-o", "x")
    assert (done.status, done.err) == (0, "")
    *_, why = done.out.split("; ")
    assert re.fullmatch(
        r"vCPU 1 is halted at 0x800003\w\w, no other one is stepped, and no interrupt came for 5 s\n", why
    )
    assert {frame.thread_id for frame in frames_of(place.directory / "x")} == {1}


# Where a trace begins and ends.


@pytest.mark.parametrize(
    ("start", "stop"),
    [("print:3", "print:2"), ("0x44:3", "0x44:2"), ("main+2", "0x4e")],
    ids=["symbol", "address", "plus"],
)
def test_places_on_both_engines(place: Workplace, start: str, stop: str) -> None:
    for engine in ("gdb", "rsp"):
        options = ("--engine", engine, "--reproducible", "--start", start, "--stop", stop, "--console", "con")
        done = place.run("run", *M3, *options, "-o", engine)
        assert (done.status, done.err) == (0, "")
        assert done.out.endswith("; stop address reached\n")
    assert (place.directory / "gdb").read_bytes() == (place.directory / "rsp").read_bytes()


@BOTH_ENGINES
def test_machine_that_ends_before_the_start(place: Workplace, engine: str) -> None:
    done = place.run("run", *M3, "--console", "con", "--start", "print:1000", "--engine", engine)
    message = "the machine ended before print was reached 1000 times; try another --start"
    assert (done.status, done.complaint) == (USAGE, message)


def test_places_without_symbols(place: Workplace) -> None:
    assert refusal(place, "--machine", "virt-riscv64", "--start", "main") == (
        "main: there are no symbols; give an address, or symbols with --elf"
    )
    assert refusal(place, *M3, "--start", "mian") == "fw.elf: no symbol 'mian', did you mean 'main'?"


@BOTH_ENGINES
def test_trace_begins_where_the_console_printed_a_text(place: Workplace, engine: str) -> None:
    # Given U-Boot, which waits for a key once it has printed the text
    options = ("--until-console", PROMPT, "--limit", "100", "--console", "con", "--engine", engine)
    done = place.run("run", "--machine", "virt-aarch64", *options, "-o", "x")
    assert (done.status, done.err) == (0, "")
    assert PROMPT in (place.directory / "con").read_text()
    assert f"--until-console={PROMPT}" in meta_arguments(place.directory / "x")
    # It has relocated itself to the end of RAM.
    assert all(frame.address >= 0x40000000 for frame in frames_of(place.directory / "x"))


def test_text_that_the_console_never_prints(place: Workplace) -> None:
    done = place.run("run", *M3, "--console", "con", "--until-console", "nonesuch")
    message = "the machine ended before its console printed 'nonesuch'; try another --until-console"
    assert (done.status, done.complaint) == (USAGE, message)
    done = place.run("run", *M3, "--console", "con", "--until-console", "")
    assert (done.status, done.complaint) == (USAGE, "an empty text cannot be waited for; give what the console prints")


@BOTH_ENGINES
def test_time_limit_while_stepping(place: Workplace, engine: str) -> None:
    options = ("--timeout", "0.5", "--console", "con", "--engine", engine)
    done = place.run("run", "--machine", "virt-riscv64", *options, "-o", "x")
    assert (done.status, done.complaint) == (TIMEOUT, "time limit reached; the trace so far is kept in x")
    assert frames_of(place.directory / "x")


@BOTH_ENGINES
def test_time_limit_while_it_runs_freely(place: Workplace, engine: str) -> None:
    options = ("--start", "0x10", "--timeout", "0.5", "--console", "con", "--engine", engine)
    done = place.run("run", "--machine", "virt-riscv64", *options, "-o", "x")
    assert (done.status, done.complaint) == (TIMEOUT, "time limit reached; the trace so far is kept in x")


# Ends from outside.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@BOTH_ENGINES
def test_interrupted_run_is_kept(place: Workplace, engine: str, number: signal.Signals) -> None:
    process = place.start("run", "--machine", "virt-riscv64", "--console", "con", "-o", "x", "--engine", engine)
    wait_for_frames(place)
    process.send_signal(number)
    done = place.finish(process)
    assert (done.status, done.complaint) == (INTERRUPTED, "interrupted; the trace so far is kept in x")
    assert done.out.endswith("; interrupted\n")
    assert len(frames_of(place.directory / "x")) > 50


@BOTH_ENGINES
def test_interrupt_while_it_runs_freely(place: Workplace, engine: str) -> None:
    options = ("--start", "0x10", "--console", "con", "-o", "x", "--engine", engine)
    process = place.start("run", "--machine", "virt-aarch64", *options)
    console = place.directory / "con"
    wait_until(lambda: console.exists() and PROMPT in console.read_text(), "U-Boot")
    process.send_signal(signal.SIGINT)
    done = place.finish(process)
    assert (done.status, done.complaint) == (INTERRUPTED, "interrupted; the trace so far is kept in x")
    assert frames_of(place.directory / "x") == []


def test_interrupt_while_it_waits_for_an_interrupt(place: Workplace) -> None:
    options = ("--smp", "2", "--schedule", "only:1", "--engine", "rsp", "-o", "x")
    process = place.start("run", "--machine", "virt-aarch64", AARCH64, *options)
    part = place.directory / "x.part"
    wait_until(lambda: part.exists() and any("qemu-system" in each for each in place.processes().values()), "QEMU")
    wait_until(lambda: any("gdbtrace.tracer" in each for each in place.processes().values()), "the tracer")
    process.send_signal(signal.SIGINT)
    done = place.finish(process)
    assert done.status == INTERRUPTED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_while_qemu_starts(place: Workplace, number: signal.Signals) -> None:
    # Given a QEMU that takes its time
    slow = place.directory / "qemu-system-slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    process = place.start("run", *M3, "--qemu", slow)
    wait_until(lambda: any(place.temp.glob("gdbtrace-*/console")), "the private directory")
    process.send_signal(number)
    done = place.finish(process)
    assert (done.status, done.complaint) == (INTERRUPTED, "interrupted")
    assert left_in(place) == {"qemu-system-slow"}


@BOTH_ENGINES
def test_killed_qemu_is_named_and_the_frames_are_kept(place: Workplace, engine: str) -> None:
    process = place.start("run", "--machine", "virt-riscv64", "--console", "con", "-o", "x", "--engine", engine)
    wait_for_frames(place)
    os.kill(qemu_of(place), signal.SIGKILL)
    done = place.finish(process)
    assert done.status == TOOL_FAILED
    assert "QEMU ended with status 137, as after SIGKILL" in done.complaint
    assert done.complaint.count("QEMU ended") == 1
    assert kept(done, place.directory / "x") > 50


@BOTH_ENGINES
def test_killed_gdbtrace_leaves_no_process_and_every_whole_frame(place: Workplace, engine: str) -> None:
    process = place.start("run", "--machine", "virt-riscv64", "--console", "con", "-o", "x", "--engine", engine)
    wait_for_frames(place)
    process.kill()
    process.wait()
    wait_until(lambda: not place.processes(), "the end of QEMU, gdb and the tracer")
    wait_until(lambda: not list(place.temp.iterdir()), "the end of the private directory")
    assert place.run("repair", "x.part").status == 0
    assert len(frames_of(place.directory / "x")) > 50


def test_full_disk_is_named_and_the_frames_are_kept(place: Workplace) -> None:
    options = ("--machine", "virt-riscv64", "--console", "con", "-o", "x")
    done = place.run("run", *options, prefix=["prlimit", "--fsize=600000"])
    assert done.status == TOOL_FAILED
    *_, complaint = done.err.splitlines()
    assert complaint.startswith("gdbtrace: x: cannot be written: File too large; kept: ")
    assert 500_000 < (place.directory / "x").stat().st_size <= 600_000
    assert len(frames_of(place.directory / "x")) > 50


@BOTH_ENGINES
def test_guest_that_crashes_qemu(place: Workplace, engine: str) -> None:
    # Given a Cortex-M whose vectors are no addresses of code: it locks up, and QEMU aborts
    (place.directory / "bad.bin").write_bytes(bytes(64))
    done = place.run("run", "--machine", "lm3s6965evb", "bad.bin", "-o", "x", "--engine", engine)
    assert done.status == TOOL_FAILED
    assert re.match(
        r"QEMU ended with status 134, as after SIGABRT \(qemu: fatal: Lockup: .*\); kept: \d+ frames in x$",
        done.complaint,
    )
    kept(done, place.directory / "x")


def test_guest_that_has_lost_its_way(place: Workplace) -> None:
    # Given a jump to where there is nothing, which QEMU reads as instructions of value 0 on RISC-V's neighbour MIPS
    code = bytes.fromhex("3c08bc00 01000008 00000000".replace(" ", ""))
    (place.directory / "lost.bin").write_bytes(code)
    done = place.run("run", "--machine", "malta", "lost.bin", "-o", "x", "--engine", "rsp")
    assert done.status == TOOL_FAILED
    assert re.match(r"the guest has lost its way: 64 instructions on end whose bytes cannot be read, ", done.complaint)
    assert len(frames_of(place.directory / "x")) == 3


# Engines.


@pytest.mark.parametrize("machine", KNOWN_TO_GDB)
def test_both_engines_give_the_same_trace(place: Workplace, machine: str, request: pytest.FixtureRequest) -> None:
    if machine not in ONE_OF_EACH and request.config.getoption("--exactness") != "all":
        pytest.skip("another machine with this processor is tested: --exactness=all")
    for engine in ("gdb", "rsp"):
        options = ("--engine", engine, "--limit", "500", "--reproducible", "--json", "--console", "con", "-o", engine)
        done = place.run("run", "--machine", machine, *image_of(machine), *options)
        assert (done.status, done.err) == (0, "")
        assert (done.summary["instructions"], done.summary["gaps"]) == (500, [])
        assert bool(done.summary["registers_compared"]) == (engine == "gdb")
    assert (place.directory / "gdb").read_bytes() == (place.directory / "rsp").read_bytes()
    verified = place.run("verify", "rsp")
    assert (verified.status, verified.err) == (0, ""), verified.out


def test_engine_of_a_machine_that_gdb_does_not_know(place: Workplace) -> None:
    uno = FIRMWARE / "uno" / "uno.elf"
    guest = FIRMWARE / "tricore" / "tricore_testboard.elf"
    done = place.run("run", "--machine", "tricore_testboard", guest, "--json", "-o", "x")
    assert (done.status, done.summary["engine"], done.summary["guest_exit_status"]) == (0, "rsp", 42)
    assert done.complaint == "gdb does not know tricore: use --engine rsp; using engine rsp"
    done = place.run("run", "--machine", "uno", uno, "--engine", "gdb")
    assert (done.status, done.complaint) == (TOOL_FAILED, "gdb does not know avr: use --engine rsp")


# Options of machines.


def test_semihosting(place: Workplace) -> None:
    # Without it the guest's last word is a breakpoint exception, and it does not end
    options = ("--machine", "sifive_e", SIFIVE_E, "--console", "con", "--engine", "rsp", "-o", "x", "--json")
    done = place.run("run", *options, "--semihosting")
    assert (done.status, done.summary["outcome"], done.summary["guest_exit_status"]) == (0, "exited", 0)
    done = place.run("run", *options, "--limit", "3000")
    assert done.summary["outcome"] == "limit"


def test_gdb_port(place: Workplace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = f"--gdb-port {port}: Address already in use; give another"
        assert refusal(place, *M3, "--gdb-port", str(port)) == message
    assert place.run("run", *M3, "--gdb-port", str(port), "--limit", "3", "-o", "x").status == 0
    assert len(frames_of(place.directory / "x")) == 3
    assert place.run("run", *M3, "--gdb-port", "70000").complaint == "--gdb-port 70000: not a port; give another"


def test_every_vcpu_is_in_the_trace_and_in_key_frames(place: Workplace) -> None:
    options = ("--smp", "2", "--schedule", "round-robin:7", "--key-interval", "500", "--console", "con")
    done = place.run("run", "--machine", "virt-riscv64", RISCV64, *options, "--engine", "rsp", "-o", "x")
    assert (done.status, done.err) == (0, "")
    with open_trace(place.directory / "x") as reader:
        frames = list(reader)
    assert {frame.thread_id for frame in frames if isinstance(frame, StdFrame)} == {0, 1}
    keys = [frame for frame in frames if isinstance(frame, KeyFrame)]
    assert len(keys) > 4
    for key in keys:
        assert {values.thread_id for values in key.tagged_values} >= {0, 1}
    assert {"--smp=2", "--schedule=round-robin:7", "--interrupts=on", "--icount=0"} <= set(
        meta_arguments(place.directory / "x")
    )


def test_meta_frame_says_it_is_a_machine(shown: Workplace) -> None:
    arguments = meta_arguments(shown.directory / "x")
    assert arguments[:3] == ("gdbtrace", "run", "--arch=arm-m")
    assert {"--machine=lm3s6965evb", "--smp=1", "--schedule=round-robin:100"} <= set(arguments)


def test_interrupts_off_and_time_of_the_host(place: Workplace) -> None:
    options = ("--interrupts", "off", "--icount", "off", "--console", "con", "--engine", "rsp")
    done = place.run("run", *M3, *options, "-o", "x")
    assert (done.status, done.err) == (0, "")
    assert {"--interrupts=off", "--icount=off"} <= set(meta_arguments(place.directory / "x"))
    assert "ticks 00000000\n" in (place.directory / "con").read_text()
    with open_trace(place.directory / "x") as reader:
        # SysTick
        assert 15 not in {frame.exception_number for frame in reader if isinstance(frame, ExceptionFrame)}


def test_icount_reaches_the_guest(place: Workplace) -> None:
    for shift in ("0", "5"):
        options = (
            "--icount",
            shift,
            "--console",
            "con",
            "--engine",
            "rsp",
            "--reproducible",
            "--std-only",
            "-o",
            shift,
        )
        assert place.run("run", *M3, *options).status == 0
    assert len(frames_of(place.directory / "0")) != len(frames_of(place.directory / "5"))


def test_std_only_has_instructions_alone(place: Workplace) -> None:
    assert place.run("run", *M3, "--std-only", "--engine", "rsp", "--console", "con", "-o", "x").status == 0
    with open_trace(place.directory / "x") as reader:
        assert {type(frame) for frame in reader} == {StdFrame}


def test_register_lists(place: Workplace) -> None:
    def names(operands: object) -> set[str]:
        return {each.name for each in operands if not each.is_memory}  # type: ignore[attr-defined]

    found = {}
    for which in ("full", "standard", "touched"):
        options = ("--registers", which, "--limit", "20", "--engine", "rsp", "-o", which)
        assert place.run("run", *M3, *options).status == 0
        found[which] = frames_of(place.directory / which)
    assert [frame.address for frame in found["full"]] == [frame.address for frame in found["touched"]]
    for full, standard, touched in zip(*found.values(), strict=True):
        assert names(full.pre) == names(full.post) >= names(standard.pre) > names(touched.pre)


def test_memory_and_cpu_reach_qemu(place: Workplace) -> None:
    assert refusal(place, "--machine", "virt-riscv64", "--cpu", "nonesuch") == (
        "the machine does not start: QEMU ended with status 1 "
        "(qemu-system-riscv64: unable to find CPU model 'nonesuch')"
    )
    assert refusal(place, "--machine", "virt-riscv64", "--memory", "12X").startswith(
        "the machine does not start: QEMU ended with status 1 (qemu-system-riscv64: -m 12X: Parameter 'size' expects "
    )
    options = ("--cpu", "rv64,h=false", "--memory", "64M", "--limit", "3")
    assert place.run("run", "--machine", "virt-riscv64", *options, "-o", "x").status == 0
    with open_trace(place.directory / "x") as reader:
        assert reader.meta is not None
        arguments = " ".join(reader.meta.target.args)
    assert "-cpu rv64,h=false -m 64M" in arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--smp", "2"), "--smp 2: lm3s6965evb has at most 1 vCPUs"),
        (("--schedule", "only:1"), "--schedule only:1: the machine has one vCPU, which is 0"),
        (("--schedule", "only:x"), "--schedule only:x: must be round-robin, round-robin:QUANTUM or only:VCPU"),
        (("--schedule", "nonsense"), "--schedule nonsense: must be round-robin, round-robin:QUANTUM or only:VCPU"),
        (("--icount", "11"), "--icount 11: must be from 0 to 10, or off"),
        (("--env", "A=1"), "--env: only a program has that, not a machine"),
        (("--stdin", "fw.elf"), "--stdin: only a program has that, not a machine"),
        (("--sysroot", "/"), "--sysroot: only a program has that, not a machine"),
        (("--", "word"), "the program's arguments: only a program has that, not a machine"),
        (("--machine-args", '"x'), '--machine-args "x: No closing quotation'),
        (
            ("--machine-args", "-nonsense"),
            "the machine does not start: QEMU ended with status 1 (qemu-system-arm: -nonsense: invalid option)",
        ),
        (("--elf", "nowhere"), "nowhere: cannot be read: No such file or directory"),
    ],
)
def test_options_that_are_refused(place: Workplace, arguments: tuple[str, ...], message: str) -> None:
    assert refusal(place, *M3, *arguments) == message


@pytest.mark.parametrize(
    "option",
    [
        *(("--smp", "2"), ("--memory", "1G"), ("--schedule", "only:0"), ("--interrupts", "on"), ("--icount", "0")),
        *(
            ("--until-console", "x"),
            ("--console", "x"),
            ("--semihosting",),
            ("--gdb-port", "1234"),
            ("--elf", "fw.elf"),
        ),
    ],
)
def test_options_of_machines_without_one(place: Workplace, option: tuple[str, ...]) -> None:
    assert refusal(place, *option, "fw.elf") == f"{option[0]}: only a machine has that: give --machine"


# The machine and its image.


def test_unknown_machine(place: Workplace) -> None:
    message = "no machine 'lm3s6965', did you mean 'lm3s6965evb'?; `gdbtrace machines` lists them"
    assert refusal(place, "--machine", "lm3s6965", "fw.elf") == message


def test_own_profile(place: Workplace) -> None:
    profile = place.directory / "mine.toml"
    profile.write_text('base = "lm3s6965evb"\ninterupts = false\n')
    done = place.run("run", "--machine", "mine.toml", "fw.elf")
    assert (done.status, done.complaint) == (USAGE, "mine.toml: no key 'interupts', did you mean 'interrupts'?")
    profile.write_text('base = "lm3s6965evb"\ninterrupts = false\n')
    assert place.run("run", "--machine", "./mine.toml", "fw.elf", "--limit", "3", "-o", "x").status == 0
    assert {"--machine=./mine.toml", "--interrupts=off"} <= set(meta_arguments(place.directory / "x"))


def test_address_space_that_only_the_monitor_shows(place: Workplace) -> None:
    # Given a ROM of the 4 MiB from 0xffc00000 up: li r3,0x123; mtsr 0,r3; li r3,0; nop
    code = bytes.fromhex("38600123 7c6001a4 38600000 60000000").rjust(0x300110, b"\0")
    (place.directory / "rom").write_bytes(code.ljust(0x400000, b"\0"))
    assert place.run("run", "--machine", "g3beige", "rom", "--limit", "4", "-o", "x").status == 0
    frames = frames_of(place.directory / "x")
    assert [each.as_int() for frame in frames for each in frame.pre if each.name == "sr0"] == [0, 0, 0x123, 0x123]


def test_address_space_of_an_own_profile(place: Workplace) -> None:
    profile = place.directory / "mine.toml"
    profile.write_text('base = "virt-riscv64"\naddress-space = "satpx"\n')
    refused = place.run("run", "--machine", "./mine.toml", "--limit", "3", "-o", "x")
    message = "the machine has no register satpx, which the profile's address-space says"
    assert (refused.status, refused.complaint) == (TOOL_FAILED, message)
    profile.write_text('base = "virt-riscv64"\naddress-space = "mscratch"\n')
    assert place.run("run", "--machine", "./mine.toml", "--limit", "3", "-o", "x").status == 0
    for frame in frames_of(place.directory / "x"):
        assert [each.as_int() for each in frame.pre if each.name in ("mscratch", "satp")] == [0]


def test_bare_qemu(place: Workplace) -> None:
    bare = ("--machine-args", "-M lm3s6965evb -kernel fw.elf")
    message = "--machine-args without --machine: say with --arch what the machine's processor is"
    assert refusal(place, *bare) == message
    assert refusal(place, *bare, "--arch", "arm-m", "fw.elf") == (
        "fw.elf: without --machine the image is one of --machine-args; give its symbols with --elf"
    )
    for engine in ("gdb", "rsp"):
        options = ("--arch", "arm-m", "--elf", "fw.elf", "--start", "main", "--limit", "9", "--engine", engine)
        done = place.run("run", *bare, *options, "--reproducible", "-o", engine)
        assert (done.status, done.err) == (0, "")
    assert (place.directory / "gdb").read_bytes() == (place.directory / "rsp").read_bytes()


def test_arguments_in_addition_to_a_profile(place: Workplace) -> None:
    options = ("--machine-args", "-name 'two words'", "--limit", "3", "-o", "x")
    assert place.run("run", *M3, *options).status == 0
    with open_trace(place.directory / "x") as reader:
        assert reader.meta is not None
        assert reader.meta.target.args[-2:] == ("-name", "two words")


@pytest.mark.parametrize(
    ("machine", "image", "message"),
    [
        ("lm3s6965evb", "nowhere", "nowhere: cannot be read: No such file or directory"),
        ("lm3s6965evb", "t", "t: cannot be read: Is a directory"),
        ("lm3s6965evb", "pipe", "pipe: not a file; an image cannot be read from a pipe or device"),
        (
            "lm3s6965evb",
            None,
            "lm3s6965evb has no firmware of its own: pass an IMAGE, an ELF with the vector table at 0, or a raw image "
            "of the flash",
        ),
        (
            "virt-aarch64",
            "fw.elf",
            "fw.elf: an ELF for ARM, little-endian; virt-aarch64 runs AARCH64, little-endian",
        ),
        ("pc-x86_64-rom", PC_ELF, f"{PC_ELF}: an ELF, and an image for pc-x86_64-rom is a raw image "),
        ("ppce500", "raw", "raw: not an ELF, and an image for ppce500 is "),
    ],
)
def test_images_that_are_refused(place: Workplace, machine: str, image: str | Path | None, message: str) -> None:
    os.mkfifo(place.directory / "pipe")
    (place.directory / "raw").write_bytes(bytes(64))
    done = place.run("run", "--machine", machine, *([] if image is None else [image]))
    assert done.status == USAGE
    assert done.complaint.startswith(message)
    assert left_in(place) == {"pipe", "raw"}


@pytest.mark.parametrize("engine", ["gdb", "rsp"])
def test_emulator_of_another_architecture(place: Workplace, engine: str) -> None:
    options = ("--qemu", "qemu-system-arm", "--engine", engine, "-o", "x")
    done = place.run("run", "--machine", "virt-riscv64", *options)
    assert done.status in (USAGE, TOOL_FAILED)
    assert done.complaint.startswith("what is behind the stub is not riscv64: its registers are r0, r1, r2, ...")


def test_program_that_is_no_qemu(place: Workplace) -> None:
    done = place.run("run", *M3, "--qemu", "/bin/true")
    assert done.status == TOOL_FAILED
    assert done.complaint.startswith(
        "the machine does not start: QEMU ended with status 0, without a word; see whether `/bin/true -M lm3s6965evb "
    )


def test_raw_image_with_symbols(place: Workplace) -> None:
    raw = place.directory / "fw.bin"
    subprocess.run(["llvm-objcopy", "-O", "binary", "fw.elf", "fw.bin"], cwd=place.directory, check=True)
    assert raw.read_bytes()[:4] != b"\x7fELF"
    for name, image in (("raw", ("fw.bin", "--elf", "fw.elf")), ("elf", ("fw.elf",))):
        options = ("--start", "main", "--limit", "50", "--engine", "rsp", "--console", "con", "-o", name)
        assert place.run("run", "--machine", "lm3s6965evb", *image, *options).status == 0
    assert frames_of(place.directory / "raw") == frames_of(place.directory / "elf")


# The same run, the same bytes.


@pytest.mark.parametrize("machine", ["lm3s6965evb", "virt-riscv64", "virt-arm", "pc-x86_64", "maltael"])
def test_reproducible_runs_are_equal_and_name_no_path(place: Workplace, machine: str) -> None:
    image = image_of(machine)
    for source in image:
        shutil.copy(source, place.directory / source.name)
    smp = ("--smp", "2") if machine == "virt-riscv64" else ()
    for name in ("one", "two"):
        options = ("--reproducible", "--limit", "3000", "--engine", "rsp", "--console", "con", "-o", name)
        images = [place.directory / each.name for each in image]
        assert place.run("run", "--machine", machine, *images, *smp, *options).status == 0
    data = (place.directory / "one").read_bytes()
    assert data == (place.directory / "two").read_bytes()
    for path in (str(place.directory), "/usr/", "/tmp/", str(Path.home())):
        assert os.fsencode(path) not in data


# Showing a machine's trace.


def test_log_names_devices_as_execlog_does(shown: Workplace) -> None:
    lines = shown.run("log", "x").out.splitlines()
    assert len(lines) == len(frames_of(shown.directory / "x"))
    assert '0, 0x46, 0x6993, "ldr r3, [r2, #0x18]", load, 0x4000c018, pl011, print+0x6' in lines
    assert '0, 0x4e, 0x6011, "str r1, [r2]", store, 0x4000c000, pl011, print+0xe' in lines


def test_info_counts_exceptions_and_devices(shown: Workplace) -> None:
    facts = json.loads(shown.run("info", "--json", "x").out)
    with open_trace(shown.directory / "x") as reader:
        taken = [frame.exception_number for frame in reader if isinstance(frame, ExceptionFrame)]
    assert facts["arch"] == "arm-m"
    assert facts["exceptions"] == {str(number): taken.count(number) for number in sorted(set(taken))}
    # HardFault, UsageFault, SVCall, PendSV, SysTick
    assert set(facts["exceptions"]) == {"3", "6", "11", "14", "15"}
    assert facts["devices"]["pl011"] > 100
    text = shown.run("info", "x").out
    assert re.search(r"^exceptions: +3 1, 6 3, 11 2, ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("machine", "folder", "image", "mode", "line"),
    [
        ("pc-x86_64-rom", "pc", "pc-rom.bin", "x86:16", r"0, 0xfffffff0, 0x\w+, \"l?jmp[wl]? "),
        ("pc-x86_64-rom", "pc", "pc-rom.bin", "x86:64", r"rax|r\d+"),
        ("malta", "mips", "malta-mips.elf", "mips:mips16e", r"0x\w{4}(\w{4})?, \""),
    ],
)
def test_log_has_the_text_of_each_mode(
    place: Workplace, machine: str, folder: str, image: str, mode: str, line: str
) -> None:
    options = ("--engine", "rsp", "--console", "con", "--std-only", "-o", "x")
    assert place.run("run", "--machine", machine, FIRMWARE / folder / image, *options).status == 0
    frames = frames_of(place.directory / "x")
    lines = place.run("log", "x").out.splitlines()
    of_mode = [text for frame, text in zip(frames, lines, strict=True) if frame.mode == mode]
    assert of_mode, {frame.mode for frame in frames}
    assert any(re.search(line, text) for text in of_mode)
    assert not any(".byte" in text for text in of_mode)


def test_architectures_that_only_firmware_is_for(place: Workplace) -> None:
    rows = {row["name"]: row for row in json.loads(place.run("archs", "--json").out)}
    assert {name: rows[name]["qemu"] for name in ("arm-m", "tricore", "avr", "coldfire")} == {
        "arm-m": "qemu-system-arm",
        "tricore": "qemu-system-tricore",
        "avr": "qemu-system-avr",
        "coldfire": "qemu-system-m68k",
    }
    assert rows["arm-m"]["engines"] == ["gdb", "rsp"]
    empty = place.directory / "empty"
    empty.mkdir()
    rows = {row["name"]: row for row in json.loads(place.run("archs", "--json", path=str(empty)).out)}
    assert "qemu-system-tricore (apt: qemu-system-misc)" in rows["tricore"]["missing"]
