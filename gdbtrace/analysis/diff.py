"""Comparing two traces: where they diverge, and in what."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice, zip_longest

from gdbtrace.analysis.divergence import Difference, Divergence, DivergenceKind, Position
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.trace.frames import Frame, Operand, StdFrame


class Diff:
    """Compares two traces.

    :param context: frames of context on each side of a divergence.
    """

    def __init__(self, left: Reading, right: Reading, tolerance: Tolerance = Tolerance(), context: int = 3) -> None:  # noqa: B008
        self.left, self.right = left, right
        self._tolerance = tolerance
        self._context = context

    def first(self) -> Divergence | None:
        """The first divergence; None: the traces are equal."""
        return next(self.iter_divergences(), None)

    def iter_divergences(self) -> Iterator[Divergence]:
        """All of them, in order; after each the traces are aligned again."""
        before: deque[tuple[tuple[int, Frame], tuple[int, Frame]]] = deque(maxlen=self._context)
        pairs = zip_longest(self.left.iter_numbered(), self.right.iter_numbered())
        for left, right in pairs:
            differences = tuple(_differences(left and left[1], right and right[1]))
            if differences:
                after = list(islice(pairs, self._context))
                yield Divergence(
                    differences[0].kind,
                    Position(*(left or (-1, None)), [pair[0] for pair in before], [a for a, _ in after if a]),
                    Position(*(right or (-1, None)), [pair[1] for pair in before], [b for _, b in after if b]),
                    differences,
                )
                return
            before.append((left, right))


def _differences(left: Frame | None, right: Frame | None) -> Iterator[Difference]:
    if left is None or right is None:
        yield Difference(DivergenceKind.LENGTH, "trace", "ends" if left is None else "goes on", "")
    elif not isinstance(left, StdFrame) or not isinstance(right, StdFrame):
        if left != right:
            yield Difference(DivergenceKind.EVENT, "event", str(left), str(right))
    elif (left.address, left.thread_id, left.mode) != (right.address, right.thread_id, right.mode):
        yield Difference(DivergenceKind.CONTROL_FLOW, "address", f"{left.address:#x}", f"{right.address:#x}")
    elif left.rawbytes != right.rawbytes:
        yield Difference(DivergenceKind.BYTES, "bytes", left.rawbytes.hex(), right.rawbytes.hex())
    else:
        for when, ours, theirs in (("before", left.pre, right.pre), ("after", left.post or (), right.post or ())):
            for a, b in zip_longest(ours, theirs):
                if a != b:
                    yield _operand_difference(when, a, b)


def _operand_difference(when: str, left: Operand | None, right: Operand | None) -> Difference:
    one = left or right
    assert one is not None
    kind = DivergenceKind.MEMORY if one.is_memory else DivergenceKind.REGISTER
    return Difference(kind, f"{one.location} {when}", str(left), str(right))
