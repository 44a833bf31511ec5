"""ptrace(2), as far as holding single threads of another process needs it. Linux, any processor."""

from __future__ import annotations

import ctypes
import os
import signal
from dataclasses import dataclass
from enum import Enum

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

_CONT, _SYSCALL, _SEIZE, _INTERRUPT, _GET_SYSCALL_INFO = 7, 24, 0x4206, 0x4207, 0x420E
_SYSCALL_INFO_ENTRY = 1
_SYSCALL_INFO_BYTES = 128
_OPTION_SYSGOOD, _OPTION_TRACECLONE = 1, 8
_EVENT_CLONE, _EVENT_STOP = 3, 128
_SYSCALL_STOP = signal.SIGTRAP | 0x80
_WALL = 0x40000000
"""``__WALL``: threads too."""


class ThreadStopKind(Enum):
    """Why a held thread is stopped."""

    INTERRUPTED = "interrupted"
    """We asked for it, or it has just been created."""
    CALLING = "about to enter a system call of the host"
    RETURNED = "has left a system call of the host"
    CLONE = "has created a thread"
    SIGNAL = "a signal of the host is about to be delivered to it"
    GONE = "ended"


@dataclass(frozen=True, slots=True)
class ThreadStop:
    """One report of the kernel."""

    thread: int
    kind: ThreadStopKind
    signal: int = 0
    """For SIGNAL: which; it must be handed on."""


def seize(thread: int) -> None:
    """Begin to trace a thread, which runs on; threads that it creates are traced too and begin stopped.

    :raise OSError: the system does not allow it.
    """
    _ptrace(_SEIZE, thread, _OPTION_SYSGOOD | _OPTION_TRACECLONE)


def interrupt(thread: int) -> None:
    """Ask a running thread to stop; a system call that it waits in is taken up again afterwards."""
    _ptrace(_INTERRUPT, thread)


def resume(thread: int, number: int = 0, *, to_system_call: bool = False) -> None:
    """Let a stopped thread run.

    :param number: a signal to deliver, or 0.
    :param to_system_call: stop it where it enters or leaves its next system call.
    """
    _ptrace(_SYSCALL if to_system_call else _CONT, thread, number)


def next_stop(thread: int = -1, *, wait: bool) -> ThreadStop | None:
    """The next report, of one thread or of any; None if there is none.

    :param wait: sleep until there is one.
    """
    try:
        found, status = os.waitpid(thread, _WALL | (0 if wait else os.WNOHANG))
    except ChildProcessError:
        return None
    if not found:
        return None
    if not os.WIFSTOPPED(status):
        return ThreadStop(found, ThreadStopKind.GONE)
    number, event = os.WSTOPSIG(status), status >> 16
    if event == _EVENT_CLONE:
        return ThreadStop(found, ThreadStopKind.CLONE)
    if event == _EVENT_STOP:
        return ThreadStop(found, ThreadStopKind.INTERRUPTED)
    if number == _SYSCALL_STOP:
        information = ctypes.create_string_buffer(_SYSCALL_INFO_BYTES)
        _ptrace(_GET_SYSCALL_INFO, found, ctypes.addressof(information), _SYSCALL_INFO_BYTES)
        is_entry = information.raw[0] == _SYSCALL_INFO_ENTRY
        return ThreadStop(found, ThreadStopKind.CALLING if is_entry else ThreadStopKind.RETURNED)
    return ThreadStop(found, ThreadStopKind.SIGNAL, number)


def _ptrace(request: int, thread: int, data: int = 0, address: int = 0) -> None:
    if _LIBC.ptrace(request, thread, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
