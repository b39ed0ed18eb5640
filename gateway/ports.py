"""What the gateway needs to function, as small contracts, one for each outside thing.

An adapter keeps one of these promises with one library; the simulator keeps the same
ones, and tests/conformance holds both to them. Times are milliseconds since boot
(`up_ms`) unless the name says otherwise. Every coroutine here may be cancelled.
"""

from abc import ABC, abstractmethod
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, final

from gateway.core.entries import Record, grant_record, order_record
from gateway.core.facts import InputName, Pattern
from gateway.core.ids import Now, PeerAddress
from gateway.core.measurement import Period
from gateway.core.opening import Opening
from gateway.core.orders import Order
from gateway.core.policy import Grant
from gateway.core.position import LedgerPosition
from gateway.core.provenance import Maker, genuine
from gateway.core.registry import RegistrySnapshot
from gateway.core.rtc_trust import RtcReading, RtcTrust
from gateway.ctap.advert import FidoAdvert

_POSITIONS: Final = Maker(LedgerPosition)


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> Now:
        """Read all clocks at once."""

    def ticks_us(self) -> int:
        """Return a monotonic count of microseconds, for measuring durations only."""

    async def sleep_until(self, up_ms: int) -> None:
        """Return at `up_ms` or a little later; at once if that has passed."""


class Rtc(Protocol):
    """The board's clock with a battery."""

    @property
    def limit_ms(self) -> int:
        """Up to which bound of its error it may be believed; 0 for never."""

    def read(self) -> RtcReading | None:
        """Return what it says now; None where there is none that can be read."""

    def vouch(self, trust: RtcTrust | None) -> None:
        """Have the machine's clock believed so from now on, or no longer."""


class _NoRtc:
    """There is none, or the site does not believe it."""

    limit_ms: int = 0

    def read(self) -> RtcReading | None:
        """Return nothing."""

    def vouch(self, trust: RtcTrust | None) -> None:
        """Nobody asks."""


NO_RTC: Final[Rtc] = _NoRtc()


class Entropy(Protocol):
    """The only source of randomness."""

    def token(self, length_bytes: int) -> bytes:
        """Return fresh bytes that nobody can guess."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One advertisement of a FIDO key.

    Attributes:
        address: identity address where it could be resolved, else the one on air.
        rssi_dbm: signal strength; a figure for people, never for a decision.
        up_ms: when it was heard.
    """

    address: PeerAddress
    advert: FidoAdvert
    rssi_dbm: int
    up_ms: int


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """What a connected key says of itself; sanitised, never trusted.

    Attributes:
        battery_percent: 0-100, or None where the key has no battery service.
    """

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    battery_percent: int | None = None


class Link(Protocol):
    """An open CTAP link over an encrypted, bonded connection."""

    @property
    def fragment_bytes_max(self) -> int:
        """Largest fragment that fidoControlPoint takes (20-512)."""

    async def write(self, fragment: bytes) -> None:
        """Write one fragment.

        Raises:
            LinkLostError, LinkTimeoutError: it may or may not have arrived.
        """

    async def read(self) -> bytes:
        """Return the next fragment from fidoStatus.

        Raises:
            LinkLostError: the peer is gone and everything received was returned.
        """

    async def info(self) -> PeerInfo:
        """Read the companion services; what is missing stays empty."""

    async def close(self) -> None:
        """Disconnect; never raises."""


class Radio(Protocol):
    """Scanning and connecting. One scan at a time; it goes on while links are open."""

    def sightings(self) -> AsyncIterator[Sighting]:
        """Scan until the iterator is closed; FIDO adverts only, duplicates included.

        Raises:
            LinkError: the scan cannot go on.
        """

    async def connect(self, address: PeerAddress) -> Link:
        """Connect over the existing bond and open the FIDO service.

        Raises:
            BondMissingError: there is no bond, or the peer has lost it.
            LinkLostError, LinkTimeoutError: out of reach; bounded in time.
            WireError: the peer is no FIDO2 authenticator.
        """


@dataclass(frozen=True, slots=True)
class Bond:
    """A bond just made; its address is the identity, whatever was on the air.

    Attributes:
        method: "numeric-comparison", "passkey" or "just-works".
    """

    address: PeerAddress
    method: str


Comparer = Callable[[int], Awaitable[bool]]
"""Shows a six-digit number to a person and returns whether both displays agree."""


class Pairing(Protocol):
    """Bonds with keys. Never by itself: only inside the ceremony."""

    async def pair(self, address: PeerAddress, compare: Comparer) -> Bond:
        """Pair and bond with a key in pairing mode.

        Raises:
            PairingRefusedError: refused by a person, the peer or the site's policy.
            LinkLostError, LinkTimeoutError: out of reach; bounded in time.
        """

    async def bonds(self) -> frozenset[PeerAddress]:
        """Return the identity addresses of all bonded peers."""

    async def forget(self, address: PeerAddress) -> None:
        """Remove the bond; no error if there is none."""


class Strike(Protocol):
    """keyra-strike, which alone owns the output line and keeps its own time."""

    async def release(self, serial: int, duration_ms: int) -> None:
        """Release for at most `duration_ms`; returns when the line has moved.

        Args:
            serial: the entry's number for a grant; must rise from call to call.
                -1 for an exit request, which has no entry yet.
            duration_ms: 1 to the strike's own budget.

        Raises:
            StrikeError: refused or out of reach; the line is or becomes secured.
        """

    async def lease(self, duration_ms: int) -> None:
        """Hold released for `duration_ms` from now, beside any release; a sign of life.

        Args:
            duration_ms: 1 to the strike's own lease; ask again before it is over.

        Raises:
            StrikeError: refused or out of reach; the line is or becomes secured.
        """

    async def secure(self) -> None:
        """Secure now, and end every release and lease.

        Raises:
            StrikeError: out of reach; the strike's own timer secures within its budget.
        """

    async def keep_alive(self) -> None:
        """Tell the strike that its peer is alive; at least once a second.

        Raises:
            StrikeError: out of reach.
        """


@dataclass(frozen=True, slots=True)
class InputChanged:
    """A debounced change of one input."""

    name: InputName
    active: bool
    up_ms: int


class Inputs(Protocol):
    """Contact, exit request, tamper, fire: observed, never relied upon to let out."""

    def changes(self) -> AsyncIterator[InputChanged]:
        """Yield the present state of each input once, then every change."""


class Indicators(Protocol):
    """Light and buzzer."""

    def show(self, pattern: Pattern) -> None:
        """Show a pattern until the next one; never raises, never blocks."""


class Journal(ABC):
    """The ledger as the gateway sees it. `append` alone makes a LedgerPosition."""

    @final
    async def append(self, *records: Record) -> LedgerPosition:
        """Write entries in one durable transaction; return the last one's position.

        Raises:
            JournalError: known not to be written; the journal goes on.
            JournalStateUnknownError: stop the process and reopen.
        """
        return await self._position(records, None)

    @final
    async def append_grant(self, grant: Grant) -> LedgerPosition:
        """Write the entry of a grant; only its position lets the door move.

        Raises:
            EvidenceError: policy did not make this grant.
            JournalError, JournalStateUnknownError: as for `append`.
        """
        genuine(grant, Grant)
        return await self._position((grant_record(grant),), grant)

    @final
    async def append_order(self, order: Order, *first: Record) -> LedgerPosition:
        """Write the entry of an order; only its position lets a mode hold the door.

        Args:
            order: what is ordered.
            first: entries that come before its own, in the same transaction.

        Raises:
            EvidenceError: core.orders did not make this order.
            JournalError, JournalStateUnknownError: as for `append`.
        """
        genuine(order, Order)
        return await self._position((*first, order_record(order)), order)

    async def _position(
        self, records: Sequence[Record], covers: object | None
    ) -> LedgerPosition:
        n, leaf = await self._write(records)
        return LedgerPosition(_POSITIONS, n, leaf, covers)

    @abstractmethod
    async def _write(self, records: Sequence[Record]) -> tuple[int, bytes]:
        """Return number and leaf hash of the last entry, once all are durable."""

    @abstractmethod
    def check(self) -> None:
        """Say what went wrong with the ledger after an append was acknowledged.

        Raises:
            JournalStateUnknownError: stop the process and reopen.
        """

    @abstractmethod
    async def close(self) -> None:
        """Write the closing checkpoint and let go of the file."""


@dataclass(frozen=True, slots=True)
class PastEntry:
    """One entry of the ledger, as far as the gateway reads its own past.

    Attributes:
        at_ms: when it was written, Unix milliseconds; -1 if no clock was believed.
        err_ms: the bound of that time's error; -1 likewise.
    """

    n: int
    ev: str
    what: Mapping[str, Any]
    at_ms: int = -1
    err_ms: int = -1


class History(Protocol):
    """The ledger, read back. Blocks; used at start, before the door works."""

    def size(self) -> int:
        """Return how many entries there are."""

    def base(self) -> int:
        """Return the number of the first entry: 0, unless older ones were pruned.

        Raises:
            JournalError: the ledger cannot be read.
        """

    def restated(self) -> Iterator[PastEntry]:
        """Yield what a pruned ledger repeats of the entries before its base, in order.

        Raises:
            JournalError: it cannot be read, or was not pruned by its own writer.
        """

    def entries(self, first: int) -> Iterator[PastEntry]:
        """Yield the entries from number `first` on, in order; 0: from the base on.

        Raises:
            JournalError: the ledger cannot be read.
        """


class PolicyStore(Protocol):
    """The texts of policies; which one counts is the ledger's word."""

    def load(self, sha256: str) -> str | None:
        """Return the text with this hash, or None: not there, unreadable or edited."""

    def save(self, text: str) -> None:
        """Keep a text durably.

        Raises:
            PolicyError: it could not be written.
        """


class RegistryStore(Protocol):
    """Snapshots of the registry; one counts only if the ledger holds its digest."""

    def load(self) -> RegistrySnapshot | None:
        """Return the last snapshot, or None if there is none or it is unreadable."""

    def save(self, snapshot: RegistrySnapshot) -> None:
        """Replace the snapshot in one transaction."""

    def addresses(self) -> Mapping[PeerAddress, bytes]:
        """Return which credential id to ask of which bonded address: a mere hint."""

    def remember_address(self, address: PeerAddress, credential_id: bytes) -> None:
        """Store one hint, replacing an older one of the same address."""

    def forget_address(self, address: PeerAddress) -> None:
        """Remove the hint at an address; no error if there is none."""


class PeopleStore(Protocol):
    """Openings of the ledger's commitments; the only place where a name stands."""

    def seal(self, value: str) -> Opening:
        """Commit to a value under a fresh salt; RegistryError if it is none."""

    def seal_alias(self, alias: str) -> Opening:
        """Commit to an alias, which is stored nowhere; RegistryError if it cannot."""

    def find_alias(self, alias: str) -> tuple[str, ...]:
        """Return commitments that open to an alias; RegistryError if unreadable."""

    def keep(self, subject: str, opening: Opening) -> None:
        """Store an opening; RegistryError if the file does not take it."""

    def reveal(self, commitment: str) -> str | None:
        """Return the value, or None once it was erased."""

    def reveal_all(self, commitments: Sequence[str]) -> Mapping[str, str]:
        """Return the values of those that are not erased, at the cost of one look."""

    def knows(self, subject: str) -> bool:
        """Tell whether there is an opening of a subject."""

    def subjects(self) -> frozenset[str]:
        """Return of whom there are openings; RegistryError if they cannot be read."""

    def erase(self, *subjects: str) -> int:
        """Remove every opening of these for good; RegistryError if one may be left."""

    def withdraw(self, commitment: str) -> None:
        """Remove one opening for good, whose commitment stands in no entry.

        Raises:
            RegistryError: the name may still be there.
        """


@dataclass(frozen=True, slots=True)
class UpkeepFacts:
    """What others did for the gateway's data; -1 for what is not known.

    Attributes:
        sealed_entries: how many entries the seal has seen; -1 without a seal.
        backup_ms, backup_entries: the newest backup that can be seen from here.
        verified_ms: when the whole ledger was last found whole.
        disk_free_bytes: beside the ledger.
    """

    sealed_entries: int = -1
    backup_ms: int = -1
    backup_entries: int = -1
    verified_ms: int = -1
    disk_free_bytes: int = -1


class Upkeep(Protocol):
    """What can be read beside the ledger about its keeping. Blocks; never raises."""

    def read(self) -> UpkeepFacts:
        """Look at all of it."""

    def entry_times(self, numbers: Sequence[int]) -> Mapping[int, int]:
        """Return when entries were written, Unix ms; without those nobody can tell."""


class _NoUpkeep:
    """Nothing is known."""

    def read(self) -> UpkeepFacts:
        """Know nothing."""
        return UpkeepFacts()

    def entry_times(self, _: Sequence[int]) -> Mapping[int, int]:
        """Know none."""
        return {}


NO_UPKEEP: Final[Upkeep] = _NoUpkeep()

Result = TypeVar("Result")


class Aside(Protocol):
    """Does what blocks beside the door, one job after the other."""

    async def run(self, job: Callable[[], Result]) -> Result:
        """Return what the job returns, or raise what it raises."""


class _AtOnce:
    """There is no side: the job is done where one waits for it."""

    async def run(self, job: Callable[[], Result]) -> Result:
        """Do it."""
        return job()


AT_ONCE: Final[Aside] = _AtOnce()


class SilentAlarm(Protocol):
    """The way to whoever helps a holder that is forced to open."""

    def call(self, what: Mapping[str, object]) -> None:
        """Send JSON values, now or as soon as somebody listens.

        Never raises, never waits, and shows nothing.
        """

    def retry(self) -> None:
        """Send again what nobody has taken yet; once a second."""


class _NoAlarm:
    """Nobody is called: the site named no route."""

    def call(self, what: Mapping[str, object]) -> None:
        """Leave it to the ledger."""

    def retry(self) -> None:
        """Nothing waits."""


NO_ALARM: Final[SilentAlarm] = _NoAlarm()


class Telemetry(Protocol):
    """Measurements about the gateway itself; nothing personal."""

    def stage(self, name: str, duration_us: int) -> None:
        """Record how long one stage of a touch took."""

    def gauge(self, name: str, value: int) -> None:
        """Record a level; its unit is the name's last word."""

    def count(self, name: str) -> None:
        """Count one event."""


class TelemetryStore(Protocol):
    """Keeps what was measured, within bounds; the oldest goes first. Never raises."""

    async def save(self, period: Period) -> None:
        """Store a period; where the disk does not take it, it is lost."""

    async def load(self, after_ms: int) -> list[Period]:
        """Return the periods that ended after that Unix time, oldest first."""


class Sensors(Protocol):
    """What the machine says of itself."""

    def read(self) -> Mapping[str, int]:
        """Return levels by names that end in their units; what it lacks is left out."""


class Watchdog(Protocol):
    """The service manager."""

    def ready(self) -> None:
        """Say that the door works."""

    def alive(self) -> None:
        """Say that scan, journal, door and ledger are really alive."""

    def stopping(self) -> None:
        """Say that an orderly stop began."""
