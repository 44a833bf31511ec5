"""Lines of the instruction log, to the character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace.arch.arm import ARM
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.x86 import X86_64
from gdbtrace.cli import main
from gdbtrace.cli.output import printable
from gdbtrace.image import Image
from gdbtrace.report.instruction_log import memtrace_line
from gdbtrace.trace import (
    Header,
    MemoryLocation,
    ModloadFrame,
    Operand,
    RegisterLocation,
    StdFrame,
    TraceWriter,
    Usage,
    encode_frame,
)
from gdbtrace.trace.frames import FileStats, MetaFrame, Target, Tracer
from tests.log_lines import log_lines, logged
from tests.toolchain import GUESTS

GUEST = GUESTS / "mips" / "guest"
MIX = 0x400150
"""Address of the guest's function ``mix`` (readelf)."""
LOAD = bytes.fromhex("8fa20008")
"""lw $v0, 8($sp)"""


def memory(address: int, size: int, *, written: bool = False) -> Operand:
    return Operand(MemoryLocation(address), 8 * size, bytes(size), Usage(read=not written, written=written))


def frame(
    address: int = 0x1000,
    data: bytes = LOAD,
    *,
    pre: Sequence[Operand] = (),
    post: Sequence[Operand] | None = (),
    mode: str | None = None,
    thread: int = 0,
) -> StdFrame:
    return StdFrame(address, thread, data, tuple(pre), None if post is None else tuple(post), mode)


# -- execlog -------------------------------------------------------------------------------------------------------


def test_line_is_thread_address_bytes_and_text() -> None:
    assert log_lines(MIPS).line(frame(thread=3)) == '3, 0x1000, 0x8fa20008, "lw $v0, 8($sp)"'


def test_accesses_follow_loads_first() -> None:
    line = log_lines(MIPS).line(
        frame(
            pre=[Operand(RegisterLocation("v0"), 32, bytes(4), Usage(read=True)), memory(0x7FFF0008, 4), memory(16, 1)],
            post=[memory(0x411780, 4, written=True)],
        )
    )
    assert line == '0, 0x1000, 0x8fa20008, "lw $v0, 8($sp)", load, 0x7fff0008, load, 0x10, store, 0x411780'


def test_unfinished_instruction_has_its_loads() -> None:
    line = log_lines(MIPS).line(frame(pre=[memory(0x20, 4)], post=None))
    assert line == '0, 0x1000, 0x8fa20008, "lw $v0, 8($sp)", load, 0x20'


def test_symbol_comes_last() -> None:
    lines = log_lines(MIPS, Image(GUEST))
    assert lines.line(frame(MIX)) == '0, 0x400150, 0x8fa20008, "lw $v0, 8($sp)", mix'
    assert lines.line(frame(MIX + 8, pre=[memory(1, 1)])) == (
        '0, 0x400158, 0x8fa20008, "lw $v0, 8($sp)", load, 0x1, mix+0x8'
    )


def test_address_outside_the_program_has_no_symbol() -> None:
    assert log_lines(MIPS, Image(GUEST)).line(frame(0x10)) == '0, 0x10, 0x8fa20008, "lw $v0, 8($sp)"'


@pytest.mark.parametrize("module_name", ["guest", "/elsewhere/guest"])
def test_symbols_are_found_where_the_program_was_loaded(module_name: str) -> None:
    # Given a program that is linked at 0x400000, then moved; its module has no folder in a reproducible trace
    offset = 0x1000_0000
    module = ModloadFrame(module_name, 0x400000 + offset, 0x41FFFF + offset)
    # When it is loaded between two instructions, then the second one has the symbol, and the module has no line
    before, after = logged([frame(offset + MIX), module, frame(offset + MIX)], MIPS, Image(GUEST))
    assert before.endswith('"')
    assert after.endswith('", mix')


def test_library_has_the_symbols_of_its_file() -> None:
    library = ModloadFrame(str(GUEST), 0x7000_0000, 0x7001_FFFF)
    inside = 0x7000_0000 + MIX - 0x400000
    lines = logged([library, frame(inside), frame(inside + 4), frame(0x7002_0000)], MIPS)
    assert [line.rpartition('"')[2] for line in lines] == [", mix", ", mix+0x4", ""]


def test_module_over_another_one_takes_its_place() -> None:
    under, over = ModloadFrame(str(GUEST), 0x400000, 0x41FFFF), ModloadFrame("/gone.so", 0x400000, 0x400FFF)
    before, after = logged([under, frame(MIX), over, frame(MIX)], MIPS, None)
    assert (before.rpartition('"')[2], after.rpartition('"')[2]) == (", mix", "")


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF", b"text", (GUESTS / "aarch64" / "guest").read_bytes()])
def test_module_that_is_no_library_of_the_guest_has_no_symbols(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "lib.so"
    if content is not None:
        path.write_bytes(content)
    for name in (str(path), str(tmp_path), "guest", ""):
        (line,) = logged([ModloadFrame(name, 0x400000, 0x41FFFF), frame(MIX)], MIPS, None)
        assert line.endswith('"')


def test_mode_says_how_to_disassemble() -> None:
    lines = log_lines(ARM)
    assert lines.line(frame(data=b"\x08\x46", mode="arm:t32")) == '0, 0x1000, 0x0846, "mov r0, r1"'
    assert lines.line(frame(data=b"\x01\x00\xa0\xe1", mode="arm:a32")) == '0, 0x1000, 0x0100a0e1, "mov r0, r1"'


def test_same_bytes_at_another_address_are_disassembled_for_it() -> None:
    lines, branch = log_lines(MIPS), bytes.fromhex("10000001")
    assert lines.line(frame(0x1000, branch)) == '0, 0x1000, 0x10000001, "b 0x1008"'
    assert lines.line(frame(0x2000, branch)) == '0, 0x2000, 0x10000001, "b 0x2008"'


def test_rewritten_code_is_disassembled_anew() -> None:
    lines = log_lines(MIPS)
    lines.line(frame())
    assert lines.line(frame(data=bytes(4))) == '0, 0x1000, 0x00000000, "nop"'


def test_bytes_that_cannot_be_decoded_are_shown() -> None:
    assert log_lines(MIPS).line(frame(data=b"\xff" * 4)) == '0, 0x1000, 0xffffffff, ".byte 0xffffffff"'


def test_trace_of_an_unknown_architecture_shows_bytes() -> None:
    assert log_lines(None).line(frame()) == '0, 0x1000, 0x8fa20008, ".byte 0x8fa20008"'


# -- memtrace ------------------------------------------------------------------------------------------------------


def test_memtrace_line_has_accesses_with_their_sizes() -> None:
    line = memtrace_line(
        frame(
            0xFFFF_0000_1000,
            pre=[Operand(RegisterLocation("v0"), 32, bytes(4), Usage(read=True)), memory(0x10, 4), memory(0x20, 16)],
            post=[memory(0x8000, 1, written=True)],
            thread=1,
        )
    )
    assert line == "1 ffff00001000 8fa20008 L10:4 L20:16 S8000:1"


def test_memtrace_line_without_accesses() -> None:
    assert memtrace_line(frame()) == "0 1000 8fa20008"


def test_memtrace_line_has_the_width_of_a_value_that_was_not_observed() -> None:
    unread = Operand(MemoryLocation(0x10), 64, b"", Usage(read=True))
    assert memtrace_line(frame(pre=[unread])) == "0 1000 8fa20008 L10:8"


# -- what a terminal would obey ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mix+0x8", "mix+0x8"),
        ("na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve", "na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\rc\td", "a\\x0ab\\x0dc\\x09d"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        # Ends a line for some; turns the rest of it round.
        ("a\u2028b\u202ec", "a\\x2028b\\x202ec"),
        # A name that is not UTF-8.
        ("\udc9b", "\\x9b"),
    ],
)
def test_control_characters_are_shown_as_numbers(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_log_escapes_the_names_of_a_programs_symbols(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a program with a symbol that colours the terminal, and a trace of it
    data = GUEST.read_bytes()
    assert data.count(b"\0mix\0") == 1
    program, trace = tmp_path / "program", tmp_path / "trace"
    program.write_bytes(data.replace(b"\0mix\0", b"\0\x1bcx\0"))
    meta = MetaFrame(
        Tracer("test", (), (), "1"), Target("", (), (), bytes(16)), FileStats(0, 0, 0, 0), "user", "host", 0
    )
    with TraceWriter(trace, Header(MIPS.frame_architecture, MIPS.frame_machine), meta) as writer:
        writer.write(encode_frame(frame(MIX + 4)))
    # When it is logged
    status = main(["log", str(trace), "--elf", str(program)])
    # Then the terminal sees text
    assert (status, capsys.readouterr().out) == (0, '0, 0x400154, 0x8fa20008, "lw $v0, 8($sp)", \\x1bcx+0x4\n')


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((), "add eax, dword ptr [rsi + 0x10]"), (("--machine=pc-x86_64",), "add ax, word ptr [0x10]")],
)
def test_log_knows_the_modes_of_firmware_from_those_of_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], text: str
) -> None:
    # Given a trace, of a program or of a machine, with an instruction that 16-bit code has another meaning for
    trace = tmp_path / "trace"
    tracer = Tracer("gdbtrace", ("gdbtrace", "run", "--arch=x86_64", *arguments), (), "1")
    meta = MetaFrame(tracer, Target("", (), (), bytes(16)), FileStats(0, 0, 0, 0), "user", "host", 0)
    add = frame(0x7C00, bytes.fromhex("03061000") if arguments else bytes.fromhex("034610"))
    with TraceWriter(trace, Header(X86_64.frame_architecture, X86_64.frame_machine), meta) as writer:
        writer.write(encode_frame(replace(add, mode="x86:16" if arguments else None)))
    # When it is logged, then it is decoded as the guest did
    status = main(["log", str(trace)])
    assert (status, capsys.readouterr().out.split('"')[1]) == (0, text)
