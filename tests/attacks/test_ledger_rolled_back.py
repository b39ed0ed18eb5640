"""A key was revoked; somebody with root puts the time before that back, piece by piece.

Whatever is put back without the seal, the gateway does not start with. What is put back
with it is a consistent past: then it takes somebody who holds more, a later checkpoint
or the seal's first key, and for each it is said here which.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core.facts import CredentialState
from gateway.errors import JournalStateUnknownError
from gateway.sim.key import KeyraDevice
from ledger.export import export_lines
from ledger.reader import Reader
from ledger.seal import Seal
from ledger.seal_file import SLOT_BYTES, read_seal
from ledger.verdict import Exit, Expected, Verdict
from ledger.verify import verify_lines
from tests.virtual_site import ADMIN, RP_ID, SEAL_KEY, Running, VirtualSite

STATE = ("ledger.db", "ledger.seal", "registry.db", "people.db")


class Past:
    """The state directory as it was when the key still opened."""

    def __init__(self, site: VirtualSite, folder: Path) -> None:
        self.site = site
        self._folder = folder
        folder.mkdir()
        for name in STATE:
            shutil.copy(site.folder / name, folder / name)
        with Reader.open(site.ledger_path) as reader:
            self.size = reader.size()
            assert self.size in reader.notes()

    def put_back(self, *names: str) -> None:
        for name in names:
            for leftover in ("-wal", "-shm"):
                (self.site.folder / f"{name}{leftover}").unlink(missing_ok=True)
            shutil.copy(self._folder / name, self.site.folder / name)


async def revoked(site: VirtualSite) -> tuple[KeyraDevice, Past, Expected]:
    """Let a key open and be revoked; return a past in between, and a later head."""
    async with site.running() as now:
        key = await site.enrol(now)
        await site.granted(now, key)
        await now.gateway.stop("told to")  # as every night: a kept head, a snapshot
    past = Past(site, site.folder / "past")
    async with site.running() as now:
        (credential,) = now.gateway.credentials()
        await now.gateway.set_credential_state(
            credential.id, CredentialState.REVOKED, ADMIN
        )
        await now.gateway.stop("told to")
    later = audited(site)
    assert later.exit is Exit.VERIFIED
    return key, past, Expected(later.entries, later.root)


def audited(
    site: VirtualSite, expect: Expected | None = None, seal_key: bytes = SEAL_KEY
) -> Verdict:
    """What an auditor finds in an export made now."""
    with Reader.open(site.ledger_path) as reader:
        return verify_lines(
            list(export_lines(reader, key=site.signing_key)),
            vkey=str(site.signing_key.vkey(f"{RP_ID}/gateway-1")),
            expect=expect,
            seal_key=seal_key,
        )


def cut_the_tail(past: Past) -> None:
    """Put the kept head back, and take away what it does not cover."""
    with closing(
        sqlite3.connect(past.site.ledger_path, isolation_level=None)
    ) as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type='trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM entry WHERE n>=?", (past.size,))
        connection.execute("DELETE FROM note WHERE size>?", (past.size,))
        connection.execute(
            "UPDATE head SET size=?, note=(SELECT text FROM note WHERE size=?)",
            (past.size, past.size),
        )
    restore_triggers(past)


def restore_triggers(past: Past) -> None:
    """Make the schema whole again, as the attacker would."""
    with (
        closing(sqlite3.connect(past.site.folder / "past" / "ledger.db")) as old,
        closing(sqlite3.connect(past.site.ledger_path)) as new,
    ):
        for (sql,) in old.execute("SELECT sql FROM sqlite_schema WHERE type='trigger'"):
            new.execute(sql)
    past.put_back("registry.db")


def old_database(past: Past) -> None:
    past.put_back("ledger.db", "registry.db")


def no_seal(past: Past) -> None:
    cut_the_tail(past)
    (past.site.folder / "ledger.seal").unlink()


def rubbish_for_a_seal(past: Past) -> None:
    cut_the_tail(past)
    (past.site.folder / "ledger.seal").write_bytes(bytes(2 * SLOT_BYTES))


@pytest.mark.parametrize(
    "attack", [cut_the_tail, old_database, no_seal, rubbish_for_a_seal]
)
async def test_a_past_without_its_seal_revives_no_revoked_key(
    site: VirtualSite, attack: Callable[[Past], None]
) -> None:
    _, past, _ = await revoked(site)
    attack(past)
    with pytest.raises(JournalStateUnknownError, match="seal"):
        async with site.running():
            pass


async def test_a_seal_made_up_for_the_past_is_seen_by_the_seals_auditor(
    site: VirtualSite,
) -> None:
    key, past, later = await revoked(site)
    cut_the_tail(past)
    forged = Seal(past.size, bytes(32), bytes(32)).encode()
    (site.folder / "ledger.seal").write_bytes(forged.ljust(SLOT_BYTES, b"\0") + forged)
    async with site.running() as now:  # the seal's first key is not here
        await paired_no_more(site, now, key)
    assert "seal does not match" in audited(site).problem
    assert audited(site).exit is audited(site, later).exit is Exit.TAMPERED


async def paired_no_more(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
    """This past would let the key in; the pairing that went with its right does not."""
    assert [one.state for one in now.gateway.credentials()] == [CredentialState.ACTIVE]
    await key.touch()
    assert (await site.touch(now, key)).data["result"] == "bond-missing"


async def test_a_whole_directory_put_back_is_seen_by_who_holds_a_later_checkpoint(
    site: VirtualSite,
) -> None:
    """What remains: the gateway itself cannot notice (docs/ledger.md)."""
    key, past, later = await revoked(site)
    past.put_back(*STATE)
    async with site.running() as now:
        await paired_no_more(site, now, key)
    assert audited(site).exit is Exit.VERIFIED
    verdict = audited(site, later)
    assert verdict.exit is Exit.TAMPERED
    assert "rewritten" in verdict.problem or "cut off" in verdict.problem


async def test_an_honest_start_after_a_crash_before_the_seal_lets_it_catch_up(
    site: VirtualSite,
) -> None:
    _, past, _ = await revoked(site)
    newest = read_seal(site.folder / "ledger.seal")
    past.put_back("ledger.seal")  # far more than a crash would keep back
    async with site.running():
        assert read_seal(site.folder / "ledger.seal").n > newest.n
    assert audited(site).exit is Exit.VERIFIED
