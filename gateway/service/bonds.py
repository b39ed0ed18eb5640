"""Removes the bonds of keys that were revoked: what opens nothing needs no pairing.

The hint of where such a key was stays, so that its touch is still denied for the right
reason. Only bonds that this gateway made are touched, and none whose address holds a
credential that is not revoked, or a ceremony.
"""

import logging
from collections.abc import Callable
from typing import Final

from gateway.core.ids import PeerAddress
from gateway.errors import LinkError
from gateway.ports import Clock, Pairing
from gateway.service.addresses import KnownAddresses
from gateway.service.recorder import Recorder

RETRY_MS: Final = 60_000

_LOG: Final = logging.getLogger(__name__)


class Bonds:
    """Those of one gateway."""

    def __init__(
        self,
        keys: KnownAddresses,
        pairing: Pairing,
        recorder: Recorder,
        clock: Clock,
        in_ceremony: Callable[[], PeerAddress | None],
    ) -> None:
        self._keys: Final = keys
        self._pairing: Final = pairing
        self._recorder: Final = recorder
        self._clock: Final = clock
        self._in_ceremony: Final = in_ceremony

    async def run(self) -> None:
        """Remove what is left over, then after each revocation, until cancelled."""
        changed = self._recorder.credentials_changed
        while True:
            changed.clear()
            if await self.remove():
                await changed.wait()
            else:
                await self._clock.sleep_until(self._clock.now().up_ms + RETRY_MS)

    async def remove(self) -> bool:
        """Remove the bonds of revoked keys; say whether nothing is left to be done."""
        done = True
        if not self._keys.revoked:
            return done
        try:
            for address in sorted(self._keys.revoked & await self._pairing.bonds()):
                if address == self._in_ceremony():
                    done = False
                elif address in self._keys.revoked:  # still: removing takes a while
                    await self._pairing.forget(address)
        except LinkError as error:
            _LOG.warning("A revoked key's bond was not removed: %s", error)
            done = False
        return done
