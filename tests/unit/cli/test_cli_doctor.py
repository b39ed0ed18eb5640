"""`keyra doctor` and `keyra write-config`, as a person and a program see them."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config import defaults_text, load

ANSWERS = (
    "a-site",
    "door.example",
    "Europe/Berlin",
    "gw",
    "front",
    "fail-secure",
    "active-high",
    "false",
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(defaults_text())
    return path


def test_where_no_door_is_much_is_wrong_and_it_ends_with_1(
    command: Callable[..., Any], config: Path
) -> None:
    ended = command("--socket", "/nowhere/s", "doctor", "--config", str(config))
    assert ended.code == 1
    assert "things are wrong" in ended.err
    assert "ok    config" in ended.out
    assert "WRONG gateway" in ended.out
    assert "-> Run: journalctl -u keyra-gateway" in ended.out


def test_programs_get_the_same_in_json(ask: Callable[..., Any], config: Path) -> None:
    ended = ask("doctor", "--json", "--config", str(config))
    findings = json.loads(ended.out)
    assert ended.err == ""
    assert {"check", "grade", "what", "where", "advice"} == set(findings[0])
    assert findings[0]["grade"] == "good"
    assert findings[-1]["check"] == "gateway"


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{one}\n" for one in lines)))


def test_answers_become_a_config(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, *ANSWERS, "17", *[""] * 8)
    path = tmp_path / "made.toml"
    assert command("write-config", str(path)).code == 0
    assert load(path).pins.strike == 17


def test_answers_at_odds_are_asked_for_again(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pin 4 is pulled up at reset, which would release this door.
    again = ("pin", "pins.strike", "17")
    type_in(monkeypatch, *ANSWERS, "4", *[""] * 8, *again)
    path = tmp_path / "made.toml"
    ended = command("write-config", str(path))
    assert ended.code == 0
    assert "would release" in ended.err
    assert "One of: site.id" in ended.err
    assert load(path).pins.strike == 17


def test_a_config_that_is_there_is_not_touched(
    command: Callable[..., Any], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, *ANSWERS, "17", *[""] * 8)
    assert command("write-config", str(config)).code == 78
    assert config.read_text() == defaults_text()


@pytest.mark.parametrize("lines", [(), ("a-site",), ("Ä",) * 12])
def test_no_answers_and_endless_wrong_ones_end_it(
    command: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: tuple[str, ...],
) -> None:
    type_in(monkeypatch, *lines)
    path = tmp_path / "made.toml"
    assert command("write-config", str(path)).code == 78
    assert not path.exists()


@pytest.mark.parametrize("kind", ["env", "boot", "chip"])
def test_the_strike_s_settings_are_printed(
    command: Callable[..., Any], config: Path, kind: str
) -> None:
    ended = command("print-strike", kind, "--uid", "990", "--config", str(config))
    assert ended.code == 0
    assert ended.out.endswith("\n")


def test_what_the_units_do_not_give_is_an_error(
    command: Callable[..., Any], config: Path
) -> None:
    text = config.read_text().replace("/var/lib/keyra", "/srv/keyra")
    config.write_text(text)
    ended = command("print-strike", "env", "--config", str(config))
    assert ended.code == 78
    assert "state_dir" in ended.err


def test_a_door_that_nobody_commissioned_is_something_wrong(
    ask: Callable[..., Any], config: Path, gateway: Any
) -> None:
    def found() -> dict[str, str]:
        said = json.loads(ask("doctor", "--json", "--config", str(config)).out)
        (one,) = [one for one in said if one["check"] == "commissioned"]
        return dict(one)

    assert found()["grade"] == "good"
    gateway.facade.door = dataclasses.replace(gateway.facade.door, commissioned=False)
    assert found()["grade"] == "wrong"
    assert "keyra commission" in found()["advice"]
