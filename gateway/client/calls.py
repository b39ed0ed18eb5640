"""What can be asked of the API, as plain values; both clients send them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from gateway.order_schemas import (
    BrokenGlass,
    Order,
    OrderChoice,
    OrderProposal,
    OrderWish,
)
from gateway.schemas import (
    PAGE_ITEMS_MAX,
    Commissioning,
    ComparisonAnswer,
    Credential,
    CredentialPage,
    CredentialStateChange,
    Enrolment,
    EnrolmentOrder,
    Holder,
    HolderPage,
    ModeChange,
    SelfTest,
    SelfTestSeen,
    Statistics,
    Status,
)
from gateway.schemas.policy_text import KeptPolicy, PolicyInForce
from gateway.schemas.trials import Trial, TrialWish

Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer_co]):
    """One request, and how to read its answer."""

    method: str
    path: str
    answer: TypeAdapter[Answer_co]
    body: bytes | None = None
    query: Mapping[str, str | int] = field(default_factory=dict)


_STATUS: Final = TypeAdapter(Status)
_SELF_TEST: Final = TypeAdapter(SelfTest)
_STATISTICS: Final = TypeAdapter(Statistics)
_HOLDER: Final = TypeAdapter(Holder)
_HOLDERS: Final = TypeAdapter(HolderPage)
_CREDENTIALS: Final = TypeAdapter(CredentialPage)
_CREDENTIAL: Final = TypeAdapter(Credential)
_ENROLMENT: Final = TypeAdapter(Enrolment)
_ORDER: Final = TypeAdapter(Order)
_ORDERS: Final = TypeAdapter(tuple[Order, ...])
_TRIAL: Final = TypeAdapter(Trial)
_MAYBE_TRIAL: Final[TypeAdapter[Trial | None]] = TypeAdapter(Trial | None)
_POLICY: Final = TypeAdapter(PolicyInForce)
_KEPT_POLICY: Final = TypeAdapter(KeptPolicy)
_MAYBE_ENROLMENT: Final[TypeAdapter[Enrolment | None]] = TypeAdapter(Enrolment | None)


def status() -> Call[Status]:
    """Ask for the gateway at a glance."""
    return Call("GET", "/v1/status", _STATUS)


def statistics(minutes: int) -> Call[Statistics]:
    """Ask for what was measured in the last minutes."""
    query = {"minutes": minutes}
    return Call("GET", "/v1/statistics", _STATISTICS, query=query)


def holders(cursor: str | None, matching: str = "") -> Call[HolderPage]:
    """Ask for one page of holders."""
    query = _page(cursor) | ({"matching": matching} if matching else {})
    return Call("GET", "/v1/holders", _HOLDERS, query=query)


def credentials(cursor: str | None, holder_id: str = "") -> Call[CredentialPage]:
    """Ask for one page of credentials."""
    query = _page(cursor) | ({"holder": holder_id} if holder_id else {})
    return Call("GET", "/v1/credentials", _CREDENTIALS, query=query)


def enrolment() -> Call[Enrolment | None]:
    """Ask for the ceremony under way, or the last one."""
    return Call("GET", "/v1/enrolment", _MAYBE_ENROLMENT)


def enrol(order: EnrolmentOrder) -> Call[Enrolment]:
    """Arm the ceremony."""
    return Call("POST", "/v1/enrolment", _ENROLMENT, _json(order))


def answer_comparison(answer: ComparisonAnswer) -> Call[Enrolment]:
    """Say whether the numbers agree."""
    return Call("POST", "/v1/enrolment/comparison", _ENROLMENT, _json(answer))


def cancel_enrolment() -> Call[Enrolment]:
    """End the ceremony."""
    return Call("DELETE", "/v1/enrolment", _ENROLMENT)


def erase_holder(holder_id: str) -> Call[Holder]:
    """Remove a holder's name for good."""
    path = f"/v1/holders/{quote(holder_id, safe='')}/erasure"
    return Call("POST", path, _HOLDER)


def set_credential_state(
    credential_id: str, change: CredentialStateChange
) -> Call[Credential]:
    """Suspend, resume or revoke."""
    path = f"/v1/credentials/{quote(credential_id, safe='')}/state"
    return Call("PUT", path, _CREDENTIAL, _json(change))


def propose(order: OrderWish, *, dry_run: bool) -> Call[Order]:
    """Order a change."""
    proposal = OrderProposal(order=order, dry_run=dry_run)
    return Call("POST", "/v1/orders", _ORDER, _json(proposal))


def orders() -> Call[tuple[Order, ...]]:
    """Ask for the orders that are remembered."""
    return Call("GET", "/v1/orders", _ORDERS)


def order(order_id: str) -> Call[Order]:
    """Ask for one order."""
    return Call("GET", f"/v1/orders/{quote(order_id, safe='')}", _ORDER)


def choose(order_id: str, choice: OrderChoice) -> Call[Order]:
    """Let an order go on air for one key."""
    path = f"/v1/orders/{quote(order_id, safe='')}/signature"
    return Call("POST", path, _ORDER, _json(choice))


def withdraw(order_id: str) -> Call[Order]:
    """Withdraw an order."""
    return Call("DELETE", f"/v1/orders/{quote(order_id, safe='')}", _ORDER)


def break_glass(glass: BrokenGlass) -> Call[Order]:
    """Order without a finger, as root."""
    return Call("POST", "/v1/break-glass", _ORDER, _json(glass))


def policy() -> Call[PolicyInForce]:
    """Ask for the policy in force."""
    return Call("GET", "/v1/policy", _POLICY)


def kept_policy(sha256: str) -> Call[KeptPolicy]:
    """Ask for a policy that was ordered once."""
    return Call("GET", f"/v1/policies/{quote(sha256, safe='')}", _KEPT_POLICY)


def set_mode(change: ModeChange) -> Call[Status]:
    """Lock down, or return to normal."""
    return Call("PUT", "/v1/door/mode", _STATUS, _json(change))


def commission(wish: Commissioning) -> Call[Status]:
    """Confirm what the gateway cannot find out."""
    return Call("POST", "/v1/door/commissioning", _STATUS, _json(wish))


def begin_trial(wish: TrialWish) -> Call[Trial]:
    """Have a key tried."""
    return Call("POST", "/v1/trials", _TRIAL, _json(wish))


def trial() -> Call[Trial | None]:
    """Ask for the trial under way, or the last one."""
    return Call("GET", "/v1/trials/current", _MAYBE_TRIAL)


def cancel_trial() -> Call[Trial]:
    """End the trial under way."""
    return Call("DELETE", "/v1/trials/current", _TRIAL)


def self_test() -> Call[SelfTest]:
    """Have the door try itself."""
    return Call("POST", "/v1/door/self-test", _SELF_TEST)


def self_test_seen(seen: SelfTestSeen) -> Call[Status]:
    """Say what was seen of it."""
    return Call("PUT", "/v1/door/self-test/seen", _STATUS, _json(seen))


def _page(cursor: str | None) -> dict[str, str | int]:
    following = {} if cursor is None else {"cursor": cursor}
    return {"limit": PAGE_ITEMS_MAX, **following}


def _json(model: BaseModel) -> bytes:
    # Without what is as by default: a name that is not given is left out, not empty.
    return model.model_dump_json(exclude_defaults=True).encode()
