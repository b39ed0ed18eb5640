"""The playground: trials step by step, and what challenges are bound to."""

import dataclasses
import hashlib
from typing import Any

from textual.widgets import Static

from gateway.core.challenge import Binding, Purpose
from gateway.core.ids import DoorId, GatewayId, SiteId
from gateway.schemas import Status
from gateway.schemas.trials import Trial
from gateway.service.trials import TrialView
from tui.messages import Failed
from tui.screens.playground import TrialTold
from tui.screens.table import Table
from tui.view_models import playground

PASSED = TrialView(
    id="trl_1",
    credential_id="cred-0001AAAAAAAAAAAA",
    holder_id="holder-0001",
    state="passed",
    hint="The answer keeps every rule; nothing was opened.",
    expires_up_ms=0,
    stages_us={"connect": 12_300, "verify": 400},
    user_present=True,
    user_verified=False,
    counter=8,
    challenge="c0ffee",
    client_data_json='{"type":"webauthn.get"}',
    request="02a4",
    authenticator_data="0102",
    signature="3045",
)


def text(app: Any, where: str = "#trial") -> str:
    return str(app.screen.query_one(where, Static).content)


def test_a_trial_is_told_to_its_bytes() -> None:
    said = playground.told(Trial.model_validate(PASSED)).splitlines()
    assert said[0].split() == ["state", "PASSED"]
    for line in (
        "connect       12.3 ms",
        "UP, present   yes",
        "UV, finger    NO",
        "counter       8",
        "challenge     c0ffee",
        'client data   {"type":"webauthn.get"}',
        "signature     3045",
    ):
        assert line in said


def test_a_failure_has_its_word_and_strange_text_is_harmless() -> None:
    failed = dataclasses.replace(
        PASSED, state="failed", reason="no-touch", client_data_json="\x1b[2J"
    )
    said = playground.told(Trial.model_validate(failed))
    assert "FAILED  (no-touch)" in said
    assert all(line.isprintable() for line in said.splitlines())


def test_the_example_is_what_the_gateway_would_hash(gateway: Any) -> None:
    status = Status.model_validate(gateway.facade.status())
    binding = Binding(
        purpose=Purpose.DOOR_UNLOCK,
        site=SiteId(status.site),
        gateway=GatewayId(status.gateway),
        door=DoorId(status.door.id),
        credential=bytes(32),
        nonce=bytes(32),
        issued_ms=playground.EXAMPLE_MS,
        expires_ms=playground.EXAMPLE_MS + playground.EXAMPLE_LIFE_MS,
    )
    assert playground.example(status) == binding.canonical()
    digest = hashlib.sha256(b"keyra/challenge/v1\0" + binding.canonical())
    assert digest.digest() == binding.challenge()
    assert digest.hexdigest() in playground.examples(status)


def test_each_purpose_of_a_challenge_is_explained() -> None:
    assert set(playground.PURPOSES) == {one.value for one in Purpose}
    assert all(word in playground.examples(None) for word in playground.PURPOSES)


async def test_a_key_is_tried_to_its_end(gateway: Any, opened: Any, until: Any) -> None:
    tried = gateway.facade.tried
    async with opened(keys=("P",)) as (app, pilot):
        assert "webauthn" not in text(app)
        assert "door.unlock" in text(app)
        await pilot.press("t")
        await until(pilot, lambda: "WAITING" in text(app))
        assert not app.screen.check_action("try", ())
        ended = dataclasses.replace(
            PASSED,
            credential_id=tried.view.credential_id,
            holder_id=tried.view.holder_id,
        )
        gateway.do(lambda: tried.step(ended))
        await until(pilot, lambda: "PASSED" in text(app))
        await pilot.press("y")
        assert "c0ffee" in app.clipboard


async def test_a_trial_is_cancelled(gateway: Any, opened: Any, until: Any) -> None:
    async with opened(keys=("P", "enter")) as (app, pilot):
        await until(pilot, lambda: "WAITING" in text(app))
        await pilot.press("x")
        await until(pilot, lambda: "(cancelled)" in text(app))
        assert [what for what, _ in gateway.facade.changes][-1] == "cancel trial"


async def test_nobody_tries_where_one_may_only_look(gateway: Any, opened: Any) -> None:
    async with opened(keys=("P", "t", "enter"), read_only=True):
        assert gateway.facade.changes == []


async def test_a_refusal_is_said(opened: Any) -> None:
    async with opened(keys=("P",)) as (app, pilot):
        app.screen.post_message(Failed("busy", "Another trial is under way."))
        await pilot.pause()
        assert "FAILED: Another trial" in text(app, "#said")


async def test_no_key_and_more_than_are_listed(opened: Any) -> None:
    async with opened(keys=("P",)) as (app, pilot):
        app.screen.post_message(TrialTold(None, ()))
        await pilot.pause()
        assert text(app, "#advice") == playground.NO_KEY
        assert app.screen.query_one(Table).row_count == 0
    assert playground.advice(5, 5).startswith("The first 5 keys")


async def test_a_lost_gateway_is_said_and_the_trial_comes_back(
    gateway: Any, opened: Any, until: Any
) -> None:
    async with opened(keys=("P", "t")) as (app, pilot):
        await until(pilot, lambda: "WAITING" in text(app))
        gateway.stop()
        await until(pilot, lambda: "CONNECTION LOST" in text(app, "#banner"))
        gateway.facade.tried.view = PASSED
        gateway.start()
        await until(pilot, lambda: "PASSED" in text(app))
        assert not app.screen.query_one("#banner").has_class("shown")


async def test_pictures(snap: Any) -> None:
    await snap("playground", keys=("P",))
