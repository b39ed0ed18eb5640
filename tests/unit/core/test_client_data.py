"""clientDataJSON: written in one way, read as a stranger's."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.client_data import CLIENT_DATA_BYTES_MAX, ClientData, parse, serialise

GOOD = serialise("webauthn.get", b"\xfb" * 32, "keyra://site/front")


def test_it_is_written_in_the_order_of_the_standard() -> None:
    assert GOOD == (
        b'{"type":"webauthn.get","challenge":"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s"'
        b',"origin":"keyra://site/front","crossOrigin":false}'
    )


def test_it_reads_back() -> None:
    expected = ClientData(
        "webauthn.get", b"\xfb" * 32, "keyra://site/front", embedded=False
    )
    assert parse(GOOD) == expected


def test_unknown_members_may_follow() -> None:
    parsed = parse(GOOD[:-1] + b',"extra":[1,{"a":null}]}')
    assert parsed == parse(GOOD)


def test_whoever_does_not_say_that_it_crosses_origins_does_not() -> None:
    raw = GOOD.replace(b',"crossOrigin":false', b"")
    assert parse(raw) == parse(GOOD)


@pytest.mark.parametrize(
    ("more", "embedded"),
    [('"crossOrigin":true', True), ('"topOrigin":"https://a.example"', True)],
)
def test_a_frame_is_noticed(more: str, *, embedded: bool) -> None:
    raw = GOOD.replace(b'"crossOrigin":false', more.encode())
    parsed = parse(raw)
    assert parsed is not None
    assert parsed.embedded is embedded


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xef\xbb\xbf" + GOOD,
        b"\xff" + GOOD,
        GOOD + b"x",
        GOOD[:-1],
        GOOD.replace(b"}", b',"type":"webauthn.get"}'),
        GOOD.replace(b"}", b',"x":NaN}'),
        GOOD.replace(b'"webauthn.get"', b"1"),
        GOOD.replace(b'"keyra://site/front"', b"null"),
        GOOD.replace(b'"-_v7', b'"+/v7'),
        GOOD.replace(b"false", b'"false"'),
        GOOD.replace(b'"challenge":"', b'"challenge":["').replace(b'","o', b'"],"o'),
        b"[" * CLIENT_DATA_BYTES_MAX,
        b'{"x":' * 200,
        GOOD[:-1] + b',"x":"' + b"a" * CLIENT_DATA_BYTES_MAX + b'"}',
    ],
)
def test_what_is_malformed_is_refused(raw: bytes) -> None:
    assert parse(raw) is None


@given(st.binary(max_size=400))
def test_rubbish_is_refused(raw: bytes) -> None:
    assert parse(raw) is None


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_what_is_said(at: int, byte: int) -> None:
    raw = GOOD[:at] + bytes((byte,)) + GOOD[at + 1 :]
    parsed = parse(raw)
    same = parsed == parse(GOOD)
    assert (
        parsed is None
        or not same
        or json.loads(raw) == json.loads(GOOD)
        or (
            b'"crossOrigin"'
            not in raw  # an unknown member with a default that is the same
        )
    )


def test_memory_is_bounded() -> None:
    long_string = b'{"type":"' + b"a" * 10_000_000 + b'"}'
    deep = b"[" * 10_000_000
    tracemalloc.start()
    try:
        assert parse(long_string) is None
        assert parse(deep) is None
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000, "nothing of it was decoded"
