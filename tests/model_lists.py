"""Lists of models as their publisher signs them, whole or with one thing wrong."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.core.certificate_path import load_root
from gateway.core.encoding import to_base64url
from gateway.core.model_list import PUBLISHER, ModelList, load_model_list
from tests.attested import AAGUID, Plan, ca, issue
from tests.desk import key_number

LIST_ROOT = ca("List Root", 20, 1)


def publisher(**changes: Any) -> Plan:
    """The certificate of whoever signs lists."""
    names = x509.SubjectAlternativeName([x509.DNSName(PUBLISHER)])
    members: dict[str, Any] = {
        "name": PUBLISHER,
        "key": key_number(21),
        "unit": None,
        "aaguid": None,
        "extensions": ((names, False),),
    }
    return Plan(**(members | changes))


def entry(aaguid: bytes, *statuses: str) -> dict[str, Any]:
    """A model with its reports."""
    reports = [{"status": word, "effectiveDate": "2026-01-01"} for word in statuses]
    return {"aaguid": str(UUID(bytes=aaguid)), "statusReports": reports}


@dataclass
class Published:
    """A list to be; change a part before `data` or `load`."""

    entries: Any = field(
        default_factory=lambda: [
            entry(AAGUID, "FIDO_CERTIFIED", "REVOKED", "UPDATE_AVAILABLE"),
            entry(b"\5" * 16, "FIDO_CERTIFIED_L1"),
            {"aaid": "1234#5678", "statusReports": [{"status": "REVOKED"}]},
        ]
    )
    number: Any = 7
    next_update: Any = "2026-09-01"
    leaf: Plan = field(default_factory=publisher)
    algorithm: str = "ES256"
    header: dict[str, Any] = field(default_factory=dict)
    signer: Any = None
    trusted: Plan = LIST_ROOT

    @property
    def data(self) -> bytes:
        """The file."""
        chain = [base64.b64encode(issue(self.leaf, LIST_ROOT)).decode()]
        header = {"alg": self.algorithm, "typ": "JWT", "x5c": chain} | self.header
        payload = {"no": self.number, "nextUpdate": self.next_update}
        payload["entries"] = self.entries
        signed = ".".join(
            to_base64url(json.dumps(part).encode()) for part in (header, payload)
        )
        return f"{signed}.{to_base64url(self.signature(signed.encode()))}\n".encode()

    def signature(self, signed: bytes) -> bytes:
        """As the algorithm wants it."""
        key = self.signer or self.leaf.key
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(signed, padding.PKCS1v15(), SHA256())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    def load(self) -> ModelList:
        """Believe it, or not."""
        root = load_root(issue(self.trusted, self.trusted))
        return load_model_list(self.data, [root])
