"""Deep verification: the whole history replayed from the export alone.

For each opening, the key's own signature is checked again:

    the credential was enrolled, with evidence that holds, and active at that moment
    the challenge is the hash of the binding that stands in the entry
    the binding is for this site, gateway, door, key, and for opening
    the answer came within the challenge's time, and no challenge served twice
    it is for the site's domain, somebody was present and was verified by the key
    the counter rose, where the key counts
    the signature is that of the enrolled public key

For each enrolment: the attestation leads from the key to a root that the config entry
of that time trusted, and a second touch proved the new key. What does not hold is
reported with the entry's number; the replay goes on, so that one forged entry hides no
other.
"""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.attestation import check_attestation
from ledger.encoding import from_base64
from ledger.entry import Entry, Stamp, parse_entry
from ledger.errors import EvidenceError, LedgerError
from ledger.proof import included_root
from ledger.tree import leaf_hash
from ledger.webauthn import (
    FLAG_ATTESTED,
    FLAG_PRESENT,
    FLAG_VERIFIED,
    Assertion,
    check_signature,
    parse_authenticator_data,
    parse_cbor,
    read_evidence,
    unbase64url,
)

FINDINGS_MAX: Final = 1000
LATE_MS_MAX: Final = 10_000
"""From the answer's arrival, before the challenge expired, to its durable entry."""

ACTIVE: Final = "active"
GET: Final = "webauthn.get"
CREATE: Final = "webauthn.create"
UNLOCK: Final = "door.unlock"
ENROL: Final = "enrol"
ENROL_PROOF: Final = "enrol.proof"


@dataclass(frozen=True, slots=True)
class Finding:
    """An entry that does not prove what it claims."""

    n: int
    text: str


@dataclass(slots=True)
class Credential:
    """An enrolled key, as the ledger's own entries leave it.

    Attributes:
        entry: number of its enrolment.
        state_entry: number of the entry that gave it its state.
        counter_entry: number of the entry that gave it its counter.
    """

    holder: Any
    public_key: bytes
    counter: int
    entry: int
    until_ms: int = 0
    state: Any = ACTIVE
    state_entry: int = -1
    counter_entry: int = -1


@dataclass(slots=True)
class Replay:
    """The state of the door after the entries seen so far.

    Attributes:
        openings: how many openings were checked, good or not.
        first: the entry from which this replay speaks.
        bases: for each restated entry, the base and the root that its proof leads to.
    """

    findings: list[Finding] = field(default_factory=list)
    openings: int = 0
    enrolments: int = 0
    first: int = -1
    credentials: dict[Any, Credential] = field(default_factory=dict)
    holders: dict[Any, tuple[Any, int]] = field(default_factory=dict)
    config: tuple[dict[str, Any], int] | None = None
    place: tuple[dict[str, Any], int] | None = None
    bases: list[tuple[int, Any, bytes]] = field(default_factory=list)
    _challenges: set[bytes] = field(default_factory=set)

    def on_entry(self, n: int, body: bytes, _leaf: bytes) -> None:
        """Take the next entry; for `verify_lines(on_entry=…)`."""
        if self.first < 0:
            self.first = n
        try:
            self.replay(parse_entry(body))
        except LedgerError as error:
            self._report(n, str(error))

    def replay(self, entry: Entry) -> None:
        """Take an entry, or one that a `restate` entry repeats.

        Raises:
            EvidenceError: it does not prove what it claims.
        """
        match entry.ev:
            case "config":
                self.config = entry.what, entry.n
            case "boot":
                self.place = entry.what, entry.n
            case "holder":
                self.holders[entry.what.get("holder")] = (
                    entry.what.get("state"),
                    entry.n,
                )
            case "enrol":
                self.enrolments += 1
                self._enrol(entry)
            case "credential.state":
                self._set_state(entry)
            case "door.grant":
                self.openings += 1
                self._grant(entry)
            case "restate":
                self._restate(entry)
            case _:
                pass

    def live(self) -> list[int]:
        """Return the entries that a pruned ledger must restate, oldest first."""
        numbers = {n for _, n in self.holders.values()}
        numbers |= {known[1] for known in (self.config, self.place) if known}
        for credential in self.credentials.values():
            numbers |= {
                credential.entry,
                credential.state_entry,
                credential.counter_entry,
            }
        return sorted(numbers - {-1})

    def _restate(self, entry: Entry, repeats: Entry | None = None) -> None:
        """An old entry, repeated because its own place was pruned.

        It takes effect by its proven place in the signed history before the base; the
        config of its time may be gone, so its evidence is not judged a second time.
        While the history is whole, the old entry itself took effect already.
        """
        if self.first == 0:
            return
        carrier = repeats or entry
        text = carrier.what.get("entry")
        body = text.encode() if isinstance(text, str) else b""
        old = parse_entry(body)
        if old.n >= carrier.n:
            raise EvidenceError("a restated entry is not older.")
        if carrier is entry:
            root = _restated_root(entry.what, old.n, leaf_hash(body))
            self.bases.append((entry.n, entry.what.get("base"), root))
        moved = dataclasses.replace(old, n=entry.n)
        match old.ev:
            case "restate":
                self._restate(entry, old)
            case "door.grant":
                self._set_counter(moved)
            case "enrol":
                self._take_enrolment(moved)
            case _:
                self.replay(moved)

    def check_bases(self, size: int, root: bytes) -> None:
        """Report restated entries that did not stand under this file's base."""
        for n, base, proved in self.bases:
            if (base, proved) != (size, root):
                self._report(n, "what it restates did not stand before the base.")

    def _report(self, n: int, text: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(n, text))

    def _set_counter(self, grant: Entry) -> None:
        credential = self.credentials.get(grant.what.get("credential"))
        counter = grant.what.get("counter")
        if credential is None or type(counter) is not int:
            raise EvidenceError("a restated opening names no enrolled key.")
        credential.counter, credential.counter_entry = counter, grant.n

    def _set_state(self, entry: Entry) -> None:
        credential = self.credentials.get(entry.what.get("credential"))
        if credential is None:
            raise EvidenceError("the state of a key that was never enrolled changes.")
        if credential.state == "revoked":
            raise EvidenceError("the state of a revoked key changes.")
        credential.state = entry.what.get("state")
        credential.state_entry = entry.n

    def _enrol(self, entry: Entry) -> None:
        what = entry.what
        name = what.get("credential")
        known = self.credentials.get(name)
        if known is not None and known.state != "revoked":
            raise EvidenceError("the key is enrolled already.")
        cose = unbase64url(what.get("public_key"))
        identifier = unbase64url(name)
        creation = read_evidence(what.get("evidence"), CREATE)
        self._bound(creation, ENROL, entry.stamp, None)
        if creation.binding.get("holder") != what.get("holder"):
            raise EvidenceError("the enrolment was for another holder.")
        self._attested(creation, entry, identifier, cose)
        proof = read_evidence(what.get("proof"), GET)
        self._bound(proof, ENROL_PROOF, entry.stamp, identifier)
        counter = self._answered(proof, cose)
        if counter != what.get("counter"):
            raise EvidenceError("the entry's counter is not the one that was signed.")
        self._take_enrolment(entry)

    def _take_enrolment(self, entry: Entry) -> None:
        what = entry.what
        counter, until_ms = what.get("counter"), what.get("until_ms", 0)
        if type(until_ms) is not int or type(counter) is not int:
            raise EvidenceError("the enrolment has no valid end or counter.")
        self.credentials[what.get("credential")] = Credential(
            what.get("holder"),
            unbase64url(what.get("public_key")),
            counter,
            entry.n,
            until_ms,
        )

    def _attested(
        self, creation: Assertion, entry: Entry, identifier: bytes, cose: bytes
    ) -> None:
        settings = self._settings()
        attestation = parse_cbor(creation.data)
        if not isinstance(attestation, dict) or attestation.get("fmt") != "packed":
            raise EvidenceError("the attestation is not of the format packed.")
        raw = attestation.get("authData")
        raw = raw if isinstance(raw, bytes) else b""
        data = parse_authenticator_data(raw)
        self._flags(data.rp_id_hash, data.flags, FLAG_ATTESTED)
        if (data.credential, data.public_key) != (identifier, cose):
            raise EvidenceError("the attestation is of another key.")
        models = [unbase64url(text) for text in _texts(settings, "aaguids")]
        if data.aaguid not in models or data.aaguid != unbase64url(
            entry.what.get("aaguid")
        ):
            raise EvidenceError("the attestation is of a model that was not allowed.")
        check_attestation(
            attestation.get("attStmt"),
            raw + creation.client_hash,
            data.aaguid,
            [unbase64url(text) for text in _texts(settings, "trust")],
            entry.stamp.at_ms,
        )

    def _grant(self, entry: Entry) -> None:
        what = entry.what
        credential = self.credentials.get(what.get("credential"))
        if credential is None:
            raise EvidenceError("the door was opened by a key that was never enrolled.")
        answer = read_evidence(what.get("evidence"), GET)
        identifier = unbase64url(what.get("credential"))
        self._bound(answer, UNLOCK, entry.stamp, identifier)
        counter = self._answered(answer, credential.public_key)
        if what.get("door") != answer.binding.get("door"):
            raise EvidenceError("the entry names another door than the challenge.")
        if what.get("holder") != credential.holder:
            raise EvidenceError("the key belongs to another holder.")
        if counter != what.get("counter"):
            raise EvidenceError("the entry's counter is not the one that was signed.")
        if (counter or credential.counter) and counter <= credential.counter:
            raise EvidenceError(
                f"the key's counter fell from {credential.counter} to {counter}."
            )
        credential.counter, credential.counter_entry = counter, entry.n
        state, _ = self.holders.get(credential.holder, (ACTIVE, -1))
        if credential.state != ACTIVE or state != ACTIVE:
            raise EvidenceError(
                "the door was opened by a key that was not active: "
                f"key {credential.state}, holder {state}."
            )
        if 0 < credential.until_ms <= entry.stamp.at_ms:
            raise EvidenceError("the door was opened by a key that had expired.")

    def _settings(self) -> dict[str, Any]:
        if self.config is None:
            raise EvidenceError("no config entry says by what to judge.")
        return self.config[0]

    def _bound(
        self, answer: Assertion, purpose: str, stamp: Stamp, identifier: bytes | None
    ) -> None:
        """Check what the challenge was bound to, and that it is new."""
        binding = answer.binding
        digest = hashlib.sha256(identifier).hexdigest() if identifier else None
        here = self.place[0] if self.place else {}
        wanted = {
            "v": 1,
            "purpose": purpose,
            "credential": digest,
            "site": here.get("site"),
            "gateway": here.get("gateway"),
            "door": here.get("door"),
        }
        for name, value in wanted.items():
            if binding.get(name) != value:
                raise EvidenceError(f"the challenge was bound to another {name}.")
        issued, expires = binding.get("issued"), binding.get("expires")
        if type(issued) is not int or type(expires) is not int:
            raise EvidenceError("the challenge has no time.")
        is_late = purpose == UNLOCK and stamp.up_ms > expires + LATE_MS_MAX
        if issued > stamp.up_ms or is_late:
            raise EvidenceError("the answer is not from the challenge's time.")
        if answer.challenge in self._challenges:
            raise EvidenceError("the challenge served before.")
        self._challenges.add(answer.challenge)

    def _answered(self, answer: Assertion, cose: bytes) -> int:
        """Check an assertion's signature and flags; returns its counter."""
        data = parse_authenticator_data(answer.data)
        self._flags(data.rp_id_hash, data.flags, 0)
        check_signature(cose, answer.signature, answer.signed)
        return data.counter

    def _flags(self, rp_id_hash: bytes, flags: int, attested: int) -> None:
        domain = str(self._settings().get("rp_id")).encode()
        if rp_id_hash != hashlib.sha256(domain).digest():
            raise EvidenceError("the answer is for another domain.")
        if not flags & FLAG_PRESENT:
            raise EvidenceError("nobody was present.")
        if not flags & FLAG_VERIFIED:
            raise EvidenceError("the key had not verified its user.")
        if flags & FLAG_ATTESTED != attested:
            raise EvidenceError("the answer is of another kind.")


def _restated_root(what: dict[str, Any], n: int, leaf: bytes) -> bytes:
    base, proof = what.get("base"), what.get("proof")
    if type(base) is not int or not isinstance(proof, list):
        raise EvidenceError("a restated entry comes without its proof.")
    hashes = [from_base64(text) if isinstance(text, str) else b"" for text in proof]
    return included_root(n, base, leaf, hashes)


def _texts(settings: dict[str, Any], name: str) -> list[Any]:
    found = settings.get(name)
    if not isinstance(found, list):
        raise EvidenceError(f"the config entry has no {name}.")
    return found
