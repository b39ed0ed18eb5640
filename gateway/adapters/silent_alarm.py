"""The silent alarm over a Unix datagram socket: one JSON object in each datagram.

The door's process has no network; whatever forwards a call (a modem, a guard's desk)
listens on the socket. What nobody took is kept, the newest few, and sent again.
"""

import json
import socket
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CALLS_KEPT_MAX: Final = 16


class DatagramAlarm:
    """ports.SilentAlarm to the socket at `path`, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._kept: Final[deque[bytes]] = deque(maxlen=CALLS_KEPT_MAX)

    def call(self, what: Mapping[str, object]) -> None:
        """Send JSON values, now or as soon as somebody listens."""
        self._kept.append(json.dumps(what, sort_keys=True).encode())
        self.retry()

    def retry(self) -> None:
        """Send again what nobody has taken yet."""
        while self._kept:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                try:
                    sender.sendto(self._kept[0], str(self._path))
                except OSError:  # nobody listens, or their queue is full
                    return
            self._kept.popleft()
