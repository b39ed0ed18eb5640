"""A door that is only rehearsed: people, touches and events in memory, by the rules.

What happens is told to a registry of its own in the ledger's words, so that the rules
remember here what they would remember at the door. No key signs and nothing opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from gateway.core.encoding import Json, to_base64url
from gateway.core.facts import CredentialState, DenialReason, Mode
from gateway.core.holder import Holder
from gateway.core.ids import CredentialId, DoorId, HolderId, Now
from gateway.core.passages import moment_row
from gateway.core.policy import DoorPolicy, Judgement, judge
from gateway.core.public_key import PublicKey
from gateway.core.registry import Credential, Registry

BOOT_CHARS: Final = 16

# P-256's base point (SEC 2, §2.4.2) as a COSE key: right in form, and nobody's.
_KEY: Final = PublicKey(
    bytes.fromhex(
        "a5010203262001215820"
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "225820"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with one key.

    Attributes:
        key: active, suspended, revoked or duress.
        key_until_ms: when the key expires, Unix milliseconds; 0 = never.
    """

    holder: Holder
    key: str = "active"
    key_until_ms: int = 0

    @property
    def credential_id(self) -> CredentialId:
        """The key's."""
        return CredentialId(sha256(self.holder.id.encode()).digest())

    @property
    def credential(self) -> Credential:
        """The key as it is enrolled."""
        return Credential(
            id=self.credential_id,
            holder_id=self.holder.id,
            public_key=_KEY,
            aaguid=bytes(16),
            model="rehearsed",
            counter=0,
            state=CredentialState.ACTIVE,
            until_ms=self.key_until_ms,
            duress=self.key == "duress",
        )


class Rehearsal:
    """One door and its people, from a first moment on."""

    def __init__(
        self, policy: DoorPolicy, people: Mapping[str, Person], wall_ms: int
    ) -> None:
        self._policy = policy
        self._people: Final = people
        self._registry: Final = Registry()
        self._granted = -1
        self._boots = 0
        self._now = Now(0, wall_ms, 0, self._boot())
        for person in people.values():
            self._tell("holder", person.holder.row())
            self._tell("enrol", person.credential.row())
            if person.key in {"suspended", "revoked"}:
                self._key_becomes(person, person.key)

    def at(self, wall_ms: int) -> None:
        """Let time pass until a clock on the wall shows this; it may be put back."""
        passed_ms = max(0, wall_ms - self._now.wall_ms)
        up_ms = self._now.up_ms + passed_ms
        self._now = replace(self._now, up_ms=up_ms, wall_ms=wall_ms)

    def leap(self, wall_ms: int) -> None:
        """Put the clock on the wall to this while no time passes."""
        self._now = replace(self._now, wall_ms=wall_ms)

    def reboot(self) -> None:
        """Begin a new boot: the clock of the old one is gone."""
        self._now = replace(self._now, up_ms=0, boot=self._boot())

    def trust(self, *, trusted: bool) -> None:
        """Have the wall clock believed, or not."""
        self._now = replace(self._now, err_ms=0 if trusted else -1)

    def mode(self, mode: Mode) -> None:
        """Order the door's mode."""
        self._policy = replace(self._policy, mode=mode)

    def suspend(self, name: str, *, suspended: bool) -> None:
        """Suspend or resume a holder."""
        holder = self._registry.holder(HolderId(name))
        if holder is not None:
            self._tell("holder", replace(holder, suspended=suspended).row())

    def revoke(self, name: str) -> None:
        """Revoke a holder's key."""
        self._key_becomes(self._people[name], "revoked")

    def exit_request(self) -> None:
        """Somebody asks to be let out."""
        self._tell("door.exit", {"door": self._policy.door})

    def unused(self) -> None:
        """Nobody opened after the last grant."""
        self._tell("door.unused", {"door": self._policy.door, "entry": self._granted})

    def leaves_by(self, name: str, door: DoorId) -> None:
        """A holder is granted at another door, an exit reader for instance."""
        what = {"decided": moment_row(self._now), "door": door, "holder": name}
        self._tell("door.grant", what)

    def touch(self, name: str) -> Judgement:
        """A holder touches their key."""
        person = self._people.get(name)
        key = None if person is None else person.credential_id
        judged = judge(HolderId(name), self._registry, self._policy, self._now, key)
        self._tell(*_said(name, key, self._policy.door, self._now, judged))
        if judged.denial is None:
            self._granted = self._registry.entries - 1
        return judged

    def _key_becomes(self, person: Person, state: str) -> None:
        credential = to_base64url(person.credential_id)
        self._tell("credential.state", {"credential": credential, "state": state})

    def _boot(self) -> str:
        self._boots += 1
        return f"{self._boots:0{BOOT_CHARS}x}"

    def _tell(self, ev: str, what: Mapping[str, Any]) -> None:
        self._registry.apply(self._registry.entries, ev, what)


def _said(
    name: str, key: CredentialId | None, door: DoorId, now: Now, judged: Judgement
) -> tuple[str, dict[str, Json]]:
    """Return the entry of a touch, as far as the registry reads it."""
    what: dict[str, Json] = {"decided": moment_row(now), "door": door, "holder": name}
    if key is not None:
        what["credential"] = to_base64url(key)
    if judged.denial is not None:
        return "door.deny", {**what, "reason": judged.denial.value}
    return "door.grant", {**what, "touches": judged.touches}


def outcome(judged: Judgement) -> str:
    """Return what came of a touch in a table's words: "granted +two", "lockdown"."""
    if judged.denial is not None:
        return str(judged.denial.value)
    flags = (
        ("untrusted", not judged.time_trusted),
        ("two", bool(judged.touches)),
        ("again", judged.passed_again),
        ("duress", judged.duress_route is not None),
    )
    return " ".join(["granted", *(f"+{word}" for word, holds in flags if holds)])


OUTCOMES: Final = frozenset({"granted", *(reason.value for reason in DenialReason)})
FLAGS: Final = frozenset({"+untrusted", "+two", "+again", "+duress"})
