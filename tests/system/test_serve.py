"""``gdbtrace serve`` with a real gdb, which pygdbmi drives."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pygdbmi.gdbcontroller import GdbController

from gdbtrace import open_trace
from gdbtrace.trace import StdFrame
from tests.command_line import PATIENCE_SECONDS, Done, Workplace, frames_of, wait_until
from tests.toolchain import GUESTS, TESTS

FIRMWARE = TESTS.parent / "vm-images" / "firmware"
PROGRAM = GUESTS / "sparc64" / "guest"
HARTS = FIRMWARE / "riscv" / "virt-riscv64.elf"
CORTEX = FIRMWARE / "cortex-m3" / "lm3s6965evb.elf"


@dataclass
class Answer:
    """What gdb made of a command."""

    result: str
    """``done``, ``error``, ``running``."""
    text: str
    """What was printed, by the stub or by gdb."""


class Gdb:
    """A person's own gdb."""

    def __init__(self, program: Path) -> None:
        command = ["setsid", "gdb-multiarch", "--nx", "--quiet", "--interpreter=mi3", "-iex", "set auto-load off"]
        self.controller = GdbController(command)
        self.stops: list[dict[str, str]] = []
        assert self("set confirm off").result == "done"
        assert self(f"file {program}").result == "done"

    def __call__(self, command: str) -> Answer:
        """Say something, and wait for the answer; of ``continue`` and the like for the stop."""
        self.controller.write(command, read_response=False)
        return self.answer()

    def answer(self) -> Answer:
        """Of what was said last."""
        text, result = "", ""
        stops = len(self.stops)
        while not result or (result == "running" and len(self.stops) == stops):
            for message in self.controller.get_gdb_response(timeout_sec=PATIENCE_SECONDS):
                match message["type"]:
                    case "result":
                        result = message["message"]
                        text += (message["payload"] or {}).get("msg", "") if result == "error" else ""
                    case "console" | "target":
                        text += message["payload"]
                    case "notify" if message["message"] == "stopped":
                        self.stops.append(message["payload"])
        return Answer(result, text)

    def pc(self) -> int:
        """Where gdb sees the target, having been told to look."""
        self("maintenance flush register-cache")
        match = re.search(r"0x([0-9a-f]+)", self("print/x $pc").text)
        assert match is not None
        return int(match[1], 16)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        process = self.controller.gdb_process
        assert process is not None
        return process

    def close(self) -> None:
        process = self.process
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


class Service:
    """``gdbtrace serve`` with gdb at it."""

    def __init__(self, place: Workplace, gdb: Gdb, process: subprocess.Popen[bytes]) -> None:
        self.place, self.gdb, self.process = place, gdb, process

    def finish(self) -> Done:
        """Wait for its end, which leaves nothing behind."""
        return self.place.finish(self.process)


@contextmanager
def serving(place: Workplace, program: Path, *options: str, argument: str = "") -> Iterator[Service]:
    process = place.start("serve", *options, program, *filter(None, [argument]))
    out = place.directory / "out"
    try:
        wait_until(lambda: out.read_text().endswith("\n") or process.poll() is not None, "the endpoint")
        endpoint = out.read_text()
        assert endpoint.startswith("target remote "), (place.directory / "err").read_text()
        gdb = Gdb(program)
        try:
            assert gdb(endpoint.strip()).result == "done"
            yield Service(place, gdb, process)
        finally:
            gdb.close()
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE_SECONDS)


def bodies_of(trace: Path) -> list[StdFrame]:
    return [StdFrame(f.address, f.thread_id, f.rawbytes, tuple(f.pre), f.post, f.mode) for f in frames_of(trace)]


def symbol(program: Path, name: str) -> int:
    listing = subprocess.run(["nm", str(program)], capture_output=True, text=True, check=True).stdout
    (address,) = [line.split()[0] for line in listing.splitlines() if line.split()[-1] == name]
    return int(address, 16)


def test_records_from_where_gdb_has_gone_what_run_records_from_there(place: Workplace) -> None:
    with serving(place, PROGRAM) as service:
        gdb = service.gdb
        # Given a program that gdb has run to a breakpoint
        gdb("break guest_write")
        assert gdb("-exec-continue").result == "running"
        assert gdb.stops[-1]["reason"] == "breakpoint-hit"

        # When some instructions are recorded, then more, to a symbol and to an address
        assert gdb("monitor gdbtrace info").text.startswith("nothing is being recorded")
        assert gdb("monitor gdbtrace record a.frames") == Answer(
            "done", "recording to a.frames; `monitor gdbtrace step N` records N instructions\n"
        )
        assert gdb("monitor gdbtrace step 10") == Answer("done", "")
        assert gdb("monitor gdbtrace step") == Answer("done", "")
        assert re.fullmatch(r"recording to a.frames: 11 instructions, \d+ frames\n", gdb("monitor gdbtrace info").text)
        assert gdb("monitor gdbtrace until guest_write") == Answer("done", "reached\n")
        # Then gdb is there when it looks
        assert gdb.pc() == symbol(PROGRAM, "guest_write")
        assert gdb(f"monitor gdbtrace until {symbol(PROGRAM, 'guest_exit'):#x}") == Answer("done", "reached\n")
        assert gdb.pc() == symbol(PROGRAM, "guest_exit")
        stopped = gdb("monitor gdbtrace stop")
        assert re.fullmatch(r"a.frames: \d+ instructions, \d+ frames\n", stopped.text)
        assert gdb("monitor gdbtrace stop").text == "nothing was being recorded\n"
        assert gdb("-exec-continue").result == "running"
        assert gdb.stops[-1]["reason"] == "exited"
        done = service.finish()
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(r"a.frames: \d+ frames", done.out.splitlines()[-1])

    # And the frames are those of a run
    window = ("--start", "guest_write", "--stop", "guest_exit")
    assert place.run("run", PROGRAM, *window, "-o", "b.frames").status == 0
    assert bodies_of(place.directory / "a.frames") == bodies_of(place.directory / "b.frames")


def test_what_cannot_be_done_is_said_and_changes_nothing(place: Workplace) -> None:
    with serving(place, PROGRAM) as service:
        gdb = service.gdb
        first = "gdbtrace: nothing is being recorded: first `monitor gdbtrace record FILE`\n"
        assert gdb("monitor gdbtrace step").text.startswith(first)
        for wrong, why in (
            ("jump", "no command 'jump'"),
            ("step 0", "0: not a number of instructions"),
            ("step x", "x: not a number of instructions"),
            ("record", "no command 'record'"),
            ("record /nowhere/a.frames", "/nowhere/a.frames: cannot be written"),
            ("until guest_write", first),
        ):
            answer = gdb(f"monitor gdbtrace {wrong}")
            assert answer.result == "error"
            assert why in answer.text
        assert gdb("monitor gdbtrace record a.frames").result == "done"
        assert "no symbol 'guest_writ', did you mean 'guest_write'?" in gdb("monitor gdbtrace until guest_writ").text
        assert gdb("monitor gdbtrace step 3").result == "done"
        # A file that cannot be written leaves the other one open.
        assert gdb("monitor gdbtrace record /nowhere/a.frames").result == "error"
        assert gdb("monitor gdbtrace step 2").result == "done"
        # Another one closes it.
        assert gdb("monitor gdbtrace record b.frames").result == "done"
        assert gdb("monitor gdbtrace step 4").result == "done"
        assert "step [N]" in gdb("monitor gdbtrace help").text
        gdb("detach")
        done = service.finish()
    assert [len(frames_of(place.directory / name)) for name in ("a.frames", "b.frames")] == [5, 4]
    assert done.status == 0


def test_what_gdb_writes_is_what_runs(place: Workplace) -> None:
    # Given code that has been recorded
    with serving(place, HARTS, "--machine", "virt-riscv64") as service:
        gdb = service.gdb
        first = symbol(HARTS, "_start")
        gdb("monitor gdbtrace record a.frames")
        assert gdb(f"monitor gdbtrace until {first + 8:#x}").text == "reached\n"
        # When gdb puts another instruction into it, a value into a register, and goes back
        assert gdb(f"set var *(unsigned int *){first:#x} = 0x00150513").result == "done"
        gdb("maintenance flush register-cache")
        assert gdb(f"set $pc = {first:#x}").result == "done"
        assert gdb("set $a0 = 0x1234").result == "done"
        gdb("monitor gdbtrace step 1")
        assert gdb.pc() == first + 4
        gdb("kill")
        service.finish()
    # Then that is what was executed: addi a0, a0, 1
    *_, last = frames_of(place.directory / "a.frames")
    assert (last.address, last.rawbytes) == (first, bytes.fromhex("13051500"))
    before, after = ({each.name: each.as_int() for each in operands} for operands in (last.pre, last.post or ()))
    assert (before["a0"], after["a0"]) == (0x1234, 0x1235)


def test_what_gdb_runs_itself_is_a_gap(place: Workplace) -> None:
    with serving(place, PROGRAM) as service:
        gdb = service.gdb
        gdb("monitor gdbtrace record a.frames")
        gdb("monitor gdbtrace step 3")
        gdb("maintenance flush register-cache")
        gdb("-exec-step-instruction")
        gdb("monitor gdbtrace step 3")
        assert "6 instructions" in (said := gdb("monitor gdbtrace info").text)
        assert said.endswith("; once something ran that was not observed\n")
        gdb("detach")
        service.finish()
    assert len(frames_of(place.directory / "a.frames")) == 6


def test_a_machine_with_two_harts_of_which_gdb_looks_at_one(place: Workplace) -> None:
    options = ("--machine", "virt-riscv64", "--smp", "2")
    with serving(place, HARTS, *options) as service:
        gdb = service.gdb
        gdb("monitor gdbtrace record a.frames")
        assert gdb("-thread-select 2").result == "done"
        assert gdb("monitor gdbtrace step 250") == Answer("done", "")
        # What gdb had selected it still has.
        assert gdb("print $mhartid").text.endswith("= 1\n")
        assert "paused" in gdb("monitor info status").text
        gdb("monitor gdbtrace stop")
        # And it runs to its end, which is QEMU's, and which gdb is told.
        gdb("-exec-continue")
        assert gdb.stops[-1]["reason"] == "exited-normally"
        done = service.finish()
    assert done.status == 0, done.err
    assert place.run("run", *options, HARTS, "--limit", "250", "-o", "b.frames").status == 0
    frames = bodies_of(place.directory / "a.frames")
    assert {frame.thread_id for frame in frames} == {0, 1}
    assert frames == bodies_of(place.directory / "b.frames")


def test_a_cortex_m_from_a_symbol_on(place: Workplace) -> None:
    options = ("--machine", "lm3s6965evb")
    with serving(place, CORTEX, *options) as service:
        gdb = service.gdb
        gdb("tbreak main")
        gdb("-exec-continue")
        gdb("monitor gdbtrace record a.frames")
        assert gdb("monitor gdbtrace step 300") == Answer("done", "")
        gdb("kill")
        done = service.finish()
    assert done.status == 0
    assert place.run("run", *options, CORTEX, "--start", "main", "--limit", "300", "-o", "b.frames").status == 0
    assert bodies_of(place.directory / "a.frames") == bodies_of(place.directory / "b.frames")


@pytest.mark.parametrize("how", ["detach", "kill", "gdb is killed", "serve is interrupted", "serve is terminated"])
def test_however_it_ends_the_trace_is_closed_and_nothing_is_left(place: Workplace, how: str) -> None:
    with serving(place, PROGRAM) as service:
        gdb = service.gdb
        gdb("monitor gdbtrace record a.frames")
        gdb("monitor gdbtrace step 20")
        match how:
            case "gdb is killed":
                gdb.process.kill()
            case "serve is interrupted":
                service.process.send_signal(signal.SIGINT)
            case "serve is terminated":
                service.process.send_signal(signal.SIGTERM)
            case _:
                gdb(how)
        done = service.finish()
    assert done.err == ""
    assert len(frames_of(place.directory / "a.frames")) == 20


@pytest.mark.parametrize("who", ["gdb", "serve"])
def test_a_long_burst_is_interrupted(place: Workplace, behave: Path, who: str) -> None:
    # Given a program that does not come to where it is to be recorded to
    with serving(place, behave, argument="spin") as service:
        gdb = service.gdb
        gdb("monitor gdbtrace record a.frames")
        gdb.controller.write("monitor gdbtrace until 0x7ffffff0", read_response=False)
        part = place.directory / "a.frames.part"
        wait_until(lambda: part.stat().st_size > 100_000, "frames")
        # When somebody presses Ctrl-C
        if who == "gdb":
            os.kill(gdb.process.pid, signal.SIGINT)
            assert "interrupted\n" in gdb.answer().text
            # Then gdb goes on (it may have sent more than one interrupt, and the next burst ends with that)
            assert gdb("monitor gdbtrace step 5").result == "done"
            gdb("detach")
        else:
            service.process.send_signal(signal.SIGINT)
        service.finish()
    with open_trace(place.directory / "a.frames") as reader:
        assert reader.is_closed


def test_a_port_of_the_loopback_interface(place: Workplace) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(place, PROGRAM, "--port", str(port)) as service:
        assert (place.directory / "out").read_text() == f"target remote 127.0.0.1:{port}\n"
        service.gdb("detach")
        assert service.finish().status == 0


def test_ends_when_it_is_interrupted_before_gdb_has_come(place: Workplace) -> None:
    process = place.start("serve", PROGRAM)
    wait_until(lambda: (place.directory / "out").read_text().endswith("\n"), "the endpoint")
    process.send_signal(signal.SIGINT)
    assert place.finish(process).err == ""


def test_options_of_a_window_have_no_meaning(place: Workplace) -> None:
    done = place.run("serve", "--machine", "virt-riscv64", "--until-console", "x", HARTS)
    assert done.status == 2
    assert "--until-console" in done.err
