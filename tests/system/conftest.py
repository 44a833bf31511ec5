from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import ARCH, BEHAVE, Workplace
from tests.toolchain import Workshop


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture
def behave(workshop: Workshop) -> Path:
    return workshop.program(ARCH, BEHAVE)
