"""From a wish to a plan: what would change, in entries and in words."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar, assert_never

from gateway.core import entries
from gateway.core.administration import CHANGES_MAX, Change, enrolment_change
from gateway.core.encoding import Json, from_base64url, to_base64url
from gateway.core.entries import By, Record
from gateway.core.facts import CredentialState, Mode
from gateway.core.ids import CredentialId, DoorId, GroupId, HolderId, is_identifier
from gateway.core.opening import Opening
from gateway.core.order_entries import change_record
from gateway.core.orders import DENYING, HOLDING
from gateway.core.passages import FORGIVEN
from gateway.core.registry import Credential, Holder, Registry, is_erased
from gateway.core.rights import Action, Role
from gateway.errors import EnrolmentError, RegistryError
from gateway.ports import PeopleStore
from gateway.service.armed_order import EnrolmentTask
from gateway.service.directory_plans import DirectoryPlans
from gateway.service.plan import CarryOut, Plan
from gateway.service.policy_keeper import PolicyKeeper
from gateway.service.recorder import Recorder
from gateway.service.roll import Roll
from gateway.service.views import (
    AcknowledgeWish,
    AliasWish,
    CredentialStateWish,
    EnrolmentOrder,
    EraseWish,
    ForgiveWish,
    HolderStateWish,
    HolderWish,
    ImportWish,
    ModeWish,
    PolicyWish,
    PurposeWish,
    Wish,
)
from gateway.service.wording import enrolment_words, holder_words, key_words, named

_T = TypeVar("_T")
SetMode = Callable[[Mode, int, By, Sequence[Record]], Awaitable[None]]
Arm = Callable[[EnrolmentTask, Sequence[Record]], Awaitable[None]]

_STATE_VERBS: Final = {
    CredentialState.ACTIVE: "Resume",
    CredentialState.SUSPENDED: "Suspend",
    CredentialState.REVOKED: "Revoke for ever",
}


class Planner:
    """Makes plans of one gateway."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        *,
        door: DoorId,
        registry: Registry,
        people: PeopleStore,
        recorder: Recorder,
        set_mode: SetMode,
        arm: Arm,
        roll: Roll,
        policies: PolicyKeeper,
    ) -> None:
        self._door: Final = door
        self._registry: Final = registry
        self._people: Final = people
        self._recorder: Final = recorder
        self._set_mode: Final = set_mode
        self._arm: Final = arm
        self._roll: Final = roll
        self._policies: Final = policies
        self._directory: Final = DirectoryPlans(registry, people, recorder)

    def plan(self, wish: Wish) -> Plan:
        """Say what a wish means now.

        Raises:
            RegistryError: it names nobody, or would not be a legal change.
            PolicyError: it is no policy for this door.
            EnrolmentError: its names are no identifiers.
        """
        match wish:
            case CredentialStateWish():
                plan = self._credential_state(wish)
            case HolderStateWish():
                plan = self._holder_state(wish)
            case EnrolmentOrder() | ModeWish() | PolicyWish():
                return self._checked_elsewhere(wish)
            case HolderWish():
                plan = self._holders((wish,))
            case ImportWish():
                plan = self._holders(wish.holders, Action.IMPORT)
            case EraseWish():
                plan = self._erasure(wish)
            case AcknowledgeWish() | ForgiveWish():
                plan = self._statement(wish)
            case PurposeWish() | AliasWish():
                plan = self._directory.plan(wish)
            case _:
                assert_never(wish)
        self._registry.check_all([(one.ev, one.what) for one in plan.changes])
        return plan

    def _checked_elsewhere(self, wish: EnrolmentOrder | ModeWish | PolicyWish) -> Plan:
        match wish:
            case EnrolmentOrder():
                return self._enrolment(wish)
            case ModeWish():
                return self._mode(wish)
            case PolicyWish():
                return self._policies.plan(wish)

    def name_of(self, holder_id: HolderId) -> str | None:
        """Return a holder's name, where it is known."""
        holder = self._registry.holder(holder_id)
        return None if holder is None else self._people.reveal(holder.name_commitment)

    def _credential_state(self, wish: CredentialStateWish) -> Plan:
        credential = self._credential(wish.credential_id)
        change = Change(
            "credential.state",
            {
                "credential": to_base64url(credential.id),
                "reason": "administration",
                "state": wish.state.value,
            },
        )
        bears_role = self._role(credential.holder_id) is not Role.NONE
        match wish.state:
            case CredentialState.SUSPENDED:
                action = Action.KEY_SUSPEND
            case CredentialState.REVOKED:
                action = Action.STAFF_KEY_REVOKE if bears_role else Action.KEY_REVOKE
            case _:
                action = Action.STAFF_RESUME if bears_role else Action.KEY_RESUME
        words = key_words(credential, self.name_of(credential.holder_id))
        text = f"{_STATE_VERBS[wish.state]} the key {words}."
        return Plan(action, (change,), (text,), {}, self._writing((change,)))

    def _holder_state(self, wish: HolderStateWish) -> Plan:
        known = self._known(wish.holder_id)
        row = {**known.row(), "state": "suspended" if wish.suspended else "active"}
        change = Change("holder", row)
        if wish.suspended:
            action = Action.HOLDER_SUSPEND
        elif known.role is Role.NONE:
            action = Action.HOLDER_RESUME
        else:
            action = Action.STAFF_RESUME
        verb = "Suspend" if wish.suspended else "Resume"
        text = (
            f"{verb} {named(known.id, self.name_of(known.id))} with all of their keys."
        )
        return Plan(
            action, (change,), (text,), {known.id: known}, self._writing((change,))
        )

    def _holders(
        self, wishes: Sequence[HolderWish], action: Action | None = None
    ) -> Plan:
        if not 0 < len(wishes) <= CHANGES_MAX:
            raise RegistryError(f"One order changes 1 to {CHANGES_MAX} holders.")
        changes, text, basis, openings = [], [], {}, []
        for wish in wishes:
            holder, before, opening = self._target(wish)
            if holder.id in basis:
                raise RegistryError(f"{holder.id} stands twice in one order.")
            basis[holder.id] = before
            if holder == before:
                continue
            changes.append(Change("holder", holder.row()))
            text.append(holder_words(holder, wish.name or None, before))
            if opening is not None:
                openings.append((holder.id, opening))
            if _touches_role(holder, before):
                action = Action.ROLE
        if not changes:
            raise RegistryError("Nothing would change: it is all there already.")
        return Plan(
            action or Action.HOLDER_CHANGE,
            tuple(changes),
            tuple(text),
            basis,
            self._writing(changes, openings),
        )

    def _enrolment(self, wish: EnrolmentOrder) -> Plan:
        replaced = self._credential(wish.replaces) if wish.replaces else None
        if replaced is not None and replaced.holder_id != wish.holder_id:
            raise RegistryError(
                f"That key is {replaced.holder_id}'s: enrol their new one for them."
            )
        holder, before, opening = self._target(wish)
        changes = [] if holder == before else [Change("holder", holder.row())]
        self._registry.check_all([(one.ev, one.what) for one in changes])
        name = wish.name or self.name_of(holder.id)
        text = [holder_words(holder, name, before)] if changes else []
        text += enrolment_words(
            named(holder.id, name),
            wish.credential_until_ms,
            replaced,
            duress=wish.duress,
        )
        key = None if replaced is None else replaced.id
        until_ms, duress = wish.credential_until_ms, wish.duress
        changes.append(enrolment_change(holder.id, until_ms, key, duress=duress))
        if replaced is not None:
            changes.append(_replacement(replaced.id))
            self._registry.check(changes[-1].ev, changes[-1].what)

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            task = EnrolmentTask(holder, before, opening, until_ms, key, by, duress)
            await self._arm(task, first)

        action = Action.ROLE if _touches_role(holder, before) else Action.ENROL
        if holder.role is not Role.NONE:
            action = Action.ROLE
        return Plan(action, tuple(changes), tuple(text), {holder.id: before}, carry_out)

    def _erasure(self, wish: EraseWish) -> Plan:
        subject = self._roll.erasable(wish.holder_id)
        changes = tuple(self._roll.erasure(subject))

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            await self._roll.erase(subject, changes, by, first)

        who = named(subject, self.name_of(subject))
        text = f"Erase {who} for good: the name goes, the keys are revoked."
        return Plan(
            Action.ROLE if self._role(subject) is not Role.NONE else Action.ERASE,
            changes,
            (text,),
            {subject: self._registry.holder(subject)},
            carry_out,
        )

    def _mode(self, wish: ModeWish) -> Plan:
        mode, for_ms = wish.mode, wish.for_ms
        what: dict[str, Json] = {"door": self._door, "mode": mode.value}
        if for_ms:
            what["for_ms"] = for_ms

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            await self._set_mode(mode, for_ms, by, first)

        action = Action.DOOR_HOLD if mode in HOLDING else Action.DOOR_MODE
        ends = f" for {for_ms // 1000} s" if for_ms else ""
        return Plan(
            Action.LOCKDOWN if mode in DENYING else action,
            (Change("door.mode", what),),
            (f"Set the door {self._door} to {mode.value}{ends}.",),
            {},
            carry_out,
        )

    def _statement(self, wish: AcknowledgeWish | ForgiveWish) -> Plan:
        """Plan what is one entry and changes nothing else."""
        if isinstance(wish, AcknowledgeWish):
            action, change = Action.ACKNOWLEDGE, Change("break-glass.acknowledged", {})
            text = "Acknowledge that somebody broke the glass."
        else:
            known = self._known(wish.holder_id)
            change = Change(FORGIVEN, {"door": self._door, "holder": known.id})
            who = named(known.id, self.name_of(known.id))
            action = Action.FORGIVE
            text = f"Let {who} count as outside the door {self._door} from now on."
        return Plan(action, (change,), (text,), {}, self._writing((change,)))

    def _writing(
        self,
        changes: Sequence[Change],
        openings: Sequence[tuple[HolderId, Opening]] = (),
    ) -> CarryOut:
        async def carry_out(by: By, first: Sequence[Record]) -> None:
            for holder_id, opening in openings:
                self._people.keep(holder_id, opening)
            records = [change_record(change, by) for change in changes]
            await self._recorder.append(*first, *records)

        return carry_out

    def _target(self, wish: HolderWish) -> tuple[Holder, Holder | None, Opening | None]:
        """Return the holder as wished and as they are, and their name's opening."""
        if not all(map(is_identifier, (wish.holder_id, *(wish.groups or ())))):
            raise EnrolmentError(
                "A holder and their groups are named by identifiers of up to 64 "
                "lower-case letters, digits, dots, hyphens and underscores.",
                "no-identifier",
            )
        before = self._registry.holder(HolderId(wish.holder_id))
        if is_erased(before):
            raise EnrolmentError(
                "This holder was erased; choose another pseudonym, since one is never "
                "used again.",
                "holder-erased",
            )
        if before is None and not wish.name:
            raise RegistryError(f"{wish.holder_id} is new here: give their name.")
        opening = None
        if wish.name and wish.name != self.name_of(HolderId(wish.holder_id)):
            opening = self._people.seal(wish.name)
        return _as_wished(wish, before, opening), before, opening

    def _known(self, holder_id: str) -> Holder:
        holder = self._registry.holder(HolderId(holder_id))
        if holder is None:
            raise RegistryError(f"There is no holder {holder_id:.64}; see them listed.")
        return holder

    def _credential(self, credential_id: str) -> Credential:
        raw = from_base64url(credential_id)
        known = None if raw is None else self._registry.credential(CredentialId(raw))
        if known is None:
            raise RegistryError("No credential has this id; list them with their ids.")
        return known

    def _role(self, holder_id: HolderId) -> Role:
        holder = self._registry.holder(holder_id)
        return Role.NONE if holder is None else holder.role

    def gives_role(self, wish: Wish) -> bool:
        """Tell whether whom a wish changes, or whose key it enrols, bears a role."""
        wishes = wish.holders if isinstance(wish, ImportWish) else (wish,)
        return any(
            isinstance(one, HolderWish)
            and _kept(one.role, self._role(HolderId(one.holder_id)).value)
            != Role.NONE.value
            for one in wishes
        )


def _as_wished(
    wish: HolderWish, before: Holder | None, opening: Opening | None
) -> Holder:
    """Return the holder as they will be; what is not wished stays."""
    now = before or Holder(HolderId(wish.holder_id), "", (), 0, 0, suspended=False)
    groups = None if wish.groups is None else tuple(map(GroupId, wish.groups))
    return replace(
        now,
        name_commitment=now.name_commitment if opening is None else opening.commitment,
        groups=_kept(groups, now.groups),
        from_ms=_kept(wish.from_ms, now.from_ms),
        until_ms=_kept(wish.until_ms, now.until_ms),
        role=now.role if wish.role is None else Role(wish.role),
        uses_max=_kept(wish.uses_max, now.uses_max),
        extended=_kept(wish.extended, now.extended),
    )


def _kept(wished: _T | None, now: _T) -> _T:
    return now if wished is None else wished


def _touches_role(holder: Holder, before: Holder | None) -> bool:
    """Tell whether somebody who bears a role, or will, is changed."""
    was = Role.NONE if before is None else before.role
    return holder != before and (holder.role is not Role.NONE or was is not Role.NONE)


def _replacement(credential_id: CredentialId) -> Change:
    record = entries.credential_state_record(
        credential_id, CredentialState.REVOKED, "replaced", {}
    )
    return Change.of(record.ev, record.what)
