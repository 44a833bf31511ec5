"""Names of C++ and Rust."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator

import pytest

from gdbtrace.image import demangling
from gdbtrace.image.demangling import Demangler, is_called

RUST_LEGACY = "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"
RUST_V0 = "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate"
ITANIUM = (
    "_ZNSt6vectorIiSaIiEE9push_backEOi",
    "_ZN2ns4overEd",
    "_ZZ4mainENKUlvE_clEv",
    "_ZNK2ns3BoxIiEltERKS1_",
    "_ZN12_GLOBAL__N_16hiddenEi",
    "_ZTVN2ns4BaseE",
    "_ZThn8_N2ns4BaseD0Ev",
    "_ZN2ns4overEi.part.0",
)


@pytest.fixture
def demangler() -> Iterator[Demangler]:
    demangler = Demangler()
    yield demangler
    demangler.close()


def exploding(count: int) -> str:
    """A name whose types each mention the one before them twice: the demangled one has 2 ** count parts."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def reference(number: int) -> str:
        number -= 1
        return f"S{digits[number // 36] if number >= 36 else ''}{digits[number % 36]}_"

    return "_Z1fPFvvE" + "".join(f"PFv{2 * reference(2 * index + 1)}E" for index in range(count))


def test_c_plus_plus_is_as_llvm_prints_it(demangler: Demangler) -> None:
    printed = subprocess.run(["llvm-cxxfilt", *ITANIUM], capture_output=True, text=True, check=True).stdout
    # Debian 12's puts a space between closing brackets, as C++03 had to.
    assert [demangler.name_of(name) for name in ITANIUM] == printed.replace("> >", ">>").splitlines()


def test_rust_is_told_without_hash(demangler: Demangler) -> None:
    assert demangler.name_of(RUST_LEGACY) == "core::fmt::Formatter::pad"
    assert demangler.name_of(RUST_V0) == "<std::path::PathBuf>::new"


@pytest.mark.parametrize("name", ["main", "_start", "_Zebra", "_Restore", "", "_Z", "_ZN\n3foo", "$a", "_Zé"])
def test_what_is_not_mangled_stays_as_it_is(demangler: Demangler, name: str) -> None:
    assert demangler.name_of(name) == name


def test_no_process_is_started_for_c(demangler: Demangler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    demangler.learn(["main", "printf"])


@pytest.mark.parametrize("hostile", [exploding(40), "_Z1f" + "N1aI" * 4000, "_Z1f" + "P" * 100_000 + "i"])
def test_name_that_no_demangler_survives_costs_that_name(
    demangler: Demangler, monkeypatch: pytest.MonkeyPatch, hostile: str
) -> None:
    monkeypatch.setattr(demangling, "_SECONDS", 0.5)
    demangler.learn(["_ZN2ns4overEd", hostile, RUST_LEGACY])
    assert demangler.name_of("_ZN2ns4overEd") == "ns::over(double)"
    assert demangler.name_of(hostile) == hostile
    assert demangler.name_of(RUST_LEGACY) == "core::fmt::Formatter::pad"


def test_after_some_hostile_names_no_more_are_tried(demangler: Demangler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demangling, "_SECONDS", 0.2)
    began = time.monotonic()
    hostile = [exploding(count) for count in range(40, 60)]
    demangler.learn(hostile)
    assert time.monotonic() - began < 5
    assert [demangler.name_of(name) for name in hostile] == hostile


def test_names_of_noise_are_answered_in_order(demangler: Demangler) -> None:
    # Given names that are broken in every way, between good ones
    generator = random.Random(1)
    names = []
    for _ in range(3000):
        letters = list(generator.choice((*ITANIUM, RUST_V0)))
        for _ in range(generator.randint(1, 4)):
            letters[generator.randrange(2, len(letters))] = generator.choice("_ZNKSTRIEPFvics0123456789.$")
        names += ["".join(letters), "_ZN2ns4overEd"]
    # When they are asked for at once
    demangler.learn(names)
    # Then each has its own answer
    assert {demangler.name_of(name) for name in names[1::2]} == {"ns::over(double)"}
    assert demangler.name_of("_ZN2ns4overEi.part.0") == "ns::over(int) (.part.0)"


@pytest.mark.parametrize(
    ("demangled", "name", "wanted"),
    [
        ("ns::over(int)", "ns::over", True),
        ("ns::over(int)", "ns::over(int)", True),
        ("ns::over(int)", "ns::over(double)", False),
        ("ns::over(int)", "over", False),
        ("ns::overall(int)", "ns::over", False),
        ("core::fmt::write", "core::fmt::write", True),
        ("ns::Box<int>::operator()(int) const", "ns::Box<int>::operator()", True),
    ],
)
def test_name_is_meant_with_parameters_or_without(demangled: str, name: str, wanted: bool) -> None:
    assert is_called(demangled, name) is wanted
