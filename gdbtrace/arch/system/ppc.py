"""PowerPC as firmware sees it: interrupts and translation of the server and desktop processors (Power ISA 3.1B,
book III) and of the embedded ones (Book E: e500, 440).

A number is the offset of the vector (0x300, 0x700, 0xc00), or on Book E the number of its IVOR register.
"""

from __future__ import annotations

from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.model import AddressKind, Registers, StateBefore, SystemLevel, Taken

_EXTERNAL_ENABLE, _PROBLEM_STATE = 1 << 15, 1 << 14
_INSTRUCTION_RELOCATE, _DATA_RELOCATE = 1 << 5, 1 << 4
_REAL_MASK = (1 << 60) - 1

_BRANCH_CONDITIONAL, _BRANCH, _BRANCH_TO_REGISTER = 16, 18, 19
_TO_REGISTER = {16: "lr", 528: "ctr"}
_ABSOLUTE = 2

_TABLE_BYTES = 0x2000
_TABLES = frozenset({0, 0xFFF0_0000, 0x1_8000, 0xC000_0000_0000_4000})
"""Where vectors may be: low, high (MSR[IP]), and where LPCR[AIL] leaves translation on."""
_INTERRUPTS = frozenset({0x500, 0x900, 0x980, 0xA00, 0xA80, 0xE80, 0xEA0, 0xF00, 0x1400, 0x1700})

_IVORS = (*range(16), *range(32, 38))
_BOOK_E_INTERRUPTS = frozenset({0, 4, 10, 11, 12, 36, 37})
_BOOK_E_RETURNS = {0: "csrr0", 1: "mcsrr0", 12: "csrr0", 15: "dsrr0", 37: "csrr0"}
"""What holds where it came from, if not srr0."""

SYSTEM_SPRS = frozenset(
    {
        *(25, 313, 318, 319, 464),  # SDR1, HRMOR, LPCR, LPIDR, PTCR
        *range(528, 544),  # BATs 0 to 3; the upper IVORs
        *range(560, 576),  # BATs 4 to 7
        *(48, 633, 634, 946, 1012),  # PID, PID1, PID2, MMUCR, MMUCSR0
        *(63, *range(400, 416)),  # IVPR, IVORs
    }
)
"""What decides how an address is translated and where an interrupt goes."""

LINE_BYTES = {0x8023: 64, 0x8024: 64, 0x8040: 64}
"""Cache lines by the processor's version, where they are not the usual ones: e500mc, e5500, e6500."""


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    """An interrupt: at its vector, and SRR0 has the instruction, or the one after a system call or a wait."""
    pc = after["pc"]
    if pc == before["pc"] + 4 or after["msr"] & (_EXTERNAL_ENABLE | _PROBLEM_STATE) or _jumps_to(before, pc):
        return None
    if "ivpr" in after:
        return _taken_by_book_e(before["pc"], pc, after)
    offset = pc % _TABLE_BYTES
    if offset < 0x100 or offset & 0x1F or pc - offset not in _TABLES:
        return None
    for name in ("srr0", "hsrr0"):
        if name in after:
            came_from = after.anew(name)
            if came_from in (before["pc"], before["pc"] + 4):
                return Taken(offset, offset in _INTERRUPTS, came_from)
    return None


def _jumps_to(before: StateBefore, pc: int) -> bool:
    """Whether the instruction is a branch there: SRR0 is its address too if a handler has just returned to it."""
    word = int.from_bytes(before.instruction, "little" if before["msr"] & 1 else "big")
    primary = word >> 26
    if primary in (_BRANCH_CONDITIONAL, _BRANCH):
        displacement = sign_extended(word & ~3, 16 if primary == _BRANCH_CONDITIONAL else 26)
        return not (displacement + (0 if word & _ABSOLUTE else before["pc"]) ^ pc) & 0xFFFF_FFFF
    if primary == _BRANCH_TO_REGISTER and (source := _TO_REGISTER.get(word >> 1 & 0x3FF)):
        return not (before[source] ^ pc) & 0xFFFF_FFFC
    return False


def _taken_by_book_e(came_from: int, pc: int, after: Registers) -> Taken | None:
    if pc & 0xF or (pc ^ after["ivpr"]) & ~0xFFFF:
        return None
    for number in _IVORS:
        if (name := f"ivor{number}") in after and after[name] & 0xFFF0 == pc & 0xFFFF:
            saved = _BOOK_E_RETURNS.get(number, "srr0")
            if saved in after and (returns_to := after.anew(saved)) in (came_from, came_from + 4):
                return Taken(number, number in _BOOK_E_INTERRUPTS, returns_to)
    return None


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    """Book E always translates; the others do not unless MSR[IR] or MSR[DR] says so."""
    if "ivpr" in registers:
        return None
    msr = registers["msr"]
    if kind is not AddressKind.CODE:
        return None if msr & _DATA_RELOCATE else address & _REAL_MASK
    if not msr & _INSTRUCTION_RELOCATE:
        return address & _REAL_MASK
    # QEMU's gva2gpa looks into the BATs for data first.
    return _block_translated(registers, address)


def _block_translated(registers: Registers, address: int) -> int | None:
    """What the instruction BATs make of an address (``ppc_hash32_bat_lookup`` of QEMU's target/ppc/mmu-hash32.c)."""
    number = 0
    valid = 1 if registers["msr"] & _PROBLEM_STATE else 2
    while f"ibat{number}u" in registers:
        upper = registers[f"ibat{number}u"]
        mask = 0xFFFE_0000 & ~((upper & 0x1FFC) << 15)
        if upper & valid and address & mask == upper & 0xFFFE_0000:
            return registers[f"ibat{number}l"] & mask | address & ~mask & 0xFFFF_FFFF
        number += 1
    return None


SYSTEM = SystemLevel(
    taken=_taken,
    physical=_physical,
    address_space="pid",
    # MSR[LE].
    turned=("msr", 1),
    monitored={"sr0": r"^(?:0x)?([0-9a-f]+)\r?$"},
    printed_by={"sr0": "print /x $sr0"},
)
"""Desktop processors have no PID: their address spaces differ in the segment registers, of which operating systems give
each space others; the first one stands for all."""

__all__ = ["LINE_BYTES", "SYSTEM", "SYSTEM_SPRS"]
