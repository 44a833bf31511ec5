"""Which function calls which: a shadow stack per vCPU, from nothing but the frames, on every architecture.

A call goes elsewhere and writes the address behind itself (behind its delay slot) into a register or memory: what it
wrote is in its frame's post list. A return is any computed branch to a return address that is on the stack. Neither the
stack pointer nor a calling convention is looked at. docs/limits.md says what this cannot see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.analysis.flow import Block, Blocks
from gdbtrace.analysis.symbols import Function, Symbols
from gdbtrace.arch.model import Branch
from gdbtrace.trace.frames import ExceptionFrame, Frame, ModloadFrame, Operand, StdFrame

_MOST_DEEP = 1 << 14
"""Functions on a stack before it is given up: coroutines and kernels switch stacks, which nobody tells us."""
_MOST_KEPT = 1 << 16
"""Entries of what is remembered of instructions and addresses before it is forgotten."""
_LOCAL_ENTRY_BYTES = 8
"""From where a function begins to where callers come in that share its global pointer (PowerPC's ELFv2, Alpha)."""


class Entry(Enum):
    """How a function is entered."""

    CALL = "call"
    TAIL = "tail call"
    """It takes the place of the function that jumped to it, and returns to that one's caller."""
    HANDLER = "handler"
    """Of an exception, interrupt or signal."""
    START = "start"
    """It was running already when the trace began, or it is where a thread begins."""


class Exit(Enum):
    """How a function is left."""

    RETURN = "return"
    TAIL = "tail call"
    UNWOUND = "unwound"
    """A function further up returned, or was jumped to (``longjmp``), before it did."""
    END = "end"
    """It was still running where the trace ends, or where its stack was given up."""


class Activation(NamedTuple):
    """One execution of a function."""

    thread_id: int
    address: int
    """Of its first instruction; of the one where it was first seen, for :attr:`Entry.START`."""
    name: str
    """Symbol, with an offset if it begins elsewhere; the address in hexadecimal where there is none."""
    caller: int | None
    """Address of the instruction that called it, or that the exception came at; None: it was not called."""
    depth: int
    """How many activations it is in, on its thread."""
    entered: int
    """How many instructions were executed before its first, of all vCPUs."""
    entry: Entry


class Enter(NamedTuple):
    """An activation begins."""

    activation: Activation

    @property
    def time(self) -> int:
        """In instructions."""
        return self.activation.entered


class Leave(NamedTuple):
    """An activation has ended."""

    activation: Activation
    time: int
    """How many instructions were executed before the first one after it, of all vCPUs."""
    exit: Exit


CallEvent = Enter | Leave


@dataclass(slots=True)
class _Level:
    """An activation on the stack."""

    activation: Activation
    function: int
    """Where its function begins."""
    returns: tuple[int, ...]
    """Where it may return to."""
    unwound: int | None = None
    """The stack pointer when an exception came into it."""


@dataclass(slots=True)
class _Thread:
    levels: list[_Level] = field(default_factory=list)
    returns: Counter[int] = field(default_factory=Counter)
    """All the addresses that one of the levels may return to."""
    functions: Counter[int] = field(default_factory=Counter)
    """Those of all the levels."""
    returned: dict[int, tuple[int, Activation]] = field(default_factory=dict)
    """Where functions have returned to, with the depth and the activation there: ``setjmp`` among them."""
    handler: ExceptionFrame | None = None
    """The latest exception, before its handler's first instruction."""
    handler_returns: tuple[int, ...] = ()
    latest: StdFrame | None = None
    before: StdFrame | None = None
    """The one before the latest."""


class Calls:
    """Follows calls and returns."""

    def __init__(self, disassembly: Disassembly, symbols: Symbols) -> None:
        self._disassembly = disassembly
        self._symbols = symbols
        self._mask = disassembly.address_mask
        self._blocks = Blocks(disassembly)
        self._threads: dict[int, _Thread] = {}
        self._is_call: dict[Key, bool] = {}
        self._targets: set[int] = set()
        """Where calls went: functions begin there."""
        self._jumps: set[tuple[Sequence[Key], int, int | None]] = set()
        """What is known not to call or return, and most often is met: the last instructions of a block, where execution
        went, and the function it was in."""
        self._events: list[CallEvent] = []
        self.ended: Block | None = None
        """The basic block that the latest frame has shown to have ended before it."""
        self.begins_block = False
        """The latest frame is the first instruction of a basic block."""

    def feed(self, frame: Frame) -> Sequence[CallEvent]:
        """Take one frame; return what has happened before its instruction."""
        self.ended = ended = self._blocks.feed(frame)
        self.begins_block = self._blocks.begins
        if type(frame) is not StdFrame:
            if type(frame) is ModloadFrame:
                self._jumps.clear()
            return self._interrupted(frame, ended) if type(frame) is ExceptionFrame else ()
        thread = self._threads.get(frame.thread_id)
        if thread is None:
            thread = self._threads[frame.thread_id] = _Thread()
        events = self._std(thread, frame, ended) if self.begins_block else ()
        thread.before, thread.latest = thread.latest, frame
        return events

    def finish(self) -> Sequence[CallEvent]:
        """What has happened by the end of the trace: all that is still running ends."""
        self._events = []
        for thread in self._threads.values():
            self._leave_down_to(thread, 0, self.count, Exit.END)
        return self._events

    def finish_blocks(self) -> list[Block]:
        """The basic blocks that are still open, where the trace ends."""
        return self._blocks.finish()

    @property
    def count(self) -> int:
        """Instructions executed so far, of all vCPUs."""
        return self._blocks.count

    def _std(self, thread: _Thread, frame: StdFrame, ended: Block | None) -> Sequence[CallEvent]:
        # What is returned has happened before this instruction, which is counted already.
        self._events, time = [], self.count - 1
        if ended is not None:
            self._transfer(thread, ended, frame.address, time)
        if thread.handler is not None:
            handler, thread.handler = thread.handler, None
            came = frame.address == handler.to_addr or (
                handler.to_addr is None and frame.address not in thread.handler_returns
            )
            if came:
                self._enter_handler(thread, handler, frame.thread_id, frame.address, time)
        if not thread.levels:
            self._enter(thread, frame.thread_id, frame.address, None, (), Entry.START, time)
        return self._events

    def _interrupted(self, frame: ExceptionFrame, ended: Block | None) -> Sequence[CallEvent]:
        self._events = []
        thread_id = frame.thread_id
        if thread_id is None:
            if len(self._threads) != 1:
                return ()
            (thread_id,) = self._threads
        thread = self._threads.setdefault(thread_id, _Thread())
        latest, origin = thread.latest, frame.from_addr
        if thread.handler is not None and thread.handler.to_addr is not None:
            # One exception right after another: the first one's handler has not begun, and is what is interrupted.
            self._enter_handler(thread, thread.handler, thread_id, thread.handler.to_addr, self.count)
        elif ended is not None and latest is not None and origin is not None and not self._is_latest(thread, origin):
            self._transfer(thread, ended, origin, self.count)
        thread.handler = frame
        thread.handler_returns = () if origin is None else (origin,)
        if latest is not None and origin == latest.address:
            # A system call goes on behind it.
            thread.handler_returns += ((origin + len(latest.rawbytes)) & self._mask,)
        return self._events

    def _is_latest(self, thread: _Thread, address: int) -> bool:
        """Whether an exception at an address is the doing of the instruction that was executed last."""
        return any(frame is not None and frame.address == address for frame in (thread.latest, thread.before))

    def _transfer(self, thread: _Thread, ended: Block, target: int, time: int) -> None:
        """The block has ended, and the vCPU goes on at ``target``."""
        keys = ended.instructions
        jump = keys[-2:], target, thread.levels[-1].activation.address if thread.levels else None
        if jump in self._jumps:
            return
        if self._is_jump(thread, keys, target, time):
            if len(self._jumps) >= _MOST_KEPT:
                self._jumps.clear()
            self._jumps.add(jump)

    def _is_jump(self, thread: _Thread, keys: Sequence[Key], target: int, time: int) -> bool:
        """Note a call, a tail call or a return; True: it is none, and cannot be one from this activation's function as
        long as no more functions are known."""
        frame, key = thread.latest, keys[-1]
        behind = key[0] + len(key[1])
        branch = self._disassembly.at(*key).branch
        if len(keys) > 1 and (before := self._disassembly.at(*keys[-2]).branch) is not None and before.delay_slots:
            frame, key, branch = thread.before, keys[-2], before
        elif branch is not None and branch.delay_slots:
            # The slot was annulled. All that annul have instructions of one size.
            behind += len(key[1])
        behind &= self._mask
        if frame is None:
            return False
        if target == behind or (branch is None and self._disassembly.knows_branches):
            return True
        if self._calls(key, branch, frame, behind, target):
            if target not in self._targets:
                if len(self._targets) >= _MOST_KEPT:
                    self._targets.clear()
                self._targets.add(target)
                self._jumps.clear()
            self._enter(thread, frame.thread_id, target, key[0], self._returns_of_call(behind), Entry.CALL, time)
        elif (branch is None or branch.is_computed) and (
            self._returns(thread, target, time) or self._unwinds(thread, target, time)
        ):
            pass
        elif thread.levels and self._is_other_function(target, thread.levels[-1].activation.address):
            returns = thread.levels[-1].returns
            self._leave_down_to(thread, len(thread.levels) - 1, time, Exit.TAIL)
            self._enter(thread, frame.thread_id, target, key[0], returns, Entry.TAIL, time)
        else:
            return branch is not None and not branch.is_computed
        return False

    def _calls(self, key: Key, branch: Branch | None, frame: StdFrame, behind: int, target: int) -> bool:
        is_call = self._is_call.get(key)
        if is_call is None:
            if len(self._is_call) >= _MOST_KEPT:
                self._is_call.clear()
            is_call = self._is_call[key] = (branch is not None and branch.is_call) or any(
                _holds(operand, key[0], behind, target) for operand in frame.post or ()
            )
        if not is_call:
            return False
        # It may also ask for the address of what is behind it, and jump over that.
        function = self._symbols.function_at(target)
        return function is None or _is_entry(function, target) or not function.low <= key[0] < function.high

    def _returns_of_call(self, behind: int) -> tuple[int, ...]:
        skipped = self._disassembly.structure_return
        return (behind, (behind + skipped) & self._mask) if skipped else (behind,)

    def _returns(self, thread: _Thread, target: int, time: int) -> bool:
        levels = thread.levels
        if target in thread.returns:
            depth = next(at for at in range(len(levels) - 1, -1, -1) if target in levels[at].returns)
            self._leave_down_to(thread, depth + 1, time, Exit.UNWOUND)
            self._leave_down_to(thread, depth, time, Exit.RETURN)
            if levels:
                if len(thread.returned) >= _MOST_KEPT:
                    thread.returned.clear()
                thread.returned[target] = depth, levels[-1].activation
            return True
        depth, activation = thread.returned.get(target, (0, None))
        if 0 < depth < len(levels) and levels[depth - 1].activation is activation:
            self._leave_down_to(thread, depth, time, Exit.UNWOUND)
            return True
        return False

    def _unwinds(self, thread: _Thread, target: int, time: int) -> bool:
        """Whether it went back into a function further up, elsewhere than behind its call: where C++ catches exceptions
        or destroys variables. Of one that has called itself it is the innermost activation, and with another stack
        pointer than the last time the next one."""
        function = self._symbols.function_at(target)
        levels = thread.levels
        if function is None or not levels or levels[-1].function == function.low or _is_entry(function, target):
            return False
        if function.low not in thread.functions:
            return False
        found = (at for at in range(len(levels) - 1, -1, -1) if levels[at].function == function.low)
        depth = next(found)
        pointer = self._stack_pointer(thread)
        if pointer is not None and levels[depth].unwound not in (None, pointer):
            depth = next(found, depth)
        levels[depth].unwound = pointer
        self._leave_down_to(thread, depth + 1, time, Exit.UNWOUND)
        return True

    def _stack_pointer(self, thread: _Thread) -> int | None:
        """Where the stack is, if one of the latest two instructions says so."""
        for frame in (thread.latest, thread.before):
            for operands in () if frame is None else (frame.post or (), frame.pre):
                for operand in operands:
                    if not operand.is_memory and operand.name == self._disassembly.stack_pointer and operand.value:
                        return operand.as_int()
        return None

    def _is_other_function(self, address: int, current: int) -> bool:
        """Whether an address is where a function begins that ``current`` is not in."""
        function = self._symbols.function_at(address)
        if function is None:
            return address in self._targets and address != current
        return _is_entry(function, address) and not function.low <= current < function.high

    def _enter_handler(self, thread: _Thread, handler: ExceptionFrame, thread_id: int, address: int, time: int) -> None:
        self._enter(thread, thread_id, address, handler.from_addr, thread.handler_returns, Entry.HANDLER, time)

    def _enter(
        self,
        thread: _Thread,
        thread_id: int,
        address: int,
        caller: int | None,
        returns: tuple[int, ...],
        entry: Entry,
        time: int,
    ) -> None:
        if len(thread.levels) >= _MOST_DEEP:
            self._leave_down_to(thread, 0, time, Exit.END)
        function = self._symbols.function_at(address)
        if function is not None and _is_entry(function, address):
            name = function.name
        else:
            name = self._symbols.name_at(address) or f"{address:#x}"
        activation = Activation(thread_id, address, name, caller, len(thread.levels), time, entry)
        start = address if function is None else function.low
        thread.levels.append(_Level(activation, start, returns))
        for each in returns:
            thread.returns[each] += 1
        thread.functions[start] += 1
        self._events.append(Enter(activation))

    def _leave_down_to(self, thread: _Thread, depth: int, time: int, exit_: Exit) -> None:
        """Leave activations, the innermost first, until ``depth`` of them are left."""
        while len(thread.levels) > depth:
            level = thread.levels.pop()
            for address in level.returns:
                _take_one(thread.returns, address)
            _take_one(thread.functions, level.function)
            self._events.append(Leave(level.activation, time, exit_))


def _take_one(counts: Counter[int], key: int) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _is_entry(function: Function, address: int) -> bool:
    return address - function.low in (0, _LOCAL_ENTRY_BYTES)


def _holds(operand: Operand, address: int, behind: int, target: int) -> bool:
    """Whether what an instruction at ``address`` wrote is the address behind it, and not the program counter."""
    if not operand.value:
        return False
    if operand.is_memory:
        # AVR counts words, and pushes its addresses big-endian.
        values = int.from_bytes(operand.value, "little"), int.from_bytes(operand.value, "big")
        return len(operand.value) > 1 and (behind in values or behind >> 1 in values)
    # The lowest bits may be the mode (Thumb, MIPS16) or the privilege level (HPPA); SPARC notes the call's own address.
    value = operand.as_int()
    return value != target and (behind <= value <= behind | 3 or value == address)


def iter_calls(frames: Iterable[Frame], disassembly: Disassembly, symbols: Symbols) -> Iterator[CallEvent]:
    """The calls and returns of a trace, in order."""
    calls = Calls(disassembly, symbols)
    for frame in frames:
        yield from calls.feed(frame)
    yield from calls.finish()
