"""Is a trace file consistent in itself? What `gdbtrace verify` and :func:`gdbtrace.verify` share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.verify import Verification, Verified, Violation, ViolationKind
from gdbtrace.opening import argument_of, open_reading
from gdbtrace.record.options import KEY_INTERVAL
from gdbtrace.report.verify import verified_line, violation_line
from gdbtrace.trace.frames import Frame

MOST_KEPT = 100


@dataclass(frozen=True, slots=True)
class Consistency:
    """What came of verifying a trace."""

    counts: Mapping[ViolationKind, int]
    """How many violations of each kind there are."""
    violations: Sequence[Violation]
    """The first ones."""
    lines: Sequence[str]
    """They, and what was looked at, for a person to read."""
    verified: Verified

    @property
    def is_consistent(self) -> bool:
        """Whether nothing in the trace contradicts anything else in it."""
        return not self.counts


def verify(trace: str | os.PathLike[str], *, elf: Path | None = None, most: int = MOST_KEPT) -> Consistency:
    """Find where a trace, or a golden, contradicts itself.

    :param elf: the program, if it is not where the trace says; without it code and data are not compared with it.
    :param most: how many violations to keep; all are counted.
    :raise UsageError: it cannot be read.
    :raise TraceFormatError: it is damaged.
    """
    counts: Counter[ViolationKind] = Counter()
    violations: list[Violation] = []
    lines: list[str] = []
    with open_reading(Path(trace), elf=elf) as reading:
        verification = verification_of(reading)
        for violation in iter_violations(reading, verification, reading):
            counts[violation.kind] += 1
            if len(violations) < most:
                violations.append(violation)
                lines.append(violation_line(violation, reading.symbols))
    verified = verification.result()
    return Consistency(counts, violations, [*lines, verified_line(verified, counts)], verified)


def iter_violations(reading: Reading, verification: Verification, frames: Iterable[Frame]) -> Iterator[Violation]:
    """The violations of a whole trace, each as soon as it is found.

    :param frames: those of ``reading``, one after the other.
    """
    for frame in frames:
        yield from verification.feed(reading.position, frame)
    if problem := reading.reader.toc_problem():
        yield Violation(ViolationKind.CONTAINER, reading.position, None, None, None, problem)


def verification_of(reading: Reading) -> Verification:
    """The verification that a trace's producer and options ask for."""
    meta = reading.reader.meta
    has_events = meta is not None and meta.tracer.name == "gdbtrace" and "--std-only" not in meta.tracer.args
    noted = argument_of(reading.reader, "--key-interval=") or ""
    return Verification(
        reading.arch,
        reading.symbols,
        is_machine=reading.is_machine,
        program=meta.target.path if meta is not None else "",
        has_events=has_events,
        key_interval=(int(noted) if noted.isdecimal() else KEY_INTERVAL) if has_events else 0,
    )
