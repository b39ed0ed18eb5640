"""Whoever writes the registry's file opens nothing: not now, not after a restart.

Three edits, each as good as root could make it: a key of one's own in a row of its own,
one's own public key in somebody's row, and a revocation cleared.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.core.facts import CredentialState
from gateway.sim.key import KeyraDevice
from tests.virtual_site import ADMIN, Running, VirtualSite

STATE = ("ledger.db", "ledger.seal", "people.db", "registry.db")


@dataclass(frozen=True)
class Prey:
    """A site with two honest holders, and the file as it might have been.

    Attributes:
        mallory: a key that proves itself, bonded even, which no entry enrols.
        revoked: the key of somebody who was let go.
        honest: a key that opens, whatever is edited.
        other: a registry file in which mallory's row stands.
    """

    site: VirtualSite
    mallory: KeyraDevice
    revoked: KeyraDevice
    honest: KeyraDevice
    other: Path


async def prey_of(site: VirtualSite) -> Prey:
    """Let mallory's key be enrolled in a world that is taken back."""
    async with site.running() as now:
        revoked = await site.enrol(now, "h1")
        honest = await site.enrol(now, "h2")
        await now.gateway.save_registry()
    before = site.folder / "before"
    before.mkdir()
    there = [name for name in STATE if (site.folder / name).exists()]
    for name in there:
        shutil.copy(site.folder / name, before / name)
    async with site.running() as now:
        mallory = await site.enrol(now, "h3")
        await now.gateway.save_registry()
    other = site.folder / "other.db"
    shutil.copy(site.registry_path, other)
    for name in there:
        shutil.copy(before / name, site.folder / name)
    async with site.running() as now:
        (one,) = [key for key in now.gateway.credentials() if key.holder_id == "h1"]
        await now.gateway.set_credential_state(one.id, CredentialState.REVOKED, ADMIN)
        await now.gateway.save_registry()
    return Prey(site, mallory, revoked, honest, other)


def edit(prey: Prey, *statements: str) -> None:
    """Write into the registry's file, with mallory's row at hand."""
    with closing(sqlite3.connect(prey.site.registry_path)) as database:
        database.execute("ATTACH ? AS other", (str(prey.other),))
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement
        database.commit()


def new_row(prey: Prey) -> KeyraDevice:
    edit(
        prey,
        "INSERT INTO holders SELECT * FROM other.holders WHERE holder='h3'",
        "INSERT INTO credentials SELECT * FROM other.credentials WHERE holder='h3'",
    )
    return prey.mallory


def changed_public_key(prey: Prey) -> KeyraDevice:
    """Mallory's whole key in the place of an honest holder's."""
    edit(
        prey,
        "UPDATE credentials SET (credential, public_key, counter) = "
        "(SELECT credential, public_key, counter FROM other.credentials "
        "WHERE holder='h3') WHERE holder='h2'",
    )
    return prey.mallory


def cleared_revocation(prey: Prey) -> KeyraDevice:
    edit(prey, "UPDATE credentials SET state='active' WHERE holder='h1'")
    return prey.revoked


EDITS = pytest.mark.parametrize(
    "attack", [new_row, changed_public_key, cleared_revocation]
)


async def refused(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
    """Touch, wait longer than any touch takes, and see that nothing opened."""
    releases, grants = await site.releases(), site.entries("door.grant")
    mark = len(now.heard)
    await key.touch()
    await key.present()
    await site.sleep(20_000)
    await key.sleep()
    await site.sleep(6_000)
    # A key that the gateway knows is told why not; a stranger's is told nothing.
    ended = [one for one in now.heard[mark:] if one.kind == "touch.ended"]
    assert {one.data["result"] for one in ended} <= {"credential-revoked"}
    assert site.entries("door.grant") == grants
    assert await site.releases() == releases


@EDITS
async def test_attack_an_edit_opens_nothing_on_a_running_gateway(
    site: VirtualSite, attack: Callable[[Prey], KeyraDevice]
) -> None:
    prey = await prey_of(site)
    async with site.running() as now:
        assert not now.recovered.edited
        await refused(site, now, attack(prey))
        # What the gateway saves next is what the ledger says, and heals the file.
        await now.gateway.save_registry()
    async with site.running() as now:
        assert not now.recovered.edited
        await refused(site, now, prey.revoked)
        await refused(site, now, prey.mallory)
        await site.granted(now, prey.honest)


@EDITS
async def test_attack_an_edit_opens_nothing_across_a_restart(
    site: VirtualSite, attack: Callable[[Prey], KeyraDevice]
) -> None:
    prey = await prey_of(site)
    key = attack(prey)
    async with site.running() as now:
        assert now.recovered.edited
        (alarm,) = site.entries("alarm")
        assert alarm.what["kind"] == "registry-edited"
        await refused(site, now, key)
        await site.granted(now, prey.honest)
