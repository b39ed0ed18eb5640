"""Changing the signing key, in an order that a power cut cannot break.

The new key's file is durable before the ledger announces it, and replaces the old one
after. Whatever happens between, one of the two files holds the key that signed the
newest head, and `load_signing_key` finds out which.
"""

from contextlib import closing
from pathlib import Path

from ledger.checkpoint import is_signed, parse_note
from ledger.entry import Stamp
from ledger.keys import SigningKey, sync_directory
from ledger.reader import Reader
from ledger.writer import Writer


def _next(key_path: Path) -> Path:
    return key_path.with_name(key_path.name + ".next")


def load_signing_key(ledger: Path, key_path: Path) -> SigningKey:
    """Return the key that signs the ledger; finishes a rotation that was cut off.

    Raises:
        KeyFileError: there is no usable key file.
        LedgerMissingError, LedgerForeignError, LedgerCorruptError: no ledger to read.
    """
    announced = _next(key_path)
    if announced.exists():
        key = SigningKey.load(announced)
        with Reader.open(ledger) as reader:
            note = parse_note(reader.head())
        if is_signed(note, key.vkey(note.checkpoint.origin)):
            announced.replace(key_path)
        else:
            announced.unlink()
        sync_directory(key_path.parent)
    return SigningKey.load(key_path)


def rotate_key(ledger: Path, key_path: Path, stamp: Stamp) -> SigningKey:
    """Announce a fresh key in the ledger and put it in the old one's place.

    Raises:
        As `load_signing_key`, `Writer.open` and `Writer.append`.
    """
    old = load_signing_key(ledger, key_path)
    new = SigningKey.generate()
    with closing(Writer.open(ledger, old)) as writer:
        new.save(_next(key_path))
        writer.rotate(new, stamp)
    return load_signing_key(ledger, key_path)
