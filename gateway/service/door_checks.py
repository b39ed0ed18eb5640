"""The door tries itself, and an installer confirms what it cannot find out alone.

Both are for whoever has the machine (root, or the gateway's own user): a self-test
releases the door for a moment, by a Hold with its own entry.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.core import entries
from gateway.core.commissioning import Point, is_commissioned
from gateway.core.door_events import Hold
from gateway.core.facts import InputName
from gateway.core.ids import DoorId
from gateway.core.orders import DENYING, self_test
from gateway.errors import OrderError
from gateway.ports import Clock
from gateway.service.doorkeeper import Doorkeeper
from gateway.service.recorder import Recorder
from gateway.service.views import Actor, SelfTestView

RELEASE_MS: Final = 2_000
SETTLE_MS: Final = 500
ROOT_UID: Final = 0


class DoorChecks:
    """Tests and commissions one door."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        *,
        door: DoorId,
        wiring: str,
        has_contact: bool,
        own_uid: int,
        doorkeeper: Doorkeeper,
        recorder: Recorder,
        clock: Clock,
        commissioned: Mapping[str, Any] | None,
    ) -> None:
        self._door: Final = door
        self._wiring: Final = wiring
        self._has_contact: Final = has_contact
        self._own_uid: Final = own_uid
        self._doorkeeper: Final = doorkeeper
        self._recorder: Final = recorder
        self._clock: Final = clock
        self._row = commissioned
        self._tested: int | None = None

    @property
    def is_commissioned(self) -> bool:
        """Whether all was confirmed, of the wiring that there is."""
        return is_commissioned(self._row, self._wiring)

    def said_again(self) -> list[entries.Record]:
        """Return the entry that a recovery needs after a snapshot."""
        if self._row is None:
            return []
        return [entries.Record("commissioned", self._row)]

    async def commission(self, confirmed: frozenset[Point], actor: Actor) -> None:
        """Record what the installer has confirmed.

        Raises:
            OrderError: something is missing, or this user has not the machine.
            JournalError: it was not written.
        """
        self._check_actor(actor)
        missing = [point.sentence for point in Point if point not in confirmed]
        if missing:
            raise OrderError(f"The door is not commissioned; confirm: {missing[0]}")
        record = entries.commissioned_record(
            self._door,
            [point.value for point in Point],
            self._wiring,
            entries.by_uid(actor.uid),
        )
        await self._recorder.append(record)
        self._row = record.what

    async def self_test(self, actor: Actor) -> SelfTestView:
        """Release for a moment, look at all there is, and record the result.

        Raises:
            OrderError: the door is locked down or open, or this user has not the
                machine.
            JournalError: an entry was not written.
        """
        self._check_actor(actor)
        door = self._doorkeeper.door
        if door.mode in DENYING or door.interlocked or door.ajar:
            raise OrderError(
                f"The door is {door.phase.value}, in mode {door.mode.value}: test it "
                "while it is shut and not denied."
            )
        by = entries.by_uid(actor.uid)
        order = self_test(self._door, by, self._clock.now(), RELEASE_MS)
        position = await self._recorder.append_order(order)
        hindrance = await self._doorkeeper.hold(Hold(order, position))
        checks = {"released": hindrance is None and self._doorkeeper.door.held}
        await self._clock.sleep_until(order.until_up_ms + SETTLE_MS)
        checks["secured"] = not self._doorkeeper.door.held
        checks["strike"] = self._doorkeeper.strike_reachable
        if self._has_contact:
            checks["contact"] = InputName.CONTACT_OPEN in self._doorkeeper.inputs
        passed = all(checks.values())
        written = await self._recorder.append(
            entries.self_test_record(self._door, checks, by, passed=passed)
        )
        self._tested = written.n
        return SelfTestView(written.n, passed, checks)

    async def self_test_seen(self, entry: int, actor: Actor, *, moved: bool) -> None:
        """Record what a person at the door saw of a test.

        Raises:
            OrderError: that was not the last test, or not this user's to say.
        """
        self._check_actor(actor)
        if entry != self._tested:
            raise OrderError("Only the last self-test can be answered; run one first.")
        self._tested = None
        await self._recorder.append(
            entries.self_test_seen_record(
                self._door, entry, entries.by_uid(actor.uid), moved=moved
            )
        )

    def _check_actor(self, actor: Actor) -> None:
        if actor.uid not in {ROOT_UID, self._own_uid}:
            raise OrderError(
                "This is for whoever has the machine: run the command as root."
            )
