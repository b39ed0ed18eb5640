"""The enrolment ceremony's shell: pairs, creates, proves and writes down, once asked.

The ceremony itself is core.enrolment; this carries it out against a real key and turns
each thing that can go wrong into one of its named failures. One ceremony at a time.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core import enrolment, entries
from gateway.core.assertion import Answer, Verified, verify
from gateway.core.attestation import AttestedKey, Trust, verify_attestation
from gateway.core.challenge import NONCE_BYTES, Challenge, ChallengeBook, Purpose
from gateway.core.denial import Deny
from gateway.core.encoding import to_base64url
from gateway.core.enrolment import (
    Ceremony,
    EnrolmentFailure,
    EnrolmentState,
    EnrolmentStep,
)
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, GroupId, HolderId, PeerAddress, is_identifier
from gateway.core.registry import Credential, Holder, Registry
from gateway.ctap.command import (
    CtapCommand,
    RelyingParty,
    UserEntity,
    get_assertion,
    get_info,
    make_credential,
)
from gateway.ctap.response import MadeCredential, parse_response
from gateway.ctap.status import CtapStatus
from gateway.errors import (
    AttestationError,
    AuthenticatorError,
    EnrolmentError,
    JournalError,
    JournalStateUnknownError,
    KeyraError,
    LinkError,
    LinkTimeoutError,
    PairingRefusedError,
    RegistryError,
    WireError,
)
from gateway.ports import (
    Bond,
    Clock,
    Entropy,
    Link,
    Pairing,
    PeopleStore,
    Radio,
    Sighting,
)
from gateway.service.conversation import converse
from gateway.service.events import EventStream
from gateway.service.recorder import Recorder
from gateway.service.views import Actor, EnrolmentOrder, EnrolmentView
from gateway.service.waiting import before

TOUCH_MS: Final = 30_000
INFO_MS: Final = 3_000
USER_ID_BYTES: Final = 32

_REFUSALS: Final[Mapping[int, EnrolmentFailure]] = {
    CtapStatus.UV_INVALID: EnrolmentFailure.FINGER_NOT_RECOGNISED,
    CtapStatus.UV_BLOCKED: EnrolmentFailure.FINGER_BLOCKED,
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
    window_ms: int = enrolment.WINDOW_MS


class _FailedError(Exception):
    """The ceremony ends here."""

    def __init__(self, failure: EnrolmentFailure, detail: str = "") -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.detail = detail


@dataclass(slots=True)
class _Order:
    """What was armed, and what is known of it so far."""

    id: str
    wish: EnrolmentOrder
    actor: Actor
    ceremony: Ceremony
    number: int | None = None
    comparison: asyncio.Future[bool] | None = None
    credential_id: CredentialId | None = None
    model: str | None = None


OnEnrolled = Callable[[PeerAddress, CredentialId], None]


class Enroller:
    """Carries out one ceremony at a time."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        *,
        rules: EnrolmentRules,
        book: ChallengeBook,
        registry: Registry,
        clock: Clock,
        entropy: Entropy,
        radio: Radio,
        pairing: Pairing,
        people: PeopleStore,
        recorder: Recorder,
        events: EventStream,
        on_enrolled: OnEnrolled,
    ) -> None:
        self._rules: Final = rules
        self._book: Final = book
        self._registry: Final = registry
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._radio: Final = radio
        self._pairing: Final = pairing
        self._people: Final = people
        self._recorder: Final = recorder
        self._events: Final = events
        self._on_enrolled: Final = on_enrolled
        self._order: _Order | None = None
        self._found: asyncio.Future[PeerAddress] | None = None
        self._armed: Final = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    # What the API and the radio say.

    @property
    def address(self) -> PeerAddress | None:
        """The key that the ceremony under way is about: no stranger."""
        found = self._found
        if found is None or not found.done() or found.cancelled():
            return None
        return found.result()

    @property
    def view(self) -> EnrolmentView | None:
        """The ceremony under way, or the last one."""
        order = self._order
        if order is None:
            return None
        ceremony = order.ceremony
        reason = None if ceremony.failure is None else ceremony.failure.value
        return EnrolmentView(
            id=order.id,
            holder_id=order.wish.holder_id,
            step=ceremony.state.value,
            hint=_hint(ceremony),
            number=order.number if ceremony.state is EnrolmentState.COMPARING else None,
            reason=f"{reason}/{ceremony.detail}" if ceremony.detail else reason,
            credential_id=(
                None
                if order.credential_id is None
                else to_base64url(order.credential_id)
            ),
            model=order.model,
        )

    def arm(self, wish: EnrolmentOrder, actor: Actor) -> EnrolmentView:
        """Open the window for one key.

        Raises:
            EnrolmentError: another ceremony is under way, or the wish is no holder.
        """
        if self._order is not None and not self._order.ceremony.is_over:
            raise EnrolmentError(
                "Another enrolment is under way: wait for its end, or cancel it.",
                "busy",
            )
        if not all(map(is_identifier, (wish.holder_id, *wish.groups))):
            raise EnrolmentError(
                "A holder and their groups are named by identifiers of up to 64 "
                "lower-case letters, digits, dots, hyphens and underscores.",
                "no-identifier",
            )
        self._order = _Order(
            id=f"enr_{self._entropy.token(8).hex()}",
            wish=wish,
            actor=actor,
            ceremony=enrolment.arm(
                HolderId(wish.holder_id), self._clock.now(), self._rules.window_ms
            ),
        )
        self._found = asyncio.get_running_loop().create_future()
        self._armed.set()
        return self._told(self._order)

    def sighted(self, sighting: Sighting) -> None:
        """Hear of a key in pairing mode; it counts only while the window is open."""
        if self._found is not None and not self._found.done():
            self._found.set_result(sighting.address)

    def answer_comparison(self, *, agree: bool, actor: Actor) -> EnrolmentView:
        """Say whether the number on the key equals the one shown.

        Raises:
            EnrolmentError: no number is shown now.
        """
        order = self._order
        if order is None or order.comparison is None or order.comparison.done():
            raise EnrolmentError("No number is to be compared now.", "no-comparison")
        order.actor = actor
        order.comparison.set_result(agree)
        return self._told(order)

    async def cancel(self, actor: Actor) -> EnrolmentView:
        """End the ceremony without a credential.

        Raises:
            EnrolmentError: none is under way, or it is being written down already.
        """
        order = self._order
        if order is None or order.ceremony.is_over:
            raise EnrolmentError("No enrolment is under way.", "none")
        order.actor = actor
        order.ceremony = enrolment.fail(order.ceremony, EnrolmentFailure.CANCELLED)
        if not order.ceremony.is_over:
            raise EnrolmentError("The credential is being written down.", "too-late")
        if self._work is not None:
            self._work.cancel()
        return self._told(order)

    # The work.

    async def run(self) -> None:
        """Carry out what is armed, until cancelled.

        Raises:
            JournalStateUnknownError: the process must stop and reopen the ledger.
        """
        while True:
            await self._armed.wait()
            self._armed.clear()
            order, found = self._order, self._found
            if order is None or found is None or order.ceremony.is_over:
                continue
            async with asyncio.TaskGroup() as group:
                self._work = group.create_task(self._carry_out(order, found))
            self._work = None

    async def _carry_out(
        self, order: _Order, found: asyncio.Future[PeerAddress]
    ) -> None:
        address: PeerAddress | None = None
        try:
            ends_ms = order.ceremony.window_ends_up_ms
            address = await before(self._clock, ends_ms, _value(found))
            self._advance(order, EnrolmentStep.KEY_FOUND)
            if address is not None:
                await self._with_key(order, address)
        except _FailedError as failed:
            order.ceremony = enrolment.fail(
                order.ceremony, failed.failure, failed.detail
            )
            self._told(order)
        finally:
            self._found = None
            if address is not None and order.ceremony.must_forget_bond:
                await self._pairing.forget(address)

    async def _with_key(self, order: _Order, address: PeerAddress) -> None:
        bond = await self._pair(order, address)
        self._advance(order, EnrolmentStep.BONDED)
        link = None
        try:
            link = await self._radio.connect(address)
            creation, made, key = await self._create(order, link)
            self._advance(order, EnrolmentStep.ATTESTED)
            credential, proof = await self._prove(order, link, key)
            self._advance(order, EnrolmentStep.PROVED)
        except (LinkError, WireError, AuthenticatorError) as error:
            raise _failed(error) from error
        finally:
            if link is not None:
                await link.close()
        await self._record(order, bond, creation, made, credential, proof)
        self._on_enrolled(address, credential.id)
        order.credential_id = credential.id
        self._advance(order, EnrolmentStep.RECORDED)

    async def _pair(self, order: _Order, address: PeerAddress) -> Bond:
        async def compare(number: int) -> bool:
            order.number = number
            order.comparison = asyncio.get_running_loop().create_future()
            self._advance(order, EnrolmentStep.NUMBER_SHOWN)
            agree = await order.comparison
            if agree:
                self._advance(order, EnrolmentStep.NUMBER_AGREED)
            return agree

        try:
            bond = await before(
                self._clock,
                order.ceremony.window_ends_up_ms,
                self._pairing.pair(address, compare),
            )
        except PairingRefusedError as error:
            refused = order.ceremony.state is EnrolmentState.COMPARING
            raise _FailedError(
                EnrolmentFailure.NUMBER_REFUSED
                if refused
                else EnrolmentFailure.PAIRING_REFUSED
            ) from error
        except LinkError as error:
            raise _FailedError(EnrolmentFailure.LINK_LOST) from error
        if bond is None:
            raise _FailedError(EnrolmentFailure.WINDOW_ENDED)
        return bond

    async def _create(
        self, order: _Order, link: Link
    ) -> tuple[Challenge, MadeCredential, AttestedKey]:
        now = self._clock.now()
        if not now.wall_is_trusted:
            raise _FailedError(EnrolmentFailure.CLOCK_UNTRUSTED)
        info = parse_response(
            CtapCommand.GET_INFO,
            await converse(link, self._clock, get_info(), now.up_ms + INFO_MS),
        )
        if not info.verifies_users:
            raise _FailedError(EnrolmentFailure.KEY_NOT_SUITABLE)
        challenge = self._book.issue(
            now,
            self._entropy.token(NONCE_BYTES),
            purpose=Purpose.ENROL,
            holder=HolderId(order.wish.holder_id),
            life_ms=TOUCH_MS,
        )
        trust = self._rules.trust
        request = make_credential(
            client_data_hash=challenge.client_data_hash,
            rp=RelyingParty(trust.rp_id, self._rules.site_name),
            # The key learns a pseudonym, never a name.
            user=UserEntity(
                self._entropy.token(USER_ID_BYTES),
                order.wish.holder_id,
                order.wish.holder_id,
            ),
            algorithms=[int(algorithm) for algorithm in trust.algorithms],
            exclude=[one.id for one in self._credentials_of(order.wish.holder_id)],
        )
        payload = await converse(link, self._clock, request, challenge.expires_ms)
        made = parse_response(CtapCommand.MAKE_CREDENTIAL, payload)
        return challenge, made, self._attest(order, challenge, made)

    def _attest(
        self, order: _Order, challenge: Challenge, made: MadeCredential
    ) -> AttestedKey:
        now = self._clock.now()
        if not isinstance(self._book.redeem(challenge.digest, now), Challenge):
            raise _FailedError(EnrolmentFailure.NO_TOUCH)
        try:
            key = verify_attestation(
                made.attestation_object,
                challenge.client_data_hash,
                self._rules.trust,
                now.wall_ms,
            )
        except AttestationError as error:
            raise _FailedError(
                EnrolmentFailure.ATTESTATION_REFUSED, error.reason
            ) from error
        if self._registry.credential(key.credential_id) is not None:
            raise _FailedError(EnrolmentFailure.REGISTRY_REFUSED)
        order.model = key.model
        return key

    async def _prove(
        self, order: _Order, link: Link, key: AttestedKey
    ) -> tuple[Credential, Verified]:
        """Ask for a second touch, under the new credential."""
        candidate = Credential(
            id=key.credential_id,
            holder_id=HolderId(order.wish.holder_id),
            public_key=key.public_key,
            aaguid=key.aaguid,
            model=key.model,
            counter=key.counter,
            state=CredentialState.ACTIVE,
            until_ms=order.wish.credential_until_ms,
        )
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
        )
        payload = await converse(link, self._clock, request, challenge.expires_ms)
        assertion = parse_response(CtapCommand.GET_ASSERTION, payload)
        verified = verify(
            self._book,
            challenge.digest,
            Answer(
                assertion.auth_data,
                assertion.signature,
                CredentialId(assertion.credential_id or key.credential_id),
                challenge.client_data_json,
            ),
            candidate,
            Purpose.ENROL_PROOF,
            self._clock.now(),
        )
        if isinstance(verified, Deny):
            raise _FailedError(EnrolmentFailure.PROOF_REFUSED, verified.reason.value)
        return replace(candidate, counter=verified.counter), verified

    async def _record(
        self,
        order: _Order,
        bond: Bond,
        creation: Challenge,
        made: MadeCredential,
        credential: Credential,
        proof: Verified,
    ) -> None:
        by = entries.by_uid(order.actor.uid)
        wish = order.wish
        holder = Holder(
            id=HolderId(wish.holder_id),
            name_commitment=self._people.commit(wish.holder_id, wish.name),
            groups=tuple(GroupId(group) for group in wish.groups),
            from_ms=wish.from_ms,
            until_ms=wish.until_ms,
            suspended=False,
        )
        enrol = entries.enrol_record(
            credential, by, bond.method, creation, made.attestation_object, proof
        )
        try:
            # Apart, since a credential's holder must be known before it is checked.
            await self._recorder.append(entries.holder_record(holder, by))
            await self._recorder.append(enrol)
        except RegistryError as error:
            raise _FailedError(EnrolmentFailure.REGISTRY_REFUSED) from error
        except JournalStateUnknownError:
            raise
        except JournalError as error:
            raise _FailedError(EnrolmentFailure.LEDGER_UNAVAILABLE) from error

    def _credentials_of(self, holder_id: str) -> list[Credential]:
        return [
            one
            for one in self._registry.credentials()
            if one.holder_id == holder_id and one.state is not CredentialState.REVOKED
        ]

    # Telling.

    def _advance(self, order: _Order, step: EnrolmentStep) -> None:
        order.ceremony = enrolment.advance(order.ceremony, step, self._clock.now())
        if order.ceremony.failure is not None:
            raise _FailedError(order.ceremony.failure, order.ceremony.detail)
        self._told(order)

    def _told(self, order: _Order) -> EnrolmentView:
        view = self.view
        if view is None:
            raise EnrolmentError("No enrolment is under way.", "none")
        self._events.publish(
            "enrolment",
            self._clock.now(),
            {
                "id": view.id,
                "holder": order.wish.holder_id,
                "step": view.step,
                "reason": view.reason,
            },
        )
        return view


def _hint(ceremony: Ceremony) -> str:
    if ceremony.failure is not None:
        return ceremony.failure.sentence
    return ceremony.state.hint


async def _value(found: asyncio.Future[PeerAddress]) -> PeerAddress:
    return await asyncio.shield(found)


def _failed(error: KeyraError) -> _FailedError:
    match error:
        case AuthenticatorError(status=status):
            return _FailedError(_REFUSALS.get(status, EnrolmentFailure.KEY_ERROR))
        case LinkTimeoutError():
            return _FailedError(EnrolmentFailure.NO_TOUCH)
        case LinkError():
            return _FailedError(EnrolmentFailure.LINK_LOST)
        case _:
            return _FailedError(EnrolmentFailure.WIRE_BROKEN)
