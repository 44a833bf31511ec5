"""Instructions that QEMU's logs have and a trace has not, or the other way round.

A log has what QEMU enters: an instruction that traps and runs again comes twice, one that is annulled or nullified
comes although it does nothing. Each rule looks at the bytes of the instruction before, in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gdbtrace.arch.model import ByteOrder
from gdbtrace.trace.frames import StdFrame

PREFIXES: Final = bytes.fromhex("f2 f3 66 67 26 2e 36 3e 64 65")
"""Of x86, but REX."""


def has_repeat_prefix(data: bytes) -> bool:
    """x86: ``rep``, perhaps: after the last iteration QEMU enters it once more, finds the count at zero, and leaves."""
    prefixes = data[: next((at for at, byte in enumerate(data) if byte not in PREFIXES), 0)]
    return bool(set(prefixes) & {0xF2, 0xF3})


def is_window(data: bytes) -> bool:
    """SPARC: a ``save``, ``restore`` or ``return`` that meets a full or empty window file traps, and runs again; a
    ``flushw`` does so for each window that it spills."""
    word = int.from_bytes(data, "big")
    return word >> 30 == 2 and (word >> 19) & 0x3F in (0x2B, 0x39, 0x3C, 0x3D)


def is_branch_likely(word: int) -> bool:
    """MIPS: QEMU finds out inside the delay slot that the slot is annulled."""
    opcode, rt = word >> 26, word >> 16 & 31
    return (
        opcode in (0x14, 0x15)
        or (opcode in (0x16, 0x17) and not rt)  # else a compact branch of release 6
        or (opcode == 1 and rt in (2, 3, 18, 19))
        or (opcode == 0x11 and word >> 21 & 31 == 8 and bool(rt & 2))
    )


def is_execute(data: bytes) -> bool:
    """s390x: most targets of an EXECUTE have a line of their own, at its address, with as many bytes of the target."""
    return data[:1] == b"\x44" or (data[:1] == b"\xc6" and not data[1] & 15)


def may_nullify(data: bytes) -> bool:
    """HPPA: an instruction with a condition, and a branch with ``,n`` (manual, chapter 4).

    QEMU goes past most of what they nullify as if it did nothing.
    """
    word = int.from_bytes(data, "big")
    opcode = word >> 26
    if opcode in (0x02, 0x24, 0x25, 0x2C, 0x2D):
        return bool(word >> 12 & 15)
    if opcode in (0x34, 0x35):
        return bool(word >> 13 & 7)
    if opcode == 0x0C:
        return word >> 9 & 3 == 2 and bool(word >> 5 & 1)
    is_branch = opcode in (*range(0x20, 0x24), *range(0x27, 0x2C), 0x2F, *range(0x30, 0x34), *range(0x38, 0x3C))
    return is_branch and bool(word >> 1 & 1)


def may_skip(data: bytes) -> bool:
    """AVR: ``cpse``, ``sbrc``, ``sbrs``, ``sbic`` and ``sbis`` (QEMU 7.2 enters what they skip)."""
    word = int.from_bytes(data[:2], "little")
    return word & 0xFC00 == 0x1000 or word & 0xFC08 == 0xFC00 or word & 0xFD00 == 0x9900


def _again(enters_again: Callable[[bytes], bool]) -> Callable[[StdFrame, int], bool]:
    """The same instruction is entered once more."""
    return lambda frame, address: address == frame.address and enters_again(frame.rawbytes)


def _annulled_slot(byte_order: ByteOrder) -> Callable[[StdFrame, int], bool]:
    def is_slot(frame: StdFrame, address: int) -> bool:
        return address == frame.address + 4 and is_branch_likely(int.from_bytes(frame.rawbytes, byte_order))

    return is_slot


def _nullified(frame: StdFrame, address: int) -> bool:
    return may_nullify(frame.rawbytes) and any(
        operand.as_int() == address for operand in frame.pre if not operand.is_memory and operand.name == "pcoqt"
    )


def _again_on_x86(frame: StdFrame, address: int) -> bool:
    """Besides a ``rep``, one that stores into its own page faults there, drops the page's code, and runs again
    (``TARGET_HAS_PRECISE_SMC``)."""
    return address == frame.address and (has_repeat_prefix(frame.rawbytes) or bool(frame.memory_writes()))


def _on_avr(frame: StdFrame, address: int) -> bool:
    """An access to a device that has to end its block is made again (``cpu_io_recompile`` of QEMU's
    accel/tcg/translate-all.c)."""
    if address == frame.address:
        return bool(frame.memory_reads() or frame.memory_writes())
    return address == frame.address + len(frame.rawbytes) and may_skip(frame.rawbytes)


EXTRA: Mapping[str, Callable[[StdFrame, int], bool]] = {
    # Architecture -> whether QEMU's logs have, after a frame's own, an instruction at this address that belongs to no
    # frame. Only asked where the trace goes on elsewhere.
    **dict.fromkeys(("x86_64", "i386"), _again_on_x86),
    **dict.fromkeys(("sparc64", "sparc32plus", "sparc"), _again(is_window)),
    **dict.fromkeys(("mips", "mips64"), _annulled_slot("big")),
    **dict.fromkeys(("mipsel", "mips64el"), _annulled_slot("little")),
    "s390x": _again(is_execute),
    "hppa": _nullified,
    **dict.fromkeys(("avr", "avr6"), _on_avr),
}


def is_further_iteration(previous: StdFrame, frame: StdFrame) -> bool:
    """Whether the log of QEMU 10.0 may have no instruction for a frame of x86, given the frame before it.

    There a ``rep`` is one block with a loop in it, unless a debugger steps (``do_gen_rep`` of QEMU's
    target/i386/tcg/translate.c).
    """
    return previous.address == frame.address and has_repeat_prefix(frame.rawbytes)


FOLDED: Mapping[str, Callable[[StdFrame, StdFrame], bool]] = {
    # Architecture -> whether QEMU's logs may lack the second one of two frames.
    **dict.fromkeys(("x86_64", "i386"), is_further_iteration),
}
