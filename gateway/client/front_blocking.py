"""The SDK's part for policy, purposes, users and health, for code that waits."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
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


class Front(ABC):
    """What a client asks beside the door itself; errors as of the client."""

    @abstractmethod
    def _ask(self, call: Call[_Answer]) -> _Answer:
        """Ask, and return the answer."""

    def rules(self) -> PolicyRules:
        """Return what the policy in force says."""
        return self._ask(calls.rules())

    def explain(self, question: Question) -> Explanation:
        """Return every rule's answer, for now, the past or the future."""
        return self._ask(calls.explain(question))

    def week(self, first: date | None = None, holder_id: str = "") -> Week:
        """Return seven days of hours; by default this week's, of every line."""
        return self._ask(calls.week(first, holder_id))

    def purposes(self) -> tuple[Purpose, ...]:
        """Return all purposes, by name."""
        return self._ask(calls.purposes())

    def set_purpose(self, name: str, change: PurposeChange) -> Purpose:
        """Set a purpose, new or not."""
        return self._ask(calls.set_purpose(name, change))

    def delete_purpose(self, name: str) -> tuple[Purpose, ...]:
        """Delete a purpose; return those that are left."""
        return self._ask(calls.delete_purpose(name))

    def settings(self) -> tuple[Setting, ...]:
        """Return the config's switches as they stand, with what each risks."""
        return self._ask(calls.settings())

    def users(self) -> Iterator[User]:
        """Yield all users with their keys, by id, page by page."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.users(cursor))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def user(self, user_id: str) -> User:
        """Return one user with their keys."""
        return self._ask(calls.user(user_id))

    def lookup(self, alias: str) -> User:
        """Return whom an alias finds."""
        return self._ask(calls.lookup(AliasQuestion(alias=alias)))

    def health(self) -> Wellbeing:
        """Return how the gateway is, in detail."""
        return self._ask(calls.wellbeing())
