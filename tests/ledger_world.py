"""Ledgers to test with: a door whose keys really sign, the same bytes for one seed.

Written apart from the gateway, from docs/entries.md alone.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from ledger.deep import Replay
from ledger.encoding import canonical
from ledger.entry import Draft, Stamp
from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.restated import begins_at
from ledger.writer import Writer, initialise

ORIGIN = "example.com/front"
BOOT = "00112233445566aa"
START_MS = 1_790_000_000_000
AAGUID = bytes.fromhex("6b65797261004b455952410000000001")
AAGUID_OID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
RP_ID = "example.com"
PLACE = {"door": "front", "gateway": "gw-1", "site": "hq"}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def seeded(name: str) -> bytes:
    return hashlib.sha256(b"test world " + name.encode()).digest()


def p256(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(
        int.from_bytes(seeded(name)) % (ORDER - 1) + 1, ec.SECP256R1()
    )


def es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    return key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))


def cbor(value: Any) -> bytes:
    """Encode what attestations hold."""

    def head(major: int, n: int) -> bytes:
        if n < 24:
            return bytes([major << 5 | n])
        size = 1 if n < 256 else 2
        return bytes([major << 5 | 23 + size]) + n.to_bytes(size)

    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(
        cbor(key) + cbor(item) for key, item in value.items()
    )


def certificate(  # noqa: PLR0913 - what attacks vary
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
    aaguid: bytes | None = None,
    path_length: int | None = None,
    years: tuple[int, int] = (2020, 2040),
    extra: x509.ExtensionType | None = None,
) -> bytes:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(int.from_bytes(seeded(subject)[:8]))
        .not_valid_before(datetime(years[0], 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(years[1], 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    )
    if aaguid is not None:
        value = x509.UnrecognizedExtension(AAGUID_OID, b"\x04\x10" + aaguid)
        builder = builder.add_extension(value, critical=False)
    if extra is not None:
        builder = builder.add_extension(extra, critical=True)
    signed = builder.sign(signer, SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(Encoding.DER)


@dataclass
class Maker:
    """Who makes keys: a root, and a leaf for one model."""

    root_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: p256("root"))
    leaf_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: p256("leaf"))

    @property
    def root(self) -> bytes:
        return certificate("root", "root", self.root_key, self.root_key, ca=True)

    def leaf(self, **changes: Any) -> bytes:
        plan: dict[str, Any] = {"ca": False, "aaguid": AAGUID} | changes
        return certificate("leaf", "root", self.leaf_key, self.root_key, **plan)


@dataclass
class Key:
    """A holder's key."""

    name: str
    counter: int = 0
    eddsa: bool = False

    @property
    def id(self) -> bytes:
        return seeded(f"id {self.name}")

    @property
    def cose(self) -> bytes:
        if self.eddsa:
            public = self._ed.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return cbor({1: 1, 3: -8, -1: 6, -2: public})
        numbers = p256(self.name).public_key().public_numbers()
        return cbor(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        )

    @property
    def _ed(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(seeded(self.name))

    def sign(self, message: bytes) -> bytes:
        return self._ed.sign(message) if self.eddsa else es256(p256(self.name), message)

    def data(self, flags: int, rp_id: str = RP_ID) -> bytes:
        return (
            hashlib.sha256(rp_id.encode()).digest()
            + bytes([flags])
            + (self.counter.to_bytes(4))
        )


@dataclass
class Door:
    """Makes the entries of a door; every argument in `changes` is an attack's."""

    maker: Maker = field(default_factory=Maker)
    up_ms: int = 60_000
    nonces: int = 0

    def stamp(self, step_ms: int = 1000) -> Stamp:
        self.up_ms += step_ms
        return Stamp(START_MS + self.up_ms, BOOT, 5, self.up_ms)

    def boot(self) -> Draft:
        return Draft("boot", {"version": "1", **PLACE})

    def config(self, **changes: Any) -> Draft:
        what: dict[str, Any] = {
            "aaguids": [b64url(AAGUID)],
            "door": "front",
            "origin": "keyra://hq/front",
            "pairing": "numeric",
            "rp_id": RP_ID,
            "sha256": "0" * 64,
            "trust": [b64url(self.maker.root)],
        }
        return Draft("config", what | changes)

    def holder(self, holder: str, state: str = "active") -> Draft:
        commitment = hashlib.sha256(seeded(holder)).hexdigest()
        return Draft(
            "holder",
            {
                "by": {"uid": 0},
                "from_ms": 0,
                "groups": ["staff"],
                "holder": holder,
                "name": commitment,
                "state": state,
                "until_ms": 0,
            },
        )

    def binding(self, purpose: str, /, **changes: Any) -> dict[str, Any]:
        self.nonces += 1
        return {
            **PLACE,
            "expires": self.up_ms + 15_000,
            "issued": self.up_ms,
            "nonce": b64url(seeded(f"nonce {self.nonces}")),
            "purpose": purpose,
            "v": 1,
        } | changes

    def client_data(self, binding: dict[str, Any], kind: str) -> bytes:
        challenge = hashlib.sha256(b"keyra/challenge/v1\0" + canonical(binding))
        origin = f"keyra://{binding['site']}/{binding['door']}"
        return (
            f'{{"type":"{kind}","challenge":"{b64url(challenge.digest())}",'
            f'"origin":"{origin}","crossOrigin":false}}'
        ).encode()

    def assertion(
        self, key: Key, binding: dict[str, Any], *, flags: int = 5, rp_id: str = RP_ID
    ) -> dict[str, Any]:
        client = self.client_data(binding, "webauthn.get")
        data = key.data(flags, rp_id)
        return {
            "authenticatorData": b64url(data),
            "binding": binding,
            "clientDataJSON": b64url(client),
            "signature": b64url(key.sign(data + hashlib.sha256(client).digest())),
        }

    def credential_binding(self, key: Key, purpose: str, /, **changes: Any) -> Any:
        digest = hashlib.sha256(key.id).hexdigest()
        return self.binding(purpose, **({"credential": digest} | changes))

    def attestation(
        self, key: Key, client: bytes, chain: list[bytes] | None = None, **changes: Any
    ) -> bytes:
        attested = AAGUID + len(key.id).to_bytes(2) + key.id + key.cose
        data = changes.get("data", key.data(0x45) + attested)
        signature = es256(self.maker.leaf_key, data + hashlib.sha256(client).digest())
        statement: dict[str, Any] = {
            "alg": -7,
            "sig": signature,
            "x5c": [self.maker.leaf()] if chain is None else chain,
        }
        content: dict[str, Any] = {
            "fmt": "packed",
            "attStmt": statement,
            "authData": data,
        }
        return cbor(content | changes.get("content", {}))

    def enrol(self, key: Key, holder: str, **changes: Any) -> Draft:
        binding = self.binding("enrol", holder=holder, **changes.get("binding", {}))
        client = self.client_data(binding, "webauthn.create")
        raw = self.attestation(
            key, client, changes.get("chain"), **changes.get("attestation", {})
        )
        key.counter += 1
        proof = self.assertion(key, self.credential_binding(key, "enrol.proof"))
        what: dict[str, Any] = {
            "aaguid": b64url(AAGUID),
            "by": {"uid": 0},
            "counter": key.counter,
            "credential": b64url(key.id),
            "evidence": {
                "attestationObject": b64url(raw),
                "binding": binding,
                "clientDataJSON": b64url(client),
            },
            "holder": holder,
            "model": "KEYRA",
            "pairing": "numeric",
            "proof": proof,
            "public_key": b64url(key.cose),
            "until_ms": 0,
        }
        return Draft("enrol", what | changes.get("what", {}))

    def grant(self, key: Key, holder: str, **changes: Any) -> Draft:
        if not changes.get("counter_stuck"):
            key.counter += 1
        binding = changes.get("whole_binding") or self.credential_binding(
            key, "door.unlock", **changes.get("binding", {})
        )
        evidence = self.assertion(key, binding, **changes.get("answer", {}))
        what: dict[str, Any] = {
            "counter": key.counter,
            "credential": b64url(key.id),
            "door": "front",
            "evidence": evidence | changes.get("evidence", {}),
            "holder": holder,
            "purpose": "door.unlock",
            "release_ms": 3000,
            "rule": {"group": "staff", "schedule": "always", "time_trusted": True},
        }
        return Draft("door.grant", what | changes.get("what", {}))

    def state(self, key: Key, state: str) -> Draft:
        what: dict[str, Any] = {
            "by": {"uid": 0},
            "credential": b64url(key.id),
            "reason": "lost",
            "state": state,
        }
        return Draft("credential.state", what)


@dataclass
class Made:
    """A ledger on disk, and what its people hold."""

    path: Path
    key: SigningKey
    seal_key: bytes | None
    door: Door = field(default_factory=Door)

    @property
    def vkey(self) -> str:
        return str(self.key.vkey(ORIGIN))

    def open(self) -> Writer:
        return Writer.open(self.path, self.key)

    def append(self, *drafts: Draft) -> int:
        """Append each in a transaction of its own; returns the last number."""
        writer = self.open()
        try:
            for draft in drafts:
                [last] = writer.append([draft], self.door.stamp())
        finally:
            writer.close()
        return last.n

    def lines(self, key: SigningKey | None = None, **stretch: Any) -> list[bytes]:
        with Reader.open(self.path) as reader:
            return list(export_lines(reader, key=key or self.key, **stretch))


def make(directory: Path, *, sealed: bool = True, seed: str = "ledger") -> Made:
    """Bring a ledger into being."""
    key = SigningKey.from_seed(seeded(seed))
    seal_key = seeded(f"{seed} seal") if sealed else None
    made = Made(directory / "ledger.db", key, seal_key)
    initialise(made.path, ORIGIN, key, made.door.stamp(), seal_key)
    return made


def foreseeing(lines: list[bytes]) -> Replay:
    """Return a replay that knows what these lines restate."""
    replay, base = Replay(), begins_at(lines[0])
    if base:
        replay.foresee(base, (line[:-1] for line in lines))
    return replay


def history(made: Made, grants: int = 3) -> list[Key]:
    """Append a small life of a door: two keys, openings, a denial, a revocation."""
    door, keys = made.door, [Key("anna"), Key("bert", eddsa=True)]
    drafts = [door.boot(), door.config(), door.holder("h1"), door.holder("h2")]
    drafts += [door.enrol(keys[0], "h1"), door.enrol(keys[1], "h2")]
    for _ in range(grants):
        drafts += [door.grant(keys[0], "h1"), door.grant(keys[1], "h2")]
        drafts.append(Draft("door.deny", {"door": "front", "reason": "schedule"}))
    drafts.append(door.state(keys[1], "revoked"))
    made.append(*drafts)
    return keys
