"""Text of guests and traces, which nobody vouches for, as it may be shown."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text of a guest or a trace without control characters that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"\\x{_byte_of(character):02x}" for character in text)


def _byte_of(character: str) -> int:
    """Its number; of a byte of a file's name that is not UTF-8 (PEP 383), that byte."""
    number = ord(character)
    return number - 0xDC00 if 0xDC80 <= number <= 0xDCFF else number
