"""Which policy holds: what the ledger's entries say of it, and nothing else.

A `policy` entry puts a policy in force; `policy.stands` says again, with a snapshot of
the registry, which one that is. Both name it by the SHA-256 of its text alone. A text
that has another hash is not it, whoever wrote it into a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from gateway.core.encoding import Json
from gateway.core.row import word
from gateway.errors import RegistryError

POLICY: Final = "policy"
POLICY_STANDS: Final = "policy.stands"

_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PolicyStanding:
    """The policy in force.

    Attributes:
        sha256: of its text, 64 hex digits.
        config: SHA-256 of the policy that the config file held when that was said; a
            config that holds another one was edited since.
    """

    sha256: str
    config: str

    @classmethod
    def read(cls, what: Mapping[str, Any]) -> "PolicyStanding":
        """Return what an entry says.

        Raises:
            RegistryError: it names no policy.
        """
        return cls(word(what, "sha256", is_digest), word(what, "config", is_digest))

    def what(self, door: str) -> dict[str, Json]:
        """Return what an entry holds, without `by`."""
        return {"config": self.config, "door": door, "sha256": self.sha256}


def is_digest(text: str) -> bool:
    """Tell whether this is a SHA-256 as entries write it."""
    return _DIGEST.fullmatch(text) is not None


def policy_digest(text: str) -> str:
    """Return by which hash a policy's text is signed, kept and named."""
    return sha256(text.encode()).hexdigest()


def said_again(known: PolicyStanding | None, what: Mapping[str, Any]) -> PolicyStanding:
    """Return what stands after a `policy.stands` entry.

    Raises:
        RegistryError: it puts another policy in force, which takes a `policy` entry.
    """
    standing = PolicyStanding.read(what)
    if known is not None and known.sha256 != standing.sha256:
        raise RegistryError(
            "Another policy was in force; ordering one is another entry."
        )
    return standing
