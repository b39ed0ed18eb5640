"""The wall clock steps, is believed and is not: what of that is noticed."""

from dataclasses import replace

import pytest

from gateway.core.clock_watch import SETTLED_MS, STEP_MS_MIN, ClockChange, ClockWatch
from gateway.core.ids import Now

NOW = Now(up_ms=10_000, wall_ms=1_700_000_000_000, err_ms=5, boot="b")


def later(by_ms: int, ahead_ms: int = 0, err_ms: int = 5) -> Now:
    up_ms, wall_ms = NOW.up_ms + by_ms, NOW.wall_ms + by_ms + ahead_ms
    return replace(NOW, up_ms=up_ms, wall_ms=wall_ms, err_ms=err_ms)


def seen(*looks: Now) -> tuple[ClockWatch, list[ClockChange]]:
    watch = ClockWatch()
    changes: list[ClockChange] = []
    for now in looks:
        watch, more = watch.look(now)
        changes += more
    return watch, changes


def test_the_first_look_changes_nothing() -> None:
    watch, changes = seen(NOW)
    assert not changes
    assert not watch.settled
    assert not ClockWatch().settled


@pytest.mark.parametrize("ahead_ms", [-(10**12), -40_000, 40_000, 10**12])
def test_a_leap_is_a_step_and_so_is_the_way_back(ahead_ms: int) -> None:
    _, changes = seen(NOW, later(1_000, ahead_ms), later(2_000))
    assert changes == [ClockChange("step", ahead_ms), ClockChange("step", -ahead_ms)]


@pytest.mark.parametrize(
    ("went_ms", "ahead_ms", "steps"),
    [
        (1_000, STEP_MS_MIN + 125, False),
        (1_000, STEP_MS_MIN + 126, True),
        (1_000, -STEP_MS_MIN - 126, True),
        (60_000, 5_000, False),  # a twelfth, as chrony bends it
    ],
)
def test_a_clock_that_is_bent_has_not_stepped(
    went_ms: int, ahead_ms: int, *, steps: bool
) -> None:
    assert bool(seen(NOW, later(went_ms, ahead_ms))[1]) is steps


def test_gaining_and_losing_sync() -> None:
    lost = later(1_000, err_ms=-1)
    _, changes = seen(NOW, lost, later(2_000))
    assert [change.why for change in changes] == ["sync-lost", "sync-gained"]
    # A machine without a clock of its own gains both at once.
    _, changes = seen(replace(NOW, wall_ms=0, err_ms=-1), later(1_000))
    assert [change.why for change in changes] == ["step", "sync-gained"]


def test_a_clock_settles_after_a_minute_without_a_step() -> None:
    assert not seen(NOW, later(SETTLED_MS - 1))[0].settled
    assert seen(NOW, later(SETTLED_MS))[0].settled
    assert not seen(NOW, later(1_000, 40_000), later(SETTLED_MS, 40_000))[0].settled
    assert seen(NOW, later(1_000, 40_000), later(1_000 + SETTLED_MS, 40_000))[0].settled
    late = later(SETTLED_MS)
    assert not seen(NOW, late, replace(late, err_ms=-1))[0].settled
    untrusted = replace(NOW, err_ms=-1)
    assert not seen(untrusted, later(SETTLED_MS, err_ms=-1))[0].settled


def test_a_clock_with_a_battery_vouches_until_another_clock_does() -> None:
    by_rtc = replace(NOW, err_ms=9_000, by_rtc=True)
    assert seen(by_rtc)[1] == [ClockChange("rtc")]
    watch, changes = seen(by_rtc, replace(by_rtc, up_ms=NOW.up_ms, err_ms=9_001))
    assert [change.why for change in changes] == ["rtc"]
    assert not watch.settled
    for then, why in ((later(1_000), "sync-gained"), (later(1_000, err_ms=-1), LOST)):
        _, changes = seen(by_rtc, then)
        assert [change.why for change in changes] == ["rtc", why]
    _, changes = seen(NOW, replace(later(1_000), by_rtc=True))
    assert [change.why for change in changes] == ["rtc"]


LOST = "sync-lost"
