from __future__ import annotations

import os

import pytest

from tests.toolchain import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Builds programs once for all of pytest-xdist's processes."""
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "workshop"
    directory.mkdir(exist_ok=True)
    return Workshop(directory)
