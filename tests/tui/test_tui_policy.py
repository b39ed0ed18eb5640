"""The policy on the screen: its week as a picture, its answers, its rules."""

from datetime import date
from typing import Any

from textual.widgets import Input, Static

from gateway.schemas.policy import DayHours, Explanation, RuleAnswer, Week, WeekLine
from tui.screens.policy import Explained, WeekTold
from tui.screens.table import Table
from tui.screens.typing import TypeScreen
from tui.view_models import policy

MONDAY = date(2026, 12, 21)


def line(*days: tuple[tuple[int, int], ...], special: bool = False) -> WeekLine:
    return WeekLine(
        group="staff",
        schedule="office",
        first_person="",
        days=tuple(
            DayHours(day=MONDAY.replace(day=21 + at), spans=spans, special=special)
            for at, spans in enumerate(days)
        ),
    )


def text(app: Any, where: str = "#text") -> str:
    return str(app.screen.query_one(where, Static).content)


def test_a_day_is_drawn_in_half_hours() -> None:
    drawn = policy.picture(line(((480, 1080),), (), ((0, 15), (1200, 1440))))
    ruler, monday, tuesday, wednesday, legend = drawn.splitlines()
    assert ruler.split() == ["0", "3", "6", "9", "12", "15", "18", "21", "24"]
    assert monday == "Mon 21.12  " + "·" * 16 + "█" * 20 + "·" * 12 + "  08:00-18:00"
    assert tuesday.endswith("·  closed")
    assert wednesday[11] == "▒"
    assert wednesday.endswith("████████  00:00-00:15 +1")
    assert legend == policy.LEGEND
    assert max(map(len, drawn.splitlines())) <= 76  # what 80 columns leave


def test_days_with_hours_of_their_own_are_marked() -> None:
    assert "Mon 21.12* " in policy.picture(line((), special=True))


def test_a_question_is_one_line() -> None:
    asked = policy.question("h-0042 2026-12-24 23:00")
    assert asked is not None
    assert (asked.holder_id, asked.at) == ("h-0042", "2026-12-24T23:00")
    assert policy.question("") is None
    assert policy.question("NOT A NAME") is None


def test_weeks_end_where_the_calendar_does() -> None:
    assert policy.week_after(MONDAY, 1) == date(2026, 12, 28)
    assert policy.week_after(date.max, 1) == date.max


async def test_no_line_says_what_to_do(opened: Any) -> None:
    async with opened(keys=("6",)) as (app, pilot):
        empty = Week(door="main", zone="UTC", first=MONDAY, holder_id="", lines=())
        app.screen.post_message(WeekTold(empty))
        await pilot.pause()
        assert "keyra policy propose" in text(app)


async def test_an_explanation_tells_the_past_from_now(opened: Any) -> None:
    answer = RuleAnswer(rule="hours", denial="outside-hours", sentence="It is closed.")
    told = Explanation(
        holder_id="h-1",
        door="main",
        wall_ms=1_700_000_000_000,
        outcome="granted",
        rules=(answer,),
        is_past=True,
        told_entries=7,
    )
    async with opened(keys=("6",)) as (app, pilot):
        app.screen.post_message(Explained(told))
        await pilot.pause()
        assert "2023-11-14 22:13: would be let in." in text(app)
        assert "told by 7 ledger entries" in text(app)
        assert "NO  hours: It is closed." in text(app)


async def test_the_week_is_read_and_turned(opened: Any, settled: Any) -> None:
    async with opened(keys=("6",)) as (app, pilot):
        assert app.screen.query_one(Table).row_count == 1
        assert "Mon 13.11" in text(app)
        for key, day in (("n", "Mon 20.11"), ("p", "Mon 13.11"), ("p", "Mon 06.11")):
            await pilot.press(key)
            await settled(app, pilot)
            assert day in text(app)


async def test_somebody_is_explained_at_a_moment(
    gateway: Any, opened: Any, settled: Any, until: Any
) -> None:
    async with opened(keys=("6", "e")) as (app, pilot):
        assert isinstance(app.screen, TypeScreen)
        app.screen.query_one(Input).value = "h-0042 2026-12-24 23:00"
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, TypeScreen))
        await settled(app, pilot)
        assert "would be DENIED: outside-hours" in text(app)
        assert gateway.facade.front.policy.asked[-1][0] == "h-0042"
        await pilot.press("w")
        assert "Mon 13.11" in text(app)


async def test_rules_and_schedules_are_written_out(opened: Any) -> None:
    async with opened(keys=("6", "d")) as (app, _):
        assert "passback        soft, forgiven after 720 min" in text(app)
        assert "on 12-25 12-26: closed" in text(app)


async def test_nobodys_week_is_refused_and_the_one_shown_stays(
    opened: Any, settled: Any, until: Any
) -> None:
    async with opened(keys=("6", "o")) as (app, pilot):
        app.screen.query_one(Input).value = "nobody"
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, TypeScreen))
        await settled(app, pilot)
        assert "FAILED" in text(app, "#said")
        assert "Mon 13.11" in text(app)


async def test_a_question_given_up_changes_nothing(opened: Any, settled: Any) -> None:
    async with opened(keys=("6", "e", "escape")) as (app, pilot):
        await settled(app, pilot)
        assert app.place.name == "Policy"
        assert "Mon 13.11" in text(app)


async def test_the_policy_looks_like_its_pictures(snap: Any) -> None:
    await snap("policy", keys=("6",))
