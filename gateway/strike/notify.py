"""systemd's readiness and watchdog protocol (sd_notify(3)), in a few lines."""

import os
import socket
from collections.abc import Mapping
from typing import Final


class Notifier:
    """Speaks to the service manager if there is one; never raises, never blocks."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address: Final = address.replace("@", "\0", 1) if address else ""
        asked = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period_us = environment.get("WATCHDOG_USEC", "") if asked else ""
        self.watchdog_ms: Final = int(period_us) // 2000 if period_us.isdecimal() else 0

    def say(self, state: str) -> None:
        """Send one state line, such as READY=1."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.setblocking(False)
            try:
                wire.sendto(state.encode(), self._address)
            except OSError:
                return  # the manager is away; its watchdog is the answer
