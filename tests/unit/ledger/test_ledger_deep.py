"""Deep verification: every opening and enrolment proved again, every flaw named."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from ledger import deep
from ledger.deep import Finding, Replay
from ledger.entry import Draft, Entry, Stamp, encode_entry
from ledger.errors import EvidenceError, LedgerError
from ledger.tree import leaf_hash
from ledger.webauthn import (
    check_signature,
    parse_authenticator_data,
    parse_cbor,
    read_evidence,
    unbase64url,
)
from tests.ledger_world import (
    AAGUID,
    BOOT,
    Door,
    Key,
    Maker,
    b64url,
    cbor,
    certificate,
    p256,
)


class Story:
    """Replays drafts as entries, without a ledger around them."""

    def __init__(self) -> None:
        self.replay = Replay()
        self.door = Door()
        self.n = 0
        self.anna = Key("anna")
        self.tell(self.door.boot(), self.door.config(), self.door.holder("h1"))

    def tell(self, *drafts: Draft, step_ms: int = 1000) -> list[str]:
        """Return what was found wrong with these entries."""
        before = len(self.replay.findings)
        for draft in drafts:
            entry = encode_entry(self.n, bytes(32), self.door.stamp(step_ms), draft)
            self.replay.on_entry(self.n, entry, b"")
            self.n += 1
        return [found.text for found in self.replay.findings[before:]]

    def enrolled(self) -> "Story":
        assert not self.tell(self.door.enrol(self.anna, "h1"))
        return self


def test_honest_entries_are_proved() -> None:
    story = Story().enrolled()
    assert not story.tell(story.door.grant(story.anna, "h1"))
    assert not story.tell(story.door.grant(story.anna, "h1"))
    assert (story.replay.openings, story.replay.enrolments) == (2, 1)
    assert story.replay.live() == [0, 1, 2, 3, 5]


def test_a_key_without_a_counter_may_stay_at_zero() -> None:
    story = Story().enrolled()
    story.replay.credentials[b64url(story.anna.id)].counter = 0
    story.anna.counter = -1
    assert not story.tell(story.door.grant(story.anna, "h1"))
    story.anna.counter = -1
    assert not story.tell(story.door.grant(story.anna, "h1"))


GRANTS: list[tuple[str, Callable[[Story], Draft], str]] = [
    ("stranger", lambda s: s.door.grant(Key("eve"), "h1"), "never enrolled"),
    (
        "user not verified",
        lambda s: s.door.grant(s.anna, "h1", answer={"flags": 1}),
        "had not verified",
    ),
    (
        "nobody present",
        lambda s: s.door.grant(s.anna, "h1", answer={"flags": 4}),
        "nobody was present",
    ),
    (
        "attested",
        lambda s: s.door.grant(
            s.anna, "h1", evidence={"authenticatorData": b64url(_attested(s))}
        ),
        "another kind",
    ),
    (
        "domain",
        lambda s: s.door.grant(s.anna, "h1", answer={"rp_id": "evil.example"}),
        "another domain",
    ),
    (
        "moved signature",
        lambda s: s.door.grant(s.anna, "h1", evidence={"signature": b64url(b"\x30")}),
        "does not verify",
    ),
    (
        "counter",
        lambda s: s.door.grant(s.anna, "h1", counter_stuck=True),
        "counter fell",
    ),
    (
        "lied counter",
        lambda s: s.door.grant(s.anna, "h1", what={"counter": 99}),
        "not the one that was signed",
    ),
    (
        "door",
        lambda s: s.door.grant(s.anna, "h1", binding={"door": "back"}),
        "another door",
    ),
    (
        "entry's door",
        lambda s: s.door.grant(s.anna, "h1", what={"door": "back"}),
        "another door",
    ),
    ("holder", lambda s: s.door.grant(s.anna, "h2"), "another holder"),
    (
        "purpose",
        lambda s: s.door.grant(s.anna, "h1", binding={"purpose": "approve"}),
        "another purpose",
    ),
    (
        "other key's challenge",
        lambda s: s.door.grant(s.anna, "h1", binding={"credential": "0" * 64}),
        "another credential",
    ),
    (
        "too late",
        lambda s: s.door.grant(s.anna, "h1", binding={"expires": 1}),
        "challenge's time",
    ),
    (
        "too early",
        lambda s: s.door.grant(s.anna, "h1", binding={"issued": 2**40}),
        "challenge's time",
    ),
    (
        "no time",
        lambda s: s.door.grant(s.anna, "h1", binding={"issued": "x"}),
        "no issued",
    ),
    (
        "version that is true",
        lambda s: s.door.grant(s.anna, "h1", binding={"v": True}),
        "no v, or it is no integer",
    ),
    (
        "version of tomorrow",
        lambda s: s.door.grant(s.anna, "h1", binding={"v": 2}),
        "another version",
    ),
    (
        "list for a name",
        lambda s: s.door.grant(s.anna, "h1", what={"credential": ["x"]}),
        "no credential, or it is no text",
    ),
    (
        "true for a counter",
        lambda s: s.door.grant(s.anna, "h1", what={"counter": True}),
        "no counter",
    ),
    (
        "no binding",
        lambda s: s.door.grant(s.anna, "h1", evidence={"binding": 1}),
        "no binding",
    ),
    (
        "client data of another",
        lambda s: s.door.grant(
            s.anna, "h1", evidence={"clientDataJSON": b64url(b"{}")}
        ),
        "not webauthn.get",
    ),
    (
        "client data rubbish",
        lambda s: s.door.grant(s.anna, "h1", evidence={"clientDataJSON": "_w"}),
        "not webauthn.get",
    ),
    ("no evidence", lambda s: s.door.grant(s.anna, "h1", what={"evidence": 1}), "no b"),
]


def _attested(story: Story) -> bytes:
    key = story.anna
    return key.data(0x45) + AAGUID + len(key.id).to_bytes(2) + key.id + key.cose


@pytest.mark.parametrize(
    ("make", "words"), [case[1:] for case in GRANTS], ids=[case[0] for case in GRANTS]
)
def test_openings_that_prove_nothing_are_named(
    make: Callable[[Story], Draft], words: str
) -> None:
    story = Story().enrolled()
    [found] = story.tell(make(story))
    assert words in found
    assert not story.tell(story.door.grant(story.anna, "h1")), "the next one is honest"


def test_a_challenge_serves_once() -> None:
    story = Story().enrolled()
    binding = story.door.credential_binding(story.anna, "door.unlock")
    assert not story.tell(story.door.grant(story.anna, "h1", whole_binding=binding))
    again = story.door.grant(story.anna, "h1", whole_binding=binding)
    assert story.tell(again, step_ms=1) == ["the challenge served before."]


def test_only_an_active_key_opens() -> None:
    story = Story().enrolled()
    suspended = story.door.state(story.anna, "suspended")
    assert not story.tell(suspended)
    [found] = story.tell(story.door.grant(story.anna, "h1"))
    assert "not active: key suspended" in found
    assert not story.tell(story.door.state(story.anna, "active"))
    assert not story.tell(story.door.holder("h1", "suspended"))
    [found] = story.tell(story.door.grant(story.anna, "h1"))
    assert "holder suspended" in found
    story.tell(story.door.holder("h1"), story.door.state(story.anna, "revoked"))
    [found] = story.tell(story.door.grant(story.anna, "h1"))
    assert "key revoked" in found
    [found] = story.tell(story.door.state(story.anna, "active"))
    assert "revoked key changes" in found
    [found] = story.tell(story.door.state(Key("eve"), "active"))
    assert "never enrolled" in found
    assert not story.tell(story.door.enrol(story.anna, "h1"))
    assert not story.tell(Draft("erase", {"holder": "h1"}))
    lies = (story.door.grant(story.anna, "h1"), story.door.holder("h1"))
    opened, again = story.tell(*lies)
    assert "holder erased" in opened
    assert "erased is registered again" in again


def test_a_key_that_expired_does_not_open() -> None:
    story = Story()
    story.tell(story.door.enrol(story.anna, "h1", what={"until_ms": 1}))
    [found] = story.tell(story.door.grant(story.anna, "h1"))
    assert "expired" in found


def _foreign_chain() -> list[bytes]:
    other = p256("other root")
    return [certificate("leaf", "other", p256("leaf"), other, ca=False, aaguid=AAGUID)]


def _chain(**changes: Any) -> list[bytes]:
    return [Maker().leaf(**changes)]


USAGE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
ENROLMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("holder", {"what": {"holder": "h2"}}, "another holder"),
    ("purpose", {"binding": {"purpose": "enrol.proof"}}, "another purpose"),
    ("counter", {"what": {"counter": 7}}, "not the one that was signed"),
    ("end", {"what": {"until_ms": "x"}}, "no until_ms"),
    ("other key", {"what": {"public_key": b64url(Key("eve").cose)}}, "of another key"),
    ("model", {"what": {"aaguid": b64url(bytes(16))}}, "not allowed"),
    ("format", {"attestation": {"content": {"fmt": "none"}}}, "format packed"),
    ("no data", {"attestation": {"content": {"authData": 1}}}, "cut short"),
    ("short", {"attestation": {"data": bytes(36)}}, "cut short"),
    ("no statement", {"attestation": {"content": {"attStmt": 1}}}, "no certificate"),
    ("no chain", {"chain": []}, "no certificate"),
    ("rubbish", {"chain": [b"rubbish"]}, "certificates are wrong"),
    ("only root", {"chain": [Maker().root]}, "certificates are wrong"),
    ("foreign", {"chain": _foreign_chain()}, "no root that the site trusts"),
    ("authority", {"chain": _chain(ca=True)}, "itself an authority"),
    ("other model", {"chain": _chain(aaguid=bytes(16))}, "for another model"),
    ("no model", {"chain": _chain(aaguid=None)}, "certificates are wrong"),
    ("expired", {"chain": _chain(years=(2020, 2021))}, "not valid at that time"),
    ("critical", {"chain": _chain(extra=USAGE)}, "critical extension"),
    ("proof", {"what": {"proof": {}}}, "no binding"),
]


@pytest.mark.parametrize(
    ("changes", "words"),
    [case[1:] for case in ENROLMENTS],
    ids=[case[0] for case in ENROLMENTS],
)
def test_enrolments_that_prove_nothing_are_named(
    changes: dict[str, Any], words: str
) -> None:
    story = Story()
    found = story.tell(story.door.enrol(story.anna, "h1", **changes))
    assert words in " ".join(found)
    assert not story.replay.credentials


def test_a_chain_through_a_batch_authority_is_followed() -> None:
    batch, root = p256("batch"), p256("root")
    middle = certificate("batch", "root", batch, root, ca=True, path_length=0)
    leaf = certificate("leaf", "batch", p256("leaf"), batch, ca=False, aaguid=AAGUID)
    story = Story()
    chain = [leaf, middle, Maker().root]
    assert not story.tell(story.door.enrol(story.anna, "h1", chain=chain))
    short = certificate("root", "root", root, root, ca=True, path_length=0)
    story = Story()
    story.tell(story.door.config(trust=[b64url(short)]))
    [found] = story.tell(story.door.enrol(story.anna, "h1", chain=[leaf, middle]))
    assert "issued by one that may not" in found


def test_an_attestation_key_of_another_kind_is_refused() -> None:
    ed = Ed25519PrivateKey.from_private_bytes(bytes(32))
    leaf = certificate(
        "leaf",
        "root",
        ed,  # type: ignore[arg-type] # a public key of another kind is the point
        p256("root"),
        ca=False,
        aaguid=AAGUID,
    )
    story = Story()
    [found] = story.tell(story.door.enrol(story.anna, "h1", chain=[leaf]))
    assert "no elliptic curve key" in found


def test_nothing_is_enrolled_twice() -> None:
    story = Story().enrolled()
    [found] = story.tell(story.door.enrol(story.anna, "h1"))
    assert "enrolled already" in found


def test_without_a_config_nothing_can_be_judged() -> None:
    story = Story()
    story.replay.config = None
    [found] = story.tell(story.door.enrol(story.anna, "h1"))
    assert "no config" in found
    story = Story()
    story.tell(story.door.config(aaguids=7))
    [found] = story.tell(story.door.enrol(story.anna, "h1"))
    assert "no aaguids" in found
    story = Story()
    story.tell(story.door.config(rp_id=5))
    [found] = story.tell(story.door.enrol(story.anna, "h1"))
    assert "no rp_id" in found


def test_without_a_boot_entry_there_is_no_place() -> None:
    story = Story()
    story.replay.place = None
    [found] = story.tell(story.door.enrol(story.anna, "h1"))
    assert "no boot entry" in found


def test_a_holder_that_no_entry_names_opens_nothing() -> None:
    story = Story().enrolled()
    story.replay.holders.clear()
    [found] = story.tell(story.door.grant(story.anna, "h1"))
    assert "holder that is not known" in found


@pytest.mark.parametrize("what", [{"holder": []}, {"holder": {}}, {}])
def test_a_holder_whose_name_is_no_text_is_a_finding_and_no_crash(what: Any) -> None:
    [found] = Story().tell(Draft("holder", what))
    assert "no holder" in found


@pytest.mark.parametrize("state", ["", "Active", 1, None])
def test_a_state_that_no_key_has_is_a_finding(state: Any) -> None:
    story = Story().enrolled()
    [found] = story.tell(story.door.state(story.anna, state))
    assert "state" in found
    assert not story.tell(story.door.grant(story.anna, "h1"))


def restated(body: bytes, **changes: Any) -> Draft:
    """A restatement of the only entry of a tree of one."""
    what: dict[str, Any] = {"base": 1, "entry": body.decode(), "proof": []}
    return Draft("restate", what | changes)


def bodies(story: Story, *drafts: Draft) -> list[bytes]:
    """The entries of a file that begins at entry 5."""
    return [
        encode_entry(n, bytes(32), story.door.stamp(), draft)
        for n, draft in enumerate(drafts, 5)
    ]


def old_body(door: Door, draft: Draft) -> bytes:
    return encode_entry(0, bytes(32), door.stamp(), draft)


def test_restated_entries_count_before_the_first_entry() -> None:
    story, door, anna = Story(), Door(), Key("anna")
    drafts = [door.enrol(anna, "h1"), door.boot(), door.config()]
    drafts.append(door.grant(Key("anna", counter=6), "h1"))
    honest = [restated(old_body(door, draft)) for draft in drafts]
    replay = Replay()
    strange = [Draft("prune", {"base": 9}), Draft("x", {"ev": "prune", "base": 1})]
    file = bodies(story, *honest, Draft("prune", {"base": 1}), *strange)
    replay.foresee(1, [b'rubbish with "ev":"prune" in it', *file])
    assert not replay.findings
    assert replay.credentials[b64url(anna.id)].counter == 7
    assert replay.live() == [5, 6, 7, 8]


def test_what_is_restated_stood_before_the_base() -> None:
    story, door = Story(), Door()
    body, replay = old_body(door, door.boot()), Replay()
    replay.foresee(1, bodies(story, restated(body)))
    replay.check_bases(1, leaf_hash(body))
    assert not replay.findings
    replay.check_bases(1, bytes(32))
    assert "before the base" in replay.findings[0].text


def test_lies_that_are_restated_are_named() -> None:
    story, door = Story(), Door()
    enrol = old_body(door, door.enrol(Key("anna"), "h1"))
    grant = old_body(door, Draft("door.grant", {}))
    stranger = Draft("door.grant", {"credential": "eve", "counter": 1})
    lies = [
        (restated(b"rubbish"), "not an entry"),
        (restated(enrol, entry=7), "no entry, or it is no text"),
        (restated(grant.replace(b'"n":0', b'"n":999')), "not older"),
        (restated(old_body(door, restated(enrol))), "not older"),
        (restated(grant), "no credential"),
        (restated(old_body(door, stranger)), "names no key"),
        (restated(old_body(door, Draft("enrol", {}))), "no holder"),
        (restated(enrol, proof=7), "no proof"),
        (restated(enrol, proof=[7]), "too long"),
    ]
    replay = Replay()
    replay.foresee(1, bodies(story, *(lie for lie, _ in lies)))
    for (_, words), found in zip(lies, replay.findings, strict=True):
        assert words in found.text


def test_while_the_history_is_whole_restatements_change_nothing() -> None:
    story = Story()
    assert not story.tell(restated(b"whatever"))


def test_what_rests_on_entries_before_a_stretch_is_no_lie_and_no_proof() -> None:
    story, anna = Story(), Key("anna")
    replay = Replay()
    drafts = [
        story.door.grant(anna, "h1"),
        story.door.state(anna, "suspended"),
        story.door.enrol(anna, "h1"),
        story.door.boot(),
        story.door.enrol(anna, "h1"),
        story.door.config(),
        story.door.enrol(anna, "h1"),
        story.door.grant(anna, "h1"),
        story.door.holder("h1"),
        story.door.grant(anna, "h1"),
    ]
    file = bodies(story, *drafts)
    replay.foresee(5, file)
    for n, body in enumerate(file, 5):
        replay.on_entry(n, body, b"")
    assert [found.n for found in replay.gaps] == [5, 6, 7, 9, 12]
    assert "before entry 5" in replay.gaps[0].text
    assert not replay.findings


def test_findings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "FINDINGS_MAX", 1)
    story = Story()
    eve = Key("eve")
    story.tell(story.door.grant(eve, "h1"), story.door.grant(eve, "h1"))
    assert story.replay.findings == [Finding(3, story.replay.findings[0].text)]


# --- the pieces ---


@given(st.binary(max_size=60))
def test_rubbish_in_cbor_is_refused_by_name(data: bytes) -> None:
    for parse in (parse_cbor, parse_authenticator_data):
        try:
            parse(data)
        except EvidenceError:
            continue
        assert data


@given(
    st.recursive(
        st.integers(-300, 70_000) | st.booleans() | st.binary() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.integers(0, 9) | st.text(), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_cbor_is_read_as_it_was_written(value: Any) -> None:
    try:
        found = parse_cbor(cbor(value))
    except (EvidenceError, OverflowError):
        return
    assert found == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00",
        b"\x18",
        b"\x1f",
        b"\x41",
        b"\x61\xff",
        b"\x9a\xff\xff\xff\xff",
        b"\xa1\x41\x00\x00",
        b"\xf6",
        b"\x81" * 9,
    ],
)
def test_other_cbor_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        parse_cbor(data)


@pytest.mark.parametrize("value", [None, "é", "A", "A A=", "QR", "QQ=="])
def test_loose_base64url_is_refused(value: object) -> None:
    with pytest.raises(EvidenceError):
        unbase64url(value)


@pytest.mark.parametrize(
    "key",
    [
        cbor([]),
        cbor({1: 2, 3: -7, -1: 1, -2: 1, -3: 1}),
        cbor({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}),
        cbor({1: 1, 3: -8, -1: 6, -2: b"short"}),
        cbor({1: 2, 3: -48, -1: 1}),
    ],
)
def test_keys_of_another_kind_are_refused(key: bytes) -> None:
    with pytest.raises(EvidenceError):
        check_signature(key, b"", b"")


def test_an_attested_credential_must_be_whole() -> None:
    key = Key("anna")
    for rest in (b"", AAGUID + b"\0\0", AAGUID + b"\0\x20abc"):
        with pytest.raises(EvidenceError):
            parse_authenticator_data(key.data(0x45) + rest)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"false", b"0"),
        lambda raw: raw.replace(b",", b", ", 1),
        lambda raw: raw + b" ",
        lambda raw: b"[" * 9000 + raw,
        lambda _: "é".encode(),
    ],
)
def test_client_data_is_what_the_gateway_writes_to_the_byte(
    change: Callable[[bytes], bytes],
) -> None:
    """Not by its value: 0 equals false in Python, and deep nesting ends a parser."""
    door = Door()
    binding = door.binding("door.unlock")
    honest = door.client_data(binding, "webauthn.get")
    value = {"authenticatorData": "", "binding": binding, "signature": ""}
    value["clientDataJSON"] = b64url(honest)
    assert read_evidence(value, "webauthn.get").client_data == honest
    value["clientDataJSON"] = b64url(change(honest))
    with pytest.raises(EvidenceError):
        read_evidence(value, "webauthn.get")


def test_a_door_whose_name_is_no_text_is_a_finding_and_no_crash() -> None:
    value = {
        "authenticatorData": "",
        "binding": {"site": "\ud800", "door": "x"},
        "clientDataJSON": "",
        "signature": "",
    }
    with pytest.raises(LedgerError):
        read_evidence(value, "webauthn.get")


def test_other_events_are_passed_over() -> None:
    replay = Replay()
    replay.replay(Entry(0, Stamp(0, BOOT, 0, 0), "door.exit", {}, bytes(32)))
    assert replay == Replay()
