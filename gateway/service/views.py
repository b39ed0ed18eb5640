"""What the gateway shows of itself to the API: plain values, no live objects."""

from dataclasses import dataclass

from gateway.core.encoding import to_base64url
from gateway.core.facts import CredentialState, Mode
from gateway.core.registry import Credential
from gateway.service.telemetry import StageFigures


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change: the kernel's word for the peer of the local socket."""

    uid: int


@dataclass(frozen=True, slots=True)
class DoorView:
    """The door now.

    Attributes:
        phase: secured, released, open, held or forced.
        deadline_up_ms: when the phase ends by itself, or None.
    """

    id: str
    phase: str
    mode: Mode
    deadline_up_ms: int | None


@dataclass(frozen=True, slots=True)
class HealthView:
    """What works: each False has its alarm entry in the ledger."""

    scanning: bool
    ledger_writable: bool
    strike_reachable: bool
    clock_synchronised: bool


@dataclass(frozen=True, slots=True)
class StatusView:
    """The gateway at a glance."""

    version: str
    site: str
    gateway: str
    up_ms: int
    wall_ms: int
    started_up_ms: int
    door: DoorView
    health: HealthView
    ledger_size: int
    last_event_id: int
    stages: dict[str, StageFigures]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class HolderView:
    """A holder; `name` is None once it was erased, or while it cannot be read."""

    id: str
    name: str | None
    groups: tuple[str, ...]
    from_ms: int
    until_ms: int
    suspended: bool
    erased: bool = False


@dataclass(frozen=True, slots=True)
class CredentialView:
    """A credential; ids are base64url without padding."""

    id: str
    holder_id: str
    state: CredentialState
    aaguid: str
    model: str
    counter: int
    until_ms: int

    @classmethod
    def of(cls, credential: Credential, wall_ms: int) -> "CredentialView":
        """Show a credential as it is at a moment."""
        return cls(
            id=to_base64url(credential.id),
            holder_id=credential.holder_id,
            state=credential.state_at(wall_ms),
            aaguid=credential.aaguid.hex(),
            model=credential.model,
            counter=credential.counter,
            until_ms=credential.until_ms,
        )


@dataclass(frozen=True, slots=True)
class EnrolmentOrder:
    """What an administrator asks for: a holder, new or known, and their key.

    Attributes:
        name: the person's name; goes to the people database only.
        groups: which groups the holder joins.
        from_ms, until_ms: validity, Unix milliseconds; 0 = no bound.
        credential_until_ms: when the credential itself expires; 0 = never.
    """

    holder_id: str
    name: str
    groups: tuple[str, ...]
    from_ms: int = 0
    until_ms: int = 0
    credential_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """The ceremony under way, or the last one.

    Attributes:
        step: armed, pairing, comparing, creating, proving, registered or failed.
        hint: what to do next, one sentence.
        number: the six digits to compare while the step is "comparing".
        reason: why it failed, a stable word.
        credential_id: base64url; once registered.
    """

    id: str
    holder_id: str
    step: str
    hint: str
    number: int | None = None
    reason: str | None = None
    credential_id: str | None = None
    model: str | None = None
