"""Two persons, and somebody who is forced: on a whole gateway, in virtual time."""

import pytest

from gateway.core.door_policy import DoorRules
from gateway.core.facts import CredentialState, Pattern
from gateway.service.events import Event
from gateway.sim.key import KeyraDevice
from tests.virtual_site import ADMIN, Running, VirtualSite

WAITS = "second-person-needed"
ROUTE = "guard-desk"


@pytest.fixture
def pair(site: VirtualSite) -> VirtualSite:
    site.rules = DoorRules(two_person_ms=30_000)
    return site


async def touched(site: VirtualSite, now: Running, key: KeyraDevice) -> Event:
    """Touch with the right finger; return how it ended."""
    await key.touch()
    return await site.touch(now, key)


async def test_two_persons_open_and_the_entry_names_both(pair: VirtualSite) -> None:
    async with pair.running() as now:
        first = await pair.enrol(now, "h1")
        second = await pair.enrol(now, "h2")
        assert (await touched(pair, now, first)).data["result"] == WAITS
        assert await pair.releases() == 0
        assert Pattern.DENIED not in {shown for _, shown in now.indicators.shown}
        (waiting,) = pair.entries("door.deny")
        assert (waiting.what["reason"], waiting.what["holder"]) == (WAITS, "h1")
        ended = await pair.granted(now, second)
        assert await pair.releases() == 1
        (grant,) = pair.entries("door.grant")
        assert grant.n == ended.data["entry"]
        assert (grant.what["holder"], grant.what["touches"]) == ("h2", [waiting.n])


async def test_one_person_is_not_two(pair: VirtualSite) -> None:
    async with pair.running() as now:
        key = await pair.enrol(now, "h1")
        for _ in range(3):
            assert (await touched(pair, now, key)).data["result"] == WAITS
        assert await pair.releases() == 0


async def test_the_second_person_must_come_in_time(pair: VirtualSite) -> None:
    async with pair.running() as now:
        first = await pair.enrol(now, "h1")
        second = await pair.enrol(now, "h2")
        assert (await touched(pair, now, first)).data["result"] == WAITS
        await pair.sleep(30_000)
        assert (await touched(pair, now, second)).data["result"] == WAITS
        await pair.granted(now, first)  # now it is the second one who waited


async def test_a_first_touch_is_worth_nothing_once_its_key_is_suspended(
    pair: VirtualSite,
) -> None:
    async with pair.running() as now:
        first = await pair.enrol(now, "h1")
        second = await pair.enrol(now, "h2")
        assert (await touched(pair, now, first)).data["result"] == WAITS
        (waiting,) = pair.entries("door.deny")
        await now.gateway.set_credential_state(
            str(waiting.what["credential"]), CredentialState.SUSPENDED, ADMIN
        )
        assert (await touched(pair, now, second)).data["result"] == WAITS
        assert await pair.releases() == 0


def shape(events: list[Event]) -> list[tuple[str, dict[str, object]]]:
    """What events say, without what differs from touch to touch: numbers."""
    return [
        (
            event.kind,
            {
                name: type(value) if isinstance(value, int | dict) else value
                for name, value in event.data.items()
                if name not in {"credential", "address"}  # which key it was
            },
        )
        for event in events
    ]


async def test_a_duress_key_opens_and_nothing_shows(site: VirtualSite) -> None:
    site.rules = DoorRules(duress_route=ROUTE)
    async with site.running() as now:
        free = await site.enrol(now, "h1")
        forced = await site.enrol(now, "h1", duress="h1-forced")
        await site.granted(now, free)  # the first touch may say more: it is the first
        told: list[list[Event]] = []
        lights: list[list[Pattern]] = []
        for key in (free, forced):
            mark, lit = len(now.heard), len(now.indicators.shown)
            await site.granted(now, key)
            told.append(now.heard[mark:])
            lights.append([shown for _, shown in list(now.indicators.shown)[lit:]])
        assert shape(told[0]) == shape(told[1])
        assert lights[0] == lights[1]
        assert not any(word in repr(told) for word in ("duress", ROUTE))
        assert await site.releases() == 3
        *ordinary, marked = site.entries("door.grant")
        assert [one.what.get("duress") for one in ordinary] == [None, None]
        assert marked.what["duress"] == ROUTE
        assert marked.what["holder"] == "h1"
        views = repr([now.gateway.credentials(), now.gateway.holders()])
        assert "duress" not in views
