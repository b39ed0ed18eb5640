"""A person is erased: the name is in no file, the keys are revoked, and all verifies.

The order stands in the ledger first; whatever then fails, or was restored from a
backup, the next start carries it out.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.adapters.people_store import SqlitePeopleStore
from gateway.core.facts import CredentialState
from gateway.errors import (
    EnrolmentError,
    HolderUnknownError,
    JournalError,
    JournalStateUnknownError,
    RegistryError,
)
from gateway.service.views import EnrolmentOrder
from ledger.deep import Replay
from ledger.export import export_lines
from ledger.reader import Reader
from ledger.verdict import Exit
from ledger.verify import verify_lines
from tests.virtual_site import ADMIN, RP_ID, SEAL_KEY, Running, VirtualSite

NAME = "Ångström-Öhler, Zoë"
OTHER = "Somebody Else"


def files_with(folder: Path, name: str) -> list[str]:
    """Every file below a folder that holds a name, in raw bytes."""
    return sorted(
        file.name
        for file in folder.rglob("*")
        if file.is_file() and name.encode() in file.read_bytes()
    )


def verify(site: VirtualSite) -> None:
    """Verify as an auditor with the seal's first key does, openings included."""
    replay = Replay()
    with Reader.open(site.ledger_path) as reader:
        verdict = verify_lines(
            list(export_lines(reader, key=site.signing_key)),
            vkey=str(site.signing_key.vkey(f"{RP_ID}/gateway-1")),
            seal_key=SEAL_KEY,
            on_entry=replay.on_entry,
        )
    assert verdict.exit is Exit.VERIFIED, verdict
    assert verdict.sealed
    assert replay.findings == []


def states(now: Running) -> list[CredentialState]:
    return [one.state for one in now.gateway.credentials()]


@contextmanager
def looked_at(path: Path) -> Iterator[None]:
    """Somebody else reads the people database, in one long transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM opening").fetchall()
        yield


async def test_an_erased_name_is_in_no_file_and_the_keys_are_revoked(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now, "h1", name=NAME)
        await site.enrol(now, "h2", name=OTHER)
        await site.granted(now, key)
        assert files_with(site.folder, NAME) == ["people.db"]

        erased = await now.gateway.erase_holder("h1", ADMIN)
        assert (erased.id, erased.name, erased.erased) == ("h1", None, True)
        assert files_with(site.folder, NAME) == []  # while it runs
        assert files_with(site.folder, OTHER) == ["people.db"]
        assert [holder.erased for holder in now.gateway.holders()] == [True, False]
        await key.touch()
        ended = await site.touch(now, key)
        assert ended.data["result"] == "credential-revoked"
        assert await now.gateway.erase_holder("h1", ADMIN) == erased
        await now.gateway.stop("told to")
    assert files_with(site.folder, NAME) == []
    (entry,) = site.entries("erase")
    assert entry.what == {
        "by": {"bootstrap": True, "uid": ADMIN.uid},
        "holder": "h1",
    }
    assert site.entries("credential.state")[0].n == entry.n - 1
    verify(site)
    async with site.running() as now:  # from the snapshot
        assert [holder.erased for holder in now.gateway.holders()] == [True, False]
        assert states(now).count(CredentialState.REVOKED) == 1


async def test_a_pseudonym_is_never_used_again(site: VirtualSite) -> None:
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        await now.gateway.erase_holder("h1", ADMIN)
        with pytest.raises(EnrolmentError, match="erased"):
            await now.gateway.enrol(EnrolmentOrder("h1", NAME, ("staff",)), ADMIN)
        with pytest.raises(HolderUnknownError):
            await now.gateway.erase_holder("h9", ADMIN)
        with pytest.raises(HolderUnknownError):
            await now.gateway.erase_holder("No Id", ADMIN)
    assert files_with(site.folder, NAME) == []


async def test_a_restored_people_database_loses_the_name_at_the_next_start(
    site: VirtualSite,
) -> None:
    people = site.folder / "people.db"
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        await site.enrol(now, "h2", name=OTHER)
        backup = people.read_bytes()
        await now.gateway.erase_holder("h1", ADMIN)
        await now.gateway.stop("told to")
    people.write_bytes(backup)
    async with site.running() as now:
        assert files_with(site.folder, NAME) == []
        assert [one.name for one in now.gateway.holders()] == [None, OTHER]


@pytest.mark.parametrize("way", ["lose", "keep"])
async def test_dying_between_the_order_and_the_deed_ends_right(
    site: VirtualSite, way: str
) -> None:
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        now.journal.ways = [way]
        with pytest.raises(JournalStateUnknownError):
            await now.gateway.erase_holder("h1", ADMIN)
    assert files_with(site.folder, NAME) == ["people.db"]
    async with site.running() as now:
        gone = way == "keep"
        assert files_with(site.folder, NAME) == ([] if gone else ["people.db"])
        assert (states(now) == [CredentialState.REVOKED]) is gone
        assert (await now.gateway.erase_holder("h1", ADMIN)).erased
        assert files_with(site.folder, NAME) == []
    assert len(site.entries("erase")) == 1
    verify(site)


async def test_without_an_entry_nobody_is_erased(site: VirtualSite) -> None:
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        now.journal.ways = ["refuse"]
        with pytest.raises(JournalError):
            await now.gateway.erase_holder("h1", ADMIN)
        assert now.gateway.holders()[0].name == NAME
        assert states(now) == [CredentialState.ACTIVE]


async def test_a_people_database_in_other_hands_is_asked_again_and_an_alarm_says_so(
    site: VirtualSite,
) -> None:
    people = site.folder / "people.db"
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        with looked_at(people):
            with pytest.raises(RegistryError, match="tried again"):
                await now.gateway.erase_holder("h1", ADMIN)
            assert states(now) == [CredentialState.REVOKED]
            await now.gateway.finish_erasures()
        alarm = await site.heard(now, "alarm")
        assert alarm.data["kind"] == "erasure"
        assert files_with(site.folder, NAME) == ["people.db"]
        await now.gateway.finish_erasures()
        assert files_with(site.folder, NAME) == []
    assert len(site.entries("erase")) == len(site.entries("alarm")) == 1


async def test_of_a_ceremony_that_failed_no_name_is_kept(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.place.add_key("h1")
        await now.gateway.enrol(EnrolmentOrder("h1", NAME, ("staff",)), ADMIN)
        await key.touch(times=2)
        await key.pairing_mode()
        shown = await site.ceremony(now, "comparing")
        now.journal.ways = ["refuse"]
        agree = shown.number == (await key.state()).shown_number
        await now.gateway.answer_comparison(agree=agree)
        done = await site.ceremony(now, "registered")
        assert (done.step, done.reason) == ("failed", "ledger-unavailable")
        assert files_with(site.folder, NAME) == []


async def test_a_name_whose_holder_never_came_to_be_can_be_erased(
    site: VirtualSite,
) -> None:
    """As a kill leaves it between the name and the holder's entry."""
    async with site.running() as now:
        people = SqlitePeopleStore(site.folder / "people.db", site.entropy)
        people.keep("h1", people.seal(NAME))
        assert now.gateway.holders() == []
        assert (await now.gateway.erase_holder("h1", ADMIN)).erased
        assert files_with(site.folder, NAME) == []


async def test_a_pruned_ledger_goes_on_and_remembers_who_was_erased(
    site: VirtualSite,
) -> None:
    people = site.folder / "people.db"
    async with site.running() as now:
        key = await site.enrol(now, "h2", name=OTHER)
        await site.enrol(now, "h1", name=NAME)
        backup = people.read_bytes()
        await now.gateway.erase_holder("h1", ADMIN)
        await now.gateway.stop("told to")
    assert site.prune() > 0
    people.write_bytes(backup)
    async with site.running() as now:  # from the snapshot of the orderly stop
        assert files_with(site.folder, NAME) == []
        assert [holder.erased for holder in now.gateway.holders()] == [True, False]
        await site.granted(now, key)
