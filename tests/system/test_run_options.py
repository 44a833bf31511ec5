"""What the options of ``gdbtrace run`` do, and the commands that show a trace: through the command line."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.model import Group
from gdbtrace.arch.registry import ARCHITECTURES
from tests.command_line import (
    ARCH,
    BOTH_ENGINES,
    GUEST,
    Workplace,
    address_in,
    frames_of,
)
from tests.toolchain import COMPILERS, GUESTS, QEMU_10_0, TESTS, Workshop

KNOWN_TO_GDB = [name for name, arch in ARCHITECTURES.items() if arch.gdb_architecture is not None]
# The program, its output, its surroundings.


def test_trace_is_named_after_the_program_in_the_working_directory(place: Workplace) -> None:
    done = place.run("run", "--limit", "3", GUEST)
    assert (done.status, done.err) == (0, "")
    assert len(frames_of(place.directory / "guest.frames")) == 3


def test_guests_output_comes_first_and_the_summary_last(place: Workplace) -> None:
    done = place.run("run", "-o", "x", GUEST)
    first, last = done.out.splitlines()
    assert first == "gdbtrace: dff8252a4d48bc60"
    assert last.endswith("bytes in x; guest exited with status 42")
    assert (done.status, done.err) == (0, "")


def test_json_summary(place: Workplace) -> None:
    done = place.run("run", "--json", "-o", "x", "--engine", "gdb", GUEST)
    summary = done.summary
    assert {name: summary[name] for name in ("outcome", "trace", "arch", "engine", "gaps")} == {
        "outcome": "exited",
        "trace": "x",
        "arch": "aarch64",
        "engine": "gdb",
        "gaps": [],
    }
    assert (summary["guest_exit_status"], summary["guest_signal"]) == (42, None)
    assert summary["instructions"] == len(frames_of(place.directory / "x"))
    assert summary["bytes"] == (place.directory / "x").stat().st_size
    assert isinstance(summary["registers_compared"], int)
    assert summary["registers_compared"] == 0  # no burst of a short run ends with the guest alive


def test_gdbs_registers_are_compared_where_the_guest_is_still_there(place: Workplace) -> None:
    done = place.run("run", "--json", "--limit", "10", "--engine", "gdb", GUEST)
    compared = done.summary["registers_compared"]
    assert isinstance(compared, int)
    assert compared >= 31 + 3  # x0 to x30, sp, pc, cpsr


def test_architecture_given_and_found_are_the_same_trace(place: Workplace) -> None:
    place.run("run", "--limit", "50", "--reproducible", "-o", "found", GUEST)
    place.run("run", "--limit", "50", "--reproducible", "-o", "given", "--arch", ARCH, GUEST)
    assert (place.directory / "found").read_bytes() == (place.directory / "given").read_bytes()


def test_guest_has_its_arguments_and_the_environment_that_was_given(place: Workplace, behave: Path) -> None:
    given = ("--env", "A=1", "--env", "B=x=y", "--env", "EMPTY=")
    done = place.run("run", "--start", "main", *given, behave, "--", "show", "--limit", "two words")
    *shown, _ = done.out.splitlines()
    assert shown[:3] == ["argument show", "argument --limit", "argument two words"]
    assert sorted(shown[3:]) == ["variable A=1", "variable B=x=y", "variable EMPTY="]


def test_guests_environment_is_empty_otherwise(place: Workplace, behave: Path) -> None:
    done = place.run("run", "--start", "main", behave, "--", "show")
    assert done.out.splitlines()[:-1] == ["argument show"]


def test_standard_input_from_a_file(place: Workplace, behave: Path) -> None:
    (place.directory / "input").write_text("some\nlines\n")
    done = place.run("run", "--start", "main", "--stdin", "input", behave, "--", "copy")
    assert done.out.splitlines()[:-1] == ["some", "lines"]
    assert done.out.endswith("guest exited with status 4\n")


@BOTH_ENGINES
def test_guest_does_nothing_more_after_the_end_of_its_trace(place: Workplace, behave: Path, engine: str) -> None:
    done = place.run("run", "--engine", engine, "--start", "main", "--limit", "10", "--json", behave, "--", "show")
    (summary,) = done.out.splitlines()
    assert json.loads(summary)["outcome"] == "limit"


# Where a trace begins and ends.


@pytest.mark.parametrize(
    ("start", "offset"),
    [("main", 0), ("main+8", 8), ("{main:#x}", 0), ("{main}+0x4", 4)],
    ids=["symbol", "symbol+offset", "address", "address+offset"],
)
def test_trace_begins_at_the_place_on_both_engines(place: Workplace, behave: Path, start: str, offset: int) -> None:
    main = address_in(behave, "main")
    for engine in ("gdb", "rsp"):
        options = ("--engine", engine, "--reproducible", "--limit", "5", "--start", start.format(main=main))
        assert place.run("run", *options, "-o", engine, behave, "--", "count").status == 0
    assert frames_of(place.directory / "gdb")[0].address == main + offset
    assert (place.directory / "gdb").read_bytes() == (place.directory / "rsp").read_bytes()


def test_trace_ends_before_the_nth_hit_on_both_engines(place: Workplace, behave: Path) -> None:
    for engine in ("gdb", "rsp"):
        options = ("--engine", engine, "--reproducible", "--start", "main", "--stop", "tick:4")
        done = place.run("run", *options, "-o", engine, behave, "--", "count")
        assert (done.status, done.err) == (0, "")
        assert done.out.endswith("; stop address reached\n")
    addresses = [frame.address for frame in frames_of(place.directory / "gdb")]
    assert addresses.count(address_in(behave, "tick")) == 3
    assert (place.directory / "gdb").read_bytes() == (place.directory / "rsp").read_bytes()


def test_trace_begins_at_the_nth_hit_on_both_engines(place: Workplace, behave: Path) -> None:
    for engine in ("gdb", "rsp"):
        options = ("--engine", engine, "--reproducible", "--start", "tick:3", "--limit", "100")
        assert place.run("run", *options, "-o", engine, behave, "--", "count").status == 0
    # Of five calls the third, fourth and fifth are left
    addresses = [frame.address for frame in frames_of(place.directory / "gdb")]
    tick = address_in(behave, "tick")
    assert addresses[0] == tick
    assert addresses.count(tick) == 3
    assert (place.directory / "gdb").read_bytes() == (place.directory / "rsp").read_bytes()


@BOTH_ENGINES
def test_program_that_ends_before_the_start_leaves_the_old_trace(place: Workplace, behave: Path, engine: str) -> None:
    older = place.run("run", "--engine", "rsp", "--limit", "1", "-o", "x", behave)
    assert older.status == 0
    before = (place.directory / "x").read_bytes()
    done = place.run("run", "--engine", engine, "--start", "never_called", "-o", "x", behave, "--", "count")
    assert done.status == 2
    assert done.complaint == "the program ended before never_called was reached; try another --start"
    assert (place.directory / "x").read_bytes() == before


@BOTH_ENGINES
def test_start_at_a_call_that_does_not_return(place: Workplace, engine: str) -> None:
    # Given the address of the exiting system call, which is reached once
    assert place.run("run", "-o", "x", GUEST).status == 0
    last = frames_of(place.directory / "x")[-1].address
    # When its second time is asked for, the guest ends on the step off the breakpoint
    done = place.run("run", "-o", "y", "--engine", engine, "--start", f"{last:#x}:2", GUEST)
    assert done.status == 2
    assert done.complaint == f"the program ended before {last:#x} was reached 2 times; try another --start"


# What is in a frame, and in the file.


def names(operands: Sequence[object] | None) -> list[str]:
    assert operands is not None
    return [operand.name for operand in operands if not operand.is_memory]  # type: ignore[attr-defined]


def test_full_register_lists_are_complete_before_and_after(place: Workplace) -> None:
    place.run("run", "--registers", "full", "--limit", "20", "-o", "x", "--engine", "rsp", GUEST)
    wanted = sorted(register.name for register in ARCHITECTURES[ARCH].registers if register.group is not Group.COUNTER)
    for frame in frames_of(place.directory / "x"):
        assert sorted(set(names(frame.pre))) == sorted(set(names(frame.post))) == wanted


def test_standard_register_lists_have_the_integer_state_before(place: Workplace) -> None:
    place.run("run", "--limit", "20", "-o", "x", "--engine", "rsp", GUEST)
    wanted = {f"x{number}" for number in range(31)} | {"sp", "pc"}
    for frame in frames_of(place.directory / "x"):
        assert wanted <= set(names(frame.pre))
        assert len(names(frame.post)) < 10


def test_touched_register_lists_have_operands_alone(place: Workplace) -> None:
    place.run("run", "--registers", "touched", "--limit", "20", "-o", "x", "--engine", "rsp", GUEST)
    for frame in frames_of(place.directory / "x"):
        assert len(names(frame.pre)) < 10
        assert "pc" in names(frame.post)


@pytest.mark.parametrize(("toc", "entries"), [("standard", 4), ("legacy", 3)])
def test_table_of_contents(place: Workplace, toc: str, entries: int) -> None:
    # 200 frames, 64 an entry: ceil(200 / 64) or floor(199 / 64) offsets.
    place.run("run", "--std-only", "--toc", toc, "--limit", "200", "-o", "x", "--engine", "rsp", GUEST)
    data = (place.directory / "x").read_bytes()
    count, table = struct.unpack_from("<2Q", data, 0x20)
    assert count == 200
    assert len(data) == table + 8 + 8 * entries
    assert data[table : table + 8] == bytes([64, 0, 0, 0, 0, 0, 0, 0])


def test_reproducible_trace_names_no_user_host_time_or_directory(place: Workplace, behave: Path) -> None:
    program = place.directory / "program"
    program.write_bytes(behave.read_bytes())
    program.chmod(0o755)
    options = ("--reproducible", "--start", "main", "--stdin", "/dev/null", "program", "--", "count")
    for name in ("one", "two"):
        assert place.run("run", "-o", name, *options).status == 0
    data = (place.directory / "one").read_bytes()
    assert data == (place.directory / "two").read_bytes()
    assert os.fsencode(place.directory) not in data
    with open_trace(place.directory / "one") as reader:
        assert reader.meta is not None
        assert (reader.meta.user, reader.meta.host, reader.meta.time) == ("gdbtrace", "localhost", 0.0)
        stats, message = reader.meta.fstats, reader.meta_message
    assert (stats.atime, stats.mtime, stats.ctime) == (0.0, 0.0, 0.0)
    assert message is not None
    assert getpass.getuser().encode() not in message
    assert socket.gethostname().encode() not in message


@pytest.mark.parametrize(
    ("options", "prefix", "told"),
    [
        (("--reproducible",), "", "/proc/self/cwd/program"),
        (("--reproducible", "--no-pin"), "", "{directory}/program"),
        (("--reproducible",), "{directory}/", "{directory}/program"),
        ((), "", "{directory}/program"),
    ],
    ids=["pinned", "not-pinned", "absolute", "not-reproducible"],
)
def test_program_finds_itself_where_it_is_told(
    place: Workplace, workshop: Workshop, options: tuple[str, ...], prefix: str, told: str
) -> None:
    shutil.copy(workshop.program(ARCH, TESTS / "programs" / "whereami.c"), place.directory / "program")
    program = f"{prefix.format(directory=place.directory)}program"
    done = place.run("run", "--start", "main", "--engine", "rsp", "-o", "x", *options, program)
    assert done.out.startswith(told.format(directory=place.directory.resolve()))
    assert done.out.endswith("guest exited with status 0\n")


def test_other_traces_say_who_made_them_where_and_of_what(place: Workplace) -> None:
    place.run("run", "--limit", "3", "-o", "x", GUEST, "--", "argument")
    with open_trace(place.directory / "x") as reader:
        meta = reader.meta
    assert meta is not None
    assert (meta.user, meta.host) == (getpass.getuser(), socket.gethostname())
    assert meta.target.path == str(GUEST.resolve())
    assert meta.target.args == (str(GUEST.resolve()), "argument")
    assert meta.target.envp == ()
    assert meta.fstats.size == GUEST.stat().st_size


# QEMU, gdb, libraries.


def test_cpu_model_reaches_qemu(place: Workplace) -> None:
    done = place.run("run", "--cpu", "no-such-model", GUEST)
    assert done.status == 3
    assert "unable to find CPU model 'no-such-model'" in done.err
    assert place.run("run", "--cpu", "cortex-a53", "--limit", "3", "-o", "x", GUEST).status == 0
    with open_trace(place.directory / "x") as reader:
        assert reader.meta is not None
        assert "--cpu=cortex-a53" in reader.meta.tracer.args


def tools(place: Workplace, *names: str) -> Path:
    """A directory for PATH with these of the system's programs."""
    directory = place.directory / "tools"
    directory.mkdir()
    for name in names:
        (directory / name).symlink_to(f"/usr/bin/{name}")
    return directory


def test_another_qemu_and_no_gdb(place: Workplace) -> None:
    # Given no QEMU on PATH, and no gdb
    path = tools(place, "unshare", "sh", "env")
    done = place.run("run", "--json", "--limit", "3", "--qemu", "/usr/bin/qemu-aarch64", GUEST, path=str(path))
    assert done.status == 0
    assert done.summary["engine"] == "rsp"
    assert done.complaint == (
        "gdb-multiarch not found: install Debian's gdb-multiarch, or use --engine rsp; using engine rsp"
    )


def test_gdb_that_was_asked_for_and_is_missing(place: Workplace) -> None:
    path = tools(place, "unshare", "sh", "env", "qemu-aarch64")
    done = place.run("run", "--engine", "gdb", GUEST, path=str(path))
    assert done.status == 3
    assert done.complaint == "gdb-multiarch not found: install Debian's gdb-multiarch, or use --engine rsp"
    assert not (place.directory / "guest.frames").exists()


@pytest.mark.parametrize(
    ("prints", "problem"),
    [
        ("GNU gdb (Debian 9.2-1) 9.2", "gdb-multiarch 9.2 is older than 12.1: "),
        ("hello", "gdb-multiarch does not say its version: "),
    ],
)
def test_gdb_that_is_too_old_or_no_gdb(place: Workplace, prints: str, problem: str) -> None:
    path = tools(place, "unshare", "sh", "env", "qemu-aarch64")
    fake = path / "gdb-multiarch"
    fake.write_text(f"#!/bin/sh\necho '{prints}'\n")
    fake.chmod(0o755)
    auto = place.run("run", "--json", "--limit", "3", GUEST, path=str(path))
    assert (auto.status, auto.summary["engine"]) == (0, "rsp")
    assert problem in auto.complaint
    assert auto.complaint.endswith("; using engine rsp")
    asked = place.run("run", "--engine", "gdb", GUEST, path=str(path))
    assert asked.status == 3
    assert problem in asked.complaint


def test_dynamically_linked_program_with_a_sysroot(place: Workplace) -> None:
    program = place.directory / "dynamic"
    subprocess.run(
        [*COMPILERS[ARCH], "-O2", str(TESTS / "programs" / "common" / "hello.c"), "-o", str(program)], check=True
    )
    # Given its libraries, it runs in its loader first
    options = ("--sysroot", "/usr/aarch64-linux-gnu", "--limit", "20000", "--engine", "rsp", "-o", "x")
    done = place.run("run", *options, program)
    assert (done.status, done.err) == (0, "")
    frames = frames_of(place.directory / "x")
    assert len(frames) == 20000
    # Then a symbol is where the program was loaded, on both engines
    for engine in ("gdb", "rsp"):
        options = ("--sysroot", "/usr/aarch64-linux-gnu", "--limit", "50", "--engine", engine, "-o", engine)
        assert place.run("run", *options, "--reproducible", "--start", "main", program).status == 0
    first = frames_of(place.directory / "gdb")[0].address
    assert first > address_in(program, "main")
    assert (first - address_in(program, "main")) % 0x1000 == 0
    assert (place.directory / "gdb").read_bytes() == (place.directory / "rsp").read_bytes()


def test_dynamically_linked_program_without_a_sysroot(place: Workplace) -> None:
    program = place.directory / "dynamic"
    subprocess.run(
        [*COMPILERS[ARCH], "-O2", str(TESTS / "programs" / "common" / "hello.c"), "-o", str(program)], check=True
    )
    done = place.run("run", program)
    assert done.status == 2
    assert done.complaint.endswith(
        "dynamic: dynamically linked, and its loader /lib/ld-linux-aarch64.so.1 is not here; "
        "say with --sysroot where its libraries are"
    )


# Showing a trace.


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """With a trace of the whole guest in it: ``x``."""
    place = Workplace(tmp_path_factory.mktemp("shown"))
    assert place.run("run", "--engine", "rsp", "--env", "K=V", "-o", "x", GUEST, "--", "argument").status == 0
    return place


def test_info(shown: Workplace) -> None:
    done = shown.run("info", "x")
    lines = {line.split(":")[0]: line.partition(":")[2].strip() for line in done.out.splitlines() if line[0] != " "}
    assert (done.status, done.err) == (0, "")
    assert lines["arch"] == "aarch64"
    assert lines["target"] == str(GUEST.resolve())
    assert lines["target environment"] == "K=V"
    assert lines["target size"] == f"{GUEST.stat().st_size:,}"
    assert f"std_frame {len(frames_of(shown.directory / 'x')):,}" in lines["frames"]


def test_info_as_json(shown: Workplace) -> None:
    facts = json.loads(shown.run("info", "--json", "x").out)
    frames = frames_of(shown.directory / "x")
    assert facts["arch"] == "aarch64"
    assert facts["frames"]["std_frame"] == len(frames)
    assert facts["threads"] == {"0": len(frames)}
    assert facts["target arguments"] == [str(GUEST.resolve()), "argument"]
    assert facts["loads"] == sum(len(frame.memory_reads()) for frame in frames)
    assert facts["stores"] == sum(len(frame.memory_writes()) for frame in frames)


def test_log_has_a_line_for_each_instruction_with_its_symbol(shown: Workplace) -> None:
    frames = frames_of(shown.directory / "x")
    lines = shown.run("log", "x").out.splitlines()
    assert len(lines) == len(frames)
    assert lines[0].startswith(f"0, {frames[0].address:#x}, {int.from_bytes(frames[0].rawbytes, 'little'):#x}, ")
    assert lines[0].endswith(", _start")


def test_log_in_the_oracles_format(shown: Workplace) -> None:
    frames = frames_of(shown.directory / "x")
    lines = shown.run("log", "--format", "memtrace", "x").out.splitlines()
    assert len(lines) == len(frames)
    assert f"{frames[0].address:x}" in lines[0]
    assert frames[0].rawbytes.hex() in lines[0]


def test_log_up_to_a_limit(shown: Workplace) -> None:
    whole = shown.run("log", "x").out.splitlines()
    assert shown.run("log", "--limit", "5", "x").out.splitlines() == whole[:5]


def test_log_with_a_program_of_the_users(shown: Workplace) -> None:
    # Given a trace whose program is nowhere to be found
    program = shown.directory / "moved"
    program.write_bytes(GUEST.read_bytes())
    program.chmod(0o755)
    options = ("--engine", "rsp", "--limit", "2", "--reproducible", "-o", "anonymous")
    assert shown.run("run", *options, "moved").status == 0
    program.rename(shown.directory / "elsewhere")
    assert not shown.run("log", "anonymous").out.splitlines()[0].endswith(", _start")
    lines = shown.run("log", "--elf", "elsewhere", "anonymous").out.splitlines()
    assert lines[0].endswith(", _start")


def test_log_whose_reader_has_enough_is_no_failure(shown: Workplace) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$1" -m gdbtrace log "$2" | head -n 1', "sh", sys.executable, str(shown.directory / "x")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_architectures(place: Workplace) -> None:
    done = place.run("archs")
    heading, *rows = done.out.splitlines()
    assert heading.split()[:3] == ["arch", "qemu", "engines"]
    of = {row.split()[0]: row.split()[1:4] for row in rows[: len(ARCHITECTURES)]}
    assert list(of) == list(ARCHITECTURES)
    assert {name: row for name, row in of.items() if name in KNOWN_TO_GDB} == {
        name: [f"qemu-{name}", "gdb,", "rsp"] for name in KNOWN_TO_GDB
    }


def test_architectures_as_json(place: Workplace) -> None:
    rows = json.loads(place.run("archs", "--json").out)
    assert [(row["name"], row["engines"], row["missing"]) for row in rows if row["name"] in KNOWN_TO_GDB] == [
        (name, ["gdb", "rsp"], []) for name in KNOWN_TO_GDB
    ]


def test_architectures_say_what_is_missing(place: Workplace) -> None:
    rows = json.loads(place.run("archs", "--json", path=str(tools(place, "qemu-arm"))).out)
    of = {row["name"]: row for row in rows}
    assert (of["arm"]["engines"], of["arm"]["missing"]) == (["rsp"], ["gdb-multiarch (apt: gdb-multiarch)"])
    assert of["mips"]["engines"] == []
    assert of["mips"]["missing"] == ["qemu-mips (apt: qemu-user)", "gdb-multiarch (apt: gdb-multiarch)"]


@pytest.mark.parametrize(
    ("qemu", "engines", "missing"),
    [
        (Path("/usr/bin/qemu-hexagon"), [], ["qemu-hexagon 8.1 or later (apt: qemu-user)"]),
        (QEMU_10_0 / "qemu-hexagon", ["rsp"], []),
    ],
    ids=["7.2", "10.0"],
)
def test_architecture_whose_qemu_must_be_newer(
    place: Workplace, qemu: Path, engines: list[str], missing: list[str]
) -> None:
    # Given an architecture that gdb does not know, and a QEMU of some version on PATH
    path = place.directory / "tools"
    path.mkdir()
    (path / "qemu-hexagon").symlink_to(qemu)
    (path / "llvm-objdump").symlink_to(shutil.which("llvm-objdump") or "")

    # Then its version decides
    rows = json.loads(place.run("archs", "--json", path=str(path)).out)
    row = next(row for row in rows if row["name"] == "hexagon")
    assert (row["engines"], row["missing"]) == (engines, missing)


def test_too_old_a_qemu_is_said_before_anything_runs(place: Workplace) -> None:
    done = place.run("run", "--qemu", "/usr/bin/qemu-hexagon", GUESTS / "hexagon" / "guest")
    assert done.status == 3
    assert "/usr/bin/qemu-hexagon is QEMU 7.2" in done.err
    assert "8.1 is needed: pass a newer one with --qemu PATH" in done.err
    assert not list(place.directory.glob("*.frames*"))
