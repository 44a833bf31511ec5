"""z/Architecture as firmware sees it ("PoP" is SA22-7832, the Principles of Operation).

An interruption stores the old PSW and its code in the prefix area, the 8 KiB at real address 0, and loads the new PSW
from there (PoP chapter 6).  Its number is the old PSW's offset there, which tells the class, and the code that the
class has.  Neither the stub nor the monitor shows the prefix register: it is where QEMU says that real address 0 is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from gdbtrace.arch.model import AddressKind, MonitorCommand, Registers, StateBefore, SystemLevel, Taken
from gdbtrace.arch.system.translation import gva2gpa

GENERAL = tuple(f"r{i}" for i in range(16))

WAIT = 1 << 49
"""PSW bit 14."""
DAT = 1 << 58
"""PSW bit 5."""
_SPACE_SHIFT = 46
_SECONDARY, _HOME = 2, 3
"""PSW bits 16 and 17: whose addresses are translated. (QEMU does not have access-register mode.)"""
_PREFIX_AREA_BYTES = 0x2000


class _Class(NamedTuple):
    """A class of interruptions: where the prefix area has what belongs to it."""

    old_psw: int
    code: int | None
    """Of two bytes; None: it has none that fits."""
    is_interrupt: bool
    """It is not the instruction at the PSW that causes it."""

    @property
    def new_psw(self) -> int:
        return self.old_psw + 0x80


_CLASSES = (
    _Class(0x120, None, is_interrupt=True),  # restart
    _Class(0x130, 0x86, is_interrupt=True),  # external
    _Class(0x140, 0x8A, is_interrupt=False),  # supervisor call
    _Class(0x150, 0x8E, is_interrupt=False),  # program
    _Class(0x160, None, is_interrupt=True),  # machine check
    _Class(0x170, 0xBA, is_interrupt=True),  # input/output: the subchannel's number
)
_SUPERVISOR_CALL = 0x140
_LOW_BYTES = 0x200
"""As much of the prefix area as all that is in."""
_LOADS_OF_PSW = frozenset((b"\xb2\xb2", *(bytes((0x82, second)) for second in range(256))))
"""The first two bytes of LPSWE and LPSW."""


def _psw(area: bytes, offset: int) -> tuple[int, int]:
    return int.from_bytes(area[offset : offset + 8], "big"), int.from_bytes(area[offset + 8 : offset + 16], "big")


@lru_cache(maxsize=16)
def _new_psws(area: bytes) -> dict[tuple[int, int], tuple[_Class, ...]]:
    """Where interruptions go, and of which classes."""
    found: dict[tuple[int, int], tuple[_Class, ...]] = {}
    for each in _CLASSES:
        psw = _psw(area, each.new_psw)
        found[psw] = (*found.get(psw, ()), each)
    return found


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    """An interruption: the PSW is a new PSW of the prefix area, and the old PSW there is what it was.

    An interruption that repeats the latest one of its class to the last bit leaves no other trace than that; the same
    trace is there when an instruction that changes no register goes to just that new PSW by itself. Only in that case
    can the two not be told apart, and it is taken for an interruption.
    """
    prefix = after["prefix"]
    known = after.read_kept(prefix, _LOW_BYTES)
    psw = (after["pswm"], after["pswa"])
    if psw not in _new_psws(known):
        return None
    return _taken_to(psw, before, after, known, after.read_physical(prefix, _LOW_BYTES))


def _taken_to(psw: tuple[int, int], before: StateBefore, after: Registers, known: bytes, area: bytes) -> Taken | None:
    """The interruptions that led to a new PSW.

    :param known: the prefix area before.
    :param area: the same afterwards.
    """
    old = mask, address = before["pswm"], before["pswa"]
    following = address + len(before.instruction)
    has_changed = any(before[name] != after[name] for name in GENERAL)
    classes = _new_psws(known)
    for each in classes.get(psw, ()):
        found = old_mask, old_address = _psw(area, each.old_psw)
        is_new = found != _psw(known, each.old_psw)
        code = 0 if each.code is None else int.from_bytes(area[each.code : each.code + 2], "big")
        number = each.old_psw << 16 | code
        at = {"pswm": old_mask, "pswa": old_address}
        if not each.is_interrupt:
            if old_address in (address, following) and (is_new or (not has_changed and old_mask == mask)):
                return Taken(number, is_executed=has_changed)
        elif found == old and not has_changed:
            return Taken(number, is_interrupt=True, returns_to=old_address)
        elif before.instruction[:2] in _LOADS_OF_PSW and (is_new or old_mask & WAIT):
            # The instruction loaded a PSW that waits, and the wait is over; or one that enabled the interruption.
            return Taken(number, is_interrupt=True, returns_to=old_address, found=at)
        elif is_new and found in classes and found != psw:
            # What was taken first enabled this one, before its handler began.
            first = _taken_to(found, before, after, known, area)
            if first is not None:
                last = Taken(number, is_interrupt=True, returns_to=old_address, found=at)
                return first._replace(following=last)
    return None


# --- Translation ------------------------------------------------------------------------------------------------------

_DOUBLEWORD = re.compile(r": 0x([0-9a-f]{16})")

_REAL_SPACE, _ORIGIN = 0x20, ~0xFFF
_INVALID, _TYPE, _LENGTH = 0x20, 0x0C, 3
_LARGE = 0x400
"""Region-third and segment-table entries: it maps the whole of it (format control)."""
_PAGE_INVALID = 0x400
_EDAT = 1 << 23
"""Control register 0: there are large frames."""
_LEVEL_SHIFTS = {0: 20, 1: 31, 2: 42, 3: 53}
"""Table type (segment, region third, second, first) -> the lowest bit of its index."""
_INDEX = 0x7FF


def _walk(monitor: MonitorCommand, registers: Registers, address: int, control: str) -> int | None:
    """The real address that dynamic address translation gives (PoP chapter 3), as QEMU's ``mmu_translate_asce`` goes.

    By hand, since ``gva2gpa`` knows neither the secondary space nor how to leave the storage keys alone.
    """
    asce = registers[control]
    if asce & _REAL_SPACE:
        return address
    level, table, offset, length = (asce & _TYPE) >> 2, asce & _ORIGIN, 0, asce & _LENGTH
    if address >> (_LEVEL_SHIFTS[level] + 11):
        return None
    has_large = registers["cr0"] & _EDAT
    while True:
        index = address >> _LEVEL_SHIFTS[level] & _INDEX
        if not offset <= index >> 9 <= length:
            return None
        entry = _read_doubleword(monitor, table + 8 * index)
        if entry is None or entry & _INVALID or (entry & _TYPE) >> 2 != level:
            return None
        if level <= 1 and has_large and entry & _LARGE:
            frame = (1 << _LEVEL_SHIFTS[level]) - 1
            return (entry & ~frame & ((1 << 64) - 1)) | (address & frame)
        if level == 0:
            break
        level, table, offset, length = level - 1, entry & _ORIGIN, entry >> 6 & 3, entry & _LENGTH
    page = _read_doubleword(monitor, (entry & ~0x7FF) + 8 * (address >> 12 & 0xFF))
    if page is None or page & _PAGE_INVALID:
        return None
    return (page & _ORIGIN) | (address & 0xFFF)


def _read_doubleword(monitor: MonitorCommand, address: int) -> int | None:
    found = _DOUBLEWORD.search(monitor(f"xp /1xg {address:#x}"))
    return None if found is None else int(found[1], 16)


def _prefix(monitor: MonitorCommand, registers: Registers) -> int:
    """Where the prefix area is. With translation on it can only be found if something is mapped to it; that it is
    virtual page 0 is what every operating system does."""
    real = _real_address(monitor, registers, 0, AddressKind.CODE)
    found = gva2gpa(monitor, registers, 0, AddressKind.CODE)
    return 0 if found is None or real is None or real >= _PREFIX_AREA_BYTES else found - real


def _real_address(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
    if not registers["pswm"] & DAT or kind is AddressKind.PHYSICAL:
        return address
    return _walk(monitor, registers, address, _CONTROL.get(kind) or _control(registers, kind))


_CONTROL = {AddressKind.PRIMARY: "cr1", AddressKind.SECONDARY: "cr7"}


def _control(registers: Registers, kind: AddressKind) -> str:
    """The control register that has the designation of the space which a plain address is of."""
    space = registers["pswm"] >> _SPACE_SHIFT & 3
    if space == _HOME:
        return "cr13"
    # In the secondary-space mode instructions are still fetched from the primary space.
    return "cr7" if space == _SECONDARY and kind is AddressKind.DATA else "cr1"


def _absolute(real: int, prefix: int) -> int:
    """Prefixing exchanges two areas (PoP chapter 3)."""
    if real < _PREFIX_AREA_BYTES:
        return real + prefix
    return real - prefix if 0 <= real - prefix < _PREFIX_AREA_BYTES else real


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    """Addresses that an instruction says are real are of the kind that is not translated."""
    is_real = kind is AddressKind.PHYSICAL or not registers["pswm"] & DAT
    return _absolute(address, registers["prefix"]) if is_real else None


def _translate(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
    real = _real_address(monitor, registers, address, kind)
    return None if real is None else _absolute(real, registers["prefix"])


def destinations(registers: Registers, psw: tuple[int, int]) -> tuple[int, ...]:
    """Where loading a PSW may go: to it, or, if that is refused or enables an interruption, to a handler; not at all if
    it waits.

    A handler that is but an instruction that loads a PSW cannot be told from itself.
    """
    mask, address = psw
    if mask & WAIT:
        return ()
    area = registers.read_kept(registers["prefix"], _LOW_BYTES)
    handlers = {_psw(area, each.new_psw)[1] for each in _CLASSES if each.old_psw != _SUPERVISOR_CALL}
    return (address, *sorted(handlers - {registers["pswa"], address}))


def _is_waiting(registers: Registers) -> bool:
    return bool(registers["pswm"] & WAIT)


SYSTEM_LEVEL = SystemLevel(
    taken=_taken,
    physical=_physical,
    translate=_translate,
    address_space="cr1",
    derived={"prefix": _prefix},
    # A wait that ends without its interrupt goes on with whatever is at the wait PSW's address.
    waiting_step=5,
    is_waiting=_is_waiting,
)

__all__ = ["SYSTEM_LEVEL", "destinations"]
