"""What can be asked about policy, purposes, users and health, as plain values."""

from datetime import date
from typing import Final
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from gateway.client.calls import Call
from gateway.schemas import PAGE_ITEMS_MAX
from gateway.schemas.policy import (
    Explanation,
    PolicyRules,
    Purpose,
    PurposeChange,
    Question,
    Setting,
    Week,
)
from gateway.schemas.users import AliasQuestion, User, UserPage, Wellbeing

_RULES: Final = TypeAdapter(PolicyRules)
_EXPLANATION: Final = TypeAdapter(Explanation)
_WEEK: Final = TypeAdapter(Week)
_PURPOSE: Final = TypeAdapter(Purpose)
_PURPOSES: Final = TypeAdapter(tuple[Purpose, ...])
_SETTINGS: Final = TypeAdapter(tuple[Setting, ...])
_USER: Final = TypeAdapter(User)
_USERS: Final = TypeAdapter(UserPage)
_WELLBEING: Final = TypeAdapter(Wellbeing)


def rules() -> Call[PolicyRules]:
    """Ask what the policy in force says."""
    return Call("GET", "/v1/policy/rules", _RULES)


def explain(question: Question) -> Call[Explanation]:
    """Ask for every rule's answer."""
    return Call("POST", "/v1/policy/explain", _EXPLANATION, _json(question))


def week(first: date | None, holder_id: str) -> Call[Week]:
    """Ask for seven days of hours."""
    query: dict[str, str | int] = {"holder_id": holder_id} if holder_id else {}
    if first is not None:
        query["first"] = first.isoformat()
    return Call("GET", "/v1/policy/week", _WEEK, query=query)


def purposes() -> Call[tuple[Purpose, ...]]:
    """Ask for all purposes."""
    return Call("GET", "/v1/purposes", _PURPOSES)


def set_purpose(name: str, change: PurposeChange) -> Call[Purpose]:
    """Set a purpose."""
    path = f"/v1/purposes/{quote(name, safe='')}"
    return Call("PUT", path, _PURPOSE, _json(change))


def delete_purpose(name: str) -> Call[tuple[Purpose, ...]]:
    """Delete a purpose."""
    return Call("DELETE", f"/v1/purposes/{quote(name, safe='')}", _PURPOSES)


def settings() -> Call[tuple[Setting, ...]]:
    """Ask for the config's switches."""
    return Call("GET", "/v1/settings", _SETTINGS)


def users(cursor: str | None) -> Call[UserPage]:
    """Ask for one page of users."""
    query: dict[str, str | int] = {"limit": PAGE_ITEMS_MAX}
    if cursor is not None:
        query["cursor"] = cursor
    return Call("GET", "/v1/users", _USERS, query=query)


def user(user_id: str) -> Call[User]:
    """Ask for one user."""
    return Call("GET", f"/v1/users/{quote(user_id, safe='')}", _USER)


def lookup(question: AliasQuestion) -> Call[User]:
    """Ask whom an alias finds."""
    return Call("POST", "/v1/users/lookup", _USER, _json(question))


def wellbeing() -> Call[Wellbeing]:
    """Ask how the gateway is, in detail."""
    return Call("GET", "/v1/health", _WELLBEING)


def _json(model: BaseModel) -> bytes:
    return model.model_dump_json(exclude_defaults=True).encode()
