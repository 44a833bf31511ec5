"""Whole guests with both engines, on every architecture: gdb's view of the registers, the same bytes each time, and
frames that hang together."""

from __future__ import annotations

import bisect
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from gdbtrace import EngineChoice, Outcome, RunOptions, Summary, open_trace
from gdbtrace.arch.model import Arch, Group
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.cli.app import main
from gdbtrace.errors import StateMismatch
from gdbtrace.record import session
from gdbtrace.record.engines import GdbEngine
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.trace import StdFrame
from gdbtrace.tracer.step_record import RecordReader
from tests.toolchain import GUESTS
from tests.tracing import NULL, quiet_record

BURST_STEPS = 700

COMPARED = {
    "sparc64": 86,
    "sparc32plus": 72,
    "sparc": 72,
    "ppc": 38,
    "ppc64": 38,
    "ppc64le": 38,
    "arm": 17,
    "armeb": 17,
    "aarch64": 34,
    "aarch64_be": 34,
    "x86_64": 66,
    "i386": 50,
    "mips": 72,
    "mipsel": 72,
    "mips64": 72,
    "mips64el": 72,
    "riscv64": 33,
    "riscv32": 33,
    "s390x": 18,
    "alpha": 66,
    "hppa": 128,
    "m68k": 29,
    "sh4": 59,
}
"""How many registers of ``g`` gdb has under the same name."""
KNOWN_TO_GDB = [name for name, arch in ARCHITECTURES.items() if arch.gdb_architecture is not None]
UNKNOWN_TO_GDB = {
    # QEMU sends zero where gdb once had a frame pointer; gdb has no name for it.
    "mips": {"unused"},
    "mipsel": {"unused"},
    "mips64": {"unused"},
    "mips64el": {"unused"},
    # QEMU sends zero where gdb's table has a register without a name.
    "alpha": {"unused"},
}
WITHOUT_PC = {"arm", "armeb"}
"""Architectures whose frames list no program counter (gdbtrace/arch/arm.py)."""


@dataclass(frozen=True)
class Traced:
    """A guest traced whole, with gdb."""

    arch: Arch
    program: Path
    summary: Summary
    data: bytes
    frames: Sequence[StdFrame]
    expected: Sequence[Mapping[str, int]]
    """Our registers of ``g`` at each comparison."""


def trace(arch: str, output: Path, engine: EngineChoice, burst_steps: int, limit: int | None = None) -> Summary:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_BURST_STEPS", burst_steps)
        return quiet_record(
            RunOptions(
                GUESTS / arch / "guest",
                output=output,
                engine=engine,
                limit=limit,
                reproducible=True,
                stdin=NULL,
                arch=arch,
            )
        )


@pytest.fixture(scope="module", params=KNOWN_TO_GDB)
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Traced:
    name: str = request.param
    output = tmp_path_factory.mktemp(name) / "trace"
    expected: list[Mapping[str, int]] = []
    check_registers = GdbEngine.check_registers

    def noted(engine: GdbEngine, ours: Mapping[str, int]) -> int:
        expected.append(ours)
        return check_registers(engine, ours)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GdbEngine, "check_registers", noted)
        summary = trace(name, output, EngineChoice.GDB, BURST_STEPS)
    with open_trace(output) as reader:
        frames = [frame for frame in reader if isinstance(frame, StdFrame)]
    program = GUESTS / name / "guest"
    return Traced(ARCHITECTURES[name], program, summary, output.read_bytes(), frames, expected)


# -- gdb's view ----------------------------------------------------------------------------------------------------


def test_guest_runs_to_its_own_end(traced: Traced) -> None:
    summary = traced.summary
    assert (summary.engine, summary.outcome, summary.exit_status, summary.gaps) == ("gdb", Outcome.EXITED, 42, [])


def test_every_frame_is_an_instruction_and_all_are_counted(traced: Traced) -> None:
    assert len(traced.frames) == traced.summary.instructions > 4000


def test_gdb_sees_every_core_register_at_the_end_of_every_burst(traced: Traced) -> None:
    name = traced.arch.name
    # The burst in which the guest exits leaves nothing to compare.
    bursts = (traced.summary.instructions - 1) // BURST_STEPS
    assert bursts >= 6
    assert len(traced.expected) == bursts
    assert traced.summary.registers_compared == bursts * COMPARED[name]


def test_only_the_registers_listed_here_are_unknown_to_gdb(traced: Traced) -> None:
    name = traced.arch.name
    unknown = UNKNOWN_TO_GDB.get(name, set())
    for ours in traced.expected:
        assert unknown <= ours.keys()
        assert len(ours.keys() - unknown) == COMPARED[name]


def test_wrong_layout_is_noticed(traced: Traced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a recorder that takes the program counter for the stack pointer and the other way round
    pc, sp = traced.arch.pc, traced.arch.sp
    read_hello = RecordReader.read_hello

    def read_wrong_hello(reader: RecordReader) -> RegisterLayout:
        layout = read_hello(reader)
        return replace(layout, core={**layout.core, pc: layout.core[sp], sp: layout.core[pc]})

    monkeypatch.setattr(RecordReader, "read_hello", read_wrong_hello)

    # When a burst ends
    with pytest.raises(StateMismatch) as caught:
        trace(traced.arch.name, tmp_path / "trace", EngineChoice.GDB, 20, limit=20)

    # Then gdb's view gives it away
    assert caught.value.register in (pc, sp)
    assert caught.value.ours != caught.value.theirs


# -- the same bytes ------------------------------------------------------------------------------------------------


def test_second_run_with_gdb_writes_the_same_bytes(traced: Traced, tmp_path: Path) -> None:
    trace(traced.arch.name, tmp_path / "trace", EngineChoice.GDB, BURST_STEPS)
    assert (tmp_path / "trace").read_bytes() == traced.data


def test_engine_rsp_with_another_burst_size_writes_the_same_bytes(traced: Traced, tmp_path: Path) -> None:
    summary = trace(traced.arch.name, tmp_path / "trace", EngineChoice.RSP, 999)
    assert (summary.engine, summary.registers_compared) == ("rsp", 0)
    assert (tmp_path / "trace").read_bytes() == traced.data


# -- frames that hang together -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """One frame and all that the trace says of the registers around it."""

    number: int
    frame: StdFrame
    before: Mapping[str, int]
    after: Mapping[str, int]


def moments(traced: Traced) -> Iterator[Moment]:
    """The frames, with the register state that they add up to."""
    state: dict[str, int] = {}
    for number, frame in enumerate(traced.frames):
        before = state | {operand.name: operand.as_int() for operand in frame.pre if not operand.is_memory}
        after = before | {operand.name: operand.as_int() for operand in frame.post or () if not operand.is_memory}
        yield Moment(number, frame, before, after)
        state = after


def test_registers_before_a_frame_are_those_after_the_one_before(traced: Traced) -> None:
    ticking = {register.name for register in traced.arch.registers if register.group is Group.COUNTER}
    wrong = []
    known: Mapping[str, int] = {}
    for moment in moments(traced):
        changed = {
            name for name, value in moment.before.items() if known.get(name, value) != value and name not in ticking
        }
        if changed:
            wrong.append((moment.number, hex(moment.frame.address), changed))
        known = moment.after
    assert wrong == []


def test_frame_lists_its_address_as_the_program_counter(traced: Traced) -> None:
    if traced.arch.name in WITHOUT_PC:
        names = {operand.name for operand in traced.frames[0].pre if not operand.is_memory}
        assert names.isdisjoint({"pc", "r15"})
        return
    listed = [
        [operand.as_int() for operand in frame.pre if not operand.is_memory and operand.name == traced.arch.pc]
        for frame in traced.frames
    ]
    assert listed == [[frame.address] for frame in traced.frames]


def test_next_frame_is_where_the_program_counter_points_after_this_one(traced: Traced) -> None:
    if traced.arch.name in WITHOUT_PC:
        # Nothing says where a branch goes; what does not branch goes on after itself, and most of a program does.
        following = sum(
            later.address == frame.address + len(frame.rawbytes)
            for frame, later in zip(traced.frames, traced.frames[1:], strict=False)
        )
        assert following > 0.7 * len(traced.frames)
        return
    pc = traced.arch.pc
    points_to = [moment.after[pc] for moment in moments(traced)]
    assert points_to[:-1] == [frame.address for frame in traced.frames[1:]]


def test_verify_finds_nothing_in_it(traced: Traced, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace"
    path.write_bytes(traced.data)
    assert main(["verify", str(path), "--elf", str(traced.program)]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.endswith("instructions: no violation\n")


def test_bytes_are_those_of_the_program_file(traced: Traced) -> None:
    with traced.program.open("rb") as stream:
        loaded = [
            (segment["p_vaddr"], segment.data())
            for segment in ELFFile(stream).iter_segments("PT_LOAD")
            if segment["p_flags"] & 1
        ]
    wrong = [
        hex(frame.address)
        for frame in traced.frames
        if frame.rawbytes
        and not any(
            start <= frame.address < start + len(data)
            and data[frame.address - start :][: len(frame.rawbytes)] == frame.rawbytes
            for start, data in loaded
        )
    ]
    assert wrong == []


def test_mode_is_the_one_that_the_assembler_marked(traced: Traced) -> None:
    """AAELF32's mapping symbols: from ``$a`` on the code is A32, from ``$t`` on T32."""
    if traced.arch.name not in ("arm", "armeb"):
        # One instruction set in the program: one mode, and the field is left out where there is no choice.
        assert {frame.mode for frame in traced.frames} == {traced.arch.modes[0].name}
        return
    text = subprocess.run(["readelf", "-sW", traced.program], capture_output=True, text=True, check=True).stdout
    marks = sorted(
        (int(row[1], 16), {"$a": "arm:a32", "$t": "arm:t32"}[row[7]])
        for row in map(str.split, text.splitlines())
        if len(row) == 8 and row[7] in ("$a", "$t")
    )
    starts = [address for address, _ in marks]
    expected = [marks[bisect.bisect_right(starts, frame.address) - 1][1] for frame in traced.frames]
    assert [frame.mode for frame in traced.frames] == expected
    assert set(expected) == {"arm:a32", "arm:t32"}
