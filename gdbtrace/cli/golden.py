"""``gdbtrace golden``: goldens of a suite, and one golden by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.cli.expanded import expanded
from gdbtrace.cli.output import ExitStatus, ProgressLine, open_output, printable, refuse_to_overwrite
from gdbtrace.regression.golden import SUFFIX
from gdbtrace.regression.suite import Case, Result, Suite, Verdict, check_case, load_suite, record_case, update_case
from gdbtrace.regression.workers import made_of
from gdbtrace.report.junit import JunitCase, junit_xml
from gdbtrace.trace.golden import pack as pack_trace
from gdbtrace.trace.golden import unpack as unpack_golden

_FRAMES = ".frames"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cases, and how what came of them is told."""

    suite: Annotated[Path, typer.Argument(metavar="SUITE.toml", help="What to run.", show_default=False)]
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="[CASE]...", help="Only these cases.", show_default=False)
    ] = None
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, metavar="N", help="So many at a time.")] = 1
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a JUnit report.")] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


APP = typer.Typer(
    name="golden",
    help="Compare what guests do with golden traces; make these.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def check(choice: Choice) -> None:
    """Run the cases of SUITE.toml and compare them with their goldens: exit status 0 if all are equal, 1 if not.

    A golden that is missing is a failure.
    """
    _each(choice, check_case)


def record(choice: Choice) -> None:
    """Make the goldens of SUITE.toml that are missing. Those that are there stay as they are."""
    _each(choice, record_case)


def update(choice: Choice) -> None:
    """Make the goldens of SUITE.toml anew that are missing, or differ from what the cases do now."""
    _each(choice, update_case)


def pack(
    trace: Annotated[Path, typer.Argument(help="A trace.", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The golden [default: beside TRACE].")] = None,
) -> None:
    """Make a golden of TRACE: the same trace, much smaller. Every command that reads traces reads it."""
    target = output or trace.with_suffix(SUFFIX)
    refuse_to_overwrite([trace], [target])
    pack_trace(trace, target)
    before, after = trace.stat().st_size, target.stat().st_size
    print(printable(f"{before:,} bytes are {after:,} in {target}: 1/{before / after:.0f}"))


def unpack(
    golden: Annotated[Path, typer.Argument(help="A golden.", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The trace [default: beside GOLDEN].")] = None,
) -> None:
    """Make the trace again that GOLDEN was made of, byte for byte."""
    target = output or golden.with_suffix(_FRAMES)
    unpack_golden(golden, target)
    print(printable(f"{target.stat().st_size:,} bytes in {target}"))


APP.command("record")(expanded(record))
APP.command("check")(expanded(check))
APP.command("update")(expanded(update))
APP.command("pack")(pack)
APP.command("unpack")(unpack)


def _each(choice: Choice, act: Callable[[Case], Result]) -> None:
    suite = load_suite(choice.suite)
    cases = suite.chosen(choice.cases or ())
    refuse_to_overwrite([choice.suite], [choice.junit])
    line = ProgressLine()
    results: dict[str, Result] = {}
    line.show(f"0 of {len(cases)}")
    try:
        # Closed here, and not when Python gets to it: Ctrl-C must leave nothing running.
        with closing(made_of(cases, act, choice.jobs)) as done:
            for case, result in done:
                results[case.name] = result
                line.clear()
                if not choice.as_json:
                    for text in _as_text(result):
                        print(printable(text), flush=True)
                line.show(f"{len(results)} of {len(cases)}")
    finally:
        line.clear()
    ordered = [results[case.name] for case in cases]
    if choice.junit is not None:
        with open_output(choice.junit) as stream:
            stream.write(junit_xml(suite.path.stem, map(_as_junit, ordered)))
    print(json.dumps(_as_json(suite, ordered)) if choice.as_json else printable(_totals(ordered)))
    raise typer.Exit(_status_of(ordered))


def _as_text(result: Result) -> Iterator[str]:
    ran = f": {result.instructions:,} instructions in {result.seconds:.1f} s" if result.instructions else ""
    yield f"{result.verdict.value} {result.name}{ran}"
    for text in result.lines:
        yield f"  {text}" if text else ""


def _totals(results: Sequence[Result]) -> str:
    counts = {verdict: sum(result.verdict is verdict for result in results) for verdict in Verdict}
    said = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    return f"{len(results)} cases: {said}"


def _as_json(suite: Suite, results: Sequence[Result]) -> dict[str, object]:
    return {
        "suite": str(suite.path),
        "cases": [
            {
                "name": result.name,
                "verdict": result.verdict.value,
                "instructions": result.instructions,
                "seconds": round(result.seconds, 3),
                "lines": list(result.lines),
                "divergence": result.facts,
            }
            for result in results
        ],
    }


def _as_junit(result: Result) -> JunitCase:
    lines = list(result.lines) if result.has_failed else []
    is_error = result.verdict is Verdict.ERROR
    return JunitCase(result.name, result.seconds, () if is_error else lines, lines if is_error else ())


def _status_of(results: Sequence[Result]) -> ExitStatus:
    """The worst that happened: a difference is known, an error hides what would be."""
    if any(result.verdict is Verdict.ERROR for result in results):
        return ExitStatus.TOOL_FAILED
    return ExitStatus.DIFFERENT if any(result.has_failed for result in results) else ExitStatus.DONE
