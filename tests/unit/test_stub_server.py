"""Being a stub: a client in front of it, the fake stub behind it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from gdbtrace.errors import ProtocolError, TargetDied
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import StopKind, StopReply, framed
from gdbtrace.stub.server import StubServer
from tests.fake_stub import (
    BASE,
    DATA,
    EXIT,
    NOP,
    PAUSE,
    SYSCALL,
    FakeStub,
    addiu,
    assemble,
)

EXITING = assemble(addiu(2, 0, EXIT), addiu(4, 0, 7), SYSCALL)
PAUSING = assemble(addiu(2, 0, PAUSE), SYSCALL, NOP)


class FakeFront:
    """The server's owner."""

    ended: StopReply | None = None

    def perform(self, command: str, /) -> str:
        match command.split():
            case ["greet", name]:
                return f"hello {name}\n"
            case ["silent"]:
                return ""
        raise ValueError(f"no command {command!r}")

    def answer(self, request: bytes, /) -> bytes | None:
        return b"ours" if request == b"qOurs" else None

    def has_stopped(self, reply: StopReply, /) -> None:
        if reply.kind is not StopKind.SIGNAL:
            self.ended = reply

    def vanished(self, error: TargetDied, /) -> StopReply:
        raise error


class Served:
    """A server in a thread in front of a fake stub; a context manager."""

    def __init__(self, stub: FakeStub) -> None:
        self.stub = stub
        ours, theirs = socket.socketpair()
        self.owner, watch = socket.socketpair()
        self._sockets = (ours, theirs, self.owner, watch)
        for end in (ours, stub.connection):
            # A test that fails must not wait for ever.
            end.settimeout(10)
        self.connection = ours
        self.client = StubClient(ours)
        self.front = FakeFront()
        self.server = StubServer(theirs, StubClient(stub.connection), self.front, watch)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        try:
            self.server.serve()
        except (ProtocolError, TargetDied) as error:
            self.error = error

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.owner.close()
        self._thread.join(10)
        for end in self._sockets:
            end.close()
        assert not self._thread.is_alive()

    def has_ended(self) -> bool:
        """Whether the server returns, with everything else still there."""
        self._thread.join(10)
        return not self._thread.is_alive()

    def requests(self) -> Sequence[bytes]:
        """What reached the stub."""
        return self.stub.requests


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    code: bytes = getattr(request, "param", EXITING)
    with FakeStub(code) as stub, Served(stub) as running:
        yield running


def monitor(text: str) -> bytes:
    return b"qRcmd," + text.encode().hex().encode()


# -- passing on ----------------------------------------------------------------------------------------------------


def test_registers_are_the_targets(served: Served) -> None:
    served.stub.registers[8] = 0x1234
    assert served.client.read_registers()[32:36] == b"\x00\x00\x12\x34"


def test_memory_is_written_in_the_target(served: Served) -> None:
    served.client.write_memory(DATA, b"\x01\x02\x03")
    assert served.stub.memory[DATA - BASE : DATA - BASE + 3] == b"\x01\x02\x03"


def test_refusal_is_passed_back(served: Served) -> None:
    assert served.client.exchange(b"m10,4") == b"E14"


def test_unknown_request_is_passed_on_as_it_came_and_its_empty_answer_back(served: Served) -> None:
    assert served.client.exchange(b"vMustReplyEmpty") == b""
    assert served.requests() == [b"vMustReplyEmpty"]


def test_requests_that_come_together_are_answered_in_order(served: Served) -> None:
    served.connection.sendall(framed(b"m400000,4") + framed(b"m10,1") + framed(b"m400004,4"))
    assert [served.client.receive() for _ in range(3)] == [b"24020fa1", b"E14", b"24040007"]


def test_step_is_passed_on_and_its_stop_back(served: Served) -> None:
    assert served.client.exchange(b"vCont;s:p01.2a") == b"T05thread:p01.2a;"
    assert served.stub.registers[37] == BASE + 4


# -- own commands --------------------------------------------------------------------------------------------------


def test_own_commands_text_goes_to_the_clients_console(served: Served) -> None:
    assert served.client.exchange(monitor("gdbtrace greet world")) == b"O" + b"hello world\n".hex().encode()
    assert served.client.receive() == b"OK"
    assert served.requests() == []


def test_own_command_without_text_answers_ok_alone(served: Served) -> None:
    assert served.client.exchange(monitor("gdbtrace silent")) == b"OK"


def test_unknown_own_command_says_why_and_fails(served: Served) -> None:
    text = b"gdbtrace: no command 'jump'\n"
    assert served.client.exchange(monitor("gdbtrace jump")) == b"O" + text.hex().encode()
    assert served.client.receive() == b"E01"


def test_server_goes_on_after_an_unknown_command(served: Served) -> None:
    served.client.send(framed(monitor("gdbtrace jump")))
    with pytest.raises(ProtocolError):
        served.client.finish_monitor()
    assert served.client.exchange(monitor("gdbtrace silent")) == b"OK"


@pytest.mark.parametrize("text", ["info status", "gdbtracer step", "gdbtrace"])
def test_other_monitor_commands_are_the_targets(served: Served, text: str) -> None:
    assert served.client.exchange(monitor(text)) == b""
    assert served.requests() == [monitor(text)]


# -- after the target's end ----------------------------------------------------------------------------------------


def test_exit_is_passed_back_and_noted(served: Served) -> None:
    assert served.client.exchange(b"vCont;c:p01.2a") == b"W07"
    assert served.client.exchange(b"?") == b"W07"
    assert served.front.ended == StopReply(StopKind.EXITED, 7)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"?", b"W07"),
        (b"vCont;s:p01.2a", b"W07"),
        (b"c", b"W07"),
        (b"g", b"E01"),
        (b"m400000,4", b"E01"),
        (b"Z0,400000,4", b"E01"),
        (b"z0,400000,4", b"OK"),
        (b"Hg0", b"OK"),
        (b"D;1", b"OK"),
    ],
)
def test_exited_target_is_answered_for(served: Served, request_: bytes, answer: bytes) -> None:
    served.front.ended = StopReply(StopKind.EXITED, 7)
    assert served.client.exchange(request_) == answer
    assert served.requests() == []


def test_killed_target_answers_with_its_signal(served: Served) -> None:
    served.front.ended = StopReply(StopKind.KILLED, 11)
    assert served.client.exchange(b"?") == b"X0b"


def test_own_commands_are_still_performed(served: Served) -> None:
    served.front.ended = StopReply(StopKind.EXITED, 7)
    assert served.client.exchange(monitor("gdbtrace silent")) == b"OK"


# -- while the target runs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [PAUSING], indirect=True)
def test_interrupt_is_passed_on_while_the_target_runs(served: Served) -> None:
    served.client.send(framed(b"vCont;c:p01.2a"))
    assert served.stub.pauses.wait(10)
    served.client.send_raw(b"\x03")
    assert served.client.receive() == b"T02thread:p01.2a;"


@pytest.mark.parametrize("served", [PAUSING], indirect=True)
def test_interrupt_that_comes_together_with_the_resumption_is_passed_on(served: Served) -> None:
    served.connection.sendall(framed(b"vCont;c:p01.2a") + b"\x03")
    assert served.client.receive() == b"T02thread:p01.2a;"


@pytest.mark.parametrize("served", [PAUSING], indirect=True)
def test_interrupted_target_can_be_asked_again(served: Served) -> None:
    served.client.send(framed(b"vCont;c:p01.2a"))
    assert served.stub.pauses.wait(10)
    served.client.send_raw(b"\x03")
    served.client.receive()
    assert served.client.read_registers()[37 * 4 : 38 * 4] == b"\x00\x40\x00\x08"


def test_interrupt_of_a_stopped_target_goes_nowhere(served: Served) -> None:
    served.client.send_raw(b"\x03")
    assert served.client.exchange(b"?") == b"T05thread:p01.2a;"
    assert served.requests() == [b"?"]


# -- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [b"k", b"vKill;1"])
def test_kill_ends_it_and_is_left_to_the_owner(served: Served, request_: bytes) -> None:
    assert served.client.exchange(request_) == b"OK"
    assert served.has_ended()
    assert served.requests() == []


def test_detaching_is_passed_on_and_ends_it(served: Served) -> None:
    assert served.client.exchange(b"D") == b"OK"
    assert served.has_ended()
    assert served.requests() == [b"D"]


def test_client_that_hangs_up_ends_it(served: Served) -> None:
    served.client.read_registers()
    served.client.close()
    assert served.has_ended()


def test_owner_that_goes_ends_it(served: Served) -> None:
    served.client.read_registers()
    served.owner.close()
    assert served.has_ended()


@pytest.mark.parametrize("served", [PAUSING], indirect=True)
def test_client_that_hangs_up_while_the_target_runs_ends_it(served: Served) -> None:
    served.client.send(framed(b"vCont;c:p01.2a"))
    assert served.stub.pauses.wait(10)
    served.client.close()
    assert served.has_ended()


@pytest.mark.parametrize("served", [PAUSING], indirect=True)
def test_owner_that_goes_while_the_target_runs_ends_it(served: Served) -> None:
    served.client.send(framed(b"vCont;c:p01.2a"))
    assert served.stub.pauses.wait(10)
    served.owner.close()
    assert served.has_ended()


def test_target_that_dies_ends_it_with_the_reason() -> None:
    with FakeStub(EXITING, die_after=1) as stub, Served(stub) as served:
        served.client.read_registers()
        served.client.send(framed(b"g"))
        assert served.has_ended()
        assert isinstance(served.error, TargetDied)


def test_damaged_packet_ends_it_with_the_packet(served: Served) -> None:
    served.client.send(b"$g#00")
    assert served.has_ended()
    assert isinstance(served.error, ProtocolError)
    assert served.error.reply == b"g"
