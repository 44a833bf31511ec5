"""``gdbtrace attach``: a processor stepped by Debian's gdbserver, and a QEMU that is somebody else's."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.trace import ExceptionFrame, StdFrame
from tests.command_line import BOTH_ENGINES, PATIENCE_SECONDS, Workplace, frames_of, wait_until
from tests.exactness.processor import Difference, differences
from tests.exactness.whole_run import unexplained_loads
from tests.toolchain import TESTS, Workshop

ARCH = "x86_64"
PROGRAMS = TESTS / "programs"
FREESTANDING = ("-nostdlib", "-fno-stack-protector", "-fno-pie", "-no-pie")
NO_SSE = {"strings.c": ("-mno-sse",)}
FIRMWARE = TESTS.parent / "vm-images" / "firmware"

pytestmark = pytest.mark.skipif(os.uname().machine != ARCH, reason="gdbserver's processor is this machine's")


class Gdbserver:
    """gdbserver with one program."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path, log: Path) -> None:
        self.process = process
        self._output = output
        self._log = log
        wait_until(lambda: self._port() is not None, "gdbserver's port")
        self.endpoint = f"127.0.0.1:{self._port()}"

    def _port(self) -> str | None:
        match = re.search(r"Listening on port (\d+)\n", self._log.read_text())
        return match and match[1]

    @property
    def output(self) -> str:
        """What the program printed."""
        return self._output.read_text()

    @property
    def log(self) -> str:
        """Its own words."""
        return self._log.read_text()

    def wait(self) -> str:
        """For its end; its own words."""
        self.process.wait(PATIENCE_SECONDS)
        return self.log


@contextmanager
def gdbserver(directory: Path, *command: str | Path) -> Iterator[Gdbserver]:
    output, log = directory / "program.out", directory / "gdbserver.log"
    # It hands its environment down to the program.
    environment = {"PATH": os.environ["PATH"]}
    with output.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(
            ["gdbserver", "--once", "127.0.0.1:0", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            start_new_session=True,
        )
    try:
        yield Gdbserver(process, output, log)
    finally:
        # The program too, which has a process group of its own and may have been let go.
        for each in _session_of(process.pid):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        process.wait()


def _session_of(leader: int) -> list[int]:
    found = []
    for process in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        with suppress(ProcessLookupError):
            if os.getsid(process) == leader:
                found.append(process)
    return found


@pytest.fixture
def native(workshop: Workshop) -> Path:
    return workshop.program(ARCH, PROGRAMS / "native.S", "-nostdlib")


def code_of(frames: Sequence[StdFrame]) -> list[tuple[int, bytes]]:
    return [(frame.address, frame.rawbytes) for frame in frames]


def exceptions_of(trace: Path) -> list[tuple[int, int | None]]:
    with open_trace(trace) as reader:
        return [(frame.exception_number, frame.to_addr) for frame in reader if isinstance(frame, ExceptionFrame)]


@BOTH_ENGINES
def test_a_whole_program_on_the_processor_is_the_one_under_qemu(place: Workplace, native: Path, engine: str) -> None:
    # Given a program that computes with nothing that differs
    with gdbserver(place.directory, native) as server:
        done = place.run("attach", server.endpoint, "--elf", native, "--engine", engine, "--json", "-o", "here.frames")
        server.wait()
        assert server.output == "hello\n"
    assert place.run("run", native, "-o", "qemu.frames").status == 0

    # Then it is traced whole, with its exit status
    assert done.status == 0
    assert (done.summary["outcome"], done.summary["guest_exit_status"]) == ("exited", 7)
    assert (done.summary["gaps"], done.summary["unknown_operands"]) == ([], 0)
    # And every instruction and what it did is the same; where the stack is, and what the kernel leaves, is not
    here, qemu = (frames_of(place.directory / name) for name in ("here.frames", "qemu.frames"))
    assert code_of(here) == code_of(qemu)
    assert len(here) == 65
    found = differences(here, qemu)
    assert {each.register for each in found} == {"rsp", "rcx", "r11"}
    assert {each.instruction for each in found if each.register != "rsp"} == {"syscall"}


@pytest.mark.parametrize("name", ["strings.c", "atomics.c", "bits.c", "stack.c", "code.S", "far.S", "relative.S"])
def test_programs_differ_from_qemu_in_what_is_written_down_alone(
    place: Workplace, workshop: Workshop, name: str
) -> None:
    # The wrong ones would be of AVX alone: programs.toml
    flags = (
        (*FREESTANDING, "-mno-sse") if name == "strings.c" else FREESTANDING if name.endswith("c") else FREESTANDING[:1]
    )
    program = workshop.program(ARCH, PROGRAMS / "x86" / name, *flags, name=f"native-{name}")
    with gdbserver(place.directory, program) as server:
        done = place.run("attach", server.endpoint, "--elf", program, "--engine", "rsp", "--json", "-o", "here.frames")
    assert done.summary["guest_exit_status"] == 42
    assert done.summary["gaps"] == []
    assert place.run("run", program, "-o", "qemu.frames").status == 0
    here, qemu = (frames_of(place.directory / name) for name in ("here.frames", "qemu.frames"))
    assert code_of(here) == code_of(qemu)
    assert [each for each in differences(here, qemu) if not is_written_down(each)] == []
    with open_trace(place.directory / "here.frames") as reader:
        assert unexplained_loads(ARCH, reader) == []


@pytest.mark.parametrize("name", ["signals.c", "faults.c"])
def test_signals_are_those_of_a_run(place: Workplace, workshop: Workshop, name: str) -> None:
    program = workshop.program(ARCH, PROGRAMS / "common" / name)
    # What happens before main is chosen by the processor, and is long.
    with gdbserver(place.directory, program) as server:
        options = ("--engine", "rsp", "--start", "main", "--json")
        done = place.run("attach", server.endpoint, "--elf", program, *options, "-o", "here.frames")
    assert (done.summary["guest_exit_status"], done.summary["gaps"]) == (0, [])
    # The whole of it: of a signal whose handler was set before the start, QEMU's stub does not say where that is
    assert place.run("run", program, "--engine", "rsp", "-o", "qemu.frames").status == 0
    here, qemu = (exceptions_of(place.directory / name) for name in ("here.frames", "qemu.frames"))
    assert here == qemu
    assert place.run("verify", "here.frames").status == 0
    with open_trace(place.directory / "here.frames") as reader:
        assert unexplained_loads(ARCH, reader) == []


@pytest.mark.parametrize(("source", "signal_number"), [("ud2", 4), ("mov 0, %eax", 11), ("int3", 5)])
def test_a_fault_that_kills_is_the_last_frame(
    place: Workplace, tmp_path: Path, source: str, signal_number: int
) -> None:
    (tmp_path / "fault.S").write_text(f".globl _start\n_start: nop\n{source}\nnop\n")
    program = tmp_path / "fault"
    subprocess.run(["x86_64-linux-gnu-gcc", "-nostdlib", "-static", "fault.S", "-o", program], cwd=tmp_path, check=True)
    with gdbserver(place.directory, program) as server:
        done = place.run("attach", server.endpoint, "--arch", ARCH, "--engine", "rsp", "--json", "-o", "here.frames")
    assert (done.status, done.summary["outcome"]) == (0, "killed")
    assert exceptions_of(place.directory / "here.frames") == [(signal_number, None)]
    assert len(frames_of(place.directory / "here.frames")) == 2


@BOTH_ENGINES
def test_a_window_after_which_the_program_runs_on(place: Workplace, native: Path, engine: str) -> None:
    with gdbserver(place.directory, native) as server:
        options = ("--engine", engine, "--start", "work:2", "--stop", "done")
        done = place.run("attach", server.endpoint, "--elf", native, *options, "--json", "-o", "here.frames")
        # gdbserver lets go of it, and waits for its end.
        assert "Detaching from process" in server.wait()
        wait_until(lambda: server.output == "hello\n", "what the program prints")
    assert done.summary["outcome"] == "stop"
    frames = frames_of(place.directory / "here.frames")
    assert place.run("run", native, "--start", "work:2", "--stop", "done", "-o", "qemu.frames").status == 0
    assert code_of(frames) == code_of(frames_of(place.directory / "qemu.frames"))


def test_a_stub_that_dies_leaves_what_was_traced(place: Workplace, workshop: Workshop) -> None:
    program = workshop.program(ARCH, PROGRAMS / "behave.c")
    with gdbserver(place.directory, program, "spin") as server:
        process = place.start("attach", server.endpoint, "--elf", program, "--engine", "rsp", "-o", "here.frames")
        part = place.directory / "here.frames.part"
        wait_until(lambda: part.exists() and part.stat().st_size > 100_000, "frames")
        os.killpg(server.process.pid, signal.SIGKILL)
        done = place.finish(process)
    assert done.status == 3
    assert "the stub closed the connection" in done.err or "broke" in done.err
    assert "kept: " in done.err
    assert len(frames_of(place.directory / "here.frames")) > 10


def test_an_interrupted_trace_is_kept_and_the_program_let_go(place: Workplace, workshop: Workshop) -> None:
    program = workshop.program(ARCH, PROGRAMS / "behave.c")
    with gdbserver(place.directory, program, "spin") as server:
        process = place.start("attach", server.endpoint, "--elf", program, "--engine", "rsp", "-o", "here.frames")
        part = place.directory / "here.frames.part"
        wait_until(lambda: part.exists() and part.stat().st_size > 100_000, "frames")
        process.send_signal(signal.SIGINT)
        done = place.finish(process)
        wait_until(lambda: "Detaching from process" in server.log, "the detaching")
        assert server.process.poll() is None
    assert done.status == 130
    assert len(frames_of(place.directory / "here.frames")) > 10


def test_the_stub_of_a_program_under_qemu_is_refused(place: Workplace, native: Path) -> None:
    with qemu(place.directory, "qemu-x86_64", "-g", "{}", str(native)) as endpoint:
        done = place.run("attach", endpoint, "--elf", native)
    assert done.status == 3
    assert done.complaint == "the stub is that of a program under QEMU: trace it with `gdbtrace run PROGRAM`"
    assert not (place.directory / "native.x86_64.frames").exists()


def test_a_machine_of_somebody_elses_qemu(place: Workplace) -> None:
    image = FIRMWARE / "riscv" / "virt-riscv64.elf"
    command = ("qemu-system-riscv64", "-S", "-gdb", "unix:{},server=on,wait=off", "-display", "none")
    machine = ("-machine", "virt", "-nic", "none", "-bios", str(image), "-icount", "shift=0")
    with qemu(place.directory, *command, *machine) as endpoint:
        options = ("--arch", "riscv64", "--elf", image, "--limit", "200")
        done = place.run("attach", endpoint, *options, "-o", "here.frames")
    assert (done.status, done.err) == (0, "")
    window = ("--interrupts", "off", "--limit", "200")
    assert place.run("run", "--machine", "virt-riscv64", *window, image, "-o", "run.frames").status == 0
    here, run = (frames_of(place.directory / name) for name in ("here.frames", "run.frames"))
    assert code_of(here) == code_of(run)
    assert [(tuple(each.pre), each.post) for each in here] == [(tuple(each.pre), each.post) for each in run]


def test_nobody_listens(place: Workplace) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = place.run("attach", f"127.0.0.1:{port}", "--arch", ARCH)
    assert done.complaint == f"127.0.0.1:{port}: no stub can be reached there: Connection refused"
    done = place.run("attach", "unix:/nowhere/stub", "--arch", ARCH)
    assert done.complaint == "/nowhere/stub: no stub can be reached there: No such file or directory"


def test_a_processor_must_be_named(place: Workplace) -> None:
    done = place.run("attach", "127.0.0.1:1")
    assert (done.status, done.complaint) == (2, "a stub does not say what its processor is: give --arch or --elf")


@contextmanager
def qemu(directory: Path, *command: str) -> Iterator[str]:
    """A QEMU of somebody else's with its stub on a unix socket, which stands for ``{}`` in its command."""
    endpoint = directory / "stub"
    process = subprocess.Popen([word.format(endpoint) for word in command], stdin=subprocess.DEVNULL)
    try:
        wait_until(endpoint.exists, "QEMU's stub")
        yield f"unix:{endpoint}"
    finally:
        process.kill()
        process.wait()


ERRORS_OF_QEMU_7_2 = {
    # CF says whether the source is not 0 (SDM volume 2)
    ("blsi", "rflags"),
    # The operand's address (docs/limits.md), and what comes of it
    *((name, what) for name in ("shld", "shrd") for what in ("rflags", "memory")),
    # An operand that is not normal (SDM volume 1, 10.2.3.1)
    ("cmpltps", "mxcsr"),
    # What an MMX instruction writes has ones above it (SDM volume 1, 9.6.2)
    ("pshufw", "st0"),
}
FROM_ELSEWHERE = {
    *(("syscall", register) for register in ("rcx", "r11")),
    # Flags of a sum with the stack pointer
    *((name, "memory") for name in ("pushf", "pushfq", "popf", "popfq")),
    # Descriptors, and undefined flags that are kept
    *((name, "rcx") for name in ("lar", "lsl")),
    ("lahf", "rax"),
    # The trap flag is the program's, for the kernel, where iret may have set it
    ("cmp", "rflags"),
    # The tag word of an x87 that nothing has used is not 0
    ("fninit", "ftag"),
    ("pshufw", "ftag"),
}


def is_written_down(found: Difference) -> bool:
    """Whether docs/attach.md has it."""
    if found.is_of_the_stack or (found.instruction, found.register) in ERRORS_OF_QEMU_7_2 | FROM_ELSEWHERE:
        return True
    # What the architecture's table leaves undefined: here it is held against a processor
    undefined = (row.bits for row in ARCHITECTURES[ARCH].undefined if fnmatchcase(found.instruction, row.instructions))
    return not found.bits & ~next(undefined, {}).get(found.register, 0)
