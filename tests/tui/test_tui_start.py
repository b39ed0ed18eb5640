"""Get started: each step is judged by the gateway, and one is next."""

import dataclasses
from typing import Any

import pytest
from textual.widgets import Static

from gateway.schemas import Status
from tui.screens.start import Looked
from tui.view_models import start

STEPS = ("administered", "shared", "opened")


def text(app: Any, where: str = "#steps") -> str:
    return str(app.screen.query_one(where, Static).content)


@pytest.fixture
def status(gateway: Any) -> Status:
    return Status.model_validate(gateway.facade.status())


@pytest.mark.parametrize("done", range(4))
def test_one_step_after_the_other_is_next(status: Status, done: int) -> None:
    found = start.steps(
        status,
        administered=done > 0,
        shared=done > 1,
        opened=done > 2,
    )
    said = start.text(found)
    assert said.count("NEXT") == (0 if done == 3 else 1)
    assert said.count("done") == 2 + done
    assert said.splitlines()[-1] == (start.READY if done == 3 else found[2 + done].how)


def test_what_is_broken_is_named(status: Status) -> None:
    broken = status.model_copy(
        update={
            "health": status.health.model_copy(update={"scanning": False}),
            "door": status.door.model_copy(update={"commissioned": False}),
        }
    )
    found = start.steps(broken, administered=True, shared=True, opened=True)
    assert [one.done for one in found] == [False, False, True, True, True]
    assert "keyra doctor" in start.text(found).splitlines()[-1]
    assert "NEXT" in start.text(found).splitlines()[0]


async def test_the_ledger_and_the_people_are_asked(
    gateway: Any, opened: Any, until: Any
) -> None:
    one = gateway.facade.people[0]
    gateway.facade.people[0] = dataclasses.replace(one, role="admin")
    async with opened(keys=("S",)) as (app, pilot):
        await until(pilot, lambda: "done  The door was opened" in text(app))
        gateway.publish("enrol", holder="h9")
        await until(pilot, lambda: "done  An administrator has a key" in text(app))


async def test_messages_decide(opened: Any) -> None:
    async with opened(keys=("S",)) as (app, pilot):
        app.screen.post_message(Looked(administered=False, shared=False, opened=False))
        await pilot.pause()
        assert "NEXT  An administrator" in text(app)
        assert text(app).endswith("with the role admin.")


async def test_a_lost_gateway_is_said_and_the_steps_come_back(
    gateway: Any, opened: Any, until: Any
) -> None:
    async with opened(keys=("S",)) as (app, pilot):
        gateway.stop()
        await until(pilot, lambda: "CONNECTION LOST" in text(app, "#banner"))
        gateway.facade.door = dataclasses.replace(
            gateway.facade.door, commissioned=False
        )
        gateway.start()
        await until(pilot, lambda: "NEXT  The door was commissioned" in text(app))


async def test_pictures(snap: Any) -> None:
    await snap("start", keys=("S",))
