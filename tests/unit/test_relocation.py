"""Addresses of a program that is elsewhere: what is learned from which frames, and what stays a difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.relocation import Relocation
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.trace.frames import (
    NO_USAGE,
    ExceptionFrame,
    Frame,
    KeyFrame,
    ModloadFrame,
    Operand,
    RegisterLocation,
    StdFrame,
    SyscallFrame,
    TaggedValues,
)

X86_64, PPC = ARCHITECTURES["x86_64"], ARCHITECTURES["ppc"]
BASE, OTHER_BASE = 0x4000_0000, 0x5555_0000
SP, OTHER_SP = 0x7FFF_0000_8000, 0x7FFE_0000_4FF0
SYSCALL, NOP = b"\x0f\x05", b"\x90"


def register(name: str, value: int, size: int = 8) -> Operand:
    return Operand(RegisterLocation(name), 8 * size, value.to_bytes(size, "little"), NO_USAGE)


def instruction(address: int, rawbytes: bytes = NOP, after: dict[str, int] | None = None, **before: int) -> StdFrame:
    pre, post = ([register(*each) for each in values.items()] for values in (before, after or {}))
    return StdFrame(address, 0, rawbytes, pre, post, "x86:64")


def learned(*pairs: tuple[Frame, Frame]) -> Relocation:
    found = Relocation(X86_64)
    for left, right in pairs:
        found.learn(left, right)
    return found


LOADED = ModloadFrame("/a/program", BASE, BASE + 0xFFF), ModloadFrame("/b/program", OTHER_BASE, OTHER_BASE + 0xFFF)
BEGUN = instruction(BASE + 0x10, rsp=SP), instruction(OTHER_BASE + 0x10, rsp=OTHER_SP)


def returned(number: int, left: int, right: int, size: int = 0) -> tuple[StdFrame, StdFrame]:
    ours, theirs = (
        instruction(base + 0x20, SYSCALL, {"rax": value}, rax=number, rsi=size)
        for base, value in ((BASE, left), (OTHER_BASE, right))
    )
    return ours, theirs


def test_nothing_is_known_at_first() -> None:
    found = learned()
    assert found.to_right(BASE) == BASE
    assert found.is_same(5, 5)
    assert not found.is_same(BASE, OTHER_BASE)


def test_a_module_is_where_its_frame_says() -> None:
    found = learned(LOADED)
    assert found.is_same(BASE, OTHER_BASE)
    assert found.is_same(BASE + 0x123, OTHER_BASE + 0x123)
    # What is behind its file, too (.bss); and what is not moved is still the same
    assert found.is_same(BASE + 0x1800, OTHER_BASE + 0x1800)
    assert found.is_same(BASE + 0x123, BASE + 0x123)
    assert not found.is_same(BASE + 0x123, OTHER_BASE + 0x124)
    assert not found.is_same(BASE - 1, OTHER_BASE - 1)


def test_the_stack_is_where_the_first_instruction_finds_it() -> None:
    found = learned(LOADED, BEGUN)
    assert found.is_same(SP, OTHER_SP)
    assert found.is_same(SP - 0x1000, OTHER_SP - 0x1000)
    assert found.is_same(SP + 0x40, OTHER_SP + 0x40)
    assert found.is_same(BASE, OTHER_BASE)


def test_or_the_key_frame_before_it_which_says_where_the_program_is_too() -> None:
    left, right = (
        KeyFrame((TaggedValues(7, (register("rip", base + 0x10), register("rsp", sp))),))
        for base, sp in ((BASE, SP), (OTHER_BASE, OTHER_SP))
    )
    found = learned((left, right))
    assert found.is_same(SP, OTHER_SP)
    assert found.is_same(BASE, OTHER_BASE)


def test_only_the_first_instruction_says_where_the_stack_is() -> None:
    found = learned(
        LOADED, BEGUN, (instruction(BASE + 0x11, rsp=SP), instruction(OTHER_BASE + 0x11, rsp=OTHER_SP + 16))
    )
    assert found.is_same(SP, OTHER_SP)
    assert not found.is_same(SP, OTHER_SP + 16)


def test_the_heap_is_where_brk_and_mmap_say() -> None:
    heap, other_heap = 0x4100_0000, 0x5555_8000_0000
    mapped, other_mapped = 0x7000_0000_0000, 0x6000_0000_1000
    found = learned(
        LOADED,
        BEGUN,
        returned(12, heap, other_heap),
        returned(9, mapped, other_mapped, size=0x2000),
        returned(9, -12 % 2**64, -12 % 2**64),
    )
    assert found.is_same(heap + 0x50, other_heap + 0x50)
    assert found.is_same(mapped + 8, other_mapped + 8)
    assert found.is_same(BASE + 8, OTHER_BASE + 8)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (3, 4),  # file descriptors
        (0x4100_0008, 0x5100_0008),  # of no page
        (0x4100_0000, 0x5100_0008),  # another place in the page
        (0, 0x5100_0000),  # no address
    ],
)
def test_what_a_system_call_returns_need_not_be_an_address(left: int, right: int) -> None:
    assert not learned(LOADED, BEGUN, returned(12, left, right)).is_same(left, right)


def test_what_is_mapped_takes_the_place_of_what_was_there() -> None:
    low, before, after = 0x7000_0000_0000, 0x6000_0000_0000, 0x6500_0000_0000
    found = learned(BEGUN, returned(9, low + 0x1000, before + 0x1000, 0x1000), returned(9, low, after, 0x4000))
    assert found.is_same(low + 0x1800, after + 0x1800)
    assert not found.is_same(low + 0x1800, before + 0x1800)


def test_other_instructions_that_give_addresses_say_nothing() -> None:
    left, right = (
        instruction(base + 0x20, NOP, {"rax": value})
        for base, value in ((BASE, 0x4100_0000), (OTHER_BASE, 0x5100_0000))
    )
    assert not learned(LOADED, BEGUN, (left, right)).is_same(0x4100_0000, 0x5100_0000)


def test_pointers_in_memory_are_where_they_are_aligned() -> None:
    found = learned(LOADED)
    ours, theirs = ((base + 0x40).to_bytes(8, "little") for base in (BASE, OTHER_BASE))
    assert found.is_same_bytes(SP, ours, theirs)
    assert found.is_same_bytes(SP, b"12345678" + ours, b"12345678" + theirs)
    assert found.is_same_bytes(SP + 4, b"1234" + ours, b"1234" + theirs)
    assert not found.is_same_bytes(SP + 4, b"12345678" + ours, b"12345679" + theirs)
    assert not found.is_same_bytes(SP + 4, ours, theirs)
    assert not found.is_same_bytes(SP, ours[:4], theirs[:4])
    assert not found.is_same_bytes(SP, ours, theirs[:4])


def test_big_endian_pointers_of_32_bits() -> None:
    found = Relocation(PPC)
    found.learn(*LOADED)
    ours, theirs = ((base + 0x40).to_bytes(4, "big") for base in (BASE, OTHER_BASE))
    assert found.is_same_bytes(0x1000, ours + ours, theirs + theirs)
    assert not found.is_same_bytes(0x1000, ours[::-1], theirs[::-1])


def test_vectors_are_compared_by_pointers() -> None:
    found = learned(LOADED)
    assert found.is_same(BASE << 64 | 7, OTHER_BASE << 64 | 7)
    assert found.is_same(BASE << 64 | BASE, OTHER_BASE << 64 | OTHER_BASE)
    assert not found.is_same(BASE << 64 | 7, OTHER_BASE << 64 | 8)
    assert not found.is_same(BASE << 32, OTHER_BASE << 32)


def test_what_the_kernel_put_on_the_stack() -> None:
    found = learned(LOADED, BEGUN)
    vdso, other_vdso = 0x7FFF_1234_5000, 0x7FFE_9999_6000
    string, other_string = SP + 0x231, OTHER_SP + 0x2A9
    for left, right in ((vdso, other_vdso), (string, other_string)):
        ours, theirs = left.to_bytes(8, "little"), right.to_bytes(8, "little")
        # Not below the first stack pointer, where the program writes
        assert not found.is_same_bytes(SP - 8, ours, theirs)
        assert found.is_same_bytes(SP + 8, ours, theirs)
        assert found.is_same(left + 5, right + 5)
    # Not what is no address: AT_HWCAP, an environment variable's characters
    for left, right in ((0x178B_FBFF, 0xBFEB_FBFF), (0x6F6F_663D_4F4F_46, 0x7261_623D_4F4F_46)):
        assert not found.is_same_bytes(SP + 16, left.to_bytes(8, "little"), right.to_bytes(8, "little"))


def test_frames_that_are_no_instructions() -> None:
    found = learned(LOADED, BEGUN)
    assert found.is_same_event(*LOADED)
    assert not found.is_same_event(LOADED[0], ModloadFrame("program", OTHER_BASE + 0x1000, OTHER_BASE + 0x1FFF))
    assert found.is_same_event(
        SyscallFrame(BASE + 4, 0, 1, (1, BASE + 8, 5)), SyscallFrame(OTHER_BASE + 4, 0, 1, (1, OTHER_BASE + 8, 5))
    )
    assert not found.is_same_event(
        SyscallFrame(BASE + 4, 0, 1, (1, BASE + 8, 5)), SyscallFrame(OTHER_BASE + 4, 0, 1, (1, OTHER_BASE + 8, 6))
    )
    assert found.is_same_event(ExceptionFrame(11, 0, BASE, None), ExceptionFrame(11, 0, OTHER_BASE, None))
    assert not found.is_same_event(ExceptionFrame(11, 0, BASE, None), ExceptionFrame(7, 0, OTHER_BASE, None))
    assert not found.is_same_event(LOADED[0], ExceptionFrame(11, 0, BASE, None))


def test_an_unknown_architecture_has_modules_alone() -> None:
    found = Relocation(None)
    for pair in (LOADED, BEGUN):
        found.learn(*pair)
    assert found.is_same(BASE, OTHER_BASE)
    assert not found.is_same(SP, OTHER_SP)


MODULES = st.lists(st.tuples(st.integers(1, 200), st.integers(1, 200), st.integers(1, 8)), max_size=12)


@given(MODULES, st.integers(0, 210 << 12))
def test_an_address_is_moved_with_what_begins_last_below_it(modules: list[tuple[int, int, int]], address: int) -> None:
    found = Relocation(None)
    places: dict[int, int] = {}
    for low, other, pages in modules:
        left, right = (ModloadFrame("m", page << 12, (page + pages << 12) - 1) for page in (low, other))
        found.learn(left, right)
        places = {page: delta for page, delta in places.items() if not low <= page < low + pages}
        places[low] = other - low
    below = [page for page in places if page << 12 <= address]
    expected = address + (places[max(below)] << 12) if below else address
    assert found.to_right(address) == expected % (1 << 64)


def test_what_the_pairs_say_stays_bounded() -> None:
    found = Relocation(None)
    for page in range(1, 5000):
        found.learn(ModloadFrame("m", page << 13, page << 13), ModloadFrame("m", page << 14, page << 14))
    assert len(found._regions) < 2000
    assert found.is_same(4999 << 13, 4999 << 14)
