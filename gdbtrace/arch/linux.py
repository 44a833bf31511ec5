"""Linux facts that several architectures share: numbers of signals and system calls.

References: the kernel's ``unistd.h`` and ``syscall.tbl`` files; signal(7), "Signal numbering for standard signals";
gdb's ``include/gdb/signals.def``, whose numbers a stub sends whatever the guest's are.
"""

from __future__ import annotations

from collections.abc import Mapping

_SIGNALS_OF_GDB = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "EMT", "FPE", "KILL", "BUS", "SEGV", "SYS", "PIPE", "ALRM", "TERM"),
    *("URG", "STOP", "TSTP", "CONT", "CHLD", "TTIN", "TTOU", "IO", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "LOST"),
    *("USR1", "USR2", "PWR"),
)
_FIRST_REAL_TIME = 32
_LAST_SIGNAL = 64
_REAL_TIME_32_OF_GDB = 77
_REAL_TIME_33_OF_GDB = 45
_REAL_TIME_64_OF_GDB = 78

GENERIC_CALLS: Mapping[int, str] = {
    78: "readlinkat",
    129: "kill",
    130: "tkill",
    131: "tgkill",
    134: "rt_sigaction",
    139: "rt_sigreturn",
    220: "clone",
    221: "execve",
    222: "mmap",
    278: "getrandom",
    281: "execveat",
}
"""System calls that a tracer must know, where Linux numbers them as in asm-generic/unistd.h."""
I386_CALLS: Mapping[int, str] = {
    11: "execve",
    37: "kill",
    48: "signal",
    67: "sigaction",
    85: "readlink",
    90: "mmap",
    119: "sigreturn",
    120: "clone",
    173: "rt_sigreturn",
    174: "rt_sigaction",
    192: "mmap2",
}
"""The older ones of the architectures that took over i386's numbers; what came later is numbered differently."""

IGNORED_BY_DEFAULT = frozenset({"CHLD", "CONT", "URG", "WINCH"})
"""Signals that do nothing to a process that does not ask for them."""


def _numbered(*names: str) -> Mapping[str, int]:
    """Signal names in the order of their numbers, from 1."""
    real_time = {f"RT{number}": number for number in range(_FIRST_REAL_TIME, _LAST_SIGNAL + 1)}
    return {name: number for number, name in enumerate(names, 1)} | real_time


_FIRST_SIX = ("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT")

SIGNALS = _numbered(
    *_FIRST_SIX,
    *("BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP"),
    *("TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"),
)
"""Name -> number on most architectures."""
MIPS_SIGNALS = _numbered(
    *_FIRST_SIX,
    *("EMT", "FPE", "KILL", "BUS", "SEGV", "SYS", "PIPE", "ALRM", "TERM", "USR1", "USR2", "CHLD", "PWR", "WINCH"),
    *("URG", "IO", "STOP", "TSTP", "CONT", "TTIN", "TTOU", "VTALRM", "PROF", "XCPU", "XFSZ"),
)
SPARC_SIGNALS = _numbered(
    *_FIRST_SIX,
    *("EMT", "FPE", "KILL", "BUS", "SEGV", "SYS", "PIPE", "ALRM", "TERM", "URG", "STOP", "TSTP", "CONT", "CHLD"),
    *("TTIN", "TTOU", "IO", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "PWR", "USR1", "USR2"),
)
"""Alpha's too."""
HPPA_SIGNALS = _numbered(
    *_FIRST_SIX,
    *("STKFLT", "FPE", "KILL", "BUS", "SEGV", "XCPU", "PIPE", "ALRM", "TERM", "USR1", "USR2", "CHLD", "PWR", "VTALRM"),
    *("PROF", "IO", "WINCH", "STOP", "TSTP", "CONT", "TTIN", "TTOU", "URG", "XFSZ", "SYS"),
)


def signal_of_gdb(number: int) -> str | None:
    """The name of the signal that a stub means; None if Linux has no such signal."""
    if 1 <= number <= len(_SIGNALS_OF_GDB):
        return _SIGNALS_OF_GDB[number - 1]
    if number == _REAL_TIME_32_OF_GDB:
        return "RT32"
    if _REAL_TIME_33_OF_GDB <= number < _REAL_TIME_33_OF_GDB + 31:
        return f"RT{number - _REAL_TIME_33_OF_GDB + 33}"
    if number == _REAL_TIME_64_OF_GDB:
        return "RT64"
    return None
