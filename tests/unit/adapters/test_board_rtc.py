"""The clock with a battery, as sysfs shows it, whatever lies there."""

from pathlib import Path

import pytest

from gateway.adapters.board_rtc import BoardRtc, rtc_reading
from gateway.adapters.system_clock import SystemClock
from gateway.core.rtc_trust import RtcReading, RtcTrust


def board(folder: Path, name: str, **shown: str) -> None:
    (folder / name).mkdir()
    for file, text in shown.items():
        (folder / name / file).write_text(text)


def test_the_one_that_set_the_clock_is_read(tmp_path: Path) -> None:
    board(tmp_path, "rtc0", since_epoch="7\n", hctosys="0\n")
    board(tmp_path, "rtc1", since_epoch="1785405600\n", hctosys="1\n")
    reading = RtcReading(set_the_clock=True, wall_ms=1_785_405_600_000)
    assert rtc_reading(tmp_path) == reading
    assert BoardRtc(lambda _: None, 1, tmp_path).read() == reading


def test_one_that_set_nothing_is_read_as_such(tmp_path: Path) -> None:
    board(tmp_path, "rtc0", since_epoch="7", hctosys="0")
    board(tmp_path, "rtc1", hctosys="1")  # its power was gone: it refuses
    assert rtc_reading(tmp_path) == RtcReading(set_the_clock=False, wall_ms=7_000)


@pytest.mark.parametrize("text", ["", "now", "1e9", "\0", "9" * 5_000, "0x10", "12 34"])
def test_rubbish_is_no_time(tmp_path: Path, text: str) -> None:
    board(tmp_path, "rtc0", since_epoch=text, hctosys="1")
    found = rtc_reading(tmp_path)
    assert found is None or found.wall_ms == int("9" * 32) * 1_000


def test_a_board_without_one(tmp_path: Path) -> None:
    assert rtc_reading(tmp_path) is None
    assert rtc_reading(tmp_path / "not-there") is None


def test_the_machines_clock_is_believed_by_it_and_no_longer() -> None:
    clock = SystemClock()
    vars(clock)["_ntp_gettime"] = None
    rtc = BoardRtc(clock.believe, 60_000)
    now = clock.now()
    assert (rtc.limit_ms, now.err_ms) == (60_000, -1)
    rtc.vouch(RtcTrust(now, 2_020, rtc.limit_ms))
    believed = clock.now()
    assert believed.by_rtc
    assert 2_020 <= believed.err_ms <= 60_000
    rtc.vouch(None)
    assert clock.now().err_ms == -1
