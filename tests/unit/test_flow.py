"""Basic blocks and calls of frames that are written here by hand; whole guests are in tests/system/test_timeline.py."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.calls import CallEvent, Enter, Exit, Leave, iter_calls
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.flow import Block, Blocks
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.image import Image
from gdbtrace.trace.frames import ExceptionFrame, Frame, Operand, RegisterLocation, StdFrame, Usage

TRACES = Path(__file__).parents[1] / "traces"
NOP, RET, BL, B_NE, BR = "1f2003d5", "c0035fd6", "00000094", "01000054", "00021fd6"
"""AArch64; where a branch goes is of no interest."""


def frame(address: int, code: str = NOP, *, thread: int = 0, link: int | None = None) -> StdFrame:
    """An instruction, which writes ``link`` to the link register."""
    post = (
        () if link is None else (Operand(RegisterLocation("x30"), 64, link.to_bytes(8, "little"), Usage(False, True)),)
    )
    return StdFrame(address, thread, bytes.fromhex(code), (), post)


def call(address: int, thread: int = 0) -> StdFrame:
    return frame(address, BL, thread=thread, link=address + 4)


def blocks_of(frames: Iterable[Frame], arch: str | None = "aarch64") -> list[Block]:
    blocks = Blocks(Disassembly(ARCHITECTURES[arch] if arch else None))
    ended = [block for each in frames if (block := blocks.feed(each)) is not None]
    return ended + blocks.finish()


def addresses_of(blocks: Iterable[Block]) -> list[list[int]]:
    return [[address for address, _, _ in block.instructions] for block in blocks]


def calls_of(frames: Iterable[Frame], program: Image | None = None) -> list[CallEvent]:
    arch = ARCHITECTURES["aarch64"]
    return list(iter_calls(frames, Disassembly(arch), Symbols(arch, program)))


def told(events: Iterable[CallEvent]) -> list[str]:
    """``>`` enters and ``<`` leaves: time, name, how."""
    return [
        f"{event.time} > {event.activation.name} {event.activation.entry.value}"
        if isinstance(event, Enter)
        else f"{event.time} < {event.activation.name} {event.exit.value}"
        for event in events
    ]


def test_a_branch_ends_a_block_whether_it_is_taken_or_not() -> None:
    frames = [frame(0), frame(4, B_NE), frame(8), frame(12, B_NE), frame(0)]
    assert addresses_of(blocks_of(frames)) == [[0, 4], [8, 12], [0]]


def test_a_block_knows_when_it_ran_and_whose_it_is() -> None:
    frames = [frame(0), frame(0x100, thread=1), frame(4, RET), frame(0x104, thread=1), frame(8)]
    assert [(block.thread_id, block.start, block.end, block.address) for block in blocks_of(frames)] == [
        *((0, 0, 3, 0), (0, 4, 5, 8)),
        (1, 1, 4, 0x100),
    ]


def test_an_exception_ends_a_block() -> None:
    frames = [frame(0), ExceptionFrame(1, 0, 4, 8), frame(4)]
    assert addresses_of(blocks_of(frames)) == [[0], [4]]


def test_an_address_wraps_at_the_architectures_width() -> None:
    nop = bytes.fromhex("60000000")
    frames = [StdFrame(address, 0, nop, (), (), "ppc:ppc") for address in (0xFFFF_FFFC, 0)]
    assert addresses_of(blocks_of(frames, "ppc")) == [[0xFFFF_FFFC, 0]]


def test_a_delay_slot_is_of_its_branchs_block() -> None:
    bne, nop = bytes.fromhex("12800004"), bytes.fromhex("01000000")
    frames = [StdFrame(address, 0, bne if address == 0 else nop, (), ()) for address in (0, 4, 8, 12)]
    assert addresses_of(blocks_of(frames, "sparc64")) == [[0, 4], [8, 12]]


def test_a_slot_that_is_annulled_is_not() -> None:
    annulling, nop = bytes.fromhex("32800004"), bytes.fromhex("01000000")
    frames = [StdFrame(address, 0, annulling if address == 0 else nop, (), ()) for address in (0, 8, 12)]
    assert addresses_of(blocks_of(frames, "sparc64")) == [[0], [8, 12]]


def test_a_repeated_instruction_is_a_block_each_time() -> None:
    frames = [StdFrame(0, 0, b"\xf3\xa4", (), ()) for _ in range(3)]
    assert addresses_of(blocks_of(frames, "x86_64")) == [[0], [0], [0]]


def test_without_an_architecture_blocks_end_where_it_goes_elsewhere() -> None:
    assert addresses_of(blocks_of([frame(0), frame(4, B_NE), frame(8), frame(0)], None)) == [[0, 4, 8], [0]]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1), st.sampled_from([NOP, B_NE])), max_size=40))
def test_blocks_are_all_instructions_in_order(places: list[tuple[int, int, str]]) -> None:
    frames = [frame(4 * number, code, thread=thread) for number, thread, code in places]
    blocks = blocks_of(frames)
    for thread in (0, 1):
        found = [key for block in blocks if block.thread_id == thread for key in block.instructions]
        assert found == [(each.address, each.rawbytes, None) for each in frames if each.thread_id == thread]
    for block in blocks:
        assert all(before[0] + 4 == after[0] for before, after in itertools.pairwise(block.instructions))
        assert all(rawbytes == bytes.fromhex(NOP) for _, rawbytes, _ in block.instructions[:-1])


def test_a_call_and_its_return() -> None:
    frames = [frame(0), call(4), frame(0x100), frame(0x104, RET), frame(8)]
    events = calls_of(frames)
    assert told(events) == ["0 > 0x0 start", "2 > 0x100 call", "4 < 0x100 return", "5 < 0x0 end"]
    assert isinstance(events[1], Enter)
    assert (events[1].activation.caller, events[1].activation.depth) == (4, 1)


def test_recursion() -> None:
    frames = [call(0), call(0x100), call(0x100), frame(0x100), frame(0x104, RET), frame(0x104, RET)]
    assert told(calls_of([*frames, frame(0x104, RET), frame(4)]))[1:] == [
        *("1 > 0x100 call", "2 > 0x100 call", "3 > 0x100 call"),
        *("5 < 0x100 return", "6 < 0x100 return", "7 < 0x100 return", "8 < 0x0 end"),
    ]


def test_a_branch_within_a_recursion_is_no_return() -> None:
    """It goes behind the call by which the same function was entered further up."""
    frames = [call(0x100), frame(0x100, B_NE), frame(0x104), frame(0x108, RET), frame(0x104)]
    assert told(calls_of(frames))[1:] == ["1 > 0x100 call", "4 < 0x100 return", "5 < 0x100 end"]


def test_a_tail_call_takes_the_callers_place() -> None:
    frames = [call(0), frame(0x200, RET), call(4), frame(0x100, BR), frame(0x200, RET), frame(8)]
    assert told(calls_of(frames))[1:] == [
        *("1 > 0x200 call", "2 < 0x200 return", "3 > 0x100 call"),
        *("4 < 0x100 tail call", "4 > 0x200 tail call", "5 < 0x200 return", "6 < 0x0 end"),
    ]


def test_a_jump_is_a_tail_call_once_its_target_is_known_for_a_function() -> None:
    loop = [frame(0, B_NE), frame(0x200, B_NE)]
    frames = [*loop, *loop, call(0), frame(0x200, RET), frame(4, B_NE), frame(0, B_NE), frame(0x200)]
    assert told(calls_of(frames)) == [
        *("0 > 0x0 start", "5 > 0x200 call", "6 < 0x200 return"),
        *("8 < 0x0 tail call", "8 > 0x200 tail call", "9 < 0x200 end"),
    ]


@pytest.mark.parametrize("arch", ["sparc", "sparc32plus"])
def test_a_function_that_returns_a_structure_skips_a_word(arch: str) -> None:
    link = Operand(RegisterLocation("o7"), 32, bytes(4), Usage(False, True))
    called, nop, returns = "40000040", "01000000", "81c3e00c"  # jmp %o7 + 12
    places = [(0, called), (4, nop), (0x100, returns), (0x104, nop), (12, nop)]
    frames = [
        StdFrame(address, 0, bytes.fromhex(code), (), (link,) if code == called else ()) for address, code in places
    ]
    events = iter_calls(frames, Disassembly(ARCHITECTURES[arch]), Symbols(None, None))
    assert told(events) == ["0 > 0x0 start", "2 > 0x100 call", "4 < 0x100 return", "5 < 0x0 end"]


def test_longjmp_unwinds() -> None:
    frames = [
        *(call(0), frame(0x300, RET)),  # setjmp
        *(frame(4), call(8), call(0x100), frame(0x200, BR)),  # longjmp
        frame(4),
    ]
    assert told(calls_of(frames))[3:] == [
        *("4 > 0x100 call", "5 > 0x200 call"),
        *("6 < 0x200 unwound", "6 < 0x100 unwound", "7 < 0x0 end"),
    ]


def places_of(program: Image, *names: str) -> list[int]:
    return [symbol.address for name in names if (symbol := program.symbol(name)) is not None]


def test_an_exception_of_cpp_unwinds_to_where_it_is_caught() -> None:
    """That is in a function further up, elsewhere than behind its call."""
    program = Image(TRACES / "aarch64.elf")
    start, fill, add, fibonacci = places_of(program, "_start", "fill", "sum", "fibonacci")
    frames = [
        *(call(start), call(fill), call(add)),
        *(frame(fibonacci), frame(fibonacci + 4, BR)),  # It throws...
        *(frame(fill + 0x10), frame(fill + 0x14, RET), frame(start + 4)),  # ...and fill catches.
    ]
    assert told(calls_of(frames, program)) == [
        *("0 > _start start", "1 > fill call", "2 > sum call", "3 > fibonacci call"),
        *("5 < fibonacci unwound", "5 < sum unwound", "7 < fill return", "8 < _start end"),
    ]


def test_an_exception_of_cpp_passes_a_function_that_has_called_itself() -> None:
    """Each activation destroys its variables where the others do; the stack pointer tells them apart."""
    program = Image(TRACES / "aarch64.elf")
    start, fibonacci, add, leave = places_of(program, "_start", "fibonacci", "sum", "leave")

    def unwinder(pointer: int) -> StdFrame:
        operand = Operand(RegisterLocation("sp"), 64, pointer.to_bytes(8, "little"), Usage(True, False))
        return StdFrame(leave + 4, 0, bytes.fromhex(BR), (operand,), ())

    frames = [
        *(call(start), call(fibonacci), call(fibonacci), call(fibonacci)),
        *(call(add), unwinder(0x100), call(fibonacci + 0x10)),  # Destroys its variables...
        *(call(leave), unwinder(0x120), call(fibonacci + 0x10)),  # ...and so does its caller...
        *(call(leave), unwinder(0x160), frame(start + 0x20)),  # ...whose caller does not; the one of that catches.
    ]
    assert [line for line in told(calls_of(frames, program)) if "fibonacci" in line] == [
        *("1 > fibonacci call", "2 > fibonacci call", "3 > fibonacci call"),
        *("9 < fibonacci unwound", "12 < fibonacci unwound", "12 < fibonacci unwound"),
    ]


def test_a_jump_inside_of_a_function_leaves_nothing() -> None:
    program = Image(TRACES / "aarch64.elf")
    fibonacci = program.symbol("fibonacci")
    assert fibonacci is not None
    at = fibonacci.address
    events = calls_of([call(at), call(at), frame(at, BR), frame(at + 8), frame(at + 12, RET), frame(at + 4)], program)
    assert told(events) == [
        *("0 > fibonacci start", "1 > fibonacci call", "2 > fibonacci call"),
        *("5 < fibonacci return", "6 < fibonacci end", "6 < fibonacci end"),
    ]


def test_a_handler_runs_until_it_returns_to_where_it_came() -> None:
    eret = "e0039fd6"
    frames = [frame(0), ExceptionFrame(5, 0, 4, 0x100), frame(0x100), frame(0x104, eret), frame(4)]
    assert told(calls_of(frames))[1:] == ["1 > 0x100 handler", "3 < 0x100 return", "4 < 0x0 end"]


def test_a_handler_of_a_system_call_returns_behind_it() -> None:
    frames = [frame(0, "010000d4"), ExceptionFrame(5, 0, 0, 0x100), frame(0x100, "e0039fd6"), frame(4)]
    assert told(calls_of(frames))[1:] == ["1 > 0x100 handler", "2 < 0x100 return", "3 < 0x0 end"]


def test_an_interrupt_before_the_first_instruction_of_a_function() -> None:
    frames = [call(0), ExceptionFrame(5, 0, 0x200, 0x100), frame(0x100, "e0039fd6"), frame(0x200, RET), frame(4)]
    assert told(calls_of(frames))[1:] == [
        *("1 > 0x200 call", "1 > 0x100 handler", "2 < 0x100 return", "3 < 0x200 return", "4 < 0x0 end"),
    ]


def test_threads_have_their_own_stacks() -> None:
    frames = [call(0), call(0x1000, thread=1), frame(0x100, RET), frame(0x200, RET, thread=1), frame(4)]
    events = calls_of(frames)
    assert [event.activation.thread_id for event in events if isinstance(event, Enter)] == [0, 1, 0, 1]
    assert [event.exit for event in events if isinstance(event, Leave)] == [Exit.RETURN, Exit.END, Exit.END, Exit.END]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([NOP, BL, RET, BR])), max_size=60))
def test_what_is_entered_is_left_once_and_the_innermost_first(places: list[tuple[int, str]]) -> None:
    frames = [call(64 * number) if code == BL else frame(64 * number, code) for number, code in places]
    stack, times = [], []
    for event in calls_of(frames):
        times.append(event.time)
        if isinstance(event, Enter):
            assert event.activation.depth == len(stack)
            stack.append(event.activation)
        else:
            assert event.activation is stack.pop()
    assert not stack
    assert times == sorted(times)
