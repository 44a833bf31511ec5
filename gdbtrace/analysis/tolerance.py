"""Which differences between two traces are to be expected, and are therefore none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from gdbtrace.analysis.disassembly import Instruction
from gdbtrace.analysis.reading import AddressRange
from gdbtrace.arch.model import Arch, Group
from gdbtrace.errors import UsageError

WHOLE = -1
"""All bits of a register, whatever its width."""

_NOTHING: Mapping[str, int] = MappingProxyType({})
_MOST_BITS = 1 << 16
"""No register of any architecture is wider (SVE: 2048, SME's array: 65536 bytes in rows); a mask must stay small."""
_MOST_KEPT = 1 << 16
_NUMBER = r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}"
_RUN_OF_BITS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_RANGE = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is not compared.

    Command line (``--mask-register NAME[:BITS]``...), suites (TOML) and the pytest plugin write masks in the same
    words: see :meth:`parse`.
    """

    registers: Mapping[str, int] = field(default_factory=dict)
    """Glob of a register's name -> its bits that are not compared, as a mask; :data:`WHOLE`: none of it is."""
    memory: Sequence[AddressRange] = ()
    """Addresses whose contents are not compared."""
    instructions: Sequence[str] = ()
    """Globs of instructions' texts or mnemonics (``rdtsc``, ``mrs *, cntvct_el0``) whose results are not compared."""
    nondeterministic: bool = True
    """Nor are those of the instructions that the architecture's table says are never the same, nor its counters."""
    undefined: bool = True
    """Nor flags that the architecture leaves undefined."""
    events: bool = True
    """Frames that are no instructions are compared; False: passed over."""
    is_relocated: bool = False
    """Modules, stack and heap may be elsewhere: addresses are compared by their place in these."""

    @staticmethod
    def parse(
        registers: Sequence[str] = (), memory: Sequence[str] = (), instructions: Sequence[str] = (), **flags: bool
    ) -> Tolerance:
        """Masks as a user writes them.

        :param registers: ``NAME[:BITS]``, the name a glob, BITS ``7``, ``3-0``, a list of these (``31-28,5``) or a mask
            in hexadecimal (``0x8d5``).
        :param memory: ``LOW-HIGH`` or ``ADDRESS``; both ends belong to it.
        :param instructions: globs of texts or of mnemonics, as a log shows them.
        :param flags: the other fields.
        :raise UsageError: one of them is not well-formed.
        """
        bits: dict[str, int] = {}
        for text in registers:
            name, mask = _register_mask(text)
            bits[name] = bits.get(name, 0) | mask
        for text in instructions:
            if not text.strip():
                raise UsageError("an empty mask of instructions masks none: write a glob such as 'rdtsc' or 'mrs *'")
        return Tolerance(bits, tuple(_memory_mask(text) for text in memory), tuple(instructions), **flags)


STRICT = Tolerance(nondeterministic=False, undefined=False)
"""Nothing is expected to be different."""


class InstructionMask(NamedTuple):
    """What is not compared of one instruction's results."""

    is_masked: bool
    """None of its results is: neither registers nor memory that it wrote, and the counters that it read."""
    undefined: Mapping[str, int]
    """Register -> the bits of it that are undefined after the instruction."""


_COMPARED = InstructionMask(False, _NOTHING)


class Masks:
    """A tolerance, for the registers and instructions of one architecture. Everything is looked up once.

    :param arch: None: nobody knows the traces' architecture, so there are no tables of it.
    """

    def __init__(self, tolerance: Tolerance, arch: Arch | None) -> None:
        self._registers = tolerance.registers
        self._memory = _merged(tolerance.memory)
        self._instructions = (
            *tolerance.instructions,
            *(arch.nondeterministic if arch is not None and tolerance.nondeterministic else ()),
        )
        self._undefined = arch.undefined if arch is not None and tolerance.undefined else ()
        self._counters = frozenset(
            register.name
            for register in (arch.registers if arch is not None and tolerance.nondeterministic else ())
            if register.group is Group.COUNTER
        )
        self._bits_of: dict[str, int] = {}
        self._masks: dict[tuple[str, tuple[str, ...]], InstructionMask] = {}

    def bits_of(self, register: str) -> int:
        """The bits of a register that are not compared, as a mask: 0, all are; :data:`WHOLE`, none is."""
        found = self._bits_of.get(register)
        if found is None:
            found = WHOLE if register in self._counters else 0
            for glob, bits in self._registers.items():
                if fnmatchcase(register, glob):
                    found |= bits
            if len(self._bits_of) < _MOST_KEPT:
                self._bits_of[register] = found
        return found

    @property
    def has_memory(self) -> bool:
        """Whether any memory is not compared."""
        return bool(self._memory)

    def masked_bytes(self, address: int, size: int) -> int:
        """Which of the bytes from an address on are not compared, as a mask: bit 0 is the first one's."""
        end, found = address + size, 0
        for low, high in self._memory:
            first, last = max(low, address), min(high + 1, end)
            if first < last:
                found |= ((1 << last - first) - 1) << first - address
        return found

    def of_instruction(self, instruction: Instruction) -> InstructionMask:
        """What is not compared of an instruction's results."""
        key = instruction.text, instruction.operations
        found = self._masks.get(key)
        if found is None:
            found = self._found(*key)
            if len(self._masks) >= _MOST_KEPT:
                self._masks.clear()
            self._masks[key] = found
        return found

    def _found(self, text: str, operations: Iterable[str]) -> InstructionMask:
        words = text, *operations
        is_masked = any(_matches(words, glob) for glob in self._instructions)
        undefined = next((each.bits for each in self._undefined if _matches(words, each.instructions)), _NOTHING)
        return InstructionMask(is_masked, undefined) if is_masked or undefined else _COMPARED


def _matches(words: Iterable[str], glob: str) -> bool:
    return any(fnmatchcase(word, glob) for word in words)


def _register_mask(text: str) -> tuple[str, int]:
    name, colon, bits = text.partition(":")
    if not name.strip() or (colon and not bits.strip()):
        raise UsageError(f"mask of registers {text!r}: must be NAME or NAME:BITS, such as 'x3', 'xmm*' or 'rflags:4'")
    return name.strip(), _bits(text, bits) if colon else WHOLE


def _bits(text: str, bits: str) -> int:
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", bits.strip()):
        mask = int(bits, 16)
        if not mask:
            raise UsageError(f"mask of registers {text!r}: no bit of it is set")
        return _bounded(text, mask)
    mask = 0
    for run in bits.split(","):
        found = _RUN_OF_BITS.fullmatch(run.strip())
        if found is None:
            raise UsageError(f"mask of registers {text!r}: bits must be such as '7', '3-0', '31-28,5' or '0x8d5'")
        ends = [int(end) for end in found.groups() if end]
        if max(ends) >= _MOST_BITS:
            raise UsageError(f"mask of registers {text!r}: no register has a bit {max(ends)}")
        mask |= (1 << max(ends) + 1) - (1 << min(ends))
    return mask


def _bounded(text: str, mask: int) -> int:
    if mask.bit_length() > _MOST_BITS:
        raise UsageError(f"mask of registers {text!r}: no register is that wide")
    return mask


def _memory_mask(text: str) -> AddressRange:
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"mask of memory {text!r}: must be LOW-HIGH or an address, such as '0x4000-0x4fff'")
    low, high = (int(end, 16 if end[:2] in ("0x", "0X") else 10) for end in (found[1], found[2] or found[1]))
    if low > high:
        raise UsageError(f"mask of memory {text!r}: ends before it begins")
    return AddressRange(low, high)


def _merged(ranges: Sequence[AddressRange]) -> tuple[AddressRange, ...]:
    """The same addresses, in order, no two runs of them next to each other."""
    merged: list[AddressRange] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1].high + 1:
            merged[-1] = AddressRange(merged[-1].low, max(high, merged[-1].high))
        else:
            merged.append(AddressRange(low, high))
    return tuple(merged)
