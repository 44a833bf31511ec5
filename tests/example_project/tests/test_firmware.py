"""Firmware of a Cortex-M3 board: what it prints, and the instructions of its interrupt handlers."""

from __future__ import annotations

from pathlib import Path

import pytest

BOARD = Path(__file__).parents[1] / "programs" / "board.elf"

pytestmark = pytest.mark.gdbtrace(machine="lm3s6965evb")


def test_boots_and_ticks_three_times(gdbtrace):
    trace = gdbtrace.run(BOARD)
    assert trace.output.endswith("ticks 00000003\ndone\n")
    assert len(trace.calls("systick_handler")) == 3
    trace.assert_matches_golden("boot")
