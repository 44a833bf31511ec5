"""What is said where the system does not allow that runs be made the same."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdbtrace import RunOptions
from gdbtrace.machine import emulator
from gdbtrace.record.program import ProgramTarget
from tests.toolchain import GUESTS

GUEST = GUESTS / "aarch64" / "guest"


class Libc:
    """What a container's seccomp profile makes of personality(2): asked it answers, more it refuses."""

    def personality(self, persona: int) -> int:
        return 0 if persona == 0xFFFF_FFFF else -1


@pytest.fixture
def _fresh() -> Iterator[None]:
    for known in (emulator.process_namespace, emulator._can_fix_addresses):
        known.cache_clear()
    yield
    for known in (emulator.process_namespace, emulator._can_fix_addresses):
        known.cache_clear()


def warnings(*, is_pinned: bool = True) -> list[str]:
    return list(ProgramTarget(RunOptions(program=GUEST, is_pinned=is_pinned)).warnings())


@pytest.mark.usefixtures("_fresh")
@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({"addresses"}, ["addresses"]),
        ({"processes"}, ["process ids"]),
        ({"addresses", "processes"}, ["addresses", "process ids"]),
    ],
)
def test_one_line_says_what_is_not_pinned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refused: set[str], said: list[str]
) -> None:
    if "addresses" in refused:
        monkeypatch.setattr(emulator, "_LIBC", Libc())
    else:
        monkeypatch.setattr(emulator, "_can_fix_addresses", lambda: True)
    if "processes" in refused:
        # Unshare fails, as it does where clone(2) with CLONE_NEWPID is refused
        unshare = tmp_path / "unshare"
        unshare.write_text("#!/bin/sh\nexit 1\n")
        unshare.chmod(0o755)
        found = shutil.which
        monkeypatch.setattr(shutil, "which", lambda name: str(unshare) if name == "unshare" else found(name))
    else:
        monkeypatch.setattr(emulator, "process_namespace", lambda: ("unshare",))
    (line,) = warnings()
    assert line.startswith("not pinned, since this system does not allow it: ")
    assert [what for what in ("addresses", "process ids") if what in line] == said
    assert "\n" not in line
    # Who does not want it pinned need not be told
    assert warnings(is_pinned=False) == []


@pytest.mark.usefixtures("_fresh")
def test_asking_changes_nothing() -> None:
    libc = ctypes.CDLL(None)
    before = libc.personality(0xFFFF_FFFF)
    emulator.not_pinned()
    assert libc.personality(0xFFFF_FFFF) == before
