"""Finding where two traces go on alike, and what is remembered of memory that differs."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.alignment import realigned
from gdbtrace.analysis.carried import CarriedMemory
from gdbtrace.trace.codec import FrameDecoder, encode_operand
from gdbtrace.trace.frames import MemoryLocation, Operand, OperandList, RegisterLocation, Usage

KEYS = st.lists(st.integers(0, 5), max_size=24)


@given(KEYS, KEYS, st.integers(1, 4), st.booleans())
def test_nearest_place_is_what_a_search_of_all_places_finds(
    left: Sequence[int], right: Sequence[int], run: int, is_end: bool
) -> None:
    ours, theirs = ([*side, *[None] * run] if is_end else list(side) for side in (left, right))
    places = [
        (i + j, i, j)
        for i in range(len(ours) - run + 1)
        for j in range(len(theirs) - run + 1)
        if ours[i : i + run] == theirs[j : j + run]
    ]

    found = realigned(left, right, run, left_ends=is_end, right_ends=is_end)

    assert (None if found is None else sum(found)) == (min(places)[0] if places else None)
    if found is not None:
        assert (sum(found), *found) in places
    assert not is_end or found is not None


ACCESSES = st.tuples(st.sampled_from(("mark", "clear")), st.integers(0, 200), st.binary(min_size=1, max_size=80))


@given(st.lists(ACCESSES, max_size=30), st.integers(0, 200), st.integers(1, 80))
def test_bytes_that_differ_are_those_marked_and_not_cleared(
    accesses: Sequence[tuple[str, int, bytes]], address: int, size: int
) -> None:
    memory, differing = CarriedMemory(), set[int]()
    for kind, start, data in accesses:
        if kind == "clear":
            memory.clear(start, len(data))
            differing -= set(range(start, start + len(data)))
        else:
            which = [at for at, byte in enumerate(data) if byte & 1]
            memory.mark(start, sum(1 << at for at in which), 3)
            differing |= {start + at for at in which}

    assert bool(memory) == bool(differing)
    is_known = set(range(address, address + size)) <= differing
    assert memory.root_of(address, (1 << size) - 1) == (3 if is_known else None)


OPERANDS = st.builds(
    Operand,
    st.one_of(
        st.builds(RegisterLocation, st.text("abcdefgh0123", min_size=1, max_size=6)),
        st.builds(MemoryLocation, st.integers(0, (1 << 64) - 1)),
    ),
    st.integers(0, 512),
    st.binary(max_size=200),
    st.builds(Usage, st.booleans(), st.booleans()),
)


@given(st.lists(st.tuples(OPERANDS, OPERANDS, st.booleans()), max_size=6), st.data())
def test_operands_that_differ_are_found_without_decoding_the_others(
    triples: Sequence[tuple[Operand, Operand, bool]], data: st.DataObject
) -> None:
    decoder = FrameDecoder()
    lists = []
    for chosen in (
        [one for one, _, _ in triples],
        [two if is_other else one for one, two, is_other in triples],
        data.draw(st.permutations([one for one, _, _ in triples])),
    ):
        lead = b"before"
        message = lead + b"".join(map(encode_operand, chosen))
        lists.append((chosen, OperandList(decoder, message, len(lead), len(message), 0)))
    (left, ours), *others = lists
    for right, theirs in others:
        differing = ours.differing(theirs)
        assert differing is not None
        assert [(ours.operand(one), theirs.operand(two)) for one, two in differing] == [
            (one, two) for one, two in zip(left, right, strict=True) if one != two
        ]
