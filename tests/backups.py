"""A virtual site's state directory as the command line sees it, and its backups."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from gateway.adapters.backup_vault import make_identity
from gateway.cli import main
from gateway.config import defaults_text
from ledger.reader import Reader
from tests.virtual_site import SEAL_KEY

MINIMAL: Final = """
[site]
id = "site"
rp_id = "door.example"
zone = "Etc/UTC"
[gateway]
id = "gateway-1"
state_dir = "{state}"
[door]
id = "front-door"
lock = "fail-secure"
relay = "active-high"
contact = false
[pins]
strike = 17
[backup]
recipient = "{recipient}"
dir = "{backups}"
keep = 3
"""


@dataclass(frozen=True)
class Said:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(self.out)
        return told


class Vault:
    """Makes and restores backups of a state directory, by the command line.

    Attributes:
        other: a state directory elsewhere, which is not there yet.
    """

    def __init__(
        self, folder: Path, state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.state, self._capsys = folder, state, capsys
        self.backups = folder / "backups"
        self.backups.mkdir()
        self.identity = folder / "identity"
        self.recipient = make_identity(self.identity)
        self.seal_key = folder / "seal-key"
        self.seal_key.write_text(SEAL_KEY.hex())
        self.config = folder / "gateway.toml"
        self.other = folder / "elsewhere" / "keyra"
        self.other.parent.mkdir()
        assert "[backup]" in defaults_text()
        self.config.write_text(
            MINIMAL.format(state=state, recipient=self.recipient, backups=self.backups)
        )

    def run(self, *words: str | Path) -> Said:
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def backup(self, *words: str | Path) -> Path:
        """Make one, and return its file."""
        said = self.run("backup", "--config", self.config, "--json", *words)
        assert said.code == 0, said
        return Path(str(said.told["file"]))

    def restore(self, file: Path, state: Path, *words: str | Path) -> Said:
        given = ("--identity", self.identity, "--state-dir", state)
        return self.run("restore", file, *given, *words)


def fingerprint(folder: Path) -> dict[str, str]:
    """Name and digest of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def size_of(state: Path) -> int:
    """How many entries a state directory's ledger has."""
    with Reader.open(state / "ledger.db") as reader:
        return reader.size()
