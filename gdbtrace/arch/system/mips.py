"""MIPS as firmware sees it ("MIPS-III" is volume III of MIPS Architecture For Programmers, release 6.03).

Exceptions have the numbers of Cause.ExcCode; interrupts are number 0.  The stub shows Status, Cause and BadVAddr,
QEMU's monitor EPC; where the vectors are (EBase) neither does.  Taking an exception sets Status.EXL; one that is taken
while it is set already is told by Cause, BadVAddr and where it goes.
"""

from __future__ import annotations

from gdbtrace.arch.model import AddressKind, ByteOrder, Registers, StateBefore, SystemLevel, Taken

_EXL, _ERL = 1 << 1, 1 << 2
_CODE = 0x1F << 2
"""Cause.ExcCode."""
_INTERRUPT = 0
_UNUSABLE = 11
"""Coprocessor unusable."""
_PENDING = 0xFF00
"""Status.IM and Cause.IP."""
_GENERAL_VECTORS = frozenset((0x180, 0x380))
"""Where in its page the general vector is, which exceptions on top of another one go to: of handlers in memory, and in
the boot ROM."""
_SEGMENT_CONTROL = 1 << 25
"""Config3.SC."""
_WINDOW = 0x1FFF_FFFF


def _writes(word: int, *registers: int) -> bool:
    """Whether it is mtc0 or dmtc0 to one of these coprocessor registers, of select 0."""
    return word >> 26 == 0x10 and word >> 21 & 31 in (4, 5) and word >> 11 & 31 in registers and not word & 7


def _is_branch(word: int) -> bool:
    """Whether it has a delay slot (volume II-A, appendix A)."""
    major = word >> 26
    if major == 0x00:
        return word & 0x3F in (0x08, 0x09)  # jr, jalr
    if major == 0x11:
        return word >> 21 & 31 in (0x08, 0x09, 0x0A)
    return 0x01 <= major <= 0x07 or 0x14 <= major <= 0x17 or major == 0x1D


_STATUS, _CAUSE = 12, 13

_POOL32A_CONTROL = 0x3C
_MOVES = {0x03: 0x00, 0x0B: 0x04, 0x23: 0x00, 0x2B: 0x04}
"""Bits 11 to 6 -> mfc0, mtc0 (bit 5 is part of the select)."""
_FUNCTIONS = {0x04D: 0x01, 0x08D: 0x02, 0x0CD: 0x06, 0x10D: 0x03, 0x14D: 0x04, 0x24D: 0x20, 0x38D: 0x1F, 0x3CD: 0x18}
"""Bits 15 to 6 -> tlbr, tlbwi, tlbwr, tlbinv, tlbinvf, wait, deret, eret."""


def compact_control(word: int) -> int | None:
    """The instruction of the 32-bit encoding that one of microMIPS is, if it is one of coprocessor 0."""
    if word >> 26 or word & 0x3F != _POOL32A_CONTROL:
        return None
    if (move := _MOVES.get(word >> 6 & 0x3F)) is not None:
        return 0x10 << 26 | move << 21 | (word >> 21 & 31) << 16 | (word >> 16 & 31) << 11 | word >> 11 & 7
    function = _FUNCTIONS.get(word >> 6 & 0x3FF)
    return None if function is None else 0x10 << 26 | 1 << 25 | function


def has_micromips(registers: Registers) -> bool:
    """Whether the processor's compact encoding is microMIPS, not MIPS16e (Config3.ISA)."""
    return bool(registers["config3"] >> 14 & 3)


def system_level(bits: int, byte_order: ByteOrder) -> SystemLevel:
    """The facts for one width and byte order."""
    mask = (1 << bits) - 1
    unmapped = 0x8000_0000 if bits == 32 else 0xFFFF_FFFF_8000_0000
    mapped = unmapped + 0x4000_0000

    def control_of(before: StateBefore, config: Registers) -> int:
        """The instruction, in the 32-bit encoding, if it is one of coprocessor 0; else any."""
        data = before.instruction
        if not before["pc"] & 1:
            return int.from_bytes(data, byte_order)
        if len(data) != 4 or not has_micromips(config):
            return 0
        halves = (int.from_bytes(data[:2], byte_order), int.from_bytes(data[2:], byte_order))
        return compact_control(halves[0] << 16 | halves[1]) or 0

    def taken(before: StateBefore, after: Registers) -> Taken | None:
        level = after["sr"] & (_EXL | _ERL)
        if not level & _EXL:
            return None
        code = (after["cause"] & _CODE) >> 2
        if before["sr"] & _EXL:
            return Taken(code) if _is_nested(before, after) else None
        if _writes(control_of(before, after), _STATUS) and code != _UNUSABLE:
            # The instruction has set it, unless it was interrupted.
            is_plain = after["pc"] == (before["pc"] + 4) & mask
            if code != _INTERRUPT or is_plain:
                return None
        is_interrupt = code == _INTERRUPT
        return Taken(code, is_interrupt, after["epc"] & ~1 if is_interrupt else None)

    def _is_nested(before: StateBefore, after: Registers) -> bool:
        """Whether a handler has raised an exception itself."""
        pc, address = after["pc"], before["pc"]
        if pc & 0xFFF not in _GENERAL_VECTORS or pc == (address + len(before.instruction)) & mask:
            return False
        if (before["cause"] ^ after["cause"]) & _CODE and not _writes(control_of(before, after), _CAUSE):
            return True
        if before["bad"] != after["bad"]:
            return True
        # The same cause once more; a branch to the vector looks like that as well.
        try:
            previous = int.from_bytes(after.read_memory((address - 4) & mask, 4), byte_order)
        except KeyError:
            return True
        return not _is_branch(previous)

    def physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
        if unmapped <= address < mapped and not registers["config3"] & _SEGMENT_CONTROL:
            return address & _WINDOW
        return None

    def is_woken(registers: Registers) -> bool:
        return bool(registers["sr"] & registers["cause"] & _PENDING)

    return SystemLevel(
        taken=taken,
        physical=physical,
        address_space="asid",
        monitored={
            "epc": r"\bEPC\s+0x([0-9a-f]+)",
            "config3": r"\bConfig3 0x([0-9a-f]+)",
        },
        # Bit 0 of the stub's program counter is the instruction set.
        code_base="zero",
        code_mask=mask & ~1,
        is_woken=is_woken,
    )


def is_system_instruction(word: int) -> bool:
    """What may change how an address is translated, or which of them there are."""
    if word >> 26 != 0x10:
        return False
    selector, number = word >> 21 & 31, word >> 11 & 31
    if selector & 0x10:
        return word & 0x3F in _SYSTEM_FUNCTIONS
    return selector in (4, 5) and number in _SYSTEM_REGISTERS


_SYSTEM_FUNCTIONS = frozenset((0x02, 0x03, 0x04, 0x06, 0x18, 0x1F))
"""tlbwi, tlbinv, tlbinvf, tlbwr, eret, deret."""
_SYSTEM_REGISTERS = frozenset((4, 5, 10, _STATUS, 15, 16))
"""Context (with its MemoryMapID), PageMask (with the segment controls), EntryHi, Status, EBase, Config."""
_ENTRY_HI = 10


def writes_entry_hi(word: int) -> bool:
    """mtc0, dmtc0 to EntryHi."""
    return _writes(word, _ENTRY_HI)


__all__ = ["compact_control", "has_micromips", "is_system_instruction", "system_level", "writes_entry_hi"]
