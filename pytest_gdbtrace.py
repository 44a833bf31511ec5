"""What every pytest loads where gdbtrace is installed: options, marker and fixture, and nothing of gdbtrace itself.

Not in the package, whose import costs half a second.  What they do is in :mod:`gdbtrace.pytest_plugin`, which is
imported when a test first asks for it (docs/pytest.md).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gdbtrace.pytest_plugin import Tracing

UPDATE, REQUIRE, GOLDENS = "gdbtrace_update", "gdbtrace_require", "gdbtrace_goldens"
MARKER = "gdbtrace"
GOLDEN_WRITTEN = "gdbtrace golden written"
"""Key of a report's user property: xdist's workers tell of goldens by it, and JUnit reports have it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options and ini settings."""
    group = parser.getgroup("gdbtrace", "traces of programs under QEMU")
    group.addoption(
        "--gdbtrace-update", action="store_true", dest=UPDATE, help="write golden traces that are missing or differ"
    )
    group.addoption(
        "--gdbtrace-require",
        action="store_true",
        dest=REQUIRE,
        help="a missing QEMU is an error; else tests that need it are skipped",
    )
    parser.addini(REQUIRE, "as --gdbtrace-require", type="bool", default=False)
    parser.addini(GOLDENS, "where golden traces are, from the folder of the test's file", default="goldens")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(arch=None, machine=None): runs programs of an architecture, or firmware on a machine: "
        "skipped where their QEMU is missing, unless it is required",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked for an architecture or machine that cannot be run here."""
    if item.get_closest_marker(MARKER) is not None:
        _plugin().check_what_is_marked(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which goldens were written."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    written = {
        str(value)
        for report in reports
        for key, value in getattr(report, "user_properties", ())
        if key == GOLDEN_WRITTEN
    }
    for path in sorted(written):
        terminalreporter.write_line(f"golden written: {path}")


@pytest.fixture
def gdbtrace(request: pytest.FixtureRequest, tmp_path: Path) -> Tracing:
    """Traces programs and firmware."""
    tracing: Tracing = _plugin().Tracing(request.node, tmp_path)
    return tracing


def _plugin() -> Any:
    return import_module("gdbtrace.pytest_plugin")
