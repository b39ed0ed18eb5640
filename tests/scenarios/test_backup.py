"""Backups are tested by restoring: the door opens again, and nothing newer is lost."""

import shutil
from pathlib import Path

import pytest

from gateway.sim.attestation_ca import AttestationChain
from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.verdict import Exit
from ledger.verify import verify_lines
from tests.backups import Vault, fingerprint, size_of
from tests.virtual_site import ADMIN, RP_ID, SEAL_KEY, VirtualSite, virtual_site

NAME = "Ångström-Öhler, Zoë"
OTHER = "Somebody Else"


@pytest.fixture
def vault(site: VirtualSite, folder: Path, capsys: pytest.CaptureFixture[str]) -> Vault:
    site.signing_key.save(site.folder / "ledger.key")
    return Vault(folder, site.folder, capsys)


def move_to(site: VirtualSite, state: Path) -> None:
    """Let the site's next gateway live in another state directory."""
    site.folder = state
    site.ledger_path = state / "ledger.db"
    site.registry_path = state / "registry.db"
    site.signing_key = SigningKey.load(state / "ledger.key")


def verify_sealed(state: Path) -> None:
    key = SigningKey.load(state / "ledger.key")
    with Reader.open(state / "ledger.db") as reader:
        verdict = verify_lines(
            list(export_lines(reader, key=key)),
            vkey=str(key.vkey(f"{RP_ID}/gateway-1")),
            seal_key=SEAL_KEY,
        )
    assert verdict.exit is Exit.VERIFIED, verdict
    assert verdict.sealed


async def test_a_restored_gateway_opens_for_whom_it_knew(
    site: VirtualSite, vault: Vault
) -> None:
    async with site.running() as now:
        key = await site.enrol(now, "h1", name=NAME)
        await site.granted(now, key)
        await now.gateway.save_registry()
        size = size_of(site.folder)
        file = vault.backup()  # while it runs
        await site.granted(now, key)  # it goes on as before
    assert NAME.encode() not in file.read_bytes()
    assert b"door.grant" not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600

    said = vault.restore(file, vault.other, "--seal-key", vault.seal_key)
    assert said.code == 0, said
    assert "What came after" in said.out
    assert size_of(vault.other) == size + 2
    verify_sealed(vault.other)

    move_to(site, vault.other)
    (restored,) = site.entries("restored")
    assert restored.what["entries"] == size
    assert restored.what["seal"] == "computed"
    assert site.entries("alarm")[-1].what["kind"] == "restored"
    async with site.running() as now:
        assert [holder.name for holder in now.gateway.holders()] == [NAME]
        await site.granted(now, key)
        await now.gateway.stop("told to")
    verify_sealed(vault.other)


async def test_the_past_of_a_directory_is_continued_and_kept(
    site: VirtualSite, vault: Vault, tmp_path: Path
) -> None:
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        await now.gateway.stop("told to")
    old = tmp_path.parent / f"{tmp_path.name}-old"
    shutil.copytree(site.folder, old)
    async with site.running() as now:
        await site.enrol(now, "h2", name=OTHER)
        await now.gateway.stop("told to")
    file = vault.backup()
    (old / "own.txt").write_text("somebody's own")

    before = fingerprint(old)
    said = vault.restore(file, old, "--dry-run")
    assert said.code == 0
    assert "Nothing was changed" in said.out
    assert set(fingerprint(old).items()) >= set(before.items())

    said = vault.restore(file, old, "--json")
    assert said.code == 0, said
    assert said.told["seal"] == "kept"
    kept = Path(str(said.told["kept"]))
    assert kept.name.startswith(f"{old.name}.before-restore-")
    assert (kept / "own.txt").read_text() == "somebody's own"
    assert size_of(kept) < size_of(old)
    assert not (kept / "ledger.seal").exists()  # its key would forge what came since
    assert not (old / "unfinished").exists()
    assert list(old.parent.glob(f".{old.name}.restore-*")) == []
    verify_sealed(old)
    move_to(site, old)
    async with site.running() as now:
        assert [holder.name for holder in now.gateway.holders()] == [NAME, OTHER]


async def test_what_is_newer_the_same_or_another_history_is_left_alone(
    site: VirtualSite, vault: Vault, chain: AttestationChain, tmp_path: Path
) -> None:
    async with site.running() as now:
        await now.gateway.stop("told to")
    file = vault.backup()
    before = fingerprint(site.folder)
    said = vault.restore(file, site.folder)
    assert (said.code, said.out) == (
        0,
        "The backup's ledger is the one that is here: nothing to do.\n",
    )
    assert fingerprint(site.folder).items() >= before.items()

    async with site.running() as now:
        await now.gateway.stop("told to")
    before = fingerprint(site.folder)
    said = vault.restore(file, site.folder, "--seal-key", vault.seal_key)
    assert said.code == 1
    assert "is newer" in said.err
    # Not even where the ledger is gone, and its seal tells of it.
    (site.folder / "ledger.db").rename(site.folder / "lost")
    said = vault.restore(file, site.folder, "--seal-key", vault.seal_key)
    assert said.code == 1
    assert "is newer" in said.err
    (site.folder / "lost").rename(site.folder / "ledger.db")
    assert fingerprint(site.folder).items() >= before.items()

    stranger = tmp_path.parent / f"{tmp_path.name}-stranger"
    stranger.mkdir()
    async with virtual_site(stranger, chain, seed=2) as other, other.running():
        pass
    before = fingerprint(stranger)
    said = vault.restore(file, stranger)
    assert said.code == 1
    assert "another history" in said.err
    (stranger / "ledger.db").write_bytes(b"rubbish")
    said = vault.restore(file, stranger)
    assert said.code == 1
    assert "cannot be compared" in said.err


async def test_a_running_gateway_is_not_replaced(
    site: VirtualSite, vault: Vault
) -> None:
    async with site.running():
        file = vault.backup()
        said = vault.restore(file, site.folder)
        assert said.code == 73
        assert "stop it first" in said.err


async def test_a_seal_is_computed_begun_for_nobody_or_asked_for(
    site: VirtualSite, vault: Vault
) -> None:
    async with site.running() as now:
        await now.gateway.stop("told to")
    file = vault.backup()
    said = vault.restore(file, vault.other)
    assert said.code == 1
    assert "--seal-key FILE" in said.err
    wrong = vault.folder / "wrong-seal-key"
    wrong.write_text("00" * 32)
    said = vault.restore(file, vault.other, "--seal-key", wrong)
    assert said.code == 1
    assert "not the first key" in said.err
    assert list(vault.other.iterdir()) == []
    said = vault.restore(file, vault.other, "--seal-lost", "--json")
    assert said.told["seal"] == "lost"
    move_to(site, vault.other)
    async with site.running() as now:
        await now.gateway.stop("told to")
    key = SigningKey.load(vault.other / "ledger.key")
    with Reader.open(vault.other / "ledger.db") as reader:
        lines = list(export_lines(reader, key=key))
    vkey = str(key.vkey(f"{RP_ID}/gateway-1"))
    assert verify_lines(lines, vkey=vkey).exit is Exit.VERIFIED
    checked = verify_lines(lines, vkey=vkey, seal_key=SEAL_KEY)
    assert checked.exit is Exit.TAMPERED
    assert "seal does not match" in checked.problem


async def test_who_was_erased_after_the_backup_stays_erased(
    site: VirtualSite, vault: Vault
) -> None:
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        await site.enrol(now, "h2", name=OTHER)
        file = vault.backup()
        await now.gateway.erase_holder("h1", ADMIN)
        await now.gateway.stop("told to")
    said = vault.restore(file, site.folder, "--names-only")
    assert said.code == 1
    assert "move it away first" in said.err
    (site.folder / "people.db").unlink()
    said = vault.restore(file, site.folder, "--names-only")
    assert said.code == 0, said
    assert NAME.encode() not in (site.folder / "people.db").read_bytes()
    async with site.running() as now:
        assert [holder.name for holder in now.gateway.holders()] == [None, OTHER]
    # Elsewhere nobody knows of it, and that is said.
    said = vault.restore(file, vault.other, "--seal-lost")
    assert said.code == 0
    assert "erase again whatever was revoked, suspended or erased since" in said.out
    assert NAME.encode() in (vault.other / "people.db").read_bytes()
    said = vault.restore(file, vault.folder / "nothing", "--names-only")
    assert said.code == 1
    assert "is older than the backup" in said.err


async def test_an_erasure_in_the_backup_is_carried_out_as_it_is_restored(
    site: VirtualSite, vault: Vault
) -> None:
    """As when the names were copied a moment before, or carrying out was owed."""
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        names = (site.folder / "people.db").read_bytes()
        await now.gateway.erase_holder("h1", ADMIN)
        await now.gateway.stop("told to")
    (site.folder / "people.db").write_bytes(names)
    file = vault.backup()
    assert vault.restore(file, vault.other, "--seal-lost").code == 0
    assert NAME.encode() not in (vault.other / "people.db").read_bytes()
