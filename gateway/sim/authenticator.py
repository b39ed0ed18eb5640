"""The authenticator inside a simulated key: CTAP2 requests in, answers out, no I/O.

One request at a time. A request that needs a person is left waiting until `act` says
what the finger did, or `cancel` or `time_out` ends it (CTAP 2.2 §6.1, §6.2, §6.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gateway.ctap import cbor
from gateway.ctap.command import CtapCommand
from gateway.ctap.status import CtapStatus
from gateway.errors import MessageError
from gateway.sim.attestation_ca import AttestationChain, p256_key
from gateway.sim.entropy import SeededEntropy
from gateway.sim.misbehaviour import Misbehaviour

ALG_ES256: Final = -7
ALG_EDDSA: Final = -8
UV_RETRIES_MAX: Final = 5
REQUEST_BYTES_MAX: Final = 2048  # getInfo, maxMsgSize

_CREDENTIAL_ID_BYTES: Final = 32
_GET_UV_RETRIES: Final = 0x07  # §6.5.5.3
_UP, _UV, _AT = 0x01, 0x04, 0x40  # WebAuthn L3 §6.1, flags
_FOREIGN_RP_ID: Final = "elsewhere.example"
_CLONE_LAG: Final = 3

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Finger(StrEnum):
    """What a person did to the sensor."""

    RIGHT = "right"
    WRONG = "wrong"
    DECLINE = "decline"


class AttestationStyle(Enum):
    """The attestation statement that makeCredential returns (WebAuthn L3 §8)."""

    PACKED_X5C = "packed-x5c"
    PACKED_SELF = "packed-self"
    NONE = "none"


class _RefusedError(Exception):
    """Ends a request with a CTAP status."""

    def __init__(self, status: CtapStatus) -> None:
        self.status: Final = status


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential on the key."""

    id: bytes
    rp_id: str
    user_id: bytes
    algorithm: int
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Waiting:
    command: CtapCommand
    parameters: Mapping[Any, Any]


class Authenticator:
    """A FIDO2 authenticator with a fingerprint sensor; misbehaves when told to."""

    def __init__(
        self,
        chain: AttestationChain,
        entropy: SeededEntropy,
        *,
        algorithm: int = ALG_ES256,
        style: AttestationStyle = AttestationStyle.PACKED_X5C,
        aaguid: bytes | None = None,
        counts: bool = True,
    ) -> None:
        """Make a key without credentials.

        Args:
            chain: its attestation.
            entropy: decides credential keys and ids.
            algorithm: the only COSE algorithm it offers.
            style: its attestation statement.
            aaguid: what it claims, where that is not its chain's.
            counts: False for a key whose counter is always 0 (WebAuthn L3 §6.1.1).
        """
        self.misbehaviour: Final[set[Misbehaviour]] = set()
        self.credentials: Final[dict[bytes, Credential]] = {}
        self.uv_retries = UV_RETRIES_MAX
        self.counter = 0
        self._chain: Final = chain
        self._entropy: Final = entropy
        self._algorithm: Final = algorithm
        self._style: Final = style
        self._aaguid: Final = chain.aaguid if aaguid is None else aaguid
        self._counts: Final = counts
        self._waiting: _Waiting | None = None
        self._previous: bytes | None = None

    @property
    def waiting(self) -> bool:
        """Tell whether a request waits for a finger."""
        return self._waiting is not None

    def begin(self, request: bytes) -> bytes | None:
        """Take a request; return the answer, or None when it needs a finger first."""
        self._waiting = None
        try:
            return self._begin(request)
        except _RefusedError as refusal:
            return bytes((refusal.status,))

    def act(self, finger: Finger) -> bytes:
        """Let a finger answer the waiting request; return the answer."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return bytes((CtapStatus.NO_OPERATIONS,))
        try:
            self._check(finger)
            if waiting.command is CtapCommand.MAKE_CREDENTIAL:
                return self._make_credential(waiting)
            return self._get_assertion(waiting)
        except _RefusedError as refusal:
            return bytes((refusal.status,))

    def cancel(self) -> bytes:
        """End the waiting request as a CANCEL does."""
        self._waiting = None
        return bytes((CtapStatus.KEEPALIVE_CANCEL,))

    def time_out(self) -> bytes:
        """End the waiting request because nobody came."""
        self._waiting = None
        return bytes((CtapStatus.USER_ACTION_TIMEOUT,))

    def reset(self) -> None:
        """Forget all credentials, as a factory reset does."""
        self.credentials.clear()
        self.uv_retries = UV_RETRIES_MAX
        self._previous = None
        self._waiting = None

    def _begin(self, request: bytes) -> bytes | None:
        if not request or len(request) > REQUEST_BYTES_MAX:
            raise _RefusedError(CtapStatus.INVALID_LENGTH)
        try:
            command = CtapCommand(request[0])
        except ValueError as error:
            raise _RefusedError(CtapStatus.INVALID_COMMAND) from error
        if command is CtapCommand.GET_INFO:
            return _ok(self._info())
        try:
            parameters = cbor.decode_map(request[1:])
        except MessageError as error:
            raise _RefusedError(CtapStatus.INVALID_CBOR) from error
        if command is CtapCommand.CLIENT_PIN:
            return self._client_pin(parameters)
        self._waiting = self._understood(command, parameters)
        return None

    def _info(self) -> cbor.CborMap:
        return {
            1: ["FIDO_2_0", "FIDO_2_1"],
            3: self._aaguid,
            4: {"rk": False, "up": True, "uv": True, "alwaysUv": True, "plat": False},
            5: REQUEST_BYTES_MAX,
            6: [2],  # for getUVRetries alone: no PIN, no token
            7: 1,  # maxCredentialCountInList: one id per request is what a door sends
            8: _CREDENTIAL_ID_BYTES,
            9: ["ble"],
            10: [{"alg": self._algorithm, "type": "public-key"}],
            17: 1,  # preferredPlatformUvAttempts
            18: 2,  # uvModality: fingerprint
        }

    def _client_pin(self, parameters: cbor.CborMap) -> bytes:
        if parameters.get(2) != _GET_UV_RETRIES:
            raise _RefusedError(CtapStatus.INVALID_SUBCOMMAND)
        return _ok({5: self.uv_retries})

    def _understood(self, command: CtapCommand, parameters: cbor.CborMap) -> _Waiting:
        making = command is CtapCommand.MAKE_CREDENTIAL
        shapes: dict[int, type] = (
            {1: bytes, 2: dict, 3: dict, 4: list} if making else {1: str, 2: bytes}
        )
        for number, kind in shapes.items():
            if number not in parameters:
                raise _RefusedError(CtapStatus.MISSING_PARAMETER)
            if not isinstance(parameters[number], kind):
                raise _RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
        if making:
            self._check_algorithm(parameters[4])
        options = parameters.get(7 if making else 5, {})
        if not isinstance(options, dict):
            raise _RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
        if not options.get("uv", False):
            raise _RefusedError(CtapStatus.PUAT_REQUIRED)  # alwaysUv
        if self.uv_retries <= 0:
            raise _RefusedError(CtapStatus.UV_BLOCKED)
        return _Waiting(command, parameters)

    def _check_algorithm(self, offered: list[Any]) -> None:
        if not any(
            isinstance(entry, dict) and entry.get("alg") == self._algorithm
            for entry in offered
        ):
            raise _RefusedError(CtapStatus.UNSUPPORTED_ALGORITHM)

    def _check(self, finger: Finger) -> None:
        """Pass a right finger; count a wrong one (§6.5.3, uvRetries)."""
        if finger is Finger.DECLINE:
            raise _RefusedError(CtapStatus.OPERATION_DENIED)
        if finger is Finger.WRONG:
            self.uv_retries -= 1
            raise _RefusedError(
                CtapStatus.UV_INVALID if self.uv_retries > 0 else CtapStatus.UV_BLOCKED
            )
        self.uv_retries = UV_RETRIES_MAX

    def _make_credential(self, waiting: _Waiting) -> bytes:
        parameters = waiting.parameters
        rp_id = _text(parameters[2], "id")
        if any(c is not None for c in self._named(parameters.get(5, []), rp_id)):
            raise _RefusedError(CtapStatus.CREDENTIAL_EXCLUDED)
        user_id = parameters[3].get("id")
        if not isinstance(user_id, bytes):
            raise _RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
        credential = Credential(
            self._entropy.token(_CREDENTIAL_ID_BYTES),
            rp_id,
            user_id,
            self._algorithm,
            self._new_key(),
        )
        self.credentials[credential.id] = credential
        auth_data = (
            self._auth_data(rp_id, _AT)
            + self._aaguid
            + len(credential.id).to_bytes(2, "big")
            + credential.id
            + cbor.encode(_cose_key(credential.key))
        )
        fmt, statement = self._attest(credential, auth_data + parameters[1])
        return self._spoilt(_ok({1: fmt, 2: auth_data, 3: statement}))

    def _attest(
        self, credential: Credential, signed: bytes
    ) -> tuple[str, cbor.CborMap]:
        if self._style is AttestationStyle.NONE:
            return "none", {}
        if self._style is AttestationStyle.PACKED_SELF:
            signature = _sign(credential.key, signed)
            return "packed", {"alg": credential.algorithm, "sig": signature}
        signature = _sign(self._chain.leaf.key, signed)
        return "packed", {"alg": ALG_ES256, "sig": signature, "x5c": self._chain.x5c}

    def _get_assertion(self, waiting: _Waiting) -> bytes:
        parameters = waiting.parameters
        rp_id: str = parameters[1]
        found = [c for c in self._named(parameters.get(3, []), rp_id) if c is not None]
        if not found:
            raise _RefusedError(CtapStatus.NO_CREDENTIALS)
        if Misbehaviour.STALE_ANSWER in self.misbehaviour and self._previous:
            return self._previous
        credential = found[0]
        foreign = Misbehaviour.FOREIGN_RP_ID in self.misbehaviour
        auth_data = self._auth_data(_FOREIGN_RP_ID if foreign else rp_id, 0)
        signature = _sign(credential.key, auth_data + parameters[2])
        if Misbehaviour.BAD_SIGNATURE in self.misbehaviour:
            signature = signature[:-1] + bytes((signature[-1] ^ 1,))
        credential_id = credential.id
        if Misbehaviour.WRONG_CREDENTIAL in self.misbehaviour:
            credential_id = sha256(credential_id).digest()
        answer = _ok(
            {
                1: {"id": credential_id, "type": "public-key"},
                2: auth_data,
                3: signature,
            }
        )
        self._previous = answer
        return self._spoilt(answer)

    def _named(self, descriptors: object, rp_id: str) -> list[Credential | None]:
        """Return the key's credential for each descriptor, None for a stranger's."""
        if not isinstance(descriptors, list):
            raise _RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
        found = []
        for descriptor in descriptors:
            if not isinstance(descriptor, dict):
                raise _RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
            credential_id = descriptor.get("id")
            if not isinstance(credential_id, bytes):
                raise _RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
            credential = self.credentials.get(credential_id)
            known = credential is not None and credential.rp_id == rp_id
            found.append(credential if known else None)
        return found

    def _auth_data(self, rp_id: str, flags: int) -> bytes:
        if Misbehaviour.UP_NOT_SET not in self.misbehaviour:
            flags |= _UP
        if Misbehaviour.UV_NOT_SET not in self.misbehaviour:
            flags |= _UV
        counter = self._count().to_bytes(4, "big")
        return sha256(rp_id.encode()).digest() + bytes((flags,)) + counter

    def _count(self) -> int:
        if not self._counts:
            return 0
        if Misbehaviour.COUNTER_BACK in self.misbehaviour:
            return max(1, self.counter - _CLONE_LAG)
        if Misbehaviour.COUNTER_STUCK not in self.misbehaviour:
            self.counter += 1
        return self.counter

    def _new_key(self) -> PrivateKey:
        if self._algorithm == ALG_EDDSA:
            return ed25519.Ed25519PrivateKey.from_private_bytes(self._entropy.token(32))
        return p256_key(self._entropy)

    def _spoilt(self, answer: bytes) -> bytes:
        if Misbehaviour.TRUNCATED_CBOR in self.misbehaviour:
            return answer[:-1]
        if Misbehaviour.NONCANONICAL_CBOR in self.misbehaviour:
            # The map's count in two bytes where one is enough.
            return answer[:1] + bytes((0xB8, answer[1] & 0x1F)) + answer[2:]
        return answer


def _ok(members: cbor.CborMap) -> bytes:
    return bytes((CtapStatus.OK,)) + cbor.encode(members)


def _text(members: Mapping[Any, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise _RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
    return value


def _sign(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def _cose_key(key: PrivateKey) -> cbor.CborMap:
    """Return the public half as a COSE key (RFC 9053 §7.1, §7.2)."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {1: 1, 3: ALG_EDDSA, -1: 6, -2: public.public_bytes_raw()}
    point = public.public_numbers()
    return {
        1: 2,
        3: ALG_ES256,
        -1: 1,
        -2: point.x.to_bytes(32, "big"),
        -3: point.y.to_bytes(32, "big"),
    }
