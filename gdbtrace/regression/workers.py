"""Several cases at a time, each in a process of its own."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

from gdbtrace.errors import ToolError
from gdbtrace.processes import uninterrupted

Item = TypeVar("Item")
Made = TypeVar("Made")

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_FORK = multiprocessing.get_context("fork")


def made_of(items: Iterable[Item], make: Callable[[Item], Made], jobs: int) -> Generator[tuple[Item, Made], None, None]:
    """What ``make`` makes of each item, as it is done; ``jobs`` of them at a time.

    Each runs in a process of its own: it may change its working directory, and one that crashes takes no other with it.
    Where this ends early, by Ctrl-C for instance, the processes are ended politely and waited for.

    :raise ToolError: a process died.
    """
    waiting = deque(items)
    running: dict[Connection, tuple[Item, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                item = waiting.popleft()
                with uninterrupted():
                    result, process = _start(item, make)
                    running[result] = item, process
            ready = wait(list(running))
            for result in [each for each in running if each in ready]:
                item, process = running[result]
                try:
                    made = result.recv()
                except EOFError:
                    process.join()
                    raise ToolError(f"{item}: its process died ({process.exitcode})") from None
                finally:
                    del running[result]
                    result.close()
                process.join()
                if isinstance(made, Exception):
                    raise made
                yield item, made
    finally:
        for _, process in running.values():
            process.terminate()
        for result, (_, process) in running.items():
            process.join()
            result.close()


def _start(item: Item, make: Callable[[Item], Made]) -> tuple[Connection, BaseProcess]:
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work, args=(theirs, item, make))
    process.start()
    theirs.close()
    return ours, process


def _work(result: Connection, item: Item, make: Callable[[Item], Made]) -> None:
    """What such a process does."""
    # In a session of its own Ctrl-C does not reach it, nor QEMU: it is told to end once, by its parent or its death.
    os.setsid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        result.send(make(item))
    except KeyboardInterrupt:
        return
    except Exception as error:
        result.send(error)
