"""The pytest plugin: programs and firmware traced in tests, and compared with golden traces (docs/pytest.md)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from gdbtrace.analysis.calls import Activation
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.errors import GdbtraceError, ToolMissing, UsageError
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import MachineOptions, Outcome, Place, RunOptions
from gdbtrace.record.run import record
from gdbtrace.regression.comparison import Comparison, compare_files
from gdbtrace.regression.golden import SUFFIX, check_golden, is_current, write_golden
from gdbtrace.regression.recording import Recording, find_what_runs
from gdbtrace.regression.suite import changes_since, versions_of
from gdbtrace.report.printable import printable

_UPDATE, _REQUIRE, _GOLDENS = "gdbtrace_update", "gdbtrace_require", "gdbtrace_goldens"
_MARKER = "gdbtrace"
_GOLDEN_WRITTEN = "gdbtrace golden written"
"""Key of a report's user property: xdist's workers tell of goldens by it, and JUnit reports have it."""
_DEFAULTS: Mapping[str, Any] = {"engine": EngineChoice.RSP, "reproducible": True, "timeout": 60.0}
"""Of a run: a test should be quick, its trace the same everywhere, and a guest that hangs should not fill the disk."""
_PATHS = frozenset({"elf", "stdin", "sysroot", "qemu"})
"""Options that are files, which are meant from where the test runs, not from where the guest does."""
_READ_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "engine": EngineChoice,
    "registers": RegisterLists,
    "start": Place.parse,
    "stop": Place.parse,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options and ini settings."""
    group = parser.getgroup("gdbtrace", "traces of programs under QEMU")
    group.addoption(
        "--gdbtrace-update", action="store_true", dest=_UPDATE, help="write golden traces that are missing or differ"
    )
    group.addoption(
        "--gdbtrace-require",
        action="store_true",
        dest=_REQUIRE,
        help="a missing QEMU is an error; else tests that need it are skipped",
    )
    parser.addini(_REQUIRE, "as --gdbtrace-require", type="bool", default=False)
    parser.addini(_GOLDENS, "where golden traces are, from the folder of the test's file", default="goldens")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(arch=None, machine=None): runs programs of an architecture, or firmware on a machine: "
        "skipped where their QEMU is missing, unless it is required",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked for an architecture or machine that cannot be run here."""
    if item.get_closest_marker(_MARKER) is not None:
        with _as_outcomes(item.config):
            what = _marked(item)
            find_what_runs(what.arch, what.machine)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which goldens were written."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    written = {
        str(value)
        for report in reports
        for key, value in getattr(report, "user_properties", ())
        if key == _GOLDEN_WRITTEN
    }
    for path in sorted(written):
        terminalreporter.write_line(f"golden written: {path}")


@pytest.fixture
def gdbtrace(request: pytest.FixtureRequest, tmp_path: Path) -> Tracing:
    """Traces programs and firmware."""
    return Tracing(request.node, tmp_path)


class Tracing:
    """What the fixture is: runs things for one test.

    :param place: a directory of the test's own.
    """

    def __init__(self, test: pytest.Item, place: Path) -> None:
        self._test = test
        self._place = place
        self._runs = 0

    def run(
        self,
        program: str | os.PathLike[str] | None = None,
        *arguments: str,
        arch: str | None = None,
        machine: str | None = None,
        **options: Any,
    ) -> Trace:
        """Trace a program, or firmware on a machine, to its end or to what the options say.

        It runs in a directory of its own, in which there is nothing but a link to it, so that its trace does not depend
        on where the project is.  It gets no input unless ``stdin`` says so.

        :param program: for a machine its image; None: the machine's own firmware.
        :param arguments: the program's; of a machine QEMU's, after the profile's.
        :param arch: None: the marker's, or else what the program's header says; so for ``machine``.
        :param options: fields of :class:`~gdbtrace.record.options.RunOptions` or
            :class:`~gdbtrace.record.options.MachineOptions`.  Places, engines and register lists may be text, as on the
            command line.  ``engine`` is ``rsp``, ``reproducible`` True and ``timeout`` 60 s unless they are given.
        """
        if program is None and machine is None and _marked(self._test).machine is None:
            raise TypeError("run() takes a program, or a machine")
        with _as_outcomes(self._test.config):
            trace = self._traced(program, arguments, arch, machine, options)
        if trace.summary.outcome is Outcome.TIMEOUT:
            _fail(f"not done in time, {trace.last_place()}; give another timeout, or None")
        return trace

    def _traced(
        self,
        program: str | os.PathLike[str] | None,
        arguments: Sequence[str],
        arch: str | None,
        machine: str | None,
        options: Mapping[str, Any],
    ) -> Trace:
        marked = _marked(self._test)
        if machine is None and arch is None:
            arch, machine = marked.arch, marked.machine
        if machine is not None and ("/" in machine or machine.endswith(".toml")):
            machine = str(Path(machine).absolute())
        fields = {option: _value_of(option, value) for option, value in {**_DEFAULTS, **options}.items()}
        place, link = self._new_place(program)
        output = place / "output"
        fields |= {"output": place / f"{link.name or 'machine'}.frames", "arch": arch, "arguments": arguments}
        run: RunOptions | MachineOptions
        with chdir(place):
            if machine is not None:
                image = None if program is None else link
                run = MachineOptions(machine=machine, image=image, console=output, **fields)
            else:
                run = RunOptions(program=link, stdout=output, **{"stdin": Path(os.devnull), **fields})
            summary = record(run)
        return Trace(run, summary, None if program is None else place / link, output, self._test)

    def _new_place(self, program: str | os.PathLike[str] | None) -> tuple[Path, Path]:
        """A directory to run a program in, and the link to it there.

        :raise UsageError: there is no such program.
        """
        self._runs += 1
        place = self._place / f"gdbtrace-{self._runs}"
        place.mkdir()
        if program is None:
            return place, Path()
        path = Path(program).absolute()
        if not path.is_file():
            raise UsageError(f"{os.fspath(program)}: no such file")
        (place / path.name).symlink_to(path)
        return place, Path(path.name)


@dataclass(frozen=True, slots=True, repr=False)
class Trace(Recording):
    """The trace of one run, in a test. What it asserts fails the test with a few lines that say where and what."""

    test: pytest.Item

    def assert_reaches(self, place: str) -> None:
        """The run reaches a place: ``SYMBOL|ADDRESS[+OFFSET][:N]``, the N-th time if that is said."""
        with _as_outcomes(self.test.config):
            wanted = Place.parse(place)
            if self.frame_reaching(wanted) is not None:
                return
        what = "is not reached" if wanted.hits == 1 else f"is reached fewer than {wanted.hits} times"
        _fail(
            f"{wanted.text} {what}: the trace ends {self.last_place()}, "
            f"after {self.summary.instructions} instructions ({self.summary.outcome.value})"
        )

    def calls(self, function: str) -> list[Activation]:
        """See :meth:`~gdbtrace.regression.recording.Recording.calls`."""
        with _as_outcomes(self.test.config):
            return super(Trace, self).calls(function)

    def assert_matches(self, other: Recording | str | os.PathLike[str], **masks: Any) -> None:
        """The run is that of another trace.

        :param other: it, or its file, or a log: whatever ``gdbtrace diff`` takes as its second.
        :param masks: see :meth:`assert_matches_golden`.
        """
        path = other.path if isinstance(other, Recording) else Path(other)
        with _as_outcomes(self.test.config):
            comparison = compare_files(self.path, path, Tolerance.parse(**masks))
        if not comparison.is_equal:
            _fail_with(comparison, f"{path} is that of another run")

    def assert_matches_golden(self, name: str | None = None, **masks: Any) -> None:
        """The run is that of a golden trace, which stands in ``goldens/`` beside the test's file.

        With ``--gdbtrace-update`` one that is missing or different is written instead.

        :param name: the golden's, without its suffix; None: made of the test's.
        :param masks: what is not compared, as :meth:`~gdbtrace.analysis.tolerance.Tolerance.parse` takes it.
        """
        config = self.test.config
        with _as_outcomes(config):
            golden = self._golden_path(name)
            tolerance = Tolerance.parse(**masks)
            settled = config.stash.setdefault(_SETTLED, set())
            if config.getoption(_UPDATE) and golden not in settled:
                settled.add(golden)
                if not is_current(self.path, golden, tolerance):
                    versions = versions_of(self.options, self.summary)
                    write_golden(self.path, golden, program=self.program, command=self.command, versions=versions)
                    self.test.user_properties.append((_GOLDEN_WRITTEN, _shown(config, golden)))
                return
            comparison = check_golden(self.path, golden, tolerance)
            if comparison.is_equal:
                return
            changes = list(changes_since(golden, self.program, versions_of(self.options, self.summary)))
        _fail_with(
            comparison,
            f"{_shown(config, golden)} is that of another run",
            *changes,
            f"the trace of this run is {self.path}; if it is right, accept it with --gdbtrace-update",
        )

    def _golden_path(self, name: str | None) -> Path:
        if name is None:
            _, _, own = self.test.nodeid.partition("::")
            name = re.sub(r"[^\w.+-]+", "-", f"{self.test.path.stem}.{own}").strip("-")
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise UsageError(f"{name!r}: the name of a golden trace must be one of a file in the folder of goldens")
        return self.test.path.parent / str(self.test.config.getini(_GOLDENS)) / f"{name}{SUFFIX}"


_SETTLED: pytest.StashKey[set[Path]] = pytest.StashKey()
"""Goldens that were looked at by this session while it updates: what is run twice must be the same twice."""


@dataclass(frozen=True, slots=True)
class _Marked:
    """What a test's marker says."""

    arch: str | None = None
    machine: str | None = None


def _marked(test: pytest.Item) -> _Marked:
    """
    :raise UsageError: the marker says something else.
    """
    marker = test.get_closest_marker(_MARKER)
    if marker is None:
        return _Marked()
    try:
        return _Marked(*marker.args, **marker.kwargs)
    except TypeError:
        raise UsageError(f"{marker}: it takes arch and machine") from None


def _value_of(option: str, value: Any) -> Any:
    """An option of a run as the library takes it."""
    if option in _PATHS and value is not None:
        return Path(value).absolute()
    return _READ_FROM_TEXT[option](value) if isinstance(value, str) and option in _READ_FROM_TEXT else value


@contextmanager
def _as_outcomes(config: pytest.Config) -> Iterator[None]:
    """What goes wrong skips or fails the test, with a line and without a traceback."""
    try:
        yield
    except GdbtraceError as error:
        text = _printable("\n".join((str(error), *getattr(error, "__notes__", ()))))
        if isinstance(error, ToolMissing) and not (config.getoption(_REQUIRE) or config.getini(_REQUIRE)):
            raise pytest.skip.Exception(text) from None
        raise pytest.fail.Exception(text, pytrace=False) from None


def _fail(text: str) -> NoReturn:
    pytest.fail(_printable(text), pytrace=False)


def _printable(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())


def _fail_with(comparison: Comparison, first: str, *last: str) -> NoReturn:
    """Fail with a divergence.

    :param first: what to say before it, and ``last`` behind it.
    """
    _fail("\n".join((first, *comparison.lines, *last)))


def _shown(config: pytest.Config, path: Path) -> str:
    """A path from where pytest was started."""
    return os.path.relpath(path, config.invocation_params.dir)
