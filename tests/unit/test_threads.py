"""Holding threads where the system forbids it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
from unittest.mock import create_autospec

import pytest

from gdbtrace.errors import GdbtraceError
from gdbtrace.stub.client import StubClient
from gdbtrace.tracer import ptrace
from gdbtrace.tracer.stepper import Stepper
from gdbtrace.tracer.threads import GuestThreads


def test_forbidden_ptrace_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a system that forbids ptrace
    def refuse(thread: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(ptrace, "seize", refuse)
    stepper = create_autospec(Stepper, instance=True)
    stepper.client, stepper.thread = create_autospec(StubClient, instance=True), b"p%x.%x" % (os.getpid(), os.getpid())
    handler = signal.getsignal(signal.SIGCHLD)
    stepper.control, theirs = socket.socketpair()
    with contextlib.ExitStack() as stack:
        stack.enter_context(stepper.control)
        stack.enter_context(theirs)
        stack.callback(signal.signal, signal.SIGCHLD, handler)
        stack.callback(signal.set_wakeup_fd, -1)
        # When a second thread is about to be, then the error says what to allow
        with pytest.raises(GdbtraceError, match=r"Operation not permitted.*kernel\.yama\.ptrace_scope"):
            GuestThreads(os.getpid(), stepper)
