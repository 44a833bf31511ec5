"""Traces as other tracers write them: versions 1 to 3, their tables of contents, their operands, their headers."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from gdbtrace.cli import main
from gdbtrace.trace import Operand, RegisterLocation, StdFrame, Usage, encode_frame
from gdbtrace.trace.codec import encode_meta_frame
from gdbtrace.trace.frames import FileStats, MemoryLocation, MetaFrame, Target, Tracer
from tests.toolchain import GUESTS

ARM, PPC, SPARC, I386, MIPS, HEXAGON = 35, 23, 6, 9, 8, 81
MESSAGES_PER_ENTRY = 4
COUNTS = [1, 4, 5, 12]


def u64(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def meta(*arguments: str, target: str = "prog") -> MetaFrame:
    tracer = Tracer("qemu", arguments, ("HOME=/root",), "6.2.0-tracewrap")
    return MetaFrame(tracer, Target(target, (target,), (), bytes(16)), FileStats(1, 0.0, 0.0, 0.0), "user", "host", 0.0)


def tracewrap_frame(number: int) -> StdFrame:
    """``push {r4, r5}``, whose registers have no width, of thread 1."""

    def register(name: str, value: int, **usage: bool) -> Operand:
        return Operand(RegisterLocation(name), 0, value.to_bytes(4, "little"), Usage(**usage))

    store = Operand(MemoryLocation(0x40800000), 32, bytes.fromhex("11223344"), Usage(written=True))
    return StdFrame(
        0x10000 + 4 * number,
        1,
        bytes.fromhex("30002de9"),
        [register("R13", 0x40800008, read=True), register("R4", number, read=True)],
        [register("R13", 0x40800000, written=True), store],
        "arm:a32",
    )


def trace(
    path: Path,
    toc: str,
    count: int,
    *,
    version: int = 3,
    header: tuple[int, int] = (ARM, 0),
    meta_frame: MetaFrame | None = None,
    frames: Sequence[StdFrame] | None = None,
) -> Path:
    message = encode_meta_frame(meta_frame or meta("qemu-arm"))
    lead = b"" if version == 1 else u64(len(message)) + message
    units = [encode_frame(each) for each in (frames or map(tracewrap_frame, range(count)))]
    boundaries = [0x30 + len(lead)]
    for unit in units:
        boundaries.append(boundaries[-1] + 8 + len(unit))
    end, m = boundaries[-1], MESSAGES_PER_ENTRY
    following = boundaries[m::m]
    offsets = {
        # libtrace's writer, and its reader up to June 2025
        "libtrace": following[: max(count - 1, 0) // m],
        # tracewrap: where the last block is full, its last offset is the table's own
        "tracewrap": following[: count // m],
        # bap-tracing of 2025: it begins with the meta frame
        "plugin-2025": [0x30, *boundaries[m:-1:m]],
        # bap-tracing of 2026, and ours
        "plugin-2026": [*following[: (count - 1) // m], end],
        # a tracer that died
        "dead": [],
    }[toc]
    claimed = (0, 0) if toc == "dead" else (count, end)
    table = b"" if toc == "dead" else u64(m, *offsets)
    body = b"".join(u64(len(unit)) + unit for unit in units)
    path.write_bytes(u64(0x677C28828AAF6025, version, *header, *claimed) + lead + body + table)
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    assert main(list(map(str, arguments))) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("toc", ["libtrace", "tracewrap", "plugin-2025", "plugin-2026", "dead"])
@pytest.mark.parametrize("count", COUNTS)
def test_log_and_info_read_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], toc: str, version: int, count: int
) -> None:
    path = trace(tmp_path / "x.frames", toc, count, version=version)
    lines = [
        f'1, {0x10000 + 4 * number:#x}, 0xe92d0030, "push {{r4, r5}}", store, 0x40800000 -> 0x44332211'
        for number in range(count)
    ]
    assert printed(capsys, "log", "--values", path) == lines
    # Whatever its table of contents says, the window is the right one.
    for first in {0, count // 2, count - 1, count}:
        assert printed(capsys, "log", "--values", "--frames", f"{first}:", path) == lines[first:]
    facts = json.loads(printed(capsys, "info", "--json", path)[0])
    assert (facts["version"], facts["arch"], facts["frames"]) == (version, "arm", {"std_frame": count})
    assert (facts["threads"], facts["stores"]) == ({"1": count}, count)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("toc", ["libtrace", "dead"])
def test_empty_trace_has_no_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str], toc: str, version: int) -> None:
    path = trace(tmp_path / "x.frames", toc, 0, version=version)
    assert printed(capsys, "log", path) == []
    assert json.loads(printed(capsys, "info", "--json", path)[0])["frames"] == {}


def test_a_damaged_meta_frame_is_told_behind_the_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = trace(tmp_path / "x.frames", "tracewrap", 2)
    data = bytearray(path.read_bytes())
    (size,) = struct.unpack_from("<Q", data, 0x30)
    data[0x38 : 0x38 + size] = b"\xff" * size
    path.write_bytes(data)
    for command, lines in (("log", 2), ("info", 13)):
        assert main([command, str(path)]) == 4
        captured = capsys.readouterr()
        assert captured.err == f"gdbtrace: {path}: meta_frame cannot be decoded at offset 0x38\n"
        assert len(captured.out.splitlines()) == lines


def test_registers_without_a_width_are_shown_by_their_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trace(tmp_path / "x.frames", "tracewrap", 1)
    (line,) = printed(capsys, "log", "--reg", "r*", path)
    assert line.endswith(", store, 0x40800000, r13 -> 0x40800000")


@pytest.mark.parametrize(
    ("header", "arguments", "arch"),
    [
        ((ARM, 0), (), "arm"),
        ((PPC, 32), (), "ppc"),
        ((PPC, 64), (), "ppc64"),
        ((HEXAGON, 6), (), "hexagon"),
        ((HEXAGON, 0), (), "hexagon"),
        ((I386, 1), (), "i386"),
        ((I386, 64), (), "x86_64"),
        # The plugin: most machines are 0, its sparc is v8plusa, its sparc64 v9b.
        ((I386, 0), (), "i386"),
        ((SPARC, 5), (), "sparc"),
        ((SPARC, 10), (), "sparc64"),
        ((MIPS, 0), (), "mips"),
        ((MIPS, 32), ("bin_path=prog", "endianness=b"), "mips"),
        ((MIPS, 32), ("bin_path=prog", "endianness=l"), "mipsel"),
        ((0, 0), (), None),
        ((200, 7), (), None),
    ],
)
def test_architecture_is_told_by_the_header(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    header: tuple[int, int],
    arguments: Sequence[str],
    arch: str | None,
) -> None:
    path = trace(tmp_path / "x.frames", "tracewrap", 2, header=header, meta_frame=meta(*arguments))
    assert json.loads(printed(capsys, "info", "--json", path)[0])["arch"] == arch


def test_architecture_that_nobody_knows_is_told_and_can_be_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trace(tmp_path / "x.frames", "tracewrap", 1, header=(200, 7))
    assert main(["log", str(path)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith('1, 0x10000, 0xe92d0030, ".byte ')
    problem = "instructions are shown as bytes: the trace does not say of which architecture; --arch says it"
    assert captured.err == f"gdbtrace: {problem}\n"
    assert printed(capsys, "log", "--arch", "arm", path)[0].startswith('1, 0x10000, 0xe92d0030, "push {r4, r5}"')


@pytest.mark.parametrize("arch", ["mips", "mipsel"])
def test_program_tells_the_byte_order_that_the_header_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arch: str
) -> None:
    load = Operand(MemoryLocation(0x10), 16, b"\1\2", Usage(read=True))
    frames = [StdFrame(0x400100, 1, bytes(4), [load], ())]
    path = trace(tmp_path / "x.frames", "tracewrap", 1, header=(MIPS, 32), frames=frames)
    (line,) = printed(capsys, "log", "--values", "--no-symbols", "--elf", GUESTS / arch / "guest", path)
    value = {"mips": "0x0102", "mipsel": "0x0201"}[arch]
    assert line == f'1, 0x400100, 0x0, "nop", load, 0x00000010 -> {value}'
