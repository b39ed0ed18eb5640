"""What the panel of the live demonstration draws and advises, as plain values."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.schemas import Event
from gateway.sim.door import DoorState
from gateway.sim.key_model import KeyState
from gateway.sim.lamp import LampState
from gateway.sim.look import Look
from tui.stage import picture
from tui.stage.advice import ALL_SEEN, TOUR, advice, seen_by
from tui.stage.picture import LEAF_CHARS, SWUNG_CHARS

KEY = KeyState(
    name="holder-1",
    address="C0:00:00:00:00:01",
    awake=False,
    pairing=False,
    connected=False,
    blinking=False,
    battery_percent=100,
    uv_retries=3,
    counter=1,
    credentials=1,
    bonds=1,
    shown_number=None,
    asks=False,
)
DARK = LampState("", green=False, red=False, buzzer=False)
LOOK = Look(
    DoorState(released=False, energised=False, open=False), DARK, (), ("holder-1",), KEY
)
RELEASED = replace(LOOK, door=DoorState(released=True, energised=True, open=False))
OPEN = replace(LOOK, door=DoorState(released=False, energised=False, open=True))


def holding(**what: Any) -> Look:
    return replace(LOOK, key=replace(KEY, **what))


def test_a_shut_door_is_drawn_with_its_bolt() -> None:
    assert picture.door(LOOK, 0).splitlines() == [
        "┌─────────┐",
        "│┌───────┐│ ",
        "││       ││ ",
        "││       ││ ",
        "││      o││=",
        "││       ││ ",
        "││       ││ ",
        "│└───────┘│ ",
        "┴─────────┴",
    ]


@pytest.mark.parametrize("swing", range(len(SWUNG_CHARS)))
def test_the_leaf_swings_inside_its_frame(swing: int) -> None:
    rows = picture.door(OPEN, swing).splitlines()
    assert len(rows) == 9
    assert {len(row.rstrip("= ")) for row in rows[1:-1]} == {LEAF_CHARS + 2}
    assert any("o" in row for row in rows)


def test_the_bolt_says_whether_the_door_holds() -> None:
    bolt = 4
    assert picture.door(LOOK, 0).splitlines()[bolt].endswith("=")
    assert picture.door(RELEASED, 0).splitlines()[bolt].endswith(" ")
    assert picture.door(OPEN, 2, forced=True).splitlines()[bolt].endswith("x")


def test_nothing_is_said_by_colour_alone() -> None:
    lit = replace(LOOK, lamp=LampState("denied", green=False, red=True, buzzer=True))
    assert picture.lamp(LOOK) == "light  ( ) dark"
    assert picture.lamp(lit) == "light  (*) red"
    assert "beeps" in picture.signs(lit)
    assert "denied" in picture.signs(lit)
    assert "holds" in picture.signs(LOOK)
    assert "RELEASED" in picture.signs(RELEASED)
    assert "OPEN" in picture.signs(OPEN)
    assert "BROKEN OPEN" in picture.signs(OPEN, forced=True)
    assert "FIRE" in picture.signs(replace(LOOK, inputs=("fire",)))


def test_the_drawer_shows_the_keys_around_the_chosen_one() -> None:
    keys = tuple(f"k{number}" for number in range(9))
    assert picture.drawer(keys, "k0", 3).splitlines() == ["> k0", "  k1", "  k2"]
    assert picture.drawer(keys, "k5", 3).splitlines() == ["  k4", "> k5", "  k6"]
    assert picture.drawer(keys, "k8", 3).splitlines() == ["  k6", "  k7", "> k8"]
    assert picture.drawer(("a\x1b",), "", 3) == "  a\ufffd"


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (LOOK, "sleeps."),
        (holding(awake=True), "is awake."),
        (holding(awake=True, pairing=True), "is ready for a new bond."),
        (holding(awake=True, pairing=True, connected=True), "is in touch"),
        (holding(connected=True, blinking=True), "BLINKS"),
        (holding(shown_number=42), "It shows 000042."),
        (replace(LOOK, key=None), "Your hand is empty."),
    ],
)
def test_the_key_in_the_hand_is_described(look: Look, words: str) -> None:
    assert words in picture.held(look)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (holding(asks=True, shown_number=7, blinking=True), "The key shows 000007."),
        (holding(blinking=True), "The key blinks: t"),
        (holding(pairing=True), "waits for a new bond"),
        (replace(OPEN, inputs=("fire",)), "a puts the fire out"),
        (OPEN, "o closes it"),
        (RELEASED, "o pulls the door open"),
    ],
)
def test_what_to_do_now_comes_before_the_tour(look: Look, words: str) -> None:
    assert words in advice(look, ())


def test_the_tour_goes_on_with_what_was_not_seen() -> None:
    names = list(TOUR)
    for seen in range(len(names)):
        assert advice(LOOK, names[:seen]) == TOUR[names[seen]]
    assert advice(LOOK, names) == ALL_SEEN


@pytest.mark.parametrize(
    ("kind", "data", "part"),
    [
        ("door.grant", {}, "opened"),
        ("door.deny", {"reason": "lockdown"}, "denied"),
        ("touch.stranger", {}, "denied"),
        ("door.exit", {}, "exit"),
        ("door.forced", {}, "forced"),
        ("alarm", {"kind": "fire"}, "fire"),
        ("alarm", {"kind": "strike-lost"}, None),
        ("enrol", {}, "enrolled"),
        ("credential.state", {"state": "revoked"}, "revoked"),
        ("credential.state", {"state": "suspended"}, None),
        ("new.kind", {}, None),
    ],
)
def test_what_happens_is_a_part_of_the_tour(
    kind: str, data: dict[str, object], part: str | None
) -> None:
    event = Event.model_validate(
        {"id": 1, "kind": kind, "wall_ms": 1, "up_ms": 1, "data": data}
    )
    assert seen_by(event) == part
