"""Orders in words: exactly what a person signs, a line for each thing that changes."""

from datetime import UTC, datetime
from typing import Final

from gateway.core.encoding import to_base64url
from gateway.core.registry import Credential, Holder
from gateway.core.rights import Role

ID_CHARS_SHOWN: Final = 16
_MS_PER_S: Final = 1000


def named(holder_id: str, name: str | None) -> str:
    """Name a holder by pseudonym and, where it is known, by name."""
    return f"{holder_id} ({name})" if name else holder_id


def key_words(credential: Credential, name: str | None) -> str:
    """Name a key by the beginning of its id, its model and its holder."""
    short = to_base64url(credential.id)[:ID_CHARS_SHOWN]
    return f"{short} ({credential.model}) of {named(credential.holder_id, name)}"


def holder_words(holder: Holder, name: str | None, before: Holder | None) -> str:
    """Say all about a holder as they will be."""
    verb = "Register" if before is None else "Change"
    groups = ", ".join(holder.groups) or "none"
    parts = [f"groups {groups}", f"valid {_validity(holder.from_ms, holder.until_ms)}"]
    if holder.uses_max:
        parts.append(f"passes each door {holder.uses_max} times at most")
    elif before is not None and before.uses_max:
        parts.append("passes without a count")
    if holder.extended:
        parts.append("with more time at a door")
    elif before is not None and before.extended:
        parts.append("without more time at a door")
    if holder.role is not Role.NONE or (before and before.role is not Role.NONE):
        parts.append(f"role {holder.role.value or 'none'}")
    if before is not None and before.name_commitment != holder.name_commitment:
        parts.append("under this new name")
    return f"{verb} {named(holder.id, name)}: {'; '.join(parts)}."


def enrolment_words(
    who: str, until_ms: int, replaced: Credential | None, *, duress: bool = False
) -> tuple[str, ...]:
    """Say what becomes of keys in an enrolment."""
    lines = [f"Enrol a key of {who}, valid {_validity(0, until_ms)}."]
    if duress:
        lines.append(
            "For when its holder is forced: it opens, and calls for help, for as long "
            "as it is enrolled."
        )
    if replaced is not None:
        short = to_base64url(replaced.id)[:ID_CHARS_SHOWN]
        lines.append(f"Revoke the key {short}, which it replaces.")
    return tuple(lines)


def _validity(from_ms: int, until_ms: int) -> str:
    if from_ms and until_ms:
        return f"from {_instant(from_ms)} until {_instant(until_ms)}"
    if from_ms:
        return f"from {_instant(from_ms)}"
    return f"until {_instant(until_ms)}" if until_ms else "without end"


def _instant(wall_ms: int) -> str:
    try:
        when = datetime.fromtimestamp(wall_ms // _MS_PER_S, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{wall_ms} ms"
    return when.isoformat(sep=" ").removesuffix("+00:00") + "Z"
