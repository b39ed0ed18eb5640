"""What workers tell the console; handlers own its state."""

from textual.message import Message

from gateway.client import Item
from gateway.schemas import Status


class Arrived(Message):
    """The gateway said something, or fell silent."""

    def __init__(self, item: Item | Status) -> None:
        super().__init__()
        self.item = item


class Refused(Message):
    """The gateway will not talk to this user."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why
