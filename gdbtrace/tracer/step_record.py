"""Step records: what the tracer process tells the recorder, over one stream socket.

A stream of messages, each led by one byte of :class:`RecordKind`.  Rare ones are JSON with a length before it; a step
is packed binary, because thousands of them pass each second.  Nothing in it is trusted to be anything but data: sizes
come from the layout in the first message and are checked.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from gdbtrace.arch.model import AccessKind
from gdbtrace.errors import ProtocolError, TargetDied
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.tracer.memory import Place

_FLUSH_BYTES = 1 << 16
_LONGEST_NAME_BYTES = 255
_LENGTH = struct.Struct("<BI")
_STEP = struct.Struct("<BIHBH")
_ACCESS = struct.Struct("<BQIBB")
_PLACE = struct.Struct("<QB")


class RecordKind(IntEnum):
    """The first byte of a message."""

    HELLO = 1
    """JSON: the register layout. Always first."""
    DEFINITION = 2
    """JSON: an instruction seen for the first time, or anew."""
    STATE = 3
    """The core registers where the next step starts, if that is not where the last one ended."""
    STEP = 4
    """One instruction executed, or begun and not finished."""
    STOP = 5
    """JSON: the end of a burst and why."""
    GAP = 6
    """JSON: something ran that could not be observed."""
    SYSTEM_CALL = 7
    """JSON: a system call is about to be made."""
    SIGNAL = 8
    """JSON: a signal was taken."""
    MODULE = 9
    """JSON: a program or library was mapped."""
    KEY = 10
    """JSON: all registers of all threads."""
    EXCEPTION = 11
    """JSON: a processor took an exception or interrupt."""
    AMBIENT = 12
    """JSON: registers outside ``g`` that every frame lists from now on."""
    REQUEST = 13
    """JSON: a command of a served client, which the recorder answers."""


class Access(NamedTuple):
    """Memory that one step touched."""

    kind: AccessKind
    address: int
    size: int
    data: bytes | None
    """Before the step for a load, after it for a store; None where the stub refused the read."""
    place: Place | None = None
    """Where it went in a machine; None: it is a process's, or was refused."""


AccessRow = tuple[int, int, int, bytes | None, Place | None]
"""An access as the stepper hands it over: kind, address, size, data, place."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An instruction at an address, as the tracer decoded it."""

    identifier: int
    address: int
    data: bytes
    mode: int
    """Index into ``Arch.modes``."""
    named: tuple[str, ...]
    """Operand registers that it names or implies."""
    fetched: tuple[str, ...]
    """Stub registers outside ``g`` whose values each step record of it carries."""
    memory_known: bool
    """False: which memory it touches cannot be said."""


@dataclass(frozen=True, slots=True)
class State:
    """The core registers before the next step."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction executed by one thread."""

    definition: Definition
    thread: int
    """Ordinal of the guest thread, from 0."""
    post: bytes | None
    """The core registers after it; None: it did not finish (it left the process, or faulted)."""
    fetched_pre: Mapping[str, bytes]
    fetched_post: Mapping[str, bytes]
    accesses: Sequence[Access]


@dataclass(frozen=True, slots=True)
class Gap:
    """Instructions that ran without a stop, so that no frame can be made of them."""

    address: int
    """Where the tracer last saw the target before."""
    why: str


@dataclass(frozen=True, slots=True)
class SystemCallMade:
    """A system call, before its instruction runs."""

    address: int
    thread: int
    number: int
    arguments: tuple[int, ...]
    """Signed where the guest's registers have 64 bits."""


@dataclass(frozen=True, slots=True)
class SignalTaken:
    """A signal that a handler was entered for, or that ended the guest."""

    signal: int
    """The guest's own number."""
    thread: int
    interrupted: int
    """The program counter that the handler would return to."""
    handler: int | None
    """None: the signal was fatal, or where its handler is was not known."""


@dataclass(frozen=True, slots=True)
class ExceptionTaken:
    """An exception or interrupt that a vCPU took."""

    number: int
    """As the architecture numbers them."""
    thread: int
    interrupted: int
    """The address of the instruction that raised it, or that would have been next."""
    handler: int


@dataclass(frozen=True, slots=True)
class Ambient:
    """Registers outside ``g`` whose values hold for every instruction until they are told anew."""

    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModuleLoaded:
    """A program, dynamic loader or library, as it is mapped."""

    path: str
    low: int
    high: int
    """Its last byte."""


@dataclass(frozen=True, slots=True)
class RegisterFile:
    """All registers of one thread."""

    thread: int
    core: bytes
    """``g``."""
    fetched: Mapping[str, bytes]
    """Those outside it that the stub gives."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """All registers of every thread, where the next step starts."""

    files: tuple[RegisterFile, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What a served client asked of the recorder; the tracer waits for the answer."""

    command: str
    """``record FILE``, ``stop``, ``info``, ``resolve PLACE``; empty: the client has left, and nothing is answered."""


Event = SystemCallMade | SignalTaken | ExceptionTaken | ModuleLoaded | KeyState
"""What the trace format has a frame for."""
Note = Event | Gap | Ambient | Request
"""What is told between steps."""


class StopReason(IntEnum):
    """Why a burst ended."""

    COUNT = 0
    """As many steps as were asked for."""
    ADDRESS = 1
    """The stop address was reached."""
    EXITED = 2
    """The guest ended; ``status`` is its exit status."""
    KILLED = 3
    """A signal ended the guest; ``status`` is gdb's number of it."""
    INTERRUPTED = 4
    """The recorder asked for it."""
    FAILED = 5
    """The stub or QEMU failed; ``detail`` says how."""
    REPLACED = 6
    """The guest replaced itself by another program (execve), which runs on untraced."""
    HALTED = 7
    """Every vCPU waits for an interrupt, and none comes."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a burst."""

    reason: StopReason
    status: int | None = None
    detail: str = ""


Record = State | Step | Note | Stop


_NOTES: Mapping[RecordKind, type[Note]] = {
    RecordKind.GAP: Gap,
    RecordKind.SYSTEM_CALL: SystemCallMade,
    RecordKind.SIGNAL: SignalTaken,
    RecordKind.MODULE: ModuleLoaded,
    RecordKind.KEY: KeyState,
    RecordKind.EXCEPTION: ExceptionTaken,
    RecordKind.AMBIENT: Ambient,
    RecordKind.REQUEST: Request,
}


def _note_of(kind: RecordKind, message: Mapping[str, Any]) -> Note:
    """The note that was sent as a JSON object."""
    if kind is RecordKind.KEY:
        files = (
            RegisterFile(
                row["thread"],
                bytes.fromhex(row["core"]),
                {name: bytes.fromhex(value) for name, value in row["fetched"].items()},
            )
            for row in message["files"]
        )
        return KeyState(tuple(files))
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in message.items()}
    make: Callable[..., Note] = _NOTES[kind]
    return make(**values)


class RecordSink(Protocol):
    """Where the stepper puts its records."""

    def define(self, definition: Definition) -> None: ...

    def state(self, raw: bytes) -> None: ...

    def step(
        self,
        identifier: int,
        thread: int,
        post: bytes | None,
        fetched: Sequence[bytes],
        accesses: Sequence[AccessRow],
    ) -> None:
        """One step.

        :param fetched: values of ``Definition.fetched`` before the step, then, if it finished, after it.
        :param accesses: (kind, address, size, data, place) each.
        """

    def note(self, note: Note) -> None: ...

    def stop(self, stop: Stop) -> None: ...

    def flush(self) -> None: ...


class RecordWriter:
    """Writes records to a socket, many at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def hello(self, layout: RegisterLayout, entry: int | None, *, is_machine: bool) -> None:
        """Open the stream with the register layout, where the program's entry point was loaded, and whether the target
        is a machine of QEMU's."""
        self._json(
            RecordKind.HELLO,
            {
                "byte_order": layout.byte_order,
                "core": dict(layout.core),
                "fetched": dict(layout.fetched),
                "core_bytes": layout.core_bytes,
                "entry": entry,
                "is_machine": is_machine,
            },
        )
        self.flush()

    def define(self, definition: Definition) -> None:
        """Say what the identifier of later steps means."""
        self._json(
            RecordKind.DEFINITION,
            {
                "identifier": definition.identifier,
                "address": definition.address,
                "data": definition.data.hex(),
                "mode": definition.mode,
                "named": definition.named,
                "fetched": definition.fetched,
                "memory_known": definition.memory_known,
            },
        )

    def state(self, raw: bytes) -> None:
        """Say where the next step starts."""
        self._append(bytes((RecordKind.STATE,)) + raw)

    def step(
        self,
        identifier: int,
        thread: int,
        post: bytes | None,
        fetched: Sequence[bytes],
        accesses: Sequence[AccessRow],
    ) -> None:
        """See :meth:`RecordSink.step`."""
        head = _STEP.pack(RecordKind.STEP, identifier, thread, post is not None, len(accesses))
        if not accesses and not fetched:
            self._append(head + post if post is not None else head)
            return
        parts = [head, post or b"", *fetched]
        for kind, address, size, data, place in accesses:
            parts.append(_ACCESS.pack(kind, address, size, data is not None, place is not None))
            if place is not None:
                name = place.device.encode()[:_LONGEST_NAME_BYTES]
                parts += (_PLACE.pack(place.physical, len(name)), name)
            parts.append(data or b"")
        self._append(b"".join(parts))

    def note(self, note: Note) -> None:
        """Tell what happened between two steps."""
        kind = next(kind for kind, record in _NOTES.items() if isinstance(note, record))
        self._json(kind, asdict(note))

    def stop(self, stop: Stop) -> None:
        """End a burst; everything written so far is sent."""
        self._json(RecordKind.STOP, {"reason": int(stop.reason), "status": stop.status, "detail": stop.detail})
        self.flush()

    def flush(self) -> None:
        """Send what is pending."""
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            self._pending_bytes = 0
            self._socket.sendall(data)

    def _json(self, kind: RecordKind, message: dict[str, Any]) -> None:
        text = json.dumps(message, separators=(",", ":"), default=bytes.hex).encode()
        self._append(_LENGTH.pack(kind, len(text)) + text)

    def _append(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= _FLUSH_BYTES:
            self.flush()


class RecordReader:
    """Reads the records of a :class:`RecordWriter`."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rb", buffering=_FLUSH_BYTES)
        self._definitions: dict[int, Definition] = {}
        self._layout: RegisterLayout | None = None
        self.entry: int | None = None
        """Address of the program's entry point as loaded (AT_ENTRY), once the first message is read; None if not
        known."""
        self.is_machine = False
        """Whether the target is a machine of QEMU's; known then too."""

    def read_hello(self) -> RegisterLayout:
        """Wait for the first message.

        :raise TargetDied: the tracer ended before it could attach; its message is in the error.
        """
        kind, message = self._read_json(self._read(1))
        if kind is RecordKind.STOP:
            raise TargetDied(str(message["detail"]))
        if kind is not RecordKind.HELLO:
            raise ProtocolError(b"", f"the tracer began with {kind.name}")
        self._layout = RegisterLayout(
            message["byte_order"],
            {name: (start, end) for name, (start, end) in message["core"].items()},
            {name: (number, size) for name, (number, size) in message["fetched"].items()},
            message["core_bytes"],
        )
        self.entry = message["entry"]
        self.is_machine = message["is_machine"]
        return self._layout

    def iter_burst(self) -> Iterator[Record]:
        """Yield records up to and including the next :class:`Stop`.

        :raise TargetDied: the tracer process ended.
        """
        layout = self._layout
        if layout is None:
            raise ProtocolError(b"", "no layout has been read")
        core_bytes, fetched_sizes = layout.core_bytes, {name: size for name, (_, size) in layout.fetched.items()}
        read, definitions = self._read, self._definitions
        step_rest = struct.Struct("<IHBH")
        no_values: dict[str, bytes] = {}
        while True:
            lead = read(1)
            if lead[0] == RecordKind.STEP:
                identifier, thread, finished, access_count = step_rest.unpack(read(step_rest.size))
                definition = definitions[identifier]
                post = read(core_bytes) if finished else None
                pre_values = post_values = no_values
                if definition.fetched:
                    pre_values = {name: read(fetched_sizes[name]) for name in definition.fetched}
                    if finished:
                        post_values = {name: read(fetched_sizes[name]) for name in definition.fetched}
                accesses = tuple(self._read_access() for _ in range(access_count)) if access_count else ()
                yield Step(definition, thread, post, pre_values, post_values, accesses)
            elif lead[0] == RecordKind.STATE:
                yield State(read(core_bytes))
            else:
                kind, message = self._read_json(lead)
                if kind is RecordKind.DEFINITION:
                    definition = Definition(
                        message["identifier"],
                        message["address"],
                        bytes.fromhex(message["data"]),
                        message["mode"],
                        tuple(message["named"]),
                        tuple(message["fetched"]),
                        message["memory_known"],
                    )
                    if definition.identifier == 0:
                        definitions.clear()
                    definitions[definition.identifier] = definition
                elif kind in _NOTES:
                    yield _note_of(kind, message)
                elif kind is RecordKind.STOP:
                    yield Stop(StopReason(message["reason"]), message["status"], message["detail"])
                    return

    def _read_access(self) -> Access:
        kind, address, size, has_data, has_place = _ACCESS.unpack(self._read(_ACCESS.size))
        place = None
        if has_place:
            physical, name_bytes = _PLACE.unpack(self._read(_PLACE.size))
            place = Place(physical, self._read(name_bytes).decode(errors="replace"))
        return Access(AccessKind(kind), address, size, self._read(size) if has_data else None, place)

    def _read_json(self, lead: bytes) -> tuple[RecordKind, dict[str, Any]]:
        (size,) = struct.unpack("<I", self._read(4))
        return RecordKind(lead[0]), json.loads(self._read(size))

    def _read(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except ConnectionResetError:
            # It was killed with an interrupt of ours unread.
            data = b""
        if len(data) < size:
            raise TargetDied("the tracer process ended without a word")
        return data
