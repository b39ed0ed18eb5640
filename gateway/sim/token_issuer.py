"""The part of a simulated key that issues tokens for a user verification.

One token at a time, for one site and for what it was asked for; a touch uses it up
(CTAP 2.2 §6.5.5.4, §6.5.5.7.3, §6.5.6, §6.5.7). This is the other end of
gateway.ctap.pin_uv, written apart from it.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.ctap import cbor
from gateway.ctap.command import Protocol
from gateway.ctap.pin_uv import Permission
from gateway.ctap.status import CtapStatus
from gateway.sim.attestation_ca import p256_key
from gateway.sim.credential import cose_point
from gateway.sim.entropy import SeededEntropy
from gateway.sim.refusal import RefusedError

TOKEN_MS_MAX: Final = 30_000  # initial usage time limit, and user present time limit

_TOKEN_BYTES: Final = 32
_BLOCK_BYTES: Final = 16
_OFFERED: Final = Permission.MAKE_CREDENTIAL | Permission.GET_ASSERTION
_OTHERS: Final = (
    0x04 | 0x08 | 0x10 | 0x20 | 0x40
)  # permissions that no K1 has a use for
_ECDH_ES_HKDF_256: Final = -25
_EC2_P256: Final = (2, 1)  # RFC 9053 §7.1, kty and crv

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """A token that waits for the finger which it is for."""

    protocol: Protocol
    permissions: int
    rp_id: str
    shared: bytes = field(repr=False)


@dataclass(slots=True)
class _Token:
    protocol: Protocol
    permissions: int
    rp_id: str
    user_is_present: bool
    secret: bytes = field(repr=False)


class TokenIssuer:
    """Agrees on keys, issues tokens, and judges what is proved with them."""

    def __init__(
        self,
        protocols: Sequence[Protocol],
        entropy: SeededEntropy,
        *,
        remembers_touch: bool = True,
    ) -> None:
        """Have no token in use.

        Args:
            protocols: that it speaks, the best first.
            entropy: decides keys, tokens and vectors.
            remembers_touch: False for a key that wants another touch for the request.
        """
        self.protocols: Final = tuple(protocols)
        self._entropy: Final = entropy
        self._remembers_touch: Final = remembers_touch
        self._private: Final = p256_key(entropy)
        self._token: _Token | None = None

    @property
    def user_is_present(self) -> bool:
        """Tell whether the touch that the token is for counts as presence too."""
        return self._token is not None and self._token.user_is_present

    def key_agreement(self, parameters: cbor.CborMap) -> cbor.CborMap:
        """Answer getKeyAgreement."""
        self.protocol(parameters, 1)
        point = cose_point(self._private.public_key())
        return {1: {1: 2, 3: _ECDH_ES_HKDF_256, **point}}

    def order(self, parameters: cbor.CborMap) -> TokenOrder:
        """Take getPinUvAuthTokenUsingUvWithPermissions; the finger comes later."""
        protocol = self.protocol(parameters, 1)
        point = required(parameters, 3, dict)
        permissions = required(parameters, 9, int)
        rp_id = required(parameters, 10, str)
        if permissions <= 0:
            raise RefusedError(CtapStatus.INVALID_PARAMETER)
        if permissions & _OTHERS:
            raise RefusedError(CtapStatus.UNAUTHORIZED_PERMISSION)
        shared = self._private.exchange(ec.ECDH(), _public(point))
        return TokenOrder(protocol, permissions & _OFFERED, rp_id, shared)

    def issue(self, order: TokenOrder) -> cbor.CborMap:
        """Answer an order whose user has been verified; older tokens are void."""
        secret = self._entropy.token(_TOKEN_BYTES)
        self._token = _Token(
            order.protocol,
            order.permissions,
            order.rp_id,
            self._remembers_touch,
            secret,
        )
        vector, prefix = bytes(_BLOCK_BYTES), b""
        key = sha256(order.shared).digest()
        if order.protocol is Protocol.TWO:
            vector = prefix = self._entropy.token(_BLOCK_BYTES)
            key = HKDF(SHA256(), 32, bytes(32), b"CTAP2 AES key").derive(order.shared)
        cipher = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
        return {2: prefix + cipher.update(secret) + cipher.finalize()}

    def check(
        self,
        protocol: Protocol,
        param: bytes,
        client_data_hash: bytes,
        permission: Permission,
        rp_id: str,
    ) -> None:
        """Judge the proof of one request (§6.1.2 step 11.1, §6.2.2 step 6.1)."""
        token = self._token
        if (
            token is None
            or token.protocol is not protocol
            or not hmac.compare_digest(_proof(token, client_data_hash), param)
            or not token.permissions & permission
            or token.rp_id != rp_id
        ):
            raise RefusedError(CtapStatus.PIN_AUTH_INVALID)

    def use_up(self) -> None:
        """Let a touch that was answered end what the token is good for (step 9)."""
        if self._token is not None:
            self._token.permissions = 0
            self._token.user_is_present = False

    def drop(self) -> None:
        """Stop using the token: its time is over, or the key was reset."""
        self._token = None

    def protocol(self, parameters: cbor.CborMap, number: int) -> Protocol:
        """Return the protocol that a request names, if the key speaks it."""
        wanted = required(parameters, number, int)
        for protocol in self.protocols:
            if protocol == wanted:
                return protocol
        raise RefusedError(CtapStatus.INVALID_PARAMETER)


def required(parameters: Mapping[Any, Any], number: int, kind: type[_T]) -> _T:
    """Return one parameter of a request, of the right type."""
    if number not in parameters:
        raise RefusedError(CtapStatus.MISSING_PARAMETER)
    value = parameters[number]
    if type(value) is not kind:
        raise RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
    return value


def _proof(token: _Token, client_data_hash: bytes) -> bytes:
    mac = hmac.digest(token.secret, client_data_hash, "sha256")
    return mac[:16] if token.protocol is Protocol.ONE else mac


def _public(point: cbor.CborMap) -> ec.EllipticCurvePublicKey:
    x, y = point.get(-2), point.get(-3)
    if (point.get(1), point.get(-1)) != _EC2_P256:
        raise RefusedError(CtapStatus.INVALID_PARAMETER)
    if not isinstance(x, bytes) or not isinstance(y, bytes):
        raise RefusedError(CtapStatus.INVALID_PARAMETER)
    try:
        return ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
        ).public_key()
    except ValueError as error:
        raise RefusedError(CtapStatus.INVALID_PARAMETER) from error
