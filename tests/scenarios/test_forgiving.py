"""A holder who is inside by the ledger is let in again by an operator's finger."""

import pytest

from gateway.core.facts import InputName
from gateway.core.policy import DoorRules, Passback
from gateway.errors import FingerNeededError, RegistryError
from gateway.service.views import ForgiveWish
from gateway.sim.key import KeyraDevice
from ledger.deep import Replay
from ledger.reader import Reader
from tests.administered import administrator, ordered, signed
from tests.virtual_site import ADMIN, DOOR, Running, VirtualSite


async def comes_in(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
    """Touch, be let in, and open the door."""
    mark = len(now.heard)
    await key.touch()
    await key.present()
    ended = await site.heard(now, "touch.ended", mark)
    assert ended.data["result"] == "granted"
    await site.place.pins.set_input(InputName.CONTACT_OPEN, active=True)
    await site.sleep(500)
    await site.place.pins.set_input(InputName.CONTACT_OPEN, active=False)
    await key.sleep()
    await site.sleep(6_000)


async def test_who_is_forgiven_is_let_in_once_and_the_ledger_says_by_whom(
    site: VirtualSite,
) -> None:
    site.rules = DoorRules(passback=Passback.HARD)
    async with site.running() as now:
        key = await site.enrol(now, "h1")
        boss = await administrator(site, now)
        await comes_in(site, now, key)
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "passback"
        with pytest.raises(RegistryError):
            await ordered(now, ForgiveWish("nobody"))
        with pytest.raises(FingerNeededError):
            await now.gateway.administration.do_now(ForgiveWish("h1"), ADMIN)
        view = await ordered(now, ForgiveWish("h1"))
        said = f"Let h1 (A name) count as outside the door {DOOR} from now on."
        assert view.text == (said,)
        assert (await signed(site, now, view, boss)).state == "done"
        await now.gateway.save_registry()
        await comes_in(site, now, key)
    async with site.running() as now:
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "passback"
    (forgiven,) = site.entries("passback.forgiven")
    assert forgiven.what["holder"] == "h1"
    assert "order" in forgiven.what["by"]
    replay = Replay()
    with Reader.open(site.ledger_path) as reader:
        for n, body in enumerate(reader.entries(0, reader.size())):
            replay.on_entry(n, body, b"")
    assert replay.findings == []
