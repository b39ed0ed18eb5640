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
of that time trusted, and a second touch proved the new key. Orders are in `orders`.
What does not hold is reported with its number, and the replay goes on. In a file that
begins later, what rests on entries before its beginning is reported apart.
"""

import dataclasses
import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.attestation import check_attestation
from ledger.entry import Entry, Stamp, parse_entry
from ledger.errors import EntryError, EvidenceError, LedgerError, UnjudgedError
from ledger.members import integer_of, list_of, text_of
from ledger.orders import Orders
from ledger.restated import PRUNE, RESTATE, repeated, restated_root
from ledger.standing import (
    ACTIVE,
    CREATE,
    ENROL,
    ENROL_PROOF,
    ERASED,
    GET,
    ORDER,
    REVOKED,
    STANDING,
    STATES,
    UNLOCK,
    Credential,
)
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
LATE_MS_MAX: Final = 10_000  # from the answer's arrival to its durable entry
_RESTATED: Final = re.compile(rb'"ev":"(?:restate|prune)"')


@dataclass(frozen=True, slots=True)
class Finding:
    """An entry that does not prove what it claims."""

    n: int
    text: str


@dataclass(slots=True)
class Replay:
    """The state of the door after the entries seen so far.

    Attributes:
        openings: how many openings were checked, good or not.
        gaps: entries that rest on what stands before the file's first entry.
        first: from where this replay speaks.
        standing: entries that hold until the next of their kind and subject; they
            prove nothing, and a prune keeps them.
        bases: for each restated entry, the root that its proof leads to.
    """

    findings: list[Finding] = field(default_factory=list)
    gaps: list[Finding] = field(default_factory=list)
    openings: int = 0
    enrolments: int = 0
    first: int = -1
    credentials: dict[str, Credential] = field(default_factory=dict)
    holders: dict[str, tuple[Any, int]] = field(default_factory=dict)
    config: tuple[dict[str, Any], int] | None = None
    place: tuple[dict[str, Any], int] | None = None
    standing: dict[tuple[str, str], int] = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    bases: list[tuple[int, bytes]] = field(default_factory=list)
    _base: int = 0
    _is_stretch: bool = False
    _challenges: set[bytes] = field(default_factory=set)

    def foresee(self, base: int, bodies: Iterable[bytes]) -> None:
        """Take what a pruned file restates, before its first entry is replayed.

        A prune says at its end what held at its base, and the entries between the two
        rest on it. `bodies` are the file's entries from `base` on. A file that begins
        later and was not pruned there is a stretch: what it lacks is no lie.
        """
        self._base, self._is_stretch = base, True
        for body in bodies:
            if _RESTATED.search(body) is None:
                continue
            with suppress(EntryError):  # which is said when its turn comes
                entry = parse_entry(body)
                if entry.what.get("base") == base:
                    self._foresee(entry)

    def _foresee(self, entry: Entry) -> None:
        try:
            if entry.ev == RESTATE:
                root = restated_root(entry.what, *repeated(entry))
                self.bases.append((entry.n, root))
                self._recall(entry)
            elif entry.ev == PRUNE:
                self._is_stretch = False
        except LedgerError as error:
            _report(self.findings, entry.n, str(error))

    def on_entry(self, n: int, body: bytes, _leaf: bytes) -> None:
        """Take the next entry; for `verify_lines(on_entry=…)`."""
        if self.first < 0:
            self.first = n
        try:
            entry = parse_entry(body)
            self.replay(entry)
            self.orders.judge(entry, is_whole=not self._base)
        except UnjudgedError as error:
            _report(self.gaps, n, str(error))
        except LedgerError as error:
            _report(self.findings, n, str(error))

    def replay(self, entry: Entry) -> None:
        """Take an entry, or one that was restated.

        Raises:
            EvidenceError: it does not prove what it claims.
        """
        if entry.ev in STANDING:
            subject = entry.what.get(STANDING[entry.ev], "")
            self.standing[entry.ev, str(subject)] = entry.n
        match entry.ev:
            case "config":
                self.config = entry.what, entry.n
            case "boot":
                self.place = entry.what, entry.n
            case "holder" | "erase":
                self._set_holder(entry)
            case "enrol":
                self.enrolments += 1
                self._grounds()
                self._enrol(entry)
            case "credential.state":
                self._set_state(entry)
            case "door.grant":
                self.openings += 1
                self._grounds()
                self._grant(entry)
            case "order.signed":
                self._sign(entry)
            case _:
                pass  # a restatement takes effect where its own place is gone

    def _set_holder(self, entry: Entry) -> None:
        name = text_of(entry.what, "holder")
        if self.holders.get(name, ("", 0))[0] == ERASED:
            raise EvidenceError("a holder who was erased is registered again.")
        state = ERASED if entry.ev == "erase" else entry.what.get("state")
        self.holders[name] = state, entry.n

    def live(self) -> list[int]:
        """Return the entries that a pruned ledger must restate, oldest first."""
        numbers = {n for _, n in self.holders.values()}
        numbers |= {known[1] for known in (self.config, self.place) if known}
        numbers |= set(self.standing.values())
        for credential in self.credentials.values():
            numbers |= {
                credential.entry,
                credential.state_entry,
                credential.counter_entry,
            }
        return sorted(numbers - {-1})

    def _recall(self, entry: Entry, repeats: Entry | None = None) -> None:
        """An old entry, repeated because its own place was pruned.

        It takes effect by its proven place in the signed history before the base; the
        config of its time may be gone, so its evidence is not judged a second time.
        """
        old, _ = repeated(repeats or entry)
        moved = dataclasses.replace(old, n=entry.n)
        match old.ev:
            case "restate":
                self._recall(entry, old)
            case "door.grant" | "order.signed":
                self._set_counter(moved)
            case "enrol":
                self._take_enrolment(moved)
            case _:
                self.replay(moved)
        self.orders.recall(moved)

    def check_bases(self, size: int, root: bytes) -> None:
        """Report restated entries that did not stand under this file's base."""
        for n, proved in self.bases:
            if (self._base, proved) != (size, root):
                text = "what it restates did not stand before the base."
                _report(self.findings, n, text)

    def _absent(self, text: str) -> EvidenceError:
        """Return why an entry proves nothing, or cannot be judged from this file."""
        if not self._is_stretch:
            return EvidenceError(text)
        return UnjudgedError(
            f"it rests on entries before entry {self._base}, where this file begins."
        )

    def _known(self, what: dict[str, Any], text: str) -> Credential:
        credential = self.credentials.get(text_of(what, "credential"))
        if credential is None:
            raise self._absent(text)
        return credential

    def _set_counter(self, grant: Entry) -> None:
        credential = self.credentials.get(text_of(grant.what, "credential"))
        if credential is None:
            raise EvidenceError("a restated opening names no key.")
        credential.counter = integer_of(grant.what, "counter")
        credential.counter_entry = grant.n

    def _set_state(self, entry: Entry) -> None:
        credential = self._known(
            entry.what, "the state of a key that was never enrolled changes."
        )
        if credential.state == REVOKED:
            raise EvidenceError("the state of a revoked key changes.")
        state = text_of(entry.what, "state")
        if state not in STATES:
            raise EvidenceError("a key gets a state that no key has.")
        credential.state, credential.state_entry = state, entry.n

    def _enrol(self, entry: Entry) -> None:
        what = entry.what
        name = text_of(what, "credential")
        known = self.credentials.get(name)
        if known is not None and known.state != REVOKED:
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
        if self._answered(proof, cose) != integer_of(what, "counter"):
            raise EvidenceError("the entry's counter is not the one that was signed.")
        self._take_enrolment(entry)

    def _take_enrolment(self, entry: Entry) -> None:
        what = entry.what
        self.credentials[text_of(what, "credential")] = Credential(
            text_of(what, "holder"),
            unbase64url(what.get("public_key")),
            integer_of(what, "counter"),
            entry.n,
            integer_of(what, "until_ms"),
        )

    def _attested(
        self, creation: Assertion, entry: Entry, identifier: bytes, cose: bytes
    ) -> None:
        _, settings = self._grounds()
        attestation = parse_cbor(creation.data)
        if not isinstance(attestation, dict) or attestation.get("fmt") != "packed":
            raise EvidenceError("the attestation is not of the format packed.")
        raw = attestation.get("authData")
        raw = raw if isinstance(raw, bytes) else b""
        data = parse_authenticator_data(raw)
        self._flags(data.rp_id_hash, data.flags, FLAG_ATTESTED)
        if (data.credential, data.public_key) != (identifier, cose):
            raise EvidenceError("the attestation is of another key.")
        models = [unbase64url(text) for text in list_of(settings, "aaguids")]
        if data.aaguid not in models or data.aaguid != unbase64url(
            entry.what.get("aaguid")
        ):
            raise EvidenceError("the attestation is of a model that was not allowed.")
        check_attestation(
            attestation.get("attStmt"),
            raw + creation.client_hash,
            data.aaguid,
            [unbase64url(text) for text in list_of(settings, "trust")],
            entry.stamp.at_ms,
        )

    def _grant(self, entry: Entry) -> None:
        what = entry.what
        credential = self._known(
            what, "the door was opened by a key that was never enrolled."
        )
        answer = read_evidence(what.get("evidence"), GET)
        identifier = unbase64url(what.get("credential"))
        self._bound(answer, UNLOCK, entry.stamp, identifier)
        counter = self._answered(answer, credential.public_key)
        if what.get("door") != answer.binding.get("door"):
            raise EvidenceError("the entry names another door than the challenge.")
        if what.get("holder") != credential.holder:
            raise EvidenceError("the key belongs to another holder.")
        if counter != integer_of(what, "counter"):
            raise EvidenceError("the entry's counter is not the one that was signed.")
        credential.rise(counter, entry.n)
        state, _ = self.holders.get(credential.holder, (None, -1))
        if state is None:
            raise self._absent("the door was opened for a holder that is not known.")
        if credential.state != ACTIVE or state != ACTIVE:
            raise EvidenceError(
                "the door was opened by a key that was not active: "
                f"key {credential.state}, holder {state}."
            )
        if 0 < credential.until_ms <= entry.stamp.at_ms:
            raise EvidenceError("the door was opened by a key that had expired.")

    def _sign(self, entry: Entry) -> None:
        what = entry.what
        credential = self._known(what, "an order was signed by a key never enrolled.")
        answer = read_evidence(what.get("evidence"), GET)
        self._bound(answer, ORDER, entry.stamp, unbase64url(what.get("credential")))
        counter = self._answered(answer, credential.public_key)
        holder, _ = self.holders.get(credential.holder, (None, -1))
        if credential.state != ACTIVE or holder != ACTIVE:
            raise EvidenceError("an order was signed by a key that was not active.")
        credential.rise(counter, entry.n)
        self.orders.sign(entry, credential.holder, answer.binding.get("order"))

    def _grounds(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what was said of the door, and by what to judge."""
        if self.place is None:
            raise self._absent("no boot entry says which door this is.")
        if self.config is None:
            raise self._absent("no config entry says by what to judge.")
        return self.place[0], self.config[0]

    def _bound(
        self, answer: Assertion, purpose: str, stamp: Stamp, identifier: bytes | None
    ) -> None:
        """Check what the challenge was bound to, and that it is new."""
        binding = answer.binding
        digest = hashlib.sha256(identifier).hexdigest() if identifier else None
        here, _ = self._grounds()
        wanted = {
            "purpose": purpose,
            "credential": digest,
            "site": here.get("site"),
            "gateway": here.get("gateway"),
            "door": here.get("door"),
        }
        for name, value in wanted.items():
            if binding.get(name) != value:
                raise EvidenceError(f"the challenge was bound to another {name}.")
        if integer_of(binding, "v") != 1:
            raise EvidenceError("the challenge is of another version.")
        issued, expires = integer_of(binding, "issued"), integer_of(binding, "expires")
        is_late = purpose in {UNLOCK, ORDER} and stamp.up_ms > expires + LATE_MS_MAX
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
        domain = text_of(self._grounds()[1], "rp_id").encode()
        if rp_id_hash != hashlib.sha256(domain).digest():
            raise EvidenceError("the answer is for another domain.")
        if not flags & FLAG_PRESENT:
            raise EvidenceError("nobody was present.")
        if not flags & FLAG_VERIFIED:
            raise EvidenceError("the key had not verified its user.")
        if flags & FLAG_ATTESTED != attested:
            raise EvidenceError("the answer is of another kind.")


def _report(findings: list[Finding], n: int, text: str) -> None:
    if len(findings) < FINDINGS_MAX:
        findings.append(Finding(n, text))
