"""A denial, with what is known of key, holder and answer."""

from dataclasses import dataclass

from gateway.core.challenge import Binding
from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId, DoorId, HolderId, Now


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """What a key signed, complete enough for a stranger to check it again."""

    binding: Binding
    client_data_json: bytes
    authenticator_data: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Deny:
    """The door stays as it is, for one reason.

    Attributes:
        counter: the key's counter, where the answer was authentic and the counter rose:
            the next one must be higher, although nothing was opened.
        answer: what was answered, where there was an answer to a known question.
        decided: when the rules denied, where it was they.
    """

    reason: DenialReason
    door: DoorId
    credential_id: CredentialId | None = None
    holder_id: HolderId | None = None
    counter: int | None = None
    answer: SignedAnswer | None = None
    decided: Now | None = None
