"""The desk on which orders lie until they are signed; at most one is on air.

Nothing here decides whether a signature is good (core.assertion) or enough
(core.administration); this keeps the orders, lets one be chosen for half a minute by
its code and the administrator who is to sign, and carries out what a warrant covers.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from gateway.core import order_entries, order_state
from gateway.core.administration import (
    NONCE_BYTES,
    Proposal,
    Warrant,
    WarrantRefusal,
    authorise,
    may_sign,
    need_of,
)
from gateway.core.assertion import Verified
from gateway.core.entries import Record, by_uid
from gateway.core.facts import DenialReason, Pattern
from gateway.core.ids import CredentialId, HolderId, PeerAddress
from gateway.core.order_entries import Refused
from gateway.core.order_state import CHOSEN_MS, ORDER_MS, OrderState, OrderStep
from gateway.core.registry import Credential, Registry
from gateway.errors import (
    AdministrationError,
    JournalError,
    JournalStateUnknownError,
    KeyraError,
)
from gateway.ports import Clock, Entropy, Indicators
from gateway.service.events import EventStream
from gateway.service.plan import Plan
from gateway.service.recorder import Recorder
from gateway.service.refusals import suspension
from gateway.service.signing import Signer
from gateway.service.views import Actor, OrderView

ORDERS_OPEN_MAX: Final = 8
ORDERS_KEPT_MAX: Final = 64
QUIET_AFTER_SIGNING_MS: Final = 5_000
"""Nobody's door opens by the touch that signed."""


@dataclass(slots=True)
class _Order:
    """An order on the desk.

    Attributes:
        asking: a key is being asked; nobody else's is, and its time does not run out.
        writing: its answer is being judged and written; nothing stops that any more.
    """

    id: str
    plan: Plan
    proposal: Proposal
    uid: int
    expires_up_ms: int
    state: OrderState = OrderState.PENDING
    signer: HolderId | None = None
    chosen_until_up_ms: int = 0
    chosen_by_uid: int = 0
    asking: bool = False
    writing: bool = False
    answers: list[Verified] = field(default_factory=list)
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in {OrderState.PENDING, OrderState.TOUCHING}


class OrderDesk:
    """Owns the orders of one gateway."""

    def __init__(
        self,
        *,
        registry: Registry,
        clock: Clock,
        entropy: Entropy,
        recorder: Recorder,
        indicators: Indicators,
        events: EventStream,
        signer: Signer,
    ) -> None:
        self._registry: Final = registry
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._recorder: Final = recorder
        self._indicators: Final = indicators
        self._events: Final = events
        self._signer: Final = signer
        self._orders: Final[OrderedDict[str, _Order]] = OrderedDict()
        self._on_air: _Order | None = None

    # What people say.

    def propose(self, plan: Plan, actor: Actor) -> OrderView:
        """Put an order on the desk.

        Raises:
            AdministrationError: too many lie there already.
        """
        self._look_at_the_clock()
        if sum(order.is_open for order in self._orders.values()) >= ORDERS_OPEN_MAX:
            raise AdministrationError(
                f"{ORDERS_OPEN_MAX} orders wait already: sign or withdraw one first.",
                "too-many",
            )
        proposal = Proposal(
            plan.action,
            plan.changes,
            need_of(plan.action, self._registry),
            self._entropy.token(NONCE_BYTES),
        )
        order = _Order(
            id=f"ord_{self._entropy.token(8).hex()}",
            plan=plan,
            proposal=proposal,
            uid=actor.uid,
            expires_up_ms=self._clock.now().up_ms + ORDER_MS,
        )
        self._orders[order.id] = order
        closed = [known.id for known in self._orders.values() if not known.is_open]
        for gone in closed[: len(self._orders) - ORDERS_KEPT_MAX]:
            del self._orders[gone]
        return self._told(order)

    def views(self) -> list[OrderView]:
        """Return all orders that are remembered, oldest first."""
        self._look_at_the_clock()
        return [_view(order) for order in self._orders.values()]

    def view(self, order_id: str) -> OrderView:
        """Return one order.

        Raises:
            AdministrationError: there is none of this id.
        """
        self._look_at_the_clock()
        return _view(self._find(order_id))

    def choose(
        self, order_id: str, code: str, holder_id: HolderId, actor: Actor
    ) -> OrderView:
        """Let an order go on air for one administrator's key, for `CHOSEN_MS`.

        Raises:
            AdministrationError: another code, another order is on air, or this
                holder's signature would not count.
        """
        self._look_at_the_clock()
        order = self._find(order_id)
        if order.state is not OrderState.PENDING:
            raise AdministrationError(
                f"This order cannot be signed now: {order.state.hint}",
                f"order-{order.state.value}",
            )
        if code != order.proposal.code():
            raise AdministrationError(
                "This is not the code of that order: read the order again.",
                "code-mismatch",
            )
        if self._on_air is not None:
            raise AdministrationError(
                "Another order waits for its touch: wait half a minute.", "busy"
            )
        self._check_signer(order, holder_id)
        order.signer = holder_id
        order.chosen_until_up_ms = self._clock.now().up_ms + CHOSEN_MS
        order.chosen_by_uid = actor.uid
        order.reason = None
        self._on_air = order
        self._indicators.show(Pattern.ORDER)
        return self._step(order, OrderStep.CHOSEN)

    def _check_signer(self, order: _Order, holder_id: HolderId) -> None:
        holder, wall_ms = self._registry.holder(holder_id), self._clock.now().wall_ms
        refusal = may_sign(order.proposal, holder, wall_ms)
        if any(answer.holder_id == holder_id for answer in order.answers):
            refusal = WarrantRefusal.SIGNED_TWICE
        if refusal is not None:
            raise AdministrationError(refusal.sentence, refusal.value)

    def cancel(self, order_id: str) -> OrderView:
        """Withdraw an order.

        Raises:
            AdministrationError: there is none of this id, or it is over.
        """
        self._look_at_the_clock()
        order = self._find(order_id)
        if not order.is_open:
            raise AdministrationError(
                f"This order is over: {order.state.hint}", f"order-{order.state.value}"
            )
        if order.writing:
            raise AdministrationError("It is being carried out already.", "too-late")
        return self._step(order, OrderStep.WITHDRAWN)

    # What the radio says.

    def wants(self, credential_id: CredentialId) -> bool:
        """Tell whether this key is to sign an order now."""
        if self._on_air is None:
            return False
        self._look_at_the_clock()
        return self._awaits(self._registry.credential(credential_id))

    def _awaits(self, credential: Credential | None) -> bool:
        order = self._on_air
        if order is None or order.asking or credential is None:
            return False
        return credential.holder_id == order.signer

    async def touch(self, address: PeerAddress, credential_id: CredentialId) -> int:
        """Have the key sign what is on air; return how long its adverts mean nothing.

        Raises:
            JournalStateUnknownError: the process must stop and reopen the ledger.
        """
        order = self._on_air
        if order is None or order.asking:
            return 0
        order.asking = True
        try:
            outcome = await self._signer.ask(
                address, credential_id, order.proposal, order.chosen_until_up_ms
            )
            if order.state is OrderState.TOUCHING:  # nobody withdrew it meanwhile
                order.writing = True
                await self._answered(order, outcome)
        except JournalStateUnknownError:
            raise
        except JournalError:
            self._missed(order, DenialReason.LEDGER_UNAVAILABLE.value)
        finally:
            order.asking = order.writing = False
        return QUIET_AFTER_SIGNING_MS

    async def _answered(self, order: _Order, outcome: Verified | Refused) -> None:
        if isinstance(outcome, Refused):
            await self._write_refusal(order, outcome)
            self._missed(order, outcome.reason)
            return
        answers = [*order.answers, outcome]
        judged = authorise(
            order.proposal, answers, self._registry, order.uid, self._clock.now()
        )
        record = order_entries.order_signed_record(
            order.proposal, outcome, by_uid(order.chosen_by_uid)
        )
        if isinstance(judged, Warrant):
            await self._carry_out(order, judged, record)
        elif judged is WarrantRefusal.SIGNATURES_MISSING:
            await self._recorder.append(record)
            order.answers = answers
            self._indicators.show(Pattern.GRANTED)
            self._step(order, OrderStep.SIGNED)
        else:
            refused = Refused(
                judged.value, outcome.credential_id, outcome.counter, outcome.answer
            )
            await self._write_refusal(order, refused)
            self._fail(order, judged.value)

    async def _carry_out(self, order: _Order, warrant: Warrant, record: Record) -> None:
        if not order.plan.is_current(self._registry):
            await self._recorder.append(record)
            self._fail(order, "changed-meanwhile")
            return
        try:
            await order.plan.carry_out(warrant.by(), (record,))
        except JournalError:
            raise
        except KeyraError as error:
            await self._recorder.append(record)
            self._fail(order, error.code)
            return
        order.answers = list(warrant.signers)
        self._indicators.show(Pattern.GRANTED)
        self._step(order, OrderStep.COMPLETED)

    async def _write_refusal(self, order: _Order, refused: Refused) -> None:
        records = [
            order_entries.order_refused_record(
                order.proposal, refused, by_uid(order.chosen_by_uid)
            )
        ]
        self._indicators.show(Pattern.DENIED)
        if refused.reason == DenialReason.COUNTER_NOT_RISING.value:
            self._indicators.show(Pattern.ALARM)
            records += suspension(self._registry, refused.credential_id)
        await self._recorder.append(*records)

    # Where they stand.

    def _find(self, order_id: str) -> _Order:
        order = self._orders.get(order_id)
        if order is None:
            raise AdministrationError(
                "There is no such order; see `keyra orders`.", "unknown"
            )
        return order

    def _look_at_the_clock(self) -> None:
        now_ms = self._clock.now().up_ms
        for order in self._orders.values():
            if order.asking:
                continue
            if order.is_open and now_ms >= order.expires_up_ms:
                self._step(order, OrderStep.RAN_OUT)
            elif (
                order.state is OrderState.TOUCHING
                and now_ms >= order.chosen_until_up_ms
            ):
                self._missed(order, DenialReason.NO_TOUCH.value)

    def _missed(self, order: _Order, reason: str) -> None:
        if order.state is OrderState.TOUCHING:
            order.reason = reason
            self._step(order, OrderStep.MISSED)

    def _fail(self, order: _Order, reason: str) -> None:
        order.reason = reason
        self._step(order, OrderStep.OVERTAKEN)

    def _step(self, order: _Order, step: OrderStep) -> OrderView:
        order.state = order_state.advance(order.state, step)
        if order.state is not OrderState.TOUCHING and self._on_air is order:
            self._on_air = None
        return self._told(order)

    def _told(self, order: _Order) -> OrderView:
        view = _view(order)
        self._events.publish(
            "order",
            self._clock.now(),
            {
                "id": view.id,
                "action": view.action,
                "state": view.state,
                "reason": view.reason,
            },
        )
        return view


def _view(order: _Order) -> OrderView:
    proposal = order.proposal
    return OrderView(
        id=order.id,
        action=proposal.action.value,
        text=order.plan.text,
        code=proposal.code(),
        state=order.state.value,
        hint=order.state.hint,
        signers=proposal.need.signers,
        roles=tuple(sorted(role.value for role in proposal.need.roles)),
        signed=tuple(answer.holder_id for answer in order.answers),
        signer=order.signer if order.state is OrderState.TOUCHING else None,
        reason=order.reason,
        expires_up_ms=order.expires_up_ms,
    )
