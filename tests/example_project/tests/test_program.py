"""A program on a big-endian and on a little-endian architecture: the same calls, and the run it has always been."""

from __future__ import annotations

from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[1] / "programs"


@pytest.fixture(params=[pytest.param(arch, marks=pytest.mark.gdbtrace(arch=arch)) for arch in ("aarch64", "sparc64")])
def trace(request, gdbtrace):
    return gdbtrace.run(PROGRAMS / f"{request.param}.elf")


def test_run_is_as_ever(trace):
    trace.assert_matches_golden()


def test_ends_with_the_sum(trace):
    assert trace.exit_status == (sum(range(32)) + 5) & 0x7F


def test_recursion_is_as_deep_as_the_number(trace):
    calls = trace.calls("fibonacci")
    assert len(calls) == 15
    assert max(call.depth for call in calls) - min(call.depth for call in calls) == 4


def test_error_path_is_not_taken(trace):
    trace.assert_reaches("sum")
    trace.assert_reaches("fibonacci:15")
    assert trace.calls("never") == []
