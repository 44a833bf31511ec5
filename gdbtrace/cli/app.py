"""The commands together, and errors turned into a line and an exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import typer

from gdbtrace.cli import archs, doctor, info, log, repair, run
from gdbtrace.cli.output import ExitStatus, complain
from gdbtrace.errors import GdbtraceError
from gdbtrace.version import __version__

APP = typer.Typer(
    name="gdbtrace",
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


APP.command("run")(run.run)
APP.command("info")(info.info)
APP.command("log")(log.log)
APP.command("repair")(repair.repair)
APP.command("archs")(archs.archs)
APP.command("doctor")(doctor.doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit status (:class:`ExitStatus`). Every failure is a line on stderr."""
    try:
        APP(args=None if argv is None else list(argv), prog_name="gdbtrace")
    except SystemExit as stop:
        # typer ends every command this way, with what the command returned or 2 for a usage error.
        return stop.code if isinstance(stop.code, int) else ExitStatus.DONE
    except GdbtraceError as error:
        complain(str(error), *getattr(error, "__notes__", ()))
        return error.exit_status
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has enough (`gdbtrace log | head`): nothing is wrong, and nothing more can be said.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.DONE
    return ExitStatus.DONE
