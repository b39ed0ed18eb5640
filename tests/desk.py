"""A door with one holder and one key in it, for tests of the core: no I/O, no clock."""

import struct
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gateway.core.assertion import Answer, Verified, verify
from gateway.core.challenge import Challenge, ChallengeBook, Place, Purpose
from gateway.core.denial import Deny
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.ids import (
    CredentialId,
    DoorId,
    GatewayId,
    GroupId,
    HolderId,
    Now,
    ScheduleId,
    SiteId,
)
from gateway.core.policy import Access, DoorPolicy, Grant, decide
from gateway.core.public_key import PublicKey
from gateway.core.registry import Credential, Holder, Registry
from gateway.core.schedule import Schedule

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
NOON_MS = 1_785_405_600_000  # Thursday 2026-07-30 12:00 in Berlin
FRONT = DoorId("front")
HOLDER = HolderId("h-1")
STAFF = GroupId("staff")
OFFICE = ScheduleId("office")
OTHER_CREDENTIAL = CredentialId(b"\x99" * 32)


def at(up_ms: int = 1_000, wall_ms: int = NOON_MS, err_ms: int = 5) -> Now:
    """One reading of the clocks."""
    return Now(up_ms=up_ms, wall_ms=wall_ms, err_ms=err_ms, boot="0123456789abcdef")


def p256_cose(key: ec.EllipticCurvePublicKey) -> bytes:
    """The COSE key of a P-256 key, alg ES256."""
    numbers = key.public_numbers()
    return (
        bytes.fromhex("a5010203262001215820")
        + numbers.x.to_bytes(32, "big")
        + bytes.fromhex("225820")
        + numbers.y.to_bytes(32, "big")
    )


def ed25519_cose(key: ed25519.Ed25519PublicKey) -> bytes:
    """The COSE key of an Ed25519 key, alg EdDSA."""
    return bytes.fromhex("a4010103272006215820") + key.public_bytes_raw()


def sign(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, m: bytes
) -> bytes:
    """Sign as a credential would."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(m)
    return key.sign(m, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def key_number(n: int) -> ec.EllipticCurvePrivateKey:
    """A P-256 key that is the same in every run."""
    return ec.derive_private_key(1_000_003 * n + 7, ec.SECP256R1())


def authenticator_data(
    rp_id: str, counter: int, flags: int = UP | UV, rest: bytes = b""
) -> bytes:
    """Bytes as of WebAuthn L3 §6.1."""
    return sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, counter) + rest


@dataclass
class SoftKey:
    """A key that answers as it is told, honestly by default."""

    id: CredentialId = field(default_factory=lambda: CredentialId(b"\x11" * 32))
    private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(
        default_factory=lambda: key_number(1)
    )
    counter: int = 0

    @property
    def cose(self) -> bytes:
        """The public key that was enrolled."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return ed25519_cose(self.private.public_key())
        return p256_cose(self.private.public_key())

    def answer(
        self,
        challenge: Challenge,
        *,
        rp_id: str | None = None,
        counter: int | None = None,
        flags: int = UP | UV,
        rest: bytes = b"",
        client_data_json: bytes | None = None,
    ) -> Answer:
        """Sign the question, or whatever is given instead of its parts."""
        self.counter += 1
        raw = client_data_json or challenge.client_data_json
        data = authenticator_data(
            challenge.rp_id if rp_id is None else rp_id,
            self.counter if counter is None else counter,
            flags,
            rest,
        )
        return Answer(
            data, sign(self.private, data + sha256(raw).digest()), self.id, raw
        )


def place(door: DoorId = FRONT, rp_id: str = "door.example") -> Place:
    """Where the questions are asked."""
    return Place(SiteId("site"), GatewayId("gw-1"), door, rp_id)


class Desk:
    """The pure half of a gateway, with one holder enrolled."""

    def __init__(self, key: SoftKey | None = None, door: DoorId = FRONT) -> None:
        self.key = key or SoftKey()
        self.place = place(door)
        self.book = ChallengeBook(self.place)
        self.registry = Registry()
        self.nonces = 0
        self.policy = DoorPolicy(
            door=door,
            access=(Access(STAFF, OFFICE),),
            schedules={OFFICE: Schedule.parse("Mon-Fri 08:00-18:00")},
            zone=ZoneInfo("Europe/Berlin"),
            release_ms=5_000,
        )
        self.tell("holder", self.holder().row())
        self.tell("enrol", self.enrolled().row())

    def tell(self, ev: str, what: Any) -> None:
        """Fold one entry."""
        self.registry.apply(self.registry.entries, ev, what)

    def holder(self, **changes: Any) -> Holder:
        """The holder as first registered, with changes."""
        holder = Holder(HOLDER, "0" * 64, (STAFF,), 0, 0, suspended=False)
        return replace(holder, **changes)

    def enrolled(self, **changes: Any) -> Credential:
        """The credential as first registered, with changes."""
        credential = Credential(
            id=self.key.id,
            holder_id=HOLDER,
            public_key=PublicKey(self.key.cose),
            aaguid=b"\x22" * 16,
            model="KEYRA One",
            counter=0,
            state=CredentialState.ACTIVE,
        )
        return replace(credential, **changes)

    @property
    def credential(self) -> Credential:
        """The credential as it stands."""
        credential = self.registry.credential(self.key.id)
        assert credential is not None
        return credential

    def nonce(self) -> bytes:
        """32 bytes never given before."""
        self.nonces += 1
        return self.nonces.to_bytes(32, "big")

    def ask(self, now: Now | None = None, **how: Any) -> Challenge:
        """Open a question to the key."""
        how.setdefault("credential_id", self.key.id)
        return self.book.issue(now or at(), self.nonce(), **how)

    def judge(
        self,
        challenge: Challenge,
        answer: Answer,
        now: Now | None = None,
        **how: Any,
    ) -> Verified | Deny:
        """Verify an answer, for the credential as it stands unless told otherwise."""
        how.setdefault("credential", self.registry.credential(self.key.id))
        how.setdefault("expected", Purpose.DOOR_UNLOCK)
        return verify(self.book, challenge.digest, answer, now=now or at(1_001), **how)

    def verified(self, now: Now | None = None) -> Verified:
        """One honest touch."""
        now = now or at()
        challenge = self.ask(now)
        outcome = self.judge(challenge, self.key.answer(challenge), now)
        assert isinstance(outcome, Verified), outcome
        return outcome

    def decide(self, now: Now | None = None) -> Grant | Deny:
        """One honest touch, decided."""
        now = now or at()
        return decide(self.verified(now), self.registry, self.policy, now)

    def granted(self, now: Now | None = None) -> Grant:
        """One honest touch that is let in."""
        outcome = self.decide(now)
        assert isinstance(outcome, Grant), outcome
        return outcome


def reason(outcome: Verified | Grant | Deny) -> DenialReason | None:
    """Why it was denied, if it was."""
    return outcome.reason if isinstance(outcome, Deny) else None
