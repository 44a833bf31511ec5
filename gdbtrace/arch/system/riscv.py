"""RISC-V's privileged architecture (its manual, volume II)."""

from __future__ import annotations

from gdbtrace.arch.model import AddressKind, CoreRegisters, Registers, SystemLevel, Taken

_MACHINE_LEVEL = 3
_VECTORED = 1
_MPRV = 1 << 17
SYSTEM_CSRS = frozenset(
    {
        *(0x100, 0x105, 0x180),  # sstatus, stvec, satp
        *(0x300, 0x305, 0x310),  # mstatus, mtvec, mstatush
        *range(0x3A0, 0x3F0),  # physical memory protection
        *(0x200, 0x205, 0x280, 0x600, 0x680),  # vsstatus, vstvec, vsatp, hstatus, hgatp
    }
)
"""What decides how an address is translated and where a trap goes."""
_LEVELS = (("mtvec", "mepc", "mcause", "mtval"), ("stvec", "sepc", "scause", "stval"))
_ACCESS_CAUSES = frozenset({4, 5, 6, 7, 13, 15})
"""Loads and stores that were misaligned, refused, or not mapped: the level's ``tval`` is where."""


def _numbered(first: int, *names: str) -> dict[int, str]:
    return dict(enumerate(names, first))


PRIVILEGED_CSRS = {
    **_numbered(0x100, "sstatus"),
    **_numbered(0x104, "sie", "stvec", "scounteren"),
    0x10A: "senvcfg",
    **_numbered(0x140, "sscratch", "sepc", "scause", "stval", "sip"),
    0x180: "satp",
    **_numbered(0x200, "vsstatus"),
    **_numbered(0x204, "vsie", "vstvec"),
    **_numbered(0x240, "vsscratch", "vsepc", "vscause", "vstval", "vsip"),
    0x280: "vsatp",
    **_numbered(0x300, "mstatus", "misa", "medeleg", "mideleg", "mie", "mtvec", "mcounteren"),
    0x30A: "menvcfg",
    0x310: "mstatush",
    0x31A: "menvcfgh",
    0x320: "mcountinhibit",
    **_numbered(0x340, "mscratch", "mepc", "mcause", "mtval", "mip"),
    **_numbered(0x34A, "mtinst", "mtval2"),
    **_numbered(0x3A0, *(f"pmpcfg{index}" for index in range(16))),
    **_numbered(0x3B0, *(f"pmpaddr{index}" for index in range(64))),
    0x600: "hstatus",
    **_numbered(0x602, "hedeleg", "hideleg", "hie", "htimedelta", "hcounteren", "hgeie"),
    0x60A: "henvcfg",
    **_numbered(0x643, "htval", "hip", "hvip"),
    0x64A: "htinst",
    0x680: "hgatp",
    **_numbered(0x7A0, "tselect", "tdata1", "tdata2", "tdata3", "tinfo"),
    0xB00: "mcycle",
    0xB02: "minstret",
    0xE12: "hgeip",
    **_numbered(0xF11, "mvendorid", "marchid", "mimpid", "mhartid", "mconfigptr"),
}
"""What instructions name by number, as QEMU's stub names it (its target/riscv/csr.c)."""


def system_level(bits: int) -> SystemLevel:
    """The facts for ``bits`` of XLEN."""
    interrupt = 1 << (bits - 1)

    def taken(before: CoreRegisters, after: Registers) -> Taken | None:
        """A trap: the program counter is where the vector says, and the level's ``epc`` is where it was."""
        pc = after["pc"]
        for vector, epc, cause, value in _LEVELS:
            if vector not in after:
                continue
            # What no instruction has written cannot have changed, except by a trap: the vector is not read again.
            base = after[vector]
            if pc == base & ~3 or (base & 3 == _VECTORED and 0 < pc - (base & ~3) < 4 * bits):
                reason = after.anew(cause)
                number = reason & ~interrupt
                is_interrupt = bool(reason & interrupt)
                if base & 3 == _VECTORED and pc != (base & ~3) + (4 * number if is_interrupt else 0):
                    continue
                came_from = after.anew(epc)
                # A wait that an interrupt ended has been executed.
                if came_from == before["pc"] or (is_interrupt and came_from == before["pc"] + 4):
                    is_refused = not is_interrupt and number in _ACCESS_CAUSES
                    # An interrupt's number alone would be an exception's, too.
                    return Taken(reason, is_interrupt, came_from, refused=after.anew(value) if is_refused else None)
        return None

    def physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
        level = registers["priv"]
        if level == _MACHINE_LEVEL and kind is AddressKind.DATA and registers["mstatus"] & _MPRV:
            level = registers["mstatus"] >> 11 & 3
        if (
            level == _MACHINE_LEVEL
            or "satp" not in registers
            or not registers["satp"] >> (bits - 1 if bits == 32 else 60)
        ):
            return address
        return None

    def is_woken(registers: Registers) -> bool:
        return bool(registers["mip"] & registers["mie"])

    return SystemLevel(taken=taken, physical=physical, address_space="satp", ambient=("priv",), is_woken=is_woken)


__all__ = ["PRIVILEGED_CSRS", "SYSTEM_CSRS", "system_level"]
