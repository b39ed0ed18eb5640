"""One touch that signs an order: like a touch at the door, and moving nothing.

The key has no display. Whoever holds it knows what it signs since they chose that order
by its code a moment ago, and by the light, which is another one than the door's.
"""

from contextlib import AsyncExitStack
from typing import Final

from gateway.core.administration import Proposal
from gateway.core.assertion import Answer, Verified, verify
from gateway.core.challenge import NONCE_BYTES, Challenge, ChallengeBook, Purpose
from gateway.core.denial import Deny
from gateway.core.facts import DenialReason, Pattern
from gateway.core.ids import CredentialId, PeerAddress
from gateway.core.order_entries import Refused
from gateway.core.registry import Registry
from gateway.ctap.command import CtapCommand, get_assertion
from gateway.ctap.pin_uv import Permission
from gateway.ctap.response import parse_response
from gateway.errors import AuthenticatorError, LinkError, WireError
from gateway.ports import Clock, Entropy, Indicators, Link, Radio
from gateway.service.conversation import converse
from gateway.service.refusals import reason_of
from gateway.service.uv_token import ask_info, ask_uv_retries, obtain_proof


class Signer:
    """Asks a bonded key to sign one order."""

    def __init__(
        self,
        *,
        book: ChallengeBook,
        registry: Registry,
        clock: Clock,
        entropy: Entropy,
        radio: Radio,
        indicators: Indicators,
    ) -> None:
        self._book: Final = book
        self._registry: Final = registry
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._radio: Final = radio
        self._indicators: Final = indicators

    async def ask(
        self,
        address: PeerAddress,
        credential_id: CredentialId,
        proposal: Proposal,
        until_up_ms: int,
    ) -> Verified | Refused:
        """Return the verified signature, or why there is none.

        Args:
            address: of the key, over its bond.
            credential_id: which is to sign.
            proposal: what.
            until_up_ms: when the choice of this order ends, milliseconds since boot.
        """
        connected = False
        try:
            async with AsyncExitStack() as links:
                link = await self._radio.connect(address)
                links.push_async_callback(link.close)
                connected = True
                return await self._signed(link, credential_id, proposal, until_up_ms)
        except (LinkError, WireError, AuthenticatorError) as error:
            reason = reason_of(error, connected=connected)
            return Refused(reason.value, credential_id)

    async def _signed(
        self,
        link: Link,
        credential_id: CredentialId,
        proposal: Proposal,
        until_up_ms: int,
    ) -> Verified | Refused:
        info = await ask_info(link, self._clock)
        if await ask_uv_retries(link, self._clock, info) == 1:
            return Refused(DenialReason.LAST_TRY_SPARED.value, credential_id)
        now = self._clock.now()
        if now.up_ms >= until_up_ms:
            return Refused(DenialReason.NO_TOUCH.value, credential_id)
        challenge = self._book.issue(
            now,
            self._entropy.token(NONCE_BYTES),
            purpose=Purpose.ADMIN_ORDER,
            credential_id=credential_id,
            order=proposal.digest(),
            life_ms=until_up_ms - now.up_ms,
        )
        self._indicators.show(Pattern.ORDER)
        request = get_assertion(
            rp_id=challenge.rp_id,
            client_data_hash=challenge.client_data_hash,
            credential_id=credential_id,
            pin_uv=await obtain_proof(
                link,
                self._clock,
                self._entropy,
                info=info,
                permission=Permission.GET_ASSERTION,
                challenge=challenge,
            ),
        )
        payload = await converse(link, self._clock, request, challenge.expires_ms)
        assertion = parse_response(CtapCommand.GET_ASSERTION, payload)
        answer = Answer(
            assertion.auth_data,
            assertion.signature,
            CredentialId(assertion.credential_id or credential_id),
            challenge.client_data_json,
        )
        return self._judged(challenge, credential_id, answer)

    def _judged(
        self, challenge: Challenge, credential_id: CredentialId, answer: Answer
    ) -> Verified | Refused:
        verified = verify(
            self._book,
            challenge.digest,
            answer,
            self._registry.credential(credential_id),
            Purpose.ADMIN_ORDER,
            self._clock.now(),
        )
        if isinstance(verified, Deny):
            return Refused(
                verified.reason.value, credential_id, verified.counter, verified.answer
            )
        return verified
