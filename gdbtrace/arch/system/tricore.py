"""TriCore's contexts and traps (Architecture Manual, volume 1, chapters 4 and 6).

QEMU 7.2 has no interrupts for it.  A trap of QEMU's ends no step: the step goes on with the handler's first
instruction.  So an instruction that will trap is run to the handler (:attr:`~gdbtrace.arch.model.StepRule.TRAPPING`),
which needs to be foreseen: what a save or restore of a context depends on is all in registers.
"""

from __future__ import annotations

from gdbtrace.arch.model import AddressKind, CoreRegisters, Registers, StateBefore, SystemLevel, Taken

_LINK = 0xFFFFF
"""Segment and offset of a context save area: FCX, LCX, and the low bits of PCXI."""
_UPPER = 1 << 22
"""PCXI.UL: the area holds an upper context."""
_DEPTH, _DEPTH_ENABLED = 0x7F, 1 << 7
"""PSW.CDC and PSW.CDE."""
_CONTEXT_MANAGEMENT, _SYSTEM_CALL = 3, 6
"""Trap classes."""
_AREA_IS_LAST, _LIST_IS_EMPTY = 1, 4
"""Trap identification numbers of class 3: free context list depletion and underflow."""

CALL, RETURN, RETURN_FROM_EXCEPTION, SAVE_LOWER, RESTORE_LOWER = range(5)
"""What an instruction does with contexts."""


def area_of(link: int) -> int:
    """The address of a context save area."""
    return (link & 0xF0000) << 12 | (link & 0xFFFF) << 6


def handler_of(registers: CoreRegisters, trap_class: int) -> int:
    """Where a trap is handled."""
    return registers["btv"] | trap_class << 5


def _is_deepest(psw: int) -> bool:
    """Whether one call more overflows PSW.CDC: a run of ones, a zero, and as many bits of counter as are left."""
    if psw & _DEPTH == _DEPTH:
        return False
    ones = f"{psw & _DEPTH:07b}".find("0")
    counter = (1 << 6 - ones) - 1
    return psw & counter == counter


def _is_outermost(psw: int) -> bool:
    """Whether one return more makes PSW.CDC underflow."""
    if psw & _DEPTH == _DEPTH:
        return False
    ones = f"{psw & _DEPTH:07b}".find("0")
    return not psw & (1 << 6 - ones) - 1


def _will_trap(registers: CoreRegisters, instruction: int) -> bool:
    psw, link = registers["psw"], registers["pcxi"]
    is_counting = bool(psw & _DEPTH_ENABLED)
    if instruction in (CALL, SAVE_LOWER):
        free = registers["fcx"]
        is_too_deep = instruction == CALL and is_counting and _is_deepest(psw)
        return not free or free == registers["lcx"] or is_too_deep
    if not link & _LINK or bool(link & _UPPER) == (instruction == RESTORE_LOWER):
        return True
    if instruction == RETURN:
        return is_counting and _is_outermost(psw)
    return instruction == RETURN_FROM_EXCEPTION and is_counting and not _is_outermost(psw)


def context_traps(registers: CoreRegisters, instruction: int) -> tuple[int, ...]:
    """Where what a save or restore of a context ends in is handled; empty: it does not trap."""
    return (handler_of(registers, _CONTEXT_MANAGEMENT),) if _will_trap(registers, instruction) else ()


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    pc, come_from = after["pc"], before["pc"]
    if pc == come_from + len(before.instruction):
        return None
    trap_class = pc >> 5 & 7
    if pc != handler_of(after, trap_class):
        return None
    number = after["d15"]
    is_context = trap_class == _CONTEXT_MANAGEMENT
    returns_to = {_SYSTEM_CALL: come_from + 4}.get(trap_class, come_from)
    if is_context and number == _AREA_IS_LAST:
        # The area is used up; QEMU gives no return address.
        returns_to = 0
    if after["a11"] != returns_to:
        return None
    # A trap has saved the upper context, unless there is no room for it.
    if (after["pcxi"] ^ before["fcx"]) & _LINK and not (is_context and number in (_AREA_IS_LAST, _LIST_IS_EMPTY)):
        return None
    return Taken(trap_class << 8 | number)


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    """QEMU's TriCore has no translation."""
    return address


TRICORE_SYSTEM = SystemLevel(taken=_taken, physical=_physical)


__all__ = [
    "CALL",
    "RESTORE_LOWER",
    "RETURN",
    "RETURN_FROM_EXCEPTION",
    "SAVE_LOWER",
    "TRICORE_SYSTEM",
    "area_of",
    "context_traps",
    "handler_of",
]
