"""What a revoked key leaves behind: no bond, and an honest denial; names of nobody."""

import sqlite3
from contextlib import closing

from gateway.adapters.people_store import SqlitePeopleStore
from gateway.core.facts import CredentialState
from gateway.service.views import EnrolmentOrder
from tests.administered import ROOT, ceremony
from tests.virtual_site import ADMIN, VirtualSite


async def test_a_revoked_keys_bond_goes_and_its_touch_is_denied_as_revoked(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        one, two = await site.enrol(now), await site.enrol(now, "h2")
        assert await site.adapter.bonds() == {one.address, two.address}
        ids = {view.holder_id: view.id for view in now.gateway.credentials()}
        await now.gateway.set_credential_state(
            ids["h2"], CredentialState.SUSPENDED, ADMIN
        )
        await site.sleep(1)
        assert await site.adapter.bonds() == {one.address, two.address}
        await now.gateway.set_credential_state(
            ids["h1"], CredentialState.REVOKED, ADMIN
        )
        await site.sleep(1)
        assert await site.adapter.bonds() == {two.address}
        await one.touch()
        assert (await site.touch(now, one)).data["result"] == "credential-revoked"
        (denial,) = site.entries("door.deny")
        assert denial.what["reason"] == "credential-revoked"
        assert site.entries("alarm") == []  # nobody lost a bond: it was taken


async def test_the_same_device_enrolled_anew_keeps_its_new_bond(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        (old,) = now.gateway.credentials()
        await now.gateway.set_credential_state(old.id, CredentialState.REVOKED, ADMIN)
        await site.sleep(1)
        assert await site.adapter.bonds() == set()
        await now.gateway.enrol(EnrolmentOrder("h1"), ROOT)
        await ceremony(site, now, key)
        await site.granted(now, key)
        assert await site.adapter.bonds() == {key.address}
    async with site.running() as now:  # nor does a start take it
        await site.sleep(1)
        assert await site.adapter.bonds() == {key.address}
        await site.granted(now, key)


async def test_a_name_without_a_holder_is_gone_at_the_next_start(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        await site.enrol(now, name="Who Is Here")
        people = SqlitePeopleStore(site.folder / "people.db", site.entropy)
        people.keep("h9", people.seal("Never Written Down"))
    async with site.running() as now:
        assert [one.name for one in now.gateway.holders()] == ["Who Is Here"]
        assert people.subjects() == {"h1"}
    assert b"Never Written" not in (site.folder / "people.db").read_bytes()


async def test_names_that_cannot_be_looked_at_stop_no_door(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
    with closing(sqlite3.connect(site.folder / "people.db")) as database:
        database.execute("ALTER TABLE opening RENAME TO elsewhere")
    async with site.running() as now:
        await site.granted(now, key)
        assert [one.name for one in now.gateway.holders()] == [None]


async def test_holders_are_read_a_page_at_a_time(site: VirtualSite) -> None:
    async with site.running() as now:
        for name in ("h1", "h3", "h2"):
            await site.enrol(now, name, name=f"Name of {name}")
        page = now.gateway.holders("h1", 1)
        assert [(one.id, one.name) for one in page] == [("h2", "Name of h2")]
        assert [one.id for one in now.gateway.holders()] == ["h1", "h2", "h3"]
