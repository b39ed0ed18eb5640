"""`[patterns]`: what light and buzzer play is the site's to say, or ours."""

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config import defaults_text, parse
from gateway.config.patterns import PATTERN_CHARS_MAX, Patterns, attribute_of
from gateway.core.facts import Pattern
from gateway.core.patterns import PLAYED, TABLE, Step
from gateway.errors import ConfigError

GRANTED = 'granted = "gb400 | g3600000"'


def changed(line: str) -> str:
    """The file of defaults, with another line for granted."""
    text = defaults_text()
    assert GRANTED in text
    return text.replace(GRANTED, line)


def test_without_a_word_it_is_ours() -> None:
    assert Patterns().texts == TABLE
    assert parse(defaults_text(), "a").patterns.played == PLAYED
    assert {attribute_of(one) for one in Pattern} == set(Patterns.__slots__)


def test_a_site_overrides_one_by_name() -> None:
    played = parse(changed('granted = "gb800 | g1000 -20"'), "a").patterns.played
    once, again = played[Pattern.GRANTED]
    assert once == (Step(green=True, red=False, buzzer=True, duration_ms=800),)
    assert [step.duration_ms for step in again] == [1_000, 20]
    del played[Pattern.GRANTED]  # type: ignore[attr-defined] # a dict, read-only by type
    assert played.items() <= PLAYED.items()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("granted = 7", "granted is 7; give steps once"),
        ('granted = ""', "granted is ''; give steps once"),
        ('granted = "| x50"', "granted is '| x50'; give steps once"),
        ('granted = "| g50\\n"', "give steps once"),
        ('granted = "| gü50"', "give steps once"),
        (f'granted = "| {"g1 " * (PATTERN_CHARS_MAX // 3)}"', "give steps once"),
        ('granted = "g50"', 'granted is no pattern: "g50" says nothing that goes on'),
        (
            'granted = "| bg50"',
            'granted is no pattern: "bg50" is no step; write lights',
        ),
        ('granted = "| g0"', '"g0" is no step'),
        ('granted = "| 50"', '"50" is no step'),
        (f'granted = "| {"g1 " * 33}"', "more than 32 steps"),
        ('welcome = "| g50"', "welcome"),
    ],
)
def test_what_is_no_pattern_is_one_sentence(line: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(changed(line), "site.toml")
    said = str(caught.value)
    assert said.startswith("site.toml:")
    assert says in said
    assert said.endswith(".")
    assert "\n" not in said


def test_two_that_are_alike_are_refused() -> None:
    denied = TABLE[Pattern.DENIED].replace(" | ", "   |  ")
    with pytest.raises(ConfigError, match="denied is played as granted is"):
        parse(changed(f'granted = "{denied}"'), "site.toml")


def test_it_is_checked_before_it_is_started_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(changed('granted = "on"'))
    for words in (["check-config"], ["run"]):
        assert main([*words, "--config", str(path)]) == 78
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "[patterns] granted" in said
    path.write_text(changed('granted = "gb800 | g1000"'))
    assert main(["check-config", "--config", str(path)]) == 0
