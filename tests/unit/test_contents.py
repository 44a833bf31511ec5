"""What ``gdbtrace info`` counts in a trace."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gdbtrace.analysis.contents import Contents, ContentsAnalysis
from gdbtrace.trace import (
    ExceptionFrame,
    Frame,
    KeyFrame,
    MemoryLocation,
    ModloadFrame,
    Operand,
    RegisterLocation,
    StdFrame,
    SyscallFrame,
    TaintIntroFrame,
    UnknownFrame,
    Usage,
)


def contents_of(*frames: Frame) -> Contents:
    analysis = ContentsAnalysis()
    for frame in frames:
        analysis.feed(frame)
    return analysis.result()


def memory(address: int, size: int, *, value: bytes | None = None) -> Operand:
    data = bytes(size) if value is None else value
    return Operand(MemoryLocation(address), 8 * size, data, Usage(read=True))


def instruction(
    address: int = 0x1000,
    size: int = 4,
    *,
    loads: Sequence[Operand] = (),
    stores: Sequence[Operand] | None = (),
    mode: str | None = None,
    thread: int = 0,
) -> StdFrame:
    return StdFrame(address, thread, bytes(size), tuple(loads), None if stores is None else tuple(stores), mode)


def test_empty_trace_holds_nothing() -> None:
    assert contents_of() == Contents({}, {}, {}, [], [], 0, 0)


def test_frames_are_counted_by_the_formats_names() -> None:
    contents = contents_of(
        instruction(),
        instruction(),
        SyscallFrame(0, 0, 1, ()),
        ExceptionFrame(5),
        ModloadFrame("libc", 0, 1),
        KeyFrame(()),
        TaintIntroFrame(()),
        UnknownFrame(b""),
    )
    assert contents.kinds == {
        "std_frame": 2,
        "syscall_frame": 1,
        "exception_frame": 1,
        "modload_frame": 1,
        "key_frame": 1,
        "taint_intro_frame": 1,
        "unknown_frame": 1,
    }


def test_modes_are_counted_and_none_has_no_name() -> None:
    contents = contents_of(instruction(mode="arm:a32"), instruction(mode="arm:t32"), instruction(mode="arm:t32"))
    assert contents.modes == {"arm:a32": 1, "arm:t32": 2}
    assert contents_of(instruction()).modes == {"": 1}


def test_threads_are_counted_in_order() -> None:
    contents = contents_of(instruction(thread=2), instruction(thread=0), instruction(thread=2))
    assert list(contents.threads.items()) == [(0, 1), (2, 2)]


def test_accesses_are_counted_and_registers_are_none() -> None:
    register = Operand(RegisterLocation("r0"), 32, bytes(4), Usage(read=True))
    contents = contents_of(
        instruction(loads=[register, memory(0x8000, 4), memory(0x8004, 4)], stores=[register, memory(0x9000, 1)])
    )
    assert (contents.loads, contents.stores) == (2, 1)


def test_unfinished_instruction_counts_its_loads() -> None:
    contents = contents_of(instruction(loads=[memory(0x8000, 4)], stores=None))
    assert (contents.loads, contents.stores, contents.kinds) == (1, 0, {"std_frame": 1})


def test_other_frames_have_no_code() -> None:
    assert contents_of(SyscallFrame(0x1000, 0, 1, ())).code == []


@pytest.mark.parametrize(
    ("touched", "ranges"),
    [
        ([(0x1000, 4)], [(0x1000, 0x1003)]),
        ([(0x1FFC, 4), (0x1010, 2), (0x1400, 4)], [(0x1010, 0x1FFF)]),
        ([(0x1FFC, 4), (0x2000, 4)], [(0x1FFC, 0x2003)]),
        ([(0x2FFC, 4), (0x1000, 4)], [(0x1000, 0x2FFF)]),
        ([(0x1000, 4), (0x3000, 4)], [(0x1000, 0x1003), (0x3000, 0x3003)]),
        ([(0x1FFE, 4)], [(0x1FFE, 0x2001)]),
        ([(0x1FFE, 4), (0x3000, 4)], [(0x1FFE, 0x3003)]),
        ([(0x1000, 0x3000), (0x2000, 4)], [(0x1000, 0x3FFF)]),
        ([(0x0, 1)], [(0x0, 0x0)]),
        ([(0xFFFF_FFFF_FFFF_FFF0, 16)], [(0xFFFF_FFFF_FFFF_FFF0, 0xFFFF_FFFF_FFFF_FFFF)]),
    ],
    ids=[
        "one",
        "within a page",
        "pages that touch",
        "pages that touch, downwards",
        "a page apart",
        "across a page's end",
        "across a page's end to one that touches the next",
        "one within another",
        "address 0",
        "the last address",
    ],
)
class TestRanges:
    def test_code(self, touched: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> None:
        contents = contents_of(*(instruction(address, size) for address, size in touched))
        assert contents.code == ranges

    def test_data(self, touched: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> None:
        contents = contents_of(instruction(loads=[memory(address, size) for address, size in touched]))
        assert contents.data == ranges


def test_loads_and_stores_share_the_ranges_of_data() -> None:
    contents = contents_of(instruction(loads=[memory(0x8000, 4)], stores=[memory(0x8F00, 8)]))
    assert contents.data == [(0x8000, 0x8F07)]


def test_access_whose_value_was_not_observed_has_its_width() -> None:
    assert contents_of(instruction(loads=[memory(0x8000, 16, value=b"")])).data == [(0x8000, 0x800F)]
