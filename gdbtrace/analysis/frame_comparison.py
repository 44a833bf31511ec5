"""Comparing two frames that belong together, knowing what already differed before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from gdbtrace.analysis.carried import TOLERATED, CarriedMemory, CarriedRegister
from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.analysis.divergence import Difference, DivergenceKind
from gdbtrace.analysis.registers_read import RegistersRead
from gdbtrace.analysis.relocation import Relocation
from gdbtrace.analysis.tolerance import InstructionMask, Masks, Tolerance
from gdbtrace.arch.model import Arch
from gdbtrace.trace.frames import (
    EntryPair,
    ExceptionFrame,
    Frame,
    KeyFrame,
    MemoryLocation,
    ModloadFrame,
    Operand,
    OperandList,
    StdFrame,
    SyscallFrame,
)

Pair = tuple[Operand | None, Operand | None]

_MOST_CODE = 1 << 16
"""Instructions whose bytes differ that are remembered."""
_MOST_BITS_TOUCHED = 1 << 16
"""Of an access of which only the width is told: what a trace says is not to be believed beyond that."""
_LEAST_COPIED = 1 << 16
"""Two values are a copy of two others that are the same if they are not small: flags are the same by chance."""
_NOT_LISTED = "-"


@dataclass(slots=True)
class Outcome:
    """What came of comparing two frames."""

    differences: list[Difference] = field(default_factory=list)
    """That arise here and are not to be expected, the cause first."""
    root: int | None = None
    """Index of a divergence, or :data:`TOLERATED`: where a difference that is none of these, but arises here too,
    comes from; None: there is no such."""
    other_code: Difference | None = None
    """The instructions themselves are not the same, whether that is new or not."""
    next_root: int | None = None
    """Likewise, of the difference in the addresses of the next instructions."""
    next_addresses: list[Difference] = field(default_factory=list)
    """In the addresses of the next instructions, by what the frames say, wherever they come from."""


class FrameComparison:
    """Compares the frames of two traces, pair by pair, and keeps what differs and goes on to differ.

    A difference is reported where it arises. From there on it is carried: the same register with the same two values,
    or the same bytes of memory, is nothing new. What an instruction computes from carried values comes from there, too.

    :param arch: None: nobody knows it, so an instruction is taken to read every register that its frame lists.
    :param relocation: what is elsewhere in the second trace; None: nothing is.
    :param is_strict: both have the same kind of frames: what one lists the other must, too. Else what both have is
        compared.
    :param address_bits: those of accesses' addresses that are compared.
    """

    def __init__(
        self,
        arch: Arch | None,
        disassembly: Disassembly,
        tolerance: Tolerance,
        relocation: Relocation | None = None,
        *,
        is_strict: bool = True,
        address_bits: int = -1,
    ) -> None:
        self._arch = arch
        self._disassembly = disassembly
        self._relocation = relocation
        self._is_strict = is_strict
        self._address_bits = address_bits
        self._masks = Masks(tolerance, arch)
        self._reads = None if arch is None else RegistersRead(arch, disassembly)
        self._program_counters = arch.program_counters if arch else frozenset({"pc"})
        self._registers: dict[int, dict[str, CarriedRegister]] = {}
        """Thread -> those of its registers that differ, by name."""
        self._memory = CarriedMemory()
        self._code: dict[tuple[Key, Key], int] = {}
        """Instructions that differ themselves -> their divergence's index."""
        self._patterns: dict[str, bytes] = {}
        self._names: dict[str, str] = {}
        self._passed: set[EntryPair] = set()
        """See :meth:`passed_entries`."""
        self._passed_at = 0
        """What :attr:`Relocation.changes` was then."""
        self.unlike_layouts: set[tuple[int, int]] = set()
        """Sizes of different producers' lists that have registers in another order: no use to look for one order."""
        self._entries: dict[bytes, tuple[str, Operand]] = {}
        """Registers' entries that were decoded, with their names in both traces."""
        self._listed: dict[int, Mapping[str | bytes, Operand]] = {}
        """Of the lists of the frames that are compared: the list's identity -> see :meth:`listed`."""

    @property
    def carries(self) -> bool:
        """Whether anything differs at the moment: frames that are the same may then change that."""
        return bool(self._registers) or bool(self._memory)

    def compare(self, left: Frame, right: Frame, index: int) -> Outcome:
        """Compare two frames of the same place.

        :param index: that of the divergence that they are, if they are one.
        """
        self._listed.clear()
        if isinstance(left, StdFrame) and isinstance(right, StdFrame):
            outcome = _Instruction(self, left, right, index).compare()
            if not self._registers.get(left.thread_id):
                self._registers.pop(left.thread_id, None)
            return outcome
        outcome = Outcome()
        if isinstance(left, KeyFrame) and isinstance(right, KeyFrame):
            self._compare_states(left, right, index, outcome)
        else:
            self._compare_events(left, right, outcome)
        return outcome

    def root_of_inputs(self, left: StdFrame, right: StdFrame) -> int | None:
        """Where a difference in what an instruction reads comes from; None: that is the same, but for memory."""
        registers = self._registers.get(left.thread_id)
        if not registers:
            return None
        if self._reads is None:
            return max(each.root for each in registers.values())
        roots = []
        for frame in (left, right) if left.rawbytes != right.rawbytes else (left,):
            inputs = self._reads.of((frame.address, frame.rawbytes, frame.mode))
            for name, carried in registers.items():
                if (
                    name in inputs.read
                    or (name in inputs.perhaps and carried.root != TOLERATED)
                    or (name in inputs.named and self._is_kept_by(left, right, name, carried))
                ):
                    roots.append(carried.root)
        return max(roots, default=None)

    def root_of_branch(self, left: StdFrame, right: StdFrame) -> int | None:
        """Where it comes from that a branch goes two ways: what it reads, or it is another one; None: that is not known
        to differ."""
        root = self._code.get((_key(left), _key(right))) if left.rawbytes != right.rawbytes else None
        return self.root_of_inputs(left, right) if root is None else root

    def reads_moved(self, left: StdFrame, right: StdFrame) -> bool:
        """Whether an instruction computes from addresses of things that are elsewhere: what comes of it need not be an
        address (flags of a sum, a hash), and differs then, too. What a system call gives does not."""
        if self._relocation is None:
            return False
        inputs = None if self._reads is None else self._reads.of((left.address, left.rawbytes, left.mode))
        if inputs is not None and inputs.is_system_call:
            return False
        named = None if inputs is None else (inputs.read | inputs.named) - self._program_counters
        ours, theirs = (
            {self._name_of(each): each for each in frame.pre if not each.is_memory} for frame in (left, right)
        )
        pairs = [(ours[name], theirs[name]) for name in ours.keys() & theirs.keys() if named is None or name in named]
        pairs += zip(left.memory_reads(), right.memory_reads(), strict=False)
        return any(one.value != two.value and self.is_moved(one, two) for one, two in pairs)

    def _is_kept_by(self, left: StdFrame, right: StdFrame, name: str, carried: CarriedRegister) -> bool:
        """Whether an instruction leaves a register as it is."""
        return all(
            operand.value == value
            for frame, value in ((left, carried.left), (right, carried.right))
            for operand in frame.post or ()
            if not operand.is_memory and self._name_of(operand) == name
        )

    def pass_same(self, frame: Frame) -> None:
        """Both have this frame, to the last byte: what it lists differs no more."""
        self._listed.clear()
        if isinstance(frame, StdFrame):
            registers = self._registers.get(frame.thread_id)
            if registers:
                for operands in (frame.pre, frame.post or ()):
                    self._drop(registers, (operands,), ())
                if not registers:
                    del self._registers[frame.thread_id]
            if self._memory:
                for operand in (*frame.memory_reads(), *frame.memory_writes()):
                    self._memory.clear(operand.address, len(operand.value))
        elif isinstance(frame, KeyFrame):
            for tagged in frame.tagged_values:
                registers = self._registers.get(tagged.thread_id or 0, {})
                for operand in tagged.values:
                    if not operand.is_memory:
                        registers.pop(operand.name, None)

    def pass_over(self, frame: Frame, root: int) -> None:
        """Only one trace has this frame: what it writes may differ from now on."""
        if not isinstance(frame, StdFrame) or not frame.post:
            return
        registers = self._registers.setdefault(frame.thread_id, {})
        for operand in frame.post:
            if operand.is_memory:
                self._memory.mark(operand.address, (1 << len(operand.value)) - 1, root)
            else:
                name = self._name_of(operand)
                registers[name] = CarriedRegister(None, None, root, is_seen=False)

    def root_of_bits(
        self, name: str, left: Operand, right: Operand, carried: CarriedRegister | None, undefined: int = 0
    ) -> int | None:
        """Where it comes from that a register differs, if each bit of it that does is masked, or did so before; None:
        there are others.

        :param undefined: bits that are masked here, beside those that are everywhere.
        """
        bits = _differing_bits(left, right) & ~(self._masks.bits_of(name) | undefined)
        if not bits:
            return TOLERATED
        return carried.root if carried is not None and _is_kept(carried, left, right, bits) else None

    def passed_entries(self) -> set[EntryPair]:
        """Pairs of registers' entries that are not the same, but say the same of the same register, as far as that is
        known, to be added to; emptied when more turns out to be elsewhere."""
        changes = 0 if self._relocation is None else self._relocation.changes
        if changes != self._passed_at or len(self._passed) >= _MOST_CODE:
            self._passed_at = changes
            self._passed.clear()
        return self._passed

    def belong_together(self, left: Operand, right: Operand) -> bool:
        """Whether two operands are of the same register, or both are accesses to memory."""
        if left.is_memory or right.is_memory:
            return left.is_memory and right.is_memory
        return left.location == right.location or self._name_of(left) == self._name_of(right)

    def is_moved(self, left: Operand, right: Operand) -> bool:
        """Whether two operands differ because something is elsewhere."""
        relocation = self._relocation
        if relocation is None or len(left.value) != len(right.value):
            return False
        if not left.is_memory:
            return relocation.is_same(_number(left), _number(right))
        return relocation.to_right(left.address) == right.address and relocation.is_same_bytes(
            left.address, left.value, right.value
        )

    def is_same_place(self, left: Operand, right: Operand) -> bool:
        """Whether two accesses are to the same place."""
        if self._relocation is not None:
            return self._relocation.to_right(left.address) == right.address
        return left.address == right.address

    def listed(self, operands: Sequence[Operand]) -> Mapping[str | bytes, Operand]:
        """Operands of a frame that is compared: registers by the names that they have in both traces, accesses to
        memory by all that is said of them, in their order."""
        found = self._listed.get(id(operands))
        if found is None:
            entries = operands.entries() if isinstance(operands, OperandList) else None
            if isinstance(operands, OperandList) and entries is not None:
                known = self._entries
                try:
                    found = dict(map(known.__getitem__, entries))
                except KeyError:
                    found = dict([known.get(entry) or self._entry(operands, entry) for entry in entries])
            else:
                found = {repr(each).encode() if each.is_memory else self._name_of(each): each for each in operands}
            self._listed[id(operands)] = found
        return found

    def _entry(self, operands: OperandList, entry: bytes) -> tuple[str | bytes, Operand]:
        operand = operands.operand(entry)
        if operand.is_memory:
            return entry, operand
        if len(self._entries) >= _MOST_CODE:
            self._entries.clear()
        known = self._entries[entry] = self._name_of(operand), operand
        return known

    def _name_of(self, operand: Operand) -> str:
        """The name that a register has in both traces."""
        name = operand.name
        if self._is_strict:
            return name
        known = self._names.get(name)
        if known is None:
            known = name.lower()
            if self._arch is not None and len(same := self._arch.aliases.get(known, ())) == 1:
                known = same[0]
            if len(self._names) < _MOST_CODE:
                self._names[name] = known
        return known

    def _drop(
        self, registers: dict[str, CarriedRegister], lists: Iterable[Sequence[Operand]], differing: Iterable[str]
    ) -> None:
        """Registers that both list and that are not among those that differ are the same now."""
        for name in [name for name in registers if name not in differing]:
            if all(self._lists(operands, name) for operands in lists):
                del registers[name]

    def _lists(self, operands: Sequence[Operand], name: str) -> bool:
        if not self._is_strict:
            return name in self.listed(operands)
        if isinstance(operands, OperandList):
            pattern = self._patterns.get(name)
            if pattern is None:
                pattern = self._patterns[name] = name.encode("utf-8", "surrogateescape")
            if not operands.has_register(pattern):
                return False
        return any(not operand.is_memory and operand.name == name for operand in operands)

    # Frames that are no instructions.

    def _compare_events(self, left: Frame, right: Frame, outcome: Outcome) -> None:
        if self._relocation is not None and self._relocation.is_same_event(left, right):
            return
        if isinstance(left, ModloadFrame) and isinstance(right, ModloadFrame):
            # The programs that are compared may be two files; that their code differs shows when it is executed.
            ours, theirs = (frame.low_address for frame in (left, right))
            if ours != theirs:
                self._add_event(outcome, "lowest address", hex(ours), hex(theirs))
        elif isinstance(left, SyscallFrame) and isinstance(right, SyscallFrame):
            self._compare_system_calls(left, right, outcome)
        elif isinstance(left, ExceptionFrame) and isinstance(right, ExceptionFrame):
            for what, name in (("exception", "exception_number"), ("from", "from_addr"), ("to", "to_addr")):
                one, two = getattr(left, name), getattr(right, name)
                if one != two:
                    self._add_event(outcome, what, *(_NOT_LISTED if v is None else hex(v) for v in (one, two)))
        elif left != right:
            self._add_event(outcome, "event", str(left), str(right))

    def _compare_system_calls(self, left: SyscallFrame, right: SyscallFrame, outcome: Outcome) -> None:
        if left.number != right.number:
            self._add_event(outcome, "number", str(left.number), str(right.number))
        carried = self._registers.get(left.thread_id, {}).values()
        for number, (one, two) in enumerate(zip_longest(left.arguments, right.arguments)):
            if one == two:
                continue
            # Arguments are registers' values, also where the call takes fewer of them.
            root = max((each.root for each in carried if _is_argument(each, one, two)), default=None)
            if root is None:
                self._add_event(outcome, f"argument {number}", *map(_argument_text, (one, two)))
            else:
                outcome.root = root

    @staticmethod
    def _add_event(outcome: Outcome, what: str, left: str, right: str) -> None:
        outcome.differences.append(Difference(DivergenceKind.EVENT, what, left, right))

    def _compare_states(self, left: KeyFrame, right: KeyFrame, index: int, outcome: Outcome) -> None:
        """Registers of key frames: those that both have. Which a stub shows is a matter of QEMU's version."""
        ours, theirs = (
            {
                (tagged.thread_id or 0, self._name_of(operand)): operand
                for tagged in frame.tagged_values
                for operand in tagged.values
                if not operand.is_memory
            }
            for frame in (left, right)
        )
        for (thread_id, name), one in ours.items():
            two = theirs.get((thread_id, name))
            if two is None:
                continue
            registers = self._registers.get(thread_id, {})
            if self.is_same_register(one, two):
                registers.pop(name, None)
                continue
            carried = registers.get(name)
            if carried is not None and (not carried.is_seen or carried[:2] == (one.value, two.value)):
                root = carried.root
            elif (known := self.root_of_bits(name, one, two, carried)) is not None:
                root = known
            else:
                root = index
                kind = DivergenceKind.REGISTER
                if name in self._program_counters:
                    kind = DivergenceKind.CONTROL_FLOW
                    outcome.next_addresses = outcome.differences
                outcome.differences.append(Difference(kind, f"{name} in the key frame", _text(one), _text(two)))
            self._registers.setdefault(thread_id, {})[name] = CarriedRegister(one.value, two.value, root)

    def is_same_register(self, left: Operand, right: Operand) -> bool:
        """Whether two values of a register are the same, or of the same thing that is elsewhere."""
        if self._is_strict:
            return left == right or self.is_moved(left, right)
        return not left.value or not right.value or _is_equal(left, right) or self.is_moved(left, right)


class _Instruction:
    """The comparison of one instruction's two frames."""

    __slots__ = (
        "_are_inputs_known",
        "_context",
        "_index",
        "_inputs",
        "_left",
        "_mask",
        "_outcome",
        "_registers",
        "_right",
    )

    def __init__(self, context: FrameComparison, left: StdFrame, right: StdFrame, index: int) -> None:
        self._context = context
        self._left, self._right = left, right
        self._index = index
        self._registers = context._registers.setdefault(left.thread_id, {})
        self._outcome = Outcome()
        self._inputs: int | None = None
        """Root of what it reads, as far as it was looked for."""
        self._are_inputs_known = False
        self._mask: InstructionMask | None = None

    def compare(self) -> Outcome:
        left, right, context = self._left, self._right, self._context
        if left.rawbytes != right.rawbytes:
            self._compare_code()
        self._compare_before()
        if left.post is not None and right.post is not None:
            self._compare_after(left.post, right.post)
        elif (left.post is None) != (right.post is None) and context._is_strict:
            one, two = ("did not finish" if frame.post is None else "finished" for frame in (left, right))
            self._add(DivergenceKind.EVENT, "instruction", one, two)
        return self._outcome

    def _add(self, kind: DivergenceKind, what: str, left: str, right: str) -> int:
        self._outcome.differences.append(Difference(kind, what, left, right))
        return self._index

    def _compare_code(self) -> None:
        if not self._context._is_strict:
            # A log has fewer bytes than the instruction, or more.
            known_bytes = min(len(self._left.rawbytes), len(self._right.rawbytes))
            if self._left.rawbytes[:known_bytes] == self._right.rawbytes[:known_bytes]:
                return
        outcome = self._outcome
        outcome.other_code = Difference(
            DivergenceKind.BYTES, "bytes", self._left.rawbytes.hex(), self._right.rawbytes.hex()
        )
        known = self._context._code
        keys = _key(self._left), _key(self._right)
        root = known.get(keys)
        if root is None:
            root = self._index
            outcome.differences.append(outcome.other_code)
            if len(known) < _MOST_CODE:
                known[keys] = root
        else:
            outcome.root = root
        self._inputs = root

    # Before: registers, then what was loaded.

    def _compare_before(self) -> None:
        context, registers = self._context, self._registers
        pairs = self._differing(self._left.pre, self._right.pre)
        differing = set()
        loads = []
        for one, two in pairs:
            operand = one or two
            assert operand is not None
            if type(operand.location) is MemoryLocation:
                loads.append((one, two))
                continue
            name = context._name_of(operand)
            if (one is None or two is None) and (not context._is_strict or self._is_result(name)):
                continue
            differing.add(name)
            values = one.value if one else None, two.value if two else None
            carried = registers.get(name)
            if carried is not None and carried[:2] == values:
                continue
            if carried is not None and not carried.is_seen:
                root = carried.root
            elif (
                one is not None
                and two is not None
                and (known := context.root_of_bits(name, one, two, carried)) is not None
            ):
                root = known
                self._derive(root)
            else:
                root = self._add(DivergenceKind.REGISTER, f"{name} before", _text(one), _text(two))
            registers[name] = CarriedRegister(*values, root)
        if len(registers) > len(differing):
            context._drop(registers, (self._left.pre, self._right.pre), differing)
        if context._memory:
            # Cleared first: what differs is marked again.
            self._clear(self._left.memory_reads(), loads)
        for one, two in loads:
            self._compare_access("load", one, two)

    def _is_result(self, name: str) -> bool:
        """Whether the instruction's results list a register: then it is before because one of them changed it."""
        return any(
            self._context._lists(frame.post, name) for frame in (self._left, self._right) if frame.post is not None
        )

    def _input_root(self) -> int | None:
        """Where what it reads comes from, if any of that differs. Found out before its results are noted."""
        if not self._are_inputs_known:
            self._are_inputs_known = True
            if self._inputs is None:
                self._inputs = self._context.root_of_inputs(self._left, self._right)
        return self._inputs

    # After: registers, then what was stored.

    def _compare_after(self, left: Sequence[Operand], right: Sequence[Operand]) -> None:
        context, registers = self._context, self._registers
        pairs = self._differing(left, right)
        differing = set()
        stores = []
        for one, two in pairs:
            operand = one or two
            assert operand is not None
            if type(operand.location) is MemoryLocation:
                stores.append((one, two))
                continue
            name = context._name_of(operand)
            if one is None or two is None:
                # Unchanged, and so perhaps not listed.
                one, two = one or self._before(0).get(name), two or self._before(1).get(name)
                if one is not None and two is not None and _is_equal(one, two):
                    registers.pop(name, None)
                    continue
                if (one is None or two is None) and not context._is_strict:
                    continue
            differing.add(name)
            self._compare_result(name, one, two)
        if registers:
            context._drop(registers, (left, right), differing)
        if context._memory:
            self._clear(self._left.memory_writes(), stores)
        for one, two in stores:
            self._compare_access("store", one, two)

    def _before(self, side: int) -> Mapping[str | bytes, Operand]:
        """The registers before, by name: 0, of the first trace; 1, of the second one."""
        return self._context.listed((self._left, self._right)[side].pre)

    def _compare_result(self, name: str, one: Operand | None, two: Operand | None) -> None:
        registers, context = self._registers, self._context
        values = one.value if one else None, two.value if two else None
        carried = registers.get(name)
        if carried is not None and carried[:2] == values:
            return
        is_counter = name in context._program_counters
        root = self._expected_root(name, one, two, carried)
        if root is None:
            kind = DivergenceKind.CONTROL_FLOW if is_counter else DivergenceKind.REGISTER
            root = self._add(kind, f"{name} after", _text(one), _text(two))
        else:
            self._derive(root)
        if is_counter:
            kind = DivergenceKind.CONTROL_FLOW
            self._outcome.next_root = root
            self._outcome.next_addresses.append(Difference(kind, f"{name} after", _text(one), _text(two)))
        registers[name] = CarriedRegister(*values, root)

    def _expected_root(
        self, name: str, one: Operand | None, two: Operand | None, carried: CarriedRegister | None
    ) -> int | None:
        """Where a register's difference comes from, if it comes from somewhere or is tolerated."""
        context = self._context
        if (root := self._input_root()) is not None:
            return root
        if carried is not None and not carried.is_seen:
            return carried.root
        if one is None or two is None:
            return None
        values = one.value, two.value
        if max(_number(one), _number(two)) >= _LEAST_COPIED:
            # Whoever says or does not say that the other one is read: a return, a window of registers.
            for each in self._registers.values():
                if each[:2] == values:
                    return each.root
        if one.bits != two.bits:
            return None
        mask = self._instruction_mask()
        if mask.is_masked:
            return TOLERATED
        if (root := context.root_of_bits(name, one, two, carried, mask.undefined.get(name, 0))) is not None:
            return root
        return TOLERATED if name not in context._program_counters and self._reads_moved() else None

    def _reads_moved(self) -> bool:
        return self._context.reads_moved(self._left, self._right)

    def _instruction_mask(self) -> InstructionMask:
        if self._mask is None:
            context = self._context
            self._mask = context._masks.of_instruction(context._disassembly.at(*_key(self._left)))
        return self._mask

    def _derive(self, root: int) -> None:
        if self._outcome.root is None or root > self._outcome.root:
            self._outcome.root = root

    # Memory.

    def _clear(self, accesses: Sequence[Operand], differing: Sequence[Pair]) -> None:
        unlike = [left for left, _ in differing]
        for operand in accesses:
            if operand not in unlike:
                self._context._memory.clear(operand.address, len(operand.value))

    def _compare_access(self, what: str, one: Operand | None, two: Operand | None) -> None:
        context = self._context
        memory = context._memory
        root = self._expected_access(what == "load", one, two)
        if root is None:
            address = (one or two).address  # type: ignore[union-attr]
            root = self._add(DivergenceKind.MEMORY, f"{what} {address:#x}", _text(one), _text(two))
        else:
            self._derive(root)
        if what == "load":
            self._inputs = root
        if one is not None and two is not None and context.is_same_place(one, two) and len(one.value) == len(two.value):
            memory.clear(one.address, len(one.value))
            if which := _differing_bytes(one.value, two.value):
                memory.mark(one.address, which, root)
        else:
            for operand in (one, two):
                if operand is not None and operand.value:
                    memory.mark(operand.address, (1 << len(operand.value)) - 1, root)

    def _expected_access(self, is_load: bool, one: Operand | None, two: Operand | None) -> int | None:
        context = self._context
        if (root := self._input_root()) is not None:
            return root
        if one is None or two is None or not context.is_same_place(one, two) or len(one.value) != len(two.value):
            return None
        which = _differing_bytes(one.value, two.value)
        if not which:
            return None
        if not which & ~context._masks.masked_bytes(one.address, len(one.value)):
            return TOLERATED
        if not is_load and self._instruction_mask().is_masked:
            return TOLERATED
        if is_load:
            return context._memory.root_of(one.address, which)
        return TOLERATED if self._reads_moved() else None

    # Which operands belong together.

    def _differing(self, left: Sequence[Operand], right: Sequence[Operand]) -> Sequence[Pair]:
        context = self._context
        if isinstance(left, OperandList) and isinstance(right, OperandList):
            sizes = left.encoded_size, right.encoded_size
            if sizes not in context.unlike_layouts:
                found = self._unlike(left, right)
                if found is not None:
                    return found
        pairs = list(_matched(left, right) if context._is_strict else self._comparable(left, right))
        if context._relocation is not None:
            pairs = [(one, two) for one, two in pairs if one is None or two is None or not context.is_moved(one, two)]
        return pairs

    def _unlike(self, left: OperandList, right: OperandList) -> Sequence[Pair] | None:
        """Operands that differ in lists that are laid out alike; None: they are not."""
        context = self._context
        passed = context.passed_entries()
        unlike = left.differing(right, passed)
        if unlike is None:
            return None
        pairs: list[Pair] = []
        for entry, other in unlike:
            one, two = left.operand(entry), right.operand(other)
            if not context.belong_together(one, two):
                if not context._is_strict and len(context.unlike_layouts) < _MOST_CODE:
                    context.unlike_layouts.add((left.encoded_size, right.encoded_size))
                return None
            if one.is_memory:
                if not context._is_strict:
                    # Which of them belong together is known of all alone.
                    return None
                if not context.is_moved(one, two):
                    pairs.append((one, two))
            elif context.is_same_register(one, two):
                passed.add((entry, other))
            else:
                pairs.append((one, two))
        return pairs

    def _comparable(self, left: Sequence[Operand], right: Sequence[Operand]) -> Iterator[Pair]:
        """Of different producers' lists: what both have."""
        context = self._context
        one, two = context.listed(left), context.listed(right)
        are_accesses_same = True
        for key, ours in one.items():
            theirs = two.get(key)
            if theirs is not None and theirs.value == ours.value:
                continue
            if type(key) is bytes:
                are_accesses_same = False
            elif theirs is None or not context.is_same_register(ours, theirs):
                yield ours, theirs
        if not two.keys() <= one.keys():
            for key, theirs in two.items():
                if type(key) is bytes:
                    are_accesses_same = are_accesses_same and key in one
                elif key not in one:
                    yield None, theirs
        if not are_accesses_same:
            accesses, others = ([each for each in side.values() if each.is_memory] for side in (one, two))
            if accesses and others:
                yield from _differing_accesses(accesses, others, context._address_bits)


def _matched(left: Sequence[Operand], right: Sequence[Operand]) -> Iterator[Pair]:
    """Operands that differ: registers matched by name, accesses to memory by their order."""
    one, two = ({each.name: each for each in side if not each.is_memory} for side in (left, right))
    for name in {**one, **two}:
        ours, theirs = one.get(name), two.get(name)
        if ours != theirs:
            yield ours, theirs
    accesses = ([each for each in side if each.is_memory] for side in (left, right))
    for ours, theirs in zip_longest(*accesses):
        if ours != theirs:
            yield ours, theirs


def _differing_accesses(left: Sequence[Operand], right: Sequence[Operand], address_bits: int) -> Iterator[Pair]:
    """Accesses of different producers, who may cut them into pieces differently: by the bytes that they touch.

    :param address_bits: those of an address that both tell.
    """
    one, two = (_touched(side, address_bits) for side in (left, right))
    if one is None or two is None:
        # Where sizes are not told, the addresses of one side's pieces must be within what the other touches.
        ours, theirs = ({each.address & address_bits for each in side} for side in (left, right))
        if (ours <= two.keys()) if two else (theirs <= one.keys()) if one else (ours == theirs):
            return
    elif one.keys() == two.keys() and all(two[at] in (byte, None) or byte is None for at, byte in one.items()):
        return
    pairs = list(zip_longest(left, right))
    unlike = [(a, b) for a, b in pairs if a is None or b is None or not _is_alike(a, b, address_bits)]
    yield from unlike or pairs[:1]


def _touched(accesses: Sequence[Operand], address_bits: int) -> dict[int, int | None] | None:
    """Address -> byte, or None where that is not known; None: nobody knows how wide they are."""
    touched: dict[int, int | None] = {}
    for operand in accesses:
        if not 0 < operand.bits <= _MOST_BITS_TOUCHED:
            return None
        values = operand.value or [None] * (operand.bits // 8)
        touched |= {operand.address + at & address_bits: byte for at, byte in enumerate(values)}
    return touched


def _is_alike(left: Operand, right: Operand, address_bits: int) -> bool:
    is_same_place = left.address & address_bits == right.address & address_bits
    return is_same_place and (not left.value or not right.value or left.value == right.value)


def _key(frame: StdFrame) -> Key:
    return frame.address, frame.rawbytes, frame.mode


def _number(operand: Operand) -> int:
    """A register's value."""
    return int.from_bytes(operand.value, "little")


def _differing_bits(left: Operand, right: Operand) -> int:
    """In which bits two registers' values differ; -1: in none, but in what else is said of them."""
    return (_number(left) ^ _number(right)) & (1 << min(left.bits, right.bits)) - 1 or -1


def _is_equal(left: Operand, right: Operand) -> bool:
    """Whether two registers have the same value, whatever else is said of them."""
    return _differing_bits(left, right) == -1


def _differing_bytes(left: bytes, right: bytes) -> int:
    """Which bytes differ, as a mask."""
    return sum(1 << at for at, (one, two) in enumerate(zip(left, right, strict=True)) if one != two)


def _is_kept(carried: CarriedRegister, left: Operand, right: Operand, bits: int) -> bool:
    """Whether bits that differ are some of those that did before, which the instruction has not written."""
    if carried.left is None or carried.right is None:
        return False
    one, two = int.from_bytes(carried.left, "little"), int.from_bytes(carried.right, "little")
    written = one ^ _number(left) | two ^ _number(right)
    return not bits & ~(one ^ two) and not written & bits


def _is_argument(carried: CarriedRegister, left: int | None, right: int | None) -> bool:
    if not carried.is_seen:
        return True
    if carried.left is None or carried.right is None or left is None or right is None:
        return False
    mask = (1 << 8 * len(carried.left)) - 1
    return (left & mask, right & mask) == (
        int.from_bytes(carried.left, "little") & (1 << 64) - 1,
        int.from_bytes(carried.right, "little") & (1 << 64) - 1,
    )


def _argument_text(value: int | None) -> str:
    return _NOT_LISTED if value is None else hex(value & (1 << 64) - 1)


def _text(operand: Operand | None) -> str:
    """An operand's value: a register's as a number, memory's as its bytes."""
    if operand is None:
        return _NOT_LISTED
    if not operand.value:
        return "not observed"
    if operand.is_memory:
        return f"{operand.address:#x}: {operand.value.hex()}"
    return hex(_number(operand))
