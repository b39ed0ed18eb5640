"""The SDK's part for policy, purposes, users and health, for asyncio."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import date
from typing import TypeVar

from gateway.client import front_calls as calls
from gateway.client.calls import Call
from gateway.schemas.policy import (
    Explanation,
    PolicyRules,
    Purpose,
    PurposeChange,
    Question,
    Setting,
    Week,
)
from gateway.schemas.users import AliasQuestion, User, Wellbeing

_Answer = TypeVar("_Answer")


class AsyncFront(ABC):
    """What a client asks beside the door itself; errors as of the client."""

    @abstractmethod
    async def _ask(self, call: Call[_Answer]) -> _Answer:
        """Ask, and return the answer."""

    async def rules(self) -> PolicyRules:
        """Return what the policy in force says."""
        return await self._ask(calls.rules())

    async def explain(self, question: Question) -> Explanation:
        """Return every rule's answer, for now, the past or the future."""
        return await self._ask(calls.explain(question))

    async def week(self, first: date | None = None, holder_id: str = "") -> Week:
        """Return seven days of hours; by default this week's, of every line."""
        return await self._ask(calls.week(first, holder_id))

    async def purposes(self) -> tuple[Purpose, ...]:
        """Return all purposes, by name."""
        return await self._ask(calls.purposes())

    async def set_purpose(self, name: str, change: PurposeChange) -> Purpose:
        """Set a purpose, new or not."""
        return await self._ask(calls.set_purpose(name, change))

    async def delete_purpose(self, name: str) -> tuple[Purpose, ...]:
        """Delete a purpose; return those that are left."""
        return await self._ask(calls.delete_purpose(name))

    async def settings(self) -> tuple[Setting, ...]:
        """Return the config's switches as they stand, with what each risks."""
        return await self._ask(calls.settings())

    async def users(self) -> AsyncIterator[User]:
        """Yield all users with their keys, by id, page by page."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.users(cursor))
            for item in page.items:
                yield item
            if (cursor := page.next) is None:
                return

    async def user(self, user_id: str) -> User:
        """Return one user with their keys."""
        return await self._ask(calls.user(user_id))

    async def lookup(self, alias: str) -> User:
        """Return whom an alias finds."""
        return await self._ask(calls.lookup(AliasQuestion(alias=alias)))

    async def health(self) -> Wellbeing:
        """Return how the gateway is, in detail."""
        return await self._ask(calls.wellbeing())
