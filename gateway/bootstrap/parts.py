"""What both compositions have in common: the ledger, the stores and the strike."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.adapters.aside import AsideThread
from gateway.adapters.ledger_journal import LedgerHistory, LedgerJournal
from gateway.adapters.machine_sensors import MachineSensors
from gateway.adapters.people_store import SqlitePeopleStore
from gateway.adapters.policy_store import FilePolicyStore
from gateway.adapters.registry_store import SqliteRegistryStore
from gateway.adapters.silent_alarm import DatagramAlarm
from gateway.adapters.strike_client import StrikeClient
from gateway.adapters.telemetry_store import SqliteTelemetryStore
from gateway.adapters.upkeep_files import UpkeepFiles
from gateway.backup.keeping import found
from gateway.config import Config
from gateway.ports import NO_ALARM, Clock, Entropy, SilentAlarm
from ledger.rotation import load_signing_key

LEDGER_NAME: Final = "ledger.db"
KEY_NAME: Final = "ledger.key"
REGISTRY_NAME: Final = "registry.db"
PEOPLE_NAME: Final = "people.db"
POLICIES_NAME: Final = "policies"
BONDS_NAME: Final = "bonds.json"
TELEMETRY_NAME: Final = "telemetry.db"
SEAL_KEY_NAME: Final = "ledger.seal-key"

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The adapters that are the same on an appliance and in a simulation."""

    journal: LedgerJournal
    history: LedgerHistory
    registry_store: SqliteRegistryStore
    people: SqlitePeopleStore
    policies: FilePolicyStore
    strike: StrikeClient
    telemetry_store: SqliteTelemetryStore
    sensors: MachineSensors
    silent_alarm: SilentAlarm
    upkeep: UpkeepFiles
    aside: AsideThread


@contextmanager
def opened_parts(config: Config, clock: Clock, entropy: Entropy) -> Iterator[Parts]:
    """Open everything that lies in the state directory.

    Raises:
        AlreadyRunningError, JournalError: the ledger cannot be opened for writing.
    """
    directory = Path(config.gateway.state_dir)
    with ExitStack() as stack:
        # One thread of its own: the ledger's writes wait for the disk.
        executor = stack.enter_context(ThreadPoolExecutor(1, "ledger"))
        spare = stack.enter_context(ThreadPoolExecutor(1, "telemetry"))
        aside = stack.enter_context(ThreadPoolExecutor(1, "aside"))
        path = directory / LEDGER_NAME
        _warn_of(directory / SEAL_KEY_NAME)
        key = load_signing_key(path, directory / KEY_NAME)
        strike = StrikeClient(Path(config.strike.socket))
        stack.callback(strike.close)
        yield Parts(
            journal=LedgerJournal.open(path, key, clock, executor),
            history=LedgerHistory(path),
            registry_store=SqliteRegistryStore(directory / REGISTRY_NAME),
            people=SqlitePeopleStore(directory / PEOPLE_NAME, entropy),
            policies=FilePolicyStore(directory / POLICIES_NAME),
            strike=strike,
            telemetry_store=SqliteTelemetryStore(directory / TELEMETRY_NAME, spare),
            sensors=MachineSensors(directory),
            silent_alarm=_silent_alarm(config),
            upkeep=UpkeepFiles(path, lambda: _newest_backup(config)),
            aside=AsideThread(aside),
        )


def _warn_of(seal_key: Path) -> None:
    """Say so while what only the auditor may have still lies here."""
    if seal_key.exists():
        _LOG.warning(
            "The seal's first key still lies in %s: give it to whoever audits this "
            "door, and remove it here. While it lies here, whoever takes this machine "
            "can rewrite the whole ledger.",
            seal_key,
        )


def _newest_backup(config: Config) -> tuple[int, int] | None:
    backups = found(Path(config.backup.dir), config.gateway.id)
    return (backups[-1].made_ms, backups[-1].entries) if backups else None


def _silent_alarm(config: Config) -> SilentAlarm:
    path = config.duress.socket
    return NO_ALARM if path is None else DatagramAlarm(Path(path))
