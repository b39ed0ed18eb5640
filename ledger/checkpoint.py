r"""Checkpoints: C2SP tlog-checkpoint texts inside C2SP signed notes.

    origin\n size\n base64(root)\n \n — origin base64(keyid4 ‖ signature64)\n

https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.encoding import from_base64, to_base64
from ledger.errors import EncodingError, NoteError, SignatureError
from ledger.tree import HASH_BYTES

NOTE_BYTES_MAX: Final = 16 * 1024
ED25519: Final = 1
"""Signature type of the note's own key."""

COSIGNATURE: Final = 4
"""Signature type of a witness, https://c2sp.org/tlog-cosignature."""

_KEY_BYTES: Final = 32
_KEYID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
# Begins with a letter and holds no space or plus: signed-note forbids those two.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]{0,127}")
_P: Final = 2**255 - 19
_SIGNATURE_PREFIX: Final = "\u2014 "


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Return SHA-256(name ‖ 0x0A ‖ type ‖ key)[:4]."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signature to look for: C2SP's `name+keyid+base64(type ‖ key)`.

    Attributes:
        kind: signature type, 1 for Ed25519.
    """

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before each signature."""
        return key_id(self.name, self.kind, self.public)

    def __str__(self) -> str:
        key = to_base64(bytes([self.kind]) + self.public)
        return f"{self.name}+{self.id.hex()}+{key}"


def check_origin(name: str) -> str:
    """Return a name that a ledger may have.

    Raises:
        NoteError: another shape.
    """
    if not _NAME.fullmatch(name):
        raise NoteError(
            f"{name!r} is no name for a ledger: begin with a letter, go on with "
            "letters, digits, dot, slash, hyphen or underscore, 128 at most."
        )
    return name


def parse_vkey(text: str) -> VerifierKey:
    """Return the key of a C2SP verifier key string.

    Raises:
        NoteError: not one, or its key id is not that of its key.
    """
    name, plus, rest = text.partition("+")
    kid, plus_2, key = rest.partition("+")
    try:
        data = from_base64(key)
    except EncodingError:
        data = b""
    if not plus or not plus_2 or len(data) != 1 + _KEY_BYTES:
        raise NoteError(f"{text[:200]!r} is no verifier key (name+id+base64).")
    found = VerifierKey(check_origin(name), data[0], data[1:])
    if found.id.hex() != kid:
        raise NoteError(f"The key id in {text[:200]!r} is not that of its key.")
    return found


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a head says: this ledger, so many entries, this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the signed text."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note, taken apart and not yet verified.

    Attributes:
        text: what is signed, with its last newline.
        signatures: (name, key id ‖ signature) of each line.
    """

    text: str
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that the text states; exactly three lines.

        Raises:
            NoteError: the text is no checkpoint.
        """
        lines = self.text.split("\n")
        if len(lines) != 4 or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004 - three lines and the end
            raise NoteError("A checkpoint has three lines: origin, size and root.")
        try:
            root = from_base64(lines[2])
        except EncodingError as error:
            raise NoteError(f"The checkpoint's root is wrong: {error}") from None
        if len(root) != HASH_BYTES:
            raise NoteError("A checkpoint's root has 32 bytes.")
        return Checkpoint(check_origin(lines[0]), int(lines[1]), root)


def parse_note(text: str) -> Note:
    """Take a signed note apart.

    Raises:
        NoteError: not a signed note in its one canonical form.
    """
    if len(text) > NOTE_BYTES_MAX:
        raise NoteError(f"A note of {len(text)} characters exceeds {NOTE_BYTES_MAX}.")
    signed, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise NoteError("A signed note has a text, an empty line and signatures.")
    return Note(signed + "\n", tuple(map(_signature, tail[:-1].split("\n"))))


def _signature(line: str) -> tuple[str, bytes]:
    name, space, blob = line.removeprefix(_SIGNATURE_PREFIX).partition(" ")
    if not line.startswith(_SIGNATURE_PREFIX) or not name or not space:
        raise NoteError("A signature line is '— name base64'.")
    try:
        data = from_base64(blob)
    except EncodingError as error:
        raise NoteError(f"The signature by {name[:128]!r} is wrong: {error}") from None
    if len(data) <= _KEYID_BYTES:
        raise NoteError(f"The signature by {name[:128]!r} is too short.")
    return name, data


def sign_checkpoint(
    checkpoint: Checkpoint, public: bytes, sign: Callable[[bytes], bytes]
) -> str:
    """Return the checkpoint as a note signed by the ledger's own Ed25519 key."""
    text = checkpoint.text()
    blob = key_id(checkpoint.origin, ED25519, public) + sign(text.encode())
    return f"{text}\n{_SIGNATURE_PREFIX}{checkpoint.origin} {to_base64(blob)}\n"


def is_signed(note: Note, key: VerifierKey) -> bool:
    """Tell whether the note carries a signature by `key`.

    Raises:
        SignatureError: it carries one that does not verify.
    """
    return signed_at(note, key) is not None


def signed_at(note: Note, key: VerifierKey) -> int | None:
    """Return when `key` signed the note: Unix seconds, 0 for the ledger's own key.

    A witness (type 4) signs the time with the text: C2SP cosignature/v1.

    Raises:
        SignatureError: there is a signature by `key` that does not verify.
    """
    found = None
    for name, blob in note.signatures:
        if name == key.name and blob[:_KEYID_BYTES] == key.id:
            signature, time_s, message = blob[_KEYID_BYTES:], 0, note.text
            if key.kind == COSIGNATURE:
                time_s = int.from_bytes(signature[:_TIME_BYTES])
                signature = signature[_TIME_BYTES:]
                message = _cosigned(note.text, time_s)
            verify_signature(key, signature, message.encode())
            found = time_s
    return found


def cosign(
    note: Note, name: str, public: bytes, sign: Callable[[bytes], bytes], time_s: int
) -> str:
    """Return a witness's signature line over a note's text, with its newline."""
    blob = key_id(name, COSIGNATURE, public) + time_s.to_bytes(_TIME_BYTES)
    blob += sign(_cosigned(note.text, time_s).encode())
    return f"{_SIGNATURE_PREFIX}{name} {to_base64(blob)}\n"


def _cosigned(text: str, time_s: int) -> str:
    return f"cosignature/v1\ntime {time_s}\n{text}"


def load_public_key(public: bytes) -> Ed25519PublicKey:
    """Return an Ed25519 public key in its one encoding (RFC 8032 §5.1.3).

    Libraries differ over y not below 2^255 - 19, and over the signs of y = 1 and -1,
    under which anybody signs: one verifier would say yes and the next one no.

    Raises:
        ValueError: it is none.
    """
    if not 1 < int.from_bytes(public, "little") % (1 << 255) < _P - 1:
        raise ValueError("no point that is anybody's key")
    return Ed25519PublicKey.from_public_bytes(public)


def verify_signature(key: VerifierKey, signature: bytes, message: bytes) -> None:
    """Check one Ed25519 signature.

    Raises:
        SignatureError: it does not verify.
    """
    try:
        load_public_key(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise SignatureError(
            f"The signature by {key.name} ({key.id.hex()}) does not verify."
        ) from None
