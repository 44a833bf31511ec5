"""What a run says of itself: the meta frame's arguments and the summary on the command line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gdbtrace import Observer, Outcome, RunOptions, Summary
from gdbtrace.arch.mips import MIPS
from gdbtrace.cli import main
from gdbtrace.cli import tracing as module
from gdbtrace.record.program import ProgramTarget
from tests.toolchain import GUESTS

GUEST = GUESTS / "mips" / "guest"


def test_meta_frame_says_which_memory_operands_may_be_unknown() -> None:
    target = ProgramTarget(RunOptions(GUEST))
    target.arch = replace(MIPS, unknown_operands="gathers")
    some = target.meta_frame()
    target.arch = replace(MIPS, unknown_operands="")
    none = target.meta_frame()
    assert some.tracer.args == (*none.tracer.args, "memory-operands-unknown=gathers")


@pytest.mark.parametrize(
    ("count", "complaint"),
    [
        (0, ""),
        (1234, "gdbtrace: memory operands of 1,234 instructions are not known; `gdbtrace archs` says why\n"),
    ],
)
def test_summary_says_how_many_memory_operands_are_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], count: int, complaint: str
) -> None:
    # Given a run that had so many
    def recorded(options: RunOptions, observer: Observer | None = None) -> Summary:
        return Summary(Outcome.EXITED, GUEST, 5000, 4000, 1.0, "mips", "rsp", 0, None, [], count, 0)

    monkeypatch.setattr(module, "record", recorded)
    # When the command line shows it, then there is a complaint about them, if there are any, and a number
    main(["run", "--json", str(GUEST)])
    shown = capsys.readouterr()
    assert json.loads(shown.out)["unknown_operands"] == count
    assert shown.err == complaint
