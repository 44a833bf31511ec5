"""What is known of the guest's instructions, and whether it is still true.

An instruction is decoded once per address and mode.  When its bytes may have changed it becomes a suspect: before it
is believed again, the line of memory it lies in is read anew and its bytes compared.
"""

from __future__ import annotations

from gdbtrace.arch.model import Behaviour, StepRule
from gdbtrace.stub.client import StubClient

_LINE_BITS = 10
_LINE_BYTES = 1 << _LINE_BITS
"""The unit of reading and of doubting: fits one packet, and never crosses a page."""

Key = tuple[int, int]
"""Address, and index of the mode."""


class KnownInstruction:
    """An instruction as the step loop needs it."""

    __slots__ = ("behaviour", "data", "fetched", "identifier", "implied_at", "is_plain", "spans", "variants")

    def __init__(self, identifier: int, data: bytes, behaviour: Behaviour, fetched: tuple[str, ...]) -> None:
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
        self.is_plain = (
            behaviour.rule is StepRule.PLAIN and behaviour.has_stored is None and behaviour.cancelled is None
        )


class InstructionCache:
    """Known instructions by address and mode, and the lines of memory they were read from."""

    def __init__(self, client: StubClient) -> None:
        self.known: dict[Key, KnownInstruction] = {}
        """What may be believed at once. The dictionary stays the same object."""
        self._suspects: dict[Key, KnownInstruction] = {}
        self._keys_of_line: dict[int, list[Key]] = {}
        self._lines: dict[int, bytes | None] = {}
        self._client = client

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
        first, last = key[0] >> _LINE_BITS, (key[0] + len(instruction.data) - 1) >> _LINE_BITS
        for line in {first, last}:
            self._keys_of_line.setdefault(line, []).append(key)

    def stored(self, address: int, size: int) -> None:
        """Doubt what lies in lines that were written to."""
        for line in range(address >> _LINE_BITS, ((address + size - 1) >> _LINE_BITS) + 1):
            if line in self._lines:
                del self._lines[line]
                for key in self._keys_of_line.pop(line, ()):
                    if (instruction := self.known.pop(key, None)) is not None:
                        self._suspects[key] = instruction

    def suspect_all(self) -> None:
        """Doubt everything: a system call may have written or mapped anything."""
        self._suspects.update(self.known)
        self.known.clear()
        self._keys_of_line.clear()
        self._lines.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.suspect_all()
        self._suspects.clear()

    def _line(self, line: int) -> bytes | None:
        if line not in self._lines:
            self._lines[line] = self._client.read_memory(line << _LINE_BITS, _LINE_BYTES)
        return self._lines[line]
