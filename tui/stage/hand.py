"""The holder's hand: a key out of the drawer, the door's handle, the buttons.

It talks to the simulated world over the world's own channel; the gateway never hears
of this program.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gateway.errors import SimulationError
from gateway.schemas import Event
from gateway.sim.look import Look
from gateway.sim.remote import RemoteKey, RemoteWorld
from tui.stage.advice import FIRE, advice, seen_by
from tui.stage.picture import SWUNG_CHARS

AT_THE_DOOR_M: Final = 0.4
_SIGNING: Final = "touching"

Act = Callable[["Hand"], Awaitable[str]]


class Hand:
    """What one person does at the door, and what they see of it.

    Attributes:
        look: the latest glance, None before the first.
        swing: how far the door's leaf looks open, an index into SWUNG_CHARS.
        forced: whether it was broken open, and not closed since.
        said: what came of the latest act.
    """

    def __init__(self, world: RemoteWorld) -> None:
        """Stand before the door of a world."""
        self._world: Final = world
        self._chosen = ""
        self._held_out = ""
        self._seen: Final[set[str]] = set()
        self._known_id = 0
        self.look: Look | None = None
        self.swing = 0
        self.forced = False
        self.said = ""

    @property
    def advice(self) -> str:
        """What to try next."""
        return "" if self.look is None else advice(self.look, self._seen)

    async def glance(self) -> Look:
        """Look at door and key.

        Raises:
            SimulationError: the world is gone.
        """
        if not self._chosen:
            self._chosen = next(iter(await self._world.keys()), "")
        self.look = await self._world.look(self._chosen)
        wanted = len(SWUNG_CHARS) - 1 if self.look.door.open else 0
        self.swing += (wanted > self.swing) - (wanted < self.swing)
        self.forced = self.forced and self.look.door.open
        return self.look

    async def do(self, act: str) -> None:
        """Do one of ACTS; what comes of it is `said`."""
        try:
            self.said = await ACTS[act](self)
        except SimulationError as error:
            self.said = str(error)

    def began(self, last_event_id: int) -> None:
        """Take what happened up to this event for known."""
        self._known_id = last_event_id

    async def heard(self, event: Event) -> None:
        """Learn what the gateway says happened."""
        if event.id <= self._known_id:
            return
        if part := seen_by(event):
            self._seen.add(part)
        if _ends_a_touch(event):
            await self._put_away()

    async def _put_away(self) -> None:
        """Let the key that was held out sleep; left awake, it would be asked again."""
        if not self._held_out:
            return
        key = self._world.key(self._held_out)
        state = await key.state()
        if state.awake and not (state.pairing or state.blinking):
            self._held_out = ""
            await key.sleep()

    async def _hold_out(self) -> None:
        """Bring the key to the door; one that blinks is in a ceremony, and stays."""
        if not (await self._key().state()).blinking:
            self._held_out = self._chosen
        await self._key().present(distance_m=AT_THE_DOOR_M)

    def _key(self) -> RemoteKey:
        return self._world.key(self._chosen)

    def _step(self, by: int) -> str:
        keys = () if self.look is None else self.look.keys
        if self._chosen in keys:
            self._chosen = keys[(keys.index(self._chosen) + by) % len(keys)]
        return f"You take {self._chosen}."

    async def next(self) -> str:
        """Take the next key."""
        return self._step(1)

    async def previous(self) -> str:
        """Take the previous key."""
        return self._step(-1)

    async def touch(self) -> str:
        """Hold the key to the door, the right finger on it."""
        await self._key().touch()
        await self._hold_out()
        return f"The right finger is on {self._chosen}."

    async def wrong(self) -> str:
        """The same with a wrong finger."""
        await self._key().wrong_finger()
        await self._hold_out()
        return f"A wrong finger is on {self._chosen}."

    async def decline(self) -> str:
        """The same, and say no on the key."""
        await self._key().decline()
        await self._hold_out()
        return f"You say no on {self._chosen}."

    async def walk_away(self) -> str:
        """Carry the key out of reach."""
        await self._key().walk_away()
        return f"You carry {self._chosen} away."

    async def pair(self) -> str:
        """Ready the key for a new bond."""
        await self._key().pairing_mode()
        return f"{self._chosen} is ready for a new bond."

    async def yes(self) -> str:
        """Press yes on the key."""
        return await self._press(agree=True)

    async def no(self) -> str:
        """Press no on the key."""
        return await self._press(agree=False)

    async def _press(self, *, agree: bool) -> str:
        if not (await self._key().state()).asks:
            return f"{self._chosen} asks nothing now."
        await self._key().press(agree=agree)
        return f"{self._chosen}: {'yes, the same' if agree else 'no, not the same'}."

    async def handle(self) -> str:
        """Pull the door, or close it."""
        if (await self._world.door.state()).open:
            await self._world.door.close()
            return "You close the door."
        if await self._world.door.open():
            return "You pull the door, and it opens."
        return "You pull, and the door holds: the strike is not released."

    async def force(self) -> str:
        """Break it open."""
        released = (await self._world.door.state()).released
        await self._world.door.force()
        self.forced = not released
        return "The door gives way to a crowbar."

    async def exit(self) -> str:
        """Press the exit button."""
        await self._world.door.press_exit()
        return "Somebody inside presses the exit button."

    async def fire(self) -> str:
        """Begin or end a fire."""
        burns = self.look is not None and FIRE in self.look.inputs
        await self._world.ask("input.set", input=FIRE, active=not burns)
        return "The fire is out." if burns else "The fire alarm goes off."


def _ends_a_touch(event: Event) -> bool:
    data = event.data
    if event.kind == "touch.ended":
        return data.get("result") != "granted"
    if event.kind == "order":
        return data.get("state") != _SIGNING
    return event.kind == "touch.stranger"


ACTS: Final[Mapping[str, Act]] = {
    "next": Hand.next,
    "previous": Hand.previous,
    "touch": Hand.touch,
    "wrong": Hand.wrong,
    "decline": Hand.decline,
    "walk_away": Hand.walk_away,
    "pair": Hand.pair,
    "yes": Hand.yes,
    "no": Hand.no,
    "handle": Hand.handle,
    "force": Hand.force,
    "exit": Hand.exit,
    "fire": Hand.fire,
}
