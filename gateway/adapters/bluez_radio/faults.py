"""What a failure of bleak or BlueZ means, in the gateway's own errors."""

from typing import Final

from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from gateway.core.ids import PeerAddress
from gateway.ctap.advert import clean_name
from gateway.errors import BondMissingError, KeyraError, LinkLostError, ServiceError

# BlueZ's words for a peer that answered the encryption request with "key missing".
_BOND_WORDS: Final = ("br-connection-canceled", "le-connection-key-missing")
_BOND_NAMES: Final = frozenset(
    {"org.bluez.Error.AuthenticationFailed", "org.bluez.Error.NotPermitted"}
)
_BOND_CODES: Final = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
    }
)


def link_error(address: PeerAddress, error: Exception, verb: str) -> KeyraError:
    """Name what went wrong, from what bleak and BlueZ say."""
    if isinstance(error, BleakCharacteristicNotFoundError):
        return ServiceError(
            f"{address} lacks the FIDO service or a part of it: it is no FIDO2 key."
        )
    if _is_bond_lost(error):
        return BondMissingError(
            f"{address} no longer knows this gateway: if its holder did not reset the"
            " key, treat it as an alarm; else forget the bond and enrol the key again."
        )
    return LinkLostError(
        f"{address} went away and did not {verb}"
        f" ({clean_name(str(error), 80) or type(error).__name__}):"
        " hold the key closer and touch again."
    )


def _is_bond_lost(error: Exception) -> bool:
    if isinstance(error, BleakGATTProtocolError):
        return error.code in _BOND_CODES
    if isinstance(error, BleakDBusError):
        return error.dbus_error in _BOND_NAMES or any(
            word in (error.dbus_error_details or "") for word in _BOND_WORDS
        )
    return False
