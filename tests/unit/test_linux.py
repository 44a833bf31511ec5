"""Signal numbers: what a stub says, and what the guest calls it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gdbtrace.arch.linux import HPPA_SIGNALS, MIPS_SIGNALS, SIGNALS, SPARC_SIGNALS, signal_of_gdb
from gdbtrace.arch.model import KNOWN_SYSTEM_CALLS, Arch
from gdbtrace.arch.registry import ARCHITECTURES

TABLES = {"generic": SIGNALS, "mips": MIPS_SIGNALS, "sparc": SPARC_SIGNALS, "hppa": HPPA_SIGNALS}
OF_GDB = {name: number for number in range(1, 200) if (name := signal_of_gdb(number))}


@pytest.mark.parametrize(
    ("name", "gdb", "generic", "mips", "sparc", "hppa"),
    [
        ("HUP", 1, 1, 1, 1, 1),
        ("TRAP", 5, 5, 5, 5, 5),
        ("ABRT", 6, 6, 6, 6, 6),
        ("FPE", 8, 8, 8, 8, 8),
        ("BUS", 10, 7, 10, 10, 10),
        ("SEGV", 11, 11, 11, 11, 11),
        ("SYS", 12, 31, 12, 12, 31),
        ("URG", 16, 23, 21, 16, 29),
        ("STOP", 17, 19, 23, 17, 24),
        ("CONT", 19, 18, 25, 19, 26),
        ("CHLD", 20, 17, 18, 20, 18),
        ("XCPU", 24, 24, 30, 24, 12),
        ("PROF", 27, 27, 29, 27, 21),
        ("WINCH", 28, 28, 20, 28, 23),
        ("USR1", 30, 10, 16, 30, 16),
        ("USR2", 31, 12, 17, 31, 17),
        ("PWR", 32, 30, 19, 29, 19),
        ("RT32", 77, 32, 32, 32, 32),
        ("RT33", 45, 33, 33, 33, 33),
        ("RT63", 75, 63, 63, 63, 63),
        ("RT64", 78, 64, 64, 64, 64),
    ],
)
def test_numbers_are_those_of_signal_7(name: str, gdb: int, generic: int, mips: int, sparc: int, hppa: int) -> None:
    assert signal_of_gdb(gdb) == name
    assert [TABLES[table][name] for table in ("generic", "mips", "sparc", "hppa")] == [generic, mips, sparc, hppa]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_number_has_one_name_and_gdb_knows_it(table: Mapping[str, int]) -> None:
    assert sorted(table.values()) == list(range(1, 65))
    # gdb has no STKFLT, which no kernel sends.
    assert table.keys() - {"STKFLT"} <= OF_GDB.keys()


@pytest.mark.parametrize("number", [0, -1, 33, 44, 76, 79, 1000])
def test_what_linux_has_no_signal_for_has_no_name(number: int) -> None:
    assert signal_of_gdb(number) is None


def test_architectures_have_the_table_of_their_kernel() -> None:
    tables = {name: arch.system_calls.signals for name, arch in ARCHITECTURES.items()}
    of_their_own = {name: table for name, table in tables.items() if table is not SIGNALS}
    assert of_their_own == {
        **dict.fromkeys(("mips", "mipsel", "mips64", "mips64el"), MIPS_SIGNALS),
        **dict.fromkeys(("sparc", "sparc32plus", "sparc64", "alpha"), SPARC_SIGNALS),
        "hppa": HPPA_SIGNALS,
    }


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda arch: arch.name)
def test_architectures_name_only_calls_that_the_tracer_knows(arch: Arch) -> None:
    names = set(arch.system_calls.names.values())
    assert names <= KNOWN_SYSTEM_CALLS
    assert names >= {"rt_sigaction", "rt_sigreturn", "execve", "clone", "getrandom", "readlinkat"}
