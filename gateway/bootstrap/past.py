"""The door's past, read beside a running gateway or without one."""

from pathlib import Path

from gateway.adapters.ledger_journal import LedgerHistory
from gateway.bootstrap.parts import LEDGER_NAME
from gateway.config import Config
from gateway.ports import History
from gateway.service.past import Past, past_at

__all__ = ["Past", "history_of", "past_at"]


def history_of(config: Config) -> History:
    """Return the ledger of a config's state directory, for reading."""
    return LedgerHistory(Path(config.gateway.state_dir) / LEDGER_NAME)
