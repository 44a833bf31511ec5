"""QEMU's other user-mode targets, and what is missing to trace each: those of Debian 12's 7.2 and of 10.0."""

from __future__ import annotations

from collections.abc import Mapping

_NO_TABLE = "no table of its registers, system calls and memory operands yet"
_ALONE = "neither capstone 5, gdb-multiarch nor Debian's binutils knows it"

UNSUPPORTED: Mapping[str, str] = {
    "cris": f"{_NO_TABLE}; {_ALONE}; QEMU dropped it in 9.2",
    "loongarch64": f"{_NO_TABLE}; capstone 5 and gdb-multiarch 13 do not know it",
    "microblaze": f"{_NO_TABLE}; {_ALONE}; its stub describes no registers",
    "microblazeel": f"{_NO_TABLE}; {_ALONE}; its stub describes no registers",
    "mipsn32": "the tables of mips64 have its instructions, but not the system calls and 32-bit addresses of n32",
    "mipsn32el": "as mipsn32",
    "nios2": f"{_NO_TABLE}; {_ALONE}; its stub describes no registers; QEMU dropped it in 9.1",
    "or1k": f"{_NO_TABLE}; capstone 5 and gdb-multiarch do not know it; its stub describes no registers",
    "sh4eb": "big-endian sh4: no program to prove it with yet; the instructions are those of sh4",
    "xtensa": f"{_NO_TABLE}, instructions differ from core to core; capstone 5 and gdb-multiarch do not know it",
    "xtensaeb": "as xtensa",
}
"""QEMU's name of the target -> the reason."""

__all__ = ["UNSUPPORTED"]
