"""The words on the socket: what is understood, and that rubbish is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.strike.wire import (
    LINE_BYTES_MAX,
    Refusal,
    Reply,
    Request,
    Word,
    parse_reply,
    parse_request,
    render_reply,
    render_request,
)

REQUESTS = st.one_of(
    st.builds(
        Request,
        st.just(Word.RELEASE),
        st.integers(-1, 2**53 - 1),
        st.integers(0, 999_999_999),
    ),
    st.sampled_from([Request(w) for w in Word if w is not Word.RELEASE]),
)
REPLIES = st.one_of(
    st.builds(Reply, st.sampled_from(Refusal)),
    st.builds(Reply, st.none(), st.integers(0, 2**62), st.booleans()),
)


@given(REQUESTS)
def test_requests_come_through(request: Request) -> None:
    line = render_request(request)
    assert line.endswith(b"\n")
    assert len(line) <= LINE_BYTES_MAX
    assert parse_request(line[:-1]) == request


@given(REPLIES)
def test_replies_come_through(reply: Reply) -> None:
    line = render_reply(reply)
    assert len(line) <= LINE_BYTES_MAX
    assert parse_reply(line[:-1]) == reply


@given(st.binary(max_size=200))
def test_rubbish_is_nothing_or_what_it_says(line: bytes) -> None:
    request, reply = parse_request(line), parse_reply(line)
    assert request is None or render_request(request) == line + b"\n"
    assert reply is None or render_reply(reply) == line + b"\n"


@given(REQUESTS, st.data())
def test_a_changed_byte_is_refused_or_another_command(
    request: Request, data: st.DataObject
) -> None:
    line = bytearray(render_request(request)[:-1])
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] = data.draw(st.integers(0, 255))
    parsed = parse_request(bytes(line))
    assert parsed is None or render_request(parsed)[:-1] == bytes(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"release",
        b"release 1",
        b"release 1 1 1",
        b"release  1 1",
        b"release 01 1",
        b"release -2 1",
        b"release -0 1",
        b"release +1 1",
        b"release 1 1.5",
        b"release 1 1 ",
        b"release 1_0 1",
        b"release \xd9\xa1 1",
        b"RELEASE 1 1",
        b"secure ",
        b"alive\r",
        b"status now",
        b"release 12345678901234567 1",
        b"release 1 1234567890",
    ],
)
def test_near_misses_are_refused(line: bytes) -> None:
    assert parse_request(line) is None


@pytest.mark.parametrize(
    "line", [b"ok", b"ok 1", b"ok 1 open", b"ok -1 secured", b"error", b"error what"]
)
def test_near_misses_of_replies_are_refused(line: bytes) -> None:
    assert parse_reply(line) is None


def test_each_refusal_has_a_sentence() -> None:
    for refusal in Refusal:
        assert refusal.sentence.endswith(".")
        assert refusal.value.islower()
