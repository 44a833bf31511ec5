"""What is wrong with the command line, a program or a trace is said in one line, with the documented exit status."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace import open_trace
from gdbtrace.cli import main
from gdbtrace.errors import UsageError
from gdbtrace.image import Image
from gdbtrace.record.target import architecture_for
from tests.command_line import ARCH, BEHAVE, BOTH_ENGINES, GUEST, Workplace, frames_of
from tests.toolchain import GUESTS, Workshop

USAGE, TOOL_FAILED, DAMAGED = 2, 3, 4
LARGE = 1 << 63


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """With the guest in it, so that messages name a file and no directory."""
    place = Workplace(tmp_path)
    shutil.copy(GUEST, tmp_path / "guest")
    return place


def left_in(place: Workplace) -> set[str]:
    """What a run that never began must not have made."""
    return {path.name for path in place.directory.iterdir()} - {"guest", "t", "out", "err"}


# The program.


def test_no_such_program(place: Workplace) -> None:
    done = place.run("run", "nowhere")
    assert (done.status, done.complaint) == (USAGE, "nowhere: cannot be read: No such file or directory")
    assert left_in(place) == set()


def test_a_directory(place: Workplace) -> None:
    done = place.run("run", "t")
    assert (done.status, done.complaint) == (USAGE, "t: cannot be read: Is a directory")


@pytest.mark.parametrize(
    "command", [("run",), ("log", "--elf", "pipe"), ("info",), ("repair", "-o", "x")], ids=" ".join
)
def test_a_pipe_is_not_waited_for(place: Workplace, sound: bytes, command: tuple[str, ...]) -> None:
    os.mkfifo(place.directory / "pipe")
    (place.directory / "trace").write_bytes(sound)
    done = place.run(*command, "trace" if command[0] == "log" else "pipe")
    assert done.status == USAGE
    assert re.fullmatch(r"pipe: not a file; a (program|trace) cannot be read from a pipe or device", done.complaint)


def test_a_program_that_may_not_be_executed(place: Workplace) -> None:
    (place.directory / "guest").chmod(0o644)
    done = place.run("run", "guest")
    assert (done.status, done.complaint) == (USAGE, "guest: not executable; make it so with chmod +x")


def test_a_file_that_is_no_program(place: Workplace) -> None:
    (place.directory / "guest").write_text("#!/bin/sh\n")
    done = place.run("run", "guest")
    assert done.status == USAGE
    assert done.complaint.startswith("guest: not an ELF program that can be read")


def test_an_object_file(place: Workplace) -> None:
    (place.directory / "x.c").write_text("int x;")
    subprocess.run(["aarch64-linux-gnu-gcc", "-c", "x.c"], cwd=place.directory, check=True)
    done = place.run("run", "x.o")
    assert (done.status, done.complaint) == (USAGE, "x.o: not a program: an object file cannot be run")


def test_a_program_cut_short(place: Workplace) -> None:
    (place.directory / "guest").write_bytes(GUEST.read_bytes()[:3000])
    done = place.run("run", "guest")
    assert done.status == USAGE
    assert done.complaint.startswith("guest: not an ELF program that can be read")


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (
            "tricore/tricore_testboard.elf",
            "firmware for tricore; give its --machine: `gdbtrace machines` lists what there is",
        ),
        ("cortex-m3/lm3s6965evb.elf", " runs, or give the --machine if it is firmware"),
    ],
)
def test_firmware_without_a_machine(place: Workplace, image: str, complaint: str) -> None:
    done = place.run("run", GUESTS.parent / "firmware" / image)
    assert done.status in (USAGE, TOOL_FAILED)
    assert done.err.endswith(f"{complaint}\n")


def test_a_program_of_an_unknown_machine(place: Workplace) -> None:
    data = bytearray(GUEST.read_bytes())
    data[18:20] = struct.pack("<H", 243 + 1000)
    (place.directory / "guest").write_bytes(data)
    done = place.run("run", "guest")
    assert done.status == USAGE
    assert done.complaint.endswith("which is not supported; `gdbtrace archs` lists what is")


@pytest.mark.parametrize(("bit", "abi"), [(0x20, "n32"), (0x0200_0000, "microMIPS")])
def test_a_program_of_another_abi(tmp_path: Path, bit: int, abi: str) -> None:
    data = bytearray((GUESTS / "mips" / "guest").read_bytes())
    (flags,) = struct.unpack_from(">I", data, 0x24)
    struct.pack_into(">I", data, 0x24, flags | bit)
    (tmp_path / "guest").write_bytes(data)
    message = rf"guest: {abi} code \(e_flags {flags | bit:#x}\), a kind of EM_MIPS program that is not supported"
    with pytest.raises(UsageError, match=message):
        architecture_for(Image(tmp_path / "guest"), None)


def test_a_program_of_another_architecture(place: Workplace) -> None:
    done = place.run("run", "--arch", "sparc64", "guest")
    message = "guest: a program for aarch64, not for sparc64; leave --arch out"
    assert (done.status, done.complaint) == (USAGE, message)


def test_an_unknown_architecture_and_the_nearest_one(place: Workplace) -> None:
    done = place.run("run", "--arch", "aarhc64", "guest")
    message = "no architecture 'aarhc64', did you mean 'aarch64'?; `gdbtrace archs` lists them"
    assert (done.status, done.complaint) == (USAGE, message)


def test_a_name_that_a_terminal_would_obey_is_escaped(place: Workplace) -> None:
    done = place.run("run", "bad\x1b[2J\nname")
    assert (done.status, done.complaint) == (USAGE, "bad\\x1b[2J\\x0aname: cannot be read: No such file or directory")


@BOTH_ENGINES
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"bad\x1b[2J\nname", "bad\\x1b[2J\\x0aname"),
        (b"not\xffutf-8", "not\\xffutf-8"),
        (b"-option", "-option"),
        (b'a "quoted" \\', 'a "quoted" \\'),
    ],
    ids=["control", "not UTF-8", "option", "quotes"],
)
def test_a_program_of_any_name_is_traced(place: Workplace, engine: str, name: bytes, shown: str) -> None:
    shutil.copy(GUEST, place.directory / os.fsdecode(name))
    done = place.run("run", "--engine", engine, "--limit", "3", "--", os.fsdecode(name), "", "--json")
    assert (done.status, done.err) == (0, "")
    assert f" bytes in {shown}.frames; limit reached" in done.out
    with open_trace(place.directory / os.fsdecode(name + b".frames")) as reader:
        assert reader.meta is not None
        assert reader.meta.target.args[1:] == ("", "--json")


@cache
def guest_bytes(arch: str) -> bytes:
    return (GUESTS / arch / "guest").read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "guest"


def look_at(path: Path) -> None:
    """All that is asked of a program before it is run. Anything but a UsageError is a failure."""
    with contextlib.suppress(UsageError):
        image = Image(path)
        architecture_for(image, None)
        image.symbol("main")
        image.symbol_names()
        str(image.locate(0x400000))


@given(arch=st.sampled_from(["aarch64", "ppc64", "arm"]), data=st.data())
def test_a_program_cut_anywhere_is_read_or_refused(scratch: Path, arch: str, data: st.DataObject) -> None:
    whole = guest_bytes(arch)
    scratch.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    look_at(scratch)


def places_of_headers(whole: bytes) -> list[int]:
    """Where damage hurts: the ELF header, the program headers, the section headers, and the rest now and then."""
    is_64 = whole[4] == 2
    order = "<" if whole[5] == 1 else ">"
    program_headers, section_headers = struct.unpack_from(order + ("QQ" if is_64 else "II"), whole, 32 if is_64 else 28)
    return [
        *range(64),
        *range(program_headers, program_headers + 168),
        *range(section_headers, len(whole)),
        *range(0, len(whole), 97),
    ]


@given(arch=st.sampled_from(["aarch64", "ppc64", "arm"]), data=st.data())
def test_a_damaged_program_is_read_or_refused(scratch: Path, arch: str, data: st.DataObject) -> None:
    damaged = bytearray(guest_bytes(arch))
    at = st.sampled_from(places_of_headers(guest_bytes(arch)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(at)] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    scratch.write_bytes(damaged)
    look_at(scratch)


@pytest.mark.parametrize("arch", ["aarch64", "ppc64"])
@pytest.mark.parametrize("size", [1 << 62, LARGE, (1 << 64) - 1])
def test_the_size_of_a_section_is_not_believed(scratch: Path, arch: str, size: int) -> None:
    whole = guest_bytes(arch)
    order = "<" if whole[5] == 1 else ">"
    (table,), (count,) = struct.unpack_from(order + "Q", whole, 0x28), struct.unpack_from(order + "H", whole, 0x3C)
    for section in range(count):
        damaged = bytearray(whole)
        struct.pack_into(order + "Q", damaged, table + 64 * section + 32, size)
        scratch.write_bytes(damaged)
        look_at(scratch)


# The options.


def test_an_unknown_symbol_and_the_nearest_one(place: Workplace, workshop: Workshop) -> None:
    program = workshop.program(ARCH, BEHAVE)
    done = place.run("run", "--start", "never_caled", program)
    assert (done.status, done.complaint) == (
        USAGE,
        f"{program}: no symbol 'never_caled', did you mean 'never_called'?",
    )


def test_a_symbol_of_a_stripped_program(place: Workplace) -> None:
    subprocess.run(["aarch64-linux-gnu-strip", "guest"], cwd=place.directory, check=True)
    done = place.run("run", "--stop", "main", "guest")
    message = "guest: no symbol 'main'; the program has no symbols, give an address"
    assert (done.status, done.complaint) == (USAGE, message)
    assert left_in(place) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", ":0"], ":0: the N in SYMBOL:N must be from 1 to 2147483647"),
        (["--stop", "main:0"], "main:0: the N in SYMBOL:N must be from 1 to 2147483647"),
        (["--stop", "main:-1"], "main:-1: the N in SYMBOL:N must be from 1 to 2147483647"),
        # gdb would take it for 1.
        (["--start", "_start:99999999999"], "_start:99999999999: the N in SYMBOL:N must be from 1 to 2147483647"),
        (["--start", "_start+"], "_start+: the offset after + is not a number"),
        (["--start", "-1"], "-1: not an address of a 64-bit program"),
        (["--stop", hex(1 << 64)], f"{1 << 64:#x}: not an address of a 64-bit program"),
        (["--start", "_start+z"], "_start+z: the offset after + is not a number"),
        (["--start", ""], "guest: no symbol ''; give another, or an address"),
        (["--sysroot", "nowhere"], "--sysroot nowhere: not a directory; name the one that has the program's lib in it"),
        (["--env", "NAME"], "--env NAME: must be NAME=VALUE"),
        (["--env", "=VALUE"], "--env =VALUE: must be NAME=VALUE"),
        (["--stdin", "nowhere"], "nowhere: cannot be read: No such file or directory"),
        (["--stdin", "t"], "t: cannot be read: Is a directory"),
    ],
)
def test_an_option_that_makes_no_sense(place: Workplace, options: list[str], message: str) -> None:
    done = place.run("run", *options, "guest")
    assert (done.status, done.complaint) == (USAGE, message)
    assert left_in(place) == set()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--limit", "0"], "--limit"),
        (["--timeout", "0"], "--timeout"),
        (["--timeout", "soon"], "--timeout"),
        (["--engine", "lldb"], "--engine"),
        (["--registers", "some"], "--registers"),
        (["--toc", "new"], "--toc"),
        (["--key-interval", "0"], "--key-interval"),
        (["--timeout", "nan"], "--timeout"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_an_option_that_is_refused_with_a_word_on_the_usage(
    capsys: pytest.CaptureFixture[str], options: list[str], named: str
) -> None:
    assert main(["run", *options, str(GUEST)]) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    *usage, last = captured.err.splitlines()
    assert named in last
    assert any(line.startswith("Usage: gdbtrace run") for line in usage)


def test_output_in_a_directory_that_is_not_there(place: Workplace) -> None:
    done = place.run("run", "-o", "nowhere/x", "guest")
    message = "nowhere/x: cannot be written: No such file or directory"
    assert (done.status, done.complaint) == (TOOL_FAILED, message)


def test_output_that_is_a_directory(place: Workplace) -> None:
    done = place.run("run", "-o", "t", "guest")
    message = "t: exists and is not a file; say with -o where the trace goes"
    assert (done.status, done.complaint) == (USAGE, message)
    assert left_in(place) == set()


@pytest.mark.parametrize("command", [("run", "guest"), ("repair", "trace")], ids=" ".join)
def test_output_that_is_something_else_than_a_trace(place: Workplace, sound: bytes, command: tuple[str, ...]) -> None:
    (place.directory / "trace").write_bytes(sound)
    before = (place.directory / "guest").read_bytes()
    done = place.run(*command, "-o", "guest")
    message = "guest: exists and is not a trace; say with -o where the trace goes"
    assert (done.status, done.complaint) == (USAGE, message)
    assert (place.directory / "guest").read_bytes() == before
    os.mkfifo(place.directory / "pipe")
    done = place.run(*command, "-o", "pipe")
    message = "pipe: exists and is not a file; say with -o where the trace goes"
    assert (done.status, done.complaint) == (USAGE, message)


@pytest.mark.parametrize("length", [252, 300])
def test_output_whose_name_is_too_long(place: Workplace, length: int) -> None:
    done = place.run("run", "-o", length * "x", "guest")
    assert (done.status, done.complaint) == (TOOL_FAILED, f"{length * 'x'}: cannot be written: File name too long")


def test_numbers_beyond_any_use(place: Workplace, sound: bytes) -> None:
    (place.directory / "trace").write_bytes(sound)
    done = place.run("log", "--limit", "99999999999999999999", "trace")
    assert (done.status, len(done.out.splitlines()), done.err) == (0, 40, "")
    options = ("--engine", "rsp", "--limit", "9999999999999999999999", "--timeout", "inf", "--key-interval", "9" * 30)
    done = place.run("run", *options, "guest")
    assert (done.status, done.err) == (0, "")


# Standard output.


def shell(place: Workplace, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``"$@"``, which is gdbtrace, as a script says."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", script, "bash", sys.executable, "-m", "gdbtrace", *arguments],
        cwd=place.directory,
        capture_output=True,
        text=True,
    )


SAYING = [("log", "trace"), ("info", "trace"), ("archs",), ("archs", "--json"), ("--help",), ("log", "--help")]


@pytest.mark.parametrize("arguments", SAYING, ids=" ".join)
def test_standard_output_that_is_gone(place: Workplace, sound: bytes, arguments: tuple[str, ...]) -> None:
    (place.directory / "trace").write_bytes(sound)
    done = shell(place, '"$@" | true', *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    done = shell(place, '"$@" >&-', *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    done = shell(place, '"$@" >/dev/full', *arguments)
    message = "gdbtrace: standard output: cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (TOOL_FAILED, message)


def test_standard_streams_that_are_closed(place: Workplace) -> None:
    done = shell(place, '"$@" <&- 2>&-', "run", "--limit", "3", "guest")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(frames_of(place.directory / "guest.frames")) == 3
    assert shell(place, '"$@" 2>&-', "run", "nowhere").returncode == USAGE


# QEMU.


def test_no_qemu(place: Workplace) -> None:
    done = place.run("run", "guest", path="/nonexistent")
    message = "qemu-aarch64 not found: install Debian's qemu-user, or pass --qemu PATH"
    assert (done.status, done.complaint) == (TOOL_FAILED, message)


def test_a_qemu_that_is_not_there(place: Workplace) -> None:
    done = place.run("run", "--qemu", "nowhere", "guest")
    assert done.status == TOOL_FAILED
    assert done.complaint.startswith("nowhere not found: ")
    done = place.run("run", "--qemu", "t", "guest")
    message = "t/qemu-aarch64 not found: install Debian's qemu-user, or pass --qemu PATH"
    assert (done.status, done.complaint) == (TOOL_FAILED, message)
    (place.directory / "text").write_text("not a program")
    done = place.run("run", "--qemu", "./text", "guest")
    message = "text is not a program on PATH or a path to one: pass the path of qemu-aarch64 with --qemu PATH"
    assert (done.status, done.complaint) == (TOOL_FAILED, message)


@BOTH_ENGINES
@pytest.mark.parametrize("program", ["/bin/true", "/bin/cat"])
def test_a_qemu_that_is_none(place: Workplace, engine: str, program: str) -> None:
    done = place.run("run", "--engine", engine, "--qemu", program, "guest")
    assert done.status == TOOL_FAILED
    *of_the_program, complaint = done.err.splitlines()
    assert complaint.startswith(
        "gdbtrace: QEMU ended before its gdbstub could be reached; QEMU ended with exit status "
    )
    assert complaint.endswith(f"; see whether `{program} guest` runs, or give the --machine if it is firmware")
    assert all("gdbtrace" not in line for line in of_the_program)
    assert left_in(place) == set()


def test_a_qemu_that_cannot_be_executed(place: Workplace) -> None:
    broken = place.directory / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    done = place.run("run", "--qemu", "./broken", "guest")
    assert done.status == TOOL_FAILED
    assert done.err.splitlines()[-1].startswith("gdbtrace: ")


def test_the_qemu_of_another_architecture(place: Workplace) -> None:
    done = place.run("run", "--qemu", "/usr/bin/qemu-sparc64", "guest")
    assert done.status == TOOL_FAILED
    reason, complaint = done.err.splitlines()
    assert reason == "qemu-sparc64: guest: Invalid ELF image for this architecture"
    assert complaint.startswith("gdbtrace: QEMU ended before its gdbstub could be reached")


# Traces.


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small trace, 40 frames."""
    place = Workplace(tmp_path_factory.mktemp("sound"))
    assert place.run("run", "--engine", "rsp", "--limit", "40", "--reproducible", "-o", "x", GUEST).status == 0
    return (place.directory / "x").read_bytes()


READERS = [("info",), ("info", "--json"), ("log",), ("log", "--format", "memtrace"), ("repair", "-o", "repaired")]


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_what_is_no_trace(place: Workplace, command: tuple[str, ...]) -> None:
    (place.directory / "x").write_text("hello\n")
    done = place.run(*command, "x")
    assert (done.status, done.complaint) == (DAMAGED, "x: not a bap-frame trace at offset 0x0")
    assert not (place.directory / "repaired").exists()


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_no_such_trace(place: Workplace, command: tuple[str, ...]) -> None:
    done = place.run(*command, "nowhere")
    assert (done.status, done.complaint) == (USAGE, "nowhere: cannot be read: No such file or directory")


def offsets_of(sound: bytes) -> tuple[int, int, int]:
    """Where the first frame, the table of contents and the file end or begin."""
    (toc,) = struct.unpack_from("<Q", sound, 0x28)
    (meta,) = struct.unpack_from("<Q", sound, 0x30)
    return 0x38 + meta, toc, len(sound)


def test_a_trace_cut_anywhere(sound: bytes, inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, toc, end = offsets_of(sound)
    cuts = [*range(0, first + 20, 7), *range(first, toc, (toc - first) // 50), *range(toc - 3, end)]
    for cut in cuts:
        (inside / "x").write_bytes(sound[:cut])
        for command in READERS:
            status = main([*command, "x"])
            captured = capsys.readouterr()
            is_repair_of_frames = command[0] == "repair" and cut >= first
            assert status == (0 if is_repair_of_frames else DAMAGED) or cut >= toc, (command, cut)
            if status:
                (line,) = captured.err.splitlines()
                assert re.fullmatch(r"gdbtrace: x: .* at offset 0x[0-9a-f]+(; `gdbtrace repair` .*)?", line), (
                    command,
                    cut,
                )
            else:
                assert captured.err == ""
        if cut >= first:
            frames_of(inside / "repaired")


@pytest.mark.parametrize("size", [LARGE, (1 << 64) - 1, LARGE - 1, 1 << 40])
@pytest.mark.parametrize("place_of", ["meta size", "first frame size", "toc offset", "frame count"])
def test_sizes_are_not_believed(
    sound: bytes, inside: Path, capsys: pytest.CaptureFixture[str], place_of: str, size: int
) -> None:
    first, _, _ = offsets_of(sound)
    at = {"meta size": 0x30, "first frame size": first, "toc offset": 0x28, "frame count": 0x20}[place_of]
    damaged = bytearray(sound)
    damaged[at : at + 8] = struct.pack("<Q", size)
    (inside / "x").write_bytes(damaged)
    for command in READERS:
        status = main([*command, "x"])
        captured = capsys.readouterr()
        if command[0] == "repair" and place_of != "meta size":
            # Repair trusts the frames alone.
            assert (status, captured.err) == (0, "")
            expected = 0 if place_of == "first frame size" else 40
            assert len(frames_of(inside / "repaired")) == expected
            continue
        assert status == DAMAGED, command
        (line,) = captured.err.splitlines()
        assert line.startswith("gdbtrace: x: ")


@pytest.mark.parametrize("word", [0, 1], ids=["frames per entry", "first offset"])
def test_a_damaged_table_of_contents_does_not_matter_for_reading_in_order(
    sound: bytes, inside: Path, capsys: pytest.CaptureFixture[str], word: int
) -> None:
    _, toc, _ = offsets_of(sound)
    damaged = bytearray(sound)
    damaged[toc + 8 * word : toc + 8 * word + 8] = struct.pack("<Q", LARGE)
    (inside / "x").write_bytes(damaged)
    assert main(["log", "x"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 40
    assert captured.err == ""
    assert main(["repair", "-o", "repaired", "x"]) == 0
    assert (inside / "repaired").read_bytes() == sound


@given(data=st.data())
def test_a_trace_with_bytes_changed_is_shown_or_refused(
    sound: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged)
    for command in READERS[:4]:
        assert main([*command, str(path)]) in (0, DAMAGED)


def test_repair_does_not_overwrite(place: Workplace, sound: bytes) -> None:
    (place.directory / "x.frames.part").write_bytes(sound)
    (place.directory / "x.frames").write_text("precious")
    done = place.run("repair", "x.frames.part")
    message = "x.frames: exists already; say with -o where the repaired trace goes"
    assert (done.status, done.complaint) == (USAGE, message)
    assert (place.directory / "x.frames").read_text() == "precious"


def test_repair_must_be_told_where_to(place: Workplace, sound: bytes) -> None:
    (place.directory / "x.frames").write_bytes(sound)
    done = place.run("repair", "x.frames")
    message = "x.frames: does not end in .part, so say with -o where the repaired trace goes"
    assert (done.status, done.complaint) == (USAGE, message)


def test_an_unknown_architecture_for_the_log(place: Workplace, sound: bytes) -> None:
    (place.directory / "x").write_bytes(sound)
    done = place.run("log", "--arch", "nonsense", "x")
    assert (done.status, done.complaint) == (USAGE, "no architecture 'nonsense'; `gdbtrace archs` lists them")


def test_a_program_for_the_log_that_is_none(place: Workplace, sound: bytes) -> None:
    (place.directory / "x").write_bytes(sound)
    done = place.run("log", "--elf", "x", "x")
    assert done.status == USAGE
    assert done.complaint.startswith("x: not an ELF program that can be read")
