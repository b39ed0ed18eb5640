"""What a simulated key can do wrong, each by one name that tests and stories share."""

from enum import StrEnum


class Misbehaviour(StrEnum):
    """One way to break the rules; a key may have several at once.

    The first group is in the answer, the second on the wire.
    """

    UV_NOT_SET = "uv-not-set"
    UP_NOT_SET = "up-not-set"
    COUNTER_STUCK = "counter-stuck"
    COUNTER_BACK = "counter-back"  # as a clone answers that was made earlier
    STALE_ANSWER = "stale-answer"  # sends its previous answer again
    FOREIGN_RP_ID = "foreign-rp-id"
    WRONG_CREDENTIAL = "wrong-credential"
    BAD_SIGNATURE = "bad-signature"
    NONCANONICAL_CBOR = "noncanonical-cbor"
    TRUNCATED_CBOR = "truncated-cbor"

    RUBBISH_FRAMES = "rubbish-frames"
    STALL = "stall"  # takes the request and is silent for ever
    DISCONNECT_MID_MESSAGE = "disconnect-mid-message"
    IGNORES_CANCEL = "ignores-cancel"  # and answers late, when the finger comes
    NO_KEEPALIVES = "no-keepalives"
    FLOOD = "flood"  # notifies without end
