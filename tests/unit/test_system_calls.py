"""What the tracer tells of a system call, pins in it and learns from it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gdbtrace.arch.aarch64 import AARCH64
from gdbtrace.arch.arm import ARM
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import Arch, Behaviour, StepRule
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.signals import Disposition
from gdbtrace.tracer.step_record import SystemCallMade
from gdbtrace.tracer.system_calls import OwnPath, SystemCall, SystemCalls
from tests.fake_target import MEMORY, FakeTarget
from tests.unit.test_stepper import Sink

STACK = MEMORY + 0x1000
ERROR = (1 << 64) - 22
OWN_PATH = OwnPath(b"/home/me/somewhere/hello", b"/proc/self/cwd/hello")
USR1 = 30
"""gdb's number."""


class Guest:
    """A guest that is at a system call."""

    def __init__(self, arch: Arch, number: int, *arguments: int, values: Mapping[str, int] | None = None) -> None:
        calls = arch.system_calls
        self.target = FakeTarget(
            arch,
            {
                arch.pc: 0x1000,
                arch.sp: STACK,
                calls.result: 0,
                calls.number: number,
                **dict(zip(calls.arguments, arguments, strict=False)),
                **(values or {}),
            },
        )
        self.sink = Sink()
        registers = self.target.live()
        self.calls = SystemCalls(arch, self.target, registers, None, is_pinned=True, own_path=OWN_PATH)

    def call(self, number: int | None = None) -> SystemCall:
        """The call, which is noted."""
        behaviour = Behaviour(StepRule.SYSTEM_CALL, system_call=number)
        return self.calls.about_to_be_made(KnownInstruction(0, b"", behaviour, ()), 3, self.sink)

    def call_and_return(self, result: int) -> bool:
        """Make it, and return this."""
        call = self.call()
        self.target.values[self.target.arch.system_calls.result] = result
        return self.calls.has_returned(call, self.sink)


# -- what is told --------------------------------------------------------------------------------------------------


def test_call_is_its_number_and_six_arguments() -> None:
    guest = Guest(AARCH64, 64, 1, 2, 3, 4, 5, 6)
    assert guest.call() == SystemCall("", 64, (1, 2, 3, 4, 5, 6))
    assert guest.sink.notes == [SystemCallMade(0x1000, 3, 64, (1, 2, 3, 4, 5, 6))]


def test_mips_has_the_fifth_and_sixth_argument_on_the_stack() -> None:
    guest = Guest(MIPS, 4090, 1, 2, 3, 4)
    guest.target.put(STACK + 16, 5, 6)
    assert guest.call() == SystemCall("mmap", 4090, (1, 2, 3, 4, 5, 6))


def test_arguments_on_a_stack_that_cannot_be_read_are_zero() -> None:
    guest = Guest(MIPS, 4090, 1, 2, 3, 4, values={"sp": 0x10})
    assert guest.call().arguments == (1, 2, 3, 4, 0, 0)


def test_arguments_are_signed_numbers_of_64_bits() -> None:
    assert Guest(AARCH64, 56, (1 << 64) - 100, 1 << 63, 3, 4, 5, 6).call().arguments[:2] == (-100, -(1 << 63))


def test_arguments_of_32_bits_are_not_extended() -> None:
    assert Guest(ARM, 322, 0xFFFF_FF9C, 2, 3, 4, 5, 6).call().arguments[0] == 0xFFFF_FF9C


def test_instruction_may_have_the_number() -> None:
    assert Guest(AARCH64, 0, 1, 2, 3, 4, 5, 6).call(139) == SystemCall("rt_sigreturn", 139, (1, 2, 3, 4, 5, 6))


@pytest.mark.parametrize(
    ("call", "kinds"),
    [
        (SystemCall("rt_sigreturn", 139, (0,) * 6), (True, None, False, False)),
        (SystemCall("sigreturn", 119, (0,) * 6), (True, None, False, False)),
        (SystemCall("kill", 129, (7, 10, 0, 0, 0, 0)), (False, 10, False, False)),
        (SystemCall("tgkill", 131, (7, 8, 10, 0, 0, 0)), (False, 10, False, False)),
        (SystemCall("execve", 221, (0,) * 6), (False, None, True, False)),
        (SystemCall("execveat", 281, (0,) * 6), (False, None, True, False)),
        (SystemCall("clone", 220, (0x50F00, 0, 0, 0, 0, 0)), (False, None, False, True)),
        (SystemCall("clone", 120, (0, 0x50F00, 0, 0, 0, 0)), (False, None, False, True)),
        (SystemCall("clone", 220, (17, 0, 0, 0, 0, 0)), (False, None, False, False)),
    ],
)
def test_kind_of_a_call(call: SystemCall, kinds: tuple[bool, int | None, bool, bool]) -> None:
    assert kinds == (
        call.is_return_from_signal,
        call.sent_signal,
        call.is_replacing_the_program,
        call.is_creating_a_thread,
    )


# -- random bytes --------------------------------------------------------------------------------------------------


def pinned(size: int, result: int) -> bytes:
    """The 32 bytes at a buffer of 0xEE after ``getrandom``."""
    guest = Guest(AARCH64, 278, MEMORY, size, 0, 0, 0, 0)
    guest.target.write_memory(MEMORY, b"\xee" * 32)
    guest.call_and_return(result)
    return bytes(guest.target.memory[:32])


def test_random_bytes_are_the_same_in_every_run() -> None:
    assert pinned(16, 16) == pinned(16, 16) != b"\xee" * 32


def test_only_as_many_random_bytes_as_the_call_gave_are_replaced() -> None:
    assert pinned(16, 8)[8:] == b"\xee" * 24


@pytest.mark.parametrize("result", [0, ERROR])
def test_call_that_gave_no_random_bytes_leaves_memory_alone(result: int) -> None:
    assert pinned(16, result) == b"\xee" * 32


def test_random_bytes_differ_from_call_to_call() -> None:
    guest = Guest(AARCH64, 278, MEMORY, 16, 0, 0, 0, 0)
    found = []
    for _ in range(2):
        guest.call_and_return(16)
        found.append(bytes(guest.target.memory[:16]))
    assert found[0] != found[1]


# -- the guest's own path ------------------------------------------------------------------------------------------

PATH, BUFFER = MEMORY, MEMORY + 0x100
REAL, TOLD = OWN_PATH


def link_read(
    link: bytes = b"/proc/self/exe", size: int = 64, real: bytes = REAL, result: int | None = None
) -> tuple[bytes, int]:
    """What is in a buffer of 32 bytes of 0xEE after ``readlinkat``, and what it returned."""
    guest = Guest(AARCH64, 78, ERROR, PATH, BUFFER, size, 0, 0)
    guest.target.write_memory(PATH, link + b"\0")
    guest.target.write_memory(BUFFER, b"\xee" * 32)
    call = guest.call()
    written = real[: max(size, 0)]
    guest.target.write_memory(BUFFER, written)
    guest.target.values["x0"] = len(written) if result is None else result
    guest.calls.has_returned(call, guest.sink)
    return guest.target.read_memory(BUFFER, 32) or b"", guest.target.values["x0"]


def test_own_path_is_the_same_wherever_the_program_is() -> None:
    assert link_read() == (TOLD.ljust(32, b"\xee"), len(TOLD))


@pytest.mark.parametrize("size", [1, len(TOLD) - 1, len(TOLD), len(TOLD) + 1])
def test_own_path_is_cut_where_the_buffer_ends(size: int) -> None:
    assert link_read(size=size) == (TOLD[:size].ljust(32, b"\xee"), min(size, len(TOLD)))


def test_own_path_may_be_longer_than_it_is() -> None:
    guest = Guest(ARM, 85, PATH, BUFFER, 64, 0, 0, 0)
    guest.calls._own_path = OwnPath(b"/h", TOLD)
    guest.target.write_memory(PATH, b"/proc/self/exe\0")
    call = guest.call()
    guest.target.write_memory(BUFFER, b"/h")
    guest.target.values["r0"] = 2
    guest.calls.has_returned(call, guest.sink)
    assert guest.target.read_memory(BUFFER, len(TOLD) + 1) == TOLD + b"\0"
    assert guest.target.values["r0"] == len(TOLD)


@pytest.mark.parametrize(
    ("link", "size", "real", "result"),
    [
        (b"/proc/self/exe2", 64, REAL, None),
        (b"/proc/self/cwd", 64, REAL, None),
        (b"/proc/self/exe", 0, REAL, ERROR),
        # It failed, where that is not told by the number's sign; or it leads somewhere else
        (b"/proc/self/exe", 64, b"", 14),
        (b"/proc/self/exe", 64, b"/home/me/somewhere/world", None),
    ],
    ids=["other-link", "directory", "no-room", "failed", "other-program"],
)
def test_nothing_else_is_told_otherwise(link: bytes, size: int, real: bytes, result: int | None) -> None:
    written = real[:size]
    expected = len(written) if result is None else result
    assert link_read(link, size, real, result) == (written.ljust(32, b"\xee"), expected)


# -- handlers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("result", "handler"), [(0, 0x40_0000), (ERROR, Disposition.DEFAULT)])
def test_handler_is_learned_only_of_a_sigaction_that_succeeded(result: int, handler: int | Disposition) -> None:
    guest = Guest(AARCH64, 134, 10, MEMORY, 0, 8, 0, 0)
    guest.target.put(MEMORY, 0x40_0000)
    assert guest.call_and_return(result) is (result == 0)
    assert guest.calls.signals.handler_of(USR1) == handler


def test_call_leaves_the_registers_before_it_as_they_were() -> None:
    guest = Guest(AARCH64, 278, MEMORY, 16, 0, 0, 0, 0)
    guest.call_and_return(16)
    assert guest.calls._registers["x0"] == MEMORY


@pytest.mark.parametrize(("signal", "is_sent"), [(USR1, True), (11, False)])
def test_signal_that_a_call_sends_is_the_guests_number_of_it(signal: int, is_sent: bool) -> None:
    guest = Guest(AARCH64, 129, 1, 10, 0, 0, 0, 0)
    assert guest.calls.is_sending(guest.call(), signal) is is_sent
