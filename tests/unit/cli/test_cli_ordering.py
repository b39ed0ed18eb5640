"""Verbs whose change takes a finger: what they print, and how they end."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import FingerNeededError

Run = Callable[..., Any]
NEEDED = FingerNeededError("That takes a finger.", "key.resume")


@pytest.fixture
def administered(gateway: Any) -> Any:
    """A gateway with one administrator, whose façade does nothing by word alone."""
    view = type(gateway.facade.people[0])
    gateway.facade.people.append(
        view("adm-1", "Root", ("staff",), 0, 0, suspended=False, role="admin")
    )
    facade = gateway.facade

    async def needs_a_finger(*_: object, **__: object) -> None:
        raise NEEDED

    facade.set_mode = facade.set_credential_state = facade.enrol = needs_a_finger
    facade.erase_holder = needs_a_finger
    return gateway


def test_a_change_is_signed_by_the_one_who_can(ask: Run, administered: Any) -> None:
    ended = ask("credential", "resume", "cred-0001")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "Resume the key of holder-0001."
    assert lines[1].startswith("Order 123 456. adm-1: touch your key")
    assert [what for what, _ in administered.facade.changes] == [
        "propose CredentialStateWish",
        "choose 123456 adm-1",
    ]


def test_json_stays_json(ask: Run, administered: Any) -> None:
    assert administered
    ended = ask("mode", "Locked", "--json")
    assert json.loads(ended.out)["door"]["mode"] == "Locked"
    assert "touch your key" in ended.err


def test_somebody_is_forgiven_by_a_finger(ask: Run, administered: Any) -> None:
    ended = ask("forgive", "holder-0001")
    assert ended.code == 0, ended
    assert ended.out.endswith("holder-0001 counts as outside.\n")
    ended = ask("forgive", "holder-0001", "--json")
    assert json.loads(ended.out) == {"done": True, "holder": "holder-0001"}
    assert "propose ForgiveWish" in [what for what, _ in administered.facade.changes]


def test_nobody_touched(ask: Run, administered: Any) -> None:
    administered.facade.desk.ends = "pending"

    ended = ask("mode", "Locked", "--as", "op-9")
    # The fake says that op-9 signed, and that one signature was needed.
    assert ended.code == 0
    assert "has signed" in ended.out
    administered.facade.desk.ends = "expired"
    ended = ask("mode", "Locked", "--as", "op-9")
    assert ended.code == 0


def test_who_signs_must_be_said_where_several_could(
    ask: Run, administered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = type(administered.facade.people[0])
    administered.facade.people.append(
        view("adm-2", "B", (), 0, 0, suspended=False, role="admin")
    )
    ended = ask("mode", "Locked")
    assert (ended.code, ended.out) == (1, "")
    assert "adm-1, adm-2" in ended.err
    monkeypatch.setenv("KEYRA_SIGNER", "adm-2")
    assert ask("mode", "Locked").code == 0


def test_orders_are_listed_approved_and_withdrawn(ask: Run, administered: Any) -> None:
    assert ask("orders").out == "No order waits.\n"
    desk = administered.facade.desk
    desk.ends = "pending"
    ask("mode", "Locked")
    assert "123456  pending  1/1" in ask("orders").out
    assert json.loads(ask("orders", "--json").out)[0]["code"] == "123456"
    ended = ask("approve", "000000")
    assert (ended.code, "No order with the code" in ended.err) == (1, True)
    desk.ends = "done"
    assert json.loads(ask("approve", "123 456", "--as", "a", "--json").out)["signed"]
    desk.ends = "pending"
    ask("mode", "Locked")
    assert ask("withdraw", "123456").out == "123456 is withdrawn.\n"


def test_root_breaks_the_glass(ask: Run, administered: Any) -> None:
    ended = ask("mode", "Locked", "--break-glass", "No key at hand today")
    assert ended.code == 0
    ((wish, reason, actor),) = administered.facade.desk.glass
    assert (type(wish).__name__, reason) == ("ModeWish", "No key at hand today")
    assert actor.master


def test_an_acknowledgement_and_the_table(ask: Run, administered: Any) -> None:
    assert administered
    assert ask("acknowledge").out.endswith("It is acknowledged.\n")
    table = ask("rights").out
    assert "door.lockdown" in table
    assert "group keyra-admin" in table


def test_a_status_says_that_the_glass_was_broken(ask: Run, gateway: Any) -> None:
    import dataclasses  # noqa: PLC0415 - of this alone

    status = gateway.facade.status
    gateway.facade.status = lambda: dataclasses.replace(
        status(), unacknowledged=("break-glass",)
    )
    assert "alarm    break-glass: see the ledger" in ask("status").out


def test_an_enrolment_and_an_erasure_take_fingers_too(
    ask: Run, administered: Any
) -> None:
    ended = ask("enrol", "h-9", "--name", "Nine", "--role", "operator")
    assert ended.code == 0
    administered.facade.desk.ends = "pending"
    assert ask("erase", "holder-0001", "--yes").code == 0
    wishes = [type(one).__name__ for one in administered.facade.desk.wishes]
    assert wishes == ["EnrolmentOrder", "EraseWish"]
