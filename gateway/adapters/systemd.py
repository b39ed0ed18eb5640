"""The service manager: readiness and watchdog (sd_notify(3)), and what journald reads.

Nothing here ever raises or blocks: a manager that is away must not hold the door up.
"""

import logging
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from gateway.errors import KeyraError
from gateway.strike.notify import Notifier

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
MESSAGE_CHARS_MAX: Final = 16_384

# syslog(3)'s priorities; sd-daemon(3): a line that begins with "<3>" has that one.
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG: Final = 7


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


class JournaldHandler(logging.Handler):
    """One entry of the journal per record, with fields that can be searched for.

    systemd.journal-fields(7) names the common ones; KEYRA_CODE is the stable code of
    the error that is told of. Whatever journald does not take goes to standard error,
    which journald reads as well.

    Args:
        fields: what every entry has besides, such as KEYRA_DOOR.
    """

    def __init__(self, fields: Mapping[str, str], path: str = JOURNAL_SOCKET) -> None:
        super().__init__()
        self._fields: Final = dict(fields)
        self._path: Final = path
        self._wire: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._wire.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        text = self.format(record)[:MESSAGE_CHARS_MAX]
        entry = {
            **self._fields,
            "MESSAGE": text,
            "PRIORITY": str(_priority(record.levelno)),
            "SYSLOG_IDENTIFIER": "keyra-gateway",
            "KEYRA_LOGGER": record.name,
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
        }
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, KeyraError):
            entry["KEYRA_CODE"] = error.code
        try:
            self._wire.sendto(b"".join(map(_field, entry.items())), self._path)
        except OSError:
            mark = f"<{_priority(record.levelno)}>"
            with suppress(OSError):
                sys.stderr.write("".join(f"{mark}{x}\n" for x in text.splitlines()))

    def close(self) -> None:
        """Let go of the socket."""
        self._wire.close()
        super().close()


def _priority(level: int) -> int:
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG)


def _field(pair: tuple[str, str]) -> bytes:
    """Encode one field as systemd's native journal protocol wants it."""
    name, value = pair[0].encode(), pair[1].encode(errors="replace")
    if b"\n" not in value:
        return name + b"=" + value + b"\n"
    return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def start_log(
    environment: Mapping[str, str], fields: Mapping[str, str], path: str
) -> None:
    """Send the gateway's log to journald if it reads us, else to standard error.

    Args:
        environment: has JOURNAL_STREAM where journald does (systemd.exec(5)).
        fields: what every entry of the journal has besides.
        path: journald's socket, JOURNAL_SOCKET.
    """
    handler: logging.Handler
    if environment.get("JOURNAL_STREAM"):
        handler = JournaldHandler(fields, path)
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
