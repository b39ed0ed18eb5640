"""Ceremonies of a story: who is enrolled, and whose touch armed that."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Literal

from gateway.client import AsyncClient
from gateway.ctap.command import Protocol
from gateway.errors import SimulationError
from gateway.order_schemas import KeyOrder
from gateway.schemas import Enrolment, EnrolmentOrder
from gateway.sim.chapter import StepAction
from gateway.sim.fingers import Fingers
from gateway.sim.site import SimulatedSite
from gateway.sim.telling import Step

_LOOK_AGAIN_S: Final = 0.02
_SETTLE_S_MAX: Final = 10.0

# Whose key issues tokens for a verification; the others' verify as they answer.
TOKENS: Final[Mapping[str, tuple[Protocol, ...]]] = {
    "admin": (Protocol.TWO, Protocol.ONE)
}


class Ceremonies:
    """Enrols keys, over one site."""

    def __init__(
        self, site: SimulatedSite, client: AsyncClient, fingers: Fingers
    ) -> None:
        """Take a started site, a client of its gateway and who signs."""
        self._site: Final = site
        self._client: Final = client
        self._fingers: Final = fingers
        self.credentials: Final[dict[str, str]] = {}

    def enrols(
        self,
        holder: str,
        name: str,
        group: str = "staff",
        *,
        duress: str = "",
        role: Literal["", "admin"] = "",
    ) -> StepAction:
        """Return a step that enrols a key; `duress` names a holder's second one.

        Whoever comes first bears the role by the word of who has the machine; an
        administrator's own touch arms every ceremony after that.
        """

        async def action(step: Step) -> None:
            called = duress or holder
            key = await self._site.world.add_key(called, tokens=TOKENS.get(called, ()))
            order = EnrolmentOrder(
                holder_id=holder,
                name=name,
                groups=(group,),
                duress=bool(duress),
                role=role,
            )
            armed = await self._arm(order)
            await key.touch(times=2)
            await key.pairing_mode()
            shown = await self._until(lambda now: now.step == "comparing")
            on_key = (await key.state()).shown_number
            agree = on_key is not None and on_key == shown.number
            await self._client.answer_comparison(agree=agree)
            done = await self._until(lambda now: now.is_over)
            if done.step != "registered" or done.credential_id is None:
                raise SimulationError(f"The ceremony failed: {done.reason}.")
            self.credentials[called] = done.credential_id
            if role:
                self._fingers.add(called)
            step.said = f"{armed}; {done.model}, attested; compared {shown.number:06d}"
            await key.sleep()

        return action

    async def _arm(self, order: EnrolmentOrder) -> str:
        """Open the window; say by whose word or touch."""
        if not self.credentials:
            await self._client.enrol(order)
            return "armed by the machine's owner, this once"
        wish = KeyOrder(kind="enrol", **order.model_dump(exclude_unset=True))
        signed, name = await self._fingers.sign(wish)
        return f"order {signed.code} armed by {name}'s touch"

    async def _until(self, condition: Callable[[Enrolment], bool]) -> Enrolment:
        """Return the ceremony once it is so, or over."""
        async with asyncio.timeout(_SETTLE_S_MAX):
            while True:
                now = await self._client.enrolment()
                if now is not None and (condition(now) or now.is_over):
                    return now
                await asyncio.sleep(_LOOK_AGAIN_S)  # noqa: TID251 - other processes
