"""The table of policy cases: each line of tests/vectors/policy is one expectation."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from gateway.cli.expectations import Checked, check_table, parse_table
from gateway.config import Config, parse
from gateway.core.facts import DenialReason

FOLDER = Path(__file__).parent / "policy"
THEMES = sorted(path.name.removesuffix(".site.toml") for path in FOLDER.glob("*.site*"))
CASES_MIN = 150

# What every site's file needs besides its policy.
BASE = """
[site]
id = "site"
rp_id = "door.example"
zone = "{zone}"
[gateway]
id = "gateway-1"
[door]
id = "front-door"
lock = "fail-secure"
relay = "active-high"
contact = false
on_untrusted_time = "{on_untrusted_time}"
[pins]
strike = 17
"""


def site(theme: str) -> Config:
    text = (FOLDER / f"{theme}.site.toml").read_text()
    top = {"on_untrusted_time": "deny", **tomllib.loads(text)}
    head, bracket, rest = text.partition("\n[")
    assert "zone" in head
    base = BASE.format(zone=top["zone"], on_untrusted_time=top["on_untrusted_time"])
    return parse(f"{base}\n{bracket}{rest}", theme)


def checked(theme: str) -> list[Checked]:
    config = site(theme)
    table = parse_table((FOLDER / f"{theme}.cases.toml").read_text(), config.zone)
    return list(check_table(table, config.door_policy({})))


@pytest.mark.parametrize("theme", THEMES)
def test_every_line_comes_out_as_it_was_expected(theme: str) -> None:
    wrong = [one for one in checked(theme) if not one.holds]
    assert not wrong, "\n".join(f"{one.case}: {one.step}: {one.found}" for one in wrong)


def test_there_are_enough_and_every_reason_of_the_rules_is_among_them() -> None:
    lines = [one for theme in THEMES for one in checked(theme)]
    assert len({(one.case, one.step) for one in lines}) >= CASES_MIN
    counts = Counter(one.expected.split()[0] for one in lines)
    of_the_rules = {
        DenialReason.LOCKDOWN,
        DenialReason.CREDENTIAL_SUSPENDED,
        DenialReason.CREDENTIAL_REVOKED,
        DenialReason.CREDENTIAL_EXPIRED,
        DenialReason.HOLDER_UNKNOWN,
        DenialReason.HOLDER_SUSPENDED,
        DenialReason.TIME_UNTRUSTED,
        DenialReason.HOLDER_NOT_YET_VALID,
        DenialReason.HOLDER_EXPIRED,
        DenialReason.PASS_USED_UP,
        DenialReason.DOOR_NOT_ALLOWED,
        DenialReason.HOLIDAY,
        DenialReason.OUTSIDE_HOURS,
        DenialReason.FIRST_PERSON_ABSENT,
        DenialReason.PASSBACK,
        DenialReason.SECOND_PERSON_NEEDED,
        DenialReason.STEP_UP_NEEDED,
    }
    assert {reason.value for reason in of_the_rules} | {"granted"} == set(counts)
