"""Looks at the batteries of keys that have just opened, while nobody waits for that."""

from collections import OrderedDict
from typing import Final

from gateway.core import entries
from gateway.core.encoding import to_base64url
from gateway.core.ids import CredentialId
from gateway.errors import LinkError, WireError
from gateway.ports import Clock, Link, Telemetry
from gateway.service.recorder import Recorder
from gateway.service.waiting import before

LOW_PERCENT: Final = 20
READ_EVERY_MS: Final = 3_600_000
NOTICE_EVERY_MS: Final = 86_400_000
READ_MS_MAX: Final = 2_000
KEYS_MAX: Final = 4_096
"""How many keys are remembered; the longest unseen is forgotten, and read again."""


class Batteries:
    """Reads each key's battery once an hour at most; a low one is said once a day."""

    def __init__(self, clock: Clock, telemetry: Telemetry, recorder: Recorder) -> None:
        self._clock: Final = clock
        self._telemetry: Final = telemetry
        self._recorder: Final = recorder
        # When each key is read next, and when a low battery is next said: up_ms.
        self._due: Final[OrderedDict[CredentialId, tuple[int, int]]] = OrderedDict()

    async def look(self, link: Link, credential_id: CredentialId) -> None:
        """Read it over an open link, if that is due; never raises for the key."""
        now_ms = self._clock.now().up_ms
        read_ms, said_ms = self._due.get(credential_id, (now_ms, now_ms))
        if now_ms < read_ms:
            return
        try:
            info = await before(self._clock, now_ms + READ_MS_MAX, link.info())
        except (LinkError, WireError):
            info = None
        percent = None if info is None else info.battery_percent
        if percent is not None:
            self._telemetry.gauge("battery_percent", percent)
            if percent <= LOW_PERCENT and now_ms >= said_ms:
                said_ms = now_ms + NOTICE_EVERY_MS
                self._say(credential_id, percent)
        self._due[credential_id] = (now_ms + READ_EVERY_MS, said_ms)
        self._due.move_to_end(credential_id)
        if len(self._due) > KEYS_MAX:
            self._due.popitem(last=False)

    def _say(self, credential_id: CredentialId, percent: int) -> None:
        detail = f"{to_base64url(credential_id)}: {percent} percent"
        self._recorder.note(entries.alarm_record("battery-low", detail))
        self._telemetry.count("battery.low")
