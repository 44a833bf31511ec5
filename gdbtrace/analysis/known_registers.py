"""What is known of one thread's registers, from what the frames of a trace list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gdbtrace.trace.frames import Operand, OperandList

_VALUE_TAG = 0x2A
_LONG = 0x80


class RegisterConflict(NamedTuple):
    """A register that is not what it was."""

    name: str
    known: int
    found: int
    witness: int
    """Number of the frame that its value is known from."""


class KnownRegisters:
    """The registers of one thread.

    The pre lists of a trace begin with the same registers in the same order, and few of them change from one frame to
    the next. So these are kept as they are encoded, and compared all at once (``_lead``); the others one by one.
    """

    __slots__ = ("_lead", "_number", "_others", "_places")

    def __init__(self) -> None:
        self._lead = bytearray()
        self._places: dict[str, tuple[int, int]] = {}
        """Where in ``_lead`` the values of its registers are, in order."""
        self._others: dict[str, tuple[bytes, int]] = {}
        """Values of the others, with the numbers of the frames that told them; empty: it was not observed."""
        self._number = -1
        """Of the frame that told those of ``_lead``."""

    def value_of(self, name: str) -> int | None:
        """The value of a register; None: it is not known."""
        place = self._places.get(name)
        if place is not None:
            return int.from_bytes(self._lead[place[0] : place[1]], "little")
        known, _ = self._others.get(name, (b"", 0))
        return int.from_bytes(known, "little") if known else None

    def witness_of(self, name: str) -> int | None:
        """Number of the frame that its value is known from; None: it is not known."""
        if name in self._places:
            return self._number
        known = self._others.get(name)
        return None if known is None else known[1]

    def found(self, operands: Sequence[Operand], number: int, conflicts: list[RegisterConflict]) -> Sequence[Operand]:
        """Frame ``number`` found these values: compare them with what is known, and know them from now on.

        :param conflicts: gets what differs.
        :return: those of the operands that had to be looked at: all that is new in them, and all memory.
        """
        if isinstance(operands, OperandList) and self._lead:
            rest = operands.behind(self._lead)
            if rest is not None:
                self._number = number
                self._compare(rest, number, conflicts)
                return rest
        self._compare(operands, number, conflicts)
        self._settle(operands, number)
        return operands

    def written(self, operands: Iterable[Operand], number: int) -> None:
        """Frame ``number`` left these values."""
        places, lead, others = self._places, self._lead, self._others
        for operand in operands:
            if operand.is_memory:
                continue
            name, value = operand.location.name, operand.value  # type: ignore[union-attr]
            place = places.get(name)
            if place is None:
                others[name] = value, number
            elif place[1] - place[0] == len(value):
                lead[place[0] : place[1]] = value
            else:
                self._dissolve()
                places, lead = self._places, self._lead
                others[name] = value, number
            self._number = number

    def forget(self) -> None:
        """Any of them may have been changed."""
        self._lead = bytearray()
        self._places = {}
        self._others = {}

    def _compare(self, operands: Sequence[Operand], number: int, conflicts: list[RegisterConflict]) -> None:
        places, others = self._places, self._others
        for operand in operands:
            if operand.is_memory:
                continue
            name, value = operand.location.name, operand.value  # type: ignore[union-attr]
            place = places.get(name)
            if place is not None:
                known, witness = bytes(self._lead[place[0] : place[1]]), self._number
            else:
                known, witness = others.get(name, (value, number))
                others[name] = value, number
            if known != value and known and value:
                conflicts.append(
                    RegisterConflict(name, int.from_bytes(known, "little"), int.from_bytes(value, "little"), witness)
                )

    def _settle(self, operands: Sequence[Operand], number: int) -> None:
        """Make the registers that this list and those before it begin with the lead."""
        names = list(self._places)
        self._dissolve()
        for operand in operands:
            if not operand.is_memory:
                self._others[operand.name] = operand.value, number
        self._number = number
        if not isinstance(operands, OperandList):
            return
        at, places, data = 0, {}, operands.encoded()
        for index, operand in enumerate(operands):
            length, at_body = data[at + 1], at + 2
            if length >= _LONG:
                length, at_body = length & 0x7F | data[at + 2] << 7, at + 3
                if data[at + 2] >= _LONG:
                    break
            end = at_body + length
            size = len(operand.value)
            start = end - size
            is_usual = data[start:end] == operand.value and 0 < size < _LONG and data[start - 2] == _VALUE_TAG
            if operand.is_memory or not is_usual or operand.name in places:
                break
            if names and (index >= len(names) or names[index] != operand.name):
                break
            places[operand.name] = start, end
            at = end
        if at:
            self._lead, self._places = bytearray(data[:at]), places
            for name in places:
                del self._others[name]

    def _dissolve(self) -> None:
        for name, (start, end) in self._places.items():
            self._others[name] = bytes(self._lead[start:end]), self._number
        self._lead = bytearray()
        self._places = {}
