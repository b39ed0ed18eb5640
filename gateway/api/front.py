"""The API's part for policy, purposes, settings, users and health."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request

from gateway.api.guard import actor_of
from gateway.api.problems import Refusal
from gateway.core.directory import is_free_purpose
from gateway.schemas import PAGE_ITEMS_MAX, Identifier
from gateway.schemas.parts import Day
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
from gateway.service.facade import FrontFacade, RulesFacade

_HOLDER_ID: Final = r"^([a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?)?$"

Limit = Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX)]
Cursor = Annotated[str, Query(max_length=64)]
PurposeName = Annotated[Identifier, Path()]


def add_front(router: APIRouter, front: FrontFacade) -> None:
    """Add what people ask beside the door itself."""
    _add_policy(router, front.policy)
    _add_purposes(router, front)
    _add_users(router, front)

    @router.get("/settings")
    async def settings() -> tuple[Setting, ...]:
        """Return the config's switches as they stand, with what each risks."""
        return tuple(Setting.model_validate(one) for one in front.settings())

    @router.get("/health")
    async def health() -> Wellbeing:
        """Return how radio, clock, ledger, disk and backups are, in detail."""
        return Wellbeing.model_validate(await front.wellbeing())


def _add_policy(router: APIRouter, policy: RulesFacade) -> None:
    @router.get("/policy/rules")
    async def rules() -> PolicyRules:
        """Return what the policy in force says: who may pass, when, by which rules."""
        return PolicyRules.model_validate(policy.rules())

    @router.post("/policy/explain")
    async def explain(question: Question) -> Explanation:
        """Return every rule's answer, for now, the past or the future."""
        view = await policy.explain(**question.model_dump())
        return Explanation.model_validate(view)

    @router.get("/policy/week")
    async def week(
        first: Day | None = None,
        holder_id: Annotated[str, Query(pattern=_HOLDER_ID)] = "",
    ) -> Week:
        """Return seven days of hours, of every line or of one holder's."""
        return Week.model_validate(policy.week(first, holder_id))


def _add_purposes(router: APIRouter, front: FrontFacade) -> None:
    @router.get("/purposes")
    async def purposes() -> tuple[Purpose, ...]:
        """Return all purposes, by name."""
        return tuple(Purpose.model_validate(one) for one in front.purposes())

    @router.put("/purposes/{name}")
    async def set_purpose(
        name: PurposeName, change: PurposeChange, request: Request
    ) -> Purpose:
        """Set a purpose, new or not."""
        view = await front.set_purpose(
            name, change.ttl_s, change.user_verification, actor_of(request)
        )
        return Purpose.model_validate(view)

    @router.delete("/purposes/{name}")
    async def delete_purpose(
        name: PurposeName, request: Request
    ) -> tuple[Purpose, ...]:
        """Delete a purpose that is not built in; return those that are left."""
        known = {one.name for one in front.purposes()}
        if is_free_purpose(name) and name not in known:
            raise Refusal(
                HTTPStatus.NOT_FOUND,
                "purpose-unknown",
                "There is no such purpose; see /v1/purposes.",
            )
        await front.delete_purpose(name, actor_of(request))
        return tuple(Purpose.model_validate(one) for one in front.purposes())


def _add_users(router: APIRouter, front: FrontFacade) -> None:
    @router.get("/users")
    async def users(limit: Limit = 100, cursor: Cursor = "") -> UserPage:
        """Return holders with their keys, by id."""
        views, more = await front.users(cursor, limit)
        items = tuple(User.model_validate(view) for view in views)
        return UserPage(items=items, next=items[-1].id if more else None)

    @router.get("/users/{user_id}")
    async def user(user_id: Identifier) -> User:
        """Return one holder with their keys."""
        return User.model_validate(await front.user(user_id))

    @router.post("/users/lookup")
    async def lookup(question: AliasQuestion) -> User:
        """Return whom an alias finds; it is kept hashed, and never listed."""
        return User.model_validate(await front.lookup(question.alias))
