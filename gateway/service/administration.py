"""Administration: carries out at once what may be, and has everything else signed.

what makes the door safer (rights.NEEDS, no signers)   at once, by the user's word
anything, while no administrator has a key             at once: the bootstrap; roles
only by who has the machine
everything else                                        an order, and fingers
anything, by root, with a reason                       breaking the glass: at once,
with an alarm that stays
"""

from collections.abc import Sequence
from typing import Final

from gateway.core import entries
from gateway.core.administration import need_of
from gateway.core.entries import By, Record
from gateway.core.facts import Pattern
from gateway.core.ids import HolderId
from gateway.core.order_entries import break_glass_record
from gateway.core.registry import Registry
from gateway.core.rights import Action
from gateway.errors import AdministrationError, FingerNeededError
from gateway.ports import Indicators
from gateway.service.order_desk import OrderDesk
from gateway.service.plan import Plan
from gateway.service.planner import Planner
from gateway.service.views import AcknowledgeWish, Actor, OrderView, Wish

REASON_CHARS_MIN: Final = 10
REASON_CHARS_MAX: Final = 200
BREAK_GLASS: Final = "break-glass"

_HINTS: Final = {
    "done": "It is done, without a finger.",
    "preview": "Nothing was changed: this is what it would be.",
}


class Administration:
    """Every change to people and modes goes through here."""

    def __init__(
        self,
        *,
        registry: Registry,
        indicators: Indicators,
        planner: Planner,
        desk: OrderDesk,
        glass_broken: bool,
    ) -> None:
        self._registry: Final = registry
        self._indicators: Final = indicators
        self._planner: Final = planner
        self._desk: Final = desk
        self._glass_broken = glass_broken

    @property
    def unacknowledged(self) -> tuple[str, ...]:
        """What somebody with a role must see and sign for."""
        return (BREAK_GLASS,) if self._glass_broken else ()

    def still_open(self) -> list[Record]:
        """Return what a recovery must learn that reads from here on only."""
        if not self._glass_broken:
            return []
        return [entries.alarm_record(BREAK_GLASS, "Not acknowledged yet.")]

    async def do_now(self, wish: Wish, actor: Actor) -> None:
        """Carry out what needs no finger.

        Raises:
            FingerNeededError: it does; propose it.
            KeyraError: it cannot be done.
        """
        plan = self._planner.plan(wish)
        by = self._word(plan, wish, actor)
        if by is None:
            raise FingerNeededError(
                f"{plan.action.sentence} That takes {self._who(plan)}: order it with "
                "the keyra command, or over /v1/orders.",
                plan.action.value,
            )
        await plan.carry_out(by, ())

    async def propose(
        self, wish: Wish, actor: Actor, *, dry_run: bool = False
    ) -> OrderView:
        """Carry out what needs no finger; put anything else on the desk.

        Args:
            wish: what is to change.
            actor: who asks.
            dry_run: only say what it would be.

        Raises:
            KeyraError: it cannot be done.
        """
        plan = self._planner.plan(wish)
        if isinstance(wish, AcknowledgeWish) and not self._glass_broken:
            raise AdministrationError("Nobody broke the glass.", "nothing-to-do")
        by = self._word(plan, wish, actor)
        if dry_run:
            return self._view(plan, "preview", needs_finger=by is None)
        if by is None:
            return self._desk.propose(self._acknowledging(plan), actor)
        await self._acknowledging(plan).carry_out(by, ())
        return self._view(plan, "done")

    async def break_glass(self, wish: Wish, reason: str, actor: Actor) -> OrderView:
        """Carry out anything, by root's word alone, and let everybody know.

        Raises:
            AdministrationError: this is not root, or there is no reason.
            KeyraError: it cannot be done.
        """
        if not actor.master:
            raise AdministrationError(
                "Only root at this machine breaks the glass.", "not-root"
            )
        reason = reason.strip()
        if not (
            REASON_CHARS_MIN <= len(reason) <= REASON_CHARS_MAX and reason.isprintable()
        ):
            raise AdministrationError(
                f"Say why, in {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters; it "
                "stays in the ledger, so name nobody.",
                "reason-missing",
            )
        if isinstance(wish, AcknowledgeWish):
            raise AdministrationError(
                "Breaking the glass is acknowledged by a finger.", "not-so"
            )
        plan = self._planner.plan(wish)
        by: By = {"break_glass": True, "uid": actor.uid}
        self._indicators.show(Pattern.ALARM)
        await plan.carry_out(
            by,
            (
                break_glass_record(plan.action, reason, entries.by_uid(actor.uid)),
                entries.alarm_record(BREAK_GLASS, reason),
            ),
        )
        self._glass_broken = True
        self._indicators.show(Pattern.ALARM)
        return self._view(plan, "done")

    def orders(self) -> list[OrderView]:
        """Return the orders that are remembered, oldest first."""
        return self._desk.views()

    def order(self, order_id: str) -> OrderView:
        """Return one order."""
        return self._desk.view(order_id)

    def choose(
        self, order_id: str, code: str, holder_id: str, actor: Actor
    ) -> OrderView:
        """Let an order go on air for one administrator's key."""
        return self._desk.choose(order_id, code, HolderId(holder_id), actor)

    def cancel(self, order_id: str) -> OrderView:
        """Withdraw an order."""
        return self._desk.cancel(order_id)

    def _view(self, plan: Plan, state: str, *, needs_finger: bool = False) -> OrderView:
        """Show what was done without a finger, or what would be."""
        need = need_of(plan.action, self._registry)
        return OrderView(
            id="",
            action=plan.action.value,
            text=plan.text,
            code="",
            state=state,
            hint=_HINTS[state],
            signers=need.signers if needs_finger else 0,
            roles=tuple(sorted(role.value for role in need.roles)),
            signed=(),
            signer=None,
            reason=None,
            expires_up_ms=0,
        )

    def _word(self, plan: Plan, wish: Wish, actor: Actor) -> By | None:
        """Return in whose name it may be done at once, or None."""
        if need_of(plan.action, self._registry).signers == 0:
            return entries.by_uid(actor.uid)
        if self._registry.administrators():
            return None
        if self._planner.gives_role(wish) and not actor.master:
            raise AdministrationError(
                "The first administrator is enrolled by root at this machine.",
                "not-root",
            )
        return {"bootstrap": True, "uid": actor.uid}

    def _acknowledging(self, plan: Plan) -> Plan:
        if plan.action is not Action.ACKNOWLEDGE:
            return plan

        async def carry_out(by: By, first: Sequence[Record]) -> None:
            await plan.carry_out(by, first)
            self._glass_broken = False
            self._indicators.show(Pattern.READY)

        return Plan(plan.action, plan.changes, plan.text, plan.basis, carry_out)

    def _who(self, plan: Plan) -> str:
        need = need_of(plan.action, self._registry)
        roles = " or ".join(sorted(role.value for role in need.roles))
        return f"{need.signers} finger(s) of {roles}"
