"""Meeting a stub: reaching its socket, and what it is asked before anything else."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gdbtrace.errors import LinkTimeout, TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import ByteOrder, RegisterLayout, layout_of, parse_description
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.packet import StopReply, parse_stop_reply

_CONNECT_SECONDS = 20.0
_POLL_SECONDS = 0.005
_FEATURES = b"qSupported:multiprocess+;vContSupported+;swbreak+;hwbreak+;xmlRegisters=i386"
"""What we can, as gdb says it. gdbserver on x86 has a description only for who can read it."""


def reach(endpoint: Endpoint, end_of_emulator: Callable[[], str | None]) -> socket.socket:
    """Connect to QEMU's stub, which listens some time after QEMU starts.

    :param end_of_emulator: how QEMU has ended, as the beginning of a sentence; None: it runs.
    :raise TargetDied: QEMU has ended.
    :raise LinkTimeout: it runs, and does not listen.
    """
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            return endpoint.connect()
        except OSError:
            if (end := end_of_emulator()) is not None:
                raise TargetDied(f"{end} before its gdbstub could be reached") from None
            if time.monotonic() > deadline:
                raise LinkTimeout(f"QEMU did not open its gdbstub within {_CONNECT_SECONDS:g} s") from None
            time.sleep(_POLL_SECONDS)


class Greeting(NamedTuple):
    """What a stub says of itself and its target."""

    supported: bytes
    """Its reply to ``qSupported``."""
    stop: StopReply
    """Why the target is stopped."""
    layout: RegisterLayout
    core: bytes
    """``g``."""


def greet(
    client: StubClient, builtin: Sequence[tuple[str, int]], byte_order: ByteOrder, core_numbers: int = 0
) -> Greeting:
    """Ask what there is to know of a stub before its target is stepped.

    :param builtin: the ``g`` packet of a stub that sends no description (``Arch.builtin_layout``).
    :param core_numbers: see :func:`~gdbtrace.stub.description.parse_description`.
    :raise ProtocolError: its registers cannot be read, or laid out.
    """
    supported = client.exchange(_FEATURES)
    # gdbserver has a description of what it stopped only for who has asked for the stop; qemu-ppc64 7.2 aborts on a g
    # that comes before the description.
    stop = parse_stop_reply(client.request(b"?"))
    has_description = b"qXfer:features:read+" in supported
    described = []
    if has_description:
        described = parse_description(lambda annex: client.read_object("features", annex), core_numbers)
    core = client.read_registers()
    return Greeting(supported, stop, layout_of(described, builtin, len(core), byte_order), core)
