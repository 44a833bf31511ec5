"""Is a trace consistent in itself? Every value that it has twice must be the same twice.

What is between two frames of a thread is nothing: what the second finds is what the first left. So each register before
an instruction is compared with what is known of it, each byte that is loaded or executed with what was stored or loaded
there last, or with the program's file, and each address with where the thread went on. What no frame tells of may
change memory all the same (system calls, devices, exceptions' entries): see :meth:`Verification._doubt`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.analysis.known_memory import FILE, KnownMemory, MemoryConflict
from gdbtrace.analysis.known_registers import KnownRegisters, RegisterConflict
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.tolerance import Masks, Tolerance
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Arch, Group, StepRule
from gdbtrace.image import Image, Segment
from gdbtrace.trace.frames import (
    ExceptionFrame,
    Frame,
    KeyFrame,
    MemoryLocation,
    ModloadFrame,
    Operand,
    StdFrame,
    SyscallFrame,
)

_MOST_KEPT = 1 << 16
_ANYWHERE = -1
_SHOWN_BYTES = 16
_GOES_ELSEWHERE = frozenset(
    {StepRule.RUN, StepRule.SYSTEM_CALL, StepRule.EXECUTE, StepRule.LOAD_STATE, StepRule.NULLIFYING, StepRule.TRAPPING}
)
"""Rules of instructions that may go on elsewhere than behind themselves, though they are no branches: an s390x EXECUTE
may be of a branch, and one that nullifies leaves out the next."""
_STEADY = frozenset({Group.GENERAL, Group.CONTROL, Group.STATUS, Group.FLOAT, Group.VECTOR})
"""Groups of registers that change only by instructions whose frames list them. SYSTEM ones change at others, too, whose
behaviour says so; counters change by themselves."""
_STORES_UNSEEN = frozenset({StepRule.RUN, StepRule.SYSTEM_CALL})
"""Rules of instructions at which the kernel, or QEMU in its stead, stores what is no operand: a SPARC's windows."""


class ViolationKind(Enum):
    """What is not as it should be."""

    FLOW = "flow"
    """An instruction is not where the one before it went."""
    REGISTER = "register"
    """A register is not what it was left as."""
    MEMORY = "memory"
    """What is loaded is not what was stored or loaded there last, or what the program's file has."""
    BYTES = "bytes"
    """The same of the instruction itself; or its bytes are none."""
    OPERAND = "operand"
    """Its width or direction cannot be."""
    EVENT = "event"
    """A system call, exception, module or key frame does not fit what is around it."""
    CONTAINER = "container"
    """The header or the table of contents is wrong."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A place where a trace contradicts itself."""

    kind: ViolationKind
    number: int
    """Of the frame where it shows, counted from 0."""
    witness: int | None
    """Of the frame that it contradicts: either may be the wrong one. None: there is no other."""
    thread_id: int | None
    address: int | None
    """Of the instruction; None: it is about none."""
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what had to be let pass."""

    frames: int
    instructions: int
    memory_changed_unseen: int
    """Bytes that changed between two instructions where the trace does not tell what was stored: by system calls,
    devices, the entry of exceptions."""
    is_memory_complete: bool
    """Nothing that was known of memory had to be forgotten."""


class _Facts(NamedTuple):
    """What is known of an instruction."""

    behind: int
    """The address behind it."""
    goes_on: bool = False
    """It always goes on there."""
    has_slot: bool = False
    """It is a branch with a delay slot."""
    rule: StepRule = StepRule.PLAIN
    is_system: bool = False
    """It may change system registers that its frame does not list."""
    system_call: int | None = None
    """The number of the system call, where the instruction itself has it."""
    problem: str = ""
    """Why it cannot be one."""


@dataclass(slots=True)
class _Thread:
    """What is known of one thread or vCPU."""

    registers: KnownRegisters
    latest: int = -1
    """Number of its latest instruction's frame; -1: it has had none."""
    address: int = _ANYWHERE
    """Of that instruction."""
    expected: int = _ANYWHERE
    """Where the next one must be."""
    slot: int = _ANYWHERE
    """Where its delay slot is, if that instruction has one."""
    is_unfinished: bool = False
    """That instruction has no post list."""
    listed: Collection[str] | None = None
    """That instruction may have changed system registers, and listed these of them; None: it changes none unseen."""
    call: SyscallFrame | None = None
    """The system call that the next one must be."""
    call_number: int = -1
    entered: ExceptionFrame | None = None
    """The exception that was taken since."""


class Verification:
    """Finds where a trace contradicts itself.

    Memory is bounded, whatever the trace's length.

    :param arch: None: nobody knows it, and what depends on its tables is not looked at.
    :param program: path of the traced program, as the meta frame has it; empty: not known.
    :param has_events: there are frames of system calls, exceptions and key frames.
    :param key_interval: how many instructions there are at most from one key frame to the next, the first of which is
        before the first instruction; 0: not known.
    """

    def __init__(
        self,
        arch: Arch | None,
        symbols: Symbols,
        *,
        is_machine: bool,
        program: str = "",
        has_events: bool = True,
        key_interval: int = 0,
    ) -> None:
        self._arch, self._symbols = arch, symbols
        self._is_machine, self._has_events = is_machine, has_events
        self._program, self._key_interval = program, key_interval
        self._modes = {mode.name: mode for mode in arch.modes} if arch else {}
        self._widths = {register.name: register.bits for register in arch.registers} if arch else {}
        self._steady = {each.name for each in arch.registers if each.group in _STEADY} if arch else None
        self._counters = {each.name for each in arch.registers if each.group is Group.COUNTER} if arch else set[str]()
        self._pc = _name_of_pc(arch, is_machine=is_machine) if arch else ""
        if self._steady is not None:
            self._steady.add(self._pc)
        self._has_segments = bool(is_machine and arch and arch.system and arch.system.code_base)
        """The program counter is less than the address by a segment's base."""
        self._mask = arch.address_mask if arch else (1 << 64) - 1
        self._disassembly = Disassembly(arch)
        self._masks = Masks(Tolerance(undefined=False), arch)
        self._threads: dict[int, _Thread] = {}
        self._facts: dict[Key, _Facts] = {}
        self._shapes: dict[tuple[str, int, int], str] = {}
        self._memory = KnownMemory(self._initial)
        self._regions: list[_Region] = []
        self._is_whole = False
        """The trace begins where the program does: what its file has is still in memory."""
        self._is_translated = False
        """A machine's addresses are not all physical ones."""
        self._modules: set[tuple[str, int]] = set()
        """Those loaded since the latest system call."""
        self._has_modules = False
        self._since_key = -1
        """Instructions since the latest key frame; -1: there was none."""
        self._has_key = False
        self._found: list[Violation] = []
        self._number = 0
        self._count = 0
        self._frames = 0

    def feed(self, number: int, frame: Frame) -> Sequence[Violation]:
        """Take frame ``number``; return what is wrong with it."""
        self._number = number
        self._frames += 1
        if type(frame) is StdFrame:
            self._instruction(frame)
        elif isinstance(frame, SyscallFrame):
            self._system_call(frame)
        elif isinstance(frame, ExceptionFrame):
            self._exception(frame)
        elif isinstance(frame, KeyFrame):
            self._key(frame)
        elif isinstance(frame, ModloadFrame):
            self._module(frame)
        if not self._found:
            return ()
        found, self._found = self._found, []
        return found

    def result(self) -> Verified:
        """What was looked at."""
        return Verified(self._frames, self._count, self._memory.changed_unseen, self._memory.is_complete)

    # Instructions.

    def _instruction(self, frame: StdFrame) -> None:
        number, address, thread_id = self._number, frame.address, frame.thread_id
        self._count += 1
        if self._count == 1:
            self._begin(address)
        thread = self._threads.get(thread_id) or self._new_thread(thread_id)
        key = address, frame.rawbytes, frame.mode
        facts = self._facts.get(key) or self._learn(key)
        if facts.problem:
            self._report(ViolationKind.BYTES, facts.problem, thread_id, None, address)
        if self._key_interval:
            if self._since_key < 0 and self._count == 1:
                self._report(ViolationKind.EVENT, "no key frame before it", thread_id, None, address)
            self._since_key += 1
            # An instruction counts from its beginning, and each other thread may have been in a system call.
            if self._since_key == self._key_interval + max(len(self._threads), 1):
                problem = f"no key frame for more than {self._key_interval} instructions"
                self._report(ViolationKind.EVENT, problem, thread_id, None, address)

        conflicts: list[RegisterConflict] = []
        registers = thread.registers
        if thread.latest < 0 and self._is_machine and self._count > 1:
            # Whoever has started this processor has said what is in them.
            registers.forget()
        target = registers.value_of(self._pc) if self._pc and thread.latest >= 0 else None
        looked_at = registers.found(frame.pre, number, conflicts)
        has_moved = self._check_flow(thread, frame, target)
        if thread.call is not None or (facts.rule is StepRule.SYSTEM_CALL and not self._is_machine):
            self._check_call(thread, frame, facts)
        has_device = False
        for operand in looked_at:
            if problem := self._problem_of(operand, is_pre=True):
                self._report(ViolationKind.OPERAND, problem, thread_id, None, address)
            if operand.is_memory:
                has_device |= self._loaded(operand, frame)
        if conflicts:
            self._check_registers(conflicts, thread, thread_id, key, has_moved)
        self._check_code(frame)

        thread.latest, thread.address = number, address
        thread.is_unfinished = frame.post is None
        thread.listed = {each.name for each in frame.post or () if not each.is_memory} if facts.is_system else None
        if frame.post is not None:
            for operand in frame.post:
                if problem := self._problem_of(operand, is_pre=False):
                    self._report(ViolationKind.OPERAND, problem, thread_id, None, address)
                if operand.is_memory:
                    has_device |= self._stored(operand)
            registers.written(frame.post, number)
        if facts.rule in _STORES_UNSEEN or has_device:
            self._memory.doubt(number + 1)
            if facts.rule is StepRule.SYSTEM_CALL:
                self._modules.clear()
        self._go_on(thread, frame, facts)

    def _begin(self, address: int) -> None:
        """The first instruction is at ``address``."""
        images = [(module.image, module.offset) for module in self._symbols.modules if module.image is not None]
        self._is_whole = any(address in (image.entry + offset, (image.entry & ~1) + offset) for image, offset in images)
        self._regions = list(_regions_of(self._symbols))

    def _learn(self, key: Key) -> _Facts:
        if len(self._facts) >= _MOST_KEPT:
            self._facts.clear()
        facts = self._facts[key] = self._facts_of(key)
        return facts

    def _facts_of(self, key: Key) -> _Facts:
        address, rawbytes, name = key
        facts = _Facts((address + len(rawbytes)) & self._mask)
        entry = self._arch.entry_points.get(address) if self._arch is not None else None
        if not rawbytes:
            if entry is None:
                return facts._replace(problem="an instruction of no bytes")
            return facts._replace(rule=entry.behaviour.rule)
        if self._arch is None:
            return facts
        mode = self._arch.modes[0] if name is None else self._modes.get(name)
        if mode is None:
            return facts._replace(problem=f"no mode {name!r} is known of {self._arch.name}")
        disassembled = disassemble(rawbytes, address, mode)
        if disassembled.data != rawbytes:
            return facts._replace(problem=f"{rawbytes.hex()} has another size than an instruction that begins so")
        behaviour, branch = self._arch.behaviour_of(disassembled), self._arch.branch_of(disassembled)
        is_branch = bool(branch or self._arch.may_branch(disassembled))
        return facts._replace(
            goes_on=not is_branch and behaviour.rule not in _GOES_ELSEWHERE,
            has_slot=branch is not None and branch.delay_slots > 0,
            rule=behaviour.rule,
            is_system=behaviour.is_system or behaviour.reloads or behaviour.rearranges is not None,
            system_call=behaviour.system_call,
        )

    def _check_flow(self, thread: _Thread, frame: StdFrame, target: int | None) -> bool:
        """Compare where an instruction is with where its thread went on, and with the program counter that it lists.

        :param target: the program counter after the instruction before it; None: not known.
        :return: the thread went elsewhere, which is reported.
        """
        address, entered = frame.address, thread.entered
        thread.entered = None
        pc = thread.registers.value_of(self._pc) if self._pc else None
        if pc is not None and self._address_of(pc, frame) != address and target in (None, pc):
            problem = f"{self._pc} is {pc:#x} before"
            self._report(ViolationKind.REGISTER, problem, frame.thread_id, thread.latest, address)
            return True
        if entered is not None:
            if entered.to_addr is None or entered.to_addr == address:
                return False
            problem = f"the exception before it is handled at {entered.to_addr:#x}"
        elif thread.is_unfinished:
            problem = "the instruction before it has not finished, and no exception was taken"
        else:
            if target is not None and self._address_of(target, frame) == address:
                return False
            if target is None and thread.expected in (address, _ANYWHERE):
                return False
            goes_on = thread.expected if target is None else target
            problem = f"frame {thread.latest} at {thread.address:#x} goes on at {goes_on:#x}"
        self._report(ViolationKind.FLOW, problem, frame.thread_id, thread.latest, address)
        return True

    def _address_of(self, pc: int, frame: StdFrame) -> int:
        """The address of the instruction that a program counter points to."""
        if not self._has_segments:
            return pc
        assert self._arch is not None
        assert self._arch.system is not None
        name, mask = self._arch.system.code_base, self._arch.system.code_mask
        base = next((each.as_int() for each in frame.pre if not each.is_memory and each.name == name), 0)
        return pc + base & mask

    def _check_registers(
        self,
        conflicts: Sequence[RegisterConflict],
        thread: _Thread,
        thread_id: int,
        key: Key | None,
        has_moved: bool,
    ) -> None:
        address = None if key is None else key[0]
        for name, known, found, witness in conflicts:
            if (has_moved and name == self._pc) or name in self._counters:
                continue
            if self._steady is not None and name not in self._steady and not self._is_kept(name, witness, thread, key):
                continue
            problem = f"{name} is {found:#x} before, {known:#x} after frame {witness}"
            self._report(ViolationKind.REGISTER, problem, thread_id, witness, address)

    def _is_kept(self, name: str, witness: int, thread: _Thread, key: Key | None) -> bool:
        """Whether a system register must still be what frame ``witness`` has said of it.

        Most frames do not list it, and an instruction may change it by another name. So that must be the frame just
        before, unless that is of an instruction which changes more than its frame lists.
        """
        if witness < thread.latest or (thread.listed is not None and name not in thread.listed):
            return False
        # Of programs, key frames alone list those that the table does not have.
        if not self._is_machine and name not in self._widths:
            return False
        return key is None or not self._is_of_clock(key)

    def _is_of_clock(self, key: Key) -> bool:
        """Whether what an instruction reads changes by itself."""
        return self._masks.of_instruction(self._disassembly.at(*key)).is_masked

    def _go_on(self, thread: _Thread, frame: StdFrame, facts: _Facts) -> None:
        """Note where the next instruction must be; report where this one must not have gone."""
        is_slot, thread.slot = frame.address == thread.slot, _ANYWHERE
        thread.expected = _ANYWHERE
        pc = thread.registers.value_of(self._pc) if self._pc and frame.post is not None else None
        if facts.has_slot:
            # The slot of a branch that is in a slot itself is where the first one goes.
            thread.slot = pc if is_slot and pc is not None else facts.behind
        elif facts.goes_on and not is_slot:
            thread.expected = facts.behind
            if pc is not None and not self._has_segments and pc != facts.behind:
                problem = f"{self._pc} is {pc:#x} after it, and it is no branch"
                self._report(ViolationKind.FLOW, problem, frame.thread_id, None, frame.address)

    # Operands.

    def _problem_of(self, operand: Operand, *, is_pre: bool) -> str:
        """What is wrong with the width and direction of an operand; empty: nothing."""
        location, value, bits = operand.location, operand.value, operand.bit_length
        name = "" if isinstance(location, MemoryLocation) else location.name
        shape = name, bits, len(value)
        problem = self._shapes.get(shape)
        if problem is None:
            if len(self._shapes) >= _MOST_KEPT:
                self._shapes.clear()
            problem = self._shapes[shape] = self._width_problem(*shape)
        if problem:
            return problem
        if bits & 7 and int.from_bytes(value, "little") >> bits:
            return f"{name} of {bits} bits is {int.from_bytes(value, 'little'):#x}"
        if not (operand.usage.read if is_pre else operand.usage.written):
            what, lacks, when = name or "memory", *(("read", "before") if is_pre else ("written", "after"))
            return f"{what} is listed {when}, and said not to be {lacks}"
        return ""

    def _width_problem(self, name: str, bits: int, size: int) -> str:
        what = name or "an access to memory"
        # Some producers write 0 for the whole register; a value that was not observed is empty.
        if bits and size and size != (bits + 7) // 8:
            return f"{what} of {bits} bits has a value of {size} bytes"
        if not name and bits % 8:
            return f"{what} of {bits} bits"
        expected = self._widths.get(name, bits)
        return f"{what} of {bits} bits should have {expected}" if bits and bits != expected else ""

    def _place_of_access(self, operand: Operand) -> int | None:
        """Where in memory an access is, by physical address if there is one; None: it is to a device."""
        location = operand.location
        assert isinstance(location, MemoryLocation)
        if location.device:
            return None
        if location.physical is None:
            return location.address
        self._is_translated = True
        return location.physical

    def _loaded(self, operand: Operand, frame: StdFrame) -> bool:
        """Compare what a load found with what is known; True: it was a device that it found it in."""
        place = self._place_of_access(operand)
        if place is None:
            return True
        if operand.value:
            conflict = self._memory.read(place, operand.value, self._number)
            if conflict is not None:
                shown = f"{_shown(operand.value)}, {_shown(conflict.known)}{_by(conflict)}"
                problem = f"{len(operand.value)} bytes at {operand.address:#x} are {shown}"
                self._report(ViolationKind.MEMORY, problem, frame.thread_id, _witness_of(conflict), frame.address)
        return False

    def _stored(self, operand: Operand) -> bool:
        """Know what was stored; True: it went to a device."""
        place = self._place_of_access(operand)
        if place is None:
            return True
        if operand.value:
            self._memory.write(place, operand.value, self._number)
        elif operand.bit_length:
            self._memory.forget(place, operand.bit_length // 8)
        return False

    def _check_code(self, frame: StdFrame) -> None:
        """Compare an instruction with what is known of memory there."""
        address, rawbytes = frame.address, frame.rawbytes
        place = self._place_of_code(address) if self._is_machine else address
        if not rawbytes or place is None:
            return
        conflict = self._memory.read(place, rawbytes, self._number)
        if conflict is not None:
            problem = f"{rawbytes.hex()} is executed, {conflict.known.hex()} is there{_by(conflict)}"
            self._report(ViolationKind.BYTES, problem, frame.thread_id, _witness_of(conflict), address)

    def _place_of_code(self, address: int) -> int | None:
        """Where a machine has code in memory; None: that is not known."""
        for region in self._regions:
            if region.low <= address < region.high:
                return region.physical + address - region.low
        return None if self._is_translated else address

    def _initial(self, low: int, size: int) -> list[tuple[int, bytes]]:
        """What files have there, of what can be relied on."""
        found = []
        for region in self._regions:
            start = region.physical if self._is_machine else region.low
            first, end = max(low, start), min(low + size, start + region.high - region.low)
            if first < end and (not region.segment.is_writable or (self._is_whole and self._memory.is_complete)):
                data = region.image.contents_of(region.segment, first - start, end - first)
                found.append((first, data))
        return found

    # Events.

    def _system_call(self, frame: SyscallFrame) -> None:
        thread = self._threads.get(frame.thread_id) or self._new_thread(frame.thread_id)
        if thread.call is not None:
            problem = "a second system call before the instruction of the first"
            self._report(ViolationKind.EVENT, problem, frame.thread_id, thread.call_number)
        thread.call, thread.call_number = frame, self._number
        self._modules.clear()

    def _check_call(self, thread: _Thread, frame: StdFrame, facts: _Facts) -> None:
        call, thread.call = thread.call, None
        if call is None:
            # Of a program behind somebody's stub there are neither.
            if self._has_events and self._has_modules:
                problem = "a system call without a frame of it"
                self._report(ViolationKind.EVENT, problem, frame.thread_id, None, frame.address)
            return
        if call.address != frame.address or facts.rule is not StepRule.SYSTEM_CALL:
            problem = f"frame {thread.call_number} is of a system call at {call.address:#x}"
            self._report(ViolationKind.EVENT, problem, frame.thread_id, thread.call_number, frame.address)
        elif self._arch is not None:
            self._check_arguments(call, thread, frame, facts)

    def _check_arguments(self, call: SyscallFrame, thread: _Thread, frame: StdFrame, facts: _Facts) -> None:
        """Compare what a system call's frame says with the registers before its instruction."""
        assert self._arch is not None
        convention = self._arch.system_calls
        arguments = zip(convention.arguments, call.arguments, strict=False)
        told = {f"argument {index}": each for index, each in enumerate(arguments, 1)}
        if facts.system_call is None:
            told["number"] = convention.number, call.number
        elif facts.system_call != call.number:
            problem = (
                f"the number of the system call is {call.number:#x}, and of its instruction {facts.system_call:#x}"
            )
            self._report(ViolationKind.EVENT, problem, frame.thread_id, thread.call_number, frame.address)
        for what, (name, number) in told.items():
            value = thread.registers.value_of(name)
            if value is not None and (value ^ number) & self._mask:
                problem = f"{what} of the system call is {number & self._mask:#x}, and {name} is {value:#x}"
                witness = thread.registers.witness_of(name)
                self._found.append(
                    Violation(ViolationKind.EVENT, thread.call_number, witness, frame.thread_id, frame.address, problem)
                )

    def _exception(self, frame: ExceptionFrame) -> None:
        thread_id = frame.thread_id
        if thread_id is None:
            for thread in self._threads.values():
                thread.registers.forget()
                thread.expected, thread.is_unfinished = _ANYWHERE, False
            return
        thread = self._threads.get(thread_id) or self._new_thread(thread_id)
        following = self._following(thread)
        if frame.from_addr is not None and following and frame.from_addr not in following:
            shown = " or ".join(f"{each:#x}" for each in following)
            problem = f"an exception from {frame.from_addr:#x}, and the thread was at {shown}"
            self._report(ViolationKind.EVENT, problem, thread_id, thread.latest)
        thread.entered, thread.is_unfinished = frame, False
        thread.expected, thread.slot = _ANYWHERE, _ANYWHERE
        thread.registers.forget()
        self._memory.doubt(self._number)

    def _following(self, thread: _Thread) -> tuple[int, ...]:
        """Where an exception may come that a thread takes now; empty: anywhere, as far as is known."""
        if thread.entered is not None:
            return () if thread.entered.to_addr is None else (thread.entered.to_addr,)
        if thread.latest < 0 or self._has_segments:
            return ()
        target = thread.registers.value_of(self._pc) if self._pc else None
        if target is None and thread.expected != _ANYWHERE:
            target = thread.expected
        return () if target is None else (thread.address, target)

    def _key(self, frame: KeyFrame) -> None:
        if self._key_interval and self._since_key == 0:
            self._report(ViolationKind.EVENT, "a second key frame before the next instruction", None)
        self._since_key = 0
        self._has_key = True
        for tagged in frame.tagged_values:
            if tagged.thread_id is None:
                continue
            thread = self._threads.get(tagged.thread_id) or self._new_thread(tagged.thread_id)
            conflicts: list[RegisterConflict] = []
            if thread.call is None:
                # Else the kernel is at work on them.
                thread.registers.found(tagged.values, self._number, conflicts)
            for operand in tagged.values:
                name, bits, value = operand.name, operand.bit_length, operand.value
                problem = self._width_problem(name, bits, len(value))
                if not problem and int.from_bytes(value, "little") >> (bits or 8 * len(value)):
                    problem = f"{name} of {bits} bits is {int.from_bytes(value, 'little'):#x}"
                if problem:
                    self._report(ViolationKind.OPERAND, problem, tagged.thread_id)
            self._check_registers(conflicts, thread, tagged.thread_id, None, False)

    def _module(self, frame: ModloadFrame) -> None:
        name, low = Path(frame.module_name).name, frame.low_address
        if not self._has_modules and self._program and Path(self._program).name != name:
            self._report(ViolationKind.EVENT, f"{name} is loaded before the program", None)
        if not self._has_modules and (self._count or self._has_key):
            self._report(ViolationKind.EVENT, f"{name} is loaded after the trace's beginning, and nothing before", None)
        self._has_modules = True
        if (name, low) in self._modules:
            self._report(ViolationKind.EVENT, f"{name} is loaded twice", None)
        self._modules.add((name, low))
        self._memory.map_anew(low, frame.high_address)
        self._regions = list(_regions_of(self._symbols))

    # What all share.

    def _new_thread(self, thread_id: int) -> _Thread:
        if len(self._threads) >= _MOST_KEPT:
            self._threads.clear()
        thread = self._threads[thread_id] = _Thread(KnownRegisters())
        return thread

    def _report(
        self,
        kind: ViolationKind,
        problem: str,
        thread_id: int | None,
        witness: int | None = None,
        address: int | None = None,
    ) -> None:
        self._found.append(Violation(kind, self._number, witness, thread_id, address, problem))


class _Region(NamedTuple):
    """A segment of a file, where the guest has it."""

    low: int
    high: int
    """Behind its last byte."""
    physical: int
    image: Image
    segment: Segment


def _regions_of(symbols: Symbols) -> Iterator[_Region]:
    """What is loaded, the latest last."""
    for module in symbols.modules:
        if module.image is None:
            continue
        for segment in module.image.segments:
            # What is behind a library's file is mapped later, by its loader.
            size = segment.size_bytes if module.load_offset is not None else segment.file_bytes
            low = segment.address + module.offset
            yield _Region(low, low + size, segment.physical, module.image, segment)


def _name_of_pc(arch: Arch, *, is_machine: bool) -> str:
    """What frames list the whole program counter as; empty: they do not list it.

    Those of machines list what the table does not have by the stub's names.
    """
    names = [register.name for register in arch.registers if register.stub_name == arch.pc and not register.shift]
    return names[0] if names else arch.pc if is_machine else ""


def _shown(data: bytes) -> str:
    return data[:_SHOWN_BYTES].hex() + ("..." if len(data) > _SHOWN_BYTES else "")


def _witness_of(conflict: MemoryConflict) -> int | None:
    return None if conflict.witness == FILE else conflict.witness


def _by(conflict: MemoryConflict) -> str:
    return " in the file" if conflict.witness == FILE else f" at frame {conflict.witness}"
