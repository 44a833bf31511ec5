"""The frames between instructions, against what QEMU itself says of the guest's system calls."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gdbtrace import RunOptions, open_trace
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.record.engines import EngineChoice
from gdbtrace.trace import Frame, KeyFrame, ModloadFrame, StdFrame, SyscallFrame
from tests.toolchain import TESTS, Workshop
from tests.tracing import NULL, quiet_record

HELLO = TESTS / "programs" / "common" / "hello.c"
BOTH = pytest.mark.parametrize("arch", ["aarch64", "mips"])
NUMBERS = {
    "aarch64": {
        **{"ioctl": 29, "write": 64, "readlinkat": 78, "newfstatat": 79, "exit_group": 94, "set_tid_address": 96},
        **{"set_robust_list": 99, "brk": 214, "mprotect": 226, "prlimit64": 261, "getrandom": 278},
    },
    "mips": {
        **{"write": 4004, "brk": 4045, "ioctl": 4054, "getrlimit": 4076, "readlink": 4085, "mprotect": 4125},
        **{"exit_group": 4246, "set_tid_address": 4252, "set_thread_area": 4283, "set_robust_list": 4309},
        **{"getrandom": 4353, "statx": 4366},
    },
}
"""Of the calls that hello makes: the kernel's asm-generic/unistd.h and syscall_o32.tbl."""
STRACE = re.compile(r"\d+ (?:Unknown syscall (\d+)|(\w+)\((.*)\)(?: = .*)?)")
PAGE = 0x1000
"""Smaller numbers are not addresses, which a free run may have elsewhere."""
INTERVAL = 1000


def frames_in(program: Path, arch: str, trace: Path, *, std_only: bool = False) -> list[Frame]:
    """The frames of a whole run."""
    options = RunOptions(
        program, output=trace, arch=arch, engine=EngineChoice.RSP, stdin=NULL, std_only=std_only, key_interval=INTERVAL
    )
    quiet_record(options)
    with open_trace(trace) as reader:
        return list(reader)


def calls_of_qemu(program: Path, arch: str) -> list[tuple[int, dict[int, int]]]:
    """The number of each call that a free run makes, and those of its register arguments that are small."""
    emulator = shutil.which(f"qemu-{arch}")
    assert emulator is not None
    free = subprocess.run(
        [emulator, "-strace", program],
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    # QEMU takes arguments from the stack, and shows zeros if not, only where the call has so many.
    in_registers = len(ARCHITECTURES[arch].system_calls.arguments)
    calls = []
    for line in free.stderr.splitlines():
        match = STRACE.fullmatch(line)
        assert match is not None, line
        unknown, name, arguments = match.groups()
        numbers = {}
        for index, text in enumerate((arguments or "").split(",")[:in_registers]):
            if re.fullmatch(r"\d+|0x[0-9a-f]+", text) and int(text, 0) < PAGE:
                numbers[index] = int(text, 0)
        calls.append((int(unknown) if unknown else NUMBERS[arch][name], numbers))
    return calls


@BOTH
def test_system_calls_are_those_that_qemu_says(workshop: Workshop, tmp_path: Path, arch: str) -> None:
    # Given what a free run says of its system calls
    program = workshop.program(arch, HELLO)
    expected = calls_of_qemu(program, arch)
    assert len(expected) > 10

    # When it is traced
    frames = frames_in(program, arch, tmp_path / "trace")

    # Then there is a frame of each, in order, with six arguments
    made = [(at, frame) for at, frame in enumerate(frames) if isinstance(frame, SyscallFrame)]
    assert [frame.number for _, frame in made] == [number for number, _ in expected]
    for (_, frame), (_, numbers) in zip(made, expected, strict=True):
        assert len(frame.arguments) == 6
        assert numbers == {index: frame.arguments[index] for index in numbers}

    # And each is followed by that of the instruction
    for at, frame in made:
        following = frames[at + 1]
        assert isinstance(following, StdFrame)
        assert (following.address, following.thread_id) == (frame.address, frame.thread_id)


@BOTH
def test_program_comes_first_and_key_frames_at_their_interval(workshop: Workshop, tmp_path: Path, arch: str) -> None:
    program = workshop.program(arch, HELLO)
    frames = frames_in(program, arch, tmp_path / "trace")

    # Then the program's frame is first, and the first key frame comes before the first instruction
    first = frames[0]
    assert isinstance(first, ModloadFrame)
    assert first.module_name == str(program.resolve())
    addresses = [frame.address for frame in frames if isinstance(frame, StdFrame)]
    assert first.low_address <= min(addresses) <= max(addresses) <= first.high_address
    assert isinstance(frames[1], KeyFrame)

    # And the others are so many instructions apart, with the registers as the instructions left them
    known: dict[str, bytes] = {}
    done, key_at, compared = 0, [], 0
    for frame in frames:
        if isinstance(frame, StdFrame):
            done += 1
            operands = (*frame.pre, *(frame.post or ()))
            known |= {operand.name: operand.value for operand in operands if not operand.is_memory}
        elif isinstance(frame, KeyFrame):
            key_at.append(done)
            (file,) = frame.tagged_values
            assert file.thread_id == 0
            values = {value.name: value.value for value in file.values}
            both = known.keys() & values.keys()
            assert {name: values[name] for name in both} == {name: known[name] for name in both}
            compared += len(both)
    assert key_at == list(range(0, done, INTERVAL))
    assert compared > 30 * (len(key_at) - 1) > 0


@BOTH
def test_std_only_leaves_out_nothing_else(workshop: Workshop, tmp_path: Path, arch: str) -> None:
    program = workshop.program(arch, HELLO)
    everything = frames_in(program, arch, tmp_path / "trace")
    instructions = frames_in(program, arch, tmp_path / "trace", std_only=True)
    assert instructions == [frame for frame in everything if isinstance(frame, StdFrame)]
    assert len(instructions) < len(everything)
