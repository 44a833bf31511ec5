"""Owning a machine's QEMU: what comes out of it, what it says of its end, and that nothing is left of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gdbtrace.errors import GdbtraceError, LinkTimeout, OutputError, TargetDied, ToolMissing, UsageError
from gdbtrace.machine.emulator import find_emulator
from gdbtrace.machine.monitor import MachineEvent, Monitor
from gdbtrace.machine.system import MachineCommand, SystemEmulator
from gdbtrace.processes import is_running
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.endpoint import Endpoint
from tests.command_line import PATIENCE_SECONDS, Workplace, wait_until
from tests.toolchain import TESTS, Workshop

ENDS = TESTS / "programs" / "machine" / "ends.S"
VIRT = ("-M", "virt", "-cpu", "cortex-a57")
U_BOOT = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
SIGINT_STOP = b"T02"


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    """A TMPDIR in which nothing may be left, nor any process that knows of it."""
    place = Workplace(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(place.temp))
    yield place
    assert list(place.temp.iterdir()) == []
    assert {process for process in place.processes() if process != os.getpid()} == set()


@pytest.fixture
def ending(workshop: Workshop) -> Callable[..., Path]:
    """Makes the guest that ends in a certain way."""

    def build(way: str, *flags: str) -> Path:
        bare = ("-nostdlib", "-Wl,-Ttext=0x40080000", "-Wl,--build-id=none", f"-DWAY={way}")
        return workshop.program("aarch64", ENDS, *bare, *flags, name="-".join(("ends", way, *flags)))

    return build


def machine(*arguments: str | Path, console: Path | int | None = None, **others: object) -> SystemEmulator:
    emulator = find_emulator("qemu-system-aarch64")
    command = MachineCommand(emulator, tuple(map(str, arguments)), console=console, **others)  # type: ignore[arg-type]
    return SystemEmulator(command)


@contextmanager
def debugger(emulator: SystemEmulator) -> Iterator[StubClient]:
    """A client at the stub, which listens as soon as the emulator has been entered."""
    with Endpoint.parse(emulator.stub_endpoint).connect() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(PATIENCE_SECONDS), 0))
        yield StubClient(link, int(PATIENCE_SECONDS))


def qemu_of(emulator: SystemEmulator) -> int:
    """The process that listens at the stub's socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(emulator.socket_path))
        credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    process: int = struct.unpack("3i", credentials)[0]
    return process


def test_console_of_u_boot_reaches_a_file_and_a_free_run_is_stopped_at_a_text(tmp_path: Path) -> None:
    # Given U-Boot at its reset vector, and somebody who waits for what it prints
    console = tmp_path / "console"
    with machine(*VIRT, "-bios", U_BOOT, console=console) as emulator, debugger(emulator) as client:
        assert emulator.status() == "prelaunch"
        assert client.request(b"?").startswith(b"T05")
        emulator.expect(b"DRAM:", emulator.stop)

        # When it runs freely, then it is stopped, which the debugger is told, and goes on if told to
        assert client.exchange(b"c").startswith(SIGINT_STOP)
        assert emulator.status() == "paused"
        emulator.expect(b"stop autoboot", emulator.stop)
        assert client.exchange(b"c").startswith(SIGINT_STOP)
        assert emulator.end() is None
    # Then all of the console is in the file
    assert re.match(rb"\r\n\r\nU-Boot 2.*\r\nDRAM:  128 MiB\r\n.*stop autoboot", console.read_bytes(), re.DOTALL)


@pytest.mark.parametrize(("way", "reason"), [("power_off", "guest-shutdown"), ("reset", "guest-reset")])
def test_machine_that_ends_itself_takes_qemu_along(ending: Callable[..., Path], way: str, reason: str) -> None:
    with machine(*VIRT, "-kernel", ending(way)) as emulator, debugger(emulator) as client:
        with emulator.listening():
            assert client.exchange(b"c") == b"W00"
            assert emulator.wait(PATIENCE_SECONDS) == 0
        assert emulator.events() == [MachineEvent("SHUTDOWN", True, reason)]
        assert emulator.end() == f"QEMU ended with status 0 (SHUTDOWN {reason})"
        emulator.stop()
        with pytest.raises(TargetDied, match="QEMU is gone"):
            emulator.status()


def test_semihosting_output_follows_the_consoles_and_its_exit_is_qemus(
    ending: Callable[..., Path], tmp_path: Path
) -> None:
    console = tmp_path / "console"
    guest = ending("semihosting_exit")
    with machine(*VIRT, "-kernel", guest, console=console, semihosting=True) as emulator:
        with debugger(emulator) as client:
            assert client.exchange(b"c") == b"W07"
        assert emulator.wait(PATIENCE_SECONDS) == 7
        assert emulator.end() == "QEMU ended with status 7"
    assert re.fullmatch(rb"([0-9a-f]{16}\n){5}semihosting says hello\n", console.read_bytes())


def test_guest_without_semihosting_cannot_call_the_host(ending: Callable[..., Path], tmp_path: Path) -> None:
    console = tmp_path / "console"
    with machine(*VIRT, "-kernel", ending("semihosting_exit"), console=console) as emulator:
        with debugger(emulator) as client:
            threading.Timer(0.5, emulator.stop).start()
            assert client.exchange(b"c").startswith(SIGINT_STOP)
        assert emulator.end() is None
    assert b"hello" not in console.read_bytes()


def test_time_is_the_same_in_two_runs(ending: Callable[..., Path], tmp_path: Path) -> None:
    # Given a guest that sleeps until its timer wakes it, and prints when that was
    def times(run: str, icount: int | None) -> bytes:
        console = tmp_path / run
        emulator = machine(*VIRT, "-kernel", ending("power_off"), console=console, icount=icount)
        with emulator, debugger(emulator) as client:
            assert client.exchange(b"c") == b"W00"
        return console.read_bytes()

    # Then counted instructions make its time, and not ours
    assert times("first", 0) == times("second", 0)
    assert times("first", 3) == times("second", 3) != times("third", 0)
    assert times("first", None) != times("second", None)


def test_no_byte_of_the_console_is_lost_where_nobody_takes_it(ending: Callable[..., Path]) -> None:
    # Given a console that goes to a pipe which nobody reads, and a guest that prints more than pipes hold
    letters = 20_000
    ours, theirs = os.pipe()
    guest = ending("power_off", f"-DLETTERS={letters}")
    with machine(*VIRT, "-kernel", guest, console=theirs) as emulator, debugger(emulator) as client:
        # When it runs to its end, then it does not wait for us
        assert client.exchange(b"c") == b"W00"
        # And every byte arrives
        received = bytearray()
        reader = threading.Thread(target=lambda: received.extend(Path(f"/dev/fd/{ours}").read_bytes()))
        reader.start()
    os.close(theirs)
    reader.join(PATIENCE_SECONDS)
    os.close(ours)
    expected = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ" * letters
    assert bytes(received[: len(expected)]) == expected
    assert re.fullmatch(rb"([0-9a-f]{16}\n){5}", received[len(expected) :])


def test_console_whose_output_fails_does_not_hold_the_guest(ending: Callable[..., Path]) -> None:
    guest = ending("power_off", "-DLETTERS=20000")
    emulator = machine(*VIRT, "-kernel", guest, console=Path("/dev/full"))
    with emulator, debugger(emulator) as client:
        assert client.exchange(b"c") == b"W00"
    assert emulator.problems == ["/dev/full: cannot be written: No space left on device"]


@pytest.mark.parametrize("has_namespace", [True, False])
def test_killed_qemu_is_named(monkeypatch: pytest.MonkeyPatch, has_namespace: bool) -> None:
    if not has_namespace:
        monkeypatch.setattr("gdbtrace.machine.emulator.process_namespace", lambda: ())
    with machine(*VIRT) as emulator:
        os.kill(qemu_of(emulator), signal.SIGKILL)
        assert emulator.wait(PATIENCE_SECONDS) is not None
        assert re.fullmatch("QEMU ended with status (137|-9), as after SIGKILL", emulator.end() or "")
        assert emulator.events() == []


def test_fatal_error_of_qemu_is_quoted() -> None:
    # A Cortex-M3 whose memory is empty: its first instruction is a fault, and so is the fault's handler.
    command = MachineCommand(find_emulator("qemu-system-arm"), ("-M", "lm3s6965evb"), console=None)
    with SystemEmulator(command) as emulator, debugger(emulator) as client:
        with pytest.raises(GdbtraceError):
            client.exchange(b"c")
        emulator.wait(PATIENCE_SECONDS)
        assert re.match(
            r"QEMU ended with status (134|-6), as after SIGABRT \(qemu: fatal: Lockup: .*\)$", emulator.end() or ""
        )


def test_frozen_qemu_is_not_waited_for(tmp_path: Path) -> None:
    # Given a QEMU that the tracer has stopped for good
    with machine(*VIRT, "-bios", U_BOOT, console=tmp_path / "console") as emulator:
        os.kill(qemu_of(emulator), signal.SIGSTOP)

        # Then a question is given up
        monitor = Monitor(emulator.directory / "qmp", answer_seconds=0.2)
        with pytest.raises(LinkTimeout, match=r"QEMU did not open its control socket within 0\.2 s"):
            monitor.execute("query-status")
        monitor.close()
        began = time.monotonic()
    # And it is ended at once
    assert time.monotonic() - began < 2


def test_freezing_while_somebody_listens(tmp_path: Path) -> None:
    with machine(*VIRT, "-bios", U_BOOT) as emulator, emulator.listening():
        os.kill(qemu_of(emulator), signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ("-M", "nosuch"),
            "qemu-system-aarch64: unsupported machine type; Use -machine help to list supported machines",
        ),
        ((*VIRT, "-nosuch"), "qemu-system-aarch64: -nosuch: invalid option"),
        (("-M", "virt", "-cpu", "nosuch"), "qemu-system-aarch64: unable to find CPU model 'nosuch'"),
        ((*VIRT, "-kernel", "/nosuch"), "qemu-system-aarch64: could not load kernel '/nosuch'"),
    ],
)
def test_arguments_that_qemu_refuses(arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(UsageError) as caught, machine(*arguments):
        pass
    assert str(caught.value) == f"the machine does not start: QEMU ended with status 1 ({complaint})"


def test_missing_emulator_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="install Debian's qemu-system-misc, or pass --qemu PATH"):
        find_emulator("qemu-system-nosuch")
    with (
        pytest.raises((ToolMissing, TargetDied), match="passwd"),
        SystemEmulator(MachineCommand(Path("/etc/passwd"), ())),
    ):
        pass


def test_stub_on_a_port_of_loopback() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with machine(*VIRT, gdb_port=port) as emulator, debugger(emulator) as client:
        assert emulator.stub_endpoint == f"127.0.0.1:{port}"
        assert client.request(b"?").startswith(b"T05")


def test_port_in_use() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"--gdb-port {port}: Address already in use"), machine(gdb_port=port):
            pass


def test_console_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written: Is a directory"), machine(*VIRT, console=tmp_path):
        pass


def test_directory_with_a_comma(temp: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = temp.temp / "a, b"
    inner.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(inner))
    with machine(*VIRT) as emulator, debugger(emulator) as client:
        assert client.request(b"?").startswith(b"T05")
    inner.rmdir()


def test_directory_with_too_long_a_path(temp: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = temp.temp / ("x" * 100)
    inner.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(inner))
    with pytest.raises(UsageError, match="too long a path for a unix socket"), machine(*VIRT):
        pass
    inner.rmdir()


OWNER = """
import sys, threading
from pathlib import Path
from gdbtrace.machine.system import MachineCommand, SystemEmulator
with SystemEmulator(MachineCommand(Path(sys.argv[1]), tuple(sys.argv[2:]), console=None)) as emulator:
    print(emulator.directory, emulator.process_id, flush=True)
    threading.Event().wait()
"""


def test_killed_owner_takes_qemu_along(temp: Workplace) -> None:
    # Given a process that owns a machine
    emulator = find_emulator("qemu-system-aarch64")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(emulator), *VIRT],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temp.temp)},
        text=True,
    )
    assert owner.stdout is not None
    directory, process = owner.stdout.readline().split()
    assert is_running(int(process))
    assert any("qemu-system" in command for command in temp.processes().values())

    # When it is killed, then every process of the machine ends; the tracer would remove the directory
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: temp.processes() == {}, "the end of QEMU")
    for name in Path(directory).iterdir():
        name.unlink()
    Path(directory).rmdir()


@pytest.mark.parametrize(
    ("emulator", "name"),
    [
        ("arm", "lm3s6965evb"),
        ("arm", "mps2-an385"),
        ("arm", "netduinoplus2"),
        ("riscv32", "sifive_e"),
        ("riscv64", "virt"),
        ("x86_64", "pc"),
        ("i386", "pc"),
        ("sparc", "SS-5"),
        ("sparc64", "sun4u"),
        ("s390x", "s390-ccw-virtio"),
        ("ppc", "g3beige"),
        ("ppc64", "pseries"),
        ("avr", "uno"),
        ("sh4", "r2d"),
    ],
)
def test_machines_take_the_common_options(emulator: str, name: str) -> None:
    command = MachineCommand(find_emulator(f"qemu-system-{emulator}"), ("-M", name), console=None)
    with SystemEmulator(command) as running, debugger(running) as client:
        assert client.request(b"?").startswith(b"T05")
        assert running.status() == "prelaunch"
