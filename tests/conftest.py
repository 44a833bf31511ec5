from __future__ import annotations

import os
import signal

import hypothesis
import pytest

from tests.toolchain import Workshop

collect_ignore = ["example_project"]
"""A project of its own: tests/system/test_pytest_plugin.py runs it."""

# Who starts us in the background may have SIGINT ignored (sh's `&`), which the programs that we interrupt inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example may take says nothing on a busy machine.
hypothesis.settings.register_profile("gdbtrace", deadline=None)
hypothesis.settings.load_profile("gdbtrace")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much of the proof against QEMU to run: all of it takes ten minutes more than some."""
    parser.addoption("--exactness", choices=("some", "all"), default="some", help="how many programs (default: some)")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Builds programs once for all of pytest-xdist's processes."""
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "workshop"
    directory.mkdir(exist_ok=True)
    return Workshop(directory)
