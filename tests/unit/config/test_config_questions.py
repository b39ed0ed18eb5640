"""What an installer is asked, and what becomes of the answers."""

import pytest

from gateway.config import defaults_text, parse
from gateway.config.questions import answered_text, questions
from gateway.config.strike_settings import (
    boot_lines,
    chip_drop_in,
    strike_environment,
    unit_faults,
)
from gateway.config.values import WrongValueError

BY_NAME = {f"{one.table}.{one.key}": one for one in questions()}
ANSWERS = {
    "site.id": "example-site",
    "site.rp_id": "door.example",
    "site.zone": "Europe/Berlin",
    "gateway.id": "gateway-1",
    "door.id": "front-door",
    "door.lock": "fail-safe",
    "door.relay": '"active-low"',
    "door.contact": "true",
    "pins.strike": "17",
    "pins.contact": "27",
}


def answered(**changed: str) -> str:
    given = {**ANSWERS, **{key.replace("__", "."): v for key, v in changed.items()}}
    return answered_text({BY_NAME[key]: BY_NAME[key].toml(given[key]) for key in given})


def test_everything_without_a_default_is_asked_and_answers_make_a_config() -> None:
    required = {key for key, one in BY_NAME.items() if not one.optional}
    assert required <= ANSWERS.keys()
    config = parse(answered(), "answers")
    assert config.pins.strike == 17
    assert config.pins.contact == 27
    assert config.pins.exit is None
    assert config.site.zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("pins.strike", "40"),
        ("pins.strike", "seventeen"),
        ("door.lock", "locked"),
        ("door.contact", "yes"),
        ("site.id", ""),
        ("site.id", 'x" \n[door]'),
        ("site.id", "[" * 900),
        ("site.zone", "Mars/Base"),
    ],
)
def test_an_answer_that_is_none_is_refused(key: str, answer: str) -> None:
    with pytest.raises(WrongValueError, match="give"):
        BY_NAME[key].toml(answer)


@pytest.mark.parametrize(
    ("lock", "relay", "pin", "drive"),
    [
        ("fail-safe", "active-high", "4", "dh"),
        ("fail-safe", "active-low", "9", "dl"),
        ("fail-secure", "active-high", "9", "dl"),
        ("fail-secure", "active-low", "4", "dh"),
    ],
)
def test_the_firmware_is_told_the_level_that_secures(
    lock: str, relay: str, pin: str, drive: str
) -> None:
    text = answered(door__lock=lock, door__relay=relay, pins__strike=pin)
    assert boot_lines(parse(text, "answers")).splitlines() == [
        "dtparam=strict_gpiod",
        f"gpio={pin}=op,{drive}",
    ]


def test_the_strike_is_told_what_the_config_says() -> None:
    config = parse(answered() + "chip = 4\n[strike]\nmomentary_s_max = 20\n", "answers")
    words = strike_environment(config, 990).split()
    assert words[words.index('KEYRA_STRIKE="--line') + 1] == "gpio:4:17"
    assert words[words.index("--uid") + 1] == "990"
    assert words[words.index("--momentary-ms-max") + 1] == "20000"
    assert "dev-gpiochip4.device" in chip_drop_in(config)


def test_what_the_units_do_not_give_is_said() -> None:
    assert unit_faults(parse(defaults_text(), "defaults")) == []
    elsewhere = answered().replace(
        'id = "gateway-1"', 'id = "gateway-1"\nstate_dir = "/srv/keyra"'
    )
    assert "state_dir" in unit_faults(parse(elsewhere, "answers"))[0]
