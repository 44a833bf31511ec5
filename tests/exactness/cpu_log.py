"""Registers at every instruction, from ``qemu-ARCH -singlestep -d nochain,exec,cpu,fpu``, and how a trace is compared
with them.

QEMU prints its CPU before each translation block, which is one instruction here: the state that a frame's pre list
must show.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TextIO

from gdbtrace.arch.model import Group
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.logs.cpu_dump import READERS, Printed
from gdbtrace.trace import ExceptionFrame, Frame, KeyFrame, Operand, StdFrame

NOT_PRINTED: Mapping[str, str] = {
    # Registers, other than system registers and counters, that the log does not have: regular expressions.
    **dict.fromkeys(("ppc", "ppc64", "ppc64le"), r"v\d+|vs\d+h|vscr|VRSAVE"),
    **dict.fromkeys(("riscv64", "riscv32"), r"fflags|frm|fcsr|v.*"),
    # QEMU prints which x87 registers are empty, the stub sends a tag word of 0.
    **dict.fromkeys(("x86_64", "i386"), r"ftag|fop|f[io](seg|off)"),
    **dict.fromkeys(("aarch64", "aarch64_be"), r"vg"),
    **dict.fromkeys(("arm", "armeb"), r"xpsr"),
    # With 32-bit float registers (Status.FR clear) QEMU prints the odd ones in the line of the even ones.
    **dict.fromkeys(("mips", "mipsel"), r"f\d?[13579]"),
    "s390x": r"fpc",
    "hexagon": r"[vq]\d+|cs\d",
    "alpha": r"zero",
    "hppa": r"sar|fpsr|fpe\d|fr\d+R?",
    "m68k": r"fpiaddr",
    # QEMU 7.2 prints the general registers on its standard output instead.
    "sh4": r"r\d+|mac[hl]|fr\d+",
}

_HEAD = "\nTrace "
_PART_CHARACTERS = 1 << 18


class State(NamedTuple):
    """One dump."""

    address: int
    """Of the instruction that is about to be executed."""
    text: str


def parse_states(log: TextIO) -> Iterator[State]:
    """Split a log into its states.

    Each begins ``Trace <cpu>: <block> [<data>/<pc>/<flags>/<cflags>]``.  QEMU may warn of something before the first.
    """
    rest, is_first = "\n", True
    while part := log.read(_PART_CHARACTERS):
        *whole, rest = f"{rest}{part}".split(_HEAD)
        yield from map(_state_of, whole[is_first:])
        is_first = is_first and not whole
    if not is_first:
        yield _state_of(rest)


def _state_of(text: str) -> State:
    """The text after :data:`_HEAD`."""
    head, _, dump = text.partition("\n")
    return State(int(head.split("[", 1)[1].split("/", 2)[1], 16), dump)


def with_x87_as_stack(state: State) -> State:
    """QEMU prints the x87 registers by their own numbers; here ``FPR0`` becomes the stack's top, what 10.0's stub
    calls ``st0``."""
    found = re.search(r"\[ST=(\d)\]", state.text)
    top = int(found[1]) if found else 0
    values = dict(re.findall(r"FPR(\d)=(\w+ \w+)", state.text))

    def value_on_stack(match: re.Match[str]) -> str:
        return f"FPR{match[1]}={values[str((int(match[1]) + top) % 8)]}"

    return state._replace(text=re.sub(r"FPR(\d)=\w+ \w+", value_on_stack, state.text))


def lines_of(state: State) -> list[str]:
    """The lines of a dump, each for itself: the upper half of an SVE register stands in one before the rest."""
    return state.text.replace("\n   [", " [").splitlines()


def unread_registers(arch: str, state: State) -> list[str]:
    """Registers of our table that are in none of its lines and not in :data:`NOT_PRINTED`: a reader missed them."""
    printed = {register.name for line in lines_of(state) for register in READERS[arch](line)}
    return [
        register.name
        for register in ARCHITECTURES[arch].registers
        if register.name not in printed
        and register.group not in (Group.SYSTEM, Group.COUNTER)
        and not re.fullmatch(NOT_PRINTED.get(arch, ""), register.name)
    ]


class Dump:
    """The registers as last printed. Few lines change from one dump to the next, so only those are read."""

    def __init__(self, arch: str) -> None:
        self._read = READERS[arch]
        self._lines: list[str] = []
        self._printed: list[list[Printed]] = []
        self.registers: dict[str, dict[int, int]] = {}
        """Register -> mask -> value; more than one mask where several lines speak of it."""

    def update(self, state: State) -> set[str]:
        """Take the next dump; the registers that its new lines speak of."""
        lines = lines_of(state)
        changed: set[str] = set()
        if len(lines) != len(self._lines):
            changed.update(self.registers)
            self._lines, self._printed = [""] * len(lines), [[] for _ in lines]
            self.registers.clear()
        for at in [*itertools.compress(itertools.count(), map(operator.ne, lines, self._lines))]:
            line = lines[at]
            for name, _, mask in self._printed[at]:
                del self.registers[name][mask]
            self._lines[at], self._printed[at] = line, list(self._read(line))
            for name, value, mask in self._printed[at]:
                self.registers.setdefault(name, {})[mask] = value
                changed.add(name)
        return changed


class Listed:
    """The registers as the frames so far list them."""

    def __init__(self) -> None:
        self._operands: dict[str, Operand] = {}
        self._seen: set[int] = set()
        """Identities of those operands: a reader gives the same object for what it has read before."""
        self.registers: dict[str, int] = {}
        self.widths: dict[str, int] = {}
        """All bits of a register."""

    def update(self, operands: Iterable[Operand]) -> set[str]:
        """Take the operands of a list; the registers in it whose values are new."""
        changed: set[str] = set()
        seen = self._seen
        for operand in operands:
            if id(operand) in seen or operand.is_memory:
                continue
            name = operand.name
            previous = self._operands.get(name)
            self._operands[name] = operand
            seen.add(id(operand))
            if previous is not None:
                seen.discard(id(previous))
                if (previous.value, previous.bits) == (operand.value, operand.bits):
                    continue
            self.registers[name] = operand.as_int()
            self.widths[name] = (1 << operand.bits) - 1
            changed.add(name)
        return changed

    def add_new(self, operands: Iterable[Operand]) -> set[str]:
        """Take those of a key frame that nothing has listed yet: it must not correct the others."""
        return self.update(operand for operand in operands if operand.is_memory or operand.name not in self.registers)


@dataclass(slots=True)
class RegisterComparison:
    """What came of it."""

    instructions: int = 0
    """Whose registers were compared."""
    first_difference: str = ""
    """The first place where instructions differ, or one side ended; empty: none."""
    compared: int = 0
    """Register values, over all instructions."""
    differences: Counter[str] = field(default_factory=Counter)
    """Register -> how many of its values differ."""
    examples: list[str] = field(default_factory=list)
    """Where registers begin to differ."""
    unread: list[str] = field(default_factory=list)
    """Registers that the log should show and no reader found in its first state."""


def compare_registers(
    arch: str,
    frames: Iterable[Frame],
    states: Iterator[State],
    is_extra: Callable[[StdFrame, int], bool] | None = None,
    is_folded: Callable[[StdFrame, StdFrame], bool] | None = None,
) -> RegisterComparison:
    """Compare the registers before every instruction with the log's.

    What the frames say they are is twofold: what the post lists have come to, and then what the pre list says.  Both
    must be the log's, for every register that it prints and a frame has listed by then.

    :param is_extra: whether QEMU, after the state of a frame, prints one at that address that belongs to no frame.
    :param is_folded: whether QEMU may print no state for a frame, given the frame before it.
    """
    result, dump, listed = RegisterComparison(), Dump(arch), Listed()
    after: set[str] = set()
    """Registers that were listed anew since the last state."""
    differing: set[str] = set()
    previous: StdFrame | None = None
    for frame in frames:
        if isinstance(frame, ExceptionFrame):
            # What it changes is no instruction's: the lists after it tell anew.
            listed = Listed()
            differing.clear()
        if isinstance(frame, KeyFrame):
            after |= listed.add_new(value for tagged in frame.tagged_values for value in tagged.values)
        if not isinstance(frame, StdFrame):
            continue
        state = next(states, None)
        while is_extra and previous and state and state.address != frame.address and is_extra(previous, state.address):
            state = next(states, None)
        if is_folded and previous and state and state.address != frame.address and is_folded(previous, frame):
            states = itertools.chain([state], states)
            after |= listed.update(frame.pre) | listed.update(frame.post or ())
            continue
        if state is None or state.address != frame.address:
            theirs = f"{state.address:#x}" if state else "ended"
            result.first_difference = f"frame {result.instructions}: ours {frame.address:#x}, log {theirs}"
            return result
        if previous is None:
            result.unread = unread_registers(arch, state)
        where = f"frame {result.instructions} at {frame.address:#x}:"
        wrong = _compare(after | dump.update(state), dump, listed, differing)
        result.examples += (f"{where} {text}, after the one before" for text in wrong.values())
        differed = set(differing)
        wrong = _compare(listed.update(frame.pre), dump, listed, differing)
        result.examples += (f"{where} {text}, in its pre list" for text in wrong.values())
        result.differences.update(differed | differing)
        result.compared += len(listed.registers.keys() & dump.registers.keys())
        result.instructions += 1
        after = listed.update(frame.post or ())
        previous = frame
    for state in states:
        if not (is_extra and previous and is_extra(previous, state.address)):
            result.first_difference = f"frame {result.instructions}: ours ended, log {state.address:#x}"
            break
    return result


def _compare(names: Iterable[str], dump: Dump, listed: Listed, differing: set[str]) -> dict[str, str]:
    """Bring up to date which registers differ; those that begin to, with ``<name> is <ours>, not <the log's>``."""
    began: dict[str, str] = {}
    for name in sorted(names):
        difference = _difference(name, dump, listed)
        if not difference:
            differing.discard(name)
        elif name not in differing:
            differing.add(name)
            began[name] = f"{name} is {difference}"
    return began


def _difference(name: str, dump: Dump, listed: Listed) -> str:
    """``<ours>, not <the log's>``, or empty."""
    ours = listed.registers.get(name)
    if ours is not None:
        for mask, theirs in dump.registers.get(name, {}).items():
            mask &= listed.widths[name]
            if (ours ^ theirs) & mask:
                return f"{ours & mask:#x}, not {theirs & mask:#x}"
    return ""
