"""The terminal that a console runs on: what every screen of it shares."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from gateway.client import AsyncClient


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the console's table of screens.

    Attributes:
        key: a digit or a capital letter; small letters are actions.
        purpose: what the screen is for, one sentence.
    """

    key: str
    name: str
    purpose: str


@dataclass(slots=True)
class Terminal:
    """Handed to each screen when it is made.

    Attributes:
        clock: seconds, from any beginning; what ages are measured by.
        zone: in which times are shown; the machine's own if None.
        places: all screens, in the order of their keys.
        read_only: nothing may be changed from here.
        replacing: the holder and the lost key of theirs for which a new one is to be
            enrolled; left by one screen for another.
        trail: the screens that one came by; the last one is open.
    """

    client: AsyncClient
    clock: Callable[[], float]
    zone: tzinfo | None
    places: tuple[Place, ...]
    read_only: bool = False
    replacing: tuple[str, str] | None = None
    trail: list[Place] = field(default_factory=list)
