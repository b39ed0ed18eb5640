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


class Done(Message):
    """Something that a person asked for has happened."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


class Failed(Message):
    """Something that a person asked for did not happen."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__()
        self.code = code
        self.sentence = sentence
