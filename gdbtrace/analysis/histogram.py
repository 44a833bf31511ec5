"""What is executed, over time: a histogram of the latest basic blocks, sampled every so many of them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gdbtrace.analysis.disassembly import Disassembly, Instruction, Key
from gdbtrace.analysis.flow import Block, Blocks
from gdbtrace.trace.frames import Frame

_MOST_KEPT = 1 << 15
"""Blocks whose counts are remembered: some 1 KiB each."""

_DEEDS = ("iret", "ret", "return", "int", "call", "jump", "branch_relative", "privilege", "privileged")
"""capstone's groups that say what an instruction does; all others say which instruction sets have it, or have not."""
_NOT_IN = "not"
"""How the groups begin that say where an instruction does not exist (``notmips32r6``)."""

NO_CLASS = "none"
"""The class of an instruction that capstone has in none of its groups."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often what was executed."""

    instructions: int
    """How many instructions had been executed, in all blocks from the beginning to the last one counted here."""
    blocks: int
    """How many blocks that were."""
    counts: dict[str, int]
    """By name, the most frequent first; equally frequent ones by name."""

    @property
    def shares(self) -> dict[str, float]:
        """The same, of all that is counted here: they sum to 1."""
        total = sum(self.counts.values())
        return {name: count / total for name, count in self.counts.items()}


def operations_of(instruction: Instruction) -> Sequence[str]:
    """Counting by mnemonic. All of a packet's are counted."""
    return instruction.operations


def class_of(instruction: Instruction) -> Sequence[str]:
    """Counting by capstone's groups. Each instruction has one class: the first of `_DEEDS` that it is in, else all the
    instruction sets that have it (``thumb+thumb1only``)."""
    groups = instruction.groups
    sets = "+".join(group for group in groups if not group.startswith(_NOT_IN))
    return (next((deed for deed in _DEEDS if deed in groups), sets or NO_CLASS),)


class HistogramAnalysis:
    """Counts what is in the latest basic blocks, of all vCPUs in the order in which the blocks end.

    Samples are taken after every so many blocks, and one where the trace ends. Memory is bounded by the window.

    :param names_of: what an instruction is counted as: :func:`operations_of`, :func:`class_of`.
    :param window: how many blocks are counted; fewer at the beginning.
    :param sample_rate: blocks from one sample to the next.
    """

    def __init__(
        self,
        disassembly: Disassembly,
        names_of: Callable[[Instruction], Sequence[str]],
        window: int,
        sample_rate: int,
    ) -> None:
        self._disassembly = disassembly
        self._names_of = names_of
        self._window_size = window
        self._sample_rate = sample_rate
        self._flow = Blocks(disassembly)
        self._known: dict[tuple[Key, ...], tuple[tuple[str, int], ...]] = {}
        """Blocks' counts."""
        self._window: deque[tuple[tuple[str, int], ...]] = deque()
        # The window's counts are what has come into it, less what has left it.
        self._entered: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._instructions = self._blocks = 0

    def feed(self, frame: Frame) -> Histogram | None:
        """Take one frame; return a sample if one is due."""
        block = self._flow.feed(frame)
        return None if block is None else self._enter(block)

    def finish(self) -> list[Histogram]:
        """The samples that are left where the trace ends."""
        samples = [sample for block in self._flow.finish() if (sample := self._enter(block))]
        if self._blocks % self._sample_rate:
            samples.append(self._result(self._entered - self._left))
        return samples

    def result(self) -> Histogram:
        """All blocks that have ended."""
        return self._result(self._entered)

    def _enter(self, block: Block) -> Histogram | None:
        counts = self._known.get(block.instructions)
        if counts is None:
            counts = self._counts_of(block)
        entered, window = self._entered, self._window
        for name, count in counts:
            entered[name] += count
        window.append(counts)
        if len(window) > self._window_size:
            left = self._left
            for name, count in window.popleft():
                left[name] += count
        self._instructions += len(block.instructions)
        self._blocks += 1
        return None if self._blocks % self._sample_rate else self._result(self._entered - self._left)

    def _counts_of(self, block: Block) -> tuple[tuple[str, int], ...]:
        at, names_of = self._disassembly.at, self._names_of
        counts = Counter(name for key in block.instructions for name in names_of(at(*key)))
        if len(self._known) == _MOST_KEPT:
            self._known.clear()
        found = self._known[block.instructions] = tuple(counts.items())
        return found

    def _result(self, counts: Counter[str]) -> Histogram:
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return Histogram(self._instructions, self._blocks, dict(ordered))
