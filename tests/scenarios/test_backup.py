"""Backups are tested by restoring: the door opens again, and nothing newer is lost."""

from pathlib import Path

import pytest

from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.verdict import Exit
from ledger.verify import verify_lines
from tests.backups import Vault, size_of
from tests.virtual_site import RP_ID, SEAL_KEY, VirtualSite

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
