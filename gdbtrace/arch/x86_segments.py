"""x86 segmentation as firmware sees it: the stack segment, the descriptors that far transfers and segment loads read.

References: Intel SDM volume 3, chapters 3, 5 and 6; what is read in which case, and in what order, is as QEMU's
``target/i386/tcg/seg_helper.c`` has it.

Registers that only QEMU's monitor shows are in the names below (``ss_base``, ``gdt_base``, ...;
``gdbtrace/arch/system/x86.py``).

Not followed: call gates and task switches, of which the gate's descriptor is listed and nothing beyond it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gdbtrace.arch.model import AccessKind, CoreRegisters, Registers, Span

L, S = AccessKind.LOAD, AccessKind.STORE

SEGMENT_BASES = ("cs_base", "ss_base", "ds_base", "es_base")
"""Those that are not in ``g``."""
PROTECTION_ENABLE, PAGING = 1 << 0, 1 << 31
"""Of CR0."""
FAST_SAVE_AND_RESTORE = 1 << 9
"""Of CR4: OSFXSR."""
LONG_MODE_ACTIVE, FAST_FXSAVE = 1 << 10, 1 << 14
"""Of EFER: LMA and FFXSR."""
NESTED_TASK, VIRTUAL_8086 = 1 << 14, 1 << 17
"""Of EFLAGS."""
LONG_SEGMENT, BIG_SEGMENT = 1 << 21, 1 << 22
"""Of a descriptor's second word: L and D/B."""
_ACCESSED = 1 << 8
_CODE_OR_DATA = 1 << 12
_32_BITS = 0xFFFF_FFFF
_16_BITS = 0xFFFF


def is_protected(registers: CoreRegisters) -> bool:
    """Whether selectors are looked up in descriptor tables: neither in real nor in virtual 8086 mode."""
    return bool(registers["cr0"] & PROTECTION_ENABLE) and not registers["eflags"] & VIRTUAL_8086


def privilege_level(registers: CoreRegisters) -> int:
    """The current privilege level."""
    if not registers["cr0"] & PROTECTION_ENABLE:
        return 0
    return 3 if registers["eflags"] & VIRTUAL_8086 else registers["cs"] & 3


class Stack(NamedTuple):
    """Where a stack pointer points."""

    base: int
    mask: int
    """Which bits of the stack pointer count."""
    linear_mask: int

    def at(self, pointer: int) -> int:
        """The linear address of what is at a stack pointer."""
        return (self.base + (pointer & self.mask)) & self.linear_mask

    def iter_spans(self, kind: AccessKind, pointer: int, slot_bytes: int, slots: int) -> list[Span]:
        """Some slots from a stack pointer up: one span, unless the stack pointer wraps among them."""
        size = slot_bytes * slots
        if (pointer & self.mask) + size <= self.mask + 1:
            return [Span(kind, self.at(pointer), size)]
        return [Span(kind, self.at(pointer + slot_bytes * slot), slot_bytes) for slot in range(slots)]


LONG_STACK = Stack(0, (1 << 64) - 1, (1 << 64) - 1)
"""In 64-bit mode."""

StackFunction = Callable[[Registers], Stack]


def long_stack(registers: Registers) -> Stack:
    """64-bit mode's stack."""
    return LONG_STACK


def segmented_stack(registers: Registers) -> Stack:
    """Any other mode's."""
    return Stack(registers["ss_base"], _32_BITS if registers["ss_flags"] & BIG_SEGMENT else _16_BITS, _32_BITS)


def number_at(registers: Registers, address: int, size: int) -> int | None:
    """A number in guest memory; None: it cannot be read, and whoever needs it will fault."""
    try:
        return int.from_bytes(registers.read_memory(address, size), "little")
    except KeyError:
        return None


# --- Descriptors ------------------------------------------------------------------------------------------------------


def descriptor(registers: Registers, selector: int, size: int = 8) -> list[Span]:
    """The load of the descriptor that a selector selects; nothing of the null selector, or beyond the table."""
    index = selector & 0xFFF8
    if not selector & 0xFFFC:
        return []
    table = "ldt" if selector & 4 else "gdt"
    if index + size - 1 > registers[f"{table}_limit"]:
        return []
    return [Span(L, registers[f"{table}_base"] + index, size)]


def loaded_data_segment(registers: Registers, selector: int) -> list[Span]:
    """A data segment register gets a value: its descriptor is read, and marked as accessed if it was not."""
    spans = descriptor(registers, selector)
    for _, address, _ in spans:
        second = number_at(registers, address + 4, 4)
        if second is not None and not second & _ACCESSED:
            return [*spans, Span(S, address + 4, 4)]
    return spans


def system_segment(registers: Registers, selector: int, *, is_task: bool) -> list[Span]:
    """``lldt`` and ``ltr``: system descriptors have 16 bytes in long mode; that of a task becomes busy."""
    size = 16 if registers["efer"] & LONG_MODE_ACTIVE else 8
    if selector & 4:
        return []
    spans = descriptor(registers, selector, size)
    return [*spans, *(Span(S, span.address + 4, 4) for span in spans if is_task)]


def is_code_segment(registers: Registers, selector: int) -> bool:
    """Whether a far jump or call goes straight into a segment, not through a gate."""
    for _, address, _ in descriptor(registers, selector):
        second = number_at(registers, address + 4, 4)
        return second is not None and bool(second & _CODE_OR_DATA)
    return False


# --- Returns ----------------------------------------------------------------------------------------------------------


def far_return(registers: Registers, stack: Stack, pointer: int, slot_bytes: int, released: int) -> list[Span]:
    """``retf``: offset and selector; to an outer level the stack pointer and its segment too.

    :param released: bytes of parameters between the two.
    """
    if not is_protected(registers):
        # QEMU does not wrap the stack pointer between the two (translate.c, "lret").
        return [Span(L, stack.at(pointer), 2 * slot_bytes)]
    spans = stack.iter_spans(L, pointer, slot_bytes, 2)
    selector = number_at(registers, stack.at(pointer + slot_bytes), 2)
    if selector is None:
        return spans
    spans += descriptor(registers, selector)
    if selector & 3 != privilege_level(registers):
        spans += _outer_stack(registers, stack, pointer + 2 * slot_bytes + released, slot_bytes)
    return spans


def interrupt_return(registers: Registers, stack: Stack, pointer: int, slot_bytes: int, *, is_long: bool) -> list[Span]:
    """``iret``: offset, selector and flags; the stack pointer and its segment, and the other segments, as the case is.

    :param is_long: in 64-bit mode, which always has the stack pointer too.
    """
    if not is_protected(registers):
        # QEMU takes the low 16 bits of the stack pointer whatever the segment says (helper_iret_real).
        real = Stack(stack.base, _16_BITS, _32_BITS)
        return real.iter_spans(L, pointer, slot_bytes, 3)
    if registers["eflags"] & NESTED_TASK:
        return [] if registers["efer"] & LONG_MODE_ACTIVE else [Span(L, registers["tr_base"], 2)]
    spans = stack.iter_spans(L, pointer, slot_bytes, 3)
    selector = number_at(registers, stack.at(pointer + slot_bytes), 2)
    flags = number_at(registers, stack.at(pointer + 2 * slot_bytes), slot_bytes)
    if selector is None or flags is None:
        return spans
    if slot_bytes == 4 and flags & VIRTUAL_8086:
        return stack.iter_spans(L, pointer, slot_bytes, 9)
    spans += descriptor(registers, selector)
    if selector & 0xFFFC and (is_long or selector & 3 != privilege_level(registers)):
        spans += _outer_stack(registers, stack, pointer + 3 * slot_bytes, slot_bytes)
    return spans


def _outer_stack(registers: Registers, stack: Stack, pointer: int, slot_bytes: int) -> list[Span]:
    spans = stack.iter_spans(L, pointer, slot_bytes, 2)
    selector = number_at(registers, stack.at(pointer + slot_bytes), 2)
    return spans if selector is None else [*spans, *descriptor(registers, selector)]


__all__ = [
    "BIG_SEGMENT",
    "FAST_FXSAVE",
    "FAST_SAVE_AND_RESTORE",
    "LONG_MODE_ACTIVE",
    "LONG_SEGMENT",
    "LONG_STACK",
    "PAGING",
    "PROTECTION_ENABLE",
    "SEGMENT_BASES",
    "VIRTUAL_8086",
    "Stack",
    "StackFunction",
    "descriptor",
    "far_return",
    "interrupt_return",
    "is_code_segment",
    "is_protected",
    "loaded_data_segment",
    "long_stack",
    "number_at",
    "privilege_level",
    "segmented_stack",
    "system_segment",
]
