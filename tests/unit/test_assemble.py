"""One step record to one frame: which operands, with which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbtrace.arch.aarch64 import AARCH64
from gdbtrace.arch.arm import ARM
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import AccessKind, Arch, Group
from gdbtrace.arch.ppc import PPC
from gdbtrace.arch.riscv import RISCV64
from gdbtrace.record.assemble import Assembler, RegisterLists
from gdbtrace.stub.description import NumberedRegister, RegisterLayout, layout_of
from gdbtrace.trace import MemoryLocation, Operand, RegisterLocation, StdFrame, Usage, decode_frame
from gdbtrace.tracer.step_record import Access, Definition, Step

READ, WRITTEN = Usage(read=True), Usage(written=True)
STANDARD, FULL, TOUCHED = RegisterLists.STANDARD, RegisterLists.FULL, RegisterLists.TOUCHED
LOAD, STORE = AccessKind.LOAD, AccessKind.STORE


def registers_of(frame_list: Sequence[Operand] | None) -> dict[str, str]:
    """Name -> value in hexadecimal, little-endian as in the frame, in the frame's order."""
    assert frame_list is not None
    return {operand.name: operand.value.hex() for operand in frame_list if not operand.is_memory}


def definition(
    named: Sequence[str] = (), fetched: Sequence[str] = (), data: bytes = b"\x01\x02\x03\x04", mode: int = 0
) -> Definition:
    return Definition(0, 0x1000, data, mode, tuple(named), tuple(fetched), True)


def frame_of(assembler: Assembler, step: Step) -> StdFrame:
    frame = decode_frame(assembler.assemble(step))
    assert isinstance(frame, StdFrame)
    return frame


class Target:
    """A target whose state is written as registers."""

    def __init__(self, arch: Arch, core: Sequence[tuple[str, int]], fetched: Mapping[str, int] | None = None) -> None:
        self.arch = arch
        spans, offset = {}, 0
        for name, bits in core:
            spans[name] = (offset, offset + bits // 8)
            offset += bits // 8
        numbered = {name: (70 + index, bits // 8) for index, (name, bits) in enumerate((fetched or {}).items())}
        self.layout = RegisterLayout(arch.byte_order, spans, numbered, offset)

    def raw(self, **values: int) -> bytes:
        """``g``; what is not said is zero."""
        assert values.keys() <= self.layout.core.keys()
        return b"".join(
            values.get(name, 0).to_bytes(end - start, self.arch.byte_order)
            for name, (start, end) in self.layout.core.items()
        )

    def frame(
        self,
        before: Mapping[str, int],
        after: Mapping[str, int] | None,
        lists: RegisterLists = STANDARD,
        *,
        of: Definition | None = None,
        fetched: tuple[Mapping[str, bytes], Mapping[str, bytes]] = ({}, {}),
        accesses: Sequence[Access] = (),
        thread: int = 0,
    ) -> StdFrame:
        """The frame of one step from one state to another."""
        assembler = Assembler(self.arch, self.layout, lists)
        assembler.set_state(self.raw(**before))
        post = None if after is None else self.raw(**after)
        return frame_of(assembler, Step(of or definition(), thread, post, *fetched, accesses))


A64 = Target(
    AARCH64,
    [("x0", 64), ("x1", 64), ("sp", 64), ("pc", 64), ("cpsr", 32), ("fpsr", 32)],
    {"fpcr": 32, "v0": 128, "PMCCNTR_EL0": 64},
)
"""AArch64 of a few registers; QEMU keeps fpsr outside ``g``, which does not matter here."""
A64_BEFORE = {"x0": 1, "x1": 2, "sp": 0x4000_0000, "pc": 0x1000, "cpsr": 0x6000_0000, "fpsr": 0x10}
A64_AFTER = {**A64_BEFORE, "x1": 0x0102_0304_0506_0708, "pc": 0x1004}

PPC32 = Target(PPC, [("r0", 32), ("r1", 32), ("f0", 64), ("pc", 32), ("cr", 32), ("lr", 32), ("xer", 32)])
MIPS32 = Target(MIPS, [("v0", 32), ("s8", 32), ("pc", 32), ("f0", 32), ("fsr", 32), ("cause", 32)])
RISCV = Target(RISCV64, [("a0", 64), ("pc", 64)], {"ft0": 64, "priv": 64, "cycle": 64})
ARM32 = Target(ARM, [("r0", 32), ("pc", 32), ("cpsr", 32)])


# -- the whole of one frame ----------------------------------------------------------------------------------------


def test_frame_is_the_instruction_with_its_operands() -> None:
    # Given a step that changed one register and the program counter
    frame = A64.frame(A64_BEFORE, A64_AFTER, TOUCHED, of=definition(["x1"]), thread=3)
    # Then
    assert frame == StdFrame(
        0x1000,
        3,
        b"\x01\x02\x03\x04",
        (
            Operand(RegisterLocation("x1"), 64, b"\x02\0\0\0\0\0\0\0", READ),
            Operand(RegisterLocation("pc"), 64, b"\x00\x10\0\0\0\0\0\0", READ),
        ),
        (
            Operand(RegisterLocation("x1"), 64, b"\x08\x07\x06\x05\x04\x03\x02\x01", WRITTEN),
            Operand(RegisterLocation("pc"), 64, b"\x04\x10\0\0\0\0\0\0", WRITTEN),
        ),
        None,
    )


# -- the three lists -----------------------------------------------------------------------------------------------


def test_standard_lists_integer_control_and_status_before_and_what_changed_and_status_after() -> None:
    frame = A64.frame(A64_BEFORE, A64_AFTER, STANDARD)
    assert registers_of(frame.pre) == {
        "x0": "0100000000000000",
        "x1": "0200000000000000",
        "sp": "0000004000000000",
        "pc": "0010000000000000",
        "NF": "00",
        "ZF": "01",
        "CF": "01",
        "VF": "00",
    }
    assert registers_of(frame.post) == {
        "x1": "0807060504030201",
        "pc": "0410000000000000",
        "NF": "00",
        "ZF": "01",
        "CF": "01",
        "VF": "00",
    }


def test_standard_lists_what_is_named_after_it_too_if_it_did_not_change() -> None:
    frame = A64.frame(A64_BEFORE, A64_AFTER, STANDARD, of=definition(["x0"]))
    assert registers_of(frame.post)["x0"] == "0100000000000000"


def test_touched_lists_what_is_named_or_changed_and_no_status() -> None:
    frame = A64.frame(A64_BEFORE, A64_AFTER, TOUCHED, of=definition(["x0"]))
    assert registers_of(frame.pre).keys() == {"x0", "x1", "pc"}
    assert registers_of(frame.post) == {
        "x0": "0100000000000000",
        "x1": "0807060504030201",
        "pc": "0410000000000000",
    }


def test_touched_lists_a_flag_that_changed_alone() -> None:
    frame = A64.frame(A64_BEFORE, {**A64_BEFORE, "cpsr": 0xE000_0000}, TOUCHED)
    assert registers_of(frame.pre) == {"NF": "00"}
    assert registers_of(frame.post) == {"NF": "01"}


def test_full_lists_everything_before_and_after() -> None:
    frame = A64.frame(A64_BEFORE, A64_AFTER, FULL)
    everything = {"x0", "x1", "sp", "pc", "NF", "ZF", "CF", "VF", "fpsr"}
    assert registers_of(frame.pre).keys() == everything
    assert registers_of(frame.post).keys() == everything
    assert registers_of(frame.pre)["x1"] == "0200000000000000"
    assert registers_of(frame.post)["x1"] == "0807060504030201"
    assert registers_of(frame.post)["fpsr"] == "10000000"


@pytest.mark.parametrize("lists", RegisterLists)
def test_step_that_changes_nothing_and_names_nothing_still_has_a_post_list(lists: RegisterLists) -> None:
    frame = A64.frame(A64_BEFORE, A64_BEFORE, lists)
    assert frame.post is not None


@pytest.mark.parametrize("lists", RegisterLists)
def test_no_operand_is_listed_twice(lists: RegisterLists) -> None:
    frame = A64.frame(
        A64_BEFORE, {**A64_AFTER, "fpsr": 1, "cpsr": 0}, lists, of=definition(["x1", "fpsr", "NF", "x1", "x0"])
    )
    for operands in (frame.pre, frame.post):
        assert operands is not None
        names = [operand.name for operand in operands]
        assert len(names) == len(set(names))


def test_name_that_the_target_does_not_have_is_passed_over() -> None:
    frame = A64.frame(A64_BEFORE, A64_AFTER, TOUCHED, of=definition(["z31", "x0"]))
    assert registers_of(frame.pre).keys() == {"x0", "x1", "pc"}


# -- condition codes -----------------------------------------------------------------------------------------------


def test_status_is_in_every_post_list_of_the_standard_lists() -> None:
    frame = A64.frame(A64_BEFORE, {**A64_BEFORE, "pc": 0x1004}, STANDARD)
    assert registers_of(frame.post).keys() == {"pc", "NF", "ZF", "CF", "VF"}


@pytest.mark.parametrize(
    ("flag", "cpsr"), [("NF", 0x8000_0000), ("ZF", 0x4000_0000), ("CF", 0x2000_0000), ("VF", 0x1000_0000)]
)
def test_aarch64_flag_is_its_bit_of_cpsr(flag: str, cpsr: int) -> None:
    frame = A64.frame({**A64_BEFORE, "cpsr": 0}, {**A64_BEFORE, "cpsr": cpsr})
    blank = {"NF": "00", "ZF": "00", "CF": "00", "VF": "00"}
    assert {name: value for name, value in registers_of(frame.pre).items() if name in blank} == blank
    assert registers_of(frame.post) == {**blank, flag: "01"}
    assert [operand.bit_length for operand in frame.post or ()] == [1, 1, 1, 1]


def test_rest_of_cpsr_is_no_change() -> None:
    frame = A64.frame(A64_BEFORE, {**A64_BEFORE, "cpsr": 0x6000_03C0}, TOUCHED)
    assert (registers_of(frame.pre), registers_of(frame.post)) == ({}, {})


def test_ppc_condition_register_is_eight_fields_of_four_bits() -> None:
    frame = PPC32.frame({"cr": 0x1234_5678}, {"cr": 0x1234_5978}, TOUCHED)
    assert registers_of(frame.pre) == {"crf5": "06"}
    assert registers_of(frame.post) == {"crf5": "09"}


def test_ppc_lists_all_fields_and_xer_flags_after_every_step() -> None:
    frame = PPC32.frame({"cr": 0x8421_0F00, "xer": 0x8000_0000}, {"cr": 0x8421_0F00, "xer": 0x2000_0000})
    assert registers_of(frame.post) == {
        "crf0": "08",
        "crf1": "04",
        "crf2": "02",
        "crf3": "01",
        "crf4": "00",
        "crf5": "0f",
        "crf6": "00",
        "crf7": "00",
        "XER": "0000002000000000",
        "so": "00",
        "ov": "00",
        "ca": "01",
    }
    assert {operand.name: operand.bit_length for operand in frame.post or ()} == {
        **{f"crf{n}": 4 for n in range(8)},
        "XER": 64,
        "so": 1,
        "ov": 1,
        "ca": 1,
    }


@pytest.mark.parametrize(("flag", "xer"), [("so", 0x8000_0000), ("ov", 0x4000_0000), ("ca", 0x2000_0000)])
def test_ppc_flag_is_its_bit_of_xer(flag: str, xer: int) -> None:
    frame = PPC32.frame({}, {"xer": xer}, TOUCHED)
    assert registers_of(frame.pre) == {"XER": "0000000000000000", flag: "00"}
    assert registers_of(frame.post) == {"XER": xer.to_bytes(8, "little").hex(), flag: "01"}


# -- values --------------------------------------------------------------------------------------------------------


def test_big_endian_registers_become_little_endian() -> None:
    frame = MIPS32.frame({"v0": 0x0102_0304}, {"v0": 0x1122_3344}, TOUCHED)
    assert registers_of(frame.pre) == {"v0": "04030201"}
    assert registers_of(frame.post) == {"v0": "44332211"}


def test_operand_wider_than_its_register_is_extended_with_zeros() -> None:
    """The pc of 32-bit PowerPC has 64 bits in a trace."""
    frame = PPC32.frame({"pc": 0xFFFF_FFF0}, {"pc": 0xFFFF_FFF4}, TOUCHED)
    assert registers_of(frame.pre) == {"pc": "f0ffffff00000000"}
    assert [operand.bit_length for operand in frame.pre] == [64]


def test_operand_goes_by_the_traces_name_not_the_stubs() -> None:
    frame = MIPS32.frame({"s8": 1}, {"s8": 2}, TOUCHED)
    assert registers_of(frame.post) == {"fp": "02000000"}


def test_register_that_is_no_operand_is_left_out() -> None:
    frame = ARM32.frame({"pc": 0x1000}, {"pc": 0x1004, "r0": 5})
    assert registers_of(frame.pre).keys() == {"r0", "cpsr"}
    assert registers_of(frame.post) == {"r0": "05000000", "cpsr": "00000000"}


@pytest.mark.parametrize("lists", [STANDARD, TOUCHED])
def test_float_is_left_out_unless_named_or_changed(lists: RegisterLists) -> None:
    frame = MIPS32.frame({"f0": 7, "fsr": 1}, {"f0": 7, "fsr": 1, "v0": 1}, lists)
    assert {"f0", "fcsr"}.isdisjoint(registers_of(frame.pre) | registers_of(frame.post))


@pytest.mark.parametrize("lists", [STANDARD, TOUCHED])
def test_float_that_is_named_is_listed_on_both_sides(lists: RegisterLists) -> None:
    frame = MIPS32.frame({"f0": 7, "fsr": 1}, {"f0": 7, "fsr": 1}, lists, of=definition(["f0"]))
    assert registers_of(frame.pre)["f0"] == registers_of(frame.post)["f0"] == "07000000"
    assert "fcsr" not in registers_of(frame.pre) | registers_of(frame.post)


@pytest.mark.parametrize("lists", [STANDARD, TOUCHED])
def test_float_that_changed_is_listed_on_both_sides(lists: RegisterLists) -> None:
    frame = MIPS32.frame({"f0": 7, "fsr": 1}, {"f0": 8, "fsr": 1}, lists)
    assert (registers_of(frame.pre)["f0"], registers_of(frame.post)["f0"]) == ("07000000", "08000000")
    assert "fcsr" not in registers_of(frame.pre) | registers_of(frame.post)


def test_system_register_is_left_out_of_the_standard_lists() -> None:
    frame = MIPS32.frame({"cause": 7}, {"cause": 7, "v0": 1})
    assert "cause" not in registers_of(frame.pre) | registers_of(frame.post)


# -- registers outside g -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lists", RegisterLists)
def test_fetched_register_that_is_named_is_listed(lists: RegisterLists) -> None:
    frame = RISCV.frame(
        {},
        {},
        lists,
        of=definition(["ft0"], ["ft0"]),
        fetched=({"ft0": b"\x01" + bytes(7)}, {"ft0": b"\x01" + bytes(7)}),
    )
    assert registers_of(frame.pre)["ft0"] == "0100000000000000"
    assert registers_of(frame.post)["ft0"] == "0100000000000000"


def test_fetched_register_that_is_not_named_is_listed_if_it_changed() -> None:
    frame = RISCV.frame(
        {},
        {},
        TOUCHED,
        of=definition([], ["ft0", "priv"]),
        fetched=({"ft0": bytes(8), "priv": bytes(8)}, {"ft0": b"\x09" + bytes(7), "priv": bytes(8)}),
    )
    assert registers_of(frame.pre) == {"ft0": "0000000000000000"}
    assert registers_of(frame.post) == {"ft0": "0900000000000000"}


def test_full_lists_every_fetched_register() -> None:
    values = {"ft0": b"\x01" + bytes(7), "priv": b"\x02" + bytes(7)}
    frame = RISCV.frame({}, {}, FULL, of=definition([], ["ft0", "priv"]), fetched=(values, values))
    for operands in (frame.pre, frame.post):
        assert registers_of(operands).keys() == {"a0", "pc", "ft0", "priv"}


def test_narrow_source_of_a_wider_register_is_enough() -> None:
    """AArch64 without SVE has v0 where the table takes the low bits of z0."""
    value = bytes(range(16))
    frame = A64.frame(A64_BEFORE, A64_BEFORE, TOUCHED, of=definition(["v0"], ["v0"]), fetched=({"v0": value},) * 2)
    assert [operand for operand in frame.pre] == [Operand(RegisterLocation("v0"), 128, value, READ)]


@pytest.mark.parametrize("lists", RegisterLists)
def test_counter_that_is_not_named_is_left_out_though_it_ticks(lists: RegisterLists) -> None:
    frame = RISCV.frame(
        {},
        {"pc": 4},
        lists,
        of=definition([], ["cycle"]),
        fetched=({"cycle": bytes(8)}, {"cycle": b"\x05" + bytes(7)}),
    )
    assert "cycle" not in registers_of(frame.pre) | registers_of(frame.post)


@pytest.mark.parametrize("lists", RegisterLists)
def test_counter_that_is_named_is_listed(lists: RegisterLists) -> None:
    frame = RISCV.frame(
        {},
        {"pc": 4},
        lists,
        of=definition(["cycle"], ["cycle"]),
        fetched=({"cycle": bytes(8)}, {"cycle": b"\x05" + bytes(7)}),
    )
    assert registers_of(frame.pre)["cycle"] == "0000000000000000"
    assert registers_of(frame.post)["cycle"] == "0500000000000000"


# -- steps that did not finish -------------------------------------------------------------------------------------


def test_unfinished_step_has_no_post_list() -> None:
    frame = A64.frame(A64_BEFORE, None, STANDARD)
    assert frame.post is None
    assert registers_of(frame.pre).keys() == {"x0", "x1", "sp", "pc", "NF", "ZF", "CF", "VF"}


def test_unfinished_step_leaves_the_state_alone() -> None:
    assembler = Assembler(AARCH64, A64.layout, STANDARD)
    before = A64.raw(**A64_BEFORE)
    assembler.set_state(before)
    assembler.assemble(Step(definition(), 0, None, {}, {}, ()))
    assert assembler.state == before


def test_unfinished_step_lists_a_named_register_outside_g_as_it_was() -> None:
    frame = RISCV.frame(
        {}, None, of=definition(["ft0"], ["ft0", "priv"]), fetched=({"ft0": b"\x07" + bytes(7), "priv": bytes(8)}, {})
    )
    assert registers_of(frame.pre) == {"a0": "0000000000000000", "pc": "0000000000000000", "ft0": "0700000000000000"}


def test_unfinished_step_keeps_its_loads() -> None:
    frame = A64.frame(A64_BEFORE, None, TOUCHED, accesses=[Access(LOAD, 0x2000, 2, b"\x0a\x0b")])
    assert list(frame.pre) == [Operand(MemoryLocation(0x2000), 16, b"\x0a\x0b", READ)]


# -- memory --------------------------------------------------------------------------------------------------------


def test_loads_are_in_pre_and_stores_in_post_in_their_order() -> None:
    frame = A64.frame(
        A64_BEFORE,
        A64_BEFORE,
        TOUCHED,
        accesses=[
            Access(LOAD, 0x2000, 4, b"\x01\x02\x03\x04"),
            Access(STORE, 0xFFFF_FFFF_FFFF_FFF8, 8, b"abcdefgh"),
            Access(LOAD, 0x1F00, 1, b"\xff"),
            Access(STORE, 0, 1, b"z"),
        ],
    )
    assert list(frame.pre) == [
        Operand(MemoryLocation(0x2000), 32, b"\x01\x02\x03\x04", READ),
        Operand(MemoryLocation(0x1F00), 8, b"\xff", READ),
    ]
    assert list(frame.post or ()) == [
        Operand(MemoryLocation(0xFFFF_FFFF_FFFF_FFF8), 64, b"abcdefgh", WRITTEN),
        Operand(MemoryLocation(0), 8, b"z", WRITTEN),
    ]


def test_memory_keeps_its_order_on_a_big_endian_target() -> None:
    frame = MIPS32.frame({}, {}, TOUCHED, accesses=[Access(LOAD, 0x2000, 4, b"\x01\x02\x03\x04")])
    assert frame.pre[0].value == b"\x01\x02\x03\x04"


def test_memory_that_could_not_be_read_has_its_size_and_no_value() -> None:
    frame = A64.frame(
        A64_BEFORE,
        A64_BEFORE,
        TOUCHED,
        accesses=[Access(LOAD, 0x2000, 4, None), Access(STORE, 0x3000, 16, None)],
    )
    assert list(frame.pre) == [Operand(MemoryLocation(0x2000), 32, b"", READ)]
    assert list(frame.post or ()) == [Operand(MemoryLocation(0x3000), 128, b"", WRITTEN)]


# -- modes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "expected"), [(0, "arm:a32"), (1, "arm:t32")])
def test_mode_is_the_architectures_name_of_it(mode: int, expected: str) -> None:
    assert ARM32.frame({}, {}, of=definition(mode=mode, data=b"\0\0")).mode == expected


def test_architecture_of_one_mode_leaves_it_out() -> None:
    assert MIPS32.frame({}, {}).mode is None


# -- from step to step ---------------------------------------------------------------------------------------------


def test_state_after_a_step_is_the_state_before_the_next() -> None:
    assembler = Assembler(AARCH64, A64.layout, STANDARD)
    assembler.set_state(A64.raw(**A64_BEFORE))
    frame_of(assembler, Step(definition(), 0, A64.raw(**A64_AFTER), {}, {}, ()))
    second = frame_of(assembler, Step(definition(), 0, A64.raw(**A64_AFTER), {}, {}, ()))
    assert registers_of(second.pre)["x1"] == "0807060504030201"
    assert assembler.state == A64.raw(**A64_AFTER)


def test_state_that_was_set_replaces_the_last_one() -> None:
    assembler = Assembler(AARCH64, A64.layout, TOUCHED)
    assembler.set_state(A64.raw(**A64_BEFORE))
    assembler.set_state(A64.raw(**A64_AFTER))
    frame = frame_of(assembler, Step(definition(["x1"]), 0, A64.raw(**A64_AFTER), {}, {}, ()))
    assert registers_of(frame.pre) == {"x1": "0807060504030201"}


def test_number_that_means_another_instruction_now_is_not_taken_for_the_old_one() -> None:
    assembler = Assembler(AARCH64, A64.layout, TOUCHED)
    state = A64.raw(**A64_BEFORE)
    assembler.set_state(state)
    for named in ("x0", "x1"):
        frame = frame_of(assembler, Step(definition([named]), 0, state, {}, {}, ()))
        assert registers_of(frame.pre).keys() == {named}


def test_change_behind_a_repeated_name_is_seen() -> None:
    """Of two registers with one name the first keeps it; the second's bytes are still in ``g``."""
    described = [NumberedRegister(name, 32, number) for number, name in enumerate(("v0", "v0", "a0", "pc"))]
    layout = layout_of(described, [], 16, "big")
    assembler = Assembler(MIPS, layout, TOUCHED)
    assembler.set_state(bytes(16))
    after = bytes(4) + b"\1\2\3\4" + b"\0\0\0\5" + b"\0\x40\0\4"
    frame = frame_of(assembler, Step(definition(), 0, after, {}, {}, ()))
    assert registers_of(frame.post) == {"a0": "05000000", "pc": "04004000"}


# -- any states ----------------------------------------------------------------------------------------------------


def model(target: Target, raw: bytes) -> dict[str, int]:
    """The operands' values, by the tables alone."""
    values = {}
    for register in target.arch.registers:
        if register.stub_name in target.layout.core:
            start, end = target.layout.core[register.stub_name]
            whole = int.from_bytes(raw[start:end], target.arch.byte_order)
            values[register.name] = whole >> register.shift & ((1 << register.bits) - 1)
    return values


targets = st.sampled_from((A64, PPC32, MIPS32, RISCV, ARM32))


@st.composite
def runs(draw: st.DrawFn) -> tuple[Target, RegisterLists, list[bytes], list[list[str]]]:
    """A target and the states that it goes through, most bytes of them like the ones before."""
    target = draw(targets)
    size = target.layout.core_bytes
    states = [draw(st.binary(min_size=size, max_size=size))]
    for _ in range(draw(st.integers(1, 6))):
        state = bytearray(states[-1])
        for at in draw(st.lists(st.integers(0, size - 1), max_size=4)):
            state[at] = draw(st.integers(0, 255))
        states.append(bytes(state))
    names = st.lists(st.sampled_from(sorted(model(target, states[0]))), max_size=3)
    return target, draw(st.sampled_from(RegisterLists)), states, [draw(names) for _ in states[1:]]


@settings(max_examples=300)
@given(runs())
def test_any_states_give_frames_that_hang_together_and_list_exactly_what_changed(
    run: tuple[Target, RegisterLists, list[bytes], list[list[str]]],
) -> None:
    target, lists, states, named = run
    groups = {register.name: register.group for register in target.arch.registers}
    assembler = Assembler(target.arch, target.layout, lists)
    assembler.set_state(states[0])
    for number, (before, after, names) in enumerate(zip(states, states[1:], named, strict=False)):
        old, new = model(target, before), model(target, after)
        of = Definition(number, 0x1000, b"\0\0\0\0", 0, tuple(names), (), True)
        frame = frame_of(assembler, Step(of, 0, after, {}, {}, ()))
        changed = {name for name in old if old[name] != new[name]}
        always_before, always_after = {
            STANDARD: (
                {name for name in old if groups[name] in (Group.GENERAL, Group.CONTROL, Group.STATUS)},
                {name for name in old if groups[name] is Group.STATUS},
            ),
            FULL: (set(old), set(old)),
            TOUCHED: (set(), set()),
        }[lists]
        pre = {operand.name: operand.as_int() for operand in frame.pre}
        post = {operand.name: operand.as_int() for operand in frame.post or ()}
        assert pre == {name: old[name] for name in always_before | changed | set(names)}
        assert post == {name: new[name] for name in always_after | changed | set(names)}
