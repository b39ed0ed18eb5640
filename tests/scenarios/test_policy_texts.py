"""The texts of policies: edited, gone, put back, restored, and not written at all."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core.schedule import Schedule
from gateway.errors import AdministrationError, PolicyError
from gateway.service.views import PolicyWish
from gateway.sim.key import KeyraDevice
from ledger.keys import SigningKey
from tests.administered import ROOT, administrator, ordered, signed
from tests.backups import Vault
from tests.virtual_site import DOOR, Running, VirtualSite

OTHER = f"""
[[group]]
id = "staff"
doors = ["{DOOR}"]
[[group]]
id = "guests"
doors = ["{DOOR}"]
"""
THIRD = f"{OTHER}\n[[group]]\nid = 'cleaners'\ndoors = ['{DOOR}']\n"
MINUTE_MS = 60_000


async def put_in_force(site: VirtualSite, now: Running, text: str) -> KeyraDevice:
    """Have a new administrator order a policy."""
    boss = await administrator(site, now)
    done = await signed(site, now, await ordered(now, PolicyWish(text)), boss)
    assert done.state == "done", done
    return boss


def text_file(site: VirtualSite, sha256: str) -> Path:
    return site.folder / "policies" / f"{sha256}.toml"


def alarms(site: VirtualSite, kind: str) -> list[str]:
    return [
        entry.what["detail"]
        for entry in site.entries("alarm")
        if entry.what["kind"] == kind
    ]


async def test_a_text_edited_under_a_running_gateway_changes_nothing_and_is_told(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        boss = await put_in_force(site, now, OTHER)
        file = text_file(site, now.gateway.policies.view().sha256)
        text = file.read_text()
        file.write_text(text.replace("guests", "thieves"))
        for _ in range(2):
            await now.gateway.policies.look()
        assert file.read_text() == text
        await site.granted(now, boss)
        told = alarms(site, "policy-edited")
    assert len(told) == 2
    assert told[0].endswith("It is written again.")
    assert told[1] == "ended"


async def test_a_text_edited_while_nobody_ran_lets_nobody_in_until_it_is_put_back(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        boss = await put_in_force(site, now, OTHER)
        file = text_file(site, now.gateway.policies.view().sha256)
    text = file.read_text()
    file.write_text(f"{text}\n")
    async with site.running() as now:
        assert not now.gateway.policies.view().usable
        await boss.touch()
        ended = await site.touch(now, boss)
        assert ended.data["result"] == "policy-unavailable"
        file.write_text(text)
        await now.gateway.policies.look()
        assert now.gateway.policies.view().text == text
        await site.granted(now, boss)
    told = alarms(site, "policy-edited")
    assert [detail.split(".")[-2] for detail in told[:1]] == [" Nobody is let in"]
    assert told[1:] == ["ended"]


async def test_the_config_edited_after_an_administrator_is_there_does_not_count(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        guest = await site.enrol(now, "h1", group="guests")
        await administrator(site, now)
        before = now.gateway.policies.view().sha256
    site.groups = {"staff": "always", "guests": "always"}
    async with site.running() as now:
        view = now.gateway.policies.view()
        assert view.sha256 == before
        assert view.config_differs
        await guest.touch()
        ended = await site.touch(now, guest)
        assert ended.data["result"] == "door-not-allowed"
    async with site.running() as now:
        assert now.gateway.policies.view().sha256 == before
    (told,) = alarms(site, "policy-config")
    assert "order it" in told


async def test_the_config_is_followed_as_long_as_nobody_is_an_administrator(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        guest = await site.enrol(now, "h1", group="guests")
    site.groups = {"staff": "always", "guests": "always"}
    async with site.running() as now:
        await site.granted(now, guest)
    assert len(site.entries("policy")) == 2


async def test_what_cannot_be_kept_does_not_come_into_force(site: VirtualSite) -> None:
    async with site.running() as now:
        boss = await administrator(site, now)
        before = now.gateway.policies.view().sha256
        view = await ordered(now, PolicyWish(OTHER))
        proposed = view.text[-1].rsplit(" ", 1)[-1].rstrip(".")
        text_file(site, proposed).mkdir()
        (text_file(site, proposed) / "in-the-way").touch()
        done = await signed(site, now, view, boss)
        assert (done.state, done.reason) == ("failed", "policy")
        assert now.gateway.policies.view().sha256 == before
        await site.granted(now, boss)
    assert len(site.entries("policy")) == 1


async def test_an_entry_that_was_not_written_leaves_the_policy_as_it_was(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        boss = await administrator(site, now)
        before = now.gateway.policies.view().sha256
        view = await ordered(now, PolicyWish(OTHER))
        now.journal.ways = ["refuse"]
        await signed(site, now, view, boss)
        assert now.gateway.policies.view().sha256 == before
        await site.granted(now, boss)
    async with site.running() as now:
        assert now.gateway.policies.view().sha256 == before
        await site.granted(now, boss)


async def test_of_two_orders_at_once_one_counts_and_its_text_is_at_hand(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        boss = await administrator(site, now)
        results = await asyncio.gather(
            *(
                now.gateway.administration.break_glass(
                    PolicyWish(text), "The door has to open for the others.", ROOT
                )
                for text in (OTHER, THIRD)
            ),
            return_exceptions=True,
        )
        assert len([one for one in results if isinstance(one, Exception)]) == 1
        view = now.gateway.policies.view()
        assert view.usable
        assert "cleaners" not in view.text
        await site.granted(now, boss)
    assert len(site.entries("policy")) == 2
    assert len(site.entries("break-glass")) == 1


async def test_texts_that_were_never_ordered_are_not_found(site: VirtualSite) -> None:
    async with site.running() as now:
        await put_in_force(site, now, OTHER)
        view = now.gateway.policies.view()
        assert now.gateway.policies.text(view.sha256) == view.text
        for name in ("0" * 64, "../people", ""):
            with pytest.raises(PolicyError):
                now.gateway.policies.text(name)


async def test_a_schedule_that_the_door_is_held_by_cannot_be_ordered_away(
    site: VirtualSite,
) -> None:
    site.unlocked = Schedule.parse("Mon 00:00-00:01")
    async with site.running() as now:
        await administrator(site, now)
        with pytest.raises(AdministrationError) as refused:
            await ordered(now, PolicyWish(OTHER))
        assert "unlocked" in str(refused.value)


async def test_the_policy_in_force_is_in_the_backup(
    site: VirtualSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with site.running() as now:
        boss = await put_in_force(site, now, OTHER)
        sha256 = now.gateway.policies.view().sha256
    site.signing_key.save(site.folder / "ledger.key")
    vault = Vault(tmp_path, site.folder, capsys)
    (site.folder / "policies" / "notes.toml").write_text("not a policy")
    file = vault.backup()
    said = vault.restore(file, vault.other, "--seal-key", vault.seal_key)
    assert said.code == 0, said
    kept = vault.other / "policies"
    assert text_file(site, sha256).read_text() == (kept / f"{sha256}.toml").read_text()
    assert not (kept / "notes.toml").exists()
    site.folder = vault.other
    site.ledger_path = vault.other / "ledger.db"
    site.registry_path = vault.other / "registry.db"
    site.signing_key = SigningKey.load(vault.other / "ledger.key")
    async with site.running() as now:
        assert now.gateway.policies.view().sha256 == sha256
        await site.granted(now, boss)


async def test_the_policy_in_force_outlives_a_prune_and_a_restore_of_it(
    site: VirtualSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with site.running() as now:
        boss = await put_in_force(site, now, OTHER)
        sha256 = now.gateway.policies.view().sha256
        await site.granted(now, boss)
        await now.gateway.stop("told to")
    for _ in range(2):
        assert site.prune() > 0
        with closing(sqlite3.connect(site.registry_path)) as database:
            database.executescript("DROP TABLE covers; VACUUM")
        async with site.running() as now:
            assert now.gateway.policies.view().sha256 == sha256
            await site.granted(now, boss)
            await now.gateway.stop("told to")
    site.signing_key.save(site.folder / "ledger.key")
    vault = Vault(tmp_path, site.folder, capsys)
    said = vault.restore(vault.backup(), vault.other)
    assert said.code == 0, said
    site.folder = vault.other
    site.ledger_path = vault.other / "ledger.db"
    site.registry_path = vault.other / "registry.db"
    site.signing_key = SigningKey.load(vault.other / "ledger.key")
    async with site.running() as now:
        assert now.gateway.policies.view().sha256 == sha256
        await site.granted(now, boss)
    assert len(site.entries("restored")) == 1
