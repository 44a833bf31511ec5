"""The same program at other addresses: QEMU 10.0 loads it elsewhere than QEMU 7.2 does, and ``--relocate`` knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdbtrace import RunOptions
from gdbtrace.analysis.diff import Diff
from gdbtrace.analysis.divergence import DivergenceKind
from gdbtrace.analysis.tolerance import Tolerance
from gdbtrace.opening import open_reading
from gdbtrace.record.engines import EngineChoice
from gdbtrace.trace import StdFrame
from tests.toolchain import TESTS, Workshop, qemu_10_0
from tests.tracing import NULL, quiet_record

pytestmark = [pytest.mark.qemu, pytest.mark.cross]

SOURCE = TESTS / "programs" / "common" / "moved.c"
FLAGS = ("-nostdlib", "-nostartfiles", "-fPIE", "-static-pie", "-fno-stack-protector", "-O0", "-g")
INSTRUCTIONS = 1200
RELOCATED = Tolerance.parse(["pswm"], is_relocated=True)
"""QEMU 7.2 shows another PSW mask of a program than QEMU 10.0 does."""


@pytest.mark.parametrize("arch", ["x86_64", "ppc64", "s390x"])
def test_a_program_that_is_elsewhere(arch: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given a program under two emulators, and one of which a store goes elsewhere
    program = workshop.program(arch, SOURCE, *FLAGS)
    wrong = workshop.program(arch, SOURCE, *FLAGS, "-DELSEWHERE", name="moved-elsewhere")
    here, there, other = (tmp_path / f"{name}.frames" for name in ("here", "there", "other"))
    for path, each, qemu in ((here, program, None), (there, program, qemu_10_0(arch)), (other, wrong, qemu_10_0(arch))):
        options = RunOptions(
            each, output=path, arch=arch, engine=EngineChoice.RSP, limit=INSTRUCTIONS, stdin=NULL, qemu=qemu
        )
        quiet_record(options)

    # Then addresses alone differ
    with open_reading(here) as left, open_reading(there) as right:
        assert Diff(left, right, Tolerance()).first() is not None
    with open_reading(here) as left, open_reading(there) as right:
        diff = Diff(left, right, RELOCATED)
        assert diff.first() is None
        assert diff.tally.pairs > INSTRUCTIONS

    # And the store is found, wherever it is
    with open_reading(here) as left, open_reading(other) as right:
        found = Diff(left, right, RELOCATED).first()
        assert found is not None
        assert found.kind is DivergenceKind.BYTES
        assert isinstance(found.left.frame, StdFrame)
        place = left.symbols.line_at(found.left.frame.address)
        assert place is not None
        assert SOURCE.read_text().splitlines()[place.line - 1].strip() == "values[5] = pointers[5] - values;"
