"""A token for a user verification made beforehand (CTAP 2.2 §6.5.5.7, §6.5.6, §6.5.7).

Keys that issue tokens want them; a touch still follows. Only the built-in verification
is here: there is no PIN at a door. The order is key agreement, token, proof::

    agreement = KeyAgreement(protocol, entropy, answer to get_key_agreement(protocol))
    token = agreement.open_token(answer to agreement.get_token(permission, rp_id))
    get_assertion(…, pin_uv=token.prove(client_data_hash))
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.ctap import cbor
from gateway.ctap.command import CtapCommand, PinUvAuth, Protocol
from gateway.ctap.response import Fields, response_map
from gateway.errors import MessageError

ENTROPY_BYTES: Final = 48  # FIPS 186-5 A.2.1: 64 bits or more beyond the order's 256
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_COORDINATE_BYTES: Final = 32
_BLOCK_BYTES: Final = 16
_KEY_BYTES: Final = 32
_SHORT_PROOF_BYTES: Final = 16  # §6.5.6, protocol one keeps half of the MAC
_UV_RETRIES_MAX: Final = 25  # §6.5.3, uvRetries

# RFC 9052 §7 and RFC 9053 §7.1.1: COSE_Key parameters and the values of P-256.
_KTY, _ALG, _CRV, _X, _Y = 1, 3, -1, -2, -3
_EC2, _P256, _ECDH_ES_HKDF_256 = 2, 1, -25


class Permission(IntFlag):
    """What a token is good for (§6.5.5.7); a door asks for one at a time."""

    MAKE_CREDENTIAL = 0x01
    GET_ASSERTION = 0x02


class _SubCommand(IntEnum):
    GET_KEY_AGREEMENT = 0x02
    GET_TOKEN_USING_UV = 0x06
    GET_UV_RETRIES = 0x07


def get_key_agreement(protocol: Protocol) -> bytes:
    """Return a request for the key's half of a key agreement (§6.5.5.4)."""
    return _client_pin(_SubCommand.GET_KEY_AGREEMENT, {1: int(protocol)})


def get_uv_retries(protocol: Protocol) -> bytes:
    """Return a request for the number of verifications left (§6.5.5.3)."""
    return _client_pin(_SubCommand.GET_UV_RETRIES, {1: int(protocol)})


def parse_uv_retries(payload: bytes) -> int:
    """Return how many verifications may fail before the key blocks them.

    Raises:
        AuthenticatorError, MessageError: as for `response.parse_response`.
    """
    fields = Fields("getUVRetries answer", response_map(payload))
    retries = fields.integer(5, 0)
    if retries > _UV_RETRIES_MAX:
        raise fields.refusal(5, f"exceeds {_UV_RETRIES_MAX}")
    return retries


@dataclass(frozen=True, slots=True)
class PinUvToken:
    """Proves a verification to the key that made it; secret, and gone in minutes."""

    protocol: Protocol
    secret: bytes = field(repr=False)

    def prove(self, client_data_hash: bytes) -> PinUvAuth:
        """Return the proof for one request (§6.1.2, §6.2.2: pinUvAuthParam)."""
        mac = hmac.digest(self.secret, client_data_hash, "sha256")
        if self.protocol is Protocol.ONE:
            mac = mac[:_SHORT_PROOF_BYTES]
        return PinUvAuth(self.protocol, mac)


class KeyAgreement:
    """An ECDH agreement with one key; use it for one token."""

    def __init__(self, protocol: Protocol, entropy: bytes, payload: bytes) -> None:
        """Agree on a secret with the key that sent `payload`.

        Args:
            protocol: as in the request.
            entropy: 48 fresh random bytes, used for nothing else.
            payload: the answer to `get_key_agreement`.

        Raises:
            AuthenticatorError, MessageError: as for `response.parse_response`; a point
                that is not on P-256 too.
            ValueError: too little entropy.
        """
        if len(entropy) != ENTROPY_BYTES:
            raise ValueError(f"{len(entropy)} bytes of entropy, not {ENTROPY_BYTES}")
        peer = _point(Fields("getKeyAgreement answer", response_map(payload)))
        scalar = int.from_bytes(entropy, "big") % (_P256_ORDER - 1) + 1
        private = ec.derive_private_key(scalar, ec.SECP256R1())
        mine = private.public_key().public_numbers()
        self._protocol = protocol
        self._cipher_key = _cipher_key(protocol, private.exchange(ec.ECDH(), peer))
        self._public: Mapping[int, Any] = {
            _KTY: _EC2,
            _ALG: _ECDH_ES_HKDF_256,  # §6.5.6 demands it, though nobody does it
            _CRV: _P256,
            _X: mine.x.to_bytes(_COORDINATE_BYTES, "big"),
            _Y: mine.y.to_bytes(_COORDINATE_BYTES, "big"),
        }

    def get_token(self, permission: Permission, rp_id: str) -> bytes:
        """Return a getPinUvAuthTokenUsingUvWithPermissions request (§6.5.5.7.3).

        The key verifies its user before it answers.
        """
        parameters = {
            1: int(self._protocol),
            3: self._public,
            9: int(permission),
            10: rp_id,
        }
        return _client_pin(_SubCommand.GET_TOKEN_USING_UV, parameters)

    def open_token(self, payload: bytes) -> PinUvToken:
        """Return the token of the answer to `get_token`.

        Raises:
            AuthenticatorError, MessageError: as for `response.parse_response`.
        """
        fields = Fields("getPinUvAuthToken answer", response_map(payload))
        sealed = fields.octets(2, _BLOCK_BYTES, _BLOCK_BYTES + _KEY_BYTES)
        vector = bytes(_BLOCK_BYTES)
        lengths = {_BLOCK_BYTES, _KEY_BYTES}
        if self._protocol is Protocol.TWO:
            vector, sealed = sealed[:_BLOCK_BYTES], sealed[_BLOCK_BYTES:]
            lengths = {_KEY_BYTES}
        if len(sealed) not in lengths:
            raise fields.refusal(2, f"seals {len(sealed)} bytes, which no token has")
        cipher = Cipher(algorithms.AES(self._cipher_key), modes.CBC(vector)).decryptor()
        return PinUvToken(self._protocol, cipher.update(sealed) + cipher.finalize())


def _client_pin(sub_command: _SubCommand, parameters: Mapping[int, Any]) -> bytes:
    encoded = cbor.encode({**parameters, 2: int(sub_command)})
    return bytes((CtapCommand.CLIENT_PIN,)) + encoded


def _point(answer: Fields) -> ec.EllipticCurvePublicKey:
    fields = Fields("getKeyAgreement answer's key", answer.mapping(1))
    if fields.integer(_KTY, 0) != _EC2 or fields.integer(_CRV, 0) != _P256:
        raise fields.refusal(_KTY, "or the curve is not that of P-256")
    x = int.from_bytes(fields.octets(_X, _COORDINATE_BYTES, _COORDINATE_BYTES), "big")
    y = int.from_bytes(fields.octets(_Y, _COORDINATE_BYTES, _COORDINATE_BYTES), "big")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise MessageError(
            "The key offered a point that is not on P-256 for a key agreement, as an"
            " attacker would: do not use this key until it is known why."
        ) from error


def _cipher_key(protocol: Protocol, shared: bytes) -> bytes:
    if protocol is Protocol.ONE:
        return hashlib.sha256(shared).digest()
    salt = bytes(_KEY_BYTES)
    return HKDF(hashes.SHA256(), _KEY_BYTES, salt, b"CTAP2 AES key").derive(shared)
