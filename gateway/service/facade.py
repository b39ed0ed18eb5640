"""What the API may ask of the gateway: one small contract, kept by service.gateway."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Protocol

from gateway.core.commissioning import Point
from gateway.core.facts import CredentialState, Mode
from gateway.core.measurement import Statistics
from gateway.service.events import Event
from gateway.service.front_views import (
    ExplanationView,
    PolicyRulesView,
    PurposeView,
    SettingView,
    UserView,
    WeekView,
    WellbeingView,
)
from gateway.service.trials import TrialView
from gateway.service.views import (
    Actor,
    CredentialView,
    EnrolmentOrder,
    EnrolmentView,
    HolderView,
    OrderView,
    PolicyView,
    SelfTestView,
    StatusView,
    Wish,
)


class AdministrationFacade(Protocol):
    """Orders and their signatures; see service.administration."""

    async def propose(
        self, wish: Wish, actor: Actor, *, dry_run: bool = False
    ) -> OrderView:
        """Carry out what needs no finger; put anything else on the desk."""

    async def break_glass(self, wish: Wish, reason: str, actor: Actor) -> OrderView:
        """Carry out anything, by root's word alone, and let everybody know."""

    def orders(self) -> list[OrderView]:
        """Return the orders that are remembered, oldest first."""

    def order(self, order_id: str) -> OrderView:
        """Return one order."""

    def choose(
        self, order_id: str, code: str, holder_id: str, actor: Actor
    ) -> OrderView:
        """Let an order go on air for one administrator's key."""

    def cancel(self, order_id: str) -> OrderView:
        """Withdraw an order."""


class ChecksFacade(Protocol):
    """What an installer does at the door; each raises OrderError where it cannot."""

    async def commission(self, confirmed: frozenset[Point], actor: Actor) -> None:
        """Record what was confirmed; all of it is asked for."""

    async def self_test(self, actor: Actor) -> SelfTestView:
        """Release for a moment, look at all there is, and record the result."""

    async def self_test_seen(self, entry: int, actor: Actor, *, moved: bool) -> None:
        """Record what a person at the door saw of the last test."""


class TrialsFacade(Protocol):
    """Questions that nothing follows from; see service.trials."""

    def begin(self, credential_id: str) -> TrialView:
        """Wait half a minute for this key."""

    def current(self) -> TrialView | None:
        """Return the trial under way, or the last one."""

    def cancel(self) -> TrialView:
        """End the trial under way."""


class PolicyFacade(Protocol):
    """The policy in force; ordering another one is administration's."""

    def view(self) -> PolicyView:
        """Return the policy in force."""

    def text(self, sha256: str) -> str:
        """Return the text of a policy that was ordered once."""


class RulesFacade(Protocol):
    """Questions about the policy; see service.policy_front."""

    def rules(self) -> PolicyRulesView:
        """Return the policy in force."""

    async def explain(
        self, holder_id: str, door: str = "", at: str = "", key: str = ""
    ) -> ExplanationView:
        """Return every rule's answer to a holder, for now, the past or the future."""

    def week(self, first: date | None = None, holder_id: str = "") -> WeekView:
        """Lay out the policy's hours over seven days."""


class FrontFacade(Protocol):
    """What people ask beside the door itself; see service.front."""

    @property
    def policy(self) -> RulesFacade:
        """Questions about the policy."""

    def purposes(self) -> list[PurposeView]:
        """Return all purposes, by name."""

    async def set_purpose(
        self, name: str, ttl_s: int, user_verification: str, actor: Actor
    ) -> PurposeView:
        """Set a purpose, new or not."""

    async def delete_purpose(self, name: str, actor: Actor) -> None:
        """Delete a purpose."""

    def settings(self) -> tuple[SettingView, ...]:
        """Return the config's switches as they stand, with what each risks."""

    async def users(self, after: str, limit: int) -> tuple[list[UserView], bool]:
        """Return holders with their keys, by id, and whether more follow."""

    async def user(self, holder_id: str) -> UserView:
        """Return one holder with their keys."""

    async def lookup(self, alias: str) -> UserView:
        """Return whom an alias finds."""

    async def dated(self, views: Sequence[CredentialView]) -> list[CredentialView]:
        """Return credentials with when they were enrolled and last used."""

    async def wellbeing(self) -> WellbeingView:
        """Return how the gateway is, in detail."""


class Facade(Protocol):
    """The administration side. Every change names its actor in the ledger.

    A change raises a KeyraError with a stable code if it cannot be made; then nothing
    has changed.
    """

    @property
    def administration(self) -> AdministrationFacade:
        """Orders and their signatures."""

    def status(self) -> StatusView:
        """Return the gateway at a glance; never waits."""

    async def statistics(self, since_ms: int) -> Statistics:
        """Sum up what was measured in the last `since_ms` milliseconds."""

    def holders(self, after: str = "", limit: int = 0) -> list[HolderView]:
        """Return holders by id, from after one on; with a limit of 0 all of them."""

    def credentials(self) -> list[CredentialView]:
        """Return all credentials, by id."""

    def enrolment(self) -> EnrolmentView | None:
        """Return the ceremony under way, or the last one."""

    async def enrol(self, order: EnrolmentOrder, actor: Actor) -> EnrolmentView:
        """Arm the ceremony; it goes on by itself and tells its steps as events."""

    async def answer_comparison(self, *, agree: bool) -> EnrolmentView:
        """Say whether the number on the key equals the one shown."""

    async def cancel_enrolment(self) -> EnrolmentView:
        """End the ceremony without a credential."""

    async def erase_holder(self, holder_id: str, actor: Actor) -> HolderView:
        """Remove a holder's name for good, and revoke their keys."""

    async def set_credential_state(
        self, credential_id: str, state: CredentialState, actor: Actor
    ) -> CredentialView:
        """Suspend, resume or revoke; holds for the very next touch."""

    async def set_mode(self, mode: Mode, actor: Actor, for_ms: int = 0) -> StatusView:
        """Order a mode, for a while or (0) until it is lifted; Locked lifts."""

    @property
    def checks(self) -> ChecksFacade:
        """Commissioning and self-test of the door."""

    @property
    def trials(self) -> TrialsFacade:
        """Trials of keys, one at a time."""

    @property
    def policies(self) -> PolicyFacade:
        """The policy in force."""

    @property
    def front(self) -> FrontFacade:
        """What people ask beside the door itself."""

    def events(self, after_id: int | None = None) -> AsyncIterator[Event]:
        """Follow what happens; see EventStream.subscribe."""
