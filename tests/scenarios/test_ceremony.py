"""The ceremony at a whole gateway in virtual time: each way in which it can fail."""

import pytest

from gateway.errors import EnrolmentError
from gateway.service.views import EnrolmentOrder
from gateway.sim.key_model import KeyModel
from gateway.sim.misbehaviour import Misbehaviour
from tests.virtual_site import ADMIN, Running, VirtualSite


async def arm(now: Running, holder: str = "h1") -> None:
    await now.gateway.enrol(EnrolmentOrder(holder, "A name", ("staff",)), ADMIN)


async def test_nobody_comes(site: VirtualSite) -> None:
    async with site.running() as now:
        await arm(now)
        with pytest.raises(EnrolmentError, match="under way"):
            await arm(now, "h2")
        done = await site.ceremony(now, "failed")
        assert (done.step, done.reason) == ("failed", "window-ended")
        assert site.entries("holder", "enrol") == []
        await site.enrol(now, "h2")


async def test_a_second_ceremony_straight_after_a_cancelled_one(
    site: VirtualSite,
) -> None:
    """The first one still hangs up and forgets its bond while the second begins."""
    async with site.running() as now:
        key = await site.place.add_key("first")
        await arm(now)
        await key.pairing_mode()
        assert (await site.ceremony(now, "comparing")).step == "comparing"
        await now.gateway.cancel_enrolment()
        with pytest.raises(EnrolmentError, match="number"):
            await now.gateway.answer_comparison(agree=True)
        await key.sleep()
        await site.enrol(now, "h2")
        assert [holder.id for holder in now.gateway.holders()] == ["h2"]
        assert len(await site.adapter.bonds()) == 1


@pytest.mark.parametrize("who", ["gateway", "key"])
async def test_numbers_that_differ(site: VirtualSite, who: str) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await key.refuse_pairing(refuse=who == "key")
        await arm(now)
        await key.pairing_mode()
        await site.ceremony(now, "comparing")
        if who == "gateway":
            await now.gateway.answer_comparison(agree=False)
        done = await site.ceremony(now, "failed")
        assert done.step == "failed"
        assert done.reason in {"number-refused", "pairing-refused"}
        assert await site.adapter.bonds() == frozenset()
        assert site.entries("holder", "enrol") == []


async def test_nobody_answers_here_and_the_key_gives_up(site: VirtualSite) -> None:
    """The holder said yes on the key; nobody compared at the console."""
    async with site.running() as now:
        key = await site.place.add_key("k")
        await arm(now)
        await key.pairing_mode()
        await site.ceremony(now, "comparing")
        await key.press(agree=True)
        await key.walk_away()
        done = await site.ceremony(now, "failed")
        assert (done.step, done.reason) == ("failed", "number-unanswered")
        assert "Nobody said here" in done.hint
        await nothing_left(site)


CREATION = {
    Misbehaviour.RUBBISH_FRAMES: "wire-broken",
    Misbehaviour.TRUNCATED_CBOR: "wire-broken",
    Misbehaviour.DISCONNECT_MID_MESSAGE: "link-lost",
    Misbehaviour.STALL: "no-touch",
}


@pytest.mark.parametrize("way", CREATION)
async def test_a_new_key_that_misbehaves(site: VirtualSite, way: Misbehaviour) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await key.misbehave(way)
        await key.touch(times=2)
        reason = await ceremony_of(site, now)
        assert reason == CREATION[way]
        await nothing_left(site)


async def ceremony_of(site: VirtualSite, now: Running, name: str = "k") -> str | None:
    """Carry out a ceremony up to its end, and return why it failed."""
    key = site.place.key(name)
    await arm(now)
    await key.pairing_mode()
    shown = await site.ceremony(now, "comparing")
    assert shown.step == "comparing", shown
    await now.gateway.answer_comparison(agree=True)
    return (await site.ceremony(now, "failed")).reason


async def nothing_left(site: VirtualSite) -> None:
    """A ceremony that failed leaves no entry and no bond behind."""
    await site.sleep(5_000)
    assert await site.adapter.bonds() == frozenset()
    assert site.entries("enrol") == []


async def test_fingers_in_the_ceremony(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await key.wrong_finger()
        assert await ceremony_of(site, now) == "finger-not-recognised"
        await key.decline()
        assert await ceremony_of(site, now) == "declined"
        await key.touch()
        await key.wrong_finger()  # at the second touch
        assert await ceremony_of(site, now) == "finger-not-recognised"
        assert await ceremony_of(site, now) == "no-touch"
        await nothing_left(site)


async def test_a_ceremony_without_the_time(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await key.touch(times=2)
        site.clock.set_sync(-1)
        assert await ceremony_of(site, now) == "clock-untrusted"
        await nothing_left(site)


async def test_a_ceremony_without_the_ledger(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k")
        await key.touch(times=2)
        now.journal.always = "refuse"
        assert await ceremony_of(site, now) == "ledger-unavailable"
        await nothing_left(site)
        now.journal.always = "write"
        await site.sleep(2_000)
        await key.sleep()
        await site.enrol(now, "h2")


async def test_a_key_of_another_model(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.place.add_key("k", KeyModel(aaguid=bytes(15) + b"1"))
        await key.touch(times=2)
        reason = await ceremony_of(site, now)
        assert reason is not None
        assert reason.startswith("attestation-refused/")
        await nothing_left(site)


async def test_a_second_credential_on_the_same_key(site: VirtualSite) -> None:
    """The key is excluded, and the bond of its first credential stays."""
    async with site.running() as now:
        key = await site.enrol(now)
        await key.lose_bond()
        await key.touch(times=2)
        assert await ceremony_of(site, now, "h1") == "key-already-enrolled"
        assert len(site.entries("enrol")) == 1
        assert len(await site.adapter.bonds()) == 1
        await key.sleep()
        await site.sleep(1_000)
        await site.granted(now, key)  # over the bond that was just made anew
