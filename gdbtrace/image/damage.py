"""What reading a damaged ELF file, or one that cannot be read, can end in."""

from __future__ import annotations

import lzma
import struct
import zlib

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError

# pyelftools checks little of what a file says.
DAMAGE = (
    *(ELFError, DWARFError, ConstructError, struct.error, zlib.error, lzma.LZMAError),
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, NotImplementedError),
    *(MemoryError, RecursionError, EOFError, OSError),
)
