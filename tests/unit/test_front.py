"""What a person's own gdb can say to the tracer, with a recorder and a stub that are ours."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from gdbtrace.stub.packet import StopKind, StopReply
from gdbtrace.tracer.front import ServedFront
from gdbtrace.tracer.step_record import Note, Request
from tests.fake_stub import BASE, EXIT, NOP, PC, SYSCALL, THREAD, FakeStub, addiu, assemble
from tests.unit.test_stepper import stepper_of

CODE = assemble(NOP, NOP, addiu(8, 0, 5), NOP, addiu(2, 0, EXIT), addiu(4, 0, 7), SYSCALL)


class Notes:
    """The recorder: takes requests, and answers each with what it was told to."""

    def __init__(self, recorder: socket.socket) -> None:
        self._recorder = recorder
        self.commands: list[str] = []
        self.answer: dict[str, object] = {"text": "", "address": None, "is_refusal": False}

    def note(self, note: Note) -> None:
        assert isinstance(note, Request)
        self.commands.append(note.command)
        self._recorder.sendall(json.dumps(self.answer).encode() + b"\n")

    def flush(self) -> None:
        """Nothing is kept."""


class Front:
    """A front with all that it stands on."""

    def __init__(self, stub: FakeStub, sockets: tuple[socket.socket, ...]) -> None:
        recorder, control, self.gdb, connection = sockets
        self.stub, self.recorder = stub, recorder
        self.stepper, self.sink = stepper_of(stub, control)
        self.notes = Notes(recorder)
        self.front = ServedFront(self.stepper, self.notes, control, connection)  # type: ignore[arg-type]

    def say(self, command: str) -> str:
        return self.front.perform(command)

    def steps(self) -> list[int]:
        return [definition.address for definition, *_ in self.sink.steps]


@pytest.fixture
def front() -> Iterator[Front]:
    sockets = (*socket.socketpair(), *socket.socketpair())
    with FakeStub(CODE) as stub:
        yield Front(stub, sockets)
    for each in sockets:
        each.close()


def test_nothing_is_stepped_before_a_trace_has_begun(front: Front) -> None:
    for command in ("step", "until main"):
        with pytest.raises(ValueError, match="nothing is being recorded"):
            front.say(command)
    assert front.sink.steps == []


def test_steps_are_recorded(front: Front) -> None:
    front.say("record  a b.frames ")
    assert front.notes.commands == ["record a b.frames"]
    assert front.say("step") == ""
    assert front.say("step 0x2") == ""
    assert front.steps() == [BASE, BASE + 4, BASE + 8]


@pytest.mark.parametrize("count", ["0", "-1", "x", "1 2"])
def test_what_is_no_number_of_instructions_is_refused(front: Front, count: str) -> None:
    front.say("record a")
    with pytest.raises(ValueError, match="not a number of instructions"):
        front.say(f"step {count}")


def test_until_stops_where_the_recorder_says_that_the_place_is(front: Front) -> None:
    front.say("record a")
    front.notes.answer = {"text": "", "address": BASE + 8, "is_refusal": False}
    assert front.say("until main+8") == "reached\n"
    assert front.notes.commands[-1] == "resolve main+8"
    assert front.steps() == [BASE, BASE + 4]


def test_a_burst_that_ended_early_leaves_no_stop_behind(front: Front) -> None:
    front.say("record a")
    front.notes.answer = {"text": "", "address": BASE + 16, "is_refusal": False}
    front.gdb.sendall(b"\x03")
    assert front.say("until there") == "interrupted\n"
    assert front.stepper.interrupters[-1].recv(1) == b"\x03"
    front.say("step 5")
    assert len(front.steps()) == 5


def test_a_refusal_has_the_recorders_reason_and_changes_nothing(front: Front) -> None:
    front.say("record a")
    front.notes.answer = {"text": "cannot be written", "address": None, "is_refusal": True}
    with pytest.raises(ValueError, match="cannot be written"):
        front.say("record /nowhere")
    assert front.say("step") == ""


def test_the_end_is_said_and_remembered(front: Front) -> None:
    front.say("record a")
    assert front.say("step 100") == "the target exited\n"
    assert front.front.ended == StopReply(StopKind.EXITED, 7)
    with pytest.raises(ValueError, match="the target has ended"):
        front.say("step")


def test_code_that_gdb_wrote_is_read_again(front: Front) -> None:
    front.say("record a")
    front.say("step 2")
    front.stub.memory[0:4] = assemble(addiu(9, 0, 6))
    front.stub.registers[PC] = BASE
    front.say("step")
    assert front.sink.steps[-1][0].data == assemble(addiu(9, 0, 6))


def test_what_gdb_ran_is_a_gap_if_something_is_being_recorded(front: Front) -> None:
    stop = StopReply(StopKind.SIGNAL, 5, THREAD)
    front.front.has_stopped(stop)
    assert front.sink.notes == []
    front.say("record a")
    front.front.has_stopped(stop)
    assert len(front.sink.notes) == 1


def test_gdbs_choice_of_a_thread_is_restored(front: Front) -> None:
    front.say("record a")
    assert front.front.answer(b"Hgp01.2b") is None
    front.say("step")
    selections = [request for request in front.stub.requests if request.startswith(b"H")]
    assert selections == [b"Hg" + THREAD, b"Hgp01.2b"]


def test_an_unknown_command_names_the_one_that_helps(front: Front) -> None:
    with pytest.raises(ValueError, match="`monitor gdbtrace help` says what there is"):
        front.say("jump")
    assert "until PLACE" in front.say("help")
