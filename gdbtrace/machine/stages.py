"""Stages of a machine's boot: names for addresses that it reaches one after the other."""

from __future__ import annotations

from gdbtrace.errors import UsageError

RESET = "reset"
"""The stage that a machine begins at, wherever it stands then: QEMU has code of its own before what it loads itself."""

_MOST_ADDRESS = (1 << 64) - 1


def parse_stage(text: str) -> tuple[str, int | str]:
    """Read what ``--stage`` takes, ``NAME=ADDRESS|SYMBOL``: a name and, as in a profile, its address or symbol.

    A symbol may have ``+OFFSET`` behind it; whether there is such a one is found out by who knows the image.

    :raise UsageError: it is not of that form, or not an address.
    """
    name, _, place = (part.strip() for part in text.partition("="))
    if not name or not place:
        raise UsageError(f"--stage {text}: must be NAME=ADDRESS or NAME=SYMBOL")
    try:
        address = int(place, 0)
    except ValueError:
        return name, place
    if not 0 <= address <= _MOST_ADDRESS:
        raise UsageError(f"--stage {text}: not an address of 64 bits")
    return name, address
