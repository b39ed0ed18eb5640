"""The enrolment ceremony: a supervised way from an armed window to a registered key.

Theory. One path, and one way off it:

    ARMED --KEY_FOUND--> PAIRING --BONDED--> CREATING --ATTESTED--> PROVING
    PAIRING --NUMBER_SHOWN--> COMPARING --NUMBER_AGREED--> PAIRING
    PROVING --PROVED--> RECORDING --RECORDED--> REGISTERED
    any of these --a failure that can happen there--> FAILED

The window counts from the arming to the second touch; what is being written down by its
end is written to the end. A pair that is not in the tables changes nothing. A ceremony
that fails leaves no bond behind, except that of a key which is already enrolled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Self

from gateway.core.ids import HolderId, Now
from gateway.core.worded import Worded

WINDOW_MS: Final = 60_000
WINDOW_MS_MAX: Final = 600_000


class EnrolmentState(Enum):
    """Where the ceremony stands, with what to do next."""

    hint: str

    def __new__(cls, word: str, hint: str) -> Self:
        """Build a member from its stable word and its hint."""
        member = object.__new__(cls)
        member._value_ = word
        member.hint = hint
        return member

    ARMED = "armed", "Put the key into pairing mode, close to the door."
    PAIRING = "pairing", "Keep the key close while it pairs."
    COMPARING = "comparing", "Compare the number here with the one on the key."
    CREATING = "creating", "Touch the key with the enrolled finger."
    PROVING = "proving", "Touch the key once more, to prove that it works."
    RECORDING = "recording", "The credential is being written down."
    REGISTERED = "registered", "The key is registered."
    FAILED = "failed", "The ceremony has ended without a credential."


class EnrolmentStep(Enum):
    """What went well."""

    KEY_FOUND = "key-found"
    NUMBER_SHOWN = "number-shown"
    NUMBER_AGREED = "number-agreed"
    BONDED = "bonded"
    ATTESTED = "attested"
    PROVED = "proved"
    RECORDED = "recorded"


class EnrolmentFailure(Worded):
    """Why a ceremony ended without a credential."""

    WINDOW_ENDED = "window-ended", "The time for enrolling ran out; arm it again."
    CANCELLED = "cancelled", "The enrolment was cancelled."
    PAIRING_REFUSED = "pairing-refused", "The pairing was refused or is not allowed."
    NUMBER_REFUSED = (
        "number-refused",
        "The numbers differ: another device may have stepped in between.",
    )
    NUMBER_UNANSWERED = (
        "number-unanswered",
        "Nobody said here whether the numbers are the same, and the key gave up.",
    )
    LINK_LOST = "link-lost", "The key went out of reach; keep it close and try again."
    WIRE_BROKEN = "wire-broken", "The key did not speak the protocol correctly."
    KEY_NOT_SUITABLE = (
        "key-not-suitable",
        "The key cannot check a finger by itself, or knows none of our algorithms.",
    )
    KEY_ALREADY_ENROLLED = (
        "key-already-enrolled",
        "The key holds a credential of this site already; revoke that to enrol anew.",
    )
    FINGER_NOT_RECOGNISED = (
        "finger-not-recognised",
        "The key did not recognise the finger; try again.",
    )
    FINGER_BLOCKED = (
        "finger-blocked",
        "The key blocked its sensor after too many wrong fingers; unblock it first.",
    )
    NO_TOUCH = "no-touch", "Nobody touched the key in time."
    DECLINED = "declined", "The holder or the key declined the request."
    KEY_ERROR = "key-error", "The key answered with an error of its own."
    ATTESTATION_REFUSED = (
        "attestation-refused",
        "The key's model could not be proved.",
    )
    CLOCK_UNTRUSTED = (
        "clock-untrusted",
        "The clock is not synchronised, and certificates cannot be judged without it.",
    )
    PROOF_REFUSED = "proof-refused", "The second touch did not prove the credential."
    REGISTRY_REFUSED = (
        "registry-refused",
        "The registry does not take this credential.",
    )
    LEDGER_UNAVAILABLE = (
        "ledger-unavailable",
        "The ledger cannot be written, and nothing is registered without an entry.",
    )
    INTERNAL = "internal", "The gateway met an error of its own; its log says which."


@dataclass(frozen=True, slots=True)
class Ceremony:
    """One ceremony.

    Attributes:
        window_ends_up_ms: milliseconds since boot.
        failure: why it failed; only in FAILED.
        detail: a further stable word, as of an AttestationFailure or DenialReason.
        touched_bonds: pairing has begun, so there may be a bond.
    """

    holder_id: HolderId
    window_ends_up_ms: int
    state: EnrolmentState = EnrolmentState.ARMED
    failure: EnrolmentFailure | None = None
    detail: str = ""
    touched_bonds: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self.state in {EnrolmentState.REGISTERED, EnrolmentState.FAILED}

    @property
    def must_forget_bond(self) -> bool:
        """Whether the bond with the key must be removed now."""
        return (
            self.touched_bonds
            and self.failure is not None
            and self.failure is not EnrolmentFailure.KEY_ALREADY_ENROLLED
        )


_S = EnrolmentState

TRANSITIONS: Final[Mapping[tuple[EnrolmentState, EnrolmentStep], EnrolmentState]] = {
    (_S.ARMED, EnrolmentStep.KEY_FOUND): _S.PAIRING,
    (_S.PAIRING, EnrolmentStep.NUMBER_SHOWN): _S.COMPARING,
    (_S.COMPARING, EnrolmentStep.NUMBER_AGREED): _S.PAIRING,
    (_S.PAIRING, EnrolmentStep.BONDED): _S.CREATING,
    (_S.CREATING, EnrolmentStep.ATTESTED): _S.PROVING,
    (_S.PROVING, EnrolmentStep.PROVED): _S.RECORDING,
    (_S.RECORDING, EnrolmentStep.RECORDED): _S.REGISTERED,
}
"""The only ways forward."""

_BEFORE_RECORDING: Final = frozenset(
    {_S.ARMED, _S.PAIRING, _S.COMPARING, _S.CREATING, _S.PROVING}
)
_WITH_A_LINK: Final = _BEFORE_RECORDING - {_S.ARMED}
_TOUCHES: Final = frozenset({_S.CREATING, _S.PROVING})

FAILURES: Final[Mapping[EnrolmentFailure, frozenset[EnrolmentState]]] = {
    EnrolmentFailure.WINDOW_ENDED: _BEFORE_RECORDING,
    EnrolmentFailure.CANCELLED: _BEFORE_RECORDING,
    EnrolmentFailure.PAIRING_REFUSED: frozenset({_S.PAIRING, _S.COMPARING}),
    EnrolmentFailure.NUMBER_REFUSED: frozenset({_S.COMPARING}),
    EnrolmentFailure.NUMBER_UNANSWERED: frozenset({_S.COMPARING}),
    EnrolmentFailure.LINK_LOST: _WITH_A_LINK,
    EnrolmentFailure.WIRE_BROKEN: _WITH_A_LINK,
    EnrolmentFailure.KEY_NOT_SUITABLE: frozenset({_S.CREATING}),
    EnrolmentFailure.KEY_ALREADY_ENROLLED: frozenset({_S.CREATING}),
    EnrolmentFailure.FINGER_NOT_RECOGNISED: _TOUCHES,
    EnrolmentFailure.FINGER_BLOCKED: _TOUCHES,
    EnrolmentFailure.NO_TOUCH: _TOUCHES,
    EnrolmentFailure.DECLINED: _TOUCHES,
    EnrolmentFailure.KEY_ERROR: _TOUCHES,
    EnrolmentFailure.ATTESTATION_REFUSED: frozenset({_S.CREATING}),
    EnrolmentFailure.CLOCK_UNTRUSTED: frozenset({_S.CREATING}),
    EnrolmentFailure.PROOF_REFUSED: frozenset({_S.PROVING}),
    EnrolmentFailure.REGISTRY_REFUSED: frozenset({_S.CREATING, _S.RECORDING}),
    EnrolmentFailure.LEDGER_UNAVAILABLE: frozenset({_S.RECORDING}),
    EnrolmentFailure.INTERNAL: _BEFORE_RECORDING | {_S.RECORDING},
}
"""From where each failure leads to FAILED."""


def arm(holder_id: HolderId, now: Now, window_ms: int = WINDOW_MS) -> Ceremony:
    """Open the window, for up to `WINDOW_MS_MAX`."""
    return Ceremony(holder_id, now.up_ms + min(window_ms, WINDOW_MS_MAX))


def advance(ceremony: Ceremony, step: EnrolmentStep, now: Now) -> Ceremony:
    """Return the ceremony after a step; one that came too late ends it instead."""
    ceremony = expire(ceremony, now)
    state = TRANSITIONS.get((ceremony.state, step))
    if state is None:
        return ceremony
    return replace(
        ceremony,
        state=state,
        touched_bonds=ceremony.touched_bonds or state is EnrolmentState.PAIRING,
    )


def fail(ceremony: Ceremony, failure: EnrolmentFailure, detail: str = "") -> Ceremony:
    """Return the ceremony after a failure; one that cannot happen there is ignored."""
    if ceremony.state not in FAILURES[failure]:
        return ceremony
    return replace(
        ceremony, state=EnrolmentState.FAILED, failure=failure, detail=detail
    )


def expire(ceremony: Ceremony, now: Now) -> Ceremony:
    """Return the ceremony as it stands at `now`."""
    if now.up_ms < ceremony.window_ends_up_ms:
        return ceremony
    return fail(ceremony, EnrolmentFailure.WINDOW_ENDED)
