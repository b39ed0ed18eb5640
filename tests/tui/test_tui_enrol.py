"""The ceremony on the screen: a first-time administrator is led through it."""

import dataclasses
from datetime import UTC
from typing import Any

import pytest
from textual.widgets import Input, Static

from gateway.core.enrolment import EnrolmentFailure, EnrolmentState
from gateway.schemas import Enrolment
from gateway.service.views import EnrolmentView
from tui.screens.dialogs import AskScreen
from tui.screens.enrol import CeremonyTold
from tui.view_models import enrolment, enrolment_form
from tui.view_models.enrolment_form import FormError

TYPED = {"holder_id": "h-7", "name": "", "groups": "", "until": "", "role": ""}


def ceremony(step: str, **members: Any) -> Enrolment:
    known = {"id": "enr_1", "holder_id": "h-7", "step": step, "hint": "Do this."}
    return Enrolment.model_validate({**known, **members})


def text(app: Any, where: str) -> str:
    return str(app.screen.query_one(where, Static).content)


def step(gateway: Any, word: str, **members: Any) -> None:
    """Let the ceremony go on."""
    facade = gateway.facade
    view = dataclasses.replace(facade.ceremony, step=word, **members)
    gateway.do(lambda: facade.step(view))


async def test_from_the_form_to_the_registered_key(
    gateway: Any, opened: Any, until: Any
) -> None:
    async with opened(keys=("3",)) as (app, pilot):
        await pilot.press(*"h-7", "tab", *"Ada", "tab", *"staff", "enter")
        await until(pilot, lambda: "Press the key's button." in text(app, "#next"))
        assert gateway.facade.changes[-1][0] == "enrol h-7"
        assert text(app, "#steps").startswith("[>] 1")
        step(gateway, "comparing", number=483217, hint="Compare.")
        await until(pilot, lambda: "483 217" in text(app, "#number"))
        await pilot.press("e")
        await until(pilot, lambda: gateway.facade.ceremony.step == "creating")
        await until(pilot, lambda: "[>] 4" in text(app, "#steps"))
        step(gateway, "registered", model="KEYRA One", credential_id="AAAA")
        await until(pilot, lambda: "REGISTERED. KEYRA One" in text(app, "#next"))
        assert "[>]" not in text(app, "#steps")
        await pilot.press("n")
        assert app.screen.query_one("#field-holder_id", Input).has_focus
        assert app.screen.query_one("#field-holder_id", Input).value == ""


async def test_numbers_that_differ_end_it(
    gateway: Any, opened: Any, until: Any
) -> None:
    gateway.facade.ceremony = EnrolmentView("e1", "h-7", "comparing", "Compare.", 42)
    async with opened(keys=("3", "d")) as (app, pilot):
        await until(pilot, lambda: "FAILED" in text(app, "#next"))
        assert gateway.facade.changes[-1][0] == "comparison False"


async def test_cancelling_names_whose_it_is(
    gateway: Any, opened: Any, until: Any
) -> None:
    gateway.facade.ceremony = EnrolmentView("e1", "h-7", "armed", "Press it.")
    async with opened(keys=("3", "x")) as (app, pilot):
        assert isinstance(app.screen, AskScreen)
        assert "enrolment of h-7" in text(app, "#question")
        await pilot.press("enter")
        assert gateway.facade.changes == []
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "FAILED (cancelled)" in text(app, "#next"))


async def test_what_is_typed_wrongly_is_said_where_it_stands(opened: Any) -> None:
    async with opened(keys=("3",)) as (app, pilot):
        await pilot.press(*"H 7", "enter")
        assert text(app, "#said").startswith("FAILED: Pseudonym: small letters")
        assert app.screen.query_one("#field-holder_id", Input).has_focus


async def test_who_may_only_look_enrols_nobody(gateway: Any, opened: Any) -> None:
    async with opened(keys=("3",), read_only=True) as (app, pilot):
        await pilot.press(*"h-7", "enter")
        assert gateway.facade.changes == []
        assert "change nothing" in text(app, "#said")


async def test_a_ceremony_that_is_over_long_since_does_not_hide_the_form(
    opened: Any,
) -> None:
    async with opened(keys=("3",)) as (app, pilot):
        app.screen.post_message(CeremonyTold(ceremony("registered")))
        await pilot.pause()
        assert not app.screen.has_class("under-way")
        app.screen.post_message(CeremonyTold(ceremony("pairing")))
        await pilot.pause()
        assert app.screen.has_class("under-way")
        app.screen.post_message(
            CeremonyTold(ceremony("failed", reason="link-lost", hint="Out of reach."))
        )
        await pilot.pause()
        assert "[!] 2" in text(app, "#steps")
        assert enrolment.ADVICE["link-lost"] in text(app, "#next")


async def test_its_pictures(snap: Any) -> None:
    await snap("enrol", keys=("3",))


async def test_its_pictures_of_the_ceremony(gateway: Any, snap: Any) -> None:
    gateway.facade.ceremony = EnrolmentView(
        "e1", "h-7", "comparing", EnrolmentState.COMPARING.hint, 483217
    )
    await snap("enrol-comparing", keys=("3",))


@pytest.mark.parametrize("failure", list(EnrolmentFailure))
def test_each_way_of_failing_says_what_to_do(failure: EnrolmentFailure) -> None:
    now = ceremony("failed", reason=f"{failure.value}/detail", hint=failure.sentence)
    said = enrolment.next_step(now)
    assert said == (
        f"FAILED ({failure.value}, detail). {failure.sentence}\n"
        f"{enrolment.ADVICE[failure.value]}"
    )


def test_the_steps_are_those_of_the_gateway_in_its_order() -> None:
    words = [word for word, _ in enrolment.STEPS]
    ended = {"registered", "failed"}
    assert words == [one.value for one in EnrolmentState if one.value not in ended]


def test_a_failure_that_nobody_knows_is_printable() -> None:
    said = enrolment.next_step(ceremony("failed", reason="new\x1b", hint="x\x1b"))
    assert said == "FAILED (new\ufffd). x\ufffd\nBegin anew."
    assert enrolment.number(ceremony("comparing", number=7)).endswith("000 007   ?")
    assert enrolment.number(ceremony("pairing", number=7)) == ""
    assert enrolment.checklist("nonsense", failed=False, done=False).startswith("[>] 1")


def test_what_is_left_empty_stays_as_it_is() -> None:
    order = enrolment_form.wish(TYPED, "", UTC)
    assert order.model_dump(exclude_defaults=True) == {
        "kind": "enrol",
        "holder_id": "h-7",
    }
    full = {
        "holder_id": "h-7",
        "name": "Ada",
        "groups": "staff, night",
        "until": "2031-12-31 18:00",
        "role": "operator",
    }
    order = enrolment_form.wish(full, "AAAA", UTC)
    assert order.groups == ("staff", "night")
    assert (order.until_ms, order.replaces) == (1_956_506_400_000, "AAAA")
    assert enrolment_form.directly(order).role == "operator"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("holder_id", ""),
        ("holder_id", "Ada Byron"),
        ("name", "a\x1bb"),
        ("groups", "Staff!"),
        ("until", "tomorrow"),
        ("until", "0001-01-01"),
        ("role", "boss"),
    ],
)
def test_each_field_has_its_own_sentence(field: str, value: str) -> None:
    with pytest.raises(FormError) as caught:
        enrolment_form.wish({**TYPED, field: value}, "", UTC)
    assert caught.value.field == field
    assert str(caught.value).endswith(".")
