"""CTAP2 answers from bytes (CTAP 2.2 §6.1.3, §6.2.3 and §6.4).

Reads form and bounds only: whether an answer is true is for the core to verify.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, overload

from gateway.ctap import cbor
from gateway.ctap.command import (
    CREDENTIAL_ID_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MIN,
    CtapCommand,
    Protocol,
)
from gateway.ctap.status import CtapStatus, authenticator_error
from gateway.errors import MessageError

AUTH_DATA_BYTES_MIN: Final = 37  # WebAuthn L3 §6.1
AUTH_DATA_BYTES_MAX: Final = 2048
SIGNATURE_BYTES_MAX: Final = 512
AAGUID_BYTES: Final = 16
FORMAT_CHARS_MAX: Final = 32  # WebAuthn L3 §8.1, statement format identifiers
WORD_CHARS_MAX: Final = 64  # ours: option ids and versions are shorter than half
ITEMS_MAX: Final = 64  # ours
REQUEST_BYTES_DEFAULT: Final = 1024  # §6.4, maxMsgSize where absent

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Info:
    """What a key says of itself (§6.4), as far as a door needs it.

    Attributes:
        versions: such as "FIDO_2_1".
        aaguid: 16 bytes that name the model; a claim until attested.
        options: option id to value; what is missing is the standard's default.
        request_bytes_max: longest request that the key takes.
        pin_uv_protocols: most preferred first.
        algorithms: COSE algorithms for new credentials; empty where it does not tell.
    """

    versions: tuple[str, ...]
    aaguid: bytes
    options: Mapping[str, bool]
    request_bytes_max: int = REQUEST_BYTES_DEFAULT
    pin_uv_protocols: tuple[int, ...] = ()
    algorithms: tuple[int, ...] = ()

    @property
    def verifies_users(self) -> bool:
        """Tell whether verification is built in and set up (a finger is enrolled)."""
        return self.options.get("uv", False)

    @property
    def issues_uv_tokens(self) -> bool:
        """Tell whether getPinUvAuthTokenUsingUvWithPermissions is to be used."""
        offered = self.options.get("pinUvAuthToken", False)
        return offered and self.verifies_users and self.pin_uv_protocol is not None

    @property
    def pin_uv_protocol(self) -> Protocol | None:
        """Return the key's first choice among the protocols that are known here."""
        known = (p for p in self.pin_uv_protocols if p in set(Protocol))
        return next(map(Protocol, known), None)


@dataclass(frozen=True, slots=True)
class MadeCredential:
    """A new credential (§6.1.3), unverified.

    Attributes:
        fmt: attestation statement format.
        auth_data: authenticator data, raw.
        attestation_statement: as decoded.
    """

    fmt: str
    auth_data: bytes
    attestation_statement: cbor.CborMap

    @property
    def attestation_object(self) -> bytes:
        """Return WebAuthn's attestation object (L3 §6.5.4), as verifiers want it."""
        return cbor.encode(
            {
                "fmt": self.fmt,
                "attStmt": self.attestation_statement,
                "authData": self.auth_data,
            }
        )


@dataclass(frozen=True, slots=True)
class Assertion:
    """A signed answer (§6.2.3), unverified.

    Attributes:
        credential_id: as the key gave it; None where it left it out, which older
            keys may do, as one alone was asked for.
        auth_data: authenticator data, raw.
        signature: over `auth_data` and the client data hash.
    """

    credential_id: bytes | None
    auth_data: bytes
    signature: bytes


class Fields:
    """Typed, bounded reading of one map that a peer sent; errors name the field."""

    def __init__(self, where: str, members: cbor.CborMap) -> None:
        """Read `members`, calling them `where` in errors."""
        self._where = where
        self._members = members

    def __contains__(self, key: object) -> bool:
        return key in self._members

    def octets(self, key: int | str, least: int, most: int) -> bytes:
        """Return a byte string of `least` to `most` bytes."""
        value = self._member(key, bytes)
        if not least <= len(value) <= most:
            raise self.refusal(key, f"has {len(value)} bytes, not {least} to {most}")
        return value

    def text(self, key: int | str, chars_max: int) -> str:
        """Return a text of one character or more."""
        value = self._member(key, str)
        if not 1 <= len(value) <= chars_max:
            raise self.refusal(
                key, f"has {len(value)} characters, not 1 to {chars_max}"
            )
        return value

    def integer(self, key: int | str, least: int, default: int | None = None) -> int:
        """Return an integer of at least `least`; `default` where it is absent."""
        if default is not None and key not in self._members:
            return default
        value = self._member(key, int)
        if isinstance(value, bool) or value < least:
            raise self.refusal(key, f"is not an integer from {least}")
        return value

    def mapping(self, key: int | str, *, required: bool = True) -> cbor.CborMap:
        """Return a map as it is; an empty one where it may be and is absent."""
        if not required and key not in self._members:
            return {}
        return self._member(key, dict)

    def listed(self, key: int | str, kind: type[_T]) -> tuple[_T, ...]:
        """Return a list of at most 64 values of one type; empty where it is absent."""
        if key not in self._members:
            return ()
        values = self._member(key, list)
        right = all(type(value) is kind for value in values)
        if not right or len(values) > ITEMS_MAX:
            raise self.refusal(
                key, f"is no list of at most {ITEMS_MAX} {kind.__name__}"
            )
        return tuple(values)

    def refusal(self, key: int | str, why: str) -> MessageError:
        """Return the error for one field; `why` completes the sentence."""
        return MessageError(
            f"In the key's {self._where}, member {key!r} {why}: look at its firmware."
        )

    def _member(self, key: int | str, kind: type[_T]) -> _T:
        value = self._members.get(key)
        if not isinstance(value, kind):
            raise self.refusal(key, f"is no {kind.__name__}")
        return value


@overload
def parse_response(command: Literal[CtapCommand.GET_INFO], payload: bytes) -> Info: ...
@overload
def parse_response(
    command: Literal[CtapCommand.MAKE_CREDENTIAL], payload: bytes
) -> MadeCredential: ...
@overload
def parse_response(
    command: Literal[CtapCommand.GET_ASSERTION], payload: bytes
) -> Assertion: ...
def parse_response(
    command: Literal[
        CtapCommand.GET_INFO, CtapCommand.MAKE_CREDENTIAL, CtapCommand.GET_ASSERTION
    ],
    payload: bytes,
) -> Info | MadeCredential | Assertion:
    """Read the answer to `command`.

    Args:
        command: what was asked.
        payload: data of the MSG frame: a status byte, then CBOR.

    Raises:
        AuthenticatorError: the status is not 0.
        MessageError: not canonical CBOR, or a field missing, mistyped or out of bounds.
    """
    members = response_map(payload)
    if command is CtapCommand.GET_INFO:
        return _info(Fields("getInfo answer", members))
    if command is CtapCommand.MAKE_CREDENTIAL:
        return _made_credential(Fields("makeCredential answer", members))
    return _assertion(Fields("getAssertion answer", members))


def response_map(payload: bytes) -> cbor.CborMap:
    """Return the map of an answer whose status is 0.

    Raises:
        AuthenticatorError, MessageError: as for `parse_response`.
    """
    if not payload:
        raise MessageError(
            "The key sent an empty answer: connect again, and if it repeats look at"
            " the key's firmware."
        )
    if payload[0] != CtapStatus.OK:
        raise authenticator_error(payload[0])
    return cbor.decode_map(payload[1:])


def _info(fields: Fields) -> Info:
    options = fields.mapping(4, required=False)
    right = all(isinstance(k, str) and isinstance(v, bool) for k, v in options.items())
    if not right or len(options) > ITEMS_MAX:
        raise fields.refusal(4, f"is no map of at most {ITEMS_MAX} names to booleans")
    versions = fields.listed(1, str)
    if not versions or max(map(len, (*versions, *options))) > WORD_CHARS_MAX:
        raise fields.refusal(
            1, f"or 4 lacks a word or exceeds {WORD_CHARS_MAX} letters"
        )
    algorithms = (
        Fields("getInfo answer's algorithms", entry)
        for entry in fields.listed(10, dict)
    )
    return Info(
        versions=versions,
        aaguid=fields.octets(3, AAGUID_BYTES, AAGUID_BYTES),
        options=options,
        request_bytes_max=fields.integer(5, 1, REQUEST_BYTES_DEFAULT),
        pin_uv_protocols=fields.listed(6, int),
        algorithms=tuple(entry.integer("alg", -(2**31)) for entry in algorithms),
    )


def _made_credential(fields: Fields) -> MadeCredential:
    return MadeCredential(
        fmt=fields.text(1, FORMAT_CHARS_MAX),
        auth_data=fields.octets(2, AUTH_DATA_BYTES_MIN, AUTH_DATA_BYTES_MAX),
        attestation_statement=fields.mapping(3),
    )


def _assertion(fields: Fields) -> Assertion:
    if fields.integer(5, 1, default=1) != 1:
        raise fields.refusal(5, "counts several credentials where one was asked for")
    credential_id = None
    if 1 in fields:
        descriptor = Fields("getAssertion answer's credential", fields.mapping(1))
        credential_id = descriptor.octets(
            "id", CREDENTIAL_ID_BYTES_MIN, CREDENTIAL_ID_BYTES_MAX
        )
    return Assertion(
        credential_id=credential_id,
        auth_data=fields.octets(2, AUTH_DATA_BYTES_MIN, AUTH_DATA_BYTES_MAX),
        signature=fields.octets(3, 1, SIGNATURE_BYTES_MAX),
    )
