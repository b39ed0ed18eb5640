"""What a proposed policy changes, in sentences that an administrator can sign."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.policy_text import PolicySections, setting_texts

ELEMENTS_SHOWN: Final = 12
"""Of each list; the hash that is signed stands for all of them."""

_NAMES: Final = {
    "schedules": "schedule",
    "holidays": "holiday",
    "special_hours": "exception",
    "groups": "group",
}


def policy_changes(before: PolicySections | None, after: PolicySections) -> list[str]:
    """Return a sentence for each thing that is added, removed or changed.

    Args:
        before: what is in force; None where that is not known.
        after: what is proposed.
    """
    known = before or PolicySections()
    lines = [] if before is not None else ["The policy in force is not readable here."]
    for attribute, name in _NAMES.items():
        lines += _table(name, getattr(known, attribute), getattr(after, attribute))
    was, will = setting_texts(known.rules), setting_texts(after.rules)
    lines += [f"Change the rule {change}." for change in _settings(was, will)]
    return lines


def _table(name: str, before: tuple[Any, ...], after: tuple[Any, ...]) -> Iterator[str]:
    was = {one.id: setting_texts(one) for one in before}
    will = {one.id: setting_texts(one) for one in after}
    for key, settings in was.items():
        if key not in will:
            yield f"Remove the {name} {key}: {_whole(settings)}."
    for key, settings in will.items():
        if key not in was:
            yield f"Add the {name} {key}: {_whole(settings)}."
        elif settings != was[key]:
            changes = "; ".join(_settings(was[key], settings))
            yield f"Change the {name} {key}: {changes}."
    stay = [key for key in was if key in will]
    if stay != [key for key in will if key in was]:
        yield f"Put each {name} in another order: {', '.join(will)}."


def _settings(was: Mapping[str, str], will: Mapping[str, str]) -> Iterator[str]:
    for key in dict.fromkeys((*was, *will)):
        old, new = was.get(key), will.get(key)
        if old != new:
            yield _change(key, old, new)


def _change(key: str, old: str | None, new: str | None) -> str:
    if old is not None and new is not None and old[0] == new[0] == "[":
        gone, more = _apart(json.loads(old), json.loads(new))
        parts = [f"without {_few(gone)}"] * bool(gone) + [f"with {_few(more)}"] * bool(
            more
        )
        return f"{key} {', '.join(parts) or 'in another order'}"
    return f"{key} from {_shown(old)} to {_shown(new)}"


def _apart(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    return (
        [one for one in old if one not in new],
        [one for one in new if one not in old],
    )


def _whole(settings: Mapping[str, str]) -> str:
    return ", ".join(
        f"{key} {_shown(text)}" for key, text in settings.items() if key != "id"
    )


def _shown(text: str | None) -> str:
    if text is None:
        return "none"
    if text[0] == "[":
        return _few(json.loads(text)) or "none"
    return text.strip('"')


def _few(elements: list[str]) -> str:
    more = len(elements) - ELEMENTS_SHOWN
    shown = ", ".join(elements[:ELEMENTS_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
