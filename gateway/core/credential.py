"""A key's credential, as entries and rows write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.encoding import Json, to_base64url
from gateway.core.facts import CredentialState
from gateway.core.ids import (
    CREDENTIAL_ID_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MIN,
    CredentialId,
    HolderId,
    is_identifier,
)
from gateway.core.public_key import Algorithm, PublicKey
from gateway.core.row import TIME_MS_MAX, binary, flag, is_model, number, word

COUNTER_MAX: Final = 2**32 - 1
AAGUID_BYTES: Final = 16
PUBLIC_KEY_BYTES_MAX: Final = 128

STATES: Final = {
    state.value: state
    for state in CredentialState
    if state is not CredentialState.EXPIRED
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A key's credential.

    Attributes:
        aaguid: the model by number, 16 bytes.
        model: the model by name, as the site's allow-list calls it.
        counter: the highest that was ever verified; 0 where the key has none.
        state: ACTIVE, SUSPENDED or REVOKED; EXPIRED is `state_at` a moment.
        until_ms: Unix milliseconds, exclusive; 0 = no bound.
        duress: whoever uses it is forced to; it opens, and calls silently.
    """

    id: CredentialId
    holder_id: HolderId
    public_key: PublicKey
    aaguid: bytes
    model: str
    counter: int
    state: CredentialState
    until_ms: int = 0
    duress: bool = False

    @property
    def public_key_cose(self) -> bytes:
        """The COSE key inside the attestation object of its enrolment."""
        return self.public_key.cose

    @property
    def algorithm(self) -> Algorithm | None:
        """ES256 or EDDSA; None if the key is of no allowed algorithm."""
        return self.public_key.algorithm

    def state_at(self, wall_ms: int) -> CredentialState:
        """Return the state at a moment: revoked, else suspended, else expired."""
        if self.state is CredentialState.ACTIVE and 0 < self.until_ms <= wall_ms:
            return CredentialState.EXPIRED
        return self.state

    def accepts(self, counter: int) -> bool:
        """Tell whether a received counter may follow (WebAuthn L3 §6.1.1)."""
        return counter > self.counter or counter == self.counter == 0

    def row(self) -> dict[str, Json]:
        """Return the credential in the words of the `enrol` entry, with its state."""
        row: dict[str, Json] = {
            "aaguid": to_base64url(self.aaguid),
            "counter": self.counter,
            "credential": to_base64url(self.id),
            "holder": self.holder_id,
            "model": self.model,
            "public_key": to_base64url(self.public_key.cose),
            "state": self.state.value,
            "until_ms": self.until_ms,
        }
        if self.duress:
            row["duress"] = True
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Credential":
        """Return the credential that a row or an `enrol` entry describes.

        Raises:
            RegistryError: a member is missing or no such thing.
        """
        state = word({"state": "active", **row}, "state", STATES.__contains__)
        return cls(
            id=credential_id_in(row),
            holder_id=HolderId(word(row, "holder", is_identifier)),
            public_key=PublicKey(binary(row, "public_key", 1, PUBLIC_KEY_BYTES_MAX)),
            aaguid=binary(row, "aaguid", AAGUID_BYTES, AAGUID_BYTES),
            model=word(row, "model", is_model),
            counter=number(row, "counter", COUNTER_MAX),
            state=STATES[state],
            until_ms=number({"until_ms": 0, **row}, "until_ms", TIME_MS_MAX),
            duress=flag({"duress": False, **row}, "duress"),
        )


def credential_id_in(what: Mapping[str, Any]) -> CredentialId:
    """Return the credential id that a row or entry names.

    Raises:
        RegistryError: it names none.
    """
    return CredentialId(
        binary(what, "credential", CREDENTIAL_ID_BYTES_MIN, CREDENTIAL_ID_BYTES_MAX)
    )
