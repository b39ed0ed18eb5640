"""Policy, purposes, aliases and health at a whole gateway in virtual time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from gateway.errors import FingerNeededError, HolderUnknownError, RegistryError
from gateway.service.views import AliasWish, EraseWish, PurposeWish
from ledger.deep import Replay
from ledger.reader import Reader
from tests.administered import ROOT, administrator, ordered, signed
from tests.virtual_site import ADMIN, DOOR, VirtualSite

ALIAS = "ada@example.org"


@pytest.fixture(autouse=True)
def a_stranger_agrees(site: VirtualSite) -> Iterator[None]:
    """Whatever was done, the entries alone prove who ordered it."""
    yield
    replay = Replay()
    with Reader.open(site.ledger_path) as reader:
        for n, body in enumerate(reader.entries(0, reader.size())):
            replay.on_entry(n, body, b"")
    assert replay.findings == []


async def test_a_purpose_takes_a_finger_and_survives_a_restart(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        front = now.gateway.front
        await front.set_purpose("payment", 60, "preferred", ADMIN)  # the bootstrap
        admin = await administrator(site, now)
        with pytest.raises(FingerNeededError, match="admin"):
            await front.set_purpose("payment", 61, "required", ADMIN)
        with pytest.raises(FingerNeededError):
            await front.delete_purpose("payment", ADMIN)
        view = await ordered(now, PurposeWish("sign-in", 30))
        assert view.text == (
            "The purpose sign-in waits 30 s; verifying the finger is required.",
        )
        assert (await signed(site, now, view, admin)).state == "done"
        (by_word, by_order) = site.entries("purpose")
        assert by_word.what["by"] == {"bootstrap": True, "uid": ADMIN.uid}
        assert "order" in by_order.what["by"]
    async with site.running() as again:
        shown = {one.name: one for one in again.gateway.front.purposes()}
        assert (shown["payment"].ttl_s, shown["sign-in"].ttl_s) == (60, 30)
        assert shown["sign-in"].built_in
        assert (shown["door.unlock"].changeable, shown["step-up"].ttl_s) == (False, 600)
        view = await ordered(again, PurposeWish("payment"))
        await site.sleep(6_000)
        assert (await signed(site, again, view, admin)).state == "done"
        assert "payment" not in {one.name for one in again.gateway.front.purposes()}


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (PurposeWish("sign-in"), "built in"),
        (PurposeWish("payment"), "no purpose"),
        (PurposeWish("door.unlock", 60), "not for people"),
        (PurposeWish("Payment", 60), "not for people"),
        (PurposeWish("payment", 5), "waits"),
        (PurposeWish("step-up", 600), "Nothing would change"),
        (AliasWish("nobody", ALIAS), "no holder"),
        (AliasWish("adm-1", "\n"), "printable"),
        (AliasWish("adm-1", ALIAS, removed=True), "no such alias"),
    ],
    ids=str,
)
async def test_what_cannot_be_so_is_not_proposed(
    site: VirtualSite, wish: PurposeWish | AliasWish, why: str
) -> None:
    async with site.running() as now:
        await administrator(site, now)
        with pytest.raises(RegistryError, match=why):
            await now.gateway.administration.propose(wish, ADMIN)


async def test_an_alias_finds_its_holder_until_they_are_erased(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        await site.enrol(now, "h1")
        office = now.gateway.administration
        await office.propose(AliasWish("h1", " Ada@Example.org"), ROOT)
        with pytest.raises(RegistryError, match="already"):
            await office.propose(AliasWish("h1", ALIAS), ROOT)
        found = await now.gateway.front.lookup("ADA@example.ORG")
        assert (found.id, found.alias_count, len(found.credentials)) == ("h1", 1, 1)
        with pytest.raises(HolderUnknownError):
            await now.gateway.front.lookup("bob@example.org")
    assert ALIAS.encode() not in site.ledger_path.read_bytes()
    people = site.folder / "people.db"
    assert ALIAS.encode() not in people.read_bytes()
    (entry,) = site.entries("alias")
    async with site.running() as again:
        assert (await again.gateway.front.lookup(ALIAS)).id == "h1"
        await again.gateway.administration.propose(EraseWish("h1"), ROOT)
        with pytest.raises(HolderUnknownError):
            await again.gateway.front.lookup(ALIAS)
    with closing(sqlite3.connect(people)) as database:
        kept = database.execute(
            "SELECT * FROM opening WHERE commitment=?", (entry.what["alias"],)
        ).fetchall()
    assert kept == []


async def test_an_alias_that_the_ledger_does_not_know_finds_nobody(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        await site.enrol(now, "h1")
        await site.enrol(now, "h2")
        office = now.gateway.administration
        await office.propose(AliasWish("h1", ALIAS), ROOT)
        await office.propose(AliasWish("h1", ALIAS, removed=True), ROOT)
        with pytest.raises(HolderUnknownError):
            await now.gateway.front.lookup(ALIAS)
        await office.propose(AliasWish("h2", ALIAS), ROOT)
        with closing(sqlite3.connect(site.folder / "people.db")) as database:
            database.execute("UPDATE opening SET subject='h1'")
            database.commit()
        # Whose it is says the ledger, and no row.
        assert (await now.gateway.front.lookup(ALIAS)).id == "h2"


async def test_a_key_shows_when_it_was_enrolled_and_last_used(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now, "h1")
        front = now.gateway.front
        [fresh] = (await front.user("h1")).credentials
        assert 0 < fresh.enrolled_ms <= now.gateway.status().wall_ms
        assert fresh.last_used_ms == 0
        await site.sleep(60_000)
        await site.granted(now, key)
        [used] = await front.dated(now.gateway.credentials())
        assert used.enrolled_ms == fresh.enrolled_ms
        assert used.last_used_ms >= fresh.enrolled_ms + 60_000
        users, more = await front.users("", 10)
        assert ([one.id for one in users], more) == (["h1"], False)
        assert users[0].credentials == (used,)
        assert await front.users("h1", 10) == ([], False)
    async with site.running() as again:
        assert await again.gateway.front.dated(again.gateway.credentials()) == [used]


async def test_rules_are_asked_about_now_the_past_and_the_future(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        before = now.gateway.status().wall_ms
        policy = now.gateway.front.policy
        await site.enrol(now, "h1")
        await site.sleep(300_000)
        assert (await policy.explain("h1")).outcome == "granted"
        later = await policy.explain("h1", at="2200-01-01T08:00")
        assert (later.outcome, later.is_past) == ("granted", False)
        told = await policy.explain("h1", at=_iso(before))
        assert (told.outcome, told.is_past) == ("holder-unknown", True)
        assert told.told_entries < now.gateway.status().ledger_size
        assert (await policy.explain("h9")).outcome == "holder-unknown"
        assert [one.rule for one in told.rules][:2] == ["lockdown", "policy"]
        for wrong in ({"door": "back"}, {"at": "noon"}, {"key": "AAAA"}):
            with pytest.raises(RegistryError):
                await policy.explain("h1", **wrong)
        key = (await now.gateway.front.user("h1")).credentials[0].id
        assert (await policy.explain("h1", key=key[:8])).outcome == "granted"


async def test_the_week_and_the_policy_are_as_they_are_in_force(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        policy = now.gateway.front.policy
        shown = policy.rules()
        assert (shown.door, shown.zone) == (DOOR, "UTC")
        assert shown.lines
        assert {one.id for one in shown.schedules} >= {"always"}
        week = policy.week()
        assert week.first.weekday() == 0
        assert [len(line.days) for line in week.lines] == [7] * len(shown.lines)
        with pytest.raises(HolderUnknownError):
            policy.week(holder_id="h9")
        with pytest.raises(RegistryError, match="ten years"):
            policy.week(week.first.replace(year=1999))
        await site.enrol(now, "h1")
        assert policy.week(holder_id="h1").lines


async def test_health_says_what_is_known(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now, "h1")
        await site.granted(now, key)
        found = await now.gateway.front.wellbeing()
        assert found.radio.scanning
        assert found.radio.heard_up_ms is not None
        assert found.radio.signal_dbm is not None
        assert found.radio.signal_dbm < 0
        assert found.upkeep.backup_ms == found.upkeep.verified_ms == -1
        assert found.upkeep.disk_free_bytes > 0
        assert found.ledger_entries == now.gateway.status().ledger_size
        assert found.stages
        assert now.gateway.front.settings() == ()


def _iso(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat()
