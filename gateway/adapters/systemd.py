"""The service manager: readiness and watchdog (sd_notify(3)), and what journald reads.

Nothing here ever raises or blocks: a manager that is away must not hold the door up.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Final

from gateway.strike.notify import Notifier

# sd-daemon(3): a line that begins so has that priority in the journal.
_PRIORITIES: Final = (
    (logging.CRITICAL, "<2>"),
    (logging.ERROR, "<3>"),
    (logging.WARNING, "<4>"),
    (logging.INFO, "<6>"),
)
_DEBUG: Final = "<7>"


class SystemdWatchdog:
    """ports.Watchdog; silent where no manager listens."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier: Final = notifier

    def ready(self) -> None:
        """Say that the door works."""
        self._notifier.say("READY=1\nSTATUS=The door works.")

    def alive(self) -> None:
        """Say that scan, journal, door and ledger are really alive."""
        self._notifier.say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that an orderly stop began."""
        self._notifier.say("STOPPING=1")


def watchdog_from(environment: Mapping[str, str]) -> SystemdWatchdog:
    """Return the watchdog of the manager that started this process, if one did."""
    return SystemdWatchdog(Notifier(environment))


class JournaldFormatter(logging.Formatter):
    """One line of the journal per line of a record, each with the record's priority."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text; journald adds time and process by itself."""
        mark = next((m for level, m in _PRIORITIES if record.levelno >= level), _DEBUG)
        return "\n".join(mark + line for line in super().format(record).splitlines())


def log_to_stderr(environment: Mapping[str, str]) -> None:
    """Send the gateway's log to standard error, with priorities if journald reads it.

    Args:
        environment: has JOURNAL_STREAM where it does (systemd.exec(5)).
    """
    handler = logging.StreamHandler(sys.stderr)
    if environment.get("JOURNAL_STREAM"):
        handler.setFormatter(JournaldFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
