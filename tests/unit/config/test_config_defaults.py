"""The default file cannot rot: it is read back here, setting by setting."""

import dataclasses
import tomllib

import pytest

from gateway.config import Config, defaults_text, parse
from gateway.config.item import ITEM, SECTION, Heading, Item
from gateway.config.values import key_of
from gateway.core.special_days import Days


def headings() -> list[Heading]:
    return [
        field.metadata[SECTION]
        for field in dataclasses.fields(Config)
        if SECTION in field.metadata
    ]


def required_only() -> str:
    """The shortest file there is."""
    lines = []
    for heading in headings():
        if not heading.many:
            lines.append(f"[{heading.table}]")
            for field in dataclasses.fields(heading.holds):
                item: Item = field.metadata[ITEM]
                if item.required:
                    value = item.kind.write(item.example)
                    lines.append(f"{key_of(field.name)} = {value}")
    return "\n".join(lines)


def test_the_default_file_says_what_leaving_out_says() -> None:
    assert parse(defaults_text(), "defaults") == parse(required_only(), "short")


@pytest.mark.parametrize("heading", headings(), ids=lambda heading: heading.table)
def test_every_setting_stands_in_it_with_what_it_takes(heading: Heading) -> None:
    text = defaults_text()
    prose = " ".join(text.replace("\n# ", " ").split())
    for field in dataclasses.fields(heading.holds):
        item: Item = field.metadata[ITEM]
        assert f"\n{key_of(field.name)} = " in text.replace("\n#", "\n")
        assert item.kind.allows in prose


def test_every_example_is_one_that_could_be_written() -> None:
    for heading in headings():
        for field in dataclasses.fields(heading.holds):
            item: Item = field.metadata[ITEM]
            value = field.default
            if value in (dataclasses.MISSING, None):
                value = item.example
            literal = item.kind.write(value)
            read = item.kind.read(tomllib.loads(f"x = {literal}")["x"])
            assert item.kind.write(read) == literal


def test_lines_fit_a_terminal() -> None:
    assert max(map(len, defaults_text().splitlines())) <= 80


def test_the_repeated_sections_hold_when_their_marks_are_removed() -> None:
    lines = [
        line[1:] if line.startswith("#") and not line.startswith("# ") else line
        for line in defaults_text().splitlines()
    ]
    text = "\n".join(lines).replace("contact = false", "contact = true")
    config = parse(text, "defaults")
    assert config.schedules[0].id == "office-hours"
    assert config.pins.buzzer == 13
    assert config.door_policy(dict.fromkeys(config.calendars, Days())).access
