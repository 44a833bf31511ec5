"""Holding threads where the system forbids it, and where it is slow."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
from collections.abc import Iterator
from typing import NamedTuple
from unittest.mock import create_autospec

import pytest

from gdbtrace.errors import GdbtraceError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import framed, resumption
from gdbtrace.tracer import ptrace
from gdbtrace.tracer.ptrace import ThreadStop, ThreadStopKind
from gdbtrace.tracer.stepper import Stepper
from gdbtrace.tracer.threads import GuestThread, GuestThreads, Whereabouts

HOST = os.getpid()
IDENTITY = b"p%x.%x" % (HOST, HOST)


class Links(NamedTuple):
    """A stepper whose thread is this process's own, and the stub's end of its connection."""

    stepper: Stepper
    stub: socket.socket


@pytest.fixture
def links() -> Iterator[Links]:
    stepper = create_autospec(Stepper, instance=True)
    handler = signal.getsignal(signal.SIGCHLD)
    with contextlib.ExitStack() as stack:
        control, _, connection, stub = [stack.enter_context(end) for _ in range(2) for end in socket.socketpair()]
        stepper.control, stepper.thread, stepper.client = control, IDENTITY, StubClient(connection)
        stack.callback(signal.signal, signal.SIGCHLD, handler)
        stack.callback(signal.set_wakeup_fd, -1)
        yield Links(stepper, stub)


def test_forbidden_ptrace_is_an_error_that_says_so(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a system that forbids ptrace
    def refuse(thread: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(ptrace, "seize", refuse)
    # When a second thread is about to be, then the error says what to allow
    with pytest.raises(GdbtraceError, match=r"Operation not permitted.*kernel\.yama\.ptrace_scope"):
        GuestThreads(HOST, links.stepper)


def test_thread_that_waits_for_our_acknowledgement_is_not_asleep(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given one of two threads that stops after we have looked for its reply and before we look where it is: there it
    # is in a system call of the host by then, for our acknowledgement
    replies = [framed(b"T05thread:%b;" % IDENTITY)]

    def next_stop(thread: int = -1, *, wait: bool) -> ThreadStop | None:
        if wait:
            return ThreadStop(HOST, ThreadStopKind.INTERRUPTED)
        if not replies:
            return None
        links.stub.sendall(replies.pop())
        return ThreadStop(HOST, ThreadStopKind.CALLING)

    for name in ("seize", "interrupt", "resume"):
        monkeypatch.setattr(ptrace, name, create_autospec(getattr(ptrace, name)))
    monkeypatch.setattr(ptrace, "next_stop", next_stop)
    monkeypatch.setattr(GuestThreads, "_state_of", lambda threads, thread: b"S")
    threads = GuestThreads(HOST, links.stepper)
    threads.all.append(GuestThread(b"p1.2", 2, 1))

    # When it runs, then its reply is what comes of it
    assert threads.run(resumption(b"c", IDENTITY), ()).thread == IDENTITY
    assert threads.current.whereabouts is Whereabouts.STOPPED
