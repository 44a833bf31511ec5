"""Suites: which guests are run, and how, to be compared with their goldens.  docs/golden.md explains every key."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.arch.registry import architecture_named
from gdbtrace.errors import GdbtraceError, GoldenMissing, ToolError, UsageError, nearest
from gdbtrace.gdb.session import find_gdb
from gdbtrace.machine.emulator import find_emulator, version_of
from gdbtrace.machine.profile import load_profile
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import MachineOptions, Outcome, Place, RunOptions, Schedule, Summary
from gdbtrace.record.run import record
from gdbtrace.regression.golden import SUFFIX, check_golden, is_current, read_manifest, sha256_of, write_golden
from gdbtrace.toml_file import read_toml
from gdbtrace.version import __version__

_GOLDENS = "goldens"
_NOWHERE = Path(os.devnull)


class Verdict(Enum):
    """What came of a case."""

    EQUAL = "equal"
    DIFFERENT = "different"
    MISSING = "missing"
    """There is no golden."""
    ERROR = "error"
    """The guest could not be run, or the golden not be read."""
    WRITTEN = "written"
    KEPT = "kept"
    """The golden was there, and stays as it is."""


@dataclass(frozen=True, slots=True)
class Result:
    """Of one case."""

    name: str
    verdict: Verdict
    lines: Sequence[str] = ()
    """Why, for a person to read."""
    facts: Mapping[str, object] | None = None
    """The divergence, for a program to read, as ``diff --json`` has it."""
    instructions: int = 0
    seconds: float = 0.0
    """Spent stepping."""

    @property
    def has_failed(self) -> bool:
        """Whether somebody has to look at it."""
        return self.verdict in (Verdict.DIFFERENT, Verdict.MISSING, Verdict.ERROR)


@dataclass(frozen=True, slots=True)
class Case:
    """One run of one guest, and its golden."""

    name: str
    options: RunOptions | MachineOptions
    """Paths in it are absolute."""
    tolerance: Tolerance
    golden: Path
    command: Sequence[str] = ()
    """The words that make the same trace, in the suite's folder."""

    def __str__(self) -> str:
        return self.name

    @property
    def program(self) -> Path | None:
        """What is run; None: a machine's own firmware."""
        return self.options.program if isinstance(self.options, RunOptions) else self.options.image

    @property
    def elf(self) -> Path | None:
        """Where the symbols are, if not in the program."""
        return self.options.elf if isinstance(self.options, MachineOptions) else self.options.program


@dataclass(frozen=True, slots=True)
class Suite:
    """What a suite's file says."""

    path: Path
    cases: Sequence[Case]

    def chosen(self, names: Sequence[str]) -> Sequence[Case]:
        """The cases of these names, in the suite's order; all of them where there is no name.

        :raise UsageError: there is none of a name.
        """
        known = [case.name for case in self.cases]
        for name in names:
            if name not in known:
                raise UsageError(f"{self.path}: no case {name!r}{nearest(name, known)}")
        return [case for case in self.cases if not names or case.name in names]


def load_suite(path: Path) -> Suite:
    """Read a suite.

    :raise UsageError: it cannot be read, or what it says is not a suite.
    """
    document = read_toml(path)
    for key in document:
        if key not in ("goldens", "defaults", "case"):
            raise UsageError(f"{path}: no key {key!r}{nearest(key, ('goldens', 'defaults', 'case'))}")
    goldens, defaults, cases = document.get("goldens", _GOLDENS), document.get("defaults", {}), document.get("case", [])
    if not isinstance(goldens, str) or not isinstance(defaults, dict) or not isinstance(cases, list) or not cases:
        raise UsageError(f"{path}: a suite has [[case]] tables, and may have goldens (a folder) and a table [defaults]")
    if lone := next((key for key in ("name", "program") if key in defaults), None):
        raise UsageError(f"{path}: defaults: {lone} is what a case has for itself")
    folder = path.absolute().parent
    read = [_case_of(path, folder, folder / goldens, defaults, each) for each in cases]
    names = [case.name for case in read]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{path}: two cases are called {twice!r}")
    return Suite(path, read)


def _case_of(path: Path, folder: Path, goldens: Path, defaults: Mapping[str, Any], own: Any) -> Case:
    if not isinstance(own, dict):
        raise UsageError(f"{path}: case must be [[case]] tables")
    name = own.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[\w.+-]+", name) or name.startswith("."):
        raise UsageError(f"{path}: each case needs a name, of letters, digits and _.+-, not {name!r}")
    where = f"{path}: {name}"
    masks = {**_table(where, defaults), **_table(where, own)}
    settings = {**_DEFAULTS, **defaults, **own}
    for key in ("name", "mask"):
        settings.pop(key, None)
    is_machine = "machine" in settings
    if not is_machine and "program" not in settings:
        raise UsageError(f"{where}: needs a program, or a machine")
    fields: dict[str, Any] = {"reproducible": True}
    for key, value in list(settings.items()):
        kind, converted = _checked(where, _KEYS, key, value, folder)
        if kind.only in (None, is_machine):
            fields[kind.field or key.replace("-", "_")] = converted
        elif key in own:
            raise UsageError(f"{where}: {key}: only a {'machine' if kind.only else 'program'} has that")
        else:
            # A default is for those that can have it.
            del settings[key]
    if is_machine:
        fields["image"] = fields.pop("program", None)
    options = MachineOptions(**fields) if is_machine else RunOptions(**fields)
    tolerance = _tolerance_of(f"{where}: mask", masks, folder)
    return Case(name, options, tolerance, goldens / f"{name}{SUFFIX}", _command(settings))


def _tolerance_of(where: str, masks: Mapping[str, Any], folder: Path) -> Tolerance:
    fields = {}
    for key, value in masks.items():
        kind, converted = _checked(where, _MASKS, key, value, folder)
        fields[kind.field or key] = converted
    try:
        return Tolerance.parse(**fields)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _command(settings: Mapping[str, Any]) -> Sequence[str]:
    """What makes the same trace on the command line, in the suite's folder."""
    words = ["gdbtrace", "run", "--reproducible"]
    program, arguments = settings.get("program"), settings.get("arguments", ())
    for key, value in settings.items():
        option = f"--{_OPTIONS.get(key, key)}"
        if key == "environment":
            words += [word for name, text in value.items() for word in (option, f"{name}={text}")]
        elif key in ("std-only", "semihosting", "pin"):
            words += [option] if value is (key != "pin") else []
        elif key == "interrupts":
            words += [option, "on" if value else "off"]
        elif key not in ("program", "arguments"):
            words += [option, str(value)]
    if arguments and "machine" in settings:
        words += ["--machine-args", shlex.join(arguments)]
        arguments = ()
    words += [program] if program else []
    return [*words, "--", *arguments] if arguments else words


def _table(where: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    mask = settings.get("mask", {})
    if not isinstance(mask, dict):
        raise UsageError(f"{where}: mask must be a table")
    return mask


class _Kind(NamedTuple):
    """What a key may be set to."""

    what: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value
    only: bool | None = None
    """Only a machine has it (True), only a program (False)."""
    field: str = ""
    """Of the options; empty: the key with ``_`` for ``-``."""
    is_path: bool = False
    """Relative to the suite's folder..."""
    may_be_path: bool = False
    """...where it has a slash."""


def _checked(where: str, keys: Mapping[str, _Kind], key: str, value: Any, folder: Path) -> tuple[_Kind, Any]:
    if key not in keys:
        raise UsageError(f"{where}: no key {key!r}{nearest(key, keys)}")
    kind = keys[key]
    if not kind.accepts(value):
        raise UsageError(f"{where}: {key} must be {kind.what}, not {value!r}")
    try:
        converted = kind.convert(value)
        # A word without a slash is the name of a profile, or of a program on PATH.
        if kind.is_path or (kind.may_be_path and ("/" in value or value.endswith(".toml"))):
            converted = type(converted)(os.path.normpath(folder / value))
        return kind, converted
    except ValueError:
        raise UsageError(f"{where}: {key} must be {kind.what}, not {value!r}") from None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_count(value: Any) -> bool:
    # A bool is an int for Python.
    return type(value) is int and value > 0


def _is_environment(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


_TEXT = _Kind("a string", _is_text)
_TEXTS = _Kind("a list of strings", _is_texts, tuple)
_PATH = _TEXT._replace(convert=Path, is_path=True)
_COUNT = _Kind("a number from 1 up", _is_count)
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_PLACE = _Kind("SYMBOL or ADDRESS, with :N for the N-th time", _is_text, Place.parse)
_KEYS: Final[Mapping[str, _Kind]] = {
    "program": _PATH,
    "arch": _TEXT,
    "machine": _TEXT._replace(only=True, may_be_path=True),
    "arguments": _TEXTS,
    "environment": _Kind("a table of strings", _is_environment, only=False),
    "stdin": _PATH._replace(only=False),
    "sysroot": _PATH._replace(only=False),
    "pin": _FLAG._replace(only=False, field="is_pinned"),
    "qemu": _TEXT._replace(convert=Path, may_be_path=True),
    "cpu": _TEXT,
    "elf": _PATH._replace(only=True),
    "memory": _TEXT._replace(only=True),
    "vcpus": _COUNT._replace(only=True),
    "icount": _Kind(
        "a number from 0 to 10, or 'off'",
        lambda value: value == "off" or (type(value) is int and 0 <= value <= 10),
        only=True,
    ),
    "interrupts": _FLAG._replace(only=True),
    "schedule": _Kind("round-robin, round-robin:QUANTUM or only:VCPU", _is_text, Schedule.parse, only=True),
    "semihosting": _FLAG._replace(only=True),
    "until-console": _TEXT._replace(only=True),
    "start": _PLACE,
    "stop": _PLACE,
    "limit": _COUNT,
    "timeout": _Kind("seconds", lambda value: type(value) in (int, float) and value > 0, float),
    "engine": _Kind("auto, gdb or rsp", _is_text, EngineChoice),
    "registers": _Kind("standard, full or touched", _is_text, RegisterLists),
    "std-only": _FLAG,
    "key-interval": _COUNT,
}
_OPTIONS: Final = {"environment": "env", "vcpus": "smp", "pin": "no-pin"}
"""Keys that the command line calls otherwise."""
_DEFAULTS: Final[Mapping[str, Any]] = {"engine": "rsp", "timeout": 60}
_MASKS: Final[Mapping[str, _Kind]] = {
    "registers": _TEXTS,
    "memory": _TEXTS,
    "instructions": _TEXTS,
    "nondeterministic": _FLAG,
    "undefined": _FLAG,
    "events": _FLAG,
    "relocate": _FLAG._replace(field="is_relocated"),
}
KEYS: Final = ("name", *_KEYS, "mask")
"""All that a case may set."""
MASKS: Final = tuple(_MASKS)


# What is done with a case.


def check_case(case: Case) -> Result:
    """Run a case and compare it with its golden. What goes wrong is in the result."""
    return _result(case, _checked_run)


def record_case(case: Case) -> Result:
    """Run a case and make its golden; where there is one, it is kept and nothing is run."""
    if case.golden.exists():
        return Result(case.name, Verdict.KEPT)
    return _result(case, _written)


def update_case(case: Case) -> Result:
    """Run a case, and make its golden anew unless the present one is equal."""
    return _result(case, _updated)


def _result(case: Case, act: Callable[[Case, Summary], Result]) -> Result:
    try:
        with _recorded(case) as summary:
            return act(case, summary)
    except GoldenMissing as error:
        return Result(case.name, Verdict.MISSING, [str(error)])
    except GdbtraceError as error:
        return Result(case.name, Verdict.ERROR, [str(error), *getattr(error, "__notes__", ())])


def _checked_run(case: Case, summary: Summary) -> Result:
    comparison = check_golden(summary.path, case.golden, case.tolerance, elf=case.elf)
    if comparison.is_equal:
        return Result(case.name, Verdict.EQUAL, (), None, summary.instructions, summary.seconds)
    lines = [*comparison.lines, *changes_since(case.golden, case.program, versions_of(case.options, summary))]
    return Result(case.name, Verdict.DIFFERENT, lines, comparison.facts, summary.instructions, summary.seconds)


def _written(case: Case, summary: Summary) -> Result:
    write_golden(
        summary.path,
        case.golden,
        program=case.program,
        command=case.command,
        versions=versions_of(case.options, summary),
    )
    return Result(case.name, Verdict.WRITTEN, (), None, summary.instructions, summary.seconds)


def _updated(case: Case, summary: Summary) -> Result:
    if is_current(summary.path, case.golden, case.tolerance, elf=case.elf):
        return Result(case.name, Verdict.KEPT, (), None, summary.instructions, summary.seconds)
    return _written(case, summary)


@contextmanager
def _recorded(case: Case) -> Iterator[Summary]:
    """Run a case in a folder where there is nothing but a link to the program: its stack and its trace do not depend on
    where the suite is.  Its output goes nowhere, and the trace is gone afterwards.
    """
    program = case.program
    if program is not None and not program.exists():
        raise UsageError(f"{program}: no such file")
    with tempfile.TemporaryDirectory(prefix="gdbtrace-") as directory, chdir(directory):
        name = Path("machine" if program is None else program.name)
        if program is not None:
            name.symlink_to(program)
        output = Path(directory, f"{name}.frames")
        options: RunOptions | MachineOptions
        if isinstance(case.options, RunOptions):
            stdin = case.options.stdin or _NOWHERE
            options = replace(case.options, program=name, output=output, stdin=stdin, stdout=_NOWHERE)
        else:
            image = None if program is None else name
            options = replace(case.options, image=image, output=output, console=_NOWHERE)
        summary = record(options)
        if summary.outcome is Outcome.TIMEOUT:
            raise ToolError(f"not done after {options.timeout:g} s; give it another timeout, or a limit")
        yield summary


def versions_of(options: RunOptions | MachineOptions, summary: Summary) -> dict[str, str]:
    """What made a trace: releases of gdbtrace, QEMU, capstone, and of gdb where it took part."""
    if isinstance(options, RunOptions):
        emulator = architecture_named(summary.arch).qemu_user
    else:
        emulator = load_profile(options.machine).qemu if options.machine else f"qemu-system-{summary.arch}"
    versions = {
        "gdbtrace": __version__,
        "qemu": "{}.{}".format(*version_of(find_emulator(emulator, options.qemu))),
        "capstone": version("capstone"),
    }
    if summary.engine == EngineChoice.GDB.value:
        versions["gdb"] = "{}.{}".format(*find_gdb()[1])
    return versions


def changes_since(golden: Path, program: Path | None, versions: Mapping[str, str]) -> Iterator[str]:
    """What is not as it was when a golden was made, as its manifest says.

    :param program: what was traced now.
    :param versions: of the tools, now.
    """
    manifest = read_manifest(golden)
    known, then = manifest.get("program"), manifest.get("versions")
    if isinstance(known, dict) and program is not None and known.get("sha256") != sha256_of(program):
        yield f"{program.name} is not the program that the golden was made with"
    for tool, release in versions.items():
        if isinstance(then, dict) and then.get(tool, release) != release:
            yield f"the golden was made with {tool} {then[tool]}, this run with {release}"
