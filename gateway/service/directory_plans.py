"""Plans about purposes and aliases; see planner for the other ones."""

from collections.abc import Sequence

from gateway.core.administration import Change
from gateway.core.directory import (
    BUILT_IN,
    TTL_S_MAX,
    TTL_S_MIN,
    PurposeRule,
    Verification,
    is_free_purpose,
    normal_alias,
)
from gateway.core.entries import By, Record
from gateway.core.ids import HolderId
from gateway.core.order_entries import change_record
from gateway.core.registry import Registry, is_erased
from gateway.core.rights import Action, Role
from gateway.errors import RegistryError
from gateway.ports import PeopleStore
from gateway.service.plan import CarryOut, Plan
from gateway.service.recorder import Recorder
from gateway.service.views import AliasWish, PurposeWish
from gateway.service.wording import named


class DirectoryPlans:
    """Makes plans of what people look up."""

    def __init__(
        self, registry: Registry, people: PeopleStore, recorder: Recorder
    ) -> None:
        self._registry = registry
        self._people = people
        self._recorder = recorder

    def plan(self, wish: PurposeWish | AliasWish) -> Plan:
        """Say what a wish means now.

        Raises:
            RegistryError: it names nothing that people set, or would change nothing.
        """
        if isinstance(wish, PurposeWish):
            return self._purpose(wish)
        return self._alias(wish)

    def _purpose(self, wish: PurposeWish) -> Plan:
        name, ttl_s = wish.name, wish.ttl_s
        if not is_free_purpose(name):
            raise RegistryError(
                f"{name:.64} is not for people to set: the door's own purposes follow "
                "from its config."
            )
        if ttl_s is None:
            change, text = self._removal(name), f"Delete the purpose {name}."
        elif not TTL_S_MIN <= ttl_s <= TTL_S_MAX:
            raise RegistryError(f"A purpose waits {TTL_S_MIN} to {TTL_S_MAX} s.")
        else:
            purpose = PurposeRule(name, ttl_s, Verification(wish.user_verification))
            if self._registry.directory.purpose(name) == purpose:
                raise RegistryError("Nothing would change: it is so already.")
            change = Change("purpose", purpose.row())
            text = (
                f"The purpose {name} waits {ttl_s} s; verifying the finger is "
                f"{purpose.verification.value}."
            )

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            await self._recorder.append(*first, change_record(change, by))

        return Plan(Action.PURPOSE, (change,), (text,), {}, carry_out)

    def _removal(self, name: str) -> Change:
        if name in BUILT_IN:
            raise RegistryError(f"{name} is built in and cannot be deleted.")
        if not self._registry.directory.is_set(name):
            raise RegistryError(f"There is no purpose {name}; see them listed.")
        return Change("purpose.removed", {"purpose": name})

    def _alias(self, wish: AliasWish) -> Plan:
        holder = self._registry.holder(HolderId(wish.holder_id))
        if holder is None or is_erased(holder):
            raise RegistryError(
                f"There is no holder {wish.holder_id:.64}; see them listed."
            )
        alias = normal_alias(wish.alias)
        who = named(holder.id, self._people.reveal(holder.name_commitment))
        if wish.removed:
            change, carry_out = self._forgetting(holder.id, alias)
            text = f'"{alias}" no longer finds {who}.'
        else:
            change, carry_out = self._naming(holder.id, alias)
            text = f'"{alias}" finds {who} from now on.'
        bears_role = holder.role is not Role.NONE
        action = Action.ROLE if bears_role else Action.HOLDER_CHANGE
        return Plan(action, (change,), (text,), {holder.id: holder}, carry_out)

    def _naming(self, holder_id: HolderId, alias: str) -> tuple[Change, CarryOut]:
        self._check_free(alias)
        opening = self._people.seal_alias(alias)
        change = Change("alias", {"alias": opening.commitment, "holder": holder_id})

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            self._people.keep(holder_id, opening)

            def records() -> list[Record]:
                self._check_free(alias)
                return [*first, change_record(change, by)]

            await self._recorder.append_made(records)

        return change, carry_out

    def _check_free(self, alias: str) -> None:
        if found(self._registry, self._people, alias) is not None:
            raise RegistryError("Somebody has this alias already; remove it first.")

    def _forgetting(self, holder_id: HolderId, alias: str) -> tuple[Change, CarryOut]:
        commitment = found(self._registry, self._people, alias)
        if (
            commitment is None
            or self._registry.directory.alias_holder(commitment) != holder_id
        ):
            raise RegistryError(f"{holder_id} has no such alias.")
        change = Change("alias.removed", {"alias": commitment, "holder": holder_id})

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            await self._recorder.append(*first, change_record(change, by))
            self._people.withdraw(commitment)

        return change, carry_out


def found(registry: Registry, people: PeopleStore, alias: str) -> str | None:
    """Return the commitment to an alias that the ledger knows of, or None.

    Args:
        registry: what the ledger says; nothing else is believed.
        people: says which commitments an alias opens.
        alias: as `normal_alias` makes it.

    Raises:
        RegistryError: the people database cannot be read.
    """
    for commitment in people.find_alias(alias):
        if registry.directory.alias_holder(commitment) is not None:
            return commitment
    return None
