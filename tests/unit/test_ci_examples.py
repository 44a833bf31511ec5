"""docs/ci.md: its jobs are those of the example project, and they name what there is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from gdbtrace.cli.app import APP
from tests.toolchain import TESTS

ROOT = TESTS.parent
EXAMPLE = TESTS / "example_project"
GITHUB, GITLAB = EXAMPLE / ".github" / "workflows" / "traces.yml", EXAMPLE / ".gitlab-ci.yml"
INSTALLED_ANYWHERE = {"ca-certificates", "git", "python3-venv"}


def commands_of(path: Path) -> list[list[str]]:
    """What a job runs, in order."""
    document = yaml.safe_load(path.read_text())
    if path == GITHUB:
        lines = "\n".join(step["run"] for step in document["jobs"]["traces"]["steps"] if "run" in step).splitlines()
    else:
        job = document["traces"]
        lines = [*job["before_script"], *job["script"]]
    return [shlex.split(line) for line in lines if line]


def iter_unknown(words: list[str]) -> Iterator[str]:
    """The options of a ``gdbtrace`` command that it does not have."""
    command = typer.main.get_command(APP)
    rest = words[1:]
    while isinstance(command, TyperGroup):
        command = command.commands[rest.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    yield from (word for word in rest if word.startswith("-") and word not in known)


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_page_shows_the_job(path: Path) -> None:
    assert f"```yaml\n{path.read_text()}```" in (ROOT / "docs" / "ci.md").read_text()


def test_both_jobs_run_the_same() -> None:
    github, gitlab = (
        [[word for word in words if not word.startswith("--basetemp=")] for words in commands_of(path)]
        for path in (GITHUB, GITLAB)
    )
    assert github == gitlab


def test_packages_are_those_that_we_install_ourselves() -> None:
    (install,) = (words for words in commands_of(GITHUB) if words[:2] == ["apt-get", "install"])
    packages = {word for word in install[2:] if not word.startswith("--")}
    ours = (ROOT / ".ci" / "setup.sh").read_text()
    assert {name for name in packages - INSTALLED_ANYWHERE if f"{name}=" not in ours} == set()


def test_commands_of_gdbtrace_are_there() -> None:
    commands = [words for words in commands_of(GITHUB) if Path(words[0]).name == "gdbtrace"]
    assert commands
    assert [option for words in commands for option in iter_unknown(words)] == []


def test_reports_are_those_that_are_collected() -> None:
    written = [
        word.removeprefix("--junit-xml=")
        for words in commands_of(GITLAB)
        for before, word in pairwise(words)
        if before == "--junit" or word.startswith("--junit-xml=")
    ]
    assert written == yaml.safe_load(GITLAB.read_text())["traces"]["artifacts"]["reports"]["junit"]
