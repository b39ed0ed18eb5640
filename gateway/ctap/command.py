"""CTAP2 requests as bytes (CTAP 2.2 §6.1, §6.2 and §6.4).

A request always asks for user verification: there is no way here to send one without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from gateway.ctap import cbor

CLIENT_DATA_HASH_BYTES: Final = 32
CREDENTIAL_ID_BYTES_MIN: Final = 16  # WebAuthn L3 §4, "credential ID"
CREDENTIAL_ID_BYTES_MAX: Final = 1023
USER_ID_BYTES_MAX: Final = 64  # WebAuthn L3 §5.4.3, user handle
TEXT_BYTES_MAX: Final = 64  # §6.1.2: what every authenticator keeps of a name
_PUBLIC_KEY: Final = "public-key"


class CtapCommand(IntEnum):
    """First byte of a request (§8.1)."""

    MAKE_CREDENTIAL = 0x01
    GET_ASSERTION = 0x02
    GET_INFO = 0x04
    CLIENT_PIN = 0x06


class Protocol(IntEnum):
    """PIN/UV auth protocols (§6.5.6, §6.5.7)."""

    ONE = 1
    TWO = 2


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom a credential is for: `id` is the site's domain, `name` is for people."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class UserEntity:
    """What the key keeps of a user: `id` is 1 to 64 bytes and names nobody."""

    id: bytes
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class PinUvAuth:
    """Proof of a user verification that has just been made (§6.5.1).

    Attributes:
        protocol: the one that the token came by.
        param: the MAC over the request's client data hash.
    """

    protocol: Protocol
    param: bytes


def get_info() -> bytes:
    """Return an authenticatorGetInfo request."""
    return bytes((CtapCommand.GET_INFO,))


def make_credential(
    *,
    client_data_hash: bytes,
    rp: RelyingParty,
    user: UserEntity,
    algorithms: Sequence[int],
    exclude: Sequence[bytes] = (),
    pin_uv: PinUvAuth | None = None,
) -> bytes:
    """Return an authenticatorMakeCredential request for a non-discoverable credential.

    Args:
        client_data_hash: 32 bytes.
        rp: the site.
        user: names longer than 64 bytes of UTF-8 are cut (WebAuthn L3 §6.4.1).
        algorithms: COSE algorithms, most wanted first.
        exclude: credential ids that must not be on this key already.
        pin_uv: a token's proof; without it the key verifies the user as it answers.

    Raises:
        ValueError: an argument out of the standard's bounds.
    """
    _check_hash(client_data_hash)
    if not 1 <= len(user.id) <= USER_ID_BYTES_MAX:
        raise ValueError(f"a user id of {len(user.id)} bytes: 1 to 64 are legal")
    if not algorithms:
        raise ValueError("no algorithm was given to choose from")
    parameters: dict[int, Any] = {
        1: client_data_hash,
        2: {"id": rp.id, "name": _cut(rp.name)},
        3: {
            "id": user.id,
            "name": _cut(user.name),
            "displayName": _cut(user.display_name),
        },
        4: [{"alg": algorithm, "type": _PUBLIC_KEY} for algorithm in algorithms],
    }
    if exclude:
        parameters[5] = [_descriptor(credential_id) for credential_id in exclude]
    if pin_uv is None:
        parameters[7] = {"uv": True}
    else:
        parameters |= {8: pin_uv.param, 9: int(pin_uv.protocol)}
    return bytes((CtapCommand.MAKE_CREDENTIAL,)) + cbor.encode(parameters)


def get_assertion(
    *,
    rp_id: str,
    client_data_hash: bytes,
    credential_id: bytes,
    pin_uv: PinUvAuth | None = None,
) -> bytes:
    """Return an authenticatorGetAssertion request for exactly one credential.

    Args:
        rp_id: the site's domain.
        client_data_hash: 32 bytes.
        credential_id: 16 to 1,023 bytes.
        pin_uv: a token's proof; without it the key verifies the user as it answers.

    Raises:
        ValueError: an argument out of the standard's bounds.
    """
    _check_hash(client_data_hash)
    parameters: dict[int, Any] = {
        1: rp_id,
        2: client_data_hash,
        3: [_descriptor(credential_id)],
    }
    if pin_uv is None:
        parameters[5] = {"uv": True}
    else:
        parameters |= {6: pin_uv.param, 7: int(pin_uv.protocol)}
    return bytes((CtapCommand.GET_ASSERTION,)) + cbor.encode(parameters)


def _check_hash(client_data_hash: bytes) -> None:
    if len(client_data_hash) != CLIENT_DATA_HASH_BYTES:
        raise ValueError(f"a client data hash of {len(client_data_hash)} bytes, not 32")


def _descriptor(credential_id: bytes) -> dict[str, Any]:
    if not CREDENTIAL_ID_BYTES_MIN <= len(credential_id) <= CREDENTIAL_ID_BYTES_MAX:
        raise ValueError(f"a credential id of {len(credential_id)} bytes: 16 to 1023")
    return {"id": credential_id, "type": _PUBLIC_KEY}


def _cut(text: str) -> str:
    return text.encode()[:TEXT_BYTES_MAX].decode("utf-8", "ignore")
