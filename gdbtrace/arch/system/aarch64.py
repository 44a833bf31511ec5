"""AArch64 as firmware sees it ("Arm ARM" is DDI 0487, part D).

An exception's number is the offset of its vector from the base (D1.3.1: the level and stack pointer it comes from, and
whether it is synchronous, an IRQ, an FIQ or an SError), with the exception class (ESR_ELx.EC, D17.2.37) in the low six
bits of a synchronous one: 0x215 is an SVC at the current level, 0x480 an IRQ from a lower one.
"""

from __future__ import annotations

import re

from gdbtrace.arch.model import AddressKind, MonitorCommand, Registers, StateBefore, SystemLevel, Taken
from gdbtrace.errors import ProtocolError

_GPA = re.compile(r"gpa: (0x[0-9a-f]+)")
_WORD = re.compile(r": (0x[0-9a-f]{16})")

_VECTOR_BYTES, _VECTORS_BYTES = 0x80, 0x800
_SYNCHRONOUS = 0
_SAVED = 0xF00003DF
"""Bits of cpsr that an exception saves unchanged: flags, masks, and the level and stack pointer."""
_AARCH32 = 1 << 4
_VBAR = ("", "VBAR", "VBAR_EL2", "VBAR_EL3")
_SCTLR = ("SCTLR", "SCTLR", "SCTLR_EL2", "SCTLR_EL3")
_CALLS = frozenset({0xD4000001, 0xD4000002, 0xD4000003})
_DATA_ABORTS = frozenset({0x24, 0x25})
_FAR_NOT_VALID = 1 << 10
_WFI = bytes.fromhex("7f2003d5")
_HCR_VM, _HCR_DC, _HCR_TGE, _HCR_E2H = 1, 1 << 12, 1 << 27, 1 << 34


def _value(registers: Registers, name: str) -> int:
    """A register that not every processor has, or 0."""
    try:
        return registers[name]
    except KeyError:
        return 0


def _level(status: int) -> int:
    """The exception level."""
    return status >> 2 & 3


def _is_call(instruction: bytes) -> bool:
    """SVC, HVC, SMC, which exceptions return behind."""
    return int.from_bytes(instruction, "little") & 0xFFE0001F in _CALLS


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    pc = after["pc"]
    if pc % _VECTOR_BYTES:
        return None
    level = _level(after["cpsr"])
    if not level or not 0 <= (offset := pc - after[_VBAR[level]]) < _VECTORS_BYTES:
        return None
    if (after.anew(f"SPSR_EL{level}") ^ before["cpsr"]) & _SAVED:
        return None
    returns_to, came_from = after.anew(f"ELR_EL{level}"), before["pc"]
    is_interrupt = offset // _VECTOR_BYTES % 4 != _SYNCHRONOUS
    is_passed = before.instruction == _WFI if is_interrupt else _is_call(before.instruction)
    if returns_to != came_from and not (is_passed and returns_to == came_from + 4):
        return None
    if is_interrupt:
        return Taken(offset, is_interrupt=True, returns_to=returns_to)
    syndrome = after.anew(f"ESR_EL{level}")
    cause = syndrome >> 26 & 63
    has_address = cause in _DATA_ABORTS and not syndrome & _FAR_NOT_VALID
    return Taken(offset + cause, refused=after.anew(f"FAR_EL{level}") if has_address else None)


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    level = _level(registers["cpsr"])
    if level < 2:
        hypervisor = _value(registers, "HCR_EL2")
        if hypervisor & (_HCR_VM | _HCR_DC):
            return None
        if not level and hypervisor & _HCR_TGE and hypervisor & _HCR_E2H:
            level = 2
    return None if registers[_SCTLR[level]] & 1 else address


def _translate(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
    """QEMU's own translation, which is of a load at the present level: where that is not allowed (a page to be executed
    alone, one of EL0's while PAN keeps EL1 off it), the tables say it.
    """
    printed = monitor(f"gva2gpa {address:#x}")
    if found := _GPA.search(printed):
        return int(found[1], 16)
    if _level(registers["cpsr"]) > 1 or _value(registers, "HCR_EL2") & (_HCR_VM | _HCR_DC | _HCR_TGE):
        return None
    return _walk(monitor, registers, address)


_GRANULE_OF_LOW = {0: 12, 1: 16, 2: 14}
_GRANULE_OF_HIGH = {1: 14, 2: 12, 3: 16}
"""TCR_EL1.TG0 and TG1 -> bits of a page's offset."""
_ADDRESS_BITS = (1 << 48) - 1


def _walk(monitor: MonitorCommand, registers: Registers, address: int) -> int | None:
    """What the tables of EL1 and EL0 map an address to, whoever may use it (Arm ARM D8.3); None: nothing."""
    control = registers["TCR_EL1"]
    is_high = address >> 55 & 1
    unused_bits = control >> (16 if is_high else 0) & 63
    granules = _GRANULE_OF_HIGH if is_high else _GRANULE_OF_LOW
    page_bits = granules.get(control >> (30 if is_high else 14) & 3)
    if page_bits is None:
        return None
    used_bits, index_bits = 64 - unused_bits, page_bits - 3
    if address >> used_bits & (1 << 56 - used_bits) - 1 != ((1 << 56 - used_bits) - 1 if is_high else 0):
        return None
    levels = -(-(used_bits - page_bits) // index_bits)
    address &= (1 << used_bits) - 1
    table = registers["TTBR1_EL1" if is_high else "TTBR0_EL1"] & _ADDRESS_BITS & ~1
    for remaining in reversed(range(levels)):
        shift = page_bits + index_bits * remaining
        index = address >> shift & ((1 << index_bits) - 1)
        descriptor = _read_word(monitor, table + 8 * index)
        if not descriptor & 1 or not (remaining or descriptor & 2):
            return None
        if not remaining or not descriptor & 2:
            return descriptor & _ADDRESS_BITS & -(1 << shift) | address & (1 << shift) - 1
        table = descriptor & _ADDRESS_BITS & -(1 << page_bits)
    return None


def _read_word(monitor: MonitorCommand, address: int) -> int:
    printed = monitor(f"xp/1gx {address:#x}")
    found = _WORD.search(printed)
    if found is None:
        raise ProtocolError(printed, f"QEMU does not show the translation table at {address:#x}")
    return int(found[1], 16)


AARCH64_LEVEL = SystemLevel(taken=_taken, physical=_physical, translate=_translate, address_space="TTBR0_EL1")

# ---- the registers that instructions name ---------------------------------------------------------------------------

_OF_EACH_LEVEL = {
    **{
        (1, 0, 1): "ACTLR",
        (2, 0, 0): "TTBR0",
        (2, 0, 1): "TTBR1",
        (2, 0, 2): "TCR",
        (4, 0, 0): "SPSR",
        (4, 0, 1): "ELR",
    },
    **{(5, 1, 0): "AFSR0", (5, 1, 1): "AFSR1", (5, 2, 0): "ESR", (6, 0, 0): "FAR", (10, 2, 0): "MAIR"},
}
"""(CRn, CRm, op2) of registers that EL1, EL2 and EL3 have alike."""
_OP1_OF_LEVEL = {1: 0, 2: 4, 3: 6}
_STATUS = ("cpsr",)
SYSTEM_REGISTERS: dict[tuple[int, int, int, int, int], tuple[str, ...]] = {
    **{
        (3, op1, *place): (f"{name}_EL{level}",)
        for level, op1 in _OP1_OF_LEVEL.items()
        for place, name in _OF_EACH_LEVEL.items()
    },
    (2, 0, 0, 2, 2): ("MDSCR_EL1",),
    (2, 0, 1, 0, 4): ("OSLSR_EL1",),  # OSLAR_EL1, whose effect that one shows
    (2, 0, 1, 1, 4): ("OSLSR_EL1",),
    (2, 0, 1, 3, 4): ("OSDLR_EL1",),
    (3, 0, 1, 0, 0): ("SCTLR",),
    (3, 0, 1, 0, 2): ("CPACR",),
    **{(3, 0, 4, 2, op2): _STATUS for op2 in (0, 2, 3, 4)},  # SPSel, CurrentEL, PAN, UAO
    (3, 0, 4, 1, 0): ("SP_EL0",),
    (3, 0, 7, 4, 0): ("PAR_EL1",),
    (3, 0, 9, 14, 1): ("PMINTENSET_EL1",),
    (3, 0, 10, 3, 0): ("AMAIR0",),
    (3, 0, 12, 0, 0): ("VBAR",),
    (3, 0, 13, 0, 1): ("CONTEXTIDR_EL1",),
    (3, 0, 13, 0, 4): ("TPIDR_EL1",),
    (3, 0, 14, 1, 0): ("CNTKCTL",),
    (3, 1, 0, 0, 1): ("CLIDR",),
    (3, 1, 0, 0, 7): ("AIDR",),
    (3, 1, 11, 0, 2): ("L2CTLR_EL1",),
    (3, 1, 11, 0, 3): ("L2ECTLR_EL1",),
    (3, 1, 15, 2, 0): ("CPUACTLR_EL1",),
    (3, 1, 15, 2, 1): ("CPUECTLR_EL1",),
    (3, 1, 15, 3, 0): ("CBAR_EL1",),
    (3, 2, 0, 0, 0): ("CSSELR",),
    **{(3, 3, 4, 2, op2): _STATUS for op2 in (0, 1, 6)},  # NZCV, DAIF, SSBS
    **{
        (3, 3, 9, 12, op2): (f"{name}_EL0",)
        for op2, name in {0: "PMCR", 1: "PMCNTENSET", 2: "PMCNTENCLR", 3: "PMOVSCLR", 5: "PMSELR"}.items()
    },
    (3, 3, 9, 14, 0): ("PMUSERENR_EL0",),
    **{
        (3, 3, 14, crm, op2): (f"{timer}_{name}_EL0",)
        for crm, timer in {2: "CNTP", 3: "CNTV"}.items()
        for op2, name in {0: "CVAL", 1: "CTL", 2: "CVAL"}.items()  # TVAL is a way to CVAL
    },
    (3, 4, 0, 0, 0): ("VPIDR_EL2",),
    (3, 4, 0, 0, 5): ("VMPIDR_EL2",),
    (3, 4, 1, 0, 0): ("SCTLR_EL2",),
    (3, 4, 1, 1, 0): ("HCR_EL2",),
    (3, 4, 1, 1, 1): ("MDCR_EL2",),
    (3, 4, 1, 1, 2): ("CPTR_EL2",),
    (3, 4, 1, 1, 3): ("HSTR_EL2",),
    (3, 4, 1, 1, 7): ("HACR_EL2",),
    (3, 4, 2, 1, 0): ("VTTBR_EL2",),
    (3, 4, 2, 1, 2): ("VTCR_EL2",),
    (3, 4, 4, 1, 0): ("SP_EL1",),
    (3, 4, 6, 0, 4): ("HPFAR_EL2",),
    (3, 4, 10, 3, 0): ("AMAIR_EL2",),
    (3, 4, 12, 0, 0): ("VBAR_EL2",),
    (3, 4, 13, 0, 1): ("CONTEXTIDR_EL2",),
    (3, 4, 13, 0, 2): ("TPIDR_EL2",),
    (3, 4, 14, 0, 3): ("CNTVOFF_EL2",),
    (3, 4, 14, 1, 0): ("CNTHCTL_EL2",),
    **{(3, 4, 14, 2, op2): (f"CNTHP_{name}_EL2",) for op2, name in {0: "CVAL", 1: "CTL", 2: "CVAL"}.items()},
    (3, 6, 1, 0, 0): ("SCTLR_EL3",),
    (3, 6, 1, 1, 0): ("SCR_EL3",),
    (3, 6, 1, 1, 1): ("SDER32_EL3",),
    (3, 6, 1, 1, 2): ("CPTR_EL3",),
    (3, 6, 1, 3, 1): ("MDCR_EL3",),
    (3, 6, 4, 1, 0): ("SP_EL2",),
    (3, 6, 10, 3, 0): ("AMAIR_EL3",),
    (3, 6, 12, 0, 0): ("VBAR_EL3",),
    (3, 6, 13, 0, 2): ("TPIDR_EL3",),
    **{(3, 7, 14, 2, op2): (f"CNTPS_{name}_EL1",) for op2, name in {0: "CVAL", 1: "CTL", 2: "CVAL"}.items()},
}
"""(op0, op1, CRn, CRm, op2) of MRS and MSR -> what QEMU 7.2's stub calls the register."""


def changes_system(crn: int, crm: int, op2: int) -> bool:
    """Whether a register decides how an address is translated and where an exception goes: SCTLR, HCR and SCR, the
    translation tables and their control, VBAR."""
    return crn == 2 or (crn == 1 and crm < 2 and not op2) or (crn, crm, op2) == (12, 0, 0)


__all__ = ["AARCH64_LEVEL", "SYSTEM_REGISTERS", "changes_system"]
