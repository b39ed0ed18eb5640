"""The API's models of orders; see schemas for the others, and for the rules."""

from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.schemas import (
    CredentialId,
    CredentialWish,
    EnrolmentOrder,
    HolderWish,
    Identifier,
    Incoming,
    ModeChange,
    Outgoing,
)
from gateway.schemas.parts import WHOLE
from gateway.schemas.policy import TTL_S_MAX, Verification
from gateway.schemas.policy_text import PolicyText
from gateway.schemas.users import Alias

IMPORT_HOLDERS_MAX: Final = 500
REASON_CHARS_MAX: Final = 200


class CredentialStateOrder(Incoming):
    """A key that is to be suspended, resumed or revoked."""

    kind: Literal["credential"]
    credential_id: CredentialId
    state: CredentialWish


class HolderStateOrder(Incoming):
    """A holder who is to be suspended or resumed, with all of their keys."""

    kind: Literal["holder-state"]
    holder_id: Identifier
    suspended: Annotated[bool, Field(strict=True)]


class HolderOrder(HolderWish):
    """A holder as they are to be."""

    kind: Literal["holder"]


class KeyOrder(EnrolmentOrder):
    """A key that is to be enrolled."""

    kind: Literal["enrol"]


class ModeOrder(ModeChange):
    """The mode that the door is to have."""

    kind: Literal["mode"]


class ImportOrder(Incoming):
    """Many holders, new or changed."""

    kind: Literal["import"]
    holders: Annotated[
        tuple[HolderWish, ...], Field(min_length=1, max_length=IMPORT_HOLDERS_MAX)
    ]


class EraseOrder(Incoming):
    """A holder whose name is to be removed for good, and whose keys are revoked."""

    kind: Literal["erase"]
    holder_id: Identifier


class ForgiveOrder(Incoming):
    """A holder who is to count as outside, whatever came before."""

    kind: Literal["forgive"]
    holder_id: Identifier


class AcknowledgeOrder(Incoming):
    """That the glass was broken is to be acknowledged."""

    kind: Literal["acknowledge"]


class PolicyOrder(Incoming):
    """The policy that is to be in force."""

    kind: Literal["policy"]
    text: PolicyText


class PurposeOrder(Incoming):
    """A purpose that is to be so; without `ttl_s`, that is to be deleted."""

    kind: Literal["purpose"]
    name: Identifier
    ttl_s: Annotated[int, Field(strict=True, ge=10, le=TTL_S_MAX), WHOLE] | None = None
    user_verification: Verification = "required"


class AliasOrder(Incoming):
    """An alias that is to find a holder, or no longer."""

    kind: Literal["alias"]
    holder_id: Identifier
    alias: Alias
    removed: Annotated[bool, Field(strict=True)] = False


OrderWish = Annotated[
    CredentialStateOrder
    | HolderStateOrder
    | HolderOrder
    | KeyOrder
    | ModeOrder
    | ImportOrder
    | EraseOrder
    | AcknowledgeOrder
    | ForgiveOrder
    | PolicyOrder
    | PurposeOrder
    | AliasOrder,
    Field(discriminator="kind"),
]
"""What may be ordered."""


class OrderProposal(Incoming):
    """An order to put on the desk; with `dry_run`, only what it would be."""

    order: OrderWish
    dry_run: Annotated[bool, Field(strict=True)] = False


class OrderChoice(Incoming):
    """Whose key is to sign which order: for half a minute it may go on air."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    holder_id: Identifier


class BrokenGlass(Incoming):
    """An order that root carries out without a finger, and why."""

    order: OrderWish
    reason: Annotated[str, Field(max_length=REASON_CHARS_MAX)]


class Order(Outgoing):
    """A change that somebody ordered, and what is still missing.

    `state` is pending, touching, done, failed, cancelled, expired or preview.
    """

    id: str
    action: str
    text: tuple[str, ...] = Field(description="Exactly what is ordered, in words.")
    code: str = Field(description="Six digits that tell it from another one.")
    state: str
    hint: str
    signers: int = Field(description="How many different holders must sign.")
    roles: tuple[str, ...] = Field(description="Which roles count.")
    signed: tuple[str, ...]
    signer: str | None = Field(description="Whose touch is awaited now.")
    reason: str | None = Field(description="Why it failed, or nobody signed yet.")
    expires_up_ms: int

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in {"pending", "touching"}
