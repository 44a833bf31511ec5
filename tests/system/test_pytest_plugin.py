"""The pytest plugin, in projects that use it: each is run by pytest, with real QEMUs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolchain import COMPILERS, GUESTS, TESTS, Workshop
from tests.unit.test_ci_examples import EXAMPLE, GITLAB, commands_of

pytest_plugins = ["pytester"]

GUEST = GUESTS / "aarch64" / "guest"
FLAGS = re.findall(r"-\S+", re.search(r'"\$@" (-g .*?) -o', (TESTS / "traces" / "make.sh").read_text(), re.DOTALL)[1])
"""How the example's program is built."""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty project, whose programs are the guests of ours."""
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -p no:randomly --strict-markers\n")
    return pytester


@pytest.fixture
def example(pytester: pytest.Pytester) -> pytest.Pytester:
    """The example project, to be changed; its programs are files."""
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True)
    return pytester


def build(program: Path, source: str) -> None:
    """Build the example's program anew, as it was built."""
    flags = [flag.replace('"$PWD"', str(program.parent)) for flag in FLAGS]
    command = [*COMPILERS["sparc64"], *flags, "-o", program.name, source]
    subprocess.run(command, cwd=program.parent, check=True)


@pytest.mark.qemu
def test_the_example_s_jobs_pass(example: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # What docs/ci.md shows, but for the installation.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    jobs = [words for words in commands_of(GITLAB) if Path(words[0]).name in ("pytest", "gdbtrace")]
    results = [example.run(Path(words[0]).name, *words[1:]) for words in jobs]

    assert [result.ret for result in results] == [0, 0]
    results[0].assert_outcomes(passed=9)
    assert results[1].outlines[-1] == "2 cases: 2 equal"
    assert "<failure" not in (example.path / "traces.xml").read_text() + (example.path / "suite.xml").read_text()
    # Of what passed nothing is kept.
    assert list((example.path / "traces").rglob("*.frames")) == []


@pytest.mark.qemu
@pytest.mark.cross
def test_a_changed_program_fails_with_the_first_divergence(example: pytest.Pytester) -> None:
    programs = example.path / "programs"
    source = programs / "program.c"
    source.write_text(source.read_text().replace("fibonacci(5)", "fibonacci(4)"))
    build(programs / "sparc64.elf", source.name)

    done = example.runpytest_inprocess("-k", "sparc64 and (ever or error_path)", "--junit-xml=report.xml")

    done.assert_outcomes(failed=2, deselected=7)
    done.stdout.fnmatch_lines(
        [
            "tests/goldens/test_program.test_run_is_as_ever-sparc64.golden is that of another run",
            "bytes: frame * of test_program.test_run_is_as_ever-sparc64.golden, frame * of sparc64.elf.frames",
            "*0x1001d0  mov 5, %o0 *",
            "*0x1001d0  mov 4, %o0  in _start+0x1c  at program.c:52",
            "sparc64.elf is not the program that the golden was made with",
            "the trace of this run is *sparc64.elf.frames; if it is right, accept it with --gdbtrace-update",
            "fibonacci is reached fewer than 15 times: the trace ends at * leave*, after * instructions (exited)",
        ]
    )
    # Neither our files nor the test's lines are in the way where the divergence is the failure.
    assert "pytest_plugin.py" not in done.stdout.str()
    assert "mov 4, %o0" in (example.path / "report.xml").read_text()


@pytest.mark.qemu
def test_goldens_are_written_only_when_that_is_asked_for(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.parametrize("limit", [300, 400])
        def test_run(gdbtrace, limit):
            gdbtrace.run({str(GUEST)!r}, limit=limit).assert_matches_golden()

        def test_named(gdbtrace):
            gdbtrace.run({str(GUEST)!r}, limit=100).assert_matches_golden("deep/named")
        """
    )
    goldens = project.path / "goldens"

    missing = project.runpytest_inprocess("-k", "named")
    missing.assert_outcomes(failed=1, deselected=2)
    missing.stdout.fnmatch_lines(["*named.golden*"])
    assert not goldens.exists()

    written = project.runpytest_inprocess("--gdbtrace-update", "-n", "2")
    written.assert_outcomes(passed=3)
    names = [
        "deep/named",
        "test_goldens_are_written_only_when_that_is_asked_for.test_run-300",
        "test_goldens_are_written_only_when_that_is_asked_for.test_run-400",
    ]
    written.stdout.fnmatch_lines([f"golden written: goldens/{name}.golden" for name in names])
    for name in names:
        manifest = json.loads((goldens / f"{name}.golden.json").read_text())
        assert manifest["program"]["name"] == "guest"
        assert manifest["command"][:2] == ["gdbtrace", "run"]
        assert set(manifest["versions"]) == {"gdbtrace", "qemu", "capstone"}
    assert sorted(goldens.rglob("*.golden")) == [goldens / f"{name}.golden" for name in names]

    # One is of another run now; the others stay as they are.
    first, second = (goldens / f"{name}.golden" for name in names[1:])
    right, kept = first.read_bytes(), second.stat().st_mtime_ns
    first.write_bytes(second.read_bytes())
    project.runpytest_inprocess("-k", "test_run").assert_outcomes(passed=1, failed=1, deselected=1)
    again = project.runpytest_inprocess("--gdbtrace-update", "-k", "test_run")
    again.assert_outcomes(passed=2, deselected=1)
    assert [line for line in again.outlines if line.startswith("golden written")] == [
        f"golden written: {first.relative_to(project.path)}"
    ]
    assert first.read_bytes() == right
    assert second.stat().st_mtime_ns == kept


@pytest.mark.qemu
@pytest.mark.cross
def test_a_golden_does_not_depend_on_where_the_project_is(project: pytest.Pytester, workshop: Workshop) -> None:
    # Given a C library that asks where its program is, within these instructions
    project.makepyfile(
        """
        from pathlib import Path

        def test_run(gdbtrace):
            gdbtrace.run(Path(__file__).parent / "guest", limit=1500).assert_matches_golden("guest")
        """
    )
    shutil.copy(workshop.program("aarch64", TESTS / "programs" / "whereami.c"), project.path / "guest")
    project.runpytest_inprocess("--gdbtrace-update").assert_outcomes(passed=1)
    elsewhere = project.path / "a longer name than before" / "twice"
    shutil.copytree(project.path, elsewhere, ignore=lambda *_: [elsewhere.parent.name])
    project.runpytest_inprocess("--rootdir", elsewhere, elsewhere).assert_outcomes(passed=1)


@pytest.mark.qemu
def test_what_is_masked_is_not_compared(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        def test_environment_moves_the_stack(gdbtrace):
            one, other = (gdbtrace.run({str(GUEST)!r}, limit=1, environment={{"X": text}}) for text in ("", "x" * 64))
            other.assert_matches(one, registers=["sp"])
            print("equal but for the stack pointer")
            other.assert_matches(one.path)
        """
    )
    done = project.runpytest_inprocess()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines_random(["equal but for the stack pointer"])
    done.stdout.fnmatch_lines(["register: frame *", "*sp*0x*0x*"])


@pytest.mark.qemu
def test_a_trace_says_what_the_guest_did(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        import gdbtrace as library

        def test_program(gdbtrace, capfd):
            trace = gdbtrace.run({str(GUEST)!r}, engine="gdb", registers="touched")
            assert trace.exit_status == 42
            assert trace.output == "gdbtrace: dff8252a4d48bc60\\n"
            assert capfd.readouterr().out == ""
            frames = list(trace)
            assert len(frames) == trace.summary.frames
            assert sum(isinstance(frame, library.StdFrame) for frame in frames) == trace.summary.instructions
            with trace.reading() as reading:
                assert reading.arch.name == "aarch64"
                assert reading.symbols.function_at(0x400120).name == "_start"
            (main,) = trace.calls("guest_main")
            assert main.entry.value == "call"

        def test_window(gdbtrace, capfd):
            trace = gdbtrace.run({str(GUEST)!r}, start="memset", stop="memset:2", arch="aarch64")
            assert trace.calls("memset")[0].entered == 0
            trace.assert_reaches("memset+0")
            trace.assert_reaches(hex(next(f.address for f in trace if isinstance(f, library.StdFrame))))
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


@pytest.mark.qemu
def test_mistakes_fail_in_one_line(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        import pytest

        GUEST = {str(GUEST)!r}
        TRACES = []

        @pytest.fixture
        def trace(gdbtrace):
            if not TRACES:
                TRACES.append(gdbtrace.run(GUEST, limit=1))
            return TRACES[0]

        def test_no_program(gdbtrace):
            gdbtrace.run("nothing/here")

        def test_wrong_architecture(gdbtrace):
            gdbtrace.run(GUEST, arch="sparc64")

        def test_no_function(trace):
            trace.calls("guest_mein")

        def test_no_place(trace):
            trace.assert_reaches("guest_mein+4")

        def test_not_reached(trace):
            trace.assert_reaches("guest_exit")

        def test_outside(trace):
            trace.assert_matches_golden("../elsewhere")

        def test_bad_mask(trace):
            trace.assert_matches_golden("x", registers=["x0:99-100-101"])

        def test_slow(gdbtrace):
            gdbtrace.run(GUEST, timeout=0.01)

        @pytest.mark.gdbtrace(arch="sparc65")
        def test_no_architecture():
            pass

        @pytest.mark.gdbtrace(board="x")
        def test_bad_marker():
            pass
        """
    )
    done = project.runpytest_inprocess()
    done.assert_outcomes(failed=8, errors=2)
    done.stdout.fnmatch_lines_random(
        [
            "nothing/here: no such file",
            "guest: a program for aarch64, not for sparc64*",
            "no symbol 'guest_mein', did you mean 'guest_main'?",
            "no symbol 'guest_mein+4', did you mean 'guest_main'?",
            "guest_exit is not reached: the trace ends at 0x* _start*, after 1 instructions (limit reached)",
            "'../elsewhere': the name of a golden trace *",
            "*x0:99-100-101*",
            "not done in time, *; give another timeout, or None",
            "no architecture 'sparc65', did you mean 'sparc64'?*",
            "*board*: it takes arch and machine",
        ]
    )
    assert "Traceback" not in done.stdout.str()
    assert "pytest_plugin.py" not in done.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "ini", "outcomes"),
    [
        ((), "", {"passed": 1, "skipped": 3}),
        (("--gdbtrace-require",), "", {"passed": 1, "failed": 1, "errors": 2}),
        ((), "gdbtrace_require = true\n", {"passed": 1, "failed": 1, "errors": 2}),
    ],
)
def test_a_missing_qemu_skips_unless_it_is_required(
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    ini: str,
    outcomes: dict[str, int],
) -> None:
    project.makeini(f"[pytest]\n{ini}")
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.gdbtrace(arch="sparc64")
        def test_marked():
            raise AssertionError

        @pytest.mark.gdbtrace(machine="leon3_generic")
        def test_machine():
            raise AssertionError

        def test_unmarked(gdbtrace):
            gdbtrace.run({str(GUEST)!r})

        def test_other():
            pass
        """
    )
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    done = project.runpytest_inprocess("-ra", *arguments)
    done.assert_outcomes(**outcomes)
    done.stdout.fnmatch_lines_random(
        [
            "*qemu-sparc64 not found: install Debian's qemu-user*",
            "*qemu-system-sparc not found: install Debian's qemu-system-sparc*",
            "*qemu-aarch64 not found*",
        ]
    )
