"""AVR's interrupts and memory (AVR Instruction Set Manual; QEMU's ``target/avr/helper.c``)."""

from __future__ import annotations

from gdbtrace.arch.model import AddressKind, Registers, StateBefore, SystemLevel, Taken

DATA_SPACE = 0x800000
"""Where QEMU, gdb and ELF files have data memory; code begins at 0."""
_INTERRUPTS_ON = 1 << 7
"""SREG.I."""
_VECTOR_BYTES = 4
"""Of the cores that have JMP, as all that QEMU has machines of."""
_MOST_VECTORS = 128
_SLEEP = b"\x88\x95"


def _returns_to(before: StateBefore, after: Registers) -> int | None:
    """The return address that an interrupt has just pushed, highest byte first."""
    size = before["sp"] - after["sp"]
    try:
        return 2 * int.from_bytes(after.read_memory(DATA_SPACE + after["sp"] + 1, size), "big")
    except KeyError:
        return None


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    # No instruction both jumps and clears the flag.
    pc = after["pc"]
    if pc == before["pc"] + len(before.instruction) or pc % _VECTOR_BYTES or pc >= _MOST_VECTORS * _VECTOR_BYTES:
        return None
    if not before["sreg"] & _INTERRUPTS_ON or after["sreg"] & _INTERRUPTS_ON:
        return None
    is_waiting = before.instruction == _SLEEP
    return Taken(pc // _VECTOR_BYTES, is_interrupt=True, returns_to=_returns_to(before, after) if is_waiting else None)


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    return address


AVR_SYSTEM = SystemLevel(
    taken=_taken,
    physical=_physical,
    monitored={
        "skip": r"^SKIP:\s*([0-9a-f]+)",
        **{name: rf"^{name}:\s*([0-9a-f]+)" for name in ("rampD", "rampX", "rampY", "rampZ")},
    },
)


__all__ = ["AVR_SYSTEM", "DATA_SPACE"]
