"""A processor's own trace of a program, against the one under QEMU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.trace import Operand, StdFrame

_MODE = ARCHITECTURES["x86_64"].modes[0]
_BITWISE = frozenset({"rflags", "mxcsr"})
_STACK = range(0x7FF0_0000_0000, 0x8000_0000_0000), range(0x40_0000_0000, 0x41_0000_0000)
"""Where Linux has it, without address space randomisation, and where QEMU has it."""


@dataclass(frozen=True)
class Difference:
    """An instruction after which something is not the same any more."""

    index: int
    address: int
    instruction: str
    register: str
    """``memory`` where it is."""
    here: int
    qemu: int
    is_of_the_stack: bool
    """Both are addresses in the stack, or come from one."""

    @property
    def bits(self) -> int:
        """Those that differ."""
        return self.here ^ self.qemu


def differences(here: Sequence[StdFrame], qemu: Sequence[StdFrame]) -> list[Difference]:
    """What differs in two traces of the same instructions, where it first does: a register that differed before the
    instruction is no news, and neither is one that only one of both stubs has."""
    states: tuple[dict[str, int], dict[str, int]] = {}, {}
    found = []
    for index, frames in enumerate(zip(here, qemu, strict=True)):
        name = disassemble(frames[0].rawbytes, frames[0].address, _MODE).mnemonic
        for lists in ([frame.pre for frame in frames], [frame.post or () for frame in frames]):
            before = [dict(state) for state in states]
            for state, operands in zip(states, lists, strict=True):
                state.update((each.name, each.as_int()) for each in operands if not each.is_memory)
            for register in states[0].keys() & states[1].keys():
                ours, theirs = states[0][register], states[1][register]
                news = ours ^ theirs
                if news and register in before[0] and register in before[1]:
                    known = before[0][register] ^ before[1][register]
                    news = news & ~known if register in _BITWISE else 0 if known else news
                if news:
                    is_stack = _are_stack(ours, theirs) or (register == "rflags" and _make_stack(*frames))
                    ours, theirs = (ours & news, theirs & news) if register in _BITWISE else (ours, theirs)
                    found.append(Difference(index, frames[0].address, name, register, ours, theirs, is_stack))
            memory = [[each for each in operands if each.is_memory] for operands in lists]
            assert [each.bits for each in memory[0]] == [each.bits for each in memory[1]], (index, name)
            found += [
                Difference(index, mine.address, name, "memory", int_of(mine), int_of(theirs), _are_alike(mine, theirs))
                for mine, theirs in zip(*memory, strict=True)
                if mine.value != theirs.value
            ]
    return found


def int_of(operand: Operand) -> int:
    """Memory, as a number."""
    return operand.as_int("little")


def _are_stack(here: int, qemu: int) -> bool:
    return here in _STACK[0] and qemu in _STACK[1]


def _make_stack(here: StdFrame, qemu: StdFrame) -> bool:
    """Whether a register has an address in the stack after the instruction, from which flags may come."""
    values = [{each.name: each.as_int() for each in frame.post or () if not each.is_memory} for frame in (here, qemu)]
    return any(_are_stack(value, values[1][name]) for name, value in values[0].items() if name in values[1])


def _are_alike(here: Operand, qemu: Operand) -> bool:
    """Whether each word is an address in the stack where it differs, or part of one."""
    words = [range(at, min(at + 8, len(here.value))) for at in range(0, len(here.value), 8)]
    pairs = [tuple(int.from_bytes(each.value[w.start : w.stop], "little") for each in (here, qemu)) for w in words]
    return all(a == b or _are_stack(a, b) or here.bits == 16 for a, b in pairs)
