"""One step record to one std_frame: pure.

Registers seldom change, so each operand's serialized entry is kept and only what changed is made anew; a list of
operands is then the entries one after the other, which is what a serialized protobuf message with a repeated field
is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain, pairwise

from gdbtrace.arch.model import AccessKind, Arch, ByteOrder, Group, Register
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.trace.codec import RegisterEncoder, encode_memory_operand, encode_std_frame
from gdbtrace.trace.frames import NO_USAGE, RegisterLocation
from gdbtrace.trace.frames import Operand as OperandValue
from gdbtrace.tracer.step_record import Definition, Step


class RegisterLists(Enum):
    """Which registers a frame lists: what ``--registers`` takes."""

    STANDARD = "standard"
    """Before: the integer and control state, and the other registers that the instruction names or changes.  After:
    what changed, what the instruction names or implies, and the condition codes."""
    FULL = "full"
    """The complete state of the architecture's table, before and after."""
    TOUCHED = "touched"
    """Only what the instruction names, implies or changes."""


_ALWAYS_BEFORE = frozenset({Group.GENERAL, Group.CONTROL, Group.STATUS})


class _Operand:
    """An operand register of this target, with its encoders."""

    __slots__ = ("after", "before", "bits", "group", "name", "shift", "source", "value_bytes", "value_mask", "whole")

    def __init__(self, register: Register, source: str, source_bits: int) -> None:
        self.name = register.name
        self.group = register.group
        self.source = source
        self.shift = register.shift
        self.bits = register.bits
        self.value_bytes = (register.bits + 7) // 8
        self.value_mask = (1 << register.bits) - 1
        self.whole = not register.shift and register.bits == source_bits
        self.before = RegisterEncoder(register.name, register.bits, read=True, written=False)
        self.after = RegisterEncoder(register.name, register.bits, read=False, written=True)

    def value_of(self, raw: bytes, byte_order: ByteOrder) -> bytes:
        """The operand's value, little-endian, from the raw bytes of its stub register."""
        if self.whole:
            return raw if byte_order == "little" else raw[::-1]
        number = int.from_bytes(raw, byte_order)
        return ((number >> self.shift) & self.value_mask).to_bytes(self.value_bytes, "little")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is the same in all frames of one instruction: indices into the operands."""

    listed_before: tuple[int, ...]
    """Core operands beyond those that are always listed."""
    listed_after: frozenset[int]
    """Core operands listed even if unchanged."""
    fetched: tuple[tuple[_Operand, bool], ...]
    """Operands outside ``g``, and whether they are listed even if unchanged."""
    mode: str | None


class Assembler:
    """Makes frames of the step records of one target, in order."""

    def __init__(self, arch: Arch, layout: RegisterLayout, lists: RegisterLists) -> None:
        self._arch = arch
        self._lists = lists
        self._byte_order = layout.byte_order
        self._layout = layout
        core: list[_Operand] = []
        self._fetched: list[_Operand] = []
        for register in arch.registers:
            if source := arch.source_of(register, layout.core):
                core.append(_Operand(register, source, layout.bits_of(source)))
            elif source := arch.source_of(register, layout.fetched):
                self._fetched.append(_Operand(register, source, layout.bits_of(source)))
        # Those that every frame lists come first, so that their entries are one slice.
        core.sort(key=lambda operand: not self._is_always_before(operand))
        self._core = core
        self._always = sum(map(self._is_always_before, core))
        self._index = {operand.name: index for index, operand in enumerate(core)}
        self._status = frozenset(index for index, operand in enumerate(core) if operand.group is Group.STATUS)

        self._core_bytes = layout.core_bytes
        self._slices = [layout.core[operand.source] for operand in core]
        # All of g, also what no name reaches: of two registers with one name the first keeps it.
        rows = list(pairwise(sorted({0, layout.core_bytes, *chain.from_iterable(layout.core.values())})))
        self._row_of_byte = [row for row, (start, end) in enumerate(rows) for _ in range(end - start)]
        self._below_row = [(1 << 8 * (layout.core_bytes - end)) - 1 for _, end in rows]
        operands_at: dict[tuple[int, int], list[int]] = {}
        for index, place in enumerate(self._slices):
            operands_at.setdefault(place, []).append(index)
        self._operands_of_row = [tuple(operands_at.get(row, ())) for row in rows]

        self._state = b""
        self._state_number = 0
        self._values: list[bytes] = []
        self._before: list[bytes] = []
        self._after: list[bytes] = []
        self._shapes: dict[int, tuple[Definition, _Shape]] = {}
        self._ambient: dict[str, bytes] = {}
        """Stub registers that every frame lists -> their entries."""

    def set_state(self, raw: bytes) -> None:
        """Say where the next step starts."""
        self._state = raw
        self._state_number = int.from_bytes(raw, "big")
        self._values = [
            operand.value_of(raw[start:end], self._byte_order)
            for operand, (start, end) in zip(self._core, self._slices, strict=True)
        ]
        self._before = [operand.before(value) for operand, value in zip(self._core, self._values, strict=True)]
        self._after = [operand.after(value) for operand, value in zip(self._core, self._values, strict=True)]

    def set_ambient(self, values: Mapping[str, int]) -> None:
        """Say what some registers outside ``g`` hold until they are told anew: every frame lists them."""
        for name, value in values.items():
            bits = next((operand.bits for operand in self._fetched if operand.source == name), self._arch.bits)
            encoder = RegisterEncoder(name, bits, read=True, written=False)
            self._ambient[name] = encoder(value.to_bytes((bits + 7) // 8, "little"))

    @property
    def state(self) -> bytes:
        """The core registers, raw, after the last step."""
        return self._state

    def register_values(self, core: bytes, fetched: Mapping[str, bytes]) -> tuple[OperandValue, ...]:
        """All registers of one thread: the operand registers, then what the stub has beyond them by its own names.

        :param core: ``g``, raw.
        :param fetched: registers outside it.
        """
        layout = self._layout
        raw = {name: core[start:end] for name, (start, end) in layout.core.items()} | dict(fetched)
        values = [
            OperandValue(
                RegisterLocation(operand.name),
                operand.bits,
                operand.value_of(raw[operand.source], self._byte_order),
                NO_USAGE,
            )
            for operand in (*self._core, *self._fetched)
            if operand.source in raw and operand.group is not Group.COUNTER
        ]
        named = {operand.source for operand in (*self._core, *self._fetched)} | {value.name for value in values}
        values += [
            OperandValue(
                RegisterLocation(name), 8 * len(data), data if self._byte_order == "little" else data[::-1], NO_USAGE
            )
            for name, data in raw.items()
            if name not in named
        ]
        return tuple(values)

    def assemble(self, step: Step) -> bytes:
        """The serialized frame of a step; its post-state becomes the state."""
        definition = step.definition
        kept = self._shapes.get(definition.identifier)
        if kept is None or kept[0] is not definition:
            kept = definition, self._shape_of(definition)
            self._shapes[definition.identifier] = kept
        shape = kept[1]
        changed = self._changed_by(step.post)

        before = self._before
        entries = before[: self._always]
        if shape.listed_before or changed:
            always = self._always
            beyond = {index for index in changed if index >= always}.union(shape.listed_before)
            entries += [before[index] for index in sorted(beyond)]
        after_entries: list[bytes] = []
        if step.post is not None:
            self._apply(step.post, changed)
            after = self._after
            after_entries = [after[index] for index in sorted(shape.listed_after.union(changed))]
        if shape.fetched:
            self._add_fetched(step, shape, entries, after_entries)
        for name, entry in self._ambient.items():
            if name not in definition.fetched:
                entries.append(entry)
        for kind, address, size, data, place in step.accesses:
            is_load = kind is AccessKind.LOAD
            physical, device = (None, "") if place is None else place
            (entries if is_load else after_entries).append(
                encode_memory_operand(
                    address,
                    size,
                    data,
                    read=is_load,
                    written=not is_load,
                    physical=None if physical == address else physical,
                    device=device,
                )
            )
        return encode_std_frame(
            definition.address,
            step.thread,
            definition.data,
            b"".join(entries),
            None if step.post is None else b"".join(after_entries),
            shape.mode,
        )

    def _is_always_before(self, operand: _Operand) -> bool:
        if self._lists is RegisterLists.FULL:
            return operand.group is not Group.COUNTER
        return self._lists is RegisterLists.STANDARD and operand.group in _ALWAYS_BEFORE

    def _shape_of(self, definition: Definition) -> _Shape:
        named = [self._index[name] for name in definition.named if name in self._index]
        after: Iterable[int] = named
        if self._lists is RegisterLists.STANDARD:
            after = self._status.union(named)
        elif self._lists is RegisterLists.FULL:
            after = [index for index in range(len(self._core)) if index < self._always or index in named]
        sources, names = set(definition.fetched), set(definition.named)
        is_full = self._lists is RegisterLists.FULL
        return _Shape(
            tuple(index for index in named if index >= self._always),
            frozenset(after),
            tuple(
                (operand, operand.name in names or (is_full and operand.group is not Group.COUNTER))
                for operand in self._fetched
                if operand.source in sources
            ),
            self._arch.modes[definition.mode].name,
        )

    def _changed_by(self, post: bytes | None) -> list[int]:
        """Indices of the core operands whose source registers differ from the present state, ascending by register."""
        if post is None or post == self._state:
            return []
        difference = self._state_number ^ int.from_bytes(post, "big")
        top = 8 * self._core_bytes - 1
        changed: list[int] = []
        while difference:
            row = self._row_of_byte[(top - difference.bit_length() + 1) >> 3]
            difference &= self._below_row[row]
            for index in self._operands_of_row[row]:
                operand, (start, end) = self._core[index], self._slices[index]
                if operand.whole or operand.value_of(post[start:end], self._byte_order) != self._values[index]:
                    changed.append(index)
        return changed

    def _apply(self, post: bytes, changed: Iterable[int]) -> None:
        """Make ``post`` the state."""
        for index in changed:
            operand, (start, end) = self._core[index], self._slices[index]
            value = operand.value_of(post[start:end], self._byte_order)
            self._values[index] = value
            self._before[index] = operand.before(value)
            self._after[index] = operand.after(value)
        self._state = post
        self._state_number = int.from_bytes(post, "big")

    def _add_fetched(self, step: Step, shape: _Shape, entries: list[bytes], after_entries: list[bytes]) -> None:
        """List the registers outside ``g``."""
        for operand, is_listed in shape.fetched:
            value = operand.value_of(step.fetched_pre[operand.source], self._byte_order)
            if step.post is None:
                if is_listed:
                    entries.append(operand.before(value))
                continue
            value_after = operand.value_of(step.fetched_post[operand.source], self._byte_order)
            if is_listed or (value_after != value and operand.group is not Group.COUNTER):
                entries.append(operand.before(value))
                after_entries.append(operand.after(value_after))
