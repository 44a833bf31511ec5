"""What the tracer writes is what the recorder reads."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbtrace.arch.model import AccessKind
from gdbtrace.errors import ProtocolError, TargetDied
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.tracer.memory import Place
from gdbtrace.tracer.step_record import (
    Access,
    Definition,
    Gap,
    KeyState,
    ModuleLoaded,
    Note,
    Record,
    RecordReader,
    RecordWriter,
    RegisterFile,
    SignalTaken,
    State,
    Step,
    Stop,
    StopReason,
    SystemCallMade,
)

LAYOUT = RegisterLayout(
    "big", {"r0": (0, 4), "pc": (4, 8)}, {"f0": (70, 8), "v0": (71, 16), "flag": (72, 1)}, core_bytes=8
)
SIZES = {"f0": 8, "v0": 16, "flag": 1}

ADD = Definition(0, 0x1000, b"\x01\x02\x03\x04", 0, ("r0",), (), True)
MOVE = Definition(1, 0x1004, b"\x05\x06", 1, ("f0", "v0"), ("v0", "f0"), False)


def write(*actions: Callable[[RecordWriter], None]) -> bytes:
    """The bytes that a writer sends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = RecordWriter(ours)
        for action in actions:
            action(writer)
        writer.flush()
        ours.shutdown(socket.SHUT_WR)
        with theirs.makefile("rb") as stream:
            return stream.read()


def reader_of(data: bytes) -> tuple[RecordReader, socket.socket]:
    """A reader at the other end of a stream that ends after ``data``; close the socket afterwards."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(data)
    return RecordReader(theirs), theirs


def read_all(data: bytes) -> list[Record]:
    """The first burst after the layout."""
    reader, connection = reader_of(data)
    with connection:
        reader.read_hello()
        return list(reader.iter_burst())


def hello(writer: RecordWriter) -> None:
    writer.hello(LAYOUT, None, is_machine=False)


def end(writer: RecordWriter) -> None:
    writer.stop(Stop(StopReason.COUNT))


def test_layout_and_entry_point_come_first() -> None:
    reader, connection = reader_of(write(lambda writer: writer.hello(LAYOUT, 0x400110, is_machine=True)))
    with connection:
        assert reader.read_hello() == LAYOUT
        assert reader.entry == 0x400110


def test_unknown_entry_point_is_none() -> None:
    reader, connection = reader_of(write(hello))
    with connection:
        reader.read_hello()
        assert reader.entry is None


def test_step_without_operands_is_ten_bytes_and_the_registers() -> None:
    data = write(lambda writer: writer.step(0x0102, 3, b"registers", (), ()))
    assert data == b"\x04\x02\x01\x00\x00\x03\x00\x01\x00\x00registers"


def test_step_with_everything() -> None:
    data = write(
        hello,
        lambda writer: writer.define(MOVE),
        lambda writer: writer.step(
            1,
            2,
            b"12345678",
            [b"A" * 16, b"B" * 8, b"C" * 16, b"D" * 8],
            [
                (AccessKind.LOAD, 0xFFFF_FFFF_FFFF_FFF0, 2, b"xy", None),
                (AccessKind.STORE, 0x20, 4, None, Place(0x10, "pl011")),
            ],
        ),
        end,
    )
    assert read_all(data)[0] == Step(
        MOVE,
        2,
        b"12345678",
        {"v0": b"A" * 16, "f0": b"B" * 8},
        {"v0": b"C" * 16, "f0": b"D" * 8},
        (
            Access(AccessKind.LOAD, 0xFFFF_FFFF_FFFF_FFF0, 2, b"xy"),
            Access(AccessKind.STORE, 0x20, 4, None, Place(0x10, "pl011")),
        ),
    )


def test_unfinished_step_has_nothing_after_it() -> None:
    data = write(
        hello,
        lambda writer: writer.define(MOVE),
        lambda writer: writer.step(1, 0, None, [b"A" * 16, b"B" * 8], [(AccessKind.LOAD, 1, 1, b"z", None)]),
        end,
    )
    assert read_all(data)[0] == Step(
        MOVE, 0, None, {"v0": b"A" * 16, "f0": b"B" * 8}, {}, (Access(AccessKind.LOAD, 1, 1, b"z"),)
    )


@pytest.mark.parametrize("reason", StopReason)
def test_stop_says_why(reason: StopReason) -> None:
    stop = Stop(reason, 42, "QEMU ended: \N{SNOWMAN}")
    assert read_all(write(hello, lambda writer: writer.stop(stop))) == [stop]


def test_burst_ends_at_its_stop_and_the_next_one_follows() -> None:
    first, second = Gap(1, "first"), Gap(2, "second")
    data = write(hello, lambda writer: writer.note(first), end, lambda writer: writer.note(second), end)
    reader, connection = reader_of(data)
    with connection:
        reader.read_hello()
        assert list(reader.iter_burst()) == [first, Stop(StopReason.COUNT)]
        assert list(reader.iter_burst()) == [second, Stop(StopReason.COUNT)]


def test_definitions_last_from_burst_to_burst() -> None:
    step: Callable[[RecordWriter], None] = lambda writer: writer.step(0, 0, b"\0" * 8, (), ())  # noqa: E731
    data = write(hello, lambda writer: writer.define(ADD), step, end, step, end)
    reader, connection = reader_of(data)
    with connection:
        reader.read_hello()
        bursts = [list(reader.iter_burst()) for _ in range(2)]
    assert [burst[0].definition for burst in bursts if isinstance(burst[0], Step)] == [ADD, ADD]


def test_numbering_that_starts_anew_replaces_what_was_defined() -> None:
    # Given two instructions, and a tracer that forgot them and starts from 0 with others
    others = [Definition(0, 0x2000, b"\xaa", 0, (), (), True), Definition(1, 0x2004, b"\xbb", 0, (), (), True)]
    step: Callable[[int], Callable[[RecordWriter], None]] = lambda number: (  # noqa: E731
        lambda writer: writer.step(number, 0, b"\0" * 8, (), ())
    )
    old = Definition(1, 0x1004, b"\x05", 0, (), (), True)
    data = write(
        hello,
        *(lambda writer, one=one: writer.define(one) for one in (ADD, old)),
        *(step(0), step(1)),
        *(lambda writer, one=one: writer.define(one) for one in others),
        *(step(1), step(0)),
        end,
    )
    # Then each step is of the instruction that its number meant when it was written
    steps = [record for record in read_all(data) if isinstance(record, Step)]
    assert [step.definition for step in steps] == [ADD, old, others[1], others[0]]


# -- any sequence --------------------------------------------------------------------------------------------------

names = st.sampled_from(("r0", "pc", "f0", "v0", "\N{GREEK SMALL LETTER PI}"))
definitions = st.builds(
    Definition,
    identifier=st.just(0),
    address=st.integers(0, (1 << 64) - 1),
    data=st.binary(min_size=1, max_size=15),
    mode=st.integers(0, 3),
    named=st.lists(names, unique=True).map(tuple),
    fetched=st.lists(st.sampled_from(tuple(SIZES)), unique=True).map(tuple),
    memory_known=st.booleans(),
)
states = st.binary(min_size=8, max_size=8)
words = st.integers(0, (1 << 64) - 1)
threads = st.integers(0, 0xFFFF)
register_files = st.builds(
    RegisterFile, threads, states, st.dictionaries(st.sampled_from(tuple(SIZES)), st.binary(max_size=16))
)
notes: st.SearchStrategy[Note] = st.one_of(
    st.builds(Gap, words, st.text(max_size=20)),
    st.builds(
        SystemCallMade,
        words,
        threads,
        words,
        st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=6).map(tuple),
    ),
    st.builds(SignalTaken, st.integers(1, 64), threads, words, st.none() | words),
    st.builds(ModuleLoaded, st.text(max_size=20), words, words),
    st.builds(KeyState, st.lists(register_files, max_size=3).map(tuple)),
)


@st.composite
def accesses(draw: st.DrawFn) -> Access:
    size = draw(st.integers(0, 40))
    data = draw(st.none() | st.binary(min_size=size, max_size=size))
    places = st.builds(Place, st.integers(0, (1 << 64) - 1), st.text(max_size=20))
    place = draw(st.none() | places)
    return Access(draw(st.sampled_from(AccessKind)), draw(st.integers(0, (1 << 64) - 1)), size, data, place)


@st.composite
def bursts(draw: st.DrawFn) -> tuple[list[Definition], list[Record]]:
    """Definitions numbered from 0, and a burst of records that use them."""
    defined = [
        Definition(number, one.address, one.data, one.mode, one.named, one.fetched, one.memory_known)
        for number, one in enumerate(draw(st.lists(definitions, min_size=1, max_size=4)))
    ]
    records: list[Record] = []
    for kind in draw(st.lists(st.sampled_from((State, Step, Note)), max_size=12)):
        if kind is State:
            records.append(State(draw(states)))
        elif kind is Note:
            records.append(draw(notes))
        else:
            definition = draw(st.sampled_from(defined))
            post = draw(st.none() | states)
            values = [
                {name: draw(st.binary(min_size=SIZES[name], max_size=SIZES[name])) for name in definition.fetched}
                for _ in range(2)
            ]
            touched = tuple(draw(st.lists(accesses(), max_size=4)))
            thread = draw(st.integers(0, 0xFFFF))
            records.append(Step(definition, thread, post, values[0], values[1] if post is not None else {}, touched))
    status = draw(st.none() | st.integers(0, 255))
    records.append(Stop(draw(st.sampled_from(StopReason)), status, draw(st.text(max_size=20))))
    return defined, records


def write_records(writer: RecordWriter, records: Sequence[Record]) -> None:
    for record in records:
        match record:
            case State(raw):
                writer.state(raw)
            case Step(definition, thread, post, before, after, touched):
                writer.step(
                    definition.identifier, thread, post, [*before.values(), *after.values()], list(map(tuple, touched))
                )
            case Stop():
                writer.stop(record)
            case _:
                writer.note(record)


@settings(deadline=None)
@given(bursts())
def test_any_burst_is_read_as_it_was_written(burst: tuple[list[Definition], list[Record]]) -> None:
    defined, records = burst
    data = write(
        hello,
        *(lambda writer, one=one: writer.define(one) for one in defined),
        lambda writer: write_records(writer, records),
    )
    assert read_all(data) == records


@pytest.mark.parametrize(
    "note",
    [
        Gap(1, "unseen"),
        SystemCallMade(0x1000, 1, 64, (1, -1)),
        SignalTaken(11, 0, 0x1000, None),
        ModuleLoaded("/lib/\udcff.so", 0x1000, 0x1FFF),
        KeyState((RegisterFile(0, b"12345678", {"f0": b"abcdefgh"}), RegisterFile(1, b"87654321", {}))),
    ],
)
def test_note_is_read_as_it_was_written(note: Note) -> None:
    assert read_all(write(hello, lambda writer: writer.note(note), end)) == [note, Stop(StopReason.COUNT)]


# -- a tracer that ends --------------------------------------------------------------------------------------------


def test_tracer_that_ends_anywhere_is_said_to_have_died() -> None:
    # Given a stream of every kind of record
    start = write(hello)
    rest = write(
        lambda writer: writer.define(MOVE),
        lambda writer: writer.state(b"12345678"),
        lambda writer: writer.step(
            1, 0, b"12345678", [b"A" * 16, b"B" * 8] * 2, [(AccessKind.STORE, 0x20, 4, b"abcd", None)]
        ),
        lambda writer: writer.note(Gap(1, "unseen")),
        end,
    )
    # When it is cut at any byte, then the reader raises after what was whole
    for length in range(len(rest)):
        with pytest.raises(TargetDied, match="the tracer process ended without a word"):
            read_all(start + rest[:length])
    assert len(read_all(start + rest)) == 4


def test_tracer_that_ends_in_its_first_message_is_said_to_have_died() -> None:
    data = write(hello)
    for length in range(len(data)):
        with pytest.raises(TargetDied):
            read_all(data[:length])


def test_tracer_that_is_killed_with_our_word_unread_is_said_to_have_died() -> None:
    # Given an interrupt that the tracer does not take off the socket, which makes the kernel reset the connection
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.send(b"!")
        ours.sendall(write(hello))
        ours.close()
        reader = RecordReader(theirs)
        reader.read_hello()
        # When it is gone, then that is what is said
        with pytest.raises(TargetDied):
            list(reader.iter_burst())


def test_tracer_that_could_not_attach_says_why() -> None:
    reader, connection = reader_of(write(lambda writer: writer.stop(Stop(StopReason.FAILED, detail="no gdbstub"))))
    with connection, pytest.raises(TargetDied, match="no gdbstub"):
        reader.read_hello()


def test_stream_must_begin_with_the_layout() -> None:
    reader, connection = reader_of(write(lambda writer: writer.note(Gap(1, "unseen"))))
    with connection, pytest.raises(ProtocolError, match="the tracer began with GAP"):
        reader.read_hello()


def test_records_need_the_layout() -> None:
    reader, connection = reader_of(write(hello))
    with connection, pytest.raises(ProtocolError, match="no layout has been read"):
        next(reader.iter_burst())


# -- batches -------------------------------------------------------------------------------------------------------


def test_steps_wait_for_the_flush() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = RecordWriter(ours)
        writer.step(0, 0, b"12345678", (), ())
        with pytest.raises(BlockingIOError):
            theirs.recv(1, socket.MSG_DONTWAIT)
        writer.flush()
        assert theirs.recv(100) == b"\x04\0\0\0\0\0\0\x01\0\x0012345678"


def test_stop_sends_what_waited() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = RecordWriter(ours)
        writer.state(b"12345678")
        writer.stop(Stop(StopReason.COUNT))
        assert theirs.recv(9) == b"\x0312345678"


def test_batch_is_sent_when_it_is_64_kib() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = RecordWriter(ours)
        for _ in range((1 << 16) // 16 - 1):
            writer.state(b"123456789abcdef")
        with pytest.raises(BlockingIOError):
            theirs.recv(1, socket.MSG_DONTWAIT)
        writer.state(b"123456789abcdef")
        with theirs.makefile("rb") as stream:
            assert stream.read(1 << 16) == b"\x03123456789abcdef" * (1 << 12)
