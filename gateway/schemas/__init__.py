"""The API's models: what crosses the socket, in both directions.

They import nothing of the gateway, so that a client can carry them alone. The words of
states and modes are the ones of `core.facts`; a test holds the two together. Times are
Unix milliseconds (`wall_ms`, `from_ms`, `until_ms`; 0 = no bound) or milliseconds since
boot (`up_ms`). Models that leave the gateway may gain members; ones that come in refuse
what they do not know.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)
from pydantic.config import JsonDict

from gateway.schemas.parts import WALL_MS_MAX as WALL_MS_MAX
from gateway.schemas.parts import WHOLE, WallMs, printable, word

SOCKET_PATH: Final = "/run/keyra/gateway.sock"
HEARTBEAT_S: Final = 5
PAGE_ITEMS_MAX: Final = 200
RECENT_EVENTS_MAX: Final = 500
STATISTICS_MINUTES_MAX: Final = 60 * 24 * 31

NAME_CHARS_MAX: Final = 120
GROUPS_MAX: Final = 32
USES_MAX: Final = 1_000_000
CREDENTIAL_ID_CHARS_MAX: Final = 1364  # base64url of 1,023 bytes (WebAuthn L3 §4)
ORDER_MS_MAX: Final = 30 * 24 * 3_600_000


CredentialState = Annotated[
    Literal["active", "suspended", "revoked", "expired"], BeforeValidator(word)
]
CredentialWish = Literal["active", "suspended", "revoked"]
Mode = Annotated[
    Literal[
        "Unknown",
        "Locked",
        "Unlocked",
        "Accessed",
        "Blocked",
        "LockedDown",
        "LockedOpen",
        "DoubleLocked",
    ],
    BeforeValidator(word),
]
ModeWish = Literal["Locked", "Unlocked", "Blocked", "LockedDown", "LockedOpen"]
Identifier = Annotated[
    str, Field(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$", max_length=64)
]
CredentialId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=CREDENTIAL_ID_CHARS_MAX)
]
Role = Literal["", "auditor", "operator", "admin"]


class Outgoing(BaseModel):
    """Leaves the gateway; may gain members."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Incoming(BaseModel):
    """Comes in; what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StageFigures(Outgoing):
    """How long one stage of a touch takes, over the samples kept."""

    count: int
    p50_us: int
    p99_us: int


class StatisticsPoint(Outgoing):
    """One step of a curve; zeros where nothing was measured in it."""

    until_ms: int
    count: int
    p50: int
    p99: int


class StatisticsSeries(Outgoing):
    """One stage (in microseconds) or gauge (its unit is the name's last word)."""

    kind: Literal["stage", "gauge"]
    name: str
    count: int
    p50: int
    p99: int
    min: int
    max: int
    points: tuple[StatisticsPoint, ...]


class Statistics(Outgoing):
    """What was measured in a stretch of time, and how often each event came."""

    from_ms: int
    until_ms: int
    series: tuple[StatisticsSeries, ...]
    counts: dict[str, int]


class Rank(Outgoing):
    """One line of the precedence of modes; `why` is fire, order, schedule and so on."""

    mode: Mode
    why: str
    stands: bool
    until_ms: int = 0


class Door(Outgoing):
    """The door now; `phase` is secured, released, open, held or forced."""

    id: str
    phase: str
    mode: Mode
    deadline_up_ms: int | None = Field(
        description="When the phase ends by itself, in milliseconds since boot."
    )
    why: str = Field(default="normal", description="What the mode comes from.")
    until_ms: int = Field(
        default=0, description="When the mode ends by itself; 0 for no end."
    )
    precedence: tuple[Rank, ...] = Field(
        default=(), description="All modes, the strongest first, and what stands."
    )
    commissioned: bool = Field(
        default=False,
        description="Whether an installer confirmed exit with the Pi switched off.",
    )


class Health(Outgoing):
    """What works."""

    scanning: bool
    ledger_writable: bool
    strike_reachable: bool
    clock_synchronised: bool


class Status(Outgoing):
    """The gateway at a glance."""

    version: str
    site: str
    gateway: str
    up_ms: int
    wall_ms: int
    started_up_ms: int
    door: Door
    health: Health
    ledger_size: int
    last_event_id: int
    stages: dict[str, StageFigures]
    counts: dict[str, int]
    unacknowledged: tuple[str, ...] = Field(
        default=(), description="What somebody with a role must see and sign for."
    )


class Holder(Outgoing):
    """A holder; `name` is null once it was erased, or while it cannot be read."""

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


class Credential(Outgoing):
    """A credential; ids are base64url without padding."""

    id: str
    holder_id: str
    state: CredentialState
    aaguid: str
    model: str
    counter: int
    until_ms: int
    enrolled_ms: int = Field(default=0, description="0 where it is not known.")
    last_used_ms: int = Field(default=0, description="0 where it is not known.")


class HolderPage(Outgoing):
    """Holders by id; `next` is the cursor of the page that follows, or null."""

    items: tuple[Holder, ...]
    next: str | None


class CredentialPage(Outgoing):
    """Credentials by id; `next` is the cursor of the page that follows, or null."""

    items: tuple[Credential, ...]
    next: str | None


class Enrolment(Outgoing):
    """The ceremony under way, or the last one.

    `step` is armed, pairing, comparing, creating, proving, registered or failed.
    """

    id: str
    holder_id: str
    step: str
    hint: str = Field(description="What to do next, one sentence.")
    number: int | None = Field(
        default=None, description="The six digits to compare while comparing."
    )
    reason: str | None = Field(
        default=None, description="Why it failed, a stable word."
    )
    credential_id: str | None = None
    model: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen in this ceremony."""
        return self.step in {"registered", "failed"}


class HolderWish(Incoming):
    """A holder as they are to be, new or changed; what is null or absent stays.

    `until_ms` is later than `from_ms`, or 0.
    """

    holder_id: Identifier
    name: Annotated[
        str,
        Field(min_length=1, max_length=NAME_CHARS_MAX),
        AfterValidator(printable),
    ] = Field(
        default="",
        description="Printable, without outer spaces; it never reaches the ledger.",
    )
    groups: Annotated[tuple[Identifier, ...], Field(max_length=GROUPS_MAX)] | None = (
        None
    )
    from_ms: WallMs | None = None
    until_ms: WallMs | None = None
    role: Role | None = None
    uses_max: Annotated[int, Field(strict=True, ge=0, le=USES_MAX), WHOLE] | None = None
    extended: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="Needs more time at a door."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ms and self.until_ms and self.until_ms <= self.from_ms:
            raise ValueError("until_ms must be later than from_ms, or 0")
        return self


class EnrolmentOrder(HolderWish):
    """A holder, new or known, and a wish to register their key.

    A key `replaces` only another one of the same holder.
    """

    credential_until_ms: WallMs = 0
    replaces: CredentialId | Literal[""] = ""
    duress: Annotated[bool, Field(strict=True)] = Field(
        default=False,
        description="Whoever uses this credential is forced to: it opens as usual, and "
        "calls by the site's alarm route. No answer of this API ever shows it.",
    )


class ComparisonAnswer(Incoming):
    """Whether the number on the key equals the one shown."""

    agree: Annotated[bool, Field(strict=True)]


class CredentialStateChange(Incoming):
    """The state wished for; "revoked" is final, and a credential expires by itself."""

    state: CredentialWish


class SelfTest(Outgoing):
    """What a self-test found, and its entry."""

    entry: int
    passed: bool
    checks: dict[str, bool]


class SelfTestSeen(Incoming):
    """Whether a person at the door saw the lock move in the test of that entry."""

    entry: WallMs
    moved: Annotated[bool, Field(strict=True)]


CommissioningPoint = Literal[
    "exit-without-pi", "fire-without-pi", "no-power", "secure-side"
]


class Commissioning(Incoming):
    """What an installer confirms; all of it, or the door is not commissioned."""

    confirmed: Annotated[tuple[CommissioningPoint, ...], Field(max_length=4)]


_LOCKED_FOR_A_WHILE: Final[JsonDict] = {
    "required": ["mode", "for_ms"],
    "properties": {"mode": {"const": "Locked"}, "for_ms": {"exclusiveMinimum": 0}},
}


class ModeChange(Incoming):
    """The mode wished for; "Locked" lifts what was ordered."""

    model_config = ConfigDict(json_schema_extra={"not": _LOCKED_FOR_A_WHILE})

    mode: ModeWish
    for_ms: Annotated[int, Field(strict=True, ge=0, le=ORDER_MS_MAX), WHOLE] = Field(
        default=0, description="How long; 0 until it is lifted."
    )

    @model_validator(mode="after")
    def _lifts_at_once(self) -> Self:
        if self.mode == "Locked" and self.for_ms:
            raise ValueError('"Locked" lifts orders for good; leave for_ms out')
        return self


class Event(Outgoing):
    """One thing that happened.

    Attributes:
        id: rises by one within one run of the gateway.
        kind: a stable word, such as "door.grant"; the ledger's `ev` where it is one.
        data: pseudonyms, never names or secrets.
    """

    id: int
    kind: str
    wall_ms: int
    up_ms: int
    data: dict[str, JsonValue]


class Snapshot(Outgoing):
    """The first message of every event stream.

    Attributes:
        resumed: whether the events that follow continue, without a gap, after the one
            that was asked for; False where none was, or where it is no longer kept.
    """

    status: Status
    resumed: bool


class Fault(Outgoing):
    """One thing that is wrong with a request."""

    where: str
    what: str


class Problem(Outgoing):
    """Problem details (RFC 9457), with a stable `code` for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    faults: tuple[Fault, ...] = ()
