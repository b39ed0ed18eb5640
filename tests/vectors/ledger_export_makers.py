"""Golden exports put together line by line, with hashlib and the two RFCs alone.

Nothing of `ledger/` makes these bytes: chain, tree, notes, cosignatures, seals, bases
and proofs follow docs/ledger.md here. Only the openings' evidence is the test world's.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.ledger_world import BOOT, START_MS, Door, Key

ORIGIN = "example.com/golden"
WITNESS = "witness.example"
FIRST_SEAL_KEY = bytes([3]) * 32
COSIGNED_S = 1_790_000_100


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def text64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def to_json(value: Any) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


class Signer:
    """An Ed25519 key of a seed that repeats one byte, under a name and a type."""

    def __init__(self, seed: int, name: str = ORIGIN, kind: int = 1) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.name = name
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.typed = bytes([kind]) + public
        self.id = sha(name.encode(), b"\n", self.typed)[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{text64(self.typed)}"

    def line(self, message: str, before: bytes = b"") -> str:
        blob = self.id + before + self.key.sign(message.encode())
        return f"\u2014 {self.name} {text64(blob)}\n"


FIRST, SECOND = Signer(1), Signer(2)
STRANGER = Signer(9)
WITNESSING = Signer(4, WITNESS, 4)


def tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", tree(leaves[:k]), tree(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1, as it is written there."""
    if len(leaves) < 2:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return [*path(m, leaves[:k]), tree(leaves[k:])]
    return [*path(m - k, leaves[k:]), tree(leaves[:k])]


def edge(leaves: list[bytes]) -> list[bytes]:
    """Roots of the complete subtrees, largest first."""
    if not leaves:
        return []
    k = 1 << len(leaves).bit_length() - 1
    return [tree(leaves[:k]), *edge(leaves[k:])]


@dataclass
class Book:
    """An export that grows line by line."""

    key: Signer = FIRST
    lines: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    notes: dict[int, bytes] = field(default_factory=dict)
    k: bytes = FIRST_SEAL_KEY
    tag: bytes = bytes(32)
    up_ms: int = 0

    def entry(self, ev: str, what: Any, up_ms: int | None = None) -> "Book":
        self.up_ms = self.up_ms + 1000 if up_ms is None else up_ms
        body = to_json(
            {
                "at": START_MS + self.up_ms,
                "boot": BOOT,
                "err": 5,
                "ev": ev,
                "n": len(self.leaves),
                "prev": (self.leaves[-1] if self.leaves else bytes(32)).hex(),
                "up": self.up_ms,
                "what": what,
            }
        )
        leaf = sha(b"\0", body)
        self.tag = hmac.digest(self.k, self.tag + leaf, "sha256")
        self.k = sha(b"keyra/seal/v1", self.k)
        self.leaves.append(leaf)
        self.bodies.append(body)
        self.lines.append(body + b"\n")
        return self

    def genesis(self) -> "Book":
        seal = sha(b"keyra/seal/commit/v1\0", FIRST_SEAL_KEY).hex()
        what = {"origin": ORIGIN, "seal": seal, "vkey": self.key.vkey}
        return self.entry("genesis", what)

    def note(self, *, cosigned: bool = False, **wrong: Any) -> "Book":
        size = wrong.get("size", len(self.leaves))
        root = wrong.get("root", tree(self.leaves))
        text = f"{wrong.get('origin', ORIGIN)}\n{size}\n{text64(root)}\n"
        note = text + "\n" + wrong.get("key", self.key).line(text)
        if cosigned:
            words = f"cosignature/v1\ntime {COSIGNED_S}\n{text}"
            note += WITNESSING.line(words, COSIGNED_S.to_bytes(8))
        return self.add({"note": note})

    def add(self, value: Any) -> "Book":
        self.lines.append(to_json(value) + b"\n")
        if "note" in value:
            self.notes[len(self.leaves)] = self.lines[-1]
        return self

    def rotate(self) -> "Book":
        self.entry("key", {"vkey": SECOND.vkey}).note()
        self.key = SECOND
        return self

    def seal(self, **wrong: Any) -> "Book":
        n, tag = wrong.get("n", len(self.leaves)), wrong.get("tag", self.tag).hex()
        words = f"keyra/seal-line/v1\n{ORIGIN}\n{n}\n{tag}\n"
        signature = wrong.get("key", self.key).key.sign(words.encode())
        return self.add({"seal": {"n": n, "sig": text64(signature), "tag": tag}})

    def begins_at(self, size: int) -> list[bytes]:
        """The lines of the same book from entry `size` on, behind a base."""
        hashes = [root.hex() for root in edge(self.leaves[:size])]
        prev = self.leaves[size - 1].hex()
        base = {"base": {"hashes": hashes, "n": size, "prev": prev}}
        start = self.lines.index(self.bodies[size] + b"\n")
        return [to_json(base) + b"\n", self.notes[size], *self.lines[start:]]

    def restate(self, n: int, base: int, **wrong: Any) -> "Book":
        proof = [text64(part) for part in path(n, self.leaves[:base])]
        what = {"base": base, "entry": self.bodies[n].decode(), "proof": proof}
        return self.entry("restate", what | wrong)


def small() -> Book:
    """Every kind of line without evidence: entries, notes, cosignature, key, seal."""
    book = Book().genesis().entry("boot", {"version": "1"}).note()
    book.entry("door.exit", {"door": "front"}).entry("door.deny", {"reason": 'é\t"'})
    book.note(cosigned=True).rotate()
    return book.entry("door.exit", {"door": "front"}).note()


@dataclass
class Life:
    """A door with two keys: anna's is P-256, bert's is Ed25519."""

    book: Book = field(default_factory=Book)
    door: Door = field(default_factory=Door)
    anna: Key = field(default_factory=lambda: Key("anna"))
    bert: Key = field(default_factory=lambda: Key("bert", eddsa=True))

    def add(self, draft: Any) -> "Life":
        stamp = self.door.stamp()
        self.book.entry(draft.ev, draft.what, stamp.up_ms)
        return self

    def begin(self) -> "Life":
        door = self.door
        self.book.genesis()
        for draft in (door.boot(), door.config(), door.holder("h1"), door.holder("h2")):
            self.add(draft)
        self.add(door.enrol(self.anna, "h1")).add(door.enrol(self.bert, "h2"))
        self.book.note()
        return self

    def open(self, **changes: Any) -> "Life":
        return self.add(self.door.grant(self.anna, "h1", **changes))


def lived(*lies: Callable[[Life], Any]) -> list[bytes]:
    """A life with one opening by each key, then what the door's own ledger lies."""
    life = Life().begin().open()
    life.add(life.door.grant(life.bert, "h2"))
    for lie in lies:
        lie(life)
    return life.book.note().seal().lines


def pruned(**wrong: Any) -> list[bytes]:
    """Pruned at entry 9; one opening stands between the base and what is restated."""
    life = Life().begin().open()
    life.add(life.door.grant(life.bert, "h2"))
    book, base = life.book, len(life.book.leaves)
    book.note()
    life.open()
    numbers = [*range(1, base)]
    for n in numbers:
        book.restate(n, base, **(wrong if n == base - 1 else {}))
    root = text64(tree(book.leaves[:base]))
    book.entry("prune", {"base": base, "restated": len(numbers), "root": root})
    life.door.up_ms = book.up_ms
    life.open()
    return book.note().seal().begins_at(base)
