"""What happened: reasons as enums, each with the sentence that a guard understands.

A denial has exactly one reason. Its `value` is the stable word that stands in the
ledger, the API and the console; `sentence` is for people and may be reworded.
"""

from enum import Enum
from typing import Final

from gateway.core.worded import Worded


class DenialReason(Worded):
    """Why a key did not open the door. One per denial, in the order of the checks."""

    # The key and its link (service.session)
    KEY_UNKNOWN = "key-unknown", "No key enrolled at this door announces itself so."
    BOND_MISSING = (
        "bond-missing",
        "The key or the gateway has lost the bond; enrol the key again.",
    )
    LINK_LOST = "link-lost", "The key went out of reach before it answered."
    WIRE_BROKEN = "wire-broken", "The key did not speak the protocol correctly."
    FINGER_NOT_RECOGNISED = (
        "finger-not-recognised",
        "The key did not recognise the finger; try again.",
    )
    FINGER_BLOCKED = (
        "finger-blocked",
        "The key blocked its sensor after too many wrong fingers; unblock it first.",
    )
    LAST_TRY_SPARED = (
        "last-try-spared",
        "One wrong finger more would block the key; the gateway does not ask for it.",
    )
    DECLINED = "declined", "The holder or the key declined the request."
    NO_TOUCH = "no-touch", "Nobody touched the key in time."
    KEY_WITHOUT_CREDENTIAL = (
        "key-without-credential",
        "The key no longer holds the credential of this site.",
    )
    KEY_ERROR = "key-error", "The key answered with an error of its own."

    # The answer (core.assertion, in this order)
    CHALLENGE_UNKNOWN = "challenge-unknown", "The gateway asked no such question."
    CHALLENGE_USED = "challenge-used", "This question was already answered once."
    CHALLENGE_EXPIRED = "challenge-expired", "The answer came too late."
    ANSWER_REPLAYED = "answer-replayed", "This answer was seen before: a replay."
    CLIENT_DATA_INVALID = "client-data-invalid", "The signed request is malformed."
    TYPE_MISMATCH = "type-mismatch", "The answer is of another ceremony."
    CHALLENGE_MISMATCH = "challenge-mismatch", "The answer is to another question."
    ORIGIN_MISMATCH = "origin-mismatch", "The answer was made for another place."
    AUTHENTICATOR_DATA_INVALID = (
        "authenticator-data-invalid",
        "The key's signed data is malformed.",
    )
    RP_ID_MISMATCH = "rp-id-mismatch", "The answer was made for another site."
    USER_NOT_PRESENT = "user-not-present", "Nobody was present at the key."
    USER_NOT_VERIFIED = "user-not-verified", "The key did not check a finger."
    CREDENTIAL_MISMATCH = (
        "credential-mismatch",
        "Another credential answered than the one asked for.",
    )
    ALGORITHM_NOT_ALLOWED = (
        "algorithm-not-allowed",
        "The credential's signature algorithm is not one of ES256 and EdDSA.",
    )
    SIGNATURE_INVALID = "signature-invalid", "The signature is not the enrolled key's."
    COUNTER_NOT_RISING = (
        "counter-not-rising",
        "The key's counter did not rise: it may have been cloned; it is suspended.",
    )
    CREDENTIAL_UNKNOWN = "credential-unknown", "This credential is not enrolled."
    CREDENTIAL_SUSPENDED = "credential-suspended", "This key is suspended."
    CREDENTIAL_REVOKED = "credential-revoked", "This key was revoked."
    CREDENTIAL_EXPIRED = "credential-expired", "This key has expired."

    # The rules (core.policy, in this order)
    LOCKDOWN = "lockdown", "The door is locked down."
    DOOR_BLOCKED = "door-blocked", "The door is blocked: no key opens it for now."
    POLICY_UNAVAILABLE = (
        "policy-unavailable",
        "The policy that the ledger names is not there, or was edited.",
    )
    HOLDER_UNKNOWN = "holder-unknown", "The holder of this key is not registered."
    HOLDER_SUSPENDED = "holder-suspended", "The holder is suspended."
    TIME_UNTRUSTED = (
        "time-untrusted",
        "The clock is not synchronised, and this rule needs the time.",
    )
    HOLDER_NOT_YET_VALID = "holder-not-yet-valid", "The holder's validity starts later."
    HOLDER_EXPIRED = "holder-expired", "The holder's validity has ended."
    PASS_USED_UP = "pass-used-up", "This visitor's pass has no uses left."
    DOOR_NOT_ALLOWED = "door-not-allowed", "None of the holder's groups has this door."
    HOLIDAY = "holiday", "Closed at this hour today: a holiday or a special day."
    OUTSIDE_HOURS = "outside-hours", "Outside the hours of the holder's groups."
    FIRST_PERSON_ABSENT = (
        "first-person-absent",
        "Somebody who has to be here first has not come in yet today.",
    )
    PASSBACK = "passback", "The holder is inside already, and has not come out."
    SECOND_PERSON_NEEDED = (
        "second-person-needed",
        "Waiting for a second person; nothing has opened yet.",
    )
    STEP_UP_NEEDED = (
        "step-up-needed",
        "At this hour one touch is not enough: waiting for the second one.",
    )

    # The gateway itself (service.session, service.doorkeeper)
    LEDGER_UNAVAILABLE = (
        "ledger-unavailable",
        "The ledger cannot be written, and nothing opens without an entry.",
    )
    INTERLOCKED = "interlocked", "The other door of the interlock is not shut."
    DOOR_REFUSED = "door-refused", "The grant no longer fitted the door's state."
    STRIKE_UNAVAILABLE = "strike-unavailable", "The strike's process is out of reach."


AWAITING: Final = frozenset(
    {DenialReason.SECOND_PERSON_NEEDED, DenialReason.STEP_UP_NEEDED}
)
"""Every other rule held: another touch, soon enough, may open."""


class CredentialState(Enum):
    """The life of a credential. REVOKED is final."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Mode(Enum):
    """What a door is for now: ONVIF's DoorMode (doorcontrol.wsdl, tdc:DoorMode).

    Accessed and Unknown are only shown; DoubleLocked is of doors with a second lock,
    which this hardware has not. core.orders has the precedence of the others.
    """

    UNKNOWN = "Unknown"
    LOCKED = "Locked"
    UNLOCKED = "Unlocked"
    ACCESSED = "Accessed"
    BLOCKED = "Blocked"
    LOCKED_DOWN = "LockedDown"
    LOCKED_OPEN = "LockedOpen"
    DOUBLE_LOCKED = "DoubleLocked"


class InputName(Enum):
    """The door's inputs, by what they mean when active."""

    CONTACT_OPEN = "contact-open"
    EXIT_REQUEST = "exit-request"
    TAMPER = "tamper"
    FIRE = "fire"
    INTERLOCK = "interlock"


class Pattern(Enum):
    """What light and buzzer say; an adapter turns it into blinks and beeps."""

    READY = "ready"
    VERIFYING = "verifying"
    TOUCH_NOW = "touch-now"
    GRANTED = "granted"
    UNLOCKED = "unlocked"
    PRE_ALARM = "pre-alarm"
    DENIED = "denied"
    FAULT = "fault"
    ALARM = "alarm"
    ORDER = "order"
