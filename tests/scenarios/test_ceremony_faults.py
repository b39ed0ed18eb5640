"""Every failure at every step of the ceremony: where it ends, and what it leaves.

Whatever fails, the ceremony is over with a reason that its table has for that step, no
credential is registered, no bond and no name stay behind (also not across a restart
where the gateway was killed), and the next ceremony with the same key succeeds.
"""

from collections.abc import Awaitable, Callable

import pytest

from gateway.adapters.people_store import SqlitePeopleStore
from gateway.core.enrolment import FAILURES, EnrolmentFailure, EnrolmentState
from gateway.service.views import EnrolmentOrder
from gateway.sim.key import KeyraDevice
from tests.virtual_site import ADMIN, Running, VirtualSite

NAME = "Name of nobody yet"
STEPS = ("armed", "comparing", "creating", "proving", "recording")

Fault = Callable[[VirtualSite, Running, KeyraDevice], Awaitable[None]]


async def walks_away(_: VirtualSite, __: Running, key: KeyraDevice) -> None:
    await key.walk_away()


async def runs_flat(_: VirtualSite, __: Running, key: KeyraDevice) -> None:
    await key.run_flat()


async def is_cancelled(_: VirtualSite, now: Running, __: KeyraDevice) -> None:
    await now.gateway.cancel_enrolment()


async def is_left_alone(site: VirtualSite, _: Running, __: KeyraDevice) -> None:
    await site.sleep(61_000)


async def is_declined(_: VirtualSite, __: Running, key: KeyraDevice) -> None:
    await key.decline()


async def meets_a_wrong_finger(_: VirtualSite, __: Running, key: KeyraDevice) -> None:
    await key.wrong_finger()


async def differs(_: VirtualSite, now: Running, __: KeyraDevice) -> None:
    await now.gateway.answer_comparison(agree=False)


async def loses_the_clock(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
    site.clock.set_sync(-1)
    await now.gateway.answer_comparison(agree=True)
    await key.touch(times=2)


FAULTS: dict[str, tuple[Fault, frozenset[str]]] = {
    "walks away": (walks_away, frozenset(STEPS) - {"recording"}),
    "runs flat": (runs_flat, frozenset(STEPS) - {"recording"}),
    "is cancelled": (is_cancelled, frozenset(STEPS) - {"recording"}),
    "is left alone": (is_left_alone, frozenset(STEPS) - {"recording"}),
    "is declined": (is_declined, frozenset({"creating", "proving"})),
    "meets a wrong finger": (meets_a_wrong_finger, frozenset({"creating", "proving"})),
    "differs": (differs, frozenset({"comparing"})),
    "loses the clock": (loses_the_clock, frozenset({"comparing"})),
}
CASES = [(step, name) for name, (_, steps) in FAULTS.items() for step in sorted(steps)]


async def led_to(
    site: VirtualSite, now: Running, key: KeyraDevice, step: str, holder: str = "h1"
) -> None:
    """Carry out a ceremony as far as this step, which then waits for a person."""
    order = EnrolmentOrder(holder, NAME, ("staff",))
    await now.gateway.enrol(order, ADMIN)
    if step == "armed":
        return
    await key.pairing_mode()
    await site.ceremony(now, "comparing")
    if step == "comparing":
        return
    if step == "proving":
        await key.touch(times=1)
    elif step == "recording":
        now.journal.open_gate.clear()
        await key.touch(times=2)
    await now.gateway.answer_comparison(agree=True)
    shown = await site.ceremony(now, step)
    assert shown.step == step, shown


def possible(step: str, reason: str | None) -> bool:
    """Whether the table lets a ceremony end so from this step or the next ones."""
    assert reason is not None
    word = reason.partition("/")[0]
    (failure,) = (one for one in EnrolmentFailure if one.value == word)
    later = {one for one in EnrolmentState if one.value in STEPS[STEPS.index(step) :]}
    return bool(FAILURES[failure] & {*later, EnrolmentState.PAIRING})


async def nothing_is_left(site: VirtualSite) -> None:
    assert await site.adapter.bonds() == frozenset()
    assert site.entries("enrol", "holder") == []
    people = SqlitePeopleStore(site.folder / "people.db", site.entropy)
    assert not people.knows("h1")


async def the_next_one_succeeds(
    site: VirtualSite, now: Running, key: KeyraDevice
) -> None:
    site.clock.set_sync(20)
    await key.charge()
    await key.lose_bond()  # as its owner clears the pairing that failed
    await key.sleep()
    await site.sleep(3_000)
    await led_to(site, now, key, "proving")
    await key.touch()
    done = await site.ceremony(now, "registered")
    assert done.step == "registered", done
    await key.sleep()
    await site.sleep(6_000)
    await site.granted(now, key)


@pytest.mark.parametrize(("step", "fault"), CASES)
async def test_a_fault_at_a_step(site: VirtualSite, step: str, fault: str) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await led_to(site, now, key, step)
        await FAULTS[fault][0](site, now, key)
        done = await site.ceremony(now, "failed")
        assert done.step == "failed", done
        assert possible(step, done.reason), done
        await site.sleep(5_000)
        await nothing_is_left(site)
        await the_next_one_succeeds(site, now, key)


@pytest.mark.parametrize("step", [one for one in STEPS if one != "recording"])
async def test_the_gateway_is_killed_at_a_step(site: VirtualSite, step: str) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await led_to(site, now, key, step)
    await key.sleep()
    async with site.running() as again:
        assert again.gateway.enrolment() is None
        await site.sleep(5_000)
        await nothing_is_left(site)
        await the_next_one_succeeds(site, again, key)


@pytest.mark.parametrize("way", ["refuse", "lose", "keep"])
async def test_the_ledger_fails_as_it_is_written(site: VirtualSite, way: str) -> None:
    """Also where the entry is there, and the gateway never heard of it."""
    async with site.running() as now:
        key = await site.place.add_key("k")
        await led_to(site, now, key, "recording")
        now.journal.ways = [way]
        now.journal.open_gate.set()
        await site.sleep(5_000)
        if way == "refuse":
            done = await site.ceremony(now, "failed")
            assert done.reason == "ledger-unavailable"
            await nothing_is_left(site)
            await the_next_one_succeeds(site, now, key)
            return
        assert now.died
    await key.sleep()
    async with site.running() as again:
        await site.sleep(5_000)
        if way == "lose":
            await nothing_is_left_but_a_name(site)
            await the_next_one_succeeds(site, again, key)
        else:  # it is enrolled, and its key is known
            assert [one.ev for one in site.entries("holder", "enrol")] == [
                "holder",
                "enrol",
            ]
            await site.granted(again, key)


async def nothing_is_left_but_a_name(site: VirtualSite) -> None:
    """The name of one whose entry may have been there; erasing it needs no entry."""
    assert await site.adapter.bonds() == frozenset()
    assert site.entries("enrol", "holder") == []
