"""The door's screen, on a real API; read off the console's own export."""

import dataclasses
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from textual.widgets import Static

from gateway.client import (
    ApiError,
    Disconnected,
    Heartbeat,
    UnreachableError,
)
from tui.feed import follow
from tui.messages import Arrived, Refused
from tui.screens.dialogs import AskScreen
from tui.screens.door import NOTHING_YET
from tui.screens.order import OrderScreen
from tui.view_models import modes

# Of the frame that the export draws around the terminal.
FRAME = {"ff5f57", "febc2e", "28c840", "c5c8c6"}
COLOUR = re.compile(r"(?:fill|color): ?#([0-9a-f]{6})")

Drawn = Callable[[Any], list[str]]


async def test_the_whole_screen_at_80_by_24(
    gateway: Any, drawn: Drawn, opened: Any, until: Any
) -> None:
    gateway.publish("door.grant", holder="h-0042", rule="staff", credential="x")
    gateway.publish("door.deny", reason="outside-hours", holder="h-0007")
    gateway.publish("door.forced", door="main")
    async with opened() as (app, pilot):
        await until(pilot, lambda: len(app.model.lines) >= 3)
        screen = drawn(app)
    assert len(screen) == 24
    assert max(map(len, screen)) == 80
    assert "\n".join(screen[:13]) == (
        " KEYRA  main  (gw-1 at hq)  › Door\n"
        f"{screen[1]}\n"
        f"╭─ Door {'─' * 41}╮╭─ Health {'─' * 19}╮\n"
        f"│ SECURED{' ' * 40}││ ok   hears keys{' ' * 12}│\n"
        f"│ {screen[4][2:47]}  ││ ok   ledger written{' ' * 8}│\n"
        f"│ mode    Locked: keys open{' ' * 22}"
        f"││ ok   strike in reach{' ' * 7}│\n"
        f"│{' ' * 48}││ ok   clock synchronised{' ' * 4}│\n"
        f"│ ledger  42 entries{' ' * 29}│╰{'─' * 28}╯\n"
        f"╰{'─' * 48}╯\n"
        f"╭─ Last openings and denials {'─' * 50}╮\n"
        f"│ {'11-14 22:13:20  ALARM     forced open':<77}│\n"
        f"│ {'11-14 22:13:20  DENIED    outside-hours  h-0007':<77}│\n"
        f"│ {'11-14 22:13:20  OPENED    h-0042  staff':<77}│"
    )
    assert screen[1].startswith(" [1 Door] ")
    assert screen[4].startswith("│ there   ")
    assert screen[-1] == (
        " l Lock down  u Hold open  n Normal  : Palette  q Quit  ? Help"
    )


async def test_an_empty_tail_says_what_to_do(drawn: Drawn, opened: Any) -> None:
    async with opened() as (app, _):
        assert any(NOTHING_YET in line for line in drawn(app))


async def test_what_happens_is_on_the_screen(
    gateway: Any, drawn: Drawn, opened: Any, until: Any
) -> None:
    async with opened() as (app, pilot):
        gateway.publish("door.phase", phase="released", mode="Locked")
        gateway.publish("door.grant", holder="h-0042", rule="staff")
        await until(pilot, lambda: len(app.model.lines) >= 1)
        screen = drawn(app)
    assert screen[3].startswith("│ RELEASED ")
    assert "OPENED    h-0042  staff" in screen[10]


async def test_what_is_broken_is_said_without_colour(
    gateway: Any, drawn: Drawn, opened: Any
) -> None:
    gateway.facade.health = dataclasses.replace(gateway.facade.health, scanning=False)
    async with opened() as (app, _):
        assert "NOT  hears keys" in drawn(app)[3]


async def test_a_lost_gateway_is_said_with_its_age_and_comes_back(
    gateway: Any, drawn: Drawn, opened: Any, until: Any, clock: Any
) -> None:
    async with opened() as (app, pilot):
        gateway.publish("door.grant", holder="h-0042", rule="staff")
        await until(pilot, lambda: len(app.model.lines) >= 1)
        gateway.stop()
        await until(pilot, lambda: app.model.lost is not None)
        clock.now_s += 42
        app._grow_older()
        await pilot.pause()
        lost = drawn(app)
        gateway.start()
        await until(pilot, lambda: app.model.lost is None)
        back = drawn(app)
    assert lost[2] == " CONNECTION LOST. What you see is 42 s old. Trying again."
    assert lost[4].startswith("│ SECURED (last known) ")
    assert back[3].startswith("│ SECURED  ")
    assert not any("LOST" in line for line in back)


async def test_who_may_not_look_is_told_why(
    drawn: Drawn, opened: Any, until: Any
) -> None:
    async with opened() as (app, pilot):
        app.post_message(Refused("User 7 may not do this; ask for membership."))
        await until(pilot, lambda: app.model.refused is not None)
        screen = drawn(app)
    assert screen[2] == " User 7 may not do this; ask for membership."
    assert not any("SECURED" in line for line in screen)


async def test_text_of_others_is_text_and_no_markup(
    gateway: Any, drawn: Drawn, opened: Any, until: Any
) -> None:
    async with opened() as (app, pilot):
        gateway.publish("alarm", kind="[red]x[/red]", detail="\x1b[31mno")
        await until(pilot, lambda: len(app.model.lines) >= 1)
        assert "[red]x[/red]  \ufffd[31mno" in drawn(app)[10]


async def test_the_key_that_is_named_works(opened: Any, until: Any) -> None:
    async with opened() as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
        assert app.return_code == 0


class Scripted:
    """A client that says what it was told to; exceptions are raised."""

    def __init__(self, events: list[Any], status: Any) -> None:
        self._events = events
        self._status = status

    async def events(self, recent: int) -> AsyncIterator[Any]:
        assert recent
        for event in self._events:
            yield said(event)

    async def status(self) -> Any:
        return said(self._status)


def said(thing: Any) -> Any:
    if isinstance(thing, Exception):
        raise thing
    return thing


async def fed(events: list[Any], status: Any) -> list[Any]:
    posted: list[Any] = []
    scripted: Any = Scripted(events, status)
    await follow(scripted, posted.append)
    return posted


async def test_a_heartbeat_brings_the_whole_status() -> None:
    posted = await fed([Heartbeat()], "status")
    assert [type(message) for message in posted] == [Arrived, Arrived]
    assert posted[1].item == "status"


@pytest.mark.parametrize(
    "error", [UnreachableError("gone"), ApiError("busy", "Later.", 503)]
)
async def test_a_status_that_does_not_come_is_left_to_the_stream(
    error: Exception,
) -> None:
    posted = await fed([Heartbeat(), Disconnected("gone")], error)
    assert [type(message.item) for message in posted] == [Heartbeat, Disconnected]


async def test_a_refusal_for_good_is_passed_on() -> None:
    (refused,) = await fed([ApiError("forbidden", "You may not.", 403)], None)
    assert isinstance(refused, Refused)
    assert refused.why == "You may not."


async def test_no_color_means_none(
    monkeypatch: pytest.MonkeyPatch, opened: Any
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened() as (app, _):
        shades = set(COLOUR.findall(app.export_screenshot())) - FRAME
    assert shades
    assert all(shade[:2] == shade[2:4] == shade[4:] for shade in shades), shades


async def test_it_grows_with_its_terminal(drawn: Drawn, opened: Any) -> None:
    async with opened(size=(132, 43)) as (app, _):
        screen = drawn(app)
    assert len(screen) == 43
    assert max(map(len, screen)) == 132


def text(app: Any, where: str) -> str:
    return str(app.screen.query_one(where, Static).content)


@pytest.mark.parametrize(
    ("key", "mode", "words"),
    [
        ("l", "LockedDown", "Nobody will get in any more"),
        ("u", "Unlocked", "stand open to everybody"),
        ("n", "Locked", "a lockdown too"),
    ],
)
async def test_a_mode_asks_with_cancel_first(
    gateway: Any, opened: Any, settled: Any, key: str, mode: str, words: str
) -> None:
    async with opened(keys=(key,)) as (app, pilot):
        assert isinstance(app.screen, AskScreen)
        assert words in text(app, "#question")
        await pilot.press("enter")
        assert gateway.facade.changes == []
        await pilot.press(key)
        await settled(app, pilot)
        await pilot.press("right", "enter")
        await settled(app, pilot)
        assert gateway.facade.changes[-1][0] == f"mode {mode}"
        assert text(app, "#said") == modes.DONE[mode]  # type: ignore[index]  # a word of the table above


async def test_broken_glass_is_loud_until_somebody_signs(
    gateway: Any, opened: Any, settled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = gateway.facade.status

    def broken() -> Any:
        return dataclasses.replace(said(), unacknowledged=("break-glass",))

    monkeypatch.setattr(gateway.facade, "status", broken)
    async with opened() as (app, pilot):
        assert text(app, "#alarms") == "ALARM  break-glass: press a"
        await pilot.press("a")
        await settled(app, pilot)
        assert isinstance(app.screen, OrderScreen)
        assert len(gateway.facade.desk.wishes) == 1


async def test_a_release_is_counted_down(
    gateway: Any, opened: Any, until: Any, clock: Any
) -> None:
    async with opened() as (app, pilot):
        gateway.publish(
            "door.phase", phase="released", mode="Locked", deadline_up_ms=65_000
        )
        await until(pilot, lambda: "RELEASED, 5 s left" in text(app, "#door"))
        clock.now_s += 3
        app._grow_older()
        assert "RELEASED, 2 s left" in text(app, "#door")
        clock.now_s += 3
        app._grow_older()
        assert text(app, "#door").startswith("RELEASED\n")


async def test_who_is_there_is_said_for_a_minute(
    gateway: Any, opened: Any, until: Any, clock: Any
) -> None:
    gateway.publish("door.grant", holder="h-0001", rule="staff")
    async with opened() as (app, pilot):
        assert "there   nobody" in text(app, "#door")
        gateway.publish("door.deny", holder="h-0007", reason="lockdown")
        await until(pilot, lambda: "DENIED  lockdown  h-0007" in text(app, "#door"))
        clock.now_s += 61
        app._grow_older()
        assert "there   nobody" in text(app, "#door")


async def test_its_pictures(gateway: Any, snap: Any) -> None:
    gateway.publish("door.grant", holder="h-0042", rule="staff", credential="x")
    gateway.publish("door.deny", reason="outside-hours", holder="h-0007")
    gateway.publish("door.forced", door="main")
    await snap("door")
