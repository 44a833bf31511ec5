"""``gdbtrace info``: what a trace is and what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gdbtrace.analysis.contents import Contents, ContentsAnalysis
from gdbtrace.cli.output import printable
from gdbtrace.cli.traces import showing_what_was_read
from gdbtrace.opening import architecture_of_trace, image_of_trace
from gdbtrace.trace import open_trace
from gdbtrace.trace.container import TraceReader


def info(
    trace: Annotated[Path, typer.Argument(help="The trace.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show TRACE's header, meta frame, counts, address ranges, modes and threads."""
    with showing_what_was_read() as reads, open_trace(trace) as reader:
        analysis = ContentsAnalysis()
        for frame in reads.up_to_damage(reader):
            analysis.feed(frame)
        facts = _facts(reader, analysis.result())
        if as_json:
            print(json.dumps(facts))
            return
        for name, value in facts.items():
            label = f"{name}:"
            for line in _lines(value):
                print(printable(f"{label:<18} {line}"))
                label = ""


def _facts(reader: TraceReader, contents: Contents) -> dict[str, object]:
    header, meta = reader.header, reader.meta
    arch = architecture_of_trace(reader, None, image_of_trace(reader, None))
    facts: dict[str, object] = {
        "version": header.version,
        "architecture": header.frame_architecture,
        "machine": header.frame_machine,
        "arch": arch.name if arch else None,
    }
    if meta is not None:
        facts |= {
            "tracer": f"{meta.tracer.name} {meta.tracer.version}",
            "tracer arguments": list(meta.tracer.args),
            "target": meta.target.path,
            "target arguments": list(meta.target.args),
            "target environment": list(meta.target.envp),
            "target md5": meta.target.md5sum.hex(),
            "target size": meta.fstats.size,
            "user": meta.user,
            "host": meta.host,
            "time": datetime.fromtimestamp(meta.time, UTC).isoformat() if 0 <= meta.time < 1e11 else meta.time,
        }
    return facts | {
        "frames": contents.kinds,
        "modes": contents.modes,
        "threads": {str(thread): count for thread, count in contents.threads.items()},
        "exceptions": {str(number): count for number, count in contents.exceptions.items()},
        "devices": contents.devices,
        "loads": contents.loads,
        "stores": contents.stores,
        "code": [f"{low:#x}-{high:#x}" for low, high in contents.code],
        "data": [f"{low:#x}-{high:#x}" for low, high in contents.data],
    }


def _lines(value: object) -> Sequence[str]:
    """How a fact is shown as text: one line or several."""
    if isinstance(value, Mapping):
        return [", ".join(f"{name or 'none'} {count:,}" for name, count in value.items()) or "none"]
    if isinstance(value, list):
        return [" ".join(value)] if value and not str(value[0]).startswith("0x") else value or ["none"]
    return [f"{value:,}" if isinstance(value, int) else str(value)]
