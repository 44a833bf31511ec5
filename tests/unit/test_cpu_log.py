"""QEMU's log of CPU states, and the registers of frames compared with it."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from gdbtrace.logs.cpu_dump import READERS
from gdbtrace.logs.surplus import EXTRA
from gdbtrace.trace import ExceptionFrame, KeyFrame, Operand, RegisterLocation, StdFrame, TaggedValues
from gdbtrace.trace.frames import NO_USAGE
from tests.exactness import cpu_log
from tests.exactness.cpu_log import Dump, State, compare_registers, parse_states

NOP = bytes.fromhex("13000000")


def operands(values: Mapping[str, int]) -> tuple[Operand, ...]:
    return tuple(
        Operand(RegisterLocation(name), 64, value.to_bytes(8, "little"), NO_USAGE) for name, value in values.items()
    )


def frame(address: int, pre: Mapping[str, int], post: Mapping[str, int], data: bytes = NOP) -> StdFrame:
    return StdFrame(address, 0, data, operands(pre), operands(post))


def state(address: int, a0: int, fa0: int = 0) -> State:
    return State(address, f" pc       {address:016x}\n x10/a0   {a0:016x}\n f10/fa0  {fa0:016x}\n")


def test_equal_registers() -> None:
    # Given two instructions, the first of which writes a0
    frames = [frame(0x100, {"a0": 1}, {"a0": 2}), frame(0x104, {"a0": 2}, {})]

    # When QEMU's log has the same states
    result = compare_registers("riscv64", frames, iter([state(0x100, 1), state(0x104, 2)]))

    # Then nothing differs, and each frame's register was compared
    assert (result.first_difference, result.examples, result.instructions, result.compared) == ("", [], 2, 2)


def test_post_list_without_a_changed_register() -> None:
    # Given a frame whose post list leaves out what it wrote, although the next pre list has it
    frames = [frame(0x100, {"a0": 1}, {}), frame(0x104, {"a0": 2}, {})]

    # When it is compared
    result = compare_registers("riscv64", frames, iter([state(0x100, 1), state(0x104, 2)]))

    # Then the difference is found at the next instruction
    assert result.examples == ["frame 1 at 0x104: a0 is 0x1, not 0x2, after the one before"]
    assert result.differences == {"a0": 1}


def test_register_that_changed_unlisted_differs_until_it_is_listed() -> None:
    # Given a float register that a frame listed once and that then changes unseen
    frames = [frame(0x100, {"fa0": 5}, {}), frame(0x104, {}, {}), frame(0x108, {}, {}), frame(0x10C, {"fa0": 6}, {})]
    log = [state(0x100, 0, 5), state(0x104, 0, 6), state(0x108, 0, 6), state(0x10C, 0, 6)]

    # When it is compared
    result = compare_registers("riscv64", frames, iter(log))

    # Then it is a difference after each of the three that do not list it
    assert result.examples == ["frame 1 at 0x104: fa0 is 0x5, not 0x6, after the one before"]
    assert result.differences == {"fa0": 3}


def test_wrong_pre_list() -> None:
    result = compare_registers("riscv64", [frame(0x100, {"a0": 7}, {})], iter([state(0x100, 1)]))

    assert result.examples == ["frame 0 at 0x100: a0 is 0x7, not 0x1, in its pre list"]


def test_key_frame_adds_registers_and_corrects_none() -> None:
    # Given a frame with a wrong register, and then a key frame with the right one
    key = KeyFrame((TaggedValues(0, operands({"a0": 2, "fa0": 9})),))
    frames = [frame(0x100, {"a0": 1}, {}), key, frame(0x104, {}, {})]

    # When it is compared
    result = compare_registers("riscv64", frames, iter([state(0x100, 1, 9), state(0x104, 2, 9)]))

    # Then the register is wrong still, and the new one is compared
    assert result.examples == ["frame 1 at 0x104: a0 is 0x1, not 0x2, after the one before"]
    assert result.compared == 3


def test_exception_changes_registers_of_no_instruction() -> None:
    # Given a signal between two instructions, that leaves a register of its handler's in a0
    frames = [frame(0x100, {"a0": 1}, {}), ExceptionFrame(11), frame(0x200, {"a0": 11}, {})]

    # When it is compared
    result = compare_registers("riscv64", frames, iter([state(0x100, 1), state(0x200, 11)]))

    # Then the handler's first pre list tells
    assert (result.examples, result.compared) == ([], 2)


@pytest.mark.parametrize(
    ("log", "difference"),
    [
        ([state(0x100, 1)], "frame 1: ours 0x104, log ended"),
        ([state(0x100, 1), state(0x108, 1)], "frame 1: ours 0x104, log 0x108"),
        ([state(0x100, 1), state(0x104, 1), state(0x108, 1)], "frame 2: ours ended, log 0x108"),
    ],
)
def test_other_instructions(log: list[State], difference: str) -> None:
    frames = [frame(0x100, {}, {}), frame(0x104, {}, {})]

    assert compare_registers("riscv64", frames, iter(log)).first_difference == difference


def test_annulled_slot_has_a_state_and_no_frame() -> None:
    # Given a MIPS branch-likely (beql) that is not taken
    frames = [frame(0x100, {}, {}, bytes.fromhex("50400003")), frame(0x108, {}, {})]
    log = [State(address, f"pc=0x{address:08x}\n") for address in (0x100, 0x104, 0x108)]

    # When QEMU enters its delay slot all the same
    result = compare_registers("mips", frames, iter(log), EXTRA["mips"])

    # Then that is passed over, and without the rule it is not
    assert (result.first_difference, result.instructions) == ("", 2)
    assert compare_registers("mips", frames, iter(log)).first_difference == "frame 1: ours 0x108, log 0x104"


def test_states_of_a_log() -> None:
    log = "a warning\nTrace 0: 0x7f00 [00010098/00010094/0/201] _start\npc: 1\n\nTrace 0: 0x7f01 [0/98/0/0]\npc: 2\n"

    assert list(parse_states(io.StringIO(log))) == [State(0x10094, "pc: 1\n"), State(0x98, "pc: 2\n")]


@pytest.mark.parametrize(
    ("arch", "line", "registers"),
    [
        ("riscv64", " x8/s0    0000000000000011 x9/s1    0000000000000022", {"fp": 0x11, "s1": 0x22}),
        ("x86_64", "R8 =0000000000000001 R9 =0000000000000002", {"r8": 1, "r9": 2}),
        ("x86_64", "FS =002b 0000000000001000 00000000 00000000", {"fs": 0x2B, "fs_base": 0x1000}),
        (
            "x86_64",
            "FCW=037f FSW=3800 [ST=7] FTW=80 MXCSR=00001f80",
            {"fctrl": 0x37F, "fstat": 0x3800, "mxcsr": 0x1F80},
        ),
        ("i386", "FPR0=8000000000000000 3fff FPR1=0000000000000000 0000", {"st0": 0x3FFF8000000000000000, "st1": 0}),
        ("i386", "EIP=080496d0 EFL=00000202 [-------] CPL=3 II=0", {"eip": 0x80496D0, "eflags": 0x202}),
        ("ppc64", "CR 24000000  [ E G ]             RES ffffffffffffffff", {"crf0": 2, "crf1": 4, "crf7": 0}),
        ("ppc", "NIP 10000838   LR 00000004 CTR 00000008 XER 20000000 CPU#0", {"pc": 0x10000838, "ca": 1, "so": 0}),
        ("sparc64", "%o4-7: 0000000000000001 0000000000000002 0000000000000003 0000000000000004 ", {"sp": 3, "o7": 4}),
        ("sparc64", "%f32:  0000000000000001 0000000000000002", {"f32": 1, "f34": 2}),
        ("sparc", "%f08:  0000000100000002", {"f8": 1, "f9": 2}),
        ("arm", "s00=00000001 s01=00000002 d00=0000000200000001", {"d0": 0x200000001}),
        ("arm", "R12=00000001 R13=00000002 R14=00000003 R15=00000004", {"r12": 1, "sp": 2, "lr": 3}),
        ("aarch64", "PSTATE=60000000 -ZC- EL0t  SVCR=00000000 --", {"NF": 0, "ZF": 1, "CF": 1, "VF": 0}),
        (
            "aarch64",
            "Z03[1-0]=0000000000000001:0000000000000002 [x-0]=0000000000000003:0000000000000004",
            {"v3": 3 << 64 | 4},
        ),
        ("mips", "GPR28: gp 00000001 sp 00000002 s8 00000003 ra 00000004", {"gp": 1, "sp": 2, "fp": 3, "ra": 4}),
        ("mips", " f1: w:00000002 d:0000000100000002 fd: 0 fs: 0 psu: 0", {"f1": 0x100000002}),
        ("s390x", "V15=00000000000000010000000000000002 V16=00000000000000010000000000000002", {"f15": 1, "v15l": 2}),
    ],
)
def test_lines_of_dumps(arch: str, line: str, registers: dict[str, int]) -> None:
    read = {register.name: register.value for register in READERS[arch](line)}

    assert read | registers == read


def test_register_in_two_lines_is_compared_by_its_parts() -> None:
    # Given the two lines of a sparc64 dump that have the parts of `state`
    dump = Dump("sparc64")

    # When they are read
    dump.update(
        State(0, "pstate: 00000092 ccr: 44 (icc: -Z-- xcc: -Z--) asi: 82 tl: 0 pil: 0 gl: 0\ncansave: 6 cwp: 7\n")
    )

    # Then each part has its value and its bits
    assert dump.registers["state"] == {
        0xFF_0000_0000: 0x44_0000_0000,
        0xFF00_0000: 0x8200_0000,
        0xFFF00: 0x9200,
        0x1F: 7,
    }


def test_condition_code_that_qemu_has_not_computed_is_not_compared() -> None:
    dump = Dump("s390x")

    dump.update(State(0, "PSW=mask 0000000180000000 addr 0000000001000978 cc 02\n"))
    assert sum(dump.registers["pswm"].values()) == 0x0000_2001_8000_0000

    dump.update(State(0, "PSW=mask 0000000180000000 addr 0000000001000978 cc       CC_OP_ICM\n"))
    assert dump.registers["pswm"] == {0xFFFF_CFFF_FFFF_FFFF: 0x1_8000_0000}


def test_states_are_whole_wherever_the_log_is_cut_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    log = "".join(f"Trace 0: 0x7f00 [0/{address:x}/0/0]\npc: {address}\n" for address in range(9))

    for size in range(1, len(log)):
        monkeypatch.setattr(cpu_log, "_PART_CHARACTERS", size)
        assert [state.address for state in parse_states(io.StringIO(log))] == list(range(9))


def test_a_log_without_states_has_none() -> None:
    assert list(parse_states(io.StringIO("qemu: could not open the program\n"))) == []
    assert list(parse_states(io.StringIO(""))) == []


def test_value_that_comes_back_is_compared_again() -> None:
    # Given a register whose value was another one in between
    one, two = frame(0x100, {"a0": 1}, {}), frame(0x104, {"a0": 2}, {})
    frames = [one, two, StdFrame(0x108, 0, NOP, one.pre, ())]

    # When the log says that it stayed what it was last
    result = compare_registers("riscv64", frames, iter([state(0x100, 1), state(0x104, 1), state(0x108, 2)]))

    # Then the very operand that was right once is wrong
    assert "frame 2 at 0x108: a0 is 0x1, not 0x2, in its pre list" in result.examples
