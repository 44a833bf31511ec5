"""Comparing traces of a program that was somewhere else in memory: which addresses of one are which of the other.

New addresses come into a program from the kernel alone: where its modules are loaded (modload frames), where its stack
is and what the kernel has put there (arguments, environment, auxiliary vector), and what system calls return (``mmap``,
``brk``). Whatever else is an address is computed from these, so they say what is where on both sides, and nothing is
guessed from addresses that merely differ: a store that goes to another address stays a difference.

What this cannot see: a value that is computed from an address and is none (a hash, a pointer shifted or combined with
another one), which the caller may know to be derived; and memory that was mapped before the trace began.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from operator import attrgetter
from typing import Literal, NamedTuple

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Arch, Behaviour, StepRule
from gdbtrace.trace.frames import ExceptionFrame, Frame, KeyFrame, ModloadFrame, Operand, StdFrame, SyscallFrame

_PAGE = 1 << 12
_LEAST_ADDRESS = 1 << 16
"""Linux maps nothing below it unless told to (vm.mmap_min_addr); small numbers and error numbers are no addresses."""
_STACK_BELOW = 8 << 20
"""How far a stack may grow: the usual limit (``ulimit -s``)."""
_STACK_ABOVE = 1 << 20
"""How far above the first stack pointer arguments and environment may be; Linux allows more, nobody uses it."""
_PROGRAM_BELOW = 64 << 20
"""How far below its first instruction a program may begin where no modload frame says it."""
_MOST_REGIONS = 1 << 10
_MOST_KEPT = 1 << 16


class _Region(NamedTuple):
    """Where something begins; it goes on to where the next one does (a module is longer than its file: ``.bss``)."""

    low: int
    """Its first address on the left side."""
    delta: int
    """Right address - left address."""


class Relocation:
    """What is where on both sides, learned from pairs of frames that were found to belong together.

    :param arch: None: nobody knows the traces' architecture: only modload frames say something then.
    """

    def __init__(self, arch: Arch | None) -> None:
        self._arch = arch
        self._bytes = arch.bits // 8 if arch else 8
        self._order: Literal["little", "big"] = arch.byte_order if arch else "little"
        self._mask = (1 << 8 * self._bytes) - 1
        self._modes = {mode.name: mode for mode in arch.modes} if arch else {}
        self._are_calls: dict[tuple[bytes, str | None], bool] = {}
        """Bytes and mode of an instruction -> whether it is a system call."""
        self._regions: list[_Region] = []
        self.changes = 0
        """How often it was learned that something is elsewhere: what was the same before need not be."""
        self._known: dict[int, int] = {}
        """Addresses of the left side that were looked up -> by how much they are moved."""
        self._has_begun = False
        self._stack: tuple[int, int] | None = None
        """The first stack pointers of both sides."""

    def learn(self, left: Frame, right: Frame) -> None:
        """Look at two frames that belong together. Do that before they are compared, with each pair, in order."""
        if isinstance(left, StdFrame):
            if isinstance(right, StdFrame):
                if not self._has_begun:
                    self._begin(left.pre, right.pre, (left.address, right.address))
                if self._is_call(left):
                    self._learn_from_call(left, right)
        elif isinstance(left, ModloadFrame) and isinstance(right, ModloadFrame):
            # Of what name ever: the programs that are compared may be two files.
            self._place(left.low_address, right.low_address, left.high_address - left.low_address)
        elif isinstance(left, KeyFrame) and isinstance(right, KeyFrame) and not self._has_begun:
            self._begin(_values(left), _values(right))

    def to_right(self, address: int) -> int:
        """The right side's address of what is at an address of the left side; the same where nothing is known of it."""
        delta = self._known.get(address)
        if delta is None:
            delta = self._found(address)
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[address] = delta
        return address + delta & self._mask if delta else address

    def is_same(self, left: int, right: int) -> bool:
        """Whether two values are equal, or addresses of the same thing. Vectors are compared by pointers' widths."""
        if left == right:
            return True
        mask, width = self._mask, 8 * self._bytes
        while left > mask or right > mask:
            if (low := left & mask) != (other := right & mask) and self.to_right(low) != other:
                return False
            left, right = left >> width, right >> width
        return left == right or self.to_right(left) == right

    def is_same_bytes(self, address: int, left: bytes, right: bytes) -> bool:
        """The same of memory's contents.

        :param address: the left side's: pointers are where they are aligned.
        """
        if left == right:
            return True
        size = self._bytes
        if len(left) != len(right):
            return False
        start = -address % size
        if left[:start] != right[:start]:
            return False
        for at in range(start, len(left), size):
            ours, theirs = left[at : at + size], right[at : at + size]
            if ours != theirs:
                if len(ours) < size:
                    return False
                one, other = int.from_bytes(ours, self._order), int.from_bytes(theirs, self._order)
                if self.to_right(one) != other and not self._learn_from_kernel(address + at, one, other):
                    return False
        return True

    def is_same_event(self, left: Frame, right: Frame) -> bool:
        """Whether two frames that are no instructions say the same."""
        if isinstance(left, ModloadFrame) and isinstance(right, ModloadFrame):
            return self.is_same(left.low_address, right.low_address)
        if isinstance(left, SyscallFrame) and isinstance(right, SyscallFrame):
            return (
                (left.number, left.thread_id) == (right.number, right.thread_id)
                and self.is_same(left.address, right.address)
                and len(left.arguments) == len(right.arguments)
                and all(
                    self.is_same(one & self._mask, other & self._mask)
                    for one, other in zip(left.arguments, right.arguments, strict=True)
                )
            )
        if isinstance(left, ExceptionFrame) and isinstance(right, ExceptionFrame):
            return (
                (left.exception_number, left.thread_id) == (right.exception_number, right.thread_id)
                and self._is_same_place(left.from_addr, right.from_addr)
                and self._is_same_place(left.to_addr, right.to_addr)
            )
        return left == right

    def _is_same_place(self, left: int | None, right: int | None) -> bool:
        return left == right if left is None or right is None else self.is_same(left, right)

    def _begin(
        self, left: Sequence[Operand], right: Sequence[Operand], addresses: tuple[int, int] | None = None
    ) -> None:
        """Where the stack is and, where there are no modload frames, the program: from the first registers."""
        self._has_begun = True
        if self._arch is None:
            return
        pc, sp = (self._values_of(register, left, right) for register in (self._arch.pc, self._arch.sp))
        pc = addresses or pc
        if pc is not None and self.to_right(pc[0]) != pc[1] and self._is_moved(*pc):
            low = max(pc[0] - _PROGRAM_BELOW, 0)
            self._place(low, low + pc[1] - pc[0])
        if sp is not None:
            self._stack = sp
            low = max(sp[0] - _STACK_BELOW, 0)
            self._place(low, low + sp[1] - sp[0])

    def _is_call(self, frame: StdFrame) -> bool:
        if self._arch is None:
            return False
        key = frame.rawbytes, frame.mode
        found = self._are_calls.get(key)
        if found is None:
            found = self._behaviour_of(frame).rule is StepRule.SYSTEM_CALL
            if len(self._are_calls) >= _MOST_KEPT:
                self._are_calls.clear()
            if frame.rawbytes:
                self._are_calls[key] = found
        return found

    def _behaviour_of(self, frame: StdFrame) -> Behaviour:
        assert self._arch is not None
        if not frame.rawbytes:
            entry = self._arch.entry_points.get(frame.address)
            return entry.behaviour if entry else Behaviour()
        mode = self._modes.get(frame.mode, self._arch.modes[0])
        return self._arch.behaviour_of(disassemble(frame.rawbytes, frame.address, mode))

    def _learn_from_call(self, left: StdFrame, right: StdFrame) -> None:
        """What it returns is an address if it is of a page that is elsewhere on the other side."""
        assert self._arch is not None
        calls = self._arch.system_calls
        result = self._values_of(calls.result, left.post or (), right.post or ())
        if result is None or result[0] % _PAGE or self.to_right(result[0]) == result[1] or not self._is_moved(*result):
            return
        number = self._values_of(calls.number, left.pre, right.pre)
        is_map = number is not None and calls.names.get(number[0]) in ("mmap", "mmap2")
        size = self._values_of(calls.arguments[1], left.pre, right.pre) if is_map else None
        self._place(*result, size[0] if size else 0)

    def _values_of(
        self, stub_register: str, left: Sequence[Operand], right: Sequence[Operand]
    ) -> tuple[int, int] | None:
        """A register's values on both sides; None: one does not list it."""
        assert self._arch is not None
        for register in self._arch.registers:
            if register.stub_name == stub_register and not register.shift:
                ours, theirs = _value(left, register.name), _value(right, register.name)
                return None if ours is None or theirs is None else (ours, theirs)
        return None

    def _learn_from_kernel(self, address: int, left: int, right: int) -> bool:
        """Whether two pointers are what the kernel has put above the first stack pointer, at an address of the left
        side: to strings on the stack, which need not be as far from it on both sides, or to its own pages (vDSO)."""
        if self._stack is None or not self._is_above(address, self._stack[0]):
            return False
        is_string = self._is_above(left, self._stack[0]) and self._is_above(right, self._stack[1])
        if not is_string and (left % _PAGE or not self._is_moved(left, right)):
            return False
        self._place(left, right)
        return True

    @staticmethod
    def _is_above(address: int, stack_pointer: int) -> bool:
        return 0 <= stack_pointer <= address <= stack_pointer + _STACK_ABOVE

    @staticmethod
    def _is_moved(left: int, right: int) -> bool:
        """Whether two values may be addresses in the same page, which is elsewhere."""
        return min(left, right) >= _LEAST_ADDRESS and (left - right) % _PAGE == 0

    def _place(self, left: int, right: int, size: int = 0) -> None:
        """What begins at ``left`` on the left side begins at ``right`` on the right side.

        :param size: in bytes, where it is known: what began there before is gone.
        """
        gone = range(left, left + max(size, 1))
        regions = [each for each in self._regions if each.low not in gone][-_MOST_REGIONS:]
        insort(regions, _Region(left, right - left))
        self._regions = regions
        self.changes += 1
        self._known.clear()

    def _found(self, address: int) -> int:
        """By how much an address is moved."""
        at = bisect_right(self._regions, address, key=attrgetter("low"))
        return self._regions[at - 1].delta if at else 0


def _values(frame: KeyFrame) -> Sequence[Operand]:
    """The registers of the first thread."""
    return next((each.values for each in frame.tagged_values if each.thread_id is not None), ())


def _value(operands: Sequence[Operand], register: str) -> int | None:
    """A register's value; None: it is not listed."""
    for operand in operands:
        if not operand.is_memory and operand.name == register and operand.value:
            return operand.as_int()
    return None
