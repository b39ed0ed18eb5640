"""Real grants for tests: a software P-256 key, the real rules, the real evidence.

Nothing here goes round a maker: each Grant comes from `verify` and `decide`, and each
LedgerPosition from a Journal that keeps its entries in memory.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.core.assertion import Answer, Verified, verify
from gateway.core.challenge import ChallengeBook, Place, Purpose
from gateway.core.door_events import Hold, Unlock
from gateway.core.entries import Record
from gateway.core.facts import CredentialState, Mode
from gateway.core.ids import (
    CredentialId,
    DoorId,
    GatewayId,
    GroupId,
    HolderId,
    Now,
    ScheduleId,
    SiteId,
)
from gateway.core.orders import Order, ordered
from gateway.core.policy import Access, DoorPolicy, Grant, decide
from gateway.core.position import LedgerPosition
from gateway.core.public_key import PublicKey
from gateway.core.registry import Credential, Holder, Registry
from gateway.core.schedule import Schedule
from gateway.ports import Journal

HERE = DoorId("front")
ELSEWHERE = DoorId("side")
RELEASE_MS = 5_000

HOLDER = Holder(HolderId("h1"), "0" * 64, (GroupId("staff"),), 0, 0, suspended=False)
CREDENTIAL_ID = CredentialId(bytes(range(32)))
T = TypeVar("T")


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("It waited.")


class MemoryJournal(Journal):
    """Counts entries and keeps none; durable as long as the test is."""

    def __init__(self) -> None:
        self.size = 0

    async def _write(self, records: Sequence[Record]) -> tuple[int, bytes]:
        self.size += len(records)
        return self.size - 1, sha256(str(self.size).encode()).digest()

    def check(self) -> None:
        """Nothing happens after an append."""

    async def close(self) -> None:
        """Nothing to close."""


class Touches:
    """One key, enrolled at every door of one site; each touch makes a new grant."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        self._cose = (
            bytes.fromhex("a5010203262001215820")
            + numbers.x.to_bytes(32, "big")
            + bytes.fromhex("225820")
            + numbers.y.to_bytes(32, "big")
        )
        self._counter = 0
        self.journal = MemoryJournal()

    def grant(
        self,
        up_ms: int,
        door: DoorId = HERE,
        release_ms: int = RELEASE_MS,
        *,
        extended: bool = False,
    ) -> Grant:
        """Touch, verify and decide, all at `up_ms`."""
        now = Now(up_ms, 1_700_000_000_000 + up_ms, 0, "0" * 16)
        registry = self._registry(extended=extended)
        verified = self._verified(door, registry, now)
        policy = DoorPolicy(
            door=door,
            access=(Access(GroupId("staff"), ScheduleId("any")),),
            schedules={ScheduleId("any"): Schedule.parse("always")},
            zone=ZoneInfo("UTC"),
            release_ms=release_ms,
        )
        grant = decide(verified, registry, policy, now)
        assert isinstance(grant, Grant)
        return grant

    def position(self, grant: Grant) -> LedgerPosition:
        """Write the grant's entry."""
        return at_once(self.journal.append_grant(grant))

    def unlock(
        self,
        up_ms: int,
        door: DoorId = HERE,
        release_ms: int = RELEASE_MS,
        *,
        extended: bool = False,
    ) -> Unlock:
        """All of it: touch, decision, entry."""
        grant = self.grant(up_ms, door, release_ms, extended=extended)
        return Unlock(grant, self.position(grant))

    def order(
        self, mode: Mode, up_ms: int, for_ms: int = 0, door: DoorId = HERE
    ) -> Order:
        """Order a mode at `up_ms`."""
        now = Now(up_ms, 1_700_000_000_000 + up_ms, 0, "0" * 16)
        return ordered(door, mode, {"gateway": True}, now, for_ms)

    def hold(self, order: Order) -> Hold:
        """Write an order's entry."""
        return Hold(order, at_once(self.journal.append_order(order)))

    def _credential(self) -> Credential:
        return Credential(
            CREDENTIAL_ID,
            HOLDER.id,
            PublicKey(self._cose),
            bytes(16),
            "model",
            self._counter,
            CredentialState.ACTIVE,
        )

    def _registry(self, *, extended: bool = False) -> Registry:
        registry = Registry()
        registry.apply(0, "holder", replace(HOLDER, extended=extended).row())
        registry.apply(1, "enrol", self._credential().row())
        return registry

    def _verified(self, door: DoorId, registry: Registry, now: Now) -> Verified:
        place = Place(SiteId("site"), GatewayId("gate"), door, "site.test")
        book = ChallengeBook(place)
        self._counter += 1
        nonce = self._counter.to_bytes(32, "big")
        challenge = book.issue(now, nonce, credential_id=CREDENTIAL_ID)
        data = place.rp_id_hash + b"\x05" + self._counter.to_bytes(4, "big")
        signature = self._key.sign(
            data + challenge.client_data_hash, ec.ECDSA(SHA256())
        )
        verified = verify(
            book,
            challenge.digest,
            Answer(data, signature, CREDENTIAL_ID, challenge.client_data_json),
            registry.credential(CREDENTIAL_ID),
            Purpose.DOOR_UNLOCK,
            now,
        )
        assert isinstance(verified, Verified), verified
        return verified
