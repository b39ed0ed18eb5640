"""A clock with a battery is believed on what was seen before, and never else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ids import Now
from gateway.core.rtc_trust import (
    AGREES_MS,
    BUILT_MS,
    DRIFT_PPM,
    RTC_COMPARED,
    LastTrusted,
    RtcDoubt,
    RtcReading,
    RtcTrust,
    agrees,
    compared,
    drift_ms,
    judged,
)

DAY_MS = 86_400_000
AT_MS = BUILT_MS + 200 * DAY_MS
LIMIT_MS = 60_000
LAST = LastTrusted(AT_MS, 20, rtc_agreed=True)
BOOT = Now(up_ms=30_000, wall_ms=AT_MS + DAY_MS, err_ms=-1, boot="b")
READING = RtcReading(set_the_clock=True, wall_ms=BOOT.wall_ms)


def judge(
    reading: RtcReading | None = READING,
    last: LastTrusted | None = LAST,
    now: Now = BOOT,
    limit_ms: int = LIMIT_MS,
) -> RtcTrust | RtcDoubt:
    return judged(reading, last, now, limit_ms)


def showing(wall_ms: int) -> RtcTrust | RtcDoubt:
    """The RTC shows this, and the kernel believed it."""
    return judge(replace(READING, wall_ms=wall_ms), now=replace(BOOT, wall_ms=wall_ms))


def test_a_day_after_it_agreed_it_is_believed_with_its_bound() -> None:
    found = judge()
    assert isinstance(found, RtcTrust)
    assert found.err_ms == 20 + AGREES_MS + 8_640
    told = found.told(BOOT)
    assert (told.err_ms, told.by_rtc, told.wall_is_trusted) == (10_660, True, True)
    assert replace(told, err_ms=-1, by_rtc=False) == BOOT


def test_no_clock_with_a_battery() -> None:
    assert judge(None) is RtcDoubt.ABSENT
    assert judge(replace(READING, set_the_clock=False)) is RtcDoubt.ABSENT


@pytest.mark.parametrize("wall_ms", [0, 946_684_800_000, BUILT_MS - 1])
def test_a_dead_battery_begins_at_1970_or_2000(wall_ms: int) -> None:
    assert showing(wall_ms) is RtcDoubt.TOO_EARLY
    # A time service that moves the clock on does not make the RTC right.
    assert judge(replace(READING, wall_ms=wall_ms)) is RtcDoubt.TOO_EARLY
    assert judge(now=replace(BOOT, wall_ms=wall_ms)) is RtcDoubt.TOO_EARLY
    fresh = LastTrusted(0, 0, rtc_agreed=True)
    assert judge(replace(READING, wall_ms=wall_ms), fresh) is RtcDoubt.TOO_EARLY


@pytest.mark.parametrize(
    "wall_ms", [2**31 * 1_000 - 1, 2**32 * 1_000, 4_102_444_800_000]
)
def test_2038_is_years_of_drift(wall_ms: int) -> None:
    assert showing(wall_ms) is RtcDoubt.TOO_OLD


def test_the_last_moment_that_counts() -> None:
    made = showing(BUILT_MS)
    assert made is RtcDoubt.BEHIND
    exact = replace(LAST, at_ms=BUILT_MS)
    now = replace(BOOT, wall_ms=BUILT_MS)
    assert isinstance(judge(replace(READING, wall_ms=BUILT_MS), exact, now), RtcTrust)


@pytest.mark.parametrize("last", [None, replace(LAST, rtc_agreed=False)])
def test_one_that_was_never_seen_to_agree(last: LastTrusted | None) -> None:
    assert judge(last=last) is RtcDoubt.UNPROVEN


def test_it_is_not_before_the_newest_entry() -> None:
    assert showing(AT_MS - 1) is RtcDoubt.BEHIND
    assert isinstance(showing(AT_MS), RtcTrust)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_clock_that_shows_another_time_is_not_its(sign: int) -> None:
    allowed_ms = AGREES_MS + drift_ms(BOOT.up_ms)
    near = judge(replace(READING, wall_ms=BOOT.wall_ms + sign * allowed_ms))
    assert isinstance(near, RtcTrust)
    assert near.err_ms == 20 + AGREES_MS + allowed_ms + 8_640
    apart_ms = sign * (allowed_ms + 1)
    far = judge(replace(READING, wall_ms=BOOT.wall_ms + apart_ms))
    assert far is RtcDoubt.DIFFERS
    # An hour: it keeps local time.
    assert judge(replace(READING, wall_ms=BOOT.wall_ms + 3_600_000)) is far


def test_the_bound_is_the_sites() -> None:
    assert judge(limit_ms=10_659) is RtcDoubt.TOO_OLD
    assert isinstance(judge(limit_ms=10_660), RtcTrust)
    assert judge(limit_ms=0) is RtcDoubt.TOO_OLD


def test_the_bound_grows_until_it_is_too_large() -> None:
    trust = RtcTrust(BOOT, 20, LIMIT_MS)
    last_ms = (LIMIT_MS - 20) * 1_000_000 // DRIFT_PPM
    for went_ms, err_ms in ((0, 20), (1, 21), (DAY_MS, 8_660), (last_ms, LIMIT_MS)):
        told = trust.told(passed(went_ms))
        assert (told.err_ms, told.by_rtc) == (err_ms, True)
    late = passed(last_ms + 1)
    assert trust.told(late) == late


def test_whoever_sets_the_clock_has_it_believed_no_longer() -> None:
    trust = RtcTrust(BOOT, 20, LIMIT_MS)
    for went_ms in (0, DAY_MS):
        now, bent_ms = passed(went_ms), AGREES_MS + drift_ms(went_ms)
        for sign in (-1, 1):
            near = replace(now, wall_ms=now.wall_ms + sign * bent_ms)
            assert trust.told(near).by_rtc
            far = replace(now, wall_ms=now.wall_ms + sign * (bent_ms + 1))
            assert trust.told(far) == far
            assert not trust.told(far).wall_is_trusted


def test_a_synchronised_clock_and_another_boot_are_none_of_its_business() -> None:
    trust = RtcTrust(BOOT, 20, LIMIT_MS)
    synchronised = replace(BOOT, err_ms=5)
    assert trust.told(synchronised) == synchronised
    rebooted = replace(BOOT, boot="c")
    assert trust.told(rebooted) == rebooted


def test_a_comparison_vouches_from_its_moment_on() -> None:
    now = replace(BOOT, err_ms=5)
    assert compared(now, LIMIT_MS) == RtcTrust(now, 5 + AGREES_MS, LIMIT_MS)
    for apart_ms, said in ((0, True), (AGREES_MS, True), (AGREES_MS + 1, False)):
        for sign in (-1, 1):
            reading = RtcReading(set_the_clock=False, wall_ms=0)
            shown = replace(reading, wall_ms=now.wall_ms + sign * apart_ms)
            assert agrees(shown, now) is said


def test_drift_is_rounded_up_and_has_no_sign() -> None:
    assert [drift_ms(went) for went in (0, 1, 10_000, 10_001)] == [0, 1, 1, 2]
    assert drift_ms(-DAY_MS) == drift_ms(DAY_MS) == 8_640


def test_words_and_sentences() -> None:
    assert RTC_COMPARED == {True: "rtc-agrees", False: "rtc-differs"}
    assert {doubt.value for doubt in RtcDoubt} == {
        *("absent", "too-early", "unproven", "behind", "differs", "too-old"),
    }
    assert all(doubt.sentence.endswith(".") for doubt in RtcDoubt)


@given(
    true_ms=st.integers(BUILT_MS + DAY_MS, BUILT_MS + 400 * DAY_MS),
    off_days=st.integers(0, 80),
    ppm=st.integers(-DRIFT_PPM, DRIFT_PPM),
    at_first_ms=st.integers(-AGREES_MS, AGREES_MS),
    err_ms=st.integers(0, 1_000),
)
def test_the_bound_holds_for_every_crystal_within_its_drift(
    true_ms: int, off_days: int, ppm: int, at_first_ms: int, err_ms: int
) -> None:
    """However it drifts, what is believed is within the bound that is told."""
    off_ms = off_days * DAY_MS
    last = LastTrusted(true_ms, err_ms, rtc_agreed=True)
    now_ms = true_ms + off_ms
    shown_ms = now_ms + at_first_ms + off_ms * ppm // 1_000_000
    now = replace(BOOT, wall_ms=shown_ms)
    found = judge(RtcReading(set_the_clock=True, wall_ms=shown_ms), last, now, 700_000)
    if isinstance(found, RtcTrust):
        # The age is told by the RTC itself; what it hides is a ten-thousandth of it.
        told_ms = found.told(now).err_ms
        assert abs(shown_ms - now_ms) <= told_ms + 1 + off_ms // 10_000 // 10_000
    else:
        assert found is RtcDoubt.BEHIND
        assert shown_ms < true_ms


def passed(went_ms: int) -> Now:
    """The clocks, so much later."""
    return replace(BOOT, up_ms=BOOT.up_ms + went_ms, wall_ms=BOOT.wall_ms + went_ms)
