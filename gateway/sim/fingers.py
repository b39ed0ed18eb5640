"""Administrators of a story: what is ordered is signed by a touch of their keys."""

import asyncio
from collections import deque
from typing import Final

from gateway.client import AsyncClient
from gateway.errors import SimulationError
from gateway.order_schemas import Order, OrderWish
from gateway.sim.site import SimulatedSite

_LOOK_AGAIN_S: Final = 0.02
_SIGN_S_MAX: Final = 30.0


class Fingers:
    """Signs orders, over one site, by one administrator after the other."""

    def __init__(self, site: SimulatedSite, client: AsyncClient) -> None:
        """Take a started site and a client of its gateway; nobody signs yet."""
        self._site: Final = site
        self._client: Final = client
        self._administrators: Final[deque[str]] = deque()

    def add(self, name: str) -> None:
        """Count on somebody who is an administrator from now on."""
        self._administrators.appendleft(name)

    async def sign(self, wish: OrderWish) -> tuple[Order, str]:
        """Order this, and have it signed over its exact text; say by whom.

        Raises:
            SimulationError: it took no finger, or it was not done.
        """
        order = await self._client.propose(wish)
        if order.state != "pending":
            raise SimulationError(f"{order.action} took nobody's finger.")
        names = []
        while not order.is_over:
            # By turns: what a key advertises right after it signed means nothing.
            names.append(self._administrators[0])
            self._administrators.rotate(-1)
            order = await self._touched(order, names[-1])
        if order.state != "done":
            raise SimulationError(f"{order.action} was not done: {order.reason}.")
        return order, " and ".join(names)

    async def _touched(self, order: Order, name: str) -> Order:
        """Return the order once this administrator has signed it, or it is over."""
        before = len(order.signed)
        key = self._site.world.key(name)
        await self._client.choose(order.id, order.code, name)
        await key.touch()
        await key.present(distance_m=0.4)
        try:
            async with asyncio.timeout(_SIGN_S_MAX):
                while not order.is_over and len(order.signed) == before:
                    await asyncio.sleep(_LOOK_AGAIN_S)  # noqa: TID251 - other processes
                    order = await self._client.order(order.id)
        finally:
            await key.sleep()
            await key.misbehave()
        return order
