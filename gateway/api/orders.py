"""The API's part for orders: handlers only translate."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request

from gateway import order_schemas as schemas
from gateway.api.guard import actor_of
from gateway.core import facts
from gateway.order_schemas import BrokenGlass, Order, OrderChoice, OrderProposal
from gateway.service import views
from gateway.service.facade import AdministrationFacade

OrderId = Annotated[str, Path(pattern=r"^ord_[0-9a-f]{16}$")]


def add_orders(router: APIRouter, administration: AdministrationFacade) -> None:
    """Add what a person can do with orders."""

    @router.get("/orders")
    async def orders() -> tuple[Order, ...]:
        """Return the orders that are remembered, oldest first."""
        return tuple(Order.model_validate(view) for view in administration.orders())

    @router.get("/orders/{order_id}")
    async def order(order_id: OrderId) -> Order:
        """Return one order."""
        return Order.model_validate(administration.order(order_id))

    @router.post("/orders", status_code=HTTPStatus.CREATED)
    async def propose(proposal: OrderProposal, request: Request) -> Order:
        """Do it at once where no finger is needed, or put it on the desk."""
        view = await administration.propose(
            wish_of(proposal.order), actor_of(request), dry_run=proposal.dry_run
        )
        return Order.model_validate(view)

    @router.post("/orders/{order_id}/signature")
    async def choose(order_id: OrderId, choice: OrderChoice, request: Request) -> Order:
        """Let an order go on air for one key, for half a minute."""
        view = administration.choose(
            order_id, choice.code, choice.holder_id, actor_of(request)
        )
        return Order.model_validate(view)

    @router.delete("/orders/{order_id}")
    async def cancel(order_id: OrderId) -> Order:
        """Withdraw an order."""
        return Order.model_validate(administration.cancel(order_id))

    @router.post("/break-glass", status_code=HTTPStatus.CREATED)
    async def break_glass(glass: BrokenGlass, request: Request) -> Order:
        """Do it at once, by root's word alone; everybody gets to know."""
        view = await administration.break_glass(
            wish_of(glass.order), glass.reason, actor_of(request)
        )
        return Order.model_validate(view)


def wish_of(order: schemas.OrderWish) -> views.Wish:
    """Return the service's words for what is wished."""
    members = order.model_dump(exclude={"kind"})
    match order:
        case schemas.CredentialStateOrder():
            state = facts.CredentialState(order.state)
            return views.CredentialStateWish(order.credential_id, state)
        case schemas.ModeOrder():
            return views.ModeWish(facts.Mode(order.mode), order.for_ms)
        case schemas.ImportOrder():
            holders = (views.HolderWish(**one.model_dump()) for one in order.holders)
            return views.ImportWish(tuple(holders))
        case _:
            return _PLAIN[type(order)](**members)


_PLAIN: Final[Mapping[type, Callable[..., views.Wish]]] = {
    schemas.HolderStateOrder: views.HolderStateWish,
    schemas.HolderOrder: views.HolderWish,
    schemas.KeyOrder: views.EnrolmentOrder,
    schemas.EraseOrder: views.EraseWish,
    schemas.AcknowledgeOrder: views.AcknowledgeWish,
    schemas.ForgiveOrder: views.ForgiveWish,
    schemas.PolicyOrder: views.PolicyWish,
    schemas.PurposeOrder: views.PurposeWish,
    schemas.AliasOrder: views.AliasWish,
}
