"""Reading instruction words: what several families' tables have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gdbtrace.arch.model import AccessKind, Behaviour


def sign_extended(value: int, bits: int) -> int:
    """The low ``bits`` bits as a signed number."""
    sign = 1 << bits - 1
    return (value & (sign << 1) - 1 ^ sign) - sign


@dataclass(frozen=True, slots=True)
class Access:
    """One access of an instruction, relative to the address that it computes."""

    kind: AccessKind
    displacement: int
    size: int
    """In bytes."""


def run_of(kind: AccessKind, size: int, count: int = 1) -> tuple[Access, ...]:
    """``count`` accesses of ``size`` bytes, one after the other."""
    return tuple(Access(kind, size * n, size) for n in range(count))


Builder = Callable[[int, int], Behaviour | None]
"""What an instruction does, from its word and where it is; None: nothing beyond what its text names."""


@dataclass(frozen=True, slots=True)
class Row:
    """A pattern of bits, and what instructions that have it do."""

    mask: int
    match: int
    build: Builder


def row(pattern: str, build: Builder) -> Row:
    """``pattern`` is written as the manual draws it, highest bit first; ``.`` is any bit, blanks mean nothing."""
    bits = pattern.replace(" ", "")
    if len(bits) not in (16, 32):
        raise ValueError(f"{pattern!r} has {len(bits)} bits")
    mask = int("".join("0" if bit == "." else "1" for bit in bits), 2)
    return Row(mask, int(bits.replace(".", "0"), 2), build)


def behaviour_by_rows(rows: Sequence[Row], word: int, place: int) -> Behaviour:
    """What the first row that fits says; a plain instruction where none does."""
    for candidate in rows:
        if word & candidate.mask == candidate.match:
            return candidate.build(word, place) or Behaviour()
    return Behaviour()


__all__ = ["Access", "Builder", "Row", "behaviour_by_rows", "row", "run_of", "sign_extended"]
