"""What is known of registers: comparing whole lists as they are encoded gives what comparing one by one gives."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.known_registers import KnownRegisters, RegisterConflict
from gdbtrace.trace.codec import decode_frame, encode_frame
from gdbtrace.trace.frames import MemoryLocation, Operand, RegisterLocation, StdFrame, Usage

READ, WRITTEN = Usage(read=True), Usage(written=True)
VALUES = st.integers(0, 3)


def register(name: str, value: int, usage: Usage = READ, size: int = 2) -> Operand:
    return Operand(RegisterLocation(name), 8 * size, value.to_bytes(size, "little"), usage)


def encoded(pre: Sequence[Operand], post: Sequence[Operand] = ()) -> StdFrame:
    """As a file has it."""
    frame = decode_frame(encode_frame(StdFrame(0, 0, b"\0", tuple(pre), tuple(post))))
    assert isinstance(frame, StdFrame)
    return frame


FRAMES = st.lists(
    st.tuples(
        st.lists(VALUES, min_size=3, max_size=3),
        st.dictionaries(st.sampled_from("xyz"), VALUES),
        st.dictionaries(st.sampled_from("abcxyz"), VALUES),
    ),
    max_size=20,
)
"""Values of a, b, c before, which are always listed; of others before; of some after."""


@given(FRAMES)
def test_conflicts_are_those_of_a_model(frames: list[tuple[list[int], dict[str, int], dict[str, int]]]) -> None:
    registers, known = KnownRegisters(), dict[str, int]()
    for number, (always, others, after) in enumerate(frames):
        before = dict(zip("abc", always, strict=True)) | others
        frame = encoded(
            [register(name, value) for name, value in before.items()],
            [register(name, value, WRITTEN) for name, value in after.items()],
        )
        conflicts: list[RegisterConflict] = []
        registers.found(frame.pre, number, conflicts)
        expected = {(name, known[name], value) for name, value in before.items() if known.get(name, value) != value}
        assert {(each.name, each.known, each.found) for each in conflicts} == expected
        registers.written(frame.post or (), number)
        known |= before | after
        assert {name: registers.value_of(name) for name in known} == known


def test_a_list_that_begins_as_expected_is_not_looked_at_but_for_its_end() -> None:
    registers = KnownRegisters()
    memory = Operand(MemoryLocation(0x1000), 8, b"\1", READ)
    for number in range(3):
        frame = encoded([register("a", number), register("b", 7), memory], [register("a", number + 1, WRITTEN)])
        looked_at = registers.found(frame.pre, number, [])
        registers.written(frame.post or (), number)
    assert list(looked_at) == [memory]


def test_witness_is_the_frame_that_told_the_value() -> None:
    registers = KnownRegisters()
    registers.written([register("a", 1)], 3)
    registers.written([register("b", 2)], 5)
    conflicts: list[RegisterConflict] = []
    registers.found([register("a", 9), register("b", 2)], 6, conflicts)
    assert conflicts == [RegisterConflict("a", 1, 9, 3)]


def test_value_of_another_width_takes_the_place_of_the_one_before() -> None:
    registers = KnownRegisters()
    first = encoded([register("a", 1)])
    registers.found(first.pre, 0, [])
    registers.written([register("a", 5, WRITTEN, size=4)], 0)
    assert registers.value_of("a") == 5


def test_value_that_was_not_observed_is_no_conflict() -> None:
    registers = KnownRegisters()
    registers.written([register("a", 1)], 0)
    conflicts: list[RegisterConflict] = []
    registers.found([Operand(RegisterLocation("a"), 16, b"", READ)], 1, conflicts)
    assert conflicts == []
    assert registers.value_of("a") is None


def test_nothing_is_known_after_forgetting() -> None:
    registers = KnownRegisters()
    registers.found(encoded([register("a", 1)]).pre, 0, [])
    registers.forget()
    assert registers.value_of("a") is None
