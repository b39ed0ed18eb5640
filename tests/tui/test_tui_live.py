"""What the console knows and says, as plain values."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client import Disconnected, Heartbeat
from gateway.schemas import Event, Snapshot, Status
from tui.view_models import frame, live
from tui.view_models.live import LINES_MAX, VALUE_CHARS_MAX, Line, Model, apply

WALL_MS = 1_700_000_000_000
# As an entry of docs/entries.md says it.
RULE = {"group": "staff", "schedule": "office", "time_trusted": True}


def status(**door: Any) -> Status:
    """A gateway where everything works."""
    return Status.model_validate(
        {
            "version": "0.1.0",
            "site": "hq",
            "gateway": "gw-1",
            "up_ms": 1,
            "wall_ms": WALL_MS,
            "started_up_ms": 0,
            "door": {
                "id": "main",
                "phase": "secured",
                "mode": "Locked",
                "deadline_up_ms": None,
                **door,
            },
            "health": {
                "scanning": True,
                "ledger_writable": True,
                "strike_reachable": False,
                "clock_synchronised": True,
            },
            "ledger_size": 42,
            "last_event_id": 0,
            "stages": {},
            "counts": {},
        }
    )


def happened(kind: str, /, **data: Any) -> Event:
    return Event(id=1, kind=kind, wall_ms=WALL_MS, up_ms=1, data=data)


def snapshot(*, resumed: bool = False, **door: Any) -> Snapshot:
    return Snapshot(status=status(**door), resumed=resumed)


def after(*items: Any) -> Model:
    """The model after each item, one second apart from 100 s."""
    model = Model()
    for at_s, item in enumerate(items, start=100):
        model = apply(model, item, at_s)
    return model


def test_before_anything_is_heard_nothing_is_claimed() -> None:
    model = Model()
    assert frame.banner(model, None, 5.0) == "Connecting ..."
    assert live.phase(model, 105.0) == live.mode(model) == "?"
    assert live.health(model) == []


def test_why_there_never_was_a_connection_is_said() -> None:
    assert frame.banner(after(Disconnected("Nobody.")), None, 200.0) == "Nobody."


def test_a_snapshot_is_the_picture() -> None:
    model = after(snapshot())
    assert frame.banner(model, None, 500.0) is None
    assert frame.title(model, "Door", read_only=False) == (
        "KEYRA  main  (gw-1 at hq)  › Door"
    )
    assert live.phase(model, 105.0) == "SECURED"
    assert live.health(model)[2] == (False, "strike in reach")


@pytest.mark.parametrize(
    ("phase", "word"),
    [("released", "RELEASED"), ("held", "HELD OPEN"), ("new\x1b", "new\ufffd")],
)
def test_a_phase_is_a_word_of_a_guard(phase: str, word: str) -> None:
    assert live.phase(
        after(snapshot(), happened("door.phase", phase=phase)), 105.0
    ) == (word)


def test_lockdown_is_said_in_words() -> None:
    model = after(
        snapshot(), happened("door.phase", phase="secured", mode="LockedDown")
    )
    assert live.mode(model) == "LockedDown: every key is denied"


def test_rubbish_in_a_phase_event_changes_nothing() -> None:
    assert after(snapshot(), happened("door.phase", phase=7)).status == status()
    assert after(happened("door.phase", phase="open")).status is None


def test_what_is_lost_is_old_and_says_how_old() -> None:
    model = after(snapshot(), Heartbeat(), Disconnected("It stopped."))
    assert frame.banner(model, None, 113.0) == (
        "CONNECTION LOST. What you see is 12 s old. Trying again."
    )
    assert "3 min old" in (frame.banner(model, None, 290.0) or "")
    assert live.phase(model, 105.0) == "SECURED (last known)"


def test_after_the_loss_everything_is_fresh_again() -> None:
    model = after(snapshot(), Disconnected("x"), snapshot(phase="open"))
    assert frame.banner(model, None, 900.0) is None
    assert live.phase(model, 105.0) == "OPEN"


def test_lines_survive_a_resumed_stream_and_no_other() -> None:
    before = [snapshot(), happened("door.grant", holder="h-1", rule="staff")]
    assert len(after(*before, Disconnected("x"), snapshot(resumed=True)).lines) == 1
    assert after(*before, Disconnected("x"), snapshot(resumed=False)).lines == ()


def test_a_refusal_is_all_there_is() -> None:
    assert frame.banner(Model(refused="You may not."), None, 0.0) == "You may not."


def test_lines_are_the_newest_first_and_bounded() -> None:
    items = [happened("door.deny", reason=str(n)) for n in range(LINES_MAX + 5)]
    lines = after(snapshot(), *items).lines
    assert len(lines) == LINES_MAX
    assert lines[0].detail == str(LINES_MAX + 4)


@pytest.mark.parametrize(
    ("event", "word", "detail"),
    [
        (happened("door.grant", holder="h-1", rule=RULE, x=1), "OPENED", "h-1  staff"),
        (happened("door.deny", reason="lockdown"), "DENIED", "lockdown"),
        (happened("door.forced", door="main"), "ALARM", "forced open"),
        (happened("alarm", kind="k", detail="a\x1b[2J"), "ALARM", "k  a\ufffd[2J"),
        (happened("door.missed", count=3), "MISSED", "denials not written  3"),
    ],
)
def test_each_line_has_a_word_besides_any_colour(
    event: Event, word: str, detail: str
) -> None:
    assert after(snapshot(), event).lines == (Line(WALL_MS, word, detail),)


def test_what_a_guard_does_not_need_makes_no_line() -> None:
    assert after(snapshot(), happened("touch.ended"), happened("new.kind")).lines == ()


def test_a_line_is_told_in_the_zone_asked_for() -> None:
    line = Line(WALL_MS, "DENIED", "lockdown")
    east = timezone(timedelta(hours=5, minutes=30))
    assert live.line_text(line, UTC) == "11-14 22:13:20  DENIED    lockdown"
    assert live.line_text(line, east) == "11-15 03:43:20  DENIED    lockdown"


def test_a_time_that_is_none_is_no_crash() -> None:
    assert "?" in live.line_text(Line(10**18, "DENIED", ""), UTC)


@given(
    st.dictionaries(
        st.sampled_from(["kind", "detail"]), st.text(max_size=50) | st.integers()
    )
)
def test_no_event_steers_the_terminal(data: dict[str, Any]) -> None:
    (line,) = after(happened("alarm").model_copy(update={"data": data})).lines
    assert line.detail.isprintable()
    assert len(line.detail) <= 2 * VALUE_CHARS_MAX + 2
