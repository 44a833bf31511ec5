"""What is known of the guest's instructions, and whether it is still true.

An instruction is decoded once per address and mode.  When its bytes may have changed it becomes a suspect: before it
is believed again, the line of memory it lies in is read anew and its bytes compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gdbtrace.arch.model import Behaviour, StepRule
from gdbtrace.tracer.memory import GuestMemory

_LINE_BITS = 10
_LINE_BYTES = 1 << _LINE_BITS
"""The unit of reading and of doubting: fits one packet, and never crosses a page."""

IsFixed = Callable[[int, int], bool]
"""Whether nobody can write to so many bytes at a physical address."""
PhysicalOf = Callable[[int], int | None]
"""The physical address of a virtual one; None: it is not mapped."""
Key = tuple[int, int]
"""Address, and index of the mode."""


class Moved(NamedTuple):
    """What an instruction moves to or from memory."""

    register: str | None
    """Stub register; None: it is a constant."""
    bits: int
    """Of the register; for a constant, of the widest."""
    constant: int = 0


class KnownInstruction:
    """An instruction as the step loop needs it."""

    __slots__ = (
        "behaviour",
        "data",
        "fetched",
        "has_aftermath",
        "identifier",
        "implied_at",
        "is_plain",
        "moved",
        "spans",
        "variants",
    )

    def __init__(
        self, identifier: int, data: bytes, behaviour: Behaviour, fetched: tuple[str, ...], moved: Moved | None = None
    ) -> None:
        self.identifier = identifier
        """What step records call it."""
        self.data = data
        self.behaviour = behaviour
        self.spans = behaviour.spans
        self.implied_at = behaviour.implied_at
        self.variants: dict[tuple[str, ...], KnownInstruction] = {}
        """The same instruction where it implies these registers too."""
        self.fetched = fetched
        """Stub registers outside ``g`` to read before and after it."""
        self.moved = moved
        """What it moves to or from memory; None: it does something else, or moves more."""
        self.has_aftermath = behaviour.is_system or behaviour.reloads or behaviour.rearranges is not None
        """The guest has something to do after it."""
        self.is_plain = (
            behaviour.rule is StepRule.PLAIN and behaviour.has_stored is None and behaviour.cancelled is None
        )


class InstructionCache:
    """Known instructions by address and mode, and the lines of memory they were read from.

    :param code_at: where a virtual address of code is, so that a store through another one is noticed; None: addresses
        are what they are.
    :param is_fixed: None: anything can be written.
    """

    def __init__(self, memory: GuestMemory, code_at: PhysicalOf | None = None, is_fixed: IsFixed | None = None) -> None:
        self.known: dict[Key, KnownInstruction] = {}
        """What may be believed at once. The dictionary stays the same object."""
        self._suspects: dict[Key, KnownInstruction] = {}
        self._keys_of_line: dict[int, set[Key]] = {}
        self._lines: dict[int, bytes | None] = {}
        self._memory = memory
        self._code_at = code_at
        self._is_fixed = is_fixed
        self._writable_lines: set[int] = set()
        """Of ``_lines``, those that somebody can write to."""

    def read_code(self, address: int, longest: int) -> bytes:
        """Up to ``longest`` bytes from ``address``: fewer where the next page cannot be read, none where this one
        cannot."""
        line, offset = address >> _LINE_BITS, address & (_LINE_BYTES - 1)
        data = (self._line(line) or b"")[offset : offset + longest]
        if not data:
            return data
        if len(data) < longest:
            data += (self._line(line + 1) or b"")[: longest - len(data)]
        return data

    def recall(self, key: Key) -> KnownInstruction | None:
        """A suspect whose bytes turn out to be the same, known again from now on; or None."""
        suspect = self._suspects.pop(key, None)
        if suspect is None or self.read_code(key[0], len(suspect.data)) != suspect.data:
            return None
        self.add(key, suspect)
        return suspect

    def add(self, key: Key, instruction: KnownInstruction) -> None:
        """Remember an instruction decoded from what :meth:`read_code` returned."""
        self.known[key] = instruction
        first, last = key[0], key[0] + len(instruction.data) - 1
        for line in {_line_at(first, self._code_at), _line_at(last, self._code_at)}:
            self._keys_of_line.setdefault(line, set()).add(key)

    def stored(self, address: int, size: int, physical_of: PhysicalOf | None = None) -> None:
        """Doubt what lies in lines that were written to.

        :param physical_of: where such an address is; None: addresses are what they are.
        """
        for line in range(address >> _LINE_BITS, ((address + size - 1) >> _LINE_BITS) + 1):
            place = _line_at(line << _LINE_BITS, physical_of)
            if place in self._lines:
                self._doubt(place)

    def suspect_writable(self) -> None:
        """Doubt all but what nobody can write to: a device may have."""
        for line in list(self._writable_lines):
            self._doubt(line)

    def _doubt(self, line: int) -> None:
        del self._lines[line]
        self._writable_lines.discard(line)
        for key in self._keys_of_line.pop(line, ()):
            if (instruction := self.known.pop(key, None)) is not None:
                self._suspects[key] = instruction

    def suspect_all(self) -> None:
        """Doubt everything: a system call may have written or mapped anything."""
        self._suspects.update(self.known)
        self.known.clear()
        self._keys_of_line.clear()
        self._lines.clear()
        self._writable_lines.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.suspect_all()
        self._suspects.clear()

    def _line(self, line: int) -> bytes | None:
        place = _line_at(line << _LINE_BITS, self._code_at)
        if place not in self._lines:
            self._lines[place] = self._memory.read_memory(line << _LINE_BITS, _LINE_BYTES)
            if self._is_fixed is None or not self._is_fixed(place << _LINE_BITS, _LINE_BYTES):
                self._writable_lines.add(place)
        return self._lines[place]


def _line_at(address: int, physical_of: PhysicalOf | None) -> int:
    """The line that an address lies in, by physical address if there is such a thing."""
    physical = address if physical_of is None else physical_of(address)
    return -1 - (address >> _LINE_BITS) if physical is None else physical >> _LINE_BITS
