"""Control flow: basic blocks."""

from __future__ import annotations

from typing import NamedTuple

from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.trace.frames import ExceptionFrame, Frame, StdFrame

_MOST_KEPT = 1 << 16
"""Instructions of which it is remembered whether they are branches."""
_NOWHERE = -1


class Block(NamedTuple):
    """A run of instructions that one vCPU executed one after the other, to a branch or to where it went elsewhere."""

    thread_id: int
    start: int
    """How many instructions were executed before it, of all vCPUs."""
    end: int
    """How many were executed when its last one was: more than its own, where vCPUs take turns inside of it."""
    instructions: tuple[Key, ...]

    @property
    def address(self) -> int:
        """Where it begins."""
        return self.instructions[0][0]


class _Thread:
    """What one vCPU is executing."""

    __slots__ = ("end", "expected", "instructions", "is_in_slot", "start")

    def __init__(self) -> None:
        self.instructions: list[Key] = []
        self.start = self.end = 0
        self.expected = _NOWHERE
        """Address of the next instruction, if it is of the same block."""
        self.is_in_slot = False
        """The next instruction is in a delay slot."""


class Blocks:
    """Cuts what each vCPU executes into basic blocks.

    A block ends with a branch, taken or not (with its delay slot, where there is one), with an exception, and where the
    next instruction is not the one behind it. Each iteration of a repeated instruction (x86 ``rep``) ends one. Where
    nobody knows which instructions are branches, those that were not taken end none.
    """

    def __init__(self, disassembly: Disassembly) -> None:
        self._disassembly = disassembly
        self._mask = disassembly.address_mask
        self._known: dict[Key, tuple[int, int | None]] = {}
        """The address behind an instruction, and its delay slots if it is a branch."""
        self._threads: dict[int, _Thread] = {}
        self.begins = False
        """The latest frame is the first instruction of a block."""
        self.count = 0
        """Instructions executed so far, of all vCPUs."""

    def feed(self, frame: Frame) -> Block | None:
        """Take one frame; return the block that has ended before it, if one has."""
        self.begins = False
        if type(frame) is not StdFrame:
            return self._interrupted(frame.thread_id) if type(frame) is ExceptionFrame else None
        thread_id, address = frame.thread_id, frame.address
        key = address, frame.rawbytes, frame.mode
        thread = self._threads.get(thread_id)
        if thread is None:
            thread = self._threads[thread_id] = _Thread()
        ended = None
        if thread.expected == address:
            thread.instructions.append(key)
        else:
            if thread.instructions:
                ended = Block(thread_id, thread.start, thread.end, tuple(thread.instructions))
            self.begins = True
            thread.instructions = [key]
            thread.start = self.count
            thread.is_in_slot = False
        behind, slots = self._known.get(key) or self._learn(key)
        if thread.is_in_slot:
            thread.is_in_slot = False
            thread.expected = _NOWHERE
        elif slots is None:
            thread.expected = behind
        else:
            thread.is_in_slot = slots > 0
            thread.expected = behind if slots else _NOWHERE
        self.count = thread.end = self.count + 1
        return ended

    def finish(self) -> list[Block]:
        """The blocks that are still open, where the trace ends."""
        return [block for thread in list(self._threads) if (block := self._interrupted(thread)) is not None]

    def _interrupted(self, thread_id: int | None) -> Block | None:
        if thread_id is None and len(self._threads) == 1:
            (thread_id,) = self._threads
        thread = self._threads.pop(thread_id, None) if thread_id is not None else None
        if thread is None or thread_id is None:
            return None
        return Block(thread_id, thread.start, thread.end, tuple(thread.instructions))

    def _learn(self, key: Key) -> tuple[int, int | None]:
        address, rawbytes, _ = key
        branch = self._disassembly.at(*key).branch
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        slots = branch.delay_slots if branch is not None else None
        if not rawbytes:
            # The next instruction cannot be the one behind it: a block would never end.
            slots = 0
        known = self._known[key] = (address + len(rawbytes)) & self._mask, slots
        return known
