from __future__ import annotations

import pytest

from gdbtrace.errors import UsageError
from gdbtrace.machine.stages import parse_stage


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("reset=0xfffffff0", ("reset", 0xFFFFFFF0)),
        ("boot sector=31744", ("boot sector", 0x7C00)),
        ("kernel=start_kernel", ("kernel", "start_kernel")),
        ("kernel = start_kernel+0x10", ("kernel", "start_kernel+0x10")),
        ("c++=operator==(A const&)", ("c++", "operator==(A const&)")),
        ("last=0xffffffffffffffff", ("last", (1 << 64) - 1)),
    ],
)
def test_a_stage_is_a_name_and_a_place(text: str, stage: tuple[str, int | str]) -> None:
    assert parse_stage(text) == stage


@pytest.mark.parametrize("text", ["", "kernel", "=0x7c00", "kernel=", " = ", "kernel=-1", "kernel=0x10000000000000000"])
def test_what_is_no_stage_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--stage "):
        parse_stage(text)
