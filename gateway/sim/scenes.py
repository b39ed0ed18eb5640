"""What goes wrong at a door: who comes, what happens, and the one reason for it."""

from dataclasses import dataclass
from typing import Final

from gateway.core.facts import DenialReason
from gateway.sim.misbehaviour import Misbehaviour

CHALLENGE_S: Final = 3
_TOO_LATE_MS: Final = CHALLENGE_S * 1000 + 600


@dataclass(frozen=True, slots=True)
class Scene:
    """A visit that must be denied.

    Attributes:
        name: whose key comes.
        misbehaviour: what the key does wrong.
        finger: "right", "wrong", or "no" for declining.
        after_ms: how long the finger takes.
    """

    title: str
    name: str
    reason: DenialReason
    misbehaviour: tuple[Misbehaviour, ...] = ()
    finger: str = "right"
    after_ms: int = 0


SCENES: Final = (
    Scene(
        "A wrong finger", "holder-1", DenialReason.FINGER_NOT_RECOGNISED, finger="wrong"
    ),
    Scene("The holder declines", "holder-1", DenialReason.DECLINED, finger="no"),
    Scene("Outside its hours", "night", DenialReason.OUTSIDE_HOURS),
    Scene(
        "A replayed answer",
        "holder-1",
        DenialReason.ANSWER_REPLAYED,
        misbehaviour=(Misbehaviour.STALE_ANSWER,),
    ),
    Scene(
        "An answer too late",
        "holder-2",
        DenialReason.CHALLENGE_EXPIRED,
        misbehaviour=(Misbehaviour.IGNORES_CANCEL,),
        after_ms=_TOO_LATE_MS,
    ),
    Scene(
        "No finger was checked",
        "holder-2",
        DenialReason.USER_NOT_VERIFIED,
        misbehaviour=(Misbehaviour.UV_NOT_SET,),
    ),
    Scene(
        "An answer for another site",
        "holder-2",
        DenialReason.RP_ID_MISMATCH,
        misbehaviour=(Misbehaviour.FOREIGN_RP_ID,),
    ),
    Scene(
        "A cloned key's counter",
        "holder-2",
        DenialReason.COUNTER_NOT_RISING,
        misbehaviour=(Misbehaviour.COUNTER_BACK,),
    ),
    Scene("... and it is suspended", "holder-2", DenialReason.CREDENTIAL_SUSPENDED),
)
"""In this order: the cloned key comes last, since it is suspended for good."""
