"""One enrolment that was ordered: who is wanted, and how far the ceremony has come."""

import asyncio
from dataclasses import dataclass

from gateway.core.encoding import to_base64url
from gateway.core.enrolment import Ceremony, EnrolmentState
from gateway.core.entries import By
from gateway.core.ids import CredentialId, PeerAddress
from gateway.core.opening import Opening
from gateway.core.registry import Holder
from gateway.service.views import EnrolmentView


@dataclass(frozen=True, slots=True)
class EnrolmentTask:
    """Whose key is to be enrolled.

    Attributes:
        holder: as they will be.
        before: as they were when this was ordered; None for a new one.
        opening: of a new name.
        until_ms: when the credential expires; 0 = never.
        replaces: the lost key that is revoked as this one is registered.
        by: who ordered it.
        duress: the key is for when its holder is forced.
    """

    holder: Holder
    before: Holder | None
    opening: Opening | None
    until_ms: int
    replaces: CredentialId | None
    by: By
    duress: bool = False


@dataclass(slots=True)
class ArmedOrder:
    """What was armed, and what is known of it so far.

    Attributes:
        bonded: the key's identity address, once there is a bond.
    """

    id: str
    task: EnrolmentTask
    ceremony: Ceremony
    number: int | None = None
    comparison: asyncio.Future[bool] | None = None
    credential_id: CredentialId | None = None
    model: str | None = None
    bonded: PeerAddress | None = None

    @property
    def view(self) -> EnrolmentView:
        """Show it to people."""
        ceremony, failure = self.ceremony, self.ceremony.failure
        reason = None if failure is None else failure.value
        compares = ceremony.state is EnrolmentState.COMPARING
        return EnrolmentView(
            id=self.id,
            holder_id=self.task.holder.id,
            step=ceremony.state.value,
            hint=ceremony.state.hint if failure is None else failure.sentence,
            number=self.number if compares else None,
            reason=f"{reason}/{ceremony.detail}" if ceremony.detail else reason,
            credential_id=(
                None if self.credential_id is None else to_base64url(self.credential_id)
            ),
            model=self.model,
        )
