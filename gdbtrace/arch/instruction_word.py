"""Reading instruction words: what several families' tables have in common."""

from __future__ import annotations


def sign_extended(value: int, bits: int) -> int:
    """The low ``bits`` bits as a signed number."""
    sign = 1 << bits - 1
    return (value & (sign << 1) - 1 ^ sign) - sign


__all__ = ["sign_extended"]
