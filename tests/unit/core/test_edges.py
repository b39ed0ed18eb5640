"""What stands exactly at a limit is good; one more is not, and the rest says so."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from fido2 import cbor

from gateway.core.attestation import verify_attestation
from gateway.core.authenticator_data import AUTHENTICATOR_DATA_BYTES_MAX
from gateway.core.authenticator_data import parse as parse_data
from gateway.core.certificate_path import CERTIFICATE_BYTES_MAX, parse
from gateway.core.challenge import LIFE_MS_MAX, ChallengeBook
from gateway.core.door_policy import ACCESS_LINES_MAX
from gateway.core.encoding import to_base64url
from gateway.core.holder import GROUPS_MAX, Holder
from gateway.core.ids import CredentialId, GroupId
from gateway.core.policy import Access
from gateway.core.row import COMMITMENT_CHARS, MODEL_CHARS_MAX, is_commitment, is_model
from gateway.core.row import number as number_in
from gateway.core.schedule import WINDOWS_MAX, Schedule
from gateway.core.special_days import Days, SpecialDays
from gateway.errors import AttestationError, ConfigError, EvidenceError, RegistryError
from tests.attested import CLIENT_DATA_HASH, LEAF, NOON, ROOT, Attestation, issue
from tests.desk import (
    AT,
    ED,
    NOON_MS,
    OFFICE,
    STAFF,
    UP,
    UV,
    Desk,
    SoftKey,
    at,
    authenticator_data,
    place,
)
from tests.model_lists import Published, publisher

GOOD = Attestation()


@pytest.mark.parametrize("length", [16, 1_023])
def test_the_shortest_and_the_longest_credential_id(length: int) -> None:
    one = CredentialId(bytes(length))
    asked = ChallengeBook(place()).issue(at(), bytes(32), credential_id=one)
    assert asked.credential_id == one
    key = SoftKey()
    attested = b"\x22" * 16 + length.to_bytes(2, "big") + one + key.cose
    parsed = parse_data(authenticator_data("door.example", 1, UP | UV | AT, attested))
    assert parsed is not None
    assert parsed.attested is not None
    assert parsed.attested.credential_id == one


@pytest.mark.parametrize("life_ms", [1, LIFE_MS_MAX])
def test_the_shortest_and_the_longest_life(life_ms: int) -> None:
    asked = Desk().ask(at(1_000), life_ms=life_ms)
    assert asked.expires_ms == 1_000 + life_ms


@pytest.mark.parametrize("life_ms", [0, LIFE_MS_MAX + 1])
def test_no_life_and_one_too_long(life_ms: int) -> None:
    with pytest.raises(EvidenceError):
        Desk().ask(life_ms=life_ms)


@pytest.mark.parametrize("over", [0, 1])
def test_authenticator_data_of_just_that_length(over: int) -> None:
    empty = cbor.encode({"x": bytes(1_000)})
    pad = AUTHENTICATOR_DATA_BYTES_MAX + over - 37 - len(empty) + 1_000
    raw = authenticator_data("a.example", 1, UP | ED, cbor.encode({"x": bytes(pad)}))
    assert len(raw) == AUTHENTICATOR_DATA_BYTES_MAX + over
    assert (parse_data(raw) is None) is bool(over)


def test_a_certificate_of_just_that_length_and_in_its_last_second() -> None:
    der = GOOD.chain[0]
    assert parse(der, len(der)).der == der
    with pytest.raises(AttestationError):
        parse(der, len(der) - 1)
    leaf = replace(LEAF, not_after=NOON)
    assert Attestation(leaf=leaf).verify(NOON_MS).maker == "KEYRA"
    with pytest.raises(AttestationError):
        Attestation(leaf=leaf).verify(NOON_MS + 1)


def test_a_root_may_come_along_with_the_leaf_and_not_alone() -> None:
    alone = [issue(LEAF, GOOD.root), GOOD.root_der]
    assert Attestation(batch=None, x5c=alone).verify().maker == "KEYRA"
    root = replace(ROOT, constraints=x509.BasicConstraints(ca=True, path_length=0))
    only_leaves = Attestation(root=root, batch=None)
    only_leaves.x5c = [*only_leaves.chain, only_leaves.root_der]
    assert only_leaves.verify().maker == "KEYRA"
    with pytest.raises(AttestationError):
        Attestation(x5c=[GOOD.root_der]).verify()


@pytest.mark.parametrize(("count", "reason"), [(4, "names"), (5, "path-too-long")])
def test_four_certificates_are_looked_at(count: int, reason: str) -> None:
    sent = Attestation(x5c=[GOOD.chain[0]] * count)
    with pytest.raises(AttestationError) as caught:
        verify_attestation(sent.object, CLIENT_DATA_HASH, GOOD.trusted(), NOON_MS)
    assert caught.value.reason.startswith(reason)


def test_four_certificates_of_a_list_are_looked_at() -> None:
    for count, sentence in ((4, "not signed"), (5, "is none")):
        with pytest.raises(ConfigError, match=sentence):
            Published(header={"x5c": ["AA=="] * count}).load()


def test_a_signer_of_lists_may_have_a_larger_certificate_and_needs_a_name() -> None:
    others = [x509.DNSName(f"{n}.example.net") for n in range(200)]
    names = publisher().extensions[0][0]
    assert isinstance(names, x509.SubjectAlternativeName)
    large = publisher(
        extensions=((x509.SubjectAlternativeName([*names, *others]), False),)
    )
    assert len(issue(large, large)) > CERTIFICATE_BYTES_MAX
    assert Published(leaf=large).load().number == 7
    with pytest.raises(ConfigError, match=r"was not signed by .*\.$"):
        Published(leaf=publisher(extensions=())).load()


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own clock is set to a zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_a_lists_last_day_is_utcs_wherever_the_machine_stands() -> None:
    second_of_september = datetime(2026, 9, 2, tzinfo=UTC)
    assert Published().load().stale_ms == second_of_september.timestamp() * 1000


def test_as_many_lines_groups_and_windows_as_are_allowed() -> None:
    desk = Desk()
    lines = (Access(STAFF, OFFICE),) * ACCESS_LINES_MAX
    assert replace(desk.policy, access=lines).access == lines
    groups = tuple(GroupId(f"g{n}") for n in range(GROUPS_MAX))
    assert Holder.from_row(desk.holder(groups=groups).row()).groups == groups
    text = ";".join(["Mon 08:00-09:00"] * WINDOWS_MAX)
    assert Schedule.parse(text).text == text


def test_a_row_that_is_older_than_the_end_of_keys_has_none() -> None:
    desk = Desk()
    row = desk.enrolled().row()
    row.pop("until_ms", None)
    assert type(desk.enrolled()).from_row(row).until_ms == 0


def test_words_and_numbers_at_their_limits() -> None:
    assert number_in({"a": 7}, "a", 7) == 7
    with pytest.raises(RegistryError):
        number_in({"a": 8}, "a", 7)
    assert is_model("m" * MODEL_CHARS_MAX)
    assert not is_model("m" * (MODEL_CHARS_MAX + 1))
    assert is_commitment("0123456789abcdef" * 4)
    assert not is_commitment("X" * COMMITMENT_CHARS)
    assert to_base64url(b"\0\0\x17") == "AAAX"


def test_an_hour_after_midnight_belongs_to_its_own_day() -> None:
    """Tuesday is a holiday; that Monday's windows reach to midnight does not matter."""
    tuesday = SpecialDays(Days.parse(["2026-12-22"]))
    schedule = replace(Schedule.parse("Mon-Fri 00:00-06:00"), special=(tuesday,))
    zone = ZoneInfo("Europe/Berlin")
    for day, is_open in ((21, True), (22, False), (23, True)):
        moment = datetime(2026, 12, day, 3, tzinfo=zone)
        assert schedule.is_open(int(moment.timestamp() * 1000), zone) is is_open
    monday = date(2026, 12, 21)
    assert schedule.windows_on(monday) == [(0, 360)]
    assert schedule.windows_on(monday + timedelta(1)) == []


@pytest.mark.parametrize("text", ["Mon 24:00-23:00", "Mon 24:00-24:00"])
def test_nothing_begins_at_the_end_of_a_day(text: str) -> None:
    with pytest.raises(ConfigError):
        Schedule.parse(text)
