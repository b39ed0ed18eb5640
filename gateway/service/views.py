"""What the gateway shows of itself to the API: plain values, no live objects."""

from dataclasses import dataclass

from gateway.core.door import Door
from gateway.core.encoding import to_base64url
from gateway.core.facts import CredentialState, Mode
from gateway.core.ids import Now
from gateway.core.orders import Why
from gateway.core.registry import Credential
from gateway.service.telemetry import StageFigures


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change: the kernel's word for the peer of the local socket.

    Attributes:
        master: root, or the gateway's own user: whoever has the machine anyway.
    """

    uid: int
    master: bool = False


@dataclass(frozen=True, slots=True)
class RankView:
    """One line of the precedence of modes.

    Attributes:
        why: fire, order, self-test, schedule or normal.
        until_ms: when it ends, by the wall clock; 0 for no end.
    """

    mode: Mode
    why: str
    stands: bool
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class DoorView:
    """The door now.

    Attributes:
        phase: secured, released, open, held or forced.
        deadline_up_ms: when the phase ends by itself, or None.
        mode: as ONVIF shows it.
        why: what the mode comes from.
        until_ms: when it ends by itself, by the wall clock; 0 for no end.
        precedence: all there is, the strongest first.
        commissioned: an installer confirmed what the gateway cannot find out.
    """

    id: str
    phase: str
    mode: Mode
    deadline_up_ms: int | None
    why: str = Why.NORMAL.value
    until_ms: int = 0
    precedence: tuple[RankView, ...] = ()
    commissioned: bool = False

    @classmethod
    def of(cls, door: Door, now: Now, *, commissioned: bool = False) -> "DoorView":
        """Show a door."""
        ranks = tuple(
            RankView(
                rank.mode,
                rank.why.value,
                rank.stands,
                _wall_ms(rank.until_up_ms, now),
            )
            for rank in door.ranks
        )
        return cls(
            door.id,
            door.phase.value,
            door.shown_mode,
            door.deadline_up_ms,
            door.rank.why.value,
            _wall_ms(door.rank.until_up_ms, now),
            ranks,
            commissioned,
        )


@dataclass(frozen=True, slots=True)
class SelfTestView:
    """What a self-test found.

    Attributes:
        entry: where it stands in the ledger.
        checks: by name, whether it was as it should.
    """

    entry: int
    passed: bool
    checks: dict[str, bool]


def _wall_ms(up_ms: int | None, now: Now) -> int:
    return 0 if up_ms is None else now.wall_ms + up_ms - now.up_ms


@dataclass(frozen=True, slots=True)
class HealthView:
    """What works: each False has its alarm entry in the ledger."""

    scanning: bool
    ledger_writable: bool
    strike_reachable: bool
    clock_synchronised: bool


@dataclass(frozen=True, slots=True)
class StatusView:
    """The gateway at a glance.

    Attributes:
        unacknowledged: what somebody with a role must see and sign for: "break-glass".
    """

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
    unacknowledged: tuple[str, ...] = ()


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
    role: str = ""
    uses_max: int = 0
    extended: bool = False

    def matches(self, text: str) -> bool:
        """Tell whether a text is in pseudonym, name, groups or role, in any case."""
        words = (self.id, self.name or "", *self.groups, self.role)
        return any(text.casefold() in word.casefold() for word in words)


@dataclass(frozen=True, slots=True)
class CredentialView:
    """A credential; ids are base64url without padding.

    Attributes:
        enrolled_ms, last_used_ms: 0 where it is not known, or was not looked up.
    """

    id: str
    holder_id: str
    state: CredentialState
    aaguid: str
    model: str
    counter: int
    until_ms: int
    enrolled_ms: int = 0
    last_used_ms: int = 0

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
class HolderWish:
    """A holder as they are to be, new or changed; what is None stays as it is.

    Attributes:
        name: the person's name; goes to the people database only. Empty: as it is.
        groups: which groups the holder is in.
        from_ms, until_ms: validity, Unix milliseconds; 0 = no bound.
        role: admin, operator, auditor, or nothing.
        uses_max: how often they may ever pass each door; 0 = no bound.
        extended: needs more time at a door.
    """

    holder_id: str
    name: str = ""
    groups: tuple[str, ...] | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    role: str | None = None
    uses_max: int | None = None
    extended: bool | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentOrder(HolderWish):
    """What an administrator asks for: a holder, new or known, and their key.

    Attributes:
        credential_until_ms: when the credential itself expires; 0 = never.
        replaces: base64url id of a lost key of this holder, which is revoked as this
            one is registered.
        duress: whoever uses this credential is forced to.
    """

    credential_until_ms: int = 0
    replaces: str = ""
    duress: bool = False


@dataclass(frozen=True, slots=True)
class CredentialStateWish:
    """A key that is to be suspended, resumed or revoked; its id is base64url."""

    credential_id: str
    state: CredentialState


@dataclass(frozen=True, slots=True)
class HolderStateWish:
    """A holder who is to be suspended or resumed, with all of their keys."""

    holder_id: str
    suspended: bool


@dataclass(frozen=True, slots=True)
class ModeWish:
    """The mode that the door is to have, and for how long; 0 until it is lifted."""

    mode: Mode
    for_ms: int = 0


@dataclass(frozen=True, slots=True)
class ImportWish:
    """Many holders, new or changed."""

    holders: tuple[HolderWish, ...]


@dataclass(frozen=True, slots=True)
class EraseWish:
    """A holder whose name is to be removed for good, and whose keys are revoked."""

    holder_id: str


@dataclass(frozen=True, slots=True)
class PurposeWish:
    """A purpose as it is to be; no `ttl_s`: it is to go."""

    name: str
    ttl_s: int | None = None
    user_verification: str = "required"


@dataclass(frozen=True, slots=True)
class AliasWish:
    """A further name of a holder, which is to be found, or no longer."""

    holder_id: str
    alias: str
    removed: bool = False


@dataclass(frozen=True, slots=True)
class ForgiveWish:
    """A holder who is to count as outside, whatever came before."""

    holder_id: str


@dataclass(frozen=True, slots=True)
class AcknowledgeWish:
    """That the glass was broken is to be acknowledged."""


@dataclass(frozen=True, slots=True)
class PolicyWish:
    """The policy that is to be in force: the text of its sections, as TOML."""

    text: str


Wish = (
    CredentialStateWish
    | HolderStateWish
    | HolderWish
    | EnrolmentOrder
    | ModeWish
    | ImportWish
    | EraseWish
    | AcknowledgeWish
    | ForgiveWish
    | PolicyWish
    | PurposeWish
    | AliasWish
)
"""What may be ordered."""


@dataclass(frozen=True, slots=True)
class PolicyView:
    """The policy in force.

    Attributes:
        sha256: as the ledger names it; of `text`.
        text: empty where it is not here; then nobody is let in.
        config_sha256: of the policy that the config file holds.
        config_differs: that one says something else.
    """

    sha256: str
    text: str
    usable: bool
    config_sha256: str
    config_differs: bool


@dataclass(frozen=True, slots=True)
class OrderView:
    """A change that somebody ordered, and what is still missing.

    Attributes:
        id: empty where it is only a preview.
        text: exactly what is ordered, in words, line by line.
        code: six digits by which people tell it from another one.
        state: pending, touching, done, failed, cancelled or expired.
        signers: how many different holders must sign; 0 for none.
        roles: which roles count.
        signed: who has signed.
        signer: whose touch is awaited now.
        reason: why it failed, or why the last touch did not sign: a stable word.
    """

    id: str
    action: str
    text: tuple[str, ...]
    code: str
    state: str
    hint: str
    signers: int
    roles: tuple[str, ...]
    signed: tuple[str, ...]
    signer: str | None
    reason: str | None
    expires_up_ms: int


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
