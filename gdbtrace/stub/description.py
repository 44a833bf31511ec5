"""Target descriptions: from ``target.xml`` to where each register is in the ``g`` packet.

Reference: gdb manual, appendix "Target Descriptions"; QEMU ``gdbstub.c`` (``get_feature_xml``).  A description is
guest-adjacent input: it is parsed without entities, and widths are checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from xml.etree import ElementTree

from gdbtrace.errors import ProtocolError

ByteOrder = Literal["little", "big"]

_MAX_REGISTER_BITS = 16384
"""An SME tile or the widest vector register that any architecture has, with room."""


@dataclass(frozen=True, slots=True)
class NumberedRegister:
    """A register of a target description."""

    name: str
    bits: int
    number: int
    """What ``p`` and ``P`` take."""


@dataclass(frozen=True, slots=True)
class RegisterLayout:
    """Where the stub keeps each register: in the ``g`` packet, or reachable with ``p`` alone."""

    byte_order: ByteOrder
    core: Mapping[str, tuple[int, int]]
    """Registers of ``g``: name -> (first byte, byte after the last)."""
    fetched: Mapping[str, tuple[int, int]]
    """Registers outside ``g``: name -> (number for ``p``, size in bytes)."""
    core_bytes: int
    """Length of ``g``."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """What ``P`` takes for the registers of ``g``."""

    def bits_of(self, name: str) -> int:
        """Width of a register, or 0 if the stub does not have it."""
        if name in self.core:
            start, end = self.core[name]
            return 8 * (end - start)
        return 8 * self.fetched[name][1] if name in self.fetched else 0

    @property
    def widths(self) -> dict[str, int]:
        """Every register's width in bits."""
        return {name: self.bits_of(name) for name in (*self.core, *self.fetched)}

    def with_values(self, raw: bytes, values: Mapping[str, int]) -> bytes:
        """The contents of a ``g`` packet with other values of some registers."""
        for name, value in values.items():
            start, end = self.core[name]
            raw = raw[:start] + value.to_bytes(end - start, self.byte_order) + raw[end:]
        return raw

    def without(self, names: Container[str]) -> RegisterLayout:
        """Without some of the registers outside ``g``."""
        return replace(self, fetched={name: place for name, place in self.fetched.items() if name not in names})


def parse_description(read_annex: Callable[[str], bytes], core_numbers: int = 0) -> list[NumberedRegister]:
    """Read ``target.xml`` and what it includes; registers ascending by number.

    A register without ``regnum`` follows the one before it, across features.  Where two share a name (QEMU 7.2's
    ``arm-neon.xml`` says ``q10`` twice), the first keeps it.

    :param core_numbers: how many numbers the stub keeps for its first feature, if that is more than have a register.
    :raise ProtocolError: not a description.
    """
    registers: dict[int, NumberedRegister] = {}
    number = 0
    for feature in _iter_features(read_annex, "target.xml", depth=0):
        if registers:
            number = max(number, core_numbers)
        for element in feature.iter("reg"):
            try:
                name = element.attrib["name"]
                bits = int(element.attrib["bitsize"])
                number = int(element.attrib.get("regnum", number))
            except (KeyError, ValueError) as error:
                raise ProtocolError(ElementTree.tostring(element), "a register without name or size") from error
            if bits % 8 or not 0 < bits <= _MAX_REGISTER_BITS:
                raise ProtocolError(ElementTree.tostring(element), f"a register of {bits} bits")
            registers[number] = NumberedRegister(name, bits, number)
            number += 1
    return [registers[number] for number in sorted(registers)]


def _iter_features(read_annex: Callable[[str], bytes], annex: str, depth: int) -> list[ElementTree.Element]:
    text = read_annex(annex)
    # Entities are never needed here, and a document type could define some.
    # QEMU does not declare the prefix of xi:include.
    text = re.sub(rb"<!DOCTYPE[^>\[]*>", b"", text).replace(b"<xi:include", b"<include")
    if b"<!" in re.sub(rb"<!--.*?-->", b"", text, flags=re.DOTALL):
        raise ProtocolError(text[:80], f"{annex}: an unexpected declaration in the target description")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ProtocolError(text[:80], f"{annex}: not a target description: {error}") from error
    if root.tag == "feature":
        return [root]
    features: list[ElementTree.Element] = []
    for element in root:
        if element.tag == "feature":
            features.append(element)
        elif element.tag == "include" and depth < 4:
            features += _iter_features(read_annex, element.attrib.get("href", ""), depth + 1)
    return features


def layout_of(
    described: Sequence[NumberedRegister], builtin: Sequence[tuple[str, int]], core_bytes: int, byte_order: ByteOrder
) -> RegisterLayout:
    """Lay the registers out over a ``g`` packet of ``core_bytes`` bytes.

    :param described: the target description's registers; empty where the stub sends none.
    :param builtin: what to use then: (name, bits) in the order of ``g``.

    ``g`` holds the first registers by number: as many as fill it exactly.  The rest is fetched one by one.

    :raise ProtocolError: no prefix of the registers has that length.
    """
    rows = list(described)
    if not rows or (builtin and sum(row.bits for row in rows) < 8 * core_bytes):
        # AVR's description says that all registers have 8 bits, and its stub sends them as they are.
        rows = [NumberedRegister(name, bits, number) for number, (name, bits) in enumerate(builtin)]
    core: dict[str, tuple[int, int]] = {}
    fetched: dict[str, tuple[int, int]] = {}
    numbers: dict[str, int] = {}
    offset = 0
    for row in rows:
        size = row.bits // 8
        if offset < core_bytes:
            core.setdefault(row.name, (offset, offset + size))
            numbers.setdefault(row.name, row.number)
            offset += size
        elif described:
            fetched.setdefault(row.name, (row.number, size))
    if offset != core_bytes:
        raise ProtocolError(b"g", f"a reply of {core_bytes} bytes, where the registers known fill {offset}")
    return RegisterLayout(byte_order, core, {k: v for k, v in fetched.items() if k not in core}, core_bytes, numbers)


class RegisterState:
    """The core registers at one stop, by name, as unsigned integers.

    ``raw`` is the ``g`` packet's contents and may be replaced by a later stop's.
    """

    def __init__(self, layout: RegisterLayout, raw: bytes) -> None:
        self.raw = raw
        self._core = layout.core
        self._byte_order = layout.byte_order

    def __getitem__(self, name: str) -> int:
        start, end = self._core[name]
        return int.from_bytes(self.raw[start:end], self._byte_order)
