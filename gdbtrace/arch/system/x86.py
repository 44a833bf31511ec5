"""The x86 processor as firmware sees it (Intel SDM volume 3; QEMU's target/i386).

QEMU's stub does not show the hidden halves of segment registers, nor the table registers: they come from the monitor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from gdbtrace.arch.model import (
    AddressKind,
    CoreRegisters,
    MonitorCommand,
    Registers,
    StateBefore,
    SystemLevel,
    Taken,
)
from gdbtrace.arch.system.translation import gva2gpa
from gdbtrace.arch.x86_segments import (
    BIG_SEGMENT,
    LONG_MODE_ACTIVE,
    LONG_SEGMENT,
    PAGING,
    PROTECTION_ENABLE,
    SEGMENT_BASES,
    number_at,
)
from gdbtrace.errors import ProtocolError

MODE_NAMES: Mapping[int, str] = {16: "x86:16", 32: "x86:32", 64: "x86:64"}
"""What a frame's mode is called, by the width of code."""
SYSTEM_MANAGEMENT_INTERRUPT = 256
"""Which has no vector: how an exception frame calls it."""

_TRAP_FLAG, _INTERRUPT_FLAG = 1 << 8, 1 << 9
_LONGEST = 15
_SMI_ENTRY = 0x8000
"""Offset of the handler in its segment (SDM vol. 3, 31.3.2)."""
_A20_BIT = 1 << 20
_57_BIT_ADDRESSES = 1 << 12
"""Of CR4: LA57."""
_CANONICAL = (0, (1 << 17) - 1)
"""The upper 17 bits of an address, without LA57."""

_SEGMENT = r"^{} =[0-9a-f]{{4}} "
_HEX = "([0-9a-f]+)"


def _hidden(segment: str) -> dict[str, str]:
    """The rows of ``info registers``: selector, base, limit, flags (the descriptor's second word)."""
    name, start = segment.lower(), _SEGMENT.format(segment)
    return {f"{name}_base": start + _HEX, f"{name}_flags": start + r"[0-9a-f]+ [0-9a-f]+ " + _HEX}


MONITORED: Mapping[str, str] = {
    **{name: pattern for segment in ("CS", "SS", "DS", "ES") for name, pattern in _hidden(segment).items()},
    **{f"{table.lower()}_base": rf"^{table}= +{_HEX} " for table in ("GDT", "IDT")},
    **{f"{table.lower()}_limit": rf"^{table}= +[0-9a-f]+ {_HEX}" for table in ("GDT", "IDT")},
    "ldt_base": rf"^LDT=[0-9a-f]{{4}} {_HEX} ",
    "ldt_limit": rf"^LDT=[0-9a-f]{{4}} [0-9a-f]+ {_HEX}",
    "tr_base": rf"^TR =[0-9a-f]{{4}} {_HEX} ",
    "a20": r"A20=([01])",
    "smm": r"SMM=([01])",
    "pic0_in_service": rf"^pic0: .*isr={_HEX}",
    "pic0_vectors": rf"^pic0: .*irq_base={_HEX}",
    "pic1_in_service": rf"^pic1: .*isr={_HEX}",
    "pic1_vectors": rf"^pic1: .*irq_base={_HEX}",
}
"""See :attr:`~gdbtrace.arch.model.SystemLevel.monitored`."""
_PRINTED_BY: Mapping[str, str] = {name: "info pic" for name in MONITORED if name.startswith("pic")}

_REARRANGING_PORTS = frozenset(
    {
        *(0x60, 0x64, 0x92),  # the keyboard controller and port 92 have the A20 gate
        0xB2,  # system management interrupt
        *(0x3C5, 0x3CF),  # VGA: how its memory appears
        *range(0x514, 0x51C),  # QEMU's fw_cfg: writes to memory
        *range(0xCFC, 0xD00),  # PCI configuration: base addresses, ROM shadowing, SMRAM
    }
)
_FIRST_PCI_PORT = 0x1000
"""From here on PCI devices have their own, which may be anything: doorbells, bus mastering."""


def rearranges_memory(port: int) -> bool:
    """Whether output to an I/O port may change where memory is, or what is in it, on QEMU's PC."""
    return port in _REARRANGING_PORTS or port >= _FIRST_PCI_PORT


def code_bits(registers: CoreRegisters) -> Literal[16, 32, 64]:
    """The width of the code at a stop: CS.L in long mode, else CS.D."""
    flags = registers["cs_flags"]
    if flags & LONG_SEGMENT and registers["efer"] & LONG_MODE_ACTIVE:
        return 64
    return 32 if flags & BIG_SEGMENT else 16


# --- Exceptions -------------------------------------------------------------------------------------------------------


class _Gate(NamedTuple):
    """How an entry of the interrupt table says to get to a handler."""

    vector: int
    slot_bytes: int
    """Of what is pushed."""


class _Entry(NamedTuple):
    """What an exception left on the stack."""

    gate_bytes: int
    has_error_code: bool
    saved_pc: int
    is_near: bool
    """It is where the processor was, or right behind: else only the trap flag can have raised it."""


# In protected mode these push an error code, and no interrupt does (SDM vol. 3, table 6-1).
_WITH_ERROR_CODE = frozenset((8, 10, 11, 12, 13, 14, 17, 21))
_FIRST_FREE_VECTOR = 32
_GENERAL_PROTECTION, _PAGE_FAULT, _INVALID_OPCODE, _DEBUG = 13, 14, 6, 1
_NON_MASKABLE_INTERRUPT = 2
_REAL_MODE_IRQS = frozenset(range(8, 16)) - {_GENERAL_PROTECTION}
"""Where the BIOS has IRQ 0 to 7; of the exceptions with the same numbers real mode has only 13."""
_PROTECTED_IRQS = frozenset(range(8, 16))
"""The same in protected mode, where what has no error code is an interrupt."""
_HALT = b"\xf4"
_GATES_AT_ONCE = 32
_NOWHERE = -1
# What these say is found out from what has been loaded: a divisor, bounds, a selector's descriptor.
_AFTER_LOADS: Mapping[int, int] = dict.fromkeys((0, 5, 10, 11, 12, _GENERAL_PROTECTION), _NOWHERE)
# Types of gates (SDM vol. 3, table 3-2) -> bytes of a slot outside long mode.
_GATE_BYTES = {6: 2, 7: 2, 14: 4, 15: 4}


class _Exceptions:
    """Telling the entry of an exception from a jump.

    An exception moves the stack pointer by its frame's size, or changes to another stack.  Where that has happened the
    stack must hold such a frame, for where the processor was; and the interrupt table must have a gate to where it is.

    Not seen: task gates.
    """

    def __init__(self, bits: Literal[32, 64]) -> None:
        letter = "r" if bits == 64 else "e"
        self._pc, self._sp = f"{letter}ip", f"{letter}sp"

    def taken(self, before: StateBefore, after: Registers) -> Taken | None:
        """See :attr:`~gdbtrace.arch.model.SystemLevel.taken`."""
        moved = before[self._sp] - after[self._sp]
        is_other_stack = before["ss"] != after["ss"]
        if before["eflags"] & _TRAP_FLAG:
            # The instruction is done, whatever it did to the stack pointer.
            return self._entered(before, after, self._slots(after))
        if not moved and not is_other_stack:
            pc = after[self._pc]
            if pc == _SMI_ENTRY:
                return self._management_interrupt(after)
            # With a stack of its own (IST) an exception in its own handler's first instruction goes nowhere.
            if pc != before[self._pc] or not after["efer"] & LONG_MODE_ACTIVE:
                return None
        if after["efer"] & LONG_MODE_ACTIVE:
            # In long mode any exception may have a stack of its own; but pushes and pops of one word are none.
            return None if moved in (8, -8) and not is_other_stack else self._entered(before, after, (8,))
        if not after["cr0"] & PROTECTION_ENABLE:
            return self._entered(before, after, (2,)) if moved & 0xFFFF == 6 else None
        if is_other_stack:
            return self._entered(before, after, (4, 2))
        if moved & 0xFFFF in (12, 16):
            return self._entered(before, after, (4,))
        return self._entered(before, after, (2,)) if moved & 0xFFFF in (6, 8) else None

    def _slots(self, after: CoreRegisters) -> tuple[int, ...]:
        """How wide what an exception pushes may be."""
        if after["efer"] & LONG_MODE_ACTIVE:
            return (8,)
        return (4, 2) if after["cr0"] & PROTECTION_ENABLE else (2,)

    def _management_interrupt(self, after: Registers) -> Taken | None:
        was_in = after["smm"]
        if was_in or not after.anew("smm"):
            return None
        return Taken(SYSTEM_MANAGEMENT_INTERRUPT, is_interrupt=True)

    def _entered(self, before: StateBefore, after: Registers, slots: tuple[int, ...]) -> Taken | None:
        if before["ss"] != after["ss"]:
            after.anew("ss_base")
        entries = list(self._iter_entries(before, after, slots))
        if not entries:
            return None
        gates = list(_iter_gates(after, after[self._pc]))
        for entry in entries:
            vectors = [
                gate.vector
                for gate in gates
                if gate.slot_bytes == entry.gate_bytes
                and (entry.is_near or gate.vector == _DEBUG)
                and (entry.gate_bytes == 2 or not entry.has_error_code or gate.vector in _WITH_ERROR_CODE)
            ]
            if vectors:
                return self._taken_by(before, after, entry, vectors)
        return None

    def _iter_entries(self, before: StateBefore, after: Registers, slots: tuple[int, ...]) -> Iterator[_Entry]:
        """Frames on the stack that fit where the processor was."""
        pc, sp, stack_base = before[self._pc], after[self._sp], after["ss_base"]
        is_long = 8 in slots
        is_big = is_long or bool(after["ss_flags"] & BIG_SEGMENT)
        start = sp if is_long else (stack_base + (sp if is_big else sp & 0xFFFF)) & 0xFFFF_FFFF
        is_traced = bool(before["eflags"] & _TRAP_FLAG)
        for size in slots:
            mask = (1 << 8 * size) - 1
            for has_error_code in (False, True):
                at = start + (size if has_error_code else 0)
                frame = number_at(after, at, 3 * size)
                if frame is None:
                    continue
                saved_pc, saved_cs = frame & mask, frame >> 8 * size & 0xFFFF
                is_near = saved_cs == before["cs"] & 0xFFFF and (saved_pc - pc) & mask <= _LONGEST
                if is_near or is_traced:
                    yield _Entry(size, has_error_code, saved_pc, is_near)

    def _taken_by(self, before: StateBefore, after: Registers, entry: _Entry, vectors: list[int]) -> Taken:
        """Which one of the vectors whose handler it is.

        Where a handler serves several, the instruction, what is on the stack and the interrupt controller (i8259)
        decide; what is left open is taken to be the first.
        """
        code, returns_to = before.instruction, entry.saved_pc
        is_enabled = bool(before["eflags"] & _INTERRUPT_FLAG)
        if (entry.saved_pc - before[self._pc]) & ((1 << 8 * entry.gate_bytes) - 1):
            software = _software_vector(code)
            if software in vectors:
                return Taken(software, is_executed=True)
            if is_enabled and code[:1] == _HALT:
                return Taken(_interrupt_among(after, vectors), is_interrupt=True, returns_to=returns_to)
            return Taken(_DEBUG if _DEBUG in vectors else vectors[0], is_executed=True)
        if is_enabled and not entry.has_error_code:
            irqs = _PROTECTED_IRQS if after["cr0"] & PROTECTION_ENABLE else _REAL_MODE_IRQS
            possible = [vector for vector in vectors if vector >= _FIRST_FREE_VECTOR or vector in irqs]
            if possible:
                return Taken(_interrupt_among(after, possible), is_interrupt=True, returns_to=returns_to)
        number = vectors[0]
        if len(vectors) > 1:
            number = _fault_among(vectors, _without_prefixes(code), entry, is_new=before["cr2"] != after["cr2"])
        if number == _NON_MASKABLE_INTERRUPT:
            return Taken(number, is_interrupt=True, returns_to=returns_to)
        return Taken(number, refused=after["cr2"] if number == _PAGE_FAULT else _AFTER_LOADS.get(number))


def _iter_gates(registers: Registers, pc: int) -> Iterator[_Gate]:
    """The gates of the interrupt table to where the processor is."""
    is_long = bool(registers["efer"] & LONG_MODE_ACTIVE)
    is_protected = bool(registers["cr0"] & PROTECTION_ENABLE)
    gate_bytes = 16 if is_long else 8 if is_protected else 4
    selector = registers["cs"]
    for vector in range(min(256, (registers["idt_limit"] + 1) // gate_bytes)):
        if not vector % _GATES_AT_ONCE:
            try:
                some = registers.read_memory(registers["idt_base"] + vector * gate_bytes, _GATES_AT_ONCE * gate_bytes)
            except KeyError:
                return
        gate = int.from_bytes(some[vector % _GATES_AT_ONCE * gate_bytes :][:gate_bytes], "little")
        if not is_protected:
            if (gate >> 16, gate & 0xFFFF) == (selector & 0xFFFF, pc):
                yield _Gate(vector, 2)
            continue
        slot_bytes = _GATE_BYTES.get(gate >> 40 & 15)
        offset = gate & 0xFFFF | gate >> 32 & 0xFFFF_0000
        if is_long:
            offset, slot_bytes = offset & 0xFFFF_FFFF | gate >> 64 << 32 & 0xFFFF_FFFF_0000_0000, slot_bytes and 8
        if slot_bytes and offset == pc and (gate >> 16 ^ selector) & 0xFFFC == 0:
            yield _Gate(vector, slot_bytes)


def _interrupt_among(registers: Registers, vectors: list[int]) -> int:
    """The interrupt that has just been taken: the one that the interrupt controller says is in service."""
    if len(vectors) > 1:
        for name in ("pic0", "pic1"):
            try:
                in_service, first = registers.anew(f"{name}_in_service"), registers[f"{name}_vectors"]
            except ProtocolError:
                break  # a machine without one
            for line in range(8):
                if in_service >> line & 1 and first + line in vectors:
                    return first + line
    return vectors[0]


def _fault_among(vectors: list[int], code: bytes, entry: _Entry, *, is_new: bool) -> int:
    """The fault that an instruction has most likely raised, where several have one handler.

    :param code: from its opcode on.
    :param is_new: the address of the latest page fault is another one than before.
    """
    if entry.has_error_code:
        likely = [_PAGE_FAULT] if is_new else [_GENERAL_PROTECTION]
    else:
        likely = [_LIKELY_FAULTS.get(code[0], _INVALID_OPCODE)] if code else []
    return next((vector for vector in likely if vector in vectors), vectors[0])


# Opcodes -> what they raise: divide error, bound range exceeded, x87 error.
_LIKELY_FAULTS: Mapping[int, int] = {
    0xF6: 0,
    0xF7: 0,
    0xD4: 0,
    0x62: 5,
    0x9B: 16,
    **dict.fromkeys(range(0xD8, 0xE0), 16),
}
# Those of 64-bit mode among them (REX) are increments and decrements elsewhere, which raise nothing.
_PREFIXES = b"\xf0\xf2\xf3\x2e\x36\x3e\x26\x64\x65\x66\x67" + bytes(range(0x40, 0x50))


def _software_vector(code: bytes) -> int | None:
    """The vector that an instruction is there to raise."""
    if code[:1] == b"\xcd":
        return code[1]
    return {0xCC: 3, 0xCE: 4, 0xF1: 1}.get(code[0]) if code else None


def _without_prefixes(code: bytes) -> bytes:
    return code.lstrip(_PREFIXES)


def system_level(bits: Literal[32, 64]) -> SystemLevel:
    """The facts for a processor whose registers have ``bits``."""

    def translate(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
        # QEMU translates what is not canonical as if it was.
        if address >> 47 not in _CANONICAL and not registers["cr4"] & _57_BIT_ADDRESSES:
            return None
        return gva2gpa(monitor, registers, address, kind)

    def physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
        if registers["cr0"] & PAGING:
            return None
        return address if registers["a20"] else address & ~_A20_BIT

    return SystemLevel(
        taken=_Exceptions(bits).taken,
        physical=physical,
        translate=translate,
        address_space="cr3",
        monitored=MONITORED,
        printed_by=_PRINTED_BY,
        ambient=SEGMENT_BASES,
        has_empty_steps=True,
        code_base="cs_base",
        code_mask=(1 << bits) - 1,
    )


__all__ = [
    "MODE_NAMES",
    "MONITORED",
    "SYSTEM_MANAGEMENT_INTERRUPT",
    "code_bits",
    "rearranges_memory",
    "system_level",
]
