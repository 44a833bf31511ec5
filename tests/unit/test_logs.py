"""Logs of executed instructions, read as traces and compared with traces."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.arch.aarch64 import AARCH64
from gdbtrace.arch.hppa import HPPA
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES
from gdbtrace.arch.s390x import S390X
from gdbtrace.arch.sparc import SPARC64
from gdbtrace.arch.tricore import TRICORE
from gdbtrace.arch.x86 import X86_64
from gdbtrace.cli import main
from gdbtrace.cli.output import ExitStatus
from gdbtrace.errors import TraceFormatError, UsageError
from gdbtrace.logs import LogReader, is_log
from gdbtrace.logs.cpu_dump import READERS
from gdbtrace.logs.surplus import EXTRA, FOLDED, extra_of
from gdbtrace.trace import MemoryLocation, Operand, StdFrame, Usage, decode_frame, open_trace
from tests.toolchain import TESTS

TRACES = TESTS / "traces"
ARCHS = {"aarch64": AARCH64, "sparc64": SPARC64}


def frames_of(tmp_path: Path, text: str | bytes, arch: Arch = MIPS, *, is_machine: bool = False) -> list[StdFrame]:
    path = tmp_path / "log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with LogReader(path, arch, is_machine=is_machine) as reader:
        frames = list(reader)
        # What it gives as messages is the same.
        assert [decode_frame(data) for _, data in reader.iter_messages()] == frames
        assert list(reader.iter_frames(1)) == frames[1:]
    return [frame for frame in frames if isinstance(frame, StdFrame)]


def memory(operands: Sequence[Operand] | None) -> list[tuple[int, str, bytes]]:
    return [
        (each.address, each.location.device, each.value)
        for each in operands or ()
        if isinstance(each.location, MemoryLocation)
    ]


def registers(operands: Sequence[Operand] | None) -> dict[str, tuple[int, int]]:
    return {each.name: (each.as_int(), each.bits) for each in operands or () if not each.is_memory}


# -- execlog -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ARCHS)
def test_execlog_is_the_trace_of_the_same_run(arch: str) -> None:
    # Given what QEMU's plugin printed of a run, and the trace of it
    with LogReader(TRACES / f"{arch}.execlog", ARCHS[arch]) as log, open_trace(TRACES / f"{arch}.frames") as trace:
        theirs = [frame for frame in log if isinstance(frame, StdFrame)]
        ours = [frame for frame in trace if isinstance(frame, StdFrame)]

    # Then the instructions are the same, and so are the addresses that they access
    assert [(f.address, f.thread_id, f.rawbytes) for f in theirs] == [
        (f.address, f.thread_id, f.rawbytes) for f in ours
    ]
    assert [[at for at, _, _ in memory(f.pre)] for f in theirs] == [[at for at, _, _ in memory(f.pre)] for f in ours]
    assert [[at for at, _, _ in memory(f.post)] for f in theirs] == [[at for at, _, _ in memory(f.post)] for f in ours]


def test_accesses_of_a_machine_are_those_to_memory(tmp_path: Path) -> None:
    text = '1, 0x10, 0x8fa20008, "lw", load, 0x4000c018, pl011, store, 0x00010a28, RAM -> 0x01020304\n'
    [frame] = frames_of(tmp_path, text, is_machine=True)
    assert (frame.thread_id, frame.rawbytes) == (1, bytes.fromhex("0800a28f"))
    assert (memory(frame.pre), memory(frame.post)) == ([], [(0x10A28, "", b"\x01\x02\x03\x04")])


def test_symbol_is_no_device(tmp_path: Path) -> None:
    [frame] = frames_of(tmp_path, '0, 0x10, 0x0, "sw", store, 0x00000020, main+0x4\n')
    assert memory(frame.post) == [(0x20, "", b"")]


def test_changed_registers_of_a_little_endian_guest_are_known(tmp_path: Path) -> None:
    text = '0, 0x10, 0x90, "nop", rax -> 0x0000000000000007, nobody -> 0x01, main\n'
    assert registers(frames_of(tmp_path, text, X86_64)[0].post) == {"rax": (7, 64)}
    # execlog prints those of a big-endian one turned round, and gdbtrace does not.
    assert registers(frames_of(tmp_path, text.replace("rax", "v0"))[0].post) == {}


def test_disassembly_of_more_than_one_line(tmp_path: Path) -> None:
    # As QEMU 7.2 prints it of HPPA's gateway page
    text = '0, 0xb0, 0xd93fc26b, "Address 0xb0 is out of bounds.\n"\n0, 0x100a4, 0x1a1cc0d7, "depwi"\n'
    assert [frame.address for frame in frames_of(tmp_path, text, HPPA)] == [0xB0, 0x100A4]


def test_comments_and_other_lines_are_passed_over(tmp_path: Path) -> None:
    text = '# modload 0x0-0x1, x\nqemu: warning\n0, 0x10, 0x0, "nop"\nguest_errors: bad write\n0, 0x14, 0x0, "nop"\n'
    assert [frame.address for frame in frames_of(tmp_path, text)] == [0x10, 0x14]


def test_memtrace_lines_have_whole_bytes_and_sizes(tmp_path: Path) -> None:
    [first, second] = frames_of(tmp_path, "0 401000 48b80100 L20:8 S30:4\n2 401004 90\n", X86_64)
    assert (first.rawbytes, second.rawbytes, second.thread_id) == (bytes.fromhex("48b80100"), b"\x90", 2)
    assert [(each.address, each.bits) for each in (*first.pre, *(first.post or ()))] == [(0x20, 64), (0x30, 32)]


# -- -d cpu,exec ---------------------------------------------------------------------------------------------------


def state(address: int, dump: str, cpu: int = 0, flags: str = "201") -> str:
    return f"Trace {cpu}: 0x7f00 [00000000/{address:08x}/00000000/{flags}] main\n{dump}"


def test_states_are_the_registers_before_each_instruction(tmp_path: Path) -> None:
    dump = "pc=0x{0:08x} HI=0x00000000 LO=0x00000001 ds 0000\nGPR00: r0 00000000 at 0000000{1} v0 00000000\n"
    text = "warning\n" + state(0x100, dump.format(0x100, 1)) + state(0x104, dump.format(0x104, 2))
    first, second = frames_of(tmp_path, text)
    assert registers(first.pre) == {
        **{"hi": (0, 32), "lo": (1, 32)},
        **{"zero": (0, 32), "at": (1, 32), "v0": (0, 32)},
    }
    assert registers(second.pre) == registers(first.pre) | {"at": (2, 32)}
    assert (first.rawbytes, first.post) == (b"", None)


def test_each_cpu_has_its_registers(tmp_path: Path) -> None:
    lines = [state(0x100, "GPR00: at 00000001\n", 0), state(0x200, "GPR00: at 00000002\n", 1), state(0x104, "\n", 0)]
    frames = frames_of(tmp_path, "".join(lines))
    assert [(f.thread_id, registers(f.pre)) for f in frames] == [(0, {"at": (1, 32)}), (1, {"at": (2, 32)}), (0, {})]


def test_block_that_was_left_before_it_began_is_none(tmp_path: Path) -> None:
    text = state(0x100, "\n") + state(0x104, "\n") + "Stopped execution of TB chain before 0x7f00 [104] main\n"
    assert [frame.address for frame in frames_of(tmp_path, text + state(0x200, "\n"))] == [0x100, 0x200]


def test_dump_of_an_exception_does_not_hide_that_of_the_state(tmp_path: Path) -> None:
    # Given what -d int prints between two states, another dump
    text = state(0x100, "GPR00: at 00000001\n\ndo_interrupt\nGPR00: at 00000009\n") + state(
        0x104, "GPR00: at 00000001\n"
    )
    assert [registers(frame.pre) for frame in frames_of(tmp_path, text)] == [{"at": (1, 32)}] * 2


def test_register_is_listed_where_all_of_it_is_printed(tmp_path: Path) -> None:
    # Given a condition code that QEMU has computed, and one that it has not
    psw = "PSW=mask 0000000180000000 addr 0000000001000978 cc {}\n"
    text = state(0x1000978, psw.format("02")) + state(0x1000978, psw.format("      CC_OP_ICM"))
    first, second = frames_of(tmp_path, text, S390X)
    assert registers(first.pre) == {"pswm": (0x2001_8000_0000, 64)}
    assert registers(second.pre) == {}


def test_log_of_longer_blocks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"several instructions; have QEMU make it with -singlestep"):
        frames_of(tmp_path, state(0x100, "\n", flags="0"))


def test_log_of_unknown_registers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="registers of tricore is not known"):
        frames_of(tmp_path, state(0x100, "\n"), TRICORE)


# -- what is not as it should be -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('0, 0x14, 0x0, "no', "the log ends within a line"),
        ("0, 0x14, 0x", "the log ends within a line"),
        ('0, 0x14, 0x0, "no"p"\n', "not a whole line of the log"),
        ('0, 0x14, 0x0, "no\n\n', "not a whole line of the log"),
    ],
)
def test_cut_line_raises_after_those_before_it(line: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f'0, 0x10, 0x0, "nop"\n{line}')
    frames = iter(LogReader(path, MIPS))
    assert isinstance(next(frames), StdFrame)
    with pytest.raises(TraceFormatError, match=problem) as caught:
        next(frames)
    assert caught.value.offset == 20


def test_endless_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceFormatError, match="a line of more than"):
        frames_of(tmp_path, b'0, 0x10, 0x0, "nop"\n' + bytes(3 << 20))


@pytest.mark.parametrize("content", [b"", b"text\n", bytes(100), b"IN: main\n0x100: 00000000  nop\n"])
def test_other_files_are_no_logs(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(content)
    assert not is_log(tmp_path / "log")
    with pytest.raises(TraceFormatError, match="not a log of executed instructions"):
        LogReader(tmp_path / "log", MIPS)


def test_trace_and_directory_are_no_logs(tmp_path: Path) -> None:
    assert not is_log(TRACES / "sparc64.frames")
    assert not is_log(tmp_path)
    assert not is_log(tmp_path / "none")


PIECES = [
    *(
        b'0, 0x10, 0x1, "',
        b'nop"',
        b", load, 0x10",
        b" -> 0x01",
        b", RAM",
        b"\n",
        b"\0",
        b"Stopped execution of TB chain before",
    ),
    *(b"Trace 0: 0x7f [0/10/0/201]\n", b"GPR00: at 00000001 v0 2\n", b"pc=0x10 HI=0x1\n", b"0 10 00 L10:4\n"),
]


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=30),
    st.sampled_from([MIPS, X86_64, S390X]),
)
def test_any_file_gives_frames_or_one_clear_error(pieces: list[bytes], arch: Arch) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "log")
        path.write_bytes(b"".join(pieces))
        try:
            with LogReader(path, arch) as reader:
                list(reader)
        except (UsageError, TraceFormatError) as error:
            told = str(error)
            assert "\n" not in told


# -- compared with a trace -------------------------------------------------------------------------------------------


def run(*arguments: object) -> tuple[int, str]:
    with redirect_stdout(io.StringIO()) as out:
        return main(list(map(str, arguments))), out.getvalue()


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("is_left", [False, True])
def test_trace_is_equal_to_the_execlog_of_its_run(arch: str, is_left: bool) -> None:
    files = [TRACES / f"{arch}.frames", TRACES / f"{arch}.execlog"]
    assert run("diff", *(files[::-1] if is_left else files))[0] == ExitStatus.DONE


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("options", [["--values", "--reg", "*", "--source"], ["--format", "memtrace"]])
def test_trace_is_equal_to_our_log_of_it(arch: str, options: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(run("log", *options, TRACES / f"{arch}.frames")[1])
    assert run("diff", TRACES / f"{arch}.frames", log)[0] == ExitStatus.DONE


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("store, 0x00200280", "store, 0x00200281", "memory"),
        ("0, 0x100160, 0x8806885", "0, 0x100160, 0x8806886", "bytes"),
        ("0, 0x100164, 0xc028c4", "0, 0x100264, 0xc028c4", "control flow"),
    ],
)
def test_first_change_of_a_log_is_named(old: str, new: str, kind: str, tmp_path: Path) -> None:
    # Given a log of which one place is another one's
    lines = (TRACES / "sparc64.execlog").read_text().splitlines(keepends=True)
    number = next(at for at, line in enumerate(lines) if old in line)
    lines[number] = lines[number].replace(old, new)
    (tmp_path / "log").write_text("".join(lines))

    # When it is compared, then that is the first divergence; the trace begins with two frames that no log has
    status, out = run("diff", TRACES / "sparc64.frames", tmp_path / "log")
    assert (status, out.splitlines()[0]) == (
        ExitStatus.DIFFERENT,
        f"{kind}: frame {number + 2} of sparc64.frames, frame {number} of log",
    )


def test_two_logs_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    log = TRACES / "sparc64.execlog"
    assert run("diff", log, log)[0] == ExitStatus.USAGE
    assert "one of the two must be a trace" in capsys.readouterr().err


# -- what logs have and traces have not ------------------------------------------------------------------------------


def instruction(data: str, address: int = 0x100, post: Sequence[Operand] = (), pre: Sequence[Operand] = ()) -> StdFrame:
    return StdFrame(address, 0, bytes.fromhex(data), tuple(pre), tuple(post))


STORE = Operand(MemoryLocation(0x10), 8, b"\0", Usage(written=True))


@pytest.mark.parametrize(
    ("arch", "frame", "address", "is_extra"),
    [
        ("x86_64", instruction("f3a4"), 0x100, True),
        ("x86_64", instruction("90"), 0x100, False),
        ("x86_64", instruction("8807", post=[STORE]), 0x100, True),
        ("sparc64", instruction("9de3bf50"), 0x100, True),
        ("sparc64", instruction("01000000"), 0x100, False),
        ("mips", instruction("50400003"), 0x104, True),
        ("mips", instruction("10400003"), 0x104, False),
        ("mipsel", instruction("03004050"), 0x104, True),
        ("s390x", instruction("c6000000000a"), 0x100, True),
        ("s390x", instruction("0700"), 0x100, False),
        ("avr", instruction("0110"), 0x102, True),
        ("avr", instruction("0000"), 0x102, False),
    ],
)
def test_what_qemu_enters_again_or_passes_over(arch: str, frame: StdFrame, address: int, is_extra: bool) -> None:
    assert EXTRA[arch](frame, address) is is_extra


def test_access_to_a_device_is_made_again_on_a_machine() -> None:
    uart = Operand(MemoryLocation(0x80000100, None, "uart"), 32, bytes(4), Usage(written=True))
    for post, is_extra in (([uart], True), ([STORE], False)):
        rule = extra_of("sparc", is_machine=True)
        assert rule(instruction("c4204000", post=post), 0x100) is is_extra
        assert not rule(instruction("c4204000", post=post), 0x104)


def test_further_iterations_are_one_block_in_qemu_10() -> None:
    assert FOLDED["x86_64"](instruction("f3a4"), instruction("f3a4"))
    assert not FOLDED["x86_64"](instruction("f3a4"), instruction("f3a4", 0x102))


def test_tables_are_of_architectures_that_exist() -> None:
    known = {**ARCHITECTURES, **MACHINES}
    assert not {*EXTRA, *FOLDED, *READERS} - known.keys()
    # What QEMU prints of the others' registers nobody has looked at.
    assert known.keys() - READERS.keys() == {"tricore", "avr", "avr6"}
