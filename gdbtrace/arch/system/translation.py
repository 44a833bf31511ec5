"""QEMU's own translation of addresses, by its monitor. Pure, but for the command that it is given."""

from __future__ import annotations

import re

from gdbtrace.arch.model import AddressKind, MonitorCommand, Registers
from gdbtrace.errors import ProtocolError

# printf's "%#x" has no 0x before a zero.
_PHYSICAL = re.compile(r"gpa: (?:0x)?([0-9a-f]+)")


def gva2gpa(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
    """What QEMU says, for any kind; it changes nothing on most targets.

    :raise ProtocolError: it makes no sense.
    """
    printed = monitor(f"gva2gpa {address:#x}")
    if found := _PHYSICAL.search(printed):
        return int(found[1], 16)
    if "Unmapped" in printed:
        return None
    raise ProtocolError(printed, f"QEMU does not say where {address:#x} is mapped")


__all__ = ["gva2gpa"]
