"""That QEMU counts what changes its memory map, which the tracer takes its word for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gdbtrace.arch.registry import architecture_named
from gdbtrace.machine.emulator import find_emulator, version_of
from gdbtrace.machine.system import MachineCommand, SystemEmulator
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.packet import resumption
from gdbtrace.tracer.memory import MachineMemory
from tests.machine_registers import Values

PC = ("-M", "pc")
SHADOW = 0xF0000
"""Where the ROM is after a reset, until the host bridge is told to show RAM (PAM0, register 0x59)."""


@pytest.fixture
def client() -> Iterator[StubClient]:
    emulator = find_emulator("qemu-system-i386")
    if version_of(emulator)[0] != 7:
        pytest.skip("other releases are not taken at their word")
    with (
        SystemEmulator(MachineCommand(emulator, PC, console=None)) as running,
        Endpoint.parse(running.stub_endpoint).connect() as link,
    ):
        yield StubClient(link)


def step(client: StubClient) -> None:
    client.exchange_framed(resumption(b"s", b"p01.01"))


def test_flushes_tell_of_a_map_that_has_changed(client: StubClient) -> None:
    # Given the map of a PC after its reset, which some steps leave as it is
    system = architecture_named("i386", is_machine=True).system
    assert system is not None
    memory = MachineMemory(client, system, Values({}))
    step(client)
    before = memory.map
    for _ in range(20):
        step(client)
    assert memory.doubt_map()

    # When the host bridge shows RAM where the ROM was
    client.monitor("o /4 0xcf8 0x80000058")
    client.monitor("o /1 0xcfd 0x30")
    step(client)

    # Then that is seen
    assert not memory.doubt_map()
    assert memory.map.at(SHADOW) != before.at(SHADOW)
