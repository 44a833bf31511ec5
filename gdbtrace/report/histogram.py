"""Histograms over time: a line or JSON each, or one picture."""

from __future__ import annotations

import importlib
import json
import logging
from io import BytesIO
from pathlib import Path
from typing import Any

from gdbtrace.analysis.histogram import Histogram
from gdbtrace.errors import OutputError, ToolMissing, UsageError

_FORMATS = {".svg": {"Date": None}, ".png": {}}
"""What a picture says of itself: no date, so that the same trace makes the same file."""
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "gdbtrace"}
"""Text as text, and ids that are the same each time."""
_MOST_AREAS = 12
_LEAST_POINTS = 1 << 9
"""Twice as many samples as this are one for each pixel of a picture's width."""
_INCHES = (12.0, 6.0)
_COLOURS = "tab20"
_OTHER_COLOUR = "lightgrey"


def sample_line(sample: Histogram) -> str:
    """``instruction-count {"name": share, ...}``, as PANDA prints it."""
    return f"{sample.instructions} {json.dumps(sample.shares)}"


def as_json(histogram: Histogram) -> str:
    """One line."""
    return json.dumps(
        {
            "instructions": histogram.instructions,
            "blocks": histogram.blocks,
            "counts": histogram.counts,
            "shares": histogram.shares,
        }
    )


class AreaPlot:
    """Draws samples as stacked areas: shares over instructions executed.

    A sample's share is drawn back to the sample before it. Of more samples than a picture can show, every second,
    fourth, ... is drawn, and the last one.

    :param window: how many blocks a sample counts.
    :raise UsageError: the file cannot be such a picture.
    :raise ToolMissing: matplotlib is not installed.
    """

    def __init__(self, path: Path, window: int) -> None:
        if path.suffix.lower() not in _FORMATS:
            raise UsageError(f"{path}: a picture's name ends with {' or '.join(_FORMATS)}")
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent}: no such directory")
        # It has words on stderr about the font cache that it makes when it is first used.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        try:
            # Not at the top: it takes half a second, and nothing else needs it.
            self._matplotlib = importlib.import_module("matplotlib")
            self._figure = importlib.import_module("matplotlib.figure")
        except ImportError:
            raise ToolMissing("matplotlib", "pip install 'gdbtrace[plot]'") from None
        self._path, self._window = path, window
        self._samples: list[Histogram] = []
        self._last: Histogram | None = None
        self._seen, self._period = 0, 1

    def add(self, sample: Histogram) -> None:
        """Take the next sample."""
        self._last = sample
        self._seen += 1
        if not self._seen % self._period:
            self._samples.append(sample)
        if len(self._samples) == 2 * _LEAST_POINTS:
            self._period *= 2
            self._samples = self._samples[1::2]

    def write(self, total: Histogram) -> None:
        """Write the picture.

        :param total: of the whole trace; its most frequent names have an area of their own.
        :raise OutputError: the file cannot be written.
        """
        samples = self._samples
        if self._last is not None and (not samples or samples[-1] is not self._last):
            samples = [*samples, self._last]
        names = list(total.counts)[:_MOST_AREAS]
        matplotlib = self._matplotlib
        colours = list(matplotlib.color_sequences[_COLOURS][: len(names)])
        shares = [sample.shares for sample in samples]
        rows = [[share.get(name, 0.0) for share in shares] for name in names]
        if len(total.counts) > len(names):
            names.append("other")
            colours.append(_OTHER_COLOUR)
            rows.append([max(0.0, 1 - sum(named)) for named in zip(*rows, strict=True)])
        picture, suffix = BytesIO(), self._path.suffix.lower()
        # What a user has configured for pictures of their own would make another one of ours.
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            figure = self._drawn(samples, names, rows, colours)
            figure.savefig(picture, format=suffix[1:], metadata=_FORMATS[suffix])
        try:
            self._path.write_bytes(picture.getvalue())
        except OSError as error:
            raise OutputError(self._path, error.strerror or str(error)) from error

    def _drawn(self, samples: list[Histogram], names: list[str], rows: list[list[float]], colours: list[object]) -> Any:
        figure = self._figure.Figure(figsize=_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.set(
            xlabel="instructions executed",
            ylabel=f"share of the latest {self._window:,} basic blocks",
            xlim=(0, samples[-1].instructions if samples else 1),
            ylim=(0, 1),
        )
        axes.xaxis.set_major_formatter("{x:,.0f}")
        if samples:
            ends = [0, *(sample.instructions for sample in samples)]
            areas = axes.stackplot(
                ends,
                [[row[0], *row] for row in rows],
                colors=colours,
                step="pre",
            )
            for area in areas:
                # Else the background shines through between two areas.
                area.set(antialiased=False, linewidth=0)
            # In the order of the areas, the uppermost first.
            legend = axes.legend(areas[::-1], names[::-1], loc="center left", bbox_to_anchor=(1, 0.5))
            for label in legend.get_texts():
                # A name is no formula.
                label.set_parse_math(False)
        return figure
