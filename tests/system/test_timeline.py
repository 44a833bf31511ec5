"""Blocks, calls and boot stages of what was really traced, on every architecture."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest

from gdbtrace.analysis.calls import CallEvent, Enter, Exit, Leave, iter_calls
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.flow import Blocks
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.image import Image
from gdbtrace.trace.frames import StdFrame
from tests.command_line import Workplace, frames_of
from tests.toolchain import COMPILERS, GUESTS, TESTS, Workshop, traced_with

FIRMWARE = TESTS.parent / "vm-images" / "firmware"
START = {
    **dict.fromkeys(("sparc", "sparc32plus"), "sparc32"),
    **{"ppc64le": "ppc64", "armeb": "arm", "aarch64_be": "aarch64", "riscv32": "riscv64"},
    **{"mipsel": "mips", "mips64el": "mips64"},
}
"""Which of vm-images/user/start, where it is not called like the architecture."""
FLAGS = ("-O0", "-ffreestanding", "-fno-pic", "-no-pie", "-fno-stack-protector", "-nostdlib")
CALLS = {"fibonacci": 15, "even": 4, "odd": 3, "guest_main": 1, "guest_exit": 1}


@pytest.mark.parametrize("arch", COMPILERS)
def test_calls_and_blocks(arch: str, place: Workplace, workshop: Workshop) -> None:
    start = GUESTS / "start" / f"{START.get(arch, arch)}.S"
    more = ("-mno-abicalls",) if arch.startswith("mips") else ()
    program = workshop.program(arch, TESTS / "programs" / "calls.c", *FLAGS, *more, str(start))
    emulator = traced_with(arch)
    options = ["--qemu", emulator] if emulator else []
    traced = place.run("run", "--engine", "rsp", "--arch", arch, *options, "-o", "trace", program)
    assert (traced.status, traced.err) == (0, "")

    frames = frames_of(place.directory / "trace")
    events = calls_of(frames, arch, Image(program))
    entered = Counter(event.activation.name for event in events if isinstance(event, Enter))
    assert {name: entered[name] for name in CALLS} == CALLS
    # _start and guest_exit do not return.
    assert {event.exit for event in events if isinstance(event, Leave)} == {Exit.RETURN, Exit.END}

    # The same where nothing but the addresses is known.
    unnamed = Counter(event.activation.address for event in calls_of(frames, arch, None) if isinstance(event, Enter))
    assert sorted(unnamed.values()) == sorted(entered.values())

    check_blocks(frames, arch)


def calls_of(frames: Sequence[StdFrame], arch_name: str, program: Image | None) -> list[CallEvent]:
    """What is called and left; by address alone without a program."""
    arch = ARCHITECTURES[arch_name]
    disassembly = Disassembly(arch)
    return list(iter_calls(disassembly.look_ahead(frames), disassembly, Symbols(arch, program)))


def check_blocks(frames: Sequence[StdFrame], arch_name: str) -> None:
    """A block's instructions follow each other, and nothing but its last one, or that before a slot, is a branch."""
    arch = ARCHITECTURES[arch_name]
    disassembly = Disassembly(arch)
    blocks = Blocks(disassembly)
    found = [
        block for frame in disassembly.look_ahead(frames) if (block := blocks.feed(frame)) is not None
    ] + blocks.finish()
    assert sum(len(block.instructions) for block in found) == len(frames)
    for block in found:
        for (address, rawbytes, _), (following, _, _) in itertools.pairwise(block.instructions):
            assert (address + len(rawbytes)) & arch.address_mask == following
        for number, key in enumerate(block.instructions):
            if (branch := disassembly.at(*key).branch) is not None:
                assert len(block.instructions) - 1 - number <= branch.delay_slots
                break
    # The other way round: what goes elsewhere is a branch, or nullifies (HPPA, whose programs skip instructions).
    if arch_name != "hppa":
        for block in found[:-1]:
            assert any(disassembly.at(*key).is_branch for key in block.instructions[-2:])


def test_stages_of_a_machine(place: Workplace) -> None:
    firmware = FIRMWARE / "sifive_e" / "sifive_e.elf"
    options = ["--machine", "sifive_e", "--icount", "3", "--limit", "300"]
    traced = place.run("run", "--engine", "rsp", *options, "-o", "trace", firmware)
    assert traced.status == 0
    shown = place.run("timeline", "trace", "--stages", "--stage", "print=print")
    assert [line.split() for line in shown.out.splitlines()[1:]] == [
        ["reset", "0x1004", "0", "16", "2"],
        ["flash", "0x20400000", "16", "112", "14"],
        ["print", "0x204001ca", "128", "2,272", "284"],
    ]
    calls = place.run("timeline", "trace", "--functions").out.splitlines()
    assert calls[0] == "# time in ns of virtual time, 8 for each instruction"
    assert any("exception 11 at" in line for line in calls)
    assert any(line.endswith("handler") for line in calls)
