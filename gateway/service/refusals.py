"""What a key's refusals, and its failures, mean where it was asked for a signature."""

from collections.abc import Mapping
from typing import Final

from gateway.core import entries
from gateway.core.encoding import to_base64url
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.ids import CredentialId
from gateway.core.registry import Registry
from gateway.ctap.status import CtapStatus
from gateway.errors import (
    AuthenticatorError,
    BondMissingError,
    LinkError,
    LinkTimeoutError,
    WireError,
)

# CTAP 2.2 §8.2. Others are KEY_ERROR.
_REFUSALS: Final[Mapping[int, DenialReason]] = {
    CtapStatus.UV_INVALID: DenialReason.FINGER_NOT_RECOGNISED,
    CtapStatus.UV_BLOCKED: DenialReason.FINGER_BLOCKED,
    CtapStatus.PIN_BLOCKED: DenialReason.FINGER_BLOCKED,  # §6.2.2 step 6.2, without PIN
    CtapStatus.OPERATION_DENIED: DenialReason.DECLINED,
    CtapStatus.USER_ACTION_TIMEOUT: DenialReason.NO_TOUCH,
    CtapStatus.ACTION_TIMEOUT: DenialReason.NO_TOUCH,
    CtapStatus.KEEPALIVE_CANCEL: DenialReason.NO_TOUCH,
    CtapStatus.NO_CREDENTIALS: DenialReason.KEY_WITHOUT_CREDENTIAL,
    CtapStatus.INVALID_CREDENTIAL: DenialReason.KEY_WITHOUT_CREDENTIAL,
}


def reason_of(
    error: LinkError | WireError | AuthenticatorError, *, connected: bool
) -> DenialReason:
    """Say what a failure of a key or its link means."""
    match error:
        case BondMissingError():
            return DenialReason.BOND_MISSING
        case _ if not connected:
            return DenialReason.LINK_LOST
        case AuthenticatorError(status=status):
            return _REFUSALS.get(status, DenialReason.KEY_ERROR)
        case LinkTimeoutError():
            return DenialReason.NO_TOUCH
        case LinkError():
            return DenialReason.LINK_LOST
        case _:
            return DenialReason.WIRE_BROKEN


def suspension(registry: Registry, credential_id: CredentialId) -> list[entries.Record]:
    """Return what follows from a counter that does not rise: it may be a clone."""
    credential = registry.credential(credential_id)
    if credential is None or credential.state is not CredentialState.ACTIVE:
        return []
    return [
        entries.credential_state_record(
            credential_id,
            CredentialState.SUSPENDED,
            DenialReason.COUNTER_NOT_RISING.value,
            entries.BY_GATEWAY,
        ),
        entries.alarm_record("cloned-key", to_base64url(credential_id)),
    ]
