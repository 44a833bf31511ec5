"""Symbols of programs and libraries that are wherever the emulator loaded them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.command_line import Workplace
from tests.toolchain import TESTS, Workshop

PLACES = TESTS / "programs" / "common" / "places.c"
SYSROOT = Path("/usr/aarch64-linux-gnu")


def symbols_in(place: Workplace, program: Path, *options: str | Path) -> list[str]:
    """The symbols of a trace's instructions, in order."""
    traced = place.run("run", "--engine", "rsp", *options, "-o", "trace", program)
    assert (traced.status, traced.err) == (0, "")
    logged = place.run("log", "trace", "--elf", program)
    assert (logged.status, logged.err) == (0, "")
    return [line.rpartition('"')[2].rpartition(", ")[2] for line in logged.out.splitlines()]


def test_static_position_independent_program(place: Workplace, workshop: Workshop) -> None:
    program = workshop.movable_program("aarch64", PLACES, "-static-pie")
    for options in ([], ["--reproducible"]):
        symbols = symbols_in(place, program, *options)
        assert (symbols.count("_start"), symbols.count("main"), symbols.count("here")) == (1, 1, 2)


def test_dynamic_program_and_its_library(place: Workplace, workshop: Workshop) -> None:
    program = workshop.movable_program("aarch64", PLACES, "-pie")
    symbols = symbols_in(place, program, "--sysroot", SYSROOT)
    assert (symbols.count("main"), symbols.count("here"), symbols.count("exit")) == (1, 2, 1)
    assert symbols.index("main") < symbols.index("here") < symbols.index("exit")
    # A trace that begins when everything is loaded has the same names
    assert symbols_in(place, program, "--sysroot", SYSROOT, "--start", "main") == symbols[symbols.index("main") :]


@pytest.mark.parametrize("arch", ["hppa", "mips"])
def test_stub_leads_to_the_function_of_its_name(place: Workplace, arch: str) -> None:
    # Given a program without symbols, on architectures of whose stubs no other tool has the names
    source, program = place.directory / "made.c", place.directory / "made"
    source.write_text("#include <stdlib.h>\nint main(void) { srand(3); return 7; }\n")
    subprocess.run([f"{arch}-linux-gnu-gcc", "-O1", "-fno-builtin", source, "-o", program], check=True)
    where = ["--sysroot", f"/usr/{arch}-linux-gnu"]
    traced = place.run("run", "--engine", "rsp", *where, "--start", "main", "-o", "trace", program)
    assert (traced.status, traced.err) == (0, "")
    subprocess.run([f"{arch}-linux-gnu-strip", program], check=True)
    # Then behind the stub, once the loader has found it, comes the function
    logged = place.run("log", "trace", "--elf", program)
    assert logged.err == ""
    names = [line.rpartition(", ")[2] for line in logged.out.splitlines() if line.endswith(("srand", "srand@plt"))]
    assert names == ["srand@plt", "srand"]


NAMES = """\
namespace space {
struct Box { int value; int twice() const; int add(int); int add(long); };
__attribute__((noinline)) int Box::twice() const { return 2 * value; }
__attribute__((noinline)) int Box::add(int more) { return value += more; }
__attribute__((noinline)) int Box::add(long more) { return value += more; }
}
extern "C" int main(int count, char **arguments)
{
    space::Box box{count};
    return box.add(1) + box.add(2L) + box.twice();
}
"""


def test_names_of_c_plus_plus_are_the_sources(place: Workplace) -> None:
    # Given a program of C++, linked by the compiler of C
    source, compiled, program = (place.directory / name for name in ("names.cc", "names.o", "names"))
    source.write_text(NAMES)
    subprocess.run(["clang", "--target=aarch64-linux-gnu", "-O1", "-c", source, "-o", compiled], check=True)
    subprocess.run(["aarch64-linux-gnu-gcc", "-static", compiled, "-o", program], check=True)
    # When it is traced from one of two functions of the same name on
    start = "space::Box::add(long)"
    traced = place.run("run", "--engine", "rsp", "--start", start, "--limit", "40", "-o", "trace", program)
    assert (traced.status, traced.err) == (0, "")
    # Then names are as in the source, or as the linker knows them
    lines = place.run("log", "trace").out.splitlines()
    assert lines[0].endswith(f", {start}")
    mangled = place.run("log", "trace", "--no-demangle").out.splitlines()
    assert mangled[0].endswith(", _ZN5space3Box3addEl")
    # And both select
    for name in ("space::Box::twice", "space::Box::twice() const", "_ZNK5space3Box5twiceEv"):
        picked = place.run("log", "trace", "--range", name).out.splitlines()
        assert picked[0].endswith(", space::Box::twice() const")
        assert all(", space::Box::twice() const" in line for line in picked)


def test_name_that_means_several_is_no_start(place: Workplace) -> None:
    source, program = place.directory / "names.cc", place.directory / "names"
    source.write_text(NAMES)
    build = ["clang", "--target=aarch64-linux-gnu", "-fuse-ld=lld", "-nostdlib", "-static", "-Wl,-e,main"]
    subprocess.run([*build, source, "-o", program], check=True)
    refused = place.run("run", "--start", "space::Box::add", program)
    assert refused.status == 2
    assert refused.complaint.endswith(
        "'space::Box::add' may mean 2 symbols; give one of them: _ZN5space3Box3addEi, _ZN5space3Box3addEl"
    )
