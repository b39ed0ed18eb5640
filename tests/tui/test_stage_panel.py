"""The holder's panel on a world that is served here, and a gateway without a door."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot

from gateway.client import AsyncClient
from gateway.core.facts import InputName
from gateway.errors import SimulationError
from gateway.schemas import Event
from gateway.sim.place import Place
from gateway.sim.remote import RemoteWorld
from gateway.sim.world import World
from gateway.strike.wiring import Lock, Relay
from tui.stage.app import LiveConsole
from tui.stage.hand import ACTS, Hand
from tui.stage.panel import Panel, PanelScreen, WelcomeScreen

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


@pytest.fixture
async def place() -> AsyncIterator[tuple[Place, Path]]:
    """A world with two keys, served by this process."""
    made = Place(3, lock=Lock.FAIL_SECURE, relay=Relay.ACTIVE_HIGH)
    ready, ended = asyncio.Event(), asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:

        async def live() -> None:
            async with made:
                await made.add_key("holder-1")
                await made.add_key("new-1")
                serving = asyncio.ensure_future(
                    World(made, Path(name)).serve(ready.set)
                )
                await ended.wait()
                serving.cancel()
                await asyncio.wait({serving})

        living = asyncio.ensure_future(live())
        await ready.wait()
        yield made, Path(name)
        ended.set()
        await living


@asynccontextmanager
async def stage(
    gateway: Any, folder: Path, until: Until, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[LiveConsole, Hand, Pilot[None]]]:
    """The live console, with the welcome read."""
    async with await RemoteWorld.connect(folder) as world:
        hand = Hand(world)
        app = LiveConsole(AsyncClient(str(gateway.path)), hand, zone=UTC)
        app.animation_level = "none"
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
            await until(
                pilot, lambda: app.model.status is not None and hand.look is not None
            )
            await pilot.press("enter")
            await until(pilot, lambda: bool(app.screen.query(Panel)))
            yield app, hand, pilot


async def test_at_80_by_24_the_panel_is_a_screen_and_fits(
    gateway: Any, place: Any, until: Until, drawn: Any
) -> None:
    async with stage(gateway, place[1], until) as (app, _, pilot):
        assert isinstance(app.screen, PanelScreen)
        await until(pilot, lambda: "Next: Press t" in "\n".join(drawn(app)))
        shown = drawn(app)
        assert len(shown) == 24
        assert "┴─────────┴" in "\n".join(shown)
        assert "> holder-1" in "\n".join(shown)
        assert app.screen.max_scroll_y == 0
        await pilot.press("f2")
        await until(pilot, lambda: not app.screen.query(Panel))
        await pilot.press("f2")
        await until(pilot, lambda: bool(app.screen.query(Panel)))


async def test_where_there_is_room_it_stands_beside_each_screen(
    gateway: Any, place: Any, until: Until, drawn: Any
) -> None:
    async with stage(gateway, place[1], until, (120, 40)) as (app, _, pilot):
        assert not isinstance(app.screen, PanelScreen)
        assert isinstance(app.screen.focused, Panel)
        shown = "\n".join(drawn(app))
        assert "Last openings and denials" in shown
        assert "You, before the door" in shown
        await pilot.press("f2")
        await until(pilot, lambda: app.screen.focused is None)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not app.screen.query(Panel))


async def test_a_key_before_f2_is_for_the_side_where_it_was_pressed(
    gateway: Any, place: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts: list[str] = []

    async def note(act: str) -> None:
        acts.append(act)

    async with stage(gateway, place[1], until, (120, 40)) as (app, hand, pilot):
        monkeypatch.setattr(hand, "do", note)
        for key in ("o", "f2", "e", "f2", "t"):  # e is the holder's exit button
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: "touch" in acts)
    assert acts == ["handle", "touch"]


async def test_a_finger_is_put_on_the_key_that_was_chosen(
    gateway: Any, place: Any, until: Until
) -> None:
    world, folder = place
    async with stage(gateway, folder, until) as (_, hand, pilot):
        await pilot.press("down")
        await until(pilot, lambda: hand.said == "You take new-1.")
        await pilot.press("t")
        await until(pilot, lambda: "finger is on new-1" in hand.said)
        assert (await world.key("new-1").state()).awake
        assert not (await world.key("holder-1").state()).awake


async def test_the_door_holds_is_forced_and_shut_again(
    gateway: Any, place: Any, until: Until, drawn: Any
) -> None:
    world, folder = place
    async with stage(gateway, folder, until) as (app, hand, pilot):
        await pilot.press("o")
        await until(pilot, lambda: "holds" in hand.said)
        await pilot.press("f")
        await until(pilot, lambda: "BROKEN OPEN" in "\n".join(drawn(app)))
        assert (await world.door.state()).open
        await pilot.press("o")
        await until(pilot, lambda: hand.said == "You close the door.")
        await until(pilot, lambda: not hand.forced)
        assert not (await world.door.state()).open


@pytest.mark.parametrize("act", sorted(ACTS))
async def test_whatever_is_done_is_said(place: Any, act: str) -> None:
    async with await RemoteWorld.connect(place[1]) as world:
        hand = Hand(world)
        await hand.glance()
        await hand.do(act)
        assert hand.said.endswith(".")


async def test_a_fire_begins_and_ends(place: Any) -> None:
    world, folder = place
    async with await RemoteWorld.connect(folder) as remote:
        hand = Hand(remote)
        for burns in (True, False):
            await hand.glance()
            await hand.do("fire")
            assert world.pins.inputs()[InputName.FIRE] is burns


async def swing(hand: Hand) -> int:
    await hand.glance()
    return hand.swing


async def test_the_leaf_takes_three_glances_to_open(place: Any) -> None:
    world, folder = place
    async with await RemoteWorld.connect(folder) as remote:
        hand = Hand(remote)
        await world.door.force()
        seen = [await swing(hand) for _ in range(4)]
        assert seen == [1, 2, 2, 2]
        await world.door.close()
        assert [await swing(hand) for _ in range(3)] == [1, 0, 0]


def event(number: int, kind: str, **data: object) -> Any:
    return Event.model_validate(
        {"id": number, "kind": kind, "wall_ms": 1, "up_ms": 1, "data": data}
    )


async def test_the_tour_counts_only_what_happens_from_now_on(place: Any) -> None:
    async with await RemoteWorld.connect(place[1]) as remote:
        hand = Hand(remote)
        await hand.glance()
        hand.began(10)
        first = hand.advice
        await hand.heard(event(10, "door.grant"))
        assert hand.advice == first
        await hand.heard(event(11, "door.grant"))
        assert hand.advice != first


async def test_a_key_is_put_away_after_a_denial_and_not_while_it_pairs(
    place: Any,
) -> None:
    world, folder = place
    async with await RemoteWorld.connect(folder) as remote:
        hand = Hand(remote)
        await hand.glance()
        await hand.do("wrong")
        await hand.heard(event(1, "touch.ended", result="granted"))
        assert (await world.key("holder-1").state()).awake
        await hand.heard(event(2, "touch.ended", result="finger-not-recognised"))
        assert not (await world.key("holder-1").state()).awake
        await hand.do("pair")
        await hand.heard(event(3, "touch.stranger"))
        assert (await world.key("holder-1").state()).pairing


async def test_the_key_that_signed_is_put_away_and_not_the_one_in_the_hand(
    place: Any,
) -> None:
    world, folder = place
    async with await RemoteWorld.connect(folder) as remote:
        hand = Hand(remote)
        await hand.glance()
        await hand.do("touch")
        await hand.heard(event(1, "order", state="touching"))
        assert (await world.key("holder-1").state()).awake
        await hand.do("next")
        await hand.do("pair")
        await hand.heard(event(2, "order", state="done"))
        assert not (await world.key("holder-1").state()).awake
        await world.key("new-1").present(distance_m=0.4)
        await hand.heard(event(3, "touch.stranger"))
        assert (await world.key("new-1").state()).awake


async def test_what_the_world_refuses_is_said(place: Any) -> None:
    world, folder = place
    async with await RemoteWorld.connect(folder) as remote:
        hand = Hand(remote)
        await hand.glance()
        await world.key("holder-1").run_flat()
        await hand.do("touch")
        assert "flat" in hand.said


async def test_a_world_that_is_gone_ends_the_console(
    gateway: Any, place: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(gateway, place[1], until) as (app, hand, pilot):

        async def gone() -> None:
            raise SimulationError("The world went away.")

        monkeypatch.setattr(hand, "glance", gone)
        await until(pilot, lambda: not app.is_running)
        assert app.return_code == 1
