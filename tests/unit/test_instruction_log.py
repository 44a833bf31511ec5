"""Lines of the instruction log, to the character."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace.arch.arm import ARM
from gdbtrace.arch.hppa import HPPA
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import MACHINES
from gdbtrace.arch.x86 import X86_64
from gdbtrace.cli import main
from gdbtrace.cli.output import printable
from gdbtrace.image import Image
from gdbtrace.report.instruction_log import JsonLog, LogOptions, memtrace_line
from gdbtrace.trace import (
    ExceptionFrame,
    KeyFrame,
    MemoryLocation,
    ModloadFrame,
    Operand,
    RegisterLocation,
    StdFrame,
    SyscallFrame,
    TaggedValues,
    Tracer,
    Usage,
)
from tests.log_lines import META, line_of, logged, written
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
    assert line_of(frame(thread=3), MIPS) == '3, 0x1000, 0x800a28f, "lw $v0, 8($sp)"'


def test_accesses_follow_loads_first() -> None:
    line = line_of(
        frame(
            pre=[Operand(RegisterLocation("v0"), 32, bytes(4), Usage(read=True)), memory(0x7FFF0008, 4), memory(16, 1)],
            post=[memory(0x411780, 4, written=True)],
        ),
        MIPS,
    )
    assert line == '0, 0x1000, 0x800a28f, "lw $v0, 8($sp)", load, 0x7fff0008, load, 0x00000010, store, 0x00411780'


def test_unfinished_instruction_has_its_loads() -> None:
    line = line_of(frame(pre=[memory(0x20, 4)], post=None), MIPS)
    assert line == '0, 0x1000, 0x800a28f, "lw $v0, 8($sp)", load, 0x00000020'


def test_symbol_comes_last() -> None:
    assert line_of(frame(MIX), MIPS, Image(GUEST)) == '0, 0x400150, 0x800a28f, "lw $v0, 8($sp)", mix'
    assert line_of(frame(MIX + 8, pre=[memory(1, 1)]), MIPS, Image(GUEST)) == (
        '0, 0x400158, 0x800a28f, "lw $v0, 8($sp)", load, 0x00000001, mix+0x8'
    )


def test_symbols_can_be_left_out() -> None:
    line = line_of(frame(MIX), MIPS, Image(GUEST), LogOptions(has_symbols=False))
    assert line == '0, 0x400150, 0x800a28f, "lw $v0, 8($sp)"'


def test_address_outside_the_program_has_no_symbol() -> None:
    assert line_of(frame(0x10), MIPS, Image(GUEST)) == '0, 0x10, 0x800a28f, "lw $v0, 8($sp)"'


@pytest.mark.parametrize("module_name", ["guest", "/elsewhere/guest"])
def test_symbols_are_found_where_the_program_was_loaded(module_name: str) -> None:
    # Given a program that is linked at 0x400000, then moved; its module has no folder in a reproducible trace
    offset = 0x1000_0000
    module = ModloadFrame(module_name, 0x400000 + offset, 0x41FFFF + offset)
    # When it is loaded between two instructions, then the second one has the symbol, and the module has no line
    before, after = logged([frame(offset + MIX), module, frame(offset + MIX)], MIPS, Image(GUEST))
    assert before.endswith('"')
    assert after.endswith('", mix')


def test_module_is_not_heard_of_ahead_where_objdump_is_asked_for_many_frames_at_once() -> None:
    guest = Image(GUESTS / "hppa" / "guest")
    function = guest.symbol("guest_main")
    assert function is not None
    there = 0x1000_0000 + function.address
    module = ModloadFrame("guest", 0x1000_0000 + guest.first_page, 0x1FFF_FFFF)
    before, after = logged([frame(there), module, frame(there)], HPPA, guest)
    assert before.endswith('"')
    assert after.endswith('", guest_main')


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
    thumb, arm = frame(data=b"\x08\x46", mode="arm:t32"), frame(data=b"\x01\x00\xa0\xe1", mode="arm:a32")
    assert logged([thumb, arm], ARM) == ['0, 0x1000, 0x4608, "mov r0, r1"', '0, 0x1000, 0xe1a00001, "mov r0, r1"']


def test_same_bytes_at_another_address_are_disassembled_for_it() -> None:
    branch = bytes.fromhex("10000001")
    assert logged([frame(0x1000, branch), frame(0x2000, branch)], MIPS) == [
        '0, 0x1000, 0x1000010, "b 0x1008"',
        '0, 0x2000, 0x1000010, "b 0x2008"',
    ]


def test_rewritten_code_is_disassembled_anew() -> None:
    assert logged([frame(), frame(data=bytes(4))], MIPS)[1] == '0, 0x1000, 0x0, "nop"'


def test_bytes_that_cannot_be_decoded_are_shown() -> None:
    assert line_of(frame(data=b"\xff" * 4), MIPS) == '0, 0x1000, 0xffffffff, ".byte 0xffffffff"'


def test_trace_of_an_unknown_architecture_shows_bytes() -> None:
    assert line_of(frame(), None) == '0, 0x1000, 0x800a28f, ".byte 0x8fa20008"'


def test_opcode_is_the_whole_instruction() -> None:
    # execlog shows the first four bytes: 0xdcbabe48
    line = line_of(frame(data=bytes.fromhex("48bebadcfe1032547698")), X86_64)
    assert line.startswith('0, 0x1000, 0x9876543210fedcbabe48, "movabsq $')


# -- what execlog has of machines ------------------------------------------------------------------------------------


def test_access_of_a_machine_has_its_physical_address_and_the_device_or_ram() -> None:
    uart = MemoryLocation(0xFFFF0018, 0x4000C018, "pl011")
    accesses = [
        memory(0x20003EE0, 4),
        Operand(uart, 32, bytes(4), Usage(read=True)),
        Operand(MemoryLocation(0xC0000000, 0x10A28), 32, bytes(4), Usage(read=True)),
    ]
    (line,) = logged([frame(pre=accesses)], MIPS, is_machine=True)
    assert line.partition('", ')[2] == "load, 0x20003ee0, RAM, load, 0x4000c018, pl011, load, 0x00010a28, RAM"


# -- values, registers -----------------------------------------------------------------------------------------------


def register(name: str, value: int, *, written: bool = False, bits: int = 32) -> Operand:
    data = value.to_bytes((bits + 7) // 8, "little")
    return Operand(RegisterLocation(name), bits, data, Usage(read=not written, written=written))


VALUES = LogOptions(has_values=True)
STORE = Operand(MemoryLocation(0x20), 16, b"\x01\x02", Usage(written=True))
UNREAD = Operand(MemoryLocation(0x10), 64, b"", Usage(read=True))


@pytest.mark.parametrize(
    ("arch", "mode", "value"),
    [
        (MIPS, None, "0x0102"),
        (X86_64, None, "0x0201"),
        (MACHINES["ppc"], "ppc:ppc:le", "0x0201"),
        (None, None, "01 02"),
    ],
)
def test_values_are_numbers_of_the_guests_byte_order(arch: Arch | None, mode: str | None, value: str) -> None:
    line = line_of(frame(post=[STORE], mode=mode), arch, options=VALUES)
    assert line.endswith(f'", store, 0x00000020 -> {value}')


def test_value_that_was_not_observed_is_a_question_mark() -> None:
    line = line_of(frame(pre=[UNREAD], post=[STORE]), MIPS, options=VALUES)
    assert line.endswith(", load, 0x00000010 -> ?, store, 0x00000020 -> 0x0102")


@pytest.mark.parametrize(
    ("globs", "shown"),
    [
        (["v0"], ["v0 -> 0x00000007"]),
        (["V?"], []),
        (["nf", "v*"], ["v0 -> 0x00000007", "nf -> 0x01"]),
        (["NF"], ["nf -> 0x01"]),
        (["*"], ["v0 -> 0x00000007", "nf -> 0x01", "a0 -> 0x00000001"]),
        (["ra"], []),
    ],
)
def test_changed_registers_are_shown_as_execlog_does(globs: list[str], shown: list[str]) -> None:
    # Given an instruction that changes v0 and a flag, rewrites ra, and writes a0, of which nothing was known before
    pre = [register("v0", 1), register("ra", 5), register("NF", 0, bits=1), memory(0x10, 4)]
    changed = [register("v0", 7), register("ra", 5), register("NF", 1, bits=1), register("a0", 1)]
    line = line_of(frame(MIX, pre=pre, post=changed), MIPS, Image(GUEST), LogOptions(registers=globs))
    # Then those asked for stand between the accesses and the symbol
    assert line.partition("load, ")[2] == ", ".join(["0x00000010", *shown, "mix"])


def test_width_of_a_register_is_its_values_where_the_tracer_gave_none() -> None:
    # As tracewrap has them
    post = [Operand(RegisterLocation("R0"), 0, b"\x78\x56\x34\x12", Usage(written=True))]
    assert line_of(frame(post=post), MIPS, options=LogOptions(registers=["*"])).endswith('", r0 -> 0x12345678')


# -- filters ---------------------------------------------------------------------------------------------------------

FILTERED = [
    frame(0x1000),
    frame(0x1004, bytes(4), pre=[memory(0x10, 4)]),
    frame(0x1008, bytes.fromhex("10000001"), pre=[memory(0x20, 4)]),
    frame(0x100C, bytes(4)),
]
"""lw, nop, b, nop"""


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        (LogOptions(prefixes=("nop",)), [0x1004, 0x100C]),
        (LogOptions(prefixes=("no", "b ")), [0x1004, 0x1008, 0x100C]),
        (LogOptions(addresses=frozenset({0x1008})), [0x1008]),
        (LogOptions(prefixes=("lw",), addresses=frozenset({0x100C})), [0x1000, 0x100C]),
        (LogOptions(prefixes=("op",)), []),
    ],
)
def test_filters_let_through_what_either_matches(options: LogOptions, addresses: list[int]) -> None:
    lines = logged(FILTERED, MIPS, options=options)
    assert [int(line.split(", ")[1], 16) for line in lines] == addresses
    # ...with its accesses, and no others'.
    assert sum("load" in line for line in lines) == len({0x1004, 0x1008} & set(addresses))


# -- comments --------------------------------------------------------------------------------------------------------


def test_events_are_comments() -> None:
    events = [
        ModloadFrame("/lib/libc.so", 0x1000, 0x1FFF),
        KeyFrame((TaggedValues(0, (register("v0", 1),)), TaggedValues(None, (memory(1, 1),)))),
        SyscallFrame(0x400, 1, 4003, (-1, 16)),
        ExceptionFrame(11, 1, 0x400, 0x500),
        ExceptionFrame(3),
    ]
    assert logged([events[0], frame(), *events[1:]], MIPS, options=LogOptions(has_events=True)) == [
        "# modload 0x1000-0x1fff, /lib/libc.so",
        '0, 0x1000, 0x800a28f, "lw $v0, 8($sp)"',
        "# key frame, 1 values of 0, 1 values",
        "# 1, 0x400, syscall 4003, 0xffffffffffffffff, 0x10",
        "# 1, exception 11, from 0x400, to 0x500",
        "# exception 3",
    ]


# -- JSON ------------------------------------------------------------------------------------------------------------


def test_json_has_an_object_for_each_instruction() -> None:
    options = LogOptions(has_values=True, registers=["v0"])
    (line,) = logged(
        [frame(MIX, pre=[UNREAD, register("v0", 1)], post=[STORE, register("v0", 2)], thread=1, mode="mips")],
        MIPS,
        Image(GUEST),
        options,
        log=JsonLog,
    )
    assert json.loads(line) == {
        "vcpu": 1,
        "address": "0x400150",
        "bytes": "8fa20008",
        "disassembly": "lw $v0, 8($sp)",
        "mode": "mips",
        "symbol": "mix",
        "accesses": [
            {"kind": "load", "address": "0x10", "bits": 64, "value": "?"},
            {"kind": "store", "address": "0x20", "bits": 16, "value": "0x0102"},
        ],
        "registers": {"v0": "0x00000002"},
    }


def test_json_has_events_where_asked_for() -> None:
    options = LogOptions(has_events=True)
    assert [json.loads(line) for line in logged([ExceptionFrame(3)], MIPS, options=options, log=JsonLog)] == [
        {"event": "exception 3"}
    ]


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
    written(trace, [frame(MIX + 4)], MIPS)
    # When it is logged
    status = main(["log", str(trace), "--elf", str(program)])
    # Then the terminal sees text
    assert (status, capsys.readouterr().out) == (0, '0, 0x400154, 0x800a28f, "lw $v0, 8($sp)", \\x1bcx+0x4\n')


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((), "addl 0x10(%rsi), %eax"), (("--machine=pc-x86_64",), "addw 0x10, %ax")],
)
def test_log_knows_the_modes_of_firmware_from_those_of_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], text: str
) -> None:
    # Given a trace, of a program or of a machine, with an instruction that 16-bit code has another meaning for
    trace = tmp_path / "trace"
    tracer = Tracer("gdbtrace", ("gdbtrace", "run", "--arch=x86_64", *arguments), (), "1")
    add = frame(0x7C00, bytes.fromhex("03061000") if arguments else bytes.fromhex("034610"))
    written(trace, [replace(add, mode="x86:16" if arguments else None)], X86_64, replace(META, tracer=tracer))
    # When it is logged, then it is decoded as the guest did
    status = main(["log", str(trace)])
    assert (status, capsys.readouterr().out.split('"')[1]) == (0, text)
