#!/usr/bin/env python3
# Plain Python without types, in one piece, for readers who do not know this project.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, ANN204, ARG002, BLE001, C901, D102, D103, FBT002
# ruff: noqa: FURB161, N818, PLC0415, PLR0912, PLR0913, PLR0917, PLR2004
# ruff: noqa: PTH123, SIM102, T201
"""Verify an access ledger with nothing but Python 3.11 and this file.

    python3 verify.py ledger.jsonl --vkey KEY [--seal-key FILE] [--witness KEY]
                                   [--expect SIZE:ROOT] [--deep]

This is a second opinion: it shares no line with the program that wrote the ledger. The
package `cryptography` is used for signatures where it is installed; the answers are the
same without it, only slower.

Exit codes: 0 verified, 1 tampered (says where), 2 usage, 3 cannot read,
4 incomplete: nothing is wrong, and something that proves more is missing.

How the file is built. Every line is canonical JSON (RFC 8785). An entry is

    {"at":…,"boot":…,"err":…,"ev":…,"n":…,"prev":…,"up":…,"what":{…}}

Its leaf hash is SHA-256(0x00 ‖ line without newline). `prev` is the leaf hash of the
entry before. The leaf hashes are also the leaves of a Merkle tree (RFC 6962), whose
nodes are SHA-256(0x01 ‖ left ‖ right). {"note":…} is a C2SP signed note that states how
many entries there are above it and the root of their tree. {"seal":…} is the last line:
a MAC over all leaves, under a key that the device has long destroyed. {"base":…} is the
first line of a file that begins later: the right edge of the tree up to there.
"""

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys

LINE_MAX = 65537
FOUND_MAX = 1000
ENTRY = re.compile(
    rb'\{"at":(0|[1-9]\d{0,15}),"boot":"([0-9a-f]{16})","err":(-1|0|[1-9]\d{0,15})'
    rb',"ev":"([a-z.-]{1,32})","n":(0|[1-9]\d{0,15}),"prev":"([0-9a-f]{64})"'
    rb',"up":(0|[1-9]\d{0,15}),"what":(\{.*\})\}'
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._/-]{0,127}")


class Bad(Exception):
    """The ledger is not what it claims to be."""


def sha(data):
    return hashlib.sha256(data).digest()


# --- encodings: one value, one form -------------------------------------------------


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Bad("base64 with stray bits")
    return data


def unbase64url(text):
    if not isinstance(text, str) or set(text) & set("+/="):
        raise Bad("not base64url")
    try:
        text = text.encode("ascii").decode()
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Bad("not base64url") from None
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise Bad("base64url with stray bits")
    return data


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unhex(text):
    if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{64}", text):
        raise Bad("not 64 hexadecimal digits")
    return bytes.fromhex(text)


def no_floats(text):
    raise Bad(f"{text[:20]} is not an integer")


def integer(text):
    if len(text) > 17 or abs(int(text)) > 2**53 - 1:
        raise Bad("integer beyond 2^53")
    return int(text)


def no_doubles(pairs):
    found = dict(pairs)
    if len(found) != len(pairs) or not all(key.isascii() for key in found):
        raise Bad("an object's key stands twice, or is not ASCII")
    return found


def depth(value):
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return 0
    return 1 + max(map(depth, value), default=0)


def encode(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def decode(data):
    """Parse canonical JSON: encoding what was read must give the same bytes."""
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=no_doubles,
            parse_int=integer,
            parse_float=no_floats,
            parse_constant=no_floats,
        )
        if depth(value) > 12 or encode(value) != data:
            raise Bad("not canonical JSON")
    except (ValueError, RecursionError):
        raise Bad("not JSON") from None
    return value


# --- Ed25519 (RFC 8032 §5.1.7) and ECDSA over P-256 (FIPS 186-5), verification only ---

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def ed_point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def ed_add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def ed_multiply(factor, point):
    result = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = ed_add(result, point)
        point = ed_add(point, point)
        factor >>= 1
    return result


ED_BASE = ed_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_plain(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = ed_point(public), ed_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= Q:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    h = int.from_bytes(digest, "little") % Q
    left, right = ed_multiply(s, ED_BASE), ed_add(r, ed_multiply(h, key))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


EC_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
EC_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
EC_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
EC_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def ec_add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % EC_P == 0:
            return None
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, EC_P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, EC_P)
    x = (slope * slope - p[0] - q[0]) % EC_P
    return x, (slope * (p[0] - x) - p[1]) % EC_P


def ec_multiply(factor, point):
    result = None
    while factor:
        if factor & 1:
            result = ec_add(result, point)
        point = ec_add(point, point)
        factor >>= 1
    return result


def der_numbers(signature):
    """Return r and s of a DER SEQUENCE of two INTEGERs in their shortest form."""
    if len(signature) > 72 or signature[:1] != b"\x30":
        return None
    rest, numbers = signature[2:], []
    if len(signature) < 2 or signature[1] != len(rest):
        return None
    while rest:
        length = rest[1] if len(rest) > 1 else 0
        body = rest[2 : 2 + length]
        if rest[0] != 2 or not length or len(body) != length or body[0] & 128:
            return None
        if length > 1 and body[0] == 0 and not body[1] & 128:
            return None
        numbers.append(int.from_bytes(body, "big"))
        rest = rest[2 + length :]
    return numbers if len(numbers) == 2 else None


def es256_plain(x, y, message, signature):
    numbers = der_numbers(signature)
    on_curve = (y * y - x * x * x + 3 * x - EC_B) % EC_P == 0
    if numbers is None or not on_curve or not 0 <= x < EC_P or not 0 <= y < EC_P:
        return False
    r, s = numbers
    if not (0 < r < EC_N and 0 < s < EC_N):
        return False
    inverse = pow(s, -1, EC_N)
    digest = int.from_bytes(sha(message), "big")
    point = ec_add(
        ec_multiply(digest * inverse % EC_N, EC_G),
        ec_multiply(r * inverse % EC_N, (x, y)),
    )
    return point is not None and point[0] % EC_N == r


def ed25519(public, message, signature):
    # A key has one encoding. Libraries differ over others, and under y = 1 or -1
    # anybody can sign.
    if not 1 < int.from_bytes(public, "little") % (1 << 255) < P - 1:
        return False
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519 as fast
    except ImportError:
        return ed25519_plain(public, message, signature)
    try:
        fast.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except Exception:  # whatever it says, it is a no
        return False
    return True


def es256(x, y, message, signature):
    try:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        return es256_plain(x, y, message, signature)
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except Exception:  # whatever it says, it is a no
        return False
    return True


# --- signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) -------------


class Key:
    """A verifier key: name+keyid+base64(type ‖ public key)."""

    def __init__(self, text):
        name, _, rest = text.partition("+")
        keyid, _, key = rest.partition("+")
        data = unbase64(key)
        if len(data) != 33 or not NAME.fullmatch(name):
            raise Bad(f"{text[:200]!r} is no verifier key")
        self.text, self.name = text, name
        self.type, self.public = data[0], data[1:]
        self.id = sha(name.encode() + b"\n" + data)[:4]
        if self.id.hex() != keyid:
            raise Bad("the verifier key's id is not that of its key")

    def signed(self, text, signatures):
        """Tell whether this key signed; a wrong signature in its name is worse."""
        found = False
        for name, blob in signatures:
            if name != self.name or blob[:4] != self.id:
                continue
            message, signature = text, blob[4:]
            if self.type == 4:
                time = int.from_bytes(blob[4:12], "big")
                message, signature = f"cosignature/v1\ntime {time}\n{text}", blob[12:]
            if not ed25519(self.public, message.encode(), signature):
                raise Bad(f"the signature by {self.name} does not verify")
            found = True
        return found


def read_note(note):
    """Return text, signatures, origin, size, root."""
    if not isinstance(note, str) or len(note) > 16384:
        raise Bad("no note")
    text, blank, tail = note.rpartition("\n\n")
    lines = text.split("\n")
    if not blank or not tail.endswith("\n") or len(lines) != 3:
        raise Bad("not a signed checkpoint")
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]):
        raise Bad("the checkpoint's size is no number")
    root = unbase64(lines[2])
    signatures = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ", 2)
        if len(parts) != 3 or parts[0] != "\u2014" or not parts[1]:
            raise Bad("a malformed signature line")
        blob = unbase64(parts[2])
        if len(blob) < 5:
            raise Bad("a signature is too short")
        signatures.append((parts[1], blob))
    if len(root) != 32 or not NAME.fullmatch(lines[0]):
        raise Bad("not a checkpoint")
    return text + "\n", signatures, lines[0], int(lines[1]), root


# --- the ledger ---------------------------------------------------------------------


class Ledger:
    """Everything that is known after the lines read so far."""

    def __init__(self, vkey, expect, witnesses, seal_key, deep):
        self.given = self.key = vkey
        self.expect, self.witnesses, self.seal_key = expect, witnesses, seal_key
        self.k, self.tag = seal_key, bytes(32)
        self.deep = deep
        self.origin = self.next_key = self.rotated = self.commitment = None
        self.size = self.base = self.signed = 0
        self.edge, self.leaf = [], bytes(32)
        self.seal = None
        self.seen = {}

    def root(self):
        if not self.edge:
            return sha(b"")
        root = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            root = sha(b"\1" + left + root)
        return root

    def line(self, number, line):
        if len(line) > LINE_MAX:
            raise Bad("too long")
        if not line.endswith(b"\n"):
            raise Bad("cut short")
        body = line[:-1]
        found = ENTRY.fullmatch(body)
        if found:
            self.entry(body, *found.groups())
            return
        try:
            value = decode(body)
        except Bad:
            value = None
        if not isinstance(value, dict) or len(value) != 1:
            raise Bad("neither an entry nor a note, base or seal")
        if self.seal is not None:
            raise Bad("a line after the seal")
        [(name, value)] = value.items()
        if name == "note" and isinstance(value, str):
            self.note(value)
        elif name == "seal":
            self.close(value)
        elif name == "base" and number == 1:
            self.begin(value)
        else:
            raise Bad("neither an entry nor a note, base or seal")

    def entry(self, body, at, boot, err, ev, n, prev, up, what):
        if max(int(at), int(err), int(n), int(up)) > 2**53 - 1:
            raise Bad("a number beyond 2^53")
        if self.seal is not None:
            raise Bad("an entry after the seal")
        if self.base and not self.signed:
            raise Bad("the base is not followed by its note")
        if int(n) != self.size:
            raise Bad(f"entry {int(n)} stands where {self.size} belongs")
        if prev.decode() != self.leaf.hex():
            raise Bad(f"the chain is broken before entry {self.size}")
        content = decode(what)
        if ev in (b"genesis", b"key") or not self.size:
            self.special(ev, content)
        self.leaf = node = sha(b"\0" + body)
        count = self.size
        while count & 1:
            node = sha(b"\1" + self.edge.pop() + node)
            count >>= 1
        self.edge.append(node)
        self.size += 1
        if self.k:
            self.tag = hmac.digest(self.k, self.tag + self.leaf, "sha256")
            self.k = sha(b"keyra/seal/v1" + self.k)
        if self.expect and self.expect[0] == self.size:
            if self.expect[1] != self.root():
                raise Bad("the checkpoint you hold is not a prefix of this ledger")
        if self.deep is not None:
            self.deep.entry(int(n), ev.decode(), content, int(at), int(up))

    def special(self, ev, content):
        """Genesis and key entries say whose signatures follow."""
        if (self.size == 0) != (ev == b"genesis"):
            raise Bad("not the beginning of a ledger")
        vkey = content.get("vkey")
        named = Key(vkey if isinstance(vkey, str) else "")
        if ev == b"key":
            if self.next_key or named.name != self.origin:
                raise Bad("no rotation of this ledger's key")
            self.next_key, self.rotated = named, self.size
            return
        if content.get("origin") != named.name:
            raise Bad("the genesis entry names two ledgers")
        if self.given and self.given.text != named.text:
            raise Bad("this is the ledger of another key")
        self.key, self.origin = named, named.name
        self.commitment = content.get("seal")

    def begin(self, value):
        value = value if isinstance(value, dict) else {}
        size, hashes = value.get("n"), value.get("hashes")
        if set(value) != {"n", "hashes", "prev"} or type(size) is not int or size < 1:
            raise Bad("a malformed base")
        if not isinstance(hashes, list) or len(hashes) != bin(size).count("1"):
            raise Bad("a malformed base")
        self.edge, self.leaf = [unhex(text) for text in hashes], unhex(value["prev"])
        self.size = self.base = size
        if self.deep is not None:
            self.deep.begin(size, self.root())
        if self.expect and self.expect[0] == size and self.expect[1] != self.root():
            raise Bad("the checkpoint you hold is not a prefix of this ledger")

    def note(self, note):
        if not self.key or not self.size:
            raise Bad("a note before the first entry")
        text, signatures, origin, size, root = read_note(note)
        self.origin = self.key.name
        if (origin, size, root) != (self.origin, self.size, self.root()):
            raise Bad(f"the note is not one of the {self.size} entries above it")
        if self.signed == self.size:
            raise Bad("a second note of one size")
        if not self.key.signed(text, signatures):
            raise Bad("the note is not signed by the ledger's key")
        self.signed = self.size
        for witness in self.witnesses:
            if witness.signed(text, signatures):
                self.seen[witness.text] = self.size
        if self.next_key:
            if self.size != self.rotated + 1:
                raise Bad("a key entry without its note")
            self.key, self.next_key = self.next_key, None

    def close(self, value):
        value = value if isinstance(value, dict) else {}
        n, signature, tag = value.get("n"), value.get("sig"), value.get("tag")
        if set(value) != {"n", "sig", "tag"} or type(n) is not int:
            raise Bad("a malformed seal")
        if not self.key or self.signed != self.size or n != self.size:
            raise Bad("the seal is not of the entries above it")
        if not isinstance(signature, str) or not isinstance(tag, str):
            raise Bad("a malformed seal")
        message = f"keyra/seal-line/v1\n{self.key.name}\n{n}\n{tag}\n".encode()
        if not ed25519(self.key.public, message, unbase64(signature)):
            raise Bad("the seal is not signed by the ledger's key")
        self.seal = unhex(tag)

    def conclude(self):
        """Return what is missing; raises Bad for what is wrong."""
        missing = []
        if self.size == 0:
            return ["there is no entry, so nothing is proved"]
        if self.expect and self.size < self.expect[0]:
            raise Bad("the checkpoint you hold has more entries: the end was cut off")
        if self.expect and self.expect[0] < self.base:
            missing.append("the checkpoint you hold is from before this file begins")
        if not self.given:
            missing.append("signed by the key that the file names: give --vkey")
        if self.signed < self.size:
            missing.append("no note covers the newest entries")
        for witness in self.witnesses:
            if witness.text not in self.seen:
                raise Bad(f"no note carries the signature of witness {witness.name}")
        if self.seal_key:
            if self.base:
                missing.append("the seal speaks for whole ledgers only")
            elif (
                self.commitment != sha(b"keyra/seal/commit/v1\0" + self.seal_key).hex()
            ):
                raise Bad("the seal key is not the one that the genesis entry names")
            elif self.seal is None:
                missing.append("the file does not end with its seal")
            elif self.seal != self.tag:
                raise Bad("the seal does not match: sealed entries were changed")
        held = max([self.expect[0] if self.expect else 0, *self.seen.values()])
        if self.seal is None and held < self.size:
            missing.append("removal of the newest entries cannot be excluded")
        return missing


# --- deep verification: the openings, by the keys' own signatures -------------------


def words(fields, name):
    """Return a member that is text; whatever else there may be is no evidence."""
    if not isinstance(fields.get(name), str):
        raise Bad(f"there is no {name}, or it is no text")
    return fields[name]


def whole(fields, name):
    """Return a member that is an integer: `true` equals 1 in Python, not here."""
    if type(fields.get(name)) is not int:
        raise Bad(f"there is no {name}, or it is no integer")
    return fields[name]


def listed(fields, name):
    """Return a member that is a list."""
    if not isinstance(fields.get(name), list):
        raise Bad(f"there is no {name}, or it is no list")
    return fields[name]


def cbor(data, at=0, room=6):
    """Return one CBOR item and where it ends (RFC 8949, what attestations need)."""
    if at >= len(data) or not room:
        raise Bad("CBOR cut short")
    major, argument = data[at] >> 5, data[at] & 31
    at += 1
    if argument > 23:
        if argument > 27:
            raise Bad("CBOR of indefinite length")
        length = 1 << (argument - 24)
        if at + length > len(data):
            raise Bad("CBOR cut short")
        argument, at = int.from_bytes(data[at : at + length], "big"), at + length
    if major < 2:
        return (-1 - argument if major else argument), at
    if major < 4:
        part = data[at : at + argument]
        if len(part) != argument:
            raise Bad("CBOR cut short")
        return (part if major == 2 else part.decode()), at + argument
    if major == 4:
        items = []
        for _ in range(min(argument, len(data))):
            item, at = cbor(data, at, room - 1)
            items.append(item)
        return items, at
    if major == 5:
        items = {}
        for _ in range(min(argument, len(data))):
            key, at = cbor(data, at, room - 1)
            if not isinstance(key, (int, str)):
                raise Bad("a strange CBOR key")
            items[key], at = cbor(data, at, room - 1)
        return items, at
    if major == 7 and argument in (20, 21):
        return argument == 21, at
    raise Bad("CBOR of a kind that no evidence has")


def only(item):
    """Return a CBOR item that nothing follows."""
    value, end = cbor(item)
    if end != len(item):
        raise Bad("there are bytes after the CBOR item")
    return value


def included(n, size, entry, proof):
    """Return the root to which an inclusion proof leads (RFC 9162 §2.1.3.2)."""
    node, last = sha(b"\0" + entry), size - 1
    if n > last:
        raise Bad("the proof is for an entry beyond the tree")
    for part in proof:
        if last == 0:
            raise Bad("the proof is too long")
        if n & 1 or n == last:
            node = sha(b"\1" + part + node)
            while n and not n & 1:
                n, last = n >> 1, last >> 1
        else:
            node = sha(b"\1" + node + part)
        n, last = n >> 1, last >> 1
    return node if last == 0 else None


class Later(Bad):
    """Not to be judged from a file that begins later than what it rests on."""


class Deep:
    """Replays the history; `bad` lists the entries that prove nothing.

    `gaps` lists those that rest on entries before the beginning of this file.
    """

    def __init__(self):
        self.keys, self.holders, self.challenges = {}, {}, set()
        self.config = self.place = None
        self.bad, self.gaps, self.openings = [], [], 0
        self.stretch, self.recalled = False, []

    def known(self, value, text):
        if value is None and self.stretch:
            raise Later("it rests on entries before the beginning of this file")
        if value is None:
            raise Bad(text)
        return value

    def foresee(self, lines):
        """Take what a pruned file restates before its first entry is replayed.

        A prune says at its end what held at its base; the entries between the two rest
        on it. A file that begins later without a prune is a stretch of a longer one.
        """
        base = 0
        for number, line in enumerate(lines, 1):
            found = ENTRY.fullmatch(line[:-1])
            if number == 1 and not found:
                try:
                    base = decode(line[:-1])["base"]["n"]
                except (Bad, KeyError, TypeError):
                    return
                self.stretch = True
            if not base:
                return
            if found and found[4] in (b"restate", b"prune"):
                self.foresee_one(base, *found.groups())

    def foresee_one(self, base, at, boot, err, ev, n, prev, up, what):
        n = int(n)
        try:
            what = decode(what)
            if what.get("base") == base and ev == b"prune":
                self.stretch = False
            elif what.get("base") == base:
                self.recall(n, what)
        except (Bad, KeyError, TypeError, AttributeError, ValueError) as error:
            self.report(self.bad, n, error)

    def recall(self, n, what, inner=False):
        """An old entry whose own place was pruned: its place is proved, it counts."""
        body = words(what, "entry").encode()
        found = ENTRY.fullmatch(body)
        if not found or int(found[5]) >= n:
            raise Bad("restates no older entry")
        old, ev, content = int(found[5]), found[4].decode(), decode(found[8])
        if not inner:
            proof = [unbase64(text) for text in listed(what, "proof")]
            root = included(old, what["base"], body, proof)
            self.recalled.append((n, what["base"], root))
        if ev == "restate":
            self.recall(old, content, inner=True)
        elif ev == "door.grant":
            self.keys[words(content, "credential")]["counter"] = whole(
                content, "counter"
            )
        elif ev == "enrol":
            self.take(content, unbase64url(content["public_key"]))
        else:
            self.replay(ev, content, int(found[1]), int(found[7]))

    def begin(self, size, root):
        """The base is read: what was restated must have stood under it."""
        for n, base, proved in self.recalled:
            if (base, proved) != (size, root):
                text = "what it restates did not stand before the base"
                self.report(self.bad, n, text)

    def report(self, found, n, error):
        if len(found) < FOUND_MAX:
            found.append((n, str(error) or repr(error)))

    def entry(self, n, ev, what, at, up):
        try:
            self.replay(ev, what, at, up)
        except Later as error:
            self.report(self.gaps, n, error)
        except (Bad, KeyError, TypeError, AttributeError, ValueError) as error:
            self.report(self.bad, n, error)

    def replay(self, ev, what, at, up):
        self.openings += ev == "door.grant"
        if ev in ("door.grant", "enrol"):
            self.known(self.place, "no boot entry says which door this is")
            self.known(self.config, "no config entry says by what to judge")
        if ev == "door.grant":
            self.grant(what, at, up)
        elif ev == "enrol":
            self.enrol(what, up)
        elif ev == "credential.state":
            self.state(what)
        elif ev in ("holder", "erase"):
            name = words(what, "holder")
            if self.holders.get(name) == "erased":
                raise Bad("a holder who was erased is registered again")
            self.holders[name] = "erased" if ev == "erase" else what.get("state")
        elif ev == "config":
            self.config = what
        elif ev == "boot":
            self.place = what

    def state(self, what):
        key = self.known(
            self.keys.get(words(what, "credential")),
            "the state of a key that was never enrolled changes",
        )
        if key["state"] == "revoked":
            raise Bad("the state of a revoked key changes")
        if words(what, "state") not in ("active", "suspended", "revoked"):
            raise Bad("a key gets a state that no key has")
        key["state"] = what["state"]

    def challenge(self, evidence, kind, purpose, up, credential):
        """Check binding, challenge and client data; returns the client data's hash."""
        binding = evidence["binding"]
        digest = sha(b"keyra/challenge/v1\0" + encode(binding))
        client = unbase64url(evidence["clientDataJSON"])
        wanted = (
            f'{{"type":"{kind}","challenge":"{base64url(digest)}",'
            f'"origin":"keyra://{binding.get("site")}/{binding.get("door")}",'
            '"crossOrigin":false}'
        )
        if client != wanted.encode(errors="replace"):
            raise Bad("the client data is not for this challenge")
        if whole(binding, "v") != 1:
            raise Bad("the challenge is of another version")
        here = self.place
        bound = {
            "purpose": purpose,
            "credential": sha(credential).hex() if credential else None,
            "site": here.get("site"),
            "gateway": here.get("gateway"),
            "door": here.get("door"),
        }
        for name, value in bound.items():
            if binding.get(name) != value:
                raise Bad(f"the challenge was bound to another {name}")
        issued, expires = whole(binding, "issued"), whole(binding, "expires")
        if issued > up or (purpose == "door.unlock" and up > expires + 10_000):
            raise Bad("the answer is not from the challenge's time")
        if digest in self.challenges:
            raise Bad("the challenge served before")
        self.challenges.add(digest)
        return sha(client)

    def flags(self, data, attested):
        if len(data) < 37 or data[:32] != sha(words(self.config, "rp_id").encode()):
            raise Bad("the answer is for another domain")
        if not data[32] & 1:
            raise Bad("nobody was present")
        if not data[32] & 4:
            raise Bad("the key had not verified its user")
        if data[32] & 64 != attested:
            raise Bad("the answer is of another kind")

    def answer(self, evidence, purpose, up, credential, cose):
        """Check an assertion; returns the counter that was signed."""
        client = self.challenge(evidence, "webauthn.get", purpose, up, credential)
        data = unbase64url(evidence["authenticatorData"])
        self.flags(data, 0)
        signature = unbase64url(evidence["signature"])
        key, message = only(cose), data + client
        if (key.get(1), key.get(3), key.get(-1)) == (2, -7, 1):
            x, y = key[-2], key[-3]
            good = len(x) == len(y) == 32 and es256(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), message, signature
            )
        elif (key.get(1), key.get(3), key.get(-1)) == (1, -8, 6):
            good = ed25519(key[-2], message, signature)
        else:
            raise Bad("the key is neither an ES256 nor an Ed25519 one")
        if not good:
            raise Bad("the signature does not verify")
        return int.from_bytes(data[33:37], "big")

    def enrol(self, what, up):
        name = words(what, "credential")
        if name in self.keys and self.keys[name]["state"] != "revoked":
            raise Bad("the key is enrolled already")
        cose, credential = unbase64url(what["public_key"]), unbase64url(name)
        evidence = what["evidence"]
        self.challenge(evidence, "webauthn.create", "enrol", up, None)
        if evidence["binding"].get("holder") != what["holder"]:
            raise Bad("the enrolment was for another holder")
        attestation = only(unbase64url(evidence["attestationObject"]))
        if attestation["fmt"] != "packed":
            raise Bad("the attestation is not of the format packed")
        data = attestation["authData"]
        self.flags(data, 64)
        length = int.from_bytes(data[53:55], "big")
        _, end = cbor(data, 55 + length)  # extensions may follow the key
        ours = data[55 : 55 + length] == credential and data[55 + length : end] == cose
        if not length or not ours:
            raise Bad("the attestation is of another key")
        models = [unbase64url(text) for text in listed(self.config, "aaguids")]
        if data[37:53] not in models or data[37:53] != unbase64url(what["aaguid"]):
            raise Bad("the attestation is of a model that was not allowed")
        for root in listed(self.config, "trust"):
            unbase64url(root)  # the certificates themselves are not read here
        counter = self.answer(what["proof"], "enrol.proof", up, credential, cose)
        if counter != whole(what, "counter"):
            raise Bad("the entry's counter is not the one that was signed")
        self.take(what, cose)

    def take(self, what, cose):
        self.keys[words(what, "credential")] = {
            "cose": cose,
            "holder": words(what, "holder"),
            "counter": whole(what, "counter"),
            "state": "active",
            "until": whole(what, "until_ms"),
        }

    def grant(self, what, at, up):
        name = words(what, "credential")
        key = self.known(
            self.keys.get(name), "the door was opened by a key that was never enrolled"
        )
        evidence = what["evidence"]
        counter = self.answer(
            evidence, "door.unlock", up, unbase64url(name), key["cose"]
        )
        if what.get("door") != evidence["binding"].get("door"):
            raise Bad("the entry names another door than the challenge")
        if what.get("holder") != key["holder"]:
            raise Bad("the key belongs to another holder")
        if counter != whole(what, "counter"):
            raise Bad("the entry's counter is not the one that was signed")
        if (counter or key["counter"]) and counter <= key["counter"]:
            raise Bad(f"the key's counter fell from {key['counter']} to {counter}")
        key["counter"] = counter
        holder = self.known(
            self.holders.get(key["holder"]),
            "the door was opened for a holder that is not known",
        )
        if key["state"] != "active" or holder != "active":
            raise Bad("the door was opened by a key that was not active")
        if 0 < key["until"] <= at:
            raise Bad("the door was opened by a key that had expired")


# --- the command --------------------------------------------------------------------


def expected(text):
    size, _, root = text.partition(":")
    root = unbase64(root)
    if not re.fullmatch("[0-9]{1,16}", size) or len(root) != 32:
        raise Bad("not SIZE:ROOT")
    return int(size), root


def checked(convert):
    def wrapped(text):
        try:
            return convert(text)
        except Bad as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return wrapped


def verify(lines, vkey=None, expect=None, witnesses=(), seal_key=None, deep=False):
    """Return exit code, sentences, and the replay of the openings (or None)."""
    replay = Deep() if deep else None
    if replay:
        replay.foresee(lines)
    ledger = Ledger(vkey, expect, list(witnesses), seal_key, replay)
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            ledger.line(number, line)
    except Bad as error:
        return 1, [f"Line {number} (entry {ledger.size}): {error}."], replay
    try:
        missing = ledger.conclude()
    except Bad as error:
        return 1, [f"{error}."], replay
    if replay and replay.bad:
        found = [f"Entry {n}: {text}." for n, text in replay.bad]
        return 1, found, replay
    root = base64.b64encode(ledger.root()).decode()
    if replay and replay.gaps:
        missing += [f"entry {n}: {text}" for n, text in replay.gaps]
    says = [f"{text}." for text in missing]
    says.append(f"Checkpoint: {ledger.size}:{root}")
    if replay:
        says.append(
            f"{replay.openings} openings checked again. Certificates are not checked "
            "by this file; keyra-ledger verify --deep does that too."
        )
    if not ledger.seal_key:
        says.append(
            "Without the seal's first key it cannot be excluded that the holder of the "
            "present key rewrote what it signed, or that this is an older export."
        )
    return (4 if missing else 0), says, replay


class Lines:
    """The lines of a file, from its beginning each time that they are asked for."""

    def __init__(self, file):
        self.file = file

    def __iter__(self):
        if self.file.tell():
            self.file.seek(0)
        while line := self.file.readline(LINE_MAX + 1):
            yield line


def main():
    parser = argparse.ArgumentParser(description="Verify an access ledger.")
    parser.add_argument("file")
    parser.add_argument("--vkey", type=checked(Key))
    parser.add_argument("--expect", type=checked(expected), metavar="SIZE:ROOT")
    parser.add_argument("--witness", type=checked(Key), action="append", default=[])
    parser.add_argument("--seal-key", metavar="FILE")
    parser.add_argument("--deep", action="store_true")
    options = parser.parse_args()
    try:
        seal_key = None
        if options.seal_key:
            with open(options.seal_key, encoding="ascii") as file:
                seal_key = unhex(file.read(70).strip())
        with open(options.file, "rb") as file:
            code, says, _ = verify(
                Lines(file),
                options.vkey,
                options.expect,
                options.witness,
                seal_key,
                options.deep,
            )
    except (OSError, ValueError, Bad) as error:
        print(f"Cannot read: {error}")
        return 3
    print({0: "VERIFIED", 1: "TAMPERED", 4: "INCOMPLETE"}[code])
    for sentence in says:
        print(sentence)
    return code


if __name__ == "__main__":
    sys.exit(main())
