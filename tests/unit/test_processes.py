"""Making the processes of one trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from gdbtrace.processes import uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_comes_after_what_must_not_be_interrupted(number: signal.Signals) -> None:
    before = signal.signal(number, signal.default_int_handler)
    done = []

    def make() -> None:
        with uninterrupted():
            os.kill(os.getpid(), number)
            done.append(number)

    try:
        with pytest.raises(KeyboardInterrupt):
            make()
        assert done == [number]
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_an_error_keeps_the_handlers() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="of the maker"), uninterrupted():
        raise ValueError("of the maker")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_that_gets_no_signals_may_make_processes() -> None:
    reached = threading.Event()

    def make() -> None:
        with uninterrupted():
            reached.set()

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert reached.is_set()


def test_a_signal_at_the_fork_is_not_lost() -> None:
    # Given a signal in the handlers that Python calls around a fork, which swallow exceptions
    script = """
import os, signal, subprocess
from gdbtrace.processes import uninterrupted
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    with uninterrupted():
        process = subprocess.Popen(["true"], preexec_fn=lambda: None)
except KeyboardInterrupt:
    process.wait()
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
