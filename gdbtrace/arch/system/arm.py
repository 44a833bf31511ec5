"""Arm's A profile in AArch32 state as firmware sees it ("Arm ARM" is DDI 0487, whose part G is about this).

An exception's number is the index of its vector: 1 undefined instruction, 2 supervisor call (and SMC, HVC), 3 prefetch
abort, 4 data abort, 5 trap to Hyp mode, 6 IRQ, 7 FIQ (G1.12.1).
"""

from __future__ import annotations

from gdbtrace.arch.model import AddressKind, CoreRegisters, Registers, StateBefore, SystemLevel, Taken

_FIQ_MODE, _IRQ_MODE, _SVC_MODE, _MON_MODE, _ABT_MODE, _HYP_MODE, _UND_MODE = 0x11, 0x12, 0x13, 0x16, 0x17, 0x1A, 0x1B
_MODE = 0x1F
_THUMB = 1 << 5
_UNDEFINED, _CALL, _PREFETCH_ABORT, _DATA_ABORT, _HYP_TRAP, _IRQ, _FIQ = range(1, 8)
_MODES_OF_VECTOR = (
    frozenset[int](),
    *(
        frozenset({mode, _HYP_MODE, *more})
        for mode, more in (
            *((_UND_MODE, ()), (_SVC_MODE, (_MON_MODE,)), (_ABT_MODE, (_MON_MODE,)), (_ABT_MODE, (_MON_MODE,))),
            *((_HYP_MODE, ()), (_IRQ_MODE, (_MON_MODE,)), (_FIQ_MODE, (_MON_MODE,))),
        )
    ),
)
"""The modes that each vector's exception is taken to."""
_SCR_NS = 1
_SCTLR_M, _SCTLR_V = 1, 1 << 13
_HCR_VM, _HCR_DC = 1, 1 << 12
_HIGH_VECTORS = 0xFFFF0000
_FCSE_BYTES = 1 << 25
_ALL_32 = (1 << 32) - 1


def _value(registers: Registers, name: str) -> int | None:
    """A register that not every processor has."""
    try:
        return registers[name]
    except KeyError:
        return None


def _bank(registers: Registers, mode: int) -> str:
    """What the stub appends to the names of registers that have an instance for each security state."""
    control = _value(registers, "SCR")
    return "" if control is None or (control & _SCR_NS and mode != _MON_MODE) else "_S"


def _is_call(instruction: bytes, *, is_thumb: bool) -> bool:
    """SVC, SMC, HVC."""
    word = int.from_bytes(instruction, "little")
    if not is_thumb:
        return word >> 24 & 15 == 15 or word & 0x0FFFFFF0 == 0x01600070 or word & 0xFFF000F0 == 0xE1400070
    if len(instruction) == 2:
        return word >> 8 == 0xDF
    return word & 0xF000FFF0 == 0x8000F7F0 or word & 0xF000FFF0 == 0x8000F7E0


def _is_call_of_function(instruction: bytes) -> bool:
    """A32's BL and BLX (register), which leave a return address that an exception could have left."""
    word = int.from_bytes(instruction, "little")
    return word >> 24 & 15 == 11 or word & 0x0FFFFFF0 == 0x012FFF30


def _vectors(registers: Registers, mode: int) -> int:
    """Where the vectors of exceptions that are taken to this mode begin."""
    if mode == _MON_MODE:
        return registers["MVBAR"]
    if mode == _HYP_MODE:
        return registers["VBAR_EL2"]
    bank = _bank(registers, mode)
    if registers[f"SCTLR{bank}"] & _SCTLR_V:
        return _HIGH_VECTORS
    return _value(registers, f"VBAR{bank}") or 0


def _return_address(before: StateBefore, after: CoreRegisters, vector: int) -> int:
    """The address that the exception came from, or would return to, by what it leaves in lr (Arm ARM G1.12.3)."""
    is_thumb = before["cpsr"] & _THUMB
    match vector:
        case 1:
            offset = 2 if is_thumb else 4
        case 2:
            offset = len(before.instruction)
        case 4:
            offset = 8
        case _:
            offset = 4
    return after["lr"] - offset & _ALL_32


def _is_taken(before: StateBefore, after: Registers, vector: int, mode: int) -> bool:
    """Whether being at a vector, in its mode, is an exception's doing."""
    pc = before["pc"]
    if vector == _CALL and not _is_call(before.instruction, is_thumb=bool(before["cpsr"] & _THUMB)):
        return False
    if mode == _HYP_MODE:
        # Its return address is in a register that the stub does not show. No instruction changes to this mode by
        # itself but the return from Monitor mode.
        return vector == _CALL or before["cpsr"] != after["cpsr"]
    came_from = _return_address(before, after, vector)
    if vector in (_IRQ, _FIQ):
        if came_from != pc and came_from != pc + len(before.instruction):
            return False
    elif came_from != pc:
        return False
    return before["cpsr"] != after["cpsr"] or not _is_call_of_function(before.instruction)


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    mode, pc = after["cpsr"] & _MODE, after["pc"]
    vector = pc >> 2 & 7
    if mode not in _MODES_OF_VECTOR[vector] or not _is_taken(before, after, vector, mode):
        return None
    if pc - 4 * vector != _vectors(after, mode):
        return None
    if vector in (_IRQ, _FIQ):
        return Taken(vector, is_interrupt=True, returns_to=_return_address(before, after, vector))
    refused = None
    if vector == _DATA_ABORT and mode == _ABT_MODE:
        refused = after.anew(f"DFAR{_bank(after, mode)}")
    return Taken(vector, refused=refused)


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    mode = registers["cpsr"] & _MODE
    if mode == _HYP_MODE:
        return None if registers["SCTLR_EL2"] & _SCTLR_M else address
    bank = _bank(registers, mode)
    if address < _FCSE_BYTES and _value(registers, f"FCSEIDR{bank}"):
        return None
    if not bank and (_value(registers, "HCR") or 0) & (_HCR_VM | _HCR_DC):
        return None
    # A processor without tables has a memory protection unit, which translates nothing.
    is_translated = registers[f"SCTLR{bank}"] & _SCTLR_M and _value(registers, f"TTBR0_EL1{bank}") is not None
    return None if is_translated else address


A_PROFILE = SystemLevel(taken=_taken, physical=_physical, address_space="TTBR0_EL1")

# ---- the registers that instructions name ---------------------------------------------------------------------------

_C0 = {(0, 0, 0, 0): "MIDR", (0, 0, 0, 1): "CTR", (0, 0, 0, 2): "TCMTR", (0, 0, 0, 3): "TLBTR"}
_IDENTIFICATION = ("PFR0", "PFR1", "DFR0", "AFR0", "MMFR0", "MMFR1", "MMFR2", "MMFR3")
_INSTRUCTION_SETS = (*(f"ID_ISAR{n}" for n in range(6)), "ID_MMFR4", "ID_ISAR6")
COPROCESSOR_15 = {
    **_C0,
    **{(0, 0, 1, n): f"ID_{name}" for n, name in enumerate(_IDENTIFICATION)},
    **{(0, 0, 2, n): name for n, name in enumerate(_INSTRUCTION_SETS)},
    **{
        (1, 0, 0, 1): "CLIDR",
        (1, 0, 0, 7): "AIDR",
        (2, 0, 0, 0): "CSSELR",
        (4, 0, 0, 0): "VPIDR",
        (4, 0, 0, 5): "VMPIDR",
    },
    **{(0, 1, 0, 0): "SCTLR", (0, 1, 0, 1): "ACTLR_EL1", (0, 1, 0, 2): "CPACR"},
    **{(0, 1, 1, 0): "SCR", (0, 1, 1, 1): "SDER", (0, 1, 1, 2): "NSACR"},
    **{(4, 1, 0, 0): "SCTLR_EL2", (4, 1, 0, 1): "ACTLR_EL2", (4, 1, 1, 0): "HCR", (4, 1, 1, 1): "MDCR_EL2"},
    **{(4, 1, 1, 2): "CPTR_EL2", (4, 1, 1, 3): "HSTR_EL2", (4, 1, 1, 7): "HACR_EL2"},
    **{(0, 2, 0, 0): "TTBR0_EL1", (0, 2, 0, 1): "TTBR1_EL1", (0, 2, 0, 2): "TTBCR"},
    **{(4, 2, 0, 2): "TCR_EL2", (4, 2, 1, 2): "VTCR", (0, 3, 0, 0): "DACR"},
    **{(0, 5, 0, 0): "DFSR", (0, 5, 0, 1): "IFSR", (0, 5, 1, 0): "AFSR0_EL1", (0, 5, 1, 1): "AFSR1_EL1"},
    **{(4, 5, 2, 0): "ESR_EL2", (0, 6, 0, 0): "DFAR", (0, 6, 0, 1): "WFAR", (0, 6, 0, 2): "IFAR"},
    **{(4, 6, 0, 0): "FAR_EL2", (4, 6, 0, 2): "HIFAR", (4, 6, 0, 4): "HPFAR", (0, 7, 4, 0): "PAR"},
    **{(0, 9, 12, n): name for n, name in enumerate(("PMCR", "PMCNTENSET", "PMCNTENCLR", "PMOVSR"))},
    **{(0, 9, 12, 5): "PMSELR", (0, 9, 13, 0): "PMCCNTR", (0, 9, 14, 0): "PMUSERENR", (0, 9, 14, 1): "PMINTENSET"},
    **{(1, 9, 0, 2): "L2CTLR", (1, 9, 0, 3): "L2ECTLR", (0, 10, 2, 0): "MAIR0", (0, 10, 2, 1): "MAIR1"},
    **{(0, 10, 3, 0): "AMAIR0", (0, 10, 3, 1): "AMAIR1", (4, 10, 2, 0): "MAIR_EL2", (4, 10, 2, 1): "HMAIR1"},
    **{(0, 12, 0, 0): "VBAR", (0, 12, 0, 1): "MVBAR", (4, 12, 0, 0): "VBAR_EL2"},
    **{(0, 13, 0, 0): "FCSEIDR", (0, 13, 0, 1): "CONTEXTIDR_EL1", (0, 13, 0, 2): "TPIDRURW", (0, 13, 0, 3): "TPIDRURO"},
    **{(0, 13, 0, 4): "TPIDRPRW", (4, 13, 0, 2): "TPIDR_EL2"},
    **{(0, 14, 0, 0): "CNTFRQ", (0, 14, 1, 0): "CNTKCTL", (0, 14, 2, 1): "CNTP_CTL", (0, 14, 3, 1): "CNTV_CTL"},
    **{(4, 14, 1, 0): "CNTHCTL_EL2", (4, 14, 2, 1): "CNTHP_CTL_EL2", (4, 15, 0, 0): "CBAR"},
}
"""(opc1, CRn, CRm, opc2) of MRC and MCR p15 -> what the stub calls the register."""
COPROCESSOR_15_OF_64_BITS = {
    **{(0, 2): "TTBR0", (1, 2): "TTBR1", (4, 2): "HTTBR", (6, 2): "VTTBR", (0, 7): "PAR"},
    **{(2, 14): "CNTP_CVAL", (3, 14): "CNTV_CVAL", (4, 14): "CNTVOFF", (6, 14): "CNTHP_CVAL"},
}
"""(opc1, CRm) of MRRC and MCRR p15 -> the same."""
TRANSLATING = frozenset({1, 2, 3, 8, 12})
"""CRn of registers that decide how an address is translated and where an exception goes: control, translation tables,
domains, maintenance of TLBs, vectors. (Of CRm where the register has 64 bits: 2.)"""
CONTEXT_REGISTERS = frozenset({(0, 13, 0, 0), (0, 13, 0, 1)})
"""FCSEIDR and CONTEXTIDR, which do too."""
WAIT = (0, 7, 0, 4)
"""The wait for interrupts of processors before Armv7."""

__all__ = [
    "A_PROFILE",
    "CONTEXT_REGISTERS",
    "COPROCESSOR_15",
    "COPROCESSOR_15_OF_64_BITS",
    "TRANSLATING",
    "WAIT",
]
