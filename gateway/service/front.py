"""What the API shows beside the door itself: policy, purposes, users, health."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.directory import BUILT_IN, PurposeRule, Verification, normal_alias
from gateway.core.encoding import from_base64url
from gateway.core.facts import Mode
from gateway.core.ids import CredentialId, HolderId
from gateway.core.measurement import Kind
from gateway.core.registry import Registry
from gateway.errors import HolderUnknownError, RegistryError
from gateway.service.administration import Administration
from gateway.service.composition import Adapters, Setting
from gateway.service.directory_plans import found
from gateway.service.front_views import (
    PurposeView,
    RadioView,
    SettingView,
    UserView,
    WellbeingView,
)
from gateway.service.policy_front import PolicyFront
from gateway.service.policy_keeper import PolicyKeeper
from gateway.service.roll import Roll
from gateway.service.views import (
    Actor,
    CredentialView,
    HealthView,
    HolderView,
    PurposeWish,
)

DOOR_PURPOSE: Final = "door.unlock"
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True)
class Parts:
    """What of the running gateway is looked at.

    Attributes:
        health: what works now.
        radio: how the radio is now.
    """

    registry: Registry
    roll: Roll
    administration: Administration
    policy: PolicyFront
    health: Callable[[], HealthView]
    radio: Callable[[], RadioView]


class Front:
    """Answers questions, and passes changes on to administration."""

    def __init__(self, setting: Setting, on: Adapters, parts: Parts) -> None:
        self._setting: Final = setting
        self._on: Final = on
        self._parts: Final = parts
        self._registry: Final = parts.registry
        self.policy: Final = parts.policy

    # Purposes and settings.

    def purposes(self) -> list[PurposeView]:
        """Return all purposes, by name."""
        ttl_s = self._setting.challenge_life_ms // _MS_PER_S
        door = PurposeRule(DOOR_PURPOSE, ttl_s, Verification.REQUIRED)
        every = [door, *self._registry.directory.purposes()]
        return [_purpose_view(one) for one in sorted(every, key=lambda one: one.name)]

    async def set_purpose(
        self, name: str, ttl_s: int, user_verification: str, actor: Actor
    ) -> PurposeView:
        """Set a purpose, new or not.

        Raises:
            FingerNeededError: it takes an administrator's finger; order it.
            RegistryError: it cannot be set so.
        """
        wish = PurposeWish(name, ttl_s, user_verification)
        await self._parts.administration.do_now(wish, actor)
        return next(one for one in self.purposes() if one.name == name)

    async def delete_purpose(self, name: str, actor: Actor) -> None:
        """Delete a purpose.

        Raises:
            FingerNeededError: it takes an administrator's finger; order it.
            RegistryError: there is none, or it is built in.
        """
        await self._parts.administration.do_now(PurposeWish(name), actor)

    def settings(self) -> tuple[SettingView, ...]:
        """Return the switches of the config as they stand, with what each risks."""
        return self._setting.switches

    # Users.

    async def users(self, after: str, limit: int) -> tuple[list[UserView], bool]:
        """Return holders with their keys, by id, and whether more follow.

        Args:
            after: the id after which the page begins; empty for the first one.
            limit: how many.
        """
        ids = sorted(one.id for one in self._registry.holders() if one.id > after)
        page = [self._parts.roll.holder(one) for one in ids[:limit]]
        return await self._shown(page), len(ids) > limit

    async def user(self, holder_id: str) -> UserView:
        """Return one holder with their keys.

        Raises:
            HolderUnknownError: there is no such holder.
        """
        [view] = await self._shown([self._parts.roll.holder(holder_id)])
        return view

    async def lookup(self, alias: str) -> UserView:
        """Return whom an alias finds.

        Raises:
            HolderUnknownError: nobody.
            RegistryError: it is no alias, or the people database cannot be read.
        """
        commitment = found(self._registry, self._on.people, normal_alias(alias))
        holder_id = (
            None
            if commitment is None
            else self._registry.directory.alias_holder(commitment)
        )
        if holder_id is None:
            raise HolderUnknownError("Nobody is found by this alias.")
        return await self.user(holder_id)

    async def dated(self, views: Sequence[CredentialView]) -> list[CredentialView]:
        """Return credentials with when they were enrolled and last used."""
        uses = {one.id: self._registry.directory.use(_raw(one.id)) for one in views}
        known = [use for use in uses.values() if use is not None]
        wanted = {n for use in known for n in (use.enrolled, use.used) if n is not None}
        times = await self._on.aside.run(
            lambda: self._on.upkeep.entry_times(sorted(wanted))
        )
        return [
            view
            if (use := uses[view.id]) is None
            else replace(
                view,
                enrolled_ms=times.get(use.enrolled, 0),
                last_used_ms=0 if use.used is None else times.get(use.used, 0),
            )
            for view in views
        ]

    async def _shown(self, holders: Sequence[HolderView]) -> list[UserView]:
        wall_ms = self._on.clock.now().wall_ms
        keys = [
            CredentialView.of(key, wall_ms)
            for holder in holders
            for key in self._registry.credentials_of(HolderId(holder.id))
        ]
        dated = await self.dated(keys)
        directory = self._registry.directory
        return [
            UserView.of(
                holder,
                directory.alias_count(HolderId(holder.id)),
                tuple(key for key in dated if key.holder_id == holder.id),
            )
            for holder in holders
        ]

    # How things are.

    async def wellbeing(self) -> WellbeingView:
        """Return how the gateway is, in detail."""
        on = self._on
        upkeep = await on.aside.run(on.upkeep.read)
        now = on.clock.now()
        waiting = on.telemetry.waiting(now.wall_ms).figures
        gauges = {
            name: histogram.percentile(50)
            for (kind, name), histogram in waiting.items()
            if kind is Kind.GAUGE
        }
        return WellbeingView(
            up_ms=now.up_ms,
            wall_ms=now.wall_ms,
            health=self._parts.health(),
            radio=self._parts.radio(),
            clock_error_ms=now.err_ms,
            ledger_entries=self._registry.entries,
            upkeep=upkeep,
            stages=on.telemetry.stages(),
            gauges=dict(sorted({**gauges, **on.sensors.read()}.items())),
        )


def _purpose_view(purpose: PurposeRule) -> PurposeView:
    is_doors = purpose.name == DOOR_PURPOSE
    return PurposeView(
        name=purpose.name,
        ttl_s=purpose.ttl_s,
        user_verification=purpose.verification.value,
        built_in=is_doors or purpose.name in BUILT_IN,
        changeable=not is_doors,
    )


def _raw(credential_id: str) -> CredentialId:
    raw = from_base64url(credential_id)
    if raw is None:
        raise RegistryError("No credential has this id; list them with their ids.")
    return CredentialId(raw)


def open_front(  # noqa: PLR0913 - its collaborators, by name
    setting: Setting,
    on: Adapters,
    *,
    registry: Registry,
    policies: PolicyKeeper,
    roll: Roll,
    administration: Administration,
    mode: Callable[[], Mode],
    health: Callable[[], HealthView],
    radio: Callable[[], RadioView],
) -> Front:
    """Return what the API asks beside the door itself."""
    policy = PolicyFront(
        policy=policies.door,
        earlier=policies.door_by,
        mode=mode,
        registry=registry,
        history=on.history,
        aside=on.aside,
        clock=on.clock,
    )
    parts = Parts(registry, roll, administration, policy, health, radio)
    return Front(setting, on, parts)
