"""A gateway on a pruned ledger, its stored registry lost: what is restated holds."""

import sqlite3
from contextlib import closing

from gateway.core.facts import CredentialState, Mode
from gateway.core.ids import HolderId
from tests.virtual_site import ADMIN, Running, VirtualSite

NAME = "Somebody"


def lose_registry(site: VirtualSite) -> None:
    """All but the hints, which tell where a key's address leads."""
    with closing(sqlite3.connect(site.registry_path)) as database:
        database.executescript("DROP TABLE covers; VACUUM")


async def change(now: Running, holder: str, state: CredentialState) -> None:
    (key,) = (one.id for one in now.gateway.credentials() if one.holder_id == holder)
    await now.gateway.set_credential_state(key, state, ADMIN)


async def test_keys_states_erasures_and_the_lockdown_are_restated(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now, "h2", name=NAME)
        await site.enrol(now, "h3", name=NAME)
        await site.enrol(now, "h9", name=NAME)
        await now.gateway.erase_holder("h9", ADMIN)
        await change(now, "h2", CredentialState.SUSPENDED)
        await change(now, "h2", CredentialState.ACTIVE)
        await change(now, "h3", CredentialState.REVOKED)
        await site.granted(now, key)
        counters = {one.id: one.counter for one in now.gateway.credentials()}
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        await now.gateway.stop("told to")
    for _ in range(2):  # what was restated once is restated again
        assert site.prune() > 0
        lose_registry(site)
        async with site.running() as now:
            assert not now.recovered.edited
            assert now.gateway.status().door.mode is Mode.LOCKED_DOWN
            known = now.gateway.credentials()
            assert {one.id: one.counter for one in known} == counters
            assert {one.holder_id: one.state for one in known} == {
                "h2": CredentialState.ACTIVE,
                "h3": CredentialState.REVOKED,
                "h9": CredentialState.REVOKED,
            }
            assert [one.id for one in now.gateway.holders() if one.erased] == ["h9"]
            await now.gateway.stop("told to")
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        await site.granted(now, key)


async def test_a_snapshot_older_than_the_prune_is_no_edited_one(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now, "h2", name=NAME)
        await now.gateway.save_registry()
    async with site.running() as now:
        await site.granted(now, key)  # and dies without a snapshot
    site.keep_head()
    assert site.prune() > 0
    async with site.running() as now:
        assert not now.recovered.edited
        assert now.recovered.registry.holder(HolderId("h2")) is not None
        await site.granted(now, key)
