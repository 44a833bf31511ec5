"""The commands together, and errors turned into a line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from gdbtrace.cli import (
    archs,
    attach,
    cache,
    check,
    coverage,
    diff,
    doctor,
    golden,
    histogram,
    info,
    log,
    machines,
    repair,
    run,
    serve,
    stages,
    timeline,
)
from gdbtrace.cli.expanded import expanded
from gdbtrace.cli.output import ExitStatus, complain
from gdbtrace.errors import GdbtraceError
from gdbtrace.version import __version__

_STDOUT, _STDERR = 1, 2


class _Interrupted(GdbtraceError):
    """Ctrl-C, where no trace was kept."""

    exit_status = ExitStatus.INTERRUPTED


@contextmanager
def _our_own_way() -> Iterator[None]:
    """What typer would end with a status of its own and no word."""
    try:
        try:
            yield
        finally:
            # Here, and not when Python ends, where nobody could say that it failed.
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise _Interrupted("interrupted") from None
    except BrokenPipeError:
        # The reader of our output has enough (`gdbtrace log | head`): nothing is wrong, and nothing more can be said.
        _drop_output()
        raise typer.Exit(ExitStatus.DONE) from None


def _drop_output() -> None:
    """What is still to be written would fail once more, when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Commands(TyperGroup):
    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _our_own_way():
            return super().make_context(*arguments, **options)

    def invoke(self, *arguments: Any, **options: Any) -> Any:
        with _our_own_way():
            return super().invoke(*arguments, **options)


APP = typer.Typer(
    name="gdbtrace",
    cls=_Commands,
    help="Exact single-step traces of programs under QEMU, as bap-frame files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"gdbtrace {__version__}")
        raise typer.Exit


@APP.callback()
def _common(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    pass


APP.command("run")(expanded(run.run))
APP.command("attach")(expanded(attach.attach))
APP.command("serve")(expanded(serve.serve))
APP.command("stages")(expanded(stages.stages))
APP.command("check")(expanded(check.check))
APP.command("info")(info.info)
APP.command("log")(expanded(log.log))
APP.command("histogram")(expanded(histogram.histogram))
APP.command("cache")(expanded(cache.cache))
APP.command("timeline")(expanded(timeline.timeline))
APP.command("coverage")(expanded(coverage.coverage))
APP.command("diff")(expanded(diff.diff))
APP.add_typer(golden.APP)
APP.command("repair")(repair.repair)
APP.command("archs")(archs.archs)
APP.command("machines")(machines.machines)
APP.command("doctor")(doctor.doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit status (:class:`ExitStatus`). Every failure is a line on stderr."""
    _open_standard_streams()
    try:
        APP(args=None if argv is None else list(argv), prog_name="gdbtrace")
    except SystemExit as stop:
        # typer ends every command this way, with what the command returned or 2 for a usage error.
        return stop.code if isinstance(stop.code, int) else ExitStatus.DONE
    except GdbtraceError as error:
        complain(str(error), *getattr(error, "__notes__", ()))
        return error.exit_status
    except OSError as error:
        # Files and sockets raise errors of ours: what is left is our own output.
        _drop_output()
        complain(f"{error.filename or 'standard output'}: cannot be written: {error.strerror}")
        return ExitStatus.TOOL_FAILED
    return ExitStatus.DONE


def _open_standard_streams() -> None:
    """Make those that the caller closed (``>&-``) the null device: no file of ours must get their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    # Python has None for them.
    sys.stdout = sys.stdout or open(_STDOUT, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(_STDERR, "w")  # noqa: SIM115
