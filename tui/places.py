"""The one table of the console's screens."""

from collections.abc import Mapping
from typing import Final

from tui.screens.base import KeyraScreen
from tui.screens.door import DoorScreen
from tui.terminal import Place

PLACES: Final[Mapping[Place, type[KeyraScreen]]] = {
    Place("1", "Door", "How the door is, and what happened at it last."): DoorScreen,
}
"""In the order in which they are listed; the first one is open at the start."""
