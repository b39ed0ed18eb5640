"""Which models of keys have fallen: the FIDO Alliance's metadata list (MDS3), signed.

The file is the list as it is published: a JWT, `header.payload.signature`. It is
believed only if all of these hold, else it is a ConfigError:

    the header names RS256 or ES256, and holds the signer's certificates
    they lead to one of the site's own roots for this, by the rules of certificate_path
    the first one was issued to the publisher's name
    its key signed header and payload
    the payload is a list of entries with their status reports

A model has fallen if any report ever said so, whatever came later: which firmware a key
runs cannot be seen in the ceremony. An entry without an AAGUID speaks of keys that are
not FIDO2's. The certificates must be valid when a key is enrolled: a list that nobody
renews ends with them. From the day after `nextUpdate` it is stale, which is said, and
refuses nothing by itself: a door without a network would enrol nobody then.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.core.attestation_failure import AttestationFailure, refused
from gateway.core.certificate_path import (
    CERTIFICATES_MAX,
    Certificate,
    check_path,
    parse,
)
from gateway.core.encoding import from_base64url
from gateway.errors import AttestationError, ConfigError

LIST_BYTES_MAX: Final = 32 * 1024 * 1024
ENTRIES_MAX: Final = 10_000
SIGNER_BYTES_MAX: Final = 8 * 1024
"""A web server's certificate is longer than an attestation's."""

PUBLISHER: Final = "mds.fidoalliance.org"

FALLEN: Final = frozenset(
    {
        "REVOKED",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_VERIFICATION_BYPASS",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
    }
)
"""Of MDS3's AuthenticatorStatus, those after which a touch proves nothing any more."""

_ES256_BYTES: Final = 64
_MS_PER_S: Final = 1000
_NO_LIST: Final = (
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class ModelList:
    """A list whose signature holds.

    Attributes:
        number: rises from one list to the next.
        stale_ms: Unix time from which a newer list was promised.
        fallen: the AAGUIDs of models that have fallen, with the report's word.
        chain: the signer's certificates, leaf first.
        roots: the site's, for this list.
    """

    number: int
    fallen: Mapping[bytes, str]
    chain: tuple[Certificate, ...]
    roots: tuple[Certificate, ...]
    stale_ms: int

    def check(self, aaguid: bytes, wall_ms: int) -> None:
        """Let a model pass that has not fallen.

        Raises:
            AttestationError: MODEL_REVOKED, or MODEL_LIST_EXPIRED.
        """
        if aaguid in self.fallen:
            raise refused(AttestationFailure.MODEL_REVOKED)
        try:
            check_path(self.chain, self.roots, wall_ms)
        except AttestationError as error:
            raise refused(AttestationFailure.MODEL_LIST_EXPIRED) from error


def load_model_list(
    data: bytes, roots: Sequence[Certificate], publisher: str = PUBLISHER
) -> ModelList:
    """Return the list that a file holds.

    Args:
        data: the file.
        roots: whose signatures over lists the site believes.
        publisher: to whom the signing certificate was issued.

    Raises:
        ConfigError: it is none, or not signed by whom it must be.
    """
    try:
        signed, header, payload, signature = _parts(data)
        chain = _chain(header)
        _check_signer(chain[0], publisher)
        _check_signature(header.get("alg"), chain[0], signature, signed)
        first_ms = int(chain[0].parsed.not_valid_before_utc.timestamp() * _MS_PER_S)
        check_path(chain, roots, first_ms)
        number = payload["no"]
        if type(number) is not int:
            raise ConfigError("The list of models has no number.")
        fallen = _fallen(payload["entries"])
        stale_ms = _end_of(payload["nextUpdate"])
    except (AttestationError, InvalidSignature) as error:
        raise ConfigError(
            f"The list of models is not signed as it must be ({error})."
        ) from error
    except _NO_LIST as error:
        raise ConfigError(
            "The list of models is none: expected the JWT of the FIDO metadata service."
        ) from error
    return ModelList(number, fallen, tuple(chain), tuple(roots), stale_ms)


def _end_of(day: str) -> int:
    """Return when a day is over, in UTC; raises ValueError, TypeError: it is none."""
    begins = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return int((begins + timedelta(days=1)).timestamp() * _MS_PER_S)


def _parts(data: bytes) -> tuple[bytes, dict[str, Any], dict[str, Any], bytes]:
    if len(data) > LIST_BYTES_MAX:
        raise ValueError("too long")
    header, payload, signature = data.strip().decode("ascii").split(".")
    return (
        f"{header}.{payload}".encode(),
        json.loads(_decoded(header)),
        json.loads(_decoded(payload)),
        _decoded(signature),
    )


def _decoded(text: str) -> bytes:
    data = from_base64url(text)
    if data is None:
        raise ValueError("not base64url")
    return data


def _chain(header: Mapping[str, Any]) -> list[Certificate]:
    certificates = header["x5c"]
    if not 0 < len(certificates) <= CERTIFICATES_MAX:
        raise ValueError("no certificates")
    try:
        ders = [base64.b64decode(one, validate=True) for one in certificates]
    except binascii.Error as error:
        raise ValueError("not base64") from error
    return [parse(der, SIGNER_BYTES_MAX) for der in ders]


def _check_signer(leaf: Certificate, publisher: str) -> None:
    names = leaf.extension(x509.SubjectAlternativeName)
    known = [] if names is None else names.value.get_values_for_type(x509.DNSName)
    if publisher not in known:
        raise ConfigError(f"The list of models was not signed by {publisher}.")


def _check_signature(
    algorithm: object, leaf: Certificate, signature: bytes, signed: bytes
) -> None:
    key = leaf.key
    if algorithm == "RS256" and isinstance(key, RSAPublicKey):
        key.verify(signature, signed, PKCS1v15(), SHA256())
    elif (
        algorithm == "ES256"
        and isinstance(key, EllipticCurvePublicKey)
        and isinstance(key.curve, SECP256R1)
        and len(signature) == _ES256_BYTES
    ):
        half = _ES256_BYTES // 2
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        key.verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
    else:
        raise ConfigError("The list of models is signed by no algorithm known here.")


def _fallen(entries: Sequence[Mapping[str, Any]]) -> dict[bytes, str]:
    if len(entries) > ENTRIES_MAX:
        raise ValueError("too many entries")
    fallen = {}
    for entry in entries:
        words = [report["status"] for report in entry["statusReports"]]
        said = [word for word in words if word in FALLEN]
        if said and "aaguid" in entry:
            fallen[UUID(entry["aaguid"]).bytes] = said[0]
    return fallen
