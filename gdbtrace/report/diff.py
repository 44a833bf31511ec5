"""What two traces differ in, as text."""

from __future__ import annotations

from collections.abc import Iterator

from gdbtrace.analysis.divergence import Divergence
from gdbtrace.analysis.reading import Reading


def divergence_lines(divergence: Divergence, left: Reading, right: Reading) -> Iterator[str]:
    """A divergence: its class, where it is in both traces, what each has, and the frames around it."""
    yield f"{divergence.kind.value}: frame {divergence.left.number} of {left.reader.path}"
    yield f"frame {divergence.right.number} of {right.reader.path}"
    for difference in divergence.differences:
        yield f"  {difference.what}: {difference.left} {difference.right}"
