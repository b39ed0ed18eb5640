"""What a file says is what the gateway is told; what is wrong is said with its line."""

import hashlib
import re
import tracemalloc
from pathlib import Path

import pytest

from gateway.config import FILE_BYTES_MAX, PairingMethod, load, parse
from gateway.config.reader import LINE_CHARS_MAX
from gateway.core.door_timing import Relock
from gateway.core.policy import OnUntrustedTime
from gateway.errors import ConfigError
from gateway.strike.wiring import Lock, Relay


def line_of(text: str, part: str) -> int:
    return 1 + text[: text.index(part)].count("\n")


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "gateway.toml")
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?")), message
    return message


def test_a_file_becomes_typed_values(full: str) -> None:
    config = parse(full, "gateway.toml")
    assert config.site.rp_id == "door.example"
    assert config.door.release_ms == 2_500
    assert config.door.lock is Lock.FAIL_SECURE
    assert config.door.relay is Relay.ACTIVE_HIGH
    assert config.pins.contact == 27
    assert config.pins.tamper is None
    assert config.trust.roots == (
        "/etc/keyra/roots/maker.pem",
        "/etc/keyra/roots/other.pem",
    )
    assert [schedule.id for schedule in config.schedules] == ["office-hours", "nights"]
    assert config.groups[1].doors == ("front-door",)


def test_what_is_left_out_has_its_default(full: str) -> None:
    config = parse(full, "gateway.toml")
    assert config.door.challenge_ttl_ms == 15_000
    assert config.door.relock_on is Relock.OPENING
    assert config.door.on_untrusted_time is OnUntrustedTime.DENY
    assert PairingMethod.JUST_WORKS not in config.radio.pairing
    assert config.limits.open_challenges_max == 64


def test_each_part_of_the_gateway_is_told_its_share(full: str) -> None:
    config = parse(full, "gateway.toml")
    assert config.door_timing.release_ms == 2_500
    assert config.door_timing.release_ms_max == config.strike_limits.momentary_ms_max
    assert config.wiring.safe_level == 0
    assert config.place.origin == "keyra://example-site/front-door"
    assert str(config.zone) == "Europe/Berlin"
    policy = config.door_policy({})
    assert [(line.group, line.schedule) for line in policy.access] == [
        ("staff", "office-hours"),
        ("guards", "always"),
    ]
    assert len(policy.schedules["office-hours"].windows) == 6  # type: ignore[index]  # a plain str is enough for a look-up


def test_a_group_for_another_door_gives_no_access_here(full: str) -> None:
    text = full.replace('doors = ["front-door"]', 'doors = ["back-door"]')
    access = parse(text, "gateway.toml").door_policy({}).access
    assert [line.group for line in access] == ["staff"]


def test_the_hash_is_that_of_the_files_bytes(full: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(full)
    config = load(path)
    assert config.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert config == parse(full + "# a comment more\n", "gateway.toml")


WRONG: list[tuple[str, str, str, str]] = [
    # (what stands there, what is written instead, where the error points, its words)
    ("release_s = 2.5", 'release_s = "five"', "release_s", "0.1 to 60 seconds"),
    ("release_s = 2.5", "release_s = true", "release_s", "0.1 to 60 seconds"),
    ("release_s = 2.5", "release_s = nan", "release_s", "0.1 to 60 seconds"),
    ("release_s = 2.5", "release_s = 60.001", "release_s", "0.1 to 60 seconds"),
    ("release_s = 2.5", "release_s = 20", "release_s", "momentary_s_max"),
    ("release_s = 2.5", "release_ms = 2500", "release_ms", "did you mean release_s?"),
    ("release_s = 2.5", "zzz = 1", "zzz", "remove it"),
    ("[trust]", "[truth]", "[truth]", "did you mean trust?"),
    ("contact = true", 'contact = "yes"', 'contact = "yes"', "without quotes"),
    ("contact = true", "contact = false", "contact = 27", "remove one of the two"),
    ("contact = 27\n", "", "contact = true", "[pins] contact is not set"),
    ('"fail-secure"', '"secure"', "lock =", '"fail-secure" or "fail-safe"'),
    ('"fail-secure"', "[1]", "lock =", '"fail-secure" or "fail-safe"'),
    ("exit = 22", "exit = 27", "exit =", "contact uses already"),
    ("exit = 22", "exit = 28", "exit =", "2 to 27"),
    ("exit = 22", "exit = 22.0", "exit =", "whole number"),
    ("exit = 22", "exit = true", "exit =", "whole number"),
    ("strike = 17", "strike = 14", "strike = 14", "serial console"),
    ("strike = 17\n", "", "[pins]", "is missing"),
    ("strike = 17", "strike = 17\nled_red = 17", "led_red", "strike uses already"),
    ('"active-high"', '"active-low"', "strike = 17", "at each boot"),
    ('"door.example"', '"https://door.example"', "rp_id", "domain name"),
    ('"Europe/Berlin"', '"Europe/Atlantis"', "zone", "IANA"),
    ('"Europe/Berlin"', '"../../etc/passwd"', "zone", "IANA"),
    ('"Europe/Berlin"', '"Europe"', "zone", "IANA"),
    ('"example-site"', '"Example Site"', "id =", "identifier"),
    (
        '"/etc/keyra/roots/other.pem"',
        '"roots/other.pem"',
        '"roots/other.pem"',
        "absolute path",
    ),
    (
        '"/etc/keyra/roots/other.pem"',
        '"/etc/keyra/roots/maker.pem"',
        '"/etc/keyra/roots/maker.pem",\n]',
        "twice",
    ),
    ("aaguids = [", "aaguids = 7 #", "aaguids", "a list of at most 256"),
    (
        '"Mon-Sun 22:00-06:00"',
        '"Mon-Sun 25:00-06:00"',
        '"Mon-Sun 25',
        "no clock shows",
    ),
    ('"Mon-Sun 22:00-06:00"', '"Mon 8-9; Tue 8-9"', '"Mon 8-9;', "one window in each"),
    ('"Mon-Sun 22:00-06:00"', '"Mön 08:00-09:00"', '"Mön', "one window in each"),
    ('"Mon-Sun 22:00-06:00"', "7", "7,", "weekly windows"),
    ('"Mon-Sun 22:00-06:00",', "", "windows = [\n", "1 to 64"),
    ('"Sat 09:00-12:00"', '"always"', 'windows = ["Mon', "no window"),
    (
        'id = "nights"',
        'id = "office-hours"',
        'id = "office-hours"\nwindows = [\n',
        "rename",
    ),
    ('id = "nights"', 'id = "always"', 'id = "always"', "rename it"),
    ('id = "guards"', 'id = "staff"', 'id = "staff"\ndoors = ["front-door"]', "rename"),
    ('= "office-hours"\n\n[[g', '= "evenings"\n\n[[g', '= "evenings"', "add one"),
    ('"back-door"]', "1]", '"front-door", 1]', "identifier"),
    ("[door]", "[[door]]", "[[door]]", "section in brackets"),
    ("[pins]", "[pins", "[pins", "this is not TOML"),
]


@pytest.mark.parametrize(
    ("there", "instead", "points_at", "words"), WRONG, ids=[w[1][:40] for w in WRONG]
)
def test_what_is_wrong_is_said_with_line_and_advice(
    full: str, there: str, instead: str, points_at: str, words: str
) -> None:
    assert there in full
    before, _, after = full.partition(there)
    text = before + instead + after
    message = refusal(text)
    assert words in message
    line = int(re.match(r"gateway\.toml:(\d+): ", message)[1])  # type: ignore[index]  # no match fails too
    assert line == line_of(text, points_at), message


def test_a_table_that_repeats_must_be_an_array(full: str) -> None:
    text = full[: full.index("[[group]]")] + '[group]\nid = "staff"\n'
    assert "as [[group]]" in refusal(text)


def test_a_section_that_must_be_there_is_missed() -> None:
    assert refusal("limits.addresses_max = 64").startswith("gateway.toml:1: [site] id")


def test_more_groups_than_a_door_can_have_lines_are_refused(full: str) -> None:
    more = "".join(f'[[group]]\nid = "g{n}"\ndoors = ["d"]\n' for n in range(255))
    assert "256 is the limit" in refusal(full + more)


def test_a_syntax_error_at_the_end_names_the_last_line() -> None:
    assert refusal('[site]\nid = """never closed\n').startswith("gateway.toml:2: ")


def test_a_value_from_the_file_cannot_write_to_a_terminal(full: str) -> None:
    nasty = '"\\u001b[31m\\u202ered' + "x" * 100 + '"'
    message = refusal(full.replace('"front-door"\nlock', nasty + "\nlock"))
    assert message.isprintable()
    assert message.isascii() or "…" in message
    assert len(message) < 250


def test_what_is_too_large_is_not_parsed() -> None:
    assert str(FILE_BYTES_MAX) in refusal("#\n" * FILE_BYTES_MAX)


def test_nesting_without_end_is_refused() -> None:
    assert "nested" in refusal("a = " + "[\n" * 30_000)


def test_dotted_keys_without_end_cost_little_memory() -> None:
    key = "a" + ".a" * 499
    assert len(key) < LINE_CHARS_MAX
    text = "\n".join(f"[x{n}]\n{key} = 1" for n in range(60))
    tracemalloc.start()
    try:
        refusal(text)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 256 * 2**20


def test_a_line_without_end_is_refused(full: str) -> None:
    text = full + "a" + ".a" * LINE_CHARS_MAX + " = 1\n"
    message = refusal(text)
    assert message.startswith(f"gateway.toml:{line_of(text, 'a.a.a')}: ")
    assert str(LINE_CHARS_MAX) in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[site]\nid = '\xff'\n", ":2: this is not UTF-8"),
        (b"#" * (FILE_BYTES_MAX + 1), "larger than"),
    ],
)
def test_a_file_of_other_bytes_is_refused(
    tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=re.escape(words)):
        load(path)


def test_a_file_that_is_not_there_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="keyra print-config"):
        load(tmp_path / "nothing.toml")
