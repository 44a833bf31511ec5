"""The targets that are not supported are the rest of QEMU's."""

from __future__ import annotations

from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.arch.unsupported import UNSUPPORTED


def test_no_target_is_both() -> None:
    assert not UNSUPPORTED.keys() & ARCHITECTURES.keys()
