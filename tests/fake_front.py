"""What the API asks beside the door itself, for tests: all of it written down here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from gateway.core.facts import CredentialState
from gateway.errors import FingerNeededError, HolderUnknownError, RegistryError
from gateway.ports import UpkeepFacts
from gateway.service.front_views import (
    DayView,
    ExplanationView,
    LineView,
    PolicyRulesView,
    PurposeView,
    RadioView,
    RuleView,
    ScheduleView,
    SettingView,
    SpecialView,
    UserView,
    WeekLineView,
    WeekView,
    WellbeingView,
)
from gateway.service.telemetry import StageFigures
from gateway.service.views import Actor, CredentialView, HealthView, HolderView

MONDAY = date(2023, 11, 13)
WALL_MS = 1_700_000_000_000  # Tuesday 2023-11-14 22:13:20 UTC
UP_MS = 60_000
ALIAS = "ada@example.org"
OFFICE = ((8 * 60, 18 * 60),)


class FakePolicy:
    """Keeps the contract of service.facade.RulesFacade."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, str]] = []

    def rules(self) -> PolicyRulesView:
        return PolicyRulesView(
            door="main",
            zone="Europe/Berlin",
            sha256="ab" * 32,
            lines=(LineView("staff", "office", ""), LineView("it", "always", "staff")),
            schedules=(
                ScheduleView("always", "always", ()),
                ScheduleView(
                    "office",
                    "Mon-Fri 08:00-18:00",
                    (
                        SpecialView(("12-24",), ("08:00-12:00",)),
                        SpecialView(("12-25", "12-26"), ()),
                    ),
                ),
            ),
            on_untrusted_time="deny",
            two_person_ms=0,
            passback="soft",
            passback_forgiven_ms=43_200_000,
            passback_exits=(),
            exit_request_clears=True,
            step_up="",
            step_up_ms=30_000,
            step_up_group="",
            duress_route="none",
        )

    async def explain(
        self, holder_id: str, door: str = "", at: str = "", key: str = ""
    ) -> ExplanationView:
        self.asked.append((holder_id, door, at, key))
        if door not in {"", "main"}:
            raise RegistryError("This gateway is of door main.")
        closed = RuleView("hours", "outside-hours", "The door is not open now.")
        rules = (RuleView("lockdown", None, "This rule holds."), closed)
        return ExplanationView(
            holder_id, "main", WALL_MS, "outside-hours", rules, bool(at), 42
        )

    def week(self, first: date | None = None, holder_id: str = "") -> WeekView:
        first = MONDAY if first is None else first
        if holder_id == "nobody":
            raise HolderUnknownError("No holder has this id.")
        days = tuple(
            DayView(
                first + timedelta(days=at), OFFICE if at < 4 else (), special=at == 4
            )
            for at in range(7)
        )
        lines = (WeekLineView("staff", "office", "", days),)
        return WeekView("main", "Europe/Berlin", first, holder_id, lines)


class FakeFront:
    """Keeps the contract of service.facade.FrontFacade."""

    def __init__(
        self,
        holders: Callable[[], list[HolderView]],
        credentials: Callable[[], list[CredentialView]],
        changed: Callable[[str, Actor], None],
        health: Callable[[], HealthView],
    ) -> None:
        self.policy = FakePolicy()
        self.needs_finger = False
        self._holders = holders
        self._credentials = credentials
        self._changed = changed
        self._health = health
        self.known = {
            "door.unlock": PurposeView("door.unlock", 10, "required", True, False),
            "sign-in": PurposeView("sign-in", 120, "required", True, True),
            "payment": PurposeView("payment", 60, "preferred", False, True),
        }

    def purposes(self) -> list[PurposeView]:
        return [self.known[name] for name in sorted(self.known)]

    async def set_purpose(
        self, name: str, ttl_s: int, user_verification: str, actor: Actor
    ) -> PurposeView:
        self._change(f"purpose {name} {ttl_s} {user_verification}", actor)
        self.known[name] = PurposeView(name, ttl_s, user_verification, False, True)
        return self.known[name]

    async def delete_purpose(self, name: str, actor: Actor) -> None:
        self._change(f"purpose {name} goes", actor)
        if self.known[name].built_in:
            raise RegistryError("It is built in.")
        del self.known[name]

    def _change(self, what: str, actor: Actor) -> None:
        if self.needs_finger:
            raise FingerNeededError("That takes 1 finger(s) of admin.", "purpose")
        self._changed(what, actor)

    def settings(self) -> tuple[SettingView, ...]:
        return (
            SettingView(
                "Passback", "soft", "[rules] passback", "Two may enter.", False
            ),
            SettingView("Backups", "on", "[backup] recipient", "It is gone.", True),
        )

    async def users(self, after: str, limit: int) -> tuple[list[UserView], bool]:
        rest = [one for one in self._holders() if one.id > after]
        return [await self.user(one.id) for one in rest[:limit]], len(rest) > limit

    async def user(self, holder_id: str) -> UserView:
        keys = [key for key in self._credentials() if key.holder_id == holder_id]
        for holder in self._holders():
            if holder.id == holder_id:
                return UserView.of(holder, 1, tuple(await self.dated(keys)))
        raise HolderUnknownError("No holder has this id.")

    async def lookup(self, alias: str) -> UserView:
        if alias != ALIAS:
            raise HolderUnknownError("Nobody is found by this alias.")
        return await self.user(self._holders()[0].id)

    async def dated(self, views: Sequence[CredentialView]) -> list[CredentialView]:
        active = CredentialState.ACTIVE
        return [
            replace(
                view,
                enrolled_ms=WALL_MS - 86_400_000,
                last_used_ms=WALL_MS if view.state is active else 0,
            )
            for view in views
        ]

    async def wellbeing(self) -> WellbeingView:
        return WellbeingView(
            up_ms=UP_MS,
            wall_ms=WALL_MS,
            health=self._health(),
            radio=RadioView(True, 2_000, 55_000, -61, ""),
            clock_error_ms=5,
            ledger_entries=42,
            upkeep=UpkeepFacts(42, WALL_MS - 3_600_000, 40, -1, 2_000_000_000),
            stages={"verify": StageFigures(500, 210, 480)},
            gauges={"temperature_celsius": 48},
        )
