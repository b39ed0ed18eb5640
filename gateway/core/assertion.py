"""The answer to a challenge: the only maker of Verified.

Verify, then believe. An answer is good only if all of these hold; each is one rule, one
DenialReason and one attack in tests/attacks:

     1  the challenge is one of ours              CHALLENGE_UNKNOWN
     2  it was not answered before                CHALLENGE_USED
     3  it has not expired                        CHALLENGE_EXPIRED
     4  this answer was never seen before         ANSWER_REPLAYED
     5  clientDataJSON is well-formed             CLIENT_DATA_INVALID
     6  it is of this ceremony, for this purpose  TYPE_MISMATCH
     7  it holds this challenge                   CHALLENGE_MISMATCH
     8  it names this site and door, unframed     ORIGIN_MISMATCH
     9  authenticatorData is well-formed          AUTHENTICATOR_DATA_INVALID
    10  it is for this site's domain              RP_ID_MISMATCH
    11  somebody was present                      USER_NOT_PRESENT
    12  the key recognised the finger             USER_NOT_VERIFIED
    13  the credential asked for answered         CREDENTIAL_MISMATCH
    14  it is enrolled                            CREDENTIAL_UNKNOWN
    15  its algorithm is ES256 or EdDSA           ALGORITHM_NOT_ALLOWED
    16  the signature is its own                  SIGNATURE_INVALID
    17  its counter rose                          COUNTER_NOT_RISING
    18  it is neither suspended, revoked          CREDENTIAL_SUSPENDED, _REVOKED,
        nor expired                               _EXPIRED

The challenge is spent before rule 4, whatever comes of the answer. Rule 14 stands where
it does because nothing can be checked without a key; a credential's state comes last,
so that only the key itself learns it. Source: WebAuthn L3 §7.2 and PROTOCOL.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeAlias

from gateway.core import authenticator_data, client_data
from gateway.core.authenticator_data import AuthenticatorData
from gateway.core.challenge import Binding, Challenge, ChallengeBook, Purpose
from gateway.core.client_data import ClientData
from gateway.core.denial import Deny, SignedAnswer
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.ids import CredentialId, DoorId, HolderId, Now
from gateway.core.provenance import Evidence, Maker
from gateway.core.registry import Credential

SIGNATURE_BYTES_MAX: Final = 128
"""Ours: an ES256 signature in DER has at most 72 bytes, an Ed25519 one 64."""


@dataclass(frozen=True, slots=True, eq=False)
class Verified(Evidence):
    """An answer that kept every rule. Made only here.

    Attributes:
        counter: what the key's counter has risen to; 0 where the key has none.
        challenge: the 32 bytes that were signed about.
        verified_up_ms: when, in milliseconds since boot.
    """

    credential_id: CredentialId
    holder_id: HolderId
    door: DoorId
    purpose: Purpose
    counter: int
    challenge: bytes
    binding: Binding
    client_data_json: bytes
    authenticator_data: bytes
    signature: bytes
    verified_up_ms: int

    @property
    def answer(self) -> SignedAnswer:
        """What a stranger needs to check it again."""
        return SignedAnswer(
            self.binding,
            self.client_data_json,
            self.authenticator_data,
            self.signature,
        )


_VERIFIED: Final = Maker(Verified)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from the key, as it came.

    Attributes:
        client_data_json: the bytes whose hash the key was given.
    """

    authenticator_data: bytes
    signature: bytes
    credential_id: CredentialId
    client_data_json: bytes

    @property
    def digest(self) -> bytes:
        """What a replayed answer has in common with its first appearance."""
        return sha256(
            len(self.signature).to_bytes(4, "big")
            + self.signature
            + self.authenticator_data
        ).digest()


@dataclass(slots=True)
class Case:
    """One answer before its rules, each part of it parsed once.

    Attributes:
        client: what clientDataJSON says, or None where it is malformed.
        data: what authenticatorData says; None where malformed or a new credential's.
    """

    challenge: Challenge
    answer: Answer
    credential: Credential | None
    purpose: Purpose
    now: Now
    client: ClientData | None = field(init=False)
    data: AuthenticatorData | None = field(init=False)

    def __post_init__(self) -> None:
        self.client = client_data.parse(self.answer.client_data_json)
        parsed = authenticator_data.parse(self.answer.authenticator_data)
        self.data = None if parsed is None or parsed.attested is not None else parsed


def verify(
    book: ChallengeBook,
    challenge_digest: bytes,
    answer: Answer,
    credential: Credential | None,
    expected: Purpose,
    now: Now,
) -> Verified | Deny:
    """Judge an answer by the rules above.

    Args:
        book: where the question was opened.
        challenge_digest: `Challenge.digest` of the question.
        answer: what the key sent.
        credential: the registry's, for the credential id that was asked for.
        expected: the one purpose that this caller accepts.
        now: when the answer had arrived in full.

    Returns:
        The evidence, or the first rule that does not hold. On COUNTER_NOT_RISING the
        caller suspends the credential and raises the alarm.
    """
    challenge = book.redeem(challenge_digest, now)
    if isinstance(challenge, DenialReason):
        return Deny(challenge, book.place.door, answer.credential_id)
    case = Case(challenge, answer, credential, expected, now)
    if not book.spend_answer(answer.digest):
        return _deny(case, DenialReason.ANSWER_REPLAYED)
    reason = next(broken_rules(case), None)
    if reason is not None or case.credential is None or case.data is None:
        return _deny(case, reason or DenialReason.CREDENTIAL_UNKNOWN)
    return Verified(
        _VERIFIED,
        credential_id=case.credential.id,
        holder_id=case.credential.holder_id,
        door=challenge.binding.door,
        purpose=challenge.purpose,
        counter=case.data.counter,
        challenge=challenge.digest,
        binding=challenge.binding,
        client_data_json=answer.client_data_json,
        authenticator_data=answer.authenticator_data,
        signature=answer.signature,
        verified_up_ms=now.up_ms,
    )


def broken_rules(case: Case) -> Iterator[DenialReason]:
    """Yield the reason of every rule from 5 to 18 that does not hold, in order."""
    for rule in _RULES:
        reason = rule(case)
        if reason is not None:
            yield reason


def _client_data_well_formed(case: Case) -> DenialReason | None:
    return None if case.client else DenialReason.CLIENT_DATA_INVALID


def _type(case: Case) -> DenialReason | None:
    asked = client_data.TYPE_GET
    same = case.client is not None and case.client.type == asked
    wanted = case.challenge.purpose is case.purpose is not Purpose.ENROL
    return None if same and wanted else DenialReason.TYPE_MISMATCH


def _challenge(case: Case) -> DenialReason | None:
    same = case.client is not None and case.client.challenge == case.challenge.digest
    return None if same else DenialReason.CHALLENGE_MISMATCH


def _origin(case: Case) -> DenialReason | None:
    client = case.client
    same = (
        client is not None
        and client.origin == case.challenge.origin
        and not client.embedded
    )
    return None if same else DenialReason.ORIGIN_MISMATCH


def _authenticator_data_well_formed(case: Case) -> DenialReason | None:
    return None if case.data else DenialReason.AUTHENTICATOR_DATA_INVALID


def _rp_id(case: Case) -> DenialReason | None:
    expected = case.challenge.place.rp_id_hash
    same = case.data is not None and case.data.rp_id_hash == expected
    return None if same else DenialReason.RP_ID_MISMATCH


def _user_present(case: Case) -> DenialReason | None:
    present = case.data is not None and case.data.user_present
    return None if present else DenialReason.USER_NOT_PRESENT


def _user_verified(case: Case) -> DenialReason | None:
    verified = case.data is not None and case.data.user_verified
    return None if verified else DenialReason.USER_NOT_VERIFIED


def _credential_asked_for(case: Case) -> DenialReason | None:
    asked = case.challenge.credential_id
    same = case.answer.credential_id == asked and (
        case.credential is None or case.credential.id == asked
    )
    return None if same else DenialReason.CREDENTIAL_MISMATCH


def _credential_known(case: Case) -> DenialReason | None:
    return None if case.credential else DenialReason.CREDENTIAL_UNKNOWN


def _algorithm(case: Case) -> DenialReason | None:
    allowed = case.credential is not None and case.credential.algorithm is not None
    return None if allowed else DenialReason.ALGORITHM_NOT_ALLOWED


def _signature(case: Case) -> DenialReason | None:
    answer = case.answer
    good = (
        case.credential is not None
        and len(answer.signature) <= SIGNATURE_BYTES_MAX
        and case.credential.public_key.verify(
            answer.signature,
            answer.authenticator_data + sha256(answer.client_data_json).digest(),
        )
    )
    return None if good else DenialReason.SIGNATURE_INVALID


def _counter(case: Case) -> DenialReason | None:
    rose = (
        case.credential is not None
        and case.data is not None
        and case.credential.accepts(case.data.counter)
    )
    return None if rose else DenialReason.COUNTER_NOT_RISING


CREDENTIAL_DENIALS: Final = {
    CredentialState.ACTIVE: None,
    CredentialState.SUSPENDED: DenialReason.CREDENTIAL_SUSPENDED,
    CredentialState.REVOKED: DenialReason.CREDENTIAL_REVOKED,
    CredentialState.EXPIRED: DenialReason.CREDENTIAL_EXPIRED,
}


def _state(case: Case) -> DenialReason | None:
    if case.credential is None:
        return DenialReason.CREDENTIAL_UNKNOWN
    return CREDENTIAL_DENIALS[case.credential.state_at(case.now.wall_ms)]


Rule: TypeAlias = Callable[[Case], DenialReason | None]

_RULES: Final[tuple[Rule, ...]] = (
    _client_data_well_formed,
    _type,
    _challenge,
    _origin,
    _authenticator_data_well_formed,
    _rp_id,
    _user_present,
    _user_verified,
    _credential_asked_for,
    _credential_known,
    _algorithm,
    _signature,
    _counter,
    _state,
)
"""Rules 5 to 18, in order. Each answers for itself alone, whatever the others say."""

_AFTER_THE_COUNTER: Final = frozenset(CREDENTIAL_DENIALS.values())


def _signed_answer(case: Case) -> SignedAnswer:
    return SignedAnswer(
        case.challenge.binding,
        case.answer.client_data_json,
        case.answer.authenticator_data,
        case.answer.signature,
    )


def _deny(case: Case, reason: DenialReason) -> Deny:
    credential = case.credential
    authentic = reason in _AFTER_THE_COUNTER and case.data is not None
    return Deny(
        reason=reason,
        door=case.challenge.binding.door,
        credential_id=case.answer.credential_id,
        holder_id=credential.holder_id if credential else None,
        counter=case.data.counter if authentic and case.data else None,
        answer=_signed_answer(case),
    )
