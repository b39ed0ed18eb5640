"""What a key's own status means at a door (CTAP 2.2 §8.2)."""

import pytest

from gateway.core.facts import DenialReason
from gateway.ctap.status import CtapStatus, authenticator_error
from gateway.service.refusals import reason_of

MEANINGS = {
    CtapStatus.UV_INVALID: DenialReason.FINGER_NOT_RECOGNISED,
    CtapStatus.UV_BLOCKED: DenialReason.FINGER_BLOCKED,
    CtapStatus.OPERATION_DENIED: DenialReason.DECLINED,
    CtapStatus.USER_ACTION_TIMEOUT: DenialReason.NO_TOUCH,
    CtapStatus.NO_CREDENTIALS: DenialReason.KEY_WITHOUT_CREDENTIAL,
    CtapStatus.OTHER: DenialReason.KEY_ERROR,
    CtapStatus.INTEGRITY_FAILURE: DenialReason.KEY_ERROR,
}


@pytest.mark.parametrize(
    ("status", "reason"), MEANINGS.items(), ids=[s.name for s in MEANINGS]
)
def test_a_status_has_one_meaning(status: CtapStatus, reason: DenialReason) -> None:
    assert reason_of(authenticator_error(status), connected=True) is reason


def test_a_status_that_the_standard_lacks_is_the_keys_own_error() -> None:
    error = authenticator_error(0xE7)
    assert reason_of(error, connected=True) is DenialReason.KEY_ERROR
