"""One touch, from the advert to the strike: verified, decided, durable, released.

The order cannot be changed here: each step wants what only the step before can make.
Whatever goes wrong ends in exactly one denial with an entry, or, where the ledger
itself is what fails, in one that is counted and summed up later.
"""

from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from gateway.core import entries
from gateway.core.assertion import Answer, verify
from gateway.core.challenge import NONCE_BYTES, Challenge, ChallengeBook, Purpose
from gateway.core.denial import Deny
from gateway.core.door_events import DENIALS, Refused, Unlock
from gateway.core.encoding import to_base64url
from gateway.core.facts import AWAITING, CredentialState, DenialReason, Pattern
from gateway.core.ids import CredentialId, PeerAddress
from gateway.core.policy import DoorPolicy, Grant, decide
from gateway.core.registry import Registry
from gateway.ctap.command import CtapCommand, get_assertion
from gateway.ctap.framing import KeepaliveStatus
from gateway.ctap.pin_uv import Permission
from gateway.ctap.response import Info, parse_response
from gateway.errors import (
    AuthenticatorError,
    EvidenceError,
    JournalError,
    JournalStateUnknownError,
    LinkError,
    RegistryError,
    WireError,
)
from gateway.ports import Clock, Entropy, Indicators, Link, Radio, Telemetry
from gateway.service.batteries import Batteries
from gateway.service.conversation import converse
from gateway.service.doorkeeper import Doorkeeper
from gateway.service.events import EventStream
from gateway.service.recorder import Recorder
from gateway.service.refusals import reason_of, suspension
from gateway.service.touch import OnStage, Stage, Stopwatch, TouchOutcome, untold
from gateway.service.turns import CONNECT_MS
from gateway.service.uv_token import KnownKeys, ask_uv_retries, obtain_proof
from gateway.service.waiting import before

QUIET_AFTER_GRANT_MS: Final = 2_000
QUIET_AFTER_DENIAL_MS: Final = 500
QUIET_AFTER_NO_TOUCH_MS: Final = 5_000
QUIET_AFTER_LOST_BOND_MS: Final = 30_000
UNREACHED_ENTRIES_PER_MINUTE_MAX: Final = 6
MINUTE_MS: Final = 60_000

# Denials of keys that were not spoken to: anybody can put up their addresses.
_UNREACHED: Final = {DenialReason.LINK_LOST, DenialReason.CREDENTIAL_REVOKED}


class _Refusal(Exception):  # noqa: N818 - an outcome on its way out, not an error
    """The touch ends here, with this one denial."""

    def __init__(self, denial: Deny) -> None:
        super().__init__(denial.reason.value)
        self.denial = denial


class Sessions:
    """Runs touches at one door. Several may run side by side, one for each key."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        *,
        book: ChallengeBook,
        registry: Registry,
        policy: Callable[[], DoorPolicy],
        challenge_life_ms: int,
        clock: Clock,
        entropy: Entropy,
        radio: Radio,
        indicators: Indicators,
        recorder: Recorder,
        doorkeeper: Doorkeeper,
        telemetry: Telemetry,
        events: EventStream,
    ) -> None:
        self._book: Final = book
        self._registry: Final = registry
        self._policy: Final = policy
        self._challenge_life_ms: Final = challenge_life_ms
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._radio: Final = radio
        self._indicators: Final = indicators
        self._recorder: Final = recorder
        self._doorkeeper: Final = doorkeeper
        self._telemetry: Final = telemetry
        self._events: Final = events
        self._keys: Final = KnownKeys(clock)
        self._batteries: Final = Batteries(clock, telemetry, recorder)
        # Keys whose last verification succeeded: they have all their tries (§6.5.3).
        self._full_of_tries: Final[set[CredentialId]] = set()
        # When keys that could not be reached had entries of their own, up_ms.
        self._unreached_ms: Final[deque[int]] = deque(
            maxlen=UNREACHED_ENTRIES_PER_MINUTE_MAX
        )

    async def touch(
        self,
        address: PeerAddress,
        credential_id: CredentialId,
        connect_ms: int = CONNECT_MS,
        on_stage: OnStage = untold,
    ) -> TouchOutcome:
        """Ask the key at `address` for its one credential, and act on the answer.

        It may be cancelled while it is AT_FINGER; nothing was decided then.

        Raises:
            JournalStateUnknownError: the process must stop and reopen the ledger.
        """
        watch = Stopwatch(self._clock, self._telemetry)
        reason, entry, link = None, None, None
        # The link ends last: whoever stands at the door does not wait for that.
        async with AsyncExitStack() as links:
            try:
                link = await self._connect(address, credential_id, connect_ms, links)
                watch.lap("connect")
                on_stage(Stage.CONNECTED)
                challenge, answer = await self._exchange(
                    link, credential_id, watch, on_stage
                )
                on_stage(Stage.ANSWERED)
                grant = self._judge(challenge, answer, watch)
                entry = await self._release(grant, watch)
            except _Refusal as refusal:
                reason = refusal.denial.reason
                if reason in _UNREACHED and not watch.stages_us:
                    await self._deny_unreached(refusal.denial)
                else:
                    await self._deny(refusal.denial)
            ended = self._ended(watch, reason, entry)
            if link is not None and entry is not None:
                await self._batteries.look(link, credential_id)
            return ended

    async def _connect(
        self,
        address: PeerAddress,
        credential_id: CredentialId,
        connect_ms: int,
        links: AsyncExitStack,
    ) -> Link:
        """Connect over the bond; the link is left to `links`."""
        known = self._registry.credential(credential_id)
        if known is not None and known.state is CredentialState.REVOKED:
            # Its bond is gone, or going: nothing it could answer would count.
            reason = DenialReason.CREDENTIAL_REVOKED
            raise _Refusal(self._unanswered(reason, credential_id))
        due_ms = self._clock.now().up_ms + connect_ms
        try:
            link = await before(self._clock, due_ms, self._radio.connect(address))
        except (LinkError, WireError) as error:
            reason = reason_of(error, connected=False)
            raise _Refusal(self._unanswered(reason, credential_id)) from error
        if link is None:
            raise _Refusal(self._unanswered(DenialReason.LINK_LOST, credential_id))
        links.push_async_callback(link.close)
        return link

    async def _exchange(
        self,
        link: Link,
        credential_id: CredentialId,
        watch: Stopwatch,
        on_stage: OnStage,
    ) -> tuple[Challenge, Answer]:
        """Challenge the key and return what it answered."""
        try:
            info = await self._keys.info(link, credential_id)
            await self._spare_last_try(link, info, credential_id)
            on_stage(Stage.AT_FINGER)
            return await self._ask(link, info, credential_id, watch)
        except (LinkError, WireError, AuthenticatorError) as error:
            reason = reason_of(error, connected=True)
            if isinstance(error, AuthenticatorError):
                self._keys.refused(credential_id, error)
            raise _Refusal(self._unanswered(reason, credential_id)) from error

    async def _spare_last_try(
        self, link: Link, info: Info, credential_id: CredentialId
    ) -> None:
        """Ask how many tries are left unless all are; never use the last one.

        No refusal tells for sure that no wrong finger was tried: a key may report one
        as a denial, or run out of time after it (CTAP 2.2 §6.2.2 step 6.2).
        """
        if credential_id in self._full_of_tries:
            self._full_of_tries.discard(credential_id)
        elif await ask_uv_retries(link, self._clock, info) == 1:
            raise _Refusal(
                self._unanswered(DenialReason.LAST_TRY_SPARED, credential_id)
            )

    async def _ask(
        self, link: Link, info: Info, credential_id: CredentialId, watch: Stopwatch
    ) -> tuple[Challenge, Answer]:
        challenge = self._book.issue(
            self._clock.now(),
            self._entropy.token(NONCE_BYTES),
            credential_id=credential_id,
            life_ms=self._challenge_life_ms,
        )
        self._indicators.show(Pattern.VERIFYING)
        watch.lap("challenge")
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
                on_keepalive=self._on_keepalive,
            ),
        )
        payload = await converse(
            link, self._clock, request, challenge.expires_ms, self._on_keepalive
        )
        assertion = parse_response(CtapCommand.GET_ASSERTION, payload)
        watch.lap("answer")
        return challenge, Answer(
            authenticator_data=assertion.auth_data,
            signature=assertion.signature,
            credential_id=CredentialId(assertion.credential_id or credential_id),
            client_data_json=challenge.client_data_json,
        )

    def _judge(self, challenge: Challenge, answer: Answer, watch: Stopwatch) -> Grant:
        """Verify, then decide."""
        now = self._clock.now()
        asked = challenge.credential_id
        verified = verify(
            self._book,
            challenge.digest,
            answer,
            self._registry.credential(asked) if asked else None,
            Purpose.DOOR_UNLOCK,
            now,
        )
        watch.lap("verify")
        if isinstance(verified, Deny):
            raise _Refusal(verified)
        self._full_of_tries.add(verified.credential_id)
        policy = replace(self._policy(), mode=self._doorkeeper.door.mode)
        decision = decide(verified, self._registry, policy, now)
        watch.lap("decide")
        if isinstance(decision, Deny):
            raise _Refusal(decision)
        return decision

    async def _release(self, grant: Grant, watch: Stopwatch) -> int:
        """Write the entry, then let the door move."""
        try:
            position = await self._recorder.append_grant(grant)
            watch.lap("append")
            hindrance = await self._doorkeeper.unlock(Unlock(grant, position))
        except JournalStateUnknownError:
            raise
        except JournalError as error:
            raise _Refusal(
                self._after(grant, DenialReason.LEDGER_UNAVAILABLE)
            ) from error
        except (EvidenceError, RegistryError) as error:
            raise _Refusal(self._after(grant, DenialReason.DOOR_REFUSED)) from error
        watch.lap("strike")
        if hindrance is not None:
            reason = DenialReason.STRIKE_UNAVAILABLE
            if isinstance(hindrance, Refused):
                reason = DENIALS.get(hindrance.why, DenialReason.DOOR_REFUSED)
            raise _Refusal(self._after(grant, reason))
        return position.n

    async def _deny_unreached(self, denial: Deny) -> None:
        """Deny a key that only advertised; beyond some a minute they are summed up.

        An advert under the address of an enrolled key costs a stranger nothing: it
        fills no ledger, and frightens nobody with lights.
        """
        now_ms = self._clock.now().up_ms
        told_ms = self._unreached_ms
        if len(told_ms) == told_ms.maxlen and now_ms - told_ms[0] < MINUTE_MS:
            self._recorder.count(denial.reason)
            return
        told_ms.append(now_ms)
        await self._deny(denial)

    async def _deny(self, denial: Deny) -> None:
        waits = denial.reason in AWAITING
        self._indicators.show(Pattern.TOUCH_NOW if waits else Pattern.DENIED)
        records = [entries.deny_record(denial)]
        if denial.credential_id is not None:
            if denial.reason is DenialReason.COUNTER_NOT_RISING:
                records += self._suspended(denial.credential_id)
            elif denial.reason is DenialReason.BOND_MISSING:
                self._indicators.show(Pattern.ALARM)
                lost = to_base64url(denial.credential_id)
                records.append(entries.alarm_record("bond-lost", lost))
        await self._recorder.deny(denial.reason, *records)

    def _suspended(self, credential_id: CredentialId) -> list[entries.Record]:
        records = suspension(self._registry, credential_id)
        if records:
            self._indicators.show(Pattern.ALARM)
        return records

    def _unanswered(self, reason: DenialReason, credential_id: CredentialId) -> Deny:
        """A denial without an answer: nobody proved to be that key."""
        return Deny(reason, self._book.place.door, credential_id)

    def _after(self, grant: Grant, reason: DenialReason) -> Deny:
        """A denial after the grant was decided: the door did not move."""
        return Deny(
            reason,
            grant.door,
            grant.verified.credential_id,
            grant.verified.holder_id,
        )

    def _on_keepalive(self, status: int) -> None:
        if status == KeepaliveStatus.UP_NEEDED:
            self._indicators.show(Pattern.TOUCH_NOW)

    def _ended(
        self, watch: Stopwatch, reason: DenialReason | None, entry: int | None
    ) -> TouchOutcome:
        word = "granted" if reason is None else reason.value
        self._telemetry.count(f"touch.{word}")
        self._events.publish(
            "touch.ended",
            self._clock.now(),
            {"result": word, "entry": entry, "stages_us": dict(watch.stages_us)},
        )
        return TouchOutcome(reason, entry, watch.stages_us, _quiet_ms(reason))


def _quiet_ms(reason: DenialReason | None) -> int:
    if reason is None:
        return QUIET_AFTER_GRANT_MS
    if reason is DenialReason.NO_TOUCH:
        return QUIET_AFTER_NO_TOUCH_MS
    if reason is DenialReason.BOND_MISSING:
        return QUIET_AFTER_LOST_BOND_MS
    return QUIET_AFTER_DENIAL_MS
