"""QEMU's control socket (QMP): asking, and hearing what happens to the machine.

Whoever listens is told of every stop and every resumption: two events for each step, which cost QEMU a tenth of its
speed and the listener far more.  So we are connected only while somebody needs it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from qemu.qmp import EventListener, ExecuteError, Message, QMPClient, QMPError, Runstate

from gdbtrace.errors import LinkTimeout, ProtocolError, TargetDied

LOG = logging.getLogger(__name__)

_ANSWER_SECONDS = 5.0
_END_SECONDS = 2.0
_EVENTS = ("SHUTDOWN", "RESET", "GUEST_PANICKED", "GUEST_CRASHLOADED", "WATCHDOG", "SUSPEND", "POWERDOWN")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MachineEvent:
    """Something that QEMU announced."""

    name: str
    """QEMU's: SHUTDOWN, RESET, GUEST_PANICKED, ... (qapi/run-state.json)."""
    by_guest: bool
    """Whether the guest brought it about."""
    reason: str
    """QEMU's word for it, such as guest-reset; empty if it gives none."""


def event_of(message: Message) -> MachineEvent:
    """An event as QEMU sends it."""
    data = _members(message.get("data"))
    info = _members(data.get("info"))
    reason = data.get("reason") or info.get("reason") or info.get("type") or data.get("action") or ""
    return MachineEvent(str(message["event"]), bool(data.get("guest", True)), str(reason))


def _members(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class Monitor:
    """Talks to one QEMU, from a thread of its own; what it offers may be called from any thread.

    :param socket_path: where QEMU listens.
    :param answer_seconds: how long an answer may take.
    """

    def __init__(self, socket_path: Path, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self._path = socket_path
        self._answer_seconds = answer_seconds
        self._client: QMPClient | None = None
        self._users = 0
        self._is_closed = False
        self._lock = threading.Condition()
        self._past: tuple[MachineEvent, ...] = ()
        self._listener = EventListener()
        self._gone: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live(started)), name="qmp", daemon=True)
        self._thread.start()
        started.wait()

    async def _live(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        started.set()
        await self._closing.wait()

    @contextlib.contextmanager
    def connected(self, seconds: float | None = None) -> Iterator[None]:
        """Stay connected, and hear of events, meanwhile. May be nested.

        :param seconds: how long connecting may take, if longer than an answer.
        :raise TargetDied: QEMU is gone.
        :raise LinkTimeout: it does not answer.
        """
        with self._lock:
            if self._is_closed:
                raise TargetDied("QEMU is gone: it has been ended")
            if not self._users:
                self._await(self._connect, seconds or self._answer_seconds, "open its control socket")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    # A QEMU that hangs or is gone must not keep us here, nor hide the error that we leave with.
                    with contextlib.suppress(LinkTimeout, TargetDied):
                        self._await(self._disconnect, self._answer_seconds, "hang up")
                    self._lock.notify_all()

    def execute(self, command: str) -> dict[str, Any]:
        """What QEMU returns for a command.

        :raise TargetDied: QEMU is gone.
        :raise LinkTimeout: it does not answer.
        :raise ProtocolError: it refuses.
        """
        with self.connected():
            client = self._client
            assert client is not None

            async def ask() -> object:
                return await client.execute(command)

            try:
                result = self._await(ask, self._answer_seconds, f"answer {command}")
            except ExecuteError as error:
                raise ProtocolError(str(error), f"QEMU refuses {command}") from error
            return _members(result)

    def events(self, *, has_ended: bool) -> list[MachineEvent]:
        """What was heard while connected.

        :param has_ended: whether QEMU has: then nothing is missing.
        """
        if has_ended and self._client is not None:
            with contextlib.suppress(TimeoutError):
                self._gone.result(_END_SECONDS)
        return [*self._past, *map(event_of, self._listener.history)]

    def close(self) -> None:
        """After QEMU's end: give up the connection and the thread."""
        assert self._loop is not None
        assert self._closing is not None
        with self._lock:
            # Who still asks learns now that QEMU is gone.
            self._lock.wait_for(lambda: not self._users, _END_SECONDS)
            if self._is_closed:
                return
            self._is_closed = True
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(_ANSWER_SECONDS)

    async def _connect(self) -> None:
        client = QMPClient()
        client.logger = _WIRE
        client.events.names.update(_EVENTS)
        self._past = (*self._past, *map(event_of, self._listener.history))
        self._listener = client.events
        await client.connect(str(self._path))
        self._client = client
        self._gone = concurrent.futures.Future()
        self._watcher = asyncio.create_task(_watch(client, self._gone))

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(QMPError, EOFError, OSError):
                await client.disconnect()

    def _await(self, work: Callable[[], Coroutine[Any, Any, T]], seconds: float, what: str) -> T:
        """Have the thread do something, within a time."""
        assert self._loop is not None
        try:
            return asyncio.run_coroutine_threadsafe(_limited(work, seconds), self._loop).result()
        except TimeoutError:
            raise LinkTimeout(f"QEMU did not {what} within {seconds:g} s") from None
        except ExecuteError:
            raise
        except (QMPError, EOFError, OSError, concurrent.futures.CancelledError) as error:
            raise TargetDied(f"QEMU is gone: it did not {what}") from error


async def _limited(work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
    return await asyncio.wait_for(work(), seconds)


async def _watch(client: QMPClient, gone: concurrent.futures.Future[None]) -> None:
    """Notice when QEMU hangs up, after the last of its events."""
    while client.runstate is Runstate.RUNNING:
        await client.runstate_changed()
    gone.set_result(None)


def _as_debug(record: logging.LogRecord) -> bool:
    """The library calls it an error when QEMU hangs up; ours are exceptions."""
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return LOG.isEnabledFor(logging.DEBUG)


_WIRE = LOG.getChild("wire")
_WIRE.addFilter(_as_debug)
