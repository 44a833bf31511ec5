"""The guest's program: architecture, symbols, source lines, load addresses, from its ELF file (pyelftools)."""

from gdbtrace.image.debug_files import USUAL_PLACES, DebugPlaces
from gdbtrace.image.elf import Image, Location, Segment, md5_of
from gdbtrace.image.lines import LineRow, SourceLine
from gdbtrace.image.symbol_table import Symbol, number_of, readings_of

__all__ = [
    "USUAL_PLACES",
    "DebugPlaces",
    "Image",
    "LineRow",
    "Location",
    "Segment",
    "SourceLine",
    "Symbol",
    "md5_of",
    "number_of",
    "readings_of",
]
