"""What every architecture's table has to take: a guest may execute any bytes, if only to be told that they are none."""

from __future__ import annotations

import random

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Behaviour, Mode
from gdbtrace.arch.registry import ARCHITECTURES

MODES = [(arch.name, mode) for arch in ARCHITECTURES.values() for mode in arch.modes]


@pytest.mark.parametrize(("name", "mode"), MODES, ids=[f"{name}-{mode.name or 'only'}" for name, mode in MODES])
def test_any_bytes_have_a_behaviour(name: str, mode: Mode) -> None:
    source = random.Random(name)
    for _ in range(1000):
        instruction = disassemble(source.randbytes(16), 0x10000, mode)
        assert isinstance(ARCHITECTURES[name].behaviour_of(instruction), Behaviour), instruction.data.hex()
