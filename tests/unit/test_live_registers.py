"""Registers outside ``g`` that a big-endian stub sends in pieces."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gdbtrace.arch.riscv import RISCV64
from gdbtrace.errors import ProtocolError
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.description import NumberedRegister, layout_of
from gdbtrace.tracer.live_registers import LiveRegisters
from tests.fake_target import FakeTarget


class Client(StubClient):
    """A stub with one register of four bytes, and no connection."""

    value = bytes.fromhex("01000302")

    def read_register(self, number: int) -> bytes:
        return self.value

    def write_register(self, number: int, raw: bytes) -> None:
        self.value = raw


@pytest.fixture
def client() -> Iterator[Client]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Client(ours)


def registers(client: StubClient, pieces: dict[str, int]) -> LiveRegisters:
    rows = [NumberedRegister("pc", 32, 0), NumberedRegister("z", 32, 1)]
    return LiveRegisters(layout_of(rows, [], 4, "big"), client, pieces)


def test_pieces_are_put_in_the_order_of_one_number(client: Client) -> None:
    assert registers(client, {"z": 2})["z"] == 0x0302_0100
    assert registers(client, {})["z"] == 0x0100_0302


def test_what_was_fetched_is_put_back_as_the_stub_has_it(client: Client) -> None:
    # Given a register that was fetched and then changed
    found = registers(client, {"z": 2})
    fetched = found.fetch("z")
    client.value = bytes(4)

    # When it is put back
    found.put_back("z", fetched)

    # Then it is as it was
    assert client.value == bytes.fromhex("01000302")


class Swapping(Client):
    """It takes the halves of a register the other way round than it sends them, as QEMU 10.0 does with SVE."""

    def write_register(self, number: int, raw: bytes) -> None:
        self.value = raw[2:] + raw[:2]


class ReadOnly(Client):
    def write_register(self, number: int, raw: bytes) -> None:
        pass


def test_halves_that_the_stub_swaps_are_put_back_in_their_order() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = Swapping(ours)
        registers(client, {}).put_back("z", bytes.fromhex("0a0b0c0d"))
    assert client.value == bytes.fromhex("0a0b0c0d")


def test_register_that_cannot_be_put_back_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ProtocolError, match="register z cannot be put back"):
        registers(ReadOnly(ours), {}).put_back("z", bytes.fromhex("0a0b0c0d"))


class Banked(FakeTarget):
    """Its stack pointer is one of two, by the mode."""

    @property
    def raw(self) -> bytes:
        values = {**self.values, "sp": 0x2000 if self.values["mode"] else 0x1000}
        return b"".join(value.to_bytes(8, "little") for value in values.values())


def test_a_banked_register_is_read_as_another_mode_shows_it() -> None:
    target = Banked(RISCV64, {"pc": 0, "sp": 0, "mode": 0})
    found = target.live()
    assert found.read_under("sp", "mode", 1) == 0x2000
    assert target.values["mode"] == 0
    assert found["sp"] == 0x1000


class WithoutDescription(FakeTarget):
    """Its stub takes all registers or none, as QEMU's does of an architecture without a target description."""

    def write_register(self, number: int, raw: bytes) -> None:
        raise ProtocolError("", "not known")


class Deaf(FakeTarget):
    def write_register(self, number: int, raw: bytes) -> None:
        pass


@pytest.mark.parametrize("kind", [FakeTarget, WithoutDescription])
def test_a_register_is_written_at_the_stub_alone(kind: type[FakeTarget]) -> None:
    target = kind(RISCV64, {"pc": 1, "a0": 2, "sp": 3})
    found = target.live()
    found.write("a0", 7)
    assert target.values == {"pc": 1, "a0": 7, "sp": 3}
    assert found["a0"] == 2


def test_a_register_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="register a0 cannot be written"):
        Deaf(RISCV64, {"pc": 1, "a0": 2}).live().write("a0", 7)
