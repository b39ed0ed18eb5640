r"""Questions: what a challenge is bound to, and the book of those still open.

    challenge = SHA-256("keyra/challenge/v1\0" ‖ canonical(binding))

A challenge is answered at most once: the book forgets it before anything about the
answer is verified, so that two answers to one challenge cost one verification.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Final, TypeVar

from gateway.core import client_data
from gateway.core.encoding import Json, canonical, to_base64url
from gateway.core.facts import DenialReason
from gateway.core.ids import (
    CREDENTIAL_ID_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MIN,
    CredentialId,
    DoorId,
    GatewayId,
    HolderId,
    Now,
    SiteId,
    is_identifier,
)
from gateway.errors import EvidenceError

CHALLENGE_PREFIX: Final = b"keyra/challenge/v1\0"
BINDING_VERSION: Final = 1
NONCE_BYTES: Final = 32
DOOR_LIFE_MS: Final = 15_000
"""How long a door waits for the finger, unless the site says otherwise."""
LIFE_MS_MAX: Final = 120_000
OPEN_MAX: Final = 64
CLOSED_MAX: Final = 4_096
ANSWERS_MAX: Final = 4_096


_DIGEST: Final = bytes(32)


class Purpose(Enum):
    """What the holder's touch is for. A door session asks for DOOR_UNLOCK only."""

    DOOR_UNLOCK = "door.unlock"
    ENROL = "enrol"
    ENROL_PROOF = "enrol.proof"
    ADMIN_ORDER = "admin.order"
    TRIAL = "trial"  # nothing follows from it


@dataclass(frozen=True, slots=True)
class Place:
    """Who asks, and where.

    Attributes:
        rp_id: the site's domain, lower case (WebAuthn L3 §4, "RP ID").

    Raises:
        EvidenceError: an identifier is not one of gateway.core.ids.
    """

    site: SiteId
    gateway: GatewayId
    door: DoorId
    rp_id: str

    def __post_init__(self) -> None:
        for name in (self.site, self.gateway, self.door):
            if not is_identifier(name):
                raise EvidenceError(f"{name!r} is no identifier for a challenge.")

    @property
    def origin(self) -> str:
        """The origin that stands in clientDataJSON."""
        return f"keyra://{self.site}/{self.door}"

    @property
    def rp_id_hash(self) -> bytes:
        """The 32 bytes with which authenticatorData begins."""
        return sha256(self.rp_id.encode()).digest()


@dataclass(frozen=True, slots=True)
class Binding:
    """What one challenge is bound to; stands in the ledger beside its answer.

    Attributes:
        credential: SHA-256 of the credential id; None while there is none (ENROL).
        holder: the pseudonym for whom a key is enrolled; ENROL only.
        nonce: 32 bytes that nobody could guess.
        issued_ms, expires_ms: milliseconds since boot.
        order: SHA-256 of what is ordered; ADMIN_ORDER only.

    Raises:
        EvidenceError: a nonce of another length, or a life that is none.
    """

    purpose: Purpose
    site: SiteId
    gateway: GatewayId
    door: DoorId
    credential: bytes | None
    nonce: bytes
    issued_ms: int
    expires_ms: int
    holder: HolderId | None = None
    order: bytes | None = None
    v: int = BINDING_VERSION

    def __post_init__(self) -> None:
        if len(self.nonce) != NONCE_BYTES:
            raise EvidenceError(
                f"A challenge needs {NONCE_BYTES} random bytes; {len(self.nonce)} came."
            )
        if not 0 < self.expires_ms - self.issued_ms <= LIFE_MS_MAX:
            raise EvidenceError(
                f"A challenge lives for 1 to {LIFE_MS_MAX} ms, not "
                f"{self.expires_ms - self.issued_ms} ms."
            )
        enrols = self.purpose is Purpose.ENROL
        if enrols is (self.credential is not None) or enrols is (self.holder is None):
            raise EvidenceError(
                "A challenge names the holder to enrol, or else the key that it asks."
            )
        orders = self.purpose is Purpose.ADMIN_ORDER
        if orders is (self.order is None) or len(self.order or _DIGEST) != len(_DIGEST):
            raise EvidenceError(
                "A challenge names what is ordered by 32 bytes, if it is for an order."
            )

    def members(self) -> dict[str, Json]:
        """Return the object that stands in the ledger."""
        members: dict[str, Json] = {
            "door": self.door,
            "expires": self.expires_ms,
            "gateway": self.gateway,
            "issued": self.issued_ms,
            "nonce": to_base64url(self.nonce),
            "purpose": self.purpose.value,
            "site": self.site,
            "v": self.v,
        }
        if self.credential is not None:
            members["credential"] = self.credential.hex()
        if self.holder is not None:
            members["holder"] = self.holder
        if self.order is not None:
            members["order"] = self.order.hex()
        return members

    def canonical(self) -> bytes:
        """Return the bytes that are hashed: canonical JSON (RFC 8785)."""
        return canonical(self.members())

    def challenge(self) -> bytes:
        """Return the challenge, 32 bytes."""
        return sha256(CHALLENGE_PREFIX + self.canonical()).digest()


@dataclass(frozen=True, slots=True)
class Challenge:
    """One question, ready to be sent.

    Attributes:
        digest: the challenge itself, 32 bytes; names the question in the book.
        credential_id: whose answer is wanted; None for ENROL.
        client_data_json: the bytes whose hash the key signs.
        client_data_hash: that hash, SHA-256.
    """

    binding: Binding
    digest: bytes
    credential_id: CredentialId | None
    place: Place
    client_data_json: bytes
    client_data_hash: bytes

    @property
    def purpose(self) -> Purpose:
        """What the touch is for."""
        return self.binding.purpose

    @property
    def expires_ms(self) -> int:
        """From when on an answer is too late, milliseconds since boot."""
        return self.binding.expires_ms

    @property
    def rp_id(self) -> str:
        """The relying party id to send along."""
        return self.place.rp_id

    @property
    def origin(self) -> str:
        """The origin that clientDataJSON names."""
        return self.place.origin


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ChallengeBook:
    """The open questions of one place. Every memory in it is bounded.

    Rules:
      - a question leaves the book with its first answer, its expiry, or its successor;
      - one open question per credential and purpose: a new one withdraws the old;
      - when the book is full, the oldest question gives way;
      - of questions that left, the last `closed_max` are remembered with the reason;
        an older one is as unknown as one never asked;
      - of answers, the last `answers_max` are remembered by their digest.
    """

    def __init__(
        self,
        place: Place,
        *,
        open_max: int = OPEN_MAX,
        closed_max: int = CLOSED_MAX,
        answers_max: int = ANSWERS_MAX,
    ) -> None:
        self.place: Final = place
        self._open_max: Final = open_max
        self._closed_max: Final = closed_max
        self._answers_max: Final = answers_max
        self._open: Final[OrderedDict[bytes, Challenge]] = OrderedDict()
        self._closed: Final[OrderedDict[bytes, DenialReason]] = OrderedDict()
        self._answers: Final[OrderedDict[bytes, None]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many questions are open."""
        return len(self._open)

    def issue(
        self,
        now: Now,
        nonce: bytes,
        *,
        purpose: Purpose = Purpose.DOOR_UNLOCK,
        credential_id: CredentialId | None = None,
        holder: HolderId | None = None,
        order: bytes | None = None,
        life_ms: int = DOOR_LIFE_MS,
    ) -> Challenge:
        """Open a new question.

        Args:
            now: when.
            nonce: 32 fresh random bytes.
            purpose: what the touch is for.
            credential_id: whose answer is wanted; None for ENROL.
            holder: for whom a key is enrolled; ENROL only.
            order: SHA-256 of what is ordered; ADMIN_ORDER only.
            life_ms: from now to its expiry, up to `LIFE_MS_MAX`.

        Raises:
            EvidenceError: one of these does not make a question.
        """
        challenge = self._challenge(
            Binding(
                purpose=purpose,
                site=self.place.site,
                gateway=self.place.gateway,
                door=self.place.door,
                credential=_credential_hash(credential_id),
                nonce=nonce,
                issued_ms=now.up_ms,
                expires_ms=now.up_ms + life_ms,
                holder=holder,
                order=order,
            ),
            credential_id,
        )
        if challenge.digest in self._open or challenge.digest in self._closed:
            raise EvidenceError("The random source repeats itself; ask no question.")
        for other in list(self._open.values()):
            if (other.credential_id, other.purpose) == (credential_id, purpose):
                self._close(other, DenialReason.CHALLENGE_EXPIRED)
        while len(self._open) >= self._open_max:
            self._close(next(iter(self._open.values())), DenialReason.CHALLENGE_EXPIRED)
        self._open[challenge.digest] = challenge
        return challenge

    def redeem(self, digest: bytes, now: Now) -> Challenge | DenialReason:
        """Take a question out of the book, because an answer to it has come.

        Returns:
            The question, which is then closed whatever becomes of the answer; or
            CHALLENGE_UNKNOWN, CHALLENGE_USED or CHALLENGE_EXPIRED.
        """
        challenge = self._open.get(digest)
        if challenge is None:
            return self._closed.get(digest, DenialReason.CHALLENGE_UNKNOWN)
        if now.up_ms >= challenge.expires_ms:
            self._close(challenge, DenialReason.CHALLENGE_EXPIRED)
            return DenialReason.CHALLENGE_EXPIRED
        self._close(challenge, DenialReason.CHALLENGE_USED)
        return challenge

    def expire(self, now: Now) -> list[Challenge]:
        """Close every question whose time is over, and return them."""
        over = [c for c in self._open.values() if now.up_ms >= c.expires_ms]
        for challenge in over:
            self._close(challenge, DenialReason.CHALLENGE_EXPIRED)
        return over

    def spend_answer(self, digest: bytes) -> bool:
        """Remember an answer by its digest; tell whether it is seen the first time."""
        fresh = digest not in self._answers
        _remember(self._answers, digest, None, self._answers_max)
        return fresh

    def _close(self, challenge: Challenge, reason: DenialReason) -> None:
        del self._open[challenge.digest]
        _remember(self._closed, challenge.digest, reason, self._closed_max)

    def _challenge(
        self, binding: Binding, credential_id: CredentialId | None
    ) -> Challenge:
        digest = binding.challenge()
        kind = (
            client_data.TYPE_CREATE
            if binding.purpose is Purpose.ENROL
            else client_data.TYPE_GET
        )
        raw = client_data.serialise(kind, digest, self.place.origin)
        return Challenge(
            binding, digest, credential_id, self.place, raw, sha256(raw).digest()
        )


def _credential_hash(credential_id: CredentialId | None) -> bytes | None:
    if credential_id is None:
        return None
    if not (CREDENTIAL_ID_BYTES_MIN <= len(credential_id) <= CREDENTIAL_ID_BYTES_MAX):
        raise EvidenceError(
            f"A credential id has {CREDENTIAL_ID_BYTES_MIN} to "
            f"{CREDENTIAL_ID_BYTES_MAX} bytes, not {len(credential_id)}."
        )
    return sha256(credential_id).digest()


def _remember(
    memory: OrderedDict[Key, Value], key: Key, value: Value, count_max: int
) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > count_max:
        memory.popitem(last=False)
