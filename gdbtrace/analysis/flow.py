"""Control flow: basic blocks."""

from __future__ import annotations

from typing import NamedTuple

from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.trace.frames import Frame, StdFrame


class Block(NamedTuple):
    """A run of instructions that one vCPU executed one after the other, to a branch or to where it went elsewhere."""

    thread_id: int
    start: int
    """How many instructions were executed before it, of all vCPUs."""
    instructions: tuple[Key, ...]

    @property
    def address(self) -> int:
        """Where it begins."""
        return self.instructions[0][0]


class Blocks:
    """Cuts what each vCPU executes into basic blocks.

    A block ends with a branch, taken or not (with its delay slot, where there is one), and where the next instruction
    is not the one behind it: after an exception, say. Where nobody knows which instructions are branches, those that
    were not taken end none.
    """

    def __init__(self, disassembly: Disassembly) -> None:
        self._disassembly = disassembly
        self._open: dict[int, list[Key]] = {}
        self._starts: dict[int, int] = {}
        self._expected: dict[int, int] = {}
        self._count = 0

    def feed(self, frame: Frame) -> Block | None:
        """Take one frame; return the block that has ended before it, if one has."""
        if type(frame) is not StdFrame:
            return None
        thread, address, rawbytes = frame.thread_id, frame.address, frame.rawbytes
        key = address, rawbytes, frame.mode
        ended = None
        if self._expected.get(thread) != address:
            ended = self._end(thread)
            self._open[thread], self._starts[thread] = [key], self._count
        else:
            self._open[thread].append(key)
        is_branch = self._disassembly.at(*key).is_branch
        self._expected[thread] = -1 if is_branch else address + len(rawbytes)
        self._count += 1
        return ended

    def finish(self) -> list[Block]:
        """The blocks that are still open, where the trace ends."""
        return [block for thread in list(self._open) if (block := self._end(thread)) is not None]

    def _end(self, thread: int) -> Block | None:
        instructions = self._open.pop(thread, None)
        return Block(thread, self._starts[thread], tuple(instructions)) if instructions else None
