"""Which golden exports there are, and what both verifiers must say of each."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.ledger_world import Key
from tests.vectors.ledger_export_makers import (
    STRANGER,
    Book,
    Life,
    edge,
    lived,
    pruned,
    small,
    to_json,
)


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        brings: what the auditor brings besides the verifier key: `seal`, `witness`,
            `deep`; `nothing` stands for not even that key.
        exit: 0 verified, 1 tampered, 4 incomplete.
        says: words of the package's answer, and of the kit's.
    """

    name: str
    make: Callable[[], list[bytes]]
    brings: str
    exit: int
    says: tuple[str, str]


def changed(old: bytes, new: bytes, lines: list[bytes] | None = None) -> list[bytes]:
    """The small export with one thing put in another's place, once."""
    data = b"".join(lines or small().seal().lines)
    assert old in data
    return data.replace(old, new, 1).splitlines(keepends=True)


def at(line: int, *instead: bytes) -> list[bytes]:
    """The small export with other lines in the place of one."""
    lines = small().seal().lines
    return [*lines[:line], *instead, *lines[line + 1 :]]


def moved(*order: int) -> list[bytes]:
    lines = small().seal().lines
    return [lines[i] for i in order]


def line_of(number: int) -> bytes:
    return small().seal().lines[number]


def stretch() -> list[bytes]:
    return small().seal().begins_at(4)


def other_base() -> list[bytes]:
    lines = stretch()
    root = edge(small().leaves[:4])[0].hex().encode()
    return [lines[0].replace(root, b"0" * 64), *lines[1:]]


def key_without_note() -> list[bytes]:
    book = small()
    book.entry("key", {"vkey": STRANGER.vkey}).entry("door.exit", {"door": "front"})
    return book.note().seal().lines


def moved_signature(life: Life) -> None:
    first = life.door.grant(life.anna, "h1")
    life.add(first)
    evidence = first.what["evidence"]
    assert isinstance(evidence, dict)
    life.open(evidence={"signature": evidence["signature"]})


def repeated_challenge(life: Life) -> None:
    binding = life.door.credential_binding(life.anna, "door.unlock")
    life.open(whole_binding=binding)
    life.door.up_ms += 1000
    life.open(whole_binding=binding)


def revoked(life: Life) -> None:
    life.add(life.door.state(life.anna, "revoked")).open()


def lowered(life: Life) -> None:
    life.anna.counter = 0
    life.open()


def by_hand(life: Life) -> None:
    eve = Key("eve")
    life.add(life.door.grant(eve, "h1"))


FINE = ("", "Checkpoint: ")
GOOD = [
    Case("whole", lambda: small().seal().lines, "seal witness deep", 0, FINE),
    Case("openings", lived, "seal deep", 0, ("", "2 openings checked again")),
    Case("pruned", pruned, "deep", 0, ("", "2 openings checked again")),
    Case("stretch", stretch, "", 0, FINE),
]
OPEN = [
    Case("stretch-with-the-seals-key", stretch, "seal", 4,
         ("seal speaks for whole", "speaks for whole ledgers")),
    Case("no-seal-line", lambda: small().lines, "", 4,
         ("Removal of the newest", "removal of the newest")),
    Case("no-last-note", lambda: small().lines[:-1], "", 4,
         ("No note covers", "no note covers")),
    Case("no-verifier-key", lambda: small().seal().lines, "nothing", 4,
         ("give --vkey", "give --vkey")),
    Case("nothing", list, "", 4, ("nothing is proved", "nothing is proved")),
]  # fmt: skip
SHAPE = ("neither an entry nor", "neither an entry nor")
JSON = ("canonical form", "not canonical JSON")
LIES = [
    Case("an-entry-changed", lambda: changed(b"deny", b"dent"), "", 1,
         ("not one of the 4", "not one of the 4")),
    Case("an-entry-dropped", lambda: at(3), "", 1, ("belongs", "belongs")),
    Case("an-entry-twice", lambda: at(1, line_of(1), line_of(1)), "", 1,
         ("belongs", "belongs")),
    Case("entries-swapped", lambda: moved(0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10), "", 1,
         ("belongs", "belongs")),
    Case("a-line-cut", lambda: [*small().lines[:-1], small().lines[-1][:-9]], "", 1,
         ("cut short", "cut short")),
    Case("boot-in-capitals", lambda: changed(b'5566aa"', b'5566AA"'), "", 1,
         ("neither", "neither")),
    Case("a-space", lambda: changed(b'"what":{"door"', b'"what":{ "door"'), "", 1,
         JSON),
    Case("a-key-twice", lambda: changed(b'"door":"front"',
         b'"door":"front","door":"front"'), "", 1, ("key twice", "stands twice")),
    Case("an-escape", lambda: changed(b'"door":"f', b'"door":"\\u0066'), "", 1, JSON),
    Case("a-float", lambda: changed(b'"door":"front"', b'"door":1.0'), "", 1,
         ("not an integer", "not an integer")),
    Case("a-huge-number", lambda: changed(b'"door":"front"',
         b'"door":9007199254740992'), "", 1, ("beyond 2^53", "beyond 2^53")),
    Case("a-number-with-a-zero", lambda: changed(b'"err":5', b'"err":05'), "", 1,
         SHAPE),
    Case("a-byte-order-mark", lambda: at(0, b"\xef\xbb\xbf" + line_of(0)), "", 1,
         SHAPE),
    Case("line-ends-of-windows", lambda: at(0, line_of(0)[:-1] + b"\r\n"), "", 1,
         SHAPE),
    Case("a-nul", lambda: changed(b'"front"', b'"front\0"'), "", 1,
         ("Not JSON", "not JSON")),
    Case("garbage-after", lambda: [*small().seal().lines, b"\n"], "", 1, SHAPE),
    Case("an-entry-after-the-seal", lambda: small().seal().entry("x", {}).lines, "", 1,
         ("after the seal", "after the seal")),
    Case("two-seals", lambda: small().seal().seal().lines, "", 1,
         ("after the seal", "after the seal")),
    Case("a-note-of-another-root", lambda: small().entry("x", {})
         .note(root=bytes(32)).seal().lines, "", 1, ("not one of", "not one of")),
    Case("a-note-of-another-ledger", lambda: Book().genesis()
         .note(origin="other.example").lines, "", 1, ("not one of", "not one of")),
    Case("a-note-by-a-stranger", lambda: small().entry("x", {})
         .note(key=STRANGER).seal().lines, "", 1, ("not signed by", "not signed by")),
    Case("a-note-twice", lambda: small().note().seal().lines, "", 1,
         ("second note", "second note")),
    Case("a-note-with-stray-bits", lambda: changed(b'=\\n"}', b'==\\n"}'), "", 1,
         ("is wrong", "base64")),
    Case("a-cosignature-changed", lambda: changed(b"witness.example ",
         b"witness.exemple "), "witness", 1, ("No note carries", "no note carries")),
    Case("no-cosignature", lived, "witness", 1, ("No note carries", "no note carries")),
    Case("a-key-without-its-note", key_without_note, "", 1,
         ("note of its own", "without its note")),
    Case("another-ledger", lambda: Book(STRANGER).genesis().note().lines, "", 1,
         ("another", "another")),
    Case("the-seal-of-another-tag", lambda: small().seal(tag=bytes(32)).lines, "seal",
         1, ("seal does not match", "seal does not match")),
    Case("the-seal-of-a-stranger", lambda: small().seal(key=STRANGER).lines, "", 1,
         ("does not verify", "not signed by")),
    Case("the-seal-of-fewer", lambda: small().seal(n=5).lines, "", 1,
         ("covers 5 entries", "not of the entries above")),
    Case("a-base-of-another-tree", other_base, "", 1, ("not one of", "not one of")),
    Case("a-base-without-its-note", lambda: [stretch()[0], *stretch()[2:]], "", 1,
         ("not followed by", "not followed by")),
    Case("a-base-in-the-middle", lambda: at(3, stretch()[0]), "", 1, SHAPE),
    Case("a-line-of-nothing-known", lambda: at(2, to_json({"other": 1}) + b"\n"), "", 1,
         SHAPE),
    Case("restated-under-another-root", lambda: pruned(proof=[]), "deep", 1,
         ("too short", "before the base")),
    Case("a-signature-moved", lambda: lived(moved_signature), "deep", 1,
         ("does not verify", "does not verify")),
    Case("no-user-verified", lambda: lived(lambda life: life.open(answer={"flags": 1})),
         "deep", 1, ("not verified its user", "not verified its user")),
    Case("after-revocation", lambda: lived(revoked), "deep", 1,
         ("not active", "not active")),
    Case("a-challenge-twice", lambda: lived(repeated_challenge), "deep", 1,
         ("served before", "served before")),
    Case("a-counter-lowered", lambda: lived(lowered), "deep", 1,
         ("counter fell", "counter fell")),
    Case("a-key-never-enrolled", lambda: lived(by_hand), "deep", 1,
         ("never enrolled", "never enrolled")),
    Case("an-opening-for-another-door", lambda: lived(
         lambda life: life.open(what={"door": "back"})), "deep", 1,
         ("another door", "another door")),
]  # fmt: skip
CASES = [*GOOD, *OPEN, *LIES]
