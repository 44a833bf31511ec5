from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qemu.qmp import Message

from gdbtrace.errors import UsageError
from gdbtrace.machine.emulator import debian_package_of
from gdbtrace.machine.monitor import MachineEvent, event_of
from gdbtrace.machine.output import Expectation, Words
from gdbtrace.machine.system import MachineCommand, arguments_of


@given(st.binary(max_size=12), st.binary(min_size=1, max_size=4), st.lists(st.integers(0, 12)))
def test_expectation_is_met_with_the_piece_that_completes_the_text(data: bytes, text: bytes, cuts: list[int]) -> None:
    expectation = Expectation(text, threading.Event().set)
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    for start, end in pairwise(edges):
        is_new = text in data[:end] and text not in data[:start]
        assert expectation.is_met_by(data[start:end]) or not is_new


def test_text_that_has_come_is_not_found_again() -> None:
    expectation = Expectation(b"ab", threading.Event().set)
    assert [expectation.is_met_by(piece) for piece in (b"a", b"b", b"b", b"a")] == [False, True, False, False]


def test_empty_text_is_refused() -> None:
    with pytest.raises(UsageError, match="empty text"):
        Expectation(b"", threading.Event().set)


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (b"", ""),
        (b"qemu-system-sparc: warning: nic lance.0 has no peer\n", ""),
        (
            b"/x: No such file\nqemu-system-arm: could not load kernel '/x'\n",
            "qemu-system-arm: could not load kernel '/x'",
        ),
        (
            b"qemu-system-arm: no such machine\nUse -machine help\n",
            "qemu-system-arm: no such machine; Use -machine help",
        ),
        (b"qemu: fatal: Lockup\n\nR00=00000000 R01=00000000\nR02=00000000\n", "qemu: fatal: Lockup"),
        (b"one\ntwo\nthree\nfour\n", "two; three; four"),
        (b"env: \x1b[31mred\xff\n", "env: ?[31mred\ufffd"),
    ],
)
def test_last_words(said: bytes, last: str) -> None:
    words = Words()
    for at in range(len(said)):
        words.take(said[at : at + 1])
    assert words.last() == last


def test_words_are_bounded() -> None:
    words = Words()
    for _ in range(100):
        words.take(b"x" * 10_000)
    words.take(b"\nthe end\n")
    assert words.last().endswith("; the end")
    assert len(words.last()) < 20_000


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            {"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-reset"}},
            MachineEvent("SHUTDOWN", True, "guest-reset"),
        ),
        (
            {"event": "SHUTDOWN", "data": {"guest": False, "reason": "host-signal"}},
            MachineEvent("SHUTDOWN", False, "host-signal"),
        ),
        (
            {
                "event": "GUEST_PANICKED",
                "data": {"action": "pause", "info": {"type": "s390", "reason": "disabled-wait"}},
            },
            MachineEvent("GUEST_PANICKED", True, "disabled-wait"),
        ),
        ({"event": "WATCHDOG", "data": {"action": "reset"}}, MachineEvent("WATCHDOG", True, "reset")),
        ({"event": "SUSPEND"}, MachineEvent("SUSPEND", True, "")),
    ],
)
def test_event(message: dict[str, object], event: MachineEvent) -> None:
    assert event_of(Message(message)) == event


def test_package_of_an_emulator() -> None:
    names = ("qemu-sparc64", "qemu-system-arm", "qemu-system-ppc64", "qemu-system-riscv64", "qemu-system-x86_64")
    assert [debian_package_of(name) for name in names] == [
        *("qemu-user", "qemu-system-arm", "qemu-system-ppc", "qemu-system-misc", "qemu-system-x86")
    ]


def options_of(*arguments: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in pairwise(arguments) if name.startswith("-")]


def test_arguments_of_a_machine() -> None:
    command = MachineCommand(Path("qemu-system-arm"), ("-M", "virt"), vcpus=2, icount=3)
    arguments = arguments_of(command, Path("/t/a,b"))
    options = options_of(*arguments)
    assert arguments[-2:] == ["-M", "virt"]
    assert ("-gdb", "unix:/t/a,,b/qemu,server=on,wait=off") in options
    assert ("-icount", "shift=3,align=off,sleep=off") in options
    assert ("-smp", "2") in options
    assert ("-pidfile", "/t/a,b/pid") in options
    assert not any(name == "-semihosting-config" for name, _ in options)


def test_arguments_that_were_asked_for() -> None:
    command = MachineCommand(Path("qemu-system-arm"), (), icount=None, gdb_port=1234, semihosting=True)
    options = options_of(*arguments_of(command, Path("/t")))
    assert ("-gdb", "tcp:127.0.0.1:1234") in options
    assert ("-chardev", "file,id=console,path=/t/console,mux=on") in options
    assert ("-semihosting-config", "enable=on,target=native,chardev=console") in options
    assert not any(name in ("-icount", "-smp") for name, _ in options)
    assert ("-action", "reboot=shutdown") in options
