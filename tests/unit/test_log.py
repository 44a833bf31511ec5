"""``gdbtrace log`` of the committed traces: against QEMU's own execlog plugin, and against reference output."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace.arch.hppa import HPPA
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import Arch
from gdbtrace.arch.x86 import X86_64
from gdbtrace.cli import main
from gdbtrace.trace import ExceptionFrame, ModloadFrame, Operand, RegisterLocation, StdFrame, Usage, open_trace
from gdbtrace.trace.frames import Tracer
from tests.log_lines import META, written
from tests.toolchain import GUESTS, TESTS

GUEST = GUESTS / "mips" / "guest"
TRACES = TESTS / "traces"
ARCHS = ["aarch64", "sparc64"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    assert main(["log", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def without_text(line: str) -> str:
    return re.sub(r'".*"', '""', line)


def text_of(line: str) -> str:
    """Without the space that QEMU puts where operands would be."""
    return line.split('"')[1].rstrip()


@pytest.mark.parametrize("arch", ARCHS)
def test_lines_are_execlogs(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Given what execlog printed of the same run (execlog.sh made it)
    theirs = (TRACES / f"{arch}.execlog").read_text().splitlines()
    # When the trace is logged, then each character is the same, but those of the disassembler's text...
    ours = printed(capsys, "--no-symbols", TRACES / f"{arch}.frames")
    assert list(map(without_text, ours)) == list(map(without_text, theirs))
    if arch == "aarch64":
        # ...which is the same capstone's, in another version; QEMU has a disassembler of its own for SPARC.
        texts = zip(map(text_of, theirs), map(text_of, ours), strict=True)
        assert {(old.split()[0], new.split()[0]) for old, new in texts if old != new} == {("movz", "mov")}


@pytest.mark.parametrize("arch", ARCHS)
def test_log_is_the_reference(arch: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # gdbtrace log --source --events --values --reg '[gx]*' --frames :48 ARCH.frames > ARCH.log.txt
    monkeypatch.chdir(TRACES)
    options = ("--source", "--events", "--values", "--reg", "[gx]*", "--frames", ":48")
    lines = printed(capsys, *options, f"{arch}.frames")
    assert lines == (TRACES / f"{arch}.log.txt").read_text().splitlines()


@pytest.mark.parametrize("arch", ARCHS)
def test_log_without_the_program_lacks_what_only_that_knows(
    arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a trace whose program is not here
    alone = Path(shutil.copy(TRACES / f"{arch}.frames", tmp_path))
    options = ("--source", "--events", "--values", "--reg", "*")
    # Then the lines are the same without symbols, and there is no source
    ours = printed(capsys, *options, alone)
    there = printed(capsys, *options[1:], "--no-symbols", TRACES / f"{arch}.frames")
    assert ours == there


@pytest.mark.parametrize("arch", ARCHS)
def test_json_says_the_same(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / f"{arch}.frames"
    lines = printed(capsys, trace)
    objects = [json.loads(line) for line in printed(capsys, "--json", trace)]
    assert len(lines) == len(objects)
    for line, shown in zip(lines, objects, strict=True):
        accesses = "".join(f", {each['kind']}, 0x{int(each['address'], 16):08x}" for each in shown["accesses"])
        symbol = f", {shown['symbol']}" if "symbol" in shown else ""
        opcode = int.from_bytes(bytes.fromhex(shown["bytes"]), "little")
        head = f'{shown["vcpu"]}, {shown["address"]}, {opcode:#x}, "{shown["disassembly"]}"'
        assert line == head + accesses + symbol


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(
    ("window", "first", "end"), [(":10", 0, 10), ("100:", 100, None), ("70:200", 70, 200), ("5000:", 5000, None)]
)
def test_windows_are_parts_of_the_whole(
    arch: str, window: str, first: int, end: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    # Symbols too: the module is loaded before these windows.
    trace = TRACES / f"{arch}.frames"
    with open_trace(trace) as reader:
        instructions = [index for index, frame in enumerate(reader) if isinstance(frame, StdFrame)]
        count = len(reader)
    inside = [number for number, index in enumerate(instructions) if first <= index < (count if end is None else end)]
    lines = printed(capsys, trace)
    assert printed(capsys, "--frames", window, trace) == [lines[number] for number in inside]


@pytest.mark.parametrize("arch", ARCHS)
def test_ranges_are_of_addresses_or_functions(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / f"{arch}.frames"
    lines = printed(capsys, trace)
    inside = [line for line in lines if re.search(r", fill(\+0x[0-9a-f]+)?$", line)]
    assert inside
    assert printed(capsys, "--range", "fill", trace) == inside
    addresses = [int(line.split(", ")[1], 16) for line in inside]
    assert printed(capsys, "--range", f"{min(addresses):#x}-{max(addresses):#x}", trace) == inside
    start = [line for line in lines if re.search(r", _start(\+0x[0-9a-f]+)?$", line)]
    both = printed(capsys, "--range", "fill", "--range", "_start", trace)
    assert sorted(both) == sorted([*inside, *start])
    assert printed(capsys, "--range", "0x10-0x20", trace) == []


@pytest.mark.parametrize("arch", ARCHS)
def test_vcpu_and_limit(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / f"{arch}.frames"
    lines = printed(capsys, trace)
    assert printed(capsys, "--vcpu", "0", trace) == lines
    assert printed(capsys, "--vcpu", "1", trace) == []
    assert printed(capsys, "--limit", "3", trace) == lines[:3]
    assert printed(capsys, "--limit", "3", "--source", "--events", trace)[-1] == lines[2]


def test_address_space_is_the_one_that_an_instruction_ran_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a machine with two vCPUs, of which one goes to another address space by its second instruction
    def cr3(value: int, **usage: bool) -> Operand:
        return Operand(RegisterLocation("cr3"), 64, value.to_bytes(8, "little"), Usage(**usage))

    here, there, nop = cr3(0x1000, read=True), cr3(0x2000, read=True), b"\x90"
    frames = [
        StdFrame(0x10, 0, nop, [here], []),
        StdFrame(0x11, 0, nop, [here], [cr3(0x2000, written=True)]),
        StdFrame(0x90, 1, nop, [here], []),
        # What does not say is where the vCPU was last.
        StdFrame(0x12, 0, nop, [], []),
        StdFrame(0x13, 0, nop, [there], None),
        ExceptionFrame(14, 0, 0x13, 0x50),
    ]
    meta = replace(META, tracer=Tracer("gdbtrace", ("--arch=x86_64", "--machine=pc-x86_64"), (), "1"))
    trace = written(tmp_path / "x.frames", frames, X86_64, meta)

    def ran_in(*spaces: str) -> list[str]:
        options = [word for space in spaces for word in ("--asid", space)]
        return [line.split(", ")[1] for line in printed(capsys, "--events", *options, trace)]

    assert ran_in("0x1000") == ["0x10", "0x11", "0x90"]
    assert ran_in("8192") == ["0x12", "0x13", "exception 14"]
    assert ran_in("0x1000", "0x2000") == ran_in()
    assert ran_in("3") == []
    assert [line.split(", ")[1] for line in printed(capsys, "--asid", "0x1000", "--vcpu", "1", trace)] == ["0x90"]


def test_symbols_are_those_of_what_was_loaded_before_the_window(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a library that is loaded twice, at different places
    nop = bytes(4)
    inside = [base + 0x150 for base in (0x7000_0000, 0x6000_0000)]
    frames = [
        ModloadFrame(str(GUEST), 0x7000_0000, 0x7001_FFFF),
        StdFrame(inside[0], 0, nop, (), ()),
        ModloadFrame(str(GUEST), 0x6000_0000, 0x6001_FFFF),
        StdFrame(inside[1], 0, nop, (), ()),
        StdFrame(inside[0], 0, nop, (), ()),
    ]
    trace = written(tmp_path / "x.frames", frames, MIPS)
    names = [line.rpartition('"')[2] for line in printed(capsys, trace)]
    assert names == [", mix", ", mix", ", mix"]
    assert printed(capsys, "--frames", "3:4", trace) == [f'0, {inside[1]:#x}, 0x0, "nop", mix']
    # Before it, nothing is there
    assert printed(capsys, "--frames", ":2", trace) == [f'0, {inside[0]:#x}, 0x0, "nop", mix']
    with open_trace(trace) as reader:
        offsets = [offset for offset, _ in reader.iter_messages()]
    # And damage before the window does not hide the window.
    data = bytearray(trace.read_bytes())
    data[offsets[0]] = 0xFF
    trace.write_bytes(data)
    assert printed(capsys, "--frames", "4:", trace)[0].startswith(f'0, {inside[0]:#x}, 0x0, "nop"')


@pytest.mark.parametrize("arch", [HPPA, MIPS])
def test_frames_before_the_damage_come_where_objdump_is_asked_for_many_at_once(
    arch: Arch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [StdFrame(4 * number, 0, bytes.fromhex("08000240"), (), ()) for number in range(5)]
    trace = written(tmp_path / "x.frames", frames, arch)
    with open_trace(trace) as reader:
        offsets = [offset for offset, _ in reader.iter_messages()]
    trace.write_bytes(trace.read_bytes()[: offsets[3]])
    assert main(["log", str(trace)]) == 4
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_damaged_trace_gives_its_whole_frames_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / "aarch64.frames"
    whole = printed(capsys, trace)
    with open_trace(trace) as reader:
        offsets = [offset for offset, _ in reader.iter_messages()]
    cut = tmp_path / "aarch64.frames"
    cut.write_bytes(trace.read_bytes()[: offsets[300] + 5])
    assert main(["log", "--no-symbols", str(cut)]) == 4
    captured = capsys.readouterr()
    # The first two frames are no instructions.
    assert captured.out.splitlines() == [line.rsplit(", ", 1)[0] for line in whole[:298]]
    assert "gdbtrace repair" in captured.err


def test_trace_that_was_never_closed_is_read_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / "sparc64.frames"
    with open_trace(trace) as reader:
        end = reader.toc_offset
    data = bytearray(trace.read_bytes()[:end])
    data[0x20:0x30] = bytes(16)
    unclosed = tmp_path / "x.frames.part"
    unclosed.write_bytes(data)
    assert printed(capsys, "--no-symbols", unclosed) == printed(capsys, "--no-symbols", trace)
    assert printed(capsys, "--frames", "500:", "--no-symbols", unclosed)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--afilter", "main"], "--afilter main: must be a hexadecimal number"),
        (["--format", "memtrace", "--values"], "--format memtrace takes no"),
        (["--asid", "1"], "--asid: a frame of this trace does not say"),
        (["--frames", "5:1"], "ends before it begins"),
        (["--range", "010-020"], "--range 010: must be a number"),
        (["--range", "fil"], "--range fil: no function of that name is known"),
    ],
)
def test_what_does_not_fit_is_said(arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", *arguments, str(TRACES / "aarch64.frames")]) == 2
    captured = capsys.readouterr()
    assert (captured.out, problem in captured.err) == ("", True)
    assert captured.err.count("\n") == 1
