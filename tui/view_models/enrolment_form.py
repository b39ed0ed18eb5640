"""What is typed to enrol somebody, as an order; or one sentence about what is wrong."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from pydantic import ValidationError

from gateway.order_schemas import KeyOrder
from gateway.schemas import EnrolmentOrder

FIELDS: Final = (
    ("holder_id", "Pseudonym", "such as h-0042"),
    ("name", "Name", "stays on this machine; empty: as it is"),
    ("groups", "Groups", "such as staff night; decide where and when one may pass"),
    ("until", "Valid until", "2031-12-31 or 2031-12-31 18:00; empty: no end"),
    ("role", "Role", "admin, operator, auditor; empty for everybody else"),
)
"""Each field: its word, its label, and what may stand in it."""

_LABELS: Final = {word: label for word, label, _ in FIELDS}
_MEMBERS: Final = {"until_ms": "until"}
_MS_PER_S: Final = 1000


class FormError(ValueError):
    """What is typed is no order; the message is one sentence, `field` says where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def wish(typed: Mapping[str, str], replaces: str, zone: tzinfo | None) -> KeyOrder:
    """Return what is ordered; what is left empty is left as it is.

    Args:
        typed: by the words of FIELDS.
        replaces: the id of a lost key, or empty.
        zone: in which a time is meant; the machine's own if None.

    Raises:
        FormError: it is no order.
    """
    members: dict[str, Any] = {
        word: typed[word].strip() for word in ("holder_id", "name", "role")
    }
    members["groups"] = tuple(typed["groups"].replace(",", " ").split())
    members["until_ms"] = _until_ms(typed["until"].strip(), zone)
    members["replaces"] = replaces
    said = {word: value for word, value in members.items() if value}
    try:
        return KeyOrder.model_validate({"kind": "enrol", **said})
    except ValidationError as error:
        first = error.errors()[0]
        word = str(first["loc"][0]) if first["loc"] else "holder_id"
        word = _MEMBERS.get(word, word)
        raise FormError(word, f"{_LABELS.get(word, word)}: {_why(word)}") from error


def directly(order: KeyOrder) -> EnrolmentOrder:
    """Return the same, for a gateway where it takes no finger."""
    said = order.model_dump(exclude_defaults=True, exclude={"kind"})
    return EnrolmentOrder.model_validate(said)


def _until_ms(text: str, zone: tzinfo | None) -> int:
    if not text:
        return 0
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=zone) if zone else instant.astimezone()
        return int(instant.timestamp() * _MS_PER_S)
    except (ValueError, OverflowError, OSError):
        raise FormError("until", f"{_LABELS['until']}: {_why('until')}") from None


def _why(word: str) -> str:
    return {
        "holder_id": "small letters, digits, and . _ - between them, 64 at most.",
        "name": "printable characters, 120 at most.",
        "groups": "small letters, digits, and . _ - between them, apart by spaces.",
        "until": "a date in the future such as 2031-12-31, perhaps with 18:00.",
        "role": "admin, operator, auditor, or nothing.",
    }.get(word, "this cannot be.")
