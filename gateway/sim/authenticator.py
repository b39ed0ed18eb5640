"""The authenticator inside a simulated key: CTAP2 requests in, answers out, no I/O.

One request at a time. A request that needs a person is left waiting until `act` says
what the finger did, or `cancel` or `time_out` ends it (CTAP 2.2 §6.1, §6.2, §6.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ed25519

from gateway.ctap import cbor
from gateway.ctap.command import CtapCommand
from gateway.ctap.pin_uv import Permission
from gateway.ctap.status import CtapStatus
from gateway.errors import MessageError
from gateway.sim.attestation_ca import AttestationChain, p256_key
from gateway.sim.credential import Credential, PrivateKey, cose_key, sign
from gateway.sim.entropy import SeededEntropy
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.refusal import RefusedError
from gateway.sim.token_issuer import TokenIssuer, TokenOrder, required

ALG_ES256: Final = -7
ALG_EDDSA: Final = -8
UV_RETRIES_MAX: Final = 5
UV_ATTEMPTS: Final = 3  # getInfo, preferredPlatformUvAttempts of a key with tokens
REQUEST_BYTES_MAX: Final = 2048  # getInfo, maxMsgSize

_CREDENTIAL_ID_BYTES: Final = 32
# §6.5.5, subcommands
_GET_KEY_AGREEMENT, _GET_TOKEN_USING_UV, _GET_UV_RETRIES = 0x02, 0x06, 0x07
_UP, _UV, _AT = 0x01, 0x04, 0x40  # WebAuthn L3 §6.1, flags
_FOREIGN_RP_ID: Final = "elsewhere.example"
_CLONE_LAG: Final = 3


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


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that a person may answer; `proved` if a token came with it."""

    command: CtapCommand
    parameters: Mapping[Any, Any]
    proved: bool


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
        tokens: TokenIssuer | None = None,
    ) -> None:
        """Make a key without credentials.

        Args:
            chain: its attestation.
            entropy: decides credential keys and ids.
            algorithm: the only COSE algorithm it offers.
            style: its attestation statement.
            aaguid: what it claims, where that is not its chain's.
            counts: False for a key whose counter is always 0 (WebAuthn L3 §6.1.1).
            tokens: issues tokens for a verification; None for a key without.
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
        self._tokens: Final = tokens
        self._waiting: _Waiting | TokenOrder | None = None
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
        except RefusedError as refusal:
            return bytes((refusal.status,))

    def act(self, finger: Finger) -> bytes:
        """Let a finger answer the waiting request; return the answer."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return bytes((CtapStatus.NO_OPERATIONS,))
        try:
            return self._act(waiting, finger)
        except RefusedError as refusal:
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
        self.drop_token()

    def drop_token(self) -> None:
        """Let the token's time be over."""
        if self._tokens is not None:
            self._tokens.drop()

    def _act(self, waiting: _Waiting | TokenOrder, finger: Finger) -> bytes:
        if finger is Finger.DECLINE:
            raise RefusedError(CtapStatus.OPERATION_DENIED)
        if isinstance(waiting, TokenOrder):
            self._check(finger)
            return _ok(self._issuer().issue(waiting))
        if not waiting.proved:  # else any finger is presence enough
            self._check(finger)
        return self._answer(waiting)

    def _begin(self, request: bytes) -> bytes | None:
        if not request or len(request) > REQUEST_BYTES_MAX:
            raise RefusedError(CtapStatus.INVALID_LENGTH)
        try:
            command = CtapCommand(request[0])
        except ValueError as error:
            raise RefusedError(CtapStatus.INVALID_COMMAND) from error
        if command is CtapCommand.GET_INFO:
            return _ok(self._info())
        try:
            parameters = cbor.decode_map(request[1:])
        except MessageError as error:
            raise RefusedError(CtapStatus.INVALID_CBOR) from error
        if command is CtapCommand.CLIENT_PIN:
            return self._client_pin(parameters)
        waiting = self._understood(command, parameters)
        if waiting.proved and self._issuer().user_is_present:
            return self._answer(waiting)
        self._waiting = waiting
        return None

    def _info(self) -> cbor.CborMap:
        options = {"rk": False, "up": True, "uv": True, "alwaysUv": True, "plat": False}
        info: dict[Any, Any] = {
            1: ["FIDO_2_0", "FIDO_2_1"],
            3: self._aaguid,
            4: options,
            5: REQUEST_BYTES_MAX,
            6: [2],  # for getUVRetries alone: no PIN, no token
            7: 1,  # maxCredentialCountInList: one id per request is what a door sends
            8: _CREDENTIAL_ID_BYTES,
            9: ["ble"],
            10: [{"alg": self._algorithm, "type": "public-key"}],
            17: 1,  # preferredPlatformUvAttempts
            18: 2,  # uvModality: fingerprint
        }
        if self._tokens is not None:
            options["pinUvAuthToken"] = True
            info[6] = [int(protocol) for protocol in self._tokens.protocols]
            info[17] = UV_ATTEMPTS  # more than one: a request tries one finger
        return info

    def _client_pin(self, parameters: cbor.CborMap) -> bytes | None:
        sub_command = parameters.get(2)
        if sub_command == _GET_UV_RETRIES:
            return _ok({5: self.uv_retries})
        if self._tokens is not None and sub_command == _GET_KEY_AGREEMENT:
            return _ok(self._tokens.key_agreement(parameters))
        if self._tokens is None or sub_command != _GET_TOKEN_USING_UV:
            raise RefusedError(CtapStatus.INVALID_SUBCOMMAND)
        order = self._tokens.order(parameters)
        self._check_tries()
        self._waiting = order
        return None

    def _issuer(self) -> TokenIssuer:
        if self._tokens is None:
            raise RefusedError(CtapStatus.PIN_AUTH_INVALID)
        return self._tokens

    def _check_tries(self) -> None:
        if self.uv_retries <= 0:
            raise RefusedError(CtapStatus.UV_BLOCKED)

    def _understood(self, command: CtapCommand, parameters: cbor.CborMap) -> _Waiting:
        making = command is CtapCommand.MAKE_CREDENTIAL
        shapes: dict[int, type] = (
            {1: bytes, 2: dict, 3: dict, 4: list} if making else {1: str, 2: bytes}
        )
        for number, kind in shapes.items():
            required(parameters, number, kind)
        if making:
            self._check_algorithm(parameters[4])
        if (8 if making else 6) in parameters:
            self._check_proof(parameters, making=making)
            return _Waiting(command, parameters, proved=True)
        options = parameters.get(7 if making else 5, {})
        if not isinstance(options, dict):
            raise RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
        if not options.get("uv", False):
            raise RefusedError(CtapStatus.PUAT_REQUIRED)  # alwaysUv
        self._check_tries()
        return _Waiting(command, parameters, proved=False)

    def _check_proof(self, parameters: cbor.CborMap, *, making: bool) -> None:
        number = 8 if making else 6
        issuer = self._issuer()
        issuer.check(
            issuer.protocol(parameters, number + 1),
            required(parameters, number, bytes),
            parameters[1 if making else 2],
            Permission.MAKE_CREDENTIAL if making else Permission.GET_ASSERTION,
            _text(parameters[2], "id") if making else parameters[1],
        )

    def _check_algorithm(self, offered: list[Any]) -> None:
        if not any(
            isinstance(entry, dict) and entry.get("alg") == self._algorithm
            for entry in offered
        ):
            raise RefusedError(CtapStatus.UNSUPPORTED_ALGORITHM)

    def _check(self, finger: Finger) -> None:
        """Pass a right finger; count a wrong one (§6.5.3, uvRetries)."""
        if finger is Finger.WRONG:
            self.uv_retries -= 1
            raise RefusedError(
                CtapStatus.UV_INVALID if self.uv_retries > 0 else CtapStatus.UV_BLOCKED
            )
        self.uv_retries = UV_RETRIES_MAX

    def _answer(self, waiting: _Waiting) -> bytes:
        making = waiting.command is CtapCommand.MAKE_CREDENTIAL
        answer = (self._make_credential if making else self._get_assertion)(waiting)
        if waiting.proved:
            self._issuer().use_up()
        return answer

    def _make_credential(self, waiting: _Waiting) -> bytes:
        parameters = waiting.parameters
        rp_id = _text(parameters[2], "id")
        if any(c is not None for c in self._named(parameters.get(5, []), rp_id)):
            raise RefusedError(CtapStatus.CREDENTIAL_EXCLUDED)
        user_id = parameters[3].get("id")
        if not isinstance(user_id, bytes):
            raise RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
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
            + cbor.encode(cose_key(credential.key))
        )
        fmt, statement = self._attest(credential, auth_data + parameters[1])
        return self._spoilt(_ok({1: fmt, 2: auth_data, 3: statement}))

    def _attest(
        self, credential: Credential, signed: bytes
    ) -> tuple[str, cbor.CborMap]:
        if self._style is AttestationStyle.NONE:
            return "none", {}
        if self._style is AttestationStyle.PACKED_SELF:
            signature = sign(credential.key, signed)
            return "packed", {"alg": credential.algorithm, "sig": signature}
        signature = sign(self._chain.leaf.key, signed)
        return "packed", {"alg": ALG_ES256, "sig": signature, "x5c": self._chain.x5c}

    def _get_assertion(self, waiting: _Waiting) -> bytes:
        parameters = waiting.parameters
        rp_id: str = parameters[1]
        found = [c for c in self._named(parameters.get(3, []), rp_id) if c is not None]
        if not found:
            raise RefusedError(CtapStatus.NO_CREDENTIALS)
        if Misbehaviour.STALE_ANSWER in self.misbehaviour and self._previous:
            return self._previous
        credential = found[0]
        foreign = Misbehaviour.FOREIGN_RP_ID in self.misbehaviour
        auth_data = self._auth_data(_FOREIGN_RP_ID if foreign else rp_id, 0)
        signature = sign(credential.key, auth_data + parameters[2])
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
            raise RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
        found = []
        for descriptor in descriptors:
            if not isinstance(descriptor, dict):
                raise RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
            credential_id = descriptor.get("id")
            if not isinstance(credential_id, bytes):
                raise RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
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
        raise RefusedError(CtapStatus.CBOR_UNEXPECTED_TYPE)
    return value
