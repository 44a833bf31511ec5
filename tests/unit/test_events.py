"""Each event to its frame."""

from __future__ import annotations

import pytest

from gdbtrace.arch.aarch64 import AARCH64
from gdbtrace.record.assemble import Assembler, RegisterLists
from gdbtrace.record.events import EventFrames
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.trace import (
    ExceptionFrame,
    Frame,
    KeyFrame,
    ModloadFrame,
    SyscallFrame,
    decode_frame,
    encode_frame,
)
from gdbtrace.tracer.step_record import Event, KeyState, ModuleLoaded, RegisterFile, SignalTaken, SystemCallMade

LAYOUT = RegisterLayout(
    "little",
    {"x0": (0, 8), "pc": (8, 16), "cpsr": (16, 20), "hidden": (20, 24)},
    {"v0": (70, 16), "TPIDR_EL0": (71, 8), "PMCCNTR_EL0": (72, 8)},
    core_bytes=24,
)
CORE = bytes.fromhex("0807060504030201 0010000000000000 00000060 0d000000")
FETCHED = {"v0": bytes(range(16)), "TPIDR_EL0": b"TPIDRVAL", "PMCCNTR_EL0": b"changing"}


def frame_of(event: Event, *, reproducible: bool = False) -> Frame:
    assembler = Assembler(AARCH64, LAYOUT, RegisterLists.STANDARD)
    return EventFrames(assembler, reproducible=reproducible).frame_of(event)


def key_frame_of(*files: RegisterFile) -> KeyFrame:
    frame = frame_of(KeyState(files))
    assert isinstance(frame, KeyFrame)
    return frame


CALL = SystemCallMade(0x1000, 1, 64, (1, -1, 3, 4, 5, 6))
TAKEN = SignalTaken(10, 1, 0x1000, 0x2000)
FATAL = SignalTaken(11, 0, 0x1000, None)
LOADED = ModuleLoaded("/lib/libc.so.6", 0x1000, 0x1FFF)


@pytest.mark.parametrize(
    ("event", "frame"),
    [
        (CALL, SyscallFrame(0x1000, 1, 64, (1, -1, 3, 4, 5, 6))),
        (TAKEN, ExceptionFrame(10, 1, 0x1000, 0x2000)),
        (FATAL, ExceptionFrame(11, 0, 0x1000, None)),
        (LOADED, ModloadFrame("/lib/libc.so.6", 0x1000, 0x1FFF)),
        (KeyState(()), KeyFrame(())),
    ],
)
def test_frame_says_what_the_event_does(event: Event, frame: Frame) -> None:
    assert frame_of(event) == frame


def test_reproducible_modules_have_no_folder() -> None:
    assert frame_of(LOADED, reproducible=True) == ModloadFrame("libc.so.6", 0x1000, 0x1FFF)


def test_key_frame_has_operand_registers_and_then_what_only_the_stub_has() -> None:
    (file,) = key_frame_of(RegisterFile(2, CORE, FETCHED)).tagged_values
    assert file.thread_id == 2
    values = {value.name: (value.bit_length, value.value.hex()) for value in file.values}
    # The flags are of cpsr, which is not listed beside them; the counter is left out.
    assert values == {
        "x0": (64, "0807060504030201"),
        "pc": (64, "0010000000000000"),
        "NF": (1, "00"),
        "ZF": (1, "01"),
        "CF": (1, "01"),
        "VF": (1, "00"),
        "v0": (128, "000102030405060708090a0b0c0d0e0f"),
        "TPIDR_EL0": (64, b"TPIDRVAL".hex()),
        "hidden": (32, "0d000000"),
    }
    assert list(values)[-2:] == ["hidden", "TPIDR_EL0"]
    assert all(not value.usage.read and not value.usage.written for value in file.values)


def test_key_frame_leaves_out_what_this_thread_has_no_value_of() -> None:
    (file,) = key_frame_of(RegisterFile(0, CORE, {})).tagged_values
    assert [value.name for value in file.values][-2:] == ["VF", "hidden"]


def test_key_frame_has_each_thread() -> None:
    other = b"\xff" * 8 + CORE[8:]
    files = key_frame_of(RegisterFile(0, CORE, {}), RegisterFile(1, other, {})).tagged_values
    assert [(file.thread_id, file.values[0].value) for file in files] == [(0, CORE[:8]), (1, b"\xff" * 8)]


def test_key_frame_can_be_written() -> None:
    frame = key_frame_of(RegisterFile(0, CORE, FETCHED))
    assert decode_frame(encode_frame(frame)) == frame
