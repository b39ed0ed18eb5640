"""What a key does in the ceremony: makes a credential, and proves that it works.

Both touches answer challenges of their own purposes, so that neither can ever stand in
for the other, or for an opening.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.assertion import Answer, Verified, verify
from gateway.core.attestation import AttestedKey, Trust, verify_attestation
from gateway.core.challenge import NONCE_BYTES, Challenge, ChallengeBook, Purpose
from gateway.core.denial import Deny
from gateway.core.enrolment import WINDOW_MS, EnrolmentFailure
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, HolderId
from gateway.core.registry import Credential
from gateway.ctap.command import (
    CtapCommand,
    PinUvAuth,
    RelyingParty,
    UserEntity,
    get_assertion,
    make_credential,
)
from gateway.ctap.pin_uv import Permission
from gateway.ctap.response import Info, MadeCredential, parse_response
from gateway.ctap.status import CtapStatus
from gateway.errors import (
    AttestationError,
    AuthenticatorError,
    KeyraError,
    LinkError,
    LinkTimeoutError,
)
from gateway.ports import Clock, Entropy, Link
from gateway.service.conversation import converse
from gateway.service.uv_token import ask_info, obtain_proof

TOUCH_MS: Final = 30_000
USER_ID_BYTES: Final = 32

# CTAP 2.2 §8.2: what a key's refusal means in the ceremony. Others are KEY_ERROR.
_REFUSALS: Final[Mapping[int, EnrolmentFailure]] = {
    CtapStatus.UV_INVALID: EnrolmentFailure.FINGER_NOT_RECOGNISED,
    CtapStatus.UV_BLOCKED: EnrolmentFailure.FINGER_BLOCKED,
    CtapStatus.PIN_BLOCKED: EnrolmentFailure.FINGER_BLOCKED,  # §6.1.2 step 11.2
    CtapStatus.OPERATION_DENIED: EnrolmentFailure.DECLINED,
    CtapStatus.USER_ACTION_TIMEOUT: EnrolmentFailure.NO_TOUCH,
    CtapStatus.ACTION_TIMEOUT: EnrolmentFailure.NO_TOUCH,
    CtapStatus.KEEPALIVE_CANCEL: EnrolmentFailure.NO_TOUCH,
    CtapStatus.CREDENTIAL_EXCLUDED: EnrolmentFailure.KEY_ALREADY_ENROLLED,
    CtapStatus.UNSUPPORTED_ALGORITHM: EnrolmentFailure.KEY_NOT_SUITABLE,
    CtapStatus.UNSUPPORTED_OPTION: EnrolmentFailure.KEY_NOT_SUITABLE,
    CtapStatus.INVALID_OPTION: EnrolmentFailure.KEY_NOT_SUITABLE,
}


@dataclass(frozen=True, slots=True)
class EnrolmentRules:
    """What the site asks of a new key.

    Attributes:
        site_name: shown by keys that have a display.
    """

    trust: Trust
    site_name: str
    window_ms: int = WINDOW_MS


class CeremonyFailedError(Exception):
    """The ceremony ends here; never leaves the service."""

    def __init__(self, failure: EnrolmentFailure, detail: str = "") -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.detail = detail


def failure_of(error: KeyraError) -> CeremonyFailedError:
    """Say what a failure of the key or its link means in the ceremony."""
    match error:
        case AuthenticatorError(status=status):
            failure = _REFUSALS.get(status, EnrolmentFailure.KEY_ERROR)
        case LinkTimeoutError():
            failure = EnrolmentFailure.NO_TOUCH
        case LinkError():
            failure = EnrolmentFailure.LINK_LOST
        case _:
            failure = EnrolmentFailure.WIRE_BROKEN
    return CeremonyFailedError(failure)


@dataclass(frozen=True, slots=True)
class Creation:
    """A new credential whose model is proved, with the evidence.

    Attributes:
        info: what the key that made it can do.
    """

    info: Info
    challenge: Challenge
    made: MadeCredential
    key: AttestedKey


class CredentialMaker:
    """Asks a connected key for a credential, and for the proof of it."""

    def __init__(
        self,
        rules: EnrolmentRules,
        book: ChallengeBook,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._rules: Final = rules
        self._book: Final = book
        self._clock: Final = clock
        self._entropy: Final = entropy

    async def create(
        self, link: Link, holder_id: HolderId, exclude: Sequence[CredentialId]
    ) -> Creation:
        """Have the key make a credential, and prove its model.

        Args:
            link: to the key, over its bond.
            holder_id: for whom; all that the key learns of them.
            exclude: credentials that must not be on this key already.

        Raises:
            CeremonyFailedError: the key is not suitable, or its model is not proved.
            LinkError, WireError, AuthenticatorError: the key or its link failed.
        """
        if not self._clock.now().wall_is_trusted:
            raise CeremonyFailedError(EnrolmentFailure.CLOCK_UNTRUSTED)
        info = await ask_info(link, self._clock)
        if not info.verifies_users:
            raise CeremonyFailedError(EnrolmentFailure.KEY_NOT_SUITABLE)
        challenge = self._book.issue(
            self._clock.now(),
            self._entropy.token(NONCE_BYTES),
            purpose=Purpose.ENROL,
            holder=holder_id,
            life_ms=TOUCH_MS,
        )
        pin_uv = await self._verify(link, info, Permission.MAKE_CREDENTIAL, challenge)
        request = self._creation_request(challenge, holder_id, exclude, pin_uv)
        if len(request) > info.request_bytes_max:
            raise CeremonyFailedError(EnrolmentFailure.KEY_NOT_SUITABLE)
        payload = await converse(link, self._clock, request, challenge.expires_ms)
        made = parse_response(CtapCommand.MAKE_CREDENTIAL, payload)
        return Creation(info, challenge, made, self._attest(challenge, made))

    async def _verify(
        self, link: Link, info: Info, permission: Permission, challenge: Challenge
    ) -> PinUvAuth | None:
        return await obtain_proof(
            link,
            self._clock,
            self._entropy,
            info=info,
            permission=permission,
            challenge=challenge,
        )

    def _creation_request(
        self,
        challenge: Challenge,
        holder_id: HolderId,
        exclude: Sequence[CredentialId],
        pin_uv: PinUvAuth | None,
    ) -> bytes:
        trust = self._rules.trust
        return make_credential(
            client_data_hash=challenge.client_data_hash,
            rp=RelyingParty(trust.rp_id, self._rules.site_name),
            # The key learns a pseudonym, never a name.
            user=UserEntity(self._entropy.token(USER_ID_BYTES), holder_id, holder_id),
            algorithms=[int(algorithm) for algorithm in trust.algorithms],
            exclude=exclude,
            pin_uv=pin_uv,
        )

    def _attest(self, challenge: Challenge, made: MadeCredential) -> AttestedKey:
        now = self._clock.now()
        if not isinstance(self._book.redeem(challenge.digest, now), Challenge):
            raise CeremonyFailedError(EnrolmentFailure.NO_TOUCH)
        try:
            return verify_attestation(
                made.attestation_object,
                challenge.client_data_hash,
                self._rules.trust,
                now.wall_ms,
            )
        except AttestationError as error:
            raise CeremonyFailedError(
                EnrolmentFailure.ATTESTATION_REFUSED, error.reason
            ) from error

    async def prove(
        self, link: Link, holder_id: HolderId, creation: Creation, until_ms: int
    ) -> tuple[Credential, Verified]:
        """Ask for a second touch, under the new credential.

        Raises:
            CeremonyFailedError: the answer does not prove it.
            LinkError, WireError, AuthenticatorError: the key or its link failed.
        """
        key = creation.key
        candidate = _candidate(key, holder_id, until_ms)
        challenge = self._book.issue(
            self._clock.now(),
            self._entropy.token(NONCE_BYTES),
            purpose=Purpose.ENROL_PROOF,
            credential_id=key.credential_id,
            life_ms=TOUCH_MS,
        )
        request = get_assertion(
            rp_id=challenge.rp_id,
            client_data_hash=challenge.client_data_hash,
            credential_id=key.credential_id,
            pin_uv=await self._verify(
                link, creation.info, Permission.GET_ASSERTION, challenge
            ),
        )
        payload = await converse(link, self._clock, request, challenge.expires_ms)
        assertion = parse_response(CtapCommand.GET_ASSERTION, payload)
        answer = Answer(
            assertion.auth_data,
            assertion.signature,
            CredentialId(assertion.credential_id or key.credential_id),
            challenge.client_data_json,
        )
        verified = verify(
            self._book,
            challenge.digest,
            answer,
            candidate,
            Purpose.ENROL_PROOF,
            self._clock.now(),
        )
        if isinstance(verified, Deny):
            raise CeremonyFailedError(
                EnrolmentFailure.PROOF_REFUSED, verified.reason.value
            )
        return replace(candidate, counter=verified.counter), verified


def _candidate(key: AttestedKey, holder_id: HolderId, until_ms: int) -> Credential:
    """Return the credential as it would be registered before its proof."""
    return Credential(
        id=key.credential_id,
        holder_id=holder_id,
        public_key=key.public_key,
        aaguid=key.aaguid,
        model=key.model,
        counter=key.counter,
        state=CredentialState.ACTIVE,
        until_ms=until_ms,
    )
