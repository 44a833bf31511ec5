"""Basic blocks and lines of source of what was executed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gdbtrace.analysis.coverage import Coverage, Executed, Place
from gdbtrace.image import SourceLine


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Instructions that follow each other and were only entered at the first."""

    instructions: tuple[Executed, ...]
    hits: int
    """How often the first was executed."""

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.instructions[0].place

    @property
    def size(self) -> int:
        """In bytes."""
        return self.instructions[-1].end.address - self.place.address


def iter_blocks(coverage: Coverage) -> Iterator[CodeBlock]:
    """The basic blocks of what was executed, by module and address.

    A block ends behind a branch, behind a call, and before what was jumped to, by this program's runs. A block that
    none of them entered in its middle is not cut there.
    """
    targets = {jump[1] for jump in coverage.jumps if not coverage.is_repeat(jump)}
    block: list[Executed] = []
    for executed in sorted(coverage.hits, key=_order):
        if block and (block[-1].end != executed.place or block[-1] in coverage.ends or executed in targets):
            yield CodeBlock(tuple(block), coverage.hits[block[0]])
            block = []
        block.append(executed)
    if block:
        yield CodeBlock(tuple(block), coverage.hits[block[0]])


def _order(executed: Executed) -> tuple[Place, bytes, str]:
    return executed.place, executed.rawbytes, executed.mode or ""


def line_counts(coverage: Coverage) -> Mapping[SourceLine, int]:
    """How often each line was executed, by gcov's rule.

    gcov counts how often control came into the blocks of a line from blocks that are not of it, and how often it went
    around within them (accumulate_line_info in gcc/gcov.cc). A call does not leave the line.
    """
    blocks = list(iter_blocks(coverage))
    arrivals = list(_arrivals(coverage, blocks))
    lines = _lines_of(coverage, blocks, arrivals)
    counts: Counter[SourceLine] = Counter()
    within: dict[SourceLine, list[_Arrival]] = {}
    for arrival in arrivals:
        there = frozenset() if arrival.source is None else lines[arrival.source]
        for line in lines[arrival.target]:
            if line in there:
                within.setdefault(line, []).append(arrival)
            else:
                counts[line] += arrival.times
    for line, some in within.items():
        counts[line] += _rounds(some)
    return counts


def _rounds(arrivals: Sequence[_Arrival]) -> int:
    """How often execution went around between blocks: cycles are taken away one after the other, each as often as it
    can have been gone around."""
    # Blocks are numbered by address: a way round goes back somewhere.
    if not any(source is not None and target <= source for source, target, _ in arrivals):
        return 0
    ways: dict[int, Counter[int]] = {}
    for source, target, times in arrivals:
        if source is not None:
            ways.setdefault(source, Counter())[target] += times
    rounds = 0
    for start in list(ways):
        while cycle := _cycle(ways, start):
            times = min(ways[source][target] for source, target in cycle)
            rounds += times
            for source, target in cycle:
                ways[source][target] -= times
                if not ways[source][target]:
                    del ways[source][target]
        del ways[start]
    return rounds


def _cycle(ways: Mapping[int, Mapping[int, int]], start: int) -> Sequence[tuple[int, int]]:
    """The shortest way from a block back to it; empty: there is none."""
    came_from: dict[int, int] = {}
    reached = deque([start])
    while reached and start not in came_from:
        source = reached.popleft()
        for target in ways.get(source, ()):
            if target not in came_from:
                came_from[target] = source
                reached.append(target)
    if start not in came_from:
        return ()
    cycle = [(came_from[start], start)]
    while cycle[-1][0] != start:
        target = cycle[-1][0]
        cycle.append((came_from[target], target))
    return cycle


class _Arrival(NamedTuple):
    """How often execution came from one block to another: their numbers."""

    source: int | None
    """None: from a caller, or nowhere."""
    target: int
    times: int


def _arrivals(coverage: Coverage, blocks: Sequence[CodeBlock]) -> Iterator[_Arrival]:
    block_of = {executed: number for number, block in enumerate(blocks) for executed in block.instructions}
    ending_at = {block.instructions[-1].end: number for number, block in enumerate(blocks)}
    fallen = [block.hits for block in blocks]
    for jump, times in coverage.jumps.items():
        origin, target = jump
        number = block_of[target]
        if coverage.is_repeat(jump):
            fallen[number] -= times if blocks[number].instructions[0] == target else 0
            continue
        fallen[number] -= times
        yield _Arrival(None if origin is None else block_of.get(origin), number, times)
    for number, times in enumerate(fallen):
        if times > 0:
            yield _Arrival(ending_at.get(blocks[number].place), number, times)


def _lines_of(
    coverage: Coverage, blocks: Sequence[CodeBlock], arrivals: Sequence[_Arrival]
) -> list[frozenset[SourceLine]]:
    """Which lines each block is of.

    The jump at a loop's end that does nothing but go back is of the line that it goes to; to gcov it is an arc.
    """
    all_lines = [[coverage.line_at(each.place) for each in block.instructions] for block in blocks]
    exits: dict[int, set[int]] = {}
    for source, target, _ in arrivals:
        if source is not None:
            exits.setdefault(source, set()).add(target)
    result = []
    for number, (block, lines) in enumerate(zip(blocks, all_lines, strict=True)):
        line, last = lines[-1], block.instructions[-1]
        is_slot = len(block.instructions) > 1 and last not in coverage.branches
        jump_length = 2 if is_slot and block.instructions[-2] in coverage.branches else 1
        targets = exits.get(number, set())
        is_arc = (
            line is not None
            and line not in lines[:-jump_length]
            and bool(targets)
            and all(line in all_lines[target] and blocks[target].place < block.place for target in targets)
        )
        result.append(frozenset(each for each in lines if each is not None and not (is_arc and each == line)))
    return result
