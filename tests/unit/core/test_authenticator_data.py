"""authenticatorData: every byte accounted for."""

import pytest
from fido2 import cbor
from fido2.webauthn import AuthenticatorData as TheirData
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.authenticator_data import (
    AUTHENTICATOR_DATA_BYTES_MAX,
    AttestedCredential,
    parse,
    split_map,
)
from tests.desk import AT, BE, BS, ED, UP, UV, SoftKey, authenticator_data

KEY = SoftKey()
ATTESTED = b"\x22" * 16 + b"\0\x20" + KEY.id + KEY.cose


def data(flags: int = UP | UV, rest: bytes = b"") -> bytes:
    return authenticator_data("door.example", 7, flags, rest)


def test_an_assertion_reads_back() -> None:
    parsed = parse(data())
    assert parsed is not None
    assert parsed.rp_id_hash == data()[:32]
    assert (parsed.counter, parsed.attested) == (7, None)
    assert parsed.user_present
    assert parsed.user_verified


@pytest.mark.parametrize(("flags", "up", "uv"), [(0, 0, 0), (UP, 1, 0), (UV, 0, 1)])
def test_each_flag_speaks_for_itself(flags: int, up: int, uv: int) -> None:
    parsed = parse(data(flags))
    assert parsed is not None
    assert (parsed.user_present, parsed.user_verified) == (bool(up), bool(uv))


def test_a_new_credential_reads_back_as_others_read_it() -> None:
    raw = data(UP | UV | AT | BE | BS, ATTESTED)
    parsed = parse(raw)
    assert parsed is not None
    assert parsed.attested == AttestedCredential(b"\x22" * 16, KEY.id, KEY.cose)
    theirs = TheirData(raw).credential_data
    assert theirs is not None
    assert theirs.credential_id == parsed.attested.credential_id


def test_extensions_are_one_map_at_the_end() -> None:
    extensions = cbor.encode({"credProtect": 2})
    assert parse(data(UP | UV | ED, extensions)) is not None
    assert parse(data(UP | UV | AT | ED, ATTESTED + extensions)) is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        data()[:-1],
        data() + b"\0",
        data(UP | UV | BS),
        data(UP | UV | ED),
        data(UP | UV | ED, b"\x80"),
        data(UP | UV | ED, cbor.encode({"a": 1}) + b"\0"),
        data(UP | UV | AT),
        data(UP | UV | AT, ATTESTED[:17]),
        data(UP | UV | AT, ATTESTED[:-1]),
        data(UP | UV | AT, ATTESTED + b"\0"),
        data(UP | UV | AT, b"\x22" * 16 + b"\0\x0f" + bytes(15) + KEY.cose),
        data(UP | UV | AT, b"\x22" * 16 + b"\x04\0" + bytes(1024) + KEY.cose),
        data(UP | UV | AT, ATTESTED[:50] + b"\xa1\x18\x01\x01"),
        data() + bytes(AUTHENTICATOR_DATA_BYTES_MAX),
    ],
)
def test_what_is_malformed_is_refused(raw: bytes) -> None:
    assert parse(raw) is None


@given(st.binary(max_size=300))
def test_rubbish_is_refused_or_parsed(raw: bytes) -> None:
    parsed = parse(raw)
    assert parsed is None or parsed.rp_id_hash == raw[:32]


@given(st.integers(32, 37 + len(ATTESTED) - 1), st.integers(0, 255))
def test_a_changed_byte_breaks_nothing(at: int, byte: int) -> None:
    raw = bytearray(data(UP | UV | AT, ATTESTED))
    raw[at] = byte
    parsed = parse(bytes(raw))
    assert parsed is None or parsed.rp_id_hash == raw[:32]


@given(st.binary(max_size=100))
def test_a_split_loses_no_byte(raw: bytes) -> None:
    if (split := split_map(raw)) is not None:
        assert split[0] + split[1] == raw


@pytest.mark.parametrize(
    "raw", [b"", b"\xa1", b"\xbf\xff", b"\xa1\x80\x01", b"\xa1" * 5000, b"\xf9\0\0"]
)
def test_hostile_cbor_is_refused(raw: bytes) -> None:
    assert split_map(raw) is None
