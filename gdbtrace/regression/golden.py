"""Golden traces of a project: kept beside its tests, compared with what runs give, replaced when somebody says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.errors import GdbtraceError, GoldenMissing, OutputError
from gdbtrace.regression.comparison import CONTEXT_FRAMES, Comparison, compare_files
from gdbtrace.trace.golden import open_trace, pack

SUFFIX = ".golden"
MANIFEST_SUFFIX = ".json"
"""Behind the golden's name."""


def check_golden(
    trace: Path, golden: Path, tolerance: Tolerance, *, context: int = CONTEXT_FRAMES, elf: Path | None = None
) -> Comparison:
    """Compare a trace with its golden, which is the left side.

    :param elf: the program, for symbols; None: where the traces say.
    :raise GoldenMissing: there is none: that counts as a failed check.
    :raise UsageError: the trace cannot be read.
    :raise TraceFormatError: the golden or the trace is damaged.
    """
    if not golden.exists():
        raise GoldenMissing(golden)
    return compare_files(golden, trace, tolerance, context, elf=elf)


def is_current(trace: Path, golden: Path, tolerance: Tolerance, *, elf: Path | None = None) -> bool:
    """Whether a golden can stay when goldens are updated: it is there, can be compared with the trace, and is equal.

    :param elf: see :func:`check_golden`.
    """
    try:
        return check_golden(trace, golden, tolerance, elf=elf).is_equal
    except GdbtraceError:
        return False


def write_golden(
    trace: Path,
    golden: Path,
    *,
    program: Path | None = None,
    command: Sequence[str] = (),
    versions: Mapping[str, str] | None = None,
) -> None:
    """Make the golden of a trace, and its manifest beside it: what it was made with, and of what.

    :param program: what was traced.
    :param command: the words that made the trace.
    :param versions: of the tools: see :func:`~gdbtrace.regression.suite.versions_of`.
    :raise OutputError: one of them cannot be written.
    """
    try:
        golden.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(golden.parent, error.strerror or str(error)) from error
    pack(trace, golden)
    with open_trace(golden) as reader:
        frames = reader.frame_count
    manifest = {
        "golden": {"sha256": sha256_of(golden), "bytes": golden.stat().st_size, "frames": frames},
        "trace": {"sha256": sha256_of(trace), "bytes": trace.stat().st_size},
        "program": None if program is None else {"name": program.name, "sha256": sha256_of(program)},
        "command": list(command),
        "versions": dict(versions or {}),
    }
    path = manifest_of(golden)
    try:
        path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error


def manifest_of(golden: Path) -> Path:
    """Where a golden's manifest is."""
    return golden.with_name(golden.name + MANIFEST_SUFFIX)


def read_manifest(golden: Path) -> dict[str, Any]:
    """What a golden's manifest says; empty where there is none that can be read."""
    try:
        manifest = json.loads(manifest_of(golden).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def sha256_of(path: Path) -> str:
    """A file's, in hexadecimal.

    :raise UsageError: it cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
