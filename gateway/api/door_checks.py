"""The API's part for commissioning and self-test: handlers only translate."""

from fastapi import APIRouter, Request

from gateway.api.guard import actor_of
from gateway.core.commissioning import Point
from gateway.schemas import Commissioning, SelfTest, SelfTestSeen, Status
from gateway.service.facade import Facade


def add_door_checks(router: APIRouter, facade: Facade) -> None:
    """Add what an installer does at the door."""
    checks = facade.checks

    @router.post("/door/commissioning")
    async def commission(wish: Commissioning, request: Request) -> Status:
        """Record what was confirmed; all of it is asked for."""
        confirmed = frozenset(one for one in Point if one.value in wish.confirmed)
        await checks.commission(confirmed, actor_of(request))
        return Status.model_validate(facade.status())

    @router.post("/door/self-test")
    async def self_test(request: Request) -> SelfTest:
        """Release for a moment, and say what was found."""
        return SelfTest.model_validate(await checks.self_test(actor_of(request)))

    @router.put("/door/self-test/seen")
    async def self_test_seen(seen: SelfTestSeen, request: Request) -> Status:
        """Record what a person saw of the last test."""
        await checks.self_test_seen(seen.entry, actor_of(request), moved=seen.moved)
        return Status.model_validate(facade.status())
