"""What is known of memory, against a model of one byte per address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis import known_memory
from gdbtrace.analysis.known_memory import FILE, KnownMemory, MemoryConflict

ADDRESSES = st.integers(240, 270)
"""Around the end of a page."""
DATA = st.binary(min_size=1, max_size=40)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), ADDRESSES, DATA),
        st.tuples(st.just("write"), ADDRESSES, DATA),
        st.tuples(st.just("forget"), ADDRESSES, DATA),
        st.tuples(st.just("doubt"), ADDRESSES, DATA),
    ),
    max_size=30,
)


def nothing(low: int, size: int) -> list[tuple[int, bytes]]:
    return []


@given(ACTIONS)
def test_conflicts_are_those_of_a_model(actions: list[tuple[str, int, bytes]]) -> None:
    memory, model, fresh_from, unseen = KnownMemory(nothing), dict[int, tuple[int, int]](), -2, 0
    for number, (action, address, data) in enumerate(actions):
        places = range(address, address + len(data))
        if action == "read":
            different = [
                (place, model[place][1])
                for place, byte in zip(places, data, strict=True)
                if place in model and model[place][0] != byte
            ]
            unseen += sum(witness < fresh_from for _, witness in different)
            fresh = [witness for _, witness in different if witness >= fresh_from]
            conflict = memory.read(address, data, number)
            assert (conflict is not None) == bool(fresh)
            if conflict is not None:
                known = bytes(model.get(place, (byte, 0))[0] for place, byte in zip(places, data, strict=True))
                assert len(conflict.known) == len(known)
                assert conflict.witness == fresh[0]
        elif action == "write":
            memory.write(address, data, number)
        elif action == "forget":
            memory.forget(address, len(data))
        else:
            fresh_from = number
            memory.doubt(number)
        for place, byte in zip(places, data, strict=True):
            if action in ("read", "write"):
                model[place] = byte, number
            elif action == "forget":
                model.pop(place, None)
    assert memory.changed_unseen == unseen


def test_conflict_shows_the_bytes_that_are_known() -> None:
    memory = KnownMemory(nothing)
    memory.write(0x1001, b"\x01\x02", 5)
    assert memory.read(0x1000, b"\xaa\x01\x03\xbb", 6) == MemoryConflict(b"\xaa\x01\x02\xbb", 5)
    # What was found is known from now on.
    assert memory.read(0x1000, b"\xaa\x01\x03\xbb", 7) is None


def test_files_are_asked_once_for_each_page_and_not_believed_against_a_store() -> None:
    asked = []

    def initial(low: int, size: int) -> list[tuple[int, bytes]]:
        asked.append(low)
        return [(low + 1, b"abc")]

    memory = KnownMemory(initial)
    assert memory.read(0x1000, b"\x00abd", 1) == MemoryConflict(b"\x00abc", FILE)
    memory.write(0x1101, b"xyz", 2)
    assert memory.read(0x1101, b"xyz", 3) is None
    assert asked == [0x1000, 0x1100]


def test_what_a_file_is_mapped_over_is_forgotten() -> None:
    memory = KnownMemory(nothing)
    memory.write(0x1000, b"abcd", 1)
    memory.map_anew(0x1000, 0x1FFF)
    assert memory.read(0x1000, b"efgh", 2) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_memory, "_MOST_PAGES", 3)
    memory = KnownMemory(nothing)
    for page in range(5):
        memory.write(0x100 * page, b"a", page)
    assert not memory.is_complete
    assert memory.read(0, b"b", 9) is None
    assert memory.read(0x400, b"b", 9) == MemoryConflict(b"a", 4)
