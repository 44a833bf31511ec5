"""Finding what lies where, beside looking at everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.image.intervals import Intervals

ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12).map(
    lambda rows: [(low, high, number) for number, (low, high) in enumerate(rows)]
)


@given(ROWS, st.integers(-1, 31))
def test_innermost_is_that_which_begins_last(rows: list[tuple[int, int, int]], address: int) -> None:
    around = [row for row in rows if row[0] <= address < row[1]]
    wanted = max(around, key=lambda row: (row[0], -row[2]), default=None)
    assert Intervals(rows).at(address) == wanted


@given(ROWS, st.integers(-1, 31), st.integers(0, 31))
def test_overlapping_have_an_address_in_common(rows: list[tuple[int, int, int]], low: int, size: int) -> None:
    high = low + size
    wanted = [row for row in rows if set(range(row[0], row[1])) & set(range(low, high))]
    assert sorted(Intervals(rows).overlapping(low, high)) == sorted(wanted)
