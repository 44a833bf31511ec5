"""gdbtrace: exact single-step traces of programs under QEMU.

summary = gdbtrace.record(gdbtrace.RunOptions(Path("hello")))
for frame in gdbtrace.open_trace(summary.path):
    if isinstance(frame, gdbtrace.StdFrame):
        print(hex(frame.address), frame.rawbytes.hex())
print(*gdbtrace.compare(summary.path, "other.frames").lines, sep="\n")
"""

from gdbtrace.errors import GdbtraceError
from gdbtrace.record.assemble import RegisterLists
from gdbtrace.record.engines import EngineChoice
from gdbtrace.record.options import (
    AttachOptions,
    MachineOptions,
    Observer,
    Outcome,
    Place,
    RunOptions,
    Schedule,
    Summary,
)
from gdbtrace.record.run import record
from gdbtrace.regression.comparison import Comparison, compare
from gdbtrace.regression.consistency import Consistency, verify
from gdbtrace.trace import open_trace
from gdbtrace.trace.container import TocConvention
from gdbtrace.trace.frames import StdFrame
from gdbtrace.version import __version__

__all__ = [
    "AttachOptions",
    "Comparison",
    "Consistency",
    "EngineChoice",
    "GdbtraceError",
    "MachineOptions",
    "Observer",
    "Outcome",
    "Place",
    "RegisterLists",
    "RunOptions",
    "Schedule",
    "StdFrame",
    "Summary",
    "TocConvention",
    "__version__",
    "compare",
    "open_trace",
    "record",
    "verify",
]
