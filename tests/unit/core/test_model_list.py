"""The list of fallen models: believed only as its publisher signed it."""

import base64
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.core.certificate_path import load_root
from gateway.core.model_list import (
    ENTRIES_MAX,
    FALLEN,
    LIST_BYTES_MAX,
    ModelList,
    load_model_list,
)
from gateway.errors import AttestationError, ConfigError
from tests.attested import AAGUID, NOON, YEAR, Attestation, ca, issue
from tests.desk import NOON_MS, key_number
from tests.model_lists import LIST_ROOT, Published, entry, publisher


def test_who_has_fallen_and_who_has_not() -> None:
    found = Published().load()
    assert (found.number, dict(found.fallen)) == (7, {AAGUID: "REVOKED"})
    found.check(b"\5" * 16, NOON_MS)
    with pytest.raises(AttestationError) as caught:
        found.check(AAGUID, NOON_MS)
    assert caught.value.reason == "model-revoked"


def test_a_list_is_stale_once_the_day_of_the_next_one_is_over() -> None:
    second_of_september = datetime(2026, 9, 2, tzinfo=UTC)
    assert Published().load().stale_ms == second_of_september.timestamp() * 1000


@pytest.mark.parametrize("word", sorted(FALLEN))
def test_each_word_that_means_it(word: str) -> None:
    assert Published(entries=[entry(AAGUID, word)]).load().fallen == {AAGUID: word}


def test_a_list_ends_with_its_signers_certificate() -> None:
    year_ms = int(YEAR.total_seconds() * 1000)
    found = Published().load()
    for wall_ms in (NOON_MS + 2 * year_ms, NOON_MS - 2 * year_ms):
        with pytest.raises(AttestationError) as caught:
            found.check(b"\5" * 16, wall_ms)
        assert caught.value.reason == "model-list-expired"


def test_a_list_signed_by_rsa() -> None:
    key = rsa.generate_private_key(65537, 2048)
    leaf = publisher(key=key)
    assert Published(leaf=leaf, algorithm="RS256").load().number == 7


WRONG: dict[str, dict[str, Any]] = {
    "another root": {"trusted": replace(LIST_ROOT, key=key_number(22))},
    "another root's name": {"trusted": ca("Other", 20, 1)},
    "another signer": {"signer": key_number(23)},
    "another publisher": {"leaf": publisher(extensions=())},
    "an algorithm that is none": {"algorithm": "none"},
    "an algorithm of another key": {"algorithm": "RS256"},
    "a curve that is not asked for": {
        "leaf": publisher(key=ec.generate_private_key(ec.SECP384R1())),
        "signer": key_number(21),
    },
    "an algorithm that is none, by RSA": {
        "leaf": publisher(key=rsa.generate_private_key(65537, 2048)),
        "algorithm": "none",
    },
    "no certificates": {"header": {"x5c": []}},
    "too many certificates": {"header": {"x5c": ["AA=="] * 5}},
    "certificates that are none": {"header": {"x5c": ["AA=="]}},
    "certificates that are no base64": {"header": {"x5c": ["!"]}},
    "no number": {"number": "7"},
    "no day of the next one": {"next_update": "soon"},
    "a day that is no text": {"next_update": 20_260_901},
    "a day beyond all calendars": {"next_update": "9999-12-31"},
    "entries that are none": {"entries": 5},
    "an entry that is none": {"entries": [5]},
    "an aaguid that is none": {
        "entries": [{"aaguid": 5, "statusReports": [{"status": "REVOKED"}]}]
    },
    "too many entries": {"entries": [{"statusReports": []}] * (ENTRIES_MAX + 1)},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_what_is_no_list(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"list of models .*\.$"):
        Published(**changes).load()


def load(data: bytes) -> ModelList:
    return load_model_list(data, [load_root(issue(LIST_ROOT, LIST_ROOT))])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a.b",
        b"\xff.a.b",
        b"a=.a.a",
        b"W10.W10.AA",  # [], []
        b"e30.e30.AA",  # {}, {}
        b"x" * (LIST_BYTES_MAX + 1),
        b"W1tb" * 5000 + b".e30.AA",
    ],
)
def test_rubbish_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(ConfigError):
        load(data)


def test_a_list_that_was_touched_anywhere_is_none() -> None:
    whole = Published().data
    rng = random.Random(1)  # noqa: S311 - repeatable
    for _ in range(200):
        data = bytearray(whole)
        at = rng.randrange(len(data) - 1)
        data[at] = rng.choice([byte for byte in range(256) if byte != data[at]])
        with pytest.raises(ConfigError):
            load(bytes(data))


def test_the_leaf_counts_within_its_own_dates() -> None:
    leaf = publisher(not_before=NOON - 2 * YEAR, not_after=NOON - YEAR)
    with pytest.raises(ConfigError):
        Published(leaf=leaf).load()  # older than its root


def test_an_attestation_is_held_to_the_list() -> None:
    attestation = Attestation()
    listed = Published(entries=[entry(b"\5" * 16, "REVOKED")]).load()
    attestation.trust = attestation.trusted(model_list=listed)
    assert attestation.verify().aaguid == AAGUID
    attestation.trust = attestation.trusted(model_list=Published().load())
    with pytest.raises(AttestationError):
        attestation.verify()


def test_a_certificate_is_base64_and_nothing_else() -> None:
    one = base64.b64encode(issue(publisher(), LIST_ROOT)).decode()
    assert Published(header={"x5c": [one]}).load().number == 7
    with pytest.raises(ConfigError):
        Published(header={"x5c": [f"{one[:8]}!{one[8:]}"]}).load()


def test_as_many_models_as_are_allowed_are_allowed() -> None:
    models: list[Any] = [{"statusReports": []}] * ENTRIES_MAX
    assert Published(entries=models).load().fallen == {}
