"""The forward-secure seal: who takes the device cannot forge what is older.

    tag ← HMAC-SHA256(k, tag ‖ leaf)        k ← SHA-256("keyra/seal/v1" ‖ k)

from k₀, which the auditor keeps, and a tag of zeros, over every entry from entry 0
(FssAgg MAC: Ma and Tsudik, "A new approach to secure logging", 2008). The device holds
only the newest (n, k, tag). Old keys are overwritten; flash may remember them for a
while, which nothing here can help.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from ledger.checkpoint import ED25519, VerifierKey, verify_signature
from ledger.encoding import from_base64, from_hex, to_base64
from ledger.errors import NoteError

KEY_BYTES: Final = 32
_MAGIC: Final = b"KEYRSEAL"
RECORD_BYTES: Final = 8 + 8 + 32 + 32 + 32
_COMMIT: Final = b"keyra/seal/commit/v1\0"
_EVOLVE: Final = b"keyra/seal/v1"


def commitment(first_key: bytes) -> str:
    """Return what the genesis entry says of the seal: a hash of its first key."""
    return hashlib.sha256(_COMMIT + first_key).hexdigest()


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal after `n` entries: the key for the next one, and the aggregate tag."""

    n: int
    key: bytes
    tag: bytes

    @classmethod
    def first(cls, first_key: bytes) -> "Seal":
        """Return the seal of an empty ledger."""
        return cls(0, first_key, bytes(32))

    def over(self, leaves: Iterable[bytes]) -> "Seal":
        """Return the seal after these entries too."""
        n, key, tag = self.n, self.key, self.tag
        for leaf in leaves:
            tag = hmac.digest(key, tag + leaf, "sha256")
            key = hashlib.sha256(_EVOLVE + key).digest()
            n += 1
        return Seal(n, key, tag)

    def encode(self) -> bytes:
        """Return a slot's record."""
        record = _MAGIC + self.n.to_bytes(8) + self.key + self.tag
        return record + hashlib.sha256(record).digest()

    @classmethod
    def decode(cls, record: bytes) -> "Seal | None":
        """Return the seal of a slot's record, None for a torn or foreign one."""
        state, check = record[:-32], record[-32:]
        if (
            len(record) != RECORD_BYTES
            or not record.startswith(_MAGIC)
            or hashlib.sha256(state).digest() != check
        ):
            return None
        return cls(int.from_bytes(state[8:16]), state[16:48], state[48:80])


def _statement(origin: str, n: int, tag: str) -> bytes:
    return f"keyra/seal-line/v1\n{origin}\n{n}\n{tag}\n".encode()


def seal_line(
    origin: str, seal: Seal, sign: Callable[[bytes], bytes]
) -> dict[str, int | str]:
    """Return the last line's content: the tag, and the ledger key's word for it.

    The signature lets the holder of the public key alone see that the export is whole;
    the tag lets the holder of the first key see that it was not forged later.
    """
    tag = seal.tag.hex()
    signature = to_base64(sign(_statement(origin, seal.n, tag)))
    return {"n": seal.n, "sig": signature, "tag": tag}


def check_seal_line(value: Any, key: VerifierKey) -> tuple[int, bytes]:
    """Return size and tag of a seal line.

    Raises:
        NoteError, EncodingError: not one, or not signed by `key`.
    """
    fields = value if isinstance(value, dict) else {}
    n, signature, tag = (fields.get(name) for name in ("n", "sig", "tag"))
    if (
        len(fields) != 3  # noqa: PLR2004 - n, sig, tag
        or type(n) is not int
        or not isinstance(signature, str)
        or not isinstance(tag, str)
    ):
        raise NoteError("the seal line is malformed.")
    message = _statement(key.name, n, tag)
    verify_signature(
        VerifierKey(key.name, ED25519, key.public), from_base64(signature), message
    )
    return n, from_hex(tag, 32)
