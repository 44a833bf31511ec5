"""``gdbtrace coverage`` on the committed traces: reference output, JSON, sets of traces, exports."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gdbtrace.cli.app import main
from gdbtrace.trace import StdFrame, open_trace

TRACES = Path(__file__).parents[1] / "traces"
ARCHITECTURES = ["aarch64", "sparc64"]
FIRST_PAGE = {"aarch64": 0x400000, "sparc64": 0x100000}


def coverage(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["coverage", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def executed(arch: str) -> Counter[int]:
    """How often each address is in a trace."""
    with open_trace(TRACES / f"{arch}.frames") as reader:
        return Counter(frame.address for frame in reader if isinstance(frame, StdFrame))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_output_with_symbols(arch: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In tests/traces: for by in function file line instruction; do
    gdbtrace coverage ARCH.frames --by $by --source --all; done >ARCH.coverage.txt"""
    monkeypatch.chdir(TRACES)
    views = ("function", "file", "line", "instruction")
    text = "".join(coverage(capsys, f"{arch}.frames", "--by", view, "--source", "--all") for view in views)
    assert text == Path(f"{arch}.coverage.txt").read_text()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_output_without_symbols(
    arch: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a directory with ARCH.frames alone: for by in function instruction; do
    gdbtrace coverage ARCH.frames --by $by; done >ARCH.coverage-stripped.txt"""
    shutil.copy(TRACES / f"{arch}.frames", tmp_path)
    monkeypatch.chdir(tmp_path)
    text = "".join(coverage(capsys, f"{arch}.frames", "--by", view) for view in ("function", "instruction"))
    assert text == (TRACES / f"{arch}.coverage-stripped.txt").read_text()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_json_has_each_instructions_count(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads(coverage(capsys, TRACES / f"{arch}.frames", "--by", "instruction", "--all", "--json"))
    counts = executed(arch)
    rows = result["rows"]
    assert {int(row["address"], 16): row["executed"] for row in rows if row["executed"]} == counts
    assert result["executed"] == counts.total()
    assert {row["function"] for row in rows if not row["executed"]} == {"_start", "leave", "never"}


@pytest.mark.parametrize("view", ["function", "file", "line"])
def test_json_of_each_view_has_all_that_was_executed(view: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads(coverage(capsys, TRACES / "sparc64.frames", "--by", view, "--json"))
    assert sum(row["executed"] for row in result["rows"]) == result["executed"] == executed("sparc64").total()


def test_functions_are_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    trace = TRACES / "aarch64.frames"
    result = json.loads(coverage(capsys, trace, "--function", "n*r", "--function", "f*", "--json"))
    assert [(row["function"], row["entered"]) for row in result["rows"]] == [
        ("fill", 1),
        ("fibonacci", 15),
        ("never", 0),
    ]


def test_sets_of_traces(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    # Given a trace; one alone, twice, without itself, and with itself alone
    trace = TRACES / "aarch64.frames"
    total = executed("aarch64").total()

    def count(*arguments: str | Path) -> Any:
        return json.loads(coverage(capsys, *arguments, "--json"))["executed"]

    assert count(trace, trace) == 2 * total
    assert count(trace, "--minus", trace) == 0
    assert count(trace, "--only-in", trace) == total


@pytest.mark.parametrize(
    "arguments",
    [
        ["--by", "function", "--function", "nowhere"],
        ["--drcov", str(TRACES / "aarch64.frames")],
        ["--html", "/dev/null/page.html"],
        [str(TRACES / "sparc64.frames")],
        ["--minus", str(TRACES / "program.c")],
    ],
    ids=["no function", "trace overwritten", "no directory", "other architecture", "no trace"],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    size = (TRACES / "aarch64.frames").stat().st_size
    assert main(["coverage", str(TRACES / "aarch64.frames"), *arguments]) in (2, 3, 4)
    assert re.fullmatch(r"gdbtrace: .*\n", capsys.readouterr().err)
    assert (TRACES / "aarch64.frames").stat().st_size == size


def read_drcov(data: bytes) -> tuple[list[list[str]], list[tuple[int, int, int]]]:
    """Modules and blocks (module, start, size) of a drcov log: strictly what DynamoRIO 7.0 on Linux writes, and split
    as Lighthouse splits it (its reader/parsers/drcov.py): at line ends, at ``: `` and at ``, ``."""
    head, _, table = data.partition(b" bbs\n")
    lines = head.decode().split("\n")
    assert lines[:2] == ["DRCOV VERSION: 2", "DRCOV FLAVOR: drcov"]
    count = re.fullmatch(r"Module Table: version 2, count (\d+)", lines[2])
    assert count
    assert lines[3] == "Columns: id, base, end, entry, path"
    modules = [line.split(", ") for line in lines[4:-1]]
    assert len(modules) == int(count[1])
    assert [module[0] for module in modules] == [str(number) for number in range(len(modules))]
    for _, base, end, entry, path in modules:
        assert int(base, 16) < int(end, 16)
        assert int(entry, 16) >= 0
        assert path
    title, number = lines[-1].split(": ")
    assert title == "BB Table"
    assert len(table) == 8 * int(number)
    return modules, [(module, start, size) for start, size, module in struct.iter_unpack("<IHH", table)]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("has_symbols", [True, False], ids=["symbols", "stripped"])
def test_drcov_has_what_was_executed(
    arch: str, has_symbols: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = TRACES / f"{arch}.frames" if has_symbols else Path(shutil.copy(TRACES / f"{arch}.frames", tmp_path))
    coverage(capsys, trace, "--drcov", tmp_path / "log")
    modules, blocks = read_drcov((tmp_path / "log").read_bytes())
    assert [Path(module[4]).name for module in modules] == [f"{arch}.elf"]
    found = [FIRST_PAGE[arch] + at for _, start, size in blocks for at in range(start, start + size, 4)]
    assert sorted(found) == sorted(executed(arch))
    assert {module for module, _, _ in blocks} == {0}


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_modoff_has_each_instruction_once(arch: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    coverage(capsys, TRACES / f"{arch}.frames", "--modoff", tmp_path / "log")
    pairs = [line.rsplit("+", 1) for line in (tmp_path / "log").read_text().splitlines()]
    assert [FIRST_PAGE[arch] + int(offset, 16) for _, offset in pairs] == sorted(executed(arch))
    assert {name for name, _ in pairs} == {f"{arch}.elf"}


class Page(html.parser.HTMLParser):
    """Reads a page whose elements must all be closed, in order; keeps the cells of its rows."""

    VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.identifiers: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        assert not names.keys() & {"src", "onclick"}
        assert tag not in ("script", "link", "img")
        if href := names.get("href"):
            assert href.startswith("#")
            self.links.append(href[1:])
        if identifier := names.get("id"):
            assert identifier not in self.identifiers
            self.identifiers.add(identifier)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def handle_entityref(self, name: str) -> None:
        raise AssertionError(name)


def read_page(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text("utf-8"))
    page.close()
    assert page.open == []
    assert set(page.links) == page.identifiers
    return page


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("has_symbols", [True, False], ids=["symbols", "stripped"])
def test_page_has_each_instructions_count(
    arch: str, has_symbols: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = TRACES / f"{arch}.frames" if has_symbols else Path(shutil.copy(TRACES / f"{arch}.frames", tmp_path))
    coverage(capsys, trace, "--html", tmp_path / "page.html", "--source")
    page = read_page(tmp_path / "page.html")
    rows = [row for row in page.rows if len(row) == 3 and row[0].isdigit()]
    base = 0 if has_symbols else FIRST_PAGE[arch]
    assert {base + int(row[1], 16): int(row[0]) for row in rows if row[0] != "0"} == executed(arch)
    assert has_symbols is any("return fibonacci(n - 1) + fibonacci(n - 2);" in row[-1] for row in page.rows)


def test_page_escapes_what_others_have_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    # Given a trace, and a copy of its program, with names that HTML, terminals and lists would obey
    name = "<img src=x>&amp;\x1b[2J\n, x.frames"
    trace = Path(shutil.copy(TRACES / "aarch64.frames", tmp_path / name))
    program = tmp_path / "<b>, \x1b&lt;.elf"
    program.write_bytes((TRACES / "aarch64.elf").read_bytes().replace(b"fibonacci", b'"<i>,&\x1b\r\n'))

    # When it is shown and written
    files = {kind: tmp_path / kind for kind in ("html", "drcov", "modoff", "lcov")}
    options = [argument for kind, path in files.items() for argument in (f"--{kind}", path)]
    text = coverage(capsys, trace, "--elf", program, "--by", "instruction", *options)

    # Then they are text
    assert text.replace("\n", "").isprintable()
    page = read_page(files["html"])
    assert '"<i>,&\\x1b\\x0d\\x0a' in page.text
    assert "<img src=x>&amp;\\x1b[2J\\x0a, x.frames" in page.text
    modules, _ = read_drcov(files["drcov"].read_bytes())
    assert Path(modules[0][4]).name == "<b>,_\\x1b&lt;.elf"
    assert all(line.rsplit("+", 1)[0] == "<b>, \\x1b&lt;.elf" for line in files["modoff"].read_text().splitlines())
    assert 'FNDA:15,"<i>;&\\x1b\\x0d\\x0a' in files["lcov"].read_text().split("\n")


def test_files_of_an_empty_trace_are_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = {kind: tmp_path / kind for kind in ("html", "drcov", "modoff", "lcov")}
    options = [argument for kind, path in files.items() for argument in (f"--{kind}", path)]
    coverage(capsys, TRACES / "aarch64.frames", "--frames", "0:0", *options)
    assert read_drcov(files["drcov"].read_bytes()) == ([], [])
    assert "0 instructions executed" in read_page(files["html"]).text
    assert (files["modoff"].read_text(), files["lcov"].read_text()) == ("", "")
