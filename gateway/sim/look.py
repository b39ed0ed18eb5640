"""Everything that somebody before the door sees at one glance."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from gateway.sim.door import DoorState
from gateway.sim.key_model import KeyState
from gateway.sim.lamp import LampState
from gateway.sim.place import Place

GLANCE_MS: Final = 250


@dataclass(frozen=True, slots=True)
class Look:
    """One glance.

    Attributes:
        door: the leaf and the strike.
        lamp: light and buzzer.
        inputs: the inputs that are active.
        keys: the names of all keys.
        key: the one in the hand, or None if there is none of that name.
    """

    door: DoorState
    lamp: LampState
    inputs: tuple[str, ...]
    keys: tuple[str, ...]
    key: KeyState | None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """Return what a world said, as it came over a socket."""
        return cls(
            door=DoorState(**said["door"]),
            lamp=LampState(**said["lamp"]),
            inputs=tuple(said["inputs"]),
            keys=tuple(said["keys"]),
            key=None if said["key"] is None else KeyState(**said["key"]),
        )


async def look_around(place: Place, key: str) -> Mapping[str, object]:
    """Return a `Look` as JSON carries it."""
    held = place.keys.get(key)
    seen = Look(
        door=await place.door.state(),
        lamp=place.lamp.glance(GLANCE_MS),
        inputs=tuple(name.value for name, on in place.pins.inputs().items() if on),
        keys=tuple(place.keys),
        key=None if held is None else await held.state(),
    )
    return dataclasses.asdict(seen)
