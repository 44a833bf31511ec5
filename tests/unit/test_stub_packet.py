from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.errors import ProtocolError
from gdbtrace.stub.packet import (
    PacketReader,
    StopKind,
    StopReply,
    expanded,
    framed,
    parse_stop_reply,
    resumption,
    unescaped,
)
from tests.fake_stub import escaped


def test_frame_has_the_checksum_of_the_manual() -> None:
    assert framed(b"OK") == b"$OK#9a"
    assert framed(b"") == b"$#00"


def test_resumption_names_the_thread_and_the_signal() -> None:
    assert resumption(b"s", b"p01.2a") == framed(b"vCont;s:p01.2a")
    assert resumption(b"c", b"p01.2a", 11) == framed(b"vCont;C0b:p01.2a")


@given(st.binary())
def test_escaped_data_comes_back_and_has_no_special_characters(data: bytes) -> None:
    text = escaped(data)
    assert not set(text) & set(b"#$*")
    assert unescaped(text) == data


def test_escape_at_the_end_is_an_error() -> None:
    with pytest.raises(ProtocolError):
        unescaped(b"abc}")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(b"0* ", b"0000"), (b"ab", b"ab"), (b"x0*!y1* ", b"x00000y1111")],
)
def test_run_lengths_expand_as_in_the_manual(payload: bytes, expected: bytes) -> None:
    assert expanded(payload) == expected


@pytest.mark.parametrize("payload", [b"*!", b"0*", b"0*\x1f"])
def test_bad_run_length_is_an_error(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        expanded(payload)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"T05thread:p01.148a;", StopReply(StopKind.SIGNAL, 5, b"p01.148a")),
        (b"T0b", StopReply(StopKind.SIGNAL, 11)),
        (b"T05swbreak:;thread:1;", StopReply(StopKind.SIGNAL, 5, b"1")),
        (b"S05", StopReply(StopKind.SIGNAL, 5)),
        (b"W07", StopReply(StopKind.EXITED, 7)),
        (b"W00;process:1", StopReply(StopKind.EXITED, 0)),
        (b"X0b", StopReply(StopKind.KILLED, 11)),
    ],
)
def test_stop_replies(payload: bytes, expected: StopReply) -> None:
    assert parse_stop_reply(payload) == expected


@pytest.mark.parametrize("payload", [b"", b"E22", b"OK", b"Txx", b"N", b"Q05"])
def test_anything_else_is_not_a_stop_reply_and_says_what_came(payload: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a stop reply"):
        parse_stop_reply(payload)


@given(st.lists(st.binary(max_size=40)), st.data())
def test_packets_cut_anywhere_come_out_whole(payloads: list[bytes], data: st.DataObject) -> None:
    # Given a stream of packets with acknowledgements in between
    wanted = [escaped(payload) for payload in payloads]
    stream = b"".join(b"+" + framed(payload) for payload in wanted)
    # When it arrives in pieces
    reader, received, position = PacketReader(), [], 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        reader.feed(stream[position : position + size])
        position += size
        while (packet := reader.next()) is not None:
            received.append(packet)
    # Then every packet is there once, in order
    assert received == wanted


def test_interrupt_between_packets_is_seen() -> None:
    reader = PacketReader()
    reader.feed(b"+\x03" + framed(b"g"))
    assert [reader.next(), reader.next(), reader.next()] == [b"\x03", b"g", None]


def test_wrong_checksum_is_an_error() -> None:
    reader = PacketReader()
    reader.feed(b"$g#00")
    with pytest.raises(ProtocolError, match="checksum"):
        reader.next()
