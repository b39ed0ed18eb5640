"""Which policy the door goes by: the one that the ledger names, if its text is here.

    a policy is ordered     its text is kept durably under its hash     nothing changed
                            its entry is written                        it is in force
    the gateway starts      the ledger says which one holds             its text is read

Whoever dies between the two writes leaves a text that nobody names, and the policy that
was in force. A text that was edited has another hash: it is not there. The running
gateway goes on with what it has in memory, writes the file again and tells; one that
starts without it denies everybody, and says why (docs/adr/0015).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from gateway.config.site_policy import Policy, SitePolicies
from gateway.core.door_policy import DoorPolicy
from gateway.core.entries import BY_GATEWAY, By, Record, alarm_record
from gateway.core.facts import CredentialState
from gateway.core.order_entries import (
    change_record,
    policy_change,
    policy_stands_record,
)
from gateway.core.policy_standing import PolicyStanding
from gateway.core.registry import Registry
from gateway.core.rights import Action
from gateway.core.schedule import Schedule
from gateway.errors import ConfigError, PolicyError, RegistryError
from gateway.ports import PolicyStore
from gateway.service.plan import CarryOut, Plan
from gateway.service.policy_access import access_words, lets_in
from gateway.service.recorder import Recorder
from gateway.service.views import PolicyView, PolicyWish

EDITED: Final = "policy-edited"
CONFIG_EDITED: Final = "policy-config"
_GONE: Final = "The stored text of the policy in force was edited, or is gone."


class PolicyKeeper:
    """Keeps the policies of one door."""

    def __init__(
        self,
        site: SitePolicies,
        store: PolicyStore,
        registry: Registry,
        recorder: Recorder,
    ) -> None:
        self._site: Final = site
        self._store: Final = store
        self._registry: Final = registry
        self._recorder: Final = recorder
        self._door: Final = site.own.door.door
        self._ready: dict[str, Policy] = {}
        self._alarmed = False
        # What is being ordered must be at hand when its entry is there.
        self._turn: Final = asyncio.Lock()

    @property
    def current(self) -> Policy | None:
        """The policy in force, or None where its text is not here."""
        standing = self._registry.policy
        return None if standing is None else self._ready.get(standing.sha256)

    def door(self) -> DoorPolicy:
        """Return what the next decision is made by."""
        current = self.current
        return self._site.nothing if current is None else current.door

    def door_by(self, standing: PolicyStanding | None) -> DoorPolicy:
        """Return what an entry named; before any did so, it was the config's.

        One whose text is not here denies everybody, as it would at the door.
        """
        own = self._site.own
        if standing is None or standing.sha256 == own.sha256:
            return own.door
        text = self._store.load(standing.sha256)
        try:
            kept = None if text is None else self._site.kept(text, "an earlier policy")
        except ConfigError:
            kept = None
        return self._site.nothing if kept is None else kept.door

    def unlocked(self) -> Schedule | None:
        """Return during which schedule the door is held unlocked, or None."""
        current = self.current
        return None if current is None else current.unlocked

    # At a start, and every minute.

    def begin(self) -> list[Record]:
        """Find the policy in force; return what is to be written about it.

        The config's own holds where no entry names any, and follows the file as long as
        nobody is an administrator. After that it takes an order.
        """
        own, standing = self._site.own, self._registry.policy
        installing = not self._registry.administrators()
        if standing is None or (installing and standing.config != own.sha256):
            standing = PolicyStanding(own.sha256, own.sha256)
            change = policy_change(self._door, standing)
            return [change_record(change, BY_GATEWAY), *self._kept(own)]
        records = self._found(standing.sha256)
        if standing.config != own.sha256:
            known = PolicyStanding(standing.sha256, own.sha256)
            records.append(policy_stands_record(self._door, known))
            current = self.current
            if current is None or current.sections != own.sections:
                text = "The config's policy was edited. It does not count: order it."
                records.append(alarm_record(CONFIG_EDITED, text))
        return records

    async def look(self) -> None:
        """Look after the stored text; one that was put back is taken again."""
        async with self._turn:
            self._look()

    def _look(self) -> None:
        standing, current = self._registry.policy, self.current
        if standing is None:
            return
        if current is None:
            if not self._found(standing.sha256):
                self._note(alarm_record(EDITED, "ended"))
            return
        whole = self._store.load(current.sha256) == current.text
        if whole is self._alarmed:
            self._alarmed = not whole
            told = "ended" if whole else f"{_GONE} It is written again."
            self._note(alarm_record(EDITED, told))
        if not whole:
            self._kept(current)

    def _note(self, record: Record) -> None:
        self._recorder.note(record)

    def _found(self, sha256: str) -> list[Record]:
        """Make ready what has this hash; return the alarm where that cannot be."""
        text = self._store.load(sha256)
        own = self._site.own
        if text is None and own.sha256 == sha256:
            self._alarmed = True
            return [alarm_record(EDITED, _GONE), *self._kept(own)]
        if text is None:
            return [alarm_record(EDITED, f"{_GONE} Nobody is let in.")]
        try:
            self._take(self._site.kept(text, "the policy in force"))
        except ConfigError as error:
            return [alarm_record(EDITED, f"{error} Nobody is let in.")]
        return []

    def _kept(self, policy: Policy) -> list[Record]:
        """Go by a policy, whether or not its text can be kept; return the alarm."""
        self._take(policy)
        try:
            self._store.save(policy.text)
        except PolicyError as error:
            return [alarm_record(EDITED, str(error))]
        return []

    def _take(self, policy: Policy) -> None:
        """Have a policy at hand; it counts once the ledger names it."""
        current = self.current
        kept = () if current is None else (current,)
        self._ready = {one.sha256: one for one in (*kept, policy)}

    # Orders.

    def plan(self, wish: PolicyWish) -> Plan:
        """Say what a proposed policy would change.

        Raises:
            PolicyError: it is none, changes nothing, or locks every administrator out.
        """
        try:
            proposed = self._site.proposed(wish.text)
        except ConfigError as error:
            raise PolicyError(str(error), "policy-invalid") from error
        current, standing = self.current, self._registry.policy
        if current is not None and current.sha256 == proposed.sha256:
            raise PolicyError("This policy is in force already.", "nothing-to-do")
        self._refuse_lock_out(current, proposed)
        text = [
            *self._site.changes(current, proposed),
            access_words(current, proposed, self._registry),
            f"The policy's SHA-256: {proposed.sha256}.",
        ]
        change = policy_change(
            self._door, PolicyStanding(proposed.sha256, self._site.own.sha256)
        )

        def records(by: By, first: Sequence[Record]) -> list[Record]:
            if self._registry.policy != standing:
                raise RegistryError("Another policy came into force; order it again.")
            return [*first, change_record(change, by)]

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            async with self._turn:
                self._store.save(proposed.text)
                self._take(proposed)
                await self._recorder.append_made(lambda: records(by, first))

        done: CarryOut = carry_out
        return Plan(Action.POLICY, (change,), tuple(text), {}, done, standing)

    def _refuse_lock_out(self, current: Policy | None, proposed: Policy) -> None:
        """Refuse what no administrator could pass the door by any more."""
        able = [
            one.id
            for one in self._registry.administrators()
            if not one.suspended
            and any(
                key.state is CredentialState.ACTIVE
                for key in self._registry.credentials_of(one.id)
            )
        ]
        before = [one for one in able if lets_in(current, one, self._registry)]
        if before and not any(lets_in(proposed, one, self._registry) for one in before):
            raise PolicyError(
                "By this policy no administrator passes this door any more: give a "
                f"group of {', '.join(before[:3])} the door {self._door}.",
                "locks-out",
            )

    # For people, and for a recovery.

    def said_again(self) -> list[Record]:
        """Return what a recovery needs after a snapshot."""
        standing = self._registry.policy
        return [] if standing is None else [policy_stands_record(self._door, standing)]

    def view(self) -> PolicyView:
        """Return the policy in force."""
        standing, current, own = self._registry.policy, self.current, self._site.own
        return PolicyView(
            sha256="" if standing is None else standing.sha256,
            text="" if current is None else current.text,
            usable=current is not None,
            config_sha256=own.sha256,
            config_differs=current is None or current.sections != own.sections,
        )

    def text(self, sha256: str) -> str:
        """Return the text of a policy that was ordered once.

        Raises:
            PolicyError: it is not kept here.
        """
        text = self._store.load(sha256)
        if text is None:
            raise PolicyError("No policy with this hash is kept here.", "unknown")
        return text
