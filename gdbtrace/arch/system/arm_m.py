"""Arm's M profile as firmware sees it ("Armv7-M ARM" is DDI 0403).

Exceptions have the numbers that xPSR's IPSR shows while their handlers run.  No register says which ones are active, so
a change of IPSR is told to be an entry or a return by the instruction and the main stack pointer, which every handler
uses: a return pops a frame off it, an entry pushes one, and tail-chaining does neither (Armv7-M ARM B1.5.6 to B1.5.12).
"""

from __future__ import annotations

from typing import NamedTuple

from gdbtrace.arch.model import AddressKind, CoreRegisters, Registers, StateBefore, SystemLevel, Taken

_IPSR = 0x1FF
_NMI = 2
_PENDSV = 14
_SP, _PC = 13, 15
_LEAST_EXC_RETURN = 0xFF000000
"""Branching to this or more in a handler returns from the exception."""
_ON_PROCESS_STACK, _IS_BASIC_FRAME = 1 << 2, 1 << 4
"""Bits of it."""
_WAITS = (b"\x30\xbf", b"\xaf\xf3\x03\x80")
"""WFI, of 16 and 32 bits."""
_R = (*(f"r{n}" for n in range(13)), "sp", "lr", "pc")


class _Branch(NamedTuple):
    """An instruction that may return from an exception."""

    register: str
    """What it branches to; or, if ``offset`` is given, the base of the address that it loads that from."""
    offset: int | None = None
    popped: int = 0
    """In bytes: what it adds to the stack pointer."""


def _multiple(base: int, registers: int, *, is_before: bool, writes_back: bool) -> _Branch:
    size_bytes = 4 * registers.bit_count()
    change = -size_bytes if is_before else size_bytes
    return _Branch(_R[base], -4 if is_before else size_bytes - 4, change if writes_back and base == _SP else 0)


def _branch_of(instruction: bytes) -> _Branch | None:
    """BX, POP, LDM and LDR to the program counter (Armv7-M ARM B1.5.8)."""
    half = int.from_bytes(instruction[:2], "little")
    if len(instruction) == 2:
        if half & 0xFF87 == 0x4700:
            return _Branch(_R[half >> 3 & 15])
        if half & 0xFF00 == 0xBD00:
            return _multiple(_SP, half & 0x1FF, is_before=False, writes_back=True)
        return None
    rest, base = int.from_bytes(instruction[2:], "little"), half & 15
    writes_back = bool(half >> 5 & 1)
    if rest >> 15 and half & 0xFFD0 == 0xE890:
        return _multiple(base, rest, is_before=False, writes_back=writes_back)
    if rest >> 15 and half & 0xFFD0 == 0xE910:
        return _multiple(base, rest, is_before=True, writes_back=writes_back)
    if rest >> 12 != _PC or base == _PC:
        return None
    if half & 0xFFF0 == 0xF8D0:
        return _Branch(_R[base], rest & 0xFFF)
    if half & 0xFFF0 == 0xF850 and rest & 0x800:
        before, up, writes_back = bool(rest >> 10 & 1), bool(rest >> 9 & 1), bool(rest >> 8 & 1)
        offset = rest & 0xFF if up else -(rest & 0xFF)
        return _Branch(_R[base], offset if before else 0, offset if writes_back and base == _SP else 0)
    return None


def _goes_on(before: StateBefore, after: CoreRegisters) -> bool:
    """Whether the next instruction is simply the following one."""
    return after["pc"] == before["pc"] + len(before.instruction)


def _has_returned(before: StateBefore, after: Registers, branch: _Branch) -> bool:
    """Whether the branch was to an EXC_RETURN value."""
    if branch.offset is None:
        return before[branch.register] >= _LEAST_EXC_RETURN
    place = before[branch.register] + branch.offset & 0xFFFFFFFF
    try:
        return int.from_bytes(after.read_memory(place, 4), "little") >= _LEAST_EXC_RETURN
    except KeyError:
        return False


def _returns_to(before: StateBefore, after: Registers) -> int | None:
    """The return address in the frame that an exception's entry has just pushed (Armv7-M ARM B1.5.6)."""
    exc_return = after["lr"]
    if exc_return & _ON_PROCESS_STACK:
        # QEMU 7.2 does not show the process stack's pointer while a handler runs.
        size_bytes = 0x20 if exc_return & _IS_BASIC_FRAME else 0x68
        frame = before["sp"] - size_bytes & 0xFFFFFFF8
    else:
        frame = after["sp"]
    try:
        return int.from_bytes(after.read_memory(frame + 0x18, 4), "little")
    except KeyError:
        return None


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    number, active = after["xpsr"] & _IPSR, before["xpsr"] & _IPSR
    if not number:
        return None
    is_chained = False
    if active:
        if number == active:
            # Only one that was made pending again can follow itself.
            if after["lr"] < _LEAST_EXC_RETURN or _goes_on(before, after):
                return None
            branch = _branch_of(before.instruction)
            if branch is None or not _has_returned(before, after, branch):
                return None
            is_chained = True
        elif branch := _branch_of(before.instruction):
            pushed = before["sp"] + branch.popped - after["sp"]
            if pushed < 0:
                return None
            is_chained = not pushed
    if is_chained:
        # The instruction has returned from the other exception, without a frame being popped.
        return Taken(number, is_executed=True)
    is_interrupt = number == _NMI or number >= _PENDSV
    is_waiting = is_interrupt and before.instruction in _WAITS
    return Taken(number, is_interrupt, _returns_to(before, after) if is_waiting else None)


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    """The memory protection unit translates nothing."""
    return address


M_PROFILE = SystemLevel(taken=_taken, physical=_physical)


__all__ = ["M_PROFILE"]
