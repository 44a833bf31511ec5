"""Where a trace contradicts itself, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.verify import Verified, Violation, ViolationKind
from gdbtrace.report.printable import printable


def violation_line(violation: Violation, symbols: Symbols) -> str:
    """One violation: frame, address, symbol, kind, what is wrong. Names in it are escaped."""
    where = "" if violation.thread_id is None else f", thread {violation.thread_id}"
    if violation.address is not None:
        name = symbols.place_at(violation.address)
        where += f", {violation.address:#x}" + (f" {name}" if name else "")
    return printable(f"frame {violation.number}{where}: {violation.kind.value}: {violation.problem}")


def violation_row(violation: Violation, symbols: Symbols) -> dict[str, object]:
    """The same for JSON."""
    address = violation.address
    return asdict(violation) | {
        "kind": violation.kind.value,
        "address": None if address is None else f"{address:#x}",
        "place": "" if address is None else symbols.place_at(address),
    }


def verified_line(verified: Verified, counts: Mapping[ViolationKind, int]) -> str:
    """What came of it."""
    kinds = ", ".join(f"{count:,} {kind.value}" for kind, count in counts.items())
    found = f"{sum(counts.values()):,} violations ({kinds})" if counts else "no violation"
    unseen = verified.memory_changed_unseen
    notes = f"; {unseen:,} bytes of memory changed where no frame tells by what" if unseen else ""
    if not verified.is_memory_complete:
        notes += "; more memory than is remembered"
    return f"{verified.frames:,} frames, {verified.instructions:,} instructions: {found}{notes}"


def verified_row(verified: Verified, counts: Mapping[ViolationKind, int]) -> dict[str, object]:
    """The same for JSON."""
    return asdict(verified) | {"violations": {kind.value: count for kind, count in counts.items()}}
