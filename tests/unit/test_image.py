"""Symbols of ELF files, beside what binutils reads in them."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.errors import UsageError
from gdbtrace.image import Image, Location, Symbol, md5_of, number_of, readings_of
from tests.toolchain import GUESTS


def guest(arch: str) -> Image:
    return Image(GUESTS / arch / "guest")


def read_symbols(path: Path) -> list[tuple[str, int, int, str]]:
    """(name, address, size, type) of every named symbol of readelf's tables that has a place."""
    text = subprocess.run(["readelf", "-sW", path], capture_output=True, text=True, check=True).stdout
    # 64-bit PowerPC has a column of its own, such as "[<localentry>: 8]".
    rows = [row for row in map(str.split, text.splitlines()) if len(row) >= 8 and row[0][:-1].isdigit()]
    return [(row[-1], int(row[1], 16), int(row[2], 0), row[3]) for row in rows if row[-2] != "UND"]


def read_code_addresses(path: Path) -> dict[str, int]:
    """Where the code of each function of a 64-bit PowerPC program starts: nm's dot symbols, read from descriptors."""
    text = subprocess.run(
        ["powerpc64-linux-gnu-nm", "--synthetic", path], capture_output=True, text=True, check=True
    ).stdout
    return {name[1:]: int(address, 16) for address, _, name in map(str.split, text.splitlines()) if name[:1] == "."}


def read_header(path: Path) -> dict[str, str]:
    text = subprocess.run(["readelf", "-hW", path], capture_output=True, text=True, check=True).stdout
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


# -- beside readelf and nm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_header_is_readelfs(arch: str) -> None:
    image, header = guest(arch), read_header(GUESTS / arch / "guest")
    assert image.bits == int(header["Class"].removeprefix("ELF"))
    assert header["Data"] == f"2's complement, {image.byte_order} endian"
    assert image.entry == int(header["Entry point address"], 16)
    assert image.flags == int(header["Flags"].split(",")[0], 16)
    assert (image.is_program, image.is_position_independent, image.loader) == (True, False, None)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_functions_are_readelfs(arch: str) -> None:
    # Given readelf's function symbols, which are descriptors on 64-bit PowerPC and odd in Thumb code
    path = GUESTS / arch / "guest"
    functions = {name: address for name, address, _, kind in read_symbols(path) if kind == "FUNC"}
    assert len(functions) > 30
    if arch == "ppc64":
        functions = {name: address for name, address in read_code_addresses(path).items() if name in functions}
    elif arch in ("arm", "armeb"):
        assert any(address % 2 for address in functions.values())
        functions = {name: address - address % 2 for name, address in functions.items()}
    # Then ours are at the same addresses
    image = Image(path)
    found = {name: symbol.address for name in functions if (symbol := image.symbol(name))}
    assert found == functions


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_objects_and_their_sizes_are_readelfs(arch: str) -> None:
    path = GUESTS / arch / "guest"
    image = Image(path)
    objects = [(name, address, size) for name, address, size, kind in read_symbols(path) if kind == "OBJECT"]
    assert len(objects) > 5
    assert [image.symbol(name) for name, _, _ in objects] == [Symbol(*row) for row in objects]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_name_of_readelf_is_a_name_of_ours(arch: str) -> None:
    path = GUESTS / arch / "guest"
    names = {name for name, _, _, kind in read_symbols(path) if kind in ("FUNC", "OBJECT", "NOTYPE", "PARISC_MILLI")}
    assert set(Image(path).symbol_names()) == names


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_function_is_found_from_its_first_to_its_last_byte(arch: str) -> None:
    path = GUESTS / arch / "guest"
    image = Image(path)
    for name, _, size, kind in read_symbols(path):
        if kind == "FUNC" and size:
            symbol = image.symbol(name)
            assert symbol is not None
            assert str(image.locate(symbol.address)) == name
            assert image.locate(symbol.address + size - 1) == Location(symbol, size - 1)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_symbol_at_the_entry_point_is_start(arch: str) -> None:
    image = guest(arch)
    start = image.symbol("_start")
    assert start is not None
    if arch == "ppc64":
        # The entry point is a descriptor too.
        assert image.entry != start.address
        assert read_code_addresses(image.path)["_start"] == start.address
    else:
        assert image.entry == start.address


def test_bytes_of_the_file_are_summed() -> None:
    image = guest("mips")
    assert md5_of(image.path) == hashlib.md5(image.path.read_bytes()).digest()
    assert image.status.st_size == len(image.path.read_bytes())


# -- programs made for it ------------------------------------------------------------------------------------------

UNSIZED = """
    .globl _start
_start: nop
    .globl sized
    .type sized, @function
sized: .skip 16
    .size sized, 8
    .globl after
after: .skip 0x2000
    .globl longer_alias
    .globl alias
    .globl sized_alias
longer_alias:
alias:
sized_alias:
    nop
    .size sized_alias, 1
    .weak missing
    .long missing
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """A program of the host's own assembler with symbols of every sort, its text at 0x10000."""
    directory = tmp_path_factory.mktemp("made")
    (directory / "made.s").write_text(UNSIZED)
    subprocess.run(["as", "--32", "made.s", "-o", "made.o"], cwd=directory, check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext=0x10000", "made.o", "-o", "made"], cwd=directory, check=True)
    return Image(directory / "made")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (0xFFFF, None),
        (0x10000, "_start"),
        (0x10001, "sized"),
        (0x10008, "sized+0x7"),
        # Padding after a function that says how long it is belongs to none.
        (0x10009, None),
        (0x10010, None),
        # A symbol without a size reaches to the next one, but not for ever.
        (0x10011, "after"),
        (0x11010, "after+0xfff"),
        (0x11011, None),
        (0x12010, None),
        # Of several names for one address: the one with a size.
        (0x12011, "sized_alias"),
        (0x12012, None),
    ],
)
def test_address_is_told_by_the_symbol_that_it_lies_in(made: Image, address: int, text: str | None) -> None:
    location = made.locate(address)
    assert (None if location is None else str(location)) == text


def test_load_offset_is_taken_off(made: Image) -> None:
    assert str(made.locate(0x5555_0000_0008 + 0x10000, load_offset=0x5555_0000_0000)) == "sized+0x7"


def test_symbol_without_a_place_is_none(made: Image) -> None:
    assert made.symbol("missing") is None
    assert made.symbol("nowhere") is None


def test_mapping_symbols_name_no_place() -> None:
    image = guest("arm")
    assert image.symbol("$t") is not None
    names = {location.symbol.name for address in range(0x10000, 0x12000) if (location := image.locate(address))}
    assert names
    assert not [name for name in names if name.startswith("$")]


def test_object_file_is_no_program(made: Image) -> None:
    assert not Image(made.path.with_suffix(".o")).is_program


INDIRECT = """
    .section ".opd", "aw"
    .globl chosen
    .type chosen, @gnu_indirect_function
chosen: .quad .Lchosen, 0, 0
    .text
    nop
.Lchosen: blr
"""


def test_indirect_function_of_64_bit_powerpc_is_its_code(tmp_path: Path) -> None:
    # Given a symbol that says "ask me which function", whose address is a descriptor as any function's
    (tmp_path / "made.s").write_text(INDIRECT)
    for command in ("as -mbig made.s -o made.o", "ld -Ttext=0x10000000 -e 0 made.o -o made"):
        subprocess.run(f"powerpc64-linux-gnu-{command}".split(), cwd=tmp_path, check=True)
    assert [kind for name, _, _, kind in read_symbols(tmp_path / "made") if name == "chosen"] == ["IFUNC"]
    # Then it is found where its code is
    symbol = Image(tmp_path / "made").symbol("chosen")
    assert symbol is not None
    assert symbol.address == 0x1000_0004


# -- places that a user names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "readings", "number"),
    [
        ("main", [("main", 0)], None),
        ("main+0x10", [("main+0x10", 0), ("main", 16)], None),
        ("main+z", [("main+z", 0)], None),
        # A function of C++ whose name has a plus.
        ("operator+(A, B)+4", [("operator+(A, B)+4", 0), ("operator+(A, B)", 4)], None),
        ("0x1000", [("0x1000", 0)], 0x1000),
        ("0x1000+8", [("0x1000+8", 0), ("0x1000", 8)], 0x1008),
    ],
)
def test_place_is_a_name_or_an_address_with_an_offset(
    place: str, readings: list[tuple[str, int]], number: int | None
) -> None:
    assert readings_of(place) == readings
    assert number_of(place) == number


# -- files that are none -------------------------------------------------------------------------------------------


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing: cannot be read: No such file or directory"):
        Image(tmp_path / "nothing")


def test_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        Image(tmp_path)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x01\x01\x01" + bytes(9)])
def test_file_that_is_no_elf_is_said(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "script"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="script: not an ELF program that can be read"):
        Image(path)


def test_program_cut_short_is_said_or_read_but_nothing_else(tmp_path: Path) -> None:
    data = (GUESTS / "mips" / "guest").read_bytes()
    path = tmp_path / "cut"
    said = 0
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        try:
            Image(path)
        except UsageError:
            said += 1
    assert said > 0.9 * len(data) / 97


def test_note_whose_name_never_ends_is_none(tmp_path: Path) -> None:
    (tmp_path / "made.s").write_text(
        '.section .note.made,"a",@note\n.long 4, 4, 3\n.ascii "name"\n.long 0\n.text\nnop\n'
    )
    for command in (["as", "made.s", "-o", "made.o"], ["ld", "-s", "-e", "0", "made.o", "-o", "made"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    assert Image(tmp_path / "made").debug_path is None


# -- the procedure linkage table ------------------------------------------------------------------------------------

CALLS = 'int puts(const char *), rand(void), abs(int);\nint main(void) { return puts("") + rand(); }\n'


@pytest.mark.parametrize(
    ("target", "flags"),
    [
        ("x86_64-linux-gnu", []),
        ("x86_64-linux-gnu", ["-fcf-protection", "-Wl,-z,ibtplt"]),
        ("i686-linux-gnu", []),
        ("i686-linux-gnu", ["-no-pie"]),
        ("aarch64-linux-gnu", []),
        ("aarch64-linux-gnu", ["-mbranch-protection=standard", "-Wl,-z,force-bti,-z,pac-plt"]),
        ("arm-linux-gnueabihf", []),
        ("riscv64-linux-gnu", []),
        ("s390x-linux-gnu", []),
        ("sparc64-linux-gnu", []),
        ("sparc64-linux-gnu", ["-m32"]),
        ("m68k-linux-gnu", []),
        ("sh4-linux-gnu", []),
        ("sh4-linux-gnu", ["-shared", "-fPIC"]),
        ("powerpc-linux-gnu", ["-no-pie"]),
    ],
)
def test_stubs_of_library_functions_are_objdumps(tmp_path: Path, target: str, flags: list[str]) -> None:
    (tmp_path / "made.c").write_text(CALLS)
    build = [f"{target}-gcc", "-O1", "-fno-builtin", "-Wl,-z,lazy", "-s", *flags, "made.c", "-o", "made"]
    subprocess.run(build, cwd=tmp_path, check=True)
    listing = subprocess.run(
        [f"{target}-objdump", "-d", "made"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    wanted = {name: int(address, 16) for address, name in re.findall(r"^([0-9a-f]+) <(\w+@plt)>:$", listing, re.M)}
    functions = {each.name: each.address for each in Image(tmp_path / "made").functions()}
    found = {name: address for name, address in functions.items() if name.endswith("@plt")}
    assert {"puts@plt", "rand@plt"} <= set(found)
    assert found == wanted


@pytest.mark.parametrize("arch", ["powerpc64", "powerpc64le"])
def test_stubs_of_64_bit_powerpc_are_where_the_linker_put_them(tmp_path: Path, arch: str) -> None:
    # Given a program whose linker has named its stubs, NUMBER.plt_call.FUNCTION@@VERSION, and the same without names
    (tmp_path / "made.c").write_text(CALLS)
    build = [f"{arch}-linux-gnu-gcc", "-O1", "-fno-builtin", "made.c", "-o", "made"]
    subprocess.run(build, cwd=tmp_path, check=True)
    named = read_symbols(tmp_path / "made")
    subprocess.run([f"{arch}-linux-gnu-strip", "made"], cwd=tmp_path, check=True)
    # Then they are found by their code
    wanted = {(f"{match[1]}@plt", row[1]) for row in named if (match := re.search(r"\.plt_call\.(\w+)", row[0]))}
    stubs = {(each.name, each.address) for each in Image(tmp_path / "made").functions() if each.name.endswith("@plt")}
    assert {"puts@plt", "rand@plt"} <= {name for name, _ in stubs}
    assert stubs == wanted


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("x86_64-linux-gnu", "strnlen"),
        ("i686-linux-gnu", "strnlen"),
        ("aarch64-linux-gnu", "memcpy"),
        ("arm-linux-gnueabihf", "memcpy"),
        ("s390x-linux-gnu", "strnlen"),
    ],
)
def test_stub_of_an_indirect_function_has_its_name(tmp_path: Path, target: str, name: str) -> None:
    # Given a static program that calls a function of which the C library chooses one for the processor
    (tmp_path / "made.c").write_text(
        f"int {name}();\nint main(int n, char **p) {{ {name}(p[0], p[1], n); return 1; }}\n"
    )
    build = [f"{target}-gcc", "-O1", "-fno-builtin", "-fno-pie", "-static", "made.c", "-o", "made"]
    subprocess.run(build, cwd=tmp_path, check=True)
    listing = subprocess.run(
        [f"{target}-objdump", "-d", "--disassemble=main", "made"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Then what main calls is its stub
    [called] = re.findall(r"\t(?:call|blx?|brasl\t%r14,)\s*([0-9a-f]+)", listing)
    function = Image(tmp_path / "made").function_at(int(called, 16))
    assert function is not None
    assert function[2].name == f"{name}@plt"


def test_symbol_without_a_size_ends_with_its_section(tmp_path: Path) -> None:
    # Given _init, which says no size, in .init, and code of no symbol behind it
    init = '.section .init,"ax"\n.globl _init\n_init: nop\n'
    source = f'{init}.section .plt,"ax"\nnop\nnop\n.data\n.globl data\ndata: .long 0\n'
    (tmp_path / "made.s").write_text(source)
    subprocess.run(["as", "made.s", "-o", "made.o"], cwd=tmp_path, check=True)
    addresses = ["--section-start=.init=0x10000", "--section-start=.plt=0x10001", "-Tdata=0x0fff0"]
    subprocess.run(["ld", "-e", "_init", *addresses, "made.o", "-o", "made"], cwd=tmp_path, check=True)
    image = Image(tmp_path / "made")
    found = [str(image.locate(address)) for address in (0x10000, 0x10001, 0xFFF3)]
    assert found == ["_init", "None", "data+0x3"]


def test_label_of_the_compiler_hides_no_function(tmp_path: Path) -> None:
    source = ".globl main\n.type main, @function\nmain: nop\n.L1: nop\nplace: nop\nnop\n.size main, .-main\n"
    (tmp_path / "made.s").write_text(source)
    subprocess.run(["as", "--keep-locals", "made.s", "-o", "made.o"], cwd=tmp_path, check=True)
    subprocess.run(["ld", "-e", "main", "made.o", "-o", "made"], cwd=tmp_path, check=True)
    image = Image(tmp_path / "made")
    assert image.symbol(".L1") is not None
    assert [str(image.locate(image.entry + offset)) for offset in range(4)] == [
        "main",
        "main+0x1",
        "place",
        "place+0x1",
    ]
