"""What is known of the guest's signal handlers and frames, from its registers and memory."""

from __future__ import annotations

import pytest

from gdbtrace.arch.arm import ARM
from gdbtrace.arch.mips import MIPS
from gdbtrace.arch.model import Arch
from gdbtrace.arch.ppc import PPC64
from gdbtrace.arch.riscv import RISCV64
from gdbtrace.arch.sparc import SPARC64
from gdbtrace.arch.x86 import X86_64
from gdbtrace.tracer.signals import Disposition, SignalHandlers
from tests.fake_target import MEMORY, FakeTarget

SEGV, CHLD, USR1, LOST = 11, 20, 30, 29
"""gdb's numbers; Linux has no SIGLOST."""
HANDLER = 0x40_0000
INTERRUPTED = 0x40_1234
ACTION = MEMORY + 0x100
STACK = MEMORY + 0x8000


def target_of(arch: Arch, stack_pointer: int = STACK) -> FakeTarget:
    return FakeTarget(arch, {arch.sp: stack_pointer})


def after_sigaction(arch: Arch, *words: int, of: int = 10, at: int = ACTION) -> SignalHandlers:
    """The handlers after ``rt_sigaction(of, at)`` of a structure of some words."""
    target = target_of(arch)
    target.put(ACTION, *words)
    signals = SignalHandlers(arch, from_start=True)
    signals.set_action("rt_sigaction", (of, at, 0, 8), target.live())
    return signals


# -- dispositions --------------------------------------------------------------------------------------------------


def test_nothing_is_handled_when_a_program_starts() -> None:
    signals = SignalHandlers(RISCV64, from_start=True)
    assert signals.handler_of(SEGV) is Disposition.DEFAULT
    assert signals.handler_of(CHLD) is Disposition.IGNORED
    assert signals.handler_of(LOST) is Disposition.DEFAULT


@pytest.mark.parametrize("signal", [SEGV, CHLD])
def test_nothing_is_known_of_a_program_that_has_run_before(signal: int) -> None:
    assert SignalHandlers(RISCV64, from_start=False).handler_of(signal) is Disposition.UNKNOWN


def test_handler_is_that_of_its_signal_alone() -> None:
    signals = after_sigaction(RISCV64, HANDLER)
    assert signals.handler_of(USR1) == HANDLER
    assert signals.handler_of(SEGV) is Disposition.DEFAULT


@pytest.mark.parametrize(
    ("action", "number", "signal", "disposition"),
    [
        (0, 10, USR1, Disposition.DEFAULT),
        (1, 10, USR1, Disposition.IGNORED),
        (0, 17, CHLD, Disposition.IGNORED),
        (1, 17, CHLD, Disposition.IGNORED),
    ],
)
def test_sig_dfl_and_sig_ign_are_no_handlers(action: int, number: int, signal: int, disposition: Disposition) -> None:
    assert after_sigaction(RISCV64, action, of=number).handler_of(signal) is disposition


def test_disposition_set_after_the_start_is_known_though_others_are_not() -> None:
    signals = SignalHandlers(RISCV64, from_start=False)
    signals.set_action("signal", (10, 0), target_of(RISCV64).live())
    assert signals.handler_of(USR1) is Disposition.DEFAULT
    assert signals.handler_of(SEGV) is Disposition.UNKNOWN


def test_question_about_a_handler_changes_nothing() -> None:
    assert after_sigaction(RISCV64, HANDLER, at=0).handler_of(USR1) is Disposition.DEFAULT


def test_structure_that_cannot_be_read_changes_nothing() -> None:
    assert after_sigaction(RISCV64, HANDLER, at=0x10).handler_of(USR1) is Disposition.DEFAULT


def test_number_that_is_no_signal_is_passed_over() -> None:
    assert after_sigaction(RISCV64, HANDLER, of=65).handler_of(USR1) is Disposition.DEFAULT


def test_number_is_the_guests_own() -> None:
    assert SignalHandlers(RISCV64, from_start=True).number_of(USR1) == 10
    assert SignalHandlers(MIPS, from_start=True).number_of(USR1) == 16
    assert SignalHandlers(SPARC64, from_start=True).number_of(USR1) == 30
    assert SignalHandlers(RISCV64, from_start=True).number_of(LOST) == LOST


# -- where the handler is ------------------------------------------------------------------------------------------


def test_mips_has_the_flags_before_the_handler() -> None:
    assert after_sigaction(MIPS, 0x10000000, HANDLER, of=16).handler_of(USR1) == HANDLER


def test_ppc64_points_to_a_descriptor() -> None:
    # Given a structure that points to a descriptor: code, table of contents, environment
    target = target_of(PPC64)
    descriptor = MEMORY + 0x200
    target.put(ACTION, descriptor)
    target.put(descriptor, HANDLER, 0x1111, 0)
    signals = SignalHandlers(PPC64, from_start=True)
    signals.set_action("rt_sigaction", (10, ACTION, 0, 8), target.live())
    # Then the handler is where the descriptor says
    assert signals.handler_of(USR1) == HANDLER


def test_arm_says_thumb_in_the_lowest_bit() -> None:
    assert after_sigaction(ARM, HANDLER | 1).handler_of(USR1) == HANDLER


def test_sparc_says_with_a_negative_number_which_structure_it_means() -> None:
    assert after_sigaction(SPARC64, HANDLER, of=-30).handler_of(USR1) == HANDLER


def test_signal_has_the_handler_itself() -> None:
    signals = SignalHandlers(X86_64, from_start=True)
    signals.set_action("signal", (10, HANDLER), target_of(X86_64).live())
    assert signals.handler_of(USR1) == HANDLER


# -- the way back --------------------------------------------------------------------------------------------------


def entered(target: FakeTarget, slot: int, interrupted: int = INTERRUPTED) -> SignalHandlers:
    """The handlers after one was entered, with a frame that keeps the program counter at ``slot``."""
    target.put(slot, interrupted)
    signals = SignalHandlers(target.arch, from_start=True)
    signals.entered(interrupted, target.live())
    return signals


@pytest.mark.parametrize("distance", [-0xC00, -6, 0, 8, 0x1FC, 0x1FE, 0x2C8, 0xBF0])
def test_frame_is_found_near_the_stack_pointer(distance: int) -> None:
    target = target_of(RISCV64)
    assert entered(target, STACK + distance).return_addresses(target.live()) == (INTERRUPTED,)


def test_handler_that_changes_its_frame_goes_where_it_says() -> None:
    target = target_of(X86_64)
    signals = entered(target, STACK + 0xA8)
    target.put(STACK + 0xA8, 0x40_5678)
    assert signals.return_addresses(target.live()) == (0x40_5678,)


def test_all_words_that_may_be_the_program_counter_are_candidates() -> None:
    target = target_of(RISCV64)
    target.put(STACK + 0x20, INTERRUPTED)
    signals = entered(target, STACK + 0x90)
    target.put(STACK + 0x20, 0x40_0002)
    assert signals.return_addresses(target.live()) == (0x40_0002, INTERRUPTED)


def test_mips_frame_may_hold_the_branch_of_a_delay_slot() -> None:
    target = target_of(MIPS)
    target.put(STACK + 0x40, INTERRUPTED - 4)
    signals = SignalHandlers(MIPS, from_start=True)
    signals.entered(INTERRUPTED, target.live())
    assert signals.return_addresses(target.live()) == (INTERRUPTED - 4,)


def test_biased_stack_pointer_is_odd_and_the_frames_words_are_not() -> None:
    target = target_of(SPARC64, STACK - 2047)
    assert entered(target, STACK + 0x80).return_addresses(target.live()) == (INTERRUPTED,)


def test_nested_handlers_return_in_turn() -> None:
    # Given a handler that was interrupted by another one, further down the stack
    target = target_of(RISCV64)
    signals = entered(target, STACK + 0x90)
    target.values["sp"] = STACK - 0x2000
    target.put(STACK - 0x2000 + 0x90, HANDLER + 8)
    signals.entered(HANDLER + 8, target.live())
    # Then the inner one goes back to it, and it to the program
    assert signals.return_addresses(target.live()) == (HANDLER + 8,)
    target.values["sp"] = STACK
    assert signals.return_addresses(target.live()) == (INTERRUPTED,)


def test_frame_that_longjmp_left_is_passed_over() -> None:
    # Given a handler that was left by longjmp, while another one had not returned
    target = target_of(RISCV64)
    signals = entered(target, STACK + 0x90)
    target.values["sp"] = STACK - 0x2000
    signals.entered(HANDLER + 8, target.live())
    # When that one returns
    target.values["sp"] = STACK
    # Then it is to where its own frame says
    assert signals.return_addresses(target.live()) == (INTERRUPTED,)


def test_frame_at_the_same_place_replaces_the_one_that_longjmp_left() -> None:
    target = target_of(RISCV64)
    signals = entered(target, STACK + 0x90)
    target.put(STACK + 0x90, 0x40_2000)
    signals.entered(0x40_2000, target.live())
    assert signals.return_addresses(target.live()) == (0x40_2000,)
    assert signals.return_addresses(target.live()) == ()


def test_way_back_is_not_known_without_a_frame() -> None:
    target = target_of(RISCV64)
    assert SignalHandlers(RISCV64, from_start=True).return_addresses(target.live()) == ()


def test_way_back_is_not_known_if_the_frame_does_not_have_the_program_counter() -> None:
    target = target_of(RISCV64)
    signals = SignalHandlers(RISCV64, from_start=True)
    signals.entered(INTERRUPTED, target.live())
    assert signals.return_addresses(target.live()) == ()


def test_stack_may_end_near_the_frame() -> None:
    target = target_of(RISCV64, MEMORY + 0x10000 - 0x400)
    slot = MEMORY + 0x10000 - 0x100
    assert entered(target, slot).return_addresses(target.live()) == (INTERRUPTED,)
