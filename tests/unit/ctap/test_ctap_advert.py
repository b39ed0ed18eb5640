"""gateway.ctap.advert: what the air may claim."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap.advert import (
    NAME_CHARS_MAX,
    UUIDS_MAX,
    FidoAdvert,
    clean_name,
    parse_advert,
)
from gateway.ctap.gatt import FIDO_SERVICE_UUID
from gateway.errors import AdvertError

FIDO = FIDO_SERVICE_UUID
HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
NONE, LIMITED, GENERAL, BOTH = 0x04, 0x05, 0x06, 0x07


@pytest.mark.parametrize(
    ("data", "flags", "pairing"),
    [
        (b"\x80", GENERAL, True),
        (b"\x80", LIMITED, True),
        (b"\x80", None, True),
        (None, GENERAL, True),
        (b"\x00", NONE, False),
        (b"\x80", NONE, False),
        (b"\x00", GENERAL, False),
        (b"\x00", None, False),
        (None, NONE, False),
        (None, None, False),
        (b"\x3f\xff", None, False),
    ],
)
def test_pairing_counts_only_if_nothing_denies_it(
    data: bytes | None, flags: int | None, *, pairing: bool
) -> None:
    service_data = {} if data is None else {FIDO: data}
    assert parse_advert([FIDO], service_data, flags=flags).pairing is pairing


def test_passkey_is_the_second_bit() -> None:
    assert parse_advert([FIDO], {FIDO: b"\xc0"}) == FidoAdvert(
        pairing=True, passkey=True
    )
    assert not parse_advert([FIDO], {FIDO: b"\xbf"}).passkey


def test_service_data_alone_names_the_service_too() -> None:
    advert = parse_advert([HEART_RATE], {HEART_RATE: b"", FIDO.upper(): b"\x80"})
    assert advert.pairing


def test_the_case_of_a_uuid_does_not_matter() -> None:
    assert not parse_advert([FIDO.upper()], {}).pairing


@pytest.mark.parametrize(
    ("uuids", "data", "flags", "why"),
    [
        ([], {}, None, "does not list"),
        ([HEART_RATE], {HEART_RATE: b"\x80"}, GENERAL, "does not list"),
        (["fffd"], {}, None, "does not list"),
        ([FIDO], {FIDO: b""}, None, "0 bytes of service data"),
        ([FIDO], {FIDO: bytes(253)}, None, "253 bytes of service data"),
        ([FIDO], {FIDO: b"\x80"}, BOTH, "limited and general"),
        ([FIDO] * (UUIDS_MAX + 1), {}, None, "more than 64"),
        ([FIDO], {str(n): b"" for n in range(UUIDS_MAX + 1)}, None, "more than 64"),
    ],
)
def test_what_is_not_fidos_or_breaks_the_standard_is_refused(
    uuids: list[str], data: dict[str, bytes], flags: int | None, why: str
) -> None:
    with pytest.raises(AdvertError, match=why):
        parse_advert(uuids, data, flags=flags)


UUIDS = st.sampled_from([FIDO, FIDO.upper(), HEART_RATE]) | st.text(max_size=40)


@given(
    uuids=st.lists(UUIDS, max_size=80),
    data=st.dictionaries(UUIDS, st.binary(max_size=300), max_size=80),
    flags=st.none() | st.integers(0, 255),
    name=st.none() | st.text(),
)
def test_whatever_is_heard_only_advert_errors_come_out(
    uuids: list[str], data: dict[str, bytes], flags: int | None, name: str | None
) -> None:
    try:
        advert = parse_advert(uuids, data, flags=flags, local_name=name)
    except AdvertError:
        return
    assert len(advert.name) <= NAME_CHARS_MAX
    assert FIDO in {uuid.lower() for uuid in (*uuids, *data)}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("KEYRA-0001", "KEYRA-0001"),
        ("Zoë Ångström", "Zoë Ångström"),
        ("Zoe\u0308", "Zoë"),
        ("鍵 1", "鍵 1"),
        (b"KEYRA\xff\x00", "KEYRA\ufffd"),
        ("", ""),
        ("  a \t b\r\n c  ", "a b c"),
        ("\x1b[31mred", "[31mred"),
        ("a\u202eb\u2066c\u200bd", "abcd"),
        ("a\u2028b\u00a0c", "a b c"),
        ("a\ud800b\ue000c\U000e0041d\u0378e", "abcde"),
        ("q" + "\u0323" * 100 + "r", "q\u0323r"),
        ("x" * 300, "x" * 32),
        ("x" * 31 + " y", "x" * 31),
    ],
)
def test_names_are_made_fit_for_a_screen(raw: str | bytes, clean: str) -> None:
    assert clean_name(raw) == clean


@given(st.text() | st.binary(), st.integers(0, 64))
def test_no_name_holds_a_control_or_outgrows_its_place(
    raw: str | bytes, chars_max: int
) -> None:
    name = clean_name(raw, chars_max)
    assert len(name) <= chars_max
    assert name == name.strip()
    for char in name:
        assert char == " " or unicodedata.category(char)[0] not in "CZ"
