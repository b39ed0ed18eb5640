"""Files that are no backup, damaged ones, and forged ones: one sentence, no change."""

import io
import json
import tarfile
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.backup_vault import encrypt, make_identity
from gateway.backup.archive import (
    FORMAT,
    FORMAT_MEMBER,
    MANIFEST_BYTES_MAX,
    Archive,
    Manifest,
    Member,
    header,
    packed,
    read_manifest,
    signed_bytes,
)
from gateway.backup.making import archive_bytes, gather
from gateway.backup.opening import unpack
from gateway.config import load
from gateway.core.ids import GatewayId
from gateway.errors import BackupError, KeyraError
from ledger.entry import Stamp
from ledger.errors import LedgerError
from ledger.keys import SigningKey
from ledger.writer import initialise
from tests.backups import Vault
from tests.virtual_site import RP_ID, SEAL_KEY

MANIFEST = Manifest(
    version="1",
    gateway=GatewayId("gateway-1"),
    origin="door.example/gateway-1",
    entries=3,
    head="note",
    made_ms=1_800_000_000_000,
    files={"config/0": "/etc/keyra/root.pem"},
    missing=("Something.",),
    members=(Member.of(FORMAT_MEMBER, FORMAT.encode()),),
)


@pytest.fixture
def vault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Vault:
    state = tmp_path / "state"
    state.mkdir()
    key = SigningKey.generate()
    key.save(state / "ledger.key")
    origin, stamp = f"{RP_ID}/gateway-1", Stamp(0, "0" * 16, -1, 0)
    initialise(state / "ledger.db", origin, key, stamp, SEAL_KEY)
    return Vault(tmp_path, state, capsys)


def plain(vault: Vault) -> bytes:
    """The archive inside a backup of this state."""
    config = load(vault.config)
    content = gather(config, vault.config, vault.folder / "no-bluetooth")
    with closing(content.reader):
        return b"".join(archive_bytes(content, config, "1", 0, lambda *_: None))


def put(vault: Vault, archive: bytes) -> Path:
    """Encrypt an archive, as anybody can who knows the recipient."""
    path = vault.folder / "forged.age"
    with path.open("wb") as file:
        encrypt([archive], file, vault.recipient)
    return path


def refused(vault: Vault, file: Path, *words: str | Path) -> str:
    """Restore, which must not happen; returns the one sentence."""
    said = vault.restore(file, vault.other, "--seal-lost", *words)
    assert said.code == 1, said
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert not vault.other.exists() or list(vault.other.iterdir()) == []
    assert list(vault.other.parent.glob(".*")) == []
    checked = vault.run("backup", "--check", file, "--identity", vault.identity, *words)
    assert checked.code == 1
    return said.err


def test_the_whole_one_is_taken(vault: Vault) -> None:
    file = vault.backup()
    checked = vault.run(
        "backup", "--check", file, "--identity", vault.identity, "--json"
    )
    assert checked.code == 0, checked
    assert checked.told["entries"] == 1
    assert vault.restore(file, vault.other, "--seal-lost").code == 0


def test_no_identity_a_wrong_one_and_none_at_all(vault: Vault) -> None:
    file = vault.backup()
    other = vault.folder / "other"
    make_identity(other)
    said = vault.run("restore", file, "--identity", other, "--state-dir", vault.other)
    assert said.code == 1
    assert "for another identity" in said.err
    said = vault.run("restore", file, "--state-dir", vault.other)
    assert "--identity FILE" in said.err
    for path in (vault.config, vault.folder / "missing"):
        said = vault.run(
            "restore", file, "--identity", path, "--state-dir", vault.other
        )
        assert said.code == 1
    said = vault.run("backup", "--new-identity", other)
    assert said.code == 1
    assert "a file already" in said.err or "File exists" in said.err


def test_damaged_files(vault: Vault) -> None:
    file = vault.backup()
    whole = file.read_bytes()
    for cut in (0, 10, 150, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:cut])
        refused(vault, file)
    for at in range(0, len(whole), len(whole) // 40):
        flipped = bytearray(whole)
        flipped[at] ^= 1
        file.write_bytes(flipped)
        refused(vault, file)
    assert "cannot be read" in refused(vault, vault.folder / "missing")
    assert "no backup" in refused(vault, vault.config)


def test_forged_archives(vault: Vault) -> None:
    whole = plain(vault)
    assert "no whole backup" in refused(vault, put(vault, b""))
    assert "ends too early" in refused(vault, put(vault, whole[:-512]))
    newer = b"".join(packed([(FORMAT_MEMBER, b"keyra-backup/v2")], 0))
    assert "another format" in refused(vault, put(vault, newer))
    # A part changed after signing, and its hash with it: the signature tells.
    people = whole.replace(b"gateway-1", b"gateway-2")
    assert "not those that its manifest names" in refused(vault, put(vault, people))
    forged = resigned(whole, SigningKey.generate())
    assert "signature does not verify" in refused(vault, put(vault, forged))
    key = SigningKey.load(vault.state / "ledger.key")
    again = put(vault, resigned(whole, key))
    stranger = SigningKey.generate().vkey(f"{RP_ID}/gateway-1")
    assert "of another key" in refused(vault, again, "--vkey", str(stranger))
    assert vault.restore(again, vault.other, "--seal-lost").code == 0


def resigned(whole: bytes, key: SigningKey) -> bytes:
    """The same archive, its manifest signed by another key."""
    members = []
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        for info in archive:
            file = archive.extractfile(info)
            assert file is not None
            members.append((info.name, file.read()))
    assert members[-1][0] == "manifest.sig"
    members[-1] = ("manifest.sig", key.sign(signed_bytes(members[-2][1])))
    return b"".join(packed(members, 0))


@pytest.mark.parametrize(
    "name",
    [
        "../escape",
        "/etc/passwd",
        "state/../../escape",
        "state/telemetry.db",
        "state/policies/../escape.toml",
        f"state/policies/{'a' * 64}",
        "config/..",
        "config/gateway.toml/x",
        "bluetooth/\N{SUPERSCRIPT TWO}",
        "x" * 97,
    ],
)
def test_names_lead_nowhere(vault: Vault, name: str) -> None:
    members = [(FORMAT_MEMBER, FORMAT.encode()), (name, b"x")]
    try:
        archive = b"".join(packed(members, 0))
    except (ValueError, UnicodeError):
        return
    refused(vault, put(vault, archive))
    assert not (vault.folder / "escape").exists()


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.DIRTYPE,
        tarfile.XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.CHRTYPE,
    ],
)
def test_nothing_but_plain_files(vault: Vault, kind: bytes) -> None:
    info = tarfile.TarInfo("state/people.db")
    info.type, info.linkname, info.size = kind, "/etc/passwd", 1 << 40
    beginning = b"".join(packed([(FORMAT_MEMBER, FORMAT.encode())], 0))[:1024]
    data = beginning + info.tobuf(tarfile.GNU_FORMAT)
    assert "no whole backup" in refused(vault, put(vault, data))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated_manifests_raise_one_error(data: st.DataObject) -> None:
    text = bytearray(MANIFEST.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(BackupError):
        assert read_manifest(bytes(text)).encode() == bytes(text)


@given(
    junk=st.recursive(
        st.none() | st.integers(-5, 5) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["members", "format", "files", "name"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_values_of_another_kind_raise_one_error(junk: object) -> None:
    text = json.dumps(junk, separators=(",", ":"), sort_keys=True).encode()
    with pytest.raises(BackupError):
        read_manifest(text)


def test_a_manifest_is_read_back() -> None:
    assert read_manifest(MANIFEST.encode()) == MANIFEST
    assert len(MANIFEST.encode()) < MANIFEST_BYTES_MAX


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_mutated_archives_raise_named_errors(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    members = [(FORMAT_MEMBER, FORMAT.encode()), ("state/people.db", b"x" * 700)]
    archive = bytearray(b"".join(packed([*members, ("ledger/0", b'{"at":1}\n')], 0)))
    for _ in range(data.draw(st.integers(0, 5))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(
            st.integers(0, 255)
        )
    folder = tmp_path_factory.mktemp("mutated")
    with pytest.raises((KeyraError, LedgerError)):
        unpack(io.BytesIO(bytes(archive)), folder, ledger_only=False)
    assert {path.name for path in folder.rglob("*")} <= {
        "people.db",
        "ledger.db",
        "ledger.db-wal",
        "ledger.db-shm",
        "from-backup",
    }


class Endless(io.RawIOBase):
    """A member's bytes without end, counted."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        assert 0 <= size <= 1 << 16
        self.given += size
        data, self._first = self._first[:size], self._first[size:]
        return data + b"x" * (size - len(data))


def test_a_line_without_end_is_not_held() -> None:
    beginning = b"".join(packed([(FORMAT_MEMBER, FORMAT.encode())], 0))[:1024]
    stream = Endless(beginning + header("manifest.json", MANIFEST_BYTES_MAX + 1, 0))
    archive = Archive(stream)  # type: ignore[arg-type] # only read() is used
    _, size = archive.next()
    with pytest.raises(BackupError, match="too long"):
        archive.manifest(size)
    assert stream.given < 1 << 16
