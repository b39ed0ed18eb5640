from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from ledger.errors import KeyFileError
from ledger.keys import SigningKey


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(tmp_path / "key").public == key.public
    with pytest.raises(KeyFileError):
        key.save(tmp_path / "key")


def test_a_key_open_to_others_is_refused(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        SigningKey.load(tmp_path / "key")


def test_files_that_hold_no_such_key_are_refused(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path = tmp_path / "key"
    path.touch(mode=0o600)
    for data in (b"", b"rubbish", other):
        path.write_bytes(data)
        with pytest.raises(KeyFileError):
            SigningKey.load(path)
    with pytest.raises(KeyFileError):
        SigningKey.load(tmp_path / "missing")
