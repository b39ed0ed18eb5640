"""The default file, written from the settings' own descriptions."""

import dataclasses
import textwrap
from typing import Any, Final

from gateway.config.config import Config
from gateway.config.item import ITEM, SECTION, Heading, Item
from gateway.config.values import key_of

_WIDTH: Final = 80
_HEAD: Final = (
    "Settings of a KEYRA gateway. Each line shows the default, or, where it says "
    '"required", an example that you must replace. Durations are in seconds. '
    "`keyra check-config` tells what is wrong with a file, and where."
)


def defaults_text() -> str:
    """Return a commented file of all settings; parsing it gives the defaults."""
    sections = [
        _section(field.metadata[SECTION])
        for field in dataclasses.fields(Config)
        if SECTION in field.metadata
    ]
    return "\n\n".join([_comment(_HEAD), *sections]) + "\n"


def _section(heading: Heading) -> str:
    prefix = "#" if heading.many else ""
    title = f"[[{heading.table}]]" if heading.many else f"[{heading.table}]"
    lines = ["", _comment(heading.about), prefix + title]
    for field in dataclasses.fields(heading.holds):
        lines += ["", *_setting(field, prefix)]
    return "\n".join(lines).strip("\n")


def _setting(field: "dataclasses.Field[Any]", prefix: str) -> list[str]:
    item: Item = field.metadata[ITEM]
    value = (
        item.example if field.default in (dataclasses.MISSING, None) else field.default
    )
    mark = "Required; give" if item.required else "Give"
    if field.default is None:
        prefix = "#"
    line = f"{prefix}{key_of(field.name)} = {item.kind.write(value)}"
    return [_comment(f"{item.about} {mark} {item.kind.allows}."), line]


def _comment(text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
