"""What is counted as executed, cut into blocks, and shown as functions."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.coverage import Coverage, CoverageAnalysis, Executed, Place
from gdbtrace.analysis.covered_code import CoveredCode
from gdbtrace.analysis.covered_lines import iter_blocks, line_counts
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.image import Image, SourceLine
from gdbtrace.trace import Frame, ModloadFrame, StdFrame, SyscallFrame, open_trace

TRACES = Path(__file__).parents[1] / "traces"
AARCH64 = ARCHITECTURES["aarch64"]
PROGRAM = TRACES / "aarch64.elf"
NOP, RET, BRANCH = (bytes.fromhex(code) for code in ("1f2003d5", "c0035fd6", "00000014"))


def coverage_of(*frames: Frame, program: Path | None = None) -> Coverage:
    symbols = Symbols(AARCH64, Image(program) if program else None)
    analysis = CoverageAnalysis(AARCH64, symbols, Disassembly(AARCH64))
    for frame in frames:
        if isinstance(frame, ModloadFrame):
            symbols.add(frame)
        analysis.feed(frame)
    return analysis.result()


def at(address: int, data: bytes = NOP, thread: int = 1) -> StdFrame:
    return StdFrame(address, thread, data, (), ())


def traced() -> list[Frame]:
    with open_trace(TRACES / "aarch64.frames") as reader:
        return list(reader)


def moved(frames: Sequence[Frame], offset: int) -> list[Frame]:
    """As if the program had been loaded elsewhere."""
    result: list[Frame] = []
    for frame in frames:
        if isinstance(frame, ModloadFrame):
            frame = ModloadFrame(frame.module_name, frame.low_address + offset, frame.high_address + offset)
        elif isinstance(frame, StdFrame):
            # What calls write is how they are known.
            post = [
                replace(each, value=(each.as_int() + offset).to_bytes(8, "little"))
                for each in frame.post or ()
                if not each.is_memory and each.name == "x30"
            ]
            frame = StdFrame(frame.address + offset, frame.thread_id, frame.rawbytes, (), post)
        result.append(frame)
    return result


def places(*addresses: int) -> list[Place]:
    return [Place("", address) for address in addresses]


PATHS = st.lists(st.tuples(st.sampled_from(range(0x1000, 0x1040, 4)), st.sampled_from((1, 2))), max_size=60)


@given(PATHS)
def test_hits_are_how_often_each_address_is_in_the_trace(path: list[tuple[int, int]]) -> None:
    coverage = coverage_of(*(at(address, thread=thread) for address, thread in path))
    hits = {executed.place.address: count for executed, count in coverage.hits.items()}
    assert hits == Counter(address for address, _ in path)
    assert coverage.total == len(path)


@given(PATHS)
def test_blocks_are_all_instructions_and_entered_at_the_first_alone(path: list[tuple[int, int]]) -> None:
    # Given a path of instructions that are no branches, and which addresses were come to from elsewhere
    blocks = list(iter_blocks(coverage_of(*(at(address, thread=thread) for address, thread in path))))
    last: dict[int, int] = {}
    entered, left = set(), set()
    for address, thread in path:
        previous = last.get(thread)
        if previous is None or previous not in (address, address - 4):
            entered.add(address)
            left |= set() if previous is None else {previous}
        last[thread] = address

    # Then blocks part what was executed, in order
    found = [executed.place.address for block in blocks for executed in block.instructions]
    assert found == sorted({address for address, _ in path})
    # And each is as long as it can be
    for block in blocks:
        addresses = [executed.place.address for executed in block.instructions]
        assert addresses == list(range(addresses[0], addresses[0] + block.size, 4))
        assert entered.isdisjoint(addresses[1:])
        assert left.isdisjoint(addresses[:-1])
    for one, other in itertools.pairwise(blocks):
        end = one.place.address + one.size
        assert end != other.place.address or other.place.address in entered or end - 4 in left


@given(PATHS, PATHS)
def test_sets_of_traces_are_sets_of_places(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    first = coverage_of(*(at(address, thread=thread) for address, thread in one))
    second = coverage_of(*(at(address, thread=thread) for address, thread in other))
    assert first.united(second).hits == Counter(first.hits) + Counter(second.hits)
    assert first.without(second.places()).places() == first.places() - second.places()
    assert first.common_with(second.places()).places() == first.places() & second.places()


def test_rewritten_code_is_what_was_executed() -> None:
    # Given an address at which two instructions were executed, one after the other
    coverage = coverage_of(at(0x1000), at(0x1000, RET), at(0x1000, RET))

    # Then the listing has both
    (function,) = CoveredCode(coverage).functions
    assert [(row.rawbytes, row.hits) for row in function.rows] == [(NOP, 1), (RET, 2)]


def test_executed_bytes_are_shown_where_the_file_has_others() -> None:
    low = 0x4000F8
    code = CoveredCode(coverage_of(at(low, RET), program=PROGRAM))
    (function,) = code.functions
    assert (function.name, function.low, len(function.rows)) == ("fibonacci", low, 15)
    assert function.rows[0].rawbytes == RET
    assert [row.hits for row in function.rows] == [1] + 14 * [0]


def test_code_in_no_module_is_shown_by_runs() -> None:
    functions = CoveredCode(coverage_of(at(0x1000), at(0x1004), at(0x2000), at(0x1000), at(0x1008))).functions
    assert [(each.label, each.hits) for each in functions] == [("0x1000-0x100b", 4), ("0x2000-0x2003", 1)]


def test_a_loop_back_to_a_functions_beginning_enters_it_no_more() -> None:
    never, back = 0x400134, bytes.fromhex("ffffff17")
    loop = [at(never), at(never + 4, back)]
    (function,) = CoveredCode(coverage_of(*loop, *loop, *loop, program=PROGRAM)).functions
    assert (function.name, function.hits, function.calls) == ("never", 6, 1)


def test_a_module_mapped_over_another_has_instructions_of_its_own() -> None:
    coverage = coverage_of(
        ModloadFrame("one", 0x1000, 0x1FFF), at(0x1000), ModloadFrame("other", 0x1000, 0x1FFF), at(0x1000), at(0x1000)
    )
    assert {executed.place: hits for executed, hits in coverage.hits.items()} == {
        Place("one", 0): 1,
        Place("other", 0): 2,
    }


def test_code_outside_of_a_loaded_program_is_in_no_module() -> None:
    """Such as a signal's return on the stack."""
    program = ModloadFrame(str(PROGRAM), 0x400000, 0x410FFF)
    coverage = coverage_of(program, at(0x400100), at(0x7F0000), program=PROGRAM)
    assert coverage.places() == {Place(str(PROGRAM), 0x400100), Place("", 0x7F0000)}


def test_runs_of_a_program_at_different_places_unite() -> None:
    # Given a run, and the same one at another place
    frames = traced()
    first, second = coverage_of(*frames, program=PROGRAM), coverage_of(*moved(frames, 0x5000_0000), program=PROGRAM)

    # Then together they executed each instruction twice as often
    both = first.united(second)
    assert both.hits == {executed: 2 * hits for executed, hits in first.hits.items()}
    assert line_counts(both) == {line: 2 * times for line, times in line_counts(first).items()}
    # And nothing is in one of them alone
    assert first.without(second.places()).total == 0


def test_frames_that_are_no_instructions_change_nothing() -> None:
    coverage = coverage_of(at(0x1000), SyscallFrame(0x1000, 1, 64, ()), at(0x1004))
    (block,) = iter_blocks(coverage)
    assert [executed.place for executed in block.instructions] == places(0x1000, 0x1004)


def test_a_branch_that_is_not_taken_ends_a_block() -> None:
    coverage = coverage_of(at(0x1000, BRANCH), at(0x1004))
    assert [block.place for block in iter_blocks(coverage)] == places(0x1000, 0x1004)


def test_a_delay_slot_is_in_its_branchs_block() -> None:
    # Given SPARC's branch at 0x1000, whose slot is 0x1004
    arch, symbols = ARCHITECTURES["sparc64"], Symbols(ARCHITECTURES["sparc64"], None)
    analysis = CoverageAnalysis(arch, symbols, Disassembly(arch))
    branch, nop = bytes.fromhex("10680004"), bytes.fromhex("01000000")
    for address, data in ((0x1000, branch), (0x1004, nop), (0x1010, nop)):
        analysis.feed(StdFrame(address, 1, data, (), ()))

    assert [(block.place.address, block.size) for block in iter_blocks(analysis.result())] == [(0x1000, 8), (0x1010, 4)]


def test_lines_of_the_committed_program() -> None:
    """fibonacci(5) calls itself 14 times, and 7 of the 15 times it goes on to do so: gcov's counts."""
    times = {line.line: count for line, count in line_counts(coverage_of(*traced(), program=PROGRAM)).items()}
    assert {line: times[line] for line in (22, 23, 25, 26, 43, 52)} == {22: 15, 23: 15, 25: 7, 26: 15, 43: 32, 52: 1}


@pytest.mark.parametrize(("body", "times"), [(2, {1: 4, 2: 3, 3: 1}), (1, {1: 4, 3: 1})])
def test_a_round_of_a_loop_counts_within_a_line_alone(body: int, times: dict[int, int]) -> None:
    """gcov: a round that leaves its line comes back to it from another one. One that does not is a cycle in it."""
    # Given a loop whose condition is behind its body, as compilers place it, and whose body begins on the loop's line
    begin, first, rest, step, condition, behind = range(0x1000, 0x1018, 4)
    lines = dict.fromkeys((begin, first, step, condition), 1) | {rest: body, behind: 3}
    path = [at(begin, BRANCH)]
    path += [at(condition, BRANCH), at(first, BRANCH), at(rest, BRANCH), at(step)] * 3
    path += [at(condition, BRANCH), at(behind)]
    image = create_autospec(Image, instance=True)
    image.line_at = lambda address: SourceLine("loop.c", lines[address])

    # When it goes around three times
    counts = line_counts(replace(coverage_of(*path), images={"": image}))

    # Then its line was executed once, and three times again
    assert {line.line: count for line, count in counts.items()} == times


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_repeated_instruction_that_was_jumped_to_is_one_execution_of_its_line(count: int) -> None:
    low = 0x40019C
    frames = [at(low), *(at(low + 12) for _ in range(1 + count)), at(low + 16)]
    counts = line_counts(coverage_of(*frames, program=PROGRAM))
    assert {line.line: times for line, times in counts.items()} == {48: 1, 51: 1}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_repeated_instruction_is_one_execution_of_its_line(count: int) -> None:
    # Given an instruction that repeats itself, in the middle of a line
    low = 0x400168
    frames = [at(low), *(at(low + 4) for _ in range(1 + count)), at(low + 8)]
    coverage = coverage_of(*frames, program=PROGRAM)

    # Then its line was executed once
    assert {line.line: times for line, times in line_counts(coverage).items()} == {40: 1, 42: 1}
    assert coverage.hits[Executed(Place(str(PROGRAM), low + 4), NOP, None)] == 1 + count
