"""A policy comes into force by fingers, and holds from the next touch."""

import pytest

from gateway.core.facts import Mode
from gateway.core.schedule import Schedule
from gateway.errors import PolicyError
from gateway.service.views import PolicyWish
from tests.administered import administrator, ordered, signed
from tests.virtual_site import ADMIN, DOOR, Running, VirtualSite

STAFF_ONLY = f"""
[[group]]
id = "staff"
doors = ["{DOOR}"]
"""
AND_GUESTS = f"""
{STAFF_ONLY}
[[group]]
id = "guests"
doors = ["{DOOR}"]
"""
AT_NIGHT = f"""
[[schedule]]
id = "night"
windows = ["Mon-Sun 22:00-23:00"]
[[group]]
id = "staff"
doors = ["{DOOR}"]
[[group]]
id = "guests"
doors = ["{DOOR}"]
schedule = "night"
"""


def hash_in_force(now: Running) -> str:
    view = now.gateway.policies.view()
    assert view.usable
    return view.sha256


async def test_an_ordered_policy_holds_from_the_next_touch_and_across_a_restart(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        boss = await administrator(site, now)
        before = hash_in_force(now)
        view = await ordered(now, PolicyWish(AND_GUESTS))
        assert view.text[0] == (f"Add the group guests: doors {DOOR}, schedule always.")
        assert view.text[1].startswith("Of the holders, 0 gain access, 0 lose it")
        assert hash_in_force(now) == before
        done = await signed(site, now, view, boss)
        assert done.state == "done"
        after = hash_in_force(now)
        assert after != before
        assert after in view.text[-1]
        await site.granted(now, boss)
    entries = site.entries("policy")
    assert [entry.what["sha256"] for entry in entries] == [before, after]
    assert entries[0].what["by"] == {"gateway": True}
    assert "order" in entries[1].what["by"]
    async with site.running() as now:
        assert hash_in_force(now) == after
        await site.granted(now, boss)


async def test_a_policy_that_takes_a_group_away_denies_its_very_next_touch(
    site: VirtualSite,
) -> None:
    site.groups = {"staff": "always", "guests": "always"}
    async with site.running() as now:
        guest = await site.enrol(now, "h1", group="guests")
        boss = await administrator(site, now)
        await site.granted(now, guest)
        view = await ordered(now, PolicyWish(STAFF_ONLY))
        assert "1 lose it" in view.text[1]
        await signed(site, now, view, boss)
        await guest.touch()
        ended = await site.touch(now, guest)
        assert ended.data["result"] == "door-not-allowed"
        back = await ordered(now, PolicyWish(AT_NIGHT))
        await signed(site, now, back, boss)
        await guest.touch()
        ended = await site.touch(now, guest)
        assert ended.data["result"] == "outside-hours"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[group]]\nid = 3", "[group] id is 3"),
        ("[[group]\n", "not TOML"),
        ("[[gruop]]\nid = 'staff'", "did you mean group?"),
        (f"{STAFF_ONLY}schedule = 'never'", "which no [[schedule]] is called"),
        ("[[holiday]]\nid='a'\ncalendar='/etc/x.ics'", "names a calendar file"),
        ("[[group]]\nid = 'staff'\ndoors = ['back']", "no administrator passes"),
        ("", "no administrator passes"),
        (STAFF_ONLY, "in force already"),
    ],
)
async def test_what_nobody_should_be_asked_to_sign_is_refused_first(
    site: VirtualSite, text: str, says: str
) -> None:
    async with site.running() as now:
        await administrator(site, now)
        with pytest.raises(PolicyError) as refused:
            await now.gateway.administration.propose(PolicyWish(text), ADMIN)
        assert says in str(refused.value)
        assert now.gateway.administration.orders() == []


async def test_the_schedule_that_holds_the_door_follows_the_policy(
    site: VirtualSite,
) -> None:
    site.unlocked = Schedule.parse("Mon-Sun 00:00-24:00")
    async with site.running() as now:
        boss = await administrator(site, now)
        await site.sleep(130_000)
        assert now.gateway.status().door.mode is Mode.UNLOCKED
        shut = (
            '[[schedule]]\nid = "unlocked"\nwindows = ["Mon 00:00-00:01"]' + STAFF_ONLY
        )
        view = await ordered(now, PolicyWish(shut))
        await signed(site, now, view, boss)
        await site.sleep(2_000)
        assert now.gateway.status().door.mode is Mode.LOCKED
