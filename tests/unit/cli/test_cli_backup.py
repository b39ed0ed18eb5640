"""`keyra backup` and `keyra restore`: what they need, keep, and survive."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pytest

from gateway.adapters import backup_vault
from gateway.backup import making, restoring
from gateway.backup.keeping import found, prune, store
from gateway.backup.names import BackupName
from gateway.bootstrap import parts
from gateway.core.ids import GatewayId
from gateway.errors import BackupError
from ledger.entry import Draft, Stamp
from ledger.keys import SigningKey
from ledger.writer import Writer, initialise
from tests.backups import Vault, fingerprint
from tests.virtual_site import RP_ID, SEAL_KEY

GATEWAY = GatewayId("gateway-1")
DAY_MS = 86_400_000
FIRST_MS = 1_800_000_000_000


@pytest.fixture
def vault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Vault:
    state = tmp_path / "state"
    state.mkdir()
    key = SigningKey.generate()
    key.save(state / "ledger.key")
    origin, stamp = f"{RP_ID}/gateway-1", Stamp(0, "0" * 16, -1, 0)
    initialise(state / "ledger.db", origin, key, stamp, SEAL_KEY)
    return Vault(tmp_path, state, capsys)


def append(state: Path, entries: int) -> None:
    key = SigningKey.load(state / "ledger.key")
    with closing(Writer.open(state / "ledger.db", key)) as writer:
        drafts = [Draft("stop", {"why": "x" * 200})] * entries
        writer.append(drafts, Stamp(1, "0" * 16, -1, 1))


def named(day: int, entries: int = 7) -> BackupName:
    return BackupName(FIRST_MS + day * DAY_MS, entries, GATEWAY)


def test_names_are_read_back_and_nothing_else_is() -> None:
    assert str(named(0)) == "keyra-gateway-1-7-20270115T080000Z.age"
    assert BackupName.parse(str(named(3))) == named(3)
    for name in (
        "",
        "keyra-x-1-20279915T080000Z.age",
        f".{named(0)}.partial",
        "keyra-No-1-20270115T080000Z.age",
        f"{named(0)}.age",
    ):
        assert BackupName.parse(name) is None


def test_the_oldest_go_and_never_the_newest_nor_somebody_elses(tmp_path: Path) -> None:
    for day in range(5):
        (tmp_path / str(named(day))).touch()
    other = BackupName(FIRST_MS, 1, GatewayId("gateway-2"))
    (tmp_path / str(other)).touch()
    (tmp_path / "own.txt").touch()
    early = named(-9_000)  # its clock was wrong
    (tmp_path / str(early)).touch()
    assert prune(tmp_path, early, 3) == [named(0), named(1), named(2)]
    assert found(tmp_path, GATEWAY) == [early, named(3), named(4)]
    assert found(tmp_path, other.gateway) == [other]
    assert (tmp_path / "own.txt").exists()
    assert found(tmp_path / "missing", GATEWAY) == []


def writes(data: bytes) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        file.write(data)

    return write


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / f".{named(0)}.partial").write_bytes(b"of one that was killed")

    def fails(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(BackupError, match="No space left"):
        store(tmp_path, named(1), fails)
    assert list(tmp_path.iterdir()) == []
    path = store(tmp_path, named(1), writes(b"x"))
    with pytest.raises(BackupError, match="already"):
        store(tmp_path, named(1), writes(b"y"))
    assert path.read_bytes() == b"x"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    with pytest.raises(BackupError, match="cannot be opened"):
        store(tmp_path / "missing", named(1), fails)


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    def second(_: object) -> None:
        with pytest.raises(BackupError, match="Another backup"):
            store(tmp_path, named(2), lambda _: None)

    store(tmp_path, named(1), second)
    assert found(tmp_path, GATEWAY) == [named(1)]


def test_keep_is_kept(vault: Vault) -> None:
    for day in range(-5, 0):
        (vault.backups / str(named(day))).touch()
    said = vault.run("backup", "--config", vault.config, "--json")
    assert said.code == 0
    assert len(found(vault.backups, GATEWAY)) == 3
    assert len(said.told["removed"]) == 3  # type: ignore[arg-type] # a list


def test_without_a_recipient_or_a_ledger_none_is_made(vault: Vault) -> None:
    text = vault.config.read_text()
    vault.config.write_text(
        "".join(
            line for line in text.splitlines(keepends=True) if "recipient" not in line
        )
    )
    said = vault.run("backup", "--config", vault.config)
    assert said.code == 78
    assert "--new-identity" in said.err
    said = vault.run("backup", "--config", vault.config, "--recipient", "age1rubbish")
    assert said.code == 1
    assert "no age recipient" in said.err
    vault.config.write_text(text)
    (vault.state / "ledger.db").rename(vault.folder / "away")
    said = vault.run("backup", "--config", vault.config)
    assert said.code == 1
    assert "nothing to back up" in said.err
    assert list(vault.backups.iterdir()) == []


def test_an_identity_is_private_and_opens_what_its_recipient_got(vault: Vault) -> None:
    path = vault.folder / "new"
    said = vault.run("backup", "--new-identity", path, "--json")
    assert path.stat().st_mode & 0o777 == 0o600
    file = vault.backup("--recipient", str(said.told["recipient"]))
    checked = vault.run("backup", "--check", file, "--identity", path)
    assert checked.code == 0, checked
    assert "is whole: 1 entries" in checked.out


def test_files_are_those_that_the_gateway_has() -> None:
    for name in (
        "LEDGER_NAME",
        "KEY_NAME",
        "REGISTRY_NAME",
        "PEOPLE_NAME",
        "BONDS_NAME",
    ):
        assert getattr(making, name) == getattr(parts, name)


def test_bonds_are_taken_where_they_can_be_read(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    bluetooth = vault.folder / "bluetooth"
    bond = bluetooth / "00:11:22:33:44:55" / "AA:BB:CC:DD:EE:FF" / "info"
    bond.parent.mkdir(parents=True)
    monkeypatch.setattr(making, "BLUETOOTH", bluetooth)
    monkeypatch.setattr(making.gather, "__defaults__", (bluetooth,))
    said = vault.run("backup", "--config", vault.config)
    assert "No bond was read" in said.err
    bond.write_text("[LongTermKey]\n")
    append(vault.state, 1)
    file = vault.backup()
    assert b"LongTermKey" not in file.read_bytes()
    assert vault.restore(file, vault.other, "--seal-lost").code == 0
    laid = vault.other / "from-backup"
    assert (laid / "bluetooth-0").read_text() == "[LongTermKey]\n"
    assert "AA:BB:CC:DD:EE:FF/info" in (laid / "files.json").read_text()
    assert (laid / "gateway.toml").read_bytes() == vault.config.read_bytes()


def test_a_folder_that_cannot_be_swapped_is_left_alone(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = vault.other
    old.mkdir()
    (old / "own.txt").write_text("x")
    file = vault.backup()

    def cannot(*_: object) -> None:
        raise OSError(22, os.strerror(22))

    monkeypatch.setattr(restoring, "swap", cannot)
    said = vault.restore(file, old, "--seal-lost")
    assert said.code == 1
    assert "is as it was" in said.err
    assert fingerprint(old).keys() == {"own.txt"}
    assert list(old.parent.iterdir()) == [old]


def test_a_large_backup_is_a_stream(tmp_path: Path) -> None:
    """32 MiB go through both ways in pieces; the pieces are all that is held."""
    identity = tmp_path / "identity"
    recipient = backup_vault.make_identity(identity)
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        piece = b"x" * (1 << 20)
        for _ in range(32):
            taken.append((tmp_path / "big").stat().st_size)
            yield piece

    with (tmp_path / "big").open("wb", buffering=0) as file:
        backup_vault.encrypt(chunks(), file, recipient)
    steps = [after - before for before, after in pairwise(taken)]
    assert max(steps) < 3 << 20  # written as it comes
    counted = backup_vault.decrypted(
        tmp_path / "big",
        identity,
        lambda plain: sum(map(len, iter(lambda: plain.read(1 << 16), b""))),
    )
    assert counted == 32 << 20
