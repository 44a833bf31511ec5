"""Comparing a trace with the oracle plugin's output, line by line.

The plugin sees what QEMU's translator instruments, which is not always what the instruction set says was executed.
Each known difference is a rule here, with its reason (docs/limits.md); nothing else is looked past.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gdbtrace.arch.model import ByteOrder
from gdbtrace.logs.surplus import (
    has_repeat_prefix,
    is_branch_likely,
    is_execute,
    is_window,
    may_nullify,
    may_skip,
)

Bytes = frozenset[tuple[str, int]]


class Line(NamedTuple):
    """One line of ``gdbtrace log --format memtrace`` or of the plugin."""

    address: int
    data: bytes
    touched: Bytes
    """(L or S, address) of every byte."""


def parse_line(text: str) -> Line:
    """Read ``<vcpu> <pc> <bytes> [L<address>:<size> | S<address>:<size>]...``."""
    _, address, data, *accesses = text.rstrip("\n").split(" ")
    touched = set()
    for access in filter(None, accesses):
        where, _, size = access[1:].partition(":")
        touched |= {(access[0], int(where, 16) + offset) for offset in range(int(size))}
    return Line(int(address, 16), bytes.fromhex(data), frozenset(touched))


def _without_closing_pass(lines: Iterator[Line]) -> Iterator[Line]:
    """x86: after the last iteration of a ``rep`` QEMU enters it once more, finds the count at zero, and leaves."""
    previous = None
    for line in lines:
        is_pass = previous is not None and previous.address == line.address and not line.touched
        if not (is_pass and has_repeat_prefix(line.data)):
            yield line
        previous = line


def _without_rewriting_retry(lines: Iterator[Line]) -> Iterator[Line]:
    """x86: an instruction that stores into its own page faults at the store, drops the page's code, and runs again.

    ``TARGET_HAS_PRECISE_SMC`` (QEMU's accel/tcg/tb-maint.c, ``tb_invalidate_phys_page_unwind``): the plugin reports it
    twice, the first time with its loads alone.
    """
    held: Line | None = None
    for line in lines:
        is_retried = (
            held is not None
            and (held.address, held.data) == (line.address, line.data)
            and held.touched < line.touched
            and all(direction == "L" for direction, _ in held.touched)
        )
        if held is not None and not is_retried:
            yield held
        held = line
    if held is not None:
        yield held


def _of_x86(lines: Iterator[Line]) -> Iterator[Line]:
    return _without_closing_pass(_without_rewriting_retry(lines))


def _without_window_retry(lines: Iterator[Line]) -> Iterator[Line]:
    """SPARC: a ``save``, ``restore`` or ``return`` that meets a full or empty window file traps, and runs again; a
    ``flushw`` does so for each window that it spills."""
    previous: Line | None = None
    for line in lines:
        if not (is_window(line.data) and previous is not None and previous.address == line.address):
            yield line
        previous = line


def _without_annulled_slots(byte_order: ByteOrder) -> Callable[[Iterator[Line]], Iterator[Line]]:
    """MIPS: QEMU finds out inside the delay slot, after the plugin's callback, that the slot is annulled."""

    def rule(lines: Iterator[Line]) -> Iterator[Line]:
        held: list[Line] = []
        for line in lines:
            held.append(line)
            if len(held) < 3:
                continue
            branch, slot, target = held
            word = int.from_bytes(branch.data, byte_order)
            if is_branch_likely(word) and slot.address + 4 == target.address and branch.address + 4 == slot.address:
                held = [branch, target]
            yield held.pop(0)
        yield from held

    return rule


def _without_peeked_halfword(page_bytes: int) -> Callable[[Iterator[Line]], Iterator[Line]]:
    """T32: at two bytes before a page's end QEMU peeks whether the next instruction crosses, and the plugin gets
    those bytes.

    ``thumb_tr_translate_insn`` of QEMU's target/arm/translate.c: it peeks only where execution goes on there.  So a
    word of A32 at that place, whose first half may look like an instruction of T32, is told by what follows.

    :param page_bytes: QEMU's, which are smaller on the M profile (``arm_cpu_realizefn``).
    """

    def rule(lines: Iterator[Line]) -> Iterator[Line]:
        for line, following in itertools.pairwise(itertools.chain(lines, [None])):
            size = 4 if line.data[1] >> 3 in (29, 30, 31) else 2
            is_at_end = (line.address + size) % page_bytes == page_bytes - 2
            is_peeking = is_at_end and len(line.data) == size + 2
            is_word = size == 2 and (following is None or following.address != line.address + size)
            yield line._replace(data=line.data[:size]) if is_peeking and not is_word else line

    return rule


def _without_device_retry(lines: Iterator[Line]) -> Iterator[Line]:
    """AVR: an access to a device that has to end its block is made again (``cpu_io_recompile`` of QEMU's
    accel/tcg/translate-all.c)."""
    for _, group in itertools.groupby(lines, lambda line: (line.address, line.touched)):
        same = list(group)
        # A jump to itself comes more often.
        yield from same[1:] if len(same) == 2 else same


def _with_execute_as_one(lines: Iterator[Line]) -> Iterator[Line]:
    """s390x: most targets of an EXECUTE have a line of their own, at its address, with as many bytes of the target."""
    held: Line | None = None
    for line in lines:
        is_target = held is not None and line.address == held.address and line.data != held.data
        if held is not None and is_target and is_execute(held.data):
            held = held._replace(touched=held.touched | line.touched)
            continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield held


RULES: Mapping[str, Callable[[Iterator[Line]], Iterator[Line]]] = {
    "x86_64": _of_x86,
    "i386": _of_x86,
    "sparc64": _without_window_retry,
    "sparc32plus": _without_window_retry,
    "sparc": _without_window_retry,
    "mips": _without_annulled_slots("big"),
    "mipsel": _without_annulled_slots("little"),
    "mips64": _without_annulled_slots("big"),
    "mips64el": _without_annulled_slots("little"),
    "arm": _without_peeked_halfword(4096),
    "armeb": _without_peeked_halfword(4096),
    "arm-m": _without_peeked_halfword(1024),
    "s390x": _with_execute_as_one,
    "avr": _without_device_retry,
}


def _may_be_nullified(previous: Line, line: Line) -> bool:
    return not line.touched and may_nullify(previous.data)


NO_BYTES = frozenset({"tricore", "avr"})
"""Whose translators in QEMU 7.2 fetch code by other means than the plugin interface looks at: a line has no bytes."""


def _may_be_skipped(previous: Line, line: Line) -> bool:
    """AVR: after ``cpse``, ``sbrc``, ``sbrs``, ``sbic`` and ``sbis``."""
    return not line.touched and may_skip(previous.data)


NOT_EXECUTED: Mapping[str, Callable[[Line, Line], bool]] = {"hppa": _may_be_nullified, "avr": _may_be_skipped}
"""Whether an instruction that the plugin reports after another one, and we do not, may not have been executed."""

_SVE_SIZES = ("b", "sb", "h", "sh", "w", "sw", "d")
_SVE_FIRST_FAULT = frozenset(f"ldff1{size}" for size in _SVE_SIZES)
_AARCH64_UNSEEN = frozenset(
    {f"{name}{size}" for name in ("ld1", "ldnf1", "ldnt1") for size in _SVE_SIZES}
    | {f"{name}{size}" for name in ("ld1rq", "ld1ro", "ld2", "ld3", "ld4") for size in "bhwd"}
    | {f"{name}{size}" for name in ("st1", "st2", "st3", "st4", "stnt1") for size in "bhwd"}
    | _SVE_FIRST_FAULT
    # dc zva, which is a memset.
    | {"dc"}
)


_PPC_UNSEEN = frozenset({"dcbz", "dcbzl", "lmw", "stmw", "lswi", "stswi"})
UNSEEN: Mapping[str, frozenset[str]] = {
    # Mnemonics whose helpers in QEMU 7.2 work on host memory, where its plugin interface does not see them.
    "ppc": _PPC_UNSEEN,
    "ppc64": _PPC_UNSEEN,
    "ppc64le": _PPC_UNSEEN,
    # ex and exrl: of one of the others.
    "s390x": frozenset(
        {"mvc", "mvcin", "mvcl", "mvcle", "mvclu", "mvcrl", "mvn", "mvo", "mvpg", "mvst", "mvz", "nc", "oc", "xc"}
        | {"ex", "exrl"}
        # Firmware's.
        | {"mvck", "mvcp", "mvcs", "mvcdk", "mvcsk", "stfl", "stsi", "msch", "ssch", "stsch", "tsch", "tpi", "stcrw"}
    ),
    # At the gateway page.
    "hppa": frozenset({"light-weight system call"}),
    "aarch64": _AARCH64_UNSEEN,
    "aarch64_be": _AARCH64_UNSEEN,
}
PARTLY_UNSEEN: Mapping[str, frozenset[str]] = {
    # Those of which it shows some: of an SVE first-fault gather the first active element, which may fault.
    "aarch64": _SVE_FIRST_FAULT,
    "aarch64_be": _SVE_FIRST_FAULT,
}

_LSWX_STSWX = frozenset({0x7C00042A, 0x7C00052A})
UNDECODED_UNSEEN: Mapping[str, tuple[int, frozenset[int]]] = {
    # The same for what capstone does not decode: mask and values of the first bytes, as many as the mask has.
    "ppc": (0xFC0007FE, _LSWX_STSWX),
    "ppc64": (0xFC0007FE, _LSWX_STSWX),
    "s390x": (0xFFFF, frozenset({0xE50A, 0xB220})),  # mvcrl, servc
}


UNSEEN_REGISTERS: Mapping[str, int] = {"avr": 0x100}
"""Accesses below this address are helpers: AVR's registers of devices (``helper_fullwr``)."""
DATA_ADDRESSES: Mapping[str, int] = {"avr": 0x7F_FFFF}
"""What of our addresses of data is the plugin's: for AVR it has two memories at the same addresses."""
MACHINE_UNSEEN: Mapping[str, tuple[int, frozenset[int]]] = {
    # The same for what only firmware may execute: loads and stores to alternate spaces, which are helpers there.
    "sparc": (0xC1800000, frozenset({0xC0800000})),
    "coldfire": (0xFFFF, frozenset({0x4E73})),  # rte
}


@dataclass(slots=True)
class Comparison:
    """What came of it."""

    lines: int = 0
    """Compared: both sides had the same instruction."""
    first_difference: str = ""
    """The first place where instructions differ, or one side ended; empty: none."""
    access_differences: list[tuple[Line, Line]] = field(default_factory=list)
    """(ours, the oracle's) with different memory."""
    unseen: int = 0
    """Lines whose accesses the oracle cannot see."""


def compare(
    arch: str,
    ours: Iterator[Line],
    oracle: Iterator[Line],
    is_unseen: Callable[[Line, Line], bool],
    *,
    goes_on: bool = False,
) -> Comparison:
    """Compare whole runs.

    :param goes_on: whether the oracle's may be longer.
    :param is_unseen: of our line and the oracle's, whether the oracle cannot see the accesses that it does not show.
    """
    result = Comparison()
    rule = RULES.get(arch)
    theirs = rule(oracle) if rule else oracle
    may_be_unexecuted = NOT_EXECUTED.get(arch)
    previous: Line | None = None
    while True:
        mine, other = next(ours, None), next(theirs, None)
        is_surplus = may_be_unexecuted and previous and mine and other and mine.address != other.address
        if is_surplus and may_be_unexecuted(previous, other):
            other = next(theirs, None)
        previous = mine
        if mine is None and (other is None or goes_on):
            return result
        if other is not None and mine is not None and arch in NO_BYTES:
            other = other._replace(data=mine.data)
        if mine is None or other is None or (mine.address, mine.data) != (other.address, other.data):
            result.first_difference = f"line {result.lines}: ours {_shown(mine)}, oracle {_shown(other)}"
            return result
        result.lines += 1
        if mine.touched != other.touched:
            if is_unseen(mine, other):
                result.unseen += 1
            else:
                result.access_differences.append((mine, other))


def _shown(line: Line | None) -> str:
    return "ended" if line is None else f"{line.address:#x} {line.data.hex()}"
