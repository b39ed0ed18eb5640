"""A gateway that goes away under a screen and comes back, for every screen."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Static

from gateway.client import Disconnected
from gateway.core.facts import CredentialState
from gateway.errors import RegistryError
from gateway.schemas import Snapshot, Status
from gateway.service.trials import TrialView
from gateway.service.views import EnrolmentView, HolderView
from ledger.entry import Draft
from tui.messages import Arrived, Failed
from tui.places import PLACES
from tui.screens.order import OrderScreen
from tui.view_models import enrolment, frame
from tui.view_models.live import Model

GONE_S = 42
LOST = f"CONNECTION LOST. What you see is {GONE_S} s old. Trying again."


def banner(app: Any) -> str:
    """What the line says, if it is shown, on the screen that is below all dialogs."""
    line = app.get_screen(app.place.name).query_one("#banner", Static)
    return str(line.content) if line.has_class("shown") else ""


def text_of(drawn: Any, app: Any) -> str:
    return "\n".join(drawn(app))


@pytest.fixture
def lose(gateway: Any, until: Any, clock: Any) -> Callable[[Any, Any], Any]:
    """Stops the gateway under a console; some time goes by."""

    async def go(app: Any, pilot: Any) -> None:
        gateway.stop()
        await until(pilot, lambda: app.model.lost is not None)
        clock.now_s += GONE_S
        app._grow_older()
        await pilot.pause()

    return go


@pytest.fixture
def regain(
    gateway: Any, until: Any, clock: Any, settled: Any
) -> Callable[[Any, Any], Any]:
    """Starts it again; the console has read everything anew."""

    async def go(app: Any, pilot: Any) -> None:
        clock.now_s += 1
        gateway.start()
        await until(pilot, lambda: app.model.lost is None)
        await settled(app, pilot)

    return go


def change_everything(gateway: Any) -> None:
    """What a restarted gateway may say otherwise."""
    facade = gateway.facade
    facade.door = dataclasses.replace(facade.door, phase="held")
    facade.health = dataclasses.replace(facade.health, scanning=False)
    facade.people.append(HolderView("h-new", "New One", (), 0, 0, suspended=False))
    facade.known = {
        name: dataclasses.replace(key, state=CredentialState.SUSPENDED)
        for name, key in facade.known.items()
    }
    facade.ceremony = EnrolmentView("e9", "h-new", "armed", "Press the key's button.")
    facade.trials.view = TrialView("trl_9", "c", "h-new", "waiting", "Wake it.", 0)
    facade.front.known.pop("payment")
    gateway.books.made.append(Draft("door.exit", {"door": "front"}))


# What stands on a screen only after it was read anew.
ANEW = {
    "Door": "HELD OPEN",
    "People": "h-new",
    "Enrol": "Press the key's button.",
    "Approvals": "Nothing waits",
    "Ledger": "entry 17 of 18  live",
    "Policy": "office",
    "Users": "h-new",
    "Purposes": "sign-in",
    "Settings": "Passback",
    "Health": "NOT",
    "Playground": "Wake it.",
    "Start": "From a new door",
}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_each_screen_says_how_old_it_is_and_is_read_anew(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any, place: Any
) -> None:
    async with opened(keys=(place.key,)) as (app, pilot):
        screen, read = app.screen, []
        reload = screen.reload

        def counted() -> None:
            read.append(1)
            reload()

        screen.reload = counted
        await lose(app, pilot)
        assert LOST in text_of(drawn, app)
        assert read == []
        change_everything(gateway)
        await regain(app, pilot)
        assert read
        assert banner(app) == ""
        assert ANEW[place.name] in text_of(drawn, app)
        assert "payment" not in text_of(drawn, app)


async def test_a_screen_opened_without_a_connection_claims_no_age(
    opened: Any, lose: Any, regain: Any, settled: Any
) -> None:
    async with opened() as (app, pilot):
        await lose(app, pilot)
        for place in [one for one in PLACES if one.name != "Door"]:
            await pilot.press(place.key)
            assert banner(app) == (
                "CONNECTION LOST. Nothing was read here yet. Trying again."
            ), place
        await regain(app, pilot)
        for place in PLACES:
            await pilot.press(place.key)
            await settled(app, pilot)
            assert banner(app) == "", place


async def test_what_could_not_be_read_anew_stays_old_and_is_tried_again(
    gateway: Any, drawn: Any, opened: Any, lose: Any, until: Any, clock: Any
) -> None:
    async with opened(keys=("2",)) as (app, pilot):
        await lose(app, pilot)
        holders = gateway.facade.holders

        def fails(*_: Any) -> Any:
            raise RegistryError("It is being repaired.")

        gateway.facade.holders = fails
        clock.now_s += 1
        gateway.start()
        await until(pilot, lambda: "being repaired" in text_of(drawn, app))
        old = f"What you see is {GONE_S + 1} s old. It is being read anew."
        assert banner(app) == old
        change_everything(gateway)
        gateway.facade.holders = holders
        app.post_message(Arrived(app.model.status))  # as after each heartbeat
        await until(pilot, lambda: banner(app) == "")
        await until(pilot, lambda: "h-new" in text_of(drawn, app))


async def test_the_door_says_that_it_shows_what_was_known(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any, until: Any
) -> None:
    async with opened() as (app, pilot):
        gateway.publish(
            "door.phase", phase="forced", mode="Locked", deadline_up_ms=900_000
        )
        gateway.publish("door.grant", holder="h-0042", rule="staff")
        await until(pilot, lambda: "there   OPENED" in text_of(drawn, app))
        await lose(app, pilot)
        lost = text_of(drawn, app)
        for words in ("FORCED (last known)", "ALARM (last known)", "there   nobody"):
            assert words in lost
        assert "Door (last known)" in lost
        assert "Health (last known)" in lost
        assert "s left" not in lost
        await regain(app, pilot)
        assert "last known" not in text_of(drawn, app)
        assert "SECURED" in text_of(drawn, app)
        assert "there   nobody" in text_of(drawn, app)


async def test_the_ledger_is_not_live_without_a_connection(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any
) -> None:
    async with opened(keys=("5",)) as (app, pilot):
        assert "entry 16 of 17  live" in text_of(drawn, app)
        await lose(app, pilot)
        assert "NOT LIVE (last known)" in text_of(drawn, app)
        gateway.books.made.append(Draft("door.exit", {"door": "front"}))
        await regain(app, pilot)
        assert "entry 17 of 18  live" in text_of(drawn, app)


async def test_who_looks_at_the_past_stays_there_and_learns_what_is_new(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any
) -> None:
    for keys, before, after in (
        (("p",), "PAUSED, 0 new (last known)", "entry 16 of 17  PAUSED, 1 new"),
        (("g", "4", "enter"), "past (last known)", "entry 4 of 19  past"),
    ):
        async with opened(keys=("5", *keys)) as (app, pilot):
            await lose(app, pilot)
            assert before in text_of(drawn, app)
            gateway.books.made.append(Draft("door.exit", {"door": "front"}))
            await regain(app, pilot)
            assert after in text_of(drawn, app)
            assert banner(app) == ""


async def test_a_verification_that_nobody_knows_any_more_is_over(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any, until: Any
) -> None:
    async with opened(size=(120, 40), keys=("5", "v")) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "% of 100" in text_of(drawn, app))
        await lose(app, pilot)
        gateway.books.view = dataclasses.replace(gateway.books.view, state="none")
        await regain(app, pilot)
        await until(pilot, lambda: "Nobody has verified" in text_of(drawn, app))
        assert "% of 100" not in text_of(drawn, app)


async def test_a_ceremony_that_nobody_knows_any_more_is_over(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any
) -> None:
    gateway.facade.ceremony = EnrolmentView("e1", "h-1", "armed", "Press the button.")
    async with opened(keys=("3",)) as (app, pilot):
        assert "Press the button." in text_of(drawn, app)
        await lose(app, pilot)
        gateway.facade.ceremony = None
        await regain(app, pilot)
        assert "Whose key?" in text_of(drawn, app)
        said = str(app.screen.query_one("#said", Static).content)
        assert said == f"FAILED: {enrolment.FORGOTTEN}"


async def test_an_order_that_nobody_knows_any_more_cannot_be_signed(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any, settled: Any
) -> None:
    async with opened(keys=("2", "s")) as (app, pilot):
        await pilot.press("right", "enter")
        await settled(app, pilot)
        assert isinstance(app.screen, OrderScreen)
        await lose(app, pilot)
        lost = text_of(drawn, app)
        assert "CONNECTION LOST" in str(app.screen.query_one("#lost", Static).content)
        assert "until it runs out" not in lost
        gateway.facade.desk.known.clear()
        await regain(app, pilot)
        back = text_of(drawn, app)
        assert "knows this order no more" in " ".join(back.split())
        assert "CONNECTION LOST" not in back
        assert not app.screen.check_action("sign", ())
        await pilot.press("escape")
        await settled(app, pilot)
        said = str(app.screen.query_one("#said", Static).content)
        assert said.startswith("The gateway was restarted")


async def test_an_order_keeps_its_state_when_asking_fails_otherwise(
    gateway: Any, opened: Any, settled: Any
) -> None:
    async with opened(keys=("2", "s")) as (app, pilot):
        await pilot.press("right", "enter")
        await settled(app, pilot)
        app.screen.post_message(Failed("unreachable", "Nobody answers."))
        await settled(app, pilot)
        assert app.screen.check_action("sign", ())
        assert gateway.facade.desk.known


async def test_the_rules_are_read_anew_where_they_are_shown(
    gateway: Any, drawn: Any, opened: Any, lose: Any, regain: Any,
    monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    async with opened(size=(120, 40), keys=("6", "d")) as (app, pilot):
        assert "soft" in text_of(drawn, app)
        await lose(app, pilot)
        rules = dataclasses.replace(
            gateway.facade.front.policy.rules(), passback="hard"
        )
        monkeypatch.setattr(gateway.facade.front.policy, "rules", lambda: rules)
        await regain(app, pilot)
        assert "hard" in text_of(drawn, app)


def test_ages_and_gaps() -> None:
    status = Status.model_construct()
    fresh = Model(status=status, heard_s=100.0, since_s=90.0)
    assert not frame.is_outdated(fresh, 90.0)
    assert frame.is_outdated(fresh, 89.0)
    assert frame.is_outdated(fresh, None)
    assert not frame.is_outdated(Model(), None)
    assert frame.banner(fresh, 91.0, 200.0) is None
    assert frame.banner(fresh, None, 200.0, reads=True) is None
    assert frame.banner(fresh, 80.0, 200.0) == (
        "What you see is 2 min old. It is being read anew."
    )


async def test_what_is_told_of_the_past_does_not_move_the_door(
    gateway: Any, drawn: Any, opened: Any, until: Any
) -> None:
    gateway.publish("door.phase", phase="held", mode="Locked")
    gateway.publish("door.exit", door="main")
    async with opened() as (app, pilot):
        await until(pilot, lambda: len(app.model.lines) == 1)
        assert "SECURED" in text_of(drawn, app)
        lost = Snapshot(status=app.model.status, resumed=True)
        for item in (Disconnected("It went."), lost):
            app.post_message(Arrived(item))
        await pilot.pause()
        assert banner(app) == ""
        assert len(app.model.lines) == 1
