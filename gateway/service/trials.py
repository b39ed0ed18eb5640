"""Trials: one key is asked a question that nothing follows from, step by step.

For whoever sets a site up, or wonders why a key fails. The question's purpose is TRIAL:
the same core verifies the answer by the same rules, and no decision and no order takes
an answer of that purpose. A trial therefore writes no entry: the ledger tells what the
door decided, and here nothing was. What the key's counter rose to stays unknown to the
registry, which only makes the next answer's rise larger.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Self

from gateway.core import authenticator_data
from gateway.core.assertion import Answer, verify
from gateway.core.challenge import NONCE_BYTES, Challenge, ChallengeBook, Purpose
from gateway.core.denial import Deny
from gateway.core.encoding import from_base64url, to_base64url
from gateway.core.facts import DenialReason, Pattern
from gateway.core.ids import CredentialId, PeerAddress
from gateway.core.registry import Credential, Registry
from gateway.ctap.command import CtapCommand, get_assertion
from gateway.ctap.framing import KeepaliveStatus
from gateway.ctap.pin_uv import Permission
from gateway.ctap.response import Info, parse_response
from gateway.errors import (
    AdministrationError,
    AuthenticatorError,
    LinkError,
    WireError,
)
from gateway.ports import Link
from gateway.service.composition import Adapters
from gateway.service.conversation import converse
from gateway.service.events import EventStream
from gateway.service.refusals import reason_of
from gateway.service.uv_token import ask_info, ask_uv_retries, obtain_proof

TRIAL_MS: Final = 30_000
QUIET_AFTER_TRIAL_MS: Final = 5_000
"""Nobody's door opens by the touch that was tried."""


class TrialState(Enum):
    """How far a trial is; the last two are final."""

    hint: str

    def __new__(cls, word: str, hint: str) -> Self:
        """Build a member from its stable word and what to do next."""
        member = object.__new__(cls)
        member._value_ = word
        member.hint = hint
        return member

    WAITING = "waiting", "Wake that key at the door."
    ASKING = "asking", "The key is being asked."
    TOUCHING = "touching", "The key blinks: put a finger on it."
    PASSED = "passed", "The answer keeps every rule; nothing was opened."
    FAILED = "failed", "It failed, and the reason says how; try once more."


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial as it stands; bytes are in hex, and empty while there are none.

    Attributes:
        reason: why it failed; a denial's word, "cancelled" or "internal".
        stages_us: how long each stage took, in their order, in microseconds.
        user_present, user_verified: the answer's flags UP and UV; None before it.
        counter: the key's, as it answered.
        request: what was sent to the key, CTAP2.
    """

    id: str
    credential_id: str
    holder_id: str
    state: str
    hint: str
    expires_up_ms: int
    reason: str | None = None
    stages_us: Mapping[str, int] = field(default_factory=dict)
    user_present: bool | None = None
    user_verified: bool | None = None
    counter: int | None = None
    challenge: str = ""
    client_data_json: str = ""
    request: str = ""
    authenticator_data: str = ""
    signature: str = ""


@dataclass(slots=True)
class _Trial:
    id: str
    credential: Credential
    expires_up_ms: int
    state: TrialState = TrialState.WAITING
    reason: str | None = None
    lap_us: int = 0
    stages_us: dict[str, int] = field(default_factory=dict)
    challenge: Challenge | None = None
    request: bytes = b""
    answer: Answer | None = None

    @property
    def is_over(self) -> bool:
        return self.state in {TrialState.PASSED, TrialState.FAILED}


class Trials:
    """One trial at a time, of one key; the last one is remembered."""

    def __init__(
        self,
        book: ChallengeBook,
        registry: Registry,
        adapters: Adapters,
        events: EventStream,
    ) -> None:
        self._book: Final = book
        self._registry: Final = registry
        self._on: Final = adapters
        self._events: Final = events
        self._trial: _Trial | None = None

    # What people say.

    def begin(self, credential_id: str) -> TrialView:
        """Wait half a minute for this key; its next touch is the trial's, no door's.

        Raises:
            AdministrationError: another trial is under way, or no such credential is
                enrolled.
        """
        self._look_at_the_clock()
        if self._trial is not None and not self._trial.is_over:
            raise AdministrationError(
                "Another trial is under way: end it, or wait half a minute.", "busy"
            )
        credential = self._find(credential_id)
        if credential is None:
            raise AdministrationError(
                "No credential has this id; see `keyra credentials`.", "unknown"
            )
        self._trial = _Trial(
            id=f"trl_{self._on.entropy.token(8).hex()}",
            credential=credential,
            expires_up_ms=self._on.clock.now().up_ms + TRIAL_MS,
        )
        return self._told(self._trial)

    def _find(self, credential_id: str) -> Credential | None:
        raw = from_base64url(credential_id)
        return None if raw is None else self._registry.credential(CredentialId(raw))

    def current(self) -> TrialView | None:
        """Return the trial under way, or the last one."""
        self._look_at_the_clock()
        return None if self._trial is None else _view(self._trial)

    def cancel(self) -> TrialView:
        """End the trial under way; an answer that comes yet is not looked at.

        Raises:
            AdministrationError: there is none.
        """
        self._look_at_the_clock()
        if self._trial is None or self._trial.is_over:
            raise AdministrationError("There is no trial to end.", "unknown")
        return self._end(self._trial, "cancelled")

    # What the radio says.

    def wants(self, credential_id: CredentialId) -> bool:
        """Tell whether this key's next touch is the trial's."""
        if self._trial is None:
            return False
        self._look_at_the_clock()
        waits = self._trial.state is TrialState.WAITING
        return waits and self._trial.credential.id == credential_id

    async def touch(self, address: PeerAddress, credential_id: CredentialId) -> int:
        """Ask the key; return how long its adverts mean nothing, milliseconds."""
        trial = self._trial
        if trial is None or not self.wants(credential_id):
            return 0
        trial.lap_us = self._on.clock.ticks_us()
        self._step(trial, TrialState.ASKING)
        connected = False
        try:
            async with AsyncExitStack() as links:
                link = await self._on.radio.connect(address)
                links.push_async_callback(link.close)
                connected = True
                self._lap(trial, "connect")
                reason = await self._asked(trial, link)
            self._conclude(trial, reason)
        except (LinkError, WireError, AuthenticatorError) as error:
            self._conclude(trial, reason_of(error, connected=connected))
        finally:
            if not trial.is_over:
                self._end(trial, "internal")
        return QUIET_AFTER_TRIAL_MS

    async def _asked(self, trial: _Trial, link: Link) -> DenialReason | None:
        """Put the question; return the first rule that does not hold, or None."""
        on = self._on
        info = await ask_info(link, on.clock)
        if await ask_uv_retries(link, on.clock, info) == 1:
            return DenialReason.LAST_TRY_SPARED
        self._lap(trial, "describe")
        now = on.clock.now()
        if now.up_ms >= trial.expires_up_ms:
            return DenialReason.NO_TOUCH
        challenge = trial.challenge = self._book.issue(
            now,
            on.entropy.token(NONCE_BYTES),
            purpose=Purpose.TRIAL,
            credential_id=trial.credential.id,
            life_ms=trial.expires_up_ms - now.up_ms,
        )
        self._lap(trial, "challenge")
        trial.answer = await self._answered(trial, link, info, challenge)
        return self._judged(trial, challenge, trial.answer)

    async def _answered(
        self, trial: _Trial, link: Link, info: Info, challenge: Challenge
    ) -> Answer:
        on, credential_id = self._on, trial.credential.id

        def on_keepalive(status: int) -> None:
            if status == KeepaliveStatus.UP_NEEDED:
                self._blinks(trial)

        trial.request = get_assertion(
            rp_id=challenge.rp_id,
            client_data_hash=challenge.client_data_hash,
            credential_id=credential_id,
            pin_uv=await obtain_proof(
                link,
                on.clock,
                on.entropy,
                info=info,
                permission=Permission.GET_ASSERTION,
                challenge=challenge,
                on_keepalive=on_keepalive,
            ),
        )
        payload = await converse(
            link, on.clock, trial.request, challenge.expires_ms, on_keepalive
        )
        assertion = parse_response(CtapCommand.GET_ASSERTION, payload)
        self._lap(trial, "answer")
        return Answer(
            assertion.auth_data,
            assertion.signature,
            CredentialId(assertion.credential_id or credential_id),
            challenge.client_data_json,
        )

    def _judged(
        self, trial: _Trial, challenge: Challenge, answer: Answer
    ) -> DenialReason | None:
        verified = verify(
            self._book,
            challenge.digest,
            answer,
            self._registry.credential(trial.credential.id),
            Purpose.TRIAL,
            self._on.clock.now(),
        )
        self._lap(trial, "verify")
        return verified.reason if isinstance(verified, Deny) else None

    # Where it stands.

    def _conclude(self, trial: _Trial, reason: DenialReason | None) -> None:
        if trial.is_over:  # ended meanwhile
            return
        self._on.indicators.show(Pattern.DENIED if reason else Pattern.READY)
        if reason is None:
            self._step(trial, TrialState.PASSED)
        else:
            self._end(trial, reason.value)

    def _blinks(self, trial: _Trial) -> None:
        if trial.state is TrialState.ASKING:
            self._on.indicators.show(Pattern.TOUCH_NOW)
            self._step(trial, TrialState.TOUCHING)

    def _lap(self, trial: _Trial, stage: str) -> None:
        now_us = self._on.clock.ticks_us()
        trial.stages_us[stage] = now_us - trial.lap_us
        trial.lap_us = now_us

    def _look_at_the_clock(self) -> None:
        trial = self._trial
        if trial is None or trial.state is not TrialState.WAITING:
            return
        if self._on.clock.now().up_ms >= trial.expires_up_ms:
            self._end(trial, DenialReason.NO_TOUCH.value)

    def _end(self, trial: _Trial, reason: str) -> TrialView:
        trial.reason = reason
        return self._step(trial, TrialState.FAILED)

    def _step(self, trial: _Trial, state: TrialState) -> TrialView:
        trial.state = state
        return self._told(trial)

    def _told(self, trial: _Trial) -> TrialView:
        told = {"id": trial.id, "state": trial.state.value, "reason": trial.reason}
        self._events.publish("trial", self._on.clock.now(), told)
        return _view(trial)


def _view(trial: _Trial) -> TrialView:
    view = {
        "id": trial.id,
        "credential_id": to_base64url(trial.credential.id),
        "holder_id": str(trial.credential.holder_id),
        "state": trial.state.value,
        "hint": trial.state.hint,
    }
    challenge, answer = trial.challenge, trial.answer
    data = authenticator_data.parse(answer.authenticator_data) if answer else None
    return TrialView(
        **view,
        expires_up_ms=trial.expires_up_ms,
        reason=trial.reason,
        stages_us=dict(trial.stages_us),
        user_present=data.user_present if data else None,
        user_verified=data.user_verified if data else None,
        counter=data.counter if data else None,
        challenge=challenge.digest.hex() if challenge else "",
        client_data_json=challenge.client_data_json.decode() if challenge else "",
        request=trial.request.hex(),
        authenticator_data=answer.authenticator_data.hex() if answer else "",
        signature=answer.signature.hex() if answer else "",
    )
