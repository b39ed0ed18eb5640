"""Reading an event stream without I/O: lines in, items out; resuming after a break."""

from dataclasses import dataclass, field
from typing import Final

from gateway.errors import UnreachableError
from gateway.schemas import RECENT_EVENTS_MAX, Event, Snapshot

PAUSE_S_MIN: Final = 0.25
PAUSE_S_MAX: Final = 5.0
PATH: Final = "/v1/events"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing happened, and the gateway is there."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The stream broke; the client goes on trying and resumes by itself."""

    why: str


Item = Snapshot | Event | Heartbeat | Disconnected


@dataclass(slots=True)
class Follower:
    """The state of one subscription over all its connections.

    Attributes:
        recent: how many past events to begin with.
    """

    recent: int = 0
    _last_id: str | None = None
    _pause_s: float = PAUSE_S_MIN
    _fields: dict[str, str] = field(default_factory=dict)

    def request(self) -> tuple[dict[str, str | int], dict[str, str]]:
        """Return query and headers for the next connection."""
        self._fields.clear()
        headers = {"accept": "text/event-stream"}
        if self._last_id is not None:
            headers["last-event-id"] = self._last_id
        return {"recent": min(self.recent, RECENT_EVENTS_MAX)}, headers

    def line(self, line: str) -> Snapshot | Event | Heartbeat | None:
        """Take one line of the stream; return the item that it completes.

        Raises:
            UnreachableError: this is not the stream of a gateway.
        """
        if line.startswith(":"):
            return Heartbeat()
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        return self._item()

    def pause_s(self) -> float:
        """Return how long to wait before the next try; longer each time."""
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, PAUSE_S_MAX)
        return pause_s

    def _item(self) -> Snapshot | Event | None:
        fields = dict(self._fields)
        self._fields.clear()
        item: Snapshot | Event
        try:
            match fields.get("event"):
                case "snapshot":
                    item = Snapshot.model_validate_json(fields.get("data", ""))
                case "change":
                    item = Event.model_validate_json(fields.get("data", ""))
                case _:
                    return None  # of a newer gateway
        except ValueError as error:
            raise UnreachableError(
                "The gateway sent an event that this client does not understand; "
                "use the client of the gateway's version."
            ) from error
        self._last_id = fields.get("id", self._last_id)
        self._pause_s = PAUSE_S_MIN
        return item
