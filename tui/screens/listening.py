"""What every screen and dialog of the console has in common: it hears the gateway."""

from gateway.client import Item
from gateway.schemas import Status
from tui.view_models.live import Model


class Listening:
    """Told by the console, while it is on the terminal; draws, decides nothing."""

    def hear(self, model: Model, item: Item | Status | None, at_s: float) -> None:
        """Learn how things stand; `item` is the latest, or None if only time passed."""
